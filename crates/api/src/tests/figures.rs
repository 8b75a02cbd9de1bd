//! Figures, issues and search over HTTP: shapes, filters, and whose they are.

use super::requests::capture;
use super::sources::{receiving, stripe};
use super::{START, Server, server, text};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use store::{NewAttempt, Next, Settlement, Verdict};

/// Two messages of application `a`: one delivered, one answered 503 and dead; figures are written.
async fn setting() -> (Server, String, String) {
    let s = server().await;
    let app = s.app("a").await;
    let endpoint = s.endpoint("a", "e").await;
    for (event_type, next) in
        [("invoice.paid", Next::Delivered), ("invoice.voided", Next::Dead(domain::DeadReason::Exhausted))]
    {
        s.message("a", event_type).await;
        let lease = s.leases.lock().await.next().await.unwrap().remove(0);
        let success = next == Next::Delivered;
        s.store.settle(Settlement {
            payload_bytes: u32::try_from(lease.payload.len()).unwrap(),
            key: lease.key,
            endpoint: lease.endpoint,
            cause: lease.cause,
            attempts: 0,
            attempt: Some(NewAttempt {
                success,
                status_code: if success { 200 } else { 503 },
                duration_us: 50_000,
                response: "<b>busy</b>".into(),
                gone: false,
                detail: Vec::new(),
            }),
            next,
            lane: None,
        });
        s.store.ready().await.unwrap();
    }
    s.clock.advance(Duration::from_secs(1));
    s.store.ready().await.unwrap();
    s.store.ready().await.unwrap();
    (s, app, endpoint)
}

/// As another organisation.
async fn foreign(s: &Server, path: &str) -> Value {
    s.raw(&s.org_token("org_foreign"), Method::GET, &format!("/api/v1{path}"), "").await.expect(200)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throughput_is_told_step_by_step() {
    let (s, ..) = setting().await;
    let out = s.get("/figures/throughput").await.expect(200);
    assert_eq!((&out["step"], out["series"].as_array().unwrap().len()), (&json!("minute"), 61));
    let total = &out["total"];
    for (name, want) in
        [("accepted", 2), ("delivered", 1), ("retried", 0), ("failed", 1), ("received", 0), ("refused", 0)]
    {
        assert_eq!(total[name], json!(want), "{name}");
    }
    let p99 = total["p99Ms"].as_f64().unwrap();
    assert!((45.0..55.0).contains(&p99), "{p99}");
    assert_eq!(out["series"][0]["p50Ms"], Value::Null);
    assert_eq!(out["series"][60]["accepted"], json!(2));
    let days = s.get("/figures/throughput?step=day&since=2026-11-20T00:00:00Z").await.expect(200);
    let series: Vec<_> = days["series"].as_array().unwrap().iter().map(|d| (&d["at"], &d["accepted"])).collect();
    let [first, second] = ["2026-11-20T00:00:00.000Z", "2026-11-21T00:00:00.000Z"].map(|t| json!(t));
    assert_eq!(series, [(&first, &json!(0)), (&second, &json!(2))]);
    assert_eq!(foreign(&s, "/figures/throughput").await["total"]["accepted"], json!(0));
    s.get("/figures/throughput?step=week").await.invalid("query", "step");
    s.get("/figures/throughput?since=2026-01-01T00:00:00Z").await.invalid("query", "step");
    s.get("/figures/throughput?since=2027-01-01T00:00:00Z").await.invalid("query", "since");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applications_endpoints_types_and_the_queue_have_figures() {
    let (s, app, endpoint) = setting().await;
    for path in ["/figures/application", "/figures/application?app_id=a"] {
        let out = s.get(path).await.expect(200);
        let of_app = &out["data"][0];
        assert_eq!((&of_app["appId"], &of_app["messages"], &of_app["failed"]), (&json!(app), &json!(2), &json!(1)));
        assert_eq!(of_app["lastMessageAt"], json!(START.to_string()));
        assert_eq!(of_app["series"].as_array().unwrap().len(), 25);
        assert_eq!(of_app["series"][24]["messages"], json!(2));
    }
    s.get("/figures/application?app_id=none").await.refuse(404, "not_found");
    s.get("/figures/application?since=2025-01-01T00:00:00Z").await.invalid("query", "since");
    assert_eq!(foreign(&s, "/figures/application").await, json!({"data": []}));

    let out = s.get(&format!("/figures/endpoint/{endpoint}")).await.expect(200);
    assert_eq!((&out["endpointId"], &out["delivered"], &out["failed"]), (&json!(endpoint), &json!(1), &json!(1)));
    assert!(out["p95Ms"].is_number() && out["series"][24]["p50Ms"].is_number(), "{out}");
    let path = format!("/api/v1/figures/endpoint/{endpoint}");
    s.raw(&s.org_token("org_foreign"), Method::GET, &path, "").await.refuse(404, "not_found");

    let out = s.get("/figures/event-type?since=2026-11-21T00:00:00Z").await.expect(200);
    let names: Vec<_> = out["data"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
    assert_eq!(names, ["invoice.paid", "invoice.voided"]);
    assert_eq!((&out["other"], &out["data"][0]["lastAt"]), (&json!(0), &json!(START.to_string())));
    assert_eq!(foreign(&s, "/figures/event-type").await["data"], json!([]));

    let out = s.get("/figures/queue").await.expect(200);
    assert_eq!((&out["due"], &out["later"], &out["dead"]), (&json!(0), &json!(0), &json!(1)));
    assert_eq!((&out["isEstimate"], &out["oldestDueAt"]), (&json!(false), &Value::Null));
    let lane = &out["endpoints"][0];
    assert_eq!((&lane["endpointId"], &lane["appName"], &lane["dead"]), (&json!(endpoint), &json!("a"), &json!(1)));
    assert_eq!(foreign(&s, "/figures/queue").await["endpoints"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issue_says_what_to_do_and_takes_a_state() {
    let (s, app, endpoint) = setting().await;
    let list = s.get("/issue?state=open").await.expect(200);
    let issue = &list["data"][0];
    assert_eq!((&issue["kind"], &issue["title"]), (&json!("unavailable"), &json!("The receiver is unavailable")));
    assert!(text(&issue["fix"]).ends_with('.') && text(&issue["cause"]).contains("503"));
    assert_eq!((&issue["appId"], &issue["endpointId"]), (&json!(app), &json!(endpoint)));
    assert_eq!((&issue["count"], &issue["responseStatusCode"]), (&json!(1), &json!(503)));
    assert_eq!((&issue["detail"], &issue["state"]), (&json!("<b>busy</b>"), &json!("open")));
    let (msg, attempt) = (text(&issue["msgId"]), text(&issue["attemptId"]));
    s.get(&format!("/app/a/msg/{msg}/attempt/{attempt}")).await.expect(200);
    let path = format!("/issue/{}", text(&issue["id"]));
    assert_eq!(&s.get(&path).await.expect(200), issue);
    for state in ["muted", "resolved", "open"] {
        assert_eq!(s.patch(&path, json!({"state": state})).await.expect(200)["state"], json!(state));
        let found = s.get(&format!("/issue?app_id=a&endpoint_id={endpoint}&state={state}")).await.expect(200);
        assert_eq!(found["data"].as_array().unwrap().len(), 1, "{state}");
    }
    s.patch(&path, json!({"state": "gone"})).await.invalid("body", "state");
    s.patch(&path, json!({})).await.invalid("body", "state");
    s.get("/issue?state=bad").await.invalid("query", "state");
    s.get("/issue?endpoint_id=e").await.invalid("query", "endpoint_id");
    s.get("/issue?app_id=none").await.refuse(404, "not_found");
    s.get("/issue/iss_x").await.refuse(404, "not_found");
    assert_eq!(foreign(&s, "/issue").await["data"], json!([]));
    assert_eq!(foreign(&s, &format!("/issue?endpoint_id={endpoint}")).await["data"], json!([]));
    let theirs = s.org_token("org_foreign");
    s.raw(&theirs, Method::GET, &format!("/api/v1{path}"), "").await.refuse(404, "not_found");
    s.raw(&theirs, Method::PATCH, &format!("/api/v1{path}"), "{\"state\":\"muted\"}").await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_is_text_and_tells_what_it_understood() {
    let (s, app, endpoint) = setting().await;
    let out = s.get("/search/message?q=app:a+status:failed++type:invoice.*").await.expect(200);
    let found = &out["data"][0];
    assert_eq!((&found["eventType"], &found["lastStatusCode"]), (&json!("invoice.voided"), &json!(503)));
    assert_eq!((&found["appId"], &found["appName"], &found["appUid"]), (&json!(app), &json!("a"), &json!("a")));
    let statuses = json!({"delivered": 0, "pending": 0, "sending": 0, "failed": 1, "canceled": 0});
    assert_eq!(found["statuses"], statuses);
    assert!(found.get("payload").is_none());
    assert_eq!(out["query"], json!("status:failed type:invoice.* app:a"));
    assert_eq!((&out["done"], &out["lookedBackTo"]), (&json!(true), &Value::Null));
    for (q, n) in [
        ("", 2),
        ("code:5xx", 1),
        (&format!("endpoint:{endpoint}"), 2),
        (&text(&found["id"]), 1),
        ("tag:x", 0),
        ("after:1h", 2),
    ] {
        let out = s.get(&format!("/search/message?q={q}")).await.expect(200);
        assert_eq!(out["data"].as_array().unwrap().len(), n, "{q}");
        assert_eq!(foreign(&s, "/search/message?q=code:5xx").await["data"], json!([]));
    }
    for q in ["", "code:5xx"] {
        let first = s.get(&format!("/search/message?limit=1&q={q}")).await.expect(200);
        let path = format!("/search/message?limit=1&q={q}&iterator={}", text(&first["iterator"]));
        let second = s.get(&path).await.expect(200);
        assert_ne!(first["data"], second["data"]);
    }
    let bad = s.get("/search/message?q=state:failed").await;
    bad.invalid("query", "q");
    assert!(bad.json()["detail"][0]["msg"].as_str().unwrap().contains("use one of status:, type:"));
    s.get("/search/message?q=app:none").await.refuse(404, "not_found");
    s.get("/search/message?iterator=msg_x").await.invalid("query", "iterator");
    let path = format!("/api/v1/search/message?q=app:{app}");
    s.raw(&s.org_token("org_foreign"), Method::GET, &path, "").await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn issues_are_asked_for_by_kind() {
    let (s, ..) = setting().await;
    let count =
        async |query: &str| s.get(&format!("/issue?{query}")).await.expect(200)["data"].as_array().unwrap().len();
    assert_eq!(count("kind=unavailable").await, 1);
    assert_eq!(count("kind=unavailable&state=open&app_id=a").await, 1);
    assert_eq!(count("kind=dns").await, 0);
    s.get("/issue?kind=nothing").await.invalid("query", "kind");
    let known: Vec<&str> = domain::IssueKind::all().map(domain::IssueKind::name).collect();
    assert_eq!(crate::openapi::KINDS, known, "as they are described");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applications_are_searched_sorted_and_paged() {
    let (s, app, _) = setting().await;
    for (uid, name) in [("b", "beta Größe"), ("c", "Alpha")] {
        let body = json!({"name": name, "uid": uid, "metadata": {"plan": format!("gold-{uid}")}});
        s.post("/app", body).await.expect(201);
    }
    let uids = async |query: &str| -> Vec<String> {
        let out = s.get(&format!("/search/application?{query}")).await.expect(200);
        assert_eq!((&out["done"], &out["lookedAt"]), (&json!(true), &Value::Null));
        out["data"].as_array().unwrap().iter().map(|app| text(&app["uid"])).collect()
    };
    assert_eq!(uids("").await, ["c", "b", "a"]);
    assert_eq!(uids("q=GR%C3%96").await, ["b"]);
    assert_eq!(uids("q=gold").await, ["c", "b"]);
    assert_eq!(uids(&format!("q={app}")).await, ["a"]);
    assert_eq!(uids("sort=name&q=gold").await, ["c", "b"]);
    assert_eq!(uids("failing=true").await, ["a"]);
    assert_eq!(uids("sort=failing").await, ["a", "c", "b"]);
    assert_eq!(uids("sort=last-message").await, ["a", "c", "b"]);
    for sort in ["created", "name", "last-message", "failing"] {
        let whole = uids(&format!("sort={sort}")).await;
        let (mut walked, mut iterator) = (Vec::new(), String::new());
        for left in (0..3).rev() {
            let page = s.get(&format!("/search/application?limit=1&sort={sort}{iterator}")).await.expect(200);
            walked.push(text(&page["data"][0]["uid"]));
            assert_eq!(page["done"], json!(left == 0), "{sort}");
            iterator = format!("&iterator={}", page["iterator"].as_str().unwrap_or_default());
        }
        assert_eq!(walked, whole, "{sort}");
    }
    let one = &s.get("/search/application?failing=true").await.expect(200)["data"][0];
    assert_eq!((&one["endpoints"], &one["failingEndpoints"]), (&json!(1), &json!(1)));
    assert!(one["failingSince"].is_string() && one["lastMessageAt"].is_string(), "{one}");
    assert_eq!(foreign(&s, "/search/application").await["data"], json!([]));
    assert_eq!(foreign(&s, &format!("/search/application?q={app}")).await["data"], json!([]));
    s.get("/search/application?sort=size").await.invalid("query", "sort");
    s.get("/search/application?iterator=app_1.2").await.invalid("query", "iterator");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_type_tells_who_takes_it() {
    let (s, app, every) = setting().await;
    s.post("/event-type", json!({"name": "invoice.paid", "description": "d"})).await.expect(201);
    s.app("b").await;
    let body = json!({"url": "https://example.com/", "eventTypes": ["invoice.paid"]});
    let chosen = text(&s.post("/app/b/endpoint", body).await.expect(201)["id"]);
    let out = s.get("/event-type/invoice.paid/endpoint").await.expect(200);
    assert_eq!((&out["count"], &out["orMore"], &out["done"]), (&json!(2), &json!(false), &json!(true)));
    let row = |n: usize| (text(&out["data"][n]["id"]), out["data"][n]["takesAll"].as_bool().unwrap());
    assert_eq!((row(0), row(1)), ((every, true), (chosen.clone(), false)));
    assert_eq!(text(&out["data"][0]["appId"]), app);
    let first = s.get("/event-type/invoice.paid/endpoint?limit=1").await.expect(200);
    let path = format!("/event-type/invoice.paid/endpoint?limit=1&iterator={}", text(&first["iterator"]));
    assert_eq!(text(&s.get(&path).await.expect(200)["data"][0]["id"]), chosen);
    assert_eq!(s.get("/event-type/unknown/endpoint").await.expect(200)["count"], json!(1));
    assert_eq!(foreign(&s, "/event-type/invoice.paid/endpoint").await["count"], json!(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sources_have_figures_by_the_hour() {
    let (s, _) = receiving().await;
    let source = stripe(&s, "pay").await;
    let id = text(&source["id"]);
    capture(&s, &source["ingestUrl"], "", Verdict::Accepted, b"{}").await;
    capture(&s, &source["ingestUrl"], "", Verdict::Refused("no".into()), b"{}").await;
    capture(&s, &source["ingestUrl"], "", Verdict::Held, b"{}").await;
    for path in [
        "/figures/source".to_owned(),
        "/figures/source?source_id=pay".into(),
        format!("/figures/source?source_id={id}"),
    ] {
        let out = s.get(&path).await.expect(200);
        let one = &out["data"][0];
        for (name, want) in [("received", 3), ("verified", 2), ("refused", 1), ("duplicates", 0), ("held", 1)] {
            assert_eq!(one[name], json!(want), "{name}");
        }
        assert_eq!((text(&one["sourceId"]), text(&one["lastAt"])), (id.clone(), START.to_string()));
        let hours = one["series"].as_array().unwrap();
        assert_eq!((hours.len(), &hours[24]["received"]), (25, &json!(3)));
    }
    assert_eq!(foreign(&s, "/figures/source").await["data"], json!([]));
    s.raw(&s.org_token("org_foreign"), Method::GET, "/api/v1/figures/source?source_id=pay", "").await.expect(404);
    s.get("/figures/source?since=2020-01-01T00:00:00Z").await.invalid("query", "since");
}
