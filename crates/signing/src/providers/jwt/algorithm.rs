//! Signature algorithms of JSON Web Signatures (RFC 7518 §3.1, RFC 8037 §3.1).
//!
//! **Invariant:** `none` is no algorithm.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    EdDsa,
}

use Algorithm::{EdDsa, Es256, Es384, Es512, Hs256, Hs384, Hs512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};

/// Those of a shared secret.
pub(super) const SHARED: &[Algorithm] = &[Hs256, Hs384, Hs512];
/// Those of a key pair.
pub(super) const PUBLIC: &[Algorithm] = &[Rs256, Rs384, Rs512, Ps256, Ps384, Ps512, Es256, Es384, Es512, EdDsa];

impl Algorithm {
    pub(super) fn name(self) -> &'static str {
        match self {
            Hs256 => "HS256",
            Hs384 => "HS384",
            Hs512 => "HS512",
            Rs256 => "RS256",
            Rs384 => "RS384",
            Rs512 => "RS512",
            Ps256 => "PS256",
            Ps384 => "PS384",
            Ps512 => "PS512",
            Es256 => "ES256",
            Es384 => "ES384",
            Es512 => "ES512",
            EdDsa => "EdDSA",
        }
    }

    /// By its exact name.
    pub(super) fn find(name: &str) -> Option<Self> {
        SHARED.iter().chain(PUBLIC).copied().find(|algorithm| algorithm.name() == name)
    }

    pub(super) fn is_shared(self) -> bool {
        SHARED.contains(&self)
    }

    /// Whether `claimed` is the MAC of `message` under a shared secret, compared in constant time. False for the others.
    pub(super) fn mac_matches(self, secret: &[u8], message: &[u8], claimed: &[u8]) -> bool {
        match self {
            Hs256 => matches::<Hmac<Sha256>>(secret, message, claimed),
            Hs384 => matches::<Hmac<Sha384>>(secret, message, claimed),
            Hs512 => matches::<Hmac<Sha512>>(secret, message, claimed),
            _ => false,
        }
    }
}

fn matches<M: Mac + KeyInit>(secret: &[u8], message: &[u8], claimed: &[u8]) -> bool {
    <M as KeyInit>::new_from_slice(secret).is_ok_and(|mac| mac.chain_update(message).verify_slice(claimed).is_ok())
}
