//! Lanes as the writer sees them: how much of each endpoint's work is in memory, and when its work on disk is due.
//!
//! Used by the write core only. **Invariant:** pure bookkeeping, no SQL; what it holds is bounded by the number of
//! endpoints that have had work, never by how much work they have.

use domain::{AppId, EndpointId, Timestamp};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Nothing on disk is due, ever.
const NEVER: i64 = i64::MAX;

#[derive(Debug)]
pub(crate) struct Lane {
    pub app: AppId,
    /// Takes deliveries: neither disabled nor deleted.
    pub enabled: bool,
    /// Since when every attempt has failed.
    pub failing_since: Option<Timestamp>,
    /// Deliveries on disk that wait for their time, and that are dead.
    pub waiting: i64,
    pub dead: i64,
    leased: u32,
    capacity: u32,
    hold_until: i64,
    next_due: i64,
    /// Found due work and no room; looked at again when room comes.
    starved: bool,
}

#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: HashMap<EndpointId, Lane>,
    wake: BinaryHeap<Reverse<(i64, EndpointId)>>,
    capacity: u32,
    bytes: u64,
    bytes_max: u64,
    leased: u64,
}

/// A leased delivery costs about this much memory beside its payload.
const LEASE_BYTES: u64 = 512;

impl Lanes {
    /// `capacity` is deliveries per lane, `bytes_max` payload bytes over all lanes.
    pub fn new(capacity: u32, bytes_max: u64) -> Self {
        Lanes {
            lanes: HashMap::new(),
            wake: BinaryHeap::new(),
            capacity: capacity.max(1),
            bytes: 0,
            bytes_max,
            leased: 0,
        }
    }

    pub fn contains(&self, endpoint: EndpointId) -> bool {
        self.lanes.contains_key(&endpoint)
    }
    pub fn get_mut(&mut self, endpoint: EndpointId) -> Option<&mut Lane> {
        self.lanes.get_mut(&endpoint)
    }
    pub fn add(&mut self, endpoint: EndpointId, app: AppId, enabled: bool, failing_since: Option<Timestamp>) {
        let capacity = self.capacity;
        self.lanes.entry(endpoint).or_insert(Lane {
            app,
            enabled,
            failing_since,
            waiting: 0,
            dead: 0,
            leased: 0,
            capacity,
            hold_until: 0,
            next_due: NEVER,
            starved: false,
        });
    }
    pub fn remove(&mut self, endpoint: EndpointId) {
        if self.lanes.get(&endpoint).is_some_and(|l| l.leased == 0) {
            self.lanes.remove(&endpoint);
        }
    }
    pub fn of_app(&self, app: AppId) -> Vec<EndpointId> {
        self.lanes.iter().filter(|(_, l)| l.app == app).map(|(e, _)| *e).collect()
    }
    /// Waiting and dead deliveries on disk, over all lanes.
    pub fn totals(&self) -> (i64, i64) {
        self.lanes.values().fold((0, 0), |(w, d), l| (w + l.waiting, d + l.dead))
    }
    /// Deliveries in memory, and their bytes.
    pub fn in_memory(&self) -> (u64, u64) {
        (self.leased, self.bytes)
    }

    /// Takes room for one delivery, if the lane is open and both it and memory have some.
    pub fn try_lease(&mut self, endpoint: EndpointId, payload_bytes: usize, now: Timestamp) -> bool {
        let cost = payload_bytes as u64 + LEASE_BYTES;
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return false };
        let open = lane.enabled && lane.hold_until <= now.0 && lane.leased < lane.capacity;
        if !open || self.bytes + cost > self.bytes_max {
            return false;
        }
        lane.leased += 1;
        self.leased += 1;
        self.bytes += cost;
        true
    }

    /// Gives the room of one delivery back.
    pub fn give_back(&mut self, endpoint: EndpointId, payload_bytes: usize, now: Timestamp) {
        self.bytes = self.bytes.saturating_sub(payload_bytes as u64 + LEASE_BYTES);
        self.leased = self.leased.saturating_sub(1);
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        lane.leased = lane.leased.saturating_sub(1);
        if lane.starved && lane.leased <= lane.capacity / 4 {
            lane.starved = false;
            let at = lane.next_due.max(lane.hold_until).max(now.0);
            self.wake.push(Reverse((at, endpoint)));
        }
    }

    /// Work of this lane is on disk and due at `due`.
    pub fn note_due(&mut self, endpoint: EndpointId, due: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        if due.0 < lane.next_due {
            lane.next_due = due.0;
            if lane.enabled && !lane.starved {
                self.wake.push(Reverse((due.0.max(lane.hold_until), endpoint)));
            }
        }
    }

    /// What the database says is the earliest work of the lane, after a claim took what it could.
    pub fn set_next_due(&mut self, endpoint: EndpointId, due: Option<Timestamp>, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        lane.next_due = due.map_or(NEVER, |t| t.0);
        if lane.next_due == NEVER || !lane.enabled {
            return;
        }
        if lane.next_due <= now.0 && lane.leased > lane.capacity / 4 {
            lane.starved = true;
        } else {
            self.wake.push(Reverse((lane.next_due.max(lane.hold_until), endpoint)));
        }
    }

    /// The engine's view of the lane's health.
    pub fn update(&mut self, endpoint: EndpointId, capacity: u32, hold_until: Option<Timestamp>) {
        let most = self.capacity;
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        lane.capacity = capacity.clamp(1, most);
        lane.hold_until = hold_until.map_or(0, |t| t.0);
        if lane.next_due != NEVER && lane.enabled && !lane.starved {
            self.wake.push(Reverse((lane.next_due.max(lane.hold_until), endpoint)));
        }
    }

    pub fn set_enabled(&mut self, endpoint: EndpointId, enabled: bool, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        if enabled && !lane.enabled {
            lane.hold_until = 0;
            lane.capacity = self.capacity;
            lane.starved = false;
            lane.failing_since = None;
            if lane.waiting > 0 {
                lane.next_due = lane.next_due.min(now.0);
                self.wake.push(Reverse((now.0, endpoint)));
            }
        }
        lane.enabled = enabled;
    }

    /// A lane with due work and room, and how many it may claim. Half of a lane is left to new messages, so that a
    /// drained backlog doesn't keep them waiting.
    pub fn pop_ready(&mut self, now: Timestamp) -> Option<(EndpointId, u32)> {
        while let Some(Reverse((at, endpoint))) = self.wake.peek().copied() {
            if at > now.0 {
                return None;
            }
            self.wake.pop();
            let full = self.bytes >= self.bytes_max;
            let Some(lane) = self.lanes.get_mut(&endpoint) else { continue };
            let ready = lane.enabled && !lane.starved && lane.next_due <= now.0;
            if !ready || lane.hold_until > now.0 {
                if ready {
                    self.wake.push(Reverse((lane.hold_until, endpoint)));
                }
                continue;
            }
            let room = (lane.capacity / 2).max(1).saturating_sub(lane.leased);
            if room > 0 && !full {
                return Some((endpoint, room));
            }
            if full {
                // Memory is short because of others: look again soon, not at once.
                self.wake.push(Reverse((now.0 + 50, endpoint)));
                continue;
            }
            lane.starved = true;
        }
        None
    }

    /// When [`Lanes::pop_ready`] may next find something.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.wake.peek().map(|Reverse((at, _))| Timestamp(*at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const E: EndpointId = EndpointId(7);
    fn at(t: i64) -> Timestamp {
        Timestamp(t)
    }
    fn lanes(capacity: u32, bytes: u64) -> Lanes {
        let mut l = Lanes::new(capacity, bytes);
        l.add(E, AppId(1), true, None);
        l
    }

    #[test]
    fn a_lane_takes_no_more_than_its_capacity_and_memory_no_more_than_its_bytes() {
        let mut l = lanes(2, 1 << 20);
        assert!(l.try_lease(E, 10, at(0)) && l.try_lease(E, 10, at(0)));
        assert!(!l.try_lease(E, 10, at(0)));
        l.give_back(E, 10, at(0));
        assert!(l.try_lease(E, 10, at(0)));
        let mut l = lanes(100, 2 * LEASE_BYTES + 20);
        assert!(l.try_lease(E, 10, at(0)) && l.try_lease(E, 10, at(0)));
        assert!(!l.try_lease(E, 1, at(0)));
    }

    #[test]
    fn due_work_is_found_when_due_and_half_the_lane_is_kept_for_new_messages() {
        let mut l = lanes(8, 1 << 20);
        l.note_due(E, at(100));
        assert_eq!(l.pop_ready(at(99)), None);
        assert_eq!(l.next_wake(), Some(at(100)));
        assert_eq!(l.pop_ready(at(100)), Some((E, 4)));
        for _ in 0..4 {
            assert!(l.try_lease(E, 1, at(100)));
        }
        l.set_next_due(E, Some(at(100)), at(100));
        assert_eq!(l.pop_ready(at(200)), None, "starved until room comes");
        l.give_back(E, 1, at(200));
        l.give_back(E, 1, at(200));
        assert_eq!(l.pop_ready(at(200)), Some((E, 2)));
    }

    #[test]
    fn a_held_or_disabled_lane_gives_nothing_until_its_time() {
        let mut l = lanes(8, 1 << 20);
        l.update(E, 1, Some(at(500)));
        assert!(!l.try_lease(E, 1, at(499)));
        l.note_due(E, at(100));
        assert_eq!(l.pop_ready(at(499)), None);
        assert_eq!(l.pop_ready(at(500)), Some((E, 1)));
        l.set_enabled(E, false, at(500));
        l.note_due(E, at(10));
        assert_eq!(l.pop_ready(at(600)), None);
        l.get_mut(E).unwrap().waiting = 1;
        l.set_enabled(E, true, at(600));
        assert_eq!(l.pop_ready(at(600)), Some((E, 4)));
    }
}
