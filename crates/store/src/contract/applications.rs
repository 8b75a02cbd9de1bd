//! Applications and organisations.

use super::Fixture;
use super::world::{ALL, SECOND, World, page};
use crate::*;
use domain::AppId;
use std::sync::atomic::Ordering::Relaxed;

type F = Box<dyn Fixture>;

const NOT_FOUND: StoreError = StoreError::NotFound("application");

fn fields(uid: Option<&str>) -> AppFields {
    AppFields {
        name: "Acme".into(),
        uid: uid.map(Into::into),
        throttle_rate: Some(5),
        metadata: Metadata::from([("k".into(), "v".into())]),
    }
}
fn uid(uid: &str) -> AppRef {
    Ref::Uid(uid.into())
}

pub async fn an_application_is_found_by_id_and_uid_in_its_own_organisation(f: F) {
    let w = World::new(f).await;
    let (made, new) = w.store.create_app(w.org, fields(Some("acme")), false).await.unwrap();
    assert!(new);
    for by in [Ref::Id(made.id), uid("acme")] {
        let found = w.store.app(w.org, &by).await.unwrap();
        assert_eq!((found.id, found.org, &*found.name, found.throttle_rate), (made.id, w.org, "Acme", Some(5)));
        assert_eq!((found.metadata.len(), found.updated_at), (1, w.now()));
        assert_eq!(w.store.route(w.org, &by).await.unwrap().app, made.id);
    }
    let other = w.store.organisation("org_2").await.unwrap();
    assert_ne!(other, w.org);
    assert_eq!(w.store.organisation("org_1").await.unwrap(), w.org);
    for by in [Ref::Id(made.id), uid("acme")] {
        assert_eq!(w.store.app(other, &by).await.unwrap_err(), NOT_FOUND);
        assert_eq!(w.store.route(other, &by).await.unwrap_err(), NOT_FOUND);
    }
    w.store.create_app(other, fields(Some("acme")), false).await.unwrap();
}

pub async fn a_taken_uid_is_a_conflict_or_the_one_that_has_it(f: F) {
    let w = World::new(f).await;
    let (made, _) = w.store.create_app(w.org, fields(Some("a")), false).await.unwrap();
    let taken = w.store.create_app(w.org, fields(Some("a")), false).await.unwrap_err();
    assert_eq!(taken, StoreError::Conflict("an application with this uid already exists"));
    let (existing, new) = w.store.create_app(w.org, fields(Some("a")), true).await.unwrap();
    assert_eq!((existing.id, new), (made.id, false));
    let (other, _) = w.store.create_app(w.org, fields(Some("b")), true).await.unwrap();
    let patch = AppPatch { uid: Some(Some("a".into())), ..Default::default() };
    assert_eq!(w.store.patch_app(w.org, &Ref::Id(other.id), patch).await.unwrap_err(), taken);
    assert_eq!(w.store.put_app(w.org, &uid("b"), fields(Some("a"))).await.unwrap_err(), taken);
}

pub async fn put_creates_by_uid_and_replaces_everything(f: F) {
    let w = World::new(f).await;
    let (made, new) = w.store.put_app(w.org, &uid("a"), fields(None)).await.unwrap();
    assert_eq!((made.uid.as_deref(), new), (Some("a"), true));
    w.clock.advance(SECOND);
    let (put, new) = w.store.put_app(w.org, &Ref::Id(made.id), AppFields::default()).await.unwrap();
    assert_eq!((put.id, new, put.uid, put.throttle_rate, put.metadata.len()), (made.id, false, None, None, 0));
    assert_eq!(put.updated_at, w.now());
    assert_eq!(w.store.put_app(w.org, &Ref::Id(AppId(1)), fields(None)).await.unwrap_err(), NOT_FOUND);
}

pub async fn patch_keeps_what_it_leaves_out_and_clears_what_it_nulls(f: F) {
    let w = World::new(f).await;
    let (made, _) = w.store.create_app(w.org, fields(Some("a")), false).await.unwrap();
    let kept = w.store.patch_app(w.org, &uid("a"), AppPatch::default()).await.unwrap();
    assert_eq!((kept.uid.as_deref(), &*kept.name, kept.throttle_rate), (Some("a"), "Acme", Some(5)));
    let patch = AppPatch {
        name: Some("New".into()),
        uid: Some(None),
        throttle_rate: Some(None),
        metadata: Some(Metadata::new()),
    };
    let patched = w.store.patch_app(w.org, &Ref::Id(made.id), patch).await.unwrap();
    assert_eq!((&*patched.name, patched.uid, patched.throttle_rate), ("New", None, None));
    assert!(patched.metadata.is_empty());
    assert_eq!(w.store.route(w.org, &uid("a")).await.unwrap_err(), NOT_FOUND);
}

pub async fn a_new_uid_names_the_application_at_once(f: F) {
    let w = World::new(f).await;
    let (made, _) = w.store.create_app(w.org, fields(Some("old")), false).await.unwrap();
    w.store.route(w.org, &uid("old")).await.unwrap();
    let patch = AppPatch { uid: Some(Some("new".into())), ..Default::default() };
    w.store.patch_app(w.org, &uid("old"), patch).await.unwrap();
    assert_eq!(w.store.route(w.org, &uid("new")).await.unwrap().app, made.id);
    assert_eq!(w.store.route(w.org, &uid("old")).await.unwrap_err(), NOT_FOUND);
    assert!(w.store.route_cached(w.org, &uid("old")).is_none());
}

pub async fn a_deleted_application_is_gone_at_once_and_its_rows_in_slices(f: F) {
    let mut w = World::with(f, |c| c.lane_capacity = 10).await;
    let (app, _) = w.store.create_app(w.org, fields(Some("a")), false).await.unwrap();
    let e = w.endpoint(app.id).await;
    let sent = w.send_many(app.id, 1000).await;
    let held = w.take().await;
    assert_eq!(held.len(), 10);
    w.settle(&held[0], Next::Delivered);
    w.store.delete_app(w.org, &uid("a")).await.unwrap();
    for by in [Ref::Id(app.id), uid("a")] {
        assert_eq!(w.store.app(w.org, &by).await.unwrap_err(), NOT_FOUND);
        assert_eq!(w.store.route(w.org, &by).await.unwrap_err(), NOT_FOUND);
    }
    assert!(w.store.apps(w.org, page(ALL)).await.unwrap().data.is_empty());
    let route = &held[0].endpoint;
    assert!(w.store.current_endpoint(route).is_none());
    let (again, new) = w.store.create_app(w.org, fields(Some("a")), false).await.unwrap();
    assert!(new && again.id != app.id);
    let waiting = w.store.metrics().deliveries_waiting.load(Relaxed);
    assert!(waiting > 500, "one slice, not all: {waiting}");
    w.sweep().await;
    assert_eq!(w.store.metrics().deliveries_waiting.load(Relaxed), 0);
    for id in [sent[0], sent[999]] {
        assert_eq!(w.store.message(app.id, &Ref::Id(id), true).await.unwrap_err(), StoreError::NotFound("message"));
    }
    for l in &held[1..] {
        w.settle(l, Next::RetryAt(w.now()));
    }
    assert!(w.take().await.is_empty(), "what was in flight is canceled");
    assert_eq!(w.store.metrics().deliveries_leased.load(Relaxed), 0);
    w.restart().await;
    assert!(w.take().await.is_empty());
    assert_eq!(w.store.endpoint(app.id, &Ref::Id(e)).await.unwrap_err(), StoreError::NotFound("endpoint"));
}

pub async fn a_restart_in_the_middle_of_a_deletion_leaves_nothing_behind(f: F) {
    let mut w = World::with(f, |c| c.lane_capacity = 10).await;
    let (app, _) = w.app_and_endpoint().await;
    w.send_many(app, 1000).await;
    w.store.delete_app(w.org, &Ref::Id(app)).await.unwrap();
    w.restart().await;
    w.sweep().await;
    assert!(w.take().await.is_empty());
    let m = w.store.metrics();
    assert_eq!((m.deliveries_waiting.load(Relaxed), m.deliveries_leased.load(Relaxed)), (0, 0));
}

pub async fn an_organisation_has_one_hidden_application_for_operational_webhooks(f: F) {
    let w = World::new(f).await;
    let (one, two) = (w.store.operational_app(w.org).await.unwrap(), w.store.operational_app(w.org).await.unwrap());
    assert_eq!(one, two);
    assert!(w.store.apps(w.org, page(ALL)).await.unwrap().data.is_empty());
    assert_eq!(w.store.app(w.org, &Ref::Id(one)).await.unwrap().id, one);
    w.store.delete_app(w.org, &Ref::Id(one)).await.unwrap();
    assert_ne!(w.store.operational_app(w.org).await.unwrap(), one);
}

pub async fn a_revoked_token_stays_revoked(f: F) {
    let mut w = World::new(f).await;
    let (short, long) = ([1; 32], [2; 32]);
    w.store.revoke_token(short, Some(w.later(SECOND))).await.unwrap();
    w.store.revoke_token(long, None).await.unwrap();
    assert!(w.store.is_revoked(&short) && w.store.is_revoked(&long) && !w.store.is_revoked(&[3; 32]));
    w.restart().await;
    assert!(w.store.is_revoked(&short) && w.store.is_revoked(&long));
    w.sweep().await;
    w.restart().await;
    assert!(!w.store.is_revoked(&short), "an expired token needs no list");
    assert!(w.store.is_revoked(&long));
}
