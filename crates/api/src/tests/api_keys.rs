//! API keys: made, used within their scopes, and revoked.

use super::access::call;
use super::{START, Server, server, text};
use crate::Actor;
use crate::routes::{Access, ROUTES};
use crate::scopes;
use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use store::Scope;

/// Id and token of a new key.
pub(super) async fn key(s: &Server, name: &str, scopes: &[&str]) -> (String, String) {
    let made = s.post("/api-key", json!({"name": name, "scopes": scopes})).await;
    assert_eq!(made.headers["cache-control"], "no-store");
    let made = made.expect(201);
    (text(&made["id"]), text(&made["token"]))
}

/// The settings of a person, signed in to the pages.
pub(super) async fn actor(s: &Server) -> Actor {
    Actor {
        org: s.store.organisation("org_test").await.unwrap(),
        org_text: "org_test".into(),
        name: "person:ana@example.com".into(),
        address: Some("192.0.2.9".parse().unwrap()),
    }
}
pub(super) async fn as_person(s: &Server, method: Method, path: &str, body: Value) -> (u16, Value) {
    let request = Request::builder().method(method).uri(format!("/api/v1{path}"));
    let request = request.body(Body::from(body.to_string())).unwrap();
    let answer = s.api.call_as(actor(s).await, request).await;
    let status = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_route_asks_a_key_for_its_scope() {
    let s = server().await;
    s.app("a").await;
    let mut tokens = HashMap::new();
    for scope in Scope::EACH {
        tokens.insert(scope.as_str(), key(&s, scope.as_str(), &[scope.as_str()]).await.1);
    }
    for route in ROUTES.iter().filter(|r| r.access != Access::Public) {
        for scope in Scope::EACH {
            let got = call(&s, route, "a", Some(&tokens[scope.as_str()])).await;
            let Some(needed) = scopes::needed(route) else {
                got.refuse(403, "insufficient_access");
                continue;
            };
            let may = scope == needed || scope == Scope::All;
            assert_eq!(got.status != 403, may, "{} {} {scope:?}: {}", route.verb.as_str(), route.path, got.status);
            assert_ne!(got.status, 401);
            if !may {
                let detail = text(&got.expect(403)["detail"]);
                assert!(detail.contains(&format!("`{}`", needed.as_str())), "{detail}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_shown_once_and_listed_without_its_token() {
    let s = server().await;
    let (id, token) = key(&s, " CI ", &["read", "messages:send", "read"]).await;
    assert!(id.starts_with("key_"), "{id}");
    let list = s.get("/api-key").await.expect(200);
    let row = &list["data"][0];
    assert_eq!(
        (&row["id"], &row["name"], &row["scopes"]),
        (&json!(id), &json!("CI"), &json!(["messages:send", "read"]))
    );
    assert_eq!(
        (&row["createdBy"], &row["expiresAt"], &row["revokedAt"]),
        (&json!("token"), &Value::Null, &Value::Null)
    );
    assert!(!list.to_string().contains(&token), "{list}");
    let (status, made) = as_person(&s, Method::POST, "/api-key", json!({"name": "n", "scopes": ["*"]})).await;
    assert_eq!((status, &made["createdBy"]), (201, &json!("person:ana@example.com")));
    s.raw(&s.org_token("org_other"), Method::GET, "/api/v1/api-key", "").await.expect(200)["data"]
        .as_array()
        .map(|rows| assert!(rows.is_empty()))
        .unwrap();
    for (field, body) in [
        ("name", json!({"scopes": ["read"]})),
        ("name", json!({"name": "a\nb", "scopes": ["read"]})),
        ("scopes", json!({"name": "n"})),
        ("scopes", json!({"name": "n", "scopes": []})),
        ("scopes", json!({"name": "n", "scopes": ["everything"]})),
        ("expiresAt", json!({"name": "n", "scopes": ["read"], "expiresAt": "2020-01-01T00:00:00Z"})),
    ] {
        s.post("/api-key", body).await.invalid("body", field);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_refused_at_once() {
    let s = server().await;
    let ((gone, token), (_, stays)) = (key(&s, "a", &["read"]).await, key(&s, "b", &["read"]).await);
    let get = async |token: &str| s.raw(token, Method::GET, "/api/v1/app", "").await;
    get(&token).await.expect(200);
    let other = s.org_token("org_other");
    s.raw(&other, Method::DELETE, &format!("/api/v1/api-key/{gone}"), "").await.refuse(404, "not_found");
    get(&token).await.expect(200);
    s.delete(&format!("/api-key/{gone}")).await.expect(204);
    get(&token).await.refuse(401, "authentication_failed");
    get(&stays).await.expect(200);
    s.delete(&format!("/api-key/{gone}")).await.expect(204);
    let list = s.get("/api-key?order=ascending").await.expect(200);
    assert!(list["data"][0]["revokedAt"].is_string() && list["data"][1]["revokedAt"].is_null(), "{list}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_ends_when_it_says_and_tells_when_it_was_used_last() {
    let s = server().await;
    let ends = START.plus(Duration::from_secs(3600));
    let body = json!({"name": "short", "scopes": ["read"], "expiresAt": ends.to_string()});
    let token = text(&s.post("/api-key", body).await.expect(201)["token"]);
    let get = async || s.raw(&token, Method::GET, "/api/v1/app", "").await;
    get().await.expect(200);
    s.store.ready().await.unwrap();
    let used = s.get("/api-key").await.expect(200)["data"][0]["lastUsedAt"].clone();
    assert_eq!(used, json!(START.to_string()));
    s.clock.advance(Duration::from_secs(3600 + 61));
    get().await.refuse(401, "authentication_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_names_a_key_is_that_keys_own() {
    let s = server().await;
    let (id, _) = key(&s, "a", &["read"]).await;
    let keys = crate::JwtKeys::hmac(crate::JwtAlgorithm::Hs256, super::JWT_SECRET.as_bytes()).unwrap();
    // Signed by the right secret, but never handed out: not this key's token.
    let new = crate::auth::NewKeyToken { org: "org_test", key: &id, scopes: &[Scope::All], expires_at: None };
    let forged = keys.mint_key(&new, START);
    s.raw(&forged, Method::GET, "/api/v1/app", "").await.refuse(401, "authentication_failed");
}
