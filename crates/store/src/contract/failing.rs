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

pub async fn with_zero_days_no_endpoint_is_disabled_for_failing(f: F) {
    let mut w = World::with(f, |c| c.endpoint_disable_after = std::time::Duration::ZERO).await;
    let (app, e) = w.app_and_endpoint().await;
    fail_one(&mut w, app).await;
    w.advance(300 * DAY).await;
    fail_one(&mut w, app).await;
    assert!(!endpoint(&w, app, e).await.disabled);
}
