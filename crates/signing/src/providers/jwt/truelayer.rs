//! TrueLayer: `Tl-Signature` is a detached JSON Web Signature, ES512, over `METHOD path\n`, the headers that its own header
//! `tl_headers` lists as `Name: value\n`, and the body. Source:
//! <https://github.com/TrueLayer/truelayer-signing> (request-signing-v2.md).
//!
//! **Invariant:** the timestamp is among what is signed; keys come from the configuration or from TrueLayer's own hosts,
//! whatever the token says.

use super::algorithm::Algorithm;
use super::key::PublicKey;
use super::keys::{self, fetched, one_of};
use super::named;
use super::token::Token;
use crate::providers::special::Judge;
use crate::providers::{Config, ConfigError, Inbound, Materials, Refusal, SECRET_LEN_MIN};

const PRODUCTION_JWKS: &str = "https://webhooks.truelayer.com/.well-known/jwks";
const SANDBOX_JWKS: &str = "https://webhooks.truelayer-sandbox.com/.well-known/jwks";
const TIMESTAMP: &str = "x-tl-webhook-timestamp";
const HEADERS_MAX: usize = 32;

pub(super) struct TrueLayer {
    /// `None` fetches them from where the token says, within `sets`.
    keys: Option<Vec<PublicKey>>,
    sets: &'static [&'static str],
}

impl TrueLayer {
    /// Keys are `publicKey` (PEM) or `jwks`, or such as `secret`; without them they are fetched. `environment` is
    /// `production` or `sandbox`; without it both are trusted.
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        let keys = match keys::pinned(config)? {
            Some(keys) => Some(keys),
            None if config.text("secret")?.is_some() => Some(keys::parsed("secret", &config.secrets(SECRET_LEN_MIN)?)?),
            None => None,
        };
        if keys.iter().flatten().any(|key| !key.serves(Algorithm::Es512)) {
            return Err(ConfigError::new("publicKey", "must be a P-521 key: TrueLayer signs with ES512"));
        }
        let sets: &'static [&'static str] = match config.text("environment")? {
            None => &[PRODUCTION_JWKS, SANDBOX_JWKS],
            Some("production") => &[PRODUCTION_JWKS],
            Some("sandbox") => &[SANDBOX_JWKS],
            Some(_) => return Err(ConfigError::new("environment", "must be `production` or `sandbox`")),
        };
        Ok(TrueLayer { keys, sets })
    }

    /// Where the token says that its keys are, if TrueLayer's keys are there.
    fn set_of(&self, token: &Token<'_>) -> Result<Option<&'static str>, Refusal> {
        let Some(claimed) = token.text("jku") else { return Ok(None) };
        let known = self.sets.iter().find(|known| **known == claimed);
        known.map(|known| Some(*known)).ok_or(Refusal::Untrusted("the signature's `jku` is not TrueLayer's".into()))
    }
}

impl Judge for TrueLayer {
    fn judge(&self, request: &Inbound<'_>, materials: &dyn Materials) -> Result<(), Refusal> {
        let token = Token::parse(request.header("tl-signature")?)?;
        let algorithm = token.algorithm(&[Algorithm::Es512])?;
        if !token.payload.is_empty() {
            return Err(Refusal::Malformed("the signature is not detached: it has a payload".into()));
        }
        if token.text("tl_version") != Some("2") {
            return Err(Refusal::Malformed("the signature's `tl_version` is not 2".into()));
        }
        let headers = signed_headers(&token, request)?;
        let set = self.set_of(&token)?;
        let from_set;
        let keys = match (&self.keys, set) {
            (Some(keys), _) => keys,
            (None, Some(url)) => {
                from_set = fetched(url, materials)?;
                &from_set
            }
            (None, None) => return Err(Refusal::Untrusted("the signature names no `jku`, and no key is set".into())),
        };
        let mut verdict = Err(Refusal::Mismatch);
        for path in paths(request) {
            let line = format!("{} {path}\n", request.method);
            let message = token.signed_with(&[line.as_bytes(), &headers, request.body].concat());
            verdict = one_of(keys, &token, algorithm, &message, request.now_ms);
            if verdict != Err(Refusal::Mismatch) {
                break;
            }
        }
        verdict
    }
}

/// `Name: value\n` for each header that is signed, with the names as `tl_headers` spells them.
fn signed_headers(token: &Token<'_>, request: &Inbound<'_>) -> Result<Vec<u8>, Refusal> {
    let list = token.text("tl_headers").unwrap_or_default();
    let names: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.len() > HEADERS_MAX {
        return Err(Refusal::Malformed("the signature lists more than 32 headers".into()));
    }
    if !names.iter().any(|name| name.eq_ignore_ascii_case(TIMESTAMP)) {
        return Err(Refusal::Malformed("the signature does not cover X-Tl-Webhook-Timestamp".into()));
    }
    let mut out = Vec::new();
    for name in names {
        let value = named(request, &name.to_ascii_lowercase())?;
        out.extend_from_slice(&[name.as_bytes(), b": ", value, b"\n"].concat());
    }
    Ok(out)
}

/// The path as it may have been signed: its libraries let the last slash and the query differ.
fn paths(request: &Inbound<'_>) -> impl Iterator<Item = String> {
    let whole = request.path_and_query().split('#').next().unwrap_or_default();
    let path = whole.split('?').next().unwrap_or_default();
    let toggled = match path.strip_suffix('/') {
        Some(shorter) => shorter.to_owned(),
        None => format!("{path}/"),
    };
    let with_query = (whole != path).then(|| whole.to_owned());
    [Some(path.to_owned()), Some(toggled), with_query].into_iter().flatten().filter(|path| !path.is_empty())
}
