//! HMAC (RFC 2104) and plain hashes over a message in pieces.
//!
//! **Invariant:** the message is never copied; keyed states are wiped when dropped.

use super::encoding::Encoding;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

impl Algorithm {
    /// Bytes of a digest.
    pub fn len(self) -> usize {
        match self {
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        }
    }
}

/// An HMAC key, with its two blocks already hashed.
pub(crate) enum Keyed {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl Keyed {
    pub fn new(algorithm: Algorithm, key: &[u8]) -> Self {
        match algorithm {
            Algorithm::Sha1 => Keyed::Sha1(state(key)),
            Algorithm::Sha256 => Keyed::Sha256(state(key)),
            Algorithm::Sha512 => Keyed::Sha512(state(key)),
        }
    }

    pub fn mac<'a>(&self, message: impl Iterator<Item = &'a [u8]>) -> Zeroizing<Vec<u8>> {
        match self {
            Keyed::Sha1(state) => finish(state.clone(), message),
            Keyed::Sha256(state) => finish(state.clone(), message),
            Keyed::Sha512(state) => finish(state.clone(), message),
        }
    }
}

fn state<M: KeyInit>(key: &[u8]) -> M {
    match M::new_from_slice(key) {
        Ok(state) => state,
        Err(_) => unreachable!("HMAC takes keys of any length (RFC 2104)"),
    }
}

fn finish<'a, M: Mac>(mut state: M, message: impl Iterator<Item = &'a [u8]>) -> Zeroizing<Vec<u8>> {
    message.for_each(|piece| state.update(piece));
    Zeroizing::new(state.finalize().into_bytes().to_vec())
}

/// The plain hash of a message in pieces.
pub(crate) fn hash<'a>(algorithm: Algorithm, message: impl Iterator<Item = &'a [u8]>) -> Zeroizing<Vec<u8>> {
    fn run<'a, D: Digest>(message: impl Iterator<Item = &'a [u8]>) -> Zeroizing<Vec<u8>> {
        let mut state = D::new();
        message.for_each(|piece| state.update(piece));
        Zeroizing::new(state.finalize().to_vec())
    }
    match algorithm {
        Algorithm::Sha1 => run::<Sha1>(message),
        Algorithm::Sha256 => run::<Sha256>(message),
        Algorithm::Sha512 => run::<Sha512>(message),
    }
}

/// Whether one of the claims is the text of the digest. All are compared: which one matched must not show in the time.
pub(crate) fn is_claimed(digest: &[u8], encoding: Encoding, claims: &[&[u8]]) -> Choice {
    let text = Zeroizing::new(encoding.encode(digest));
    claims.iter().fold(Choice::from(0), |found, claim| found | text.as_bytes().ct_eq(claim))
}
