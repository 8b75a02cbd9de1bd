//! A source's configuration, as the schemes read it: a JSON object with secrets and switches.
//!
//! **Invariant:** secrets leave it only as wiped-on-drop strings; an error names the field and says what to do.

use super::ConfigError;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// A shared secret as text.
pub type Secret = Zeroizing<String>;

/// Shorter secrets are refused, in bytes, where the scheme doesn't say otherwise.
pub const SECRET_LEN_MIN: usize = 8;

/// The fields of a configuration.
#[derive(Clone, Copy)]
pub struct Config<'a>(&'a Map<String, Value>);

impl<'a> Config<'a> {
    pub fn new(value: &'a Value) -> Result<Self, ConfigError> {
        match value {
            Value::Object(fields) => Ok(Config(fields)),
            _ => Err(ConfigError::new("config", "must be an object")),
        }
    }

    /// A text field; `None` when it is absent or null. Empty text is refused.
    pub fn text(&self, field: &'static str) -> Result<Option<&'a str>, ConfigError> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(Value::String(_)) => Err(ConfigError::new(field, "must not be empty")),
            Some(_) => Err(ConfigError::new(field, "must be a text")),
        }
    }

    pub fn required(&self, field: &'static str) -> Result<&'a str, ConfigError> {
        self.text(field)?.ok_or_else(|| ConfigError::new(field, "is required"))
    }

    /// Any field, as it is.
    pub fn value(&self, field: &str) -> Option<&'a Value> {
        self.0.get(field)
    }

    /// The live secrets: `secret`, then the texts of the list `secrets` that differ from it. At least one, none shorter than
    /// `min` bytes.
    pub fn secrets(&self, min: usize) -> Result<Vec<Secret>, ConfigError> {
        self.all("secret", "secrets", min)
    }

    /// Like [`secrets`](Self::secrets), for `publicKey` and `publicKeys`.
    pub fn public_keys(&self) -> Result<Vec<Secret>, ConfigError> {
        self.all("publicKey", "publicKeys", 1)
    }

    fn all(&self, one: &'static str, many: &'static str, min: usize) -> Result<Vec<Secret>, ConfigError> {
        let mut found: Vec<Secret> = Vec::new();
        if let Some(first) = self.text(one)? {
            found.push(Zeroizing::new(first.to_owned()));
        }
        match self.0.get(many) {
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
            return Err(ConfigError::new(one, "is required"));
        }
        if found.iter().any(|secret| secret.len() < min) {
            return Err(ConfigError::new(one, format!("must have at least {min} bytes")));
        }
        Ok(found)
    }
}
