//! The lanes of the store, by stories and at random.

use super::*;
use proptest::prelude::*;

const E: EndpointId = EndpointId(7);
const F: EndpointId = EndpointId(8);

fn at(t: i64) -> Timestamp {
    Timestamp(t)
}
fn lanes(capacity: u32, bytes: u64) -> Lanes {
    let mut l = Lanes::new(capacity, bytes);
    l.add(E, AppId(1), true, None);
    l.add(F, AppId(1), true, None);
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
        assert!(l.try_claim(E, 1, at(100)));
    }
    l.set_next_due(E, Some(at(100)), at(100));
    assert_eq!(l.pop_ready(at(200)), None, "waits until room comes");
    assert_eq!(l.next_wake(), None);
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
    l.count(E, 1, 0);
    l.set_enabled(E, true, at(600));
    assert_eq!(l.pop_ready(at(600)), Some((E, 4)));
}

#[test]
fn a_payload_larger_than_all_memory_goes_alone() {
    let mut l = lanes(8, 1000);
    assert!(l.try_claim(E, 5000, at(0)));
    l.note_due(E, at(0));
    assert_eq!(l.pop_ready(at(0)), None);
    assert_eq!(l.next_wake(), None, "no polling while memory is short");
    l.give_back(E, 5000, at(1));
    assert_eq!(l.pop_ready(at(1)), Some((E, 4)));
}

#[test]
fn a_claim_that_finds_no_memory_waits_for_some_instead_of_asking_again() {
    let mut l = lanes(8, 4 * LEASE_BYTES);
    assert!(l.try_lease(F, 100, at(0)));
    l.note_due(E, at(0));
    assert_eq!(l.pop_ready(at(0)), Some((E, 4)));
    assert!(!l.try_claim(E, 4000, at(0)), "not full, but too full for this one");
    l.set_next_due(E, Some(at(0)), at(0));
    assert_eq!((l.pop_ready(at(9)), l.next_wake()), (None, None));
    l.give_back(F, 100, at(9));
    assert_eq!(l.pop_ready(at(9)), Some((E, 4)));
}

#[test]
fn while_a_backlog_waits_for_memory_new_messages_leave_half_of_it() {
    let mut l = lanes(100, 8 * LEASE_BYTES);
    for _ in 0..8 {
        assert!(l.try_lease(F, 0, at(0)));
    }
    l.note_due(E, at(0));
    assert_eq!(l.pop_ready(at(0)), None);
    l.give_back(F, 0, at(1));
    assert!(!l.try_lease(F, 0, at(1)));
    l.give_back(F, 0, at(1));
    assert_eq!(l.pop_ready(at(1)), Some((E, 50)));
    assert!(l.try_claim(E, 0, at(1)));
}

#[test]
fn lanes_with_a_backlog_take_turns() {
    let mut l = lanes(1000, 1 << 30);
    l.note_due(E, at(10));
    l.note_due(F, at(20));
    let mut order = Vec::new();
    for t in 100..106 {
        let (e, _) = l.pop_ready(at(t)).unwrap();
        order.push(e);
        l.set_next_due(e, Some(at(10)), at(t));
    }
    assert_eq!(order, [E, F, E, F, E, F]);
}

#[test]
fn a_clock_set_back_holds_nobody_up() {
    let mut l = lanes(8, 1 << 20);
    l.note_due(E, at(10));
    assert_eq!(l.pop_ready(at(5000)), Some((E, 4)));
    l.set_next_due(E, Some(at(10)), at(5000));
    assert_eq!(l.pop_ready(at(100)), Some((E, 4)));
}

#[test]
fn a_removed_lane_goes_with_its_last_lease_and_counts_no_more() {
    let mut l = lanes(8, 1 << 20);
    assert!(l.try_lease(E, 1, at(0)));
    l.count(E, 3, 2);
    l.note_due(E, at(0));
    l.remove(E);
    assert_eq!((l.totals(), l.next_wake()), ((0, 0), None));
    l.set_enabled(E, true, at(1));
    assert!(!l.try_lease(E, 1, at(1)));
    l.give_back(E, 1, at(1));
    assert!(l.get_mut(E).is_none());
}

#[derive(Clone, Debug)]
enum Step {
    Lease(usize, usize),
    GiveBack(usize),
    Due(usize, i64),
    Update(usize, u32, Option<i64>),
    Enable(usize, bool),
    Claim,
}

fn step() -> impl Strategy<Value = Step> {
    let lane = || 0usize..3;
    prop_oneof![
        (lane(), 0usize..3000).prop_map(|(l, b)| Step::Lease(l, b)),
        any::<prop::sample::Index>().prop_map(|i| Step::GiveBack(i.index(64))),
        (lane(), -50i64..50).prop_map(|(l, d)| Step::Due(l, d)),
        (lane(), 0u32..10, prop::option::of(-50i64..50)).prop_map(|(l, c, h)| Step::Update(l, c, h)),
        (lane(), any::<bool>()).prop_map(|(l, e)| Step::Enable(l, e)),
        Just(Step::Claim),
    ]
}

/// Lanes beside a store that is only a list of due times.
struct World {
    lanes: Lanes,
    disk: [Vec<i64>; 3],
    memory: Vec<(usize, usize)>,
    now: i64,
}

impl World {
    fn run(&mut self, s: Step) {
        let now = at(self.now);
        match s {
            Step::Lease(l, b) => {
                if self.lanes.try_lease(EndpointId(l as i64), b, now) {
                    self.memory.push((l, b));
                }
            }
            Step::GiveBack(i) if !self.memory.is_empty() => {
                let (l, b) = self.memory.swap_remove(i % self.memory.len());
                self.lanes.give_back(EndpointId(l as i64), b, now);
            }
            Step::GiveBack(_) => {}
            Step::Due(l, d) => {
                self.disk[l].push(self.now + d);
                self.lanes.count(EndpointId(l as i64), 1, 0);
                self.lanes.note_due(EndpointId(l as i64), at(self.now + d));
            }
            Step::Update(l, c, h) => self.lanes.update(EndpointId(l as i64), c, h.map(|h| at(self.now + h))),
            Step::Enable(l, e) => self.lanes.set_enabled(EndpointId(l as i64), e, now),
            Step::Claim => self.claim(),
        }
    }
    fn claim(&mut self) {
        let now = at(self.now);
        let mut rounds = 0;
        while let Some((e, room)) = self.lanes.pop_ready(now) {
            rounds += 1;
            assert!(rounds < 1000, "a lane is offered again and again");
            let l = e.0 as usize;
            self.disk[l].sort_unstable();
            for _ in 0..room {
                let Some(due) = self.disk[l].first().copied().filter(|d| *d <= self.now) else { break };
                let bytes = (due.unsigned_abs() as usize * 37) % 3000;
                if !self.lanes.try_claim(e, bytes, now) {
                    break;
                }
                self.disk[l].remove(0);
                self.lanes.count(e, -1, 0);
                self.memory.push((l, bytes));
            }
            let next = self.disk[l].iter().min().copied();
            self.lanes.set_next_due(e, next.map(at), now);
        }
        assert!(self.lanes.next_wake().is_none_or(|t| t > now), "nothing that can't be done now wakes the writer now");
    }
}

proptest! {
    #[test]
    fn no_wake_up_is_lost_and_none_is_in_vain(steps in prop::collection::vec((step(), 0i64..30), 1..120)) {
        let mut w = World { lanes: Lanes::new(8, 8000), disk: Default::default(), memory: Vec::new(), now: 1000 };
        for l in 0..3 {
            w.lanes.add(EndpointId(l), AppId(1), true, None);
        }
        for (s, dt) in steps {
            w.now += dt;
            w.run(s);
            prop_assert!(w.lanes.wake.len() <= 3);
        }
        // Whatever happened: with all lanes open and every lease given back, everything comes out.
        for l in 0..3 {
            w.lanes.set_enabled(EndpointId(l), true, at(w.now));
            w.lanes.update(EndpointId(l), 8, None);
        }
        w.now += 1000;
        for _ in 0..1000 {
            w.claim();
            while let Some((l, b)) = w.memory.pop() {
                w.lanes.give_back(EndpointId(l as i64), b, at(w.now));
            }
        }
        prop_assert_eq!(w.disk.iter().map(Vec::len).sum::<usize>(), 0);
        prop_assert_eq!(w.lanes.totals(), (0, 0));
        prop_assert_eq!(w.lanes.in_memory(), (0, 0));
    }
}
