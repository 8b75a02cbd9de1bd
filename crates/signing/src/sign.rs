//! Signing of outgoing messages (Standard Webhooks 1.0.0).
//!
//! Called by `egress`, once for each attempt.
//!
//! **Invariant:** the hot path hashes the message and nothing else: keys are prepared beforehand, and the only
//! allocation is growth of the caller's string.

use std::io::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{SigningKey, ed25519::signature::MultipartSigner};
use hmac::Mac;

use crate::secret::{EndpointSecret, HmacSha256, Material, keyed};

/// `v1,`, 44 characters of base64 and the space before.
const V1_LEN: usize = 48;
/// `v1a,`, 88 characters of base64 and the space before.
const V1A_LEN: usize = 93;
/// A dot, the longest `i64`, a dot.
const STAMP_LEN_MAX: usize = 22;

/// The keys that sign for one endpoint: the current one first, then the old ones that are still in grace.
pub struct SigningKeys {
    keys: Box<[Key]>,
    header_len: usize,
}

enum Key {
    /// Cloned for each signature: it holds the state after the key's inner and outer block.
    Hmac(HmacSha256),
    Ed25519(Box<SigningKey>),
}

impl SigningKeys {
    /// Prepares `secrets`, in the order in which their signatures shall stand in the header.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a EndpointSecret>) -> Self {
        let keys: Box<[Key]> = secrets
            .into_iter()
            .map(|secret| match &secret.0 {
                Material::Hmac(bytes) => Key::Hmac(keyed(bytes)),
                Material::Ed25519(key) => Key::Ed25519(key.clone()),
            })
            .collect();
        let header_len = keys.iter().map(Key::header_len).sum();
        Self { keys, header_len }
    }

    /// Appends the value of the signature header to `out`: `v1,<base64>` or `v1a,<base64>` for each key, separated by
    /// one space. Without keys nothing is appended.
    ///
    /// Signed is `{id}.{timestamp_s}.{body}`. `id` is the message's id, the same for each attempt, and has no dot in
    /// it; `timestamp_s` is the time of this attempt in Unix seconds.
    pub fn sign_into(&self, id: &str, timestamp_s: i64, body: &[u8], out: &mut String) {
        debug_assert!(!id.contains('.'), "a dot in the id makes the signed text ambiguous");
        let stamp = Stamp::new(timestamp_s);
        let signed = [id.as_bytes(), stamp.as_bytes(), body];
        out.reserve(self.header_len);
        for (position, key) in self.keys.iter().enumerate() {
            if position > 0 {
                out.push(' ');
            }
            key.sign_into(&signed, out);
        }
    }
}

impl Key {
    fn header_len(&self) -> usize {
        match self {
            Self::Hmac(_) => V1_LEN,
            Self::Ed25519(_) => V1A_LEN,
        }
    }

    fn sign_into(&self, signed: &[&[u8]], out: &mut String) {
        match self {
            Self::Hmac(keyed) => {
                let mut mac = keyed.clone();
                signed.iter().for_each(|part| mac.update(part));
                out.push_str("v1,");
                BASE64_STANDARD.encode_string(mac.finalize().as_bytes(), out);
            }
            Self::Ed25519(key) => {
                out.push_str("v1a,");
                BASE64_STANDARD.encode_string(key.multipart_sign(signed).to_bytes(), out);
            }
        }
    }
}

/// `.{timestamp}.` on the stack.
struct Stamp {
    text: [u8; STAMP_LEN_MAX],
    len: usize,
}

impl Stamp {
    fn new(timestamp_s: i64) -> Self {
        let mut text = [0; STAMP_LEN_MAX];
        let mut rest = text.as_mut_slice();
        let written = write!(rest, ".{timestamp_s}.");
        assert!(written.is_ok(), "any i64 and two dots fit into {STAMP_LEN_MAX} bytes");
        let len = STAMP_LEN_MAX - rest.len();
        Self { text, len }
    }

    fn as_bytes(&self) -> &[u8] {
        self.text.split_at(self.len).0
    }
}
