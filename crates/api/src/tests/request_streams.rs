//! Streams of captured requests: of a source, of a bin, of many.

use super::{Server, server, server_with};
use bytes::Bytes;
use domain::RequestHead;
use serde_json::json;
use std::time::Duration;
use store::{NewRequest, Received, Source, SourceFields, Verdict};

/// A source of the organisation of the other calls.
async fn source(s: &Server, uid: &str, is_bin: bool) -> Source {
    let org = s.store.organisation("org_test").await.unwrap();
    let fields = SourceFields {
        uid: Some(uid.into()),
        name: format!("Name of {uid}"),
        kind: "generic-webhook".into(),
        is_bin,
        ..SourceFields::default()
    };
    s.store.create_source(org, fields, format!("token-of-{uid}"), Box::new(|_| vec![])).await.unwrap()
}

/// Captures a request; its id.
async fn capture(s: &Server, source: &Source, verdict: Verdict, body: &[u8]) -> String {
    let remote = "192.0.2.7".parse().unwrap();
    let headers = [("content-type", &b"text/plain"[..])];
    let new = NewRequest {
        source: s.store.source_route_of(source.id).await.unwrap(),
        route: None,
        head: RequestHead::new("POST", "/sub?a=b", remote, true, headers.into_iter()).unwrap(),
        body: Bytes::copy_from_slice(body),
        verdict,
        status: 200,
        event_type: Some("push".into()),
        events: vec![],
        dedup_window: Duration::from_secs(60),
    };
    match s.store.receive(new).await.unwrap() {
        Received::Stored(id) => s.store.codec().text(id),
        other => panic!("{other:?}"),
    }
}

async fn captured(s: &Server, source: &Source, n: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for i in 0..n {
        ids.push(capture(s, source, Verdict::Captured, i.to_string().as_bytes()).await);
    }
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_requests_gives_all_that_came_and_resumes_with_exactly_the_rest() {
    let s = server().await;
    let source = source(&s, "hooks", false).await;
    let before = captured(&s, &source, 3).await;
    let path = "/ingest/api/v1/source/hooks/request/stream";
    let (mut events, begins) = s.events_after(path, None).await;
    assert_eq!(begins, before[2]);
    let id = capture(&s, &source, Verdict::Refused("no signature".into()), b"\xff\x00").await;
    let event = events.event().await;
    assert_eq!((event.event.as_str(), &event.id), ("request", &id));
    let v = event.json();
    assert_eq!((&v["id"], &v["sourceId"]), (&json!(id), &json!(s.store.codec().text(source.id))));
    assert_eq!((&v["sourceName"], &v["sourceUid"]), (&json!("Name of hooks"), &json!("hooks")));
    assert_eq!((&v["verdict"], &v["reason"]), (&json!("refused"), &json!("no signature")));
    assert_eq!((&v["method"], &v["path"], &v["query"]), (&json!("POST"), &json!("/sub"), &json!("a=b")));
    assert_eq!((&v["bodyBase64"], &v["bodyLength"], v.get("body")), (&json!("/wA="), &json!(2), None));

    let more = captured(&s, &source, 100).await;
    assert_eq!(events.ids(100).await, more);
    drop(events);
    let (mut events, begins) = s.events_after(path, Some(&more[29])).await;
    assert_eq!((&begins, events.ids(70).await), (&more[29], more[30..].to_vec()));
    let mut events = s.events(&format!("{path}?replay=2")).await;
    assert_eq!(events.ids(2).await, more[98..]);
    let mut events = s.events(&format!("{path}?replay=250&verdict=refused")).await;
    assert_eq!(events.event().await.id, id);
    captured(&s, &source, 1).await;
    let refused = capture(&s, &source, Verdict::Refused("again".into()), b"").await;
    assert_eq!(events.event().await.id, refused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bins_and_sources_are_watched_under_their_own_paths() {
    let s = server().await;
    let (bin, _) = (source(&s, "bin", true).await, source(&s, "hooks", false).await);
    s.get("/bin/hooks/request/stream").await.refuse(404, "not_found");
    let token = s.org_token("org_test");
    let wrong = "/ingest/api/v1/source/bin/request/stream";
    s.raw(&token, http::Method::GET, wrong, "").await.refuse(404, "not_found");
    let foreign = s.org_token("org_foreign");
    s.raw(&foreign, http::Method::GET, "/api/v1/bin/bin/request/stream", "").await.refuse(404, "not_found");
    let by_id = format!("/api/v1/bin/{}/request/stream?live=1", s.store.codec().text(bin.id));
    let mut events = s.events(&by_id).await;
    let ids = captured(&s, &bin, 5).await;
    assert_eq!(events.ids(5).await, ids);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listening_covers_the_sources_named_or_all_and_those_made_later() {
    let s = server_with(|c| c.limits.stream_poll = Duration::from_millis(20)).await;
    let (a, b) = (source(&s, "a", false).await, source(&s, "b", false).await);
    let bin = source(&s, "bin", true).await;
    let mut all = s.events("/api/v1/listen").await;
    let mut two = s.events(&format!("/api/v1/listen?source=a&source={}", s.store.codec().text(b.id))).await;
    let mut one = s.events("/api/v1/listen?source=b").await;
    let (ids_a, ids_b) = (captured(&s, &a, 2).await, captured(&s, &b, 2).await);
    captured(&s, &bin, 1).await;
    let both = [ids_a, ids_b.clone()].concat();
    assert_eq!(all.ids(4).await, both);
    assert_eq!(two.ids(4).await, both);
    assert_eq!(one.ids(2).await, ids_b);
    let later = source(&s, "later", false).await;
    let new = captured(&s, &later, 2).await;
    assert_eq!(all.ids(2).await, new);
    let (mut resumed, _) = s.events_after("/api/v1/listen", Some(&both[2])).await;
    assert_eq!(resumed.ids(3).await, [&both[3..], &new].concat());
    let mut replayed = s.events("/api/v1/listen?replay=3").await;
    assert_eq!(replayed.ids(3).await, [&both[3..], &new].concat());
}
