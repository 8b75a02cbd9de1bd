//! Endpoints that fail: since when, and when they are disabled.

use super::Fixture;
use super::world::{DAY, HOUR, World};
use crate::*;
use domain::{AppId, DeadReason, EndpointId};

type F = Box<dyn Fixture>;

async fn endpoint(w: &World, app: AppId, e: EndpointId) -> Endpoint {
    w.calm().await;
    w.store.endpoint(app, &Ref::Id(e)).await.unwrap()
}
async fn fail_one(w: &mut World, app: AppId) {
    w.send(app).await;
    let lease = w.take_one().await;
    w.settle(&lease, Next::Dead(DeadReason::Exhausted));
}

pub async fn an_endpoint_that_only_failed_for_days_is_disabled(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let began = w.now();
    fail_one(&mut w, app).await;
    assert_eq!(endpoint(&w, app, e).await.failing_since, Some(began));
    w.advance(3 * DAY).await;
    w.restart().await;
    fail_one(&mut w, app).await;
    let seen = endpoint(&w, app, e).await;
    assert_eq!((seen.failing_since, seen.disabled), (Some(began), false));
    w.advance(2 * DAY).await;
    fail_one(&mut w, app).await;
    assert!(endpoint(&w, app, e).await.disabled);
    w.send(app).await;
    assert!(w.take().await.is_empty());
    w.set_disabled(app, e, false).await;
    assert_eq!(endpoint(&w, app, e).await.failing_since, None);
    fail_one(&mut w, app).await;
    let seen = endpoint(&w, app, e).await;
    assert_eq!((seen.failing_since, seen.disabled), (Some(w.now()), false), "enabling it starts anew");
}

pub async fn one_success_ends_the_failing(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    fail_one(&mut w, app).await;
    w.advance(4 * DAY).await;
    w.send(app).await;
    w.deliver_all().await;
    assert_eq!(endpoint(&w, app, e).await.failing_since, None);
    w.advance(4 * DAY).await;
    fail_one(&mut w, app).await;
    let seen = endpoint(&w, app, e).await;
    assert_eq!((seen.failing_since, seen.disabled), (Some(w.now()), false));
}

pub async fn failing_and_working_in_one_transaction_ends_with_the_last(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 3).await;
    let batch = w.take().await;
    w.settle(&batch[0], Next::Dead(DeadReason::Exhausted));
    w.settle(&batch[1], Next::Delivered);
    w.advance(HOUR).await;
    assert_eq!(endpoint(&w, app, e).await.failing_since, None);
    w.settle(&batch[2], Next::Dead(DeadReason::Exhausted));
    assert_eq!(endpoint(&w, app, e).await.failing_since, Some(w.now()));
}

pub async fn gone_disables_at_once(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send(app).await;
    let lease = w.take_one().await;
    w.settle_with(&lease, Next::Dead(DeadReason::Gone), |s| s.attempt.as_mut().unwrap().gone = true);
    assert!(endpoint(&w, app, e).await.disabled);
}

/// A hook with three messages on their way to it.
async fn hook(w: &mut World) -> (domain::AppId, EndpointId, Vec<Lease>) {
    let app = w.app().await;
    let e = w.endpoint_with(app, |f| f.hook = true).await;
    assert!(endpoint(w, app, e).await.hook);
    w.send_many(app, 3).await;
    let leases = w.take().await;
    (app, e, leases)
}
fn gone(w: &World, lease: &Lease) {
    w.settle_with(lease, Next::Dead(DeadReason::Gone), |s| {
        let attempt = s.attempt.as_mut().unwrap();
        (attempt.gone, attempt.status_code) = (true, 410);
    });
}

pub async fn a_hook_that_is_gone_is_deleted(f: F) {
    let mut w = World::new(f).await;
    let (app, e, leases) = hook(&mut w).await;
    w.settle(&leases[0], Next::RetryAt(w.later(HOUR)));
    gone(&w, &leases[1]);
    gone(&w, &leases[2]);
    w.store.ready().await.unwrap();
    assert_eq!(w.store.endpoint(app, &Ref::Id(e)).await.unwrap_err(), StoreError::NotFound("endpoint"));
    assert!(w.store.current_endpoint(&leases[0].endpoint).is_none());
    w.send(app).await;
    w.sweep().await;
    assert!(w.take().await.is_empty(), "neither the retry nor what came after");
}

pub async fn a_hook_is_not_deleted_for_what_its_old_target_said(f: F) {
    let mut w = World::new(f).await;
    let (app, e, leases) = hook(&mut w).await;
    let moved = EndpointPatch { url: Some("https://example.com/new".into()), ..Default::default() };
    assert!(w.store.patch_endpoint(app, &Ref::Id(e), moved).await.unwrap().hook);
    gone(&w, &leases[0]);
    w.store.ready().await.unwrap();
    assert!(!endpoint(&w, app, e).await.disabled);
}

pub async fn with_zero_days_no_endpoint_is_disabled_for_failing(f: F) {
    let mut w = World::with(f, |c| c.endpoint_disable_after = std::time::Duration::ZERO).await;
    let (app, e) = w.app_and_endpoint().await;
    fail_one(&mut w, app).await;
    w.advance(300 * DAY).await;
    fail_one(&mut w, app).await;
    assert!(!endpoint(&w, app, e).await.disabled);
}
