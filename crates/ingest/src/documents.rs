//! Documents that verification needs: certificates and key sets, fetched once and remembered.
//!
//! **Invariant:** `https` only; one fetch of a URL at a time, a bounded number of all; what is remembered is bounded in
//! count and time, failures included, so that forged requests can't make us knock at a provider's door without end.

use crate::Fetch;
use crate::metrics::{IngestMetrics, bump};
use bytes::Bytes;
use domain::Clock;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use signing::providers::Materials;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore};

/// How long a document is believed.
const KEPT: Duration = Duration::from_secs(3600);
/// How long a failure is.
const FAILURE_KEPT: Duration = Duration::from_secs(60);
/// Documents remembered at most (256 KiB each at most).
const DOCUMENTS_MAX: usize = 128;
const FETCHES_MAX: usize = 16;
/// How long a request waits for its turn to fetch.
const TURN_WAIT: Duration = Duration::from_secs(10);
const URL_LEN_MAX: usize = 2048;

/// What a fetch brought, and when in monotonic microseconds.
type Fetched = (Result<Bytes, String>, u64);
type Cell = Arc<OnceCell<Fetched>>;

pub(crate) struct Documents {
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    metrics: Arc<IngestMetrics>,
    /// By URL or, for what is asked for with a body, by URL and the body's hash.
    cells: Mutex<HashMap<Box<str>, Cell>>,
    turns: Semaphore,
}

impl Documents {
    pub fn new(fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>, metrics: Arc<IngestMetrics>) -> Self {
        Documents { fetch, clock, metrics, cells: Mutex::default(), turns: Semaphore::new(FETCHES_MAX) }
    }

    /// The document at `url`, remembered.
    pub async fn get(&self, url: &str) -> Result<Bytes, String> {
        self.remembered(url, url, None).await
    }

    /// What `url` answers to this JSON, remembered for just this JSON: one source's wrong credentials are no failure of
    /// another's.
    pub async fn post(&self, url: &str, json: Bytes) -> Result<Bytes, String> {
        // A space is in no URL that is fetched.
        let digest = Sha256::digest(&json).iter().fold(format!("{url} "), |key, byte| format!("{key}{byte:02x}"));
        self.remembered(&digest, url, Some(json)).await
    }

    async fn remembered(&self, key: &str, url: &str, json: Option<Bytes>) -> Result<Bytes, String> {
        check(url)?;
        let cell = self.cell(key);
        let fetched = cell.get_or_try_init(|| async {
            let result = self.fetch_now(url, json).await?;
            Ok::<_, String>((result, self.clock.monotonic_us()))
        });
        fetched.await?.0.clone()
    }

    /// Fetches `url` and remembers nothing.
    pub async fn confirm(&self, url: &str) -> Result<(), String> {
        check(url)?;
        self.fetch_now(url, None).await?.map(drop)
    }

    /// The outer error is that there was no turn: no fact about the URL.
    async fn fetch_now(&self, url: &str, json: Option<Bytes>) -> Result<Result<Bytes, String>, String> {
        let turn = tokio::time::timeout(TURN_WAIT, self.turns.acquire()).await;
        let _turn = turn.map_err(|_| "too many documents are being fetched".to_owned())?;
        let result = match json {
            Some(json) => self.fetch.post(url, json).await,
            None => self.fetch.get(url).await,
        };
        bump(if result.is_ok() { &self.metrics.fetched } else { &self.metrics.fetch_failed });
        Ok(result)
    }

    fn cell(&self, key: &str) -> Cell {
        let now_us = self.clock.monotonic_us();
        let mut cells = self.cells.lock();
        if let Some(cell) = cells.get(key).filter(|cell| is_fresh(cell, now_us)) {
            return cell.clone();
        }
        if cells.len() >= DOCUMENTS_MAX {
            cells.retain(|_, cell| is_fresh(cell, now_us));
        }
        if cells.len() >= DOCUMENTS_MAX {
            // Failures first: forged requests bring most of them.
            cells.retain(|_, cell| cell.get().is_none_or(|(result, _)| result.is_ok()));
        }
        if cells.len() >= DOCUMENTS_MAX {
            cells.clear();
        }
        let cell = Cell::default();
        cells.insert(key.into(), cell.clone());
        cell
    }
}

fn check(url: &str) -> Result<(), String> {
    if url.starts_with("https://") && url.len() <= URL_LEN_MAX { Ok(()) } else { Err("not an https URL".to_owned()) }
}

fn is_fresh(cell: &Cell, now_us: u64) -> bool {
    cell.get().is_none_or(|(result, at_us)| {
        let kept = if result.is_ok() { KEPT } else { FAILURE_KEPT };
        u128::from(now_us.saturating_sub(*at_us)) < kept.as_micros()
    })
}

/// The documents that one request's verification has asked for so far.
#[derive(Default)]
pub(crate) struct Handed(pub Vec<(String, Bytes)>);

impl Materials for Handed {
    fn get(&self, url: &str) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == url).map(|(_, document)| document.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::support::{FakeFetch, TestClock};
    use std::sync::atomic::Ordering::Relaxed;
    use std::task::{Context, Waker};

    fn documents() -> (Documents, Arc<FakeFetch>, Arc<TestClock>) {
        let (fetch, clock) = (Arc::new(FakeFetch::default()), Arc::new(TestClock::default()));
        (Documents::new(fetch.clone(), clock.clone(), Arc::default()), fetch, clock)
    }

    #[tokio::test]
    async fn a_document_is_fetched_once_an_hour_and_a_failure_once_a_minute() {
        let (documents, fetch, clock) = documents();
        for (url, result, kept) in [("https://a/ok", true, KEPT), ("https://a/missing", false, FAILURE_KEPT)] {
            let before = fetch.calls();
            for _ in 0..3 {
                assert_eq!(documents.get(url).await.is_ok(), result);
            }
            assert_eq!(fetch.calls(), before + 1);
            clock.forward(kept - Duration::from_millis(1));
            let _ = documents.get(url).await;
            assert_eq!(fetch.calls(), before + 1);
            clock.forward(Duration::from_millis(1));
            let _ = documents.get(url).await;
            assert_eq!(fetch.calls(), before + 2);
        }
    }

    #[tokio::test]
    async fn requests_that_need_one_document_share_its_fetch() {
        let (documents, fetch, _) = documents();
        let mut all: Vec<_> = (0..20).map(|_| Box::pin(documents.get("https://a/ok"))).collect();
        let mut cx = Context::from_waker(Waker::noop());
        // All are under way before the first ends.
        assert!(all.iter_mut().all(|one| one.as_mut().poll(&mut cx).is_pending()));
        for one in all {
            assert_eq!(one.await.unwrap(), "document");
        }
        assert_eq!((fetch.calls(), documents.metrics.fetched.load(Relaxed)), (1, 1));
    }

    #[tokio::test]
    async fn what_is_posted_is_remembered_by_its_body_failures_too() {
        let (documents, fetch, clock) = documents();
        let post = async |url: &str, json: &'static str| documents.post(url, Bytes::from_static(json.as_bytes())).await;
        for _ in 0..3 {
            assert_eq!(post("https://a/ok", "{}").await.unwrap(), "document");
            assert_eq!(post("https://a/ok", "[]").await.unwrap(), "document");
            assert!(post("https://a/missing", "{}").await.is_err());
        }
        assert_eq!(fetch.calls(), 3);
        // Neither stands for what a GET brings.
        documents.get("https://a/ok").await.unwrap();
        assert_eq!((fetch.calls(), fetch.posts().len()), (4, 3));
        clock.forward(FAILURE_KEPT);
        let _ = (post("https://a/ok", "{}").await, post("https://a/missing", "{}").await);
        assert_eq!(fetch.calls(), 5);
        assert!(post("http://a/ok", "{}").await.is_err());
        let mut both = [
            Box::pin(documents.post("https://b/ok", Bytes::new())),
            Box::pin(documents.post("https://b/ok", Bytes::new())),
        ];
        let mut cx = Context::from_waker(Waker::noop());
        assert!(both.iter_mut().all(|one| one.as_mut().poll(&mut cx).is_pending()));
        for one in both {
            assert!(one.await.is_ok());
        }
        assert_eq!(fetch.calls(), 6);
    }

    #[tokio::test]
    async fn only_https_is_fetched_and_memory_is_bounded() {
        let (documents, fetch, _) = documents();
        assert!(documents.get("http://a/ok").await.is_err());
        assert!(documents.get(&format!("https://a/{}", "x".repeat(URL_LEN_MAX))).await.is_err());
        assert!(documents.confirm("file:///etc/passwd").await.is_err());
        assert_eq!(fetch.calls(), 0);
        for n in 0..3 * DOCUMENTS_MAX {
            let _ = documents.get(&format!("https://a/{}{n}", if n % 2 == 0 { "ok" } else { "missing" })).await;
            assert!(documents.cells.lock().len() <= DOCUMENTS_MAX);
        }
    }
}
