//! The store's handle: what every other crate calls.
#![allow(clippy::todo, unused_variables)]

use crate::error::{OpenError, StoreError};
use crate::types::*;
use domain::{
    AppId, AppRoute, AttemptId, Clock, EndpointId, EndpointRoute, IdCodec, MessageId, OrgId, Rng, TaskId, Timestamp,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How the store is set up. Each limit is a setting.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The database file.
    pub path: PathBuf,
    pub codec: IdCodec,
    /// Deliveries of one endpoint kept in memory.
    pub lane_capacity: u32,
    /// Payload bytes of leased deliveries kept in memory.
    pub memory_in_flight: u64,
    /// SDK-made idempotency keys remembered in memory.
    pub idempotency_window: usize,
    /// How long other idempotency keys are kept.
    pub idempotency_retention: Duration,
    pub payload_retention: Duration,
    pub message_retention: Duration,
    pub attempt_retention: Duration,
    /// Disable an endpoint that only failed for so long; zero never does.
    pub endpoint_disable_after: Duration,
    /// Free bytes of disk below which messages are refused.
    pub disk_reserve: u64,
}

type Result<T> = std::result::Result<T, StoreError>;

/// A cheap handle; clones share one store.
#[derive(Clone)]
pub struct Store {}

/// Leases for the engine, in batches.
pub struct LeaseStream {}

/// Counters and gauges, read by `/metrics`.
#[derive(Debug, Default)]
pub struct StoreMetrics {}

impl Store {
    /// Opens or creates the database and starts its writer thread. Call it inside a tokio runtime.
    pub fn open(
        config: StoreConfig,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> std::result::Result<(Store, LeaseStream), OpenError> {
        todo!()
    }
    pub fn codec(&self) -> &IdCodec {
        todo!()
    }
    pub fn clock(&self) -> &Arc<dyn Clock> {
        todo!()
    }
    pub fn rng(&self) -> &Arc<dyn Rng> {
        todo!()
    }
    pub fn metrics(&self) -> &StoreMetrics {
        todo!()
    }
    /// Whether the store can take writes now (writer alive, disk has room): for `/readyz`.
    pub async fn ready(&self) -> Result<()> {
        todo!()
    }

    // ---- organisations and tokens ----

    /// The organisation that a token names; an unseen one is created. Cached: cheap on the hot path.
    pub async fn organisation(&self, text: &str) -> Result<OrgId> {
        todo!()
    }
    /// Refuses a token from now on (its hash; forgotten after `expires_at`).
    pub async fn revoke_token(&self, hash: [u8; 32], expires_at: Option<Timestamp>) -> Result<()> {
        todo!()
    }
    pub fn is_revoked(&self, hash: &[u8; 32]) -> bool {
        todo!()
    }

    // ---- the hot path ----

    /// The application's routing snapshot, from memory when it is there.
    pub fn route_cached(&self, org: OrgId, app: &AppRef) -> Option<Arc<AppRoute>> {
        todo!()
    }
    /// The application's routing snapshot; `NotFound` when the organisation has no such application.
    pub async fn route(&self, org: OrgId, app: &AppRef) -> Result<Arc<AppRoute>> {
        todo!()
    }
    /// The organisation's application for operational webhooks, created if there is none.
    pub async fn operational_app(&self, org: OrgId) -> Result<AppId> {
        todo!()
    }
    /// Stores a message and its deliveries; returns once they are on disk. Inner results: `Conflict` for a taken event id.
    pub async fn accept(&self, message: NewMessage) -> Result<Accepted> {
        todo!()
    }
    /// Like `accept`, for many; one answer each, in order.
    pub async fn accept_many(&self, messages: Vec<NewMessage>) -> Vec<Result<Accepted>> {
        todo!()
    }

    // ---- idempotency of other requests ----

    /// The kept answer (status, body) of an earlier request with this key.
    pub async fn kept_answer(&self, key: IdempotencyKey) -> Result<Option<(u16, bytes::Bytes)>> {
        todo!()
    }
    pub async fn keep_answer(&self, key: IdempotencyKey, status: u16, body: bytes::Bytes) -> Result<()> {
        todo!()
    }

    // ---- applications ----

    /// With `get_if_exists`, a taken uid returns that application and `false`; else it is a `Conflict`.
    pub async fn create_app(&self, org: OrgId, fields: AppFields, get_if_exists: bool) -> Result<(Application, bool)> {
        todo!()
    }
    pub async fn app(&self, org: OrgId, app: &AppRef) -> Result<Application> {
        todo!()
    }
    pub async fn apps(&self, org: OrgId, page: PageQuery<AppId>) -> Result<Page<Application, AppId>> {
        todo!()
    }
    /// Replaces all fields, or creates when a uid names none (`true`).
    pub async fn put_app(&self, org: OrgId, app: &AppRef, fields: AppFields) -> Result<(Application, bool)> {
        todo!()
    }
    pub async fn patch_app(&self, org: OrgId, app: &AppRef, patch: AppPatch) -> Result<Application> {
        todo!()
    }
    /// Gone at once; its rows are deleted in the background.
    pub async fn delete_app(&self, org: OrgId, app: &AppRef) -> Result<()> {
        todo!()
    }

    // ---- endpoints ----

    /// `secret` seals the first secret, `headers` the custom headers.
    pub async fn create_endpoint(
        &self,
        app: AppId,
        fields: EndpointFields,
        secret: Sealer,
        headers: Option<Sealer>,
    ) -> Result<Endpoint> {
        todo!()
    }
    pub async fn endpoint(&self, app: AppId, endpoint: &EndpointRef) -> Result<Endpoint> {
        todo!()
    }
    pub async fn endpoints(&self, app: AppId, page: PageQuery<EndpointId>) -> Result<Page<Endpoint, EndpointId>> {
        todo!()
    }
    /// Replaces all fields, or creates when a uid names none (`true`; then `secret` seals its first secret).
    pub async fn put_endpoint(
        &self,
        app: AppId,
        endpoint: &EndpointRef,
        fields: EndpointFields,
        secret: Sealer,
    ) -> Result<(Endpoint, bool)> {
        todo!()
    }
    pub async fn patch_endpoint(&self, app: AppId, endpoint: &EndpointRef, patch: EndpointPatch) -> Result<Endpoint> {
        todo!()
    }
    pub async fn delete_endpoint(&self, app: AppId, endpoint: &EndpointRef) -> Result<()> {
        todo!()
    }
    /// The sealed custom headers; empty when there are none.
    pub async fn endpoint_headers(&self, app: AppId, endpoint: &EndpointRef) -> Result<(EndpointId, Vec<u8>)> {
        todo!()
    }
    /// `sealed` empty clears them. `expected` is what `endpoint_headers` returned: `Busy` if it changed since (retry).
    pub async fn set_endpoint_headers(
        &self,
        app: AppId,
        endpoint: EndpointId,
        expected: Vec<u8>,
        sealed: Vec<u8>,
    ) -> Result<()> {
        todo!()
    }
    /// Live secrets, current first; expired ones are left out.
    pub async fn endpoint_secrets(
        &self,
        app: AppId,
        endpoint: &EndpointRef,
    ) -> Result<(EndpointId, Vec<StoredSecret>)> {
        todo!()
    }
    /// Makes `sealed` current; the old one signs too until `old_expires_at`. At most 10 old ones are kept.
    pub async fn rotate_secret(
        &self,
        app: AppId,
        endpoint: EndpointId,
        sealed: Vec<u8>,
        old_expires_at: Timestamp,
    ) -> Result<()> {
        todo!()
    }
    pub async fn endpoint_stats(
        &self,
        app: AppId,
        endpoint: &EndpointRef,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<EndpointStats> {
        todo!()
    }
    /// The routing snapshot of one endpoint.
    pub async fn endpoint_route(&self, app: AppId, endpoint: EndpointId) -> Result<Arc<EndpointRoute>> {
        todo!()
    }

    // ---- event types ----

    /// A taken name is a `Conflict`, unless it is archived: then it is revived with these fields.
    pub async fn create_event_type(&self, org: OrgId, name: &str, fields: EventTypeFields) -> Result<EventType> {
        todo!()
    }
    pub async fn event_type(&self, org: OrgId, name: &str) -> Result<EventType> {
        todo!()
    }
    /// By name; the cursor is a name.
    pub async fn event_types(
        &self,
        org: OrgId,
        page: PageQuery<String>,
        include_archived: bool,
    ) -> Result<Page<EventType, String>> {
        todo!()
    }
    pub async fn put_event_type(&self, org: OrgId, name: &str, fields: EventTypeFields) -> Result<(EventType, bool)> {
        todo!()
    }
    pub async fn patch_event_type(&self, org: OrgId, name: &str, patch: EventTypePatch) -> Result<EventType> {
        todo!()
    }
    /// Archives, or deletes when `expunge`.
    pub async fn delete_event_type(&self, org: OrgId, name: &str, expunge: bool) -> Result<()> {
        todo!()
    }
    /// The first of `names` that the organisation doesn't have, if any.
    pub async fn missing_event_type(&self, org: OrgId, names: &[String]) -> Result<Option<String>> {
        todo!()
    }

    // ---- messages and attempts ----

    pub async fn message(&self, app: AppId, message: &MessageRef, with_content: bool) -> Result<Message> {
        todo!()
    }
    /// Newest first.
    pub async fn messages(
        &self,
        app: AppId,
        page: PageQuery<MessageId>,
        filter: MessageFilter,
    ) -> Result<Page<Message, MessageId>> {
        todo!()
    }
    pub async fn delete_message_content(&self, app: AppId, message: &MessageRef) -> Result<()> {
        todo!()
    }
    /// Newest first.
    pub async fn attempts_by_endpoint(
        &self,
        app: AppId,
        endpoint: &EndpointRef,
        page: PageQuery<AttemptId>,
        filter: AttemptFilter,
    ) -> Result<Page<Attempt, AttemptId>> {
        todo!()
    }
    /// Newest first.
    pub async fn attempts_by_message(
        &self,
        app: AppId,
        message: &MessageRef,
        page: PageQuery<AttemptId>,
        filter: AttemptFilter,
    ) -> Result<Page<Attempt, AttemptId>> {
        todo!()
    }
    pub async fn attempt(&self, app: AppId, message: &MessageRef, attempt: AttemptId) -> Result<Attempt> {
        todo!()
    }
    pub async fn delete_attempt_content(&self, app: AppId, message: &MessageRef, attempt: AttemptId) -> Result<()> {
        todo!()
    }
    /// Messages that went to an endpoint, newest message first.
    pub async fn attempted_messages(
        &self,
        app: AppId,
        endpoint: &EndpointRef,
        page: PageQuery<MessageId>,
        filter: MessageFilter,
        status: Option<StatusFilter>,
    ) -> Result<Page<AttemptedMessage, MessageId>> {
        todo!()
    }
    /// Endpoints that a message went to, in order of creation.
    pub async fn destinations(
        &self,
        app: AppId,
        message: &MessageRef,
        page: PageQuery<EndpointId>,
    ) -> Result<Page<Destination, EndpointId>> {
        todo!()
    }
    /// Creates a manual delivery. `Conflict` when the endpoint is disabled; `NotFound` when the payload is gone.
    pub async fn resend(&self, app: AppId, message: &MessageRef, endpoint: &EndpointRef) -> Result<()> {
        todo!()
    }
    /// Starts a task over an endpoint's messages created in [since, until).
    pub async fn start_task(
        &self,
        app: AppId,
        endpoint: &EndpointRef,
        kind: TaskKind,
        since: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<Task> {
        todo!()
    }
    pub async fn task(&self, org: OrgId, task: TaskId) -> Result<Task> {
        todo!()
    }
    /// Newest first.
    pub async fn tasks(&self, org: OrgId, page: PageQuery<TaskId>) -> Result<Page<Task, TaskId>> {
        todo!()
    }

    // ---- the engine's side ----

    /// Records what became of leases. Never blocks; a full disk keeps it queued until there is room.
    pub fn settle(&self, settlement: Settlement) {
        todo!()
    }
    /// Changes whenever any configuration does: compare it before using a kept `EndpointRoute`.
    pub fn config_generation(&self) -> u64 {
        todo!()
    }
    /// The endpoint's present routing snapshot; `None` when it or its application was deleted.
    pub fn current_endpoint(&self, endpoint: &EndpointRoute) -> Option<Arc<EndpointRoute>> {
        todo!()
    }
    /// Ends the writer once everything queued is on disk.
    pub async fn close(&self) {
        todo!()
    }
}

impl LeaseStream {
    /// The next batch of leases; `None` once the store is closed.
    pub async fn next(&mut self) -> Option<Vec<Lease>> {
        todo!()
    }
}
