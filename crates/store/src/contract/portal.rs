//! Tokens of an application that end together, and inboxes of its customers.

use super::Fixture;
use super::world::{DAY, HOUR, SECOND, World};
use crate::*;
use domain::Timestamp;

type F = Box<dyn Fixture>;

/// Since when tokens of each session, issued up to when, are refused.
fn floors(w: &World, app: domain::AppId) -> Vec<(Option<String>, Timestamp, Timestamp)> {
    w.store.token_floors(app).iter().map(|f| (f.session.clone(), f.issued_by, f.since)).collect()
}

pub async fn tokens_of_an_application_end_together_and_stay_so(f: F) {
    let mut w = World::new(f).await;
    let (app, other) = (w.app().await, w.app().await);
    let start = w.now();
    w.store.expire_tokens(app, vec![], w.later(HOUR)).await.unwrap();
    let (later, all) = (w.later(HOUR), None);
    assert_eq!(floors(&w, app), [(all.clone(), start, later)]);
    assert_eq!(floors(&w, other), []);
    w.advance(SECOND).await;
    let at_once = w.now();
    w.store.expire_tokens(app, vec![], at_once).await.unwrap();
    assert_eq!(floors(&w, app), [(all.clone(), at_once, at_once)], "what counts at once covers what would have");
    w.advance(SECOND).await;
    w.store.expire_tokens(app, vec![], w.later(HOUR)).await.unwrap();
    let pending = (all.clone(), w.now(), w.later(HOUR));
    assert_eq!(floors(&w, app), [(all.clone(), at_once, at_once), pending.clone()], "until then the old one counts");
    w.store.expire_tokens(app, vec!["ana".into()], w.now()).await.unwrap();
    let ana = (Some("ana".to_owned()), w.now(), w.now());
    w.restart().await;
    assert_eq!(floors(&w, app), [(all, at_once, at_once), pending, ana]);
    w.store.delete_app(w.org, &Ref::Id(app)).await.unwrap();
    w.restart().await;
    assert_eq!(floors(&w, app), []);
}

pub async fn customers_have_three_inboxes_which_are_bins_that_expire(f: F) {
    let w = World::new(f).await;
    let (app, other) = (w.app().await, w.app().await);
    let create = async |token: &str| {
        let fields = SourceFields { is_bin: true, expires_at: Some(w.later(DAY)), ..Default::default() };
        w.store.create_inbox((w.org, app), fields, token.into(), Box::new(|_| vec![])).await
    };
    let first = create("inbox_one_12345678").await.unwrap();
    w.advance(HOUR).await;
    create("inbox_two_12345678").await.unwrap();
    create("inbox_three_123456").await.unwrap();
    let full = StoreError::Conflict("there are three test inboxes already: delete one first");
    assert_eq!(create("inbox_four_1234567").await.unwrap_err(), full);
    assert_eq!(w.store.inboxes(app).await.unwrap().len(), 3);
    assert_eq!(w.store.inboxes(other).await.unwrap().len(), 0);
    assert_eq!(w.store.inbox(app, first.id).await.unwrap().token, "inbox_one_12345678");
    assert_eq!(w.store.inbox(other, first.id).await.unwrap_err(), StoreError::NotFound("test inbox"));
    w.advance(DAY - HOUR).await;
    assert_eq!(w.store.inbox(app, first.id).await.unwrap_err(), StoreError::NotFound("test inbox"));
    create("inbox_four_1234567").await.unwrap();
}

pub async fn looking_for_an_organisation_makes_none(f: F) {
    let w = World::new(f).await;
    assert_eq!(w.store.find_organisation("org_unseen").await.unwrap(), None);
    assert_eq!(w.store.find_organisation("org_unseen").await.unwrap(), None);
    let made = w.store.organisation("org_unseen").await.unwrap();
    assert_eq!(w.store.find_organisation("org_unseen").await.unwrap(), Some(made));
}
