//! The engine of the table: a signature over a template, by HMAC, hash or public key.
//!
//! **Invariant:** all keys and all claims are tried; the first mismatch stops nothing. What is compared with a secret's
//! digest is compared in constant time.

use super::claims::Layout;
use super::config::{Config, Secret};
use super::encoding::{Encoding, hubspot_decode};
use super::mac::{Algorithm, Keyed, hash, is_claimed};
use super::public_key::{ed25519, ed25519_holds, p256, p256_holds, rsa, rsa_holds, shared_key};
use super::request::header;
use super::spec::{Kind, Spec};
use super::template::{Atom, Piece, Template, bytes};
use super::time::TimeRule;
use super::{ConfigError, Inbound, Refusal};
use ed25519_dalek::VerifyingKey;
use std::borrow::Cow;
use subtle::Choice;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// DER of an ECDSA P-256 signature has at most this many bytes (RFC 3279 section 2.2.3).
const P256_DER_LEN_MAX: usize = 72;

/// A scheme of the table, with its keys.
pub(crate) struct Signed {
    pub template: Template,
    pub layout: Layout,
    pub encoding: Encoding,
    pub time: Option<TimeRule>,
    keys: Keys,
    is_any_case: bool,
    required: Vec<String>,
    is_empty_refused: bool,
    is_url_decoded: bool,
}

enum Keys {
    Hmac(Algorithm, Vec<Keyed>),
    Hash(Algorithm, Vec<Secret>),
    Ed25519(Vec<VerifyingKey>),
    EcdsaP256(Vec<Box<[u8]>>),
    Rsa(Vec<Box<[u8]>>),
}

impl Signed {
    /// `secrets` are those that this scheme is for; public keys are read from the configuration.
    pub fn new(spec: &Spec, config: Config<'_>, secrets: &[Secret]) -> Result<Self, ConfigError> {
        let template = Template::parse(&spec.template)?;
        if template.has(&Atom::Secret) != (spec.kind == Kind::Hash) {
            return Err(ConfigError::new("template", "must not contain the secret"));
        }
        if template.has(&Atom::Time) && spec.time.is_none() && spec.time_item.is_none() {
            return Err(ConfigError::new("template", "has {ts}: timestampHeader or timestampKey is required"));
        }
        let public = || config.public_keys();
        let keys = match spec.kind {
            Kind::Hash => Keys::Hash(spec.algorithm, secrets.to_vec()),
            Kind::Ed25519 => Keys::Ed25519(each(public()?, |text| ed25519(text, spec.key))?),
            Kind::EcdsaP256 => Keys::EcdsaP256(each(public()?, |text| p256(text))?),
            Kind::RsaSha256 => Keys::Rsa(each(public()?, |text| rsa(text))?),
            _ => Keys::Hmac(spec.algorithm, each(secrets.to_vec(), |secret| keyed(spec, secret))?),
        };
        Ok(Signed {
            template,
            layout: Layout::of(spec),
            encoding: spec.encoding,
            time: spec.time.as_ref().map(TimeRule::new).transpose()?,
            keys,
            is_any_case: spec.any_case,
            required: spec.require.clone(),
            is_empty_refused: spec.reject_empty_body,
            is_url_decoded: spec.url_decoded,
        })
    }

    pub fn judge(&self, request: &Inbound<'_>) -> Result<(), Refusal> {
        if self.is_empty_refused && request.body.is_empty() {
            return Err(Refusal::Malformed("the body is empty".into()));
        }
        for name in &self.required {
            header(request, name)?;
        }
        let values = self.layout.values(request)?;
        let claims = self.layout.split(&values)?;
        let time = match &self.time {
            Some(rule) => rule.text(request, claims.time)?,
            None => claims.time,
        };
        let message = self.template.fill(request, time)?;
        if !self.holds(&message, request.url, &claims.signatures)? {
            let decoded = if self.is_url_decoded { hubspot_decode(request.url) } else { None };
            let holds = decoded.map(|url| self.holds(&message, &url, &claims.signatures)).transpose()?;
            if holds != Some(true) {
                return Err(Refusal::Mismatch);
            }
        }
        self.time.as_ref().map_or(Ok(()), |rule| rule.check_body(request))
    }

    /// Whether one of the claims is a signature of the message under one of the keys.
    fn holds(&self, message: &[Piece<'_>], url: &str, claims: &[&[u8]]) -> Result<bool, Refusal> {
        match &self.keys {
            Keys::Hmac(algorithm, keys) => {
                let claims = self.of_length(claims, algorithm.len())?;
                let found = keys.iter().fold(Choice::from(0), |found, key| {
                    found | is_claimed(&key.mac(bytes(message, url, "")), self.encoding, &claims)
                });
                Ok(found.into())
            }
            Keys::Hash(algorithm, secrets) => {
                let claims = self.of_length(claims, algorithm.len())?;
                let found = secrets.iter().fold(Choice::from(0), |found, secret| {
                    found | is_claimed(&hash(*algorithm, bytes(message, url, secret)), self.encoding, &claims)
                });
                Ok(found.into())
            }
            Keys::Ed25519(keys) => {
                let claims = self.decoded(claims, "a signature of 64 bytes", |bytes| bytes.try_into().ok())?;
                let message: Vec<&[u8]> = bytes(message, url, "").collect();
                Ok(any(keys, &claims, |key, claim| ed25519_holds(key, &message, claim)))
            }
            Keys::EcdsaP256(keys) => {
                let is_der = |bytes: &[u8]| (bytes.len() <= P256_DER_LEN_MAX).then(|| bytes.to_vec());
                let claims = self.decoded(claims, "a signature in DER", is_der)?;
                let message: Vec<u8> = bytes(message, url, "").flatten().copied().collect();
                Ok(any(keys, &claims, |key, claim| p256_holds(key, &message, claim)))
            }
            Keys::Rsa(keys) => {
                let claims = self.decoded(claims, "an RSA signature", |bytes| Some(bytes.to_vec()))?;
                let message: Vec<u8> = bytes(message, url, "").flatten().copied().collect();
                Ok(any(keys, &claims, |key, claim| rsa_holds(key, &message, claim)))
            }
        }
    }

    /// The claims that could be the encoding of a digest of `len` bytes: at least one.
    fn of_length<'a>(&self, claims: &[&'a [u8]], len: usize) -> Result<Vec<&'a [u8]>, Refusal> {
        let usable: Vec<_> = claims.iter().copied().filter(|claim| self.encoding.could_be(claim, len)).collect();
        if usable.is_empty() {
            return Err(Refusal::Malformed(format!("the signature is not {}", self.encoding.describe(len)).into()));
        }
        Ok(usable)
    }

    fn decoded<T>(
        &self,
        claims: &[&[u8]],
        expected: &str,
        parse: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Vec<T>, Refusal> {
        let decode = |claim: &&[u8]| {
            let text = if self.is_any_case { Cow::Owned(claim.to_ascii_lowercase()) } else { Cow::Borrowed(*claim) };
            self.encoding.decode(&text).and_then(|bytes| parse(&bytes))
        };
        let decoded: Vec<T> = claims.iter().filter_map(decode).collect();
        if decoded.is_empty() {
            return Err(Refusal::Malformed(format!("the signature is not the text of {expected}").into()));
        }
        Ok(decoded)
    }

    /// The signatures' texts, one for each key; `None` for public keys, which can't sign.
    pub fn sign(&self, message: &[Piece<'_>], url: &str) -> Option<Vec<String>> {
        let digests: Vec<Zeroizing<Vec<u8>>> = match &self.keys {
            Keys::Hmac(_, keys) => keys.iter().map(|key| key.mac(bytes(message, url, ""))).collect(),
            Keys::Hash(algorithm, secrets) => {
                secrets.iter().map(|secret| hash(*algorithm, bytes(message, url, secret))).collect()
            }
            Keys::Ed25519(_) | Keys::EcdsaP256(_) | Keys::Rsa(_) => return None,
        };
        Some(digests.iter().map(|digest| self.encoding.encode(digest)).collect())
    }
}

fn each<T, U>(items: Vec<T>, make: impl Fn(&T) -> Result<U, ConfigError>) -> Result<Vec<U>, ConfigError> {
    items.iter().map(make).collect()
}

fn any<K, C>(keys: &[K], claims: &[C], holds: impl Fn(&K, &C) -> bool) -> bool {
    keys.iter().any(|key| claims.iter().any(|claim| holds(key, claim)))
}

fn keyed(spec: &Spec, secret: &Secret) -> Result<Keyed, ConfigError> {
    let normal;
    let secret = if spec.nfkd {
        normal = Zeroizing::new(secret.nfkd().collect::<String>());
        &normal
    } else {
        secret
    };
    Ok(Keyed::new(spec.algorithm, &shared_key(secret, spec.key, &spec.key_prefix)?))
}
