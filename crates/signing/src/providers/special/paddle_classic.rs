//! Paddle Classic: RSA with SHA-1 over the form, as PHP serialises it.
//!
//! The form's `p_signature` is the base64 of RSA PKCS #1 v1.5 with SHA-1 over PHP's `serialize` of the other fields,
//! sorted by name, every value a text. The configuration has `publicKey` (or `publicKeys`), a PEM out of Paddle's
//! dashboard. No time is signed.
//!
//! **Invariant:** a form in which a name came twice is refused: PHP would keep only the last.
//!
//! Source: <https://developer.paddle.com/classic/webhook-reference/verifying-webhooks>.

use super::super::config::Config;
use super::super::{ConfigError, Inbound, Materials, Refusal};
use super::rsa::{self, Hash, PublicKey};
use super::{Judge, form, x509};

const SIGNATURE: &str = "p_signature";

pub(super) struct PaddleClassic {
    keys: Vec<PublicKey>,
}

impl PaddleClassic {
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        let keys = config.public_keys()?.iter().map(|pem| x509::public_key(pem)).collect::<Option<Vec<_>>>();
        let wrong = || ConfigError::new("publicKey", "must be an RSA key in PEM (-----BEGIN PUBLIC KEY-----)");
        Ok(Self { keys: keys.ok_or_else(wrong)? })
    }
}

impl Judge for PaddleClassic {
    fn judge(&self, request: &Inbound<'_>, _materials: &dyn Materials) -> Result<(), Refusal> {
        let mut fields = form::of_body(request)?;
        form::refuse_doubled(&fields)?;
        let signature = rsa::signature(form::only(&fields, SIGNATURE)?)?;
        fields.retain(|(name, _)| name != SIGNATURE.as_bytes());
        fields.sort();
        let signed = serialized(&fields);
        let made = self.keys.iter().fold(false, |made, key| key.made(Hash::Sha1, &signed, &signature) | made);
        if made { Ok(()) } else { Err(Refusal::Mismatch) }
    }
}

/// PHP's `serialize` of an array of texts: `a:1:{s:4:"name";s:5:"value";}`, lengths in bytes.
fn serialized(fields: &[form::Field]) -> Vec<u8> {
    let mut out = format!("a:{}:{{", fields.len()).into_bytes();
    for text in fields.iter().flat_map(|(name, value)| [name, value]) {
        out.extend_from_slice(format!("s:{}:\"", text.len()).as_bytes());
        out.extend_from_slice(text);
        out.extend_from_slice(b"\";");
    }
    out.push(b'}');
    out
}
