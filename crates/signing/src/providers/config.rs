//! A source's configuration, as the schemes read it: a JSON object with secrets and switches.
//!
//! **Invariant:** secrets leave it only as wiped-on-drop strings; an error names the field and says what to do.

use super::ConfigError;
use ipnet::IpNet;
use serde_json::{Map, Value};
use std::net::IpAddr;
use zeroize::{Zeroize, Zeroizing};

/// A shared secret as text.
pub type Secret = Zeroizing<String>;

/// Shorter secrets are refused, in bytes, where the scheme doesn't say otherwise.
pub const SECRET_LEN_MIN: usize = 8;

/// More live secrets than this are refused: each may cost a pass over the body.
pub const SECRETS_MAX: usize = 16;

/// Longer tolerances are refused, in seconds: ten years is as good as none.
const TOLERANCE_S_MAX: u32 = 315_360_000;

/// Fields that may be shown. What isn't named here could be a secret.
const SHOWN: &[&str] = &[
    "algorithm",
    "algorithms",
    "allow",
    "allowIps",
    "audience",
    "bodyHashClaim",
    "bodyHashEncoding",
    "certUrl",
    "certificate",
    "clientId",
    "contentType",
    "encoding",
    "environment",
    "format",
    "header",
    "issuer",
    "jwksUrl",
    "keyEncoding",
    "payload",
    "prefix",
    "publicKey",
    "publicKeys",
    "public_key",
    "query",
    "requireExpiry",
    "schedule",
    "separator",
    "signatureKey",
    "template",
    "timestampGraceSeconds",
    "timestampHeader",
    "timestampKey",
    "timestampUnit",
    "tolerance",
    "topicArns",
    "topics",
    "username",
];

/// The fields of a configuration.
#[derive(Clone, Copy)]
pub struct Config<'a> {
    fields: &'a Map<String, Value>,
    is_lenient: bool,
}

impl<'a> Config<'a> {
    pub fn new(value: &'a Value) -> Result<Self, ConfigError> {
        match value {
            Value::Object(fields) => Ok(Config { fields, is_lenient: false }),
            _ => Err(ConfigError::new("config", "must be an object")),
        }
    }

    /// Like [`new`](Self::new), but takes secrets of any length: for judging single requests, not for sources.
    pub fn lenient(value: &'a Value) -> Result<Self, ConfigError> {
        Self::new(value).map(|config| Config { is_lenient: true, ..config })
    }

    /// A copy for as long as a verifier lives.
    pub(crate) fn kept(&self) -> KeptConfig {
        KeptConfig { fields: self.fields.clone(), is_lenient: self.is_lenient }
    }

    pub fn is_lenient(&self) -> bool {
        self.is_lenient
    }

    /// A text field; `None` when it is absent or null. Empty text is refused.
    pub fn text(&self, field: &'static str) -> Result<Option<&'a str>, ConfigError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(Value::String(_)) => Err(ConfigError::new(field, "must not be empty")),
            Some(_) => Err(ConfigError::new(field, "must be a text")),
        }
    }

    pub fn required(&self, field: &'static str) -> Result<&'a str, ConfigError> {
        self.text(field)?.ok_or_else(|| ConfigError::required(field))
    }

    /// Any field, as it is.
    pub fn value(&self, field: &str) -> Option<&'a Value> {
        self.fields.get(field)
    }

    /// Whether a field is there and not null.
    pub fn has(&self, field: &str) -> bool {
        self.fields.get(field).is_some_and(|value| !value.is_null())
    }

    /// A number of seconds; `None` when it is absent or null.
    pub fn seconds(&self, field: &'static str) -> Result<Option<u32>, ConfigError> {
        if !self.has(field) {
            return Ok(None);
        }
        let given = self.value(field).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
        let in_range = given.filter(|seconds| *seconds <= TOLERANCE_S_MAX);
        let message = || format!("must be a whole number of seconds, at most {TOLERANCE_S_MAX}");
        in_range.map(Some).ok_or_else(|| ConfigError::new(field, message()))
    }

    /// The live secrets: `secret`, then the texts of the list `secrets` that differ from it. At least one, none shorter than
    /// `min` bytes, none blank.
    pub fn secrets(&self, min: usize) -> Result<Vec<Secret>, ConfigError> {
        self.all("secret", "secrets", min)
    }

    /// Refuses a `secret`, or one of `secrets`, that is empty, blank or shorter than `min` bytes, whatever a scheme does with
    /// it. A `positional` list may have empty places.
    pub(crate) fn check_secrets(&self, min: usize, positional: bool) -> Result<(), ConfigError> {
        let long_enough = |text: &str, field: &'static str| match text {
            "" => Err(ConfigError::new(field, "must not be empty")),
            blank if blank.trim().is_empty() => Err(ConfigError::new(field, "must not be blank")),
            // The field is `secret` for both, as where schemes look at them.
            short if short.len() < min => Err(ConfigError::new("secret", format!("must have at least {min} bytes"))),
            _ => Ok(()),
        };
        if let Some(text) = self.text("secret")? {
            long_enough(text, "secret")?;
        }
        // What is no list of texts is for the scheme to refuse.
        let list = self.value("secrets").and_then(Value::as_array);
        let mut texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.try_for_each(|text| if positional && text.is_empty() { Ok(()) } else { long_enough(text, "secrets") })
    }

    /// Like [`secrets`](Self::secrets), for `publicKey` and `publicKeys`.
    pub fn public_keys(&self) -> Result<Vec<Secret>, ConfigError> {
        self.all("publicKey", "publicKeys", 1)
    }

    /// The public keys, or, where none is given, `secret` and `secrets` in their place: people put a provider's key there.
    pub fn public_keys_or_secrets(&self) -> Result<Vec<Secret>, ConfigError> {
        let has_public = self.has("publicKey") || self.has("publicKeys");
        let has_secret = self.has("secret") || self.has("secrets");
        if has_secret && !has_public { self.all("secret", "secrets", 1) } else { self.public_keys() }
    }

    /// `allowIps`, or `allow`: addresses and networks (CIDR) that requests may come from. Empty when there is none.
    pub fn allow_ips(&self) -> Result<Vec<IpNet>, ConfigError> {
        let field = if self.has("allowIps") { "allowIps" } else { "allow" };
        let message = "must be a list of IP addresses and networks such as 192.0.2.0/24";
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let nets = items.iter().map(|item| item.as_str().and_then(parse_net));
                nets.collect::<Option<Vec<_>>>().ok_or_else(|| ConfigError::new(field, message))
            }
            Some(_) => Err(ConfigError::new(field, message)),
        }
    }

    /// The fields that may be shown.
    pub fn shown(&self) -> Map<String, Value> {
        let shown = self.fields.iter().filter(|(name, _)| SHOWN.contains(&name.as_str()));
        shown.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn all(&self, one: &'static str, many: &'static str, min: usize) -> Result<Vec<Secret>, ConfigError> {
        let mut found: Vec<Secret> = Vec::new();
        if let Some(first) = self.text(one)? {
            found.push(Zeroizing::new(first.to_owned()));
        }
        match self.fields.get(many) {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                for item in items {
                    let text = item.as_str().filter(|t| !t.is_empty());
                    let text = text.ok_or_else(|| ConfigError::new(many, "must be a list of texts, none empty"))?;
                    if found.iter().all(|known| known.as_str() != text) {
                        found.push(Zeroizing::new(text.to_owned()));
                    }
                }
            }
            Some(_) => return Err(ConfigError::new(many, "must be a list of texts")),
        }
        if found.is_empty() {
            return Err(ConfigError::required(one));
        }
        if found.len() > SECRETS_MAX {
            return Err(ConfigError::new(many, format!("must be at most {SECRETS_MAX}")));
        }
        if found.iter().any(|secret| secret.trim().is_empty()) {
            return Err(ConfigError::new(one, "must not be blank"));
        }
        if !self.is_lenient && found.iter().any(|secret| secret.len() < min) {
            return Err(ConfigError::new(one, format!("must have at least {min} bytes")));
        }
        Ok(found)
    }
}

/// A configuration with its secrets, as a source has it: opened or about to be sealed. No `Debug`; wiped when dropped.
pub struct SecretConfig(Value);

impl SecretConfig {
    pub fn new(value: Value) -> Self {
        SecretConfig(value)
    }
    pub fn empty() -> Self {
        SecretConfig(Value::Object(Map::new()))
    }
    pub fn value(&self) -> &Value {
        &self.0
    }
    /// As it is sealed.
    pub fn text(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(serde_json::to_vec(&self.0).unwrap_or_default())
    }
}

impl Drop for SecretConfig {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// The fields that a verifier keeps, wiped when dropped.
pub(crate) struct KeptConfig {
    fields: Map<String, Value>,
    is_lenient: bool,
}

impl KeptConfig {
    pub fn get(&self) -> Config<'_> {
        Config { fields: &self.fields, is_lenient: self.is_lenient }
    }
}

impl Drop for KeptConfig {
    fn drop(&mut self) {
        self.fields.values_mut().for_each(wipe);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn parse_net(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}
