//! Just enough PEM and DER to find the public key in what `openssl` writes.
//!
//! **Invariant:** finds bytes, judges nothing: `ring` checks the key itself.

use super::jwt::JwtKeyError;
use base64::{Engine, prelude::BASE64_STANDARD};

/// The label and the bytes of the first PEM block (RFC 7468).
pub(super) fn decode(text: &str) -> Result<(&str, Vec<u8>), JwtKeyError> {
    let (_, rest) = text.split_once("-----BEGIN ").ok_or(JwtKeyError::NotPem)?;
    let (label, rest) = rest.split_once("-----").ok_or(JwtKeyError::NotPem)?;
    let (body, _) = rest.split_once("-----END ").ok_or(JwtKeyError::NotPem)?;
    let packed: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    let der = BASE64_STANDARD.decode(packed).map_err(|_| JwtKeyError::NotPem)?;
    Ok((label, der))
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// The key inside a SubjectPublicKeyInfo (RFC 5280): `SEQUENCE { algorithm SEQUENCE, key BIT STRING }`.
pub(super) fn public_key_of_spki(der: &[u8]) -> Option<&[u8]> {
    let (info, _) = element(der, SEQUENCE)?;
    let (_algorithm, rest) = element(info, SEQUENCE)?;
    let (bits, _) = element(rest, BIT_STRING)?;
    // The first byte counts unused bits: none in a key.
    bits.strip_prefix(&[0])
}

/// The content of a DER element with this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81 | 0x82 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |n, d| n << 8 | usize::from(*d)), rest)
        }
        _ => return None,
    };
    (*found == tag).then(|| rest.split_at_checked(len))?
}
