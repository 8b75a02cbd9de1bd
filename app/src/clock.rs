//! The one place where the system's clock and the system's chance are read.
//!
//! **Invariant:** everything else takes time and chance as arguments, so that tests and the simulation choose them.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    /// Milliseconds since 1970 by the wall clock; 0 if the clock stands before that.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
    pub fn unix_ms(self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// A point in time that only goes forward, for deadlines.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the monotonic clock")]
    pub fn instant(self) -> Instant {
        Instant::now()
    }
}

impl domain::Clock for SystemClock {
    fn now(&self) -> domain::Timestamp {
        domain::Timestamp(i64::try_from(self.unix_ms()).unwrap_or(i64::MAX))
    }
    fn monotonic_us(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        let since = self.instant().saturating_duration_since(*START.get_or_init(|| self.instant()));
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }
}

/// The random bytes of the operating system, fit for secrets.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRng;

impl OsRng {
    /// Fills `bytes`. A system without random bytes can't make secrets, so it ends the process.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the system's chance")]
    pub fn fill(self, bytes: &mut [u8]) {
        let filled = getrandom::fill(bytes);
        assert!(filled.is_ok(), "the operating system gave no random bytes: {filled:?}");
    }

    pub fn array<const N: usize>(self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

impl domain::Rng for OsRng {
    fn fill(&self, bytes: &mut [u8]) {
        (*self).fill(bytes);
    }
}
