//! Accepting messages: what is stored, who gets it, and what makes two requests one message.

use super::world::{HOUR, SECOND, World, page};
use super::{Fixture, START};
use crate::*;
use bytes::Bytes;
use domain::{Cause, MessageId};
use std::sync::atomic::Ordering::Relaxed;

type F = Box<dyn Fixture>;

fn key(n: u8, automatic: bool) -> Option<IdempotencyKey> {
    Some(IdempotencyKey { hash: [n; 16], automatic })
}
fn repeated(a: Result<Accepted, StoreError>) -> MessageId {
    match a.unwrap() {
        Accepted::Repeated(m) => m.id,
        Accepted::New(id) => panic!("{id:?} is new"),
    }
}

pub async fn a_message_is_on_disk_as_it_came(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let payload = Bytes::from_static(b" {\"b\":1,  \"a\":\xc3\xa9}\n");
    let m = NewMessage {
        event_id: Some("evt-1".into()),
        channels: vec!["one".into(), "two".into()],
        tags: vec!["t".into()],
        payload: payload.clone(),
        deliver_at: Some(w.later(HOUR)),
        ..w.message(app, "user.created").await
    };
    let id = w.accept(m).await;
    assert_eq!(id.created_at(), START);
    for by in [Ref::Id(id), Ref::Uid("evt-1".into())] {
        let read = w.store.message(app, &by, true).await.unwrap();
        assert_eq!((read.id, read.app, &*read.event_type), (id, app, "user.created"));
        assert_eq!((read.event_id.as_deref(), read.deliver_at), (Some("evt-1"), Some(w.later(HOUR))));
        assert_eq!((read.channels.len(), read.tags.len(), read.payload.unwrap()), (2, 1, payload.clone()));
    }
    assert_eq!(w.store.message(app, &Ref::Id(id), false).await.unwrap().payload, None);
    let other = w.app().await;
    assert_eq!(w.store.message(other, &Ref::Id(id), true).await.unwrap_err(), StoreError::NotFound("message"));
}

pub async fn ids_grow_while_the_clock_stands_still_or_is_set_back(f: F) {
    let mut w = World::new(f).await;
    let app = w.app().await;
    let mut ids = w.send_many(app, 20_000).await;
    w.clock.set(domain::Timestamp(START.0 - 60_000));
    ids.push(w.send(app).await);
    w.restart().await;
    ids.push(w.send(app).await);
    assert!(ids.is_sorted_by(|a, b| a < b));
}

pub async fn a_message_goes_to_each_endpoint_that_takes_its_type_and_channel(f: F) {
    let mut w = World::new(f).await;
    let app = w.app().await;
    let all = w.endpoint(app).await;
    let typed = w.endpoint_with(app, |e| e.event_types = Some(vec!["user.created".into()])).await;
    let channel = w.endpoint_with(app, |e| e.channels = Some(vec!["x".into(), "y".into()])).await;
    w.endpoint_with(app, |e| e.disabled = true).await;
    let elsewhere = w.app().await;
    w.endpoint(elsewhere).await;
    let mut went = async |event_type: &str, channels: &[&str]| {
        let channels = channels.iter().map(|c| (*c).into()).collect();
        let m = w.message(app, event_type).await;
        w.accept(NewMessage { channels, ..m }).await;
        w.take().await.iter().map(|l| l.key.endpoint).collect::<Vec<_>>()
    };
    assert_eq!(went("user.created", &[]).await, [all, typed]);
    assert_eq!(went("user.deleted", &["y"]).await, [all, channel]);
    assert_eq!(went("user", &["z"]).await, [all]);
}

pub async fn a_message_for_one_endpoint_goes_there_whatever_it_takes(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    let e = w.endpoint_with(app, |e| e.event_types = Some(vec!["never".into()])).await;
    let route = w.store.endpoint_route(app, e).await.unwrap();
    let m = w.message(app, "test").await;
    w.accept(NewMessage { only: Some((route, Cause::Example)), ..m }).await;
    let lease = w.take_one().await;
    assert_eq!((lease.key.endpoint, lease.cause), (e, Cause::Example));
}

pub async fn a_batch_is_answered_one_by_one_and_a_refused_message_leaves_the_others(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let m = w.message(app, "a").await;
    let with_id = |id: &str| NewMessage { event_id: Some(id.into()), ..m.clone() };
    let answers = w.store.accept_many(vec![with_id("1"), with_id("1"), with_id("2"), m.clone()]).await;
    let taken = StoreError::Conflict("a message with this eventId already exists");
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, true]);
    assert_eq!(answers[1].as_ref().unwrap_err(), &taken);
    assert_eq!(w.store.accept(with_id("2")).await.unwrap_err(), taken);
    let elsewhere = w.app().await;
    let route = w.store.route(w.org, &Ref::Id(elsewhere)).await.unwrap();
    w.accept(NewMessage { route, ..with_id("2") }).await;
    assert_eq!(w.take().await.len(), 3);
    w.check_balance(3, &[(app, e)]).await;
    assert!(w.store.accept_many(Vec::new()).await.is_empty());
}

pub async fn an_sdk_made_key_brings_one_message_in_one_batch_later_and_over_a_restart(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    let m = NewMessage { key: key(1, true), ..w.message(app, "a").await };
    let mut answers = w.store.accept_many(vec![m.clone(), m.clone()]).await;
    assert!(matches!(answers[0], Ok(Accepted::New(_))));
    let first = repeated(answers.remove(1));
    assert_eq!(repeated(w.store.accept(m.clone()).await), first);
    w.restart().await;
    assert_eq!(repeated(w.store.accept(m.clone()).await), first);
    assert_eq!(w.take().await.len(), 1);
    assert_eq!(w.store.metrics().messages_repeated.load(Relaxed), 1);
    w.clock.advance(HOUR);
    w.restart().await;
    w.accept(m).await;
}

pub async fn the_window_of_sdk_made_keys_is_bounded_and_never_wrong(f: F) {
    let w = World::with(f, |c| c.idempotency_window = 4).await;
    let app = w.app().await;
    let m = w.message(app, "a").await;
    for n in 0..20 {
        w.accept(NewMessage { key: key(n, true), ..m.clone() }).await;
    }
    for n in 16..20 {
        repeated(w.store.accept(NewMessage { key: key(n, true), ..m.clone() }).await);
    }
    w.accept(NewMessage { key: key(0, true), ..m.clone() }).await;
    // Half of the hash is all that memory keeps: the message's own row decides.
    let mut near = [19; 16];
    near[15] = 0;
    w.accept(NewMessage { key: Some(IdempotencyKey { hash: near, automatic: true }), ..m }).await;
}

pub async fn a_chosen_key_is_remembered_until_it_expires_whatever_happens(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    let m = NewMessage { key: key(1, false), ..w.message(app, "a").await };
    let first = w.accept(m.clone()).await;
    let answer = w.store.accept(m.clone()).await.unwrap();
    let Accepted::Repeated(again) = answer else { panic!("new") };
    assert_eq!((again.id, again.payload), (first, Some(m.payload.clone())));
    w.restart().await;
    w.clock.advance(w.config.idempotency_retention - SECOND);
    assert_eq!(repeated(w.store.accept(m.clone()).await), first);
    w.clock.advance(2 * SECOND);
    let second = w.accept(m.clone()).await;
    assert_eq!(repeated(w.store.accept(m).await), second);
}

pub async fn many_requests_with_one_sdk_made_key_at_once_are_one_message(f: F) {
    many_at_once(f, true).await;
}
pub async fn many_requests_with_one_chosen_key_at_once_are_one_message(f: F) {
    many_at_once(f, false).await;
}
async fn many_at_once(f: F, automatic: bool) {
    let w = World::new(f).await;
    let app = w.app().await;
    let m = NewMessage { key: key(9, automatic), ..w.message(app, "a").await };
    let ask = |_| {
        let (store, m) = (w.store.clone(), m.clone());
        tokio::spawn(async move { store.accept(m).await.unwrap() })
    };
    let asked: Vec<_> = (0..64).map(ask).collect();
    let mut new = 0;
    for one in asked {
        new += usize::from(matches!(one.await.unwrap(), Accepted::New(_)));
    }
    assert_eq!(new, 1);
    assert_eq!(w.store.messages(app, page(10), MessageFilter::default()).await.unwrap().data.len(), 1);
}

pub async fn a_kept_answer_is_given_until_it_expires(f: F) {
    let mut w = World::new(f).await;
    let k = key(3, false).unwrap();
    assert_eq!(w.store.kept_answer(k).await.unwrap(), None);
    w.store.keep_answer(k, 201, Bytes::from_static(b"made")).await.unwrap();
    w.restart().await;
    assert_eq!(w.store.kept_answer(k).await.unwrap(), Some((201, Bytes::from_static(b"made"))));
    w.clock.advance(w.config.idempotency_retention + SECOND);
    assert_eq!(w.store.kept_answer(k).await.unwrap(), None);
    w.sweep().await;
    w.store.keep_answer(k, 409, Bytes::new()).await.unwrap();
    assert_eq!(w.store.kept_answer(k).await.unwrap(), Some((409, Bytes::new())));
}

pub async fn a_message_routed_before_its_endpoint_was_deleted_leaves_nothing_behind(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let m = w.message(app, "a").await;
    w.store.delete_endpoint(app, &Ref::Id(e)).await.unwrap();
    w.sweep().await;
    w.accept(m).await;
    assert!(w.take().await.is_empty());
    assert_eq!(w.store.metrics().deliveries_waiting.load(Relaxed), 0);
    w.restart().await;
    assert!(w.take().await.is_empty());
    assert_eq!(w.store.metrics().deliveries_waiting.load(Relaxed), 0);
}

pub async fn below_the_disk_reserve_messages_are_refused_and_everything_else_goes_on(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send(app).await;
    let m = w.message(app, "a").await;
    w.config.disk_reserve = u64::MAX;
    w.restart().await;
    assert!(matches!(w.store.accept(m.clone()).await, Err(StoreError::Full { .. })));
    assert!(w.store.accept_many(vec![m.clone(), m.clone()]).await.iter().all(|a| a.is_err()));
    assert_eq!(w.store.metrics().refused_full.load(Relaxed), 3);
    assert!(matches!(w.store.ready().await, Err(StoreError::Full { .. })));
    assert_eq!(w.deliver_all().await, 1);
    w.set_disabled(app, e, true).await;
    w.config.disk_reserve = 0;
    w.restart().await;
    w.accept(m).await;
}
