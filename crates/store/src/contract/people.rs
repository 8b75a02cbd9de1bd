//! People, their sessions, and tickets.

use super::Fixture;
use super::lists::walk;
use super::world::{DAY, HOUR, SECOND, World, page};
use crate::*;
use domain::{OrgId, PersonId, SessionId};

type F = Box<dyn Fixture>;

const TAKEN: StoreError = StoreError::Conflict("somebody has this e-mail address already");
const LAST: StoreError = StoreError::Conflict("an organisation keeps at least one owner");
const GONE: StoreError = StoreError::NotFound("person");

pub fn new_person(email: &str, role: Role) -> NewPerson {
    NewPerson { email: email.into(), name: "Ana".into(), role, password: Some(PasswordHash("phc".into())) }
}
async fn person(w: &World, org: OrgId, email: &str, role: Role) -> PersonId {
    w.store.create_person(org, new_person(email, role)).await.unwrap().id
}
pub fn new_session(token: u8) -> NewSession {
    NewSession { hash: [token; 32], address: Some("192.0.2.1".into()), agent: Some("Firefox".into()) }
}
async fn is_open(w: &World, token: u8) -> bool {
    w.store.session([token; 32]).await.unwrap().is_some()
}
fn role(role: Role) -> PersonPatch {
    PersonPatch { role: Some(role), ..Default::default() }
}

pub async fn an_address_is_one_persons_whatever_its_case(f: F) {
    let mut w = World::new(f).await;
    let other = w.store.organisation("org_2").await.unwrap();
    assert!(!w.store.has_people().await.unwrap());
    let ana = w.store.create_person(w.org, new_person(" Ana@Example.com", Role::Owner)).await.unwrap();
    assert_eq!((&*ana.email, &*ana.name, ana.role, ana.has_password), ("Ana@Example.com", "Ana", Role::Owner, true));
    assert_eq!((ana.shortcuts, ana.last_seen_at), (true, None));
    let again = w.store.create_person(other, new_person("ANA@example.COM ", Role::Owner)).await;
    assert_eq!(again.unwrap_err(), TAKEN);
    w.restart().await;
    assert!(w.store.has_people().await.unwrap());
    let (found, password) = w.store.person_by_email("ana@EXAMPLE.com").await.unwrap().unwrap();
    assert_eq!((found, password.map(|p| p.0)), (ana.clone(), Some("phc".into())));
    assert!(w.store.person_by_email("bob@example.com").await.unwrap().is_none());
    assert_eq!(w.store.person(other, ana.id).await.unwrap_err(), GONE);
    let bob = person(&w, other, "bob@example.com", Role::Owner).await;
    let taken = PersonPatch { email: Some("ana@example.com".into()), ..Default::default() };
    assert_eq!(w.store.patch_person(other, bob, taken).await.unwrap_err(), TAKEN);
    assert_eq!(w.store.organisation_text(other).await.unwrap(), "org_2");
}

pub async fn a_change_keeps_what_it_leaves_out(f: F) {
    let w = World::new(f).await;
    let ana = person(&w, w.org, "ana@example.com", Role::Owner).await;
    let patch = PersonPatch { name: Some("Ana B".into()), shortcuts: Some(false), ..Default::default() };
    w.store.patch_person(w.org, ana, patch).await.unwrap();
    let patch = PersonPatch { email: Some("Ana@example.com".into()), ..Default::default() };
    let now = w.store.patch_person(w.org, ana, patch).await.unwrap();
    assert_eq!((&*now.name, now.shortcuts, now.role), ("Ana B", false, Role::Owner));
    assert_eq!((&*now.email, now.has_password), ("Ana@example.com", true));
    let other = w.store.organisation("org_2").await.unwrap();
    assert_eq!(w.store.patch_person(other, ana, PersonPatch::default()).await.unwrap_err(), GONE);
}

pub async fn the_last_owner_stays_one(f: F) {
    let w = World::new(f).await;
    let other = w.store.organisation("org_2").await.unwrap();
    let ana = person(&w, w.org, "ana@example.com", Role::Owner).await;
    person(&w, w.org, "dev@example.com", Role::Developer).await;
    person(&w, other, "owner@other.example", Role::Owner).await;
    for less in [Role::Developer, Role::Support] {
        assert_eq!(w.store.patch_person(w.org, ana, role(less)).await.unwrap_err(), LAST);
    }
    assert_eq!(w.store.delete_person(w.org, ana).await.unwrap_err(), LAST);
    assert_eq!(w.store.delete_person(other, ana).await.unwrap_err(), GONE);
    let bob = person(&w, w.org, "bob@example.com", Role::Owner).await;
    w.store.patch_person(w.org, ana, role(Role::Support)).await.unwrap();
    assert_eq!(w.store.delete_person(w.org, bob).await.unwrap_err(), LAST);
    w.store.delete_person(w.org, ana).await.unwrap();
    assert_eq!(w.store.person(w.org, ana).await.unwrap_err(), GONE);
}

pub async fn of_two_first_owners_at_once_one_is_made(f: F) {
    let w = World::new(f).await;
    person(&w, w.org, "dev@example.com", Role::Developer).await;
    let first = |email: &str| w.store.create_first_owner(w.org, new_person(email, Role::Owner));
    let (a, b) = tokio::join!(first("a@example.com"), first("b@example.com"));
    assert!(a.is_ok() != b.is_ok());
    let refused = a.err().or(b.err()).unwrap();
    assert_eq!(refused, StoreError::Conflict("the organisation has an owner already"));
}

pub async fn a_ticket_is_used_once(f: F) {
    let mut w = World::new(f).await;
    let ends = w.later(DAY);
    assert!(!w.store.is_ticket_used([1; 16]).await.unwrap());
    let (a, b) = tokio::join!(w.store.use_ticket([1; 16], ends), w.store.use_ticket([1; 16], ends));
    assert!(a.unwrap() != b.unwrap());
    w.restart().await;
    assert!(!w.store.use_ticket([1; 16], ends).await.unwrap());
    assert!(w.store.is_ticket_used([1; 16]).await.unwrap());
    assert!(w.store.use_ticket([2; 16], ends).await.unwrap());
    w.advance(DAY).await;
    w.sweep().await;
    assert!(!w.store.is_ticket_used([1; 16]).await.unwrap(), "its ticket has ended anyway");
}

pub async fn an_invitation_is_open_until_it_is_used_withdrawn_or_over(f: F) {
    let mut w = World::new(f).await;
    let other = w.store.organisation("org_other").await.unwrap();
    let new = |n: u8, expires_at| NewInvitation {
        nonce: [n; 16],
        email: (n == 1).then(|| "new@example.com".to_owned()),
        role: Role::Support,
        created_by: "person:ana@example.com".to_owned(),
        expires_at,
    };
    for n in 1..=4 {
        let ends = w.later(DAY * u32::from(n));
        w.store.create_invitation(w.org, new(n, ends)).await.unwrap();
        w.advance(SECOND).await;
    }
    w.restart().await;
    let open = async |w: &World| {
        let found = w.store.invitations(w.org).await.unwrap();
        found.iter().map(|invitation| invitation.nonce[0]).collect::<Vec<_>>()
    };
    assert_eq!(open(&w).await, [4, 3, 2, 1]);
    assert!(w.store.invitations(other).await.unwrap().is_empty());
    let first = w.store.invitations(w.org).await.unwrap().remove(3);
    assert_eq!((first.email.as_deref(), first.role), (Some("new@example.com"), Role::Support));
    let ends = w.later(DAY * 4);
    assert!(w.store.use_ticket([3; 16], ends).await.unwrap());
    assert_eq!(open(&w).await, [4, 2, 1]);
    let missing = StoreError::NotFound("invitation");
    for (org, nonce) in [(other, [4; 16]), (w.org, [3; 16]), (w.org, [9; 16])] {
        assert_eq!(w.store.withdraw_invitation(org, nonce).await.unwrap_err(), missing);
    }
    assert_eq!(w.store.withdraw_invitation(w.org, [4; 16]).await.unwrap().nonce, [4; 16]);
    assert!(!w.store.use_ticket([4; 16], ends).await.unwrap(), "its link is dead");
    assert_eq!(open(&w).await, [2, 1]);
    w.advance(DAY).await;
    assert_eq!(open(&w).await, [2], "the first is over");
    w.sweep().await;
    assert_eq!(open(&w).await, [2]);
    let ends = w.later(DAY);
    for n in 100..199 {
        w.store.create_invitation(w.org, new(n, ends)).await.unwrap();
    }
    let refused = w.store.create_invitation(w.org, new(200, ends)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(text) if text.contains("100 open")));
    w.store.create_invitation(other, new(201, ends)).await.unwrap();
}

pub async fn a_session_lasts_as_long_as_it_is_used(f: F) {
    let mut w = World::new(f).await;
    let ana = person(&w, w.org, "ana@example.com", Role::Owner).await;
    let opened = w.store.open_session(ana, new_session(1)).await.unwrap();
    assert_eq!(opened.expires_at, w.later(14 * DAY));
    w.advance(13 * DAY).await;
    let (who, _) = w.store.session([1; 32]).await.unwrap().unwrap();
    assert_eq!(who.id, ana);
    w.restart().await;
    w.advance(13 * DAY).await;
    let (who, session) = w.store.session([1; 32]).await.unwrap().unwrap();
    assert_eq!((session.id, session.address.as_deref()), (opened.id, Some("192.0.2.1")));
    assert_eq!(who.last_seen_at, Some(session.seen_at));
    w.calm().await;
    w.advance(14 * DAY - SECOND).await;
    assert!(is_open(&w, 1).await);
    w.calm().await;
    w.advance(14 * DAY).await;
    assert!(!is_open(&w, 1).await);
    assert!(w.store.sessions(ana).await.unwrap().is_empty());
    assert!(!is_open(&w, 2).await, "no such token");
    w.sweep().await;
    assert!(!w.store.close_session(ana, opened.id).await.unwrap(), "it was swept");
}

pub async fn sessions_are_closed_one_by_one_all_at_once_and_with_their_person(f: F) {
    let w = World::new(f).await;
    let ana = person(&w, w.org, "ana@example.com", Role::Owner).await;
    let bob = person(&w, w.org, "bob@example.com", Role::Owner).await;
    let mut ids: Vec<SessionId> = Vec::new();
    for token in 1..=4 {
        ids.push(w.store.open_session(ana, new_session(token)).await.unwrap().id);
    }
    w.store.open_session(bob, new_session(9)).await.unwrap();
    let listed: Vec<SessionId> = w.store.sessions(ana).await.unwrap().iter().map(|s| s.id).collect();
    assert_eq!(listed, ids.iter().rev().copied().collect::<Vec<_>>());
    assert!(!w.store.close_session(bob, ids[0]).await.unwrap(), "it is another person's");
    assert!(w.store.close_session(ana, ids[0]).await.unwrap());
    assert!(!is_open(&w, 1).await && is_open(&w, 2).await);
    w.store.close_sessions(ana, Some(ids[1])).await.unwrap();
    assert!(is_open(&w, 2).await && !is_open(&w, 3).await && !is_open(&w, 4).await);
    w.store.close_sessions(ana, None).await.unwrap();
    assert!(!is_open(&w, 2).await && is_open(&w, 9).await);
    w.store.delete_person(w.org, bob).await.unwrap();
    assert!(!is_open(&w, 9).await);
    assert_eq!(w.store.open_session(bob, new_session(10)).await.unwrap_err(), GONE);
}

pub async fn a_new_password_ends_the_other_sessions(f: F) {
    let w = World::new(f).await;
    let ana = person(&w, w.org, "ana@example.com", Role::Owner).await;
    let keep = w.store.open_session(ana, new_session(1)).await.unwrap().id;
    w.store.open_session(ana, new_session(2)).await.unwrap();
    let hash = |text: &str| PasswordHash(text.into());
    w.store.set_password(w.org, ana, hash("new"), Some(keep)).await.unwrap();
    assert!(is_open(&w, 1).await && !is_open(&w, 2).await);
    assert!(w.store.password_of(w.org, ana).await.unwrap() == Some(hash("new")));
    w.store.set_password(w.org, ana, hash("newer"), None).await.unwrap();
    assert!(!is_open(&w, 1).await);
    let other = w.store.organisation("org_2").await.unwrap();
    assert_eq!(w.store.set_password(other, ana, hash("x"), None).await.unwrap_err(), GONE);
}

pub async fn a_person_has_fifty_sessions_at_most(f: F) {
    let w = World::new(f).await;
    let ana = person(&w, w.org, "ana@example.com", Role::Owner).await;
    for token in 0..52 {
        w.store.open_session(ana, new_session(token)).await.unwrap();
    }
    assert_eq!(w.store.sessions(ana).await.unwrap().len(), 50);
    assert!(!is_open(&w, 1).await && is_open(&w, 2).await);
}

pub async fn people_are_walked_both_ways(f: F) {
    let w = World::new(f).await;
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(person(&w, w.org, &format!("p{n}@example.com"), Role::Support).await);
    }
    let other = w.store.organisation("org_2").await.unwrap();
    person(&w, other, "other@example.com", Role::Owner).await;
    let list = async |q| w.store.people(w.org, q).await.unwrap();
    assert_eq!(walk(Order::Ascending, list, |p| p.id).await, ids);
    ids.reverse();
    assert_eq!(walk(Order::Descending, list, |p| p.id).await, ids);
    assert_eq!(w.store.people(other, page(10)).await.unwrap().data.len(), 1);
    w.advance(HOUR).await;
}
