//! The write core: one connection, the lanes, and the transaction that is open.
//!
//! Driven by the writer thread, and step by step by the simulation. **Invariant:** memory follows the database: what a
//! transaction does to lanes, keys and routes counts only once it has committed, and is undone when it has not.

use super::deliveries::{self, Found};
use super::first_seen::Values;
use super::receive::Stored;
use super::{endpoints, messages, tokens};
use crate::config::{StoreConfig, StoreMetrics};
use crate::error::{OpenError, StoreError};
use crate::event_keys::EventKeys;
use crate::figures::batch::End;
use crate::figures::collect::{Collector, Memory};
use crate::form_routes::FormRoutes;
use crate::idempotency::KeyWindow;
use crate::inbound::Topic;
use crate::lanes::Lanes;
use crate::link_routes::LinkRoutes;
use crate::novelty::Novelty;
use crate::operations::ReportState;
use crate::routes::Routes;
use crate::source_routes::SourceRoutes;
use crate::sqlite::rows;
use crate::tail::{Note, TailHub, TailPace};
use crate::types::{Accepted, Lease, NewMessage, bytes_of};
use crate::watch::{Hub, Touched};
use domain::{
    AppId, AppRoute, AttemptId, Cause, DeliveryKey, EndpointId, EndpointRoute, MessageId, OrgId, RequestHead, Seq,
    SeqGen, SourceId, TaskId, Timestamp, TypedId,
};
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

type Result<T> = std::result::Result<T, StoreError>;

/// SDK-made keys younger than this are remembered over a restart.
const KEYS_REBUILT_AGE: Duration = Duration::from_secs(300);
/// ... as far as so many messages reach back; a restart reads them.
const KEYS_REBUILT_MAX: usize = 65_536;

/// The longest that an engine holds a lane.
const HOLD_MAX: Duration = Duration::from_secs(60);

/// Organisations whose application for operational webhooks is remembered at most; beyond it, anew.
const OPERATIONAL_MAX: usize = 100_000;

/// What the writer shares with the readers, and those who watch.
#[derive(Clone, Default)]
pub struct Shared {
    pub routes: Arc<Routes>,
    pub(crate) sources: Arc<SourceRoutes>,
    pub(crate) links: Arc<LinkRoutes>,
    pub(crate) forms: Arc<FormRoutes>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) tails: Arc<TailHub>,
    pub(crate) figures: Arc<Memory>,
}

impl Shared {
    pub(crate) fn new(config: &StoreConfig) -> Self {
        Shared { links: Arc::new(LinkRoutes::new(config.link_cache)), ..Shared::default() }
    }
}

/// Everything that writes.
pub struct Core {
    pub(super) conn: Connection,
    pub(super) config: Arc<StoreConfig>,
    pub(crate) routes: Arc<Routes>,
    pub(super) sources: Arc<SourceRoutes>,
    pub(super) links: Arc<LinkRoutes>,
    pub(super) forms: Arc<FormRoutes>,
    hub: Arc<Hub>,
    pub(super) tails: Arc<TailHub>,
    pub(super) tail_pace: TailPace,
    /// What the last commit noted.
    noted: Option<Vec<Note>>,
    pub(super) metrics: Arc<StoreMetrics>,
    pub(super) lanes: Lanes,
    pub(super) epoch: i64,
    pub(super) tx: Tx,
    pub(super) orphans_left: bool,
    pub(super) retention: super::retention::Sweep,
    /// When a running task may go on; `None` when none runs.
    pub(super) tasks_at: Option<Timestamp>,
    /// The task that went on last.
    pub(super) task_turn: TaskId,
    touched: Touched,
    broken: bool,
    /// A bulk of rows is being written until then, about; and whether the log knows.
    pub(super) bulk_until: Timestamp,
    is_bulk: bool,
    seqs: SeqGen,
    keys: KeyWindow,
    operational: HashMap<OrgId, Option<AppId>>,
    pub(super) event_keys: EventKeys,
    /// Sources known to exist.
    pub(super) stored_of: HashMap<SourceId, Stored>,
    /// Those whose last span this transaction noted.
    pub(super) tx_spans: Vec<SourceId>,
    pub(super) novelty: Novelty,
    pub(crate) figures: Collector,
}

/// What the open transaction will mean for memory.
#[derive(Default)]
pub(super) struct Tx {
    leases: Vec<Lease>,
    keys: Vec<[u8; 16]>,
    pub gives: Vec<(EndpointId, usize)>,
    pub dues: Vec<(EndpointId, Timestamp)>,
    pub claimed: Vec<EndpointId>,
    /// Endpoints that were reaped.
    pub removed: Vec<EndpointId>,
    pub lane_deltas: HashMap<EndpointId, (i64, i64)>,
    pub lane_updates: Vec<(EndpointId, crate::types::LaneUpdate)>,
    pub failing: Vec<(EndpointId, Option<Timestamp>)>,
    /// (endpoint, hour) -> success, fail, canceled
    pub stats: HashMap<(EndpointId, i64), (u32, u32, u32)>,
    /// task -> delivered, failed, canceled
    pub task_counts: BTreeMap<TaskId, (u32, u32, u32)>,
    /// Events of links and forms, to be added to the figures.
    pub counted: Vec<super::own_events::Counted>,
    dirty_apps: Vec<AppId>,
    dirty_sources: Vec<SourceId>,
    pub own: super::links::OwnChanges,
    touched: Touched,
    /// Rows for those who watch; `None` when nobody does.
    pub tail: Option<Vec<Note>>,
    pub counts: Counts,
}

/// What the counters will grow by.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub accepted: u64,
    pub repeated: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub lost: u64,
}

/// A message that was just written, on its way to whoever subscribed.
pub(super) struct Outgoing<'a, S> {
    pub message: MessageId,
    pub event_type: &'a str,
    pub channels: &'a [S],
    pub payload: &'a bytes::Bytes,
    /// Goes with the payload when it is delivered as it came.
    pub passage: Option<&'a Arc<RequestHead>>,
    pub deliver_at: Option<Timestamp>,
}

/// How far a transaction had come.
struct Mark {
    leases: usize,
    dues: usize,
    lane_deltas: HashMap<EndpointId, (i64, i64)>,
    counted: usize,
    noted: usize,
    counts: Counts,
}

impl Tx {
    fn mark(&self) -> Mark {
        let (lane_deltas, counts) = (self.lane_deltas.clone(), self.counts);
        let (leases, dues, counted) = (self.leases.len(), self.dues.len(), self.counted.len());
        let noted = self.tail.as_ref().map_or(0, Vec::len);
        Mark { leases, dues, lane_deltas, counted, noted, counts }
    }
    /// Returns the leases that are no more. Applications that became dirty stay so: they are only read again.
    fn back_to(&mut self, mark: Mark) -> Vec<Lease> {
        self.dues.truncate(mark.dues);
        self.lane_deltas = mark.lane_deltas;
        self.counted.truncate(mark.counted);
        if let Some(notes) = &mut self.tail {
            notes.truncate(mark.noted);
        }
        self.counts = mark.counts;
        self.leases.split_off(mark.leases)
    }
}

impl Core {
    /// Opens the database and takes over what an earlier process left.
    pub fn open(
        config: Arc<StoreConfig>,
        memory: Shared,
        metrics: Arc<StoreMetrics>,
        now: Timestamp,
    ) -> std::result::Result<Core, OpenError> {
        let conn = super::open_writer(&config.path, config.vfs.as_deref())?;
        let path = config.path.clone();
        let unusable = move |e: StoreError| OpenError::Unusable { path: path.clone(), cause: e.to_string() };
        let epoch = tokens::next_epoch(&conn).map_err(&unusable)?;
        let last = tokens::last_seq(&conn).map_err(&unusable)?;
        super::imports::stop_all(&conn).map_err(&unusable)?;
        let figures = super::roll_ups::open(&conn, memory.figures, last, now).map_err(&unusable)?;
        let mut core = Core {
            lanes: Lanes::new(config.lane_capacity, config.memory_in_flight),
            keys: KeyWindow::new(config.idempotency_window),
            retention: super::retention::Sweep::default(),
            seqs: SeqGen::new(last, 0),
            tx: Tx::default(),
            orphans_left: true,
            tasks_at: Some(Timestamp(0)),
            task_turn: TaskId(0),
            touched: Touched::default(),
            broken: false,
            bulk_until: Timestamp(0),
            is_bulk: false,
            operational: HashMap::new(),
            event_keys: EventKeys::new(config.dedup_window_keys),
            novelty: Novelty::new(config.visitors_remembered),
            figures,
            stored_of: HashMap::new(),
            tx_spans: Vec::new(),
            epoch,
            conn,
            config,
            routes: memory.routes,
            sources: memory.sources,
            links: memory.links,
            forms: memory.forms,
            hub: memory.hub,
            tails: memory.tails,
            tail_pace: TailPace::default(),
            noted: None,
            metrics,
        };
        core.rebuild_lanes()
            .and_then(|()| core.rebuild_keys(now))
            .and_then(|()| core.rebuild_event_keys())
            .and_then(|()| core.rebuild_visitors(now))
            .map_err(&unusable)?;
        Ok(core)
    }

    fn rebuild_lanes(&mut self) -> Result<()> {
        let found: Vec<(EndpointId, i64, i64)> = {
            let mut s = self.conn.prepare("SELECT endpoint, waiting, dead FROM lane WHERE waiting > 0 OR dead > 0")?;
            rows::all(&mut s, &[], |r| Ok((EndpointId(r.get(0)?), r.get(1)?, r.get(2)?)))?
        };
        for (endpoint, waiting, dead) in found {
            self.load_lane(endpoint)?;
            self.lanes.count(endpoint, waiting, dead);
            if let Some(due) = deliveries::next_due(&self.conn, endpoint)? {
                self.lanes.note_due(endpoint, due);
            }
        }
        Ok(())
    }

    fn rebuild_keys(&mut self, now: Timestamp) -> Result<()> {
        let oldest = Seq::first_at(now.minus(KEYS_REBUILT_AGE)).0;
        let limit = self.config.idempotency_window.min(KEYS_REBUILT_MAX) as i64;
        let found: Vec<(MessageId, Option<[u8; 16]>)> = {
            let mut s = self.conn.prepare("SELECT id, key FROM message WHERE id > ? ORDER BY id DESC LIMIT ?")?;
            rows::all(&mut s, &[&oldest, &limit], |r| Ok((MessageId(r.get(0)?), r.get(1)?)))?
        };
        for (id, key) in found.into_iter().rev() {
            if let Some(hash) = key {
                self.keys.insert(&hash, id);
            }
        }
        Ok(())
    }

    /// `false` when the endpoint is no more: nothing may be kept for it.
    pub(super) fn load_lane(&mut self, endpoint: EndpointId) -> Result<bool> {
        if let Some(lane) = self.lanes.get_mut(endpoint) {
            return Ok(!lane.is_gone());
        }
        let Some(health) = endpoints::health(&self.conn, endpoint)? else { return Ok(false) };
        self.lanes.add(endpoint, health.app, health.enabled, health.failing_since);
        self.lanes.set_paused(endpoint, health.paused, Timestamp(0));
        Ok(true)
    }

    // ---- the transaction ----

    pub fn begin(&mut self) -> Result<()> {
        let is_watched = self.tails.is_watched();
        if !is_watched {
            self.tail_pace.forget();
        }
        self.tx = Tx { touched: self.hub.note(), tail: is_watched.then(Vec::new), ..Tx::default() };
        self.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(())
    }

    /// Everything since `begin` is on disk when this returns `Ok`; nothing is when it returns an error.
    pub fn commit(&mut self, now: Timestamp) -> Result<Vec<Lease>> {
        if let Err(e) = self.write_summaries().and_then(|()| self.pace(now)).and_then(|()| self.sync()) {
            self.rollback(now);
            return Err(e);
        }
        let mut tx = std::mem::take(&mut self.tx);
        self.count(tx.counts);
        self.event_keys.commit();
        self.tx_spans.clear();
        self.novelty.commit();
        self.figures.commit(now);
        for (endpoint, (waiting, dead)) in tx.lane_deltas.drain() {
            self.lanes.count(endpoint, waiting, dead);
        }
        for (endpoint, since) in tx.failing {
            if let Some(lane) = self.lanes.get_mut(endpoint) {
                lane.failing_since = since;
            }
        }
        for (endpoint, update) in tx.lane_updates {
            // Reckoned by a clock that may have been set back since.
            let hold_until = update.hold_until.map(|t| t.min(now.plus(HOLD_MAX)));
            self.lanes.update(endpoint, update.capacity, hold_until);
        }
        for (endpoint, due) in tx.dues {
            self.lanes.note_due(endpoint, due);
        }
        for (endpoint, bytes) in tx.gives {
            self.lanes.give_back(endpoint, bytes, now);
        }
        for endpoint in tx.removed {
            self.lanes.remove(endpoint);
        }
        self.refresh_routes(&tx.dirty_apps, now);
        self.refresh_sources(&tx.dirty_sources, now);
        self.refresh_own(tx.own);
        self.touched = tx.touched;
        self.noted = tx.tail;
        Ok(tx.leases)
    }

    fn count(&self, c: Counts) {
        let m = &self.metrics;
        for (counter, n) in [
            (&m.messages_accepted, c.accepted),
            (&m.messages_repeated, c.repeated),
            (&m.attempts_succeeded, c.succeeded),
            (&m.attempts_failed, c.failed),
            (&m.leases_lost, c.lost),
        ] {
            counter.fetch_add(n, Relaxed);
        }
    }

    /// Checkpoints less often during a bulk.
    fn pace(&mut self, now: Timestamp) -> Result<()> {
        let bulk = now < self.bulk_until;
        if bulk != self.is_bulk {
            super::checkpoint_less(&self.conn, bulk)?;
            self.is_bulk = bulk;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        match self.conn.prepare_cached("COMMIT")?.execute([]) {
            Ok(_) => Ok(()),
            Err(e) => {
                // After a failed sync the page cache lies: only a restart reads what is really on disk.
                let code = e.sqlite_error().map(|e| e.extended_code);
                self.broken =
                    matches!(code, Some(rusqlite::ffi::SQLITE_IOERR_FSYNC | rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC));
                Err(e.into())
            }
        }
    }

    /// Whether the disk failed to sync: nothing more may be written by this process.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Ends it. The log is folded into the database file, unless the disk is broken.
    pub fn close(self) {
        if !self.broken {
            let folded = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            if let Err(e) = folded {
                tracing::warn!(error = %e, "the log was not folded into the database; the next start will do it");
            }
        }
    }

    /// Undoes the open transaction, in memory too.
    pub fn rollback(&mut self, now: Timestamp) {
        if !self.conn.is_autocommit()
            && let Err(e) = self.conn.execute_batch("ROLLBACK")
        {
            tracing::warn!(error = %e, "rollback failed");
        }
        let tx = std::mem::take(&mut self.tx);
        for hash in &tx.keys {
            self.keys.remove(hash);
        }
        self.event_keys.rollback();
        self.forget_spans();
        self.novelty.rollback();
        self.figures.rollback(now);
        for lease in &tx.leases {
            self.lanes.give_back(lease.key.endpoint, lease.bytes(), now);
        }
        for endpoint in tx.claimed {
            // When it is due isn't known any more: in a second it is read again. A turn, unlike a due time, is forgotten
            // when the clock is set back.
            self.lanes.set_next_due(endpoint, Some(Timestamp(0)), now.plus(Duration::from_secs(1)));
        }
        // A lane or route that was loaded meanwhile may have seen what is undone now.
        self.refresh_routes(&tx.dirty_apps, now);
        self.refresh_sources(&tx.dirty_sources, now);
        self.operational.clear();
        self.orphans_left = true;
        self.tasks_at = Some(Timestamp(0));
    }

    fn write_summaries(&mut self) -> Result<()> {
        for (endpoint, (waiting, dead)) in self.tx.lane_deltas.iter().filter(|(_, d)| **d != (0, 0)) {
            deliveries::add_to_lane(&self.conn, *endpoint, *waiting, *dead)?;
        }
        if !self.tx.stats.is_empty() {
            let mut s = self.conn.prepare_cached(
                "INSERT INTO stat_hour VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET
                    success = success + ?3, fail = fail + ?4, canceled = canceled + ?5",
            )?;
            for ((endpoint, hour), (success, fail, canceled)) in &self.tx.stats {
                s.execute(params![endpoint.0, hour, success, fail, canceled])?;
            }
        }
        self.write_task_counts()?;
        self.write_counts()
    }

    /// Runs `f` so that its writes, in memory too, are undone when it says `false`. An error undoes the transaction.
    pub(crate) fn savepoint(&mut self, now: Timestamp, f: impl FnOnce(&mut Core) -> bool) -> Result<()> {
        let (mark, keys, novelty) = (self.tx.mark(), self.event_keys.mark(), self.novelty.mark());
        let figures = self.figures.mark();
        self.conn.prepare_cached("SAVEPOINT verb")?.execute([])?;
        let keep = f(self);
        if self.conn.is_autocommit() {
            // SQLite has rolled everything back by itself, as it does when the disk is full.
            return Err(StoreError::Full { retry_after: Duration::from_secs(5) });
        }
        if !keep {
            self.conn.prepare_cached("ROLLBACK TO verb")?.execute([])?;
            self.event_keys.back_to(keys);
            self.forget_spans();
            self.novelty.back_to(&novelty);
            self.figures.back_to(figures);
            for lease in self.tx.back_to(mark) {
                self.lanes.give_back(lease.key.endpoint, lease.bytes(), now);
            }
        }
        self.conn.prepare_cached("RELEASE verb")?.execute([])?;
        Ok(())
    }

    /// What was noted of them may be undone: it is noted again.
    fn forget_spans(&mut self) {
        for source in std::mem::take(&mut self.tx_spans) {
            self.forget_span(source);
        }
    }

    pub fn connection(&self) -> &Connection {
        &self.conn
    }
    pub(crate) fn next_id<I: TypedId>(&mut self, now: Timestamp) -> I {
        I::from_seq(self.seqs.next(now))
    }
    pub(super) fn next_attempt_id(&mut self, now: Timestamp) -> AttemptId {
        self.next_id(now)
    }

    // ---- configuration ----

    /// The application's configuration changes with this transaction.
    pub(crate) fn touch_app(&mut self, app: AppId) {
        self.tx.dirty_apps.push(app);
    }

    fn refresh_routes(&mut self, apps: &[AppId], now: Timestamp) {
        for app in apps {
            let route = match endpoints::load_route(&self.conn, *app, now) {
                Ok(route) => route,
                Err(e) => {
                    tracing::error!(error = %e, "a routing snapshot can't be loaded; its next use will try again");
                    self.routes.replace(*app, None);
                    continue;
                }
            };
            let route = self.routes.replace(*app, route);
            let found = route.iter().flat_map(|r| &r.endpoints);
            let states: HashMap<EndpointId, (bool, bool)> =
                found.map(|e| (e.endpoint, (!e.disabled, e.paused_at.is_some()))).collect();
            for endpoint in self.lanes.of_app(*app) {
                let (enabled, paused) = states.get(&endpoint).copied().unwrap_or_default();
                self.lanes.set_enabled(endpoint, enabled, now);
                self.lanes.set_paused(endpoint, paused, now);
            }
        }
    }

    /// The source's configuration changes with this transaction.
    pub(crate) fn source_changed(&mut self, source: SourceId) {
        self.tx.dirty_sources.push(source);
    }

    fn refresh_sources(&mut self, sources: &[SourceId], now: Timestamp) {
        for source in sources {
            let loaded = super::sources::load_route(&self.conn, *source, now).unwrap_or_else(|e| {
                tracing::error!(error = %e, "a source can't be loaded; its next use will try again");
                None
            });
            self.sources.replace(*source, loaded);
        }
    }

    // ---- those who watch ----

    /// This transaction stores a request of the source.
    pub fn touched_source(&mut self, source: SourceId) {
        self.tx.touched.add(Topic::Source(source));
    }
    /// This transaction stores a message of the application.
    pub fn touched_app(&mut self, app: AppId) {
        self.tx.touched.add(Topic::App(app));
    }
    /// What the last commit touched.
    pub(crate) fn take_touched(&mut self) -> Touched {
        std::mem::take(&mut self.touched)
    }

    /// What the last commit noted; `None` when nobody watches.
    pub(crate) fn take_noted(&mut self) -> Option<Vec<Note>> {
        self.noted.take()
    }

    /// The routing snapshot, loaded if it isn't in memory.
    pub fn route(&self, app: AppId, now: Timestamp) -> Result<Option<Arc<AppRoute>>> {
        if let Some(route) = self.routes.app(app) {
            return Ok(Some(route));
        }
        let generation = self.routes.generation();
        let loaded = endpoints::load_route(&self.conn, app, now)?.map(Arc::new);
        if let Some(r) = &loaded
            && self.tx.dirty_apps.is_empty()
        {
            self.routes.keep(r, generation);
        }
        Ok(loaded)
    }

    pub(super) fn operational_app(&mut self, org: OrgId) -> Result<Option<AppId>> {
        if let Some(known) = self.operational.get(&org) {
            return Ok(*known);
        }
        let found = super::apps::find_operational(&self.conn, org)?;
        if self.operational.len() >= OPERATIONAL_MAX {
            self.operational.clear();
        }
        self.operational.insert(org, found);
        Ok(found)
    }
    pub(crate) fn forget_operational(&mut self) {
        self.operational.clear();
    }

    // ---- accept ----

    /// Writes a message with its key and its deliveries.
    pub fn accept(&mut self, m: &NewMessage, now: Timestamp) -> Result<Accepted> {
        if let Some(repeated) = self.repeated(m, now)? {
            self.tx.counts.repeated += 1;
            return Ok(Accepted::Repeated(repeated));
        }
        if let Some(event_id) = &m.event_id {
            let mut s = self.conn.prepare_cached("SELECT 1 FROM message WHERE app = ? AND event_id = ?")?;
            if s.exists(params![m.route.app.0, event_id])? {
                return Err(StoreError::Conflict("a message with this eventId already exists"));
            }
        }
        let id: MessageId = self.next_id(now);
        self.insert_message(id, m, now)?;
        if let Some(key) = &m.key {
            if key.automatic {
                self.keys.insert(&key.hash, id);
                self.tx.keys.push(key.hash);
            } else {
                let row = self.seqs.next(now);
                tokens::keep_message(&self.conn, row, key, id)?;
            }
        }
        match &m.only {
            Some((endpoint, cause)) => self.create_delivery(id, m, endpoint, *cause, now)?,
            None => {
                let message = Outgoing {
                    message: id,
                    event_type: &m.event_type,
                    channels: &m.channels,
                    payload: &m.payload,
                    passage: None,
                    deliver_at: m.deliver_at,
                };
                self.fan_out(&m.route, &message, now)?;
            }
        }
        self.touched_app(m.route.app);
        self.tail_accepted(&m.route, id, &m.event_type, now);
        self.tx.counts.accepted += 1;
        self.figures.accepted(m.route.org, m.route.app, &m.event_type, id.created_at());
        Ok(Accepted::New(id))
    }

    fn repeated(&self, m: &NewMessage, now: Timestamp) -> Result<Option<crate::types::Message>> {
        let Some(key) = &m.key else { return Ok(None) };
        if key.automatic {
            return match self.keys.get(&key.hash) {
                Some(id) => messages::find_by_key(&self.conn, id, &key.hash),
                None => Ok(None),
            };
        }
        let oldest = Seq::first_at(now.minus(self.config.idempotency_retention));
        match tokens::kept_message(&self.conn, key, oldest)? {
            Some(id) => match messages::find(&self.conn, m.route.app, &crate::types::Ref::Id(id), true) {
                Ok(found) => Ok(Some(found)),
                Err(StoreError::NotFound(_)) => Ok(None),
                Err(e) => Err(e),
            },
            None => Ok(None),
        }
    }

    fn insert_message(&self, id: MessageId, m: &NewMessage, now: Timestamp) -> Result<()> {
        const DAY: Duration = Duration::from_secs(86_400);
        let until = m.payload_retention_days.map(|d| now.plus(DAY * d).0);
        self.conn
            .prepare_cached("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)")?
            .execute(params![
                id.0,
                m.route.app.0,
                m.event_type,
                m.event_id,
                rows::list_text(&m.channels),
                rows::list_text(&m.tags),
                m.key.as_ref().filter(|k| k.automatic).map(|k| k.hash),
                m.deliver_at.map(|t| t.0),
                until,
                &m.payload[..],
            ])?;
        Ok(())
    }

    /// A delivery for each endpoint that the message goes to, and for which it is the first of its kind where that counts.
    pub(super) fn fan_out<S: AsRef<str>>(
        &mut self,
        route: &AppRoute,
        m: &Outgoing<'_, S>,
        now: Timestamp,
    ) -> Result<()> {
        let values = Values::of(route.matching(m.event_type, m.channels), m.payload);
        self.fan_out_firsts(route, m, &values, now)
    }

    /// The same, with the values that endpoints go by; without any, each message is a first one.
    pub(super) fn fan_out_firsts<S: AsRef<str>>(
        &mut self,
        route: &AppRoute,
        m: &Outgoing<'_, S>,
        values: &Values<'_>,
        now: Timestamp,
    ) -> Result<()> {
        for endpoint in route.matching(m.event_type, m.channels) {
            if !self.is_first(endpoint, values, now)? {
                continue;
            }
            let key = DeliveryKey { message: m.message, endpoint: endpoint.endpoint, ordinal: 0 };
            let found = Found { key, attempts: 0, cause: Cause::Subscribed };
            match m.deliver_at.filter(|t| *t > now) {
                Some(later) => self.defer(&found, later)?,
                None => self.lease_or_defer(&found, endpoint, (m.payload, m.passage), now)?,
            }
        }
        Ok(())
    }

    fn create_delivery(
        &mut self,
        message: MessageId,
        m: &NewMessage,
        endpoint: &Arc<EndpointRoute>,
        cause: Cause,
        now: Timestamp,
    ) -> Result<()> {
        let key = DeliveryKey { message, endpoint: endpoint.endpoint, ordinal: 0 };
        let found = Found { key, attempts: 0, cause };
        match m.deliver_at.filter(|t| *t > now) {
            Some(later) => self.defer(&found, later),
            None => self.lease_or_defer(&found, endpoint, (&m.payload, None), now),
        }
    }

    /// Leased to this process if the lane has room; else due now, on disk.
    pub(super) fn lease_or_defer(
        &mut self,
        d: &Found,
        endpoint: &Arc<EndpointRoute>,
        (payload, passage): (&bytes::Bytes, Option<&Arc<RequestHead>>),
        now: Timestamp,
    ) -> Result<()> {
        if !self.load_lane(d.key.endpoint)? {
            return Ok(());
        }
        let bytes = bytes_of(payload, passage.map(|p| &**p));
        let taken = match d.cause {
            Cause::Resend => self.lanes.try_resend(d.key.endpoint, bytes),
            _ => self.lanes.try_lease(d.key.endpoint, bytes, now),
        };
        if !taken {
            return self.defer(d, now);
        }
        self.tx.leases.push(Lease {
            key: d.key,
            attempts: d.attempts,
            cause: d.cause,
            endpoint: endpoint.clone(),
            payload: payload.clone(),
            passage: passage.cloned(),
        });
        deliveries::insert_lease(&self.conn, d, self.epoch)?;
        Ok(())
    }

    /// On disk, due at a time.
    pub(super) fn defer(&mut self, d: &Found, due: Timestamp) -> Result<()> {
        if !self.load_lane(d.key.endpoint)? {
            return Ok(());
        }
        deliveries::insert_due(&self.conn, d, due)?;
        self.tx.lane_deltas.entry(d.key.endpoint).or_default().0 += 1;
        self.tx.dues.push((d.key.endpoint, due));
        Ok(())
    }

    // ---- claim ----

    /// Leases due work of lanes that have room, at most `budget` deliveries.
    pub fn claim(&mut self, now: Timestamp, mut budget: u32) -> Result<()> {
        while budget > 0 {
            let Some((endpoint, room)) = self.lanes.pop_ready(now) else { return Ok(()) };
            self.tx.claimed.push(endpoint);
            let found = deliveries::due(&self.conn, endpoint, now, room.min(budget))?;
            for d in &found {
                budget -= 1;
                if !self.claim_one(d, now)? {
                    break;
                }
            }
            let next = deliveries::next_due(&self.conn, endpoint)?;
            self.lanes.set_next_due(endpoint, next, now);
        }
        Ok(())
    }

    /// `false` when memory has no room after all.
    fn claim_one(&mut self, d: &Found, now: Timestamp) -> Result<bool> {
        let endpoint = d.key.endpoint;
        let app = self.lanes.get_mut(endpoint).map(|l| l.app).unwrap_or_default();
        let Some((payload, request)) = messages::payload(&self.conn, d.key.message)? else {
            deliveries::bury(&self.conn, d.key, domain::DeadReason::ContentDeleted)?;
            let delta = self.tx.lane_deltas.entry(endpoint).or_default();
            (delta.0, delta.1) = (delta.0 - 1, delta.1 + 1);
            self.tx.stats.entry((endpoint, super::status::hour_of(now))).or_default().1 += 1;
            self.note_for_task(d.key, ReportState::Failed, None, now)?;
            self.note_settled(app, endpoint, None, End::Dead, now)?;
            return Ok(true);
        };
        let route = self.route(app, now)?;
        let route = route.and_then(|r| r.endpoints.iter().find(|e| e.endpoint == endpoint).cloned());
        let Some(route) = route else {
            self.lanes.set_enabled(endpoint, false, now);
            return Ok(false);
        };
        let passage = self.passage(request)?;
        if !self.lanes.try_claim(endpoint, bytes_of(&payload, passage.as_deref()), now) {
            return Ok(false);
        }
        self.tx.leases.push(Lease {
            key: d.key,
            attempts: d.attempts,
            cause: d.cause,
            endpoint: route,
            payload,
            passage,
        });
        deliveries::delete(&self.conn, d.key)?;
        deliveries::insert_lease(&self.conn, d, self.epoch)?;
        self.tx.lane_deltas.entry(endpoint).or_default().0 -= 1;
        Ok(true)
    }

    /// Gives the leases of earlier processes back: due now. At most `budget`.
    pub fn reclaim(&mut self, now: Timestamp, budget: u32) -> Result<()> {
        if !self.orphans_left {
            return Ok(());
        }
        let found = deliveries::orphans(&self.conn, self.epoch, budget)?;
        self.orphans_left = found.len() == budget as usize;
        for d in &found {
            deliveries::delete_orphan(&self.conn, d.key, self.epoch)?;
            // If it is on disk as well, that is where it is: a conflict here would undo every transaction to come.
            if !deliveries::exists(&self.conn, d.key)? {
                self.defer(d, now)?;
            }
        }
        Ok(())
    }

    /// When there is work that nobody will announce.
    pub fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        if self.orphans_left {
            return Some(now);
        }
        let retention = Some(self.retention.next_at());
        let wakes = [self.lanes.next_wake(), retention, self.next_task_at(now), self.figures.next_at()];
        wakes.into_iter().flatten().min()
    }

    /// Clicks that came to nothing.
    pub(crate) fn clicks_lost(&self, n: usize) {
        self.metrics.clicks_lost.fetch_add(n as u64, Relaxed);
    }

    /// Publishes the gauges.
    pub fn publish(&self) {
        let (waiting, dead) = self.lanes.totals();
        let (leased, bytes) = self.lanes.in_memory();
        let m = &self.metrics;
        m.deliveries_waiting.store(waiting, Relaxed);
        m.deliveries_dead.store(dead, Relaxed);
        m.deliveries_leased.store(leased as i64, Relaxed);
        m.in_flight_bytes.store(bytes as i64, Relaxed);
    }
}
