//! What goes wrong for a sender: `{"code", "detail"}` with a status.
//!
//! **Invariant:** says nothing of why a signature is wrong, and never repeats what was sent.

use bytes::Bytes;
use std::borrow::Cow;
use std::time::Duration;
use store::StoreError;

/// An answer that is not a success, to a request that is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub status: u16,
    pub code: &'static str,
    pub detail: Cow<'static, str>,
    pub retry_after_s: Option<u64>,
}

impl Problem {
    pub const fn new(status: u16, code: &'static str, detail: &'static str) -> Problem {
        plain(status, code, detail)
    }
}

const fn plain(status: u16, code: &'static str, detail: &'static str) -> Problem {
    Problem { status, code, detail: Cow::Borrowed(detail), retry_after_s: None }
}

const fn plain_after(seconds: u64, status: u16, code: &'static str, detail: &'static str) -> Problem {
    Problem { status, code, detail: Cow::Borrowed(detail), retry_after_s: Some(seconds) }
}

impl Problem {
    pub const UNKNOWN: Problem = plain(404, "not_found", "There is nothing at this URL");
    pub const DISABLED: Problem = plain(403, "source_disabled", "This source is disabled");
    pub const EXPIRED: Problem = plain(410, "expired", "This URL has expired");
    pub const HEADERS_TOO_LARGE: Problem = plain(431, "headers_too_large", "The headers are too many, or too long");
    pub const TIMEOUT: Problem = plain(408, "request_timeout", "The body did not arrive in time");
    pub const CUT_OFF: Problem = plain(400, "bad_request", "The body is malformed, or was cut off");
    /// The bodies of all requests together have no more room.
    pub const CROWDED: Problem = plain_after(1, 503, "unavailable", "The server is busy; nothing was stored");
    pub const FAILED: Problem = plain(500, "server_error", "The server failed; its log has the cause");
    /// Stored, unlike the others.
    pub const SIGNATURE: Problem = plain(401, "signature_refused", "The request could not be verified");
    /// Stored, too: the sender does well to try again.
    pub const UNVERIFIABLE: Problem = plain(503, "not_verifiable", "The request can not be verified at the moment");
    pub const UNCONFIRMED: Problem = plain(502, "not_confirmed", "The subscription could not be confirmed");

    pub fn too_large(limit: usize) -> Self {
        let detail = format!("The limit is {limit} bytes").into();
        Problem { detail, ..plain(413, "payload_too_large", "") }
    }
    fn unavailable(detail: &'static str, retry_after: Duration) -> Self {
        // Whole seconds, and 0 would mean at once.
        let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        Problem { retry_after_s: Some(seconds.max(1)), ..plain(503, "unavailable", detail) }
    }

    pub fn body(&self) -> Bytes {
        // Neither has a character that JSON escapes.
        Bytes::from(format!(r#"{{"code":"{}","detail":"{}"}}"#, self.code, self.detail))
    }
}

impl From<StoreError> for Problem {
    fn from(e: StoreError) -> Self {
        match e {
            // The source was deleted a moment ago.
            StoreError::NotFound(_) => Problem::UNKNOWN,
            StoreError::Full { retry_after } => {
                Problem::unavailable("The disk is full; nothing was stored", retry_after)
            }
            StoreError::Busy { retry_after } => {
                Problem::unavailable("The server is busy; nothing was stored", retry_after)
            }
            StoreError::Conflict(cause) => Problem::failed(&cause),
            StoreError::Failed(cause) => Problem::failed(&cause),
        }
    }
}

impl Problem {
    /// A failure of ours: `cause` is logged here and nowhere else.
    fn failed(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "an inbound request failed");
        Problem::FAILED
    }
}
