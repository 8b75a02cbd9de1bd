//! The live tail: who sees what, what is filtered, what is told of what was left out.

use super::requests::capture;
use super::sources::{receiving, stripe};
use super::sse::Events;
use super::{Server, server, server_with};
use serde_json::json;
use std::time::Duration;
use store::{NewAttempt, Next, Settlement, Verdict};

async fn fail_next(s: &Server) {
    for lease in s.leases.lock().await.next().await.unwrap() {
        let attempt = NewAttempt {
            success: false,
            status_code: 503,
            duration_us: 12_345,
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
            next: Next::RetryAt(s.clock_now().plus(Duration::from_secs(3600))),
            lane: None,
            endpoint: lease.endpoint,
        });
    }
}

impl Server {
    fn clock_now(&self) -> domain::Timestamp {
        self.store.clock().now()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_its_attempt_and_a_request_are_seen_as_they_happen() {
    let (s, _) = receiving().await;
    let app = s.app("a").await;
    let endpoint = s.endpoint("a", "e").await;
    let mut events = s.events("/api/v1/tail").await;
    let msg = s.message("a", "invoice.paid").await;
    let event = events.event().await;
    let row = event.json();
    assert_eq!((&*event.event, &event.id), ("accepted", &msg));
    assert_eq!([&row["id"], &row["msgId"], &row["appId"]], [&json!(msg), &json!(msg), &json!(app)]);
    assert_eq!([&row["status"], &row["direction"], &row["eventType"]], ["accepted", "out", "invoice.paid"]);
    assert_eq!([&row["appName"], &row["appUid"]], ["a", "a"]);

    fail_next(&s).await;
    let event = events.event().await;
    let row = event.json();
    assert_eq!(event.event, "attempt");
    assert!(event.id.starts_with("atmpt_"), "{}", event.id);
    assert_eq!(
        [&row["msgId"], &row["endpointId"], &row["host"]],
        [&json!(msg), &json!(endpoint), &json!("example.com")]
    );
    assert_eq!(
        (&row["status"], &row["responseStatusCode"], &row["attempt"]),
        (&json!("retrying"), &json!(503), &json!(1))
    );
    assert_eq!(row["responseDurationMs"], 12);

    let source = stripe(&s, "s").await;
    let id = capture(&s, &source["ingestUrl"], "/", Verdict::Refused("no signature".into()), b"x").await;
    let event = events.event().await;
    let row = event.json();
    assert_eq!((&*event.event, &event.id), ("received", &id));
    assert_eq!([&row["status"], &row["direction"], &row["reason"]], ["refused", "in", "no signature"]);
    assert_eq!(row["sourceId"], source["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_is_filtered_by_status_type_application_and_direction() {
    let (s, _) = receiving().await;
    s.app("a").await;
    s.endpoint("a", "e").await;
    s.app("b").await;
    let mut failed = s.events("/api/v1/tail?status=failed").await;
    let mut typed = s.events("/api/v1/tail?type=user.*&status=accepted").await;
    let mut of_b = s.events("/api/v1/tail?app=b").await;
    let mut inbound = s.events("/api/v1/tail?direction=in").await;
    let first = s.message("a", "x").await;
    let user = s.message("a", "user.created").await;
    let other = s.message("b", "x").await;
    fail_next(&s).await;
    let source = stripe(&s, "s").await;
    let request = capture(&s, &source["ingestUrl"], "/", Verdict::Held, b"x").await;
    assert_eq!(failed.event().await.json()["msgId"], json!(first));
    assert_eq!(typed.event().await.id, user);
    assert_eq!(of_b.event().await.id, other);
    assert_eq!(inbound.event().await.id, request);
    for bad in ["status", "direction", "app", "iterator"] {
        s.get(&format!("/tail?{bad}=odd")).await.invalid("query", bad);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_sees_his_own_application_alone() {
    let s = server().await;
    let a = s.app("a").await;
    s.app("b").await;
    let token = s.app_token("org_test", &a);
    let mut events = Events::open_as(&s, &token, "/api/v1/app/a/tail", None).await;
    s.message("b", "x").await;
    let own = s.message("a", "x").await;
    assert_eq!(events.event().await.id, own);
    s.raw(&token, http::Method::GET, "/api/v1/app/b/tail", "").await.refuse(404, "not_found");
    s.raw(&token, http::Method::GET, "/api/v1/tail", "").await.refuse(403, "insufficient_access");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_comes_back_misses_nothing_that_is_remembered() {
    let s = server().await;
    s.app("a").await;
    let mut events = s.events("/api/v1/tail").await;
    let first = s.message("a", "x").await;
    assert_eq!(events.event().await.id, first);
    drop(events);
    let (quiet, begun) = s.events_after("/api/v1/tail", None).await;
    drop(quiet);
    let missed = s.message("a", "x").await;
    let mut events = Events::open(&s, "/api/v1/tail", Some(&begun)).await;
    assert_eq!(events.event().await.id, missed, "who saw nothing yet comes back with where he began");
    let mut events = Events::open(&s, "/api/v1/tail", Some(&first)).await;
    assert_eq!(events.event().await.id, missed);
    let unknown = s.store.codec().text(domain::MessageId(1 << 40));
    let mut events = Events::open(&s, "/api/v1/tail", Some(&unknown)).await;
    let skipped = events.event().await;
    assert_eq!((&*skipped.event, &skipped.json()["atLeast"]), ("skipped", &json!(true)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_much_is_counted() {
    let s = server().await;
    s.app("a").await;
    let mut events = s.events("/api/v1/tail").await;
    let messages: Vec<_> = (0..100).map(|n| json!({"eventType": "x", "payload": {"n": n}})).collect();
    s.post("/app/a/msg/batch", json!({"messages": messages})).await.expect(202);
    let (mut rows, mut left_out) = (0, 0);
    while rows + left_out < 100 {
        let event = events.event().await;
        match &*event.event {
            "skipped" => left_out += event.json()["accepted"].as_u64().unwrap(),
            _ => rows += 1,
        }
    }
    // A thousand a second: a hundred in a tenth of it, a quarter of which is for failures.
    assert_eq!((rows, left_out), (75, 25));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_tail_is_kept_alive_and_ends_with_the_server() {
    let mut s = server_with(|c| c.limits.stream_heartbeat = Duration::from_millis(20)).await;
    let mut events = Events::open(&s, "/api/v1/tail", None).await;
    assert_eq!(events.block().await.unwrap().event, "");
    s.stop.take().unwrap().send(()).unwrap();
    while events.block().await.is_some() {}
}
