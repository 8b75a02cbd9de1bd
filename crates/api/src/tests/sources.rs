//! Sources: their shapes, rules, secrets, URLs, and who may do what with them.

use super::{Answer, Server, server, server_with, text};
use crate::config::{BoxFuture, Inbound};
use axum::body::Body;
use bytes::Bytes;
use domain::SourceRoute;
use http::request::Parts;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use parking_lot::Mutex;
use serde_json::{Value, json};
use signing::providers::Provider;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use store::{CapturedRequest, InboundEvent};

pub(super) const SECRET: &str = "a long enough secret of a source";

/// One event of each request, as its body says; none where that is `none`.
#[derive(Default)]
pub(super) struct TestInbound {
    pub nudges: AtomicU32,
    /// What was handed over.
    pub came: Arc<Mutex<Vec<(Parts, Bytes)>>>,
    pub next_id: Arc<Mutex<String>>,
}

impl Inbound for TestInbound {
    fn answer(&self, _request: Request<Incoming>, _peer: SocketAddr) -> BoxFuture<Response<Body>> {
        Box::pin(async { Response::new(Body::empty()) })
    }
    fn hand_over(&self, request: Request<Full<Bytes>>, _peer: SocketAddr) -> BoxFuture<Response<Body>> {
        let (came, id) = (self.came.clone(), self.next_id.clone());
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            came.lock().push((parts, body));
            let id = id.lock().clone();
            let answer = Response::builder().status(202);
            let answer = if id.is_empty() { answer } else { answer.header("postrider-request-id", id) };
            answer.body(Body::empty()).unwrap()
        })
    }
    fn events(&self, _source: &Arc<SourceRoute>, request: &CapturedRequest) -> Result<Vec<InboundEvent>, String> {
        let body = request.body.clone().unwrap();
        if body == "none" {
            return Err("the body has no event in it".into());
        }
        Ok(vec![InboundEvent { keys: Vec::new(), event_type: "push".into(), payload: body, body_at: None }])
    }
    fn nudge(&self) {
        self.nudges.fetch_add(1, Ordering::SeqCst);
    }
}

pub(super) async fn receiving() -> (Server, Arc<TestInbound>) {
    let inbound = Arc::new(TestInbound::default());
    let mounted = inbound.clone();
    (server_with(|c| c.inbound = Some(mounted)).await, inbound)
}

/// A source with this uid, and its wire form.
pub(super) async fn stripe(s: &Server, uid: &str) -> Value {
    let body = json!({"name": "Our money", "uid": uid, "type": "stripe", "config": {"secret": SECRET}});
    s.ingest(Method::POST, "", Some(body)).await.expect(201)
}

fn invalid_at(answer: &Answer, place: &[&str]) -> String {
    let body = answer.expect(422);
    assert_eq!(body["detail"][0]["loc"], json!(place), "{body}");
    text(&body["detail"][0]["msg"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_is_shown_as_it_was_made_without_its_secrets() {
    let s = server().await;
    let options = json!({"response": {"status": 202}, "delayMs": 5});
    let body = json!({
        "name": "Our money", "uid": "code", "type": "stripe", "config": {"secret": SECRET},
        "metadata": {"a": "b"}, "options": options, "state": "paused",
    });
    let made = s.ingest(Method::POST, "", Some(body)).await.expect(201);
    assert!(text(&made["id"]).starts_with("src_"));
    assert!(text(&made["appId"]).starts_with("app_"));
    assert_eq!((&made["name"], &made["uid"], &made["type"]), (&json!("Our money"), &json!("code"), &json!("stripe")));
    assert_eq!((&made["metadata"], &made["state"]), (&json!({"a": "b"}), &json!("paused")));
    assert_eq!((&made["options"]["response"]["status"], &made["options"]["delayMs"]), (&json!(202), &json!(5)));
    assert_eq!(made["verification"], json!({"scheme": "stripe", "insecure": false}));
    let url = text(&made["ingestUrl"]);
    let token = url.strip_prefix("http://localhost/in/").unwrap();
    assert_eq!((token.len(), token.bytes().all(|c| c.is_ascii_alphanumeric())), (32, true));
    assert!(!made.to_string().contains(SECRET), "{made}");
    let got = s.ingest(Method::GET, "/code", None).await.expect(200);
    assert_eq!(got, made);
    assert_eq!(s.ingest(Method::GET, &format!("/{}", text(&made["id"])), None).await.expect(200), made);
    let listed = s.ingest(Method::GET, "", None).await.expect(200);
    assert_eq!(listed["data"], json!([made]));
    // Its application is in no list.
    assert_eq!(s.get("/app").await.expect(200)["data"], json!([]));
    let other = s.raw(&s.org_token("org_other"), Method::GET, "/ingest/api/v1/source/code", "").await;
    other.refuse(404, "not_found");
    s.ingest(Method::DELETE, "/code", None).await.expect(204);
    s.ingest(Method::GET, "/code", None).await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_source_can_not_be_is_said_at_its_place() {
    let s = server().await;
    let post = async |body: Value| s.ingest(Method::POST, "", Some(body)).await;
    let with = |change: Value| {
        let mut body = json!({"name": "n", "type": "stripe", "config": {"secret": SECRET}});
        change.as_object().unwrap().iter().for_each(|(k, v)| body[k] = v.clone());
        body
    };
    let near = invalid_at(&post(with(json!({"type": "strpe"}))).await, &["body", "type"]);
    assert!(near.contains("stripe"), "{near}");
    let far = invalid_at(&post(with(json!({"type": "no such thing at all"}))).await, &["body", "type"]);
    assert!(far.contains("/api/v1/source-type"), "{far}");
    let cron = invalid_at(&post(with(json!({"type": "cron"}))).await, &["body", "type"]);
    assert!(cron.contains("clock"), "{cron}");
    for (change, place) in [
        (json!({"type": null}), "type"),
        (json!({"name": ""}), "name"),
        (json!({"name": "n".repeat(257)}), "name"),
        (json!({"uid": "src_x"}), "uid"),
        (json!({"uid": "a.b"}), "uid"),
        (json!({"config": []}), "config"),
        (json!({"config": {"secret": "s".repeat(70_000)}}), "config"),
        (json!({"metadata": {"a": 1}}), "metadata"),
        (json!({"state": "off"}), "state"),
        (json!({"options": 1}), "options"),
    ] {
        invalid_at(&post(with(change)).await, &["body", place]);
    }
    for config in [json!({"secret": ""}), json!({"secret": "short"}), json!({}), json!({"secret": 1})] {
        invalid_at(&post(with(json!({"config": config}))).await, &["body", "config", "secret"]);
    }
    let status = post(with(json!({"options": {"response": {"status": 100}}}))).await;
    invalid_at(&status, &["body", "options", "response", "status"]);
    post(with(json!({"uid": "a"}))).await.expect(201);
    post(with(json!({"uid": "a"}))).await.refuse(409, "conflict");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_keep_the_secrets_that_they_leave_out() {
    let (s, inbound) = receiving().await;
    let made = stripe(&s, "code").await;
    let sealed = async || {
        let org = s.store.organisation("org_test").await.unwrap();
        s.store.source(org, &store::Ref::Uid("code".into())).await.unwrap().config_sealed
    };
    let first = sealed().await;
    let put = s.ingest(Method::PUT, "/code", Some(json!({"name": "New", "uid": "code", "type": "stripe"}))).await;
    let put = put.expect(200);
    assert_eq!((&put["name"], &put["id"], &put["ingestUrl"]), (&json!("New"), &made["id"], &made["ingestUrl"]));
    let patch = async |body: Value| s.ingest(Method::PATCH, "/code", Some(body)).await;
    let patched = patch(json!({"metadata": {"a": "b"}, "state": "paused"})).await.expect(200);
    assert_eq!((&patched["name"], &patched["metadata"]), (&json!("New"), &json!({"a": "b"})));
    assert_eq!(sealed().await, first);
    assert_eq!(inbound.nudges.load(Ordering::SeqCst), 0);
    patch(json!({"state": "live"})).await.expect(200);
    assert_eq!(inbound.nudges.load(Ordering::SeqCst), 1);
    patch(json!({"state": "live"})).await.expect(200);
    assert_eq!(inbound.nudges.load(Ordering::SeqCst), 1);

    invalid_at(&patch(json!({"config": null})).await, &["body", "config", "secret"]);
    invalid_at(&patch(json!({"name": null})).await, &["body", "name"]);
    assert_eq!(sealed().await, first);
    // A provider that can do with the secret that is there.
    assert_eq!(patch(json!({"type": "generic-webhook"})).await.expect(200)["verification"]["insecure"], true);
    assert_eq!(sealed().await, first);
    patch(json!({"type": "stripe", "config": {"secret": "another secret, long enough"}})).await.expect(200);
    assert_ne!(sealed().await, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_verifies_nothing_says_so() {
    let s = server().await;
    for (kind, config, is_insecure) in [
        ("generic-webhook", json!({}), true),
        // The Svix API lets some secrets be left out.
        ("github", json!({}), true),
        ("github", json!({"secret": SECRET}), false),
        ("stripe", json!({"secret": SECRET}), false),
    ] {
        let body = json!({"name": "n", "type": kind, "config": config});
        let made = s.ingest(Method::POST, "", Some(body)).await.expect(201);
        assert_eq!(made["verification"], json!({"scheme": kind, "insecure": is_insecure}), "{config}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_learns_its_secret_needs_none_and_is_not_insecure() {
    let s = server().await;
    for kind in ["asana", "notion"] {
        for config in [json!({}), json!({"secret": SECRET}), Value::Null] {
            let body = json!({"name": "n", "type": kind, "config": config});
            let made = s.ingest(Method::POST, "", Some(body)).await.expect(201);
            assert_eq!(made["verification"], json!({"scheme": kind, "insecure": false}), "{config}");
        }
        let body = json!({"name": "n", "type": kind, "config": {"secret": ""}});
        invalid_at(&s.ingest(Method::POST, "", Some(body)).await, &["body", "config", "secret"]);
        // Without a secret again, it learns again.
        let body = json!({"name": "n", "type": kind, "config": {"secret": SECRET}});
        s.ingest(Method::PUT, &format!("/{kind}"), Some(body)).await.expect(201);
        s.ingest(Method::PATCH, &format!("/{kind}"), Some(json!({"config": {}}))).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_creates_what_its_uid_names() {
    let s = server().await;
    let body = json!({"name": "n", "type": "stripe"});
    // Nothing to keep: the secret is missing.
    invalid_at(&s.ingest(Method::PUT, "/new", Some(body)).await, &["body", "config", "secret"]);
    let body = json!({"name": "n", "type": "stripe", "config": {"secret": SECRET}});
    let made = s.ingest(Method::PUT, "/new", Some(body.clone())).await.expect(201);
    assert_eq!(made["uid"], "new");
    let again = s.ingest(Method::PUT, "/new", Some(body.clone())).await.expect(200);
    assert_eq!((&again["id"], &again["uid"]), (&made["id"], &made["uid"]));
    s.ingest(Method::PUT, "/a.b", Some(body.clone())).await.refuse(404, "not_found");
    let other = stripe(&s, "other").await;
    s.ingest(Method::DELETE, "/other", None).await.expect(204);
    s.ingest(Method::PUT, &format!("/{}", text(&other["id"])), Some(body)).await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_url_works_on_for_a_while_and_three_old_ones_at_most() {
    let s = server().await;
    let made = stripe(&s, "code").await;
    let token = |url: &Value| text(url).rsplit('/').next().unwrap().to_owned();
    let first = token(&made["ingestUrl"]);
    let rotate = async |body: Value| s.ingest(Method::POST, "/code/token/rotate", Some(body)).await;
    rotate(json!({"gracePeriodSeconds": 172_801})).await.invalid("body", "gracePeriodSeconds");
    let second = token(&rotate(json!({})).await.expect(200)["ingestUrl"]);
    assert_ne!(first, second);
    let lives = async |token: &str| s.store.source_route(token).await.unwrap().is_some();
    assert!(lives(&first).await && lives(&second).await);
    rotate(json!({})).await.expect(200);
    rotate(json!({})).await.expect(200);
    rotate(json!({})).await.refuse(409, "conflict");
    s.clock.advance(Duration::from_secs(48 * 3600 + 1));
    assert!(!lives(&first).await && !lives(&second).await);
    let now = token(&rotate(json!({"gracePeriodSeconds": 0})).await.expect(200)["ingestUrl"]);
    assert!(lives(&now).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_of_a_source_are_endpoints_of_its_application() {
    let s = server().await;
    let made = stripe(&s, "code").await;
    // `push` is registered nowhere: the provider sends it.
    let body = json!({"url": "https://example.com/hook", "uid": "e", "eventTypes": ["push"]});
    let endpoint = s.ingest(Method::POST, "/code/endpoint", Some(body)).await.expect(201);
    let ours = s.get(&format!("/app/{}/endpoint/e", text(&made["appId"]))).await.expect(200);
    assert_eq!(ours, endpoint);
    let listed = s.ingest(Method::GET, "/code/endpoint", None).await.expect(200);
    assert_eq!(listed["data"], json!([endpoint]));
    let key = text(&s.ingest(Method::GET, "/code/endpoint/e/secret", None).await.expect(200)["key"]);
    s.ingest(Method::POST, "/code/endpoint/e/secret/rotate", Some(json!({}))).await.expect(204);
    assert_ne!(s.ingest(Method::GET, "/code/endpoint/e/secret", None).await.expect(200)["key"], key);
    let headers = json!({"headers": {"x-a": "b"}});
    s.ingest(Method::PUT, "/code/endpoint/e/headers", Some(headers)).await.expect(204);
    let headers = s.ingest(Method::GET, "/code/endpoint/e/headers", None).await.expect(200);
    assert_eq!(headers["headers"], json!({"x-a": "b"}));
    let transformation = async |method, body| s.ingest(method, "/code/endpoint/e/transformation", body).await;
    assert_eq!(transformation(Method::GET, None).await.expect(200), json!({"code": null, "enabled": false}));
    transformation(Method::PATCH, Some(json!({"enabled": false}))).await.expect(204);
    transformation(Method::PATCH, Some(json!({"code": "function handler() {}"}))).await.refuse(400, "not_supported");
    transformation(Method::PATCH, Some(json!({"enabled": true}))).await.refuse(400, "not_supported");
    s.ingest(Method::DELETE, "/code/endpoint/e", None).await.expect(204);
    transformation(Method::GET, None).await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_portal_of_a_source_opens_that_source_alone() {
    let s = server().await;
    stripe(&s, "code").await;
    stripe(&s, "other").await;
    let access = s.ingest(Method::POST, "/code/dashboard", Some(json!({"expiry": 3600}))).await.expect(200);
    let token = text(&access["token"]);
    assert_eq!(access["url"], json!(format!("http://localhost/portal?org=org_test#key={token}")));
    let call = async |method, path: &str, body: &'static str| {
        s.raw(&token, method, &format!("/ingest/api/v1/source{path}"), body).await
    };
    let body = r#"{"url": "https://example.com/hook"}"#;
    call(Method::POST, "/code/endpoint", body).await.expect(201);
    for path in ["/code/endpoint", "/code/request", "/code/log", "/code/export"] {
        assert_eq!(call(Method::GET, path, "").await.status, 200, "{path}");
    }
    call(Method::POST, "/other/endpoint", body).await.refuse(404, "not_found");
    call(Method::GET, "/other/request", "").await.refuse(404, "not_found");
    call(Method::GET, "/code", "").await.refuse(403, "insufficient_access");
    call(Method::POST, "/code/token/rotate", "").await.refuse(403, "insufficient_access");
    call(Method::DELETE, "/code/request", "").await.refuse(403, "insufficient_access");

    let read_only = s.ingest(Method::POST, "/code/dashboard", Some(json!({"readOnly": true}))).await.expect(200);
    let token = text(&read_only["token"]);
    let post = s.raw(&token, Method::POST, "/ingest/api/v1/source/code/endpoint", body).await;
    post.refuse(403, "insufficient_access");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_source_is_listed_with_what_it_needs() {
    let s = server().await;
    let kinds = s.get("/source-type").await.expect(200);
    let kinds = kinds["data"].as_array().unwrap();
    assert_eq!(kinds.len(), Provider::all().len());
    let kind = |name: &str| kinds.iter().find(|k| k["name"] == name).unwrap_or_else(|| panic!("no {name}"));
    let said = |name: &str| ["insecure", "secretOptional", "needs"].map(|key| kind(name)[key].clone());
    assert_eq!(said("stripe"), [json!(false), json!(false), json!(["secret"])]);
    assert_eq!(said("github"), [json!(false), json!(true), json!([])]);
    assert_eq!(said("generic-webhook"), [json!(true), json!(false), json!([])]);
    assert_eq!(said("asana"), [json!(false), json!(false), json!([])]);
    assert_eq!(said("pusher")[2], json!(["secret", "key"]));
    assert_eq!(said("plaid")[2], json!(["secret", "clientId"]));
    assert!(kinds.iter().all(|k| !text(&k["title"]).is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_whose_handshake_brings_the_secret_may_be_made_without_one() {
    let s = server().await;
    let create = async |config: Value| {
        s.ingest(Method::POST, "", Some(json!({"name": "n", "type": "asana", "config": config}))).await
    };
    let made = create(json!({})).await.expect(201);
    assert_eq!(made["verification"], json!({"scheme": "asana", "insecure": false}));
    for (config, field) in
        [(json!({"secret": ""}), "secret"), (json!({"secrets": []}), "secret"), (json!({"allowIps": "x"}), "allowIps")]
    {
        invalid_at(&create(config).await, &["body", "config", field]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simulated_event_is_signed_with_the_sources_own_secret() {
    let (s, inbound) = receiving().await;
    let source = stripe(&s, "money").await;
    let id = s.store.codec().text(domain::RequestId(7));
    *inbound.next_id.lock() = id.clone();
    let answer = s.ingest(Method::POST, "/money/simulate", None).await.expect(200);
    assert_eq!(answer, json!({"requestId": id, "eventType": "invoice.paid", "responseStatusCode": 202}));
    let body = json!({"eventType": "payment_intent.succeeded"});
    s.ingest(Method::POST, "/money/simulate", Some(body)).await.expect(200);
    let came = inbound.came.lock();
    let url = text(&source["ingestUrl"]);
    for ((parts, body), event) in came.iter().zip(["invoice.paid", "payment_intent.succeeded"]) {
        assert!(url.ends_with(parts.uri.path()), "{url}");
        let headers: Vec<_> = parts.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        let now_ms = super::START.millis();
        let request = signing::providers::Inbound { method: "POST", url: &url, headers: &headers, body, now_ms };
        let verifier = Provider::find("stripe").unwrap().verifier(&json!({ "secret": SECRET })).unwrap();
        assert_eq!(verifier.judge(&request, &signing::providers::NoMaterials), Ok(()));
        let sent: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(sent["type"], event);
    }
    assert_ne!(came[0].1, came[1].1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_simulated_says_why() {
    let (s, inbound) = receiving().await;
    let body = json!({"name": "Chat", "uid": "chat", "type": "discord", "config": {"publicKey": "0".repeat(64)}});
    let made = s.ingest(Method::POST, "", Some(body)).await;
    if made.status == 201 {
        let refused = s.ingest(Method::POST, "/chat/simulate", None).await;
        refused.refuse(409, "conflict");
    }
    stripe(&s, "money").await;
    for bad in [json!({"eventType": 7}), json!({"eventType": ""}), json!({"eventType": "a\n"})] {
        s.ingest(Method::POST, "/money/simulate", Some(bad)).await.expect(422);
    }
    assert!(inbound.came.lock().is_empty());
    // Of an event that there is no sample of, any JSON will do; what is refused before it is stored has no request.
    let answer = s.ingest(Method::POST, "/money/simulate", Some(json!({"eventType": "my.own"}))).await.expect(200);
    assert_eq!((&answer["requestId"], &answer["eventType"]), (&Value::Null, &json!("my.own")));
    assert_eq!(serde_json::from_slice::<Value>(&inbound.came.lock()[0].1).unwrap()["type"], "my.own");
    s.post("/bin", json!({"uid": "b"})).await.expect(201);
    s.ingest(Method::POST, "/b/simulate", None).await.refuse(404, "not_found");
}
