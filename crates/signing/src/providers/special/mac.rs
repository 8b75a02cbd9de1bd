//! HMACs as providers write them: hexadecimal or base64 text, compared as text.
//!
//! **Invariant:** every key is compared with every claim, in constant time and without an early stop. Comparing the
//! encoded text instead of decoded bytes leaves a signature exactly one spelling.

use super::super::config::{Config, Secret};
use super::super::{ConfigError, Refusal};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// Signatures that are looked at in one request, at most.
pub(super) const CLAIMS_MAX: usize = 64;

/// What is computed, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sha1Hex,
    Sha1Base64,
    Sha256Hex,
    Sha256Base64,
}

impl Kind {
    fn len(self) -> usize {
        match self {
            Kind::Sha1Hex => 40,
            Kind::Sha1Base64 => 28,
            Kind::Sha256Hex => 64,
            Kind::Sha256Base64 => 44,
        }
    }

    fn malformed(self) -> Refusal {
        Refusal::Malformed(match self {
            Kind::Sha1Hex => "the signature is not 40 lower-case hexadecimal digits".into(),
            Kind::Sha1Base64 => "the signature is not 28 characters of base64".into(),
            Kind::Sha256Hex => "the signature is not 64 lower-case hexadecimal digits".into(),
            Kind::Sha256Base64 => "the signature is not 44 characters of base64".into(),
        })
    }

    fn is_well_formed(self, claim: &[u8]) -> bool {
        claim.len() == self.len()
            && match self {
                Kind::Sha1Hex | Kind::Sha256Hex => claim.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
                Kind::Sha1Base64 | Kind::Sha256Base64 => BASE64_STANDARD.decode(claim).is_ok(),
            }
    }

    fn written(self, key: &[u8], signed: &[&[u8]]) -> Option<String> {
        Some(match self {
            Kind::Sha1Hex => hex(&keyed::<Hmac<Sha1>>(key, signed)?),
            Kind::Sha1Base64 => BASE64_STANDARD.encode(keyed::<Hmac<Sha1>>(key, signed)?),
            Kind::Sha256Hex => hex(&keyed::<Hmac<Sha256>>(key, signed)?),
            Kind::Sha256Base64 => BASE64_STANDARD.encode(keyed::<Hmac<Sha256>>(key, signed)?),
        })
    }
}

fn keyed<M: Mac + KeyInit>(key: &[u8], signed: &[&[u8]]) -> Option<Vec<u8>> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    signed.iter().for_each(|part| mac.update(part));
    Some(mac.finalize().into_bytes().to_vec())
}

/// The keys of a source.
pub(super) struct Keys(Vec<Zeroizing<Vec<u8>>>);

impl Keys {
    /// The secrets' bytes are the keys.
    pub(super) fn of(config: Config<'_>) -> Result<Self, ConfigError> {
        Ok(Self::from_texts(&config.secrets(1)?))
    }

    pub(super) fn from_texts(texts: &[Secret]) -> Self {
        Self(texts.iter().map(|text| Zeroizing::new(text.as_bytes().to_vec())).collect())
    }

    /// Keys that a scheme derived from secrets.
    pub(super) fn derived(keys: Vec<Zeroizing<Vec<u8>>>) -> Self {
        Self(keys)
    }

    /// Whether any key made any of `claims` over the concatenation of `signed`.
    pub(super) fn made_one_of(&self, kind: Kind, signed: &[&[u8]], claims: &[&[u8]]) -> Choice {
        self.0.iter().fold(Choice::from(0), |found, key| {
            let written = Zeroizing::new(kind.written(key, signed).unwrap_or_default());
            let usable = Choice::from(u8::from(!written.is_empty()));
            claims.iter().fold(found, |found, claim| found | (usable & written.as_bytes().ct_eq(claim)))
        })
    }

    /// Refuses a malformed `claim` and one that no key made.
    pub(super) fn check(&self, kind: Kind, signed: &[&[u8]], claim: &[u8]) -> Result<(), Refusal> {
        let claims = well_formed(kind, &[claim])?;
        matched(self.made_one_of(kind, signed, &claims))
    }

    /// Whether `text` is one of the secrets themselves.
    pub(super) fn contain(&self, text: &[u8]) -> Choice {
        self.0.iter().fold(Choice::from(0), |found, key| found | key.as_slice().ct_eq(text))
    }
}

/// The claims that could be signatures; refused when there is none, or too many to look at.
pub(super) fn well_formed<'a>(kind: Kind, claims: &[&'a [u8]]) -> Result<Vec<&'a [u8]>, Refusal> {
    if claims.len() > CLAIMS_MAX {
        return Err(Refusal::Malformed(format!("there are more than {CLAIMS_MAX} signatures").into()));
    }
    let usable: Vec<_> = claims.iter().copied().filter(|claim| kind.is_well_formed(claim)).collect();
    if usable.is_empty() { Err(kind.malformed()) } else { Ok(usable) }
}

/// The verdict over comparisons.
pub(super) fn matched(found: Choice) -> Result<(), Refusal> {
    if bool::from(found) { Ok(()) } else { Err(Refusal::Mismatch) }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The hash of a body, as providers put it beside the body: 64 lower-case hexadecimal digits.
pub(super) fn sha256_hex(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

/// The bytes of a key written in hexadecimal, either case.
pub(super) fn unhex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    for pair in text.as_bytes().chunks(2) {
        let &[high, low] = pair else { return None };
        bytes.push(digit(high)? << 4 | digit(low)?);
    }
    Some(bytes)
}
