//! The retry schedule: how long to wait before attempt n.
//!
//! **Invariant:** a wait is never shorter than the published delay and never longer than twice it.

use crate::retry_after::RetryAfter;
use crate::time::Timestamp;
use std::time::Duration;

/// The waits between attempts, and how much chance is added to each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySchedule {
    delays: Vec<Duration>,
    jitter_percent: u32,
}

impl Default for RetrySchedule {
    /// The Standard Webhooks table: 10 attempts over 75 h 35 min 5 s, 0 to 10 % jitter.
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 3600;
        let delays = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
        RetrySchedule { delays: delays.map(Duration::from_secs).to_vec(), jitter_percent: 10 }
    }
}

impl RetrySchedule {
    /// `jitter_percent` is 0..=100; more is cut to it.
    pub fn new(delays: Vec<Duration>, jitter_percent: u32) -> Self {
        RetrySchedule { delays, jitter_percent: jitter_percent.min(100) }
    }
    /// Attempts in all, the first included.
    pub fn attempts(&self) -> usize {
        self.delays.len() + 1
    }
    /// The wait after attempt number `attempt` (1 is the first) failed, or `None` when it was the last.
    /// `jitter` is uniform in 0..=u32::MAX. A `Retry-After` is honoured within [delay, 2 x delay].
    pub fn wait_after(
        &self,
        attempt: u32,
        retry_after: Option<RetryAfter>,
        now: Timestamp,
        jitter: u32,
    ) -> Option<Duration> {
        let delay = *self.delays.get(usize::try_from(attempt.checked_sub(1)?).ok()?)?;
        let share = u64::from(self.jitter_percent) * u64::from(jitter) / u64::from(u32::MAX);
        let jittered = delay + delay.mul_f64(share as f64 / 100.0);
        let asked = retry_after.map_or(Duration::ZERO, |r| r.from_now(now));
        Some(jittered.max(asked.min(delay * 2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_default_schedule_is_the_one_published() {
        let s = RetrySchedule::default();
        let waits: Vec<_> = (1..).map_while(|n| s.wait_after(n, None, Timestamp(0), 0)).collect();
        assert_eq!(s.attempts(), 10);
        assert_eq!(waits.len(), 9);
        assert_eq!(waits.iter().sum::<Duration>(), Duration::from_secs(75 * 3600 + 35 * 60 + 5));
        assert_eq!(s.wait_after(10, None, Timestamp(0), 0), None);
        assert_eq!(s.wait_after(0, None, Timestamp(0), 0), None);
    }

    proptest! {
        #[test]
        fn a_wait_stays_between_the_delay_and_twice_it(
            ms in prop::collection::vec(0u64..100_000_000, 1..12),
            attempt in 1u32..14,
            jitter in any::<u32>(),
            percent in 0u32..=100,
            asked in prop::option::of(0u64..400_000_000),
        ) {
            let s = RetrySchedule::new(ms.iter().map(|m| Duration::from_millis(*m)).collect(), percent);
            let asked = asked.map(|s| RetryAfter::Delay(Duration::from_secs(s)));
            match s.wait_after(attempt, asked, Timestamp(0), jitter) {
                None => prop_assert!(attempt as usize > ms.len()),
                Some(w) => {
                    let delay = Duration::from_millis(ms[attempt as usize - 1]);
                    prop_assert!(w >= delay && w <= delay * 2);
                    if let Some(a) = asked {
                        prop_assert!(w >= a.from_now(Timestamp(0)).min(delay * 2));
                    }
                }
            }
        }
    }
}
