//! Plaid's keys are not at a URL: its API is asked for each, with the credentials of its client.
//!
//! **Invariant:** the credentials go to Plaid's own two hosts and nowhere else.
//!
//! Source: <https://plaid.com/docs/api/webhooks/webhook-verification/#get-webhook-verification-key>.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use signing::providers::Config;
use zeroize::Zeroizing;

/// Where `signing` says that the keys are; the key's id follows after `#`.
const KEYS: [&str; 2] = [
    "https://production.plaid.com/webhook_verification_key/get",
    "https://sandbox.plaid.com/webhook_verification_key/get",
];

#[derive(Serialize)]
struct Question<'a> {
    client_id: &'a str,
    secret: &'a str,
    key_id: &'a str,
}

/// What is posted where to get the key at `url`; `None` where it is no key of Plaid's, or the source has no credentials. Of
/// several secrets it is the first.
pub(crate) fn question<'a>(config: &Value, url: &'a str) -> Option<(&'a str, Bytes)> {
    let (url, key_id) = url.split_once('#').filter(|(url, _)| KEYS.contains(url))?;
    let config = Config::new(config).ok()?;
    let secrets = config.secrets(1).ok()?;
    let question = Question { client_id: config.required("clientId").ok()?, secret: secrets.first()?, key_id };
    let json = Zeroizing::new(serde_json::to_vec(&question).ok()?);
    Some((url, Bytes::from_owner(json)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::World;
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use serde_json::json;
    use sha2::{Digest, Sha256};
    use store::Verdict;

    #[test]
    fn credentials_go_to_plaid_only() {
        let config = json!({"clientId": "c", "secrets": ["first", "second"]});
        let (url, json) = question(&config, "https://sandbox.plaid.com/webhook_verification_key/get#k1").unwrap();
        assert_eq!((url, &*json), (KEYS[1], &br#"{"client_id":"c","secret":"first","key_id":"k1"}"#[..]));
        for other in ["https://plaid.example/#k", "https://sandbox.plaid.com/webhook_verification_key/get", "x#y"] {
            assert!(question(&config, other).is_none(), "{other}");
        }
        assert!(question(&json!({"clientId": "c"}), &format!("{}#k", KEYS[0])).is_none());
    }

    /// A token with a signature that is nobody's.
    fn token(kid: &str, now_s: i64, body: &[u8]) -> String {
        let hash: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(&json!({"alg": "ES256", "kid": kid, "typ": "JWT"}));
        let claims = part(&json!({"iat": now_s, "request_body_sha256": hash}));
        format!("{head}.{claims}.{}", BASE64_URL_SAFE_NO_PAD.encode([1; 64]))
    }

    #[tokio::test]
    async fn a_key_is_asked_for_once_with_the_sources_credentials() {
        let w = World::new().await;
        let config = json!({"clientId": "a client", "secret": "its api secret", "environment": "sandbox"});
        let source = w.source("pl", "plaid", config, |_| ()).await;
        let now_s = w.store.clock().now().millis() / 1000;
        for kid in ["k1", "k1", "k2"] {
            let headers = vec![("Plaid-Verification".to_owned(), token(kid, now_s, b"{}"))];
            assert_eq!(w.post(&source, &headers, b"{}").await.status, 401);
            let Verdict::Refused(why) = w.requests(&source).await.remove(0).verdict else { panic!("not refused") };
            assert_eq!(why, "the fetched document holds no usable key");
        }
        let asked: Vec<(String, Value)> =
            w.fetch.posts().into_iter().map(|(url, json)| (url, serde_json::from_slice(&json).unwrap())).collect();
        let want = |kid: &str| json!({"client_id": "a client", "secret": "its api secret", "key_id": kid});
        assert_eq!(asked, [(KEYS[1].to_owned(), want("k1")), (KEYS[1].to_owned(), want("k2"))]);
        assert_eq!(w.fetch.calls(), 2);
    }
}
