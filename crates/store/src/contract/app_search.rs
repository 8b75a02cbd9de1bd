//! Applications searched and sorted, and who takes an event type.

use super::Fixture;
use super::world::{ALL, DAY, HOUR, SECOND, World, page};
use crate::*;
use domain::{AppId, EndpointId};
use std::collections::BTreeMap;
use std::time::Duration;

type F = Box<dyn Fixture>;

const MINUTE: Duration = Duration::from_secs(60);

async fn app(w: &World, name: &str, uid: Option<&str>, metadata: &[(&str, &str)]) -> AppId {
    let metadata = metadata.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let fields = AppFields { name: name.into(), uid: uid.map(Into::into), metadata, throttle_rate: None };
    w.store.create_app(w.org, fields, false).await.unwrap().0.id
}
/// Names of a whole list, read in pages of `limit`; each page but the last is full.
async fn names(w: &World, search: &AppSearch, limit: u32) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let found = w.store.search_apps(w.org, AppSearch { after, limit, ..search.clone() }).await.unwrap();
        assert_eq!(found.looked_at, None);
        assert!(found.next.is_none() || found.data.len() == limit as usize, "{found:?}");
        all.extend(found.data.iter().map(|one| one.app.name.clone()));
        after = found.next;
        if after.is_none() {
            return all;
        }
    }
}
/// The same, whatever the size of the pages.
async fn listed(w: &World, search: AppSearch) -> Vec<String> {
    let whole = names(w, &search, ALL).await;
    for limit in [1, 2, 3] {
        assert_eq!(names(w, &search, limit).await, whole, "{search:?} in pages of {limit}");
    }
    whole
}
fn text(text: &str) -> AppSearch {
    AppSearch { text: text.into(), ..AppSearch::default() }
}
fn sorted(sort: AppSort) -> AppSearch {
    AppSearch { sort, ..AppSearch::default() }
}
/// Fails a message of the application.
async fn fail(w: &mut World, app: AppId) {
    w.send(app).await;
    w.kill_all().await;
    w.advance(SECOND).await;
}

pub async fn an_application_is_found_by_what_is_written_of_it(f: F) {
    let w = World::new(f).await;
    app(&w, "Acme Größe", Some("customer-1"), &[("plan", "Gold \"x\"")]).await;
    app(&w, "Beta", Some("acme"), &[]).await;
    app(&w, "Gamma", None, &[("region", "EU")]).await;
    for (asked, want) in [
        ("", vec!["Gamma", "Beta", "Acme Größe"]),
        ("GRÖSSE", vec![]),
        ("größe", vec!["Acme Größe"]),
        ("GRÖ", vec!["Acme Größe"]),
        ("omer-1", vec!["Acme Größe"]),
        ("gold", vec!["Acme Größe"]),
        ("d \"X", vec!["Acme Größe"]),
        ("plan", vec!["Acme Größe"]),
        ("\":\"", vec![]),
        (" eu ", vec!["Gamma"]),
        ("nobody", vec![]),
    ] {
        assert_eq!(listed(&w, text(asked)).await, want, "{asked}");
    }
    // Whose uid it is comes first.
    let named =
        w.store.search_apps(w.org, AppSearch { limit: ALL, sort: AppSort::Name, ..text("acme") }).await.unwrap();
    assert_eq!(named.data.iter().map(|one| &*one.app.name).collect::<Vec<_>>(), ["Beta", "Acme Größe"]);
    let only = AppSearch { only: Some(named.data[1].app.id), limit: 1, ..text("nothing") };
    assert_eq!(w.store.search_apps(w.org, only).await.unwrap().data[0].app.name, "Acme Größe");
    let other = w.store.organisation("org_2").await.unwrap();
    let none = w.store.search_apps(other, AppSearch { limit: ALL, ..AppSearch::default() }).await.unwrap();
    assert!(none.data.is_empty() && none.next.is_none());
}

pub async fn applications_are_sorted_by_name_and_by_their_last_message(f: F) {
    let mut w = World::new(f).await;
    let mut ids = BTreeMap::new();
    for name in ["beta", "Alpha", "gamma", "Alpha", "Delta"] {
        ids.insert(name, app(&w, name, None, &[]).await);
    }
    let gone = app(&w, "Zeta", None, &[]).await;
    w.send(gone).await;
    w.store.delete_app(w.org, &Ref::Id(gone)).await.unwrap();
    assert_eq!(listed(&w, sorted(AppSort::Name)).await, ["Alpha", "Alpha", "beta", "Delta", "gamma"]);
    assert_eq!(listed(&w, sorted(AppSort::Created)).await, ["Delta", "Alpha", "gamma", "Alpha", "beta"]);
    for name in ["gamma", "beta", "Delta"] {
        w.send(ids[name]).await;
        w.advance(2 * MINUTE).await;
    }
    w.send(ids["beta"]).await;
    w.advance(HOUR).await;
    let want = ["beta", "Delta", "gamma", "Alpha", "Alpha"];
    assert_eq!(listed(&w, sorted(AppSort::LastMessage)).await, want);
    w.restart().await;
    assert_eq!(listed(&w, sorted(AppSort::LastMessage)).await, want);
    let first = w.store.search_apps(w.org, AppSearch { limit: 1, ..sorted(AppSort::LastMessage) }).await.unwrap();
    assert_eq!(first.data[0].last_message_at, Some(w.now().minus(HOUR)));
}

pub async fn failing_applications_are_found_and_lead_the_list(f: F) {
    let mut w = World::new(f).await;
    let mut ids = BTreeMap::new();
    for name in ["a", "b", "c", "d", "e"] {
        let id = app(&w, name, None, &[]).await;
        w.endpoint(id).await;
        ids.insert(name, id);
    }
    for name in ["d", "b", "c"] {
        fail(&mut w, ids[name]).await;
        w.advance(MINUTE).await;
    }
    // Works again.
    w.send(ids["d"]).await;
    w.deliver_all().await;
    w.advance(SECOND).await;
    let failing = AppSearch { failing: true, ..AppSearch::default() };
    assert_eq!(listed(&w, failing.clone()).await, ["c", "b"]);
    assert_eq!(listed(&w, AppSearch { sort: AppSort::Failing, ..failing.clone() }).await, ["b", "c"]);
    assert_eq!(listed(&w, AppSearch { sort: AppSort::Name, ..failing.clone() }).await, ["b", "c"]);
    assert_eq!(listed(&w, AppSearch { sort: AppSort::LastMessage, ..failing.clone() }).await, ["c", "b"]);
    assert_eq!(listed(&w, AppSearch { text: "B".into(), ..failing.clone() }).await, ["b"]);
    assert_eq!(listed(&w, sorted(AppSort::Failing)).await, ["b", "c", "e", "d", "a"]);
    let found = w.store.search_apps(w.org, AppSearch { limit: 1, ..sorted(AppSort::Failing) }).await.unwrap();
    let one = &found.data[0];
    assert_eq!((one.endpoints, one.failing, one.failing_since.is_some()), (1, 1, true));
    // Muting an issue hides no failing endpoint.
    let issue =
        w.store.issues(w.org, page(1), IssueFilter { app: Some(ids["b"]), ..Default::default() }).await.unwrap();
    w.store.set_issue_state(w.org, issue.data[0].id, IssueState::Muted).await.unwrap();
    assert_eq!(listed(&w, failing).await, ["c", "b"]);
}

/// Ids of who takes it, in pages of two, as they were made.
async fn takers(w: &World, event_type: &str) -> Vec<EndpointId> {
    let (mut all, mut query) = (Vec::new(), page(2));
    loop {
        let found = w.store.subscribers(w.org, event_type, query.clone()).await.unwrap();
        all.extend(found.data.iter().map(|s| s.endpoint.id));
        match found.last {
            Some(last) if !found.done => query.cursor = Some(Cursor::After(last)),
            _ => break,
        }
    }
    let count = w.store.count_subscribers(w.org, vec![event_type.into()]).await.unwrap()[0];
    assert_eq!(count, Subscribers { count: all.len() as u64, or_more: false });
    if let Some(last) = all.last() {
        let back = PageQuery { cursor: Some(Cursor::Before(*last)), ..page(ALL) };
        let back = w.store.subscribers(w.org, event_type, back).await.unwrap();
        assert_eq!(back.data.iter().map(|s| s.endpoint.id).collect::<Vec<_>>(), all[..all.len() - 1]);
    }
    all
}

pub async fn an_event_type_knows_the_endpoints_that_take_it(f: F) {
    let w = World::new(f).await;
    let (one, other) = (w.app().await, w.app().await);
    let types = |names: &[&str]| Some(names.iter().map(|n| n.to_string()).collect::<Vec<_>>());
    let every = w.endpoint(one).await;
    let a = w.endpoint_with(one, |e| e.event_types = types(&["a", "b"])).await;
    let b = w.endpoint_with(other, |e| e.event_types = types(&["b"])).await;
    assert_eq!(takers(&w, "a").await, [every, a]);
    assert_eq!(takers(&w, "b").await, [every, a, b]);
    assert_eq!(takers(&w, "c").await, [every]);
    let found = w.store.subscribers(w.org, "b", page(ALL)).await.unwrap().data;
    assert_eq!(found.iter().map(|s| s.takes_all).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!((&*found[2].app_name, found[2].endpoint.app), ("An application", other));
    let patch = EndpointPatch { event_types: Some(types(&["c"])), ..Default::default() };
    w.store.patch_endpoint(one, &Ref::Id(a), patch).await.unwrap();
    let patch = EndpointPatch { event_types: Some(None), ..Default::default() };
    w.store.patch_endpoint(other, &Ref::Id(b), patch).await.unwrap();
    assert_eq!(takers(&w, "a").await, [every, b]);
    assert_eq!(takers(&w, "c").await, [every, a, b]);
    w.store.delete_endpoint(one, &Ref::Id(every)).await.unwrap();
    assert_eq!(takers(&w, "c").await, [a, b]);
    w.store.delete_app(w.org, &Ref::Id(other)).await.unwrap();
    assert_eq!(takers(&w, "c").await, [a]);
    let operational = w.store.operational_app(w.org).await.unwrap();
    w.endpoint(operational).await;
    assert_eq!(takers(&w, "c").await, [a], "what tells the organisation is nobody's endpoint");
    let theirs = w.store.organisation("org_2").await.unwrap();
    assert_eq!(w.store.count_subscribers(theirs, vec!["c".into()]).await.unwrap()[0].count, 0);
}

pub async fn sources_are_counted_by_the_hour_and_by_what_became_of_requests(f: F) {
    let mut w = World::new(f).await;
    let (source, idle) = (w.source(|_| {}).await, w.source(|_| {}).await);
    let refused = || async { NewRequest { verdict: Verdict::Refused("no".into()), ..w.inbound(&source, 9).await } };
    w.store_request(w.inbound(&source, 1).await).await;
    w.store.receive(w.inbound(&source, 1).await).await.unwrap();
    w.store_request(refused().await).await;
    let first = w.now();
    let figures = async |w: &World, since| {
        let all = w.store.source_figures(vec![idle.source, source.source], since).await.unwrap();
        let [none, some] = <[SourceFigures; 2]>::try_from(all).unwrap();
        assert_eq!((none.total.received, none.last_at, none.held), (0, None, 0));
        some
    };
    let counts = |f: &SourceHour| (f.received, f.verified(), f.refused, f.duplicates);
    for _ in 0..3 {
        let now = figures(&w, first).await;
        assert_eq!((counts(&now.total), now.last_at, now.hours.len()), ((3, 2, 1, 1), Some(first), 1));
        w.advance(SECOND).await;
    }
    w.advance(HOUR).await;
    let held = NewRequest { verdict: Verdict::Held, ..w.inbound(&source, 2).await };
    w.store_request(held).await;
    let later = w.now();
    w.restart().await;
    let now = figures(&w, first).await;
    assert_eq!(now.hours.iter().map(counts).collect::<Vec<_>>(), [(3, 2, 1, 1), (1, 1, 0, 0)]);
    assert_eq!((counts(&now.total), now.last_at, now.held), ((4, 3, 1, 1), Some(later), 1));
    // Beyond the time asked for, the newest that is kept says when it was.
    w.advance(2 * DAY).await;
    let now = figures(&w, w.now()).await;
    assert_eq!((now.total.received, now.last_at), (0, Some(later)));
    w.advance(200 * DAY).await;
    w.sweep().await;
    assert_eq!(figures(&w, later).await.total.received, 0, "figures expire");
}
