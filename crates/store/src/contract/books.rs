//! Anything may happen, in any order: the books balance.

use super::world::{HOUR, SECOND, World};
use super::{Fixture, SeededRng};
use crate::*;
use domain::{AppId, DeadReason, EndpointId, Rng};
use std::collections::{HashMap, HashSet};

type F = Box<dyn Fixture>;

/// A seeded life of two applications and five endpoints.
struct Life {
    w: World,
    rng: SeededRng,
    endpoints: Vec<(AppId, EndpointId)>,
    /// Deliveries that a message was accepted for.
    accepted: usize,
    held: Vec<Lease>,
    /// Attempts made of each delivery.
    attempts: HashMap<domain::DeliveryKey, u32>,
    delivered: HashSet<domain::DeliveryKey>,
    enabled: HashSet<EndpointId>,
}

impl Life {
    fn dice(&self, n: u64) -> usize {
        (self.rng.next_u64() % n) as usize
    }

    async fn step(&mut self) {
        match self.dice(20) {
            0..=6 => self.send().await,
            7..=13 => self.settle().await,
            14..=15 => self.w.advance([SECOND, 60 * SECOND, HOUR][self.dice(3)]).await,
            16 => self.toggle().await,
            17 => self.recover().await,
            18 => self.w.sweep().await,
            _ => {
                self.w.restart().await;
                self.held.clear();
            }
        }
        for lease in self.w.take().await {
            assert!(!self.delivered.contains(&lease.key), "a settled delivery never comes back");
            assert_eq!(lease.attempts, *self.attempts.entry(lease.key).or_default());
            self.held.push(lease);
        }
        self.w.check_balance(self.accepted, &self.endpoints).await;
    }

    async fn send(&mut self) {
        let (app, _) = self.endpoints[self.dice(5)];
        let n = 1 + self.dice(12);
        let later = (self.dice(3) == 0).then(|| self.w.later(60 * SECOND));
        let m = NewMessage { deliver_at: later, ..self.w.message(app, "a").await };
        let size = 10 + self.dice(3000);
        let m = NewMessage { payload: vec![b'x'; size].into(), ..m };
        for answer in self.w.store.accept_many(vec![m; n]).await {
            answer.unwrap();
        }
        let takers = self.endpoints.iter().filter(|(a, e)| *a == app && self.enabled.contains(e)).count();
        self.accepted += n * takers;
    }

    async fn settle(&mut self) {
        let n = self.dice(self.held.len() as u64 + 1);
        for _ in 0..n {
            let lease = self.held.swap_remove(self.dice(self.held.len() as u64));
            let at = self.w.later([SECOND, HOUR][self.dice(2)]);
            let next = match self.dice(6) {
                0..=2 => Next::Delivered,
                3 => Next::RetryAt(at),
                4 => Next::Released(at),
                _ => Next::Dead(DeadReason::Exhausted),
            };
            let capacity = 1 + self.dice(12) as u32;
            let hold_until = (self.dice(4) == 0).then(|| self.w.later(SECOND));
            let lane = (self.dice(3) == 0).then_some(LaneUpdate { capacity, hold_until });
            self.w.settle_with(&lease, next, |s| s.lane = lane);
            if next == Next::Delivered {
                self.delivered.insert(lease.key);
            }
            if !matches!(next, Next::Released(_)) {
                *self.attempts.entry(lease.key).or_default() += 1;
            }
        }
        self.w.calm().await;
    }

    async fn toggle(&mut self) {
        let (app, e) = self.endpoints[self.dice(5)];
        let disable = self.enabled.contains(&e);
        self.w.set_disabled(app, e, disable).await;
        if disable {
            self.enabled.remove(&e)
        } else {
            self.enabled.insert(e)
        };
    }

    async fn recover(&mut self) {
        let (app, e) = self.endpoints[self.dice(5)];
        let all = domain::Timestamp(0);
        self.w.store.start_task(app, &Ref::Id(e), TaskKind::Recover, all, None).await.unwrap();
        self.w.calm().await;
    }

    /// Everything is opened and delivered.
    async fn end(mut self) {
        for (app, e) in self.endpoints.clone() {
            self.w.set_disabled(app, e, true).await;
            self.w.set_disabled(app, e, false).await;
        }
        let open = Some(LaneUpdate { capacity: 8, hold_until: None });
        for lease in std::mem::take(&mut self.held) {
            self.w.settle_with(&lease, Next::Delivered, |s| s.lane = open);
        }
        self.w.advance(2 * HOUR).await;
        self.w.deliver_all().await;
        let sum = self.w.check_balance(self.accepted, &self.endpoints).await;
        assert_eq!((sum.pending, sum.sending, sum.canceled), (0, 0, 0), "{sum:?}");
        assert!(sum.success > 0);
    }
}

pub async fn whatever_happens_everything_accepted_is_accounted_for(f: F) {
    let w = World::with(f, |c| {
        (c.lane_capacity, c.memory_in_flight) = (8, 30_000);
        c.endpoint_disable_after = std::time::Duration::ZERO;
    })
    .await;
    let (a, b) = (w.app().await, w.app().await);
    let mut endpoints = Vec::new();
    for app in [a, a, a, b, b] {
        endpoints.push((app, w.endpoint(app).await));
    }
    let mut life = Life {
        rng: SeededRng::new(0xB00C),
        accepted: 0,
        held: Vec::new(),
        attempts: HashMap::new(),
        delivered: HashSet::new(),
        enabled: endpoints.iter().map(|(_, e)| *e).collect(),
        endpoints,
        w,
    };
    for _ in 0..150 {
        life.step().await;
    }
    life.end().await;
}
