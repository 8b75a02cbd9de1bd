//! Background tasks on the wire.
//!
//! `status` has the words that the Svix API knows, because its SDKs refuse others; `state` has ours.

use super::fields::{Fields, Patch};
use super::{export::csv, read, time};
use crate::problem::Problem;
use domain::{IdCodec, MessageId, Timestamp};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use store::{Estimate, ReplayFilter, ReportKey, ReportRow, ReportState, Task, TaskKind, TaskStatus, Which};

/// Deliveries a second that a replay may be told to make.
const SPEED_MAX: u64 = 100_000;
/// Patterns of event types of one replay.
const PATTERNS_MAX: usize = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskOut {
    pub id: String,
    pub status: &'static str,
    /// What `status` can't say: `paused`, `canceled`. Not in the Svix API.
    pub state: &'static str,
    pub task: &'static str,
    data: TaskData,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TaskData {
    app_id: String,
    endpoint_id: String,
    /// Deliveries created or brought back so far.
    messages_sent: u64,
    /// How many there will be, as counted before the start; `null` when nobody counted.
    total: Option<u64>,
    total_is_at_least: bool,
    /// What became of those that were made.
    delivered: u64,
    failed: u64,
    canceled: u64,
    waiting: u64,
    /// Of the work of making them.
    progress_percent: u64,
    speed_per_second: Option<u32>,
    /// Until all are made, at that speed.
    seconds_left: Option<u64>,
    filter: FilterOut,
    estimate: Option<EstimateOut>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FilterOut {
    which: &'static str,
    event_types: Vec<String>,
    channel: Option<String>,
    tag: Option<String>,
    status_code_class: Option<u16>,
    since: String,
    until: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EstimateOut {
    count: u64,
    /// There are more than `count`: the look ended early.
    at_least: bool,
    event_types: Vec<TypeCount>,
    checked: u64,
    already_delivered: u64,
    sample: Vec<SampleOut>,
    estimated_seconds: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TypeCount {
    event_type: String,
    count: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SampleOut {
    id: String,
    event_type: String,
    timestamp: String,
}

const WHICH: [(Which, &str); 4] = [
    (Which::Failed, "failed"),
    (Which::Missing, "missing"),
    (Which::Delivered, "delivered"),
    (Which::Everything, "everything"),
];

impl EstimateOut {
    pub fn of(e: Estimate, codec: &IdCodec) -> Self {
        EstimateOut {
            count: e.count,
            at_least: e.at_least,
            event_types: e.event_types.into_iter().map(|(event_type, count)| TypeCount { event_type, count }).collect(),
            checked: e.checked,
            already_delivered: e.already_delivered,
            sample: (e.sample.into_iter())
                .map(|m| SampleOut {
                    id: codec.text(m.id),
                    event_type: m.event_type,
                    timestamp: time::text(m.id.created_at()),
                })
                .collect(),
            estimated_seconds: e.seconds,
        }
    }
}

impl FilterOut {
    fn of(f: ReplayFilter) -> Self {
        FilterOut {
            which: WHICH.iter().find(|(which, _)| *which == f.which).map_or("", |(_, text)| text),
            event_types: f.event_types,
            channel: f.channel,
            tag: f.tag,
            status_code_class: f.status_code_class,
            since: time::text(f.since),
            until: f.until.map(time::text),
        }
    }
}

/// How far the work of making deliveries is.
fn progress(t: &Task) -> u64 {
    let exact = t.estimate.as_ref().filter(|e| !e.at_least && e.count > 0);
    match (t.status, exact) {
        (TaskStatus::Finished, _) => 100,
        (_, Some(e)) => (t.done.saturating_mul(100) / e.count).min(99),
        (_, None) => u64::from(t.walked_percent).min(99),
    }
}

impl TaskData {
    fn of(t: Task, codec: &IdCodec) -> Self {
        let is_open = matches!(t.status, TaskStatus::Running | TaskStatus::Paused);
        let total = t.estimate.as_ref().map(|e| e.count);
        let left = total.filter(|_| is_open).map(|total| total.saturating_sub(t.done));
        TaskData {
            app_id: codec.text(t.app),
            endpoint_id: codec.text(t.endpoint),
            messages_sent: t.done,
            total,
            total_is_at_least: t.estimate.as_ref().is_some_and(|e| e.at_least),
            delivered: t.delivered,
            failed: t.failed,
            canceled: t.canceled,
            waiting: t.waiting(),
            progress_percent: progress(&t),
            speed_per_second: t.speed_per_s,
            seconds_left: left.zip(t.speed_per_s).map(|(left, speed)| left.div_ceil(u64::from(speed.max(1)))),
            filter: FilterOut::of(t.filter),
            estimate: t.estimate.map(|e| EstimateOut::of(e, codec)),
        }
    }
}

impl TaskOut {
    pub fn of(t: Task, codec: &IdCodec) -> Self {
        let (status, state) = match t.status {
            TaskStatus::Running => ("running", "running"),
            TaskStatus::Paused => ("running", "paused"),
            TaskStatus::Finished => ("finished", "finished"),
            TaskStatus::Failed => ("failed", "failed"),
            TaskStatus::Canceled => ("failed", "canceled"),
        };
        TaskOut {
            id: codec.text(t.id),
            status,
            state,
            task: match t.kind {
                TaskKind::Recover => "endpoint.recover",
                TaskKind::ReplayMissing => "endpoint.replay",
                TaskKind::BulkReplay => "endpoint.bulk-replay",
            },
            created_at: time::text(t.id.created_at()),
            updated_at: time::text(t.updated_at),
            data: TaskData::of(t, codec),
        }
    }
}

// ---- what a replay is told ----

/// The window of a recovery: since, and until when if it has an end.
pub(crate) fn read_window(body: &[u8]) -> Result<(Timestamp, Option<Timestamp>), Problem> {
    let mut f = Fields::parse(body)?;
    let since = f.require(&["since"], read::timestamp);
    let until = f.take(&["until"], read::timestamp).value();
    f.finish()?;
    check_window(Some(since), until)?;
    Ok((since, until))
}

pub(crate) fn check_window(since: Option<Timestamp>, until: Option<Timestamp>) -> Result<(), Problem> {
    match (since, until) {
        (Some(since), Some(until)) if until < since => {
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_range", "until is before since"))
        }
        _ => Ok(()),
    }
}

fn which(v: Value) -> read::Read<Which> {
    let text = read::string(v)?;
    let found = WHICH.iter().find(|(_, name)| *name == text).map(|(which, _)| *which);
    found.ok_or_else(|| "must be failed, missing, delivered or everything".into())
}

/// Names of event types, or patterns that end in `*`.
fn patterns(v: Value) -> read::Read<Vec<String>> {
    let list = read::strings(v)?;
    // Whatever a source's provider calls its events is a name.
    let is_one = |s: &String| (1..=256).contains(&s.len()) && !s.contains(char::is_control);
    if list.len() > PATTERNS_MAX || !list.iter().all(is_one) {
        return Err(
            format!("must be at most {PATTERNS_MAX} names of event types, or patterns such as invoice.*").into()
        );
    }
    Ok(list)
}

fn text_of(rule: fn(&str) -> bool) -> impl FnOnce(Value) -> read::Read<String> {
    move |v| {
        let s = read::string(v)?;
        if rule(&s) { Ok(s) } else { Err("has a character that is not allowed, or is too long".into()) }
    }
}

fn status_code_class(v: Value) -> read::Read<u16> {
    match read::integer(0..=500)(v)? {
        n @ (0 | 100 | 200 | 300 | 400 | 500) => Ok(u16::try_from(n).unwrap_or(0)),
        _ => Err("must be 0, 100, 200, 300, 400 or 500".into()),
    }
}

fn read_filter(f: &mut Fields, which: Which) -> ReplayFilter {
    ReplayFilter {
        which,
        event_types: f.take(&["eventTypes"], patterns).value().unwrap_or_default(),
        channel: f.take(&["channel"], text_of(read::is_channel)).value(),
        tag: f.take(&["tag"], text_of(read::is_tag)).value(),
        status_code_class: f.take(&["statusCodeClass"], status_code_class).value(),
        since: f.require(&["since"], read::timestamp),
        until: f.take(&["until"], read::timestamp).value(),
    }
}

fn finish(f: Fields, filter: ReplayFilter) -> Result<ReplayFilter, Problem> {
    f.finish()?;
    check_window(Some(filter.since), filter.until)?;
    if filter.which == Which::Missing && filter.status_code_class.is_some() {
        return Err(Problem::field("statusCodeClass", "what was never attempted has none"));
    }
    Ok(filter)
}

/// Our own replay: which messages, and how many a second.
pub(crate) fn read_replay(body: &[u8]) -> Result<(ReplayFilter, Option<u32>), Problem> {
    let mut f = Fields::parse(body)?;
    let which = f.take(&["which"], which).value().unwrap_or_default();
    let filter = read_filter(&mut f, which);
    let speed = f.take(&["speedPerSecond"], read::integer(1..=SPEED_MAX)).value();
    Ok((finish(f, filter)?, speed.and_then(|n| u32::try_from(n).ok())))
}

/// The Svix API's bulk replay, which knows deliveries by their status.
pub(crate) fn read_bulk_replay(body: &[u8]) -> Result<ReplayFilter, Problem> {
    let mut f = Fields::parse(body)?;
    let status = f.take(&["status"], read::integer(0..=4));
    let which = match status {
        Patch::Absent | Patch::Null => Which::Everything,
        Patch::Value(0) => Which::Delivered,
        Patch::Value(2) => Which::Failed,
        Patch::Value(_) => {
            f.complain("status", "only what succeeded (0) or failed (2) is replayed");
            Which::Everything
        }
    };
    let filter = read_filter(&mut f, which);
    finish(f, filter)
}

// ---- the report ----

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReportOut {
    msg_id: String,
    event_type: Option<String>,
    state: &'static str,
    response_status_code: Option<u16>,
    timestamp: String,
}

const STATES: [(ReportState, &str); 4] = [
    (ReportState::Waiting, "waiting"),
    (ReportState::Delivered, "delivered"),
    (ReportState::Failed, "failed"),
    (ReportState::Canceled, "canceled"),
];

pub(crate) fn report_state(text: &str) -> Option<ReportState> {
    STATES.iter().find(|(_, name)| *name == text).map(|(state, _)| *state)
}

impl ReportOut {
    pub fn of(r: ReportRow, codec: &IdCodec) -> Self {
        ReportOut {
            msg_id: codec.text(r.key.message),
            event_type: r.event_type,
            state: STATES.iter().find(|(state, _)| *state == r.state).map_or("", |(_, text)| text),
            response_status_code: r.status_code,
            timestamp: time::text(r.at),
        }
    }
}

/// A message may have been delivered more than once.
pub(crate) fn report_cursor(key: ReportKey, codec: &IdCodec) -> String {
    format!("{}:{}", codec.text(key.message), key.ordinal)
}
pub(crate) fn read_report_cursor(text: &str, codec: &IdCodec) -> Option<ReportKey> {
    let (message, ordinal) = text.split_once(':')?;
    Some(ReportKey { message: codec.read::<MessageId>(message)?, ordinal: ordinal.parse().ok()? })
}

pub(crate) fn begin_csv(out: &mut Vec<u8>) {
    csv::write(["msgId", "eventType", "state", "responseStatusCode", "timestamp"].into_iter(), out);
}
pub(crate) fn csv_row(row: ReportOut, out: &mut Vec<u8>) {
    let code = row.response_status_code.map(|c| c.to_string()).unwrap_or_default();
    let cells = [&row.msg_id, row.event_type.as_deref().unwrap_or_default(), row.state, &code, &row.timestamp];
    csv::write(cells.into_iter(), out);
}
