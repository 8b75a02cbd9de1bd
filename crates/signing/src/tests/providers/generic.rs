//! Types that a user configures, and rules of single providers that no vector shows.

use super::*;
use serde_json::json;

const SECRET: &str = "correct horse battery";

#[test]
fn a_generic_hmac_takes_any_header_algorithm_encoding_and_template() {
    for algorithm in ["sha1", "sha256", "sha512"] {
        for encoding in ["hex", "base64", "base64url"] {
            let config = json!({
                "secret": SECRET, "header": "X-My-Signature", "algorithm": algorithm, "encoding": encoding,
                "prefix": "v7=", "template": "{method}|{url}|{ts}|{header:content-type}|{body}",
                "timestampHeader": "X-My-Time", "timestampUnit": "ms", "tolerance": 60,
            });
            let mut sent = signed("hmac", &config, b"{}").unwrap();
            assert_eq!(sent.judge("hmac", &config), Ok(()), "{algorithm} {encoding}");
            assert!(sent.header("x-my-signature").starts_with("v7="));
            sent.now_ms += 60_001;
            assert_eq!(sent.judge("hmac", &config), Err(Refusal::Stale { age_s: 61, tolerance_s: 60 }));
        }
    }
}

#[test]
fn a_generic_hmac_takes_items_with_a_time() {
    let config = json!({
        "secrets": [SECRET, "another secret"], "header": "x-sig", "format": "kv", "separator": ";", "signatureKey": "h",
        "timestampKey": "at", "template": "{ts}.{body}",
    });
    let mut sent = signed("hmac", &config, b"{}").unwrap();
    assert_eq!(sent.header("x-sig").matches(";h=").count(), 2);
    assert_eq!(sent.judge("hmac", &config), Ok(()));
    sent.header("x-sig").push_str(";at=1760000000");
    assert_eq!(sent.judge("hmac", &config), Err(Refusal::Malformed("the signature has two times".into())));
}

#[test]
fn more_signatures_than_the_limit_are_refused() {
    let config = json!({ "secret": SECRET });
    let mut sent = signed("stripe", &config, b"{}").unwrap();
    let more = ",v1=00".repeat(16);
    sent.header("stripe-signature").push_str(&more);
    assert!(matches!(sent.judge("stripe", &config), Err(Refusal::Malformed(_))));
}

#[test]
fn a_configuration_of_unknown_words_is_refused_by_the_field() {
    for (field, value) in [
        ("algorithm", json!("md5")),
        ("encoding", json!("base32")),
        ("keyEncoding", json!("rot13")),
        ("format", json!("xml")),
        ("template", json!("{body")),
        ("template", json!("{cookie}")),
        ("template", json!("{ts}{body}")),
        ("template", json!("{secret}{body}")),
        ("header", json!("two words")),
        ("tolerance", json!(-1)),
        ("timestampUnit", json!("days")),
    ] {
        let mut config = json!({ "secret": SECRET, "header": "x-sig" });
        if field == "timestampUnit" {
            config["timestampHeader"] = "x-time".into();
        }
        if field == "tolerance" {
            config["timestampHeader"] = "x-time".into();
        }
        config[field] = value.clone();
        let error = find("hmac").verifier(&config).err();
        assert_eq!(error.as_ref().map(|error| error.field.as_ref()), Some(field), "{value}: {error:?}");
    }
}

#[test]
fn an_api_key_comes_in_a_header_or_in_the_query() {
    let config = json!({ "secret": SECRET, "query": "key" });
    let mut sent = Sent::new(&[], b"");
    sent.url = "https://h.example/in?key=correct+horse%20battery&x=1".into();
    assert_eq!(sent.judge("api-key", &config), Ok(()));
    sent.url.push_str("&key=2");
    assert!(matches!(sent.judge("api-key", &config), Err(Refusal::Malformed(_))));
    sent.url = "https://h.example/in?key=correct".into();
    assert_eq!(sent.judge("api-key", &config), Err(Refusal::Credential));
    let bearer = json!({ "secret": SECRET, "header": "Authorization", "prefix": "Bearer " });
    let sent = Sent::new(&[("authorization", "bearer correct horse battery")], b"");
    assert_eq!(sent.judge("api-key", &bearer), Ok(()));
}

#[test]
fn basic_takes_a_user_and_a_password() {
    let config = json!({ "username": "hook", "password": "correct horse" });
    let sent = signed("basic", &config, b"").unwrap();
    assert_eq!(sent.judge("basic", &config), Ok(()));
    assert_eq!(sent.judge("basic", &json!({ "secret": "hook:correct horse" })), Ok(()));
    assert_eq!(sent.judge("basic", &json!({ "secret": "hook:wrong horse" })), Err(Refusal::Credential));
}

#[test]
fn gitlab_takes_its_signing_token_or_its_secret_token() {
    let signing = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let both = json!({ "secrets": ["plain token", signing] });
    let by_signature = signed("gitlab", &json!({ "secret": signing }), b"{}").unwrap();
    let by_token = signed("gitlab", &json!({ "secret": "plain token" }), b"{}").unwrap();
    assert_eq!(by_signature.judge("gitlab", &both), Ok(()));
    assert_eq!(by_token.judge("gitlab", &both), Ok(()));
    assert!(by_token.judge("gitlab", &json!({ "secret": signing })).is_err());
    assert!(Sent::new(&[("x-gitlab-token", signing)], b"{}").judge("gitlab", &both).is_err());
}

#[test]
fn hubspot_is_judged_by_the_version_it_says() {
    let config = json!({ "secret": SECRET });
    for version in ["hubspot_v1", "hubspot_v2", "hubspot_v3"] {
        let mut sent = signed(version, &config, b"[]").unwrap();
        if version != "hubspot_v3" {
            sent.headers.push(("x-hubspot-signature-version".into(), version.replace("hubspot_", "")));
        }
        assert_eq!(sent.judge("hubspot", &config), Ok(()), "{version}");
    }
    assert_eq!(Sent::new(&[], b"[]").judge("hubspot", &config), Err(Refusal::Missing("x-hubspot-signature-v3".into())));
}

#[test]
fn hubspot_may_have_decoded_the_url_before_it_signed_it() {
    let config = json!({ "secret": SECRET });
    let mut sent = signed("hubspot", &config, b"[]").unwrap();
    sent.url = "https://hooks.example.com/in/abc%3Ftenant=7".into();
    assert_eq!(sent.judge("hubspot", &config), Ok(()));
    sent.url = "https://hooks.example.com/in/%61bc%3Ftenant=7".into();
    assert_eq!(sent.judge("hubspot", &config), Err(Refusal::Mismatch));
}

#[test]
fn any_of_the_signatures_of_docusign_will_do() {
    let config = json!({ "secret": SECRET });
    let mut sent = signed("docusign", &config, b"<xml/>").unwrap();
    sent.headers.iter_mut().find(|(name, _)| name.ends_with("-1")).unwrap().0 = "x-docusign-signature-3".into();
    let wrong = sent.header("x-docusign-signature-3").replacen(|_| true, "A", 1);
    sent.headers.push(("x-docusign-signature-1".into(), wrong));
    assert_eq!(sent.judge("docusign", &config), Ok(()));
}

/// The example of docs.checkbook.io/docs/webhooks.
#[test]
fn checkbooks_own_example_verifies() {
    let signature = "nonce=1243549809,signature=4ee9758fc0bceb3ca1a2fe397fbd125364cfffdb04296fa118dab9778a4b3ce3";
    let body = br#"{"status": "PAID", "id": "ed0af5fb335c47dd8eb53199ba50f5c4", "type": "CHECK"}"#;
    let config = json!({ "secret": "335b5728e25b47e88995fce207bff380" });
    assert_eq!(Sent::new(&[("signature", signature)], body).judge("checkbook", &config), Ok(()));
}

#[test]
fn pandadoc_signs_in_the_query() {
    let header = json!({ "secret": SECRET, "header": "x" });
    let signature = signed("hmac", &header, b"[]").unwrap().header("x").clone();
    let mut sent = Sent::new(&[], b"[]");
    sent.url = format!("https://h.example/in?signature={signature}");
    assert_eq!(sent.judge("panda-doc", &json!({ "secret": SECRET })), Ok(()));
    sent.body.push(b' ');
    assert_eq!(sent.judge("panda-doc", &json!({ "secret": SECRET })), Err(Refusal::Mismatch));
}

#[test]
fn tailscales_requests_have_no_limit_of_age_until_one_is_set() {
    let config = json!({ "secret": SECRET });
    let mut sent = signed("tailscale", &config, b"[]").unwrap();
    sent.now_ms += 86_400_000;
    assert_eq!(sent.judge("tailscale", &config), Ok(()));
    let config = json!({ "secret": SECRET, "timestampGraceSeconds": 60 });
    assert!(matches!(sent.judge("tailscale", &config), Err(Refusal::Stale { .. })));
}

#[test]
fn shared_and_public_keys_may_be_live_together() {
    let public = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
    let shared = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let mut sent = Sent::new(
        &[
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", super::super::vectors::SVIX_SERVER_V1A),
        ],
        br#"{"test": 2432232314}"#,
    );
    sent.now_ms = 1_614_265_330_000;
    for config in [
        json!({ "secrets": [shared, public] }),
        json!({ "secret": shared, "publicKey": public }),
        json!({ "publicKey": public.replace("whpk_", "") }),
    ] {
        assert_eq!(sent.judge("standard-webhooks", &config), Ok(()), "{config}");
    }
    assert_eq!(sent.judge("standard-webhooks", &json!({ "secret": shared })), Err(Refusal::Mismatch));
}
