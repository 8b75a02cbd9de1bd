//! Where a scheme's keys come from: the configuration, or a document that is fetched.
//!
//! **Invariant:** either shared secrets or public keys, never both, so that a public key never becomes an HMAC key.

use super::algorithm::{Algorithm, PUBLIC, SHARED};
use super::key::PublicKey;
use super::token::Token;
use crate::providers::{Config, ConfigError, Materials, Refusal, SECRET_LEN_MIN, Secret};
use serde_json::Value;

/// The keys of a configuration.
pub(super) enum Keys {
    Shared(Vec<Secret>),
    Public(Vec<PublicKey>),
    /// The JSON Web Key Set at this URL.
    SetAt(String),
    /// One JSON Web Key for each `kid`, at this URL, `#`, and the `kid`.
    EachAt(&'static str),
}

impl Keys {
    /// From `secret`, or `publicKey`, or `jwks`, or `jwksUrl`.
    pub(super) fn read(config: Config<'_>) -> Result<Self, ConfigError> {
        let public = Self::read_public(config)?;
        let has_secret = config.text("secret")?.is_some() || config.value("secrets").is_some_and(|s| !s.is_null());
        match public {
            Some(_) if has_secret => {
                Err(ConfigError::new("secret", "must not be given together with publicKey, jwks or jwksUrl"))
            }
            Some(public) => Ok(public),
            None => Ok(Keys::Shared(config.secrets(SECRET_LEN_MIN)?)),
        }
    }

    /// From `publicKey`, or `jwks`, or `jwksUrl`, if one is there.
    pub(super) fn read_public(config: Config<'_>) -> Result<Option<Self>, ConfigError> {
        if let Some(keys) = pinned(config)? {
            return Ok(Some(Keys::Public(keys)));
        }
        let Some(url) = config.text("jwksUrl")? else { return Ok(None) };
        let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') && url.len() <= 2048;
        if url.strip_prefix("https://").is_none_or(|rest| rest.is_empty() || rest.starts_with('/')) || !is_plain {
            return Err(ConfigError::new("jwksUrl", "must be an https:// URL without a fragment"));
        }
        Ok(Some(Keys::SetAt(url.to_owned())))
    }

    /// The algorithms that go with them.
    pub(super) fn algorithms(&self) -> &'static [Algorithm] {
        if matches!(self, Keys::Shared(_)) { SHARED } else { PUBLIC }
    }

    /// Whether the token's signature of `message` is by one of them.
    pub(super) fn verify(
        &self,
        token: &Token<'_>,
        algorithm: Algorithm,
        message: &[u8],
        materials: &dyn Materials,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        match self {
            Keys::Shared(secrets) => {
                // All are tried: which one matched must not show in the time it takes.
                let matching = secrets
                    .iter()
                    .filter(|secret| algorithm.mac_matches(secret.as_bytes(), message, &token.signature))
                    .count();
                if matching > 0 { Ok(()) } else { Err(Refusal::Mismatch) }
            }
            Keys::Public(keys) => one_of(keys, token, algorithm, message, now_ms),
            Keys::SetAt(url) => one_of(&fetched(url, materials)?, token, algorithm, message, now_ms),
            Keys::EachAt(url) => {
                let kid = token.kid()?.filter(|kid| is_safe(kid));
                let kid = kid.ok_or(Refusal::Malformed("the token's `kid` is missing or malformed".into()))?;
                one_of(&fetched(&format!("{url}#{kid}"), materials)?, token, algorithm, message, now_ms)
            }
        }
    }
}

/// The keys of `publicKey`, `publicKeys` and `jwks`.
pub(super) fn pinned(config: Config<'_>) -> Result<Option<Vec<PublicKey>>, ConfigError> {
    let is_there = |field| config.value(field).is_some_and(|value| !value.is_null());
    if is_there("publicKey") || is_there("publicKeys") {
        return parsed("publicKey", &config.public_keys()?).map(Some);
    }
    let keys = match config.value("jwks") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => PublicKey::from_text(text),
        Some(set) => PublicKey::from_set(set),
    };
    if keys.is_empty() {
        return Err(ConfigError::new("jwks", "must be a JSON Web Key or a set with a public key for signatures"));
    }
    Ok(Some(keys))
}

/// Keys of texts, each of which must hold at least one.
pub(super) fn parsed(field: &'static str, texts: &[Secret]) -> Result<Vec<PublicKey>, ConfigError> {
    let mut keys = Vec::new();
    for text in texts {
        let found = PublicKey::from_text(text);
        if found.is_empty() {
            let expected = "must be a public key: PEM (RSA of 2048 bits or more, P-256, P-384, P-521, Ed25519) or JWK";
            return Err(ConfigError::new(field, expected));
        }
        keys.extend(found);
    }
    Ok(keys)
}

/// The keys of a document: a set, a key, or a key in an envelope (`{"key": …}`, as Plaid answers).
pub(super) fn fetched(url: &str, materials: &dyn Materials) -> Result<Vec<PublicKey>, Refusal> {
    let document = materials.get(url).ok_or_else(|| Refusal::Needs(url.to_owned()))?;
    let document: Option<Value> = serde_json::from_slice(document).ok();
    let keys = document.map(|found| PublicKey::from_set(found.get("key").unwrap_or(&found))).unwrap_or_default();
    if keys.is_empty() {
        return Err(Refusal::Untrusted("the fetched document holds no usable key".into()));
    }
    Ok(keys)
}

pub(super) fn one_of(
    keys: &[PublicKey],
    token: &Token<'_>,
    algorithm: Algorithm,
    message: &[u8],
    now_ms: i64,
) -> Result<(), Refusal> {
    let kid = token.kid()?;
    // A key without a name (PEM) may be any; a token without one may be of any.
    let is_named = |key: &&PublicKey| kid.is_none() || key.kid.is_none() || key.kid.as_deref() == kid;
    let named: Vec<_> = keys.iter().filter(is_named).filter(|key| key.serves(algorithm)).collect();
    if named.is_empty() {
        return Err(Refusal::Untrusted("no known key has the token's `kid` and algorithm".into()));
    }
    if named.iter().all(|key| key.is_expired(now_ms)) {
        return Err(Refusal::Untrusted("the key that the token names has expired".into()));
    }
    let mut live = named.iter().filter(|key| !key.is_expired(now_ms));
    if live.any(|key| key.verifies(algorithm, message, &token.signature)) { Ok(()) } else { Err(Refusal::Mismatch) }
}

/// It becomes a part of a URL.
fn is_safe(kid: &str) -> bool {
    kid.len() <= 128 && kid.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
