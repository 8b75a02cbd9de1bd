//! One-time tickets: text that lets somebody in once, signed with a key of the data folder.
//!
//! `postrider admin reset` makes one beside a running server, without its database. A ticket is `purpose.claims.mac` in
//! base64url; that it is used once is kept by the store, by its nonce. **Invariant:** a ticket of one purpose is none of
//! another, and the claims are read after the MAC was checked.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

type HmacSha256 = Hmac<Sha256>;

/// What a ticket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To make the first owner of an organisation: 30 minutes.
    Setup,
    /// To join an organisation: 7 days.
    Invite,
    /// To choose a new password: 30 minutes.
    Reset,
}

impl Purpose {
    /// How long such a ticket is good.
    pub const fn lifetime_s(self) -> i64 {
        match self {
            Purpose::Setup | Purpose::Reset => 30 * 60,
            Purpose::Invite => 7 * 86_400,
        }
    }
    fn prefix(self) -> &'static str {
        match self {
            Purpose::Setup => "setup",
            Purpose::Invite => "invite",
            Purpose::Reset => "reset",
        }
    }
}

/// What a ticket says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// `org_...`.
    #[serde(rename = "o")]
    pub org: String,
    /// Seconds since the Unix epoch.
    #[serde(rename = "e")]
    pub expires_s: i64,
    #[serde(rename = "n", with = "number")]
    pub nonce: [u8; 16],
    /// Whom it is for; `None`: whoever has it.
    #[serde(rename = "m", skip_serializing_if = "Option::is_none", default)]
    pub email: Option<String>,
    /// The role that an invitation gives.
    #[serde(rename = "r", skip_serializing_if = "Option::is_none", default)]
    pub role: Option<String>,
    /// Who invites: the invitation is good as long as they may invite.
    #[serde(rename = "b", skip_serializing_if = "Option::is_none", default)]
    pub by: Option<String>,
}

/// A nonce as a number: shorter than a list of bytes.
mod number {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(nonce: &[u8; 16], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u128(u128::from_be_bytes(*nonce))
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 16], D::Error> {
        u128::deserialize(from).map(u128::to_be_bytes)
    }
}

/// Why a ticket isn't taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    #[error("This link is not complete, or not one of this server's. Copy all of it")]
    Forged,
    #[error("This link has expired")]
    Expired,
}

const TEXT_LEN_MAX: usize = 2048;

/// Makes and checks tickets.
#[derive(Clone)]
pub struct TicketKey(Zeroizing<[u8; 32]>);

impl TicketKey {
    /// From secrets of the data folder. They are hashed, so that no ticket says anything of them.
    pub fn derive(secrets: &[&[u8]]) -> Self {
        let mut mac = new_mac(b"postrider tickets v1");
        for secret in secrets {
            mac.update(&(secret.len() as u64).to_be_bytes());
            mac.update(secret);
        }
        TicketKey(Zeroizing::new(mac.finalize().into_bytes().into()))
    }

    /// A ticket from `now_s` on, for as long as its purpose lasts.
    pub fn ticket(&self, purpose: Purpose, org: &str, now_s: i64, fill: &mut dyn FnMut(&mut [u8])) -> Ticket {
        let expires_s = now_s.saturating_add(purpose.lifetime_s());
        Ticket { org: org.to_owned(), expires_s, nonce: *crate::random::<16>(fill), email: None, role: None, by: None }
    }

    /// The ticket's text.
    pub fn sign(&self, purpose: Purpose, ticket: &Ticket) -> String {
        // Strings and numbers: this can't fail; an empty text is refused when it is read.
        let claims = B64.encode(serde_json::to_vec(ticket).unwrap_or_default());
        let signed = format!("{}.{claims}", purpose.prefix());
        let mac = self.mac(&signed).finalize().into_bytes();
        format!("{signed}.{}", B64.encode(mac))
    }

    /// What a ticket says, if it is ours, for `purpose`, and still good.
    pub fn read(&self, purpose: Purpose, text: &str, now_s: i64) -> Result<Ticket, TicketError> {
        let forged = TicketError::Forged;
        if text.len() > TEXT_LEN_MAX {
            return Err(forged);
        }
        let (signed, mac) = text.trim().rsplit_once('.').ok_or(forged)?;
        let (prefix, claims) = signed.split_once('.').ok_or(forged)?;
        let mac = B64.decode(mac).map_err(|_| forged)?;
        self.mac(signed).verify_slice(&mac).map_err(|_| forged)?;
        if prefix != purpose.prefix() {
            return Err(forged);
        }
        let claims = B64.decode(claims).map_err(|_| forged)?;
        let ticket: Ticket = serde_json::from_slice(&claims).map_err(|_| forged)?;
        if now_s >= ticket.expires_s { Err(TicketError::Expired) } else { Ok(ticket) }
    }

    /// Tells this installation from others; says nothing of the key.
    pub fn installation(&self) -> String {
        let mac = self.mac("installation").finalize().into_bytes();
        mac.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    fn mac(&self, signed: &str) -> HmacSha256 {
        new_mac(self.0.as_slice()).chain_update(signed.as_bytes())
    }
}

fn new_mac(key: &[u8]) -> HmacSha256 {
    match <HmacSha256 as KeyInit>::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes a key of any length"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_248_000;

    fn key() -> TicketKey {
        TicketKey::derive(&[b"one", b"two"])
    }
    fn ticket(purpose: Purpose) -> Ticket {
        let ticket = key().ticket(purpose, "org_a", NOW, &mut |bytes| bytes.fill(7));
        Ticket { email: Some("ana@example.com".into()), role: Some("owner".into()), ..ticket }
    }

    #[test]
    fn a_ticket_is_read_until_it_expires() {
        for (purpose, lasts) in [(Purpose::Setup, 1800), (Purpose::Invite, 604_800), (Purpose::Reset, 1800)] {
            let text = key().sign(purpose, &ticket(purpose));
            assert!(text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_')), "{text}");
            assert_eq!(key().read(purpose, &text, NOW), Ok(ticket(purpose)));
            assert!(key().read(purpose, &text, NOW + lasts - 1).is_ok());
            assert_eq!(key().read(purpose, &text, NOW + lasts), Err(TicketError::Expired));
        }
    }

    #[test]
    fn a_ticket_for_something_else_or_of_somebody_else_is_refused() {
        let text = key().sign(Purpose::Invite, &ticket(Purpose::Invite));
        let check = |text: &str| key().read(Purpose::Setup, text, NOW).err();
        assert_eq!(check(&text), Some(TicketError::Forged));
        assert_eq!(check(&text.replace("invite", "setup")), Some(TicketError::Forged));
        let good = key().sign(Purpose::Setup, &ticket(Purpose::Setup));
        assert_eq!(check(&good), None);
        assert_eq!(
            check(&TicketKey::derive(&[b"onetwo"]).sign(Purpose::Setup, &ticket(Purpose::Setup))),
            Some(TicketError::Forged)
        );
        for at in 0..good.len() {
            let mut other = good.clone();
            other.replace_range(at..=at, if &good[at..=at] == "A" { "B" } else { "A" });
            assert!(check(&other).is_some(), "{at}");
            assert!(check(&good[..at]).is_some(), "{at}");
        }
        assert!(check(&format!("{good}{}", "A".repeat(3000))).is_some());
    }
}
