//! The records of receiving: sources, and the requests that they captured.
//!
//! **Invariant:** these are domain shapes. What a request means (its verdict, its events, its keys) was decided by
//! `ingest`; the store only keeps it, once.

use crate::types::{Message, Metadata, Ref};
use bytes::Bytes;
use domain::{AppId, AppRoute, MessageId, OrgId, RequestHead, RequestId, SourceId, SourceOptions, SourceRoute};
use domain::{SourceState, Timestamp};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// A source by id, or by the uid that its client chose.
pub type SourceRef = Ref<SourceId>;

/// An inbound URL and what it does. A bin is one too.
#[derive(Clone, Debug)]
pub struct Source {
    pub id: SourceId,
    pub org: OrgId,
    /// The application whose endpoints its requests go to: made with the source, and in no list of applications.
    pub app: AppId,
    pub uid: Option<String>,
    pub name: String,
    /// The wire's `type`.
    pub kind: String,
    /// JSON object with the secrets, sealed under `domain::source_config_aad`.
    pub config_sealed: Vec<u8>,
    pub options: SourceOptions,
    pub metadata: Metadata,
    pub state: SourceState,
    pub is_bin: bool,
    /// Makes messages of its requests.
    pub forwards: bool,
    /// What its URL ends in: `/in/{token}`.
    pub token: String,
    /// What its read-only share link ends in.
    pub share: Option<String>,
    pub expires_at: Option<Timestamp>,
    pub updated_at: Timestamp,
}

/// Seals a source's configuration for the source that the store has just numbered.
pub type SourceSealer = Box<dyn FnOnce(SourceId) -> Vec<u8> + Send>;

#[derive(Clone, Debug, Default)]
pub struct SourceFields {
    pub uid: Option<String>,
    pub name: String,
    pub kind: String,
    pub options: SourceOptions,
    pub metadata: Metadata,
    pub state: SourceState,
    pub is_bin: bool,
    pub forwards: bool,
    pub expires_at: Option<Timestamp>,
}

/// `None` keeps; `Some(None)` clears.
#[derive(Default)]
pub struct SourcePatch {
    pub uid: Option<Option<String>>,
    pub name: Option<String>,
    pub kind: Option<String>,
    pub config: Option<SourceSealer>,
    pub options: Option<SourceOptions>,
    pub metadata: Option<Metadata>,
    pub state: Option<SourceState>,
    pub is_bin: Option<bool>,
    pub forwards: Option<bool>,
    pub expires_at: Option<Option<Timestamp>>,
    pub share: Option<Option<String>>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Verified; it became messages (or had none to become).
    Accepted,
    /// Verified while the source was paused: becomes messages once it is live.
    Held,
    /// Not verified; the text says why.
    Refused(String),
    /// A handshake, answered.
    Handshake,
    /// Kept by a bin.
    Captured,
}

impl Verdict {
    pub fn kind(&self) -> VerdictKind {
        match self {
            Verdict::Accepted => VerdictKind::Accepted,
            Verdict::Held => VerdictKind::Held,
            Verdict::Refused(_) => VerdictKind::Refused,
            Verdict::Handshake => VerdictKind::Handshake,
            Verdict::Captured => VerdictKind::Captured,
        }
    }
}

/// A verdict without its reason, as lists filter by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum VerdictKind {
    Accepted = 0,
    Held,
    Refused,
    Handshake,
    Captured,
}

/// A request to store, and the messages that it becomes.
#[derive(Clone, Debug)]
pub struct NewRequest {
    pub source: Arc<SourceRoute>,
    /// The routing snapshot of the source's application. `None` makes no messages.
    pub route: Option<Arc<AppRoute>>,
    pub head: RequestHead,
    pub body: Bytes,
    pub verdict: Verdict,
    /// The status that it is answered with.
    pub status: u16,
    pub event_type: Option<Box<str>>,
    /// Empty unless it is accepted (or held: then only the keys count).
    pub events: Vec<InboundEvent>,
    /// How long keys are remembered.
    pub dedup_window: Duration,
}

/// One event of a request. It becomes a message unless all its keys are known.
#[derive(Clone, Debug)]
pub struct InboundEvent {
    /// Hashes that identify it among the events of its source. Without any it is never a duplicate.
    pub keys: Vec<[u8; 16]>,
    pub event_type: Box<str>,
    pub payload: Bytes,
    /// Where in `payload` the whole body of the request lies, if it does: then the body is stored once.
    pub body_at: Option<Range<u32>>,
}

/// What `receive` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    Stored(RequestId),
    /// All its events were known. The first request that brought them, and its answer's status.
    Duplicate {
        first: RequestId,
        status: u16,
    },
}

/// A captured request.
#[derive(Clone, Debug)]
pub struct CapturedRequest {
    pub id: RequestId,
    pub source: SourceId,
    pub head: RequestHead,
    pub verdict: Verdict,
    pub status: u16,
    /// Copies that came later.
    pub duplicates: u32,
    pub event_type: Option<String>,
    /// The first message made of it, and how many.
    pub message: Option<MessageId>,
    pub messages: u32,
    /// Length of the body in bytes.
    pub body_len: u32,
    /// `None` once it expired, or when it was not asked for.
    pub body: Option<Bytes>,
}

/// Which requests a list shows. Times bound the time of arrival.
#[derive(Clone, Debug, Default)]
pub struct RequestFilter {
    pub verdict: Option<VerdictKind>,
    pub before: Option<Timestamp>,
    pub after: Option<Timestamp>,
    pub with_body: bool,
}

/// What can be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Requests of a source.
    Source(SourceId),
    /// Messages of an application.
    App(AppId),
}

/// Messages of an application in order of arrival, for polling and streams.
#[derive(Clone, Debug)]
pub struct MessagesAfter {
    pub data: Vec<Message>,
    /// The last message looked at, whether it passed the filter or not: where to go on.
    pub last: Option<MessageId>,
    /// Whether nothing follows now.
    pub done: bool,
}

/// Requests of some sources in order of arrival, for streams.
#[derive(Clone, Debug)]
pub struct RequestsAfter {
    pub data: Vec<CapturedRequest>,
    pub done: bool,
}
