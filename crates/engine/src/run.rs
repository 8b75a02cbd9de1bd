//! The engine's tasks: leases in, attempts out, settlements back.
//!
//! One task takes leases in; each attempt runs in a worker that goes on with the next delivery until there is none.
//! **Invariant:** the dispatcher's lock is never held across an await.

use crate::dispatcher::{Configuration, Dispatcher, Job, Limits, Now, Step};
use domain::{AttemptReport, Cause, Clock, EndpointRoute, Outcome, RefusedRule, Rng};
use egress::{Courier, Outgoing, Target};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::Duration;
use store::{LeaseStream, Settlement, Store};
use tokio::sync::Notify;

/// Prepares an endpoint for sending: opens its secrets and judges its URL.
pub type Prepare = Box<dyn Fn(&EndpointRoute) -> Result<Target, RefusedRule> + Send + Sync>;

/// Between sweeps of idle connections.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Counters, read by `/metrics`.
#[derive(Debug, Default)]
pub struct EngineMetrics {
    /// Attempts by outcome: 2xx, other status, timed out, unreachable, refused.
    pub succeeded: AtomicU64,
    pub rejected: AtomicU64,
    pub timed_out: AtomicU64,
    pub unreachable: AtomicU64,
    pub refused: AtomicU64,
    /// Microseconds that attempts took, in all.
    pub attempt_us: AtomicU64,
    /// Attempts by duration: at most 1 ms, 5, 25, 100, 500, 2500, 10000 ms, more.
    pub durations: [AtomicU64; 8],
}

/// Upper bounds of [`EngineMetrics::durations`], in microseconds.
pub const DURATION_BOUNDS_US: [u64; 7] = [1_000, 5_000, 25_000, 100_000, 500_000, 2_500_000, 10_000_000];

impl EngineMetrics {
    fn count(&self, report: &AttemptReport) {
        let counter = match &report.outcome {
            o if o.is_success() => &self.succeeded,
            Outcome::Responded { .. } => &self.rejected,
            Outcome::TimedOut { .. } => &self.timed_out,
            Outcome::Unreachable { .. } => &self.unreachable,
            Outcome::Refused { .. } => &self.refused,
        };
        counter.fetch_add(1, Relaxed);
        self.attempt_us.fetch_add(report.duration_us, Relaxed);
        let bucket = DURATION_BOUNDS_US.iter().take_while(|b| report.duration_us > **b).count();
        if let Some(b) = self.durations.get(bucket) {
            b.fetch_add(1, Relaxed);
        }
    }
}

struct Shared {
    dispatcher: Mutex<Dispatcher<Target>>,
    store: Store,
    courier: Courier,
    prepare: Prepare,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    metrics: Arc<EngineMetrics>,
    /// A lane waits for a token earlier than the timer knows; or an attempt ended while stopping.
    changed: Notify,
    /// Attempts that ended and are being handed to the store.
    settling: AtomicU32,
}

/// A running engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Present<'a>(&'a Store);
impl Configuration for Present<'_> {
    fn generation(&self) -> u64 {
        self.0.config_generation()
    }
    fn current(&self, endpoint: &EndpointRoute) -> Option<Arc<EndpointRoute>> {
        self.0.current_endpoint(endpoint)
    }
}

impl Engine {
    /// Starts the engine's tasks on the present tokio runtime.
    pub fn start(store: Store, leases: LeaseStream, courier: Courier, prepare: Prepare, limits: Limits) -> Engine {
        let shared = Arc::new(Shared {
            dispatcher: Mutex::new(Dispatcher::new(limits)),
            clock: store.clock().clone(),
            rng: store.rng().clone(),
            store,
            courier,
            prepare,
            metrics: Arc::default(),
            changed: Notify::new(),
            settling: AtomicU32::new(0),
        });
        tokio::spawn(take_leases(shared.clone(), leases));
        tokio::spawn(keep_time(shared.clone()));
        Engine { shared }
    }

    pub fn metrics(&self) -> &Arc<EngineMetrics> {
        &self.shared.metrics
    }
    /// Attempts under way, and leases in memory that wait for their turn.
    pub fn load(&self) -> (u32, usize) {
        let d = self.shared.dispatcher.lock();
        (d.in_flight(), d.queued())
    }

    /// Starts nothing more, gives back what waits, and lets attempts under way end within `limit`. Returns how many
    /// had not: their leases are given back by the next start.
    pub async fn stop(&self, limit: Duration) -> u32 {
        let back = self.shared.dispatcher.lock().stop(self.shared.now());
        for s in back {
            self.shared.store.settle(s);
        }
        let drained = async {
            loop {
                let changed = self.shared.changed.notified();
                // An attempt moves from one to the other under the lock, so that it is in neither only when it is done.
                let in_flight = self.shared.dispatcher.lock().in_flight();
                if in_flight == 0 && self.shared.settling.load(Acquire) == 0 {
                    return;
                }
                changed.await;
            }
        };
        let _ = tokio::time::timeout(limit, drained).await;
        self.shared.dispatcher.lock().in_flight()
    }
}

impl Shared {
    fn now(&self) -> Now {
        Now { wall: self.clock.now(), monotonic_us: self.clock.monotonic_us() }
    }

    /// The next delivery to attempt; settles what needs none.
    fn next_job(&self, dispatcher: &mut Dispatcher<Target>, now: Now) -> Option<Job<Target>> {
        loop {
            match dispatcher.next(&Present(&self.store), now)? {
                Step::Attempt(job) => return Some(job),
                Step::Settle(s) => self.store.settle(s),
            }
        }
    }

    /// Starts a worker for each delivery that may go on.
    fn start_workers(self: &Arc<Self>) {
        let mut jobs = Vec::new();
        {
            let mut d = self.dispatcher.lock();
            let now = self.now();
            while let Some(job) = self.next_job(&mut d, now) {
                jobs.push(job);
            }
        }
        for job in jobs {
            tokio::spawn(work(self.clone(), job));
        }
    }

    async fn attempt(&self, job: &Job<Target>, id: &mut String) -> AttemptReport {
        let target = match &job.target {
            Some(target) => target.clone(),
            None => match (self.prepare)(&job.route) {
                Ok(target) => {
                    let target = Arc::new(target);
                    self.dispatcher.lock().prepared(&job.route, &target);
                    target
                }
                Err(rule) => return AttemptReport::unattempted(Outcome::Refused { rule }),
            },
        };
        id.clear();
        self.store.codec().write(job.lease.key.message, id);
        // Those that a task brings back are too many to look at.
        let is_watched = matches!(job.lease.cause, Cause::Resend | Cause::Example);
        let message = Outgoing { id, body: &job.lease.payload, passage: job.lease.passage.as_deref(), is_watched };
        self.courier.attempt(&target, message).await
    }

    fn log(&self, job: &Job<Target>, id: &str, report: &AttemptReport) {
        tracing::debug!(
            message = id,
            endpoint = job.route.endpoint.0,
            attempt = job.lease.attempts + 1,
            status = report.outcome.status(),
            outcome = ?report.outcome,
            duration_us = report.duration_us,
            "attempt"
        );
    }
}

/// Makes attempts, one after the other, as long as there is something to attempt.
async fn work(shared: Arc<Shared>, first: Job<Target>) {
    let mut next = Some(first);
    let mut id = String::with_capacity(40);
    while let Some(job) = next {
        let report = shared.attempt(&job, &mut id).await;
        shared.metrics.count(&report);
        shared.log(&job, &id, &report);
        let jitter = if report.outcome.is_success() { 0 } else { (shared.rng.next_u64() >> 32) as u32 };
        let settlements: Vec<Settlement>;
        {
            let mut d = shared.dispatcher.lock();
            let now = shared.now();
            shared.settling.fetch_add(1, Relaxed);
            settlements = d.finished(job, &report, now, jitter);
            next = shared.next_job(&mut d, now);
        }
        for s in settlements {
            shared.store.settle(s);
        }
        shared.settling.fetch_sub(1, Release);
        if next.is_none() {
            shared.changed.notify_waiters();
        }
    }
}

async fn take_leases(shared: Arc<Shared>, mut leases: LeaseStream) {
    while let Some(batch) = leases.next().await {
        let mut back = Vec::new();
        {
            let mut d = shared.dispatcher.lock();
            let (now, generation) = (shared.now(), shared.store.config_generation());
            for lease in batch {
                back.extend(d.add(lease, generation, now));
            }
        }
        for s in back {
            shared.store.settle(s);
        }
        shared.start_workers();
        shared.changed.notify_one();
    }
}

/// Wakes lanes whose token has come, and sweeps idle connections.
async fn keep_time(shared: Arc<Shared>) {
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    loop {
        // Registered before looking: a change in between is not missed.
        let changed = shared.changed.notified();
        let wake = shared.dispatcher.lock().next_wake_us();
        let wait = wake.map(|at| Duration::from_micros(at.saturating_sub(shared.clock.monotonic_us())));
        tokio::select! {
            _ = sweep.tick() => shared.courier.sweep(),
            () = changed => {}
            () = tokio::time::sleep(wait.unwrap_or(SWEEP_EVERY)), if wait.is_some() => shared.start_workers(),
        }
    }
}
