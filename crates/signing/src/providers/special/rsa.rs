//! RSA signatures (PKCS #1 v1.5) and the keys that check them.
//!
//! **Invariant:** keys have 2048 to 8192 bits; a key that isn't RSA is refused before it is used.

use super::super::Refusal;
use base64::{Engine, prelude::BASE64_STANDARD};
use ring::signature::{self, UnparsedPublicKey};

/// 1.2.840.113549.1.1.1, rsaEncryption (RFC 8017 appendix C), as it stands in DER.
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    /// Broken for collisions; AWS and Paddle Classic still sign with it.
    Sha1,
    Sha256,
}

/// A public key.
pub(super) struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo (RFC 5280 section 4.1). `None` when it is no RSA key.
    pub(super) fn from_spki(der: &[u8]) -> Option<Self> {
        let mut outer = Der(der);
        let mut info = Der(outer.next_of(Tag::SEQUENCE)?);
        let mut algorithm = Der(info.next_of(Tag::SEQUENCE)?);
        let bits = info.next_of(Tag::BIT_STRING)?;
        let is_rsa = algorithm.next_of(Tag::OID)? == RSA_ENCRYPTION;
        let key = bits.strip_prefix(&[0])?;
        let ended = outer.0.is_empty() && info.0.is_empty();
        (is_rsa && ended).then(|| Self(key.to_vec()))
    }

    /// Whether this key made `signature` over `signed`.
    pub(super) fn made(&self, hash: Hash, signed: &[u8], signature: &[u8]) -> bool {
        let algorithm = match hash {
            Hash::Sha1 => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        };
        UnparsedPublicKey::new(algorithm, &self.0).verify(signed, signature).is_ok()
    }
}

/// A signature out of its base64: strict, and as long as RSA signatures of these keys are.
pub(super) fn signature(text: &[u8]) -> Result<Vec<u8>, Refusal> {
    let decoded = BASE64_STANDARD.decode(text).ok().filter(|bytes| (256..=1024).contains(&bytes.len()));
    decoded.ok_or_else(|| Refusal::Malformed("the signature is not the base64 of 256 to 1024 bytes".into()))
}

/// The tags that are read here (X.690).
pub(super) struct Tag;

impl Tag {
    pub(super) const BIT_STRING: u8 = 0x03;
    pub(super) const OID: u8 = 0x06;
    pub(super) const UTC_TIME: u8 = 0x17;
    pub(super) const GENERALIZED_TIME: u8 = 0x18;
    pub(super) const SEQUENCE: u8 = 0x30;
    /// `[0]`, constructed.
    pub(super) const VERSION: u8 = 0xa0;
}

/// Distinguished encoding (X.690), as far as keys and certificates need it: one-byte tags, lengths up to 16 MiB.
pub(super) struct Der<'a>(pub(super) &'a [u8]);

impl<'a> Der<'a> {
    /// The next element's tag and content.
    pub(super) fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut len = usize::from(first);
        if first >= 0x80 {
            let count = usize::from(first & 0x7f);
            if !(1..=3).contains(&count) {
                return None;
            }
            let (bytes, after) = rest.split_at_checked(count)?;
            len = bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
            // The shortest form is the only one.
            if len < 0x80 || bytes.starts_with(&[0]) {
                return None;
            }
            rest = after;
        }
        let (content, after) = rest.split_at_checked(len)?;
        self.0 = after;
        Some((tag, content))
    }

    /// The next element's content, which must have this tag.
    pub(super) fn next_of(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }
}
