//! Keys that aren't in the configuration: which document is asked for, and what is done with it.

use super::*;

pub(super) struct Fetched(HashMap<String, Vec<u8>>);

impl Materials for Fetched {
    fn get(&self, url: &str) -> Option<&[u8]> {
        self.0.get(url).map(Vec::as_slice)
    }
}

pub(super) fn fetched(url: &str, document: &Value) -> Fetched {
    Fetched(HashMap::from([(url.to_owned(), document.to_string().into_bytes())]))
}

fn first(scheme: &str) -> Vector {
    valid().into_iter().find(|vector| vector.scheme == scheme).unwrap()
}

const PLAID: &str = "https://production.plaid.com/webhook_verification_key/get#bfbd5111-8e33-4643-8ced-b2e642a72f3c";

/// A Plaid request whose key has to be fetched, and the key.
fn plaid() -> (Vector, Value) {
    let mut vector = first("plaid");
    let key = serde_json::from_str(vector.config["secret"].as_str().unwrap()).unwrap();
    vector.config = json!({"clientId": "a client", "secret": "an API secret"});
    (vector, key)
}

#[test]
fn plaid_asks_for_the_key_that_the_token_names() {
    let (vector, key) = plaid();
    assert_eq!(vector.judge(), Err(Refusal::Needs(PLAID.to_owned())));
    let answer = json!({"key": key, "request_id": "r"});
    assert_eq!(vector.judge_with(&fetched(PLAID, &answer)), Ok(()));
    assert_eq!(vector.judge_with(&fetched(PLAID, &key)), Ok(()), "without Plaid's envelope");
    let mut sandbox = vector.clone();
    sandbox.config["environment"] = "sandbox".into();
    assert_eq!(sandbox.judge(), Err(Refusal::Needs(PLAID.replace("production", "sandbox"))));
}

#[test]
fn plaid_asks_for_no_key_of_a_request_that_is_stale_or_tampered() {
    let (mut vector, _) = plaid();
    vector.now_ms += 300_001;
    assert!(matches!(vector.judge(), Err(Refusal::Stale { .. })));
    vector.now_ms -= 300_001;
    vector.body.push(b' ');
    assert_eq!(vector.judge(), Err(Refusal::Mismatch));
}

#[test]
fn plaids_expired_key_is_not_trusted_from_that_second_on() {
    let (vector, mut key) = plaid();
    let now_s = vector.now_ms / 1000;
    key["expired_at"] = (now_s + 1).into();
    assert_eq!(vector.judge_with(&fetched(PLAID, &key)), Ok(()));
    key["expired_at"] = now_s.into();
    assert!(matches!(vector.judge_with(&fetched(PLAID, &key)), Err(Refusal::Untrusted(_))));
}

#[test]
fn a_fetched_document_without_the_key_is_not_trusted() {
    let (vector, mut key) = plaid();
    key["kid"] = "another".into();
    for document in [key, json!({}), json!([]), json!("x"), json!({"keys": [{"kty": "oct", "k": "AAAA"}]})] {
        let verdict = vector.judge_with(&fetched(PLAID, &document));
        assert!(matches!(verdict, Err(Refusal::Untrusted(_))), "{document}: {verdict:?}");
    }
}

#[test]
fn a_key_set_is_fetched_from_the_configured_url_whatever_the_token_says() {
    let url = "https://issuer.example/jwks.json";
    let is_with_set = |v: &Vector| v.scheme == "fusionauth" && v.config.get("jwks").is_some();
    let mut vector = valid().into_iter().find(is_with_set).unwrap();
    let set = vector.config["jwks"].take();
    vector.config = json!({"jwksUrl": url});
    assert_eq!(vector.judge(), Err(Refusal::Needs(url.to_owned())));
    assert_eq!(vector.judge_with(&fetched(url, &set)), Ok(()));
}

#[test]
fn truelayer_fetches_its_keys_from_its_own_hosts_only() {
    let (sandbox, production) =
        ("https://webhooks.truelayer-sandbox.com/.well-known/jwks", "https://webhooks.truelayer.com/.well-known/jwks");
    let with_jku = |jku: &str, config: Value| {
        let header = json!({
            "alg": "ES512", "kid": "k", "tl_version": "2", "tl_headers": "X-Tl-Webhook-Timestamp", "jku": jku,
        });
        let header = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
        let mut vector = Vector { config, ..first("truelayer") };
        vector.headers = vec![
            ("tl-signature".to_owned(), format!("{header}..{}", "A".repeat(176)).into_bytes()),
            ("x-tl-webhook-timestamp".to_owned(), b"2025-10-09T08:53:20Z".to_vec()),
        ];
        vector.judge()
    };
    for jku in [sandbox, production] {
        assert_eq!(with_jku(jku, json!({})), Err(Refusal::Needs(jku.to_owned())));
    }
    for jku in ["https://webhooks.truelayer.com.evil.example/.well-known/jwks", "http://169.254.169.254/", ""] {
        assert!(matches!(with_jku(jku, json!({})), Err(Refusal::Untrusted(_))), "{jku}");
    }
    let only_production = json!({"environment": "production"});
    assert!(matches!(with_jku(sandbox, only_production), Err(Refusal::Untrusted(_))));
    let without_jku = Vector { config: json!({}), ..first("truelayer") }.judge();
    assert!(matches!(without_jku, Err(Refusal::Untrusted(_))));
}
