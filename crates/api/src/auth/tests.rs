//! Tokens against what `openssl` signed, and against forgeries.

use super::*;
use crate::auth::jwt::TokenError;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64};

const RSA_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAmItsaaRx5f20FIc1UbWz
hYbx69B+uAHdEVLKmNjlXUU7QwmeRIajd0GukD5IbWVqZjzsE04aqX8KMHivYtoA
5xwrwD5dpYZ0+Cfwkb2rGfY/ruVMvCzTHVjMzgR0iIc1vPcQZdovrOTytMKFqvny
UAn5zZpZXU0tUpLx73Ik6HFQqRHKb7KwS8ucxzVYH+7NMxLrItV2p6ih+2QKSx6X
zV1uhc641T6M3W04fe+2qcrjOu+RNyvNiKEcpSn6Qfv7JxMmPeqTMs+KwNyxD2a1
v/pKX6s55FzFLL20eJKlFZv9OtuKOeHcC75Cn4tbmzEouzpDNzjWI7k9PurfBYWj
2QIDAQAB
-----END PUBLIC KEY-----
";
const ED_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAkPT8j+i0x/uv19z6SXJ7eKzlSMlZjUG472sUMv1qrPQ=
-----END PUBLIC KEY-----
";
const RS256: &str = "eyJhbGciOiAiUlMyNTYiLCAidHlwIjogIkpXVCJ9.eyJzdWIiOiAib3JnX2V4YW1wbGUiLCAiaWF0IjogMTcwMDAwMDAwMH0.I4kucQHV_SdK3pCcMEKGVw4_U2zawatKwrMqQG0xUsxLpbUzrVMNRbMorkcBltS4R4Ncs9fNhVVIS1WzTaU4ckJIwDlSe-RYqRdx3whBz-vIL6_bswf0ILYtCfHJNfmmg4J8K5YHE9PDfd5J4yGu9VS5NHwR0EJ4BIwO5HkhTL714SrJc5hsNXAns-OruMlNr8dEBpWJN4SUQlgqY-tWWWmGq8_PSy7x8lTsmLKZy1QJZ-1bSbXmVSe_MgRwiW7BnpcdVlbvUKRkhsHCvYOnlwiN4181rgikAdTgrbrZRRe9d86Cdkh8RkG0DAwYFuu25MhZ3Big8S5KRvhJWxNssg";
const RS512: &str = "eyJhbGciOiAiUlM1MTIiLCAidHlwIjogIkpXVCJ9.eyJzdWIiOiAib3JnX2V4YW1wbGUiLCAiaWF0IjogMTcwMDAwMDAwMH0.CEdiF22QwL13tCs9dWgJu1A2PAUT5hYXTE0grDBUJJTL34xbYbhQu_qGfxLVa6XXx_w_ednZppFaQUgBu6ZRRKo7T1x5IS4LdUonhhYXq_fQ1CNi_MMoTyvuheyyos_VhVBki1gwl3hI3xhPS5wCtewLUCZIzy1jdy1wpN6I63TegNNEbZd2nds4KO72tYJ2RQWLn0t0vM9Hat27gNUY_x3p6BZmqfJ0YZ7U_p70jvd28hB79Ijsj1XGo3-1Gch0oBD2mufW6wCnd6mJKURWDbzd5Pl19a55kTXEOOPWOn4pL9WFddwFcu2jLCHzRcFsWV1L2EaU1v88T5S_ku2wtA";
const EDDSA: &str = "eyJhbGciOiAiRWREU0EiLCAidHlwIjogIkpXVCJ9.eyJzdWIiOiAib3JnX2V4YW1wbGUiLCAiaWF0IjogMTcwMDAwMDAwMH0.XF_QXRZQwYH6t-VC9ba-dpDdL2A2DM0mf_zi8oN8jHBCDCxK3yBC5Q4UfbLJp1IDfkl3OkZY-ZUwQQl5lzcRBA";

const SECRET: &[u8] = b"a secret of at least sixteen bytes";
const NOW: Timestamp = Timestamp(1_795_247_040_000);

fn keys() -> JwtKeys {
    JwtKeys::hmac(JwtAlgorithm::Hs256, SECRET).unwrap()
}

fn token(keys: &JwtKeys) -> String {
    let new = NewToken {
        org: "org_a",
        app: Some("app_b"),
        expires_at: Some(NOW),
        capabilities: Capabilities::READ_ONLY,
        feature_flags: &["beta".to_owned()],
        session: None,
        nonce: 7,
    };
    keys.mint(&new, NOW)
}

#[test]
fn a_minted_token_says_what_was_asked_for() {
    let claims = keys().verify(&token(&keys())).unwrap();
    assert!(matches!(claims.subject(), Some(Subject::App { app: "app_b", org: "org_a" })));
    assert_eq!(claims.capabilities(), Capabilities::READ_ONLY);
    assert_eq!(claims.feature_flags, ["beta"]);
    assert_eq!(claims.expires_at(), Some(NOW));
    assert_eq!(claims.not_before(), Some(NOW));
}

#[test]
fn tokens_that_openssl_signed_are_accepted_under_their_key_only() {
    for (algorithm, pem, good) in [
        (JwtAlgorithm::Rs256, RSA_PUBLIC, RS256),
        (JwtAlgorithm::Rs512, RSA_PUBLIC, RS512),
        (JwtAlgorithm::EdDsa, ED_PUBLIC, EDDSA),
    ] {
        let keys = JwtKeys::public(algorithm, pem, SECRET).unwrap();
        for token in [RS256, RS512, EDDSA] {
            assert_eq!(keys.verify(token).is_ok(), token == good, "{algorithm:?} {token:.30}");
        }
        let mut forged = good.to_owned();
        forged.replace_range(good.len() - 10..good.len() - 9, if good.ends_with('A') { "B" } else { "A" });
        assert!(keys.verify(&forged).is_err() || forged == good);
        assert!(keys.verify(&token(&keys)).is_ok(), "portal tokens are made under the server's own secret");
    }
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    let keys = JwtKeys::public(JwtAlgorithm::Rs256, RSA_PUBLIC, SECRET).unwrap();
    let forger = JwtKeys::hmac(JwtAlgorithm::Hs256, RSA_PUBLIC.as_bytes()).unwrap();
    assert_eq!(keys.verify(&token(&forger)).err(), Some(TokenError::Signature));
}

#[test]
fn a_forged_or_respelt_token_is_refused() {
    let keys = keys();
    let good = token(&keys);
    assert!(keys.verify(&good).is_ok());
    let parts: Vec<&str> = good.split('.').collect();
    let none = B64.encode(r#"{"alg":"none"}"#);
    let crit = B64.encode(r#"{"alg":"HS256","crit":["exp"]}"#);
    let last = good.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // The last character of 32 bytes carries two bits that no byte needs.
    let respelt = alphabet.chars().nth(alphabet.find(last).unwrap() ^ 1).unwrap();
    for bad in [
        String::new(),
        "a.b".into(),
        "..".into(),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{crit}.{}.{}", parts[1], parts[2]),
        format!("{good}="),
        format!("{good}.x"),
        format!("{}{respelt}", &good[..good.len() - 1]),
        token(&JwtKeys::hmac(JwtAlgorithm::Hs512, SECRET).unwrap()),
        token(&JwtKeys::hmac(JwtAlgorithm::Hs256, b"another secret, long enough").unwrap()),
    ] {
        assert!(keys.verify(&bad).is_err(), "{bad}");
    }
}

#[test]
fn a_token_names_an_organisation_or_an_application_of_one() {
    let check = |claims: &str| {
        let claims: Option<Claims> = serde_json::from_str(claims).ok();
        claims.is_some_and(|c| c.subject().is_some())
    };
    assert!(check(r#"{"sub":"org_a"}"#));
    assert!(check(r#"{"sub":"app_a","org":"org_a","feature_flags":null}"#));
    for bad in [
        r#"{}"#,
        r#"{"sub":null}"#,
        r#"{"sub":"user_a"}"#,
        r#"{"sub":"org_"}"#,
        r#"{"sub":"org_a b"}"#,
        r#"{"sub":"app_a"}"#,
        r#"{"sub":"app_a","org":"app_b"}"#,
        r#"{"sub":"org_a","sub":"org_b"}"#,
    ] {
        assert!(!check(bad), "{bad}");
    }
    let long = format!(r#"{{"sub":"org_{}"}}"#, "a".repeat(65));
    assert!(!check(&long));
}

#[test]
fn a_bad_key_is_refused_at_the_start() {
    assert_eq!(JwtKeys::hmac(JwtAlgorithm::Hs256, b"short").err(), Some(JwtKeyError::ShortSecret));
    assert_eq!(JwtKeys::hmac(JwtAlgorithm::Rs256, SECRET).err(), Some(JwtKeyError::WrongKind));
    let public = |a, pem| JwtKeys::public(a, pem, SECRET).err();
    assert_eq!(public(JwtAlgorithm::Rs256, "no PEM"), Some(JwtKeyError::NotPem));
    assert_eq!(public(JwtAlgorithm::EdDsa, RSA_PUBLIC), Some(JwtKeyError::BadKey));
    assert_eq!(public(JwtAlgorithm::Hs256, RSA_PUBLIC), Some(JwtKeyError::WrongKind));
    assert_eq!("RS256".parse(), Ok(JwtAlgorithm::Rs256));
    assert_eq!("ES256".parse::<JwtAlgorithm>(), Err(JwtKeyError::UnknownAlgorithm));
}
