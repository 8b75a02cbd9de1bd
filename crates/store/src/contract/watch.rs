//! Watches: who is woken by which commit.

use super::Fixture;
use super::world::World;
use crate::*;
use domain::SourceId;
use std::time::Duration;

type F = Box<dyn Fixture>;

/// Whether it returns without anything else happening.
async fn changed(watch: &mut Watch) -> bool {
    tokio::time::timeout(Duration::ZERO, watch.changed()).await.is_ok()
}

pub async fn a_message_wakes_those_who_watch_its_application(f: F) {
    let w = World::new(f).await;
    let (app, other) = (w.app().await, w.app().await);
    w.send(app).await;
    let mut watch = w.store.watch(&[Topic::App(app)]);
    assert!(!changed(&mut watch).await, "what came before is not news");
    w.send(other).await;
    assert!(!changed(&mut watch).await);
    w.send(app).await;
    assert!(changed(&mut watch).await, "woken once the message is acknowledged");
    assert!(!changed(&mut watch).await);
    w.send_many(app, 3).await;
    w.send(app).await;
    assert!(changed(&mut watch).await && !changed(&mut watch).await, "many commits are one piece of news");
}

pub async fn a_watch_of_many_topics_is_woken_by_each(f: F) {
    let w = World::new(f).await;
    let (app, other) = (w.app().await, w.app().await);
    let source = SourceId(77);
    let mut watch = w.store.watch(&[Topic::App(app), Topic::App(other), Topic::Source(source)]);
    for app in [app, other] {
        w.send(app).await;
        assert!(changed(&mut watch).await && !changed(&mut watch).await);
    }
    let request = async |source| {
        let touch = move |core: &mut crate::sqlite::core::Core, _| {
            core.touched_source(source);
            Ok(())
        };
        w.store.write(touch).await.unwrap();
    };
    request(source).await;
    assert!(changed(&mut watch).await);
    request(SourceId(78)).await;
    assert!(!changed(&mut watch).await);
}

pub async fn everybody_who_waits_is_woken(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let mut watch = w.store.watch(&[Topic::App(app)]);
            tokio::spawn(async move { watch.changed().await })
        })
        .collect();
    w.send(app).await;
    for one in waiting {
        one.await.unwrap();
    }
}

pub async fn those_who_watch_a_source_are_woken_when_it_is_deleted(f: F) {
    let w = World::new(f).await;
    let made = super::sources::create(&w, "tok", |_| {}).await;
    let mut watch = w.store.watch(&[Topic::Source(made.id)]);
    w.store.delete_source(w.org, &Ref::Id(made.id)).await.unwrap();
    assert!(changed(&mut watch).await);
}

pub async fn a_watch_that_begins_while_a_transaction_runs_is_woken_by_its_commit(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let (m, store) = (w.message(app, "a").await, w.store.clone());
    let begin = move |core: &mut crate::sqlite::core::Core, now| {
        core.accept(&m, now)?;
        Ok(store.watch(&[Topic::App(app)]))
    };
    let mut watch = w.store.write(begin).await.unwrap();
    assert!(changed(&mut watch).await);
    w.send(app).await;
    assert!(changed(&mut watch).await);
}

pub async fn a_refused_message_wakes_nobody(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let m = NewMessage { event_id: Some("once".into()), ..w.message(app, "a").await };
    w.accept(m.clone()).await;
    let mut watch = w.store.watch(&[Topic::App(app)]);
    assert!(matches!(w.store.accept(m).await, Err(StoreError::Conflict(_))));
    assert!(!changed(&mut watch).await);
}
