//! How much the streams may cost all together.
//!
//! One queue of turns: who wants to read or write takes the next place and pays for it, which moves the place of the
//! next one back. **Invariant:** an idle pace makes nobody wait; over any second, no more is handed out than the rate
//! and one turn.

use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// What a read of the store costs, in frames.
const READ: u64 = 10;
/// Rows of one batch at most.
const ROWS_MAX: u32 = 50;

pub(super) struct Pace {
    per_second: u64,
    started: Instant,
    /// Microseconds after the start when everything handed out is paid for.
    paid: Mutex<u64>,
}

impl Pace {
    pub fn new(per_second: u32) -> Self {
        Pace { per_second: u64::from(per_second.max(1)), started: Instant::now(), paid: Mutex::new(0) }
    }

    /// Takes a turn to read; returns when it is due.
    pub fn turn(&self) -> Instant {
        self.charge(READ)
    }

    /// Pays for writing what a turn brought to each of `viewers`.
    pub fn written(&self, rows: usize, viewers: usize) {
        if rows > 0 {
            self.charge((rows as u64 + 1).saturating_mul(viewers as u64));
        }
    }

    /// Rows that one turn may have, so that it is paid for within about a second.
    pub fn rows_max(&self, viewers: usize) -> u32 {
        let rows = (self.per_second / viewers.max(1) as u64).saturating_sub(1);
        u32::try_from(rows).unwrap_or(ROWS_MAX).clamp(1, ROWS_MAX)
    }

    fn charge(&self, frames: u64) -> Instant {
        let now_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let cost_us = frames.saturating_mul(1_000_000) / self.per_second;
        self.started + Duration::from_micros(place(&mut self.paid.lock(), now_us, cost_us))
    }
}

/// Takes the next place in the queue; returns when that is.
fn place(paid_us: &mut u64, now_us: u64, cost_us: u64) -> u64 {
    let at = (*paid_us).max(now_us);
    *paid_us = at.saturating_add(cost_us);
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_turn_is_at_once_and_the_next_when_it_is_paid_for() {
        let mut paid = 0;
        assert_eq!(place(&mut paid, 5_000, 1_000), 5_000);
        assert_eq!(place(&mut paid, 5_100, 3_000), 6_000);
        assert_eq!(place(&mut paid, 5_100, 1), 9_000);
        assert_eq!(place(&mut paid, 1_000_000, 7), 1_000_000, "idle time is not saved up");
        assert_eq!(place(&mut paid, 1_000_000, 1), 1_000_007);
    }

    #[test]
    fn a_turn_has_fewer_rows_the_more_viewers_there_are() {
        let pace = Pace::new(5_000);
        assert_eq!([0, 1, 100, 1_000, 5_000, 1_000_000].map(|v| pace.rows_max(v)), [50, 50, 49, 4, 1, 1]);
        assert_eq!(Pace::new(0).rows_max(1), 1);
    }
}
