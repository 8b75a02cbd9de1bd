//! Sources and bins: what is kept of them, their URLs, and what the hot path sees.

use super::lists::walk;
use super::world::{ALL, DAY, HOUR, SECOND, World, page};
use super::{Fixture, ManualClock};
use crate::*;
use domain::{DeliveryMode, SourceId, SourceOptions, SourceRoute, SourceState};
use std::sync::Arc;

type F = Box<dyn Fixture>;

const NOT_FOUND: StoreError = StoreError::NotFound("source");

fn seal(text: &'static str) -> SourceSealer {
    Box::new(move |_| text.as_bytes().to_vec())
}
fn fields(uid: Option<&str>) -> SourceFields {
    SourceFields {
        uid: uid.map(Into::into),
        name: "Shop".into(),
        kind: "github".into(),
        options: SourceOptions { delivery: DeliveryMode::Message, delay_ms: 7, ..Default::default() },
        metadata: Metadata::from([("k".into(), "v".into())]),
        state: SourceState::Paused,
        is_bin: false,
        forwards: true,
        expires_at: None,
    }
}
fn uid(uid: &str) -> SourceRef {
    Ref::Uid(uid.into())
}
pub(super) async fn create(w: &World, token: &str, f: impl FnOnce(&mut SourceFields)) -> Source {
    let mut fields = fields(None);
    f(&mut fields);
    w.store.create_source(w.org, fields, token.into(), seal("config")).await.unwrap()
}
async fn route(w: &World, token: &str) -> Option<Arc<SourceRoute>> {
    w.store.source_route(token).await.unwrap()
}

pub async fn a_source_keeps_what_it_was_given(f: F) {
    let mut w = World::new(f).await;
    let config: SourceSealer = Box::new(|id| id.0.to_be_bytes().to_vec());
    let given = SourceFields { expires_at: Some(w.later(DAY)), ..fields(Some("shop")) };
    let made = w.store.create_source(w.org, given.clone(), "tok".into(), config).await.unwrap();
    for restarted in [false, true] {
        if restarted {
            w.restart().await;
        }
        for by in [Ref::Id(made.id), uid("shop")] {
            let s = w.store.source(w.org, &by).await.unwrap();
            assert_eq!((s.id, s.org, s.app, s.uid.as_deref()), (made.id, w.org, made.app, Some("shop")));
            assert_eq!((&*s.name, &*s.kind, &*s.token, s.share), ("Shop", "github", "tok", None));
            assert_eq!(s.config_sealed, made.id.0.to_be_bytes(), "sealed for the very source");
            assert_eq!((s.options, s.metadata), (given.options.clone(), given.metadata.clone()));
            assert_eq!((s.state, s.is_bin, s.forwards), (SourceState::Paused, false, true));
            assert_eq!((s.expires_at, s.updated_at), (given.expires_at, w.now()));
        }
        let r = route(&w, "tok").await.unwrap();
        assert_eq!((r.org, r.source, r.app, &*r.kind), (w.org, made.id, made.app, "github"));
        assert_eq!((r.state, r.is_bin, r.forwards, r.expires_at), (SourceState::Paused, false, true, given.expires_at));
        assert_eq!((&*r.config_sealed, &r.options), (&made.id.0.to_be_bytes()[..], &given.options));
    }
}

pub async fn a_source_belongs_to_its_organisation(f: F) {
    let w = World::new(f).await;
    let made = create(&w, "tok", |s| s.uid = Some("shop".into())).await;
    let other = w.store.organisation("org_2").await.unwrap();
    for by in [Ref::Id(made.id), uid("shop")] {
        assert_eq!(w.store.source(other, &by).await.unwrap_err(), NOT_FOUND);
        assert_eq!(w.store.patch_source(other, &by, SourcePatch::default()).await.unwrap_err(), NOT_FOUND);
        assert_eq!(w.store.delete_source(other, &by).await.unwrap_err(), NOT_FOUND);
        let rotated = w.store.rotate_source_token(other, &by, "x".into(), w.now()).await;
        assert_eq!(rotated.unwrap_err(), NOT_FOUND);
    }
    assert!(w.store.sources(other, false, page(ALL)).await.unwrap().data.is_empty());
    w.store.create_source(other, fields(Some("shop")), "tok2".into(), seal("c")).await.unwrap();
}

pub async fn a_taken_source_uid_is_a_conflict(f: F) {
    let w = World::new(f).await;
    create(&w, "a", |s| s.uid = Some("a".into())).await;
    let b = create(&w, "b", |s| (s.uid, s.is_bin) = (Some("b".into()), true)).await;
    let taken = w.store.create_source(w.org, fields(Some("a")), "c".into(), seal("c")).await.unwrap_err();
    assert_eq!(taken, StoreError::Conflict("a source with this uid already exists"));
    assert!(route(&w, "c").await.is_none(), "nothing is left of a refused one");
    let patch = SourcePatch { uid: Some(Some("a".into())), ..Default::default() };
    assert_eq!(w.store.patch_source(w.org, &Ref::Id(b.id), patch).await.unwrap_err(), taken);
    let put = w.store.put_source(w.org, &uid("b"), fields(Some("a")), "d".into(), seal("c")).await;
    assert_eq!(put.unwrap_err(), taken);
    let put = w.store.put_source(w.org, &uid("new"), fields(Some("a")), "d".into(), seal("c")).await;
    assert_eq!(put.unwrap_err(), taken);
    let same = SourcePatch { uid: Some(Some("b".into())), ..Default::default() };
    w.store.patch_source(w.org, &Ref::Id(b.id), same).await.unwrap();
}

pub async fn put_source_creates_by_uid_and_replaces_everything(f: F) {
    let w = World::new(f).await;
    let put = async |by: &SourceRef, fields, token: &str, config| {
        w.store.put_source(w.org, by, fields, token.into(), seal(config)).await
    };
    let (made, new) = put(&uid("a"), fields(None), "tok", "one").await.unwrap();
    assert_eq!((made.uid.as_deref(), &*made.token, new), (Some("a"), "tok", true));
    let share = SourcePatch { share: Some(Some("s".into())), ..Default::default() };
    w.store.patch_source(w.org, &uid("a"), share).await.unwrap();
    w.clock.advance(SECOND);
    let other = SourceFields { name: "N".into(), kind: "stripe".into(), ..Default::default() };
    let (put_over, new) = put(&Ref::Id(made.id), other, "unused", "two").await.unwrap();
    assert_eq!((put_over.id, put_over.app, new), (made.id, made.app, false));
    assert_eq!((&*put_over.name, &*put_over.kind, put_over.uid), ("N", "stripe", None));
    assert_eq!((put_over.config_sealed, put_over.options), (b"two".to_vec(), SourceOptions::default()));
    assert_eq!((put_over.state, put_over.forwards, put_over.metadata.len()), (SourceState::Live, false, 0));
    assert_eq!((put_over.share.as_deref(), put_over.updated_at), (Some("s"), w.now()));
    assert_eq!(put_over.token, "tok", "the URL stays");
    assert!(route(&w, "unused").await.is_none());
    assert_eq!(put(&Ref::Id(SourceId(1)), fields(None), "t", "c").await.unwrap_err(), NOT_FOUND);
}

pub async fn patch_source_keeps_what_it_leaves_out_and_clears_what_it_nulls(f: F) {
    let w = World::new(f).await;
    let made = create(&w, "tok", |s| (s.uid, s.expires_at) = (Some("a".into()), Some(w.later(DAY)))).await;
    let kept = w.store.patch_source(w.org, &uid("a"), SourcePatch::default()).await.unwrap();
    assert_eq!((kept.uid.as_deref(), &*kept.name, &*kept.kind), (Some("a"), "Shop", "github"));
    assert_eq!((kept.config_sealed, kept.options, kept.metadata.len()), (b"config".to_vec(), made.options, 1));
    assert_eq!((kept.state, kept.forwards, kept.expires_at), (SourceState::Paused, true, Some(w.later(DAY))));
    let patch = SourcePatch {
        uid: Some(None),
        name: Some("New".into()),
        kind: Some("stripe".into()),
        config: Some(seal("new")),
        options: Some(SourceOptions::default()),
        metadata: Some(Metadata::new()),
        state: Some(SourceState::Live),
        is_bin: Some(true),
        forwards: Some(false),
        expires_at: Some(None),
        share: None,
    };
    let p = w.store.patch_source(w.org, &Ref::Id(made.id), patch).await.unwrap();
    assert_eq!((&*p.name, &*p.kind, p.uid, &*p.token), ("New", "stripe", None, "tok"));
    assert_eq!((p.config_sealed, p.options, p.metadata.len()), (b"new".to_vec(), SourceOptions::default(), 0));
    assert_eq!((p.state, p.is_bin, p.forwards, p.expires_at), (SourceState::Live, true, false, None));
    assert_eq!(w.store.source(w.org, &uid("a")).await.unwrap_err(), NOT_FOUND);
    assert_eq!(w.store.app(w.org, &Ref::Id(made.app)).await.unwrap().name, "New");
}

pub async fn a_share_token_opens_its_source_until_it_is_cleared(f: F) {
    let w = World::new(f).await;
    let made = create(&w, "tok", |_| {}).await;
    let share = async |share: Option<&str>| {
        let patch = SourcePatch { share: Some(share.map(Into::into)), ..Default::default() };
        w.store.patch_source(w.org, &Ref::Id(made.id), patch).await.unwrap()
    };
    assert_eq!(w.store.shared_source("tok").await.unwrap_err(), NOT_FOUND, "the URL's token is another thing");
    assert_eq!(share(Some("s1")).await.share.as_deref(), Some("s1"));
    assert_eq!(w.store.shared_source("s1").await.unwrap().id, made.id);
    assert!(route(&w, "s1").await.is_none());
    share(Some("s2")).await;
    assert_eq!(w.store.shared_source("s1").await.unwrap_err(), NOT_FOUND);
    share(None).await;
    assert_eq!(w.store.shared_source("s2").await.unwrap_err(), NOT_FOUND);
    share(Some("s3")).await;
    w.store.delete_source(w.org, &Ref::Id(made.id)).await.unwrap();
    assert_eq!(w.store.shared_source("s3").await.unwrap_err(), NOT_FOUND);
}

pub async fn sources_and_bins_are_lists_of_their_own(f: F) {
    let w = World::new(f).await;
    let (mut sources, mut bins) = (Vec::new(), Vec::new());
    for n in 0..40 {
        let made = create(&w, &format!("t{n}"), |s| s.is_bin = n % 2 == 0).await;
        match n {
            _ if n % 5 == 0 => w.store.delete_source(w.org, &Ref::Id(made.id)).await.unwrap(),
            _ if n % 2 == 0 => bins.push(made.id),
            _ => sources.push(made.id),
        }
    }
    let promote = SourcePatch { is_bin: Some(false), ..Default::default() };
    let promoted = bins.remove(3);
    w.store.patch_source(w.org, &Ref::Id(promoted), promote).await.unwrap();
    sources.push(promoted);
    sources.sort();
    let list = async |q| w.store.sources(w.org, false, q).await.unwrap();
    assert_eq!(walk(Order::Ascending, list, |s| s.id).await, sources);
    let list = async |q| w.store.sources(w.org, true, q).await.unwrap();
    bins.reverse();
    assert_eq!(walk(Order::Descending, list, |s| s.id).await, bins);
}

pub async fn the_configuration_of_a_source_changes_only_from_what_was_read(f: F) {
    let w = World::new(f).await;
    let made = create(&w, "tok", |_| {}).await;
    let before = route(&w, "tok").await.unwrap();
    let set =
        async |expected: &str, sealed: &str| w.store.set_source_config(made.id, expected.into(), sealed.into()).await;
    set("config", "one").await.unwrap();
    let now = w.store.source_route_cached("tok").unwrap();
    assert_eq!((&*before.config_sealed, &*now.config_sealed), (&b"config"[..], &b"one"[..]));
    assert!(matches!(set("config", "two").await, Err(StoreError::Conflict(_))));
    assert_eq!(w.store.source(w.org, &Ref::Id(made.id)).await.unwrap().config_sealed, b"one");
    w.store.delete_source(w.org, &Ref::Id(made.id)).await.unwrap();
    assert_eq!(set("one", "three").await.unwrap_err(), NOT_FOUND);
}

pub async fn an_old_url_works_until_it_expires(f: F) {
    let mut w = World::new(f).await;
    let made = create(&w, "one", |_| {}).await;
    let rotate = async |w: &World, token: &str, until| {
        w.store.rotate_source_token(w.org, &Ref::Id(made.id), token.into(), until).await.unwrap()
    };
    assert_eq!(rotate(&w, "two", w.later(HOUR)).await.token, "two");
    for restarted in [false, true] {
        if restarted {
            w.restart().await;
        }
        let (old, new) = (route(&w, "one").await.unwrap(), route(&w, "two").await.unwrap());
        assert!(Arc::ptr_eq(&old, &new));
        assert!(w.store.source_route_cached("one").is_some());
    }
    w.clock.advance(HOUR);
    assert!(w.store.source_route_cached("one").is_none() && route(&w, "one").await.is_none());
    assert!(route(&w, "two").await.is_some());
    rotate(&w, "three", w.now()).await;
    assert!(route(&w, "two").await.is_none(), "without grace the old one ends at once");
    assert_eq!(w.store.source(w.org, &Ref::Id(made.id)).await.unwrap().token, "three");
}

pub async fn a_source_has_at_most_three_old_urls(f: F) {
    let w = World::new(f).await;
    let made = create(&w, "t0", |_| {}).await;
    let rotate = async |token: &str, until| {
        w.store.rotate_source_token(w.org, &Ref::Id(made.id), token.into(), until).await.map(|s| s.token)
    };
    for (token, hours) in [("t1", 1), ("t2", 2), ("t3", 3)] {
        rotate(token, w.later(HOUR * hours)).await.unwrap();
    }
    let refused = rotate("t4", w.later(HOUR)).await.unwrap_err();
    let StoreError::Conflict(why) = refused else { panic!("{refused}") };
    assert!(why.contains("as soon as the first of them expires"), "{why}");
    assert!(route(&w, "t4").await.is_none());
    assert_eq!(w.store.source(w.org, &Ref::Id(made.id)).await.unwrap().token, "t3");
    for token in ["t0", "t1", "t2", "t3"] {
        assert!(route(&w, token).await.is_some(), "{token}");
    }
    assert_eq!(rotate("t5", w.now()).await.unwrap(), "t5", "a URL that leaked can always be replaced");
    w.clock.advance(HOUR);
    assert_eq!(rotate("t6", w.later(HOUR)).await.unwrap(), "t6");
}

pub async fn the_hot_path_sees_a_change_at_once_and_the_same_route_between(f: F) {
    let mut w = World::new(f).await;
    let made = create(&w, "tok", |s| s.state = SourceState::Live).await;
    let state = async |w: &World, state| {
        let patch = SourcePatch { state: Some(state), ..Default::default() };
        w.store.patch_source(w.org, &Ref::Id(made.id), patch).await.unwrap();
    };
    assert!(w.store.source_route_cached("unknown").is_none() && route(&w, "unknown").await.is_none());
    for state_then in [SourceState::Disabled, SourceState::Live, SourceState::Paused] {
        let known = route(&w, "tok").await.unwrap();
        assert!(Arc::ptr_eq(&known, &w.store.source_route_cached("tok").unwrap()));
        assert!(Arc::ptr_eq(&known, &w.store.source_route_of(made.id).await.unwrap()));
        state(&w, state_then).await;
        let changed = w.store.source_route_cached("tok").unwrap();
        assert_eq!((changed.state, changed.source), (state_then, made.id));
        assert!(!Arc::ptr_eq(&known, &changed));
        w.restart().await;
        assert!(w.store.source_route_cached("tok").is_none(), "a new process remembers nothing");
        assert_eq!(w.store.source_route_of(made.id).await.unwrap().state, state_then);
        assert!(w.store.source_route_cached("tok").is_some());
    }
    assert_eq!(w.store.source_route_of(SourceId(1)).await.unwrap_err(), NOT_FOUND);
}

pub async fn a_deleted_source_is_gone_at_once(f: F) {
    let mut w = World::new(f).await;
    let made = create(&w, "tok", |s| s.uid = Some("a".into())).await;
    w.store.rotate_source_token(w.org, &Ref::Id(made.id), "new".into(), w.later(HOUR)).await.unwrap();
    w.endpoint(made.app).await;
    w.send(made.app).await;
    assert_eq!(w.take().await.len(), 1);
    w.store.delete_source(w.org, &uid("a")).await.unwrap();
    for swept in [false, true] {
        if swept {
            w.sweep().await;
            w.restart().await;
        }
        for by in [Ref::Id(made.id), uid("a")] {
            assert_eq!(w.store.source(w.org, &by).await.unwrap_err(), NOT_FOUND);
        }
        for token in ["tok", "new"] {
            assert!(w.store.source_route_cached(token).is_none() && route(&w, token).await.is_none());
        }
        assert_eq!(w.store.source_route_of(made.id).await.unwrap_err(), NOT_FOUND);
        let app = Ref::Id(made.app);
        assert_eq!(w.store.app(w.org, &app).await.unwrap_err(), StoreError::NotFound("application"));
        assert!(w.store.route(w.org, &app).await.is_err() && w.take().await.is_empty());
        assert!(w.store.sources(w.org, false, page(ALL)).await.unwrap().data.is_empty());
        assert_eq!(w.store.delete_source(w.org, &uid("a")).await.unwrap_err(), NOT_FOUND);
    }
    let again = create(&w, "tok", |s| s.uid = Some("a".into())).await;
    assert!(again.id > made.id);
    assert_eq!(route(&w, "tok").await.unwrap().source, again.id);
}

pub async fn expired_sources_are_deleted_a_bounded_slice_at_a_time(f: F) {
    let w = World::new(f).await;
    let kept = create(&w, "kept", |s| (s.is_bin, s.expires_at) = (true, Some(w.later(2 * DAY)))).await;
    for n in 0..240 {
        create(&w, &format!("t{n}"), |s| (s.is_bin, s.expires_at) = (true, Some(w.later(DAY)))).await;
    }
    let left = async || w.store.sources(w.org, true, page(ALL)).await.unwrap().data;
    w.advance(DAY - SECOND).await;
    assert_eq!(left().await.len(), 241);
    w.clock.advance(31 * SECOND);
    w.store.ready().await.unwrap();
    assert_eq!(left().await.len(), 41, "one slice");
    w.sweep().await;
    assert_eq!(left().await.iter().map(|s| s.id).collect::<Vec<_>>(), [kept.id]);
    assert!(w.store.source_route_cached("t0").is_none() && route(&w, "t0").await.is_none());
    assert!(route(&w, "kept").await.is_some());
}

pub async fn the_application_of_a_source_is_in_no_list_and_goes_only_with_it(f: F) {
    let w = World::new(f).await;
    let (source, app) = (create(&w, "tok", |_| {}).await, w.app().await);
    let listed = w.store.apps(w.org, page(ALL)).await.unwrap().data;
    assert_eq!(listed.iter().map(|a| a.id).collect::<Vec<_>>(), [app]);
    let hidden = w.store.app(w.org, &Ref::Id(source.app)).await.unwrap();
    assert_eq!((&*hidden.name, hidden.uid), ("Shop", None));
    w.endpoint(source.app).await;
    assert_eq!(w.store.route(w.org, &Ref::Id(source.app)).await.unwrap().endpoints.len(), 1);
    let deleted = w.store.delete_app(w.org, &Ref::Id(source.app)).await;
    assert!(matches!(deleted, Err(StoreError::Conflict(_))), "{deleted:?}");
    assert_eq!(w.store.app(w.org, &Ref::Id(source.app)).await.unwrap().id, source.app);
}

pub async fn numbers_of_sources_grow_over_a_restart_although_the_clock_was_set_back(f: F) {
    let mut w = World::new(f).await;
    let first = create(&w, "one", |_| {}).await;
    let clock: &ManualClock = &w.clock;
    clock.set(w.now().minus(HOUR));
    w.restart().await;
    let second = create(&w, "two", |_| {}).await;
    assert!(second.id > first.id && second.app > first.app);
}
