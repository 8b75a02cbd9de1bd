//! Credentials that come with each request as they are: a token in a header or the query, HTTP Basic.
//!
//! **Invariant:** compared in constant time with every live secret; says nothing about the body.

use super::claims::Place;
use super::config::{Config, SECRET_LEN_MIN, Secret};
use super::encoding::Encoding;
use super::request::header;
use super::spec::Spec;
use super::{ConfigError, Inbound, Refusal};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// A header or query parameter that equals a secret, after a prefix such as `Bearer `.
pub(crate) struct Token {
    pub place: Place,
    pub prefix: String,
    pub secrets: Vec<Secret>,
}

impl Token {
    pub fn new(spec: &Spec, secrets: &[Secret]) -> Self {
        Token { place: Place::of(spec), prefix: spec.prefix.clone(), secrets: secrets.to_vec() }
    }

    pub fn judge(&self, request: &Inbound<'_>) -> Result<(), Refusal> {
        let value = self.place.value(request)?;
        // An authentication scheme is case-insensitive (RFC 9110 section 11.1).
        let given = strip_ignoring_case(&value, &self.prefix).ok_or(Refusal::Credential)?;
        if is_one_of(given, &self.secrets).into() { Ok(()) } else { Err(Refusal::Credential) }
    }
}

/// `Authorization: Basic` with one of the pairs `user:password` (RFC 7617).
pub(crate) struct Basic {
    pub pairs: Vec<Secret>,
}

impl Basic {
    /// The pairs are `username` and `password`, or the secrets as `user:password`.
    pub fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        if config.has("username") || config.has("password") {
            let (user, password) = (config.required("username")?, config.required("password")?);
            if user.contains(':') {
                return Err(ConfigError::new("username", "must not contain a colon"));
            }
            if !config.is_lenient() && password.len() < SECRET_LEN_MIN {
                return Err(ConfigError::new("password", format!("must have at least {SECRET_LEN_MIN} bytes")));
            }
            return Ok(Basic { pairs: vec![Zeroizing::new(format!("{user}:{password}"))] });
        }
        let pairs = config.secrets(SECRET_LEN_MIN)?;
        if pairs.iter().any(|pair| !pair.contains(':')) {
            return Err(ConfigError::new("secret", "must be user:password"));
        }
        Ok(Basic { pairs })
    }

    pub fn judge(&self, request: &Inbound<'_>) -> Result<(), Refusal> {
        let value = header(request, "authorization")?;
        let encoded = strip_ignoring_case(value, "Basic ").ok_or(Refusal::Credential)?;
        let given = Encoding::Base64.decode(encoded);
        let given = given.ok_or(Refusal::Malformed("the credential is not base64".into()))?;
        if is_one_of(&given, &self.pairs).into() { Ok(()) } else { Err(Refusal::Credential) }
    }
}

fn is_one_of(given: &[u8], secrets: &[Secret]) -> Choice {
    secrets.iter().fold(Choice::from(0), |found, secret| found | secret.as_bytes().ct_eq(given))
}

fn strip_ignoring_case<'a>(value: &'a [u8], prefix: &str) -> Option<&'a [u8]> {
    let (head, rest) = value.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix.as_bytes()).then_some(rest)
}
