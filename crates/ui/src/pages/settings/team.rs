//! Who may sign in, with which role.
//!
//! **Invariant:** an invitation's link is shown once; the last owner stays one (the store sees to it).

use super::Tab;
use crate::call::Call;
use crate::fault::Fault;
use crate::pages::accounts::{Errors, note};
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use domain::{PersonId, Timestamp};
use http::StatusCode;
use signing::account::{Purpose, Ticket};
use store::{Cursor, Invitation, NewInvitation, Order, PageQuery, Person, PersonPatch, Role, StoreError};

const PAGE: u32 = 100;
/// For whom an invitation without an address is.
const ANYBODY: &str = "whoever has the link";

struct Row {
    id: String,
    is_me: bool,
    person: Person,
}

/// An invitation that nobody has taken up yet.
struct Open {
    /// Its nonce, in hexadecimal.
    id: String,
    whom: String,
    /// As people read it.
    role: &'static str,
    invitation: Invitation,
}

#[derive(Template)]
#[template(path = "settings/team.html")]
struct Page {
    frame: Frame,
    now: Timestamp,
    rows: Vec<Row>,
    /// Cursor of the next page; empty if there is none.
    next: String,
    email: String,
    role: &'static str,
    /// A new invitation's link.
    link: String,
    open: Vec<Open>,
    errors: Errors,
}

/// What each role may do, for choices.
const ROLES: [(&str, &str, &str); 3] = [
    ("owner", "Owner", "Everything: people, keys and settings too"),
    ("developer", "Developer", "Changes what is sent and received"),
    ("support", "Support", "Looks, and sends again"),
];

async fn page(call: &Call, errors: Errors) -> Result<Page, Fault> {
    let after = call.query().some("after").and_then(|text| call.codec().read::<PersonId>(text));
    let query = PageQuery { limit: PAGE, cursor: after.map(Cursor::After), order: Order::Ascending };
    let found = call.store().people(call.me.org, query).await?;
    let next = found.last.filter(|_| !found.done).map(|id| call.codec().text(id)).unwrap_or_default();
    let row = |person: Person| Row { id: call.codec().text(person.id), is_me: person.id == call.me.person, person };
    Ok(Page {
        frame: call.frame("Team", Section::Settings),
        now: call.now(),
        rows: found.data.into_iter().map(row).collect(),
        next,
        email: String::new(),
        role: "developer",
        link: String::new(),
        open: call.store().invitations(call.me.org).await?.into_iter().map(open).collect(),
        errors,
    })
}

fn open(invitation: Invitation) -> Open {
    let whom = invitation.email.clone().unwrap_or_else(|| ANYBODY.to_owned());
    let role = invitation.role.as_str();
    let role = ROLES.iter().find(|(name, ..)| *name == role).map_or(role, |(_, word, _)| word);
    Open { role, id: invitation.nonce.iter().map(|byte| format!("{byte:02x}")).collect(), whom, invitation }
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    Reply::page(&page(&call, Errors::default()).await?)
}

pub(crate) async fn invite(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let role = Role::parse(form.get("role")).unwrap_or(Role::Support);
    let email = form.some("email").map(str::to_owned);
    let mut page = page(&call, Errors::default()).await?;
    page.email = email.clone().unwrap_or_default();
    page.role = role.as_str();
    if let Some(email) = &email {
        page.errors.check_email(email);
        if page.errors.is_empty() && call.store().person_by_email(email).await?.is_some() {
            page.errors.add("email", "Somebody has this e-mail address already");
        }
    }
    if !page.errors.is_empty() {
        return Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let (tickets, rng) = (&call.shared.config.tickets, call.store().rng().clone());
    let fresh = tickets.ticket(Purpose::Invite, &call.me.org_text, call.now().seconds(), &mut |b| rng.fill(b));
    let by = Some(call.codec().text(call.me.person));
    let ticket = Ticket { email, role: Some(role.as_str().to_owned()), by, ..fresh };
    let actor = format!("person:{}", call.me.email);
    let new = NewInvitation {
        nonce: ticket.nonce,
        email: ticket.email.clone(),
        role,
        created_by: actor.clone(),
        expires_at: Timestamp(ticket.expires_s.saturating_mul(1000)),
    };
    if let Err(error) = call.store().create_invitation(call.me.org, new).await {
        page.errors.refused("email", error)?;
        return Reply::page_with(StatusCode::CONFLICT, &page);
    }
    page.link = format!("{}/invite?ticket={}", call.origin(), tickets.sign(Purpose::Invite, &ticket));
    page.open = call.store().invitations(call.me.org).await?.into_iter().map(open).collect();
    let whom = if page.email.is_empty() { ANYBODY } else { &page.email };
    note(&call, call.me.org, &actor, "person.invite", whom, Some(role.as_str())).await;
    Reply::page(&page)
}

/// Ends an invitation before its time: its link lets nobody in any more.
pub(crate) async fn withdraw(call: Call) -> Result<Reply, Fault> {
    let missing = || Fault::not_found("invitation: it was used, or it ended");
    let nonce = u128::from_str_radix(call.param(0), 16).map_err(|_| missing())?.to_be_bytes();
    let invitation = match call.store().withdraw_invitation(call.me.org, nonce).await {
        Ok(invitation) => invitation,
        Err(StoreError::NotFound(_)) => return Err(missing()),
        Err(error) => return Err(error.into()),
    };
    let whom = invitation.email.as_deref().unwrap_or(ANYBODY);
    let actor = format!("person:{}", call.me.email);
    note(&call, call.me.org, &actor, "person.invite.withdraw", whom, Some(invitation.role.as_str())).await;
    Ok(Reply::see("/settings/team").notice("Withdrawn: its link lets nobody in any more."))
}

fn person_id(call: &Call) -> Result<PersonId, Fault> {
    call.codec().read(call.param(0)).ok_or_else(|| Fault::not_found("person"))
}

pub(crate) async fn change_role(call: Call) -> Result<Reply, Fault> {
    let id = person_id(&call)?;
    call.store().person(call.me.org, id).await?;
    let Some(role) = Role::parse(call.form().get("role")) else { return Ok(Reply::see("/settings/team")) };
    let patch = PersonPatch { role: Some(role), ..Default::default() };
    match call.store().patch_person(call.me.org, id, patch).await {
        Ok(person) => {
            let actor = format!("person:{}", call.me.email);
            note(&call, call.me.org, &actor, "person.update", call.param(0), Some(role.as_str())).await;
            Ok(Reply::see("/settings/team").notice(&format!("{} is {} now.", person.name, role.as_str())))
        }
        Err(error) => {
            let mut errors = Errors::default();
            errors.refused("team", error)?;
            Reply::page_with(StatusCode::CONFLICT, &page(&call, errors).await?)
        }
    }
}

#[derive(Template)]
#[template(path = "settings/remove_person.html")]
struct RemovePage {
    frame: Frame,
    id: String,
    person: Person,
    is_me: bool,
    errors: Errors,
}

async fn remove_page(call: &Call, errors: Errors) -> Result<RemovePage, Fault> {
    let id = person_id(call)?;
    Ok(RemovePage {
        frame: call.frame("Remove a person", Section::Settings),
        id: call.param(0).to_owned(),
        person: call.store().person(call.me.org, id).await?,
        is_me: id == call.me.person,
        errors,
    })
}

pub(crate) async fn ask_remove(call: Call) -> Result<Reply, Fault> {
    Reply::page(&remove_page(&call, Errors::default()).await?)
}

pub(crate) async fn remove(call: Call) -> Result<Reply, Fault> {
    let mut page = remove_page(&call, Errors::default()).await?;
    if !call.form().get("confirm").eq_ignore_ascii_case(&page.person.email) {
        page.errors.add("confirm", "Type the e-mail address to confirm");
        return Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    if let Err(error) = call.store().delete_person(call.me.org, page.person.id).await {
        page.errors.refused("confirm", error)?;
        return Reply::page_with(StatusCode::CONFLICT, &page);
    }
    let actor = format!("person:{}", call.me.email);
    note(&call, call.me.org, &actor, "person.delete", &page.id, Some(&page.person.email)).await;
    Ok(Reply::see("/settings/team").notice(&format!("{} was removed and signed out.", page.person.name)))
}
