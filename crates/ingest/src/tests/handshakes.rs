//! Handshakes: answered, stored as such, and no messages.

use crate::tests::world::{SECRET, World};
use serde_json::json;
use store::Verdict;

#[tokio::test]
async fn an_echo_is_answered_and_stored_as_a_handshake() {
    let w = World::new().await;
    let source = w.source("db", "dropbox", json!({"secret": SECRET}), |_| ()).await;
    let answered = w.get(&format!("/in/{}?challenge=abc%20123", source.token)).await;
    assert_eq!((answered.status, &*answered.body), (200, "abc 123"));
    assert!(answered.header("content-type").starts_with("text/plain"));
    let stored = w.requests(&source).await;
    assert_eq!((stored.len(), &stored[0].verdict), (1, &Verdict::Handshake));
    assert!(w.messages(&source).await.is_empty());
}

#[tokio::test]
async fn a_signed_handshake_is_verified_first() {
    let w = World::new().await;
    let config = json!({"secret": SECRET});
    let source = w.source("sl", "slack", config.clone(), |_| ()).await;
    let body = br#"{"type":"url_verification","challenge":"c-1"}"#;
    let headers = w.signed(&source, &config, body, "");
    let answered = w.post(&source, &headers, body).await;
    assert_eq!(answered.status, 200);
    assert!(answered.body.contains("c-1"));
    let forged = w.signed(&source, &json!({"secret": "another secret"}), body, "");
    let answered = w.post(&source, &forged, body).await;
    assert_eq!(answered.status, 401);
    assert!(!answered.body.contains("c-1"));
    assert_eq!(w.requests(&source).await[0].verdict, Verdict::Handshake);
}

#[tokio::test]
async fn a_secret_is_learnt_once_and_verifies_from_then_on() {
    let w = World::new().await;
    let source = w.source("as", "asana", json!({}), |_| ()).await;
    let hook = |secret: &str| vec![("X-Hook-Secret".to_owned(), secret.to_owned())];
    // Nothing is accepted before.
    assert_eq!(w.post(&source, &[], b"{}").await.status, 401);
    let refused = w.requests(&source).await.remove(0);
    assert!(
        matches!(&refused.verdict, Verdict::Refused(why) if why.starts_with("no secret yet")),
        "{:?}",
        refused.verdict
    );
    let secret = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81";
    let answered = w.post(&source, &hook(secret), b"").await;
    assert_eq!((answered.status, answered.header("x-hook-secret")), (200, secret));
    let other = w.post(&source, &hook("another-secret-of-someone-else"), b"").await;
    assert_eq!((other.status, other.header("x-hook-secret")), (401, ""));
    let body = br#"{"events":[{"action":"changed"}]}"#;
    let headers = w.signed(&source, &json!({"secret": secret}), body, "");
    assert_eq!(w.post(&source, &headers, body).await.status, 200);
    let types: Vec<_> = w.messages(&source).await.into_iter().map(|m| m.event_type).collect();
    assert_eq!(types, ["changed"]);
}
