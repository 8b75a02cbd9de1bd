//! The texts in which signatures and keys come.
//!
//! **Invariant:** one signature has one text: no white space, no other alphabet, no missing padding, no stray bits.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use std::borrow::Cow;
use zeroize::Zeroizing;

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

/// How bytes are written in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Encoding {
    /// In lower case.
    Hex,
    /// RFC 4648 section 4, padded.
    Base64,
    /// RFC 4648 section 5, without padding.
    Base64url,
    /// RFC 4648 section 5, padded.
    Base64urlPadded,
}

impl Encoding {
    pub fn encode(self, bytes: &[u8]) -> String {
        match self {
            Encoding::Hex => hex(bytes),
            Encoding::Base64 => BASE64_STANDARD.encode(bytes),
            Encoding::Base64url => BASE64_URL_SAFE_NO_PAD.encode(bytes),
            Encoding::Base64urlPadded => BASE64_URL_SAFE.encode(bytes),
        }
    }

    /// The bytes of a text that [`encode`](Self::encode) could have written.
    pub fn decode(self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Encoding::Hex => unhex(text),
            Encoding::Base64 => BASE64_STANDARD.decode(text).ok(),
            Encoding::Base64url => BASE64_URL_SAFE_NO_PAD.decode(text).ok(),
            Encoding::Base64urlPadded => BASE64_URL_SAFE.decode(text).ok(),
        }
    }

    /// Whether a text could be the encoding of `len` bytes.
    pub fn could_be(self, text: &[u8], len: usize) -> bool {
        match self {
            Encoding::Hex => text.len() == len * 2 && text.iter().all(|byte| HEX_DIGITS.contains(byte)),
            _ => self.decode(text).is_some_and(|bytes| bytes.len() == len),
        }
    }

    /// For a message: "64 lower-case hexadecimal digits".
    pub fn describe(self, len: usize) -> Cow<'static, str> {
        match self {
            Encoding::Hex => format!("{} lower-case hexadecimal digits", len * 2).into(),
            Encoding::Base64 => format!("the padded base64 of {len} bytes").into(),
            Encoding::Base64url => format!("the unpadded base64url of {len} bytes").into(),
            Encoding::Base64urlPadded => format!("the padded base64url of {len} bytes").into(),
        }
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| HEX_DIGITS.get(usize::from(nibble)).copied().map_or('0', char::from);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let nibble = |byte: u8| HEX_DIGITS.iter().position(|digit| *digit == byte).and_then(|at| u8::try_from(at).ok());
    let pairs = text.chunks_exact(2).map(|pair| match pair {
        [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
        _ => None,
    });
    pairs.collect()
}

/// The bytes of a key that a person pasted: hexadecimal digits in any case.
pub(crate) fn key_from_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    unhex(lower.as_bytes()).map(Zeroizing::new)
}

/// The bytes of a key that a person pasted: base64, padded or not (the reference libraries take both).
pub(crate) fn key_from_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    // Room for all of it at once: growing would leave a copy behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let engine = if text.ends_with('=') { &BASE64_STANDARD } else { &BASE64_STANDARD_NO_PAD };
    engine.decode_vec(text, &mut bytes).ok().map(|()| bytes)
}

/// The text of a query parameter: `+` is a space, `%41` an `A` (the URL standard's form encoding).
pub(crate) fn form_decode(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match (*first, tail.split_at_checked(2)) {
            (b'+', _) => decoded.push(b' '),
            (b'%', Some((digits, after))) => match unhex(&digits.to_ascii_lowercase()).as_deref() {
                Some([byte]) => {
                    decoded.push(*byte);
                    rest = after;
                }
                _ => decoded.push(b'%'),
            },
            (byte, _) => decoded.push(byte),
        }
    }
    decoded
}

/// The characters that HubSpot decodes in a URL before it signs it, and no others
/// (developers.hubspot.com/docs/api/webhooks/validating-requests).
const HUBSPOT_DECODED: &[u8] = b":/?@!$'()*,;";

/// A URL as HubSpot signs it; `None` when that is no different.
pub(crate) fn hubspot_decode(url: &str) -> Option<String> {
    let (first, rest) = url.split_once('%')?;
    let mut decoded = first.to_owned();
    for part in rest.split('%') {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte.filter(|byte| HUBSPOT_DECODED.contains(byte)), part.get(2..)) {
            (Some(byte), Some(after)) => {
                decoded.push(char::from(byte));
                decoded.push_str(after);
            }
            _ => {
                decoded.push('%');
                decoded.push_str(part);
            }
        }
    }
    (decoded != url).then_some(decoded)
}
