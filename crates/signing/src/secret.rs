//! The secret of one endpoint: parsed from text, generated, and shown.
//!
//! Called by the API (create, rotate, show) and by whoever opens a sealed secret from the store.
//!
//! **Invariant:** an [`EndpointSecret`] that exists can sign. Lengths and key pairs are checked here and nowhere else.

use std::str::FromStr;

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{PUBLIC_KEY_LENGTH, SECRET_KEY_LENGTH, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::random;

pub(crate) type HmacSha256 = Hmac<Sha256>;

const HMAC_PREFIX: &str = "whsec_";
const ED25519_SECRET_PREFIX: &str = "whsk_";
const ED25519_PUBLIC_PREFIX: &str = "whpk_";

/// Standard Webhooks asks for 24 to 64 bytes; the Svix API takes up to 75, which is 100 characters of base64.
const HMAC_BYTES_MIN: usize = 24;
const HMAC_BYTES_MAX: usize = 75;
const HMAC_BYTES_GENERATED: usize = HMAC_BYTES_MIN;
/// No secret is longer than this in base64, so nothing longer is decoded.
const BASE64_LEN_MAX: usize = 100;

/// How an endpoint's messages are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureType {
    /// HMAC-SHA256 under a shared secret, `v1` in the signature header.
    Hmac256,
    /// Ed25519 under a key pair, `v1a` in the signature header.
    Ed25519,
}

impl SignatureType {
    /// The name that the API and the store use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hmac256 => "hmac256",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl FromStr for SignatureType {
    type Err = UnknownSignatureType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "hmac256" => Ok(Self::Hmac256),
            "ed25519" => Ok(Self::Ed25519),
            _ => Err(UnknownSignatureType),
        }
    }
}

/// The text names no signature type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signature type is `hmac256` or `ed25519`")]
pub struct UnknownSignatureType;

/// Why a text is not a usable secret. The texts say what is expected and never repeat what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error("a secret starts with `whsec_` (HMAC-SHA256) or `whsk_` (Ed25519)")]
    UnknownPrefix,
    #[error("`whpk_` is a public key and cannot sign: give the secret key, which starts with `whsk_`")]
    PublicKey,
    #[error("`whsk_` is a secret key and stays with the sender: a receiver verifies with the public key, `whpk_`")]
    SecretKeyAtReceiver,
    #[error("after its prefix a secret is standard base64 (A-Z a-z 0-9 + /, padded with =) of at most 100 characters")]
    NotBase64,
    #[error("an HMAC secret (`whsec_`) is the base64 of 24 to 75 bytes; this one has {bytes}")]
    HmacLength { bytes: usize },
    #[error(
        "an Ed25519 secret key (`whsk_`) is the base64 of 64 bytes, the seed and then the public key, or of the seed's \
         32 bytes alone; this one has {bytes}"
    )]
    Ed25519Length { bytes: usize },
    #[error("in an Ed25519 secret key (`whsk_`) the last 32 bytes are the public key of the first 32; these are not")]
    KeyPairMismatch,
    #[error("an Ed25519 public key (`whpk_`) is the base64 of 32 bytes that are a point of full order on the curve")]
    BadPublicKey,
}

/// One key of an endpoint, current or old. Wiped when dropped; has no `Debug` on purpose.
pub struct EndpointSecret(pub(crate) Material);

pub(crate) enum Material {
    Hmac(Zeroizing<Vec<u8>>),
    Ed25519(Box<SigningKey>),
}

impl EndpointSecret {
    /// Reads `whsec_` + base64 of 24 to 75 bytes, or `whsk_` + base64 of seed and public key (64 bytes) or of the
    /// seed alone (32 bytes).
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        if let Some(encoded) = text.strip_prefix(HMAC_PREFIX) {
            parse_hmac(encoded).map(|bytes| Self(Material::Hmac(bytes)))
        } else if let Some(encoded) = text.strip_prefix(ED25519_SECRET_PREFIX) {
            parse_ed25519_secret(encoded).map(|key| Self(Material::Ed25519(key)))
        } else if text.starts_with(ED25519_PUBLIC_PREFIX) {
            Err(SecretError::PublicKey)
        } else {
            Err(SecretError::UnknownPrefix)
        }
    }

    /// A new secret: 24 random bytes for HMAC, a random seed for Ed25519.
    ///
    /// # Panics
    /// When `fill` leaves its buffer all zero.
    pub fn generate(signature_type: SignatureType, fill: &mut dyn FnMut(&mut [u8])) -> Self {
        Self(match signature_type {
            SignatureType::Hmac256 => {
                Material::Hmac(Zeroizing::new(random::<HMAC_BYTES_GENERATED>(fill).as_slice().to_vec()))
            }
            SignatureType::Ed25519 => {
                Material::Ed25519(Box::new(SigningKey::from_bytes(&random::<SECRET_KEY_LENGTH>(fill))))
            }
        })
    }

    /// The whole secret as text, which [`Self::parse`] reads back. This is what is sealed and stored.
    pub fn reveal(&self) -> Zeroizing<String> {
        match &self.0 {
            Material::Hmac(bytes) => prefixed(HMAC_PREFIX, bytes),
            Material::Ed25519(key) => prefixed(ED25519_SECRET_PREFIX, &*Zeroizing::new(key.to_keypair_bytes())),
        }
    }

    /// What the API shows and a receiver verifies with: the shared secret itself, or the public key as `whpk_`.
    pub fn shown(&self) -> Zeroizing<String> {
        match &self.0 {
            Material::Hmac(bytes) => prefixed(HMAC_PREFIX, bytes),
            Material::Ed25519(key) => prefixed(ED25519_PUBLIC_PREFIX, key.verifying_key().as_bytes()),
        }
    }

    pub fn signature_type(&self) -> SignatureType {
        match &self.0 {
            Material::Hmac(_) => SignatureType::Hmac256,
            Material::Ed25519(_) => SignatureType::Ed25519,
        }
    }
}

/// What a receiver holds of an endpoint's key.
pub(crate) enum ReceiverKey {
    Hmac(Zeroizing<Vec<u8>>),
    Ed25519(VerifyingKey),
}

/// Reads a receiver's key: `whsec_`, the same without its prefix (which the reference libraries take), or `whpk_`. A
/// `whsk_` is refused: a receiver has no business with it.
pub(crate) fn parse_receiver_key(text: &str) -> Result<ReceiverKey, SecretError> {
    if let Some(encoded) = text.strip_prefix(ED25519_PUBLIC_PREFIX) {
        let bytes = decode(encoded)?;
        let bytes: &[u8; PUBLIC_KEY_LENGTH] = bytes.as_slice().try_into().map_err(|_| SecretError::BadPublicKey)?;
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| SecretError::BadPublicKey)?;
        // Under a key of small order one signature fits many messages.
        return if key.is_weak() { Err(SecretError::BadPublicKey) } else { Ok(ReceiverKey::Ed25519(key)) };
    }
    if text.starts_with(ED25519_SECRET_PREFIX) {
        return Err(SecretError::SecretKeyAtReceiver);
    }
    parse_hmac(text.strip_prefix(HMAC_PREFIX).unwrap_or(text)).map(ReceiverKey::Hmac)
}

/// The keyed state, so that hashing the key's two blocks is paid once and not for each delivery.
pub(crate) fn keyed(secret: &[u8]) -> HmacSha256 {
    match HmacSha256::new_from_slice(secret) {
        Ok(keyed) => keyed,
        Err(_) => unreachable!("HMAC takes keys of any length (RFC 2104)"),
    }
}

fn parse_hmac(encoded: &str) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let bytes = decode(encoded)?;
    match bytes.len() {
        HMAC_BYTES_MIN..=HMAC_BYTES_MAX => Ok(bytes),
        bytes => Err(SecretError::HmacLength { bytes }),
    }
}

fn parse_ed25519_secret(encoded: &str) -> Result<Box<SigningKey>, SecretError> {
    let bytes = decode(encoded)?;
    let length = SecretError::Ed25519Length { bytes: bytes.len() };
    let (seed, public) = bytes.split_first_chunk::<SECRET_KEY_LENGTH>().ok_or(length)?;
    let key = Box::new(SigningKey::from_bytes(seed));
    match public.len() {
        0 => Ok(key),
        PUBLIC_KEY_LENGTH if bool::from(public.ct_eq(key.verifying_key().as_bytes())) => Ok(key),
        PUBLIC_KEY_LENGTH => Err(SecretError::KeyPairMismatch),
        _ => Err(length),
    }
}

fn decode(encoded: &str) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    if encoded.len() > BASE64_LEN_MAX {
        return Err(SecretError::NotBase64);
    }
    // Room for all of it at once: growing would leave a copy behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(BASE64_LEN_MAX));
    BASE64_STANDARD.decode_vec(encoded, &mut bytes).map_err(|_| SecretError::NotBase64)?;
    Ok(bytes)
}

/// `prefix` and the base64 of `bytes`, in one allocation that is wiped when dropped.
pub(crate) fn prefixed(prefix: &str, bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(prefix.len() + bytes.len().div_ceil(3) * 4));
    text.push_str(prefix);
    BASE64_STANDARD.encode_string(bytes, &mut text);
    text
}
