//! Event types.

use super::Fixture;
use super::world::{ALL, SECOND, World, page};
use crate::*;

type F = Box<dyn Fixture>;

fn described(text: &str) -> EventTypeFields {
    EventTypeFields { description: text.into(), ..Default::default() }
}
async fn names(w: &World, archived: bool) -> Vec<String> {
    let all = w.store.event_types(w.org, page(ALL), archived).await.unwrap();
    all.data.into_iter().map(|e| e.name).collect()
}

pub async fn an_event_type_keeps_what_it_was_given(f: F) {
    let w = World::new(f).await;
    let fields = EventTypeFields {
        deprecated: true,
        schemas: Some("{\"1\":{}}".into()),
        feature_flags: vec!["beta".into()],
        group_name: Some("users".into()),
        ..described("A user")
    };
    w.store.create_event_type(w.org, "user.created", fields).await.unwrap();
    let found = w.store.event_type(w.org, "user.created").await.unwrap();
    assert_eq!((&*found.description, found.deprecated, found.archived), ("A user", true, false));
    assert_eq!((found.schemas.as_deref(), &*found.feature_flags), (Some("{\"1\":{}}"), &["beta".to_owned()][..]));
    assert_eq!((found.group_name.as_deref(), found.created_at), (Some("users"), w.now()));
    let other = w.store.organisation("org_2").await.unwrap();
    assert_eq!(w.store.event_type(other, "user.created").await.unwrap_err(), StoreError::NotFound("event type"));
}

pub async fn a_taken_name_is_a_conflict_and_an_archived_one_is_revived(f: F) {
    let w = World::new(f).await;
    w.store.create_event_type(w.org, "a", described("one")).await.unwrap();
    let taken = w.store.create_event_type(w.org, "a", described("two")).await.unwrap_err();
    assert_eq!(taken, StoreError::Conflict("an event type with this name already exists"));
    w.store.delete_event_type(w.org, "a", false).await.unwrap();
    assert!(w.store.event_type(w.org, "a").await.unwrap().archived);
    assert!(names(&w, false).await.is_empty());
    assert_eq!(names(&w, true).await, ["a"]);
    let began = w.now();
    w.clock.advance(SECOND);
    let revived = w.store.create_event_type(w.org, "a", described("two")).await.unwrap();
    assert_eq!((&*revived.description, revived.archived, revived.created_at), ("two", false, began));
    w.store.delete_event_type(w.org, "a", true).await.unwrap();
    let missing = StoreError::NotFound("event type");
    assert_eq!(w.store.event_type(w.org, "a").await.unwrap_err(), missing);
    assert_eq!(w.store.delete_event_type(w.org, "a", true).await.unwrap_err(), missing);
}

pub async fn put_replaces_and_patch_keeps_what_it_leaves_out(f: F) {
    let w = World::new(f).await;
    let fields = EventTypeFields { group_name: Some("g".into()), ..described("one") };
    assert!(w.store.put_event_type(w.org, "a", fields).await.unwrap().1);
    let patch = EventTypePatch { deprecated: Some(true), ..Default::default() };
    let patched = w.store.patch_event_type(w.org, "a", patch).await.unwrap();
    assert_eq!((&*patched.description, patched.deprecated, patched.group_name.as_deref()), ("one", true, Some("g")));
    let patch = EventTypePatch { group_name: Some(None), ..Default::default() };
    assert_eq!(w.store.patch_event_type(w.org, "a", patch).await.unwrap().group_name, None);
    let (put, new) = w.store.put_event_type(w.org, "a", described("two")).await.unwrap();
    assert_eq!((&*put.description, put.deprecated, new), ("two", false, false));
}

pub async fn the_first_unknown_name_is_told(f: F) {
    let w = World::new(f).await;
    w.store.create_event_type(w.org, "a", described("")).await.unwrap();
    let ask = async |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        w.store.missing_event_type(w.org, &names).await.unwrap()
    };
    assert_eq!(ask(&[]).await, None);
    assert_eq!(ask(&["a"]).await, None);
    assert_eq!(ask(&["a", "b", "c"]).await.as_deref(), Some("b"));
}
