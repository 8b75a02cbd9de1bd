//! Signing in and out, setup, invitations, resets: what lets people in, and what doesn't.

use super::{Answer, Who, World, tickets};
use axum::body::Body;
use domain::Clock;
use http::{Request, StatusCode};
use serde_json::Value;
use signing::account::{Purpose, Ticket};
use std::time::Duration;
use store::{AuditFilter, NewPerson, Order, PageQuery, PasswordHash, Role};

const PASSWORD: &str = "four random words";

impl World {
    /// As a browser without a session posts a form of ours.
    async fn enter(&self, path: &str, fields: &[(&str, &str)], from: [u8; 4]) -> Answer {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let mut request = Request::builder().method("POST").uri(path).header("host", "hooks.test");
        request = request.header("origin", "http://hooks.test");
        let mut request = request.body(Body::from(form.finish())).unwrap();
        let peer = std::net::SocketAddr::from((from, 4711));
        request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
        self.send(request).await
    }
    async fn login(&self, email: &str, password: &str) -> Answer {
        self.enter("/login", &[("email", email), ("password", password)], [192, 0, 2, 1]).await
    }
    /// Somebody with a password.
    async fn with_password(&self, email: &str, role: Role) -> domain::PersonId {
        let hash = signing::account::hash_password(PASSWORD, &mut |b| b.fill(7)).unwrap();
        let password = Some(PasswordHash(hash));
        let new = NewPerson { email: email.into(), name: "Ana".into(), role, password };
        self.store.create_person(self.org(Who::Owner), new).await.unwrap().id
    }
    fn ticket(&self, purpose: Purpose, org: &str, change: impl FnOnce(&mut Ticket)) -> String {
        let rng = self.store.rng().clone();
        let mut ticket = tickets().ticket(purpose, org, self.clock.now().seconds(), &mut |b| rng.fill(b));
        change(&mut ticket);
        tickets().sign(purpose, &ticket)
    }
    /// The id of somebody, by address.
    async fn person_text(&self, email: &str) -> String {
        let (person, _) = self.store.person_by_email(email).await.unwrap().unwrap();
        self.store.codec().text(person.id)
    }
    async fn as_session(&self, answer: &Answer, path: &str) -> Answer {
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let request = Request::builder().uri(path).header("host", "hooks.test").header("cookie", cookie);
        self.send(request.body(Body::empty()).unwrap()).await
    }
    /// Actor and action of each entry of the audit log, oldest first.
    async fn audit(&self, who: Who) -> Vec<(String, String)> {
        let page = PageQuery { limit: 100, cursor: None, order: Order::Ascending };
        let found = self.store.audit_entries(self.org(who), page, AuditFilter::default()).await.unwrap();
        found.data.into_iter().map(|e| (e.actor, e.action)).collect()
    }
}

#[tokio::test]
async fn the_right_password_opens_a_session_that_signing_out_ends() {
    let world = World::new().await;
    world.with_password("ana@example.com", Role::Owner).await;
    let fields = [("email", "ANA@example.com "), ("password", PASSWORD), ("next", "/audit?actor=x")];
    let entered = world.enter("/login", &fields, [192, 0, 2, 1]).await;
    assert_eq!((entered.status, entered.location()), (StatusCode::SEE_OTHER, "/audit?actor=x"));
    let cookie = entered.header("set-cookie").to_owned();
    for part in ["postrider_session=", "Path=/", "SameSite=Lax", "HttpOnly"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "over plain HTTP the browser would not send it back: {cookie}");
    let page = world.as_session(&entered, "/account").await;
    assert_eq!(page.status, StatusCode::OK);
    page.says("ana@example.com").says("this one");
    let session = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
    let request = Request::builder().method("POST").uri("/logout").header("host", "hooks.test");
    let request = request.header("cookie", format!("postrider_session={session}"));
    let request = request.header("x-csrf", crate::csrf::token(&session)).body(Body::empty()).unwrap();
    let left = world.send(request).await;
    assert_eq!((left.status, left.location()), (StatusCode::SEE_OTHER, "/login"));
    assert!(left.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(world.as_session(&entered, "/account").await.status, StatusCode::SEE_OTHER);
    let open = ("person:ana@example.com".to_owned(), "session.open".to_owned());
    assert!(world.audit(Who::Owner).await.contains(&open));
}

#[tokio::test]
async fn a_session_over_https_is_never_sent_in_the_clear() {
    let world = World::new().await;
    world.with_password("ana@example.com", Role::Owner).await;
    let body = format!("email=ana%40example.com&password={}", PASSWORD.replace(' ', "+"));
    let request = Request::builder().method("POST").uri("/login").header("host", "hooks.test");
    let request = request.header("origin", "https://hooks.test").body(Body::from(body)).unwrap();
    let entered = world.send(request).await;
    let cookie = entered.header("set-cookie");
    assert!(cookie.starts_with("__Host-postrider_session=") && cookie.contains("; Secure"), "{cookie}");
    assert!(!cookie.contains("Domain"), "{cookie}");
    // A sibling of the domain can put the other cookie into the browser, and it changes nothing.
    let own = cookie.split(';').next().unwrap().to_owned();
    let cookies = format!("postrider_session=stranger; {own}");
    let request = Request::builder().uri("/account").header("host", "hooks.test").header("cookie", cookies);
    world.send(request.body(Body::empty()).unwrap()).await.says("ana@example.com");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_look_the_same() {
    let world = World::new().await;
    world.with_password("ana@example.com", Role::Owner).await;
    let wrong = world.login("ana@example.com", "not her password").await;
    let unknown = world.login("bob@example.com", "not her password").await;
    // A person without a password can't sign in, with none either.
    let without = world.login("owner@example.com", "").await;
    for answer in [&wrong, &unknown, &without] {
        assert_eq!((answer.status, answer.header("set-cookie")), (StatusCode::UNAUTHORIZED, ""));
        answer.says("E-mail address or password is wrong.");
    }
    let same = |a: &Answer, email: &str| a.body.replace(email, "");
    assert_eq!(same(&wrong, "ana@example.com"), same(&unknown, "bob@example.com"));
}

#[tokio::test]
async fn after_ten_failures_an_address_waits_and_the_right_password_does_not_help() {
    let world = World::new().await;
    world.with_password("ana@example.com", Role::Owner).await;
    for n in 0..10 {
        let answer = world.login(&format!("p{n}@example.com"), "x").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let refused = world.login("ana@example.com", PASSWORD).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    refused.says("Too many attempts. Try again in 15 min.");
    assert_eq!(refused.header("retry-after"), "900");
    let fields = [("email", "ana@example.com"), ("password", PASSWORD)];
    assert_eq!(world.enter("/login", &fields, [192, 0, 2, 2]).await.status, StatusCode::SEE_OTHER);
    world.advance(Duration::from_secs(900));
    assert_eq!(world.login("ana@example.com", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_sign_in_leads_to_a_page_of_ours_only() {
    let world = World::new().await;
    world.with_password("ana@example.com", Role::Owner).await;
    for next in ["https://evil.test/", "//evil.test/", "/\\evil.test"] {
        let fields = [("email", "ana@example.com"), ("password", PASSWORD), ("next", next)];
        assert_eq!(world.enter("/login", &fields, [192, 0, 2, 1]).await.location(), "/");
    }
}

const SETUP: [(&str, &str); 5] = [
    ("name", "Ana"),
    ("email", "ana@new.example"),
    ("password", PASSWORD),
    ("org_name", "New & Co"),
    ("public_url", "https://Hooks.new.example/"),
];

#[tokio::test]
async fn a_setup_link_makes_the_first_owner_once() {
    let world = World::new().await;
    let ticket = world.ticket(Purpose::Setup, "org_new", |_| {});
    let show = async || world.get(Who::Nobody, &format!("/setup?ticket={ticket}")).await;
    show().await.says("You, the owner").says("http://hooks.test");
    let fields: Vec<_> = SETUP.into_iter().chain([("ticket", ticket.as_str())]).collect();
    let mut bad = fields.clone();
    bad[0] = ("name", "");
    bad[2] = ("password", "short");
    let refused = world.enter("/setup", &bad, [192, 0, 2, 1]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.says("Write a name").says("at least 10 characters").says("value=\"ana@new.example\"").says_not("short\"");

    let made = world.enter("/setup", &fields, [192, 0, 2, 1]).await;
    assert_eq!((made.status, made.location()), (StatusCode::SEE_OTHER, "/setup/goal"), "{}", made.body);
    world.as_session(&made, "/setup/goal").await.says("Just look around");
    let org = world.store.organisation("org_new").await.unwrap();
    let profile = world.store.profile(org);
    assert_eq!((&*profile.name, profile.public_url.as_deref()), ("New & Co", Some("https://hooks.new.example")));
    let (ana, _) = world.store.person_by_email("ana@new.example").await.unwrap().unwrap();
    assert_eq!((ana.org, ana.role), (org, Role::Owner));

    show().await.says("used already");
    let again = world.enter("/setup", &fields, [192, 0, 2, 1]).await;
    assert_eq!((again.status, again.header("set-cookie")), (StatusCode::FORBIDDEN, ""));
    // Another start printed another link: there is an owner now.
    let other = world.ticket(Purpose::Setup, "org_new", |_| {});
    let mut fields = fields.clone();
    fields[1] = ("email", "eve@new.example");
    fields[5] = ("ticket", &other);
    let late = world.enter("/setup", &fields, [192, 0, 2, 1]).await;
    assert_eq!(late.status, StatusCode::FORBIDDEN);
    late.says("set up already");
    assert!(world.store.person_by_email("eve@new.example").await.unwrap().is_none());
}

#[tokio::test]
async fn without_a_good_ticket_nobody_gets_in() {
    let world = World::new().await;
    let good = |purpose| world.ticket(purpose, "org_new", |_| {});
    let expired = world.ticket(Purpose::Setup, "org_new", |t| t.expires_s = world.clock.now().seconds());
    let forged = signing::account::TicketKey::derive(&[b"mine"]);
    let forged = forged.sign(Purpose::Setup, &forged.ticket(Purpose::Setup, "org_new", 1 << 40, &mut |b| b.fill(1)));
    for ticket in ["", "x", &expired, &forged, &good(Purpose::Invite), &good(Purpose::Reset)] {
        let page = world.get(Who::Nobody, &format!("/setup?ticket={ticket}")).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{ticket}");
        let fields: Vec<_> = SETUP.into_iter().chain([("ticket", ticket)]).collect();
        let answer = world.enter("/setup", &fields, [192, 0, 2, 1]).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (StatusCode::FORBIDDEN, ""), "{ticket}");
    }
    for (path, purpose) in [("/invite", Purpose::Setup), ("/reset", Purpose::Invite)] {
        let fields = [("ticket", good(purpose)), ("password", PASSWORD.to_owned())];
        let fields = [("ticket", &*fields[0].1), ("password", &*fields[1].1), ("email", "owner@example.com")];
        assert_eq!(world.enter(path, &fields, [192, 0, 2, 1]).await.status, StatusCode::FORBIDDEN);
    }
    assert!(world.store.person_by_email("ana@new.example").await.unwrap().is_none());
}

#[tokio::test]
async fn an_invitation_is_listed_and_its_link_is_dead_once_it_is_withdrawn() {
    let world = World::new().await;
    let invited = world.post(Who::Owner, "/settings/team/invite", &[("email", "new@example.com"), ("role", "support")]);
    let invited = invited.await;
    let link = invited.body.split("/invite?ticket=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let open = world.get(Who::Owner, "/settings/team").await;
    open.says("Open invitations").says("new@example.com").says_not(&link);
    world.get(Who::Nobody, &format!("/invite?ticket={link}")).await.says("new@example.com");
    let action = open.body.split("action=\"").find(|part| part.contains("/withdraw\"")).unwrap();
    let action = action.split('"').next().unwrap();
    assert_eq!(world.post(Who::Stranger, action, &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.post(Who::Owner, action, &[]).await.location(), "/settings/team");
    world.get(Who::Owner, "/settings/team").await.says_not("Open invitations");
    let dead = world.get(Who::Nobody, &format!("/invite?ticket={link}")).await;
    assert_eq!(dead.status, StatusCode::FORBIDDEN);
    dead.says("withdrawn");
    assert_eq!(world.post(Who::Owner, action, &[]).await.status, StatusCode::NOT_FOUND);
    world.get(Who::Owner, "/audit").await.says("person.invite.withdraw");
}

#[tokio::test]
async fn an_invitation_gives_its_own_role_and_address_whatever_the_form_says() {
    let world = World::new().await;
    let by = world.person_text("owner@example.com").await;
    let ticket = world.ticket(Purpose::Invite, "org_one", |t| {
        t.email = Some("new@example.com".into());
        t.role = Some("support".into());
        t.by = Some(by);
    });
    world.get(Who::Nobody, &format!("/invite?ticket={ticket}")).await.says("support").says("new@example.com");
    let fields = [
        ("ticket", &*ticket),
        ("name", "New"),
        ("email", "eve@example.com"),
        ("role", "owner"),
        ("password", PASSWORD),
    ];
    let joined = world.enter("/invite", &fields, [192, 0, 2, 1]).await;
    assert_eq!((joined.status, joined.location()), (StatusCode::SEE_OTHER, "/"), "{}", joined.body);
    let (new, _) = world.store.person_by_email("new@example.com").await.unwrap().unwrap();
    assert_eq!((new.role, new.org), (Role::Support, world.org(Who::Owner)));
    assert!(world.store.person_by_email("eve@example.com").await.unwrap().is_none());
    assert_eq!(world.enter("/invite", &fields, [192, 0, 2, 1]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.as_session(&joined, "/settings/team").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_reset_link_sets_an_owners_password_and_ends_every_session() {
    let world = World::new().await;
    world.with_password("ana@example.com", Role::Owner).await;
    let old = world.login("ana@example.com", PASSWORD).await;
    let ticket = world.ticket(Purpose::Reset, "org_one", |_| {});
    let page = world.get(Who::Nobody, &format!("/reset?ticket={ticket}")).await;
    page.says("owner@example.com").says("ana@example.com").says_not("developer@example.com");
    let set = async |email: &str| {
        let fields = [("ticket", &*ticket), ("email", email), ("password", "another random phrase")];
        world.enter("/reset", &fields, [192, 0, 2, 1]).await
    };
    assert_eq!(set("developer@example.com").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(set("stranger@example.com").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let done = set("ana@example.com").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    assert_eq!(world.as_session(&done, "/account").await.status, StatusCode::OK);
    assert_eq!(world.as_session(&old, "/account").await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.login("ana@example.com", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.login("ana@example.com", "another random phrase").await.status, StatusCode::SEE_OTHER);
    assert_eq!(set("ana@example.com").await.status, StatusCode::FORBIDDEN, "it was used");
}

#[tokio::test]
async fn a_reset_link_for_an_address_is_for_it_alone_and_makes_an_owner_where_there_is_none() {
    let world = World::new().await;
    let to = |org: &str, email: &str| {
        let email = email.to_owned();
        world.ticket(Purpose::Reset, org, |t| t.email = Some(email))
    };
    let developer = to("org_one", "developer@example.com");
    let fields = [("ticket", &*developer), ("email", "owner@example.com"), ("password", PASSWORD)];
    assert_eq!(world.enter("/reset", &fields, [192, 0, 2, 1]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.login("developer@example.com", PASSWORD).await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.login("owner@example.com", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    for (org, email) in [("org_one", "nobody@example.com"), ("org_one", "stranger@example.com")] {
        let page = world.get(Who::Nobody, &format!("/reset?ticket={}", to(org, email))).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{email}");
    }
    let first = to("org_three", "first@example.com");
    let fields = [("ticket", &*first), ("name", "First"), ("password", PASSWORD)];
    assert_eq!(world.enter("/reset", &fields, [192, 0, 2, 1]).await.status, StatusCode::SEE_OTHER);
    let (made, _) = world.store.person_by_email("first@example.com").await.unwrap().unwrap();
    assert_eq!((made.role, world.store.organisation_text(made.org).await.unwrap()), (Role::Owner, "org_three".into()));
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_the_other_sessions() {
    let world = World::new().await;
    world.with_password("ana@example.com", Role::Developer).await;
    let (here, there) =
        (world.login("ana@example.com", PASSWORD).await, world.login("ana@example.com", PASSWORD).await);
    let session = here.header("set-cookie").split(['=', ';']).nth(1).unwrap().to_owned();
    let change = async |current: &str, new: &str| {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([("csrf", &*crate::csrf::token(&session)), ("current", current), ("password", new)]);
        let request = Request::builder().method("POST").uri("/account/password").header("host", "hooks.test");
        let request = request.header("cookie", format!("postrider_session={session}"));
        world.send(request.body(Body::from(form.finish())).unwrap()).await
    };
    change("wrong", "another random phrase").await.says("This is not your password");
    change(PASSWORD, "short").await.says("at least 10 characters");
    assert_eq!(change(PASSWORD, "another random phrase").await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.as_session(&here, "/account").await.status, StatusCode::OK);
    assert_eq!(world.as_session(&there, "/account").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_demo_makes_real_objects_and_makes_them_once() {
    let world = World::new().await;
    for _ in 0..2 {
        let chosen = world.post(Who::Owner, "/setup/goal", &[("goal", "look")]).await;
        assert_eq!((chosen.status, chosen.location()), (StatusCode::SEE_OTHER, "/"), "{}", chosen.body);
    }
    assert_eq!(world.store.profile(world.org(Who::Owner)).goal.as_deref(), Some("look"));
    for (path, n) in [
        // That of links and forms, too.
        ("/api/v1/app", 2),
        ("/api/v1/event-type", 3),
        ("/api/v1/bin", 1),
        ("/ingest/api/v1/source", 1),
        ("/api/v1/link", 1),
        ("/api/v1/form", 1),
        ("/api/v1/app/demo-shop/msg", 3),
    ] {
        let list = world.api(Who::Owner, "GET", path, Value::Null).await;
        assert_eq!(list["data"].as_array().unwrap().len(), n, "{path}");
    }
    for (goal, to) in
        [("send", "/apps/new"), ("connect", "/connect"), ("receive", "/sources/new"), ("x", "/setup/goal")]
    {
        assert_eq!(world.post(Who::Owner, "/setup/goal", &[("goal", goal)]).await.location(), to);
    }
}

#[tokio::test]
async fn an_invitation_ends_with_the_ownership_of_who_made_it() {
    let world = World::new().await;
    let ana = world.with_password("ana@example.com", Role::Owner).await;
    let by = world.person_text("ana@example.com").await;
    let invite =
        |by: Option<String>| world.ticket(Purpose::Invite, "org_one", |t| (t.role, t.by) = (Some("owner".into()), by));
    let (ticket, nobodys) = (invite(Some(by)), invite(None));
    let page = |ticket: &str| format!("/invite?ticket={ticket}");
    assert_eq!(world.get(Who::Nobody, &page(&ticket)).await.status, StatusCode::OK);
    assert_eq!(world.get(Who::Nobody, &page(&nobodys)).await.status, StatusCode::FORBIDDEN);
    let patch = store::PersonPatch { role: Some(Role::Developer), ..Default::default() };
    world.store.patch_person(world.org(Who::Owner), ana, patch).await.unwrap();
    world.get(Who::Nobody, &page(&ticket)).await.says("no owner of the team any longer");
    world.store.delete_person(world.org(Who::Owner), ana).await.unwrap();
    let fields = [("ticket", &*ticket), ("name", "A"), ("email", "back@example.com"), ("password", PASSWORD)];
    assert_eq!(world.enter("/invite", &fields, [192, 0, 2, 1]).await.status, StatusCode::FORBIDDEN);
    assert!(world.store.person_by_email("back@example.com").await.unwrap().is_none());
}

#[tokio::test]
async fn thirty_failures_of_strangers_do_not_keep_out_who_signed_in_before() {
    let world = World::new().await;
    world.with_password("ana@example.com", Role::Owner).await;
    let fields = |password| [("email", "ana@example.com"), ("password", password)];
    let home = [203, 0, 113, 7];
    assert_eq!(world.enter("/login", &fields(PASSWORD), home).await.status, StatusCode::SEE_OTHER);
    for n in 0..30 {
        let refused = world.enter("/login", &fields("a wrong password"), [192, 0, 2, n]).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    }
    let elsewhere = world.enter("/login", &fields(PASSWORD), [198, 51, 100, 1]).await;
    assert_eq!(elsewhere.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(world.enter("/login", &fields(PASSWORD), home).await.status, StatusCode::SEE_OTHER);
}
