//! The live tail: what just happened in an organisation, while somebody watches.
//!
//! The writer notes digests only where there is a viewer (one atomic load otherwise), and hands them over after the
//! commit. **Invariant:** nobody waits for a viewer: a ring is bounded, and who falls behind is told how much it missed.

use crate::inbound::VerdictKind;
use domain::{AppId, AttemptId, EndpointId, MessageId, OrgId, RequestId, Seq, SourceId};
use std::sync::Arc;

/// One row of the tail. Its id is the public id of what it is about, and grows from row to row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailRow {
    pub id: TailId,
    pub app: AppId,
    pub app_uid: Option<Box<str>>,
    pub event_type: Box<str>,
    pub what: TailEvent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TailId {
    Message(MessageId),
    Attempt(AttemptId),
    Request(RequestId),
}

impl TailId {
    pub fn seq(self) -> Seq {
        match self {
            TailId::Message(id) => Seq(id.0),
            TailId::Attempt(id) => Seq(id.0),
            TailId::Request(id) => Seq(id.0),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TailEvent {
    Accepted,
    Attempted {
        message: MessageId,
        endpoint: EndpointId,
        /// Of the endpoint's URL: the rest may hold a secret.
        host: Box<str>,
        /// 1 for the first of its delivery.
        number: u32,
        result: AttemptResult,
        /// 0 when no response came.
        status_code: u16,
        duration_us: u64,
    },
    Received {
        source: SourceId,
        verdict: VerdictKind,
        /// Why it was refused.
        reason: Option<Box<str>>,
        /// Of the answer.
        status: u16,
        message: Option<MessageId>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptResult {
    Delivered,
    /// Failed, and will be tried again.
    Retrying,
    /// Failed for good.
    Failed,
}

/// Rows that were left out: more came than are shown in a second, or the viewer was late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    pub accepted: u64,
    pub attempts: u64,
    pub received: u64,
    /// Others before these, nobody knows how many.
    pub uncounted: bool,
}

/// What a viewer gets at once.
#[derive(Clone, Debug, Default)]
pub struct TailBatch {
    pub rows: Vec<Arc<TailRow>>,
    pub skipped: Skipped,
}

/// A viewer's place in the tail of an organisation, or of one application of it.
pub struct Tail {
    #[expect(dead_code, reason = "to come")]
    org: OrgId,
}

impl Tail {
    /// The next rows, at most `max`, after waiting for one. A call that is dropped loses nothing.
    pub async fn next(&mut self, max: usize) -> TailBatch {
        let _ = max;
        std::future::pending().await
    }
}
