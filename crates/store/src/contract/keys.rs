//! API keys, profiles, and the audit log.

use super::Fixture;
use super::lists::walk;
use super::world::{ALL, DAY, SECOND, World, page};
use crate::*;
use domain::{AuditId, KeyId, Timestamp};
use std::time::Duration;

type F = Box<dyn Fixture>;

const GONE: StoreError = StoreError::NotFound("API key");
const LEEWAY: Duration = Duration::from_secs(60);

pub async fn key(w: &World, n: u8, expires_at: Option<Timestamp>) -> KeyId {
    let id = w.store.new_key_id().await.unwrap();
    let new = NewApiKey {
        id,
        name: format!("key {n}"),
        scopes: vec![Scope::Read, Scope::MessagesSend],
        created_by: "person:ana@example.com".into(),
        hash: [n; 32],
        expires_at,
    };
    w.store.create_api_key(w.org, new).await.unwrap().id
}

pub async fn a_key_is_kept_as_it_was_made(f: F) {
    let mut w = World::new(f).await;
    let ends = w.later(DAY);
    let id = key(&w, 1, Some(ends)).await;
    w.restart().await;
    let key = w.store.api_key(w.org, id).await.unwrap();
    assert_eq!((&*key.name, &*key.created_by, key.hash), ("key 1", "person:ana@example.com", [1; 32]));
    assert_eq!(key.scopes, [Scope::Read, Scope::MessagesSend]);
    assert_eq!((key.expires_at, key.last_used_at, key.revoked_at), (Some(ends), None, None));
    let other = w.store.organisation("org_2").await.unwrap();
    assert_eq!(w.store.api_key(other, id).await.unwrap_err(), GONE);
    assert_eq!(w.store.revoke_api_key(other, id, LEEWAY).await.unwrap_err(), GONE);
    assert!(w.store.api_keys(other, page(ALL)).await.unwrap().data.is_empty());
}

pub async fn a_revoked_key_is_refused_at_once_and_for_ever(f: F) {
    let mut w = World::new(f).await;
    let (gone, stays) = (key(&w, 1, None).await, key(&w, 2, None).await);
    let revoked = w.store.revoke_api_key(w.org, gone, LEEWAY).await.unwrap();
    assert_eq!(revoked.revoked_at, Some(w.now()));
    for restarted in [false, true] {
        if restarted {
            w.restart().await;
        }
        assert!(w.store.is_revoked(&[1; 32]) && !w.store.is_revoked(&[2; 32]));
    }
    w.advance(SECOND).await;
    assert_eq!(w.store.revoke_api_key(w.org, gone, LEEWAY).await.unwrap(), revoked, "once more does nothing");
    assert_eq!(w.store.api_key(w.org, stays).await.unwrap().revoked_at, None);
}

pub async fn the_last_use_of_a_key_is_written_once_a_minute(f: F) {
    let w = World::new(f).await;
    let id = key(&w, 1, None).await;
    let used = async || w.store.api_key(w.org, id).await.unwrap().last_used_at;
    let (first, uses) = (w.now(), w.store.key_use(id));
    w.store.note_key_use(id, &uses);
    w.calm().await;
    assert_eq!(used().await, Some(first));
    w.advance(59 * SECOND).await;
    w.store.note_key_use(id, &w.store.key_use(id));
    w.calm().await;
    assert_eq!(used().await, Some(first));
    w.advance(SECOND).await;
    w.store.note_key_use(id, &uses);
    w.calm().await;
    assert_eq!(used().await, Some(w.now()));
}

pub async fn keys_are_walked_both_ways(f: F) {
    let w = World::new(f).await;
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(key(&w, n, None).await);
    }
    let list = async |q| w.store.api_keys(w.org, q).await.unwrap();
    assert_eq!(walk(Order::Ascending, list, |k| k.id).await, ids);
    ids.reverse();
    assert_eq!(walk(Order::Descending, list, |k| k.id).await, ids);
}

pub async fn a_profile_is_its_organisations_and_survives(f: F) {
    let mut w = World::new(f).await;
    let other = w.store.organisation("org_2").await.unwrap();
    let profile = Profile {
        name: "Acme".into(),
        public_url: Some("https://hooks.example.com".into()),
        brand: Brand { accent: Some("#2457d6".into()), dark: Some(true), ..Default::default() },
        portal_origins: vec!["https://app.example.com".into()],
        ..Default::default()
    };
    assert_eq!(*w.store.profile(w.org), Profile::default());
    w.store.set_profile(w.org, profile.clone()).await.unwrap();
    for restarted in [false, true] {
        if restarted {
            w.restart().await;
        }
        assert_eq!(*w.store.profile(w.org), profile);
        assert_eq!(*w.store.profile(other), Profile::default());
    }
    let bad = Profile { public_url: Some("hooks".into()), ..Default::default() };
    assert!(matches!(w.store.set_profile(w.org, bad).await, Err(StoreError::Conflict(_))));
    assert_eq!(*w.store.profile(w.org), profile);
    w.store.set_profile(w.org, Profile::default()).await.unwrap();
    assert_eq!(*w.store.profile(w.org), Profile::default());
}

async fn note(w: &World, actor: &str, action: &str, object: &str) -> AuditId {
    let new = NewAuditEntry {
        org: w.org,
        actor: actor.into(),
        action: action.into(),
        object: object.into(),
        detail: Some("why".into()),
        address: Some("192.0.2.1".into()),
    };
    w.store.audit(new).await.unwrap()
}

pub async fn the_audit_log_is_filtered_by_each_of_its_columns(f: F) {
    let mut w = World::new(f).await;
    let from = w.now();
    note(&w, "person:ana@example.com", "endpoint.update", "ep_1").await;
    w.advance(SECOND).await;
    note(&w, "key:ci", "endpoint.delete", "ep_1").await;
    w.advance(SECOND).await;
    let last = note(&w, "person:bob@example.com", "link.create", "link_1").await;
    w.restart().await;
    let other = w.store.organisation("org_2").await.unwrap();
    assert!(w.store.audit_entries(other, page(ALL), AuditFilter::default()).await.unwrap().data.is_empty());
    let check = async |filter: AuditFilter, want: &[&str]| {
        let found = w.store.audit_entries(w.org, page(ALL), filter).await.unwrap();
        assert_eq!(found.data.iter().map(|e| &*e.action).collect::<Vec<_>>(), want);
    };
    let (all, none) = (AuditFilter::default, |text: &str| Some(text.to_owned()));
    check(all(), &["endpoint.update", "endpoint.delete", "link.create"]).await;
    check(AuditFilter { actor: none("key:ci"), ..all() }, &["endpoint.delete"]).await;
    check(AuditFilter { actor: none("person:*"), ..all() }, &["endpoint.update", "link.create"]).await;
    check(AuditFilter { action: none("endpoint.*"), ..all() }, &["endpoint.update", "endpoint.delete"]).await;
    check(AuditFilter { action: none("endpoint"), ..all() }, &[]).await;
    check(AuditFilter { object: none("link_1"), ..all() }, &["link.create"]).await;
    check(AuditFilter { after: Some(from), ..all() }, &["endpoint.delete", "link.create"]).await;
    check(AuditFilter { before: Some(from.plus(2 * SECOND)), ..all() }, &["endpoint.update", "endpoint.delete"]).await;
    let entry = w.store.audit_entries(w.org, page(ALL), AuditFilter { object: none("link_1"), ..all() }).await.unwrap();
    let entry = &entry.data[0];
    assert_eq!((entry.id, entry.at()), (last, w.now()));
    assert_eq!((entry.detail.as_deref(), entry.address.as_deref()), (Some("why"), Some("192.0.2.1")));
}

pub async fn the_audit_log_is_walked_both_ways(f: F) {
    let w = World::new(f).await;
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(note(&w, "token", "app.create", &n.to_string()).await);
    }
    let list = async |q| w.store.audit_entries(w.org, q, AuditFilter::default()).await.unwrap();
    assert_eq!(walk(Order::Ascending, list, |e| e.id).await, ids);
    ids.reverse();
    assert_eq!(walk(Order::Descending, list, |e| e.id).await, ids);
}

pub async fn old_entries_of_the_audit_log_expire(f: F) {
    let w = World::new(f).await;
    note(&w, "token", "app.create", "old").await;
    w.advance(300 * DAY).await;
    note(&w, "token", "app.create", "new").await;
    let objects = async || {
        let found = w.store.audit_entries(w.org, page(ALL), AuditFilter::default()).await.unwrap();
        found.data.into_iter().map(|e| e.object).collect::<Vec<_>>()
    };
    w.sweep().await;
    assert_eq!(objects().await, ["old", "new"]);
    w.advance(100 * DAY).await;
    w.sweep().await;
    assert_eq!(objects().await, ["new"]);
}
