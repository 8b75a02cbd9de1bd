//! What one attempt came to.
//!
//! **Invariant:** an outcome is a value, never an error: whatever a receiver does has a variant here.

use crate::detail::AttemptDetail;
use crate::retry_after::RetryAfter;
use bytes::Bytes;

/// The result of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver sent a status line.
    Responded { status: u16, retry_after: Option<RetryAfter> },
    /// The deadline passed.
    TimedOut { stage: Stage },
    /// No HTTP response could be had.
    Unreachable { why: Unreachable },
    /// Postrider would not send it.
    Refused { rule: RefusedRule },
}

/// How far an attempt got before its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Resolve,
    Connect,
    Tls,
    Response,
}

/// Why no response came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// The name doesn't resolve.
    Dns,
    /// The connection was refused, reset or has no route.
    Connect,
    /// The TLS handshake failed: certificate, name or version.
    Tls(TlsFailure),
    /// The receiver closed or reset the connection before a response.
    Closed,
    /// What came back is not HTTP, or breaks a limit (head size, header count, 1xx count).
    BadResponse,
    /// The proxy refused or failed.
    Proxy,
}

/// What was wrong with the receiver's certificate, if it was that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFailure {
    Expired,
    NotYetValid,
    /// It doesn't name the host.
    WrongName,
    /// Nobody trusted has signed it.
    Untrusted,
    Other,
}

/// The rule that forbade an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedRule {
    /// The URL is not one that Postrider sends to.
    Url,
    /// The address is not a public one, and no allow-subnet covers it.
    Address,
    /// Only https endpoints are allowed here.
    HttpsOnly,
    /// The endpoint's secret could not be opened with this encryption key.
    Secret,
}

impl Outcome {
    /// Every outcome that has an explanation instead of a response.
    pub const WITHOUT_RESPONSE: &[Outcome] = &[
        Outcome::TimedOut { stage: Stage::Resolve },
        Outcome::TimedOut { stage: Stage::Connect },
        Outcome::TimedOut { stage: Stage::Tls },
        Outcome::TimedOut { stage: Stage::Response },
        Outcome::Unreachable { why: Unreachable::Dns },
        Outcome::Unreachable { why: Unreachable::Connect },
        Outcome::Unreachable { why: Unreachable::Tls(TlsFailure::Other) },
        Outcome::Unreachable { why: Unreachable::Tls(TlsFailure::Expired) },
        Outcome::Unreachable { why: Unreachable::Tls(TlsFailure::NotYetValid) },
        Outcome::Unreachable { why: Unreachable::Tls(TlsFailure::WrongName) },
        Outcome::Unreachable { why: Unreachable::Tls(TlsFailure::Untrusted) },
        Outcome::Unreachable { why: Unreachable::Closed },
        Outcome::Unreachable { why: Unreachable::BadResponse },
        Outcome::Unreachable { why: Unreachable::Proxy },
        Outcome::Refused { rule: RefusedRule::Url },
        Outcome::Refused { rule: RefusedRule::Address },
        Outcome::Refused { rule: RefusedRule::HttpsOnly },
        Outcome::Refused { rule: RefusedRule::Secret },
    ];

    /// 200..=299 alone is success (Standard Webhooks).
    pub fn is_success(&self) -> bool {
        matches!(self, Outcome::Responded { status: 200..=299, .. })
    }
    /// The HTTP status, or 0 when none came.
    pub fn status(&self) -> u16 {
        match self {
            Outcome::Responded { status, .. } => *status,
            _ => 0,
        }
    }
    /// What a tenant may read about a failure without a response. Addresses are never in it (blind port scans).
    pub fn explanation(&self) -> Option<&'static str> {
        Some(match self {
            Outcome::Responded { .. } => return None,
            Outcome::TimedOut { stage: Stage::Resolve } => "timed out while looking up the host name",
            Outcome::TimedOut { stage: Stage::Connect } => "timed out while connecting",
            Outcome::TimedOut { stage: Stage::Tls } => "timed out in the TLS handshake",
            Outcome::TimedOut { stage: Stage::Response } => "timed out while waiting for the response",
            Outcome::Unreachable { why: Unreachable::Dns } => "the host name does not resolve",
            Outcome::Unreachable { why: Unreachable::Connect } => "could not connect",
            Outcome::Unreachable { why: Unreachable::Tls(why) } => match why {
                TlsFailure::Expired => "the TLS handshake failed: the certificate has expired",
                TlsFailure::NotYetValid => "the TLS handshake failed: the certificate is not valid yet",
                TlsFailure::WrongName => "the TLS handshake failed: the certificate is for another host name",
                TlsFailure::Untrusted => "the TLS handshake failed: the certificate is not trusted",
                TlsFailure::Other => "the TLS handshake failed",
            },
            Outcome::Unreachable { why: Unreachable::Closed } => "the connection closed before a response",
            Outcome::Unreachable { why: Unreachable::BadResponse } => {
                "the response is not valid HTTP or exceeds a limit"
            }
            Outcome::Unreachable { why: Unreachable::Proxy } => "the proxy failed",
            Outcome::Refused { rule: RefusedRule::Url | RefusedRule::Address } => {
                "the endpoint's address is not allowed"
            }
            Outcome::Refused { rule: RefusedRule::HttpsOnly } => "only https endpoints are allowed",
            Outcome::Refused { rule: RefusedRule::Secret } => "the endpoint's secret could not be decrypted",
        })
    }
}

/// One attempt as it is recorded.
#[derive(Clone, Debug)]
pub struct AttemptReport {
    pub outcome: Outcome,
    /// From the first byte of work to the verdict.
    pub duration_us: u64,
    /// The response's first bytes, as they came, up to `response-store-limit`.
    pub response: Bytes,
    pub detail: AttemptDetail,
}

impl AttemptReport {
    /// An attempt that ended before anything was done.
    pub fn unattempted(outcome: Outcome) -> AttemptReport {
        AttemptReport { outcome, duration_us: 0, response: Bytes::new(), detail: AttemptDetail::default() }
    }
}
