//! Those who sign in: people, their roles, and their sessions.
//!
//! **Invariant:** no password is ever here; its hash (a PHC string, made outside the store) has no Debug.

use domain::{OrgId, PersonId, SessionId, Timestamp};

/// What a person may do. Each has the rights of those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything, people and settings too.
    Owner = 0,
    /// Read, resend, and change what sends and receives.
    Developer = 1,
    /// Read and resend.
    Support = 2,
}

impl Role {
    pub const ALL: [Role; 3] = [Role::Owner, Role::Developer, Role::Support];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Developer => "developer",
            Role::Support => "support",
        }
    }
    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// Somebody who can sign in. Created when its id was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: PersonId,
    pub org: OrgId,
    /// As it was typed; compared without regard to case.
    pub email: String,
    pub name: String,
    pub role: Role,
    pub has_password: bool,
    /// Whether single keys are shortcuts (WCAG 2.1.4: can be turned off).
    pub shortcuts: bool,
    pub updated_at: Timestamp,
    /// To about five minutes.
    pub last_seen_at: Option<Timestamp>,
}

/// A person to be made.
pub struct NewPerson {
    pub email: String,
    pub name: String,
    pub role: Role,
    /// `None`: can't sign in until one is set.
    pub password: Option<PasswordHash>,
}

/// What a change says; absent keeps.
#[derive(Clone, Debug, Default)]
pub struct PersonPatch {
    pub email: Option<String>,
    pub name: Option<String>,
    pub role: Option<Role>,
    pub shortcuts: Option<bool>,
}

/// Open invitations of an organisation at most.
pub(crate) const INVITATIONS_MAX: i64 = 100;

/// A link that lets somebody join, which nobody used yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Of its ticket: names it, and lets nobody in.
    pub nonce: [u8; 16],
    /// `None`: whoever has the link.
    pub email: Option<String>,
    pub role: Role,
    /// An actor, as in the audit log.
    pub created_by: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// An invitation to be remembered.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    pub nonce: [u8; 16],
    pub email: Option<String>,
    pub role: Role,
    pub created_by: String,
    pub expires_at: Timestamp,
}

/// The PHC string of a password's hash. No Debug: it can be attacked offline.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

/// One signed-in browser. Opened when its id was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub person: PersonId,
    /// To about five minutes.
    pub seen_at: Timestamp,
    /// Moves on with use.
    pub expires_at: Timestamp,
    /// Where it was opened from.
    pub address: Option<String>,
    /// What its browser called itself.
    pub agent: Option<String>,
}

/// A session to be opened.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// SHA-256 of the cookie's token.
    pub hash: [u8; 32],
    pub address: Option<String>,
    pub agent: Option<String>,
}

/// How an address is compared.
pub(crate) fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}
