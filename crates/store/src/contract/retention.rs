//! Retention: what goes, when, and what never does.

use super::Fixture;
use super::world::{ALL, DAY, HOUR, Tally, World, page};
use crate::*;
use domain::MessageId;

type F = Box<dyn Fixture>;

async fn payload(w: &World, app: domain::AppId, id: MessageId) -> Option<bool> {
    match w.store.message(app, &Ref::Id(id), true).await {
        Ok(m) => Some(m.payload.is_some()),
        Err(StoreError::NotFound(_)) => None,
        Err(e) => panic!("{e}"),
    }
}

pub async fn payloads_go_before_messages_and_messages_before_nothing_is_left(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    w.deliver_all().await;
    w.advance(30 * DAY - 2 * HOUR).await;
    w.sweep().await;
    assert_eq!(payload(&w, app, id).await, Some(true));
    w.advance(3 * HOUR).await;
    w.sweep().await;
    assert_eq!(payload(&w, app, id).await, Some(false));
    assert_eq!(w.tally(app, e).await, Tally { success: 1, ..Default::default() });
    w.advance(60 * DAY).await;
    w.sweep().await;
    assert_eq!(payload(&w, app, id).await, None);
    let left = w.store.attempts_by_endpoint(app, &Ref::Id(e), page(ALL), AttemptFilter::default()).await.unwrap();
    assert!(left.data.is_empty());
}

pub async fn a_message_can_ask_for_a_shorter_life_of_its_payload(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let m = w.message(app, "a").await;
    let short = w.accept(NewMessage { payload_retention_days: Some(5), ..m.clone() }).await;
    let usual = w.accept(m.clone()).await;
    let long = w.accept(NewMessage { payload_retention_days: Some(60), ..m.clone() }).await;
    w.deliver_all().await;
    w.set_disabled(app, e, false).await;
    let stuck = w.accept(NewMessage { payload_retention_days: Some(5), ..m }).await;
    for l in w.take().await {
        w.settle(&l, Next::RetryAt(w.later(20 * DAY)));
    }
    let kept = async || {
        let mut all = Vec::new();
        for id in [short, usual, long, stuck] {
            all.push(payload(&w, app, id).await.unwrap());
        }
        all
    };
    w.advance(6 * DAY).await;
    w.sweep().await;
    assert_eq!(kept().await, [false, true, true, true], "what is still to be delivered is kept");
    w.advance(25 * DAY).await;
    w.sweep().await;
    assert_eq!(kept().await, [false, false, true, true]);
}

pub async fn what_is_not_delivered_is_never_deleted(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let ids = w.send_many(app, 4).await;
    let batch = w.take().await;
    w.settle(&batch[0], Next::RetryAt(w.later(200 * DAY)));
    w.settle(&batch[1], Next::Delivered);
    w.settle(&batch[2], Next::Dead(domain::DeadReason::Exhausted));
    w.advance(100 * DAY).await;
    w.sweep().await;
    let kept = [payload(&w, app, ids[0]).await, payload(&w, app, ids[1]).await];
    assert_eq!(kept, [Some(true), None]);
    assert_eq!(payload(&w, app, ids[2]).await, None, "a dead letter goes with its age");
    assert_eq!(payload(&w, app, ids[3]).await, Some(true), "leased");
    assert_eq!(w.check_balance(2, &[(app, e)]).await, Tally { pending: 1, sending: 1, ..Default::default() });
    w.settle(&batch[3], Next::Delivered);
    w.advance(100 * DAY).await;
    assert_eq!(w.deliver_all().await, 1);
    w.sweep().await;
    assert_eq!(payload(&w, app, ids[0]).await, None);
}

pub async fn a_dead_letter_of_a_message_that_is_kept_is_kept(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let other = w.endpoint(app).await;
    let id = w.send(app).await;
    let batch = w.take().await;
    w.settle(&batch[0], Next::Dead(domain::DeadReason::Exhausted));
    w.settle(&batch[1], Next::RetryAt(w.later(200 * DAY)));
    w.advance(100 * DAY).await;
    w.sweep().await;
    assert!(matches!(w.statuses(app, e).await[&id], DeliveryStatus::Fail { .. }));
    w.check_balance(2, &[(app, e), (app, other)]).await;
}

pub async fn a_sweep_deletes_a_bounded_slice_at_a_time(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    let ids = w.send_many(app, 1000).await;
    w.deliver_all().await;
    w.clock.advance(91 * DAY);
    w.store.ready().await.unwrap();
    let left = async || {
        let mut n = 0;
        for id in ids.iter().step_by(50) {
            n += usize::from(payload(&w, app, *id).await.is_some());
        }
        n
    };
    assert!(left().await >= 12, "one slice, not all");
    w.sweep().await;
    assert_eq!(left().await, 0);
}

pub async fn a_quiet_sweep_rests(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    w.send_many(app, 50).await;
    w.deliver_all().await;
    w.advance(91 * DAY).await;
    // 50 is less than a slice: there is nothing to hurry for.
    w.clock.advance(std::time::Duration::from_millis(25));
    assert_eq!(w.restless().await, 0);
}

pub async fn finished_tasks_and_urls_of_gone_endpoints_go_too(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    w.deliver_all().await;
    let task = w.store.start_task(app, &Ref::Id(e), TaskKind::Recover, w.now(), None).await.unwrap();
    w.store.delete_endpoint(app, &Ref::Id(e)).await.unwrap();
    w.advance(50 * DAY).await;
    w.sweep().await;
    assert_eq!(w.attempts(app, id).await[0].url, "https://example.com/hook");
    w.advance(50 * DAY).await;
    w.sweep().await;
    assert_eq!(w.store.task(w.org, task.id).await.unwrap_err(), StoreError::NotFound("task"));
    assert_eq!(payload(&w, app, id).await, None);
}
