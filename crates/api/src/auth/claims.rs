//! What a token says.
//!
//! **Invariant:** claims that Postrider doesn't know are ignored; `iss` and `aud` are not checked (as in the Svix API).

use domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use store::{Scope, Scopes};

/// How far the clocks of token maker and server may differ.
pub(crate) const LEEWAY: Duration = Duration::from_secs(60);

/// What an application token may do (the names are the Svix API's).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Capability {
    /// Read everything but secrets.
    ViewBase = 1,
    /// Read endpoint secrets.
    ViewEndpointSecret = 2,
    /// Rotate endpoint secrets.
    ManageEndpointSecret = 4,
    /// Change transformations.
    ManageTransformations = 8,
    /// Resend, recover and replay.
    CreateAttempts = 16,
    /// Create, change and delete endpoints.
    ManageEndpoint = 32,
}

/// A set of [`Capability`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities(u8);

impl Capabilities {
    pub const ALL: Capabilities = Capabilities(63);
    /// What a read-only portal gets.
    pub const READ_ONLY: Capabilities = Capabilities(Capability::ViewBase as u8);

    pub fn of(list: &[Capability]) -> Self {
        Capabilities(list.iter().fold(0, |set, c| set | *c as u8))
    }
    pub fn has(self, c: Capability) -> bool {
        self.0 & c as u8 != 0
    }
    pub(crate) fn parse(name: &str) -> Option<Capability> {
        EACH.into_iter().find(|c| name_of(*c) == name)
    }
    pub(crate) fn names(self) -> Vec<&'static str> {
        EACH.into_iter().filter(|c| self.has(*c)).map(name_of).collect()
    }
}

const EACH: [Capability; 6] = [
    Capability::ViewBase,
    Capability::ViewEndpointSecret,
    Capability::ManageEndpointSecret,
    Capability::ManageTransformations,
    Capability::CreateAttempts,
    Capability::ManageEndpoint,
];

fn name_of(c: Capability) -> &'static str {
    match c {
        Capability::ViewBase => "ViewBase",
        Capability::ViewEndpointSecret => "ViewEndpointSecret",
        Capability::ManageEndpointSecret => "ManageEndpointSecret",
        Capability::ManageTransformations => "ManageTransformations",
        Capability::CreateAttempts => "CreateAttempts",
        Capability::ManageEndpoint => "ManageEndpoint",
    }
}

/// The claims that are read. Times are RFC 7519 NumericDates, which may have a fraction.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    sub: String,
    #[serde(default)]
    org: Option<String>,
    #[serde(default)]
    exp: Option<f64>,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    iat: Option<f64>,
    /// Which session of the customers' it was made for.
    #[serde(default)]
    pub session_id: Option<String>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub feature_flags: Vec<String>,
    /// Absent: all. A name that isn't known grants nothing.
    #[serde(default)]
    capabilities: Option<Vec<String>>,
    /// An API key's id; what others put there is theirs.
    #[serde(default)]
    jti: Value,
    /// Absent: all. What is no list of known names grants nothing.
    #[serde(default)]
    scopes: Value,
}

fn null_as_empty<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_default())
}

pub(crate) enum Subject<'a> {
    Org(&'a str),
    App { app: &'a str, org: &'a str },
}

impl Claims {
    /// `None` when the token names nobody.
    pub fn subject(&self) -> Option<Subject<'_>> {
        if self.sub.starts_with("org_") {
            return is_org(&self.sub).then_some(Subject::Org(&self.sub));
        }
        let org = self.org.as_deref().filter(|o| is_org(o))?;
        self.sub.starts_with("app_").then_some(Subject::App { app: &self.sub, org })
    }
    pub fn capabilities(&self) -> Capabilities {
        match &self.capabilities {
            None => Capabilities::ALL,
            Some(names) => Capabilities::of(&names.iter().filter_map(|n| Capabilities::parse(n)).collect::<Vec<_>>()),
        }
    }
    pub fn scopes(&self) -> Scopes {
        match &self.scopes {
            Value::Null => Scopes::ALL,
            Value::Array(names) => {
                let known = names.iter().filter_map(|n| n.as_str().and_then(Scope::parse));
                Scopes::of(&known.collect::<Vec<_>>())
            }
            _ => Scopes::of(&[]),
        }
    }
    /// What may be the id of an API key.
    pub fn key(&self) -> Option<&str> {
        self.jti.as_str()
    }
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.exp.map(numeric_date)
    }
    pub fn issued_at(&self) -> Option<Timestamp> {
        self.iat.map(numeric_date)
    }
    /// The later of `nbf` and `iat`: a token from the future is not valid yet.
    pub fn not_before(&self) -> Option<Timestamp> {
        self.nbf.max(self.iat).map(numeric_date)
    }
}

trait MaxF64 {
    fn max(self, other: Self) -> Self;
}
impl MaxF64 for Option<f64> {
    fn max(self, other: Self) -> Self {
        match (self, other) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        }
    }
}

fn numeric_date(seconds: f64) -> Timestamp {
    // A cast saturates, and a token can't hold a NaN (JSON has none).
    Timestamp(((seconds * 1000.0) as i64).clamp(0, Timestamp::MAX.0))
}

/// `org_` and 1 to 64 letters, digits, `-` or `_`.
fn is_org(text: &str) -> bool {
    text.strip_prefix("org_").is_some_and(|rest| {
        (1..=64).contains(&rest.len()) && rest.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
    })
}

/// The token of an API key, to be made.
pub(crate) struct NewKeyToken<'a> {
    /// Public id of the organisation, `org_...`.
    pub org: &'a str,
    /// Public id of the key, `key_...`.
    pub key: &'a str,
    pub scopes: &'a [Scope],
    pub expires_at: Option<Timestamp>,
}

impl NewKeyToken<'_> {
    pub fn claims(&self, now: Timestamp) -> Value {
        let scopes: Vec<&str> = self.scopes.iter().map(|s| s.as_str()).collect();
        let mut claims = serde_json::json!({
            "iss": "postrider", "iat": now.seconds(), "nbf": now.seconds(),
            "sub": self.org, "jti": self.key, "scopes": scopes,
        });
        if let (Some(map), Some(t)) = (claims.as_object_mut(), self.expires_at) {
            map.insert("exp".into(), t.seconds().into());
        }
        claims
    }
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    /// Public id of the organisation, `org_...`.
    pub org: &'a str,
    /// Public id of the application, for a token that may touch only this one.
    pub app: Option<&'a str>,
    pub expires_at: Option<Timestamp>,
    pub capabilities: Capabilities,
    pub feature_flags: &'a [String],
    /// So that the tokens of one session can be ended together.
    pub session: Option<&'a str>,
    /// Makes two tokens of one second differ, so that revoking one leaves the other.
    pub nonce: u64,
}

impl NewToken<'_> {
    pub(crate) fn claims(&self, now: Timestamp) -> serde_json::Value {
        let mut claims = serde_json::json!({
            "iss": "postrider", "iat": now.seconds(), "nbf": now.seconds(),
            "sub": self.app.unwrap_or(self.org), "jti": format!("{:016x}", self.nonce),
        });
        let Some(map) = claims.as_object_mut() else { return claims };
        if let Some(t) = self.expires_at {
            map.insert("exp".into(), t.seconds().into());
        }
        if let Some(session) = self.session {
            map.insert("session_id".into(), session.into());
        }
        if self.app.is_some() {
            map.insert("org".into(), self.org.into());
            map.insert("feature_flags".into(), self.feature_flags.to_vec().into());
            if self.capabilities != Capabilities::ALL {
                map.insert("capabilities".into(), self.capabilities.names().into());
            }
        }
        claims
    }
}
