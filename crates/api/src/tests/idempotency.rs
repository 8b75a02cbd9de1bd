//! A repeated POST gets the first one's answer.

use super::{Answer, Server, server, server_with, text};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use std::time::Duration;

async fn post(s: &Server, token: &str, path: &str, key: &str, body: Value) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/api/v1{path}"))
        .header("Authorization", format!("Bearer {token}"))
        .header("Idempotency-Key", key)
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    s.send(request).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_message_is_stored_once_under_either_kind_of_key() {
    let s = server().await;
    let token = s.org_token("org_test");
    let id = s.app("a").await;
    s.app("b").await;
    let body = json!({"eventType": "x", "payload": {"n": 1}});
    for key in ["auto_c3a9", "my-own-key"] {
        let first = post(&s, &token, "/app/a/msg", key, body.clone()).await.expect(202);
        let again = post(&s, &token, "/app/a/msg", key, json!({"eventType": "other", "payload": {}})).await.expect(202);
        assert_eq!(again, first, "{key}");
        let by_id = post(&s, &token, &format!("/app/{id}/msg"), key, body.clone()).await.expect(202);
        assert_eq!(by_id, first, "the path's spelling of the application is no part of the key");
        let elsewhere = post(&s, &token, "/app/b/msg", key, body.clone()).await.expect(202);
        assert_ne!(elsewhere["id"], first["id"]);
    }
    assert_eq!(s.get("/app/a/msg").await.expect(200)["data"].as_array().unwrap().len(), 2);
    let failed = post(&s, &token, "/app/a/msg", "k2", json!({"eventType": "x"})).await;
    failed.refuse(400, "missing_payload");
    post(&s, &token, "/app/a/msg", "k2", body).await.expect(202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_creation_answers_as_the_first_did() {
    let s = server().await;
    let token = s.org_token("org_test");
    for key in ["auto_1", "own"] {
        let body = json!({"name": "n", "uid": key});
        let first = post(&s, &token, "/app", key, body.clone()).await;
        let again = post(&s, &token, "/app", key, body.clone()).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        first.expect(201);
        let other = format!("{key}-other");
        post(&s, &token, "/app", &other, body).await.refuse(409, "conflict");
        let now_free = json!({"name": "n"});
        post(&s, &token, "/app", &other, now_free).await.expect(201);
    }
    let other = post(&s, &s.org_token("org_other"), "/app", "own", json!({"name": "theirs"})).await.expect(201);
    assert_eq!(other["name"], "theirs", "another tenant's key is another key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_once_with_one_key_make_one_thing() {
    let s = server().await;
    let token = s.org_token("org_test");
    for path in ["/app", "/app/a/msg"] {
        let body = json!({"name": "a", "uid": "a", "eventType": "x", "payload": {}});
        let (a, b, c) = tokio::join!(
            post(&s, &token, path, "auto_same", body.clone()),
            post(&s, &token, path, "auto_same", body.clone()),
            post(&s, &token, path, "auto_same", body.clone()),
        );
        assert_eq!((&a.body, a.status), (&b.body, b.status), "{path}");
        assert_eq!((&a.body, a.status), (&c.body, c.status), "{path}");
        assert!(a.status.is_success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_repeats_message_by_message() {
    let s = server().await;
    let token = s.org_token("org_test");
    s.app("a").await;
    let body = json!([{"eventType": "x", "payload": {}}, {"eventType": "y", "payload": {}, "idempotencyKey": "own"}]);
    let first = post(&s, &token, "/app/a/msg/batch", "whole", body.clone()).await.expect(202);
    let again = post(&s, &token, "/app/a/msg/batch", "whole", body).await.expect(202);
    assert_eq!(first, again);
    let alone = post(&s, &token, "/app/a/msg", "own", json!({"eventType": "y", "payload": {}})).await.expect(202);
    assert_eq!(alone["id"], first["data"][1]["message"]["id"]);
    assert_eq!(s.get("/app/a/msg").await.expect(200)["data"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_too_long_is_refused_and_a_portal_token_is_never_kept() {
    let s = server().await;
    let token = s.org_token("org_test");
    s.app("a").await;
    let long = "k".repeat(257);
    post(&s, &token, "/app/a/msg", &long, json!({})).await.refuse(400, "invalid_idempotency_key");
    post(&s, &token, "/app", &long, json!({})).await.refuse(400, "invalid_idempotency_key");
    let one = post(&s, &token, "/auth/app-portal-access/a", "k", json!({})).await.expect(200);
    let two = post(&s, &token, "/auth/app-portal-access/a", "k", json!({})).await.expect(200);
    assert_ne!(text(&one["token"]), text(&two["token"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repetition_that_waited_too_long_for_the_first_is_423() {
    let s = server_with(|c| c.limits.idempotency_wait = Duration::from_millis(20)).await;
    let token = s.org_token("org_test");
    let shared = s.api.shared().clone();
    let request = Request::builder().header("authorization", format!("Bearer {token}")).body(()).unwrap();
    let caller = shared.auth.check(&s.store, request.headers(), None).await.unwrap();
    let key = crate::idempotency::key(&caller, "k", &[b"POST", b"/api/v1/app"]);
    let first = crate::idempotency::take_turn(&shared, key.hash).ok().unwrap();
    let waited = post(&s, &token, "/app", "k", json!({"name": "n"})).await;
    waited.refuse(423, "in_flight");
    assert_eq!(waited.headers["retry-after"], "1");
    drop(first);
    post(&s, &token, "/app", "k", json!({"name": "n"})).await.expect(201);
}
