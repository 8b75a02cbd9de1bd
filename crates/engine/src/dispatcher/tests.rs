//! The dispatcher's promises, on leases and clocks of the test's own.

use super::*;
use domain::{DeliveryKey, MessageId, Stage, Subscription};
use proptest::prelude::*;
use std::cell::RefCell;
use std::time::Duration;

/// What the configuration says at present.
#[derive(Default)]
struct Present {
    generation: u64,
    changed: RefCell<HashMap<EndpointId, Option<Arc<EndpointRoute>>>>,
}

impl Configuration for Present {
    fn generation(&self) -> u64 {
        self.generation
    }
    fn current(&self, endpoint: &EndpointRoute) -> Option<Arc<EndpointRoute>> {
        match self.changed.borrow().get(&endpoint.endpoint) {
            Some(changed) => changed.clone(),
            None => Some(route(endpoint.endpoint.0, None, false)),
        }
    }
}

fn route(endpoint: i64, throttle_rate: Option<u32>, disabled: bool) -> Arc<EndpointRoute> {
    Arc::new(EndpointRoute {
        app: AppId(1),
        endpoint: EndpointId(endpoint),
        url: format!("https://host{}.example.com/", endpoint % 3).into(),
        url_version: 1,
        disabled,
        paused_at: None,
        subscription: Subscription::default(),
        first_per: None,
        first_per_version: 0,
        hook: false,
        throttle_rate,
        app_throttle_rate: None,
        headers_sealed: Box::default(),
        secrets: Vec::new(),
    })
}

fn lease(message: i64, route: &Arc<EndpointRoute>) -> Lease {
    Lease {
        key: DeliveryKey { message: MessageId(message), endpoint: route.endpoint, ordinal: 0 },
        attempts: 0,
        cause: Cause::Subscribed,
        endpoint: route.clone(),
        payload: Bytes::from_static(b"{}"),
        passage: None,
    }
}

fn at(ms: u64) -> Now {
    Now { wall: Timestamp(1_800_000_000_000 + ms as i64), monotonic_us: 1 + ms * 1000 }
}

fn limits() -> Limits {
    Limits { global: 8, per_endpoint: 3, per_host: 5, lane_capacity: 100, schedule: RetrySchedule::default() }
}

fn report(outcome: Outcome) -> AttemptReport {
    AttemptReport { duration_us: 1, ..AttemptReport::unattempted(outcome) }
}
fn ok() -> AttemptReport {
    report(Outcome::Responded { status: 200, retry_after: None })
}

fn jobs(d: &mut Dispatcher<()>, present: &Present, now: Now) -> Vec<Job<()>> {
    std::iter::from_fn(|| match d.next(present, now)? {
        Step::Attempt(job) => Some(job),
        Step::Settle(s) => panic!("settled {:?}", s.next),
    })
    .collect()
}

#[test]
fn lanes_are_served_in_turn_and_no_limit_is_passed() {
    let (mut d, present) = (Dispatcher::<()>::new(limits()), Present::default());
    for m in 0..10 {
        for e in [0, 3, 1, 2] {
            assert!(d.add(lease(m, &route(e, None, false)), 0, at(0)).is_none());
        }
    }
    let started = jobs(&mut d, &present, at(0));
    let count = |e| started.iter().filter(|j| j.route.endpoint == EndpointId(e)).count();
    assert_eq!(started.len(), 8, "the global limit");
    assert_eq!((count(0), count(3), count(1), count(2)), (2, 2, 2, 2), "round robin");
    assert_eq!(d.in_flight(), 8);
    assert_eq!(d.queued(), 32);
}

#[test]
fn a_full_host_blocks_its_own_lanes_only_and_they_go_on_as_it_frees() {
    let (mut d, present) = (Dispatcher::<()>::new(Limits { global: 100, ..limits() }), Present::default());
    for m in 0..3 {
        for e in [0, 3, 6, 1] {
            d.add(lease(m, &route(e, None, false)), 0, at(0));
        }
    }
    let mut started = jobs(&mut d, &present, at(0));
    let on_host = |started: &[Job<()>]| started.iter().filter(|j| j.route.endpoint.0 % 3 == 0).count();
    assert_eq!(on_host(&started), 5, "the host's limit");
    assert_eq!(started.len(), 8, "and all of the other host's");
    let mut done = 0;
    while let Some(job) = started.pop() {
        done += d.finished(job, &ok(), at(1), 0).len();
        started.extend(jobs(&mut d, &present, at(1)));
        assert!(on_host(&started) <= 5);
    }
    assert_eq!(done, 12);
    assert_eq!((d.in_flight(), d.queued()), (0, 0));
    assert!(d.hosts.is_empty(), "no host is remembered without work");
}

#[test]
fn a_throttled_lane_waits_for_its_tokens_and_others_do_not() {
    let (mut d, present) = (Dispatcher::<()>::new(limits()), Present::default());
    let slow = route(4, Some(10), false);
    present.changed.borrow_mut().insert(slow.endpoint, Some(slow.clone()));
    for m in 0..3 {
        d.add(lease(m, &slow), 0, at(0));
    }
    d.add(lease(9, &route(5, None, false)), 0, at(0));
    let first = jobs(&mut d, &present, at(0));
    assert_eq!(first.len(), 2, "one token, and the other lane");
    let wake = d.next_wake_us().unwrap();
    assert!((90_000..=100_001).contains(&wake), "{wake}");
    assert!(jobs(&mut d, &present, at(50)).is_empty());
    assert_eq!(jobs(&mut d, &present, at(100)).len(), 1);
    assert_eq!(jobs(&mut d, &present, at(200)).len(), 1);
}

#[test]
fn a_changed_configuration_counts_from_the_next_attempt_on() {
    let (mut d, mut present) = (Dispatcher::<()>::new(limits()), Present::default());
    for e in [1, 2, 4] {
        d.add(lease(e, &route(e, None, false)), 0, at(0));
    }
    present.generation = 1;
    present.changed.borrow_mut().insert(EndpointId(1), None);
    present.changed.borrow_mut().insert(EndpointId(2), Some(route(2, None, true)));
    let next: Vec<_> = std::iter::from_fn(|| d.next(&present, at(0))).collect();
    match next.as_slice() {
        [Step::Settle(gone), Step::Settle(off), Step::Attempt(job)] => {
            assert_eq!(gone.next, Next::Canceled);
            assert_eq!(off.next, Next::Released(at(0).wall));
            assert_eq!(job.route.endpoint, EndpointId(4));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_dead_receiver_gives_its_queue_back_to_the_disk() {
    let (mut d, present) = (Dispatcher::<()>::new(limits()), Present::default());
    let dead = route(1, None, false);
    for m in 0..20 {
        d.add(lease(m, &dead), 0, at(0));
    }
    let mut settled = Vec::new();
    while let Some(Step::Attempt(job)) = d.next(&present, at(0)) {
        settled.extend(d.finished(job, &report(Outcome::TimedOut { stage: Stage::Connect }), at(0), 0));
    }
    let retried = settled.iter().filter(|s| matches!(s.next, Next::RetryAt(_))).count();
    let released = settled.iter().filter(|s| matches!(s.next, Next::Released(_))).count();
    assert_eq!((retried, released), (5, 15), "five tries, then the lane is held");
    let hold = settled.iter().find_map(|s| s.lane?.hold_until).unwrap();
    assert_eq!(hold, at(0).wall.plus(Duration::from_secs(1)));
    assert_eq!(d.queued(), 0);
}

proptest! {
    #[test]
    fn a_lease_that_comes_in_goes_out_exactly_once(
        steps in prop::collection::vec((0u8..6, 0i64..7, 0u64..400), 1..200),
    ) {
        let (mut d, mut present) = (Dispatcher::<()>::new(limits()), Present::default());
        let (mut now, mut added, mut out) = (0, 0i64, Vec::new());
        let mut flying: Vec<Job<()>> = Vec::new();
        for (what, n, ms) in steps {
            now += ms;
            match what {
                0 | 1 => {
                    added += 1;
                    let rate = (n == 6).then_some(5);
                    let route = route(n, rate, false);
                    out.extend(d.add(lease(added, &route), present.generation, at(now)).map(|s| s.key));
                }
                2 | 3 => {
                    while let Some(step) = d.next(&present, at(now)) {
                        match step {
                            Step::Attempt(job) => flying.push(job),
                            Step::Settle(s) => out.push(s.key),
                        }
                    }
                }
                4 => if let Some(job) = flying.pop() {
                    let outcome = match n {
                        0 | 1 => Outcome::TimedOut { stage: Stage::Response },
                        n => Outcome::Responded { status: 200 + 100 * (n as u16 - 2), retry_after: None },
                    };
                    out.extend(d.finished(job, &report(outcome), at(now), 0).iter().map(|s| s.key));
                },
                _ => {
                    present.generation += 1;
                    let state = (n % 3 != 0).then(|| route(n, None, n % 3 == 1));
                    present.changed.borrow_mut().insert(EndpointId(n), state);
                }
            }
            prop_assert!(flying.len() <= 8 && d.in_flight() as usize == flying.len());
            for e in 0..7 {
                prop_assert!(flying.iter().filter(|j| j.route.endpoint == EndpointId(e)).count() <= 3);
            }
        }
        out.extend(d.stop(at(now)).iter().map(|s| s.key));
        for job in flying {
            out.extend(d.finished(job, &ok(), at(now), 0).iter().map(|s| s.key));
        }
        prop_assert_eq!((d.in_flight(), d.queued()), (0, 0));
        prop_assert!(d.next(&present, at(now + 100_000)).is_none());
        prop_assert_eq!(out.len() as i64, added);
        out.sort();
        out.dedup();
        prop_assert_eq!(out.len() as i64, added);
    }
}

#[test]
fn the_endpoints_of_a_throttled_application_share_its_tokens() {
    let (mut d, present) = (Dispatcher::<()>::new(limits()), Present::default());
    let of_app = |e| {
        let mut r = Arc::into_inner(route(e, None, false)).unwrap();
        r.app_throttle_rate = Some(10);
        Arc::new(r)
    };
    for e in [1, 2] {
        let shared = of_app(e);
        present.changed.borrow_mut().insert(shared.endpoint, Some(shared.clone()));
        for m in 0..3 {
            d.add(lease(m, &shared), 0, at(0));
        }
    }
    let mut started = Vec::new();
    for ms in (0..=500).step_by(50) {
        started.push(jobs(&mut d, &present, at(ms)).len());
    }
    assert_eq!(started.iter().sum::<usize>(), 6, "{started:?}");
    assert!(started.iter().step_by(2).all(|n| *n == 1), "one each 100 ms, whichever endpoint's: {started:?}");
}

#[test]
fn a_resend_is_attempted_even_at_a_disabled_endpoint() {
    let (mut d, present) = (Dispatcher::<()>::new(limits()), Present::default());
    let off = route(2, None, true);
    d.add(Lease { cause: Cause::Resend, ..lease(1, &off) }, 0, at(0));
    d.add(lease(2, &off), 0, at(0));
    assert!(matches!(d.next(&present, at(0)), Some(Step::Attempt(job)) if job.lease.cause == Cause::Resend));
    assert!(matches!(d.next(&present, at(0)), Some(Step::Settle(s)) if s.next == Next::Released(at(0).wall)));
}

#[test]
fn what_is_in_memory_goes_back_when_its_endpoint_is_paused() {
    let mut d: Dispatcher<()> = Dispatcher::new(limits());
    let before = route(1, None, false);
    let mut present = Present::default();
    for n in 0..3 {
        assert!(d.add(lease(n, &before), 0, at(0)).is_none());
    }
    let paused = Arc::new(EndpointRoute { paused_at: Some(at(1).wall), ..unshared(&before) });
    let resent = |n, route| Lease { cause: Cause::Resend, ..lease(n, route) };
    assert!(d.add(resent(3, &before), 0, at(0)).is_none());
    assert!(d.add(resent(4, &paused), 0, at(0)).is_none());
    present.generation += 1;
    present.changed.borrow_mut().insert(EndpointId(1), Some(paused));
    let (mut back, mut attempted) = (Vec::new(), Vec::new());
    while let Some(step) = d.next(&present, at(5)) {
        match step {
            Step::Settle(s) => back.push((s.key.message.0, s.next)),
            Step::Attempt(job) => attempted.push(job.lease.key.message.0),
        }
    }
    assert_eq!(back, [0, 1, 2, 3].map(|n| (n, Next::Released(at(5).wall))));
    assert_eq!(attempted, [4], "whoever forced it knew that it is paused");
}

#[test]
fn an_attempt_is_recorded_with_the_url_that_it_used() {
    let mut d: Dispatcher<()> = Dispatcher::new(limits());
    let before = route(1, None, false);
    let mut present = Present::default();
    d.add(lease(0, &before), 0, at(0));
    let moved = Arc::new(EndpointRoute { url_version: 2, ..unshared(&before) });
    present.generation += 1;
    present.changed.borrow_mut().insert(EndpointId(1), Some(moved));
    let Some(Step::Attempt(job)) = d.next(&present, at(1)) else { panic!("no attempt") };
    assert_eq!(d.finished(job, &ok(), at(2), 0)[0].endpoint.url_version, 2);
}

fn unshared(route: &Arc<EndpointRoute>) -> EndpointRoute {
    let copy = self::route(route.endpoint.0, route.throttle_rate, route.disabled);
    Arc::try_unwrap(copy).unwrap_or_else(|_| panic!("shared"))
}
