//! A timer for hyper that costs next to nothing per request.
//!
//! hyper starts a timer for each request's head. tokio's own would be registered and cancelled 20,000 times a second;
//! here a connection has one, which is moved on only when it fires. **Invariant:** it never fires late: the shared
//! sleep's deadline is never after the deadline of the sleep that is polled.

use hyper::rt::{Sleep, Timer};
use hyper_util::rt::TokioTimer;
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The timer of one connection, whose sleeps are used one at a time.
#[derive(Clone, Default)]
pub(crate) struct ConnectionTimer {
    shared: Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>,
}

struct ConnectionSleep {
    deadline: Instant,
    timer: ConnectionTimer,
}

impl Timer for ConnectionTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }
    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(ConnectionSleep { deadline, timer: self.clone() })
    }
    fn now(&self) -> Instant {
        TokioTimer::new().now()
    }
}

impl Sleep for ConnectionSleep {}

impl Future for ConnectionSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = tokio::time::Instant::from_std(self.deadline);
        let mut shared = self.timer.shared.lock();
        let sleep = shared.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        loop {
            std::task::ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= deadline {
                return Poll::Ready(());
            }
            // It fired for an earlier request, which was answered long ago.
            sleep.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Polls it once.
    async fn is_pending(sleep: &mut Pin<Box<dyn Sleep>>) -> bool {
        std::future::poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx).is_pending())).await
    }

    #[tokio::test]
    async fn a_sleep_ends_at_its_own_deadline_whatever_came_before() {
        let timer = ConnectionTimer::default();
        let start = timer.now();
        let ms = Duration::from_millis;
        // Dropped before its time, as when a head is complete.
        let mut early = timer.sleep_until(start + ms(5));
        assert!(is_pending(&mut early).await);
        drop(early);
        timer.sleep_until(start + ms(40)).await;
        assert!(timer.now() >= start + ms(40), "moved on from the earlier deadline");
        let mut late = timer.sleep_until(timer.now() + Duration::from_secs(3600));
        assert!(is_pending(&mut late).await);
        let before = timer.now();
        timer.sleep(ms(10)).await;
        assert!(timer.now() >= before + ms(10), "moved back from the later deadline");
    }
}
