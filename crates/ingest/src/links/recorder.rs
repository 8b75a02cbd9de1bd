//! The recorder: takes clicks from the redirects, reads who came, and hands them to the store.
//!
//! **Invariant:** a redirect never waits for it. What waits is bounded: beyond it clicks are lost, and counted as such.

use super::event;
use crate::metrics::{IngestMetrics, bump};
use crate::visit::{RawVisit, Visits};
use domain::{ClickId, IdCodec, LinkId, LinkRoute, Rng, Timestamp};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use store::{OwnEvent, Store, StoreError};
use tokio::sync::{mpsc, oneshot};

/// Clicks that are dealt with before others have their turn: less than a millisecond of work, for redirects run on the same
/// threads.
const BATCH: usize = 64;
/// Until a store that was busy is asked again.
const BUSY_PAUSE: Duration = Duration::from_millis(5);
const DAY_MS: i64 = 86_400_000;

/// A click as the redirect saw it.
pub(crate) struct Click {
    pub route: Arc<LinkRoute>,
    pub id: ClickId,
    pub visit: RawVisit,
}

enum Item {
    Click(Click),
    /// Answered once all before it are with the store.
    Finish(oneshot::Sender<()>),
}

/// Where clicks go: the store.
pub(crate) trait Sink: Send + Sync + 'static {
    /// As [`Store::visitor_salt`].
    fn salt(&self, day: i64) -> impl Future<Output = Result<[u8; 16], StoreError>> + Send;
    /// As [`Store::click`].
    fn click(&self, event: OwnEvent) -> Result<(), StoreError>;
}

impl Sink for Store {
    fn salt(&self, day: i64) -> impl Future<Output = Result<[u8; 16], StoreError>> + Send {
        self.visitor_salt(day)
    }
    fn click(&self, event: OwnEvent) -> Result<(), StoreError> {
        Store::click(self, event)
    }
}

/// The end of the queue that redirects see.
pub(crate) struct Recorder {
    queue: mpsc::Sender<Item>,
    nonce: AtomicU32,
    metrics: Arc<IngestMetrics>,
}

impl Recorder {
    /// Starts its task, which ends with it. Call it inside a tokio runtime. `base` is what URLs of links begin with.
    pub fn start<S: Sink>(
        sink: S,
        (codec, rng, base): (IdCodec, &dyn Rng, String),
        visits: Arc<Visits>,
        capacity: usize,
        metrics: Arc<IngestMetrics>,
    ) -> Self {
        let (queue, items) = mpsc::channel(capacity.max(1));
        let scribe = Scribe { sink, codec, base, visits, salt: None, metrics: metrics.clone(), is_failing: false };
        tokio::spawn(scribe.run(items));
        let [a, b, c, d, ..] = rng.next_u64().to_le_bytes();
        Recorder { queue, nonce: AtomicU32::new(u32::from_le_bytes([a, b, c, d])), metrics }
    }

    /// The id of a new click. Its tag keeps it from being made up, so that a counter will do to tell it from others.
    pub fn click_id(&self, link: LinkId, at: Timestamp) -> ClickId {
        ClickId { link, at, nonce: self.nonce.fetch_add(1, Relaxed) }
    }

    /// Never waits. The task is woken if it sleeps; while it is busy this costs no system call.
    pub fn push(&self, route: Arc<LinkRoute>, id: ClickId, visit: RawVisit) {
        if self.queue.try_send(Item::Click(Click { route, id, visit })).is_err() {
            bump(&self.metrics.clicks_lost);
        }
    }

    /// Waits until all clicks that were pushed are with the store.
    pub async fn finish(&self) {
        let (done, finished) = oneshot::channel();
        if self.queue.send(Item::Finish(done)).await.is_ok() {
            let _ = finished.await;
        }
    }
}

/// The end that writes.
struct Scribe<S> {
    sink: S,
    codec: IdCodec,
    base: String,
    visits: Arc<Visits>,
    /// Of which day, in days since the Unix epoch.
    salt: Option<(i64, [u8; 16])>,
    metrics: Arc<IngestMetrics>,
    /// The last click was lost: its cause is in the log.
    is_failing: bool,
}

impl<S: Sink> Scribe<S> {
    async fn run(mut self, mut items: mpsc::Receiver<Item>) {
        let mut batch = Vec::with_capacity(BATCH);
        while items.recv_many(&mut batch, BATCH).await > 0 {
            for item in batch.drain(..) {
                match item {
                    Item::Click(click) => self.record(&click).await,
                    Item::Finish(done) => drop(done.send(())),
                }
            }
            // Redirects first.
            tokio::task::yield_now().await;
        }
    }

    async fn record(&mut self, click: &Click) {
        let salt = self.salt(click.id.at).await;
        let mut visit = self.visits.read(&click.visit, &salt.unwrap_or_default(), Some(click.route.target()));
        if salt.is_none() {
            visit.visitor = None;
        }
        let recorded = loop {
            match self.sink.click(event::clicked(click, &visit, &self.codec, &self.base)) {
                // The store's queue is full for a moment; clicks wait in this one.
                Err(StoreError::Busy { .. }) => tokio::time::sleep(BUSY_PAUSE).await,
                other => break other,
            }
        };
        match recorded {
            Ok(()) => {
                bump(&self.metrics.clicks);
                self.is_failing = false;
            }
            Err(cause) => {
                bump(&self.metrics.clicks_lost);
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::error!(%cause, "clicks are being lost");
                }
            }
        }
    }

    /// What visitors of that day are hashed with. A click that waited over midnight may be hashed with the new day's salt: the
    /// old one is gone. `None` when the store has none to give: then the visitor isn't known.
    async fn salt(&mut self, at: Timestamp) -> Option<[u8; 16]> {
        let day = at.0.div_euclid(DAY_MS);
        if let Some((known, salt)) = self.salt
            && (known == day || known == day + 1)
        {
            return Some(salt);
        }
        let salt = self.sink.salt(day).await.ok()?;
        self.salt = Some((day, salt));
        Some(salt)
    }
}
