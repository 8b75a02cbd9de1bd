//! What a bin does on request: another status, a failure now and then, an answer that is held back.
//!
//! **Invariant:** answers held back are bounded in number and time, so that delays can't use up the server.

use crate::config::IngestConfig;
use domain::{Rng, SourceRoute};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The status that a path asks for: `/503`, of 200..=599.
fn forced_status(target: &str) -> Option<u16> {
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let digits = path.strip_prefix('/')?;
    if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|status| (200..=599).contains(status))
}

/// The status that a bin answers with, where it isn't the configured one.
pub(crate) fn status(route: &SourceRoute, target: &str, rng: &dyn Rng) -> Option<u16> {
    if !route.is_bin {
        return None;
    }
    let fails = || {
        let rate = u64::from(route.options.failure_rate);
        rate > 0 && rng.next_u64() % 100 < rate
    };
    forced_status(target).or_else(|| fails().then_some(500))
}

/// Holds answers back.
pub(crate) struct Delays {
    free: Arc<Semaphore>,
}

impl Delays {
    pub fn new(config: &IngestConfig) -> Self {
        Delays { free: Arc::new(Semaphore::new(config.delayed_max.min(Semaphore::MAX_PERMITS))) }
    }

    /// Waits as long as the source wants, unless too many wait already.
    pub async fn wait(&self, route: &SourceRoute, config: &IngestConfig) {
        let delay = Duration::from_millis(route.options.delay_ms.into()).min(config.delay_max);
        if delay.is_zero() {
            return;
        }
        if let Ok(_one) = self.free.try_acquire() {
            Box::pin(tokio::time::sleep(delay)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::support::{TestRng, route};
    use std::pin::pin;
    use std::task::{Context, Waker};

    #[test]
    fn a_path_of_three_digits_forces_the_status() {
        for (target, want) in [("/503", Some(503)), ("/200?a=/b", Some(200)), ("/599", Some(599))] {
            assert_eq!(forced_status(target), want);
        }
        for other in ["", "/", "503", "/5030", "/199", "/600", "/503/", "/x/503", "/+50", "/99", "?/503"] {
            assert_eq!(forced_status(other), None, "{other}");
        }
    }

    #[test]
    fn a_bin_fails_as_often_as_it_is_told() {
        let rng = TestRng::default();
        for (rate, low, high) in [(0, 0, 0), (30, 200, 400), (100, 1000, 1000)] {
            let mut bin = route(true, "bin");
            bin.options.failure_rate = rate;
            let failed = (0..1000).filter(|_| status(&bin, "", &rng) == Some(500)).count();
            assert!((low..=high).contains(&failed), "{rate}: {failed}");
        }
        let mut source = route(false, "github");
        source.options.failure_rate = 100;
        assert_eq!(status(&source, "/503", &rng), None);
    }

    #[tokio::test]
    async fn delays_are_bounded_in_number_and_time() {
        let config = IngestConfig { delayed_max: 1, ..IngestConfig::default() };
        let delays = Delays::new(&config);
        let mut bin = route(true, "bin");
        bin.options.delay_ms = 30_000;
        let mut cx = Context::from_waker(Waker::noop());
        let mut first = pin!(delays.wait(&bin, &config));
        assert!(first.as_mut().poll(&mut cx).is_pending());
        assert!(pin!(delays.wait(&bin, &config)).poll(&mut cx).is_ready(), "a second one waits");
        let none = IngestConfig { delay_max: Duration::ZERO, ..config.clone() };
        assert!(pin!(Delays::new(&config).wait(&bin, &none)).poll(&mut cx).is_ready(), "longer than the limit");
    }
}
