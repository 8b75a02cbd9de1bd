//! The live tail: those who watch see what was committed, in order, and nothing else.

use super::Fixture;
use super::world::{HOUR, SECOND, World};
use crate::*;
use domain::{AppId, DeadReason};
use std::time::Duration;

type F = Box<dyn Fixture>;

/// What there is now, without waiting for more.
async fn seen(w: &World, tail: &mut Tail) -> (Vec<TailRow>, Skipped) {
    w.calm().await;
    let mut rows = Vec::new();
    let mut skipped = Skipped::default();
    for _ in 0..3 {
        // The answer to the last commit comes just before its rows are handed out.
        tokio::task::yield_now().await;
    }
    while let Ok(batch) = tokio::time::timeout(Duration::from_millis(20), tail.next(1000)).await {
        rows.extend(batch.rows.iter().map(|r| (**r).clone()));
        skipped.accepted += batch.skipped.accepted;
        skipped.attempts += batch.skipped.attempts;
        skipped.received += batch.skipped.received;
        skipped.uncounted |= batch.skipped.uncounted;
    }
    (rows, skipped)
}
fn tail(w: &World, app: Option<AppId>) -> Tail {
    w.store.tail(w.org, app, None)
}

pub async fn who_watches_sees_messages_attempts_and_requests_in_order(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send(app).await;
    w.deliver_all().await;
    let mut all = tail(&w, None);
    let id = w.send(app).await;
    let lease = w.take_one().await;
    w.settle(&lease, Next::RetryAt(w.later(SECOND)));
    w.advance(SECOND).await;
    let lease = w.take_one().await;
    w.settle(&lease, Next::Dead(DeadReason::Exhausted));
    let source = w.source(|_| {}).await;
    let request = w.store_request(w.inbound(&source, 1).await).await;
    let refused = NewRequest { verdict: Verdict::Refused("bad signature".into()), ..w.inbound(&source, 2).await };
    w.store_request(refused).await;

    let (rows, skipped) = seen(&w, &mut all).await;
    assert!(skipped.is_none());
    assert!(rows.is_sorted_by_key(|r| r.id.seq()));
    assert_eq!(rows.len(), 5, "{rows:?}");
    assert_eq!((rows[0].id, rows[0].app, &*rows[0].event_type), (TailId::Message(id), app, "user.created"));
    let attempts: Vec<_> = rows[1..3]
        .iter()
        .map(|r| match &r.what {
            TailEvent::Attempted { message, endpoint, host, number, result, status_code, .. } => {
                assert_eq!((*message, *endpoint, &**host), (id, e, "example.com"));
                (*number, *result, *status_code)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(attempts, [(1, AttemptResult::Retrying, 500), (2, AttemptResult::Failed, 500)]);
    assert_eq!((rows[3].id, rows[3].app), (TailId::Request(request), source.app));
    let TailEvent::Received { verdict, reason, .. } = &rows[4].what else { panic!("{:?}", rows[4]) };
    assert_eq!((*verdict, reason.as_deref()), (VerdictKind::Refused, Some("bad signature")));
}

pub async fn a_tail_is_of_one_organisation_or_of_one_application(f: F) {
    let mut w = World::new(f).await;
    let ((a, _), (b, _)) = (w.app_and_endpoint().await, w.app_and_endpoint().await);
    let other = w.store.organisation("org_2").await.unwrap();
    let (mut of_a, mut all, mut others) = (tail(&w, Some(a)), tail(&w, None), w.store.tail(other, None, None));
    w.send(a).await;
    w.send(b).await;
    w.deliver_all().await;
    let apps = |rows: Vec<TailRow>| rows.iter().map(|r| r.app).collect::<Vec<_>>();
    assert_eq!(apps(seen(&w, &mut of_a).await.0), [a, a]);
    assert_eq!(apps(seen(&w, &mut all).await.0), [a, b, a, b]);
    assert!(seen(&w, &mut others).await.0.is_empty());
}

pub async fn who_comes_back_goes_on_where_he_was(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let mut first = tail(&w, None);
    let ids = [w.send(app).await, w.send(app).await, w.send(app).await];
    let (rows, _) = seen(&w, &mut first).await;
    drop(first);
    let after = rows[1].id.seq();
    let mut back = w.store.tail(w.org, None, Some(after));
    let (rows, skipped) = seen(&w, &mut back).await;
    assert_eq!(rows.iter().map(|r| r.id).collect::<Vec<_>>(), [TailId::Message(ids[2])]);
    assert!(skipped.is_none());
    drop(back);
    w.clock.advance(Duration::from_secs(29));
    let missed = w.send(app).await;
    let mut back = w.store.tail(w.org, None, Some(rows[0].id.seq()));
    assert_eq!(seen(&w, &mut back).await.0[0].id, TailId::Message(missed));
    drop(back);

    w.clock.advance(Duration::from_secs(31));
    w.send(app).await;
    w.advance(HOUR).await;
    let mut late = w.store.tail(w.org, None, Some(after));
    let (rows, skipped) = seen(&w, &mut late).await;
    assert!(rows.is_empty() && skipped.uncounted, "nobody remembers: {rows:?}");
}

pub async fn more_than_its_share_is_counted_and_failures_are_preferred(f: F) {
    let mut w = World::with(f, |c| c.tail_rows_per_second = 100).await;
    let (app, _) = w.app_and_endpoint().await;
    w.send_many(app, 50).await;
    let leases = w.take().await;
    w.clock.advance(SECOND);
    let mut all = tail(&w, None);
    for l in leases.iter().take(25) {
        w.settle(l, Next::Delivered);
    }
    w.calm().await;
    for l in leases.iter().skip(25) {
        w.settle(l, Next::Dead(DeadReason::Exhausted));
    }
    let (rows, skipped) = seen(&w, &mut all).await;
    let failed = rows.iter().filter(|r| matches!(&r.what, TailEvent::Attempted { status_code: 500, .. })).count();
    assert_eq!((rows.len(), failed), (10, 2));
    assert_eq!(skipped, Skipped { attempts: 40, ..Skipped::default() });
    let mut of_none = tail(&w, Some(AppId(1)));
    w.send_many(app, 50).await;
    assert_eq!(seen(&w, &mut of_none).await, (vec![], Skipped::default()), "nor is it told what others skip");
}

pub async fn who_is_late_is_told_that_he_missed_something(f: F) {
    let w = World::with(f, |c| c.tail_rows_per_second = 1_000_000).await;
    let app = w.app().await;
    let mut slow = tail(&w, None);
    for _ in 0..10 {
        w.send_many(app, 500).await;
    }
    let (rows, skipped) = seen(&w, &mut slow).await;
    assert_eq!((rows.len(), skipped.uncounted), (4096, true));
}

pub async fn what_is_undone_is_not_seen(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let mut all = tail(&w, None);
    let m = NewMessage { event_id: Some("once".into()), ..w.message(app, "a").await };
    w.accept(m.clone()).await;
    w.store.accept(m).await.unwrap_err();
    assert_eq!(seen(&w, &mut all).await.0.len(), 1);
}
