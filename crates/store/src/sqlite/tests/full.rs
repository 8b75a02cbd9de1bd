//! A database that can't grow: what is refused, what waits, and that all is well afterwards.

use super::Folder;
use crate::contract::World;
use crate::contract::own_events::{all, clicked_by, record_news};
use crate::*;
use bytes::Bytes;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Pages that the database may have from now on; 0 lifts the limit.
async fn limit_pages(w: &World, more: i64) {
    w.store
        .on_writer(move |conn| {
            let now: i64 = conn.query_row("PRAGMA page_count", [], |r| r.get(0)).unwrap();
            let limit = if more < 0 { i64::from(i32::MAX) } else { now + more };
            conn.query_row(&format!("PRAGMA max_page_count = {limit}"), [], |_| Ok(())).unwrap();
        })
        .await;
}

#[tokio::test]
async fn settlements_wait_for_room_and_messages_are_refused() {
    let mut w = World::new(Box::new(Folder::default())).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 500).await;
    let held = w.take().await;
    assert_eq!(held.len(), 500);
    limit_pages(&w, 0).await;
    let big = NewMessage { payload: Bytes::from(vec![b'x'; 1 << 20]), ..w.message(app, "a").await };
    assert!(matches!(w.store.accept(big.clone()).await, Err(StoreError::Full { .. })));
    for l in &held {
        w.settle_with(l, Next::Delivered, |s| s.attempt.as_mut().unwrap().response = Bytes::from(vec![b'r'; 1000]));
    }
    // Whatever is asked now may share the failing transaction; the answer says that nothing was stored.
    let patch = EndpointPatch { description: Some("x".repeat(100_000)), ..Default::default() };
    let refused = w.store.patch_endpoint(app, &Ref::Id(e), patch).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Full { .. } | StoreError::Busy { .. } | StoreError::Failed(_)),
        "{refused:?}"
    );
    assert_eq!(w.store.metrics().attempts_succeeded.load(Relaxed), 0, "what was undone doesn't count");
    assert_eq!(w.store.metrics().deliveries_leased.load(Relaxed), 500, "in memory nothing has changed");
    assert!(w.restless().await <= 2, "it does not spin");
    limit_pages(&w, -1).await;
    w.advance(Duration::from_secs(1)).await;
    assert_eq!(w.check_balance(500, &[(app, e)]).await.success, 500);
    w.accept(big).await;
    assert_eq!(w.deliver_all().await, 1);
    w.restart().await;
    assert_eq!(w.check_balance(501, &[(app, e)]).await.success, 501);
}

#[tokio::test]
async fn a_failed_verb_leaves_no_trace_and_does_not_harm_its_batch() {
    let mut w = World::new(Box::new(Folder::default())).await;
    let (app, e) = w.app_and_endpoint().await;
    let operational = w.store.operational_app(w.org).await.unwrap();
    let listener = w.endpoint(operational).await;
    w.deliver_all().await;
    limit_pages(&w, 1).await;
    let fields = |n: usize| EndpointFields { url: "u".repeat(n), ..Default::default() };
    let big = w.store.create_endpoint(app, fields(1 << 20), Box::new(|_| vec![1]), None).await;
    assert!(big.is_err());
    limit_pages(&w, -1).await;
    w.advance(Duration::from_secs(1)).await;
    assert_eq!(w.store.metrics().deliveries_leased.load(Relaxed), 0);
    w.send(app).await;
    assert_eq!(w.deliver_all().await, 1);
    w.check_balance(1, &[(app, e), (operational, listener)]).await;
}

#[tokio::test]
async fn a_settlement_that_cannot_be_written_keeps_no_other_waiting() {
    let mut w = World::new(Box::new(Folder::default())).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 3).await;
    let held = w.take().await;
    let spoiled = held[1].key.message.0;
    // As no store of ours would leave it: the delivery is on disk although it is leased.
    let spoil = format!(
        "INSERT INTO delivery SELECT message, endpoint, ordinal, 9e15, 0, 0, NULL FROM lease WHERE message = {spoiled}"
    );
    w.store.on_writer(move |conn| assert_eq!(conn.execute(&spoil, []).unwrap(), 1)).await;
    for l in &held {
        w.settle(l, Next::RetryAt(w.later(Duration::from_secs(60))));
    }
    while w.store.ready().await.is_err() {}
    for _ in 0..3 {
        w.clock.advance(Duration::from_secs(1));
        w.store.ready().await.unwrap();
    }
    assert_eq!(w.store.metrics().deliveries_waiting.load(Relaxed), 2);
    assert_eq!(w.store.metrics().deliveries_leased.load(Relaxed), 1);
    w.send(app).await;
    assert_eq!(w.tally(app, e).await.sending, 2);
    w.restart().await;
    w.send(app).await;
    assert_eq!(w.deliver_all().await, 2, "the two that were leased or new; the spoiled one is due in 9e15");
}

#[tokio::test]
async fn a_request_that_finds_no_room_is_refused_and_new_when_it_comes_again() {
    let mut w = World::with(Box::new(Folder::default()), |c| c.dedup_window_keys = 4).await;
    let source = w.source(|_| {}).await;
    let e = w.endpoint(source.app).await;
    for key in 0..20 {
        w.store_request(w.inbound(&source, key).await).await;
    }
    w.deliver_all().await;
    limit_pages(&w, 0).await;
    let body = Bytes::from(vec![b'x'; 1 << 20]);
    let big =
        NewRequest { events: vec![crate::contract::world::event(100, &body)], body, ..w.inbound(&source, 100).await };
    for _ in 0..3 {
        assert!(matches!(w.store.receive(big.clone()).await, Err(StoreError::Full { .. })));
        w.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(w.store.metrics().deliveries_leased.load(Relaxed), 0);
    assert_eq!(w.store.metrics().messages_accepted.load(Relaxed), 20, "what was undone doesn't count");
    limit_pages(&w, -1).await;
    w.advance(Duration::from_secs(1)).await;
    w.store_request(big.clone()).await;
    for new in [big, w.inbound(&source, 3).await, w.inbound(&source, 19).await] {
        assert!(matches!(w.store.receive(new).await.unwrap(), Received::Duplicate { .. }));
    }
    assert_eq!(w.deliver_all().await, 1);
    w.check_balance(21, &[(source.app, e)]).await;
}

#[tokio::test]
async fn clicks_that_find_no_room_are_lost_and_never_were() {
    let mut w = World::new(Box::new(Folder::default())).await;
    let (app, e) = w.app_and_endpoint().await;
    let small = clicked_by(&w, app, Some(1));
    let payload = [&small.payload[..], b",\"x\":\"", &vec![b'x'; 1 << 20], b"\""].concat().into();
    let big = OwnEvent { payload, ..small };
    limit_pages(&w, 0).await;
    w.store.clicks(vec![big.clone(); 3]).unwrap();
    assert!(matches!(w.store.record(big.clone()).await, Err(StoreError::Full { .. })));
    let m = w.store.metrics();
    assert_eq!(m.clicks_lost.load(Relaxed), 3);
    assert_eq!((m.messages_accepted.load(Relaxed), m.deliveries_leased.load(Relaxed)), (0, 0));
    limit_pages(&w, -1).await;
    w.advance(Duration::from_secs(1)).await;
    assert_eq!(record_news(&w, big.clone()).await, [true; 3]);
    assert_eq!(record_news(&w, big).await, [false; 3]);
    assert_eq!(w.deliver_all().await, 2);
    w.restart().await;
    assert_eq!(all(&w).await.totals, [2, 0, 1, 0]);
    w.check_balance(2, &[(app, e)]).await;
}

#[tokio::test]
async fn an_event_of_a_verb_that_is_undone_never_was() {
    let mut w = World::new(Box::new(Folder::default())).await;
    let (app, _) = w.app_and_endpoint().await;
    let event = clicked_by(&w, app, Some(1));
    let undone = event.clone();
    let refused = w.store.write(move |core, now| {
        core.record(undone, now)?;
        Err::<(), _>(StoreError::Conflict("for another reason"))
    });
    assert!(refused.await.is_err());
    assert_eq!(record_news(&w, event).await, [true; 3]);
    assert_eq!(w.deliver_all().await, 1);
    assert_eq!(all(&w).await.totals, [1, 0, 1, 0]);
}
