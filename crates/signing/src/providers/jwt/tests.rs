//! The JWT schemes against vectors of other implementations, and against each kind of damage.

use super::{build, claims::Encoding, der, key::PublicKey, token::Token};
use crate::providers::{Config, ConfigError, Inbound, Materials, NoMaterials, Refusal};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

mod damage;
mod fetching;
mod truelayer;

const SCHEMES: [&str; 8] =
    ["plaid", "messagebird", "messagebird_legacy", "vonage", "qstash", "fusionauth", "truelayer", "jwt"];

/// A request of a file of vectors.
#[derive(Clone)]
struct Vector {
    id: String,
    scheme: String,
    config: Value,
    method: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    now_ms: i64,
    is_valid: bool,
}

impl Vector {
    /// `None` when its body is a file that isn't there.
    fn read(vector: &Value) -> Option<Self> {
        let text = |field: &str| vector[field].as_str().unwrap_or_default().to_owned();
        let body = match vector["body_file"].as_str() {
            Some(file) => {
                let places = [Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors"), shared()];
                let Some(body) = places.iter().find_map(|place| std::fs::read(place.join(file)).ok()) else {
                    println!("skipped: {} has its body in {file}, which is not here", text("id"));
                    return None;
                };
                body
            }
            None => BASE64_STANDARD.decode(text("body")).unwrap(),
        };
        let mut config = vector["extra"].as_object().cloned().unwrap_or_default();
        for field in ["secret", "secrets"] {
            config.extend(vector.get(field).map(|value| (field.to_owned(), value.clone())));
        }
        let headers = vector["headers"].as_object().unwrap();
        let headers = headers
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().unwrap().as_bytes().to_vec()));
        Some(Vector {
            id: text("id"),
            scheme: text("scheme"),
            config: Value::Object(config),
            method: text("method"),
            url: text("url"),
            headers: headers.collect(),
            body,
            now_ms: vector["now"].as_i64().unwrap() * 1000,
            is_valid: vector.get("strict_expected").unwrap_or(&vector["expected"]) == "valid",
        })
    }

    fn judge(&self) -> Result<(), Refusal> {
        self.judge_with(&NoMaterials)
    }

    fn judge_with(&self, materials: &dyn Materials) -> Result<(), Refusal> {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let request =
            Inbound { method: &self.method, url: &self.url, headers: &headers, body: &self.body, now_ms: self.now_ms };
        let judge = build(&self.scheme, Config::new(&self.config).unwrap()).unwrap().ok().unwrap();
        judge.judge(&request, materials)
    }
}

fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors")
}

/// The made vectors of our schemes.
fn made() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/made");
    SCHEMES.iter().flat_map(|scheme| in_file(&folder.join(format!("{scheme}.json")))).collect()
}

fn valid() -> Vec<Vector> {
    made().into_iter().filter(|vector| vector.is_valid).collect()
}

fn in_file(path: &Path) -> Vec<Vector> {
    let Ok(text) = std::fs::read(path) else { return Vec::new() };
    let vectors: Vec<Value> = serde_json::from_slice(&text).unwrap();
    vectors.iter().filter_map(Vector::read).collect()
}

fn check(vectors: &[Vector]) {
    let wrong: Vec<_> = vectors.iter().map(|v| (v, v.judge())).filter(|(v, got)| v.is_valid != got.is_ok()).collect();
    let told: Vec<_> = wrong.iter().map(|(v, got)| format!("{}: {got:?}", v.id)).collect();
    assert!(told.is_empty(), "{told:#?}");
}

fn refusal_of_config(scheme: &str, config: Value) -> Option<ConfigError> {
    build(scheme, Config::new(&config).unwrap()).unwrap().err()
}

#[test]
fn made_vectors_are_judged_as_their_libraries_judge() {
    let vectors = made();
    assert!(vectors.len() > 80, "{}", vectors.len());
    check(&vectors);
}

#[test]
fn harvested_vectors_are_judged_as_their_libraries_judge() {
    let folder = shared().join("harvested");
    let vectors: Vec<_> = SCHEMES.iter().flat_map(|scheme| in_file(&folder.join(format!("{scheme}.json")))).collect();
    if vectors.is_empty() {
        println!("skipped: {} is not here", folder.display());
    }
    check(&vectors);
}

/// The HS256 token of these claims.
fn token(claims: &Value, secret: &str) -> String {
    let signed = [json!({"alg": "HS256"}), claims.clone()].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let signed = signed.join(".");
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, signed.as_bytes())))
}

#[test]
fn messagebird_without_any_of_its_claims_is_malformed() {
    let mut vector = valid().into_iter().find(|v| v.scheme == "messagebird" && v.body.is_empty()).unwrap();
    let now_s = vector.now_ms / 1000;
    let url_hash = Encoding::Hex.of(vector.url.as_bytes());
    let whole = json!({"iss": "MessageBird", "nbf": now_s, "exp": now_s + 60, "url_hash": url_hash});
    let secret = vector.config["secret"].as_str().unwrap().to_owned();
    let mut judge = |claims: &Value| {
        vector.headers[0].1 = token(claims, &secret).into_bytes();
        vector.judge()
    };
    assert_eq!(judge(&whole), Ok(()));
    for claim in ["iss", "nbf", "exp", "url_hash"] {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(claim);
        assert!(matches!(judge(&without), Err(Refusal::Malformed(_) | Refusal::Untrusted(_))), "{claim}");
    }
    for (claim, value) in [("nbf", json!(now_s + 2)), ("exp", json!(now_s - 1)), ("payload_hash", json!(url_hash))] {
        let mut changed = whole.clone();
        changed[claim] = value;
        assert!(judge(&changed).is_err(), "{claim}");
    }
}

#[test]
fn an_authorization_header_needs_the_word_bearer_and_others_may_have_it() {
    let secret = "a secret for this test";
    let claims = json!({"exp": 1_760_000_300});
    let judge = |header: &str, prefix: &str| {
        let mut vector = valid().into_iter().find(|v| v.scheme == "jwt").unwrap();
        vector.config = json!({"secret": secret, "algorithm": "HS256", "header": header});
        vector.headers = vec![(header.to_owned(), format!("{prefix}{}", token(&claims, secret)).into_bytes())];
        vector.judge().map_err(|refusal| refusal.code())
    };
    for (header, prefix) in
        [("authorization", "Bearer "), ("authorization", "bearer "), ("x-jwt", ""), ("x-jwt", "Bearer ")]
    {
        assert_eq!(judge(header, prefix), Ok(()), "{header} {prefix}");
    }
    for (header, prefix) in [("authorization", ""), ("authorization", "Basic "), ("x-jwt", "Basic "), ("x-jwt", " ")] {
        assert_eq!(judge(header, prefix), Err("signature_malformed"), "{header} {prefix}");
    }
}

#[test]
fn a_name_that_is_no_jwt_scheme_is_left_to_others() {
    assert!(build("github", Config::new(&json!({})).unwrap()).is_none());
}

#[test]
fn keys_that_are_none_are_refused_at_creation() {
    let secret = "0123456789abcdef";
    for (scheme, config, field) in [
        ("vonage", json!({}), "secret"),
        ("vonage", json!({"secret": "short"}), "secret"),
        ("qstash", json!({"secret": ""}), "secret"),
        ("messagebird", json!({"secrets": [secret, "short"]}), "secret"),
        ("messagebird_legacy", json!({}), "secret"),
        ("plaid", json!({}), "secret"),
        ("plaid", json!({"secret": "an API secret"}), "clientId"),
        ("plaid", json!({"secret": "an API secret", "clientId": "c", "environment": "moon"}), "environment"),
        ("plaid", json!({"secret": "{\"kty\":\"EC\"}"}), "secret"),
        ("plaid", json!({"jwks": {"keys": []}}), "jwks"),
        ("truelayer", json!({"publicKey": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"}), "publicKey"),
        ("truelayer", json!({"secret": "no key at all"}), "secret"),
        ("fusionauth", json!({}), "secret"),
        ("fusionauth", json!({"secret": secret, "jwksUrl": "https://a.example/jwks"}), "secret"),
        ("fusionauth", json!({"secret": secret, "algorithm": "RS256"}), "algorithm"),
        ("fusionauth", json!({"jwksUrl": "http://a.example/jwks"}), "jwksUrl"),
        ("fusionauth", json!({"jwksUrl": "https://a.example/jwks#x"}), "jwksUrl"),
        ("jwt", json!({"secret": secret}), "algorithm"),
        ("jwt", json!({"secret": secret, "algorithm": "none"}), "algorithm"),
        ("jwt", json!({"jwksUrl": "https://a.example/jwks", "algorithm": "HS256"}), "algorithm"),
        ("jwt", json!({"secret": secret, "algorithm": "HS256", "header": "a b"}), "header"),
        ("jwt", json!({"secret": secret, "algorithm": "HS256", "leeway": 601}), "leeway"),
        ("jwt", json!({"secret": secret, "algorithm": "HS256", "maxAge": "1"}), "maxAge"),
        ("jwt", json!({"secret": secret, "algorithm": "HS256", "bodyHashEncoding": "HEX"}), "bodyHashEncoding"),
    ] {
        let refused = refusal_of_config(scheme, config.clone()).map(|refusal| refusal.field);
        assert_eq!(refused.as_deref(), Some(field), "{scheme} {config}");
    }
}

#[test]
fn a_public_key_of_the_wrong_kind_is_refused_at_creation() {
    let vectors = made();
    let key_of = |case: &str| {
        let vector = vectors.iter().find(|v| v.config["algorithm"] == case && v.config["publicKey"].is_string());
        vector.unwrap().config["publicKey"].clone()
    };
    let config = json!({"publicKey": key_of("ES384"), "algorithm": "ES256"});
    assert_eq!(refusal_of_config("jwt", config).unwrap().field, "algorithm");
    assert_eq!(refusal_of_config("truelayer", json!({"publicKey": key_of("ES256")})).unwrap().field, "publicKey");
}

proptest! {
    #[test]
    fn any_text_is_refused_without_a_panic(text in "[-A-Za-z0-9_.=]{0,80}|.{0,80}") {
        let token = Token::parse(text.as_bytes());
        prop_assert!(token.is_err() || text.split('.').count() == 3);
    }

    #[test]
    fn any_bytes_are_no_public_key(bytes in prop::collection::vec(any::<u8>(), 0..200), label in "(RSA )?PUBLIC KEY") {
        let body = BASE64_STANDARD.encode(&bytes);
        let pem = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----");
        prop_assert!(PublicKey::from_text(&pem).is_empty());
    }
}

#[test]
fn a_pem_that_is_cut_or_has_bytes_left_over_is_no_key() {
    let vectors = made();
    let pems: Vec<_> = vectors.iter().filter_map(|v| v.config["publicKey"].as_str()).collect();
    assert!(pems.len() > 10);
    for pem in pems {
        assert_eq!(PublicKey::from_text(pem).len(), 1);
        let label = if pem.contains("RSA PUBLIC") { "RSA PUBLIC KEY" } else { "PUBLIC KEY" };
        let der = der::unarmoured(pem, label).unwrap();
        let armoured =
            |der: &[u8]| format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der));
        assert_eq!(PublicKey::from_text(&armoured(&der)).len(), 1);
        for end in 0..der.len() {
            assert!(PublicKey::from_text(&armoured(&der[..end])).is_empty(), "{label} cut at {end}");
        }
        assert!(PublicKey::from_text(&armoured(&[&der[..], &[0]].concat())).is_empty(), "{label} and a byte");
    }
}

#[test]
fn coordinates_without_leading_zeros_are_the_same_key() {
    let coordinate = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let jwk = |x: &[u8]| json!({"kty": "EC", "crv": "P-256", "x": coordinate(x), "y": coordinate(&[7; 32])});
    assert_eq!(PublicKey::from_set(&jwk(&[1; 31])).len(), 1);
    assert_eq!(PublicKey::from_set(&jwk(&[1; 33])).len(), 0);
}
