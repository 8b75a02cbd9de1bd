//! Operational webhooks: what the store tells an organisation about its own endpoints.

use super::Fixture;
use super::world::{HOUR, World, page, seal};
use crate::*;
use domain::{AppId, DeadReason, EndpointId};

type F = Box<dyn Fixture>;

/// A world whose organisation listens to everything.
async fn listening(f: F) -> (World, AppId, EndpointId) {
    let w = World::new(f).await;
    let operational = w.store.operational_app(w.org).await.unwrap();
    let listener = w.endpoint(operational).await;
    (w, operational, listener)
}

/// The event types sent since the last call, with their `data`; they are delivered.
async fn told(w: &mut World, listener: EndpointId) -> Vec<(String, serde_json::Value)> {
    let mut all = Vec::new();
    for l in w.take().await {
        assert_eq!(l.key.endpoint, listener);
        let body: serde_json::Value = serde_json::from_slice(&l.payload).unwrap();
        assert!(body["timestamp"].as_str().unwrap().ends_with('Z'));
        all.push((body["type"].as_str().unwrap().to_owned(), body["data"].clone()));
        w.settle(&l, Next::Delivered);
    }
    all
}
async fn told_types(w: &mut World, listener: EndpointId) -> Vec<String> {
    told(w, listener).await.into_iter().map(|(t, _)| t).collect()
}
/// The lease of `endpoint` among those that are out; operational ones are delivered.
async fn lease_of(w: &mut World, endpoint: EndpointId, seen: &mut Vec<String>) -> Lease {
    let mut found = None;
    for l in w.take().await {
        if l.key.endpoint == endpoint {
            found = Some(l);
        } else {
            let body: serde_json::Value = serde_json::from_slice(&l.payload).unwrap();
            seen.push(body["type"].as_str().unwrap().to_owned());
            w.settle(&l, Next::Delivered);
        }
    }
    found.unwrap()
}

pub async fn changes_of_endpoints_are_told(f: F) {
    let (mut w, _, listener) = listening(f).await;
    assert!(told_types(&mut w, listener).await.is_empty(), "its own endpoints are nobody's news");
    let app = AppFields { name: "A".into(), uid: Some("app-uid".into()), ..Default::default() };
    let app = w.store.create_app(w.org, app, false).await.unwrap().0.id;
    let e = w.endpoint_with(app, |e| e.uid = Some("ep-uid".into())).await;
    let (event, data) = told(&mut w, listener).await.remove(0);
    assert_eq!(event, "endpoint.created");
    let codec = w.store.codec();
    let want = serde_json::json!({
        "appId": codec.text(app), "appUid": "app-uid", "endpointId": codec.text(e), "endpointUid": "ep-uid",
    });
    assert_eq!(data, want);
    w.set_disabled(app, e, true).await;
    w.set_disabled(app, e, false).await;
    assert_eq!(told_types(&mut w, listener).await, ["endpoint.updated", "endpoint.updated", "endpoint.enabled"]);
    let fields = EndpointFields { url: "https://example.com/".into(), ..Default::default() };
    w.store.put_endpoint(app, &Ref::Uid("new".into()), fields, seal("s"), None).await.unwrap();
    w.store.delete_endpoint(app, &Ref::Id(e)).await.unwrap();
    assert_eq!(told_types(&mut w, listener).await, ["endpoint.created", "endpoint.deleted"]);
}

pub async fn an_organisation_that_does_not_listen_costs_nothing(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    w.send(app).await;
    assert_eq!(w.kill_all().await, 1);
    let operational = w.store.operational_app(w.org).await.unwrap();
    let stored = w.store.messages(operational, page(10), MessageFilter::default()).await.unwrap();
    assert!(stored.data.is_empty());
    w.endpoint(app).await;
    let stored = w.store.messages(operational, page(10), MessageFilter::default()).await.unwrap();
    assert_eq!(stored.data.len(), 1, "kept for whoever listens later, as any message is");
}

pub async fn a_failing_delivery_is_told_after_four_attempts_and_at_its_end(f: F) {
    let (mut w, _, listener) = listening(f).await;
    let (app, e) = w.app_and_endpoint().await;
    told(&mut w, listener).await;
    let id = w.send(app).await;
    let mut seen = Vec::new();
    for n in 1..=5 {
        let lease = lease_of(&mut w, e, &mut seen).await;
        assert_eq!(seen.len(), usize::from(n > 4), "after the fourth");
        w.settle(&lease, Next::RetryAt(w.later(HOUR)));
        w.advance(HOUR).await;
    }
    let last = lease_of(&mut w, e, &mut seen).await;
    w.settle(&last, Next::Dead(DeadReason::Exhausted));
    assert_eq!(seen, ["message.attempt.failing"]);
    let (event, data) = told(&mut w, listener).await.remove(0);
    assert_eq!(event, "message.attempt.exhausted");
    assert_eq!(data["msgId"], w.store.codec().text(id));
    assert_eq!(
        (data["attemptCount"].as_u64(), data["lastAttempt"]["responseStatusCode"].as_u64()),
        (Some(6), Some(500))
    );
    assert_eq!(data["endpointId"], w.store.codec().text(e));
}

pub async fn a_recovery_is_told(f: F) {
    let (mut w, _, listener) = listening(f).await;
    let (app, e) = w.app_and_endpoint().await;
    told(&mut w, listener).await;
    let mut seen = Vec::new();
    w.send(app).await;
    for _ in 0..4 {
        let lease = lease_of(&mut w, e, &mut seen).await;
        w.settle(&lease, Next::RetryAt(w.later(HOUR)));
        w.advance(HOUR).await;
    }
    let lease = lease_of(&mut w, e, &mut seen).await;
    w.settle(&lease, Next::Delivered);
    assert_eq!(told_types(&mut w, listener).await, ["message.attempt.recovered"]);
    w.send(app).await;
    let lease = lease_of(&mut w, e, &mut seen).await;
    w.settle(&lease, Next::Delivered);
    assert!(told_types(&mut w, listener).await.is_empty(), "a first success is no news");
}

pub async fn a_disabled_endpoint_is_told_with_its_reason(f: F) {
    let (mut w, _, listener) = listening(f).await;
    let (app, e) = w.app_and_endpoint().await;
    told(&mut w, listener).await;
    w.send(app).await;
    let lease = w.take_one().await;
    w.settle_with(&lease, Next::Dead(DeadReason::Gone), |s| s.attempt.as_mut().unwrap().gone = true);
    let (event, data) = told(&mut w, listener).await.remove(0);
    assert_eq!((&*event, data["trigger"].as_str()), ("endpoint.disabled", Some("gone")));
    w.set_disabled(app, e, false).await;
    told(&mut w, listener).await;
    for _ in 0..2 {
        w.send(app).await;
        let lease = lease_of(&mut w, e, &mut Vec::new()).await;
        w.settle(&lease, Next::RetryAt(w.later(100 * 24 * HOUR)));
        w.advance(6 * 24 * HOUR).await;
    }
    let (event, data) = told(&mut w, listener).await.remove(0);
    assert_eq!((&*event, data["trigger"].as_str()), ("endpoint.disabled", Some("failing")));
}

pub async fn a_hook_that_is_gone_is_told_as_deleted(f: F) {
    let (mut w, _, listener) = listening(f).await;
    let app = w.app().await;
    let e = w.endpoint_with(app, |f| f.hook = true).await;
    w.send(app).await;
    let lease = lease_of(&mut w, e, &mut Vec::new()).await;
    w.settle_with(&lease, Next::Dead(DeadReason::Gone), |s| s.attempt.as_mut().unwrap().gone = true);
    assert_eq!(told_types(&mut w, listener).await, ["endpoint.deleted"]);
}

pub async fn a_failing_listener_is_not_told_about_itself(f: F) {
    let (mut w, operational, listener) = listening(f).await;
    let app = w.app().await;
    w.endpoint(app).await;
    for n in 0..6 {
        let lease = w.take_one().await;
        assert_eq!(lease.key.endpoint, listener);
        let next = if n < 5 { Next::RetryAt(w.later(HOUR)) } else { Next::Dead(DeadReason::Exhausted) };
        w.settle(&lease, next);
        w.advance(HOUR).await;
    }
    w.set_disabled(operational, listener, true).await;
    w.set_disabled(operational, listener, false).await;
    assert!(w.take().await.is_empty());
}

pub async fn a_finished_task_is_told(f: F) {
    let (mut w, _, listener) = listening(f).await;
    let (app, e) = w.app_and_endpoint().await;
    told(&mut w, listener).await;
    let start = w.now();
    let task = w.store.start_task(app, &Ref::Id(e), TaskKind::Recover, start, None).await.unwrap();
    let (event, data) = told(&mut w, listener).await.remove(0);
    assert_eq!(event, "background_task.finished");
    assert_eq!(
        (data["taskId"].as_str(), data["status"].as_str()),
        (Some(&*w.store.codec().text(task.id)), Some("finished"))
    );
}
