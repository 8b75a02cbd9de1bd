//! API keys: tokens that have a name, scopes, and an end.
//!
//! **Invariant:** the token itself is never stored, its hash is.

use domain::{KeyId, OrgId, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// What an API key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Scope {
    MessagesSend,
    Read,
    EndpointsWrite,
    EventTypesWrite,
    SourcesWrite,
    LinksWrite,
    Resend,
    Portal,
    /// Everything, keys and the audit log too.
    All,
}

impl Scope {
    pub const EACH: [Scope; 9] = [
        Scope::MessagesSend,
        Scope::Read,
        Scope::EndpointsWrite,
        Scope::EventTypesWrite,
        Scope::SourcesWrite,
        Scope::LinksWrite,
        Scope::Resend,
        Scope::Portal,
        Scope::All,
    ];

    /// As tokens and the API write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::MessagesSend => "messages:send",
            Scope::Read => "read",
            Scope::EndpointsWrite => "endpoints:write",
            Scope::EventTypesWrite => "event-types:write",
            Scope::SourcesWrite => "sources:write",
            Scope::LinksWrite => "links:write",
            Scope::Resend => "resend",
            Scope::Portal => "portal",
            Scope::All => "*",
        }
    }
    /// In plain words.
    pub fn meaning(self) -> &'static str {
        match self {
            Scope::MessagesSend => "Send messages and report conversions",
            Scope::Read => "Read everything but secrets",
            Scope::EndpointsWrite => "Change applications and endpoints, read and rotate their secrets",
            Scope::EventTypesWrite => "Change event types",
            Scope::SourcesWrite => "Change sources and bins, read and rotate their secrets",
            Scope::LinksWrite => "Change links and forms",
            Scope::Resend => "Send again, recover, replay, send examples",
            Scope::Portal => "Make links to the portal",
            Scope::All => "Everything, API keys and the audit log too",
        }
    }
    pub fn parse(text: &str) -> Option<Scope> {
        Scope::EACH.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// A set of [`Scope`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes(u16);

impl Scopes {
    pub const ALL: Scopes = Scopes(1 << Scope::All as u8);

    pub fn of(list: &[Scope]) -> Self {
        Scopes(list.iter().fold(0, |set, scope| set | 1 << *scope as u8))
    }
    pub fn has(self, scope: Scope) -> bool {
        self.0 & (Self::ALL.0 | 1 << scope as u8) != 0
    }
}

/// An API key. Created when its id was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub id: KeyId,
    pub org: OrgId,
    pub name: String,
    pub scopes: Vec<Scope>,
    /// An actor, as in the audit log.
    pub created_by: String,
    /// SHA-256 of its token.
    pub hash: [u8; 32],
    pub expires_at: Option<Timestamp>,
    /// To about a minute.
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// What its token's `jti` says; made with [`crate::Store::new_key_id`].
    pub id: KeyId,
    pub name: String,
    pub scopes: Vec<Scope>,
    pub created_by: String,
    pub hash: [u8; 32],
    pub expires_at: Option<Timestamp>,
}

/// When a key was used last, as far as that is written or on its way. Shared by all who use the key.
#[derive(Debug, Default)]
pub struct KeyUse {
    pub(crate) written_at: AtomicI64,
}

/// Between two writes of a key's last use, milliseconds.
const WRITE_PAUSE_MS: i64 = 60_000;

impl KeyUse {
    /// Whether the use at `now` is to be written: once in a minute, for one caller.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        let written = self.written_at.load(Relaxed);
        // The clock may have been set back.
        (now.0 - written).abs() >= WRITE_PAUSE_MS
            && self.written_at.compare_exchange(written, now.0, Relaxed, Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_one_text_and_all_has_every_one() {
        for scope in Scope::EACH {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
            assert!(Scopes::ALL.has(scope));
            for other in Scope::EACH {
                let has = Scopes::of(&[scope]).has(other);
                assert_eq!(has, scope == other || scope == Scope::All, "{scope:?} {other:?}");
            }
        }
        assert_eq!(Scope::parse("endpoints:*"), None);
    }

    #[test]
    fn a_use_is_written_once_a_minute() {
        let use_ = KeyUse::default();
        let due = [1_000_000, 1_000_001, 1_059_999, 1_060_000, 1_060_001, 900_000, 900_001];
        let due: Vec<bool> = due.into_iter().map(|ms| use_.is_due(Timestamp(ms))).collect();
        assert_eq!(due, [true, false, false, true, false, true, false]);
    }
}
