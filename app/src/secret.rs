//! The two secrets of an installation: the one that signs API tokens and the one that encrypts what is stored.
//!
//! **Invariant:** neither has Debug, Display or Serialize, and both are wiped from memory when dropped.

use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::clock::OsRng;

/// The key of API tokens (HMAC), used as the bytes of its text, as every JWT library does.
#[derive(Clone)]
pub struct JwtSecret(Zeroizing<String>);

/// RFC 7518 asks for as many bytes as the hash has; below 16 a secret can be guessed.
const JWT_SECRET_BYTES_MIN: usize = 16;

impl JwtSecret {
    pub fn parse(text: &str) -> Result<JwtSecret, String> {
        if text.len() < JWT_SECRET_BYTES_MIN {
            return Err(format!("it has {} bytes", text.len()));
        }
        if text.trim() != text || text.chars().any(char::is_control) {
            return Err("it has spaces around it or control characters in it".to_owned());
        }
        Ok(JwtSecret(Zeroizing::new(text.to_owned())))
    }

    pub fn generate(rng: OsRng) -> JwtSecret {
        let bytes = Zeroizing::new(rng.array::<32>());
        JwtSecret(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The key under which endpoint secrets are encrypted on disk: `prk_` and the base64 of 32 bytes.
#[derive(Clone)]
pub struct EncryptionKey(Zeroizing<[u8; 32]>);

const ENCRYPTION_KEY_PREFIX: &str = "prk_";

impl EncryptionKey {
    pub fn parse(text: &str) -> Result<EncryptionKey, String> {
        let Some(encoded) = text.strip_prefix(ENCRYPTION_KEY_PREFIX) else {
            return Err(format!("it does not begin with {ENCRYPTION_KEY_PREFIX}"));
        };
        let decoded = STANDARD.decode(encoded).map_err(|_| "what follows prk_ is not base64".to_owned())?;
        let decoded = Zeroizing::new(decoded);
        match <[u8; 32]>::try_from(decoded.as_slice()) {
            Ok(bytes) => Ok(EncryptionKey(Zeroizing::new(bytes))),
            Err(_) => Err(format!("it holds {} bytes", decoded.len())),
        }
    }

    pub fn generate(rng: OsRng) -> EncryptionKey {
        EncryptionKey(Zeroizing::new(rng.array()))
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key as it is written in `secrets.toml` or in the environment.
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{ENCRYPTION_KEY_PREFIX}{}", STANDARD.encode(self.0.as_slice())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_secret_is_accepted_as_a_setting() {
        let jwt = JwtSecret::generate(OsRng);
        assert_eq!(JwtSecret::parse(jwt.expose()).ok().map(|s| s.expose().len()), Some(43));
        let key = EncryptionKey::generate(OsRng);
        assert_eq!(EncryptionKey::parse(&key.text()).ok().map(|k| *k.bytes()), Some(*key.bytes()));
    }

    #[test]
    fn a_weak_or_misshapen_secret_is_refused() {
        for text in ["", "short", "fifteen-bytes-!", " padded with spaces ", "newline at the end\n"] {
            assert!(JwtSecret::parse(text).is_err(), "{text:?}");
        }
        for text in ["", "prk_", "prk_AAAA", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "prk_!!"] {
            assert!(EncryptionKey::parse(text).is_err(), "{text:?}");
        }
    }
}
