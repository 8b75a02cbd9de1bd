//! Schemes with their keys: what the table's words become for one source.
//!
//! **Invariant:** each kind has one judge; a provider has at least one scheme, and a request is judged by exactly one.

use super::config::{Config, Secret};
use super::credential::{Basic, Token};
use super::provider::Provider;
use super::signed::Signed;
use super::spec::{Field, Kind, Spec};
use super::special::Judge;
use super::standard::Standard;
use super::{ConfigError, Inbound, Materials, Refusal, jwt, special};
use zeroize::Zeroizing;

pub(crate) enum Scheme {
    Signed(Box<Signed>),
    Token(Token),
    Basic(Basic),
    Standard(Standard),
    Special(Box<dyn Judge>),
    Open,
    /// The source's secret is still to come by a handshake.
    Unlearnt,
    Closed,
}

/// A scheme and the requests that it is for.
pub(crate) struct Branch {
    when: Option<When>,
    pub scheme: Scheme,
}

/// A header, and the value it must have, if any.
struct When {
    header: String,
    value: Option<String>,
}

impl Branch {
    pub fn open() -> Self {
        Branch { when: None, scheme: Scheme::Open }
    }

    pub fn unlearnt() -> Self {
        Branch { when: None, scheme: Scheme::Unlearnt }
    }

    pub fn is_for(&self, request: &Inbound<'_>) -> bool {
        let Some(when) = &self.when else { return true };
        let fits = |value: &[u8]| when.value.as_ref().map_or(!value.is_empty(), |wanted| value == wanted.as_bytes());
        request.headers.iter().any(|(name, value)| *name == when.header && fits(value))
    }
}

impl Scheme {
    pub fn judge(&self, request: &Inbound<'_>, materials: &dyn Materials) -> Result<(), Refusal> {
        match self {
            Scheme::Signed(signed) => signed.judge(request),
            Scheme::Token(token) => token.judge(request),
            Scheme::Basic(basic) => basic.judge(request),
            Scheme::Standard(standard) => standard.judge(request),
            Scheme::Special(judge) => judge.judge(request, materials),
            Scheme::Open => Ok(()),
            Scheme::Unlearnt => {
                Err(Refusal::Untrusted("no secret yet: the provider sends it when the webhook is set up there".into()))
            }
            Scheme::Closed => Err(Refusal::Untrusted("this type of source accepts no requests".into())),
        }
    }
}

/// The schemes of a provider for which the configuration has secrets. At least one.
pub(crate) fn branches(provider: &Provider, config: Config<'_>) -> Result<Vec<Branch>, ConfigError> {
    let specs = resolve(provider, config)?;
    specs.into_iter().map(|(spec, secrets)| build(provider, &spec, config, &secrets)).collect()
}

/// The schemes as the configuration leaves them, and each one's secrets.
pub(crate) fn resolve(provider: &Provider, config: Config<'_>) -> Result<Vec<(Spec, Vec<Secret>)>, ConfigError> {
    let mut resolved = Vec::new();
    for spec in &provider.schemes {
        let spec = spec.configured(config)?;
        let secrets = secrets(provider, &spec, config)?;
        let with = |secret: &Secret| spec.secrets_with.as_ref().is_none_or(|prefix| secret.starts_with(prefix));
        let without = |secret: &Secret| !spec.secrets_without.as_ref().is_some_and(|prefix| secret.starts_with(prefix));
        let is_split = spec.secrets_with.is_some() || spec.secrets_without.is_some();
        let secrets: Vec<Secret> = secrets.into_iter().filter(|secret| with(secret) && without(secret)).collect();
        if !(is_split && secrets.is_empty()) {
            resolved.push((spec, secrets));
        }
    }
    Ok(resolved)
}

fn secrets(provider: &Provider, spec: &Spec, config: Config<'_>) -> Result<Vec<Secret>, ConfigError> {
    let has_public = config.has("publicKey") || config.has("publicKeys");
    match (spec.kind, spec.field) {
        (Kind::Token, Field::ClientId) => Ok(vec![Zeroizing::new(config.required("clientId")?.to_owned())]),
        (Kind::Standard, _) if has_public && !config.has("secret") && !config.has("secrets") => Ok(Vec::new()),
        (Kind::Hmac | Kind::Hash | Kind::Token | Kind::Standard, _) => config.secrets(provider.secret_min),
        _ => Ok(Vec::new()),
    }
}

fn build(provider: &Provider, spec: &Spec, config: Config<'_>, secrets: &[Secret]) -> Result<Branch, ConfigError> {
    let scheme = match spec.kind {
        Kind::Hmac | Kind::Hash | Kind::Ed25519 | Kind::EcdsaP256 | Kind::RsaSha256 => {
            Scheme::Signed(Box::new(Signed::new(spec, config, secrets)?))
        }
        Kind::Token => Scheme::Token(Token::new(spec, secrets)),
        Kind::Basic => Scheme::Basic(Basic::new(config)?),
        Kind::Standard => Scheme::Standard(Standard::new(spec, config, secrets)?),
        Kind::Special => Scheme::Special(match jwt::build(&provider.name, config) {
            Some(judge) => judge?,
            None => special::build(&provider.name, config)?,
        }),
        Kind::Open => Scheme::Open,
        Kind::Closed => Scheme::Closed,
    };
    let when = spec.when.as_ref().map(|text| match text.split_once('=') {
        Some((header, value)) => When { header: header.to_owned(), value: Some(value.to_owned()) },
        None => When { header: text.clone(), value: None },
    });
    Ok(Branch { when, scheme })
}
