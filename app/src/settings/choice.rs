//! Settings that are one of a few names.
//!
//! **Invariant:** a choice's names are written once, in `NAMES`; they are matched exactly.

use super::value::{Form, Scalar, form};

/// Algorithm of API tokens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JwtAlgorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    EdDsa,
}

impl JwtAlgorithm {
    /// Verified with a public key, so that no token can be made here.
    pub fn is_asymmetric(self) -> bool {
        matches!(self, JwtAlgorithm::Rs256 | JwtAlgorithm::EdDsa)
    }
}

/// Signature of new endpoints.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignatureType {
    Hmac256,
    Ed25519,
}

/// Which names the signature headers go by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignatureHeaders {
    Webhook,
    Svix,
    Both,
}

/// Of which attempts the response's headers are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AttemptHeaders {
    /// And of those that a person sent by hand.
    Failed,
    All,
    None,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    Text,
    Json,
}

/// A type of a few named values.
trait Choice: Copy + PartialEq + 'static {
    const ALLOWED: &'static str;
    const PLACEHOLDER: &'static str;
    const NAMES: &'static [(&'static str, Self)];
}

impl Choice for JwtAlgorithm {
    const ALLOWED: &'static str = "HS256, HS384, HS512, RS256 or EdDSA";
    const PLACEHOLDER: &'static str = "ALGORITHM";
    const NAMES: &'static [(&'static str, Self)] = &[
        ("HS256", JwtAlgorithm::Hs256),
        ("HS384", JwtAlgorithm::Hs384),
        ("HS512", JwtAlgorithm::Hs512),
        ("RS256", JwtAlgorithm::Rs256),
        ("EdDSA", JwtAlgorithm::EdDsa),
    ];
}

impl Choice for SignatureType {
    const ALLOWED: &'static str = "hmac256 or ed25519";
    const PLACEHOLDER: &'static str = "TYPE";
    const NAMES: &'static [(&'static str, Self)] =
        &[("hmac256", SignatureType::Hmac256), ("ed25519", SignatureType::Ed25519)];
}

impl Choice for SignatureHeaders {
    const ALLOWED: &'static str = "webhook, svix or both";
    const PLACEHOLDER: &'static str = "NAMES";
    const NAMES: &'static [(&'static str, Self)] =
        &[("webhook", SignatureHeaders::Webhook), ("svix", SignatureHeaders::Svix), ("both", SignatureHeaders::Both)];
}

impl Choice for AttemptHeaders {
    const ALLOWED: &'static str = "failed, all or none";
    const PLACEHOLDER: &'static str = "WHICH";
    const NAMES: &'static [(&'static str, Self)] =
        &[("failed", AttemptHeaders::Failed), ("all", AttemptHeaders::All), ("none", AttemptHeaders::None)];
}

impl Choice for LogFormat {
    const ALLOWED: &'static str = "text or json";
    const PLACEHOLDER: &'static str = "FORMAT";
    const NAMES: &'static [(&'static str, Self)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];
}

impl<T: Choice> Scalar for T {
    const FORM: Form = form(T::PLACEHOLDER, T::ALLOWED);

    fn parse(text: &str) -> Result<T, String> {
        let found = T::NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, value)| *value).ok_or_else(|| "it is none of the choices".to_owned())
    }

    fn text(&self) -> String {
        T::NAMES.iter().find(|(_, value)| value == self).map(|(name, _)| (*name).to_owned()).unwrap_or_default()
    }
}
