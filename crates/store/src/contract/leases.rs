//! Leases and what settles them.

use super::Fixture;
use super::world::{HOUR, SECOND, Tally, World, detail};
use crate::*;
use domain::{Cause, DeadReason, DeliveryKey};
use std::sync::atomic::Ordering::Relaxed;

type F = Box<dyn Fixture>;

pub async fn a_delivery_is_born_leased_with_all_that_an_attempt_needs(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let m = w.message(app, "a").await;
    let id = w.accept(m.clone()).await;
    let lease = w.take_one().await;
    assert_eq!(lease.key, DeliveryKey { message: id, endpoint: e, ordinal: 0 });
    assert_eq!((lease.attempts, lease.cause, &lease.payload), (0, Cause::Subscribed, &m.payload));
    assert_eq!((lease.endpoint.app, lease.endpoint.secrets.len()), (app, 1));
    assert_eq!(w.check_balance(1, &[(app, e)]).await, Tally { sending: 1, ..Default::default() });
}

pub async fn a_delivered_message_has_its_attempt_and_nothing_else(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    let lease = w.take_one().await;
    w.settle(&lease, Next::Delivered);
    assert_eq!(w.check_balance(1, &[(app, e)]).await, Tally { success: 1, ..Default::default() });
    let attempts = w.attempts(app, id).await;
    assert_eq!(attempts.len(), 1);
    let a = &attempts[0];
    assert_eq!((a.key, a.number, a.success, a.status_code, a.duration_us), (lease.key, 1, true, 200, 1234));
    assert_eq!(
        (a.manual, &*a.url, a.response.as_deref()),
        (false, "https://example.com/hook", Some(&b"an answer"[..]))
    );
    assert_eq!(a.detail, Some(detail()));
    let one = w.store.attempt(app, &Ref::Id(id), a.id).await.unwrap();
    assert_eq!((one.id, one.number), (a.id, 1));
    w.restart().await;
    assert!(w.take().await.is_empty());
}

pub async fn a_retry_comes_when_it_is_due_and_not_before(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    for n in 0..5 {
        let lease = w.take_one().await;
        assert_eq!((lease.key.message, lease.attempts), (id, n));
        let at = w.later(HOUR);
        w.settle(&lease, Next::RetryAt(at));
        assert_eq!(w.statuses(app, e).await[&id], DeliveryStatus::Pending { next_attempt: at });
        w.advance(HOUR - SECOND).await;
        if n == 2 {
            w.restart().await;
        }
        assert!(w.take().await.is_empty());
        w.advance(SECOND).await;
    }
    w.deliver_all().await;
    let numbers: Vec<u32> = w.attempts(app, id).await.iter().map(|a| a.number).collect();
    assert_eq!(numbers, [6, 5, 4, 3, 2, 1], "numbers never repeat");
    w.check_balance(1, &[(app, e)]).await;
}

pub async fn each_way_to_settle_leaves_its_own_state(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 8).await;
    let batch = w.take().await;
    let later = w.later(HOUR);
    let ways = [
        Next::Delivered,
        Next::RetryAt(later),
        Next::Released(later),
        Next::Dead(DeadReason::Exhausted),
        Next::Dead(DeadReason::Gone),
        // Of an endpoint that lives: whoever said so was wrong, and it is due again.
        Next::Canceled,
    ];
    for (l, next) in batch.iter().zip(ways) {
        w.settle(l, next);
    }
    let got = w.statuses(app, e).await;
    let of = |n: usize| got.get(&batch[n].key.message).copied();
    assert_eq!(of(0), Some(DeliveryStatus::Success));
    assert_eq!(of(1), Some(DeliveryStatus::Pending { next_attempt: later }));
    assert_eq!(of(2), Some(DeliveryStatus::Pending { next_attempt: later }));
    assert_eq!(of(3), Some(DeliveryStatus::Fail { reason: DeadReason::Exhausted }));
    assert_eq!(of(4), Some(DeliveryStatus::Fail { reason: DeadReason::Gone }));
    assert!(matches!(of(5), Some(DeliveryStatus::Sending | DeliveryStatus::Pending { .. })));
    assert_eq!(of(6), Some(DeliveryStatus::Sending));
    w.check_balance(8, &[(app, e)]).await;
    for (n, l) in batch.iter().enumerate().take(6) {
        assert_eq!(w.attempts(app, l.key.message).await.len(), usize::from([0, 1, 3, 4].contains(&n)), "{n}");
    }
    w.advance(HOUR).await;
    let again = w.take().await;
    let attempts: Vec<u32> = again.iter().map(|l| l.attempts).collect();
    assert_eq!(attempts, [0, 1, 0], "what was released or wrongly canceled was not attempted");
}

pub async fn a_lost_lease_keeps_the_attempt_and_changes_nothing_else(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    let lease = w.take_one().await;
    w.settle(&lease, Next::RetryAt(w.later(HOUR)));
    let before = w.check_balance(1, &[(app, e)]).await;
    let bytes = w.store.metrics().in_flight_bytes.load(Relaxed);
    for next in [Next::Delivered, Next::Dead(DeadReason::Gone), Next::RetryAt(w.now()), Next::Canceled] {
        w.settle_with(&lease, next, |s| s.attempt.iter_mut().for_each(|a| a.gone = true));
    }
    w.calm().await;
    assert_eq!(w.statuses(app, e).await[&id], DeliveryStatus::Pending { next_attempt: w.later(HOUR) });
    let after = w.check_balance(1, &[(app, e)]).await;
    // An attempt that got through shows as a success only when nothing is under way any more.
    assert_eq!(before, after);
    assert_eq!(w.attempts(app, id).await.len(), 4);
    assert_eq!(w.store.metrics().leases_lost.load(Relaxed), 4);
    assert_eq!(w.store.metrics().in_flight_bytes.load(Relaxed), bytes);
    assert!(!w.store.endpoint(app, &Ref::Id(e)).await.unwrap().disabled);
}

pub async fn a_resend_is_a_delivery_of_its_own(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    let scheduled = w.take_one().await;
    w.settle(&scheduled, Next::RetryAt(w.later(HOUR)));
    w.store.resend(app, &Ref::Id(id), &Ref::Id(e), false).await.unwrap();
    w.store.resend(app, &Ref::Id(id), &Ref::Id(e), false).await.unwrap();
    let by_hand = w.take().await;
    let ordinals: Vec<u32> = by_hand.iter().map(|l| l.key.ordinal).collect();
    assert_eq!(ordinals, [1, 2]);
    assert!(by_hand.iter().all(|l| l.cause == Cause::Resend && l.attempts == 0));
    for l in &by_hand {
        w.settle(l, Next::Delivered);
    }
    assert_eq!(w.statuses(app, e).await[&id], DeliveryStatus::Pending { next_attempt: w.later(HOUR) });
    assert!(w.attempts(app, id).await.iter().take(2).all(|a| a.manual));
    w.advance(HOUR).await;
    assert_eq!(w.take_one().await.key.ordinal, 0);
    w.restart().await;
    w.deliver_all().await;
    w.store.resend(app, &Ref::Id(id), &Ref::Id(e), false).await.unwrap();
    assert_eq!(w.take_one().await.key.ordinal, 3);
}

pub async fn what_cannot_be_sent_again_says_so(f: F) {
    let w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    let resend = async || w.store.resend(app, &Ref::Id(id), &Ref::Id(e), false).await;
    w.store.delete_message_content(app, &Ref::Id(id)).await.unwrap();
    assert!(matches!(resend().await, Err(StoreError::Conflict(_))));
    let unknown = w.store.resend(app, &Ref::Id(domain::MessageId(1)), &Ref::Id(e), false).await;
    assert_eq!(unknown.unwrap_err(), StoreError::NotFound("message"));
    w.set_disabled(app, e, true).await;
    assert!(matches!(resend().await, Err(StoreError::Conflict(_))));
    let other = w.store.resend(app, &Ref::Id(domain::MessageId(1)), &Ref::Id(e), true).await;
    assert_eq!(other.unwrap_err(), StoreError::NotFound("message"));
    w.store.delete_endpoint(app, &Ref::Id(e)).await.unwrap();
    assert_eq!(resend().await.unwrap_err(), StoreError::NotFound("endpoint"));
}

pub async fn a_forced_resend_goes_to_a_disabled_endpoint(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    w.deliver_all().await;
    w.set_disabled(app, e, true).await;
    w.store.resend(app, &Ref::Id(id), &Ref::Id(e), true).await.unwrap();
    let lease = w.take_one().await;
    assert_eq!((lease.key.message, lease.cause), (id, Cause::Resend));
}

pub async fn a_waiting_delivery_whose_content_is_deleted_becomes_dead(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let (held, waiting) = (w.send(app).await, w.send(app).await);
    let batch = w.take().await;
    w.settle(&batch[1], Next::RetryAt(w.later(HOUR)));
    w.calm().await;
    for id in [held, waiting] {
        w.store.delete_message_content(app, &Ref::Id(id)).await.unwrap();
        assert_eq!(w.store.message(app, &Ref::Id(id), true).await.unwrap().payload, None);
    }
    w.advance(HOUR).await;
    assert!(w.take().await.is_empty());
    let got = w.statuses(app, e).await;
    assert_eq!(got[&waiting], DeliveryStatus::Fail { reason: DeadReason::ContentDeleted });
    assert_eq!(got[&held], DeliveryStatus::Sending, "its bytes are with the engine already");
    w.settle(&batch[0], Next::Delivered);
    w.check_balance(2, &[(app, e)]).await;
    assert_eq!(w.store.endpoint_stats(app, &Ref::Id(e), None, None).await.unwrap().fail, 1);
}

pub async fn an_attempt_that_noted_nothing_has_no_detail(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    let lease = w.take_one().await;
    w.settle_with(&lease, Next::Delivered, |s| s.attempt.as_mut().unwrap().detail.clear());
    w.calm().await;
    assert_eq!(w.attempts(app, id).await[0].detail, None);
}

pub async fn the_content_of_an_attempt_can_be_deleted(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    w.deliver_all().await;
    let attempt = w.attempts(app, id).await.remove(0);
    assert_eq!(attempt.detail, Some(detail()));
    w.store.delete_attempt_content(app, &Ref::Id(id), attempt.id).await.unwrap();
    let left = w.attempts(app, id).await.remove(0);
    assert_eq!((left.response, left.detail), (None, None));
    let other = w.send(app).await;
    let wrong = w.store.attempt(app, &Ref::Id(other), attempt.id).await.unwrap_err();
    assert_eq!(wrong, StoreError::NotFound("attempt"));
}
