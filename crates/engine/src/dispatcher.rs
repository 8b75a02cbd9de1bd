//! Which delivery goes next: the engine's decisions, without its network.
//!
//! Driven by the engine's tasks, and step by step by the simulation. **Invariant:** pure: no clock, no I/O, no store. A
//! lease that comes in goes out exactly once, to an attempt or in a settlement.

use crate::lane::Lane;
use crate::throttle::Throttle;
use bytes::Bytes;
use domain::{
    AppId, AttemptReport, Cause, Decision, EndpointId, EndpointRoute, LaneSignal, Outcome, RetrySchedule, Timestamp,
    decide,
};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use store::{LaneUpdate, Lease, NewAttempt, Next, Settlement};

/// The limits that a dispatcher keeps.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Attempts under way at once, in all.
    pub global: u32,
    /// ... of one endpoint.
    pub per_endpoint: u32,
    /// ... to one scheme, host and port.
    pub per_host: u32,
    /// Deliveries of one endpoint kept in memory.
    pub lane_capacity: u32,
    pub schedule: RetrySchedule,
}

/// Wall time and monotonic time of one moment.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub wall: Timestamp,
    pub monotonic_us: u64,
}

/// Looks up the present configuration.
pub trait Configuration {
    /// Changes whenever any configuration does.
    fn generation(&self) -> u64;
    /// `None` when the endpoint was deleted.
    fn current(&self, endpoint: &EndpointRoute) -> Option<Arc<EndpointRoute>>;
}

/// What to do next.
#[derive(Debug)]
pub enum Step<T> {
    Attempt(Job<T>),
    /// No attempt: record this.
    Settle(Settlement),
}

/// A delivery to attempt now.
#[derive(Debug)]
pub struct Job<T> {
    pub lease: Lease,
    pub route: Arc<EndpointRoute>,
    /// What was prepared for this endpoint before; hand it to [`Dispatcher::prepared`] when it was `None`.
    pub target: Option<Arc<T>>,
    host: Arc<str>,
}

/// Whether a lane may go on.
enum Gate {
    Open,
    /// Too much is under way to its host.
    Host,
    /// Its next token comes at this time.
    At(u64),
}

#[derive(Default)]
struct Host {
    in_flight: u32,
    blocked: VecDeque<EndpointId>,
}

pub struct Dispatcher<T> {
    limits: Limits,
    lanes: HashMap<EndpointId, Lane<T>>,
    /// Lanes with work, room and tokens, served in turn.
    round: VecDeque<EndpointId>,
    /// Lanes that wait for a token, by monotonic time.
    timers: BinaryHeap<Reverse<(u64, EndpointId)>>,
    hosts: HashMap<Arc<str>, Host>,
    apps: HashMap<AppId, Throttle>,
    in_flight: u32,
    queued: usize,
    stopping: bool,
}

/// Idle lanes kept, with what was prepared for them.
const IDLE_LANES_MAX: usize = 20_000;

impl<T> Dispatcher<T> {
    pub fn new(limits: Limits) -> Self {
        Dispatcher {
            limits,
            lanes: HashMap::new(),
            round: VecDeque::new(),
            timers: BinaryHeap::new(),
            hosts: HashMap::new(),
            apps: HashMap::new(),
            in_flight: 0,
            queued: 0,
            stopping: false,
        }
    }

    /// Attempts under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }
    /// Leases in memory that wait for their turn.
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// Takes a lease in. While stopping, it goes straight back.
    pub fn add(&mut self, lease: Lease, generation: u64, now: Now) -> Option<Settlement> {
        if self.stopping {
            return Some(released(lease, now.wall));
        }
        let id = lease.key.endpoint;
        if self.lanes.len() > IDLE_LANES_MAX && !self.lanes.contains_key(&id) {
            self.lanes.retain(|_, l| l.in_flight > 0 || !l.queue.is_empty() || l.is_held());
        }
        let limit = self.limits.per_endpoint;
        let lane = self.lanes.entry(id).or_insert_with(|| Lane::new(lease.endpoint.clone(), generation, limit));
        lane.queue.push_back(lease);
        self.queued += 1;
        self.place(id, now.monotonic_us);
        None
    }

    /// The next thing to do, if limits allow one.
    pub fn next(&mut self, configuration: &impl Configuration, now: Now) -> Option<Step<T>> {
        self.wake(now.monotonic_us);
        if self.in_flight >= self.limits.global {
            return None;
        }
        while let Some(id) = self.round.pop_front() {
            let Some(lane) = self.lanes.get_mut(&id) else { continue };
            lane.placed = false;
            let host = lane.host.clone();
            let step = self.step(id, configuration, now);
            if !matches!(&step, Some(Step::Attempt(job)) if job.host == host) {
                // The room that its host may have had for it goes to the next.
                self.place(id, now.monotonic_us);
                self.unblock(&host, now.monotonic_us);
            }
            if step.is_some() {
                return step;
            }
        }
        None
    }

    /// What the lane's next lease needs, by the present configuration; `None` when the lane has to wait after all.
    fn step(&mut self, id: EndpointId, configuration: &impl Configuration, now: Now) -> Option<Step<T>> {
        let lane = self.lanes.get_mut(&id)?;
        let generation = configuration.generation();
        if lane.generation != generation && !lane.queue.is_empty() {
            match configuration.current(&lane.route) {
                Some(route) => lane.reroute(route, generation),
                None => {
                    self.queued -= 1;
                    return lane.queue.pop_front().map(|l| Step::Settle(settlement(l, None, Next::Canceled, None)));
                }
            }
        }
        // Asked again: another lane may have taken the room or the token meanwhile, or the lane has another host now.
        if !matches!(gate(lane, &self.hosts, &mut self.apps, &self.limits, now.monotonic_us), Gate::Open) {
            return None;
        }
        let lease = lane.queue.pop_front()?;
        self.queued -= 1;
        if !may_attempt(&lane.route, &lease) {
            return Some(Step::Settle(released(lease, now.wall)));
        }
        let job = Job { lease, route: lane.route.clone(), target: lane.target.clone(), host: lane.host.clone() };
        self.begin(id, now.monotonic_us);
        Some(Step::Attempt(job))
    }

    /// Keeps what was prepared for an endpoint, if its configuration is still the same.
    pub fn prepared(&mut self, route: &Arc<EndpointRoute>, target: &Arc<T>) {
        if let Some(lane) = self.lanes.get_mut(&route.endpoint)
            && Arc::ptr_eq(&lane.route, route)
        {
            lane.target = Some(target.clone());
        }
    }

    /// An attempt ended: what to record. `jitter` is uniform. What a held lane had queued comes back too.
    pub fn finished(&mut self, job: Job<T>, report: &AttemptReport, now: Now, jitter: u32) -> Vec<Settlement> {
        let Job { lease, host, route, .. } = job;
        let id = lease.key.endpoint;
        self.in_flight = self.in_flight.saturating_sub(1);
        let attempt = lease.attempts + 1;
        let decision = decide(attempt, lease.cause, &report.outcome, &self.limits.schedule, now.wall, jitter);
        let next = match decision {
            Decision::Delivered => Next::Delivered,
            Decision::RetryAt(at) => Next::RetryAt(at),
            Decision::Dead(reason) => Next::Dead(reason),
        };
        let signal = LaneSignal::of(&report.outcome, now.wall);
        let capacity = self.limits.lane_capacity;
        let mut update = None;
        let mut back = Vec::new();
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.in_flight = lane.in_flight.saturating_sub(1);
            update = lane.note(signal, capacity, now.wall);
            let until = update.and_then(|u| u.hold_until);
            if let Some(until) = until {
                self.queued -= lane.queue.len();
                back.extend(lane.queue.drain(..).map(|l| released(l, until)));
            }
        }
        self.leave_host(&host, now.monotonic_us);
        self.place(id, now.monotonic_us);
        let mut all = Vec::with_capacity(1 + back.len());
        let mut first = settlement(lease, Some(report), next, update);
        // What was attempted, which may have changed since it was leased.
        first.endpoint = route;
        all.push(first);
        all.append(&mut back);
        all
    }

    /// When a lane that waits for a token may go on, in monotonic microseconds.
    pub fn next_wake_us(&self) -> Option<u64> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// Starts nothing more; returns what was waiting.
    pub fn stop(&mut self, now: Now) -> Vec<Settlement> {
        self.stopping = true;
        self.round.clear();
        self.queued = 0;
        let waiting = self.lanes.values_mut().flat_map(|l| l.queue.drain(..));
        waiting.map(|lease| released(lease, now.wall)).collect()
    }

    fn begin(&mut self, id: EndpointId, now_us: u64) {
        self.in_flight += 1;
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.in_flight += 1;
            if let Some(t) = &mut lane.throttle {
                t.take(now_us);
            }
            if lane.route.app_throttle_rate.is_some()
                && let Some(t) = self.apps.get_mut(&lane.route.app)
            {
                t.take(now_us);
            }
            self.hosts.entry(lane.host.clone()).or_default().in_flight += 1;
        }
        self.place(id, now_us);
    }

    /// Puts a lane where it belongs: in the round (`true`), with its host's blocked lanes, on a timer, or nowhere.
    fn place(&mut self, id: EndpointId, now_us: u64) -> bool {
        let Some(lane) = self.lanes.get_mut(&id) else { return false };
        if lane.placed || lane.queue.is_empty() || !lane.has_room() {
            return false;
        }
        lane.placed = true;
        let gate = gate(lane, &self.hosts, &mut self.apps, &self.limits, now_us);
        let open = matches!(gate, Gate::Open);
        match gate {
            Gate::Open => self.round.push_back(id),
            Gate::Host => self.hosts.entry(lane.host.clone()).or_default().blocked.push_back(id),
            Gate::At(at) => self.timers.push(Reverse((at, id))),
        }
        open
    }

    /// Lanes whose token has come are placed again: another lane may have taken the application's meanwhile.
    fn wake(&mut self, now_us: u64) {
        while let Some(Reverse((at, id))) = self.timers.peek().copied() {
            if at > now_us {
                return;
            }
            self.timers.pop();
            if let Some(lane) = self.lanes.get_mut(&id) {
                lane.placed = false;
            }
            self.place(id, now_us);
        }
    }

    fn leave_host(&mut self, name: &Arc<str>, now_us: u64) {
        let Some(host) = self.hosts.get_mut(name) else { return };
        host.in_flight = host.in_flight.saturating_sub(1);
        self.unblock(name, now_us);
    }

    /// Lets a lane that waits for its host go on, if there is room: the first that has something to send.
    fn unblock(&mut self, name: &Arc<str>, now_us: u64) {
        while let Some(host) = self.hosts.get_mut(name) {
            if host.in_flight >= self.limits.per_host {
                return;
            }
            let Some(id) = host.blocked.pop_front() else {
                if host.in_flight == 0 {
                    self.hosts.remove(name);
                }
                return;
            };
            if let Some(lane) = self.lanes.get_mut(&id) {
                lane.placed = false;
            }
            if self.place(id, now_us) {
                return;
            }
        }
    }
}

fn gate<T>(
    lane: &Lane<T>,
    hosts: &HashMap<Arc<str>, Host>,
    apps: &mut HashMap<AppId, Throttle>,
    limits: &Limits,
    now_us: u64,
) -> Gate {
    if hosts.get(&lane.host).is_some_and(|h| h.in_flight >= limits.per_host) {
        return Gate::Host;
    }
    let mut ready_at = lane.throttle.as_ref().map_or(0, Throttle::ready_at_us);
    if let Some(rate) = lane.route.app_throttle_rate {
        let app = apps.entry(lane.route.app).or_insert_with(|| Throttle::new(rate));
        if app.rate() != rate {
            *app = Throttle::new(rate);
        }
        ready_at = ready_at.max(app.ready_at_us());
    }
    if ready_at > now_us { Gate::At(ready_at) } else { Gate::Open }
}

/// Not while its endpoint is disabled or paused, unless a person resends: he was asked whether he means it. What he
/// resent before a pause waits with the rest.
fn may_attempt(route: &EndpointRoute, lease: &Lease) -> bool {
    let forced = lease.cause == Cause::Resend;
    let paused = route.paused_at.is_some() && !(forced && lease.endpoint.paused_at.is_some());
    !paused && (forced || !route.disabled)
}

fn released(lease: Lease, due: Timestamp) -> Settlement {
    settlement(lease, None, Next::Released(due), None)
}

fn settlement(lease: Lease, report: Option<&AttemptReport>, next: Next, lane: Option<LaneUpdate>) -> Settlement {
    Settlement {
        key: lease.key,
        cause: lease.cause,
        attempts: lease.attempts,
        payload_bytes: u32::try_from(lease.bytes()).unwrap_or(u32::MAX),
        attempt: report.map(|r| NewAttempt {
            success: r.outcome.is_success(),
            status_code: r.outcome.status(),
            duration_us: r.duration_us,
            response: response_of(r),
            gone: matches!(r.outcome, Outcome::Responded { status: 410, .. }),
            detail: r.detail.pack(),
        }),
        next,
        lane,
        endpoint: lease.endpoint,
    }
}

/// What the receiver said, or why it said nothing.
fn response_of(report: &AttemptReport) -> Bytes {
    match report.outcome.explanation() {
        Some(text) => Bytes::from_static(text.as_bytes()),
        None => report.response.clone(),
    }
}

#[cfg(test)]
mod tests;
