//! Paused endpoints: their queue is kept, and nothing of it is attempted.

use super::Fixture;
use super::world::{DAY, HOUR, SECOND, World};
use crate::*;
use domain::{AppId, Cause, DeadReason, EndpointId, MessageId};
use std::sync::atomic::Ordering::Relaxed;

type F = Box<dyn Fixture>;

async fn pause(w: &World, app: AppId, e: EndpointId) -> Endpoint {
    w.store.pause_endpoint(app, &Ref::Id(e)).await.unwrap()
}
async fn resume(w: &World, app: AppId, e: EndpointId) -> Endpoint {
    w.store.resume_endpoint(app, &Ref::Id(e)).await.unwrap()
}
fn messages(leases: &[Lease]) -> Vec<MessageId> {
    leases.iter().map(|l| l.key.message).collect()
}

pub async fn a_paused_endpoint_queues_everything_and_gets_it_in_order_when_it_is_resumed(f: F) {
    let mut w = World::with(f, |c| c.lane_capacity = 8).await;
    let (app, e) = w.app_and_endpoint().await;
    let other = w.endpoint(app).await;
    w.send(app).await;
    let before = w.take().await;
    for l in &before {
        w.settle(l, Next::RetryAt(w.later(SECOND)));
    }
    assert_eq!(pause(&w, app, e).await.paused_at, Some(w.now()));
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(w.send(app).await);
        w.clock.advance(SECOND);
    }
    let leased = w.take().await;
    assert!(leased.iter().all(|l| l.key.endpoint == other), "the paused one gets no retry and nothing new");
    w.deliver_all().await;
    assert_eq!(w.tally(app, e).await.pending, 31);
    assert_eq!(w.restless().await, 0, "a paused queue keeps nobody busy");

    w.restart().await;
    w.advance(HOUR).await;
    assert!(w.take().await.iter().all(|l| l.key.endpoint != e), "it stays paused over a restart");
    assert_eq!(resume(&w, app, e).await.paused_at, None);
    let mut got = Vec::new();
    loop {
        let batch: Vec<Lease> = w.take().await.into_iter().filter(|l| l.key.endpoint == e).collect();
        assert!(batch.len() <= 8, "no more than the lane takes");
        if batch.is_empty() {
            break;
        }
        got.extend(messages(&batch));
        batch.iter().for_each(|l| w.settle(l, Next::Delivered));
    }
    // The retry was due after the first one was sent.
    let retried = before.iter().find(|l| l.key.endpoint == e).map(|l| l.key.message);
    let want: Vec<MessageId> = ids.iter().take(1).copied().chain(retried).chain(ids.iter().skip(1).copied()).collect();
    assert_eq!(got, want, "in order of their time");
}

pub async fn what_was_leased_before_a_pause_waits_on_disk_when_it_is_given_back(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 3).await;
    let leased = w.take().await;
    pause(&w, app, e).await;
    for l in &leased {
        w.settle(l, Next::Released(w.now()));
    }
    assert!(w.take().await.is_empty());
    let m = w.store.metrics();
    assert_eq!((m.deliveries_waiting.load(Relaxed), m.in_flight_bytes.load(Relaxed)), (3, 0));
    resume(&w, app, e).await;
    assert_eq!(w.deliver_all().await, 3);
}

pub async fn pausing_twice_keeps_the_time_of_the_first_and_a_put_without_it_changes_nothing(f: F) {
    let w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let first = pause(&w, app, e).await.paused_at;
    w.advance(HOUR).await;
    assert_eq!(pause(&w, app, e).await.paused_at, first);
    let fields = EndpointFields { url: "https://example.com/".into(), ..EndpointFields::default() };
    let put = async |paused| {
        let fields = EndpointFields { paused, ..fields.clone() };
        let secret = super::world::seal("s");
        w.store.put_endpoint(app, &Ref::Id(e), fields, secret, None).await.unwrap().0.paused_at
    };
    assert_eq!([put(None).await, put(Some(true)).await, put(Some(false)).await], [first, first, None]);
    let born = w.endpoint_with(app, |f| f.paused = Some(true)).await;
    assert_eq!(w.store.endpoint(app, &Ref::Id(born)).await.unwrap().paused_at, Some(w.now()));
}

pub async fn a_resend_to_a_paused_endpoint_is_refused_unless_it_is_forced(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    w.deliver_all().await;
    pause(&w, app, e).await;
    let resend = async |force| w.store.resend(app, &Ref::Id(id), &Ref::Id(e), force).await;
    assert!(matches!(resend(false).await, Err(StoreError::Conflict(why)) if why.contains("paused")));
    resend(true).await.unwrap();
    let lease = w.take_one().await;
    assert_eq!((lease.cause, lease.endpoint.paused_at), (Cause::Resend, Some(w.now())));
}

pub async fn the_time_of_a_pause_does_not_count_as_failing(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let began = w.now();
    let fail_one = async |w: &mut World| {
        w.send(app).await;
        let lease = w.take_one().await;
        w.settle(&lease, Next::Dead(DeadReason::Exhausted));
        w.calm().await;
        w.store.endpoint(app, &Ref::Id(e)).await.unwrap()
    };
    fail_one(&mut w).await;
    w.advance(3 * DAY).await;
    // Under way when the pause begins, and ends long after.
    w.send(app).await;
    let late = w.take_one().await;
    pause(&w, app, e).await;
    w.advance(30 * DAY).await;
    w.settle(&late, Next::Dead(DeadReason::Exhausted));
    w.calm().await;
    assert!(!w.store.endpoint(app, &Ref::Id(e)).await.unwrap().disabled);
    assert_eq!(resume(&w, app, e).await.failing_since, Some(began.plus(30 * DAY)));
    w.advance(DAY).await;
    assert!(!fail_one(&mut w).await.disabled, "four days of failing");
    w.restart().await;
    w.advance(DAY).await;
    assert!(fail_one(&mut w).await.disabled, "five days of failing");
}

pub async fn an_endpoint_that_began_to_fail_while_it_was_paused_fails_since_it_was_resumed(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send(app).await;
    let late = w.take_one().await;
    pause(&w, app, e).await;
    w.advance(HOUR).await;
    w.settle(&late, Next::RetryAt(w.later(HOUR)));
    w.advance(HOUR).await;
    assert_eq!(resume(&w, app, e).await.failing_since, Some(w.now()));
}

pub async fn a_disabled_endpoint_that_is_paused_gets_nothing_until_it_is_both_enabled_and_resumed(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    pause(&w, app, e).await;
    w.send(app).await;
    w.set_disabled(app, e, true).await;
    w.send(app).await;
    resume(&w, app, e).await;
    assert!(w.take().await.is_empty());
    pause(&w, app, e).await;
    w.set_disabled(app, e, false).await;
    assert!(w.take().await.is_empty());
    resume(&w, app, e).await;
    assert_eq!(w.deliver_all().await, 1, "what was sent while it was disabled is not for it");
}

pub async fn a_late_gone_from_the_old_url_leaves_the_new_one_enabled(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send(app).await;
    let late = w.take_one().await;
    let patch = EndpointPatch { url: Some("https://example.com/new".into()), ..EndpointPatch::default() };
    w.store.patch_endpoint(app, &Ref::Id(e), patch).await.unwrap();
    w.settle_with(&late, Next::Dead(DeadReason::Exhausted), |s| {
        s.attempt = s.attempt.take().map(|a| NewAttempt { gone: true, status_code: 410, ..a });
    });
    w.calm().await;
    assert!(!w.store.endpoint(app, &Ref::Id(e)).await.unwrap().disabled);
}
