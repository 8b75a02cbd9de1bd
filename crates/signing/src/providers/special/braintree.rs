//! Braintree: HMAC-SHA1 over a form field, with a hash of the private key.
//!
//! The form's `bt_signature` is a list of `public_key|hex` between `&`; `hex` is HMAC-SHA1 over the form's `bt_payload`,
//! with or without a newline after it, keyed with the SHA-1 of the private key. The payload is base64 (in lines) of
//! XML, whose `timestamp` no SDK checks. The configuration has `secret` (the private key) and `publicKey`, which
//! says which signature of the list counts.
//!
//! **Invariant:** a payload with other characters than base64 and newlines is refused before anything is computed.
//!
//! Source: braintree-python 4.48.0 `webhook_notification_gateway.py`.

use super::super::config::{Config, Secret};
use super::super::{ConfigError, Inbound, Materials, Refusal};
use super::mac::{self, Keys, Kind};
use super::{Judge, form};
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

pub(super) struct Braintree {
    keys: Keys,
    public_keys: Vec<Secret>,
}

impl Braintree {
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        let secrets = config.secrets(1)?;
        let keys = secrets.iter().map(|text| Zeroizing::new(Sha1::digest(text.as_bytes()).to_vec())).collect();
        let public_keys = match config.text("public_key")? {
            Some(key) => vec![Zeroizing::new(key.to_owned())],
            None => config.public_keys()?,
        };
        Ok(Self { keys: Keys::derived(keys), public_keys })
    }
}

impl Judge for Braintree {
    fn judge(&self, request: &Inbound<'_>, _materials: &dyn Materials) -> Result<(), Refusal> {
        let fields = form::of_body(request)?;
        let payload = form::only(&fields, "bt_payload")?;
        if !payload.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=\n".contains(b)) {
            return Err(Refusal::Malformed("the field `bt_payload` is not base64".into()));
        }
        let signatures = form::only(&fields, "bt_signature")?.split(|b| *b == b'&').filter_map(|pair| {
            let at = pair.iter().position(|b| *b == b'|')?;
            let (key, signature) = pair.split_at_checked(at)?;
            let known = self.public_keys.iter().any(|known| known.as_bytes() == key);
            known.then(|| signature.get(1..).unwrap_or_default())
        });
        let claims: Vec<_> = signatures.collect();
        if claims.is_empty() {
            return Err(Refusal::Malformed("the field `bt_signature` has no signature for this public key".into()));
        }
        let claims = mac::well_formed(Kind::Sha1Hex, &claims)?;
        let plain = self.keys.made_one_of(Kind::Sha1Hex, &[payload], &claims);
        mac::matched(plain | self.keys.made_one_of(Kind::Sha1Hex, &[payload, b"\n"], &claims))
    }
}
