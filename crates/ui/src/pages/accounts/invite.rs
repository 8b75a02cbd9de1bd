//! Joining an organisation by invitation.
//!
//! **Invariant:** the role is the ticket's, never the form's; nobody joins by the word of who is no owner any longer.

use super::{Errors, PASSWORD_HINT, dead_link, hashed, note, sign_in, ticket, use_up};
use crate::call::Visit;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::view::{self as v, Frame};
use askama::Template;
use domain::PersonId;
use http::StatusCode;
use signing::account::{Purpose, Ticket};
use store::{NewPerson, Role, StoreError};

#[derive(Template)]
#[template(path = "accounts/invite.html")]
struct Page {
    frame: Frame,
    ticket: String,
    org_name: String,
    role: &'static str,
    /// The invitation is for this address alone.
    fixed: bool,
    name: String,
    email: String,
    errors: Errors,
}

const ASK: &str = "Ask the owner who invited you for a new link.";

impl Page {
    async fn of(visit: &Visit, text: &str, ticket: &Ticket) -> Result<Page, Fault> {
        let org = visit.store().organisation(&ticket.org).await?;
        let profile = visit.store().profile(org);
        let role = ticket.role.as_deref().and_then(Role::parse).unwrap_or(Role::Support);
        Ok(Page {
            frame: visit.frame("Join"),
            ticket: text.to_owned(),
            org_name: if profile.name.is_empty() { "the team".to_owned() } else { profile.name.clone() },
            role: role.as_str(),
            fixed: ticket.email.is_some(),
            name: String::new(),
            email: ticket.email.clone().unwrap_or_default(),
            errors: Errors::default(),
        })
    }
}

/// The invitation in `text`, if it is good and who made it may still invite.
async fn invitation(visit: &Visit, text: &str) -> Result<Result<Ticket, String>, Fault> {
    let ticket = match ticket(visit, Purpose::Invite, text).await? {
        Ok(ticket) => ticket,
        Err(why) => return Ok(Err(why)),
    };
    let org = visit.store().organisation(&ticket.org).await?;
    let by = ticket.by.as_deref().and_then(|id| visit.codec().read::<PersonId>(id));
    let is_good = match by {
        Some(id) => match visit.store().person(org, id).await {
            Ok(person) => person.role == Role::Owner,
            Err(StoreError::NotFound(_)) => false,
            Err(other) => return Err(other.into()),
        },
        None => false,
    };
    Ok(if is_good { Ok(ticket) } else { Err("Who made this link is no owner of the team any longer.".to_owned()) })
}

pub(crate) async fn show(visit: Visit) -> Result<Reply, Fault> {
    let text = visit.query().get("ticket").to_owned();
    match invitation(&visit, &text).await? {
        Err(why) => dead_link(&visit, why, ASK),
        Ok(ticket) => Reply::page(&Page::of(&visit, &text, &ticket).await?),
    }
}

pub(crate) async fn join(visit: Visit) -> Result<Reply, Fault> {
    let form = visit.form();
    let text = form.get("ticket").to_owned();
    let ticket = match invitation(&visit, &text).await? {
        Err(why) => return dead_link(&visit, why, ASK),
        Ok(ticket) => ticket,
    };
    let mut page = Page::of(&visit, &text, &ticket).await?;
    page.name = form.get("name").to_owned();
    if !page.fixed {
        page.email = form.get("email").to_owned();
    }
    page.errors.check_name("name", &page.name);
    page.errors.check_email(&page.email);
    if page.errors.is_empty() && visit.store().person_by_email(&page.email).await?.is_some() {
        page.errors.add("email", "Somebody has this e-mail address already: sign in, or use another");
    }
    let password = hashed(&visit.shared, form.raw("password")).await?;
    let password = password.map_err(|e| page.errors.add("password", e.to_string())).ok();
    let (Some(password), true) = (password, page.errors.is_empty()) else {
        return Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    if !use_up(&visit, &ticket).await? {
        return dead_link(&visit, "This link was used already.", ASK);
    }
    let org = visit.store().organisation(&ticket.org).await?;
    let role = Role::parse(page.role).unwrap_or(Role::Support);
    let new = NewPerson { email: page.email.clone(), name: page.name.clone(), role, password: Some(password) };
    let person = match visit.store().create_person(org, new).await {
        Ok(person) => person,
        Err(StoreError::Conflict(_)) => return dead_link(&visit, "Somebody has this e-mail address already.", ASK),
        Err(other) => return Err(other.into()),
    };
    let actor = format!("person:{}", person.email);
    note(&visit, org, &actor, "person.join", &visit.codec().text(person.id), Some(page.role)).await;
    Ok(sign_in(&visit, &person, "/").await?.notice("Welcome. Your account is ready."))
}
