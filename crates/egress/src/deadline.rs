//! One timer for a whole attempt.
//!
//! **Invariant:** work is polled before the timer, so that what is finished wins, and the timer is touched only when
//! there is something to wait for.

use domain::{Outcome, Stage};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// The end of an attempt, and the one timer that enforces it and the shorter limits of its stages.
pub(crate) struct Deadline<'a> {
    sleep: Pin<&'a mut Sleep>,
    end: Instant,
}

impl<'a> Deadline<'a> {
    /// `sleep` was made for the end of the attempt.
    pub(crate) fn new(sleep: Pin<&'a mut Sleep>) -> Self {
        let end = sleep.deadline();
        Deadline { sleep, end }
    }

    /// The time `budget` from now, or the end of the attempt when that is sooner.
    pub(crate) fn after(&self, budget: Duration) -> Instant {
        Instant::now().checked_add(budget).map_or(self.end, |t| t.min(self.end))
    }

    /// Runs `work` to the end of the attempt.
    pub(crate) fn run<F: Future>(
        &mut self,
        stage: Stage,
        work: Pin<&mut F>,
    ) -> impl Future<Output = Result<F::Output, Outcome>> {
        self.run_until(self.end, stage, work)
    }

    /// Runs `work` until `limit`; a time-out names `stage`.
    ///
    /// `work` is pinned by the caller: futures are large, and moving them here showed in profiles.
    pub(crate) fn run_until<F: Future>(
        &mut self,
        limit: Instant,
        stage: Stage,
        mut work: Pin<&mut F>,
    ) -> impl Future<Output = Result<F::Output, Outcome>> {
        poll_fn(move |cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            if self.sleep.deadline() != limit {
                self.sleep.as_mut().reset(limit);
            }
            // A peer that keeps the connection readable for ever uses up the task's cooperative budget; the timer
            // must fire nevertheless.
            ready!(pin!(tokio::task::unconstrained(self.sleep.as_mut())).poll(cx));
            Poll::Ready(Err(Outcome::TimedOut { stage }))
        })
    }
}
