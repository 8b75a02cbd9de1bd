//! The audit log: who changed what, from every door.

use super::api_keys::{as_person, key};
use super::{START, Server, server, server_with, text};
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use std::time::Duration;

/// Actor, action and object of each entry, oldest first.
async fn entries(s: &Server, query: &str) -> Vec<[String; 3]> {
    let list = s.get(&format!("/audit?order=ascending&limit=250&{query}")).await.expect(200);
    let row = |e: &Value| ["actor", "action", "object"].map(|name| text(&e[name]));
    list["data"].as_array().unwrap().iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_change_is_written_down_with_who_made_it() {
    let s = server().await;
    let app = text(&s.post("/app", json!({"name": "A", "uid": "a"})).await.expect(201)["id"]);
    let (id, ci) = key(&s, "ci", &["endpoints:write"]).await;
    let body = json!({"url": "https://example.com/", "uid": "e"}).to_string();
    let made = s.raw(&ci, Method::POST, "/api/v1/app/a/endpoint", body.clone()).await.expect(201);
    let portal = text(&s.post("/auth/app-portal-access/a", json!({})).await.expect(200)["token"]);
    s.raw(&portal, Method::PATCH, "/api/v1/app/a/endpoint/e", r#"{"description": "mine"}"#).await.expect(200);
    as_person(&s, Method::DELETE, "/app/a/endpoint/e", Value::Null).await;
    s.post("/event-type", json!({"name": "t", "description": "d"})).await.expect(201);
    s.delete("/event-type/t").await.expect(204);
    let mine = format!("portal:{app}");
    s.call(Method::PUT, "/app/b", Some(json!({"name": "B", "uid": "b"}))).await.expect(201);
    s.call(Method::PUT, "/app/b", Some(json!({"name": "B", "uid": "b"}))).await.expect(200);
    let want = [
        ["token", "app.create", &app],
        ["token", "api-key.create", &id],
        ["key:ci", "endpoint.create", &text(&made["id"])],
        ["token", "auth.app-portal-access", "a"],
        [&mine, "endpoint.update", "e"],
        ["person:ana@example.com", "endpoint.delete", "e"],
        ["token", "event-type.create", "t"],
        ["token", "event-type.delete", "t"],
        ["token", "app.create", "b"],
        ["token", "app.update", "b"],
    ];
    assert_eq!(entries(&s, "").await, want);
    let list = s.get("/audit?action=endpoint.delete").await.expect(200);
    let entry = &list["data"][0];
    assert_eq!((&entry["address"], &entry["detail"]), (&json!("192.0.2.9"), &json!("in a")));
    assert!(text(&entry["id"]).starts_with("audit_") && entry["timestamp"] == START.to_string());
    let own = s.get("/audit?action=app.create").await.expect(200);
    assert_eq!(own["data"][0]["address"], "127.0.0.1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_failed_what_only_reads_and_what_programs_do_all_day_is_not_written_down() {
    let s = server().await;
    s.app("a").await;
    let before = entries(&s, "").await;
    s.post("/app", json!({"name": ""})).await.expect(422);
    s.delete("/app/none").await.expect(404);
    s.get("/app/a").await.expect(200);
    s.post("/app/a/msg", json!({"eventType": "t", "payload": {}})).await.expect(202);
    s.post("/app/a/msg/batch", json!([{"eventType": "t", "payload": {}}])).await;
    assert_eq!(entries(&s, "").await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_request_is_one_change() {
    let s = server().await;
    let token = s.org_token("org_test");
    for _ in 0..2 {
        let request = Request::builder().method(Method::POST).uri("/api/v1/app");
        let request = request.header("authorization", format!("Bearer {token}")).header("idempotency-key", "k");
        let body = Full::from(json!({"name": "A"}).to_string());
        s.send(request.body(body).unwrap()).await.expect(201);
    }
    assert_eq!(entries(&s, "").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_filtered_paged_and_the_organisations_own() {
    let s = server().await;
    for n in 0..5 {
        s.post("/app", json!({"name": "A", "uid": format!("a{n}")})).await.expect(201);
        s.clock.advance(Duration::from_secs(60));
    }
    s.delete("/app/a0").await.expect(204);
    assert_eq!(entries(&s, "action=app.delete").await, [["token", "app.delete", "a0"]]);
    assert_eq!(entries(&s, "object=a0").await.len(), 1);
    assert_eq!(entries(&s, "actor=key:*").await.len(), 0);
    assert_eq!(entries(&s, "actor=tok*").await.len(), 6);
    let half = START.plus(Duration::from_secs(150));
    assert_eq!(entries(&s, &format!("before={half}")).await.len(), 3);
    assert_eq!(entries(&s, &format!("after={half}")).await.len(), 3);
    let first = s.get("/audit?limit=4").await.expect(200);
    assert_eq!((first["data"].as_array().unwrap().len(), &first["done"]), (4, &json!(false)));
    let rest = s.get(&format!("/audit?limit=4&iterator={}", text(&first["iterator"]))).await.expect(200);
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["done"]), (2, &json!(true)));
    let foreign = s.raw(&s.org_token("org_other"), Method::GET, "/api/v1/audit", "").await.expect(200);
    assert_eq!(foreign["data"], json!([]));
    s.get("/audit?before=yesterday").await.refuse(400, "invalid_query");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_trusted_proxy_the_address_is_the_clients() {
    let forwarded = async |s: &Server| {
        let request = Request::builder().method(Method::POST).uri("/api/v1/app");
        let request = request.header("authorization", format!("Bearer {}", s.org_token("org_test")));
        let request = request.header("x-forwarded-for", "198.51.100.1, 203.0.113.7");
        s.send(request.body(Full::from(r#"{"name": "A"}"#)).unwrap()).await.expect(201);
        text(&s.get("/audit").await.expect(200)["data"][0]["address"])
    };
    let trusting = server_with(|c| c.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await;
    assert_eq!(forwarded(&trusting).await, "203.0.113.7");
    assert_eq!(forwarded(&server().await).await, "127.0.0.1", "who trusts no proxy believes none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profiles_public_url_is_where_portal_links_lead() {
    let s = server().await;
    s.app("a").await;
    let org = s.store.organisation("org_test").await.unwrap();
    let public_url = Some("https://hooks.acme.example".to_owned());
    s.store.set_profile(org, store::Profile { public_url, ..Default::default() }).await.unwrap();
    let access = s.post("/auth/app-portal-access/a", json!({})).await.expect(200);
    assert!(text(&access["url"]).starts_with("https://hooks.acme.example/portal?org=org_test#key="), "{access}");
}
