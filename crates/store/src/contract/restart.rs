//! The end of a process and the beginning of the next one.

use super::Fixture;
use super::world::{Tally, World};
use crate::*;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

type F = Box<dyn Fixture>;

pub async fn leases_of_the_last_process_are_due_again(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 600).await;
    let held = w.take().await;
    w.settle(&held[0], Next::Delivered);
    w.settle(&held[1], Next::RetryAt(w.now()));
    w.restart().await;
    let again = w.take().await;
    assert_eq!(again.len(), 500, "half a lane");
    for l in &again {
        w.settle(l, Next::Delivered);
    }
    w.deliver_all().await;
    assert_eq!(w.check_balance(600, &[(app, e)]).await, Tally { success: 600, ..Default::default() });
}

pub async fn everything_queued_is_on_disk_when_close_returns(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 100).await;
    for l in w.take().await {
        w.settle(&l, Next::Delivered);
    }
    w.restart().await;
    assert_eq!(w.check_balance(100, &[(app, e)]).await, Tally { success: 100, ..Default::default() });
}

pub async fn a_closed_store_refuses_and_its_leases_end(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let m = w.message(app, "a").await;
    w.store.close().await;
    assert!(matches!(w.store.accept(m).await, Err(StoreError::Busy { .. })));
    let disabled = EndpointPatch { disabled: Some(true), ..Default::default() };
    assert!(w.store.patch_endpoint(app, &Ref::Id(e), disabled).await.is_err());
    assert!(w.store.ready().await.is_err());
    assert!(w.leases.next().await.is_none());
    w.store.close().await;
}

pub async fn dropping_the_last_handle_ends_the_store(f: F) {
    let w = World::new(f).await;
    let World { store, mut leases, .. } = w;
    drop(store);
    let ended = tokio::time::timeout(Duration::from_secs(5), leases.next()).await;
    assert!(ended.unwrap().is_none());
}

/// What a folder lock keeps from happening; if it does, nothing is lost and nothing is called delivered that was not.
pub async fn a_second_process_takes_the_leases_over(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    let held = w.take_one().await;
    let (second, leases) = w.open_again();
    let first = std::mem::replace(&mut w.store, second);
    w.leases = leases;
    let taken_over = w.take_one().await;
    assert_eq!(taken_over.key, held.key);
    first.settle(Settlement {
        key: held.key,
        endpoint: held.endpoint.clone(),
        cause: held.cause,
        attempts: 0,
        payload_bytes: held.bytes() as u32,
        attempt: None,
        next: Next::Delivered,
        lane: None,
    });
    first.close().await;
    assert_eq!(first.metrics().leases_lost.load(Relaxed), 1);
    assert_eq!(w.statuses(app, e).await[&id], DeliveryStatus::Sending);
    w.settle(&taken_over, Next::Delivered);
    assert_eq!(w.check_balance(1, &[(app, e)]).await.success, 1);
}
