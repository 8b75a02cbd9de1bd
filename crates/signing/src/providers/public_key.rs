//! Public keys that providers publish, and signatures under them.
//!
//! **Invariant:** a key that isn't one, or under which one signature would fit many messages, is refused when it is read.

use super::ConfigError;
use super::config::Secret;
use super::encoding::{Encoding, key_from_base64, key_from_hex};
use super::spec::KeyEncoding;
use ed25519_dalek::{PUBLIC_KEY_LENGTH, Signature, VerifyingKey, ed25519::signature::MultipartVerifier};
use ring::signature::{ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

/// The SubjectPublicKeyInfo of a P-256 key up to its uncompressed point (RFC 5480).
const P256_SPKI_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const P256_POINT_LEN: usize = 65;

/// The AlgorithmIdentifier of `rsaEncryption` (RFC 8017) in a SubjectPublicKeyInfo.
const RSA_ALGORITHM: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

fn not_a_key(expected: &str) -> ConfigError {
    ConfigError::new("publicKey", format!("must be {expected}"))
}

/// An Ed25519 key: 32 bytes in hexadecimal digits or base64.
pub(crate) fn ed25519(text: &str, encoding: KeyEncoding) -> Result<VerifyingKey, ConfigError> {
    let (bytes, expected) = match encoding {
        KeyEncoding::Hex => (key_from_hex(text), "an Ed25519 public key: 64 hexadecimal digits"),
        _ => (key_from_base64(text), "an Ed25519 public key: the base64 of 32 bytes"),
    };
    let bytes: Option<[u8; PUBLIC_KEY_LENGTH]> = bytes.and_then(|bytes| bytes.as_slice().try_into().ok());
    let key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
    key.filter(|key| !key.is_weak()).ok_or_else(|| not_a_key(expected))
}

/// Whether a signature is right. Those whose S is not below the group's order are refused by the library (RFC 8032 5.1.7).
pub(crate) fn ed25519_holds(key: &VerifyingKey, message: &[&[u8]], signature: &[u8; 64]) -> bool {
    key.multipart_verify(message, &Signature::from_bytes(signature)).is_ok()
}

/// The point of a P-256 key in base64 SPKI; PEM lines are taken too.
pub(crate) fn p256(text: &str) -> Result<Box<[u8]>, ConfigError> {
    let der = der_of(text, "PUBLIC KEY");
    let point = der.as_deref().and_then(|der| der.strip_prefix(P256_SPKI_PREFIX));
    let point = point.filter(|point| point.len() == P256_POINT_LEN && point.first() == Some(&4));
    point.map(Into::into).ok_or_else(|| not_a_key("an ECDSA P-256 public key: base64 of its SubjectPublicKeyInfo"))
}

pub(crate) fn p256_holds(point: &[u8], message: &[u8], der: &[u8]) -> bool {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, der).is_ok()
}

/// The RSAPublicKey of a PEM `PUBLIC KEY` or `RSA PUBLIC KEY`.
pub(crate) fn rsa(text: &str) -> Result<Box<[u8]>, ConfigError> {
    let key = der_of(text, "RSA PUBLIC KEY").or_else(|| {
        let spki = der_of(text, "PUBLIC KEY")?;
        let at = spki.windows(RSA_ALGORITHM.len()).position(|window| window == RSA_ALGORITHM)?;
        // After the algorithm comes a BIT STRING: tag, length in the long form of two bytes, no unused bits, the key.
        let bits = spki.get(at + RSA_ALGORITHM.len()..)?;
        bits.strip_prefix(&[0x03, 0x82]).and_then(|rest| rest.get(3..)).map(<[u8]>::to_vec)
    });
    let key = key.filter(|key| key.starts_with(&[0x30, 0x82]));
    key.map(Vec::into_boxed_slice).ok_or_else(|| not_a_key("an RSA public key in PEM, of 2048 bits or more"))
}

pub(crate) fn rsa_holds(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(message, signature).is_ok()
}

/// The DER between the lines of a PEM text with this label, or of bare base64.
fn der_of(text: &str, label: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let body = if text.starts_with("-----") {
        let begin = format!("-----BEGIN {label}-----");
        text.strip_prefix(begin.as_str())?.split_once("-----END").map(|(body, _)| body)?
    } else {
        text
    };
    let compact: String = body.split_ascii_whitespace().collect();
    Encoding::Base64.decode(compact.as_bytes())
}

/// The bytes of each secret as an HMAC key.
pub(crate) fn shared_key(
    secret: &Secret,
    encoding: KeyEncoding,
    prefix: &str,
) -> Result<zeroize::Zeroizing<Vec<u8>>, ConfigError> {
    let text = secret.strip_prefix(prefix).unwrap_or(secret);
    let (key, expected) = match encoding {
        KeyEncoding::Utf8 | KeyEncoding::WhsecOrUtf8 => return Ok(text.as_bytes().to_vec().into()),
        KeyEncoding::Hex => (key_from_hex(text), "hexadecimal digits"),
        KeyEncoding::Base64 => (key_from_base64(text), "base64"),
    };
    let key = key.filter(|key| !key.is_empty());
    key.ok_or_else(|| ConfigError::new("secret", format!("must be a key in {expected}")))
}
