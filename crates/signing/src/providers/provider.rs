//! A provider: its names, where its events say what they are, and how its requests are verified.
//!
//! **Invariant:** the list is data, read once; two providers never share a name.

use super::{ConfigError, Inbound, Materials, Refusal};
use serde_json::Value;

/// A kind of source.
pub struct Provider {
    /// The `type` of its sources: Svix's name where it has one (`open-ai`), else the scheme's (`bitbucket_server`).
    pub name: String,
    /// Other names that are understood: schemes (`github_sha1`), spellings (`openai`).
    pub aliases: Vec<String>,
    /// For people: `Bitbucket Server`.
    pub title: String,
    /// Where the event's id is: `header:x-github-delivery`, `json:/id`, `form:MessageSid`, or empty. With `batch`, JSON
    /// pointers begin at an element.
    pub event_id: String,
    /// Where the event's type is, in the same words, or empty.
    pub event_type: String,
    /// JSON pointer of the array of events, where a request carries several: empty text for the root (HubSpot).
    pub batch: Option<String>,
    /// Verifies nothing.
    pub is_insecure: bool,
}

impl Provider {
    /// By name or alias.
    pub fn find(_name: &str) -> Option<&'static Provider> {
        None
    }
    /// All of them, by name.
    pub fn all() -> &'static [Provider] {
        &[]
    }
    /// A verifier for a source's configuration: an object with `secret`, `secrets`, `publicKey` and so on. Refuses empty and
    /// short secrets, unknown schemes, keys that aren't keys.
    pub fn verifier(&'static self, _config: &Value) -> Result<Verifier, ConfigError> {
        Err(ConfigError::new("type", "not there yet"))
    }
    /// The part of a configuration that may be shown: public keys and switches, never secrets.
    pub fn shown(&self, _config: &Value) -> Value {
        Value::Object(serde_json::Map::new())
    }
}

/// Judges requests of one source. Holds its secrets: no `Debug`, wiped when dropped.
pub struct Verifier {
    provider: &'static Provider,
}

impl Verifier {
    pub fn provider(&self) -> &'static Provider {
        self.provider
    }
    /// Whether a request is from the provider. Any of the source's live secrets, and any of the request's signatures, will
    /// do.
    pub fn judge(&self, _request: &Inbound<'_>, _materials: &dyn Materials) -> Result<(), Refusal> {
        Err(Refusal::Mismatch)
    }
}
