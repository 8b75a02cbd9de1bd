//! Mandrill (Mailchimp Transactional): HMAC-SHA1 over the URL and the sorted form.
//!
//! `X-Mandrill-Signature` is the base64 of HMAC-SHA1 with the webhook's key over the URL, exactly as it is configured,
//! followed by each form field, sorted by name: name and value. The test that Mandrill sends when a webhook is made is
//! signed with the public key `test-webhook`; that is no secret, so it is refused here. No time is signed.
//!
//! **Invariant:** a form in which a name came twice is refused: the rule does not say what is signed then.
//!
//! Source: <https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/#authenticating-webhook-requests>.

use super::super::config::Config;
use super::super::{ConfigError, Inbound, Materials, Refusal};
use super::mac::{Keys, Kind};
use super::{Judge, form};

pub(super) struct Mandrill {
    keys: Keys,
}

impl Mandrill {
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        Ok(Self { keys: Keys::of(config)? })
    }
}

impl Judge for Mandrill {
    fn judge(&self, request: &Inbound<'_>, _materials: &dyn Materials) -> Result<(), Refusal> {
        let claim = request.header("x-mandrill-signature")?;
        let mut fields = form::of_body(request)?;
        form::refuse_doubled(&fields)?;
        fields.sort();
        let mut signed = vec![request.url.as_bytes()];
        signed.extend(fields.iter().flat_map(|(name, value)| [name.as_slice(), value.as_slice()]));
        self.keys.check(Kind::Sha1Base64, &signed, claim)
    }
}
