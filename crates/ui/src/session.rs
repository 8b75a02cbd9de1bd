//! Who is signed in.
//!
//! **Invariant:** the store knows the hash of a session's token only; the token is in the cookie alone.

use crate::call::Shared;
use crate::fault::Fault;
use domain::{OrgId, PersonId, SessionId};
use http::HeaderMap;
use http::header::COOKIE;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use store::Role;

/// Over plain HTTP.
pub(crate) const COOKIE_NAME: &str = "postrider_session";
/// Over HTTPS: no other host, not even a sibling of the same domain, can put one into the browser (RFC 6265bis, 4.1.3).
pub(crate) const HOST_COOKIE_NAME: &str = "__Host-postrider_session";

/// What a person may do. Each role has the rights of those below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Right {
    /// Look at everything but secrets.
    Read,
    /// Send again what is there: resend, recover, replay, test.
    Resend,
    /// Change what is sent and received.
    Write,
    /// People, keys and settings.
    Own,
}

/// The person behind a request.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub org: OrgId,
    pub org_text: Arc<str>,
    /// Of the organisation.
    pub org_name: String,
    pub person: PersonId,
    pub session: SessionId,
    pub email: String,
    pub name: String,
    pub role: &'static str,
    pub right: Right,
    /// Single-key shortcuts are on (WCAG 2.1.4).
    pub shortcuts: bool,
}

impl SignedIn {
    pub fn may(&self, right: Right) -> bool {
        self.right >= right
    }
    pub fn may_resend(&self) -> bool {
        self.may(Right::Resend)
    }
    pub fn may_write(&self) -> bool {
        self.may(Right::Write)
    }
    pub fn may_own(&self) -> bool {
        self.may(Right::Own)
    }
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(n, _)| *n == name).map(|(_, value)| value).next()
}

/// What may be the token of a session.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, HOST_COOKIE_NAME).or_else(|| cookie(headers, COOKIE_NAME))
}

/// The person whose session's token this is, if it is one.
pub(crate) async fn find(shared: &Shared, token: &str) -> Result<Option<SignedIn>, Fault> {
    let store = &shared.store;
    let Some((person, session)) = store.session(Sha256::digest(token.as_bytes()).into()).await? else {
        return Ok(None);
    };
    let profile = store.profile(person.org);
    Ok(Some(SignedIn {
        org: person.org,
        org_text: store.organisation_text(person.org).await?.into(),
        org_name: if profile.name.is_empty() { "Your organisation".to_owned() } else { profile.name.clone() },
        person: person.id,
        session: session.id,
        email: person.email,
        name: person.name,
        role: person.role.as_str(),
        right: match person.role {
            Role::Owner => Right::Own,
            Role::Developer => Right::Write,
            Role::Support => Right::Resend,
        },
        shortcuts: person.shortcuts,
    }))
}
