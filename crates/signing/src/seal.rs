//! Sealing of secrets at rest: XChaCha20-Poly1305 under one master key.
//!
//! Called around the store: what is written there is sealed, what is read from there is opened.
//!
//! **Invariant:** a sealed value opens only under the key and for the row (`aad`) that it was sealed for, so that
//! copying one row's ciphertext into another is noticed.

use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20poly1305::{AeadInOut, KeyInit, Tag, XChaCha20Poly1305, aead::inout::InOutBuf};
use zeroize::{Zeroize, Zeroizing};

use crate::{random, secret::prefixed};

const MASTER_KEY_PREFIX: &str = "prk_";
const MASTER_KEY_LEN: usize = 32;

/// The layout: this byte, a 24-byte nonce, the ciphertext, a 16-byte tag.
const VERSION: u8 = 1;
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;

/// Why a sealed value doesn't open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("the sealed value is cut off")]
    Truncated,
    #[error("the sealed value has version {0}, which this Postrider doesn't know")]
    UnknownVersion(u8),
    #[error("the sealed value doesn't open: it is damaged, moved from another row, or sealed under another master key")]
    Refused,
}

/// The text is no master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a master key is `prk_` and the standard base64 of 32 bytes (44 characters, padded with =)")]
pub struct MasterKeyError;

/// Seals and opens secrets under the master key. Wiped when dropped.
pub struct SecretBox(XChaCha20Poly1305);

impl SecretBox {
    pub fn new(mut key: [u8; MASTER_KEY_LEN]) -> Self {
        let sealer = XChaCha20Poly1305::new((&key).into());
        key.zeroize();
        Self(sealer)
    }

    /// Seals `plain` for the place that `aad` names. `fill` gives the nonce's random bytes; at 24 bytes they never
    /// repeat in practice.
    ///
    /// # Panics
    /// When `fill` leaves its buffer all zero, or for more than 256 GiB.
    pub fn seal(&self, plain: &[u8], aad: &[u8], fill: &mut dyn FnMut(&mut [u8])) -> Vec<u8> {
        let nonce = random::<NONCE_LEN>(fill);
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + plain.len() + TAG_LEN);
        sealed.push(VERSION);
        sealed.extend_from_slice(nonce.as_slice());
        // Encrypted on its way into `sealed`, so that the plain text never lies there.
        sealed.resize(1 + NONCE_LEN + plain.len(), 0);
        let (_, text) = sealed.split_at_mut(1 + NONCE_LEN);
        let tag = InOutBuf::new(plain, text)
            .ok()
            .and_then(|text| self.0.encrypt_inout_detached((&*nonce).into(), aad, text).ok());
        let Some(tag) = tag else { unreachable!("a secret is shorter than 256 GiB") };
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// The plain text of what [`Self::seal`] made with the same key and the same `aad`.
    pub fn open(&self, sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (version, rest) = sealed.split_first().ok_or(SealError::Truncated)?;
        if *version != VERSION {
            return Err(SealError::UnknownVersion(*version));
        }
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Truncated)?;
        let (text, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(SealError::Truncated)?;
        let mut plain = Zeroizing::new(text.to_vec());
        self.0
            .decrypt_inout_detached(nonce.into(), aad, plain.as_mut_slice().into(), <&Tag>::from(tag))
            .map_err(|_| SealError::Refused)?;
        Ok(plain)
    }
}

/// Reads `prk_` + base64 of 32 bytes. Space around it is ignored, because keys come from files that end in a newline.
pub fn parse_master_key(text: &str) -> Result<Zeroizing<[u8; MASTER_KEY_LEN]>, MasterKeyError> {
    let encoded = text.trim().strip_prefix(MASTER_KEY_PREFIX).ok_or(MasterKeyError)?;
    if encoded.len() != MASTER_KEY_LEN.div_ceil(3) * 4 {
        return Err(MasterKeyError);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(encoded.len()));
    BASE64_STANDARD.decode_vec(encoded, &mut bytes).map_err(|_| MasterKeyError)?;
    bytes.as_slice().try_into().map(Zeroizing::new).map_err(|_| MasterKeyError)
}

/// The text that [`parse_master_key`] reads.
pub fn format_master_key(key: &[u8; MASTER_KEY_LEN]) -> Zeroizing<String> {
    prefixed(MASTER_KEY_PREFIX, key)
}
