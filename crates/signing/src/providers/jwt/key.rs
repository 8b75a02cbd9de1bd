//! Public keys, from PEM or JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037 §2), and signatures checked with them.
//!
//! **Invariant:** a key serves only the algorithms of its kind, and only its own one when it names it.

use super::algorithm::Algorithm;
use super::der;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use p521::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde_json::Value;

/// Keys of a set beyond these are not looked at.
const KEYS_MAX: usize = 64;
/// Bytes of an RSA modulus: 2048 to 8192 bits.
const RSA_LEN: std::ops::RangeInclusive<usize> = 256..=1024;
/// Bytes of an uncompressed point: `04 || x || y`.
const P256_LEN: usize = 65;
const P384_LEN: usize = 97;
const P521_LEN: usize = 133;
const ED25519_LEN: usize = 32;

/// A public key.
pub(super) struct PublicKey {
    pub(super) kid: Option<String>,
    algorithm: Option<Algorithm>,
    /// Unix seconds from which it is no longer trusted (Plaid's `expired_at`).
    expires_s: Option<i64>,
    material: Material,
}

enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    P521(Box<VerifyingKey>),
    Ed25519(Vec<u8>),
}

impl PublicKey {
    /// From PEM: `PUBLIC KEY`, or `RSA PUBLIC KEY`.
    pub(super) fn from_pem(pem: &str) -> Option<Self> {
        let material = if let Some(info) = der::unarmoured(pem, "PUBLIC KEY") {
            Material::from_info(&der::key_info(&info)?)?
        } else {
            Material::rsa(&der::unarmoured(pem, "RSA PUBLIC KEY")?)?
        };
        Some(PublicKey { kid: None, algorithm: None, expires_s: None, material })
    }

    /// From a JSON Web Key. `None` when it is of another kind, or not for signatures.
    pub(super) fn from_jwk(jwk: &Value) -> Option<Self> {
        let text = |field| jwk.get(field).and_then(Value::as_str);
        let bytes = |field| BASE64_URL_SAFE_NO_PAD.decode(text(field)?.trim_end_matches('=')).ok();
        if jwk.get("use").is_some_and(|purpose| purpose.as_str() != Some("sig")) {
            return None;
        }
        let algorithm = match jwk.get("alg") {
            None | Some(Value::Null) => None,
            Some(name) => Some(name.as_str().and_then(Algorithm::find)?),
        };
        let material = match (text("kty")?, text("crv")) {
            ("RSA", _) => Material::rsa_of(&bytes("n")?, &bytes("e")?)?,
            ("EC", Some(curve)) => Material::point_of(curve, &bytes("x")?, &bytes("y")?)?,
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes("x").filter(|key| key.len() == ED25519_LEN)?),
            _ => return None,
        };
        let expires_s = match jwk.get("expired_at") {
            None | Some(Value::Null) => None,
            Some(time) => Some(time.as_i64()?),
        };
        Some(PublicKey { kid: text("kid").map(str::to_owned), algorithm, expires_s, material })
    }

    /// The usable keys of a set (`{"keys": […]}`), or a single key.
    pub(super) fn from_set(set: &Value) -> Vec<Self> {
        match set.get("keys") {
            Some(Value::Array(keys)) => keys.iter().take(KEYS_MAX).filter_map(Self::from_jwk).collect(),
            _ => Self::from_jwk(set).into_iter().collect(),
        }
    }

    /// PEM, or the JSON of a key or of a set.
    pub(super) fn from_text(text: &str) -> Vec<Self> {
        if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map(|set| Self::from_set(&set)).unwrap_or_default()
        } else {
            Self::from_pem(text).into_iter().collect()
        }
    }

    pub(super) fn is_expired(&self, now_ms: i64) -> bool {
        self.expires_s.is_some_and(|expires| expires.saturating_mul(1000) <= now_ms)
    }

    /// Whether it may verify signatures of this algorithm.
    pub(super) fn serves(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Es512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        let of_its_kind = match self.material {
            Material::Rsa { .. } => matches!(algorithm, Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512),
            Material::P256(_) => algorithm == Es256,
            Material::P384(_) => algorithm == Es384,
            Material::P521(_) => algorithm == Es512,
            Material::Ed25519(_) => algorithm == EdDsa,
        };
        of_its_kind && self.algorithm.is_none_or(|own| own == algorithm)
    }

    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], claimed: &[u8]) -> bool {
        let with = |by: &'static dyn VerificationAlgorithm, key: &Vec<u8>| {
            UnparsedPublicKey::new(by, key).verify(message, claimed).is_ok()
        };
        self.serves(algorithm)
            && match &self.material {
                Material::Rsa { n, e } => {
                    let by = rsa_parameters(algorithm);
                    by.is_some_and(|by| RsaPublicKeyComponents { n, e }.verify(by, message, claimed).is_ok())
                }
                Material::P256(key) => with(&signature::ECDSA_P256_SHA256_FIXED, key),
                Material::P384(key) => with(&signature::ECDSA_P384_SHA384_FIXED, key),
                Material::Ed25519(key) => with(&signature::ED25519, key),
                Material::P521(key) => {
                    Signature::from_slice(claimed).is_ok_and(|claimed| key.verify(message, &claimed).is_ok())
                }
            }
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static signature::RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

impl Material {
    fn from_info(info: &der::Info<'_>) -> Option<Self> {
        // rsaEncryption, id-ecPublicKey and id-Ed25519; then prime256v1, secp384r1, secp521r1.
        match (info.algorithm, info.parameters) {
            ([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1], None) => Self::rsa(info.key),
            ([0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], Some(curve)) => match curve {
                [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7] => Self::point("P-256", info.key),
                [0x2b, 0x81, 4, 0, 0x22] => Self::point("P-384", info.key),
                [0x2b, 0x81, 4, 0, 0x23] => Self::point("P-521", info.key),
                _ => None,
            },
            ([0x2b, 0x65, 0x70], None) if info.key.len() == ED25519_LEN => Some(Material::Ed25519(info.key.to_vec())),
            _ => None,
        }
    }

    fn rsa(der: &[u8]) -> Option<Self> {
        let (n, e) = der::rsa_key(der)?;
        Self::rsa_of(n, e)
    }

    fn rsa_of(n: &[u8], e: &[u8]) -> Option<Self> {
        let (n, e) = (der::without_zeros(n), der::without_zeros(e));
        let is_sound = RSA_LEN.contains(&n.len()) && (1..=8).contains(&e.len());
        is_sound.then(|| Material::Rsa { n: n.to_vec(), e: e.to_vec() })
    }

    /// Some issuers leave out leading zeros of a coordinate; the number is the same.
    fn point_of(curve: &str, x: &[u8], y: &[u8]) -> Option<Self> {
        let len = match curve {
            "P-256" => P256_LEN,
            "P-384" => P384_LEN,
            _ => P521_LEN,
        } / 2;
        let zeros = |coordinate: &[u8]| len.checked_sub(coordinate.len()).map(|zeros| vec![0; zeros]);
        Self::point(curve, &[&[4][..], &zeros(x)?, x, &zeros(y)?, y].concat())
    }

    /// From an uncompressed point.
    fn point(curve: &str, point: &[u8]) -> Option<Self> {
        point.first().filter(|form| **form == 4)?;
        match (curve, point.len()) {
            ("P-256", P256_LEN) => Some(Material::P256(point.to_vec())),
            ("P-384", P384_LEN) => Some(Material::P384(point.to_vec())),
            ("P-521", P521_LEN) => Some(Material::P521(Box::new(VerifyingKey::from_sec1_bytes(point).ok()?))),
            _ => None,
        }
    }
}
