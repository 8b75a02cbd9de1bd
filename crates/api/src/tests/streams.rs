//! Streams of messages: what comes, what comes again after a break, and the end.

use super::sse::{Events, until};
use super::{Server, server, server_with, text};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// Sends `n` messages at once; their ids.
async fn batch(s: &Server, app: &str, n: usize) -> Vec<String> {
    let messages: Vec<_> = (0..n).map(|n| json!({"eventType": "x", "payload": {"n": n}})).collect();
    let made = s.post(&format!("/app/{app}/msg/batch"), json!({"messages": messages})).await.expect(202);
    made["data"].as_array().unwrap().iter().map(|m| text(&m["message"]["id"])).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_begins_now_and_gives_each_message_as_a_list_does() {
    let s = server().await;
    s.app("a").await;
    s.message("a", "before").await;
    let mut events = s.events("/api/v1/app/a/msg/stream").await;
    assert_eq!(events.response.headers()["cache-control"], "no-store");
    assert_eq!(events.response.headers()["x-accel-buffering"], "no");
    let id = s.message("a", "x").await;
    let event = events.event().await;
    assert_eq!((event.event.as_str(), &event.id), ("message", &id));
    assert_eq!(event.json(), s.get(&format!("/app/a/msg/{id}")).await.expect(200));
    let later = s.message("a", "y").await;
    assert_eq!(events.event().await.id, later);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_resumes_with_exactly_the_rest() {
    let s = server().await;
    s.app("a").await;
    let sent = batch(&s, "a", 120).await;
    let from = sent[49].as_str();
    let (mut events, begins) = s.events_after("/api/v1/app/a/msg/stream", Some(from)).await;
    assert_eq!(begins, from);
    assert_eq!(events.ids(70).await, sent[50..]);
    let next = s.message("a", "x").await;
    assert_eq!(events.event().await.id, next);

    let mut events = s.events(&format!("/api/v1/app/a/msg/stream?iterator={from}")).await;
    assert_eq!(events.event().await.id, sent[50]);
    let mut events = s.events("/api/v1/app/a/msg/stream?replay=3").await;
    assert_eq!(events.ids(3).await, [&sent[118..], &[next]].concat());
    s.clock.advance(Duration::from_secs(10));
    let new = s.message("a", "x").await;
    let mut events = s.events("/api/v1/app/a/msg/stream?after=2026-11-21T07:44:05Z").await;
    assert_eq!(events.event().await.id, new);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_gave_nothing_yet_is_resumed_from_where_it_began() {
    let s = server().await;
    s.app("a").await;
    let (events, begins) = s.events_after("/api/v1/app/a/msg/stream", None).await;
    drop(events);
    let sent = batch(&s, "a", 3).await;
    let (mut events, _) = s.events_after("/api/v1/app/a/msg/stream", Some(&begins)).await;
    assert_eq!(events.ids(3).await, sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filtered_stream_gives_what_passes_and_tells_how_far_it_is() {
    let s = server_with(|c| c.limits.stream_heartbeat = Duration::from_millis(20)).await;
    s.app("a").await;
    let mut events = s.events("/api/v1/app/a/msg/stream?event_type=y&channel=c").await;
    let send = async |event_type: &str, channel: &str| {
        let body = json!({"eventType": event_type, "payload": {}, "channels": [channel]});
        text(&s.post("/app/a/msg", body).await.expect(202)["id"])
    };
    send("x", "c").await;
    let other = send("y", "d").await;
    // A comment brings the id of what was passed over.
    let mut block = events.block().await.unwrap();
    while block.id != other {
        assert_eq!((block.event.as_str(), block.data.as_str()), ("", ""));
        block = events.block().await.unwrap();
    }
    let wanted = send("y", "c").await;
    assert_eq!(events.event().await.id, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_can_not_break_out_of_its_event() {
    let s = server().await;
    s.app("a").await;
    let mut events = s.events("/api/v1/app/a/msg/stream").await;
    let body = "{\"eventType\":\"x\",\"payload\":{\r\n\r\n\"a\":\n\n\"data: 1\\n\\nevent: x\"}}";
    let token = s.org_token("org_test");
    s.raw(&token, http::Method::POST, "/api/v1/app/a/msg", body).await.expect(202);
    let event = events.event().await;
    assert_eq!(event.json()["payload"], json!({"a": "data: 1\n\nevent: x"}));
    let next = s.message("a", "x").await;
    assert_eq!(events.event().await.id, next);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_viewers_get_the_same_events_from_one_pump() {
    let s = Arc::new(server_with(|c| c.limits.live_rows_per_second = 100_000).await);
    s.app("a").await;
    let mut viewers = Vec::new();
    for _ in 0..100 {
        viewers.push(s.events("/api/v1/app/a/msg/stream").await);
    }
    assert_eq!(s.api.shared().live.pumps(), 1);
    let sent = batch(&s, "a", 20).await;
    let mut first: Option<Vec<_>> = None;
    for viewer in &mut viewers {
        let mut events = Vec::new();
        for _ in 0..20 {
            events.push(viewer.event().await);
        }
        assert_eq!(events.iter().map(|e| e.id.clone()).collect::<Vec<_>>(), sent);
        assert_eq!(first.get_or_insert(events.clone()), &events);
    }
    drop(viewers);
    until("the pump ends with its last viewer", || s.api.shared().live.pumps() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_gives_every_message_in_order_while_they_pour_in() {
    let s = Arc::new(server_with(|c| c.limits.live_rows_per_second = 100_000).await);
    s.app("a").await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(s.events("/api/v1/app/a/msg/stream").await);
    }
    let sender = tokio::spawn({
        let s = s.clone();
        async move {
            let mut sent = Vec::new();
            for _ in 0..20 {
                sent.extend(batch(&s, "a", 25).await);
            }
            sent
        }
    });
    let mut got = Vec::new();
    for stream in &mut streams {
        got.push(stream.ids(500).await);
    }
    let sent = sender.await.unwrap();
    for ids in got {
        assert_eq!(ids, sent);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_stream_says_how_much_it_left_out() {
    let s = server_with(|c| c.limits.live_rows_per_second = 100).await;
    s.app("a").await;
    let mut events = s.events("/api/v1/app/a/msg/stream?live=1").await;
    // The first read of the store is behind it.
    let first = s.message("a", "x").await;
    assert_eq!(events.event().await.id, first);
    let sent = batch(&s, "a", 240).await;
    let (mut shown, mut skipped) = (0, 0);
    while shown + skipped < 240 {
        let event = events.event().await;
        if event.event == "skipped" {
            skipped += event.json()["count"].as_u64().unwrap();
        } else {
            assert!(sent.contains(&event.id));
            shown += 1;
        }
    }
    assert_eq!(shown + skipped, 240);
    assert!(shown > 0 && skipped > 100, "{shown} {skipped}");
    let last = s.message("a", "x").await;
    assert_eq!(events.event().await.id, last);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_server_ends_its_streams_and_drains_at_once() {
    let mut s = server().await;
    s.app("a").await;
    let mut events = s.events("/api/v1/app/a/msg/stream").await;
    s.stop.take().unwrap().send(()).unwrap();
    assert_eq!(events.block().await, None);
    assert!(s.stopped.take().unwrap().await.unwrap(), "drained in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_is_let_go() {
    let s = server_with(|c| c.limits.write_timeout = Duration::from_millis(50)).await;
    s.app("a").await;
    let _events = s.events("/api/v1/app/a/msg/stream").await;
    let open = || s.api.shared().metrics.connections.load(SeqCst);
    until("only the stream is open", || open() == 1).await;
    let big = "x".repeat(900_000);
    // More than the sockets between us hold.
    for _ in 0..40 {
        s.post("/app/a/msg", json!({"eventType": "x", "payload": {"big": big}})).await.expect(202);
    }
    until("the connection is closed", || open() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_can_not_be_is_refused() {
    let s = server_with(|c| c.limits.max_streams = 1).await;
    let app = s.app("a").await;
    for (query, place) in [
        ("iterator=nonsense", "iterator"),
        (&*format!("iterator={app}"), "iterator"),
        ("event_type=a%20b", "event_type"),
        ("channel=%00", "channel"),
        ("replay=251", "replay"),
    ] {
        s.get(&format!("/app/a/msg/stream?{query}")).await.invalid("query", place);
    }
    s.get("/app/a/msg/stream?after=soon").await.refuse(400, "invalid_query");
    s.get("/app/none/msg/stream").await.refuse(404, "not_found");
    s.get("/listen?source=none").await.refuse(404, "not_found");
    s.get("/listen?verdict=good").await.invalid("query", "verdict");
    s.get("/bin/none/request/stream").await.refuse(404, "not_found");

    let open = s.events("/api/v1/app/a/msg/stream").await;
    let more = s.get("/app/a/msg/stream").await;
    more.refuse(503, "unavailable");
    assert_eq!(more.headers["retry-after"], "5");
    drop(open);
    until("there is room again", || s.api.shared().live.free() > 0).await;
    let again = Events::open(&s, "/api/v1/app/a/msg/stream", None).await;
    assert_eq!(again.response.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_its_token() {
    let s = server_with(|c| c.limits.stream_heartbeat = Duration::from_millis(20)).await;
    let app = s.app("a").await;
    let key = s.post("/api-key", json!({"name": "watcher", "scopes": ["read"]})).await.expect(201);
    let portal = text(&s.post("/auth/app-portal-access/a", json!({})).await.expect(200)["token"]);
    let (key, id) = (text(&key["token"]), text(&key["id"]));
    let paths = [(&key, "/api/v1/tail"), (&key, "/api/v1/app/a/msg/stream"), (&portal, "/api/v1/app/a/tail")];
    let mut open = Vec::new();
    for (token, path) in paths {
        let mut events = Events::open_as(&s, token, path, None).await;
        assert!(events.block().await.is_some(), "{path}");
        open.push(events);
    }
    s.delete(&format!("/api-key/{id}")).await.expect(204);
    s.post(&format!("/auth/app/{app}/expire-all"), json!({})).await.expect(204);
    for mut events in open {
        // What was written before is still read.
        while let Some(block) = events.block().await {
            assert_eq!(block.event, "");
        }
    }
    let mut other = s.events("/api/v1/app/a/msg/stream").await;
    let id = s.message("a", "x").await;
    assert_eq!(other.event().await.id, id, "another token's stream goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_applications_tokens_can_not_take_every_stream() {
    let s = server_with(|c| c.limits.max_streams = 20).await;
    s.app("a").await;
    s.app("b").await;
    let portal = async |app: &str| {
        text(&s.post(&format!("/auth/app-portal-access/{app}"), json!({})).await.expect(200)["token"])
    };
    let (a, b) = (portal("a").await, portal("b").await);
    let mut open = Vec::new();
    for _ in 0..2 {
        open.push(Events::open_as(&s, &a, "/api/v1/app/a/tail", None).await);
    }
    assert!(open.iter().all(|events| events.response.status() == 200));
    let another = portal("a").await;
    for token in [&a, &another] {
        assert_eq!(Events::open_as(&s, token, "/api/v1/app/a/msg/stream", None).await.response.status(), 503);
    }
    assert_eq!(Events::open_as(&s, &b, "/api/v1/app/b/tail", None).await.response.status(), 200);
    s.events("/api/v1/app/a/msg/stream").await;
    open.pop();
    until("there is room again", || s.api.shared().live.free() >= 18).await;
    assert_eq!(Events::open_as(&s, &another, "/api/v1/app/a/tail", None).await.response.status(), 200);
}
