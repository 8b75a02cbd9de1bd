//! The records that the store gives and takes.
//!
//! **Invariant:** these are domain shapes. Wire names, wire defaults and public id texts belong to `api`.

use bytes::Bytes;
use domain::{
    AppId, AppRoute, AttemptDetail, AttemptId, Cause, DeadReason, DeliveryKey, EndpointId, EndpointRoute, MessageId,
    OrgId, RequestHead, Timestamp,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Free-form string pairs that a client keeps with an object.
pub type Metadata = BTreeMap<String, String>;

/// How a path names an object: by id, or by the uid that its client chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ref<I> {
    Id(I),
    Uid(String),
}
pub type AppRef = Ref<AppId>;
pub type EndpointRef = Ref<EndpointId>;
/// A message by id, or by the event id that its sender chose.
pub type MessageRef = Ref<MessageId>;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Ascending,
    Descending,
}

/// Where a page begins, in list order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor<I> {
    /// The rows after this one.
    After(I),
    /// The rows just before this one (still in list order).
    Before(I),
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct PageQuery<I> {
    /// Rows at most, 1..=250.
    pub limit: u32,
    pub cursor: Option<Cursor<I>>,
    pub order: Order,
}

/// Rows of a page.
#[derive(Clone, Debug)]
pub struct Page<T, I> {
    pub data: Vec<T>,
    /// Cursor of the last row looked at (which may have been filtered out); `None` when there was none. Walking back, of
    /// the last row of the page.
    pub last: Option<I>,
    /// Cursor of the first row of the page; walking back, of the foremost row looked at.
    pub first: Option<I>,
    /// Whether nothing follows in the direction asked for. A page may be shorter than its limit and not be the last.
    pub done: bool,
}

// ---- applications ----

#[derive(Clone, Debug)]
pub struct Application {
    pub id: AppId,
    pub org: OrgId,
    pub uid: Option<String>,
    pub name: String,
    /// Messages a second, or no limit.
    pub throttle_rate: Option<u32>,
    pub metadata: Metadata,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub struct AppFields {
    pub name: String,
    pub uid: Option<String>,
    pub throttle_rate: Option<u32>,
    pub metadata: Metadata,
}

/// `None` keeps; `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct AppPatch {
    pub name: Option<String>,
    pub uid: Option<Option<String>>,
    pub throttle_rate: Option<Option<u32>>,
    pub metadata: Option<Metadata>,
}

// ---- endpoints ----

#[derive(Clone, Debug)]
pub struct Endpoint {
    pub id: EndpointId,
    pub app: AppId,
    pub uid: Option<String>,
    pub url: String,
    pub description: String,
    pub version: u32,
    pub disabled: bool,
    /// Since when its queue waits; `None` while it is served. See [`EndpointFields::paused`].
    pub paused_at: Option<Timestamp>,
    pub throttle_rate: Option<u32>,
    pub event_types: Option<Vec<String>>,
    pub channels: Option<Vec<String>>,
    pub metadata: Metadata,
    /// See [`EndpointFields::first_per`].
    pub first_per: Option<String>,
    pub hook: bool,
    pub updated_at: Timestamp,
    /// Since when every attempt has failed; `None` while it works.
    pub failing_since: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
pub struct EndpointFields {
    pub uid: Option<String>,
    pub url: String,
    pub description: String,
    pub version: Option<u32>,
    pub disabled: bool,
    /// Messages go on being matched and queued, and none is attempted. `None` keeps what is (a new one: not paused).
    pub paused: Option<bool>,
    pub throttle_rate: Option<u32>,
    pub event_types: Option<Vec<String>>,
    pub channels: Option<Vec<String>>,
    pub metadata: Metadata,
    /// A path in the payload ([`domain::is_payload_path`]): of the messages with the same value there, it gets the first.
    /// A message without the value, or with `null`, it gets too. A change forgets what it has seen.
    pub first_per: Option<String>,
    /// Made by a subscription: a 410 deletes it. Counts when it is created; stays as it is.
    pub hook: bool,
}

#[derive(Clone, Debug, Default)]
pub struct EndpointPatch {
    pub uid: Option<Option<String>>,
    pub url: Option<String>,
    pub description: Option<String>,
    pub version: Option<u32>,
    pub disabled: Option<bool>,
    pub paused: Option<bool>,
    pub throttle_rate: Option<Option<u32>>,
    pub event_types: Option<Option<Vec<String>>>,
    pub channels: Option<Option<Vec<String>>>,
    pub metadata: Option<Metadata>,
    pub first_per: Option<Option<String>>,
}

/// Seals a secret (or the custom headers) for the endpoint that the store has just numbered.
pub type Sealer = Box<dyn FnOnce(EndpointId) -> Vec<u8> + Send>;

/// A secret as stored: current first.
#[derive(Clone, Debug)]
pub struct StoredSecret {
    pub sealed: Vec<u8>,
    /// `None` for the current one.
    pub expires_at: Option<Timestamp>,
}

/// Deliveries of an endpoint. `success`, `fail` and `canceled` were settled in the window asked for (whole hours);
/// `pending` and `sending` are now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointStats {
    pub success: u64,
    pub pending: u64,
    pub sending: u64,
    pub fail: u64,
    pub canceled: u64,
}

// ---- event types ----

#[derive(Clone, Debug)]
pub struct EventType {
    pub name: String,
    pub description: String,
    pub archived: bool,
    pub deprecated: bool,
    /// JSON object of version to JSON Schema, as text.
    pub schemas: Option<String>,
    pub feature_flags: Vec<String>,
    pub group_name: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub struct EventTypeFields {
    pub description: String,
    pub archived: bool,
    pub deprecated: bool,
    pub schemas: Option<String>,
    pub feature_flags: Vec<String>,
    pub group_name: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct EventTypePatch {
    pub description: Option<String>,
    pub archived: Option<bool>,
    pub deprecated: Option<bool>,
    pub schemas: Option<Option<String>>,
    pub feature_flags: Option<Vec<String>>,
    pub group_name: Option<Option<String>>,
}

// ---- messages ----

/// An idempotency key, reduced to a hash of (credential, key, URI).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    pub hash: [u8; 16],
    /// SDK-made (`auto_...`): remembered for minutes, in memory. Else kept for `idempotency-retention`.
    pub automatic: bool,
}

/// A message to accept. It goes to the endpoints of `route` that take it, or to `only`.
#[derive(Clone, Debug)]
pub struct NewMessage {
    pub route: Arc<AppRoute>,
    pub event_type: Box<str>,
    /// The sender's own id, unique in the application.
    pub event_id: Option<Box<str>>,
    pub channels: Vec<Box<str>>,
    pub tags: Vec<Box<str>>,
    /// Delivered as these very bytes.
    pub payload: Bytes,
    /// Days that the payload is kept; `None` for the installation's `payload-retention`.
    pub payload_retention_days: Option<u32>,
    pub deliver_at: Option<Timestamp>,
    pub key: Option<IdempotencyKey>,
    /// Only to this endpoint, whatever it subscribes to, and why.
    pub only: Option<(Arc<EndpointRoute>, Cause)>,
}

/// The answer to an accepted message.
#[derive(Clone, Debug)]
pub enum Accepted {
    New(MessageId),
    /// The same idempotency key brought this message before.
    Repeated(Message),
}

#[derive(Clone, Debug)]
pub struct Message {
    pub id: MessageId,
    pub app: AppId,
    pub event_type: String,
    pub event_id: Option<String>,
    pub channels: Vec<String>,
    pub tags: Vec<String>,
    pub deliver_at: Option<Timestamp>,
    /// `None` once it expired or was deleted, or when content was not asked for.
    pub payload: Option<Bytes>,
}

/// Which messages a list shows. Times bound the time of creation.
#[derive(Clone, Debug, Default)]
pub struct MessageFilter {
    pub event_types: Vec<String>,
    pub channel: Option<String>,
    pub tag: Option<String>,
    pub before: Option<Timestamp>,
    pub after: Option<Timestamp>,
    pub with_content: bool,
}

// ---- attempts ----

#[derive(Clone, Debug)]
pub struct Attempt {
    pub id: AttemptId,
    pub key: DeliveryKey,
    /// 1 for the first of its delivery.
    pub number: u32,
    pub success: bool,
    /// 0 when no response came.
    pub status_code: u16,
    pub duration_us: u64,
    pub manual: bool,
    pub url: String,
    /// First bytes of the response as they came (or an explanation of why there is none); `None` once deleted.
    pub response: Option<Bytes>,
    /// `None` where nothing was noted, and once the response was deleted.
    pub detail: Option<AttemptDetail>,
    /// With the message, when asked for.
    pub message: Option<Message>,
}

/// Which attempts a list shows.
#[derive(Clone, Debug, Default)]
pub struct AttemptFilter {
    /// `Some(true)` for successes, `Some(false)` for failures.
    pub success: Option<bool>,
    /// 0, 100, 200, ... 500: the hundred that the status code is in.
    pub status_code_class: Option<u16>,
    pub endpoint: Option<EndpointId>,
    pub event_types: Vec<String>,
    pub channel: Option<String>,
    pub tag: Option<String>,
    pub before: Option<Timestamp>,
    pub after: Option<Timestamp>,
    pub with_content: bool,
    pub with_message: bool,
}

/// Where the delivery of a message to an endpoint stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    Success,
    /// Waiting; the next attempt is at this time (in the past when its lane is full or paused).
    Pending {
        next_attempt: Timestamp,
    },
    /// Leased: an attempt is being made or is next in its lane.
    Sending,
    /// Dead-lettered.
    Fail {
        reason: DeadReason,
    },
    Canceled,
}

/// The status words that lists filter by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusFilter {
    Success,
    Pending,
    Fail,
    Sending,
    Canceled,
}

/// A message as one endpoint saw it.
#[derive(Clone, Debug)]
pub struct AttemptedMessage {
    pub message: Message,
    pub status: DeliveryStatus,
}

/// An endpoint as one message saw it.
#[derive(Clone, Debug)]
pub struct Destination {
    pub endpoint: Endpoint,
    pub status: DeliveryStatus,
}

// ---- engine ----

/// A delivery that this node may attempt. Dropping one without settling it keeps it leased until the node restarts.
#[derive(Clone, Debug)]
pub struct Lease {
    pub key: DeliveryKey,
    /// Attempts made before.
    pub attempts: u32,
    pub cause: Cause,
    pub endpoint: Arc<EndpointRoute>,
    pub payload: Bytes,
    /// The request that it is passed through from: its method, query and headers go with the payload.
    pub passage: Option<Arc<RequestHead>>,
}

impl Lease {
    /// The memory that its payload and its request's head take.
    pub fn bytes(&self) -> usize {
        bytes_of(&self.payload, self.passage.as_deref())
    }
}

pub(crate) fn bytes_of(payload: &Bytes, passage: Option<&RequestHead>) -> usize {
    payload.len() + passage.map_or(0, |head| head.encoded().len())
}

/// What became of a lease.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub key: DeliveryKey,
    pub endpoint: Arc<EndpointRoute>,
    pub cause: Cause,
    /// Attempts made before this one.
    pub attempts: u32,
    /// What leaves memory with the lease: its [`Lease::bytes`].
    pub payload_bytes: u32,
    /// The attempt, if one was made.
    pub attempt: Option<NewAttempt>,
    pub next: Next,
    /// How much the lane may take from now on.
    pub lane: Option<LaneUpdate>,
}

#[derive(Clone, Debug)]
pub struct NewAttempt {
    pub success: bool,
    pub status_code: u16,
    pub duration_us: u64,
    pub response: Bytes,
    /// 410 Gone: disable the endpoint, or delete it if a subscription made it.
    pub gone: bool,
    /// [`AttemptDetail::pack`]ed; empty: none.
    pub detail: Vec<u8>,
}

/// The state that a settled lease leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Delivered,
    RetryAt(Timestamp),
    Dead(DeadReason),
    /// Not attempted: due again at this time.
    Released(Timestamp),
    /// The endpoint is gone: forget it.
    Canceled,
}

/// The engine's view of a lane's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneUpdate {
    /// Deliveries kept in memory at most.
    pub capacity: u32,
    /// No lease before this time.
    pub hold_until: Option<Timestamp>,
}
