//! Figures on the wire.
//!
//! **Invariant:** what is asked for is bounded before it is read; durations are milliseconds.

use super::query::Query;
use super::time;
use crate::problem::Problem;
use domain::{IdCodec, Timestamp};
use serde::Serialize;
use std::time::Duration;
use store::{
    AppFigures, EndpointFigures, EventTypesSeen, Histogram, HourFigures, Minute, QueueFigures, QueueLane,
    SourceFigures, SourceHour, Step,
};

const STEPS_MAX: i64 = 3000;
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
/// The longest time that figures by hour of one object are asked for.
const SINCE_MAX: Duration = Duration::from_secs(31 * 86_400);

/// Which steps of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub from: Timestamp,
    pub until: Timestamp,
    pub step: Step,
}

/// Reads `since`, `until` and `step`. Without times: the last hour by the minute, the last day by the hour, the last thirty
/// days by the day.
pub(crate) fn read_window(query: &Query<'_>, now: Timestamp) -> Result<Window, Problem> {
    let (step, width, back) = match query.get("step") {
        None | Some("minute") => (Step::Minute, Duration::from_secs(60), HOUR),
        Some("hour") => (Step::Hour, HOUR, DAY),
        Some("day") => (Step::Day, DAY, DAY * 30),
        Some(_) => return Err(Problem::query("step", "must be minute, hour or day")),
    };
    // The step that is going on counts.
    let until = query.time("until")?.unwrap_or_else(|| now.plus(Duration::from_millis(1)));
    let from = query.time("since")?.unwrap_or_else(|| until.minus(back));
    if from >= until {
        return Err(Problem::query("since", "must be before until"));
    }
    if until.since(from).as_millis() / width.as_millis() >= STEPS_MAX as u128 {
        let msg = format!("would make more than {STEPS_MAX} steps: choose longer ones, or less time");
        return Err(Problem::query("step", msg));
    }
    Ok(Window { from, until, step })
}

/// Reads `since`: a day ago without it, a month at most.
pub(crate) fn read_since(query: &Query<'_>, now: Timestamp) -> Result<Timestamp, Problem> {
    let since = query.time("since")?.unwrap_or_else(|| now.minus(DAY));
    if now.since(since) > SINCE_MAX {
        return Err(Problem::query("since", "must be at most 31 days ago"));
    }
    Ok(since)
}

fn ms(us: Option<u64>) -> Option<f64> {
    us.map(|us| (us as f64 / 10.0).round() / 100.0)
}

/// How long attempts took; all absent without attempts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LatencyOut {
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
}

impl LatencyOut {
    fn of(h: &Histogram) -> Self {
        LatencyOut { p50_ms: ms(h.p50_us()), p95_ms: ms(h.p95_us()), p99_ms: ms(h.p99_us()) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepOut {
    at: String,
    accepted: u64,
    delivered: u64,
    retried: u64,
    failed: u64,
    received: u64,
    refused: u64,
    #[serde(flatten)]
    latency: LatencyOut,
}

impl StepOut {
    fn of(m: &Minute) -> Self {
        StepOut {
            at: time::text(m.at),
            accepted: m.accepted,
            delivered: m.delivered,
            retried: m.retried,
            failed: m.failed,
            received: m.received,
            refused: m.refused,
            latency: LatencyOut::of(&m.latency),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThroughputOut {
    since: String,
    until: String,
    step: &'static str,
    total: StepOut,
    series: Vec<StepOut>,
}

impl ThroughputOut {
    pub fn of(steps: &[Minute], window: Window) -> Self {
        let first = steps.first().map_or(window.from, |s| s.at);
        let mut total = Minute { at: first, ..Minute::default() };
        steps.iter().for_each(|step| total.add(step));
        ThroughputOut {
            since: time::text(first),
            until: time::text(window.until),
            step: match window.step {
                Step::Minute => "minute",
                Step::Hour => "hour",
                Step::Day => "day",
            },
            total: StepOut::of(&total),
            series: steps.iter().map(StepOut::of).collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LaneOut {
    app_id: String,
    app_name: String,
    endpoint_id: String,
    url: String,
    disabled: bool,
    failing_since: Option<String>,
    waiting: u64,
    dead: u64,
    next_due_at: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueOut {
    due: u64,
    later: u64,
    dead: u64,
    is_estimate: bool,
    oldest_due_at: Option<String>,
    endpoints: Vec<LaneOut>,
}

impl QueueOut {
    pub fn of(q: QueueFigures, codec: &IdCodec) -> Self {
        let lane = |l: QueueLane| LaneOut {
            app_id: codec.text(l.app),
            app_name: l.app_name,
            endpoint_id: codec.text(l.endpoint),
            url: l.url,
            disabled: l.disabled,
            failing_since: l.failing_since.map(time::text),
            waiting: l.waiting,
            dead: l.dead,
            next_due_at: l.next_due_at.map(time::text),
        };
        QueueOut {
            due: q.due,
            later: q.later,
            dead: q.dead,
            is_estimate: q.is_estimate,
            oldest_due_at: q.oldest_due_at.map(time::text),
            endpoints: q.lanes.into_iter().map(lane).collect(),
        }
    }
}

/// A list that has no next page.
#[derive(Serialize)]
pub(crate) struct All<T> {
    pub data: Vec<T>,
}

#[derive(Serialize)]
struct AppHourOut {
    at: String,
    messages: u64,
    delivered: u64,
    retried: u64,
    failed: u64,
}

impl AppHourOut {
    fn of(h: &HourFigures) -> Self {
        AppHourOut {
            at: time::text(h.at),
            messages: h.messages,
            delivered: h.delivered,
            retried: h.retried,
            failed: h.failed,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppFiguresOut {
    app_id: String,
    messages: u64,
    delivered: u64,
    retried: u64,
    failed: u64,
    last_message_at: Option<String>,
    series: Vec<AppHourOut>,
}

impl AppFiguresOut {
    pub fn of(f: &AppFigures, codec: &IdCodec) -> Self {
        AppFiguresOut {
            app_id: codec.text(f.app),
            messages: f.total.messages,
            delivered: f.total.delivered,
            retried: f.total.retried,
            failed: f.total.failed,
            last_message_at: f.last_message_at.map(time::text),
            series: f.hours.iter().map(AppHourOut::of).collect(),
        }
    }
}

#[derive(Serialize)]
struct EndpointHourOut {
    at: String,
    delivered: u64,
    retried: u64,
    failed: u64,
    #[serde(flatten)]
    latency: LatencyOut,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointFiguresOut {
    endpoint_id: String,
    delivered: u64,
    retried: u64,
    failed: u64,
    #[serde(flatten)]
    latency: LatencyOut,
    series: Vec<EndpointHourOut>,
}

impl EndpointFiguresOut {
    pub fn of(f: &EndpointFigures, codec: &IdCodec) -> Self {
        let hour = |(h, latency): (&HourFigures, &Histogram)| EndpointHourOut {
            at: time::text(h.at),
            delivered: h.delivered,
            retried: h.retried,
            failed: h.failed,
            latency: LatencyOut::of(latency),
        };
        EndpointFiguresOut {
            endpoint_id: codec.text(f.endpoint),
            delivered: f.total.delivered,
            retried: f.total.retried,
            failed: f.total.failed,
            latency: LatencyOut::of(&f.latency),
            series: f.hours.iter().zip(&f.latency_by_hour).map(hour).collect(),
        }
    }
}

/// What came in an hour, or in all.
#[derive(Serialize)]
struct ArrivalsOut {
    received: u64,
    verified: u64,
    refused: u64,
    duplicates: u64,
}

impl ArrivalsOut {
    fn of(h: &SourceHour) -> Self {
        ArrivalsOut { received: h.received, verified: h.verified(), refused: h.refused, duplicates: h.duplicates }
    }
}

#[derive(Serialize)]
struct SourceHourOut {
    at: String,
    #[serde(flatten)]
    arrivals: ArrivalsOut,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceFiguresOut {
    source_id: String,
    #[serde(flatten)]
    total: ArrivalsOut,
    /// Requests that wait now, up to a thousand.
    held: u64,
    last_at: Option<String>,
    series: Vec<SourceHourOut>,
}

impl SourceFiguresOut {
    pub fn of(f: &SourceFigures, codec: &IdCodec) -> Self {
        let hour = |h: &SourceHour| SourceHourOut { at: time::text(h.at), arrivals: ArrivalsOut::of(h) };
        SourceFiguresOut {
            source_id: codec.text(f.source),
            total: ArrivalsOut::of(&f.total),
            held: f.held,
            last_at: f.last_at.map(time::text),
            series: f.hours.iter().map(hour).collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventTypeOut {
    name: String,
    messages: u64,
    last_at: String,
    /// Messages in each hour.
    series: Vec<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTypesOut {
    /// The first hour of each series.
    since: String,
    data: Vec<EventTypeOut>,
    /// Messages of types that were not counted one by one.
    other: u64,
}

impl EventTypesOut {
    pub fn of(seen: EventTypesSeen, since: Timestamp) -> Self {
        let begin = Timestamp(since.millis().div_euclid(3_600_000) * 3_600_000);
        let types = seen.types.into_iter().map(|t| EventTypeOut {
            name: t.event_type,
            messages: t.messages,
            last_at: time::text(t.last_at),
            series: t.hours,
        });
        EventTypesOut { since: time::text(begin), data: types.collect(), other: seen.other }
    }
}
