//! The first run: the first owner, the organisation's name, where the server is found, and what to do first.
//!
//! **Invariant:** without a ticket from the server's own output there is no setup, and with an owner there is none either.

use super::{Errors, PASSWORD_HINT, dead_link, demo, hashed, note, sign_in, ticket, use_up};
use crate::call::{Call, Visit};
use crate::fault::Fault;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use http::StatusCode;
use signing::account::Purpose;
use store::{NewPerson, Profile, Role, StoreError};

#[derive(Template)]
#[template(path = "accounts/setup.html")]
struct Page {
    frame: Frame,
    ticket: String,
    name: String,
    email: String,
    org_name: String,
    public_url: String,
    /// The settings say what the public URL is.
    url_is_set: bool,
    errors: Errors,
}

#[derive(Template)]
#[template(path = "accounts/goal.html")]
struct GoalPage {
    frame: Frame,
    public_url: String,
    /// What the self-test of the public URL said; `None`: it was not made.
    reach: Option<Result<(), String>>,
}

const AGAIN: &str = "Restart Postrider for a new link, or run `postrider admin reset`.";

/// A public URL as it is stored.
pub(crate) fn tidy_url(text: &str) -> String {
    text.trim().trim_end_matches('/').to_lowercase()
}

pub(crate) async fn show(visit: Visit) -> Result<Reply, Fault> {
    let text = visit.query().get("ticket").to_owned();
    if let Err(why) = ticket(&visit, Purpose::Setup, &text).await? {
        return dead_link(&visit, why, AGAIN);
    }
    Reply::page(&Page {
        frame: visit.frame("Set up Postrider"),
        ticket: text,
        name: String::new(),
        email: String::new(),
        org_name: String::new(),
        public_url: visit.origin(),
        url_is_set: visit.shared.config.public_url.is_some(),
        errors: Errors::default(),
    })
}

pub(crate) async fn create(visit: Visit) -> Result<Reply, Fault> {
    let form = visit.form();
    let text = form.get("ticket").to_owned();
    let ticket = match ticket(&visit, Purpose::Setup, &text).await? {
        Err(why) => return dead_link(&visit, why, AGAIN),
        Ok(ticket) => ticket,
    };
    let url_is_set = visit.shared.config.public_url.is_some();
    let mut page = Page {
        frame: visit.frame("Set up Postrider"),
        ticket: text,
        name: form.get("name").to_owned(),
        email: form.get("email").to_owned(),
        org_name: form.get("org_name").to_owned(),
        public_url: if url_is_set { visit.origin() } else { tidy_url(form.get("public_url")) },
        url_is_set,
        errors: Errors::default(),
    };
    page.errors.check_name("name", &page.name);
    page.errors.check_email(&page.email);
    page.errors.check_name("org_name", &page.org_name);
    let public_url = Some(page.public_url.clone()).filter(|url| !url_is_set && !url.is_empty());
    let profile = Profile { name: page.org_name.clone(), public_url, ..Profile::default() };
    if let Err(error) = profile.check() {
        page.errors.add(if error.field == "publicUrl" { "public_url" } else { "org_name" }, error.text);
    }
    let password = hashed(&visit.shared, form.raw("password")).await?;
    let password = password.map_err(|e| page.errors.add("password", e.to_string())).ok();
    let (Some(password), true) = (password, page.errors.is_empty()) else {
        return Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let org = visit.store().organisation(&ticket.org).await?;
    if !use_up(&visit, &ticket).await? {
        return dead_link(&visit, "This link was used already.", AGAIN);
    }
    let (email, name) = (page.email.clone(), page.name.clone());
    let new = NewPerson { email, name, role: Role::Owner, password: Some(password) };
    let person = match visit.store().create_first_owner(org, new).await {
        Ok(person) => person,
        Err(StoreError::Conflict(why)) => {
            return dead_link(&visit, format!("This server is set up already: {why}."), AGAIN);
        }
        Err(other) => return Err(other.into()),
    };
    visit.store().set_profile(org, profile).await?;
    note(&visit, org, "ticket", "person.create", &visit.codec().text(person.id), Some("the first owner")).await;
    sign_in(&visit, &person, "/setup/goal").await
}

/// Says which server this is, so that the self-test of a public URL knows it again.
pub(crate) async fn reachable(visit: Visit) -> Result<Reply, Fault> {
    Ok(Reply::text(StatusCode::OK, visit.shared.config.tickets.installation()))
}

pub(crate) async fn goals(call: Call) -> Result<Reply, Fault> {
    let reach = match &call.shared.config.reach {
        Some(reach) => Some(reach.check(call.origin()).await),
        None => None,
    };
    let frame = call.frame("What will you do first?", Section::None);
    Reply::page(&GoalPage { frame, public_url: call.origin(), reach })
}

pub(crate) async fn choose(call: Call) -> Result<Reply, Fault> {
    let goal = call.form().get("goal").to_owned();
    let (to, notice) = match goal.as_str() {
        "send" => ("/apps/new", "First, an application: one for each of your customers."),
        "connect" => ("/connect", "Choose what should happen, and paste a URL."),
        "receive" => ("/sources/new", "First, a source: choose who sends."),
        "look" => ("/", "Demo data is in place: an application, messages, a source, a link and a form to look at."),
        _ => return Ok(Reply::see("/setup/goal")),
    };
    let profile = call.store().profile(call.me.org);
    call.store().set_profile(call.me.org, Profile { goal: Some(goal.clone()), ..(*profile).clone() }).await?;
    if goal == "look" {
        demo::create(&call).await?;
    }
    Ok(Reply::see(to).notice(notice))
}
