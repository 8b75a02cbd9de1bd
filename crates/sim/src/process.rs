//! One life of the server: the real store, its real writer and the real dispatcher, moved on by hand.
//!
//! **Invariant:** dropping it loses all that a killed process would lose, and nothing else.

use crate::clock::{SimClock, SimRng};
use crate::disk::Disk;
use crate::settings::Settings;
use domain::{AttemptReport, EndpointRoute};
use engine::{Configuration, Dispatcher, Job, Now, Step};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use store::parts::{Committed, Writer};
use store::{Accepted, Lease, OpenError, Received, Store, StoreConfig, StoreError};
use tokio::sync::mpsc::UnboundedReceiver;

/// What a caller is told.
pub enum Answer {
    /// Items, each with its result.
    Accepted(Vec<(usize, Result<Accepted, StoreError>)>),
    /// An item that came as a request.
    Received(usize, Result<Received, StoreError>),
    /// A change of configuration, named for the trace.
    Changed(&'static str, Result<(), StoreError>),
    Closed,
}

pub type Call = Pin<Box<dyn Future<Output = Answer>>>;

/// An attempt under way, and its outcome once the network has one.
pub struct Attempt {
    pub job: Job<()>,
    pub report: Option<AttemptReport>,
}

pub struct Process {
    pub store: Store,
    pub writer: Writer,
    committed: UnboundedReceiver<Committed>,
    /// Committed; nobody has been told yet.
    pub unanswered: VecDeque<Committed>,
    /// Leases on their way to the engine.
    pub batches: VecDeque<Vec<Lease>>,
    pub dispatcher: Dispatcher<()>,
    pub attempts: Vec<Attempt>,
    pub calls: Vec<Call>,
    pub stopping: bool,
}

struct Present<'a> {
    store: &'a Store,
    /// The look-up fails, as it does when no file can be opened.
    blind: bool,
}

impl Configuration for Present<'_> {
    fn generation(&self) -> u64 {
        self.store.config_generation()
    }
    fn current(&self, endpoint: &EndpointRoute) -> Option<Arc<EndpointRoute>> {
        if self.blind { None } else { self.store.current_endpoint(endpoint) }
    }
}

impl Process {
    /// What the store does to the log before it writes, on a real file system, is done here by `disk`.
    pub fn start(
        settings: &Settings,
        config: StoreConfig,
        disk: &Disk,
        clock: Arc<SimClock>,
        seed: u64,
    ) -> Result<Process, OpenError> {
        disk.rewrite("sim.db-wal")
            .map_err(|e| OpenError::Unusable { path: config.path.clone(), cause: format!("{e:?}") })?;
        let (store, writer, committed) = Store::assemble(config, clock, Arc::new(SimRng::new(seed)))?;
        let pragmas = format!(
            "PRAGMA wal_autocheckpoint = {}; PRAGMA synchronous = {}",
            settings.checkpoint_pages, settings.synchronous
        );
        // A faulty disk may refuse; the defaults do as well.
        let _ = writer.core.connection().execute_batch(&pragmas);
        Ok(Process {
            store,
            writer,
            committed,
            unanswered: VecDeque::new(),
            batches: VecDeque::new(),
            dispatcher: Dispatcher::new(settings.limits.clone()),
            attempts: Vec::new(),
            calls: Vec::new(),
            stopping: false,
        })
    }

    /// A caller asks; polled once, so that its operation is queued.
    pub fn ask(&mut self, call: impl Future<Output = Answer> + 'static) -> Option<Answer> {
        let mut call: Call = Box::pin(call);
        match poll(&mut call) {
            Some(answer) => Some(answer),
            None => {
                self.calls.push(call);
                None
            }
        }
    }

    /// One turn of the writer. `true` when it is over.
    pub fn turn(&mut self) -> bool {
        let over = self.writer.turn(Duration::ZERO);
        while let Ok(done) = self.committed.try_recv() {
            self.unanswered.push_back(done);
        }
        over
    }

    /// Tells the callers of the oldest transaction; returns what they were told.
    pub fn answer(&mut self) -> Vec<Answer> {
        let Some(mut done) = self.unanswered.pop_front() else { return Vec::new() };
        let leases = std::mem::take(&mut done.leases);
        if !leases.is_empty() {
            self.batches.push_back(leases);
        }
        done.reply();
        drop(done);
        let mut told = Vec::new();
        self.calls.retain_mut(|call| match poll(call) {
            Some(answer) => {
                told.push(answer);
                false
            }
            None => true,
        });
        told
    }

    /// A batch of leases reaches the engine.
    pub fn feed(&mut self, now: Now) {
        let Some(batch) = self.batches.pop_front() else { return };
        let generation = self.store.config_generation();
        for lease in batch {
            if let Some(s) = self.dispatcher.add(lease, generation, now) {
                self.store.settle(s);
            }
        }
    }

    /// Starts what the dispatcher allows; returns where the new attempts begin.
    pub fn pump(&mut self, now: Now, blind: bool) -> usize {
        let first = self.attempts.len();
        while let Some(step) = self.dispatcher.next(&Present { store: &self.store, blind }, now) {
            match step {
                Step::Attempt(job) => self.attempts.push(Attempt { job, report: None }),
                Step::Settle(s) => self.store.settle(s),
            }
        }
        first
    }
}

fn poll(call: &mut Call) -> Option<Answer> {
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}
