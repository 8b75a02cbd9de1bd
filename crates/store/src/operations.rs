//! The records of background tasks: what a replay asks for, what it would do, what came of it.
//!
//! **Invariant:** these are domain shapes. Wire names and defaults belong to `api`.

use domain::{AppId, EndpointId, MessageId, OrgId, TaskId, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// Bring dead deliveries of an endpoint back.
    Recover,
    /// Create deliveries for messages that an endpoint never saw.
    ReplayMissing,
    /// What a [`ReplayFilter`] names.
    BulkReplay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskStatus {
    Running,
    /// Every delivery is made; they may still be under way.
    Finished,
    Failed,
    /// Makes nothing until it is resumed.
    Paused,
    /// Makes nothing more; what it made stays.
    Canceled,
}

/// Which of an endpoint's messages a replay takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// Those with a dead delivery: it is brought back.
    #[default]
    Failed,
    /// Those that the endpoint takes and never saw.
    Missing,
    /// Those that were delivered, and are not under way again.
    Delivered,
    /// All that the endpoint takes and that are not under way.
    Everything,
}

/// What a replay takes; empty and `None` take all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayFilter {
    #[serde(default)]
    pub which: Which,
    /// Names, or patterns that end in `*`: `invoice.*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub event_types: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The hundred that the last attempt's status code is in; 0 without an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code_class: Option<u16>,
    /// Messages created from then on...
    #[serde(skip)]
    pub since: Timestamp,
    /// ...and before then; `None` for all that there are when it starts.
    #[serde(skip)]
    pub until: Option<Timestamp>,
}

/// What a replay would do, as far as a bounded look tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Deliveries that it would make.
    pub count: u64,
    /// More than `count`: the look ended early.
    pub at_least: bool,
    /// Messages by event type, most first; the rarest are left out beyond 50.
    pub event_types: Vec<(String, u64)>,
    /// How many of `count` were compared with what the endpoint got before, and how many of those it has got already.
    pub checked: u64,
    pub already_delivered: u64,
    /// The first ones.
    #[serde(skip)]
    pub sample: Vec<SampleMessage>,
    /// How long it takes at the speed asked for, in seconds.
    #[serde(default)]
    pub seconds: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleMessage {
    pub id: MessageId,
    pub event_type: String,
}

#[derive(Clone, Debug)]
pub struct Task {
    pub id: TaskId,
    pub org: OrgId,
    pub kind: TaskKind,
    pub status: TaskStatus,
    pub app: AppId,
    pub endpoint: EndpointId,
    pub filter: ReplayFilter,
    /// What was counted before the start; only of bulk replays.
    pub estimate: Option<Estimate>,
    /// Deliveries that it makes in a second at most.
    pub speed_per_s: Option<u32>,
    /// Deliveries created or brought back so far.
    pub done: u64,
    /// What became of them: the rest is under way.
    pub delivered: u64,
    pub failed: u64,
    /// Their endpoint was deleted.
    pub canceled: u64,
    /// How much of its window it has walked, in percent.
    pub walked_percent: u8,
    pub updated_at: Timestamp,
}

impl Task {
    /// Deliveries that it made and that are under way.
    pub fn waiting(&self) -> u64 {
        self.done.saturating_sub(self.delivered).saturating_sub(self.failed).saturating_sub(self.canceled)
    }
}

/// Where a delivery of a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportState {
    Waiting,
    Delivered,
    Failed,
    Canceled,
}

/// A place in a task's report: a delivery's message and ordinal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportKey {
    pub message: MessageId,
    pub ordinal: u32,
}

/// One delivery of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    pub key: ReportKey,
    /// `None` when the message has expired.
    pub event_type: Option<String>,
    pub state: ReportState,
    /// Of its last attempt: 0 without an answer; `None` before the first.
    pub status_code: Option<u16>,
    /// When it was made, or its last attempt ended.
    pub at: Timestamp,
}
