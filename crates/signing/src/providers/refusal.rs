//! Why a request, or a configuration, is refused.
//!
//! **Invariant:** says which part failed, for the person who looks at the stored request; never anything of a secret.

use std::borrow::Cow;

/// Why a request is not what it claims to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the header `{0}` is missing or empty")]
    Missing(Cow<'static, str>),
    #[error("the header `{0}` came more than once")]
    Doubled(Cow<'static, str>),
    /// The text says what is malformed: "the signature is not 64 hexadecimal digits".
    #[error("{0}")]
    Malformed(Cow<'static, str>),
    #[error("the timestamp is {age_s} s old, the limit is {tolerance_s} s")]
    Stale { age_s: i64, tolerance_s: i64 },
    #[error("the timestamp is {ahead_s} s in the future, the limit is {tolerance_s} s")]
    Future { ahead_s: i64, tolerance_s: i64 },
    #[error("the signature does not match: the secret, the URL or the body is not what was signed")]
    Mismatch,
    #[error("the credential is not the one that was agreed")]
    Credential,
    /// A certificate or key that can't be trusted; the text says why.
    #[error("{0}")]
    Untrusted(Cow<'static, str>),
    /// Not a verdict yet: fetch this document and ask again.
    #[error("the document at {0} could not be fetched")]
    Needs(String),
}

impl Refusal {
    /// A stable word for it, for the API and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Missing(_) => "header_missing",
            Refusal::Doubled(_) => "header_doubled",
            Refusal::Malformed(_) => "signature_malformed",
            Refusal::Stale { .. } => "timestamp_stale",
            Refusal::Future { .. } => "timestamp_future",
            Refusal::Mismatch => "signature_mismatch",
            Refusal::Credential => "credential_wrong",
            Refusal::Untrusted(_) => "key_untrusted",
            Refusal::Needs(_) => "key_unavailable",
        }
    }
}

/// What is wrong with a source's configuration, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct ConfigError {
    /// The field of the configuration: `secret`.
    pub field: Cow<'static, str>,
    pub message: String,
}

/// What is said of a field that has to be there and isn't.
const REQUIRED: &str = "is required";

impl ConfigError {
    /// A field that has to be there.
    pub(crate) fn required(field: impl Into<Cow<'static, str>>) -> Self {
        Self::new(field, REQUIRED)
    }

    pub(crate) fn is_required(&self) -> bool {
        self.message == REQUIRED
    }

    pub fn new(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        ConfigError { field: field.into(), message: message.into() }
    }
}
