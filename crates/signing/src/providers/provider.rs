//! A provider: its names, where its events say what they are, and how its requests are verified.
//!
//! **Invariant:** the list is data, read once; two providers never share a name.

use super::config::{Config, KeptConfig, SECRET_LEN_MIN};
use super::scheme::{Branch, branches};
use super::spec::Spec;
use super::table::{TABLE, plain};
use super::{ConfigError, Inbound, Materials, Refusal};
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A kind of source.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Provider {
    /// The `type` of its sources: Svix's name where it has one (`open-ai`), else the scheme's (`bitbucket_server`).
    pub name: String,
    /// Other names that are understood: schemes (`x_twitter`), spellings (`openai`).
    #[serde(default)]
    pub aliases: Vec<String>,
    /// For people: `Bitbucket Server`.
    pub title: String,
    /// The page, or code, that says how it signs: the source of its scheme.
    pub docs: String,
    /// Where the event's id is: `header:x-github-delivery`, `json:/id`, `form:alert_id`, `query:message_id`. With `batch`, JSON pointers begin
    /// at an element. Several rules are joined; empty where the provider gives no id.
    #[serde(default, rename = "id")]
    pub event_id: Vec<String>,
    /// Where the event's type is, in the same words, or empty.
    #[serde(default, rename = "type")]
    pub event_type: String,
    /// JSON pointer of the array of events, where a request carries several: empty text for the root (HubSpot).
    pub batch: Option<String>,
    /// Verifies nothing.
    #[serde(default, rename = "insecure")]
    pub is_insecure: bool,
    /// Without a secret it verifies nothing.
    #[serde(default)]
    pub(super) secret_optional: bool,
    /// Its handshake brings the secret; until then everything is refused.
    #[serde(default)]
    pub(super) learns_secret: bool,
    /// Shorter secrets are refused, in bytes.
    #[serde(default = "secret_min")]
    pub(super) secret_min: usize,
    /// Texts that the configuration must have.
    #[serde(default)]
    pub(super) needs: Vec<String>,
    /// The configuration must say which addresses requests may come from.
    #[serde(default)]
    pub(super) needs_ips: bool,
    /// How its requests are verified: the first whose condition holds, else the first.
    pub(crate) schemes: Vec<Spec>,
}

fn secret_min() -> usize {
    SECRET_LEN_MIN
}

impl Provider {
    /// By name or alias. Case, `-` and `_` make no difference.
    pub fn find(name: &str) -> Option<&'static Provider> {
        TABLE.by_name.get(&plain(name)).and_then(|at| TABLE.providers.get(*at))
    }

    /// All of them, by name.
    pub fn all() -> &'static [Provider] {
        &TABLE.providers
    }

    /// A verifier for a source's configuration: an object with `secret`, `secrets`, `publicKey` and so on. Refuses empty and
    /// short secrets, unknown schemes, keys that aren't keys.
    pub fn verifier(&'static self, config: &Value) -> Result<Verifier, ConfigError> {
        let config = Config::new(config)?;
        for field in &self.needs {
            config.required(field)?;
        }
        self.build(config)
    }

    /// Whether a source may have this configuration. What [`verifier`](Self::verifier) says, but for a secret that a handshake
    /// will bring.
    pub fn check(&'static self, config: &Value) -> Result<(), ConfigError> {
        let parsed = Config::new(config)?;
        if self.learns_secret && !parsed.has("secret") && !parsed.has("secrets") {
            return parsed.allow_ips().map(drop);
        }
        self.verifier(config).map(drop)
    }

    /// Like [`verifier`](Self::verifier), but takes secrets of any length: for judging vectors and single requests on the
    /// command line, never for a source.
    pub fn verifier_lenient(&'static self, config: &Value) -> Result<Verifier, ConfigError> {
        self.build(Config::lenient(config)?)
    }

    /// The part of a configuration that may be shown: public keys and switches, never secrets.
    pub fn shown(&self, config: &Value) -> Value {
        Value::Object(Config::new(config).map_or_else(|_| Map::new(), |config| config.shown()))
    }

    fn build(&'static self, config: Config<'_>) -> Result<Verifier, ConfigError> {
        let allow_ips = config.allow_ips()?;
        if self.needs_ips && allow_ips.is_empty() {
            return Err(ConfigError::new("allowIps", "is required"));
        }
        let is_open = self.secret_optional && !config.has("secret") && !config.has("secrets");
        Ok(Verifier {
            provider: self,
            branches: if is_open { vec![Branch::open()] } else { branches(self, config)? },
            config: config.kept(),
            allow_ips,
            is_insecure: self.is_insecure || is_open,
        })
    }
}

/// Judges requests of one source. Holds its secrets: no `Debug`, wiped when dropped.
pub struct Verifier {
    provider: &'static Provider,
    branches: Vec<Branch>,
    config: KeptConfig,
    allow_ips: Vec<IpNet>,
    is_insecure: bool,
}

impl Verifier {
    pub fn provider(&self) -> &'static Provider {
        self.provider
    }

    /// Whether a request is from the provider. Any of the source's live secrets, and any of the request's signatures, will
    /// do. Addresses are not looked at: see [`allow_ips`](Self::allow_ips).
    pub fn judge(&self, request: &Inbound<'_>, materials: &dyn Materials) -> Result<(), Refusal> {
        let chosen = self.branches.iter().find(|branch| branch.is_for(request)).or(self.branches.first());
        match chosen {
            Some(branch) => branch.scheme.judge(request, materials),
            None => Err(Refusal::Mismatch),
        }
    }

    /// Whether it takes every request: its type says so, or its secret was left out where that is allowed.
    pub fn is_insecure(&self) -> bool {
        self.is_insecure
    }

    /// The networks that requests may come from (`allowIps`): the caller's to enforce. Empty when any will do.
    pub fn allow_ips(&self) -> &[IpNet] {
        &self.allow_ips
    }

    /// The configuration that it was made of: handshakes need its secrets and switches.
    pub fn config(&self) -> Config<'_> {
        self.config.get()
    }
}
