//! Collecting figures beside the writer's transactions.
//!
//! The write core notes what a transaction does; what it noted counts once the transaction is committed. About once a
//! second what was counted is written, inside a transaction that runs anyway or one made for it. Readers add what is in
//! memory to what they read: each batch has a number, and the database knows the last one that it has.
//! **Invariant:** nothing undone is counted; no note costs a query or, once a name is known, an allocation.

use super::batch::{Batch, Note};
use domain::{AppId, EndpointId, OrgId, Timestamp};
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Between two writings.
const EVERY: Duration = Duration::from_secs(1);
/// ... of more than [`MANY`] entries.
const EVERY_MANY: Duration = Duration::from_secs(5);
const MANY: usize = 1000;
/// Entries that are written at once, whatever the time.
const ENTRIES_MAX: usize = 16_384;
/// Names of event types that are remembered; beyond it, anew.
const NAMES_MAX: usize = 16_384;
/// Applications whose organisation is remembered; beyond it, anew.
const APPS_MAX: usize = 100_000;

/// What is counted and not, or only just, on disk.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<Batches>);

#[derive(Debug, Default)]
struct Batches {
    current: Batch,
    /// The last one that was written, or is being written, and its number.
    last: Arc<Batch>,
    last_number: i64,
}

impl Memory {
    /// Gives what a reader that sees the batches up to `written` in the database doesn't see there, older first.
    pub fn beyond(&self, written: i64, mut f: impl FnMut(&Batch)) {
        let batches = self.0.lock();
        if written < batches.last_number {
            f(&batches.last);
        }
        f(&batches.current);
    }
}

/// The writer's side.
pub(crate) struct Collector {
    memory: Arc<Memory>,
    notes: Vec<Note>,
    names: HashSet<Arc<str>>,
    orgs: HashMap<AppId, OrgId>,
    /// Endpoints that may have open issues.
    failing: HashSet<EndpointId>,
    /// Event types of an organisation that have a row of the hour.
    pub type_rows: HashMap<OrgId, (i64, usize)>,
    /// Since when something waits to be written.
    since: Option<Timestamp>,
    entries: usize,
    /// The transaction that runs writes the last batch.
    is_writing: bool,
    number: i64,
    /// Hours whose event types are not known for certain, for want of a batch that was given up.
    lost: BTreeSet<i64>,
    /// The store ends.
    pub is_last: bool,
}

impl Collector {
    /// `number` is that of the last batch written; `failing` are the endpoints with open issues.
    pub fn new(memory: Arc<Memory>, number: i64, failing: HashSet<EndpointId>) -> Self {
        memory.0.lock().last_number = number;
        Collector {
            memory,
            notes: Vec::new(),
            names: HashSet::new(),
            orgs: HashMap::new(),
            failing,
            type_rows: HashMap::new(),
            since: None,
            entries: 0,
            is_writing: false,
            number,
            lost: BTreeSet::new(),
            is_last: false,
        }
    }

    // ---- noting ----

    pub fn note(&mut self, note: Note) {
        self.notes.push(note);
    }
    pub fn accepted(&mut self, org: OrgId, app: AppId, event_type: &str, at: Timestamp) {
        let event_type = self.name(event_type);
        self.notes.push(Note::Accepted { org, app, event_type, at });
    }
    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        if self.names.len() >= NAMES_MAX {
            self.names.clear();
        }
        let name: Arc<str> = name.into();
        self.names.insert(name.clone());
        name
    }

    pub fn org(&self, app: AppId) -> Option<OrgId> {
        self.orgs.get(&app).copied()
    }
    pub fn remember_org(&mut self, app: AppId, org: OrgId) {
        if self.orgs.len() >= APPS_MAX {
            self.orgs.clear();
        }
        self.orgs.insert(app, org);
    }
    pub fn is_failing(&self, endpoint: EndpointId) -> bool {
        self.failing.contains(&endpoint)
    }
    /// It may have an open issue from now on.
    pub fn fails(&mut self, endpoint: EndpointId) {
        self.failing.insert(endpoint);
    }

    // ---- with the transaction ----

    pub fn mark(&self) -> usize {
        self.notes.len()
    }
    pub fn back_to(&mut self, mark: usize) {
        self.notes.truncate(mark);
    }

    pub fn commit(&mut self, now: Timestamp) {
        if std::mem::take(&mut self.is_writing) {
            self.since = None;
            self.entries = 0;
        }
        if self.notes.is_empty() {
            return;
        }
        let mut batches = self.memory.0.lock();
        for note in self.notes.drain(..) {
            match &note {
                Note::Failed(failure) => drop(self.failing.insert(failure.endpoint)),
                Note::Worked { endpoint } => drop(self.failing.remove(endpoint)),
                _ => {}
            }
            batches.current.count(note);
        }
        self.entries = batches.current.entries();
        self.since.get_or_insert(now);
    }

    pub fn rollback(&mut self, now: Timestamp) {
        self.notes.clear();
        if std::mem::take(&mut self.is_writing) {
            let mut batches = self.memory.0.lock();
            let last = std::mem::take(&mut batches.last);
            let later = std::mem::take(&mut batches.current);
            batches.current = Arc::unwrap_or_clone(last);
            batches.current.merge(&later);
            self.number -= 1;
            batches.last_number = self.number;
            // Not at once: there may be no room for it, and others have to write.
            self.since = Some(now);
            self.type_rows.clear();
        }
    }

    // ---- writing ----

    pub fn is_due(&self, now: Timestamp) -> bool {
        let Some(since) = self.since else { return false };
        // Before: the clock was set back.
        self.is_last || self.entries >= ENTRIES_MAX || now < since || now >= since.plus(self.every())
    }
    fn every(&self) -> Duration {
        if self.entries > MANY { EVERY_MANY } else { EVERY }
    }
    /// When it will be due.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.since.map(|since| since.plus(self.every()))
    }

    /// What the transaction that runs has to write, and its number.
    pub fn begin_writing(&mut self) -> (Arc<Batch>, i64) {
        self.number += 1;
        self.is_writing = true;
        let mut batches = self.memory.0.lock();
        batches.last = Arc::new(std::mem::take(&mut batches.current));
        batches.last_number = self.number;
        (batches.last.clone(), self.number)
    }
    /// It can't be written, ever: it is given up.
    pub fn give_up(&mut self) {
        let last = std::mem::take(&mut self.memory.0.lock().last);
        self.lost.extend(last.types.keys().map(|(hour, ..)| *hour));
    }
    /// Hours of batches that were given up.
    pub fn lost(&self) -> impl Iterator<Item = i64> {
        self.lost.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::batch::End;

    const ORG: OrgId = OrgId(1);
    const NOW: Timestamp = Timestamp(1_795_248_000_000);

    /// Notes a message and a delivery, in a transaction of their own.
    fn happen(c: &mut Collector) {
        c.accepted(ORG, AppId(2), "a", NOW);
        c.note(Note::Settled {
            org: ORG,
            app: AppId(2),
            endpoint: EndpointId(3),
            at: NOW,
            us: Some(7),
            end: End::Delivered,
        });
        c.commit(NOW);
    }
    /// Accepted and delivered, to a reader that sees the batches up to `written`.
    fn seen(memory: &Memory, written: i64) -> (u64, u64) {
        let mut sum = (0, 0);
        memory.beyond(written, |batch| {
            for m in batch.minutes.values() {
                sum = (sum.0 + m.accepted, sum.1 + m.latency.count());
            }
        });
        sum
    }

    #[test]
    fn a_reader_sees_each_batch_once_before_and_after_it_is_written() {
        let memory = Arc::new(Memory::default());
        let mut c = Collector::new(memory.clone(), 41, HashSet::new());
        happen(&mut c);
        assert!(!c.is_due(NOW) && c.is_due(NOW.plus(EVERY)) && c.is_due(Timestamp(0)));
        let (batch, number) = c.begin_writing();
        assert_eq!((batch.minutes.len(), number), (1, 42));
        assert_eq!(seen(&memory, 41), (1, 1), "while it is being written");
        happen(&mut c);
        assert_eq!(seen(&memory, 41), (2, 2), "a reader whose view is older");
        assert_eq!(seen(&memory, 42), (1, 1), "a reader that has it on disk");
        assert_eq!(c.next_at(), Some(NOW.plus(EVERY)));
    }

    #[test]
    fn a_batch_whose_transaction_was_undone_is_counted_still() {
        let memory = Arc::new(Memory::default());
        let mut c = Collector::new(memory.clone(), 0, HashSet::new());
        happen(&mut c);
        c.begin_writing();
        c.accepted(ORG, AppId(2), "undone", NOW);
        c.rollback(NOW);
        assert_eq!(seen(&memory, 0), (1, 1));
        assert_eq!(c.begin_writing().1, 1, "the number is free again");
        c.rollback(NOW);
        happen(&mut c);
        let (batch, _) = c.begin_writing();
        assert_eq!(batch.types.values().map(|t| t.messages).sum::<u64>(), 2);
    }

    #[test]
    fn undone_notes_leave_nothing() {
        let memory = Arc::new(Memory::default());
        let mut c = Collector::new(memory.clone(), 0, HashSet::new());
        let mark = c.mark();
        c.accepted(ORG, AppId(2), "a", NOW);
        c.back_to(mark);
        c.commit(NOW);
        assert_eq!((seen(&memory, 0), c.next_at()), ((0, 0), None));
    }
}
