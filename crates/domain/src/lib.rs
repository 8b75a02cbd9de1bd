//! Postrider's nouns and rules: ids, subscription matching, the retry policy and `decide()`.
//!
//! Called by every other crate. **Invariant:** no tokio, no SQL, no HTTP, no ambient time or chance:
//! `now` and jitter are arguments.

pub mod answer;
pub mod client;
pub mod decide;
pub mod delivery;
pub mod detail;
pub mod event;
pub mod form;
pub mod guard;
mod head_v1;
mod header_names;
pub mod html;
pub mod ids;
pub mod inbound;
pub mod issue;
pub mod link;
pub mod outcome;
pub mod retry;
pub mod retry_after;
pub mod route;
pub mod search;
pub mod target;
pub mod time;

pub use answer::{ANSWER_HEADERS_OWNED, is_answer_header};
pub use client::client_address;
pub use decide::{Decision, LaneSignal, decide};
pub use delivery::{Cause, DeadReason, DeliveryKey};
pub use detail::{AttemptDetail, HeaderLines, HttpVersion, Stages};
pub use event::Conversion;
pub use form::{FieldType, FormField, FormRoute, FormSpec};
pub use ids::{
    AppId, AttemptId, AuditId, EndpointId, EventTypeId, FileId, FormId, IdCodec, ImportId, IssueId, KeyId, Kind,
    LinkId, MessageId, OrgId, PersonId, RequestId, Seq, SeqGen, SessionId, SourceId, TaskId, TypedId, Uid,
};
pub use inbound::{
    DedupBy, DedupOptions, DeliveryMode, HeadError, RequestHead, ResponseOptions, SourceOptions, SourceRoute,
    SourceState, source_config_aad,
};
pub use issue::{Explanation, IssueKind};
pub use link::{ClickId, LinkParts, LinkRoute, is_slug};
pub use outcome::{AttemptReport, Outcome, RefusedRule, Stage, TlsFailure, Unreachable};
pub use retry::RetrySchedule;
pub use retry_after::RetryAfter;
pub use route::{AppRoute, EndpointRoute, Subscription, is_payload_path};
pub use search::{CodeFilter, SearchError, SearchQuery, StatusWord, When};
pub use time::{Clock, Rng, Timestamp};
