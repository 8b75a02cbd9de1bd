//! Problems: what goes wrong for a client, and the HTTP answer that says so.
//!
//! Every handler returns a [`Problem`]; this file alone turns one, or a [`StoreError`], into a status and a body.
//! **Invariant:** an error body is never empty: the SDKs parse it. Causes go to the log, once, and not to the client.

use crate::reply::Reply;
use http::StatusCode;
use serde::Serialize;
use std::borrow::Cow;
use store::StoreError;

/// One complaint about a field, as the Svix API words it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Complaint {
    pub loc: Vec<Cow<'static, str>>,
    pub msg: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// An answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    Plain { status: StatusCode, code: &'static str, detail: Cow<'static, str>, retry_after_s: Option<u64> },
    Invalid(Vec<Complaint>),
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Problem::Plain { status, code, detail: detail.into(), retry_after_s: None }
    }
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }
    pub fn unauthenticated(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authentication_failed", detail)
    }
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "insufficient_access", "This token has insufficient access for this operation")
    }
    /// An API key without the scope that the route needs.
    pub fn out_of_scope(scope: &str) -> Self {
        let detail = format!("This API key lacks the scope `{scope}`: make one that has it");
        Self::new(StatusCode::FORBIDDEN, "insufficient_access", detail)
    }
    pub fn payload_too_large(limit: impl std::fmt::Display) -> Self {
        let detail = format!("The limit is {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail)
    }
    pub fn bad_query(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_query", detail)
    }
    pub fn unavailable(detail: impl Into<Cow<'static, str>>, retry_after: std::time::Duration) -> Self {
        Problem::Plain {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "unavailable",
            detail: detail.into(),
            retry_after_s: Some(whole_seconds(retry_after)),
        }
    }
    /// Says more behind what it says.
    pub fn adding(mut self, more: &str) -> Self {
        if let Problem::Plain { detail, .. } = &mut self {
            *detail = format!("{detail}. {more}").into();
        }
        self
    }
    /// Another request with this idempotency key is still being worked on.
    pub fn in_flight() -> Self {
        Problem::Plain {
            status: StatusCode::LOCKED,
            code: "in_flight",
            detail: "A request with this idempotency key is in progress".into(),
            retry_after_s: Some(1),
        }
    }
    /// A failure of ours: `cause` is logged here and nowhere else.
    pub fn failed(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "The server failed; its log has the cause")
    }
    /// One complaint about a field of the body.
    pub fn field(name: &'static str, msg: impl Into<String>) -> Self {
        Self::complaint("body", Some(name), msg, "value_error")
    }
    pub fn query(name: &'static str, msg: impl Into<String>) -> Self {
        Self::complaint("query", Some(name), msg, "value_error")
    }
    /// The body is not JSON.
    pub fn json(msg: impl Into<String>) -> Self {
        Self::complaint("body", None, msg, "value_error.jsondecode")
    }
    fn complaint(place: &'static str, name: Option<&'static str>, msg: impl Into<String>, kind: &'static str) -> Self {
        let loc = std::iter::once(place).chain(name).map(Cow::Borrowed).collect();
        Problem::Invalid(vec![Complaint { loc, msg: msg.into(), kind }])
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Problem::Plain { status, .. } => *status,
            Problem::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// `code` and `detail` for an entry of a batch's answer.
    pub fn body(&self) -> ProblemBody<'_> {
        match self {
            Problem::Plain { code, detail, .. } => ProblemBody::Plain { code, detail },
            Problem::Invalid(complaints) => ProblemBody::Invalid { detail: complaints },
        }
    }

    pub fn into_reply(self) -> Reply {
        let mut reply = Reply::json(self.status(), &self.body());
        if let Problem::Plain { retry_after_s, .. } = self {
            reply.retry_after_s = retry_after_s;
        }
        reply
    }
}

#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum ProblemBody<'a> {
    Plain { code: &'a str, detail: &'a str },
    Invalid { detail: &'a [Complaint] },
}

/// `Retry-After` counts whole seconds, and 0 would mean at once.
fn whole_seconds(d: std::time::Duration) -> u64 {
    d.as_secs().saturating_add(u64::from(d.subsec_nanos() > 0)).max(1)
}

impl From<StoreError> for Problem {
    fn from(e: StoreError) -> Self {
        match e {
            StoreError::NotFound(what) => Problem::not_found(format!("{what} not found")),
            StoreError::Conflict(why) => Problem::conflict(why),
            StoreError::Full { retry_after } => {
                Problem::unavailable("The disk is full; nothing was stored", retry_after)
            }
            StoreError::Busy { retry_after } => {
                Problem::unavailable("The server is busy; nothing was stored", retry_after)
            }
            StoreError::Failed(cause) => Problem::failed(&cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn check(e: StoreError, status: u16, body: &str, retry_after_s: Option<u64>) {
        let reply = Problem::from(e).into_reply();
        assert_eq!(reply.status.as_u16(), status);
        assert_eq!(reply.body, body);
        assert_eq!(reply.retry_after_s, retry_after_s);
    }

    #[test]
    fn each_store_error_has_its_status_and_a_body() {
        check(StoreError::NotFound("endpoint"), 404, r#"{"code":"not_found","detail":"endpoint not found"}"#, None);
        check(
            StoreError::Conflict("the uid is taken"),
            409,
            r#"{"code":"conflict","detail":"the uid is taken"}"#,
            None,
        );
        let full = StoreError::Full { retry_after: Duration::from_millis(2_500) };
        check(full, 503, r#"{"code":"unavailable","detail":"The disk is full; nothing was stored"}"#, Some(3));
        let busy = StoreError::Busy { retry_after: Duration::ZERO };
        check(busy, 503, r#"{"code":"unavailable","detail":"The server is busy; nothing was stored"}"#, Some(1));
        let failed = r#"{"code":"server_error","detail":"The server failed; its log has the cause"}"#;
        check(StoreError::Failed("disk I/O".into()), 500, failed, None);
    }

    #[test]
    fn a_validation_problem_names_the_field() {
        let reply = Problem::field("url", "is missing").into_reply();
        assert_eq!(reply.status.as_u16(), 422);
        assert_eq!(reply.body, r#"{"detail":[{"loc":["body","url"],"msg":"is missing","type":"value_error"}]}"#);
    }
}
