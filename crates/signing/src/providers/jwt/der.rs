//! Just enough DER (X.690) to take a public key out of its PEM: SubjectPublicKeyInfo (RFC 5280 §4.1) and RSAPublicKey
//! (RFC 8017 §A.1.1).
//!
//! **Invariant:** reads nothing beyond the lengths that it was told, and leaves nothing over unread.

use base64::{Engine, prelude::BASE64_STANDARD};

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// A public key as its container describes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Info<'a> {
    /// The algorithm's object identifier, without tag and length.
    pub(super) algorithm: &'a [u8],
    /// The curve's, if there is one.
    pub(super) parameters: Option<&'a [u8]>,
    pub(super) key: &'a [u8],
}

/// The bytes of a PEM block (RFC 7468) of the given label.
pub(super) fn unarmoured(pem: &str, label: &str) -> Option<Vec<u8>> {
    let inner = pem.trim().strip_prefix("-----BEGIN ")?.strip_prefix(label)?.strip_prefix("-----")?;
    let inner = inner.strip_suffix("-----")?.strip_suffix(label)?.strip_suffix("-----END ")?;
    let text: String = inner.split_ascii_whitespace().collect();
    BASE64_STANDARD.decode(text).ok()
}

/// Reads a SubjectPublicKeyInfo.
pub(super) fn key_info(der: &[u8]) -> Option<Info<'_>> {
    let mut info = whole(der, SEQUENCE)?;
    let mut algorithm = take(&mut info, SEQUENCE)?;
    let bits = take(&mut info, BIT_STRING)?;
    let oid = take(&mut algorithm, OBJECT)?;
    let parameters = take(&mut algorithm, OBJECT);
    // The first byte of a bit string counts unused bits at its end.
    let key = bits.strip_prefix(&[0])?;
    info.is_empty().then_some(Info { algorithm: oid, parameters, key })
}

/// Reads an RSAPublicKey: the modulus and the exponent, big-endian without leading zeros.
pub(super) fn rsa_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut key = whole(der, SEQUENCE)?;
    let (n, e) = (take(&mut key, INTEGER)?, take(&mut key, INTEGER)?);
    let positive = |integer: &'_ [u8]| integer.first().is_some_and(|first| first & 0x80 == 0);
    (key.is_empty() && positive(n) && positive(e)).then_some((without_zeros(n), without_zeros(e)))
}

/// A big-endian number without its leading zeros.
pub(super) fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn whole(der: &[u8], tag: u8) -> Option<&[u8]> {
    let mut rest = der;
    take(&mut rest, tag).filter(|_| rest.is_empty())
}

/// The contents of the next element, if it has this tag.
fn take<'a>(rest: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (first, after) = rest.split_first()?;
    let (len, after) = after.split_first()?;
    if *first != tag {
        return None;
    }
    let (len, after) = match len {
        0..=0x7f => (usize::from(*len), after),
        0x81 => after.split_first().map(|(len, after)| (usize::from(*len), after))?,
        0x82 => after.split_first_chunk::<2>().map(|(len, after)| (usize::from(u16::from_be_bytes(*len)), after))?,
        _ => return None,
    };
    let (contents, after) = after.split_at_checked(len)?;
    *rest = after;
    Some(contents)
}
