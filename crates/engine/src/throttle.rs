//! A token bucket that holds one token (GCRA): at most `rate` a second, evenly spread.
//!
//! **Invariant:** pure; time is an argument, in monotonic microseconds.

/// How much earlier than its time a token may be taken, so that timers of 1 ms can keep up a high rate.
const TOLERANCE_US: u64 = 5_000;

#[derive(Clone, Debug)]
pub struct Throttle {
    rate: u32,
    /// When the next token is due.
    next_us: u64,
}

impl Throttle {
    /// `rate` is tokens a second, at least 1.
    pub fn new(rate: u32) -> Self {
        Throttle { rate: rate.max(1), next_us: 0 }
    }
    pub fn rate(&self) -> u32 {
        self.rate
    }
    /// When a token can be had; now or earlier means at once.
    pub fn ready_at_us(&self) -> u64 {
        self.next_us.saturating_sub(TOLERANCE_US)
    }
    /// Takes a token. Call it only once `ready_at_us` has come.
    pub fn take(&mut self, now_us: u64) {
        self.next_us = self.next_us.max(now_us) + 1_000_000 / u64::from(self.rate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_second_sees_more_than_its_rate_and_a_busy_one_sees_nearly_all_of_it(rate in 1u32..2000, step in 1u64..2000) {
            let mut t = Throttle::new(rate);
            let mut taken = Vec::new();
            let mut now = 1;
            while now < 3_000_000 {
                if t.ready_at_us() <= now {
                    t.take(now);
                    taken.push(now);
                } else {
                    now += (t.ready_at_us() - now).div_ceil(step) * step;
                }
            }
            let mut first = 0;
            for (i, at) in taken.iter().enumerate() {
                while taken[first] + 1_000_000 <= *at {
                    first += 1;
                }
                let within = i - first + 1;
                prop_assert!(within as f64 <= f64::from(rate) * 1.01 + 2.0, "{} of {}", within, rate);
            }
            prop_assert!(taken.len() as f64 >= f64::from(rate) * 2.9);
        }
    }
}
