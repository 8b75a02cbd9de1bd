//! Verification of Standard Webhooks requests, `v1` and `v1a`, under `webhook-*` or `svix-*` header names.
//!
//! Called by receivers: the demo's, and sources that take Standard Webhooks.
//!
//! **Invariant:** anything odd is refused. A header that is missing, empty, or not exactly what a signer writes never
//! counts as a signature, and the error says which part failed but nothing about the key.

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{SIGNATURE_LENGTH, Signature, VerifyingKey, ed25519::signature::MultipartVerifier};
use hmac::Mac;
use subtle::{Choice, ConstantTimeEq};

use crate::secret::{EndpointSecret, HmacSha256, Material, ReceiverKey, SecretError, keyed, parse_receiver_key};

/// How far a request's timestamp may be from the receiver's clock, in seconds, in all reference libraries.
pub const TOLERANCE_S_DEFAULT: u32 = 300;

/// More items than this in a signature header are refused: each may cost a pass over the body. A sender in the middle
/// of a rotation has at most 11 (the current key and 10 old ones).
pub const SIGNATURES_MAX: usize = 16;

/// Digits that a timestamp may have: far beyond milliseconds, and never an overflow.
const TIMESTAMP_DIGITS_MAX: usize = 18;

const MAC_LENGTH: usize = 32;

struct HeaderNames {
    id: &'static str,
    timestamp: &'static str,
    signature: &'static str,
}

const STANDARD_NAMES: HeaderNames =
    HeaderNames { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" };
const SVIX_NAMES: HeaderNames = HeaderNames { id: "svix-id", timestamp: "svix-timestamp", signature: "svix-signature" };

/// Why a request is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("the header `{0}` is missing or empty")]
    MissingHeader(&'static str),
    #[error("the timestamp is not a whole number of Unix seconds")]
    TimestampNotInteger,
    #[error("the timestamp is {age_s} s old, the limit is {tolerance_s} s")]
    TooOld { age_s: i64, tolerance_s: u32 },
    #[error("the timestamp is {ahead_s} s in the future, the limit is {tolerance_s} s")]
    TooNew { ahead_s: i64, tolerance_s: u32 },
    #[error("the signature header has no well-formed `v1,` or `v1a,` item")]
    NoUsableSignature,
    #[error("the signature header has more than {SIGNATURES_MAX} items")]
    TooManySignatures,
    #[error("no signature matches: the secret, the id, the timestamp or the body is not what was signed")]
    NoMatchingSignature,
}

/// The three headers that a signed request carries, under one of the two families of names.
#[derive(Clone, Copy, Debug)]
pub struct SignedHeaders<'a> {
    id: &'a [u8],
    timestamp: &'a [u8],
    signature: &'a [u8],
}

impl<'a> SignedHeaders<'a> {
    /// Asks `lookup` for the headers by their lower-case names. `webhook-*` is taken if all three are there, else
    /// `svix-*`; the families are never mixed.
    pub fn find(lookup: impl Fn(&str) -> Option<&'a [u8]>) -> Result<Self, VerifyError> {
        let standard = Self::find_family(&lookup, &STANDARD_NAMES);
        if standard.is_ok() {
            return standard;
        }
        let svix = Self::find_family(&lookup, &SVIX_NAMES);
        // With neither complete, complain about the family that the sender seems to use.
        let is_svix = lookup(STANDARD_NAMES.signature).is_none() && lookup(SVIX_NAMES.signature).is_some();
        if svix.is_ok() || is_svix { svix } else { standard }
    }

    fn find_family(lookup: impl Fn(&str) -> Option<&'a [u8]>, names: &HeaderNames) -> Result<Self, VerifyError> {
        let value = |name| lookup(name).filter(|value| !value.is_empty()).ok_or(VerifyError::MissingHeader(name));
        Ok(Self { id: value(names.id)?, timestamp: value(names.timestamp)?, signature: value(names.signature)? })
    }
}

/// The keys that a receiver trusts. A request passes if one of its signatures verifies under one of them.
pub struct VerifyKeys(Box<[Key]>);

enum Key {
    Hmac(HmacSha256),
    Ed25519(Box<VerifyingKey>),
}

/// A well-formed item of the signature header.
enum Claim {
    V1([u8; MAC_LENGTH]),
    V1a(Signature),
}

impl VerifyKeys {
    /// Takes the receiver's side of the sender's own secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a EndpointSecret>) -> Self {
        let key = |secret: &EndpointSecret| match &secret.0 {
            Material::Hmac(bytes) => Key::Hmac(keyed(bytes)),
            Material::Ed25519(key) => Key::Ed25519(Box::new(key.verifying_key())),
        };
        Self(secrets.into_iter().map(key).collect())
    }

    /// Takes keys that were read elsewhere: a provider's rules for them may differ.
    pub(crate) fn of(keys: Vec<ReceiverKey>) -> Self {
        let key = |key| match key {
            ReceiverKey::Hmac(bytes) => Key::Hmac(keyed(&bytes)),
            ReceiverKey::Ed25519(key) => Key::Ed25519(Box::new(key)),
        };
        Self(keys.into_iter().map(key).collect())
    }

    /// Reads what [`EndpointSecret::shown`] gives: `whsec_` (or the bare base64) or `whpk_`.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, SecretError> {
        texts.into_iter().map(parse_receiver_key).collect::<Result<_, _>>().map(Self::of)
    }

    /// Checks that `body` came from a holder of one of the keys, within `tolerance_s` of `now_s` (Unix seconds).
    ///
    /// The time is checked first, for it is cheap. Ids are for the caller to deduplicate; one with a dot in it
    /// verifies, as in the reference libraries, although no conforming sender makes one.
    pub fn verify(
        &self,
        headers: &SignedHeaders<'_>,
        body: &[u8],
        now_s: i64,
        tolerance_s: u32,
    ) -> Result<(), VerifyError> {
        check_timestamp(headers.timestamp, now_s, tolerance_s)?;
        let claims = parse_claims(headers.signature)?;
        let signed: [&[u8]; 5] = [headers.id, b".", headers.timestamp, b".", body];
        if self.0.iter().any(|key| key.made_one_of(&claims, &signed)) {
            Ok(())
        } else {
            Err(VerifyError::NoMatchingSignature)
        }
    }
}

impl Key {
    fn made_one_of(&self, claims: &[Claim], signed: &[&[u8]]) -> bool {
        match self {
            Self::Hmac(keyed) => {
                let mut mac = keyed.clone();
                signed.iter().for_each(|part| mac.update(part));
                let mac = mac.finalize();
                let claimed = claims.iter().filter_map(|claim| match claim {
                    Claim::V1(claimed) => Some(claimed),
                    Claim::V1a(_) => None,
                });
                // All are compared: which one matched must not show in the time it takes.
                claimed
                    .fold(Choice::from(0), |found, claimed| found | mac.as_bytes().as_slice().ct_eq(claimed.as_slice()))
                    .into()
            }
            Self::Ed25519(key) => claims.iter().any(|claim| match claim {
                Claim::V1(_) => false,
                Claim::V1a(claimed) => key.multipart_verify(signed, claimed).is_ok(),
            }),
        }
    }
}

/// Only what an honest sender writes is a number here: no sign, no leading zero, no fraction, no space.
fn check_timestamp(text: &[u8], now_s: i64, tolerance_s: u32) -> Result<(), VerifyError> {
    let plain = text.len() <= TIMESTAMP_DIGITS_MAX && text.iter().all(u8::is_ascii_digit) && !text.starts_with(b"0");
    let timestamp_s: i64 = std::str::from_utf8(text)
        .ok()
        .filter(|_| plain)
        .and_then(|text| text.parse().ok())
        .ok_or(VerifyError::TimestampNotInteger)?;
    let age_s = now_s.saturating_sub(timestamp_s);
    if age_s > i64::from(tolerance_s) {
        Err(VerifyError::TooOld { age_s, tolerance_s })
    } else if age_s < -i64::from(tolerance_s) {
        Err(VerifyError::TooNew { ahead_s: age_s.saturating_neg(), tolerance_s })
    } else {
        Ok(())
    }
}

/// The items that could be signatures. Others are skipped: a sender may add versions that this receiver doesn't know.
fn parse_claims(header: &[u8]) -> Result<Vec<Claim>, VerifyError> {
    let mut claims = Vec::new();
    for (position, item) in header.split(|byte| *byte == b' ').enumerate() {
        if position == SIGNATURES_MAX {
            return Err(VerifyError::TooManySignatures);
        }
        claims.extend(parse_claim(item));
    }
    if claims.is_empty() { Err(VerifyError::NoUsableSignature) } else { Ok(claims) }
}

fn parse_claim(item: &[u8]) -> Option<Claim> {
    if let Some(encoded) = item.strip_prefix(b"v1,") {
        decode_exactly(encoded).map(Claim::V1)
    } else if let Some(encoded) = item.strip_prefix(b"v1a,") {
        decode_exactly::<SIGNATURE_LENGTH>(encoded).map(|bytes| Claim::V1a(Signature::from_bytes(&bytes)))
    } else {
        None
    }
}

/// Strict base64 of exactly `N` bytes: padded, and without stray bits at the end, so that one signature has one text.
fn decode_exactly<const N: usize>(encoded: &[u8]) -> Option<[u8; N]> {
    if encoded.len() != N.div_ceil(3) * 4 {
        return None;
    }
    BASE64_STANDARD.decode(encoded).ok()?.try_into().ok()
}
