//! Microsoft Graph change notifications: a shared secret in each item of the body.
//!
//! `value[].clientState` of every item is the secret that the subscription was made with. Nothing is signed: this
//! proves that the sender knows the secret, not that the notification is unchanged or new.
//!
//! **Invariant:** no item is left out, and an empty list is refused.
//!
//! Source: <https://learn.microsoft.com/graph/change-notifications-delivery-webhooks>.

use super::super::config::Config;
use super::super::{ConfigError, Inbound, Materials, Refusal};
use super::mac::Keys;
use super::{Judge, json};
use serde_json::Value;
use subtle::Choice;

pub(super) struct MicrosoftGraph {
    keys: Keys,
}

impl MicrosoftGraph {
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        Ok(Self { keys: Keys::of(config)? })
    }
}

impl Judge for MicrosoftGraph {
    fn judge(&self, request: &Inbound<'_>, _materials: &dyn Materials) -> Result<(), Refusal> {
        let body = json::read(request.body)?;
        let items = body.get("value").and_then(Value::as_array).filter(|items| !items.is_empty());
        let items = items.ok_or_else(|| Refusal::Malformed("the body has no notifications at `/value`".into()))?;
        let known = items.iter().fold(Choice::from(1), |known, item| {
            let state = item.get("clientState").and_then(Value::as_str).unwrap_or_default();
            known & self.keys.contain(state.as_bytes())
        });
        if bool::from(known) { Ok(()) } else { Err(Refusal::Credential) }
    }
}
