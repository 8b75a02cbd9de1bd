//! Lanes: what is in memory, what waits on disk, and who gets room.

use super::Fixture;
use super::world::{HOUR, SECOND, Tally, World};
use crate::*;
use bytes::Bytes;
use domain::EndpointId;
use std::sync::atomic::Ordering::Relaxed;

type F = Box<dyn Fixture>;

fn lane(capacity: u32, hold_until: Option<domain::Timestamp>) -> impl FnOnce(&mut Settlement) {
    move |s| s.lane = Some(LaneUpdate { capacity, hold_until })
}

pub async fn what_finds_its_lane_full_waits_on_disk_until_room_returns(f: F) {
    let mut w = World::with(f, |c| c.lane_capacity = 8).await;
    let (app, e) = w.app_and_endpoint().await;
    let sent = w.send_many(app, 30).await;
    let first = w.take().await;
    assert_eq!(first.len(), 8);
    assert_eq!(w.check_balance(30, &[(app, e)]).await, Tally { sending: 8, pending: 22, ..Default::default() });
    w.settle(&first[0], Next::Delivered);
    assert!(w.take().await.is_empty(), "not one by one: room is given in batches");
    let mut order: Vec<_> = first.iter().map(|l| l.key.message).collect();
    for l in &first[1..] {
        w.settle(l, Next::Delivered);
    }
    loop {
        let batch = w.take().await;
        if batch.is_empty() {
            break;
        }
        assert!(batch.len() <= 8);
        for l in &batch {
            order.push(l.key.message);
            w.settle(l, Next::Delivered);
        }
    }
    assert_eq!(order, sent, "each once, in order");
    w.check_balance(30, &[(app, e)]).await;
}

pub async fn half_a_lane_stays_for_new_messages_while_a_backlog_drains(f: F) {
    let mut w = World::with(f, |c| c.lane_capacity = 8).await;
    let (app, _) = w.app_and_endpoint().await;
    let m = w.message(app, "a").await;
    let later = NewMessage { deliver_at: Some(w.later(HOUR)), ..m.clone() };
    w.store.accept_many(vec![later; 50]).await;
    w.advance(HOUR).await;
    assert_eq!(w.take().await.len(), 4);
    let new = w.accept(m).await;
    assert_eq!(w.take_one().await.key.message, new);
}

pub async fn a_full_lane_is_nobody_elses_business(f: F) {
    let mut w = World::with(f, |c| c.lane_capacity = 4).await;
    let (app, slow) = w.app_and_endpoint().await;
    w.send_many(app, 500).await;
    let held = w.take().await;
    let fast = w.endpoint(app).await;
    w.send_many(app, 3).await;
    let got = w.take().await;
    assert!(got.len() == 3 && got.iter().all(|l| l.key.endpoint == fast));
    assert!(held.iter().all(|l| l.key.endpoint == slow));
}

pub async fn a_message_for_later_waits_for_its_time(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let m = w.message(app, "a").await;
    let id = w.accept(NewMessage { deliver_at: Some(w.later(HOUR)), ..m.clone() }).await;
    assert!(w.take().await.is_empty());
    assert_eq!(w.statuses(app, e).await[&id], DeliveryStatus::Pending { next_attempt: w.later(HOUR) });
    w.advance(HOUR - SECOND).await;
    assert!(w.take().await.is_empty());
    let sooner = w.accept(NewMessage { deliver_at: Some(w.now()), ..m }).await;
    assert_eq!(w.take_one().await.key.message, sooner);
    w.advance(SECOND).await;
    assert_eq!(w.take_one().await.key.message, id);
}

pub async fn work_that_is_due_sooner_than_what_is_known_wakes_its_lane(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    w.send_many(app, 3).await;
    let batch = w.take().await;
    for (l, hours) in batch.iter().zip([3, 1, 2]) {
        w.settle(l, Next::RetryAt(w.later(hours * HOUR)));
    }
    for want in [1, 2, 0] {
        w.advance(HOUR).await;
        assert_eq!(w.take_one().await.key, batch[want].key);
    }
}

pub async fn memory_in_flight_is_bounded_and_everything_arrives(f: F) {
    let mut w = World::with(f, |c| c.memory_in_flight = 40_000).await;
    let app = w.app().await;
    let endpoints = [w.endpoint(app).await, w.endpoint(app).await, w.endpoint(app).await];
    let m = NewMessage { payload: Bytes::from(vec![b'x'; 5000]), ..w.message(app, "a").await };
    w.store.accept_many(vec![m; 20]).await;
    let mut delivered = 0;
    loop {
        let batch = w.take().await;
        let bytes = w.store.metrics().in_flight_bytes.load(Relaxed);
        assert!((5000 * batch.len() as i64) < bytes && bytes <= 40_000, "{bytes}");
        if batch.is_empty() {
            break;
        }
        delivered += batch.len();
        for l in &batch {
            w.settle(l, Next::Delivered);
        }
        w.calm().await;
        if delivered == 60 {
            break;
        }
    }
    assert_eq!(delivered, 60);
    w.check_balance(60, &endpoints.map(|e| (app, e))).await;
    assert_eq!(w.store.metrics().in_flight_bytes.load(Relaxed), 0);
}

pub async fn a_payload_larger_than_the_memory_limit_is_delivered_alone(f: F) {
    let mut w = World::with(f, |c| c.memory_in_flight = 10_000).await;
    let (app, _) = w.app_and_endpoint().await;
    w.send(app).await;
    let m = NewMessage { payload: Bytes::from(vec![b'x'; 20_000]), ..w.message(app, "a").await };
    w.accept(m).await;
    let small = w.take_one().await;
    w.settle(&small, Next::Delivered);
    assert_eq!(w.take_one().await.payload.len(), 20_000);
}

pub async fn the_engine_can_narrow_a_lane_and_hold_it(f: F) {
    let mut w = World::with(f, |c| c.lane_capacity = 8).await;
    let (app, _) = w.app_and_endpoint().await;
    w.send_many(app, 20).await;
    let batch = w.take().await;
    let hold = w.later(HOUR);
    for l in &batch {
        w.settle_with(l, Next::RetryAt(w.later(2 * HOUR)), lane(1, Some(hold)));
    }
    w.calm().await;
    w.send(app).await;
    assert!(w.take().await.is_empty(), "held: not even new ones");
    w.advance(HOUR).await;
    let probe = w.take_one().await;
    w.settle_with(&probe, Next::Delivered, lane(1000, None));
    assert_eq!(w.take().await.len(), 4, "half of what the store allows, whatever the engine asks for");
}

pub async fn enabling_an_endpoint_opens_its_lane_again(f: F) {
    let mut w = World::with(f, |c| c.lane_capacity = 8).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 2).await;
    for l in w.take().await {
        w.settle_with(&l, Next::RetryAt(w.later(SECOND)), lane(1, Some(w.later(24 * HOUR))));
    }
    w.set_disabled(app, e, true).await;
    w.advance(HOUR).await;
    assert!(w.take().await.is_empty());
    w.set_disabled(app, e, false).await;
    assert_eq!(w.take().await.len(), 2);
}

pub async fn many_lanes_with_backlogs_are_all_served(f: F) {
    let mut w = World::with(f, |c| c.lane_capacity = 2).await;
    let app = w.app().await;
    let mut endpoints: Vec<EndpointId> = Vec::new();
    for _ in 0..20 {
        endpoints.push(w.endpoint(app).await);
    }
    w.send_many(app, 30).await;
    assert_eq!(w.deliver_all().await, 600);
    let pairs: Vec<_> = endpoints.into_iter().map(|e| (app, e)).collect();
    assert_eq!(w.check_balance(600, &pairs).await.success, 600);
}

pub async fn an_idle_store_writes_nothing(f: F) {
    let mut w = World::with(f, |c| c.lane_capacity = 2).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 20).await;
    let held = w.take().await;
    w.set_disabled(app, e, true).await;
    let (app2, _) = w.app_and_endpoint().await;
    w.send(app2).await;
    let retry = w.take_one().await;
    w.settle(&retry, Next::RetryAt(w.later(HOUR)));
    w.sweep().await;
    assert_eq!(w.restless().await, 0, "{} leases held", held.len());
}
