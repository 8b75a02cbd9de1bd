//! Figures: what happened, counted by the minute and the hour.
//!
//! The writer notes what it does, and counts it once its transaction is committed ([`collect`]); the counts are written
//! about once a second (`sqlite/roll_ups.rs`). **Invariant:** a read adds what is still in memory to what is on disk, each
//! once; a crash loses at most what was not written, and never more than figures.

pub(crate) mod batch;
pub(crate) mod collect;
mod histogram;

pub use histogram::Histogram;

use domain::{AppId, EndpointId, SourceId, Timestamp};

/// What an organisation did in one step of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// When the step begins: a whole minute, hour or day of UTC.
    pub at: Timestamp,
    /// Messages stored, whoever sent them.
    pub accepted: u64,
    /// Deliveries that an attempt ended with success.
    pub delivered: u64,
    /// Failed attempts of deliveries that go on.
    pub retried: u64,
    /// Deliveries that were given up: dead.
    pub failed: u64,
    /// Inbound requests stored, of any verdict but refused.
    pub received: u64,
    /// Inbound requests that were refused, as far as they are stored.
    pub refused: u64,
    /// How long attempts took, successes and failures.
    pub latency: Histogram,
}

impl Minute {
    /// Adds what another step counted; the time stays.
    pub fn add(&mut self, other: &Minute) {
        self.accepted += other.accepted;
        self.delivered += other.delivered;
        self.retried += other.retried;
        self.failed += other.failed;
        self.received += other.received;
        self.refused += other.refused;
        self.latency.merge(&other.latency);
    }
    /// Deliveries that came to an end with success, of all attempts, in percent; `None` without attempts.
    pub fn success_percent(&self) -> Option<f64> {
        let attempts = self.delivered + self.retried + self.failed;
        (attempts > 0).then(|| self.delivered as f64 * 100.0 / attempts as f64)
    }
}

/// What an application's messages, or an endpoint's deliveries, came to in an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HourFigures {
    /// The hour's beginning.
    pub at: Timestamp,
    /// Messages of the application; 0 for an endpoint.
    pub messages: u64,
    pub delivered: u64,
    /// Failed attempts of deliveries that go on.
    pub retried: u64,
    /// Dead deliveries.
    pub failed: u64,
}

impl HourFigures {
    pub fn add(&mut self, other: &HourFigures) {
        self.messages += other.messages;
        self.delivered += other.delivered;
        self.retried += other.retried;
        self.failed += other.failed;
    }
}

/// What an application did since a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppFigures {
    pub app: AppId,
    /// The sum of `hours`.
    pub total: HourFigures,
    /// To the second or so; `None` when there was no message since the time asked for.
    pub last_message_at: Option<Timestamp>,
    /// Every hour from the one asked for up to now, in order, empty ones too.
    pub hours: Vec<HourFigures>,
}

/// What an endpoint's deliveries came to since a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointFigures {
    pub endpoint: EndpointId,
    /// The sum of `hours`.
    pub total: HourFigures,
    /// How long attempts took.
    pub latency: Histogram,
    /// Every hour from the one asked for up to now, in order, empty ones too.
    pub hours: Vec<HourFigures>,
    /// How long attempts took in each of `hours`.
    pub latency_by_hour: Vec<Histogram>,
}

/// What came to a source in an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceHour {
    /// The hour's beginning.
    pub at: Timestamp,
    /// Requests that were judged, copies of known events too.
    pub received: u64,
    /// Of them, those that were refused, as far as they are stored.
    pub refused: u64,
    /// Of them, those whose events were all known: they made nothing.
    pub duplicates: u64,
}

impl SourceHour {
    pub fn add(&mut self, other: &SourceHour) {
        self.received += other.received;
        self.refused += other.refused;
        self.duplicates += other.duplicates;
    }
    /// Requests that passed what their source checks; copies too.
    pub fn verified(&self) -> u64 {
        self.received.saturating_sub(self.refused)
    }
}

/// What came to a source since a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFigures {
    pub source: SourceId,
    /// The sum of `hours`.
    pub total: SourceHour,
    /// When the last request came: to the second or so since the time asked for, else the newest one that is kept.
    pub last_at: Option<Timestamp>,
    /// Requests that wait until the source goes on, at this moment; at most [`HELD_MAX`].
    pub held: u64,
    /// Every hour from the one asked for up to now, in order, empty ones too.
    pub hours: Vec<SourceHour>,
}

/// Requests that [`SourceFigures::held`] counts at most.
pub const HELD_MAX: u64 = 1000;

/// How many messages of an event type there were since a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTypeFigures {
    pub event_type: String,
    pub messages: u64,
    /// To the second or so.
    pub last_at: Timestamp,
    /// Messages in every hour from the one asked for up to now, in order.
    pub hours: Vec<u64>,
}

/// The event types that were seen since a time, most messages first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventTypesSeen {
    pub types: Vec<EventTypeFigures>,
    /// Messages of types beyond the number that is counted one by one in an hour.
    pub other: u64,
}

/// What waits, at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueFigures {
    /// Deliveries that could be attempted now, but for room or a hold.
    pub due: u64,
    /// Deliveries that wait for their time: retries, and messages for later.
    pub later: u64,
    pub dead: u64,
    /// `due` and `later` were counted up to a bound: what is beyond counts as due.
    pub is_estimate: bool,
    pub oldest_due_at: Option<Timestamp>,
    /// Endpoints with something waiting or dead, most first; at most [`QUEUE_LANES_MAX`].
    pub lanes: Vec<QueueLane>,
}

/// Endpoints that [`QueueFigures`] names at most.
pub const QUEUE_LANES_MAX: usize = 100;

/// What waits for one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueLane {
    pub endpoint: EndpointId,
    pub app: AppId,
    pub app_name: String,
    pub url: String,
    pub disabled: bool,
    /// Since when every attempt has failed.
    pub failing_since: Option<Timestamp>,
    pub waiting: u64,
    pub dead: u64,
    /// The earliest due time of what waits.
    pub next_due_at: Option<Timestamp>,
}
