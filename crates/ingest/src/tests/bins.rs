//! Bins: everything is kept, and answered as their owner likes.

use crate::tests::world::World;
use serde_json::json;
use store::{SourceFields, Verdict};

fn bin(fields: &mut SourceFields) {
    fields.is_bin = true;
    fields.forwards = false;
}

#[tokio::test]
async fn a_bin_keeps_every_request_and_forwards_none() {
    let w = World::new().await;
    let source = w.source("bin", "bin", json!({}), bin).await;
    for method in ["GET", "POST", "PUT", "DELETE", "PROPFIND", "OPTIONS", "POST"] {
        let answered = w.request(method, &format!("/in/{}/x", source.token), &[], b"same").await;
        assert_eq!((answered.status, &*answered.body), (200, ""), "{method}");
    }
    let head = w.request("HEAD", &format!("/in/{}", source.token), &[], b"").await;
    assert_eq!((head.status, &*head.body), (200, ""));
    let requests = w.requests(&source).await;
    assert_eq!(requests.len(), 8);
    assert!(requests.iter().all(|r| r.verdict == Verdict::Captured && r.messages == 0));
    assert!(w.messages(&source).await.is_empty());
}

#[tokio::test]
async fn a_bin_answers_what_it_is_told() {
    let w = World::new().await;
    let source = w
        .source("bin", "bin", json!({}), |s| {
            bin(s);
            s.options.response.status = Some(201);
            s.options.response.body = Some("<script>alert(1)</script>".into());
            s.options.response.headers.insert("content-type".into(), "text/html".into());
            s.options.response.headers.insert("set-cookie".into(), "a=b".into());
        })
        .await;
    let answered = w.post(&source, &[], b"").await;
    assert_eq!((answered.status, &*answered.body), (201, "<script>alert(1)</script>"));
    assert_eq!((answered.header("content-type"), answered.header("set-cookie")), ("text/html", ""));
    assert_eq!(answered.header("content-security-policy"), "sandbox");
    let forced = w.get(&format!("/in/{}/503?x=1", source.token)).await;
    assert_eq!(forced.status, 503);
    let statuses: Vec<u16> = w.requests(&source).await.iter().map(|r| r.status).collect();
    assert_eq!(statuses, [201, 503]);
}

#[tokio::test]
async fn a_bin_that_forwards_makes_a_message_of_every_request() {
    let w = World::new().await;
    let source = w.source("bin", "bin", json!({}), |s| s.is_bin = true).await;
    for _ in 0..2 {
        w.post(&source, &[], b"same").await;
    }
    let types: Vec<_> = w.messages(&source).await.into_iter().map(|m| m.event_type).collect();
    assert_eq!(types, ["bin.event", "bin.event"]);
    assert!(w.requests(&source).await.iter().all(|r| r.verdict == Verdict::Captured && r.messages == 1));
}

#[tokio::test]
async fn a_failing_bin_answers_500_and_keeps_the_request() {
    let w = World::new().await;
    let source = w
        .source("bin", "bin", json!({}), |s| {
            bin(s);
            s.options.failure_rate = 100;
            s.options.delay_ms = 1;
        })
        .await;
    assert_eq!(w.post(&source, &[], b"").await.status, 500);
    assert_eq!(w.requests(&source).await[0].status, 500);
}
