//! First occurrence: an endpoint that goes by a value gets the first message for each, and no other.

use super::Fixture;
use super::world::{DAY, World};
use crate::*;
use bytes::Bytes;
use domain::{AppId, Cause, EndpointId, Timestamp};

type F = Box<dyn Fixture>;

/// An endpoint that wants the first message for each `data.link`.
async fn by_link(w: &World) -> (AppId, EndpointId) {
    let app = w.app().await;
    (app, w.endpoint_with(app, |f| f.first_per = Some("data.link".into())).await)
}
async fn with(w: &World, app: AppId, payload: impl Into<Bytes>) -> NewMessage {
    NewMessage { payload: payload.into(), ..w.message(app, "link.clicked").await }
}
async fn click(w: &World, app: AppId, link: u32) -> NewMessage {
    with(w, app, format!(r#"{{"data": {{"link": "link_{link}", "at": {}}}}}"#, w.now().0)).await
}
/// Delivers everything: to how many.
async fn sent(w: &mut World, m: NewMessage) -> usize {
    w.accept(m).await;
    w.deliver_all().await
}
async fn set_path(w: &World, app: AppId, e: EndpointId, path: Option<&str>) {
    let patch = EndpointPatch { first_per: Some(path.map(str::to_owned)), ..Default::default() };
    let changed = w.store.patch_endpoint(app, &Ref::Id(e), patch).await.unwrap();
    assert_eq!(changed.first_per.as_deref(), path);
}

pub async fn of_sixty_four_first_messages_at_once_one_is_delivered(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = by_link(&w).await;
    let all = w.endpoint(app).await;
    let m = click(&w, app, 1).await;
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (store, m) = (w.store.clone(), m.clone());
            tokio::spawn(async move { store.accept(m).await })
        })
        .collect();
    for task in tasks {
        assert!(matches!(task.await.unwrap(), Ok(Accepted::New(_))));
    }
    let leases = w.take().await;
    let of = |e| leases.iter().filter(|l| l.key.endpoint == e).count();
    assert_eq!((of(e), of(all)), (1, 64), "who doesn't ask gets them all");
    leases.iter().for_each(|l| w.settle(l, Next::Delivered));
    w.check_balance(65, &[(app, e), (app, all)]).await;
    let batch = vec![click(&w, app, 1).await, click(&w, app, 2).await, click(&w, app, 2).await];
    assert!(w.store.accept_many(batch).await.iter().all(Result::is_ok));
    assert_eq!(w.take().await.iter().filter(|l| l.key.endpoint == e).count(), 1, "in a batch too");
}

pub async fn each_value_is_delivered_once_and_over_a_restart(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = by_link(&w).await;
    for link in [1, 2, 3] {
        let m = click(&w, app, link).await;
        assert_eq!(sent(&mut w, m.clone()).await, 1);
        assert_eq!(sent(&mut w, m).await, 0);
    }
    w.restart().await;
    for (link, n) in [(1, 0), (3, 0), (4, 1)] {
        let m = click(&w, app, link).await;
        assert_eq!(sent(&mut w, m).await, n, "{link}");
    }
    let other = w.endpoint_with(app, |f| f.first_per = Some("data.link".into())).await;
    let m = click(&w, app, 1).await;
    w.accept(m).await;
    assert_eq!(w.take_one().await.key.endpoint, other, "each endpoint has seen its own");
}

pub async fn a_message_without_the_value_is_delivered_each_time(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = by_link(&w).await;
    let payloads: [&[u8]; 6] =
        [b"{}", b"{\"data\": {\"link\": null}}", b"not JSON", b"\xff\xfe", b"", b"{\"data\": \"link\"}"];
    for payload in payloads {
        for _ in 0..2 {
            let m = with(&w, app, Bytes::from_static(payload)).await;
            assert_eq!(sent(&mut w, m).await, 1, "{payload:?}");
        }
    }
}

pub async fn only_messages_that_an_endpoint_takes_count(f: F) {
    let mut w = World::new(f).await;
    let app = w.app().await;
    let e = w
        .endpoint_with(app, |f| {
            f.first_per = Some("data.link".into());
            f.event_types = Some(vec!["link.clicked".into()]);
            f.channels = Some(vec!["human".into()]);
        })
        .await;
    let m = click(&w, app, 1).await;
    let bot = NewMessage { channels: vec!["bot".into()], ..m.clone() };
    assert_eq!(sent(&mut w, bot).await, 0);
    let human = NewMessage { channels: vec!["human".into()], ..m };
    let converted = NewMessage { event_type: "link.converted".into(), ..human.clone() };
    assert_eq!(sent(&mut w, converted).await, 0);
    w.set_disabled(app, e, true).await;
    let route = w.store.route(w.org, &Ref::Id(app)).await.unwrap();
    assert_eq!(sent(&mut w, NewMessage { route, ..human.clone() }).await, 0);
    w.set_disabled(app, e, false).await;
    let route = w.store.route(w.org, &Ref::Id(app)).await.unwrap();
    let human = NewMessage { route, ..human };
    assert_eq!(sent(&mut w, human.clone()).await, 1, "the first human click");
    assert_eq!(sent(&mut w, human).await, 0);
}

pub async fn endpoints_with_paths_of_their_own_each_see_their_first(f: F) {
    let mut w = World::new(f).await;
    let app = w.app().await;
    for path in ["data.link", "data.visitor", "data.tags.0"] {
        w.endpoint_with(app, |f| f.first_per = Some(path.into())).await;
    }
    for (link, visitor, tag, n) in [(1, 1, 1, 3), (1, 2, 1, 1), (2, 2, 2, 2), (2, 1, 1, 0)] {
        let payload = format!(r#"{{"data": {{"link": {link}, "visitor": {visitor}, "tags": [{tag}, "x"]}}}}"#);
        let m = with(&w, app, payload.clone()).await;
        assert_eq!(sent(&mut w, m).await, n, "{payload}");
    }
}

pub async fn another_path_forgets_what_was_seen(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = by_link(&w).await;
    let early = click(&w, app, 1).await;
    assert_eq!(sent(&mut w, early.clone()).await, 1);
    set_path(&w, app, e, Some("data.link")).await;
    let m = click(&w, app, 1).await;
    assert_eq!(sent(&mut w, m).await, 0, "the same one is no change");
    set_path(&w, app, e, None).await;
    let m = click(&w, app, 1).await;
    assert_eq!(sent(&mut w, m.clone()).await, 1);
    assert_eq!(sent(&mut w, m).await, 1);
    set_path(&w, app, e, Some("data.link")).await;
    // Routed before all this.
    assert_eq!(sent(&mut w, early).await, 0);
    let m = click(&w, app, 1).await;
    assert_eq!(sent(&mut w, m.clone()).await, 1);
    assert_eq!(sent(&mut w, m).await, 0);
    let rename = EndpointPatch { description: Some("other".into()), ..Default::default() };
    assert_eq!(w.store.patch_endpoint(app, &Ref::Id(e), rename).await.unwrap().first_per.unwrap(), "data.link");
    let m = click(&w, app, 1).await;
    assert_eq!(sent(&mut w, m).await, 0, "another change forgets nothing");
}

pub async fn a_value_is_forgotten_after_its_retention(f: F) {
    let mut w = World::with(f, |c| c.first_seen_retention = 200 * DAY).await;
    let (app, _) = by_link(&w).await;
    for (days, n) in [(0, 1), (199, 0), (2, 1)] {
        w.advance(days * DAY).await;
        w.sweep().await;
        let m = click(&w, app, 1).await;
        assert_eq!(sent(&mut w, m).await, n, "{days}");
    }
}

pub async fn what_is_undone_was_not_seen(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = by_link(&w).await;
    let m = click(&w, app, 1).await;
    let undone = m.clone();
    let refused = w.store.write(move |core, now| {
        core.accept(&undone, now)?;
        Err::<(), _>(StoreError::Conflict("undo it"))
    });
    assert_eq!(refused.await.unwrap_err(), StoreError::Conflict("undo it"));
    assert_eq!(sent(&mut w, m.clone()).await, 1);
    assert_eq!(sent(&mut w, m).await, 0);
}

pub async fn what_is_sent_by_hand_is_sent(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = by_link(&w).await;
    let m = click(&w, app, 1).await;
    let target = w.store.endpoint_route(app, e).await.unwrap();
    let example = NewMessage { only: Some((target, Cause::Example)), ..m.clone() };
    assert_eq!(sent(&mut w, example.clone()).await, 1);
    let first = w.accept(m.clone()).await;
    assert_eq!(w.deliver_all().await, 1, "an example is not the first");
    assert_eq!(sent(&mut w, example).await, 1);
    w.store.resend(app, &Ref::Id(first), &Ref::Id(e), false).await.unwrap();
    assert_eq!(w.deliver_all().await, 1);
    assert_eq!(sent(&mut w, m).await, 0);
    w.store.start_task(app, &Ref::Id(e), TaskKind::ReplayMissing, Timestamp(0), None).await.unwrap();
    w.calm().await;
    assert_eq!(w.deliver_all().await, 1, "it asks for what it has never seen");
}

pub async fn a_replayed_request_reaches_who_has_seen_it(f: F) {
    let mut w = World::new(f).await;
    let source = w.source(|_| {}).await;
    w.endpoint_with(source.app, |f| f.first_per = Some("event".into())).await;
    let held = NewRequest { verdict: Verdict::Held, ..w.inbound(&source, 1).await };
    let id = w.store_request(held.clone()).await;
    w.store.accept_request(source.clone(), id, held.events.clone(), true).await.unwrap();
    assert_eq!(w.deliver_all().await, 1);
    let again = NewRequest { events: vec![super::world::event(9, &held.body)], ..w.inbound(&source, 1).await };
    w.store_request(again).await;
    assert_eq!(w.deliver_all().await, 0, "the same value in another event");
    w.store.accept_request(source.clone(), id, held.events, false).await.unwrap();
    assert_eq!(w.deliver_all().await, 1);
}
