//! Clock, chance, fetches and sources for tests.

use crate::Fetch;
use bytes::Bytes;
use domain::{AppId, Clock, OrgId, Rng, SourceId, SourceOptions, SourceRoute, SourceState, Timestamp};
use parking_lot::Mutex;
use signing::SecretBox;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// A clock that stands still until it is moved.
pub(crate) struct TestClock {
    us: AtomicU64,
}

const START_MS: i64 = 1_795_247_040_123;

impl Default for TestClock {
    fn default() -> Self {
        TestClock { us: AtomicU64::new(1_000_000) }
    }
}

impl TestClock {
    pub fn forward(&self, by: Duration) {
        self.us.fetch_add(u64::try_from(by.as_micros()).unwrap(), Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(START_MS + i64::try_from(self.us.load(Relaxed) / 1000).unwrap())
    }
    fn monotonic_us(&self) -> u64 {
        self.us.load(Relaxed)
    }
}

/// Chance with a seed (splitmix64).
#[derive(Default)]
pub(crate) struct TestRng(AtomicU64);

impl Rng for TestRng {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Relaxed).wrapping_add(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Finds every URL that has `ok` in it, and whatever is posted there, after a turn of the scheduler.
#[derive(Default)]
pub(crate) struct FakeFetch {
    calls: AtomicUsize,
    posts: Mutex<Vec<(String, Bytes)>>,
}

impl FakeFetch {
    /// Of both kinds.
    pub fn calls(&self) -> usize {
        self.calls.load(Relaxed)
    }

    pub fn posts(&self) -> Vec<(String, Bytes)> {
        self.posts.lock().clone()
    }
}

impl Fetch for FakeFetch {
    fn get(&self, url: &str) -> Pin<Box<dyn Future<Output = Result<Bytes, String>> + Send + '_>> {
        self.calls.fetch_add(1, Relaxed);
        let found = url.contains("ok");
        Box::pin(async move {
            tokio::task::yield_now().await;
            if found { Ok(Bytes::from_static(b"document")) } else { Err("it answered 404".to_owned()) }
        })
    }

    fn post(&self, url: &str, json: Bytes) -> Pin<Box<dyn Future<Output = Result<Bytes, String>> + Send + '_>> {
        self.posts.lock().push((url.to_owned(), json));
        self.get(url)
    }
}

pub(crate) fn secret_box() -> Arc<SecretBox> {
    Arc::new(SecretBox::new([7; 32]))
}

/// A live source that forwards (a bin doesn't), with an empty configuration.
pub(crate) fn route(is_bin: bool, kind: &str) -> SourceRoute {
    let rng = TestRng::default();
    let sealed = secret_box().seal(b"{}", &domain::source_config_aad(SourceId(1)), &mut |bytes| rng.fill(bytes));
    SourceRoute {
        org: OrgId(1),
        source: SourceId(1),
        app: AppId(1),
        kind: kind.into(),
        state: SourceState::Live,
        is_bin,
        forwards: !is_bin,
        config_sealed: sealed.into(),
        options: SourceOptions::default(),
        expires_at: None,
    }
}
