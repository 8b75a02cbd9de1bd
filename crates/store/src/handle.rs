//! The store's handle: what every other crate calls.
//!
//! Writes go to the writer thread, reads to a few reading connections. **Invariant:** a verb that returned `Ok` is on
//! disk, and every later read sees it.

use crate::config::{StoreConfig, StoreMetrics};
use crate::error::{OpenError, StoreError};
use crate::figures::collect::Memory;
use crate::form_routes::FormRoutes;
use crate::keys::KeyUse;
use crate::link_routes::LinkRoutes;
use crate::operations::{ReplayFilter, Task, TaskKind, Which};
use crate::profile::Profile;
use crate::readers::Readers;
use crate::routes::Routes;
use crate::source_routes::SourceRoutes;
use crate::sqlite::core::{Core, Shared};
use crate::sqlite::tasks::NewTask;
use crate::sqlite::{apps, attempts, endpoints, event_types, floors, messages, profile, status, tasks, tokens};
use crate::tail::TailHub;
use crate::types::*;
use crate::watch::Hub;
use crate::writer::{Committed, Op, Queue, Writer};
use domain::{
    AppId, AppRoute, AttemptId, Cause, Clock, EndpointId, EndpointRoute, IdCodec, KeyId, MessageId, OrgId, Rng, Seq,
    TaskId, Timestamp,
};
use parking_lot::{Mutex, RwLock};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

type Result<T> = std::result::Result<T, StoreError>;

/// A cheap handle; clones share one store.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    config: Arc<StoreConfig>,
    queue: Arc<Queue>,
    readers: Readers,
    routes: Arc<Routes>,
    pub(crate) sources: Arc<SourceRoutes>,
    pub(crate) links: Arc<LinkRoutes>,
    pub(crate) forms: Arc<FormRoutes>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) tails: Arc<TailHub>,
    pub(crate) figures: Arc<Memory>,
    organisations: RwLock<HashMap<Box<str>, OrgId>>,
    pub(crate) revoked: RwLock<HashSet<[u8; 32]>>,
    pub(crate) profiles: RwLock<HashMap<OrgId, Arc<Profile>>>,
    pub(crate) floors: RwLock<HashMap<AppId, Arc<[crate::handle_portal::TokenFloor]>>>,
    /// Held while a profile is written, or tokens end together.
    pub(crate) profile_turn: tokio::sync::Mutex<()>,
    pub(crate) key_uses: Mutex<HashMap<KeyId, Arc<KeyUse>>>,
    metrics: Arc<StoreMetrics>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    broken: watch::Receiver<Option<String>>,
    /// The day (since the Unix epoch) and what its visitors are hashed with.
    pub(crate) visitor_salt: RwLock<Option<(i64, [u8; 16])>>,
}

impl Drop for Inner {
    /// Without a `close`, the writer ends with the last handle.
    fn drop(&mut self) {
        self.queue.push(Op::Close(oneshot::channel().0));
    }
}

/// Leases for the engine, in batches.
pub struct LeaseStream {
    leases: mpsc::UnboundedReceiver<Vec<Lease>>,
}

/// Organisations remembered at most; beyond it the cache starts anew.
const ORGANISATIONS_MAX: usize = 100_000;

impl Store {
    /// Opens or creates the database and starts its writer thread. Call it inside a tokio runtime.
    pub fn open(
        config: StoreConfig,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> std::result::Result<(Store, LeaseStream), OpenError> {
        let path = config.path.clone();
        let (store, writer, committed) = Store::assemble(config, clock.clone(), rng)?;
        std::thread::Builder::new()
            .name("postrider-writer".into())
            .spawn(move || writer.run())
            .map_err(|e| OpenError::Unusable { path, cause: e.to_string() })?;
        let (leases_tx, leases) = mpsc::unbounded_channel();
        tokio::spawn(answer(committed, leases_tx, store.inner.hub.clone(), store.inner.tails.clone(), clock));
        Ok((store, LeaseStream { leases }))
    }
    /// A store whose writer nobody runs yet: the simulation does so by hand, turn by turn.
    #[doc(hidden)]
    pub fn assemble(
        config: StoreConfig,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> std::result::Result<(Store, Writer, mpsc::UnboundedReceiver<Committed>), OpenError> {
        let config = Arc::new(config);
        let shared = Shared::new(&config);
        let metrics = Arc::new(StoreMetrics::default());
        let core = Core::open(config.clone(), shared.clone(), metrics.clone(), clock.now())?;
        let revoked = tokens::revoked(core.connection())
            .map_err(|e| OpenError::Unusable { path: config.path.clone(), cause: e.to_string() })?;
        let profiles = profile::all(core.connection())
            .map_err(|e| OpenError::Unusable { path: config.path.clone(), cause: e.to_string() })?;
        let floors = floors::all(core.connection())
            .map_err(|e| OpenError::Unusable { path: config.path.clone(), cause: e.to_string() })?;
        let queue = Arc::new(Queue::new());
        let (committed_tx, committed) = mpsc::unbounded_channel();
        let (broken_tx, broken) = watch::channel(None);
        let writer = Writer::new(core, queue.clone(), &config, metrics.clone(), clock.clone(), committed_tx, broken_tx);
        let readers = Readers::new(config.path.clone());
        let inner = Inner {
            config,
            queue,
            readers,
            routes: shared.routes,
            sources: shared.sources,
            links: shared.links,
            forms: shared.forms,
            hub: shared.hub,
            tails: shared.tails,
            figures: shared.figures,
            organisations: RwLock::default(),
            revoked: RwLock::new(revoked),
            profiles: RwLock::new(profiles),
            floors: RwLock::new(floors),
            profile_turn: tokio::sync::Mutex::default(),
            key_uses: Mutex::default(),
            metrics,
            clock,
            rng,
            broken,
            visitor_salt: RwLock::default(),
        };
        Ok((Store { inner: Arc::new(inner) }, writer, committed))
    }
    pub fn codec(&self) -> &IdCodec {
        &self.inner.config.codec
    }
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }
    pub fn rng(&self) -> &Arc<dyn Rng> {
        &self.inner.rng
    }
    pub fn metrics(&self) -> &StoreMetrics {
        &self.inner.metrics
    }
    /// Whether the store can take writes now (writer alive, disk has room): for `/readyz`.
    pub async fn ready(&self) -> Result<()> {
        if let Some(why) = self.inner.broken.borrow().clone() {
            return Err(StoreError::Failed(why));
        }
        self.write(|_, _| Ok(())).await?;
        if self.inner.metrics.disk_full.load(Relaxed) {
            return Err(StoreError::Full { retry_after: Duration::from_secs(5) });
        }
        Ok(())
    }

    // ---- organisations and tokens ----

    /// The organisation that a token names; an unseen one is created. Cached: cheap on the hot path.
    pub async fn organisation(&self, text: &str) -> Result<OrgId> {
        if let Some(org) = self.inner.organisations.read().get(text) {
            return Ok(*org);
        }
        let owned = text.to_owned();
        let found = self.read(move |c| apps::find_organisation(c, &owned)).await?;
        let org = match found {
            Some(org) => org,
            None => {
                let owned = text.to_owned();
                self.write(move |core, _| apps::organisation(core.connection(), &owned)).await?
            }
        };
        let mut known = self.inner.organisations.write();
        if known.len() >= ORGANISATIONS_MAX {
            known.clear();
        }
        known.insert(text.into(), org);
        Ok(org)
    }
    /// Refuses a token from now on (its hash; forgotten after `expires_at`).
    pub async fn revoke_token(&self, hash: [u8; 32], expires_at: Option<Timestamp>) -> Result<()> {
        self.write(move |core, _| tokens::revoke(core.connection(), &hash, expires_at)).await?;
        self.inner.revoked.write().insert(hash);
        Ok(())
    }
    pub fn is_revoked(&self, hash: &[u8; 32]) -> bool {
        self.inner.revoked.read().contains(hash)
    }

    // ---- the hot path ----

    /// The application's routing snapshot, from memory when it is there.
    pub fn route_cached(&self, org: OrgId, app: &AppRef) -> Option<Arc<AppRoute>> {
        self.inner.routes.get(org, app)
    }
    /// The application's routing snapshot; `NotFound` when the organisation has no such application.
    pub async fn route(&self, org: OrgId, app: &AppRef) -> Result<Arc<AppRoute>> {
        if let Some(route) = self.route_cached(org, app) {
            return Ok(route);
        }
        let (app, now, generation) = (app.clone(), self.inner.clock.now(), self.inner.routes.generation());
        let route = self
            .read(move |c| {
                let found = apps::find(c, org, &app)?;
                endpoints::load_route(c, found.id, now)?.ok_or(StoreError::NotFound("application"))
            })
            .await?;
        let route = Arc::new(route);
        self.inner.routes.keep(&route, generation);
        Ok(route)
    }
    /// The organisation's application for operational webhooks, created if there is none.
    pub async fn operational_app(&self, org: OrgId) -> Result<AppId> {
        self.write(move |core, now| {
            let id = core.next_id(now);
            core.forget_operational();
            apps::operational(core.connection(), id, org, now)
        })
        .await
    }
    /// Stores a message and its deliveries; returns once they are on disk. Inner results: `Conflict` for a taken event id.
    pub async fn accept(&self, message: NewMessage) -> Result<Accepted> {
        let (to, answer) = oneshot::channel();
        self.inner.queue.push_bounded(message.payload.len(), Op::Accept(Box::new(message), to))?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }
    /// Like `accept`, for many; one answer each, in order.
    pub async fn accept_many(&self, messages: Vec<NewMessage>) -> Vec<Result<Accepted>> {
        let (to, answers) = oneshot::channel();
        let (n, bytes) = (messages.len(), messages.iter().map(|m| m.payload.len()).sum());
        let fail = |e: StoreError| (0..n).map(|_| Err(e.clone())).collect();
        match self.inner.queue.push_bounded(bytes, Op::AcceptMany(messages, to)) {
            Ok(()) => answers.await.unwrap_or_else(|_| fail(stopped())),
            Err(e) => fail(e),
        }
    }

    // ---- idempotency of other requests ----

    /// The kept answer (status, body) of an earlier request with this key.
    pub async fn kept_answer(&self, key: IdempotencyKey) -> Result<Option<(u16, bytes::Bytes)>> {
        let oldest = Seq::first_at(self.inner.clock.now().minus(self.inner.config.idempotency_retention));
        self.read(move |c| tokens::kept_answer(c, &key, oldest)).await
    }
    pub async fn keep_answer(&self, key: IdempotencyKey, status: u16, body: bytes::Bytes) -> Result<()> {
        self.write(move |core, now| {
            let id: MessageId = core.next_id(now);
            tokens::keep_answer(core.connection(), Seq(id.0), &key, status, &body)
        })
        .await
    }

    // ---- applications ----

    /// With `get_if_exists`, a taken uid returns that application and `false`; else it is a `Conflict`.
    pub async fn create_app(&self, org: OrgId, fields: AppFields, get_if_exists: bool) -> Result<(Application, bool)> {
        self.write(move |core, now| {
            let id = core.next_id(now);
            apps::create(core.connection(), id, org, &fields, get_if_exists, now)
        })
        .await
    }
    pub async fn app(&self, org: OrgId, app: &AppRef) -> Result<Application> {
        let app = app.clone();
        self.read(move |c| apps::find(c, org, &app)).await
    }
    pub async fn apps(&self, org: OrgId, page: PageQuery<AppId>) -> Result<Page<Application, AppId>> {
        self.read(move |c| apps::list(c, org, &page)).await
    }
    /// Replaces all fields, or creates when a uid names none (`true`).
    pub async fn put_app(&self, org: OrgId, app: &AppRef, fields: AppFields) -> Result<(Application, bool)> {
        let app = app.clone();
        self.write(move |core, now| {
            let id = core.next_id(now);
            let (put, created) = apps::put(core.connection(), id, org, &app, fields, now)?;
            core.touch_app(put.id);
            Ok((put, created))
        })
        .await
    }
    pub async fn patch_app(&self, org: OrgId, app: &AppRef, patch: AppPatch) -> Result<Application> {
        let app = app.clone();
        self.write(move |core, now| {
            let patched = apps::patch(core.connection(), org, &app, patch, now)?;
            core.touch_app(patched.id);
            Ok(patched)
        })
        .await
    }
    /// Gone at once; its rows are deleted in the background.
    pub async fn delete_app(&self, org: OrgId, app: &AppRef) -> Result<()> {
        let app = app.clone();
        self.write(move |core, _| {
            let gone = apps::delete(core.connection(), org, &app)?;
            core.forget_own_of(gone.id)?;
            floors::forget(core.connection(), gone.id)?;
            core.touch_app(gone.id);
            core.sweep_now();
            Ok(())
        })
        .await
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
        self.write(move |core, now| {
            let id: EndpointId = core.next_id(now);
            let (secret, headers) = (secret(id), headers.map(|seal| seal(id)).unwrap_or_default());
            let made = endpoints::create(core.connection(), id, app, &fields, &secret, &headers, now)?;
            core.touch_app(app);
            core.announce_endpoint(&made, "endpoint.created", now)?;
            Ok(made)
        })
        .await
    }
    pub async fn endpoint(&self, app: AppId, endpoint: &EndpointRef) -> Result<Endpoint> {
        let endpoint = endpoint.clone();
        self.read(move |c| endpoints::find(c, app, &endpoint)).await
    }
    pub async fn endpoints(&self, app: AppId, page: PageQuery<EndpointId>) -> Result<Page<Endpoint, EndpointId>> {
        self.read(move |c| endpoints::list(c, app, &page)).await
    }
    /// Replaces all fields, or creates when a uid names none (`true`; then `secret` and `headers` seal its first ones).
    pub async fn put_endpoint(
        &self,
        app: AppId,
        endpoint: &EndpointRef,
        fields: EndpointFields,
        secret: Sealer,
        headers: Option<Sealer>,
    ) -> Result<(Endpoint, bool)> {
        let endpoint = endpoint.clone();
        self.write(move |core, now| match endpoints::find(core.connection(), app, &endpoint) {
            Ok(old) => Ok((core.write_endpoint(&old, &fields, now)?, false)),
            Err(StoreError::NotFound(what)) => {
                let Ref::Uid(uid) = &endpoint else { return Err(StoreError::NotFound(what)) };
                let id: EndpointId = core.next_id(now);
                let fields = EndpointFields { uid: fields.uid.or_else(|| Some(uid.clone())), ..fields };
                let headers = headers.map(|seal| seal(id)).unwrap_or_default();
                let made = endpoints::create(core.connection(), id, app, &fields, &secret(id), &headers, now)?;
                core.touch_app(app);
                core.announce_endpoint(&made, "endpoint.created", now)?;
                Ok((made, true))
            }
            Err(e) => Err(e),
        })
        .await
    }
    pub async fn patch_endpoint(&self, app: AppId, endpoint: &EndpointRef, patch: EndpointPatch) -> Result<Endpoint> {
        let endpoint = endpoint.clone();
        self.write(move |core, now| {
            let old = endpoints::find(core.connection(), app, &endpoint)?;
            let fields = endpoints::patched(&old, patch);
            core.write_endpoint(&old, &fields, now)
        })
        .await
    }
    pub async fn delete_endpoint(&self, app: AppId, endpoint: &EndpointRef) -> Result<()> {
        let endpoint = endpoint.clone();
        self.write(move |core, now| core.delete_endpoint(app, &endpoint, now)).await
    }
    /// The sealed custom headers; empty when there are none.
    pub async fn endpoint_headers(&self, app: AppId, endpoint: &EndpointRef) -> Result<(EndpointId, Vec<u8>)> {
        let endpoint = endpoint.clone();
        self.read(move |c| endpoints::headers(c, app, &endpoint)).await
    }
    /// `sealed` empty clears them. `expected` is what `endpoint_headers` returned: `Conflict` if it changed since.
    pub async fn set_endpoint_headers(
        &self,
        app: AppId,
        endpoint: EndpointId,
        expected: Vec<u8>,
        sealed: Vec<u8>,
    ) -> Result<()> {
        self.write(move |core, now| {
            endpoints::set_headers(core.connection(), app, endpoint, &expected, &sealed, now)?;
            core.touch_app(app);
            Ok(())
        })
        .await
    }
    /// Live secrets, current first; expired ones are left out.
    pub async fn endpoint_secrets(
        &self,
        app: AppId,
        endpoint: &EndpointRef,
    ) -> Result<(EndpointId, Vec<StoredSecret>)> {
        let (endpoint, now) = (endpoint.clone(), self.inner.clock.now());
        self.read(move |c| endpoints::secrets(c, app, &endpoint, now)).await
    }
    /// Makes `sealed` current; the old one signs too until `old_expires_at`. At most 10 old ones are kept.
    pub async fn rotate_secret(
        &self,
        app: AppId,
        endpoint: EndpointId,
        sealed: Vec<u8>,
        old_expires_at: Timestamp,
    ) -> Result<()> {
        self.write(move |core, now| {
            endpoints::rotate(core.connection(), app, endpoint, &sealed, old_expires_at, now)?;
            core.touch_app(app);
            Ok(())
        })
        .await
    }
    pub async fn endpoint_stats(
        &self,
        app: AppId,
        endpoint: &EndpointRef,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<EndpointStats> {
        let (endpoint, since) = (endpoint.clone(), since.unwrap_or(Timestamp(0)));
        let until = until.unwrap_or(Timestamp::MAX);
        self.read(move |c| status::endpoint_stats(c, app, &endpoint, since, until)).await
    }
    /// The routing snapshot of one endpoint.
    pub async fn endpoint_route(&self, app: AppId, endpoint: EndpointId) -> Result<Arc<EndpointRoute>> {
        let (now, generation) = (self.inner.clock.now(), self.inner.routes.generation());
        if let Some(found) = self.inner.routes.endpoint(app, endpoint) {
            return Ok(found);
        }
        let route = self.read(move |c| endpoints::load_route(c, app, now)).await?;
        let route = Arc::new(route.ok_or(StoreError::NotFound("application"))?);
        self.inner.routes.keep(&route, generation);
        let found = route.endpoints.iter().find(|e| e.endpoint == endpoint).cloned();
        found.ok_or(StoreError::NotFound("endpoint"))
    }

    // ---- event types ----

    /// A taken name is a `Conflict`, unless it is archived: then it is revived with these fields.
    pub async fn create_event_type(&self, org: OrgId, name: &str, fields: EventTypeFields) -> Result<EventType> {
        let name = name.to_owned();
        self.write(move |core, now| event_types::create(core.connection(), org, &name, &fields, now)).await
    }
    pub async fn event_type(&self, org: OrgId, name: &str) -> Result<EventType> {
        let name = name.to_owned();
        self.read(move |c| event_types::find(c, org, &name)).await
    }
    /// By name; the cursor is a name.
    pub async fn event_types(
        &self,
        org: OrgId,
        page: PageQuery<String>,
        include_archived: bool,
    ) -> Result<Page<EventType, String>> {
        self.read(move |c| event_types::list(c, org, &page, include_archived)).await
    }
    pub async fn put_event_type(&self, org: OrgId, name: &str, fields: EventTypeFields) -> Result<(EventType, bool)> {
        let name = name.to_owned();
        self.write(move |core, now| event_types::put(core.connection(), org, &name, &fields, now)).await
    }
    pub async fn patch_event_type(&self, org: OrgId, name: &str, patch: EventTypePatch) -> Result<EventType> {
        let name = name.to_owned();
        self.write(move |core, now| event_types::patch(core.connection(), org, &name, patch, now)).await
    }
    /// Archives, or deletes when `expunge`.
    pub async fn delete_event_type(&self, org: OrgId, name: &str, expunge: bool) -> Result<()> {
        let name = name.to_owned();
        self.write(move |core, now| event_types::delete(core.connection(), org, &name, expunge, now)).await
    }
    /// The first of `names` that the organisation doesn't have, if any.
    pub async fn missing_event_type(&self, org: OrgId, names: &[String]) -> Result<Option<String>> {
        let names = names.to_vec();
        self.read(move |c| event_types::first_missing(c, org, &names)).await
    }

    // ---- messages and attempts ----

    pub async fn message(&self, app: AppId, message: &MessageRef, with_content: bool) -> Result<Message> {
        let message = message.clone();
        self.read(move |c| messages::find(c, app, &message, with_content)).await
    }
    /// Newest first.
    pub async fn messages(
        &self,
        app: AppId,
        page: PageQuery<MessageId>,
        filter: MessageFilter,
    ) -> Result<Page<Message, MessageId>> {
        self.read(move |c| messages::list(c, app, &page, &filter)).await
    }
    pub async fn delete_message_content(&self, app: AppId, message: &MessageRef) -> Result<()> {
        let message = message.clone();
        self.write(move |core, _| messages::delete_content(core.connection(), app, &message)).await
    }
    /// Newest first.
    pub async fn attempts_by_endpoint(
        &self,
        app: AppId,
        endpoint: &EndpointRef,
        page: PageQuery<AttemptId>,
        filter: AttemptFilter,
    ) -> Result<Page<Attempt, AttemptId>> {
        let endpoint = endpoint.clone();
        self.read(move |c| attempts::by_endpoint(c, app, &endpoint, &page, &filter)).await
    }
    /// Newest first.
    pub async fn attempts_by_message(
        &self,
        app: AppId,
        message: &MessageRef,
        page: PageQuery<AttemptId>,
        filter: AttemptFilter,
    ) -> Result<Page<Attempt, AttemptId>> {
        let message = message.clone();
        self.read(move |c| attempts::by_message(c, app, &message, &page, &filter)).await
    }
    pub async fn attempt(&self, app: AppId, message: &MessageRef, attempt: AttemptId) -> Result<Attempt> {
        let message = message.clone();
        self.read(move |c| attempts::find(c, app, &message, attempt)).await
    }
    pub async fn delete_attempt_content(&self, app: AppId, message: &MessageRef, attempt: AttemptId) -> Result<()> {
        let message = message.clone();
        self.write(move |core, _| attempts::delete_content(core.connection(), app, &message, attempt)).await
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
        let endpoint = endpoint.clone();
        self.read(move |c| status::attempted_messages(c, app, &endpoint, &page, &filter, status)).await
    }
    /// Endpoints that a message went to, in order of creation.
    pub async fn destinations(
        &self,
        app: AppId,
        message: &MessageRef,
        page: PageQuery<EndpointId>,
    ) -> Result<Page<Destination, EndpointId>> {
        let message = message.clone();
        self.read(move |c| status::destinations(c, app, &message, &page)).await
    }
    /// Creates a manual delivery: one attempt at once. `Conflict` when the payload is gone, or the endpoint is disabled
    /// or paused and `force` is not set.
    pub async fn resend(&self, app: AppId, message: &MessageRef, endpoint: &EndpointRef, force: bool) -> Result<()> {
        let (message, endpoint) = (message.clone(), endpoint.clone());
        self.write(move |core, now| {
            let target = endpoints::find(core.connection(), app, &endpoint)?;
            if target.disabled && !force {
                return Err(StoreError::Conflict(
                    "the endpoint is disabled: enable it first, or resend with force=true",
                ));
            }
            if target.paused_at.is_some() && !force {
                return Err(StoreError::Conflict("the endpoint is paused: resume it first, or resend with force=true"));
            }
            core.resend(app, &message, target.id, Cause::Resend, now)
        })
        .await
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
        let which = if kind == TaskKind::ReplayMissing { Which::Missing } else { Which::Failed };
        let filter = ReplayFilter { which, since, until, ..ReplayFilter::default() };
        let (endpoint, new) = (endpoint.clone(), NewTask { kind, filter, estimate: None, speed_per_s: None });
        self.write(move |core, now| core.start_task(app, &endpoint, &new, now)).await
    }
    pub async fn task(&self, org: OrgId, task: TaskId) -> Result<Task> {
        self.read(move |c| tasks::find(c, org, task)).await
    }
    /// Newest first.
    pub async fn tasks(&self, org: OrgId, page: PageQuery<TaskId>) -> Result<Page<Task, TaskId>> {
        let page = PageQuery { order: Order::Descending, ..page };
        self.read(move |c| tasks::list(c, org, &page)).await
    }

    // ---- the engine's side ----

    /// Records what became of leases. Never blocks; a full disk keeps it queued until there is room.
    pub fn settle(&self, settlement: Settlement) {
        self.inner.queue.push(Op::Settle(settlement));
    }
    /// Changes whenever any configuration does: compare it before using a kept `EndpointRoute`.
    pub fn config_generation(&self) -> u64 {
        self.inner.routes.generation()
    }
    /// The endpoint's present routing snapshot; `None` when it or its application was deleted.
    pub fn current_endpoint(&self, endpoint: &EndpointRoute) -> Option<Arc<EndpointRoute>> {
        let routes = &self.inner.routes;
        if routes.app(endpoint.app).is_none() {
            let (now, generation) = (self.inner.clock.now(), routes.generation());
            let loaded = self.inner.readers.read_now(|c| endpoints::load_route(c, endpoint.app, now)).ok()??;
            routes.keep(&Arc::new(loaded), generation);
        }
        routes.endpoint(endpoint.app, endpoint.endpoint)
    }
    /// Ends the writer once everything queued is on disk.
    pub async fn close(&self) {
        let (to, closed) = oneshot::channel();
        self.inner.queue.push(Op::Close(to));
        let _ = closed.await;
    }
    /// Returns when the disk has failed to sync, with what to tell the operator: the process must end.
    pub async fn broken(&self) -> String {
        let mut watch = self.inner.broken.clone();
        match watch.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Runs `f` on the writing connection, whatever it does.
    #[cfg(test)]
    pub(crate) async fn on_writer(&self, f: impl FnOnce(&rusqlite::Connection) + Send + 'static) {
        self.write(move |core, _| {
            f(core.connection());
            Ok(())
        })
        .await
        .unwrap();
    }

    pub(crate) fn config(&self) -> &StoreConfig {
        &self.inner.config
    }
    /// What waits for the writer.
    pub(crate) fn queue(&self) -> &Queue {
        &self.inner.queue
    }

    /// Runs `f` on a reading connection.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&rusqlite::Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.inner.readers.read(f).await
    }

    /// Runs `f` in the writer's next transaction; its error undoes its own writes only.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Core, Timestamp) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (to, answer) = oneshot::channel();
        self.inner.queue.push(Op::Exec(Box::new(move |core, now| {
            let result = f(core, now);
            let keep = result.is_ok();
            let reply = move |undone: Option<StoreError>| {
                let _ = to.send(undone.map_or(result, Err));
            };
            (keep, Box::new(reply))
        })));
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }
}

/// Answers each transaction's callers from inside the runtime: one wake-up for all of them.
async fn answer(
    mut committed: mpsc::UnboundedReceiver<Committed>,
    leases: mpsc::UnboundedSender<Vec<Lease>>,
    hub: Arc<Hub>,
    tails: Arc<TailHub>,
    clock: Arc<dyn Clock>,
) {
    while let Some(mut done) = committed.recv().await {
        let batch = std::mem::take(&mut done.leases);
        if !batch.is_empty() {
            // Nobody receives while no engine runs: the leases stay this process's until it ends.
            let _ = leases.send(batch);
        }
        hub.wake(&done.touched);
        if let Some(notes) = done.noted.take() {
            tails.publish(notes, clock.monotonic_us());
        }
        done.reply();
    }
}

pub(crate) fn stopped() -> StoreError {
    StoreError::Busy { retry_after: Duration::from_secs(5) }
}

impl LeaseStream {
    /// The next batch of leases; `None` once the store is closed.
    pub async fn next(&mut self) -> Option<Vec<Lease>> {
        self.leases.recv().await
    }
}
