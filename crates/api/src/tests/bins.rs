//! Bins: made at once, shared, forwarded, promoted.

use super::requests::capture;
use super::sources::{SECRET, receiving};
use super::{START, Server, server, text};
use domain::Timestamp;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use std::time::Duration;
use store::Verdict;

const DAY: Duration = Duration::from_secs(86_400);

async fn anyone(s: &Server, path: &str) -> super::Answer {
    s.send(Request::builder().uri(path).header("host", "localhost").body(Full::default()).unwrap()).await
}

fn after(days: u32) -> Value {
    json!(Timestamp::to_string(&START.plus(DAY * days)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bin_needs_nothing_and_ends_by_itself() {
    let s = server().await;
    let made = s.call(Method::POST, "/bin", None).await.expect(201);
    assert!(text(&made["url"]).starts_with("http://localhost/in/"));
    assert_eq!((&made["name"], &made["expiresAt"]), (&json!("Bin"), &after(7)));
    assert_eq!(
        (&made["requestsKept"], &made["forwardUrl"], &made["shareUrl"]),
        (&json!(1_000), &Value::Null, &Value::Null)
    );
    let id = text(&made["id"]);
    assert_eq!(s.get(&format!("/bin/{id}")).await.expect(200), made);
    assert_eq!(s.get("/bin").await.expect(200)["data"], json!([made]));
    // A bin is no source, nor a source a bin.
    assert_eq!(s.ingest(Method::GET, "", None).await.expect(200)["data"], json!([]));
    s.ingest(Method::GET, &format!("/{id}"), None).await.refuse(404, "not_found");
    s.ingest(Method::DELETE, &format!("/{id}"), None).await.refuse(404, "not_found");
    let body = json!({"name": "n", "type": "generic-webhook"});
    s.ingest(Method::PUT, &format!("/{id}"), Some(body)).await.refuse(409, "conflict");
    assert_eq!(s.get(&format!("/bin/{id}")).await.expect(200), made);
    s.delete(&format!("/bin/{id}")).await.expect(204);
    s.get(&format!("/bin/{id}")).await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bin_is_changed_field_by_field() {
    let s = server().await;
    let body = json!({"name": "Mine", "uid": "b", "expiresIn": null, "requestsKept": 5, "options": {"delayMs": 10}});
    let made = s.post("/bin", body).await.expect(201);
    assert_eq!((&made["expiresAt"], &made["requestsKept"]), (&Value::Null, &json!(5)));
    let patch = async |body: Value| s.patch("/bin/b", body).await;
    let patched = patch(json!({"name": "Ours", "expiresIn": 86_400})).await.expect(200);
    assert_eq!((&patched["name"], &patched["expiresAt"], &patched["uid"]), (&json!("Ours"), &after(1), &json!("b")));
    assert_eq!(patched["options"]["delayMs"], 10);
    // Options are replaced whole; how many requests are kept stays.
    let patched = patch(json!({"options": {"failureRate": 50}})).await.expect(200);
    assert_eq!((&patched["options"]["delayMs"], &patched["options"]["failureRate"]), (&json!(0), &json!(50)));
    assert_eq!(patched["requestsKept"], 5);
    let patched = patch(json!({"requestsKept": 7})).await.expect(200);
    assert_eq!((&patched["requestsKept"], &patched["options"]["failureRate"]), (&json!(7), &json!(50)));
    for (body, field) in [
        (json!({"expiresIn": 1}), "expiresIn"),
        (json!({"expiresIn": 90 * 86_400 + 1}), "expiresIn"),
        (json!({"requestsKept": 0}), "requestsKept"),
        (json!({"name": null}), "name"),
        (json!({"uid": "src_"}), "uid"),
        (json!({"forwardUrl": "http://127.0.0.1/"}), "forwardUrl"),
        (json!({"forwardUrl": "ftp://example.com/"}), "forwardUrl"),
    ] {
        patch(body).await.invalid("body", field);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forward_url_is_an_endpoint_for_as_long_as_it_is_set() {
    let s = server().await;
    let made = s.post("/bin", json!({"uid": "b", "forwardUrl": "https://example.com/a"})).await.expect(201);
    assert_eq!(made["forwardUrl"], "https://example.com/a");
    let endpoints = format!("/app/{}/endpoint", text(&made["appId"]));
    let urls = async || {
        let list = s.get(&endpoints).await.expect(200);
        list["data"].as_array().unwrap().iter().map(|e| text(&e["url"])).collect::<Vec<_>>()
    };
    assert_eq!(urls().await, ["https://example.com/a"]);
    let forwards = async || {
        let org = s.store.organisation("org_test").await.unwrap();
        s.store.source(org, &store::Ref::Uid("b".into())).await.unwrap().forwards
    };
    assert!(forwards().await);
    let patched = s.patch("/bin/b", json!({"forwardUrl": "https://example.com/b"})).await.expect(200);
    assert_eq!(
        (&patched["forwardUrl"], urls().await),
        (&json!("https://example.com/b"), vec!["https://example.com/b".to_owned()])
    );
    let patched = s.patch("/bin/b", json!({"forwardUrl": null})).await.expect(200);
    assert_eq!((&patched["forwardUrl"], urls().await.len(), forwards().await), (&Value::Null, 0, false));
    s.patch("/bin/b", json!({"forwardUrl": null})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_link_shows_the_requests_to_all_until_it_is_revoked() {
    let (s, _) = receiving().await;
    let made = s.post("/bin", json!({"uid": "b", "name": "Look"})).await.expect(201);
    let id = capture(&s, &made["url"], "/x", Verdict::Captured, b"hello").await;
    let shared = s.post("/bin/b/share", json!({})).await.expect(201);
    let token = text(&shared["token"]);
    assert_eq!(shared["url"], json!(format!("http://localhost/share/{token}")));
    assert_eq!(s.post("/bin/b/share", json!({})).await.expect(201), shared);
    assert_eq!(s.get("/bin/b").await.expect(200)["shareUrl"], shared["url"]);
    let path = format!("/api/v1/share/{token}");
    let page = anyone(&s, &path).await.expect(200);
    assert_eq!(page["name"], "Look");
    let in_token = text(&made["url"]).rsplit('/').next().unwrap().to_owned();
    let list = anyone(&s, &format!("{path}/request?limit=10")).await.expect(200);
    assert_eq!((&list["data"][0]["id"], &list["data"][0]["body"]), (&json!(id), &json!("hello")));
    assert_eq!(anyone(&s, &format!("{path}/request/{id}")).await.expect(200)["path"], "/x");
    assert!(!page.to_string().contains(&in_token) && !list.to_string().contains(&in_token));
    anyone(&s, &format!("{path}/request/req_1")).await.refuse(404, "not_found");
    let post = Request::builder().method(Method::POST).uri(&path).body(Full::default()).unwrap();
    s.send(post).await.refuse(405, "method_not_allowed");
    s.delete("/bin/b/share").await.expect(204);
    for gone in [path.clone(), format!("{path}/request"), format!("{path}/request/{id}")] {
        anyone(&s, &gone).await.refuse(404, "not_found");
    }
    // A new link is another one, and ends with the bin.
    let again = text(&s.post("/bin/b/share", json!({})).await.expect(201)["token"]);
    assert_ne!(again, token);
    anyone(&s, &format!("/api/v1/share/{again}")).await.expect(200);
    s.clock.advance(DAY * 7);
    anyone(&s, &format!("/api/v1/share/{again}")).await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bin_becomes_a_source_with_the_same_url_and_requests() {
    let (s, _) = receiving().await;
    let made = s.post("/bin", json!({"uid": "b", "options": {"delayMs": 10}})).await.expect(201);
    let id = capture(&s, &made["url"], "", Verdict::Captured, b"hello").await;
    let token = text(&s.post("/bin/b/share", json!({})).await.expect(201)["token"]);
    let promote = async |body: Value| s.post("/bin/b/promote", body).await;
    let problem = promote(json!({"type": "stripe"})).await.expect(422);
    assert_eq!(problem["detail"][0]["loc"], json!(["body", "config", "secret"]));
    promote(json!({"config": {}})).await.invalid("body", "type");
    let body = json!({"type": "stripe", "config": {"secret": SECRET}, "name": "Money"});
    let source = promote(body.clone()).await.expect(201);
    assert_eq!((&source["id"], &source["ingestUrl"]), (&made["id"], &made["url"]));
    assert_eq!(
        (&source["type"], &source["name"], &source["state"]),
        (&json!("stripe"), &json!("Money"), &json!("live"))
    );
    assert_eq!(source["options"]["delayMs"], 10);
    assert_eq!(s.ingest(Method::GET, "/b", None).await.expect(200), source);
    let requests = s.ingest(Method::GET, "/b/request", None).await.expect(200);
    assert_eq!(requests["data"][0]["id"], json!(id));
    s.get("/bin/b").await.refuse(404, "not_found");
    promote(body).await.refuse(404, "not_found");
    anyone(&s, &format!("/api/v1/share/{token}")).await.refuse(404, "not_found");
    s.clock.advance(DAY * 8);
    assert!(s.store.source_route(text(&made["url"]).rsplit('/').next().unwrap()).await.unwrap().is_some());
}
