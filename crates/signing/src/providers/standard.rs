//! Standard Webhooks 1.0.0 as providers send it: under `webhook-*` or `svix-*` names, `v1` and `v1a` mixed.
//!
//! **Invariant:** the keys are the configuration's; which of them a request needs is said by its signatures' versions.

use super::config::{Config, Secret};
use super::encoding::{key_from_base64, key_from_hex};
use super::spec::{KeyEncoding, Spec};
use super::{ConfigError, Inbound, Refusal};
use crate::secret::ReceiverKey;
use crate::verify::{SignedHeaders, TOLERANCE_S_DEFAULT, VerifyError, VerifyKeys};
use zeroize::Zeroizing;

/// Keys of fewer bytes are refused. The specification asks for 24; not every provider keeps to that.
const KEY_LEN_MIN: usize = 16;
const SECRET_PREFIX: &str = "whsec_";
const PUBLIC_PREFIX: &str = "whpk_";
const PRIVATE_PREFIX: &str = "whsk_";
const NAMES: [&str; 6] =
    ["webhook-id", "webhook-timestamp", "webhook-signature", "svix-id", "svix-timestamp", "svix-signature"];

pub(crate) struct Standard {
    keys: VerifyKeys,
    tolerance_s: u32,
}

impl Standard {
    pub fn new(spec: &Spec, config: Config<'_>, secrets: &[Secret]) -> Result<Self, ConfigError> {
        let mut keys = Vec::new();
        for secret in secrets {
            keys.push(receiver_key(spec.key, secret, config.is_lenient())?);
        }
        if config.has("publicKey") || config.has("publicKeys") {
            for text in config.public_keys()? {
                keys.push(public_key(text.strip_prefix(PUBLIC_PREFIX).unwrap_or(&text))?);
            }
        }
        let tolerance_s = config.seconds("tolerance")?.unwrap_or(TOLERANCE_S_DEFAULT);
        Ok(Standard { keys: VerifyKeys::of(keys), tolerance_s })
    }

    pub fn judge(&self, request: &Inbound<'_>) -> Result<(), Refusal> {
        for name in NAMES {
            if let Err(Refusal::Doubled(name)) = request.header(name) {
                return Err(Refusal::Doubled(name));
            }
        }
        let headers = SignedHeaders::find(|name| request.header_named(name).ok()).map_err(refusal)?;
        let now_s = request.now_ms.div_euclid(1000);
        self.keys.verify(&headers, request.body, now_s, self.tolerance_s).map_err(refusal)
    }
}

/// The key of a text: `whpk_` is public, others are shared.
fn receiver_key(encoding: KeyEncoding, secret: &str, is_lenient: bool) -> Result<ReceiverKey, ConfigError> {
    if let Some(encoded) = secret.strip_prefix(PUBLIC_PREFIX) {
        return public_key(encoded);
    }
    let key = shared_key(encoding, secret)?;
    if !is_lenient && key.len() < KEY_LEN_MIN {
        return Err(ConfigError::new("secret", format!("must be a key of at least {KEY_LEN_MIN} bytes")));
    }
    Ok(ReceiverKey::Hmac(key))
}

/// The bytes of a shared key.
pub(crate) fn shared_key(encoding: KeyEncoding, secret: &str) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
    let raw = || Ok(Zeroizing::new(secret.as_bytes().to_vec()));
    if encoding == KeyEncoding::Utf8 {
        return raw();
    }
    if secret.starts_with(PRIVATE_PREFIX) {
        return Err(ConfigError::new("secret", "is the sender's private key: give the public key, whpk_"));
    }
    // Supabase shows `v1,whsec_`.
    let text = secret.strip_prefix("v1,").unwrap_or(secret);
    let key = match text.strip_prefix(SECRET_PREFIX) {
        None if encoding == KeyEncoding::WhsecOrUtf8 => return raw(),
        None if encoding == KeyEncoding::Hex => key_from_hex(text),
        bare => key_from_base64(bare.unwrap_or(text)),
    };
    let key = key.filter(|key| !key.is_empty());
    key.ok_or_else(|| ConfigError::new("secret", "must be whsec_ and the base64 of a key"))
}

fn public_key(encoded: &str) -> Result<ReceiverKey, ConfigError> {
    super::public_key::ed25519(encoded, KeyEncoding::Base64).map(ReceiverKey::Ed25519)
}

fn refusal(error: VerifyError) -> Refusal {
    match error {
        VerifyError::MissingHeader(name) => Refusal::Missing(name.into()),
        VerifyError::TooOld { age_s, tolerance_s } => Refusal::Stale { age_s, tolerance_s: tolerance_s.into() },
        VerifyError::TooNew { ahead_s, tolerance_s } => Refusal::Future { ahead_s, tolerance_s: tolerance_s.into() },
        VerifyError::NoMatchingSignature => Refusal::Mismatch,
        VerifyError::TimestampNotInteger | VerifyError::NoUsableSignature | VerifyError::TooManySignatures => {
            Refusal::Malformed(error.to_string().into())
        }
    }
}
