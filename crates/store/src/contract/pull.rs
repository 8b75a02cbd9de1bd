//! Pull: messages from where one left off, and the positions of consumers.

use super::Fixture;
use super::world::{HOUR, SECOND, World};
use crate::*;
use domain::{AppId, MessageId};

type F = Box<dyn Fixture>;

const START: MessageId = MessageId(0);

async fn after(w: &World, app: AppId, from: MessageId, limit: u32) -> MessagesAfter {
    w.store.messages_after(app, from, MessageFilter::default(), limit).await.unwrap()
}
fn ids(found: &MessagesAfter) -> Vec<MessageId> {
    found.data.iter().map(|m| m.id).collect()
}

pub async fn messages_are_pulled_oldest_first_from_where_one_left_off(f: F) {
    let w = World::new(f).await;
    let (app, other) = (w.app().await, w.app().await);
    let none = after(&w, app, START, 10).await;
    assert_eq!((none.data.len(), none.last, none.done), (0, None, true));
    let mut sent = w.send_many(app, 7).await;
    w.send_many(other, 3).await;
    let first = after(&w, app, START, 4).await;
    assert_eq!((ids(&first), first.last, first.done), (sent[..4].to_vec(), Some(sent[3]), false));
    let second = after(&w, app, sent[3], 3).await;
    assert_eq!((ids(&second), second.last, second.done), (sent[4..].to_vec(), Some(sent[6]), true));
    let caught_up = after(&w, app, sent[6], 3).await;
    assert_eq!((ids(&caught_up), caught_up.last, caught_up.done), (Vec::new(), None, true));
    sent.push(w.send(app).await);
    assert_eq!(ids(&after(&w, app, sent[6], 3).await), sent[7..]);
}

pub async fn a_rare_message_is_pulled_in_bounded_steps(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    for _ in 0..11 {
        w.send_many(app, 1000).await;
    }
    let rare = w.accept(w.message(app, "rare").await).await;
    let filter = MessageFilter { event_types: vec!["rare".into()], ..Default::default() };
    let (mut from, mut steps) = (START, 0);
    loop {
        let found = w.store.messages_after(app, from, filter.clone(), 10).await.unwrap();
        steps += 1;
        from = found.last.expect("it goes on even when nothing matched");
        if found.done {
            assert_eq!((ids(&found), from), (vec![rare], rare));
            break;
        }
        assert!(found.data.is_empty());
    }
    assert_eq!(steps, 3);
}

pub async fn pulled_messages_are_filtered(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let mut sent = Vec::new();
    for n in 0..6 {
        let m = w.message(app, if n % 2 == 0 { "even" } else { "odd" }).await;
        let channels = if n < 3 { vec!["low".into()] } else { Vec::new() };
        sent.push((w.accept(NewMessage { channels, ..m }).await, w.now()));
        w.clock.advance(SECOND);
    }
    let find = async |filter: MessageFilter| w.store.messages_after(app, START, filter, 10).await.unwrap();
    let of = |which: &[usize]| which.iter().map(|n| sent[*n].0).collect::<Vec<_>>();
    let even = MessageFilter { event_types: vec!["even".into()], ..Default::default() };
    let found = find(even.clone()).await;
    assert_eq!((ids(&found), found.last, found.done), (of(&[0, 2, 4]), Some(sent[5].0), true));
    assert_eq!(ids(&find(MessageFilter { channel: Some("low".into()), ..even }).await), of(&[0, 2]));
    let between = MessageFilter { after: Some(sent[1].1), before: Some(sent[4].1), ..Default::default() };
    assert_eq!(ids(&find(between.clone()).await), of(&[2, 3]));
    assert!(find(between.clone()).await.data.iter().all(|m| m.payload.is_none()));
    let with_content = find(MessageFilter { with_content: true, ..between }).await;
    assert!(with_content.data.iter().all(|m| m.payload.as_deref() == Some(b"{\"n\": 1}")));
}

pub async fn large_messages_are_pulled_a_few_at_a_time(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let m = NewMessage { payload: vec![b'1'; 1 << 20].into(), ..w.message(app, "a").await };
    let mut sent = Vec::new();
    for _ in 0..6 {
        sent.push(w.accept(m.clone()).await);
    }
    let whole = MessageFilter { with_content: true, ..Default::default() };
    let first = w.store.messages_after(app, START, whole.clone(), 10).await.unwrap();
    assert_eq!((ids(&first), first.last, first.done), (sent[..4].to_vec(), Some(sent[3]), false));
    let second = w.store.messages_after(app, sent[3], whole, 10).await.unwrap();
    assert_eq!((ids(&second), second.done), (sent[4..].to_vec(), true));
    assert_eq!(ids(&after(&w, app, START, 10).await), sent);
}

pub async fn a_consumer_stands_where_it_was_set(f: F) {
    let mut w = World::new(f).await;
    let (app, other) = (w.app().await, w.app().await);
    let at = async |w: &World, app, sink: &str, consumer: &str| {
        w.store.consumer_position(app, sink, consumer).await.unwrap().map(|m| m.0)
    };
    assert_eq!(at(&w, app, "poll", "c").await, None);
    for (app, sink, consumer, to) in [
        (app, "poll", "c", 5),
        (app, "poll", "d", 6),
        (app, "sse", "c", 7),
        (other, "poll", "c", 8),
        (app, "poll", "c", 3),
    ] {
        w.store.set_consumer_position(app, sink, consumer, MessageId(to)).await.unwrap();
    }
    w.restart().await;
    assert_eq!((at(&w, app, "poll", "c").await, at(&w, app, "poll", "d").await), (Some(3), Some(6)), "back too");
    assert_eq!((at(&w, app, "sse", "c").await, at(&w, other, "poll", "c").await), (Some(7), Some(8)));
    w.store.delete_app(w.org, &Ref::Id(app)).await.unwrap();
    let gone = w.store.set_consumer_position(app, "poll", "c", MessageId(9)).await;
    assert_eq!(gone.unwrap_err(), StoreError::NotFound("application"));
    w.advance(HOUR).await;
    w.sweep().await;
    assert_eq!((at(&w, app, "poll", "c").await, at(&w, other, "poll", "c").await), (None, Some(8)));
}
