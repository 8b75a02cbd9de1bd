//! What the tests of a running server share: the process, a client, receivers, sources, load, commands that run
//! beside it, a small disk.
//!
//! **Invariant:** nothing here sleeps and hopes: every wait has a condition, and a deadline that fails the test.

pub mod clicks;
pub mod client;
pub mod command;
pub mod disk;
pub mod events;
pub mod load;
pub mod receiver;
pub mod server;
pub mod source;

use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// For what takes milliseconds, on a machine that is busy with something else.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A value that threads change and others wait for.
pub struct Watch<T> {
    value: Mutex<T>,
    changed: Condvar,
}

impl<T> Watch<T> {
    pub fn new(value: T) -> Watch<T> {
        Watch { value: Mutex::new(value), changed: Condvar::new() }
    }

    /// Looks at the value, or changes it; whoever waits looks again.
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let result = f(&mut self.value.lock().unwrap());
        self.changed.notify_all();
        result
    }

    /// Until `f` finds what it looks for; `None` when the time is over.
    pub fn wait<R>(&self, within: Duration, mut f: impl FnMut(&mut T) -> Option<R>) -> Option<R> {
        let until = Instant::now() + within;
        let mut value = self.value.lock().unwrap();
        loop {
            if let Some(found) = f(&mut value) {
                return Some(found);
            }
            let left = until.checked_duration_since(Instant::now())?;
            value = self.changed.wait_timeout(value, left).unwrap().0;
        }
    }
}

/// Asks again and again, for conditions that nobody tells of.
pub fn until<R>(what: &str, mut ask: impl FnMut() -> Option<R>) -> R {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Chance from a seed (SplitMix64): a failure is repeated by its seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}
