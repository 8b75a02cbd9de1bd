//! The live tail: what just happened in an organisation, while somebody watches.
//!
//! The writer notes digests only where there is a viewer (one atomic load otherwise), and only so many a second; they
//! are handed over after the commit. **Invariant:** nobody waits for a viewer: a ring is bounded, and who falls behind is
//! told that it missed something.

use crate::inbound::VerdictKind;
use domain::{AppId, AttemptId, Clock, EndpointId, MessageId, OrgId, RequestId, Seq, SourceId};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use tokio::sync::Notify;

/// Rows that a ring remembers.
const RING: usize = 4096;
/// A ring goes on for so long after its last viewer, so that one who comes back misses nothing.
const LINGER_US: u64 = 30_000_000;

/// One row of the tail. Its id is the public id of what it is about, and grows from row to row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailRow {
    pub id: TailId,
    pub app: AppId,
    pub app_uid: Option<Box<str>>,
    /// Empty when it is not known.
    pub event_type: Box<str>,
    pub what: TailEvent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TailId {
    Message(MessageId),
    Attempt(AttemptId),
    Request(RequestId),
}

impl TailId {
    pub fn seq(self) -> Seq {
        match self {
            TailId::Message(id) => Seq(id.0),
            TailId::Attempt(id) => Seq(id.0),
            TailId::Request(id) => Seq(id.0),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TailEvent {
    Accepted,
    Attempted {
        message: MessageId,
        endpoint: EndpointId,
        /// Of the endpoint's URL: the rest may hold a secret.
        host: Box<str>,
        /// 1 for the first of its delivery.
        number: u32,
        result: AttemptResult,
        /// 0 when no response came.
        status_code: u16,
        duration_us: u64,
    },
    Received {
        source: SourceId,
        verdict: VerdictKind,
        /// Why it was refused.
        reason: Option<Box<str>>,
        /// Of the answer.
        status: u16,
        /// The first message that it became.
        message: Option<MessageId>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptResult {
    Delivered,
    /// Failed, and will be tried again.
    Retrying,
    /// Failed for good.
    Failed,
}

/// Rows that were left out: more came than are shown in a second, or the viewer was late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    pub accepted: u64,
    pub attempts: u64,
    pub received: u64,
    /// Others before these, nobody knows how many.
    pub uncounted: bool,
}

impl Skipped {
    fn add(&mut self, other: &Skipped) {
        self.accepted += other.accepted;
        self.attempts += other.attempts;
        self.received += other.received;
        self.uncounted |= other.uncounted;
    }
    pub fn is_none(&self) -> bool {
        *self == Skipped::default()
    }
}

/// What a viewer gets at once.
#[derive(Clone, Debug, Default)]
pub struct TailBatch {
    pub rows: Vec<Arc<TailRow>>,
    pub skipped: Skipped,
}

// ---- the writer's side ----

/// The kinds of rows that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoteKind {
    Accepted,
    Attempt,
    Received,
}

/// What the writer noted.
#[derive(Debug)]
pub(crate) struct Note {
    pub org: OrgId,
    pub app: AppId,
    /// `Err` when it was left out.
    pub row: Result<TailRow, NoteKind>,
}

/// How many rows of each organisation are noted: a budget for each tenth of a second, a quarter of which is left to
/// failed attempts.
#[derive(Default)]
pub(crate) struct TailPace {
    used: HashMap<OrgId, (i64, u32)>,
}

impl TailPace {
    pub fn takes(&mut self, org: OrgId, per_second: u32, is_failure: bool, now: domain::Timestamp) -> bool {
        let (tenth, most) = (now.0.div_euclid(100), (per_second / 10).max(1));
        let used = self.used.entry(org).or_default();
        if used.0 != tenth {
            *used = (tenth, 0);
        }
        let takes = used.1 < if is_failure { most } else { most - most / 4 };
        used.1 += u32::from(takes);
        takes
    }
    /// Nobody watches any more.
    pub fn forget(&mut self) {
        self.used.clear();
    }
}

/// All tails of a store.
#[derive(Default)]
pub(crate) struct TailHub {
    watched: AtomicBool,
    rings: Mutex<HashMap<OrgId, Arc<Ring>>>,
}

#[derive(Default)]
struct Ring {
    state: Mutex<RingState>,
    news: Notify,
}

#[derive(Default)]
struct RingState {
    entries: VecDeque<(Seq, Entry)>,
    /// How many entries were dropped before the first.
    dropped: u64,
    /// What comes up to here may be missing.
    missing_until: Seq,
    viewers: usize,
    /// When the last viewer left.
    left_us: u64,
}

enum Entry {
    Row(Arc<TailRow>),
    Skipped(Vec<(AppId, Skipped)>),
}

impl TailHub {
    /// Whether anybody watches anything.
    pub fn is_watched(&self) -> bool {
        self.watched.load(SeqCst)
    }
    pub fn watches(&self, org: OrgId) -> bool {
        self.rings.lock().contains_key(&org)
    }

    /// After the commit.
    pub fn publish(&self, notes: Vec<Note>, now_us: u64) {
        let mut all = self.rings.lock();
        all.retain(|_, ring| {
            let state = ring.state.lock();
            state.viewers > 0 || now_us.saturating_sub(state.left_us) <= LINGER_US
        });
        self.watched.store(!all.is_empty(), SeqCst);
        let mut by_org: BTreeMap<OrgId, Vec<Note>> = BTreeMap::new();
        for note in notes {
            by_org.entry(note.org).or_default().push(note);
        }
        let found: Vec<(Arc<Ring>, Vec<Note>)> =
            by_org.into_iter().filter_map(|(org, notes)| Some((all.get(&org)?.clone(), notes))).collect();
        drop(all);
        for (ring, notes) in found {
            ring.state.lock().append(notes);
            ring.news.notify_waiters();
        }
    }

    pub fn join(self: &Arc<Self>, org: OrgId, app: Option<AppId>, after: Option<Seq>, clock: Arc<dyn Clock>) -> Tail {
        let mut all = self.rings.lock();
        let ring = all
            .entry(org)
            .or_insert_with(|| {
                let state = RingState { missing_until: Seq::first_at(clock.now()), ..RingState::default() };
                Arc::new(Ring { state: Mutex::new(state), news: Notify::new() })
            })
            .clone();
        self.watched.store(true, SeqCst);
        let mut state = ring.state.lock();
        state.viewers += 1;
        let begun = after.unwrap_or_else(|| state.last());
        let before = state.entries.partition_point(|(at, _)| *at <= begun);
        let position = state.dropped + before as u64;
        let is_behind = begun < state.missing_until;
        drop(state);
        drop(all);
        Tail { ring, app, position, is_behind, begun, clock }
    }
}

impl RingState {
    /// The last row that there is, or where it began.
    fn last(&self) -> Seq {
        self.entries.back().map_or(self.missing_until, |(seq, _)| *seq)
    }

    fn append(&mut self, notes: Vec<Note>) {
        let mut skipped: BTreeMap<AppId, Skipped> = BTreeMap::new();
        let mut last = self.last();
        for note in notes {
            match note.row {
                Ok(row) => {
                    last = last.max(row.id.seq());
                    self.entries.push_back((last, Entry::Row(Arc::new(row))));
                }
                Err(kind) => {
                    let sum = skipped.entry(note.app).or_default();
                    match kind {
                        NoteKind::Accepted => sum.accepted += 1,
                        NoteKind::Attempt => sum.attempts += 1,
                        NoteKind::Received => sum.received += 1,
                    }
                }
            }
        }
        if !skipped.is_empty() {
            self.entries.push_back((last, Entry::Skipped(skipped.into_iter().collect())));
        }
        while self.entries.len() > RING
            && let Some((seq, _)) = self.entries.pop_front()
        {
            self.dropped += 1;
            self.missing_until = self.missing_until.max(seq);
        }
    }
}

// ---- the viewer's side ----

/// A viewer's place in the tail of an organisation, or of one application of it.
pub struct Tail {
    ring: Arc<Ring>,
    app: Option<AppId>,
    /// Entries before it were given, or are not for this viewer.
    position: u64,
    /// Missed something that isn't counted.
    is_behind: bool,
    begun: Seq,
    clock: Arc<dyn Clock>,
}

impl Tail {
    /// What it begins after: who saw nothing yet comes back with this.
    pub fn begun(&self) -> Seq {
        self.begun
    }

    /// The next rows, at most `max`, after waiting for one. A call that is dropped loses nothing.
    pub async fn next(&mut self, max: usize) -> TailBatch {
        let ring = self.ring.clone();
        loop {
            let mut news = pin!(ring.news.notified());
            // What is published from here on finds it waiting.
            news.as_mut().enable();
            if let Some(batch) = self.take(&ring, max) {
                return batch;
            }
            news.await;
        }
    }

    fn take(&mut self, ring: &Ring, max: usize) -> Option<TailBatch> {
        let state = ring.state.lock();
        let mut batch = TailBatch::default();
        batch.skipped.uncounted = std::mem::take(&mut self.is_behind) || self.position < state.dropped;
        self.position = self.position.max(state.dropped);
        let from = usize::try_from(self.position - state.dropped).unwrap_or(usize::MAX);
        for (_, entry) in state.entries.iter().skip(from) {
            if batch.rows.len() >= max {
                break;
            }
            self.position += 1;
            match entry {
                Entry::Row(row) if self.app.is_none_or(|app| app == row.app) => batch.rows.push(row.clone()),
                Entry::Row(_) => {}
                Entry::Skipped(by_app) => by_app
                    .iter()
                    .filter(|(app, _)| self.app.is_none_or(|own| own == *app))
                    .for_each(|(_, skipped)| batch.skipped.add(skipped)),
            }
        }
        (!batch.rows.is_empty() || !batch.skipped.is_none()).then_some(batch)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let mut state = self.ring.state.lock();
        state.viewers -= 1;
        state.left_us = self.clock.monotonic_us();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Timestamp;

    #[test]
    fn failed_attempts_are_left_room_when_there_is_too_much() {
        let mut pace = TailPace::default();
        let mut taken =
            |org, failure, ms| (0..100).filter(|_| pace.takes(OrgId(org), 400, failure, Timestamp(ms))).count();
        assert_eq!([taken(1, false, 0), taken(1, true, 0), taken(2, false, 0)], [30, 10, 30]);
        assert_eq!([taken(1, true, 99), taken(1, true, 100), taken(1, false, 100)], [0, 40, 0]);
        assert!(TailPace::default().takes(OrgId(1), 0, false, Timestamp(0)), "one in a tenth of a second");
    }
}
