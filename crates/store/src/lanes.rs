//! Lanes as the writer sees them: how much of each endpoint's work is in memory, and when its work on disk is due.
//!
//! Used by the write core only. **Invariant:** pure bookkeeping, no SQL; what it holds is bounded by the number of
//! endpoints that have had work, never by how much work they have. A lane with work on disk is either in `wake`, or
//! waits for room that a lease in memory will give back: nothing is polled and no wake-up can be lost.

use domain::{AppId, EndpointId, Timestamp};
use std::collections::{BTreeSet, HashMap};

/// Nothing on disk is due, ever.
const NEVER: i64 = i64::MAX;

/// What a lane with due work waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// For its time.
    Time,
    /// For its own leases to come back.
    Room,
    /// For any lane's leases to come back.
    Memory,
}

#[derive(Debug)]
pub(crate) struct Lane {
    pub app: AppId,
    /// Since when every attempt has failed.
    pub failing_since: Option<Timestamp>,
    /// Takes deliveries: neither disabled nor deleted.
    enabled: bool,
    /// Its work waits until it is resumed.
    paused: bool,
    /// Its endpoint is no more; the lane goes with its last lease.
    gone: bool,
    /// Deliveries on disk that wait for their time, and that are dead.
    waiting: i64,
    dead: i64,
    leased: u32,
    capacity: u32,
    hold_until: i64,
    next_due: i64,
    /// Its turn comes after lanes that were ready before this time.
    turn: i64,
    waits: Waits,
    /// Its entry in `Lanes::wake`, or [`NEVER`].
    wake_at: i64,
}

#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: HashMap<EndpointId, Lane>,
    /// One entry at most for each lane.
    wake: BTreeSet<(i64, EndpointId)>,
    /// Lanes that wait for memory.
    hungry: Vec<EndpointId>,
    capacity: u32,
    bytes: u64,
    bytes_max: u64,
    leased: u64,
    waiting: i64,
    dead: i64,
    /// The latest `now` seen.
    latest: i64,
}

/// A leased delivery costs about this much memory beside its payload.
const LEASE_BYTES: u64 = 512;

impl Lane {
    pub fn is_gone(&self) -> bool {
        self.gone
    }
    /// How many more may be claimed.
    fn room(&self) -> u32 {
        (self.capacity / 2).max(1).saturating_sub(self.leased)
    }
    /// When the lane's work may be claimed, if time is all that it waits for.
    fn ready_at(&self) -> i64 {
        if self.enabled && !self.paused && self.waits == Waits::Time && self.next_due != NEVER {
            self.next_due.max(self.hold_until).max(self.turn)
        } else {
            NEVER
        }
    }
}

impl Lanes {
    /// `capacity` is deliveries per lane, `bytes_max` payload bytes over all lanes.
    pub fn new(capacity: u32, bytes_max: u64) -> Self {
        Lanes {
            lanes: HashMap::new(),
            wake: BTreeSet::new(),
            hungry: Vec::new(),
            capacity: capacity.max(1),
            bytes: 0,
            bytes_max,
            leased: 0,
            waiting: 0,
            dead: 0,
            latest: 0,
        }
    }

    pub fn get_mut(&mut self, endpoint: EndpointId) -> Option<&mut Lane> {
        self.lanes.get_mut(&endpoint)
    }
    pub fn add(&mut self, endpoint: EndpointId, app: AppId, enabled: bool, failing_since: Option<Timestamp>) {
        let capacity = self.capacity;
        self.lanes.entry(endpoint).or_insert(Lane {
            app,
            failing_since,
            enabled,
            paused: false,
            gone: false,
            waiting: 0,
            dead: 0,
            leased: 0,
            capacity,
            hold_until: 0,
            next_due: NEVER,
            turn: 0,
            waits: Waits::Time,
            wake_at: NEVER,
        });
    }
    /// The endpoint and what it had on disk are gone.
    pub fn remove(&mut self, endpoint: EndpointId) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        (lane.gone, lane.enabled) = (true, false);
        self.waiting -= std::mem::take(&mut lane.waiting);
        self.dead -= std::mem::take(&mut lane.dead);
        let empty = lane.leased == 0;
        self.arm(endpoint);
        if empty {
            self.lanes.remove(&endpoint);
        }
    }
    pub fn of_app(&self, app: AppId) -> Vec<EndpointId> {
        self.lanes.iter().filter(|(_, l)| l.app == app).map(|(e, _)| *e).collect()
    }
    /// Adds to what the lane has on disk.
    pub fn count(&mut self, endpoint: EndpointId, waiting: i64, dead: i64) {
        let Some(lane) = self.lanes.get_mut(&endpoint).filter(|l| !l.gone) else { return };
        lane.waiting += waiting;
        lane.dead += dead;
        self.waiting += waiting;
        self.dead += dead;
    }
    /// Waiting and dead deliveries on disk, over all lanes.
    pub fn totals(&self) -> (i64, i64) {
        (self.waiting, self.dead)
    }
    /// Deliveries in memory, and their bytes.
    pub fn in_memory(&self) -> (u64, u64) {
        (self.leased, self.bytes)
    }

    /// Takes room for a new message's delivery, if the lane is open and both it and memory have some. While others wait
    /// for memory, new messages leave half of it to them.
    pub fn try_lease(&mut self, endpoint: EndpointId, payload_bytes: usize, now: Timestamp) -> bool {
        let limit = if self.hungry.is_empty() { self.bytes_max } else { self.bytes_max / 2 };
        self.take(endpoint, payload_bytes, limit, now)
    }

    /// Takes room for a delivery from disk. Without memory for it, the lane waits for some.
    pub fn try_claim(&mut self, endpoint: EndpointId, payload_bytes: usize, now: Timestamp) -> bool {
        let taken = self.take(endpoint, payload_bytes, self.bytes_max, now);
        if !taken {
            self.wait_for_memory(endpoint);
        }
        taken
    }

    /// Takes room for an attempt that a person asked for: a hold, or a disabled or paused endpoint, is no reason against it.
    pub fn try_resend(&mut self, endpoint: EndpointId, payload_bytes: usize) -> bool {
        self.take_if(endpoint, payload_bytes, self.bytes_max, |_| true)
    }

    fn take(&mut self, endpoint: EndpointId, payload_bytes: usize, limit: u64, now: Timestamp) -> bool {
        self.take_if(endpoint, payload_bytes, limit, |lane| lane.enabled && !lane.paused && lane.hold_until <= now.0)
    }

    fn take_if(
        &mut self,
        endpoint: EndpointId,
        payload_bytes: usize,
        limit: u64,
        open: impl Fn(&Lane) -> bool,
    ) -> bool {
        let cost = payload_bytes as u64 + LEASE_BYTES;
        // Alone, even the largest payload goes: else it would wait for ever.
        let fits = self.bytes + cost <= limit || self.leased == 0;
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return false };
        if !open(lane) || lane.leased >= lane.capacity || !fits {
            return false;
        }
        lane.leased += 1;
        self.leased += 1;
        self.bytes += cost;
        true
    }

    fn wait_for_memory(&mut self, endpoint: EndpointId) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        if self.leased > 0 && lane.waits == Waits::Time {
            lane.waits = Waits::Memory;
            self.hungry.push(endpoint);
        }
        self.arm(endpoint);
    }

    /// Gives the room of one delivery back.
    pub fn give_back(&mut self, endpoint: EndpointId, payload_bytes: usize, now: Timestamp) {
        self.bytes = self.bytes.saturating_sub(payload_bytes as u64 + LEASE_BYTES);
        self.leased = self.leased.saturating_sub(1);
        if let Some(lane) = self.lanes.get_mut(&endpoint) {
            lane.leased = lane.leased.saturating_sub(1);
            if lane.gone && lane.leased == 0 {
                self.lanes.remove(&endpoint);
            } else if lane.waits == Waits::Room && lane.leased <= lane.capacity / 4 {
                (lane.waits, lane.turn) = (Waits::Time, now.0);
                self.arm(endpoint);
            }
        }
        if !self.hungry.is_empty() && (self.leased == 0 || self.bytes <= self.bytes_max / 4 * 3) {
            for hungry in std::mem::take(&mut self.hungry) {
                if let Some(lane) = self.lanes.get_mut(&hungry).filter(|l| l.waits == Waits::Memory) {
                    (lane.waits, lane.turn) = (Waits::Time, now.0);
                }
                self.arm(hungry);
            }
        }
    }

    /// Work of this lane is on disk and due at `due`.
    pub fn note_due(&mut self, endpoint: EndpointId, due: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        if due.0 < lane.next_due {
            lane.next_due = due.0;
            self.arm(endpoint);
        }
    }

    /// What the database says is the earliest work of the lane, after a claim took what it could.
    pub fn set_next_due(&mut self, endpoint: EndpointId, due: Option<Timestamp>, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        lane.next_due = due.map_or(NEVER, |t| t.0);
        lane.turn = now.0;
        if lane.waits == Waits::Time && lane.next_due <= now.0 && lane.room() == 0 {
            lane.waits = Waits::Room;
        }
        self.arm(endpoint);
    }

    /// The engine's view of the lane's health.
    pub fn update(&mut self, endpoint: EndpointId, capacity: u32, hold_until: Option<Timestamp>) {
        let most = self.capacity;
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        lane.capacity = capacity.clamp(1, most);
        lane.hold_until = hold_until.map_or(0, |t| t.0);
        self.arm(endpoint);
    }

    pub fn set_enabled(&mut self, endpoint: EndpointId, enabled: bool, now: Timestamp) {
        let most = self.capacity;
        let Some(lane) = self.lanes.get_mut(&endpoint).filter(|l| !l.gone) else { return };
        if enabled && !lane.enabled {
            lane.hold_until = 0;
            lane.capacity = most;
            lane.failing_since = None;
            if lane.waits == Waits::Room {
                lane.waits = Waits::Time;
            }
            if lane.waiting > 0 {
                lane.next_due = lane.next_due.min(now.0);
            }
        }
        lane.enabled = enabled;
        self.arm(endpoint);
    }

    /// What waits is kept, and nothing of it is leased; or it is again.
    pub fn set_paused(&mut self, endpoint: EndpointId, paused: bool, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&endpoint).filter(|l| !l.gone) else { return };
        if lane.paused && !paused && lane.waiting > 0 {
            lane.next_due = lane.next_due.min(now.0);
        }
        lane.paused = paused;
        self.arm(endpoint);
    }

    /// Puts the lane where it belongs in `wake`.
    fn arm(&mut self, endpoint: EndpointId) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        let at = lane.ready_at();
        if at == lane.wake_at {
            return;
        }
        if lane.wake_at != NEVER {
            self.wake.remove(&(lane.wake_at, endpoint));
        }
        if at != NEVER {
            self.wake.insert((at, endpoint));
        }
        lane.wake_at = at;
    }

    /// A lane with due work and room, and how many it may claim; `set_next_due` must follow. Half of a lane is left to
    /// new messages, so that a drained backlog doesn't keep them waiting.
    pub fn pop_ready(&mut self, now: Timestamp) -> Option<(EndpointId, u32)> {
        if now.0 < self.latest {
            self.set_back(self.latest - now.0);
        }
        self.latest = now.0;
        while let Some((at, endpoint)) = self.wake.first().copied() {
            if at > now.0 {
                return None;
            }
            if self.bytes >= self.bytes_max && self.leased > 0 {
                self.wait_for_memory(endpoint);
                continue;
            }
            self.wake.pop_first();
            let Some(lane) = self.lanes.get_mut(&endpoint) else { continue };
            lane.wake_at = NEVER;
            if lane.room() > 0 {
                return Some((endpoint, lane.room()));
            }
            lane.waits = Waits::Room;
        }
        None
    }

    /// The clock was set back by so many ms: nobody waits for it to catch up.
    fn set_back(&mut self, by: i64) {
        let all: Vec<EndpointId> = self.lanes.keys().copied().collect();
        for endpoint in all {
            if let Some(lane) = self.lanes.get_mut(&endpoint) {
                lane.turn = 0;
                lane.hold_until -= by;
            }
            self.arm(endpoint);
        }
    }

    /// When [`Lanes::pop_ready`] may next find something.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.wake.first().map(|(at, _)| Timestamp(*at))
    }
}

#[cfg(test)]
mod tests;
