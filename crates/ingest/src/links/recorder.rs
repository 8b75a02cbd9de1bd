//! The recorder: takes clicks from the redirects, reads who came, and hands them to the store.
//!
//! **Invariant:** a redirect doesn't wait for it, but for a moment when the queue is nearly full. What waits is bounded: beyond
//! it clicks are lost, and counted as such.

use super::event;
use crate::metrics::{IngestMetrics, bump};
use crate::visit::{RawVisit, Visits};
use domain::{ClickId, IdCodec, LinkId, LinkRoute, OrgId, Rng, Timestamp};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use store::{OwnEvent, Store, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Clicks that are dealt with before others have their turn: less than a millisecond of work, for redirects run on the same
/// threads.
const BATCH: usize = 64;
/// Clicks that are handed to the store before it is waited for; as many again may be on their way then.
const WINDOW: usize = 1_024;
/// How long a redirect waits at most when clicks come faster than they can be written, and between its looks.
const WAY_MAX: Duration = Duration::from_millis(25);
const WAY_LOOK: Duration = Duration::from_millis(1);
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
    /// As [`Store::clicks`].
    fn clicks(&self, events: Vec<OwnEvent>) -> Result<(), StoreError>;
    /// Where an organisation says that this server is found.
    fn public_url(&self, org: OrgId) -> Option<String>;
    /// Ends when all that was handed over is on disk, or has failed.
    fn committed(&self) -> impl Future<Output = ()> + Send + 'static;
}

impl Sink for Store {
    fn salt(&self, day: i64) -> impl Future<Output = Result<[u8; 16], StoreError>> + Send {
        self.visitor_salt(day)
    }
    fn clicks(&self, events: Vec<OwnEvent>) -> Result<(), StoreError> {
        Store::clicks(self, events)
    }
    fn public_url(&self, org: OrgId) -> Option<String> {
        self.profile(org).public_url.clone()
    }
    fn committed(&self) -> impl Future<Output = ()> + Send + 'static {
        let store = self.clone();
        // The writer takes turns: what was queued before is committed first.
        async move { drop(store.ready().await) }
    }
}

/// The end of the queue that redirects see.
pub(crate) struct Recorder {
    queue: mpsc::Sender<Item>,
    nonce: AtomicU32,
    metrics: Arc<IngestMetrics>,
}

impl Recorder {
    /// Starts its task, which ends with it. Call it inside a tokio runtime. `base` is what URLs of links begin with;
    /// `None`: what their organisation says.
    pub fn start<S: Sink>(
        sink: S,
        (codec, rng, base): (IdCodec, &dyn Rng, Option<String>),
        visits: Arc<Visits>,
        capacity: usize,
        metrics: Arc<IngestMetrics>,
    ) -> Self {
        let (queue, items) = mpsc::channel(capacity.max(1));
        let scribe = Scribe {
            sink,
            codec,
            base,
            visits,
            metrics: metrics.clone(),
            is_failing: false,
            handed: 0,
            committing: None,
        };
        tokio::spawn(scribe.run(items));
        let [a, b, c, d, ..] = rng.next_u64().to_le_bytes();
        Recorder { queue, nonce: AtomicU32::new(u32::from_le_bytes([a, b, c, d])), metrics }
    }

    /// The id of a new click. Its tag keeps it from being made up, so that a counter will do to tell it from others.
    pub fn click_id(&self, link: LinkId, at: Timestamp) -> ClickId {
        ClickId { link, at, nonce: self.nonce.fetch_add(1, Relaxed) }
    }

    /// Three quarters of the queue are full: clicks come faster than they can be written.
    pub fn is_crowded(&self) -> bool {
        self.queue.capacity() < self.queue.max_capacity() / 4
    }
    /// Waits for room in a crowded queue, for [`WAY_MAX`] at most, so that a flood is slowed before its clicks are lost.
    pub async fn make_way(&self) {
        let mut left = WAY_MAX;
        while self.is_crowded() && !left.is_zero() {
            tokio::time::sleep(WAY_LOOK).await;
            left = left.saturating_sub(WAY_LOOK);
        }
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
    base: Option<String>,
    visits: Arc<Visits>,
    metrics: Arc<IngestMetrics>,
    /// The last clicks were lost: the cause is in the log.
    is_failing: bool,
    /// Clicks handed over since the last wait was begun, and that wait.
    handed: usize,
    committing: Option<JoinHandle<()>>,
}

impl<S: Sink> Scribe<S> {
    async fn run(mut self, mut items: mpsc::Receiver<Item>) {
        let (mut batch, mut clicks) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        while items.recv_many(&mut batch, BATCH).await > 0 {
            let mut finished = Vec::new();
            for item in batch.drain(..) {
                match item {
                    Item::Click(click) => clicks.push(click),
                    Item::Finish(done) => finished.push(done),
                }
            }
            if !clicks.is_empty() {
                self.record(&clicks).await;
                self.keep_pace(clicks.len()).await;
                clicks.clear();
            }
            for done in finished {
                let _ = done.send(());
            }
            // Redirects first.
            tokio::task::yield_now().await;
        }
    }

    async fn record(&mut self, clicks: &[Click]) {
        let salt = self.salt(clicks).await;
        let recorded = loop {
            let events = clicks.iter().map(|click| self.event(click, salt.as_ref())).collect();
            match self.sink.clicks(events) {
                // The store's queue is full for a moment; clicks wait in this one.
                Err(StoreError::Busy { .. }) => tokio::time::sleep(BUSY_PAUSE).await,
                other => break other,
            }
        };
        let counter = if recorded.is_ok() { &self.metrics.clicks } else { &self.metrics.clicks_lost };
        counter.fetch_add(clicks.len() as u64, Relaxed);
        match recorded {
            Ok(()) => self.is_failing = false,
            Err(cause) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::error!(%cause, "clicks are being lost");
                }
            }
        }
    }

    fn event(&self, click: &Click, salt: Option<&[u8; 16]>) -> OwnEvent {
        let nothing = [0; 16];
        let mut visit = self.visits.read(&click.visit, salt.unwrap_or(&nothing), Some(click.route.target()));
        if salt.is_none() {
            visit.visitor = None;
        }
        let said = || self.sink.public_url(click.route.org).unwrap_or_default();
        let base = self.base.as_deref().map_or_else(|| Cow::Owned(said()), Cow::Borrowed);
        event::clicked(click, &visit, &self.codec, base.trim_end_matches('/'))
    }

    /// What the visitors of these clicks are hashed with: that of the last one's day. `None` when the store has none to give:
    /// then the visitors aren't known.
    async fn salt(&self, clicks: &[Click]) -> Option<[u8; 16]> {
        let day = clicks.last()?.id.at.0.div_euclid(DAY_MS);
        self.sink.salt(day).await.ok()
    }

    /// Waits until what was handed over before the last [`WINDOW`] is on disk. Visitors in great numbers fill this queue then,
    /// and not the writer's, where messages and settlements would wait behind them.
    async fn keep_pace(&mut self, n: usize) {
        self.handed += n;
        if self.handed < WINDOW {
            return;
        }
        self.handed = 0;
        let committing = tokio::spawn(self.sink.committed());
        if let Some(earlier) = self.committing.replace(committing) {
            let _ = earlier.await;
        }
    }
}
