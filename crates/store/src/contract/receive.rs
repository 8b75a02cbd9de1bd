//! Receiving: what is stored, what becomes of it, and what makes two requests one event.

use super::world::{HOUR, SECOND, World, event, page};
use super::{Fixture, START};
use crate::*;
use bytes::Bytes;
use domain::{RequestId, SourceId};
use std::sync::atomic::Ordering::Relaxed;

type F = Box<dyn Fixture>;

fn first_of(r: Result<Received, StoreError>) -> RequestId {
    match r.unwrap() {
        Received::Duplicate { first, .. } => first,
        Received::Stored(id) => panic!("{id:?} is new"),
    }
}

pub async fn a_request_is_on_disk_as_it_came_and_its_message_goes_out_as_it_came(f: F) {
    let mut w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let e = w.endpoint(source.app).await;
    let new = w.inbound(&source, 1).await;
    let id = w.store_request(new.clone()).await;
    assert_eq!(id.created_at(), START);
    w.restart().await;
    let read = w.store.request(source.source, id, true).await.unwrap();
    assert_eq!(
        (read.id, read.source, read.head, read.body),
        (id, source.source, new.head.clone(), Some(new.body.clone()))
    );
    assert_eq!((read.verdict, read.status, read.duplicates), (Verdict::Accepted, 202, 0));
    assert_eq!((read.event_type.as_deref(), read.messages, read.body_len), (Some("push"), 1, new.body.len() as u32));
    let message = read.message.unwrap();
    assert!(message.0 > id.0, "one sequence of numbers");
    assert_eq!(w.store.request(source.source, id, false).await.unwrap().body, None);
    let other = w.store.request(SourceId(7), id, true).await.unwrap_err();
    assert_eq!(other, StoreError::NotFound("request"));
    let lease = w.take_one().await;
    assert_eq!((lease.key.message, lease.key.endpoint, lease.payload.clone()), (message, e, new.body));
    assert_eq!(*lease.passage.clone().unwrap(), new.head);
    let in_flight = || w.store.metrics().in_flight_bytes.load(Relaxed);
    assert!(in_flight() as usize >= lease.payload.len() + new.head.encoded().len(), "heads take memory too");
    w.settle(&lease, Next::Delivered);
    w.check_balance(1, &[(source.app, e)]).await;
    assert_eq!(in_flight(), 0);
}

pub async fn a_body_that_is_no_message_of_its_own_is_kept_with_the_request(f: F) {
    let w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let body = Bytes::from_static(b"{\"data\": [1, 2]}");
    let part = |n: u8| InboundEvent {
        keys: vec![[n; 16]],
        event_type: "a".into(),
        payload: body.slice(10..11),
        body_at: None,
    };
    let wrapped = Bytes::from_static(b"{\"type\": \"a\", \"data\": {\"data\": [1, 2]}}");
    let at = wrapped.len() as u32 - 1 - body.len() as u32;
    let inside = InboundEvent { payload: wrapped, body_at: Some(at..at + body.len() as u32), ..part(3) };
    let wrong = InboundEvent { body_at: Some(0..2), ..part(4) };
    for (events, messages) in [(vec![part(1), part(2)], 2), (vec![inside], 1), (vec![wrong], 1), (vec![], 0)] {
        let new = NewRequest { body: body.clone(), events, ..w.inbound(&source, 0).await };
        let id = w.store_request(new).await;
        let read = w.store.request(source.source, id, true).await.unwrap();
        assert_eq!((read.body, read.messages), (Some(body.clone()), messages));
    }
    let empty = NewRequest { body: Bytes::new(), events: vec![event(9, &Bytes::new())], ..w.inbound(&source, 9).await };
    let id = w.store_request(empty).await;
    assert_eq!(w.store.request(source.source, id, true).await.unwrap().body, Some(Bytes::new()));
}

pub async fn sixty_four_copies_at_once_are_one_message(f: F) {
    let w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let new = w.inbound(&source, 1).await;
    let ask = |_| {
        let (store, new) = (w.store.clone(), new.clone());
        tokio::spawn(async move { store.receive(new).await.unwrap() })
    };
    let asked: Vec<_> = (0..64).map(ask).collect();
    let (mut stored, mut firsts) = (Vec::new(), Vec::new());
    for one in asked {
        match one.await.unwrap() {
            Received::Stored(id) => stored.push(id),
            Received::Duplicate { first, status } => firsts.push((first, status)),
        }
    }
    assert_eq!(stored.len(), 1);
    assert!(firsts.iter().all(|f| *f == (stored[0], 202)));
    assert_eq!(w.payloads(source.app).await.len(), 1);
    assert_eq!(w.store.request(source.source, stored[0], false).await.unwrap().duplicates, 63);
}

pub async fn a_duplicate_gets_the_first_answer_and_is_counted(f: F) {
    let w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let new = w.inbound(&source, 1).await;
    let id = w.store_request(new.clone()).await;
    let again = w.store.receive(NewRequest { status: 500, body: Bytes::from_static(b"changed"), ..new }).await.unwrap();
    assert_eq!(again, Received::Duplicate { first: id, status: 202 });
    let found = w.store.requests(source.source, page(10), RequestFilter::default()).await.unwrap();
    assert_eq!(found.data.iter().map(|r| (r.id, r.duplicates)).collect::<Vec<_>>(), [(id, 1)]);
}

pub async fn a_batch_keeps_only_the_events_that_are_new(f: F) {
    let w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let batch = async |keys: &[u8]| {
        let of = |k: &u8| event(*k, &Bytes::from(vec![b'0' + k]));
        NewRequest { events: keys.iter().map(of).collect(), ..w.inbound(&source, 0).await }
    };
    let first = w.store_request(batch(&[1, 2, 2]).await).await;
    let second = w.store_request(batch(&[2, 3, 1]).await).await;
    assert_eq!(w.payloads(source.app).await, ["1", "2", "3"].map(Bytes::from));
    assert_eq!(w.store.request(source.source, first, false).await.unwrap().messages, 2);
    assert_eq!(w.store.request(source.source, second, false).await.unwrap().messages, 1);
    assert_eq!(first_of(w.store.receive(batch(&[1, 2]).await).await), first);
    assert_eq!(first_of(w.store.receive(batch(&[3]).await).await), second);
}

pub async fn an_event_is_known_when_all_its_keys_are(f: F) {
    let w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let with = async |keys: &[u8]| {
        let mut new = w.inbound(&source, 0).await;
        new.events[0].keys = keys.iter().map(|k| [*k; 16]).collect();
        new
    };
    w.store_request(with(&[1]).await).await;
    let second = w.store_request(with(&[1, 2]).await).await;
    assert_eq!(first_of(w.store.receive(with(&[2, 1]).await).await), second);
    assert_eq!(first_of(w.store.receive(with(&[1]).await).await), second, "the last that brought it");
    w.store_request(with(&[2, 3]).await).await;
}

pub async fn an_event_without_keys_is_always_new(f: F) {
    let w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let mut new = w.inbound(&source, 1).await;
    new.events[0].keys.clear();
    for _ in 0..3 {
        w.store_request(new.clone()).await;
    }
    assert_eq!(w.payloads(source.app).await.len(), 3);
}

pub async fn keys_belong_to_their_source(f: F) {
    let w = World::new(f).await;
    for source in [w.source(|_| {}).await, w.source(|_| {}).await] {
        w.store_request(w.inbound(&source, 1).await).await;
    }
}

pub async fn a_key_is_forgotten_after_its_window(f: F) {
    let mut w = World::with(f, |c| c.dedup_window_keys = 4).await;
    let source = w.source(|_| {}).await;
    for merged in [false, true] {
        let new = NewRequest { dedup_window: HOUR, ..w.inbound(&source, 1).await };
        let first = w.store_request(new.clone()).await;
        if merged {
            for key in 10..20 {
                w.store_request(w.inbound(&source, key).await).await;
            }
            w.restart().await;
        }
        w.advance(HOUR).await;
        assert_eq!(first_of(w.store.receive(new.clone()).await), first, "{merged}");
        w.advance(SECOND).await;
        let second = w.store_request(new.clone()).await;
        assert_eq!(first_of(w.store.receive(new).await), second, "{merged}");
        w.advance(2 * HOUR).await;
    }
}

pub async fn keys_are_remembered_over_restarts_whether_merged_or_not(f: F) {
    let mut w = World::with(f, |c| c.dedup_window_keys = 16).await;
    let source = w.source(|_| {}).await;
    for key in 0..100 {
        w.store_request(w.inbound(&source, key).await).await;
        if key % 23 == 0 {
            w.restart().await;
        }
        for known in [0, key / 2, key] {
            first_of(w.store.receive(w.inbound(&source, known).await).await);
        }
    }
    assert_eq!(w.payloads(source.app).await.len(), 100);
}

pub async fn what_is_refused_makes_nothing_and_registers_nothing(f: F) {
    let w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let new = w.inbound(&source, 1).await;
    for verdict in [Verdict::Refused("the signature is stale".into()), Verdict::Handshake] {
        let id = w.store_request(NewRequest { verdict: verdict.clone(), ..new.clone() }).await;
        let read = w.store.request(source.source, id, true).await.unwrap();
        assert_eq!((read.verdict, read.message, read.messages), (verdict, None, 0));
        assert_eq!(read.body, Some(new.body.clone()));
    }
    assert!(w.payloads(source.app).await.is_empty());
    w.store_request(new).await;
}

pub async fn what_is_held_registers_its_keys_and_makes_nothing(f: F) {
    let w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let new = w.inbound(&source, 1).await;
    let held = w.store_request(NewRequest { verdict: Verdict::Held, ..new.clone() }).await;
    assert!(w.payloads(source.app).await.is_empty());
    assert_eq!(first_of(w.store.receive(new).await), held);
}

pub async fn without_a_route_keys_count_and_nothing_is_made(f: F) {
    let w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let new = w.inbound(&source, 1).await;
    let first = w.store_request(NewRequest { route: None, ..new.clone() }).await;
    assert_eq!(first_of(w.store.receive(new.clone()).await), first);
    assert!(w.payloads(source.app).await.is_empty());
    let captured = NewRequest { verdict: Verdict::Captured, ..w.inbound(&source, 2).await };
    w.store_request(captured).await;
    assert_eq!(w.payloads(source.app).await.len(), 1, "a bin may forward");
}

pub async fn a_delivery_read_from_disk_passes_through_all_the_same(f: F) {
    let mut w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let e = w.endpoint(source.app).await;
    let new = w.inbound(&source, 1).await;
    let id = w.store_request(new.clone()).await;
    let message = w.store.request(source.source, id, false).await.unwrap().message.unwrap();
    let passed = |l: &Lease| l.passage.as_deref() == Some(&new.head);
    let lease = w.take_one().await;
    w.settle(&lease, Next::RetryAt(w.later(SECOND)));
    w.advance(SECOND).await;
    let retried = w.take_one().await;
    assert!(passed(&retried), "retried");
    w.restart().await;
    let reclaimed = w.take_one().await;
    assert!(passed(&reclaimed), "reclaimed");
    w.settle(&reclaimed, Next::Delivered);
    w.store.resend(source.app, &Ref::Id(message), &Ref::Id(e), false).await.unwrap();
    let resent = w.take_one().await;
    assert!(passed(&resent), "resent");
    w.settle(&resent, Next::Dead(domain::DeadReason::Exhausted));
    w.store.start_task(source.app, &Ref::Id(e), TaskKind::Recover, START, None).await.unwrap();
    let recovered = w.take_one().await;
    assert!(passed(&recovered), "recovered");
    w.settle(&recovered, Next::RetryAt(w.later(SECOND)));
    w.calm().await;
    w.store.delete_request(source.source, id).await.unwrap();
    w.advance(SECOND).await;
    assert_eq!(w.take_one().await.passage, None, "the request is gone, its message is not");
    let mut plain = w.inbound(&source, 2).await;
    plain.head = domain::RequestHead::new("POST", "", plain.head.remote(), false, std::iter::empty()).unwrap();
    w.store_request(plain).await;
    assert_eq!(w.take_one().await.passage, None, "an envelope");
}

pub async fn a_source_that_is_gone_gets_nothing(f: F) {
    let w = World::new(f).await;
    let source = w.source(|_| {}).await;
    w.store_request(w.inbound(&source, 1).await).await;
    let new = w.inbound(&source, 2).await;
    w.set_source(source.source, "deleted", 1).await;
    w.sweep().await;
    assert_eq!(w.store.receive(new).await.unwrap_err(), StoreError::NotFound("source"));
}

pub async fn below_the_disk_reserve_requests_are_refused(f: F) {
    let mut w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let new = w.inbound(&source, 1).await;
    w.config.disk_reserve = u64::MAX;
    w.restart().await;
    assert!(matches!(w.store.receive(new.clone()).await, Err(StoreError::Full { .. })));
    assert_eq!(w.store.metrics().refused_full.load(Relaxed), 1);
    w.config.disk_reserve = 0;
    w.restart().await;
    w.store_request(new).await;
    w.store.close().await;
    assert!(matches!(w.store.receive(w.inbound(&source, 2).await).await, Err(StoreError::Busy { .. })));
}

pub async fn only_new_messages_of_requests_are_counted(f: F) {
    let w = World::new(f).await;
    let source = w.source(|_| {}).await;
    let verdicts =
        [Verdict::Accepted, Verdict::Held, Verdict::Refused("no".into()), Verdict::Handshake, Verdict::Captured];
    for (key, verdict) in (1..).zip(verdicts) {
        w.store_request(NewRequest { verdict, ..w.inbound(&source, key).await }).await;
    }
    first_of(w.store.receive(w.inbound(&source, 1).await).await);
    let m = w.store.metrics();
    assert_eq!(m.messages_accepted.load(Relaxed), 2);
}
