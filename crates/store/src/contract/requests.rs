//! Captured requests: reading them, accepting them by hand, and when they go.

use super::Fixture;
use super::world::{ALL, DAY, HOUR, SECOND, World, page};
use crate::*;
use domain::{RequestId, SourceId, SourceRoute};
use std::sync::Arc;

type F = Box<dyn Fixture>;

fn refused() -> Verdict {
    Verdict::Refused("the signature does not match".into())
}
async fn ids(w: &World, source: SourceId) -> Vec<RequestId> {
    let found = w.store.requests(source, page(ALL), RequestFilter::default()).await.unwrap();
    assert!(found.done);
    found.data.iter().map(|r| r.id).collect()
}
async fn store(w: &World, source: &Arc<SourceRoute>, verdict: Verdict, key: u8) -> RequestId {
    w.store_request(NewRequest { verdict, ..w.inbound(source, key).await }).await
}
async fn is_known(w: &World, source: &Arc<SourceRoute>, key: u8) -> bool {
    matches!(w.store.receive(w.inbound(source, key).await).await.unwrap(), Received::Duplicate { .. })
}

pub async fn requests_are_walked_both_ways_and_filtered(f: F) {
    let w = World::new(f).await;
    let (source, other) = (w.source(|_| {}).await, w.source(|_| {}).await);
    let mut all = Vec::new();
    for key in 0..10 {
        let verdict = if key % 5 == 0 { refused() } else { Verdict::Accepted };
        all.push(store(&w, &source, verdict, key).await);
        store(&w, &other, Verdict::Accepted, key).await;
        w.advance(SECOND).await;
    }
    assert_eq!(ids(&w, source.source).await, all);
    let walk = async |order, cursor, filter: RequestFilter| {
        let query = PageQuery { limit: 4, cursor, order };
        let p = w.store.requests(source.source, query, filter).await.unwrap();
        (p.data.iter().map(|r| r.id).collect::<Vec<_>>(), p.first, p.last, p.done)
    };
    let none = RequestFilter::default;
    let (down, _, last, done) = walk(Order::Descending, None, none()).await;
    assert_eq!((down, done), (vec![all[9], all[8], all[7], all[6]], false));
    let (down, first, ..) = walk(Order::Descending, last.map(Cursor::After), none()).await;
    assert_eq!(down, [all[5], all[4], all[3], all[2]]);
    let (back, .., done) = walk(Order::Descending, first.map(Cursor::Before), none()).await;
    assert_eq!((back, done), (vec![all[9], all[8], all[7], all[6]], true));
    let only = RequestFilter { verdict: Some(VerdictKind::Refused), ..none() };
    assert_eq!(walk(Order::Descending, None, only).await.0, [all[5], all[0]]);
    let window = RequestFilter { after: Some(all[1].created_at()), before: Some(all[4].created_at()), ..none() };
    assert_eq!(walk(Order::Ascending, None, window).await.0, [all[2], all[3]]);
    let with = RequestFilter { with_body: true, ..none() };
    let p = w.store.requests(source.source, page(1), with).await.unwrap();
    assert_eq!(p.data[0].body.as_deref(), Some(&b"{\"event\": 0}"[..]));
}

pub async fn requests_of_several_sources_are_followed_in_order(f: F) {
    let w = World::new(f).await;
    let sources = [w.source(|_| {}).await, w.source(|_| {}).await, w.source(|_| {}).await];
    let mut all = Vec::new();
    for key in 0..12 {
        let source = &sources[usize::from(key) * 7 % 3];
        let id = store(&w, source, Verdict::Accepted, key).await;
        if source.source != sources[2].source {
            all.push(id);
        }
    }
    let two = [sources[0].source, sources[1].source, sources[0].source];
    let mut seen = Vec::new();
    let mut after = RequestId(0);
    loop {
        let found = w.store.requests_after(&two, after, 3).await.unwrap();
        assert!(found.data.iter().all(|r| r.body.is_some()));
        seen.extend(found.data.iter().map(|r| r.id));
        after = *seen.last().unwrap();
        if found.done {
            break;
        }
    }
    assert_eq!(seen, all);
    assert!(w.store.requests_after(&two, after, 3).await.unwrap().data.is_empty());
    assert!(w.store.requests_after(&[], RequestId(0), 3).await.unwrap().done);
}

pub async fn a_refused_request_is_accepted_by_hand(f: F) {
    let mut w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let e = w.endpoint(source.app).await;
    let new = w.inbound(&source, 1).await;
    let id = w.store_request(NewRequest { verdict: refused(), status: 401, events: Vec::new(), ..new.clone() }).await;
    let message = w.store.accept_request(source.clone(), id, new.events.clone(), true).await.unwrap().unwrap();
    let read = w.store.request(source.source, id, true).await.unwrap();
    assert_eq!((read.verdict, read.message, read.messages), (Verdict::Accepted, Some(message), 1));
    assert_eq!((read.status, read.body), (200, Some(new.body.clone())), "its provider's retry is answered 200");
    let lease = w.take_one().await;
    assert_eq!((lease.key.message, lease.payload.clone()), (message, new.body));
    assert_eq!(lease.passage.as_deref(), Some(&new.head));
    w.settle(&lease, Next::Delivered);
    assert!(is_known(&w, &source, 1).await, "its keys count");
    w.check_balance(1, &[(source.app, e)]).await;
    let none = w.store.accept_request(source.clone(), RequestId(1), Vec::new(), true).await.unwrap_err();
    assert_eq!(none, StoreError::NotFound("request"));
    let captured = store(&w, &source, Verdict::Captured, 5).await;
    w.store.accept_request(source.clone(), captured, w.inbound(&source, 5).await.events, true).await.unwrap();
    assert_eq!(w.store.request(source.source, captured, false).await.unwrap().verdict, Verdict::Accepted);
}

pub async fn a_held_request_is_released_once(f: F) {
    let w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let id = store(&w, &source, Verdict::Held, 1).await;
    let events = w.inbound(&source, 1).await.events;
    let accept = || w.store.accept_request(source.clone(), id, events.clone(), true);
    let made = accept().await.unwrap();
    assert!(made.is_some());
    assert_eq!(accept().await.unwrap(), made);
    assert_eq!(w.payloads(source.app).await.len(), 1);
    assert!(is_known(&w, &source, 1).await);
}

pub async fn an_accepted_request_is_replayed_past_its_keys(f: F) {
    let w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let new = w.inbound(&source, 1).await;
    let id = w.store_request(new.clone()).await;
    let before = w.store.request(source.source, id, true).await.unwrap();
    let again = w.store.accept_request(source.clone(), id, new.events, false).await.unwrap();
    assert_ne!(again, before.message);
    let after = w.store.request(source.source, id, true).await.unwrap();
    assert_eq!((after.message, after.messages, after.body), (before.message, 1, before.body));
    assert_eq!(w.payloads(source.app).await.len(), 2);
    assert!(is_known(&w, &source, 1).await);
}

pub async fn keys_accepted_by_hand_count_after_a_restart(f: F) {
    let mut w = World::with(f, |c| c.dedup_window_keys = 2).await;
    let source = w.source(|_| {}).await;
    let id = store(&w, &source, refused(), 1).await;
    for key in 2..20 {
        store(&w, &source, Verdict::Accepted, key).await;
    }
    let events = w.inbound(&source, 1).await.events;
    w.store.accept_request(source.clone(), id, events, true).await.unwrap();
    assert!(is_known(&w, &source, 1).await);
    w.restart().await;
    assert!(is_known(&w, &source, 1).await);
    w.store.delete_request(source.source, id).await.unwrap();
    assert!(!is_known(&w, &source, 1).await);
}

pub async fn held_requests_wait_for_their_source(f: F) {
    let w = World::new(f).await;
    let sources = [w.source(|_| {}).await, w.source(|_| {}).await, w.source(|_| {}).await];
    let mut held = Vec::new();
    for key in 0..9 {
        let source = &sources[usize::from(key) % 3];
        held.push((source.source, store(&w, source, Verdict::Held, key).await));
        store(&w, source, Verdict::Accepted, 100 + key).await;
    }
    assert_eq!(w.store.held_requests(4).await.unwrap(), held[..4]);
    w.set_source(sources[0].source, "state", 1).await;
    w.set_source(sources[1].source, "state", 2).await;
    let third: Vec<_> = held.iter().copied().skip(2).step_by(3).collect();
    assert_eq!(w.store.held_requests(10).await.unwrap(), third);
    w.set_source(sources[2].source, "deleted", 1).await;
    assert!(w.store.held_requests(10).await.unwrap().is_empty());
}

pub async fn a_deleted_request_takes_its_keys_along(f: F) {
    let mut w = World::with(f, |c| c.dedup_window_keys = 4).await;
    let source = w.source(|_| {}).await;
    let first = store(&w, &source, Verdict::Accepted, 1).await;
    for key in 2..30 {
        store(&w, &source, Verdict::Accepted, key).await;
    }
    let last = store(&w, &source, Verdict::Accepted, 30).await;
    let other = w.source(|_| {}).await;
    assert_eq!(w.store.delete_request(other.source, last).await.unwrap_err(), StoreError::NotFound("request"));
    for id in [first, last] {
        w.store.delete_request(source.source, id).await.unwrap();
        assert_eq!(w.store.delete_request(source.source, id).await.unwrap_err(), StoreError::NotFound("request"));
    }
    assert!(!is_known(&w, &source, 1).await && !is_known(&w, &source, 30).await);
    store(&w, &other, Verdict::Accepted, 1).await;
    w.store.delete_requests(source.source).await.unwrap();
    assert!(ids(&w, source.source).await.is_empty());
    w.restart().await;
    for key in 1..31 {
        assert!(!is_known(&w, &source, key).await, "{key}");
    }
    assert_eq!(ids(&w, other.source).await.len(), 1);
    assert!(is_known(&w, &other, 1).await);
}

pub async fn requests_expire_with_their_keys_unless_they_are_needed(f: F) {
    let mut w = World::with(f, |c| (c.request_retention, c.dedup_window_keys) = (30 * DAY, 4)).await;
    let (source, slow) = (w.source(|_| {}).await, w.source(|_| {}).await);
    let e = w.endpoint(slow.app).await;
    for key in 0..20 {
        store(&w, &source, Verdict::Accepted, key).await;
    }
    let needed = store(&w, &slow, Verdict::Accepted, 1).await;
    let lease = w.take_one().await;
    w.settle(&lease, Next::RetryAt(w.later(40 * DAY)));
    w.advance(31 * DAY).await;
    w.sweep().await;
    assert!(ids(&w, source.source).await.is_empty());
    assert_eq!(ids(&w, slow.source).await, [needed]);
    let year = |new: NewRequest| NewRequest { dedup_window: 365 * DAY, ..new };
    for key in 0..20 {
        w.store_request(year(w.inbound(&source, key).await)).await;
    }
    w.advance(9 * DAY).await;
    let lease = w.take_one().await;
    assert!(lease.passage.is_some());
    w.settle(&lease, Next::Delivered);
    w.sweep().await;
    assert!(ids(&w, slow.source).await.is_empty());
    w.check_balance(1, &[(slow.app, e)]).await;
}

pub async fn the_newest_requests_of_a_source_are_kept(f: F) {
    let w = World::new(f).await;
    let source = w.source(|o| o.requests_kept = Some(10)).await;
    let all = w.source(|_| {}).await;
    let mut last = Vec::new();
    for key in 0..150 {
        last.push(store(&w, &source, Verdict::Captured, key).await);
        store(&w, &all, Verdict::Captured, key).await;
    }
    let left = ids(&w, source.source).await;
    assert!(left.len() < 10 + 64 && left.len() >= 10, "{}", left.len());
    assert!(!is_known(&w, &source, 0).await, "its key went with it");
    w.sweep().await;
    let left = ids(&w, source.source).await;
    assert_eq!(left[..9], last[141..]);
    // A source whose options are damaged loses nothing, and harms nobody.
    for text in ["{", r#"{"requestsKept": "x"}"#, r#"{"requestsKept": -1}"#] {
        let damaged = w.source(|_| {}).await;
        let kept = store(&w, &damaged, Verdict::Captured, 1).await;
        let sql = format!("UPDATE source SET options = '{text}' WHERE id = {}", damaged.source.0);
        w.store.on_writer(move |conn| assert_eq!(conn.execute(&sql, []).unwrap(), 1)).await;
        w.sweep().await;
        assert_eq!(ids(&w, damaged.source).await, [kept]);
    }
    assert_eq!(ids(&w, all.source).await.len(), 150);
}

pub async fn a_deleted_source_leaves_nothing_in_slices(f: F) {
    let mut w = World::with(f, |c| c.dedup_window_keys = 20).await;
    let source = w.source(|_| {}).await;
    for n in 0..700u32 {
        let mut new = w.inbound(&source, 0).await;
        new.events[0].keys = vec![std::array::from_fn(|i| (n >> (8 * (i % 2))) as u8)];
        w.store_request(new).await;
    }
    w.set_source(source.source, "deleted", 1).await;
    w.advance(HOUR + SECOND).await;
    assert_eq!(w.store.requests(source.source, page(ALL), RequestFilter::default()).await.unwrap().data.len(), 250);
    w.restart().await;
    w.sweep().await;
    assert!(ids(&w, source.source).await.is_empty());
    let app = w.store.app(w.org, &Ref::Id(source.app)).await;
    assert_eq!(app.unwrap_err(), StoreError::NotFound("application"));
}

pub async fn a_body_goes_with_its_message(f: F) {
    let w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let id = store(&w, &source, Verdict::Accepted, 1).await;
    let message = w.store.request(source.source, id, true).await.unwrap().message.unwrap();
    w.store.delete_message_content(source.app, &Ref::Id(message)).await.unwrap();
    let read = w.store.request(source.source, id, true).await.unwrap();
    assert_eq!((read.body, read.body_len), (None, 12));
}
