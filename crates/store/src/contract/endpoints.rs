//! Endpoints: their fields, secrets, headers and URLs, and when a change takes effect.

use super::Fixture;
use super::world::{ALL, DAY, HOUR, SECOND, Tally, World, page, seal};
use crate::*;
use domain::{AppId, EndpointId, Timestamp, TypedId};
use std::sync::atomic::Ordering::Relaxed;

type F = Box<dyn Fixture>;

const NOT_FOUND: StoreError = StoreError::NotFound("endpoint");

fn fields(uid: &str) -> EndpointFields {
    EndpointFields { uid: Some(uid.into()), url: "https://example.com/".into(), ..Default::default() }
}
fn url(url: &str) -> EndpointPatch {
    EndpointPatch { url: Some(url.into()), ..Default::default() }
}
fn uid(uid: &str) -> EndpointRef {
    Ref::Uid(uid.into())
}

pub async fn an_endpoint_keeps_what_it_was_given(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let given = EndpointFields {
        description: "d".into(),
        version: Some(3),
        throttle_rate: Some(9),
        event_types: Some(vec!["a".into()]),
        channels: Some(vec!["c".into()]),
        metadata: Metadata::from([("k".into(), "v".into())]),
        ..fields("e")
    };
    let sealer: Sealer = Box::new(|id| id.seq().0.to_be_bytes().to_vec());
    let made = w.store.create_endpoint(app, given, sealer, Some(seal("headers"))).await.unwrap();
    for by in [Ref::Id(made.id), uid("e")] {
        let e = w.store.endpoint(app, &by).await.unwrap();
        assert_eq!((e.id, e.app, &*e.url, &*e.description, e.version), (made.id, app, "https://example.com/", "d", 3));
        assert_eq!((e.throttle_rate, e.disabled, e.failing_since, e.metadata.len()), (Some(9), false, None, 1));
        assert_eq!((e.event_types.unwrap(), e.channels.unwrap()), (vec!["a".to_owned()], vec!["c".to_owned()]));
    }
    let (id, secrets) = w.store.endpoint_secrets(app, &uid("e")).await.unwrap();
    assert_eq!(id, made.id);
    assert_eq!(secrets[0].sealed, made.id.0.to_be_bytes(), "sealed for the id that it got");
    assert_eq!(w.store.endpoint_headers(app, &uid("e")).await.unwrap(), (made.id, b"headers".to_vec()));
    let other = w.app().await;
    assert_eq!(w.store.endpoint(other, &Ref::Id(made.id)).await.unwrap_err(), NOT_FOUND);
}

pub async fn a_taken_endpoint_uid_is_a_conflict_in_its_application(f: F) {
    let w = World::new(f).await;
    let (app, other) = (w.app().await, w.app().await);
    w.store.create_endpoint(app, fields("e"), seal("s"), None).await.unwrap();
    w.store.create_endpoint(other, fields("e"), seal("s"), None).await.unwrap();
    let taken = StoreError::Conflict("an endpoint with this uid already exists");
    assert_eq!(w.store.create_endpoint(app, fields("e"), seal("s"), None).await.unwrap_err(), taken);
    w.store.create_endpoint(app, fields("x"), seal("s"), None).await.unwrap();
    let patch = EndpointPatch { uid: Some(Some("e".into())), ..Default::default() };
    assert_eq!(w.store.patch_endpoint(app, &uid("x"), patch).await.unwrap_err(), taken);
    assert_eq!(w.store.endpoints(app, page(ALL)).await.unwrap().data.len(), 2);
}

pub async fn put_endpoint_creates_by_uid_and_replaces_everything(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let given = EndpointFields { throttle_rate: Some(4), ..fields("e") };
    let (made, new) = w.store.put_endpoint(app, &uid("e"), given, seal("first"), None).await.unwrap();
    assert!(new);
    let (put, new) = w.store.put_endpoint(app, &uid("e"), fields("e"), seal("never"), None).await.unwrap();
    assert_eq!((put.id, put.throttle_rate, new), (made.id, None, false));
    assert_eq!(w.store.endpoint_secrets(app, &uid("e")).await.unwrap().1[0].sealed, b"first");
    let unknown = w.store.put_endpoint(app, &Ref::Id(EndpointId(1)), fields("y"), seal("s"), None).await;
    assert_eq!(unknown.unwrap_err(), NOT_FOUND);
}

pub async fn a_change_is_seen_by_the_very_next_message(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send(app).await;
    assert_eq!(&*w.take_one().await.endpoint.url, "https://example.com/hook");
    let before = w.store.config_generation();
    w.store.patch_endpoint(app, &Ref::Id(e), url("https://example.com/2")).await.unwrap();
    assert_ne!(w.store.config_generation(), before);
    w.send(app).await;
    assert_eq!(&*w.take_one().await.endpoint.url, "https://example.com/2");
    let types = EndpointPatch { event_types: Some(Some(vec!["other".into()])), ..Default::default() };
    w.store.patch_endpoint(app, &Ref::Id(e), types).await.unwrap();
    w.send(app).await;
    assert!(w.take().await.is_empty());
    let second = w.endpoint(app).await;
    w.send(app).await;
    assert_eq!(w.take_one().await.key.endpoint, second);
    w.set_disabled(app, second, true).await;
    w.send(app).await;
    assert!(w.take().await.is_empty());
    w.set_disabled(app, second, false).await;
    w.send(app).await;
    assert_eq!(w.take().await.len(), 1);
    w.store.delete_endpoint(app, &Ref::Id(second)).await.unwrap();
    w.send(app).await;
    assert!(w.take().await.is_empty());
}

pub async fn a_lease_can_be_checked_against_the_present_configuration(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send(app).await;
    let lease = w.take_one().await;
    assert_eq!(w.store.current_endpoint(&lease.endpoint).unwrap().endpoint, e);
    w.store.patch_endpoint(app, &Ref::Id(e), url("https://example.com/2")).await.unwrap();
    assert_eq!(&*w.store.current_endpoint(&lease.endpoint).unwrap().url, "https://example.com/2");
    w.restart().await;
    assert_eq!(&*w.store.current_endpoint(&lease.endpoint).unwrap().url, "https://example.com/2");
    w.store.delete_endpoint(app, &Ref::Id(e)).await.unwrap();
    assert!(w.store.current_endpoint(&lease.endpoint).is_none());
}

pub async fn an_attempt_names_the_url_that_it_used(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    let lease = w.take_one().await;
    w.store.patch_endpoint(app, &Ref::Id(e), url("https://example.com/2")).await.unwrap();
    w.settle(&lease, Next::RetryAt(w.now()));
    w.deliver_all().await;
    let urls = |a: Vec<Attempt>| a.into_iter().map(|a| a.url).collect::<Vec<_>>();
    let want = ["https://example.com/2", "https://example.com/hook"];
    assert_eq!(urls(w.attempts(app, id).await), want);
    w.store.delete_endpoint(app, &Ref::Id(e)).await.unwrap();
    w.sweep().await;
    assert_eq!(urls(w.attempts(app, id).await), want, "the endpoint is reaped, its history is not");
}

pub async fn a_rotated_secret_signs_until_it_expires(f: F) {
    let w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.store.rotate_secret(app, e, b"second".to_vec(), w.later(HOUR)).await.unwrap();
    let live = async || {
        let all = w.store.endpoint_secrets(app, &Ref::Id(e)).await.unwrap().1;
        let routed = w.store.endpoint_route(app, e).await.unwrap();
        assert!(routed.secrets.len() >= all.len());
        all.into_iter().map(|s| (String::from_utf8(s.sealed).unwrap(), s.expires_at)).collect::<Vec<_>>()
    };
    assert_eq!(live().await, [("second".into(), None), ("secret".into(), Some(w.later(HOUR)))]);
    w.clock.advance(HOUR);
    assert_eq!(live().await, [("second".into(), None)]);
    for _ in 0..15 {
        w.store.rotate_secret(app, e, b"more".to_vec(), w.later(HOUR)).await.unwrap();
    }
    assert_eq!(live().await.len(), 11);
}

pub async fn headers_change_only_from_what_was_read(f: F) {
    let w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let set = async |old: &[u8], new: &[u8]| w.store.set_endpoint_headers(app, e, old.to_vec(), new.to_vec()).await;
    set(b"", b"one").await.unwrap();
    assert!(matches!(set(b"", b"two").await, Err(StoreError::Conflict(_))));
    assert_eq!(w.store.endpoint_headers(app, &Ref::Id(e)).await.unwrap().1, b"one");
    assert_eq!(&*w.store.endpoint_route(app, e).await.unwrap().headers_sealed, b"one");
    set(b"one", b"").await.unwrap();
    let gone = w.store.set_endpoint_headers(app, EndpointId(1), vec![], vec![1]).await;
    assert_eq!(gone.unwrap_err(), NOT_FOUND);
}

pub async fn a_disabled_endpoint_keeps_its_queue_and_gets_nothing_new(f: F) {
    let mut w = World::with(f, |c| c.lane_capacity = 4).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 10).await;
    w.set_disabled(app, e, true).await;
    w.send_many(app, 5).await;
    for l in w.take().await {
        w.settle(&l, Next::Released(w.now()));
    }
    assert!(w.take().await.is_empty());
    assert_eq!(w.check_balance(10, &[(app, e)]).await, Tally { pending: 10, ..Default::default() });
    w.restart().await;
    assert!(w.take().await.is_empty());
    w.set_disabled(app, e, false).await;
    assert_eq!(w.deliver_all().await, 10);
    assert_eq!(w.check_balance(10, &[(app, e)]).await, Tally { success: 10, ..Default::default() });
}

pub async fn a_deleted_endpoint_is_gone_at_once_and_its_queue_in_slices(f: F) {
    let mut w = World::with(f, |c| c.lane_capacity = 4).await;
    let app = w.app().await;
    let e = w.store.create_endpoint(app, fields("e"), seal("s"), None).await.unwrap().id;
    w.send_many(app, 600).await;
    let held = w.take().await;
    w.settle(&held[0], Next::Dead(domain::DeadReason::Exhausted));
    w.calm().await;
    w.store.delete_endpoint(app, &uid("e")).await.unwrap();
    assert_eq!(w.store.endpoint(app, &Ref::Id(e)).await.unwrap_err(), NOT_FOUND);
    assert_ne!(w.store.create_endpoint(app, fields("e"), seal("s"), None).await.unwrap().id, e);
    assert!(w.store.metrics().deliveries_waiting.load(Relaxed) > 300);
    w.sweep().await;
    for l in &held[1..] {
        w.settle(l, Next::Dead(domain::DeadReason::Exhausted));
    }
    w.calm().await;
    let m = w.store.metrics();
    let gauges = [&m.deliveries_waiting, &m.deliveries_dead, &m.deliveries_leased].map(|g| g.load(Relaxed));
    assert_eq!(gauges, [0, 0, 0]);
    w.restart().await;
    assert!(w.take().await.is_empty());
}

pub async fn leases_of_a_reaped_endpoint_are_forgotten_at_the_next_start(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 3).await;
    assert_eq!(w.take().await.len(), 3);
    w.store.delete_endpoint(app, &Ref::Id(e)).await.unwrap();
    w.sweep().await;
    w.restart().await;
    assert!(w.take().await.is_empty());
    assert_eq!(w.store.metrics().deliveries_waiting.load(Relaxed), 0);
}

async fn stats(
    w: &World,
    app: AppId,
    e: EndpointId,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> EndpointStats {
    w.store.endpoint_stats(app, &Ref::Id(e), since, until).await.unwrap()
}

pub async fn statistics_count_settled_deliveries_by_the_hour(f: F) {
    let mut w = World::with(f, |c| c.lane_capacity = 5).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 5).await;
    let batch = w.take().await;
    w.settle(&batch[0], Next::Delivered);
    w.settle(&batch[1], Next::Dead(domain::DeadReason::Exhausted));
    w.settle(&batch[2], Next::Delivered);
    w.settle(&batch[3], Next::RetryAt(w.later(2 * HOUR)));
    w.calm().await;
    let want = EndpointStats { success: 2, pending: 1, sending: 1, fail: 1, canceled: 0 };
    assert_eq!(stats(&w, app, e, None, None).await, want);
    assert_eq!(stats(&w, app, e, Some(w.now()), Some(w.later(SECOND))).await, want);
    let (began, later) = (w.now(), w.later(2 * HOUR));
    w.advance(2 * HOUR).await;
    assert_eq!(stats(&w, app, e, Some(later), None).await, EndpointStats { sending: 2, ..Default::default() });
    assert_eq!(stats(&w, app, e, None, Some(began)).await, EndpointStats { sending: 2, ..Default::default() });
    w.settle(&batch[4], Next::Delivered);
    w.deliver_all().await;
    assert_eq!(stats(&w, app, e, Some(later), None).await, EndpointStats { success: 2, ..Default::default() });
    w.restart().await;
    assert_eq!(stats(&w, app, e, None, None).await.success, 4);
    w.clock.advance(w.config.attempt_retention + DAY);
    w.sweep().await;
    assert_eq!(stats(&w, app, e, None, None).await, EndpointStats::default());
}
