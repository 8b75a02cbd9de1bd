//! Adyen standard notifications: HMAC-SHA256 over eight fields of each item of the body.
//!
//! `additionalData.hmacSignature` of each `NotificationRequestItem` is the base64 of HMAC-SHA256, with a key written in
//! hexadecimal, over `pspReference:originalReference:merchantAccountCode:merchantReference:amount.value:
//! amount.currency:eventCode:success`. What is missing is empty, nothing is escaped. **Other fields are not signed**,
//! the date among them.
//!
//! **Invariant:** every item must verify, and an empty list is refused.
//!
//! Source: adyen-python-api-library `util.py`, <https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures>.

use super::super::config::Config;
use super::super::{ConfigError, Inbound, Materials, Refusal};
use super::mac::{self, Keys, Kind};
use super::{Judge, json};
use serde_json::Value;
use subtle::Choice;

const SIGNED: [&str; 8] = [
    "/pspReference",
    "/originalReference",
    "/merchantAccountCode",
    "/merchantReference",
    "/amount/value",
    "/amount/currency",
    "/eventCode",
    "/success",
];

pub(super) struct Adyen {
    keys: Keys,
}

impl Adyen {
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        let keys = config.secrets(1)?.iter().map(|text| mac::unhex(text)).collect::<Option<Vec<_>>>();
        let keys =
            keys.ok_or_else(|| ConfigError::new("secret", "must be the hexadecimal key out of Adyen's customer area"))?;
        Ok(Self { keys: Keys::derived(keys) })
    }

    fn check(&self, item: &Value) -> Result<Choice, Refusal> {
        let item = item.get("NotificationRequestItem");
        let item = item.ok_or_else(|| Refusal::Malformed("an item is no `NotificationRequestItem`".into()))?;
        let claim = json::text(item, "/additionalData/hmacSignature")?;
        let claims = mac::well_formed(Kind::Sha256Base64, &[claim.as_bytes()])?;
        let fields = SIGNED.iter().map(|pointer| field(item, pointer)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.keys.made_one_of(Kind::Sha256Base64, &[fields.join(":").as_bytes()], &claims))
    }
}

impl Judge for Adyen {
    fn judge(&self, request: &Inbound<'_>, _materials: &dyn Materials) -> Result<(), Refusal> {
        let body = json::read(request.body)?;
        let items = body.get("notificationItems").and_then(Value::as_array).filter(|items| !items.is_empty());
        let items = items.ok_or_else(|| Refusal::Malformed("the body has no `notificationItems`".into()))?;
        let verdicts = items.iter().map(|item| self.check(item)).collect::<Result<Vec<_>, _>>()?;
        mac::matched(verdicts.into_iter().fold(Choice::from(1), |all, one| all & one))
    }
}

/// A field as it is signed.
fn field(item: &Value, pointer: &str) -> Result<String, Refusal> {
    match item.pointer(pointer) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) if pointer == "/amount/value" => Ok(number.to_string()),
        Some(_) => Err(Refusal::Malformed(format!("`{pointer}` of an item is no text").into())),
    }
}
