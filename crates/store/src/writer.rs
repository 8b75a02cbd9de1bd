//! The writer thread: group commit.
//!
//! It takes whatever was queued while the last transaction ran, writes it in one transaction, and answers everybody at
//! once. No timer: an idle store answers in one sync, a busy one amortises it. **Invariant:** an answer leaves after the
//! commit that it speaks of; a settlement is never dropped for want of disk.

use crate::config::{StoreConfig, StoreMetrics};
use crate::error::StoreError;
use crate::inbound::{NewRequest, Received};
use crate::links::{OwnEvent, Recorded};
use crate::sqlite::core::Core;
use crate::tail::Note;
use crate::types::{Accepted, Lease, NewMessage, Settlement};
use crate::watch::Touched;
use domain::{Clock, Timestamp};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

type Result<T> = std::result::Result<T, StoreError>;

/// Operations (each click is one) that one transaction takes, about.
const BATCH_MAX: usize = 1024;
/// Operations that a busy server's transaction carries, about.
const OPS_EXPECTED: usize = 128;
/// Operations and payload bytes that may wait; beyond them, messages and requests are refused with
/// `Busy`.
const QUEUE_MAX: usize = 32_768;
const QUEUE_BYTES_MAX: usize = 64 << 20;
/// Deliveries that a transaction claims or reclaims at most, so that it stays short.
const CLAIM_BUDGET: u32 = 256;
/// Rows that a transaction expires, or that a task moves, at most.
const SLICE: u32 = 200;
/// Between tries while the disk is full.
const FULL_PAUSE: Duration = Duration::from_millis(500);

/// Answers an `Exec` after its commit, or with the error that undid it.
pub type ExecReply = Box<dyn FnOnce(Option<StoreError>) + Send>;
/// A verb on configuration: its writes are undone when it says `false`.
pub type Exec = Box<dyn FnOnce(&mut Core, Timestamp) -> (bool, ExecReply) + Send>;

pub enum Op {
    Accept(Box<NewMessage>, oneshot::Sender<Result<Accepted>>),
    AcceptMany(Vec<NewMessage>, oneshot::Sender<Vec<Result<Accepted>>>),
    Receive(Box<NewRequest>, oneshot::Sender<Result<Received>>),
    Record(Box<OwnEvent>, oneshot::Sender<Result<Recorded>>),
    /// Nobody waits for these.
    Clicks(Vec<OwnEvent>),
    Settle(Settlement),
    Exec(Exec),
    Close(oneshot::Sender<()>),
}

/// The first of these, as many as one transaction takes.
fn next_batch(ops: &mut VecDeque<Op>) -> Vec<Op> {
    let mut weight = 0;
    let fits = |op: &Op| {
        let fits = weight < BATCH_MAX;
        weight += match op {
            Op::Clicks(events) => events.len(),
            _ => 1,
        };
        fits
    };
    let n = ops.iter().map(fits).take_while(|fits| *fits).count();
    ops.drain(..n).collect()
}

enum Reply {
    Accept(oneshot::Sender<Result<Accepted>>, Result<Accepted>),
    Many(oneshot::Sender<Vec<Result<Accepted>>>, Vec<Result<Accepted>>),
    Receive(oneshot::Sender<Result<Received>>, Result<Received>),
    Record(oneshot::Sender<Result<Recorded>>, Result<Recorded>),
    Exec(ExecReply, Option<StoreError>),
}

impl Reply {
    /// The receiver may have gone (its client hung up); what it asked for is done all the same.
    fn send(self) {
        match self {
            Reply::Accept(to, result) => drop(to.send(result)),
            Reply::Many(to, results) => drop(to.send(results)),
            Reply::Receive(to, result) => drop(to.send(result)),
            Reply::Record(to, result) => drop(to.send(result)),
            Reply::Exec(reply, error) => reply(error),
        }
    }
}

/// What a transaction brought.
#[derive(Default)]
pub struct Committed {
    replies: Vec<Reply>,
    pub leases: Vec<Lease>,
    pub(crate) touched: Touched,
    /// For those who watch the tail.
    pub(crate) noted: Option<Vec<Note>>,
    /// Settlements to be tried again: nothing was written.
    pub unsettled: Vec<Settlement>,
    /// Told once the database is closed.
    closing: Vec<oneshot::Sender<()>>,
    failed: Option<StoreError>,
}

impl Committed {
    /// Answers everybody.
    pub fn reply(&mut self) {
        for r in self.replies.drain(..) {
            r.send();
        }
    }
}

/// One transaction over `ops`, and the store's own background work.
pub fn transact(core: &mut Core, ops: Vec<Op>, now: Timestamp) -> Committed {
    let mut out = Committed::default();
    let mut pending = Vec::with_capacity(ops.len());
    let mut failed = core.begin().err();
    for op in ops {
        pending.push(apply(core, op, now, &mut failed));
    }
    if failed.is_none() {
        failed = background(core, now).err();
    }
    let error = match failed {
        Some(e) => {
            core.rollback(now);
            Some(e)
        }
        None => match core.commit(now) {
            Ok(leases) => {
                out.leases = leases;
                out.touched = core.take_touched();
                out.noted = core.take_noted();
                None
            }
            Err(e) => Some(e),
        },
    };
    match &error {
        // A line for each would fill what room is left.
        Some(e @ StoreError::Full { .. }) => tracing::debug!(error = %e, "a transaction was undone"),
        Some(e) => tracing::error!(error = %e, "a transaction was undone"),
        None => {}
    }
    for p in pending {
        match p {
            Pending::Accept(to, result) => out.replies.push(Reply::Accept(to, override_with(result, &error))),
            Pending::Many(to, results) => {
                let results = results.into_iter().map(|r| override_with(r, &error)).collect();
                out.replies.push(Reply::Many(to, results));
            }
            Pending::Receive(to, result) => out.replies.push(Reply::Receive(to, override_with(result, &error))),
            Pending::Record(to, result) => out.replies.push(Reply::Record(to, override_with(result, &error))),
            Pending::Clicks(n) if error.is_some() => core.clicks_lost(n),
            Pending::Clicks(_) => {}
            Pending::Settle(s) if error.is_some() => out.unsettled.push(s),
            Pending::Settle(_) => {}
            Pending::Exec(reply) => out.replies.push(Reply::Exec(reply, error.clone())),
            Pending::Unrun(exec) => drop(exec),
            Pending::Close(to) => {
                out.closing.push(to);
            }
        }
    }
    out.failed = error;
    out
}

enum Pending {
    Accept(oneshot::Sender<Result<Accepted>>, Result<Accepted>),
    Many(oneshot::Sender<Vec<Result<Accepted>>>, Vec<Result<Accepted>>),
    Receive(oneshot::Sender<Result<Received>>, Result<Received>),
    Record(oneshot::Sender<Result<Recorded>>, Result<Recorded>),
    /// How many.
    Clicks(usize),
    Settle(Settlement),
    Exec(ExecReply),
    /// The transaction had failed already; dropping it closes its channel, which its caller reads as a failure.
    Unrun(Exec),
    Close(oneshot::Sender<()>),
}

fn override_with<T>(result: Result<T>, error: &Option<StoreError>) -> Result<T> {
    match error {
        Some(e) => Err(e.clone()),
        None => result,
    }
}

fn apply(core: &mut Core, op: Op, now: Timestamp, failed: &mut Option<StoreError>) -> Pending {
    match op {
        Op::Accept(m, to) => Pending::Accept(to, unless(failed, || core.accept(&m, now))),
        Op::AcceptMany(many, to) => {
            Pending::Many(to, many.iter().map(|m| unless(failed, || core.accept(m, now))).collect())
        }
        Op::Receive(r, to) => Pending::Receive(to, unless(failed, || core.receive(*r, now))),
        Op::Record(event, to) => Pending::Record(to, unless(failed, || core.record(*event, now))),
        Op::Clicks(events) => {
            let n = events.len();
            for event in events {
                // Refused when its application is no more: nobody waits for it.
                let _ = unless(failed, || core.record(event, now));
            }
            Pending::Clicks(n)
        }
        Op::Settle(s) => {
            if failed.is_none() {
                *failed = core.settle(&s, now).err();
            }
            Pending::Settle(s)
        }
        Op::Exec(exec) if failed.is_some() => Pending::Unrun(exec),
        Op::Exec(exec) => {
            let mut reply = None;
            let run = core.savepoint(now, |core| {
                let (keep, r) = exec(core, now);
                reply = Some(r);
                keep
            });
            *failed = run.err();
            Pending::Exec(reply.unwrap_or_else(|| Box::new(|_| {})))
        }
        Op::Close(to) => Pending::Close(to),
    }
}

/// A refusal concerns one message or request; anything else undoes the transaction.
fn unless<T>(failed: &mut Option<StoreError>, write: impl FnOnce() -> Result<T>) -> Result<T> {
    if let Some(e) = failed {
        return Err(e.clone());
    }
    let result = write();
    if let Err(e @ (StoreError::Full { .. } | StoreError::Busy { .. } | StoreError::Failed(_))) = &result {
        *failed = Some(e.clone());
    }
    result
}

fn background(core: &mut Core, now: Timestamp) -> Result<()> {
    core.reclaim(now, CLAIM_BUDGET)?;
    core.run_tasks(now, SLICE)?;
    core.expire(now, SLICE)?;
    core.tend_event_keys()?;
    core.tend_figures(now)?;
    core.claim(now, CLAIM_BUDGET)
}

/// What waits for the writer.
pub struct Queue {
    state: Mutex<QueueState>,
    parked: AtomicBool,
    thread: OnceLock<Thread>,
}
#[derive(Default)]
struct QueueState {
    ops: Vec<Op>,
    bytes: usize,
    closed: bool,
}

impl Queue {
    pub fn new() -> Self {
        Queue { state: Mutex::default(), parked: AtomicBool::new(false), thread: OnceLock::new() }
    }

    /// Queues a message or a request, if there is room; gives it back otherwise.
    pub fn push_bounded(&self, bytes: usize, op: Op) -> Result<()> {
        let retry_after = Duration::from_secs(1);
        {
            let mut q = self.state.lock();
            if q.closed || q.ops.len() >= QUEUE_MAX || q.bytes + bytes > QUEUE_BYTES_MAX {
                return Err(StoreError::Busy { retry_after });
            }
            q.bytes += bytes;
            q.ops.push(op);
        }
        self.wake();
        Ok(())
    }

    /// Queues what can't be refused. After the end it is dropped, and so are the answers it would give.
    pub fn push(&self, op: Op) {
        {
            let mut q = self.state.lock();
            if q.closed {
                return;
            }
            q.ops.push(op);
        }
        self.wake();
    }

    fn wake(&self) {
        if self.parked.swap(false, AcqRel)
            && let Some(t) = self.thread.get()
        {
            t.unpark();
        }
    }

    /// Everything queued; waits up to `wait` when there is nothing.
    fn take(&self, wait: Duration) -> Vec<Op> {
        let take = || {
            let mut q = self.state.lock();
            q.bytes = 0;
            std::mem::replace(&mut q.ops, Vec::with_capacity(OPS_EXPECTED))
        };
        let ops = take();
        if !ops.is_empty() || wait.is_zero() {
            return ops;
        }
        self.parked.store(true, Release);
        let ops = take();
        if ops.is_empty() {
            std::thread::park_timeout(wait);
        }
        self.parked.store(false, Release);
        if ops.is_empty() { take() } else { ops }
    }

    fn close(&self) {
        let mut q = self.state.lock();
        q.closed = true;
        q.ops.clear();
    }
}

/// The thread's own state.
pub struct Writer {
    pub core: Core,
    pub queue: Arc<Queue>,
    pub metrics: Arc<StoreMetrics>,
    pub clock: Arc<dyn Clock>,
    pub committed: mpsc::UnboundedSender<Committed>,
    /// Says why, once the store can't go on.
    pub broken: watch::Sender<Option<String>>,
    unsettled: Vec<Settlement>,
    /// Why the last transaction that failed did.
    undone_by: Option<StoreError>,
    closing: Vec<oneshot::Sender<()>>,
    /// The runtime that takes the answers has ended.
    abandoned: bool,
    /// After a transaction that failed, nothing is tried again before this time.
    paused_until_us: u64,
    disk: Disk,
}

impl Writer {
    pub fn new(
        core: Core,
        queue: Arc<Queue>,
        config: &StoreConfig,
        metrics: Arc<StoreMetrics>,
        clock: Arc<dyn Clock>,
        committed: mpsc::UnboundedSender<Committed>,
        broken: watch::Sender<Option<String>>,
    ) -> Self {
        let disk = Disk { path: config.path.clone(), reserve: config.disk_reserve, checked_us: 0, full: false };
        Writer {
            core,
            queue,
            metrics,
            clock,
            committed,
            broken,
            unsettled: Vec::new(),
            undone_by: None,
            closing: Vec::new(),
            abandoned: false,
            paused_until_us: 0,
            disk,
        }
    }

    /// Until `Close`, or until the disk breaks.
    pub fn run(mut self) {
        let _ = self.queue.thread.set(std::thread::current());
        while !self.turn(self.wait()) {
            // Whoever was just answered asks again before the next commit, if it waits for this very core: larger commits
            // when busy, and nothing when idle.
            std::thread::yield_now();
        }
        self.end();
    }

    /// Writes what is queued, after waiting for it up to `wait`. `true` when it is time to end.
    pub fn turn(&mut self, wait: Duration) -> bool {
        let ops = self.queue.take(wait);
        let now_us = self.clock.monotonic_us();
        if ops.is_empty() && now_us < self.paused_until_us {
            return false;
        }
        let mut ops: VecDeque<Op> = self.refuse_if_full(ops, now_us).into();
        if now_us >= self.paused_until_us && !self.unsettled.is_empty() && self.retry().is_err() {
            self.paused_until_us = now_us + FULL_PAUSE.as_micros() as u64;
            if self.core.is_broken() {
                return true;
            }
        }
        let due = self.core.next_wake(self.clock.now()).is_some_and(|t| t <= self.clock.now());
        while !ops.is_empty() || due {
            let batch = next_batch(&mut ops);
            // A pause that has begun isn't prolonged: else refused messages would keep settlements waiting.
            if self.commit(batch).is_err() && self.paused_until_us <= now_us {
                self.paused_until_us = now_us + FULL_PAUSE.as_micros() as u64;
            }
            if !self.closing.is_empty() || self.abandoned || self.core.is_broken() {
                return true;
            }
            if ops.is_empty() {
                break;
            }
        }
        false
    }

    /// Tries settlements that were undone again: without messages beside them, which need more room; and one by one
    /// when it wasn't for want of room, so that one that can't be written keeps no other waiting.
    fn retry(&mut self) -> Result<()> {
        let size = if matches!(self.undone_by, Some(StoreError::Failed(_))) { 1 } else { BATCH_MAX };
        let mut waiting = std::mem::take(&mut self.unsettled);
        let mut result = Ok(());
        while !waiting.is_empty() {
            let rest = waiting.split_off(waiting.len().min(size));
            let tried = self.commit(std::mem::replace(&mut waiting, rest).into_iter().map(Op::Settle).collect());
            let stop = matches!(tried, Err(StoreError::Full { .. } | StoreError::Busy { .. })) || self.core.is_broken();
            result = result.and(tried);
            if stop {
                self.unsettled.append(&mut waiting);
            }
        }
        result
    }

    /// On an error nothing was written, and the batch's settlements are in `unsettled`.
    fn commit(&mut self, batch: Vec<Op>) -> Result<()> {
        let size = batch.len() as u64;
        let from = self.clock.monotonic_us();
        let mut done = transact(&mut self.core, batch, self.clock.now());
        let failed = done.failed.take();
        self.closing.append(&mut done.closing);
        self.unsettled.append(&mut done.unsettled);
        self.metrics.commits.fetch_add(1, Relaxed);
        self.metrics.commit_us.fetch_add(self.clock.monotonic_us().saturating_sub(from), Relaxed);
        self.metrics.committed_ops.fetch_add(size, Relaxed);
        self.core.publish();
        self.abandoned = self.committed.send(done).is_err();
        failed.map_or(Ok(()), |e| {
            self.undone_by = Some(e.clone());
            Err(e)
        })
    }

    /// How long nothing needs to be done, unless something is queued.
    pub fn wait(&self) -> Duration {
        let now = self.clock.now();
        let until = self.core.next_wake(now).map_or(Duration::from_secs(1), |t| t.since(now));
        let pause = Duration::from_micros(self.paused_until_us.saturating_sub(self.clock.monotonic_us()));
        if pause.is_zero() {
            if self.unsettled.is_empty() { until.min(Duration::from_secs(1)) } else { Duration::ZERO }
        } else {
            pause
        }
    }

    /// Messages and requests are refused while the disk is below its reserve, so that what was accepted can still be settled.
    fn refuse_if_full(&mut self, ops: Vec<Op>, now_us: u64) -> Vec<Op> {
        if !self.disk.is_full(now_us, &self.metrics) {
            return ops;
        }
        let error = StoreError::Full { retry_after: Duration::from_secs(5) };
        let mut refused = Committed::default();
        let (mut kept, mut n) = (Vec::new(), 0);
        for op in ops {
            match op {
                Op::Accept(_, to) => {
                    n += 1;
                    refused.replies.push(Reply::Accept(to, Err(error.clone())));
                }
                Op::AcceptMany(many, to) => {
                    let all: Vec<_> = many.iter().map(|_| Err(error.clone())).collect();
                    n += all.len() as u64;
                    refused.replies.push(Reply::Many(to, all));
                }
                Op::Receive(_, to) => {
                    n += 1;
                    refused.replies.push(Reply::Receive(to, Err(error.clone())));
                }
                Op::Record(_, to) => {
                    n += 1;
                    refused.replies.push(Reply::Record(to, Err(error.clone())));
                }
                Op::Clicks(events) => self.core.clicks_lost(events.len()),
                other => kept.push(other),
            }
        }
        self.metrics.refused_full.fetch_add(n, Relaxed);
        let _ = self.committed.send(refused);
        kept
    }

    /// Closes the database, and tells those who asked for it.
    pub fn end(mut self) {
        self.queue.close();
        if !self.unsettled.is_empty() && !self.core.is_broken() {
            // The last chance; what can't be settled is leased, and due again after the next start.
            let _ = self.retry();
        }
        self.core.figures.is_last = true;
        if !self.core.is_broken() && self.core.figures.is_due(self.clock.now()) {
            // What can't be written now is lost with the process: figures only.
            let _ = self.commit(Vec::new());
        }
        if self.core.is_broken() {
            let why = "the disk failed to sync; what was acknowledged is safe, restart to go on".to_owned();
            let _ = self.broken.send(Some(why));
        }
        self.core.close();
        for to in self.closing {
            // Whoever asked may have gone.
            let _ = to.send(());
        }
    }
}

/// Watches the free space of the file system that holds the database.
struct Disk {
    path: PathBuf,
    reserve: u64,
    checked_us: u64,
    full: bool,
}

impl Disk {
    fn is_full(&mut self, now_us: u64, metrics: &StoreMetrics) -> bool {
        if self.checked_us == 0 || now_us.saturating_sub(self.checked_us) > 250_000 {
            self.checked_us = now_us.max(1);
            let dir = self.path.parent().filter(|d| !d.as_os_str().is_empty());
            let free = rustix::fs::statvfs(dir.unwrap_or(std::path::Path::new(".")));
            let full = free.is_ok_and(|s| s.f_bavail.saturating_mul(s.f_frsize) < self.reserve);
            if full != self.full {
                tracing::warn!(full, reserve_bytes = self.reserve, "free disk space crossed the reserve");
            }
            self.full = full;
            metrics.disk_full.store(full, Relaxed);
        }
        self.full
    }
}
