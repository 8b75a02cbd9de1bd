//! Pausing endpoints; replays from their estimate to their report.

use super::{Server, server, text};
use crate::auth::Capabilities;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use store::{NewAttempt, Next, Settlement};

/// Settles the next so many leases with these codes: 200 is delivered, others are dead.
pub(super) async fn settle(s: &Server, codes: &[u16]) {
    let mut left = codes.iter();
    while left.len() > 0 {
        let batch = s.leases.lock().await.next().await.unwrap();
        for lease in batch {
            let code = *left.next().unwrap();
            let attempt = NewAttempt {
                success: code == 200,
                status_code: code,
                duration_us: 5_000,
                response: "x".into(),
                gone: false,
                detail: Vec::new(),
            };
            s.store.settle(Settlement {
                key: lease.key,
                cause: lease.cause,
                attempts: 0,
                payload_bytes: lease.bytes() as u32,
                attempt: Some(attempt),
                next: if code == 200 { Next::Delivered } else { Next::Dead(domain::DeadReason::Exhausted) },
                lane: None,
                endpoint: lease.endpoint,
            });
        }
    }
    s.store.ready().await.unwrap();
}

/// Until the task has made all its deliveries.
async fn finished(s: &Server, id: &Value) -> Value {
    let path = format!("/background-task/{}", text(id));
    loop {
        let task = s.get(&path).await.expect(200);
        if task["state"] == "finished" {
            return task;
        }
        s.clock.advance(Duration::from_millis(50));
        s.store.ready().await.unwrap();
    }
}

const SINCE: &str = "2026-11-20T00:00:00Z";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_paused_and_resumed() {
    let s = server().await;
    s.app("a").await;
    let made = s.post("/app/a/endpoint", json!({"url": "https://example.com/", "uid": "e"})).await.expect(201);
    assert_eq!((&made["paused"], &made["pausedAt"]), (&json!(false), &Value::Null));
    let paused = s.post("/app/a/endpoint/e/pause", json!({})).await.expect(200);
    assert_eq!((&paused["paused"], &paused["pausedAt"]), (&json!(true), &json!("2026-11-21T07:44:00.000Z")));
    let id = s.message("a", "x").await;
    s.post(&format!("/app/a/msg/{id}/endpoint/e/resend"), json!({})).await.refuse(409, "conflict");
    s.post(&format!("/app/a/msg/{id}/endpoint/e/resend?force=true"), json!({})).await.expect(202);
    s.post("/app/a/endpoint/e/send-example", json!({"eventType": "svix.ping"})).await.refuse(409, "conflict");
    let stats = s.get("/app/a/endpoint/e/stats").await.expect(200);
    assert_eq!((&stats["pending"], &stats["sending"]), (&json!(1), &json!(1)));

    let put = s.put("/app/a/endpoint/e", json!({"url": "https://example.com/", "uid": "e"})).await.expect(200);
    assert_eq!(put["paused"], true, "a PUT that doesn't know of it leaves it alone");
    let patched = s.patch("/app/a/endpoint/e", json!({"paused": false})).await.expect(200);
    assert_eq!(patched["paused"], false);
    assert_eq!(s.patch("/app/a/endpoint/e", json!({"paused": true})).await.expect(200)["paused"], true);
    assert_eq!(s.post("/app/a/endpoint/e/resume", json!({})).await.expect(200)["pausedAt"], Value::Null);
    s.patch("/app/a/endpoint/e", json!({"paused": "no"})).await.invalid("body", "paused");
    s.post("/app/a/endpoint/none/pause", json!({})).await.refuse(404, "not_found");
    let born = json!({"url": "https://example.com/", "paused": true});
    assert_eq!(s.post("/app/a/endpoint", born).await.expect(201)["paused"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_goes_from_its_estimate_to_its_report() {
    let s = server().await;
    s.app("a").await;
    s.endpoint("a", "e").await;
    let ids =
        [s.message("a", "invoice.paid").await, s.message("a", "invoice.void").await, s.message("a", "user").await];
    settle(&s, &[500, 503, 500]).await;
    let body = json!({"which": "failed", "since": SINCE, "eventTypes": ["invoice.*"], "speedPerSecond": 10});
    let said = s.post("/app/a/endpoint/e/replay/estimate", body.clone()).await.expect(200);
    assert_eq!((&said["count"], &said["atLeast"], &said["estimatedSeconds"]), (&json!(2), &json!(false), &json!(1)));
    assert_eq!(said["eventTypes"][0], json!({"eventType": "invoice.paid", "count": 1}));
    assert_eq!(said["sample"][0]["id"], json!(ids[0]));
    assert_eq!((&said["checked"], &said["alreadyDelivered"]), (&json!(2), &json!(0)));

    let task = s.post("/app/a/endpoint/e/replay", body).await.expect(202);
    assert_eq!((&task["task"], &task["status"]), (&json!("endpoint.bulk-replay"), &json!("running")));
    assert_eq!((&task["data"]["total"], &task["data"]["filter"]["which"]), (&json!(2), &json!("failed")));
    finished(&s, &task["id"]).await;
    settle(&s, &[200, 500]).await;
    let task = s.get(&format!("/background-task/{}", text(&task["id"]))).await.expect(200);
    let data = &task["data"];
    assert_eq!([&data["messagesSent"], &data["delivered"], &data["failed"], &data["waiting"]], [2, 1, 1, 0]);
    assert_eq!((&data["progressPercent"], &data["speedPerSecond"]), (&json!(100), &json!(10)));

    let report = format!("/background-task/{}/report", text(&task["id"]));
    let first = s.get(&format!("{report}?limit=1")).await.expect(200);
    let row = &first["data"][0];
    assert_eq!((&row["msgId"], &row["state"]), (&json!(ids[0]), &json!("delivered")));
    assert_eq!((&row["responseStatusCode"], &row["eventType"]), (&json!(200), &json!("invoice.paid")));
    let next = s.get(&format!("{report}?limit=1&iterator={}", text(&first["iterator"]))).await.expect(200);
    assert_eq!((&next["data"][0]["msgId"], &next["done"]), (&json!(ids[1]), &json!(true)));
    let failed = s.get(&format!("{report}?state=failed")).await.expect(200);
    assert_eq!(failed["data"].as_array().unwrap().len(), 1);
    let csv = s.get(&format!("{report}?format=csv")).await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8; header=present");
    let lines: Vec<_> = std::str::from_utf8(&csv.body).unwrap().lines().map(str::to_owned).collect();
    assert_eq!((lines.len(), &*lines[0]), (3, "msgId,eventType,state,responseStatusCode,timestamp"));
    assert!(lines[2].starts_with(&format!("{},invoice.void,failed,500,2026-11-21T", ids[1])), "{}", lines[2]);
    s.get(&format!("{report}?state=odd")).await.invalid("query", "state");
    s.get(&format!("{report}?format=pdf")).await.invalid("query", "format");
    s.get(&format!("{report}?iterator=msg_1")).await.invalid("query", "iterator");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bulk_replay_of_the_svix_api_knows_deliveries_by_their_status() {
    let s = server().await;
    s.app("a").await;
    s.endpoint("a", "e").await;
    for _ in 0..3 {
        s.message("a", "x").await;
    }
    settle(&s, &[200, 500, 404]).await;
    // While the endpoint is paused, what a replay makes stays where it is.
    s.post("/app/a/endpoint/e/pause", json!({})).await.expect(200);
    for (status, class, count) in [
        (json!(2), json!(400), 1),
        (json!(2), Value::Null, 1),
        (json!(0), Value::Null, 1),
        (Value::Null, Value::Null, 0),
    ] {
        let body = json!({"since": SINCE, "status": status, "statusCodeClass": class, "eventTypes": ["x"]});
        let task = s.post("/app/a/endpoint/e/bulk-replay", body).await.expect(202);
        assert_eq!((&task["task"], &task["data"]["total"]), (&json!("endpoint.bulk-replay"), &json!(count)));
        finished(&s, &task["id"]).await;
    }
    let bulk = async |body| s.post("/app/a/endpoint/e/bulk-replay", body).await;
    bulk(json!({"since": SINCE, "status": 1})).await.invalid("body", "status");
    bulk(json!({})).await.invalid("body", "since");
    bulk(json!({"since": SINCE, "statusCodeClass": 7})).await.invalid("body", "statusCodeClass");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_paused_resumed_and_canceled() {
    let s = server().await;
    s.app("a").await;
    s.endpoint("a", "e").await;
    for _ in 0..20 {
        s.message("a", "x").await;
    }
    settle(&s, &[500; 20]).await;
    let body = json!({"since": SINCE, "speedPerSecond": 1});
    let task = s.post("/app/a/endpoint/e/replay", body).await.expect(202);
    let path = format!("/background-task/{}", text(&task["id"]));
    let verb = async |verb: &str| s.post(&format!("{path}/{verb}"), json!({})).await;
    let paused = verb("pause").await.expect(200);
    assert_eq!((&paused["state"], &paused["status"]), (&json!("paused"), &json!("running")), "SDKs know no other word");
    let listed = async |query: &str| {
        s.get(&format!("/background-task?{query}")).await.expect(200)["data"].as_array().unwrap().len()
    };
    assert_eq!([listed("state=paused").await, listed("status=paused").await, listed("state=running").await], [1, 1, 0]);
    assert_eq!(verb("resume").await.expect(200)["state"], "running");
    let canceled = verb("cancel").await.expect(200);
    assert_eq!((&canceled["state"], &canceled["status"]), (&json!("canceled"), &json!("failed")));
    verb("resume").await.refuse(409, "conflict");
    verb("pause").await.refuse(409, "conflict");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_token_replays_for_its_own_application_alone() {
    let s = server().await;
    let (a, b) = (s.app("a").await, s.app("b").await);
    s.endpoint("a", "e").await;
    let (own, theirs) = (s.app_token("org_test", &a), s.app_token("org_test", &b));
    let viewer = s.token("org_test", Some(&a), Capabilities::READ_ONLY);
    let body = json!({"since": SINCE, "which": "missing"}).to_string();
    let replay = "/api/v1/app/a/endpoint/e/replay";
    s.raw(&viewer, Method::POST, replay, body.clone()).await.refuse(403, "insufficient_access");
    s.raw(&theirs, Method::POST, replay, body.clone()).await.refuse(404, "not_found");
    s.raw(&own, Method::POST, "/api/v1/app/a/endpoint/e/replay/estimate", body.clone()).await.expect(200);
    let task = s.raw(&own, Method::POST, replay, body).await.expect(202);
    let path = format!("/api/v1/background-task/{}", text(&task["id"]));
    for (method, below) in [(Method::GET, ""), (Method::GET, "/report"), (Method::POST, "/cancel")] {
        let path = format!("{path}{below}");
        s.raw(&theirs, method.clone(), &path, "").await.refuse(404, "not_found");
        let foreign = s.org_token("org_foreign");
        s.raw(&foreign, method.clone(), &path, "").await.refuse(404, "not_found");
        let answer = s.raw(&own, method, &path, "").await.status.as_u16();
        assert!([200, 409].contains(&answer), "{path}: {answer}");
    }
    let listed = async |token: &str| {
        let all = s.raw(token, Method::GET, "/api/v1/background-task", "").await.expect(200);
        all["data"].as_array().unwrap().len()
    };
    assert_eq!([listed(&own).await, listed(&theirs).await], [1, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_makes_no_sense_is_refused() {
    let s = server().await;
    s.app("a").await;
    s.endpoint("a", "e").await;
    let estimate = async |body| s.post("/app/a/endpoint/e/replay/estimate", body).await;
    estimate(json!({})).await.invalid("body", "since");
    estimate(json!({"since": SINCE, "which": "odd"})).await.invalid("body", "which");
    estimate(json!({"since": SINCE, "speedPerSecond": 0})).await.invalid("body", "speedPerSecond");
    estimate(json!({"since": SINCE, "channel": "a b"})).await.invalid("body", "channel");
    estimate(json!({"since": SINCE, "eventTypes": [""]})).await.invalid("body", "eventTypes");
    estimate(json!({"since": SINCE, "which": "missing", "statusCodeClass": 500}))
        .await
        .invalid("body", "statusCodeClass");
    estimate(json!({"since": SINCE, "until": "2026-01-01T00:00:00Z"})).await.refuse(422, "invalid_range");
}
