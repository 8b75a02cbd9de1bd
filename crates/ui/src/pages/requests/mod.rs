//! Requests that a source or a bin took, as lists and single ones: what both families of pages share.
//!
//! **Invariant:** everything of a request is a stranger's text.

mod curl;
mod explain;
mod shown;

pub(crate) use explain::{explain, skew_s};
pub(crate) use shown::{Shown, View};

use crate::answer::Members;
use crate::view::{self as v, Badge, Tone};
use domain::Timestamp;
use serde_json::Value;

/// One row of a list.
pub(crate) struct Line {
    pub id: String,
    pub method: String,
    /// Sub-path and query.
    pub target: String,
    pub at: v::Html,
    pub size: String,
    pub from: String,
    pub verdict: Badge,
    pub event_type: String,
    pub reason: String,
    pub explained: &'static str,
    pub duplicates: u64,
}

impl Line {
    pub fn of(request: &Value, now: Timestamp) -> Self {
        let reason = request.text("reason");
        Line {
            id: request.text("id"),
            method: request.text("method"),
            target: target(request),
            at: request.time("timestamp").map(|at| v::ago(at, now)).unwrap_or_default(),
            size: v::bytes(request.number("bodyLength")),
            from: request.text("remoteAddress"),
            verdict: verdict(&request.text("verdict")),
            event_type: request.text("eventType"),
            explained: explain(&reason),
            reason,
            duplicates: request.number("duplicates"),
        }
    }
}

/// Sub-path and query; a slash where there is neither.
fn target(request: &Value) -> String {
    let (path, query) = (request.text("path"), request.text("query"));
    let path = if path.is_empty() { "/".to_owned() } else { path };
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

pub(crate) fn verdict(name: &str) -> Badge {
    let (tone, text) = match name {
        "accepted" => (Tone::Good, "Accepted"),
        "held" => (Tone::Warn, "Held"),
        "refused" => (Tone::Bad, "Rejected"),
        "handshake" => (Tone::Busy, "Handshake"),
        _ => (Tone::Idle, "Captured"),
    };
    Badge { tone, text: text.to_owned() }
}
