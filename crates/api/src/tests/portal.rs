//! The portal's own routes: who a token is, tokens that end together, test inboxes.

use super::requests::capture;
use super::{START, Server, server, server_with, text};
use crate::auth::{Capabilities, Capability};
use domain::guard::AddressGuard;
use domain::target::TargetRules;
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use store::{Brand, Profile, Verdict};

async fn access(s: &Server, app: &str, body: Value) -> String {
    text(&s.post(&format!("/auth/app-portal-access/{app}"), body).await.expect(200)["token"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_reads_who_it_is_and_how_the_portal_looks() {
    let s = server().await;
    let id = s.app("a").await;
    let org = s.store.organisation("org_test").await.unwrap();
    let brand = Brand { accent: Some("#2457d6".into()), dark: Some(true), ..Brand::default() };
    let profile = Profile { name: "Shop".into(), brand, ..Profile::default() };
    s.store.set_profile(org, profile.clone()).await.unwrap();
    let token = access(&s, "a", json!({"capabilities": ["ViewBase", "CreateAttempts"], "expiry": 3600})).await;
    let get = async |token: &str| s.raw(token, Method::GET, "/api/v1/auth/portal", "").await;
    let answer = get(&token).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let out = answer.expect(200);
    assert_eq!(out["app"], json!({"id": id, "uid": "a", "name": "a"}));
    assert_eq!(
        (&out["name"], &out["capabilities"], &out["origin"]),
        (&json!("Shop"), &json!(["ViewBase", "CreateAttempts"]), &json!("http://localhost"))
    );
    assert_eq!(out["expiresAt"], json!(START.plus(Duration::from_secs(3600)).to_string()));
    let look = json!({"logo": null, "accent": "#2457d6", "font": null, "dark": true, "unbranded": false});
    assert_eq!(out["brand"], look);
    let named = Brand { name: Some("Shop Inc.".into()), ..profile.brand.clone() };
    s.store.set_profile(org, Profile { brand: named, ..profile }).await.unwrap();
    assert_eq!(get(&token).await.expect(200)["name"], "Shop Inc.");
    assert_eq!(get(&s.app_token("org_test", &id)).await.expect(200)["expiresAt"], Value::Null);
    s.delete("/app/a").await.expect(204);
    get(&token).await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_tokens_of_an_application_end_together() {
    let s = server().await;
    let id = s.app("a").await;
    let other = s.app("b").await;
    let is_open = async |token: &str, app: &str| {
        let status = s.raw(token, Method::GET, &format!("/api/v1/app/{app}"), "").await.status.as_u16();
        assert!([200, 401].contains(&status), "{status}");
        status == 200
    };
    let expire = async |body: Value| s.post("/auth/app/a/expire-all", body).await.expect(204);
    let (old, own_made, theirs) =
        (access(&s, "a", json!({})).await, s.app_token("org_test", &id), s.app_token("org_test", &other));
    assert!(is_open(&old, "a").await && is_open(&own_made, "a").await && is_open(&theirs, "b").await);
    expire(json!({})).await;
    assert!(!is_open(&old, "a").await && !is_open(&own_made, "a").await);
    assert!(is_open(&theirs, "b").await && s.get("/app/a").await.status == 200);
    // One that is made in the same second is a new one.
    let new = access(&s, "a", json!({})).await;
    assert!(is_open(&new, "a").await);

    s.clock.advance(Duration::from_secs(10));
    let (ana, bo) =
        (access(&s, "a", json!({"sessionId": "ana"})).await, access(&s, "a", json!({"sessionId": "bo"})).await);
    expire(json!({"sessionIds": []})).await;
    expire(json!({"sessionIds": ["ana", "nobody"]})).await;
    assert!(!is_open(&ana, "a").await && is_open(&bo, "a").await && is_open(&new, "a").await);

    s.clock.advance(Duration::from_secs(10));
    expire(json!({"expiry": 60})).await;
    assert!(is_open(&bo, "a").await && is_open(&new, "a").await);
    s.clock.advance(Duration::from_secs(60));
    let later = access(&s, "a", json!({})).await;
    assert!(!is_open(&bo, "a").await && !is_open(&new, "a").await && is_open(&later, "a").await);

    let post = async |body: Value| s.post("/auth/app/a/expire-all", body).await;
    post(json!({"expiry": 259_201})).await.invalid("body", "expiry");
    post(json!({"sessionIds": ["a b"]})).await.invalid("body", "sessionIds");
    s.post("/auth/app-portal-access/a", json!({"sessionId": ""})).await.invalid("body", "sessionId");
    s.post("/auth/app/none/expire-all", json!({})).await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_makes_few_inboxes_and_reads_what_comes() {
    let s = server().await;
    let (a, b) = (s.app("a").await, s.app("b").await);
    let (ours, theirs) = (s.app_token("org_test", &a), s.app_token("org_test", &b));
    let call =
        async |token: &str, method: Method, path: &str| s.raw(token, method, &format!("/api/v1{path}"), "").await;
    let made = call(&ours, Method::POST, "/app/a/test-inbox").await.expect(201);
    let id = text(&made["id"]);
    assert_eq!(made["expiresAt"], json!(START.plus(Duration::from_secs(7 * 86_400)).to_string()));
    assert_eq!(call(&ours, Method::GET, "/app/a/test-inbox").await.expect(200)["data"], json!([made]));
    let requests = format!("/app/a/test-inbox/{id}/request");
    assert_eq!(call(&ours, Method::GET, &requests).await.expect(200)["data"], json!([]));
    capture(&s, &made["url"], "", Verdict::Captured, b"{\"hello\":1}").await;
    let got = call(&ours, Method::GET, &requests).await.expect(200);
    assert_eq!(got["data"][0]["body"], "{\"hello\":1}");

    // Whoever is not of this application sees nothing, whatever path they try.
    for path in [requests.clone(), requests.replace("/app/a/", "/app/b/")] {
        call(&theirs, Method::GET, &path).await.refuse(404, "not_found");
    }
    call(&theirs, Method::DELETE, &format!("/app/b/test-inbox/{id}")).await.refuse(404, "not_found");
    call(&theirs, Method::POST, "/app/a/test-inbox").await.refuse(404, "not_found");
    assert_eq!(call(&theirs, Method::GET, "/app/b/test-inbox").await.expect(200)["data"], json!([]));
    let foreign = s.org_token("org_foreign");
    call(&foreign, Method::GET, &requests).await.refuse(404, "not_found");
    let reader = s.token("org_test", Some(&a), Capabilities::of(&[Capability::ViewBase]));
    call(&reader, Method::POST, "/app/a/test-inbox").await.refuse(403, "insufficient_access");
    call(&reader, Method::GET, &requests).await.expect(200);
    // A bin that the organisation made is no inbox.
    let bin = text(&s.call(Method::POST, "/bin", None).await.expect(201)["id"]);
    call(&ours, Method::GET, &format!("/app/a/test-inbox/{bin}/request")).await.refuse(404, "not_found");

    for _ in 0..2 {
        call(&ours, Method::POST, "/app/a/test-inbox").await.expect(201);
    }
    call(&ours, Method::POST, "/app/a/test-inbox").await.refuse(409, "conflict");
    call(&ours, Method::DELETE, &format!("/app/a/test-inbox/{id}")).await.expect(204);
    call(&ours, Method::GET, &requests).await.refuse(404, "not_found");
    call(&ours, Method::POST, "/app/a/test-inbox").await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inbox_has_a_url_that_an_endpoint_may_have_and_nothing_else_inside_has() {
    let s = server_with(|config| {
        let guard = AddressGuard::new(Vec::new(), vec!["127.0.0.1:8071".parse().unwrap()]);
        let guard = guard.with_own_origins(vec!["http://127.0.0.1:8071".into()]);
        config.target_rules = TargetRules { https_only: true, guard: Arc::new(guard) };
    })
    .await;
    s.app("a").await;
    let url = text(&s.call(Method::POST, "/app/a/test-inbox", None).await.expect(201)["url"]);
    assert!(url.starts_with("http://127.0.0.1:8071/in/"), "{url}");
    let add = async |url: &str| s.post("/app/a/endpoint", json!({"url": url})).await;
    assert_eq!(add(&url).await.expect(201)["url"], json!(url));
    let near = ["http://127.0.0.1:8071/api/v1/app", "http://127.0.0.1:8072/in/abcdefgh_-345678", &format!("{url}?x=1")];
    for other in near {
        add(other).await.invalid("body", "url");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_follows_tasks_of_the_own_application_only() {
    let s = server().await;
    let (a, b) = (s.app("a").await, s.app("b").await);
    s.endpoint("a", "e").await;
    let own = s.app_token("org_test", &a);
    let body = json!({"since": START.to_string()}).to_string();
    let task = s.raw(&own, Method::POST, "/api/v1/app/a/endpoint/e/recover", body).await.expect(202);
    let id = text(&task["id"]);
    let get =
        async |token: &str, app: &str| s.raw(token, Method::GET, &format!("/api/v1/app/{app}/task/{id}"), "").await;
    assert_eq!(get(&own, "a").await.expect(200)["id"], json!(id));
    let theirs = s.app_token("org_test", &b);
    get(&theirs, "a").await.refuse(404, "not_found");
    get(&theirs, "b").await.refuse(404, "not_found");
    get(&s.org_token("org_foreign"), "a").await.refuse(404, "not_found");
}
