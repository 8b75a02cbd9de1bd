//! A new password by a link of `postrider admin reset`; or the first owner, where there is none.
//!
//! **Invariant:** whom the link is for is in its ticket; without one, only an owner of its organisation.

use super::{Errors, PASSWORD_HINT, dead_link, hashed, note, sign_in, ticket, use_up};
use crate::call::Visit;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::view::{self as v, Frame};
use askama::Template;
use domain::OrgId;
use http::StatusCode;
use signing::account::{Purpose, Ticket};
use store::{NewPerson, Order, PageQuery, Person, Role};

#[derive(Template)]
#[template(path = "accounts/reset.html")]
struct Page {
    frame: Frame,
    ticket: String,
    /// Who may choose a new password; none: an owner is made.
    people: Vec<Person>,
    email: String,
    name: String,
    /// The link is for this address alone.
    fixed: bool,
    errors: Errors,
}

const AGAIN: &str = "Run `postrider admin reset` on the server for a new link.";
const PEOPLE_MAX: u32 = 250;

/// Whom a ticket is for. `Err` says why there is nobody.
async fn people(visit: &Visit, ticket: &Ticket) -> Result<Result<(OrgId, Vec<Person>), &'static str>, Fault> {
    let org = visit.store().organisation(&ticket.org).await?;
    let page = PageQuery { limit: PEOPLE_MAX, cursor: None, order: Order::Ascending };
    let all = visit.store().people(org, page).await?.data;
    let owners: Vec<Person> = all.into_iter().filter(|p| p.role == Role::Owner).collect();
    let Some(email) = &ticket.email else { return Ok(Ok((org, owners))) };
    match visit.store().person_by_email(email).await? {
        Some((person, _)) if person.org == org => Ok(Ok((org, vec![person]))),
        // Nobody is locked out by a wrong address, but for an organisation without an owner.
        None if owners.is_empty() => Ok(Ok((org, Vec::new()))),
        _ => Ok(Err("Nobody here has the e-mail address that this link is for.")),
    }
}

impl Page {
    fn of(visit: &Visit, text: &str, ticket: &Ticket, people: Vec<Person>) -> Page {
        let title = if people.is_empty() { "Create the owner's account" } else { "Choose a new password" };
        Page {
            frame: visit.frame(title),
            ticket: text.to_owned(),
            email: ticket.email.clone().or(people.first().map(|p| p.email.clone())).unwrap_or_default(),
            fixed: ticket.email.is_some(),
            people,
            name: String::new(),
            errors: Errors::default(),
        }
    }
}

pub(crate) async fn show(visit: Visit) -> Result<Reply, Fault> {
    let text = visit.query().get("ticket").to_owned();
    let ticket = match ticket(&visit, Purpose::Reset, &text).await? {
        Err(why) => return dead_link(&visit, why, AGAIN),
        Ok(ticket) => ticket,
    };
    match people(&visit, &ticket).await? {
        Err(why) => dead_link(&visit, why, AGAIN),
        Ok((_, people)) => Reply::page(&Page::of(&visit, &text, &ticket, people)),
    }
}

pub(crate) async fn set(visit: Visit) -> Result<Reply, Fault> {
    let form = visit.form();
    let text = form.get("ticket").to_owned();
    let ticket = match ticket(&visit, Purpose::Reset, &text).await? {
        Err(why) => return dead_link(&visit, why, AGAIN),
        Ok(ticket) => ticket,
    };
    let (org, people) = match people(&visit, &ticket).await? {
        Err(why) => return dead_link(&visit, why, AGAIN),
        Ok(found) => found,
    };
    let mut page = Page::of(&visit, &text, &ticket, people);
    if !page.fixed {
        page.email = form.get("email").to_owned();
    }
    page.name = form.get("name").to_owned();
    let chosen = page.people.iter().find(|p| p.email.eq_ignore_ascii_case(&page.email)).cloned();
    page.errors.check_email(&page.email);
    if page.people.is_empty() {
        page.errors.check_name("name", &page.name);
    } else if chosen.is_none() {
        page.errors.add("email", "Choose one of the owners");
    }
    let password = hashed(&visit.shared, form.raw("password")).await?;
    let password = password.map_err(|e| page.errors.add("password", e.to_string())).ok();
    let (Some(password), true) = (password, page.errors.is_empty()) else {
        return Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    if !use_up(&visit, &ticket).await? {
        return dead_link(&visit, "This link was used already.", AGAIN);
    }
    let (person, action) = match chosen {
        Some(person) => {
            visit.store().set_password(org, person.id, password, None).await?;
            (person, "person.reset")
        }
        None => {
            let (email, name) = (page.email.clone(), page.name.clone());
            let new = NewPerson { email, name, role: Role::Owner, password: Some(password) };
            (visit.store().create_first_owner(org, new).await?, "person.create")
        }
    };
    note(&visit, org, "ticket", action, &visit.codec().text(person.id), Some(&person.email)).await;
    Ok(sign_in(&visit, &person, "/").await?.notice("Your new password is set, and you are signed in."))
}
