//! One's own account: name, password, shortcuts, where one is signed in.
//!
//! **Invariant:** everything here is about who is signed in, whatever the form says.

use super::{Errors, PASSWORD_HINT, hashed, matches, note};
use crate::call::Call;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use domain::{SessionId, Timestamp};
use http::StatusCode;
use store::{Person, PersonPatch};

struct Row {
    id: String,
    is_this: bool,
    browser: String,
    address: String,
    opened_at: Timestamp,
    seen_at: Timestamp,
}

#[derive(Template)]
#[template(path = "accounts/account.html")]
struct Page {
    frame: Frame,
    now: Timestamp,
    person: Person,
    name: String,
    sessions: Vec<Row>,
    errors: Errors,
}

async fn page(call: &Call, errors: Errors, name: Option<&str>) -> Result<Page, Fault> {
    let person = call.store().person(call.me.org, call.me.person).await?;
    let sessions = call.store().sessions(call.me.person).await?;
    let rows = sessions.into_iter().map(|s| Row {
        id: call.codec().text(s.id),
        is_this: s.id == call.me.session,
        browser: browser(s.agent.as_deref().unwrap_or_default()),
        address: s.address.unwrap_or_default(),
        opened_at: s.id.created_at(),
        seen_at: s.seen_at,
    });
    Ok(Page {
        frame: call.frame("Your account", Section::None),
        now: call.now(),
        name: name.unwrap_or(&person.name).to_owned(),
        sessions: rows.collect(),
        person,
        errors,
    })
}

/// `Firefox on Linux`, from what a browser calls itself.
fn browser(agent: &str) -> String {
    let first = |table: &[(&str, &'static str)]| table.iter().find(|(part, _)| agent.contains(part)).map(|(_, n)| *n);
    let name = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (name, system) {
        (Some(name), Some(system)) => format!("{name} on {system}"),
        (Some(name), None) => name.to_owned(),
        _ => "Unknown browser".to_owned(),
    }
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    Reply::page(&page(&call, Errors::default(), None).await?)
}

pub(crate) async fn rename(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let name = form.get("name");
    let mut errors = Errors::default();
    errors.check_name("name", name);
    if !errors.is_empty() {
        return Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&call, errors, Some(name)).await?);
    }
    let patch = PersonPatch { name: Some(name.to_owned()), ..Default::default() };
    call.store().patch_person(call.me.org, call.me.person, patch).await?;
    Ok(Reply::see("/account").notice("Your name is saved."))
}

pub(crate) async fn password(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let mut errors = Errors::default();
    let limited = call.shared.logins.attempt(call.address, &call.me.email, call.now());
    if limited.is_err() {
        errors.add("current", "Too many attempts. Wait a quarter of an hour");
    } else {
        let old = call.store().password_of(call.me.org, call.me.person).await?;
        if matches(&call.shared, form.raw("current"), old).await? {
            call.shared.logins.succeeded(call.address, &call.me.email);
        } else {
            errors.add("current", "This is not your password");
        }
    }
    let new = hashed(&call.shared, form.raw("password")).await?;
    let new = new.map_err(|e| errors.add("password", e.to_string())).ok();
    let (Some(new), true) = (new, errors.is_empty()) else {
        return Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&call, errors, None).await?);
    };
    call.store().set_password(call.me.org, call.me.person, new, Some(call.me.session)).await?;
    let (actor, object) = (format!("person:{}", call.me.email), call.codec().text(call.me.person));
    note(&call, call.me.org, &actor, "person.password", &object, None).await;
    Ok(Reply::see("/account").notice("Your new password is set. Every other browser was signed out."))
}

pub(crate) async fn shortcuts(call: Call) -> Result<Reply, Fault> {
    let on = call.form().get("shortcuts") == "on";
    let patch = PersonPatch { shortcuts: Some(on), ..Default::default() };
    call.store().patch_person(call.me.org, call.me.person, patch).await?;
    Ok(Reply::see("/account").notice(if on { "Shortcuts are on." } else { "Shortcuts are off." }))
}

pub(crate) async fn close(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    if form.get("session") == "others" {
        call.store().close_sessions(call.me.person, Some(call.me.session)).await?;
        return Ok(Reply::see("/account").notice("Every other browser was signed out."));
    }
    let id: SessionId = call.codec().read(form.get("session")).ok_or_else(|| Fault::not_found("session"))?;
    call.store().close_session(call.me.person, id).await?;
    Ok(Reply::see("/account").notice("That browser was signed out."))
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn a_browser_is_told_by_name_and_system() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36";
        assert_eq!(browser(chrome), "Chrome on Linux");
        assert_eq!(
            browser("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko Firefox/140.0"),
            "Firefox on Windows"
        );
        assert_eq!(browser("<script>"), "Unknown browser");
    }
}
