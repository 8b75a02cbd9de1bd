//! TrueLayer with a key of our own: what is signed, and keys that are fetched.

use super::fetching::fetched;
use super::*;
use p521::ecdsa::{Signature, SigningKey, signature::Signer};

const SET: &str = "https://webhooks.truelayer.com/.well-known/jwks";

fn key() -> SigningKey {
    SigningKey::from_slice(&[&[0], &[7; 65][..]].concat()).unwrap()
}

fn set(kid: &str) -> Value {
    let point = key().verifying_key().to_sec1_point(false);
    let (x, y) = point.as_bytes()[1..].split_at(66);
    let coordinate = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    json!({"keys": [{"kty": "EC", "crv": "P-521", "alg": "ES512", "kid": kid, "x": coordinate(x), "y": coordinate(y)}]})
}

/// A request to `url`, signed over `path`; `header` is what its JWS header says beyond the usual.
fn signed(url: &str, path: &str, header: Value) -> Vector {
    let timestamp = "2025-10-09T08:53:20Z";
    let mut whole = json!({
        "alg": "ES512", "kid": "key-1", "tl_version": "2", "tl_headers": "X-Tl-Webhook-Timestamp", "jku": SET,
    });
    whole.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
    let header = BASE64_URL_SAFE_NO_PAD.encode(whole.to_string());
    let payload = format!("POST {path}\nX-Tl-Webhook-Timestamp: {timestamp}\n{{}}");
    let signature: Signature = key().sign(format!("{header}.{}", BASE64_URL_SAFE_NO_PAD.encode(payload)).as_bytes());
    let token = format!("{header}..{}", BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes()));
    Vector {
        id: String::new(),
        scheme: "truelayer".to_owned(),
        config: json!({}),
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers: vec![
            ("tl-signature".to_owned(), token.into_bytes()),
            ("x-tl-webhook-timestamp".to_owned(), timestamp.as_bytes().to_vec()),
        ],
        body: b"{}".to_vec(),
        now_ms: 1_760_000_000_000,
        is_valid: true,
    }
}

#[test]
fn a_signature_holds_under_the_fetched_key_of_its_name() {
    let vector = signed("https://example.com/in", "/in", json!({}));
    assert_eq!(vector.judge_with(&fetched(SET, &set("key-1"))), Ok(()));
    assert!(matches!(vector.judge_with(&fetched(SET, &set("key-2"))), Err(Refusal::Untrusted(_))));
    assert_eq!(Vector { config: json!({"jwks": set("key-1")}), ..vector }.judge(), Ok(()));
}

#[test]
fn the_last_slash_and_the_query_may_differ_and_nothing_else() {
    let judge = |url: &str, path: &str| signed(url, path, json!({})).judge_with(&fetched(SET, &set("key-1")));
    for (url, path) in [
        ("https://example.com/in", "/in/"),
        ("https://example.com/in/", "/in"),
        ("https://example.com/in?a=1", "/in"),
        ("https://example.com/in?a=1", "/in?a=1"),
    ] {
        assert_eq!(judge(url, path), Ok(()), "{url} {path}");
    }
    for (url, path) in [("https://example.com/in", "/in2"), ("https://example.com/in?a=1", "/in?a=2")] {
        assert_eq!(judge(url, path), Err(Refusal::Mismatch), "{url} {path}");
    }
}

#[test]
fn a_signature_that_does_not_cover_the_timestamp_is_malformed() {
    for header in [
        json!({"tl_headers": ""}),
        json!({"tl_headers": "Content-Type"}),
        json!({"tl_version": "1"}),
        json!({"alg": "ES256"}),
        json!({"alg": "none"}),
    ] {
        let verdict = signed("https://example.com/in", "/in", header.clone()).judge_with(&fetched(SET, &set("key-1")));
        assert!(matches!(verdict, Err(Refusal::Malformed(_))), "{header}: {verdict:?}");
    }
}

#[test]
fn a_signed_header_that_is_missing_or_doubled_is_said_to_be() {
    let mut vector = signed("https://example.com/in", "/in", json!({}));
    let timestamp = vector.headers.pop().unwrap();
    assert_eq!(vector.judge(), Err(Refusal::Missing("x-tl-webhook-timestamp".into())));
    vector.headers.extend([timestamp.clone(), timestamp]);
    assert_eq!(vector.judge(), Err(Refusal::Doubled("x-tl-webhook-timestamp".into())));
}
