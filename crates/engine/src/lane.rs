//! One endpoint's work in memory, and how much of it may be under way.
//!
//! **Invariant:** attempts under way never exceed the lane's limit, which is never above the setting.

use crate::throttle::Throttle;
use domain::{EndpointRoute, LaneSignal, Timestamp};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use store::{LaneUpdate, Lease};

/// Failures in a row, each of which asked for less, after which the lane is held.
const HOLD_AFTER: u32 = 5;
const HOLD_FIRST: Duration = Duration::from_secs(1);
const HOLD_MAX: Duration = Duration::from_secs(60);
/// Deliveries in memory of a lane that is being probed.
const PROBE_CAPACITY: u32 = 4;

pub(crate) struct Lane<T> {
    pub queue: VecDeque<Lease>,
    pub in_flight: u32,
    pub route: Arc<EndpointRoute>,
    /// The configuration generation that `route` was looked up in.
    pub generation: u64,
    /// What the courier made of `route`.
    pub target: Option<Arc<T>>,
    pub host: Arc<str>,
    pub throttle: Option<Throttle>,
    /// Stands in the dispatcher's round, or waits in its host's queue or for a timer.
    pub placed: bool,
    health: Health,
}

/// Adapts a lane's concurrency: halved by answers that ask for less, restored by successes.
pub(crate) struct Health {
    limit: u32,
    limit_max: u32,
    /// Answers in a row that asked for less.
    slowed: u32,
    /// Holds in a row.
    held: u32,
    hold_until: Timestamp,
}

impl Health {
    pub fn new(limit_max: u32) -> Self {
        Health { limit: limit_max, limit_max, slowed: 0, held: 0, hold_until: Timestamp(0) }
    }

    /// What the store is to do about the lane, if anything changed.
    pub fn note(&mut self, signal: LaneSignal, capacity: u32, now: Timestamp) -> Option<LaneUpdate> {
        match signal {
            LaneSignal::Healthy => {
                let recovered = self.held > 0;
                self.limit = self.limit.saturating_mul(2).min(self.limit_max);
                (self.slowed, self.held) = (0, 0);
                recovered.then_some(LaneUpdate { capacity, hold_until: None })
            }
            // The receiver works: it is this delivery that it refuses.
            LaneSignal::Failed | LaneSignal::Gone => None,
            LaneSignal::SlowDown(asked) => {
                self.limit = (self.limit / 2).max(1);
                self.slowed += 1;
                if self.slowed < HOLD_AFTER && self.held == 0 {
                    return (!asked.is_zero()).then(|| LaneUpdate { capacity, hold_until: Some(now.plus(asked)) });
                }
                if now < self.hold_until {
                    // Began before the hold: says nothing that the hold doesn't know.
                    return None;
                }
                let pause = HOLD_FIRST.saturating_mul(1 << self.held.min(6)).min(HOLD_MAX).max(asked);
                self.held += 1;
                self.limit = 1;
                self.hold_until = now.plus(pause);
                Some(LaneUpdate { capacity: PROBE_CAPACITY, hold_until: Some(self.hold_until) })
            }
        }
    }
}

impl<T> Lane<T> {
    pub fn new(route: Arc<EndpointRoute>, generation: u64, limit: u32) -> Self {
        let mut lane = Lane {
            queue: VecDeque::new(),
            in_flight: 0,
            host: host_of(&route.url).into(),
            throttle: None,
            route,
            generation,
            target: None,
            placed: false,
            health: Health::new(limit),
        };
        lane.retune();
        lane
    }

    pub fn has_room(&self) -> bool {
        self.in_flight < self.health.limit
    }
    pub fn note(&mut self, signal: LaneSignal, capacity: u32, now: Timestamp) -> Option<LaneUpdate> {
        self.health.note(signal, capacity, now)
    }
    /// Held, or being probed: what waits in memory is better off on disk.
    pub fn is_held(&self) -> bool {
        self.health.held > 0
    }

    /// The endpoint's configuration is now this.
    pub fn reroute(&mut self, route: Arc<EndpointRoute>, generation: u64) {
        self.generation = generation;
        if Arc::ptr_eq(&self.route, &route) {
            return;
        }
        if self.route.url != route.url {
            // Another receiver: what was learnt of the old one doesn't hold.
            self.host = host_of(&route.url).into();
            self.health = Health::new(self.health.limit_max);
        }
        self.route = route;
        self.target = None;
        self.retune();
    }

    fn retune(&mut self) {
        let rate = self.route.throttle_rate;
        if self.throttle.as_ref().map(Throttle::rate) != rate {
            self.throttle = rate.map(Throttle::new);
        }
    }
}

/// Scheme, host and port: the part of a URL that shares a receiver.
fn host_of(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |i| i + 3);
    let rest = url.get(after_scheme..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).map_or(url.len(), |i| after_scheme + i);
    url.get(..end).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn a_receiver_that_never_answers_is_held_ever_longer_and_forgiven_at_the_first_success() {
        let mut h = Health::new(64);
        let dead = LaneSignal::SlowDown(Duration::ZERO);
        for _ in 1..HOLD_AFTER {
            assert_eq!(h.note(dead, 1024, NOW), None);
        }
        let mut now = NOW;
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            let until = now.plus(Duration::from_secs(pause));
            let held = LaneUpdate { capacity: PROBE_CAPACITY, hold_until: Some(until) };
            assert_eq!(h.note(dead, 1024, now), Some(held));
            assert_eq!(h.note(dead, 1024, now), None, "one wave of failures counts once");
            assert_eq!(h.limit, 1);
            now = until;
        }
        assert_eq!(h.note(LaneSignal::Healthy, 1024, now), Some(LaneUpdate { capacity: 1024, hold_until: None }));
        for _ in 0..10 {
            h.note(LaneSignal::Healthy, 1024, NOW);
        }
        assert_eq!(h.limit, 64);
    }

    #[test]
    fn an_overloaded_receiver_gets_its_pause_and_a_failing_one_keeps_its_pace() {
        let mut h = Health::new(64);
        let asked = Duration::from_secs(7);
        let update = h.note(LaneSignal::SlowDown(asked), 1024, NOW);
        assert_eq!(update, Some(LaneUpdate { capacity: 1024, hold_until: Some(NOW.plus(asked)) }));
        assert_eq!(h.limit, 32);
        assert_eq!(h.note(LaneSignal::Failed, 1024, NOW), None);
        assert_eq!(h.limit, 32);
    }

    #[test]
    fn the_host_is_what_endpoints_share() {
        for (url, host) in [
            ("https://a.example.com/x?y=/z", "https://a.example.com"),
            ("http://a.example.com:8080", "http://a.example.com:8080"),
            ("https://a.example.com?x", "https://a.example.com"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(host_of(url), host);
        }
    }
}
