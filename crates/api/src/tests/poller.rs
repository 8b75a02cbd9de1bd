//! The message poller: pages, positions of consumers, and waiting.

use super::sse::until;
use super::{Server, server, server_with, text};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|m| text(&m["id"])).collect()
}

async fn messages(s: &Server, app: &str, n: usize) -> Vec<String> {
    let mut sent = Vec::new();
    for _ in 0..n {
        sent.push(s.message(app, "x").await);
    }
    sent
}

/// Waits until a long poll waits.
async fn waiting(s: &Server) {
    let all = s.api.limits().max_streams;
    until("a poll waits", || s.api.shared().live.free() < all).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_give_all_messages_once_oldest_first() {
    let s = server().await;
    s.app("a").await;
    let empty = s.get("/app/a/poller/queue").await.expect(200);
    assert_eq!((ids(&empty), &empty["done"]), (vec![], &json!(true)));
    let mut sent = messages(&s, "a", 5).await;
    let (mut got, mut iterator, mut pages) = (Vec::new(), text(&empty["iterator"]), 0);
    loop {
        let page = s.get(&format!("/app/a/poller/queue?limit=2&iterator={iterator}")).await.expect(200);
        got.extend(ids(&page));
        iterator = text(&page["iterator"]);
        pages += 1;
        if page["done"] == true {
            break;
        }
    }
    assert_eq!((&got, pages), (&sent, 3));
    let page = s.get(&format!("/app/a/poller/queue?iterator={iterator}")).await.expect(200);
    assert_eq!((ids(&page), &page["iterator"], &page["done"]), (vec![], &json!(iterator), &json!(true)));
    sent.push(s.message("a", "y").await);
    assert_eq!(ids(&s.get("/app/a/poller/queue").await.expect(200)), sent);
    assert_eq!(ids(&s.get("/app/a/poller/queue?event_type=y").await.expect(200)), sent[5..]);
    assert_eq!(ids(&s.get("/app/a/poller/queue?channel=c").await.expect(200)), [""; 0]);
    s.clock.advance(Duration::from_secs(2));
    sent.push(s.message("a", "x").await);
    assert_eq!(ids(&s.get("/app/a/poller/q?after=2026-11-21T07:44:01Z").await.expect(200)), sent[6..]);
    assert_eq!(ids(&s.get("/app/a/poller/q?after=2026-11-21T07:44:00.000Z").await.expect(200)), sent[6..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_polled_message_has_its_payload_as_it_was_sent() {
    let s = server().await;
    s.app("a").await;
    let body = json!({"eventType": "x.y", "eventId": "e1", "payload": {"n": 1}, "channels": ["c"], "tags": ["t"]});
    let made = s.post("/app/a/msg", body).await.expect(202);
    let mut want = made.clone();
    want["headers"] = Value::Null;
    assert_eq!(s.get("/app/a/poller/queue").await.expect(200)["data"], json!([want]));
    let raw = json!({"eventType": "x", "payload": {}, "transformationsParams": {"rawPayload": "[1]"}});
    s.post("/app/a/msg", raw).await.expect(202);
    assert_eq!(s.get("/app/a/poller/queue").await.expect(200)["data"][1]["payload"], json!({"rawPayload": "[1]"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_as_sink_gives_what_it_subscribed_to_even_disabled() {
    let s = server().await;
    s.app("a").await;
    for name in ["t", "u"] {
        s.post("/event-type", json!({"name": name, "description": "d"})).await.expect(201);
    }
    let body = json!({"url": "https://example.com/", "uid": "e", "eventTypes": ["t"], "channels": ["c", "d"],
        "disabled": true});
    let endpoint = text(&s.post("/app/a/endpoint", body).await.expect(201)["id"]);
    let send = async |event_type: &str, channels: &[&str]| {
        let body = json!({"eventType": event_type, "payload": {}, "channels": channels});
        text(&s.post("/app/a/msg", body).await.expect(202)["id"])
    };
    let mut want = Vec::new();
    for _ in 0..30 {
        send("u", &["c"]).await;
        send("t", &["x"]).await;
        want.push(send("t", &["x", "d"]).await);
    }
    for sink in ["e", &endpoint] {
        let page = s.get(&format!("/app/a/poller/{sink}?limit=20")).await.expect(200);
        assert_eq!((ids(&page), &page["done"]), (want[..20].to_vec(), &json!(false)));
        let rest = format!("/app/a/poller/{sink}?limit=20&iterator={}", text(&page["iterator"]));
        let rest = s.get(&rest).await.expect(200);
        assert_eq!((ids(&rest), &rest["done"]), (want[20..].to_vec(), &json!(true)));
        assert_eq!(ids(&s.get(&format!("/app/a/poller/{sink}?event_type=u")).await.expect(200)), [""; 0]);
    }
    // The position belongs to the endpoint, however it is named.
    let page = s.get("/app/a/poller/e/consumer/c1?limit=5").await.expect(200);
    let next = format!("/app/a/poller/{endpoint}/consumer/c1?limit=5&iterator={}", text(&page["iterator"]));
    assert_eq!(ids(&s.get(&next).await.expect(200)), want[5..10]);
    assert_eq!(ids(&s.get("/app/a/poller/e/consumer/c1?limit=1").await.expect(200)), want[5..6]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_gets_a_page_again_until_it_brings_the_iterator_back() {
    let s = server().await;
    s.app("a").await;
    let sent = messages(&s, "a", 6).await;
    let poll = async |query: &str| s.get(&format!("/app/a/poller/q/consumer/one?limit=2{query}")).await.expect(200);
    let first = poll("").await;
    assert_eq!(ids(&first), sent[..2]);
    assert_eq!(poll("").await, first);
    let i1 = text(&first["iterator"]);
    let second = poll(&format!("&iterator={i1}")).await;
    assert_eq!(ids(&second), sent[2..4]);
    // The answer was lost: the same call, and one without an iterator, give it again.
    assert_eq!(poll(&format!("&iterator={i1}")).await, second);
    assert_eq!(poll("").await, second);
    let i2 = text(&second["iterator"]);
    assert_eq!(ids(&poll(&format!("&iterator={i2}")).await), sent[4..]);
    // A late repetition undoes nothing.
    assert_eq!(poll(&format!("&iterator={i1}")).await, second);
    assert_eq!(ids(&poll("").await), sent[4..]);
    // Others stand where they stood.
    assert_eq!(ids(&s.get("/app/a/poller/q/consumer/two?limit=2").await.expect(200)), sent[..2]);
    assert_eq!(ids(&s.get("/app/a/poller/other/consumer/one?limit=2").await.expect(200)), sent[..2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_seeks_back_and_forth() {
    let s = server().await;
    s.app("a").await;
    let mut sent = messages(&s, "a", 1).await;
    s.clock.advance(Duration::from_secs(10));
    sent.extend(messages(&s, "a", 1).await);
    let poll = async || ids(&s.get("/app/a/poller/q/consumer/c").await.expect(200));
    let seek = async |after: &str| {
        s.post("/app/a/poller/q/consumer/c/seek", json!({"after": after})).await.expect(200)["iterator"].clone()
    };
    let iterator = seek("2026-11-21T07:44:05Z").await;
    assert_eq!(poll().await, sent[1..]);
    let from = s.get(&format!("/app/a/poller/q/consumer/c?iterator={}", text(&iterator))).await.expect(200);
    assert_eq!(ids(&from), sent[1..]);
    seek("2026-11-21T07:45:00+00:00").await;
    assert_eq!(poll().await, [""; 0]);
    seek("2001-01-01T00:00:00Z").await;
    assert_eq!(poll().await, sent);
    s.post("/app/a/poller/q/consumer/c/seek", json!({})).await.invalid("body", "after");
    s.post("/app/a/poller/q/consumer/c/seek", json!({"after": "soon"})).await.invalid("body", "after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_poll_returns_with_the_message_that_comes_meanwhile() {
    let s = Arc::new(server().await);
    s.app("a").await;
    for path in ["/app/a/poller/q?wait=30&event_type=y", "/app/a/poller/q/consumer/c?wait=30&limit=1"] {
        let (poller, start) = (s.clone(), s.get("/app/a/poller/q").await.expect(200));
        let path = format!("{path}&iterator={}", text(&start["iterator"]));
        let poll = tokio::spawn(async move { poller.get(&path).await.expect(200) });
        waiting(&s).await;
        if s.get("/app/a/msg").await.expect(200)["data"] == json!([]) {
            s.message("a", "x").await;
        }
        let id = s.message("a", "y").await;
        assert_eq!(ids(&poll.await.unwrap()), [id]);
    }
    let at_once = s.get("/app/a/poller/q?wait=30").await.expect(200);
    assert_eq!(ids(&at_once).len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_poll_ends_with_the_server_and_there_is_a_limit_to_their_number() {
    let mut s = server_with(|c| c.limits.max_streams = 1).await;
    s.app("a").await;
    let (token, address) = (s.org_token("org_test"), s.address);
    let poll = tokio::spawn(async move {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head =
            format!("GET /api/v1/app/a/poller/q?wait=30 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
        tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.unwrap();
        answer
    });
    waiting(&s).await;
    let more = s.get("/app/a/poller/q?wait=1").await;
    more.refuse(503, "unavailable");
    assert_eq!(more.headers["retry-after"], "5");
    s.get("/app/a/poller/q?wait=0").await.expect(200);
    s.stop.take().unwrap().send(()).unwrap();
    let answer = poll.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"data\":[]"), "{answer}");
    assert!(s.stopped.take().unwrap().await.unwrap(), "drained in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_poll_is_refused() {
    let s = server().await;
    s.app("a").await;
    for path in ["/app/a/poller/q", "/app/a/poller/q/consumer/c"] {
        for (query, place) in [
            ("limit=0", "limit"),
            ("limit=251", "limit"),
            ("wait=31", "wait"),
            ("iterator=msg_000000000000000000000000000", "iterator"),
            ("iterator=-1", "iterator"),
        ] {
            s.get(&format!("{path}?{query}")).await.invalid("query", place);
        }
        s.get(&format!("{path}?limit=x")).await.refuse(400, "invalid_query");
    }
    s.get("/app/a/poller/q?event_type=a%20b").await.invalid("query", "event_type");
    for missing in [
        "/app/none/poller/q",
        "/app/a/poller/a%20b",
        "/app/a/poller/ep_000000000000000000000000000",
        "/app/a/poller/ep_1",
        "/app/a/poller/q/consumer/a%20b",
    ] {
        s.get(missing).await.refuse(404, "not_found");
    }
}
