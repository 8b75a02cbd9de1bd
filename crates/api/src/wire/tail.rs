//! The live tail on the wire: one event for each row, and one for what was left out.

use super::query::Query;
use super::request::{verdict_of, verdict_text};
use super::time;
use crate::problem::Problem;
use domain::{AppId, IdCodec, OrgId, SourceId};
use serde::Serialize;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use store::{AttemptResult, Ref, Skipped, Store, TailEvent, TailId, TailRow, VerdictKind};

/// Names that a viewer remembers; beyond them, anew.
const NAMES_MAX: usize = 1000;
const PATTERNS_MAX: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

/// What `status=` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Accepted,
    Delivered,
    /// Failed, whether it is tried again or not.
    Failed,
    Retrying,
    Verdict(VerdictKind),
}

/// What a viewer wants. Empty wants all.
#[derive(Clone, Debug, Default)]
pub(crate) struct TailFilter {
    statuses: Vec<Status>,
    event_types: Vec<String>,
    direction: Option<Direction>,
}

fn status_of(text: &str) -> Option<Vec<Status>> {
    Some(match text {
        // A request that was accepted and a message that was.
        "accepted" => vec![Status::Accepted, Status::Verdict(VerdictKind::Accepted)],
        "delivered" => vec![Status::Delivered],
        "failed" => vec![Status::Failed],
        "retrying" => vec![Status::Retrying],
        other => vec![Status::Verdict(verdict_of(other)?)],
    })
}

impl TailFilter {
    pub fn read(query: &Query<'_>) -> Result<TailFilter, Problem> {
        let split = |name| query.all(name).into_iter().flat_map(|v| v.split(',')).filter(|v| !v.is_empty());
        let mut statuses = Vec::new();
        for text in split("status") {
            let rule = "must be accepted, delivered, failed, retrying, held, refused, handshake or captured";
            statuses.extend(status_of(text).ok_or_else(|| Problem::query("status", rule))?);
        }
        let event_types: Vec<String> = split("type").map(str::to_owned).collect();
        if event_types.len() > PATTERNS_MAX {
            return Err(Problem::query("type", format!("there may be {PATTERNS_MAX} at most")));
        }
        let direction = match query.get("direction") {
            None => None,
            Some("in") => Some(Direction::In),
            Some("out") => Some(Direction::Out),
            Some(_) => return Err(Problem::query("direction", "must be in or out")),
        };
        Ok(TailFilter { statuses, event_types, direction })
    }

    pub fn takes(&self, row: &TailRow) -> bool {
        let direction = match row.what {
            TailEvent::Received { .. } => Direction::In,
            TailEvent::Accepted | TailEvent::Attempted { .. } => Direction::Out,
        };
        let named = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => row.event_type.starts_with(start),
            None => **pattern == *row.event_type,
        };
        self.direction.is_none_or(|d| d == direction)
            && (self.event_types.is_empty() || self.event_types.iter().any(named))
            && (self.statuses.is_empty() || self.statuses.iter().any(|s| s.takes(&row.what)))
    }

    /// What was left out, of the direction asked for. Nobody knows what else of it the filter would have taken.
    pub fn skipped(&self, s: &Skipped) -> Option<Skipped> {
        let (inbound, outbound) = (self.direction != Some(Direction::Out), self.direction != Some(Direction::In));
        let left = Skipped {
            accepted: if outbound { s.accepted } else { 0 },
            attempts: if outbound { s.attempts } else { 0 },
            received: if inbound { s.received } else { 0 },
            uncounted: s.uncounted,
        };
        (!left.is_none()).then_some(left)
    }
}

impl Status {
    fn takes(self, what: &TailEvent) -> bool {
        match (self, what) {
            (Status::Accepted, TailEvent::Accepted) => true,
            (Status::Verdict(kind), TailEvent::Received { verdict, .. }) => kind == *verdict,
            (status, TailEvent::Attempted { result, .. }) => match status {
                Status::Delivered => *result == AttemptResult::Delivered,
                Status::Failed => *result != AttemptResult::Delivered,
                Status::Retrying => *result == AttemptResult::Retrying,
                Status::Accepted | Status::Verdict(_) => false,
            },
            _ => false,
        }
    }
}

/// Names of what rows are about.
#[derive(Default)]
pub(crate) struct Names {
    apps: HashMap<AppId, String>,
    sources: HashMap<SourceId, String>,
}

impl Names {
    /// Looks up what it doesn't know. What is gone has no name.
    pub async fn learn(&mut self, store: &Store, org: OrgId, row: &TailRow) {
        if self.apps.len() + self.sources.len() >= NAMES_MAX {
            self.apps.clear();
            self.sources.clear();
        }
        if let TailEvent::Received { source, .. } = row.what {
            if let Entry::Vacant(unknown) = self.sources.entry(source) {
                let found = store.source(org, &Ref::Id(source)).await;
                unknown.insert(found.map(|s| s.name).unwrap_or_default());
            }
        } else if let Entry::Vacant(unknown) = self.apps.entry(row.app) {
            let found = store.app(org, &Ref::Id(row.app)).await;
            unknown.insert(found.map(|a| a.name).unwrap_or_default());
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RowOut<'a> {
    id: &'a str,
    timestamp: String,
    direction: &'static str,
    status: &'static str,
    event_type: &'a str,
    app_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_name: Option<&'a str>,
    #[serde(flatten)]
    what: WhatOut<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WhatOut<'a> {
    #[serde(rename_all = "camelCase")]
    Accepted { msg_id: &'a str },
    #[serde(rename_all = "camelCase")]
    Attempt {
        msg_id: String,
        endpoint_id: String,
        host: &'a str,
        attempt: u32,
        response_status_code: u16,
        response_duration_ms: u64,
    },
    #[serde(rename_all = "camelCase")]
    Received {
        request_id: &'a str,
        source_id: String,
        source_name: Option<&'a str>,
        reason: Option<&'a str>,
        response_status_code: u16,
        msg_id: Option<String>,
    },
}

/// One event.
pub(crate) fn write_row(row: &TailRow, names: &Names, codec: &IdCodec, out: &mut String) {
    let id = match row.id {
        TailId::Message(id) => codec.text(id),
        TailId::Attempt(id) => codec.text(id),
        TailId::Request(id) => codec.text(id),
    };
    let (event, status, what) = match &row.what {
        TailEvent::Accepted => ("accepted", "accepted", WhatOut::Accepted { msg_id: &id }),
        TailEvent::Attempted { message, endpoint, host, number, result, status_code, duration_us } => {
            let status = match result {
                AttemptResult::Delivered => "delivered",
                AttemptResult::Retrying => "retrying",
                AttemptResult::Failed => "failed",
            };
            let what = WhatOut::Attempt {
                msg_id: codec.text(*message),
                endpoint_id: codec.text(*endpoint),
                host,
                attempt: *number,
                response_status_code: *status_code,
                response_duration_ms: duration_us / 1000,
            };
            ("attempt", status, what)
        }
        TailEvent::Received { source, verdict, reason, status, message } => {
            let what = WhatOut::Received {
                request_id: &id,
                source_id: codec.text(*source),
                source_name: names.sources.get(source).map(String::as_str).filter(|n| !n.is_empty()),
                reason: reason.as_deref(),
                response_status_code: *status,
                msg_id: message.map(|m| codec.text(m)),
            };
            ("received", verdict_text(*verdict), what)
        }
    };
    let row_out = RowOut {
        id: &id,
        timestamp: time::text(row.id.seq().created_at()),
        direction: if event == "received" { "in" } else { "out" },
        status,
        event_type: &row.event_type,
        app_id: codec.text(row.app),
        app_uid: row.app_uid.as_deref(),
        app_name: names.apps.get(&row.app).map(String::as_str).filter(|n| !n.is_empty()),
        what,
    };
    // Our wire types have string keys and no failing fields; strings escape the ends of lines.
    let json = serde_json::to_string(&row_out).unwrap_or_else(|_| "{}".into());
    for part in ["event: ", event, "\nid: ", &id, "\ndata: ", &json, "\n\n"] {
        out.push_str(part);
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SkippedOut {
    count: u64,
    accepted: u64,
    attempts: u64,
    received: u64,
    /// There were more, nobody counted them.
    at_least: bool,
}

pub(crate) fn write_skipped(s: &Skipped, out: &mut String) {
    let count = s.accepted + s.attempts + s.received;
    let skipped =
        SkippedOut { count, accepted: s.accepted, attempts: s.attempts, received: s.received, at_least: s.uncounted };
    let json = serde_json::to_string(&skipped).unwrap_or_else(|_| "{}".into());
    for part in ["event: skipped\ndata: ", &json, "\n\n"] {
        out.push_str(part);
    }
}
