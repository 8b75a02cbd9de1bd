//! Simulated time and chance, as the store and the engine ask for them.
//!
//! **Invariant:** time moves only when the world says so; monotonic time never goes back.

use crate::chance::Dice;
use domain::{Clock, Rng, Timestamp};
use engine::Now;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// 2026-11-21T07:00:00Z.
const START_MS: i64 = 1_795_244_400_000;

#[derive(Debug, Default)]
pub struct SimClock {
    monotonic_us: AtomicU64,
    /// How far the wall clock has been set off.
    offset_ms: AtomicI64,
}

impl SimClock {
    pub fn advance(&self, by: Duration) {
        self.monotonic_us.fetch_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX / 4), Relaxed);
    }
    /// Sets the wall clock, as an operator or NTP does.
    pub fn jump(&self, by_ms: i64) {
        self.offset_ms.fetch_add(by_ms, Relaxed);
    }
    pub fn both(&self) -> Now {
        Now { wall: self.now(), monotonic_us: self.monotonic_us() }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let ms = i64::try_from(self.monotonic_us.load(Relaxed) / 1000).unwrap_or(0);
        Timestamp(START_MS + ms + self.offset_ms.load(Relaxed))
    }
    fn monotonic_us(&self) -> u64 {
        self.monotonic_us.load(Relaxed) + 1
    }
}

pub struct SimRng(Mutex<Dice>);

impl SimRng {
    pub fn new(seed: u64) -> Self {
        SimRng(Mutex::new(Dice::new(seed)))
    }
}

impl Rng for SimRng {
    fn fill(&self, bytes: &mut [u8]) {
        let mut dice = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for b in bytes {
            *b = dice.next() as u8;
        }
    }
}
