//! Schemes that a table can't say: one module each, with the rule and its source at its head.
//!
//! **Invariant:** [`build`] knows every name that the table marks as special; each judge fails closed.

use super::config::Config;
use super::{ConfigError, Inbound, Materials, Refusal};

/// A scheme in code, with its keys.
#[allow(dead_code)]
pub(crate) trait Judge: Send + Sync {
    fn judge(&self, request: &Inbound<'_>, materials: &dyn Materials) -> Result<(), Refusal>;
}

/// The judge of a special scheme, with the keys of a configuration.
#[allow(dead_code)]
pub(crate) fn build(scheme: &str, _config: Config<'_>) -> Result<Box<dyn Judge>, ConfigError> {
    Err(ConfigError::new("type", format!("there is no scheme {scheme}")))
}
