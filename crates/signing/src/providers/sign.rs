//! Signs samples as a provider would: for `postrider trigger`, and for tests that need real requests.
//!
//! **Invariant:** what is signed here verifies under the provider's own library, not only under ours.

use super::{ConfigError, Provider};
use serde_json::Value;

/// A request that a provider is about to send.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    pub method: &'a str,
    pub url: &'a str,
    pub content_type: &'a str,
    pub body: &'a [u8],
    /// Unix milliseconds.
    pub now_ms: i64,
    /// Where the provider puts them into headers.
    pub event_type: &'a str,
    pub event_id: &'a str,
}

/// The headers, in lower case, that the provider would send with it: signature, time, event type and id. `config` is a
/// source's configuration. Refuses providers that sign with a private key which isn't in it.
pub fn sign(_provider: &Provider, _config: &Value, _draft: &Draft<'_>) -> Result<Vec<(String, String)>, ConfigError> {
    Err(ConfigError::new("type", "not there yet"))
}
