//! Who changed what.
//!
//! **Invariant:** entries are only added, and only retention removes them. No secret and no payload is in one.

use domain::{AuditId, OrgId, Timestamp};

/// One change, at the time of its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    pub id: AuditId,
    pub org: OrgId,
    /// `person:ana@example.com`, `key:name`, `token`, `portal:app_...`, `ticket` (a setup, invitation or reset link).
    pub actor: String,
    /// `endpoint.update`.
    pub action: String,
    /// A public id, or a path.
    pub object: String,
    pub detail: Option<String>,
    /// Where the actor was, as far as it is known.
    pub address: Option<String>,
}

impl AuditEntry {
    pub fn at(&self) -> Timestamp {
        self.id.created_at()
    }
}

/// A change to be noted.
#[derive(Clone, Debug)]
pub struct NewAuditEntry {
    pub org: OrgId,
    pub actor: String,
    pub action: String,
    pub object: String,
    pub detail: Option<String>,
    pub address: Option<String>,
}

/// Which entries are wanted; absent is any.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// The whole text, or its beginning with a `*` after it: `person:*`.
    pub actor: Option<String>,
    /// The same: `endpoint.*`.
    pub action: Option<String>,
    pub object: Option<String>,
    pub before: Option<Timestamp>,
    pub after: Option<Timestamp>,
}
