//! Signing in, and what comes before and after: setup, invitations, resets, one's own account.
//!
//! **Invariant:** passwords are hashed off the runtime's threads, a few at a time; a refused sign-in says the same whatever
//! was wrong with it.

pub(crate) mod account;
mod demo;
pub(crate) mod invite;
mod limit;
pub(crate) mod login;
pub(crate) mod reset;
pub(crate) mod setup;

pub(crate) use limit::Logins;

use crate::call::{Shared, Visit};
use crate::fault::Fault;
use crate::reply::Reply;
use crate::session::{COOKIE_NAME, HOST_COOKIE_NAME};
use crate::view::Frame;
use askama::Template;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64};
use domain::OrgId;
use http::StatusCode;
use http::header::{ORIGIN, SET_COOKIE, USER_AGENT};
use sha2::{Digest, Sha256};
use signing::account::{PasswordError, Purpose, Ticket, hash_password, password_matches};
use std::net::IpAddr;
use std::sync::Arc;
use store::{NewAuditEntry, NewSession, PasswordHash, Person, StoreError};

/// Longest e-mail address (RFC 5321).
const EMAIL_MAX: usize = 254;
pub(crate) const NAME_MAX: usize = 100;
/// As long as browsers keep any cookie; how long the session lasts is the store's to say.
const COOKIE_S: u64 = 400 * 86_400;
pub(crate) const PASSWORD_HINT: &str =
    "At least 10 characters. Four or five random words are easy to remember and hard to guess.";

/// Whether it can be an e-mail address: one `@`, something before it, a host after it.
pub fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.split_once('@') else { return false };
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[],;:\\\"@".contains(c);
    text.len() <= EMAIL_MAX
        && !local.is_empty()
        && local.chars().all(plain)
        && host.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '.')
        && host.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
}

/// What was wrong with a form, by field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Errors(Vec<(&'static str, String)>);

impl Errors {
    pub fn add(&mut self, field: &'static str, text: impl Into<String>) {
        if self.at(field).is_empty() {
            self.0.push((field, text.into()));
        }
    }
    pub fn at(&self, field: &str) -> &str {
        self.0.iter().find(|(name, _)| *name == field).map_or("", |(_, text)| text)
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// A person's name, on one line.
    pub fn check_name(&mut self, field: &'static str, name: &str) {
        if name.is_empty() {
            self.add(field, "Write a name");
        } else if name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
            self.add(field, "A name has at most 100 characters");
        }
    }
    pub fn check_email(&mut self, email: &str) {
        if !is_email(email) {
            self.add("email", "Write an e-mail address, like ana@example.com");
        }
    }
    /// A refusal of the store, at the field that it is about.
    pub fn refused(&mut self, field: &'static str, error: StoreError) -> Result<(), Fault> {
        match error {
            StoreError::Conflict(text) => {
                let mut chars = text.chars();
                let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
                self.add(field, format!("{first}{}", chars.as_str()));
                Ok(())
            }
            other => Err(other.into()),
        }
    }
}

/// A page that says why a link doesn't work, and what to do.
#[derive(Template)]
#[template(path = "accounts/dead_link.html")]
struct DeadLink {
    frame: Frame,
    why: String,
    what: &'static str,
}
use crate::view as v;

pub(crate) fn dead_link(visit: &Visit, why: impl Into<String>, what: &'static str) -> Result<Reply, Fault> {
    let frame = visit.frame("This link doesn't work");
    Reply::page_with(StatusCode::FORBIDDEN, &DeadLink { frame, why: why.into(), what })
}

/// The ticket in `text`, if it is good and was not used.
pub(crate) async fn ticket(visit: &Visit, purpose: Purpose, text: &str) -> Result<Result<Ticket, String>, Fault> {
    match visit.shared.config.tickets.read(purpose, text, visit.now().seconds()) {
        Err(error) => Ok(Err(format!("{error}."))),
        Ok(ticket) if visit.store().is_ticket_used(ticket.nonce).await? => Ok(Err(match purpose {
            Purpose::Invite => "This link was used already, or it was withdrawn.".to_owned(),
            Purpose::Setup | Purpose::Reset => "This link was used already.".to_owned(),
        })),
        Ok(ticket) => Ok(Ok(ticket)),
    }
}

/// Uses the ticket up; `false` when somebody was quicker.
pub(crate) async fn use_up(visit: &Visit, ticket: &Ticket) -> Result<bool, Fault> {
    let ends = domain::Timestamp(ticket.expires_s.saturating_mul(1000));
    Ok(visit.store().use_ticket(ticket.nonce, ends).await?)
}

/// The hash of a new password, or what is wrong with it.
pub(crate) async fn hashed(shared: &Arc<Shared>, password: &str) -> Result<Result<PasswordHash, PasswordError>, Fault> {
    let (password, rng) = (password.to_owned(), shared.store.rng().clone());
    let hashed = off_thread(shared, move || hash_password(&password, &mut |bytes| rng.fill(bytes))).await?;
    Ok(hashed.map(PasswordHash))
}

/// Whether it is the password. Takes as long when there is no hash.
pub(crate) async fn matches(shared: &Arc<Shared>, password: &str, hash: Option<PasswordHash>) -> Result<bool, Fault> {
    let password = password.to_owned();
    off_thread(shared, move || password_matches(&password, hash.as_ref().map(|h| h.0.as_str()))).await
}

async fn off_thread<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    let _permit = shared.logins.turn().await;
    tokio::task::spawn_blocking(work).await.map_err(|cause| {
        tracing::error!(%cause, "a password could not be hashed");
        Fault::Failed
    })
}

/// Opens a session for `person` and leads them to `to`.
pub(crate) async fn sign_in(visit: &Visit, person: &Person, to: &str) -> Result<Reply, Fault> {
    let mut token = [0; 32];
    visit.store().rng().fill(&mut token);
    let token = B64.encode(token);
    let agent = visit.headers.get(USER_AGENT).and_then(|a| a.to_str().ok()).map(str::to_owned);
    let hash = Sha256::digest(token.as_bytes()).into();
    let address = visit.address.map(|ip| ip.to_string());
    visit.store().open_session(person.id, NewSession { hash, address, agent }).await?;
    visit.shared.logins.signed_in(visit.address, &person.email);
    Ok(Reply::see(to).append(SET_COOKIE, &session_cookie(visit, &token, COOKIE_S)))
}

/// The session's cookie; 0 seconds deletes it.
pub(crate) fn session_cookie(visit: &Visit, token: &str, seconds: u64) -> String {
    let (name, secure) = if is_secure(visit) { (HOST_COOKIE_NAME, "; Secure") } else { (COOKIE_NAME, "") };
    format!("{name}={token}; Path=/; Max-Age={seconds}; SameSite=Lax; HttpOnly{secure}")
}

/// The page came over HTTPS: the browser says so, or else the public URL does.
fn is_secure(visit: &Visit) -> bool {
    match visit.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()) {
        Some(origin) => origin.starts_with("https://"),
        None => visit.origin().starts_with("https://"),
    }
}

/// Writes what was done into the audit log, before the answer leaves.
pub(crate) async fn note(visit: &Visit, org: OrgId, actor: &str, action: &str, object: &str, detail: Option<&str>) {
    let entry = NewAuditEntry {
        org,
        actor: actor.to_owned(),
        action: action.to_owned(),
        object: object.to_owned(),
        detail: detail.map(str::to_owned),
        address: visit.address.map(|ip: IpAddr| ip.to_string()),
    };
    if let Err(cause) = visit.store().audit(entry).await {
        tracing::error!(%cause, action, "a change could not be written into the audit log");
    }
}

#[cfg(test)]
mod tests {
    use super::is_email;

    #[test]
    fn an_address_has_a_part_before_the_at_and_a_host_after_it() {
        for good in ["ana@example.com", "a.b+c@x.co", "ana@localhost", "jürgen@bücher.example"] {
            assert!(is_email(good), "{good}");
        }
        for bad in
            ["", "ana", "@x.co", "ana@", "a b@x.co", "a@b@c", "a@x..co", "a@-x.co", "a@x.co>", "<a@x.co", "a@x y"]
        {
            assert!(!is_email(bad), "{bad}");
        }
        assert!(!is_email(&format!("{}@example.com", "a".repeat(250))));
    }
}
