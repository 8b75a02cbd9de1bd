//! Sources made ready for requests: configuration opened, rules parsed, answer built; once for each change of a source.
//!
//! **Invariant:** fails closed: a source whose configuration can't be used refuses everything. Secrets have no `Debug` and
//! are wiped when dropped.

use crate::answer::Answer;
use crate::config::IngestConfig;
use crate::reading::Reading;
use domain::{SourceRoute, source_config_aad};
use ipnet::IpNet;
use parking_lot::RwLock;
use signing::SecretBox;
use signing::providers::handshake::{self, Context};
use signing::providers::{Config, ConfigError, Provider, SecretConfig, Verifier};
use std::collections::HashMap;
use std::sync::Arc;

/// A source, ready.
pub(crate) struct Prepared {
    pub route: Arc<SourceRoute>,
    pub gate: Gate,
    pub reading: Reading,
    /// To what it accepts.
    pub answer: Answer,
    /// Bytes of a body at most.
    pub body_limit: usize,
}

/// Who may come in.
pub(crate) enum Gate {
    /// Everybody: a bin.
    Open,
    Guarded(Box<Guard>),
    /// Nobody; the text says why, for the source's owner.
    Broken(String),
}

pub(crate) struct Guard {
    pub provider: &'static Provider,
    pub config: SecretConfig,
    /// The text says why there is none: then only a handshake that brings a secret gets through.
    pub verifier: Result<Verifier, String>,
    /// Networks that requests have to come from; empty takes any.
    pub allow_ips: Vec<IpNet>,
}

impl Prepared {
    fn new(route: Arc<SourceRoute>, secret_box: &SecretBox, config: &IngestConfig) -> Prepared {
        let provider = if route.is_bin { None } else { Provider::find(&route.kind) };
        let gate = match provider {
            _ if route.is_bin => Gate::Open,
            None => Gate::Broken("this Postrider doesn't know the source's type".to_owned()),
            Some(provider) => match guard(provider, &route, secret_box) {
                Ok(guard) => Gate::Guarded(Box::new(guard)),
                Err(why) => Gate::Broken(why),
            },
        };
        let expected = match &gate {
            Gate::Guarded(guard) => guard.context().and_then(handshake::acknowledgement),
            _ => None,
        };
        let own_limit = route.options.body_limit.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        Prepared {
            gate,
            reading: Reading::new(&route, provider.map(Into::into)),
            answer: Answer::accepted(&route.options.response, expected),
            body_limit: own_limit.unwrap_or(usize::MAX).min(config.body_limit),
            route,
        }
    }
}

fn guard(provider: &'static Provider, route: &SourceRoute, secret_box: &SecretBox) -> Result<Guard, String> {
    let unusable = |e: ConfigError| format!("the source's configuration is unusable: {e}");
    let config = open(route, secret_box)?;
    let allow_ips = Config::new(config.value()).and_then(|c| c.allow_ips()).map_err(unusable)?;
    let verifier = provider.verifier(config.value()).map_err(unusable);
    Ok(Guard { provider, verifier, allow_ips, config })
}

impl Guard {
    /// For handshakes, which have to be answered before there is a verifier, too.
    pub fn context(&self) -> Option<Context<'_>> {
        Some(Context { provider: &self.provider.name, config: Config::new(self.config.value()).ok()? })
    }
}

/// The configuration of a source, opened: an object.
pub(crate) fn open(route: &SourceRoute, secret_box: &SecretBox) -> Result<SecretConfig, String> {
    let opened = secret_box.open(&route.config_sealed, &source_config_aad(route.source));
    let opened = opened.map_err(|e| format!("the source's configuration can't be opened: {e}"))?;
    if opened.is_empty() {
        return Ok(SecretConfig::empty());
    }
    match serde_json::from_slice(&opened).map(SecretConfig::new) {
        Ok(config) if config.value().is_object() => Ok(config),
        // The parser's message may quote what it read.
        Ok(_) | Err(_) => Err("the source's configuration is no JSON object".to_owned()),
    }
}

/// Prepared sources by their token.
pub(crate) struct PreparedSources {
    secret_box: Arc<SecretBox>,
    by_token: RwLock<HashMap<Box<str>, Arc<Prepared>>>,
}

impl PreparedSources {
    pub fn new(secret_box: Arc<SecretBox>) -> Self {
        PreparedSources { secret_box, by_token: RwLock::default() }
    }

    pub fn get(&self, token: &str, route: &Arc<SourceRoute>, config: &IngestConfig) -> Arc<Prepared> {
        if let Some(known) = self.by_token.read().get(token)
            && Arc::ptr_eq(&known.route, route)
        {
            return known.clone();
        }
        let prepared = Arc::new(Prepared::new(route.clone(), &self.secret_box, config));
        if let Gate::Broken(why) = &prepared.gate {
            tracing::warn!(source = route.source.0, why, "a source refuses everything");
        }
        let mut by_token = self.by_token.write();
        if by_token.len() >= config.sources_cached {
            by_token.clear();
        }
        by_token.insert(token.into(), prepared.clone());
        prepared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::support::{route, secret_box};

    #[test]
    fn a_source_is_prepared_once_for_each_change() {
        let sources = PreparedSources::new(secret_box());
        let config = IngestConfig { sources_cached: 2, ..IngestConfig::default() };
        let first = Arc::new(route(true, "bin"));
        let prepared = sources.get("t1", &first, &config);
        assert!(Arc::ptr_eq(&prepared, &sources.get("t1", &first, &config)));
        let changed = Arc::new(route(true, "bin"));
        assert!(!Arc::ptr_eq(&prepared, &sources.get("t1", &changed, &config)));
        for n in 0..10 {
            sources.get(&format!("t{n}"), &changed, &config);
            assert!(sources.by_token.read().len() <= 2);
        }
    }

    #[test]
    fn a_source_that_cant_be_opened_refuses_everything() {
        let mut damaged = route(false, "github");
        damaged.config_sealed = Box::from(&b"\x01damaged"[..]);
        let prepared = Prepared::new(Arc::new(damaged), &secret_box(), &IngestConfig::default());
        assert!(matches!(prepared.gate, Gate::Broken(_)));
        let unknown = Prepared::new(Arc::new(route(false, "no-such-type")), &secret_box(), &IngestConfig::default());
        assert!(matches!(unknown.gate, Gate::Broken(_)));
    }
}
