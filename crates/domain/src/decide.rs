//! What follows from an attempt: delivered, tried again, or dead; and what it says about the endpoint.
//!
//! **Invariant:** pure. Everything it needs is an argument.

use crate::delivery::{Cause, DeadReason};
use crate::outcome::Outcome;
use crate::retry::RetrySchedule;
use crate::time::Timestamp;
use std::time::Duration;

/// Where a delivery goes after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Delivered,
    RetryAt(Timestamp),
    Dead(DeadReason),
}

/// What an attempt says about its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneSignal {
    /// It works.
    Healthy,
    /// It failed, for reasons that need not concern other deliveries.
    Failed,
    /// It asks for less (429, 502, 504) or can't be reached: slow down, for at least so long.
    SlowDown(Duration),
    /// 410 Gone: disable it.
    Gone,
}

/// `attempt` counts from 1; `jitter` is uniform in 0..=u32::MAX.
pub fn decide(
    attempt: u32,
    cause: Cause,
    outcome: &Outcome,
    schedule: &RetrySchedule,
    now: Timestamp,
    jitter: u32,
) -> Decision {
    if outcome.is_success() {
        return Decision::Delivered;
    }
    let retry_after = match outcome {
        Outcome::Responded { status: 410, .. } => return Decision::Dead(DeadReason::Gone),
        Outcome::Responded { retry_after, .. } => *retry_after,
        _ => None,
    };
    if matches!(cause, Cause::Resend | Cause::Example) {
        return Decision::Dead(DeadReason::Exhausted);
    }
    match schedule.wait_after(attempt, retry_after, now, jitter) {
        Some(wait) => Decision::RetryAt(now.plus(wait)),
        None => Decision::Dead(DeadReason::Exhausted),
    }
}

impl LaneSignal {
    /// The most that one answer can slow a lane.
    const SLOW_MAX: Duration = Duration::from_secs(60);

    pub fn of(outcome: &Outcome, now: Timestamp) -> LaneSignal {
        match outcome {
            Outcome::Responded { status: 200..=299, .. } => LaneSignal::Healthy,
            Outcome::Responded { status: 410, .. } => LaneSignal::Gone,
            Outcome::Responded { status: 429 | 502 | 504, retry_after } => {
                let asked = retry_after.map_or(Duration::ZERO, |r| r.from_now(now));
                LaneSignal::SlowDown(asked.clamp(Duration::from_secs(1), Self::SLOW_MAX))
            }
            Outcome::Responded { .. } | Outcome::Refused { .. } => LaneSignal::Failed,
            Outcome::TimedOut { .. } | Outcome::Unreachable { .. } => LaneSignal::SlowDown(Duration::ZERO),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Stage, Unreachable};
    use crate::retry_after::RetryAfter;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn responded(status: u16) -> Outcome {
        Outcome::Responded { status, retry_after: None }
    }
    fn check(attempt: u32, cause: Cause, outcome: &Outcome, want: Decision) {
        let got = decide(attempt, cause, outcome, &RetrySchedule::default(), NOW, 0);
        assert_eq!(got, want, "{attempt} {cause:?} {outcome:?}");
    }

    #[test]
    fn only_2xx_is_delivered() {
        for status in 0..=999 {
            let got = decide(1, Cause::Subscribed, &responded(status), &RetrySchedule::default(), NOW, 0);
            assert_eq!(got == Decision::Delivered, (200..300).contains(&status), "{status}");
        }
    }

    #[test]
    fn failures_follow_the_schedule_to_the_dead_letters() {
        let after = |s| Decision::RetryAt(NOW.plus(Duration::from_secs(s)));
        check(1, Cause::Subscribed, &responded(500), after(5));
        check(2, Cause::Subscribed, &Outcome::TimedOut { stage: Stage::Response }, after(300));
        check(9, Cause::Recover, &Outcome::Unreachable { why: Unreachable::Dns }, after(86_400));
        check(10, Cause::Subscribed, &responded(302), Decision::Dead(DeadReason::Exhausted));
    }

    #[test]
    fn a_resend_is_tried_once_and_gone_is_final() {
        check(1, Cause::Resend, &responded(500), Decision::Dead(DeadReason::Exhausted));
        check(1, Cause::Subscribed, &responded(410), Decision::Dead(DeadReason::Gone));
    }

    #[test]
    fn retry_after_is_honoured_within_twice_the_delay() {
        for (asked, want) in [(1, 300), (400, 400), (10_000, 600)] {
            let retry_after = Some(RetryAfter::Delay(Duration::from_secs(asked)));
            let outcome = Outcome::Responded { status: 429, retry_after };
            check(2, Cause::Subscribed, &outcome, Decision::RetryAt(NOW.plus(Duration::from_secs(want))));
        }
    }

    #[test]
    fn overload_answers_slow_the_lane_and_others_do_not() {
        assert_eq!(LaneSignal::of(&responded(429), NOW), LaneSignal::SlowDown(Duration::from_secs(1)));
        assert_eq!(LaneSignal::of(&responded(500), NOW), LaneSignal::Failed);
        assert_eq!(LaneSignal::of(&responded(204), NOW), LaneSignal::Healthy);
        assert_eq!(LaneSignal::of(&responded(410), NOW), LaneSignal::Gone);
    }
}
