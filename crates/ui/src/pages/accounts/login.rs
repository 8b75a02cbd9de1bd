//! Signing in and out.
//!
//! **Invariant:** a wrong password and an unknown address are told apart by nobody: same text, same status, same time.

use super::{matches, note, session_cookie, sign_in};
use crate::call::{Call, Visit};
use crate::fault::Fault;
use crate::pages::theme::local;
use crate::reply::Reply;
use crate::session;
use crate::view::{self as v, Frame};
use askama::Template;
use http::StatusCode;
use http::header::{RETRY_AFTER, SET_COOKIE};

#[derive(Template)]
#[template(path = "accounts/login.html")]
struct Page {
    frame: Frame,
    /// Nobody can sign in yet.
    is_new: bool,
    email: String,
    next: String,
    error: String,
}

const WRONG: &str = "E-mail address or password is wrong.";

pub(crate) async fn show(visit: Visit) -> Result<Reply, Fault> {
    let next = local(visit.query().get("next")).to_owned();
    if let Some(token) = &visit.session
        && session::find(&visit.shared, token).await?.is_some()
    {
        return Ok(Reply::see(&next));
    }
    let is_new = !visit.store().has_people().await?;
    let frame = visit.frame(if is_new { "Set up Postrider" } else { "Sign in" });
    Reply::page(&Page { frame, is_new, email: String::new(), next, error: String::new() })
}

pub(crate) async fn enter(visit: Visit) -> Result<Reply, Fault> {
    let form = visit.form();
    let email = form.get("email").to_owned();
    let next = local(form.get("next")).to_owned();
    let logins = &visit.shared.logins;
    let refuse = |status, error: String| {
        let page =
            Page { frame: visit.frame("Sign in"), is_new: false, email: email.clone(), next: next.clone(), error };
        Reply::page_with(status, &page)
    };
    if let Err(wait) = logins.attempt(visit.address, &email, visit.now()) {
        let minutes = wait.as_secs().div_ceil(60).max(1);
        let text = format!("Too many attempts. Try again in {minutes} min.");
        let reply = refuse(StatusCode::TOO_MANY_REQUESTS, text)?;
        return Ok(reply.append(RETRY_AFTER, &wait.as_secs().max(1).to_string()));
    }
    let found = visit.store().person_by_email(&email).await?;
    let (person, hash) = found.map_or((None, None), |(person, hash)| (Some(person), hash));
    let right = matches(&visit.shared, form.raw("password"), hash).await?;
    let Some(person) = person.filter(|_| right) else {
        tracing::info!(address = ?visit.address, "a sign-in was refused");
        return refuse(StatusCode::UNAUTHORIZED, WRONG.to_owned());
    };
    logins.succeeded(visit.address, &email);
    let actor = format!("person:{}", person.email);
    note(&visit, person.org, &actor, "session.open", &visit.codec().text(person.id), None).await;
    sign_in(&visit, &person, &next).await
}

pub(crate) async fn leave(call: Call) -> Result<Reply, Fault> {
    call.store().close_session(call.me.person, call.me.session).await?;
    let reply = Reply::see("/login").append(SET_COOKIE, &session_cookie(&call, "", 0));
    Ok(reply.notice("You are signed out."))
}
