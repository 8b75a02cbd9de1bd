//! Links: what is kept of them, their slugs, and what a redirect sees.

use super::Fixture;
use super::lists::walk;
use super::world::{ALL, DAY, SECOND, World, page};
use crate::*;
use domain::{AppId, LinkId, LinkRoute};
use std::sync::Arc;

type F = Box<dyn Fixture>;

const NOT_FOUND: StoreError = StoreError::NotFound("link");

pub fn fields(slug: &str) -> LinkFields {
    LinkFields {
        app: None,
        slug: slug.into(),
        target: format!("https://example.com/{slug}"),
        name: String::new(),
        redirect: 302,
        tags: Vec::new(),
        metadata: Metadata::new(),
        click_param: None,
        disabled: false,
        expires_at: None,
    }
}
async fn create(w: &World, slug: &str) -> Link {
    w.store.create_link(w.org, fields(slug)).await.unwrap()
}
async fn route(w: &World, slug: &str) -> Option<Arc<LinkRoute>> {
    w.store.link_route(slug).await.unwrap()
}
async fn patch(w: &World, link: LinkId, f: impl FnOnce(&mut LinkPatch)) -> Result<Link, StoreError> {
    let mut patch = LinkPatch::default();
    f(&mut patch);
    w.store.patch_link(w.org, link, patch).await
}
async fn all(w: &World, filter: LinkFilter) -> Vec<LinkId> {
    w.store.links(w.org, filter, page(ALL)).await.unwrap().data.iter().map(|l| l.id).collect()
}

pub async fn a_link_keeps_what_it_was_given(f: F) {
    let mut w = World::new(f).await;
    let app = w.app().await;
    let given = LinkFields {
        app: Some(app),
        name: "Press".into(),
        redirect: 307,
        tags: vec!["a b".into(), "c".into()],
        metadata: Metadata::from([("k".into(), "v".into())]),
        click_param: Some("pr".into()),
        disabled: true,
        expires_at: Some(w.later(DAY)),
        ..fields("one")
    };
    let made = w.store.create_link(w.org, given.clone()).await.unwrap();
    for restarted in [false, true] {
        if restarted {
            w.restart().await;
        }
        let l = w.store.link(w.org, made.id).await.unwrap();
        assert_eq!((l.id, l.org, l.app, l.updated_at), (made.id, w.org, app, w.now()));
        assert_eq!((&l.slug, &l.target, &l.name, l.redirect), (&given.slug, &given.target, &given.name, 307));
        assert_eq!((&l.tags, &l.metadata, &l.click_param), (&given.tags, &given.metadata, &given.click_param));
        assert_eq!((l.disabled, l.expires_at), (true, given.expires_at));
        assert!(w.store.link_route_cached("one").is_none(), "a new process remembers nothing");
        let by_id = w.store.link_route_of(made.id).await.unwrap().unwrap();
        for r in [route(&w, "one").await.unwrap(), w.store.link_route_cached("one").unwrap(), by_id] {
            assert_eq!((r.org, r.link, r.app, r.disabled), (w.org, made.id, app, true));
            assert_eq!((r.slug(), r.target(), r.redirect()), ("one", &*given.target, 307));
            assert_eq!((r.click_param(), r.expires_at()), (Some("pr"), given.expires_at));
            assert!(r.tags().eq(&given.tags));
        }
    }
}

pub async fn a_link_belongs_to_its_organisation_and_its_slug_to_nobody_else(f: F) {
    let w = World::new(f).await;
    let made = create(&w, "one").await;
    let other = w.store.organisation("org_2").await.unwrap();
    assert_eq!(w.store.link(other, made.id).await.unwrap_err(), NOT_FOUND);
    assert_eq!(w.store.patch_link(other, made.id, LinkPatch::default()).await.unwrap_err(), NOT_FOUND);
    assert_eq!(w.store.delete_link(other, made.id).await.unwrap_err(), NOT_FOUND);
    assert!(w.store.links(other, LinkFilter::default(), page(ALL)).await.unwrap().data.is_empty());
    let taken = StoreError::Conflict("a link with this slug already exists");
    for org in [w.org, other] {
        assert_eq!(w.store.create_link(org, fields("one")).await.unwrap_err(), taken);
    }
    let mine = w.store.create_link(other, fields("two")).await.unwrap();
    let slug = LinkPatch { slug: Some("one".into()), ..Default::default() };
    assert_eq!(w.store.patch_link(other, mine.id, slug).await.unwrap_err(), taken);
    assert_eq!(route(&w, "one").await.unwrap().link, made.id);
    create(&w, "ONE").await;
}

pub async fn an_organisation_has_one_application_for_its_links_and_forms(f: F) {
    let w = World::new(f).await;
    let made = create(&w, "one").await;
    let app = w.store.app(w.org, &Ref::Id(made.app)).await.unwrap();
    assert_eq!((&*app.name, app.uid.as_deref()), ("Links and forms", Some("links")));
    assert_eq!(w.store.own_app(w.org).await.unwrap(), made.app);
    assert_eq!(create(&w, "two").await.app, made.app);
    let other = w.store.organisation("org_2").await.unwrap();
    let (a, b) = tokio::join!(w.store.own_app(other), w.store.own_app(other));
    assert_eq!(a, b);
    assert_ne!(a.unwrap(), made.app);
    assert_eq!(w.store.apps(w.org, page(ALL)).await.unwrap().data.len(), 1, "an ordinary one");
    w.store.delete_app(w.org, &Ref::Uid("links".into())).await.unwrap();
    assert_ne!(create(&w, "three").await.app, made.app);
}

pub async fn a_link_is_only_of_an_ordinary_application_of_its_organisation(f: F) {
    let w = World::new(f).await;
    let other = w.store.organisation("org_2").await.unwrap();
    let foreign = w.store.create_app(other, AppFields::default(), false).await.unwrap().0.id;
    let gone = w.app().await;
    w.store.delete_app(w.org, &Ref::Id(gone)).await.unwrap();
    let operational = w.store.operational_app(w.org).await.unwrap();
    let source = super::sources::create(&w, "tok", |_| {}).await.app;
    let made = create(&w, "one").await;
    for app in [foreign, gone, operational, source, AppId(1)] {
        let unknown = StoreError::NotFound("application");
        let fields = LinkFields { app: Some(app), ..fields("two") };
        assert_eq!(w.store.create_link(w.org, fields).await.unwrap_err(), unknown);
        assert_eq!(patch(&w, made.id, |p| p.app = Some(app)).await.unwrap_err(), unknown);
    }
    let app = w.app().await;
    assert_eq!(patch(&w, made.id, |p| p.app = Some(app)).await.unwrap().app, app);
}

pub async fn patch_link_keeps_what_it_leaves_out_and_clears_what_it_nulls(f: F) {
    let w = World::new(f).await;
    let given = LinkFields {
        tags: vec!["a".into()],
        click_param: Some("pr".into()),
        expires_at: Some(w.later(DAY)),
        name: "Old".into(),
        ..fields("one")
    };
    let made = w.store.create_link(w.org, given).await.unwrap();
    w.clock.advance(SECOND);
    let kept = patch(&w, made.id, |_| {}).await.unwrap();
    assert_eq!((&kept.slug, &kept.target, &kept.name), (&made.slug, &made.target, &made.name));
    assert_eq!((&kept.tags, &kept.click_param, kept.expires_at), (&made.tags, &made.click_param, made.expires_at));
    assert_eq!((kept.app, kept.updated_at), (made.app, w.now()));
    let new = LinkPatch {
        app: None,
        slug: Some("two".into()),
        target: Some("https://example.com/new".into()),
        name: Some("New".into()),
        redirect: Some(308),
        tags: Some(Vec::new()),
        metadata: Some(Metadata::from([("k".into(), "v".into())])),
        click_param: Some(None),
        disabled: Some(true),
        expires_at: Some(None),
    };
    let p = w.store.patch_link(w.org, made.id, new).await.unwrap();
    assert_eq!((&*p.slug, &*p.target, &*p.name), ("two", "https://example.com/new", "New"));
    assert_eq!((p.redirect, p.disabled, p.metadata.len()), (308, true, 1));
    assert_eq!((p.tags.len(), p.click_param, p.expires_at), (0, None, None));
    create(&w, "one").await;
}

pub async fn a_redirect_sees_a_change_at_once_and_the_same_route_between(f: F) {
    let w = World::new(f).await;
    assert!(w.store.link_route_cached("one").is_none() && route(&w, "one").await.is_none());
    let made = create(&w, "one").await;
    let known = route(&w, "one").await.unwrap();
    assert!(Arc::ptr_eq(&known, &w.store.link_route_cached("one").unwrap()));
    patch(&w, made.id, |p| p.disabled = Some(true)).await.unwrap();
    assert!(w.store.link_route_cached("one").unwrap().disabled, "what was in memory stays there");
    patch(&w, made.id, |p| p.slug = Some("two".into())).await.unwrap();
    assert!(w.store.link_route_cached("one").is_none() && route(&w, "one").await.is_none());
    assert_eq!(w.store.link_route_cached("two").unwrap().link, made.id);
    let again = create(&w, "one").await;
    assert_eq!(route(&w, "one").await.unwrap().link, again.id);
    w.store.delete_link(w.org, again.id).await.unwrap();
    assert!(w.store.link_route_cached("one").is_none() && route(&w, "one").await.is_none());
    assert!(w.store.link_route_of(again.id).await.unwrap().is_none());
    let refused = patch(&w, made.id, |p| (p.slug, p.app) = (Some("three".into()), Some(AppId(1)))).await;
    assert!(refused.is_err() && w.store.link_route_cached("two").is_some());
}

pub async fn more_links_than_fit_in_memory_are_all_found(f: F) {
    let w = World::with(f, |c| c.link_cache = 4).await;
    for n in 0..12 {
        create(&w, &format!("s{n}")).await;
    }
    for n in (0..12).chain(0..12) {
        assert_eq!(route(&w, &format!("s{n}")).await.unwrap().slug(), format!("s{n}"));
    }
    let held = (0..12).filter(|n| w.store.link_route_cached(&format!("s{n}")).is_some()).count();
    assert_eq!(held, 4);
}

pub async fn links_are_in_memory_ahead_of_their_redirects_as_far_as_there_is_room(f: F) {
    let w = World::with(f, |c| c.link_cache = 2000).await;
    let slugs: Vec<String> = (0..2500).map(|n| format!("s{n}")).collect();
    let import = w.store.start_import(w.org, None, String::new()).await.unwrap();
    let rows = slugs.iter().enumerate().map(|(n, slug)| ImportRow {
        line: n as u64 + 2,
        row: Ok(fields(slug)),
        random_from: None,
    });
    w.store.import_links(w.org, import.id, rows.collect()).await.unwrap();
    let (mut at, mut steps) = (LinkId(0), 0);
    while let Some(next) = w.store.warm_links(at).await.unwrap() {
        (at, steps) = (next, steps + 1);
    }
    let known = slugs.iter().filter(|slug| w.store.link_route_cached(slug).is_some()).count();
    assert_eq!((known, steps), (2000, 8));
    w.store.close().await;
}

pub async fn links_are_walked_both_ways_and_filtered(f: F) {
    let w = World::new(f).await;
    let (mut links, mut tagged) = (Vec::new(), Vec::new());
    for n in 0..40 {
        let tags = if n % 3 == 0 { vec!["x".into(), "y".into()] } else { vec!["xy".into()] };
        let made = w.store.create_link(w.org, LinkFields { tags, ..fields(&format!("s{n}")) }).await.unwrap();
        match n {
            _ if n % 5 == 0 => w.store.delete_link(w.org, made.id).await.unwrap(),
            _ => {
                links.push(made.id);
                tagged.extend((n % 3 == 0).then_some(made.id));
            }
        }
    }
    let list = async |q| w.store.links(w.org, LinkFilter::default(), q).await.unwrap();
    assert_eq!(walk(Order::Ascending, list, |l| l.id).await, links);
    let by_tag = async |q| {
        let filter = LinkFilter { tag: Some("y".into()), ..Default::default() };
        w.store.links(w.org, filter, q).await.unwrap()
    };
    assert_eq!(walk(Order::Ascending, by_tag, |l| l.id).await, tagged);
    let slug = |slug: &str| LinkFilter { slug: Some(slug.into()), ..Default::default() };
    assert_eq!(all(&w, slug("s1")).await, links[..1]);
    assert_eq!(all(&w, slug("s0")).await, []);
    assert_eq!(all(&w, LinkFilter { tag: Some("y".into()), ..slug("s1") }).await, []);
    tagged.reverse();
    assert_eq!(walk(Order::Descending, by_tag, |l| l.id).await, tagged);
}

pub async fn a_rare_tag_is_found_in_bounded_steps(f: F) {
    let w = World::new(f).await;
    let rare = LinkFields { tags: vec!["rare".into()], ..fields("rare") };
    let import = w.store.start_import(w.org, None, String::new()).await.unwrap();
    for chunk in 0..2 {
        let rows = (1..=4000).map(|n| ImportRow {
            line: chunk * 4000 + n,
            row: Ok(fields(&format!("s{chunk}-{n}"))),
            random_from: None,
        });
        w.store.import_links(w.org, import.id, rows.collect()).await.unwrap();
    }
    let rare = w.store.create_link(w.org, rare).await.unwrap();
    let filter = LinkFilter { tag: Some("rare".into()), ..Default::default() };
    let first = w.store.links(w.org, filter.clone(), page(ALL)).await.unwrap();
    assert!(first.data.is_empty() && !first.done);
    let next = PageQuery { cursor: first.last.map(Cursor::After), ..page(ALL) };
    let second = w.store.links(w.org, filter, next).await.unwrap();
    assert!(second.done && second.data.iter().map(|l| l.id).eq([rare.id]));
}

pub async fn links_go_with_their_application(f: F) {
    let mut w = World::new(f).await;
    let app = w.app().await;
    let made = w.store.create_link(w.org, LinkFields { app: Some(app), ..fields("one") }).await.unwrap();
    let stays = create(&w, "two").await;
    assert!(route(&w, "one").await.is_some() && route(&w, "two").await.is_some());
    w.store.delete_app(w.org, &Ref::Id(app)).await.unwrap();
    for swept in [false, true] {
        if swept {
            w.sweep().await;
            w.restart().await;
        }
        assert!(w.store.link_route_cached("one").is_none() && route(&w, "one").await.is_none());
        assert!(w.store.link_route_of(made.id).await.unwrap().is_none());
        assert_eq!(w.store.link(w.org, made.id).await.unwrap_err(), NOT_FOUND);
        assert_eq!(patch(&w, made.id, |_| {}).await.unwrap_err(), NOT_FOUND);
        assert_eq!(all(&w, LinkFilter::default()).await, [stays.id]);
        assert!(route(&w, "two").await.is_some());
    }
    assert!(create(&w, "one").await.id > made.id, "the slug is free once the row is gone");
}

pub async fn numbers_of_links_grow_over_a_restart_although_the_clock_was_set_back(f: F) {
    let mut w = World::new(f).await;
    let first = create(&w, "one").await;
    w.store.delete_link(w.org, first.id).await.unwrap();
    w.clock.set(w.now().minus(DAY));
    w.restart().await;
    let second = create(&w, "two").await;
    w.restart().await;
    let import = w.store.start_import(w.org, None, String::new()).await.unwrap();
    assert!(second.id > first.id && import.id.0 > second.id.0);
}
