//! A viewer: one stream of events, from the store's rows behind it and the ring's before it.
//!
//! The answer's body asks for the next bytes when hyper has written the last ones, so a viewer has no task and no queue
//! of its own. **Invariant:** a lossless viewer passes from one row to the next by the store's order; a batch that
//! doesn't join on to its cursor sends it back to the store.

use super::body::{EventBody, Pieces};
use super::feed::{Feed, Filter, PageSize, Row};
use super::pump::Batch;
use super::{Channel, Closing, Key, Permit, RETRY_MS};
use crate::call::Shared;
use crate::problem::Problem;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;

/// Until the next try, when the store failed.
const PAUSE: Duration = Duration::from_secs(1);
/// Rows behind it that a `live` viewer is given before it jumps to the newest.
const LIVE_BEHIND_MAX: usize = 250;

/// Where a stream begins.
pub(crate) enum Start {
    Now,
    /// After this row.
    After(i64),
    /// With the newest so many.
    Replay(u32),
}

/// Opens a stream: its body.
pub(crate) async fn open(
    (shared, permit): (Arc<Shared>, Permit),
    feed: Feed,
    filter: Filter,
    start: Start,
    live: bool,
) -> Result<Body, Problem> {
    let store = &shared.store;
    let listing = feed.list(store).await?;
    let newest = feed.newest(store, &listing).await?;
    let cursor = match start {
        Start::Now => newest,
        Start::After(cursor) => cursor,
        Start::Replay(n) => feed.before_newest(store, &listing, n, &filter).await?,
    };
    let (channel, batches) = shared.live.join(&shared, Key { feed, live }, newest);
    let id = channel.key.feed.cursor_text(store.codec(), cursor);
    let viewer = Viewer {
        closing: shared.live.closing(),
        // A client that saw nothing yet can resume from here, too.
        opening: Some(format!("retry: {RETRY_MS}\nid: {id}\n\n").into()),
        heard: Instant::now(),
        told: cursor,
        behind: true,
        caught: 0,
        seen: None,
        size: PageSize::default(),
        turn: None,
        shared,
        channel,
        batches,
        filter,
        cursor,
        _permit: permit,
    };
    Ok(Body::new(EventBody::of(viewer)))
}

struct Viewer {
    shared: Arc<Shared>,
    channel: Arc<Channel>,
    batches: broadcast::Receiver<Arc<Batch>>,
    closing: Closing,
    filter: Filter,
    /// The last row looked at.
    cursor: i64,
    /// The last row that the client was told the id of.
    told: i64,
    /// Whether rows may follow in the store that the ring doesn't have.
    behind: bool,
    /// Rows read from the store since it was behind.
    caught: usize,
    /// Rows that the pump had passed on after the last batch.
    seen: Option<u64>,
    size: PageSize,
    /// When it may read the store.
    turn: Option<Instant>,
    opening: Option<Bytes>,
    /// When it last got something.
    heard: Instant,
    _permit: Permit,
}

impl Pieces for Viewer {
    async fn next(mut self) -> Option<(Bytes, Viewer)> {
        if let Some(opening) = self.opening.take() {
            return Some((opening, self));
        }
        let mut closing = self.closing.clone();
        let bytes = tokio::select! {
            biased;
            () = closing.wait() => None,
            bytes = self.bytes() => bytes,
        }?;
        self.heard = Instant::now();
        Some((bytes, self))
    }
}

impl Viewer {
    async fn bytes(&mut self) -> Option<Bytes> {
        loop {
            if self.channel.is_gone() {
                return None;
            }
            let beat = self.heard + self.shared.config.limits.stream_heartbeat;
            tokio::select! {
                biased;
                bytes = self.news() => if bytes.is_some() { return bytes },
                () = tokio::time::sleep_until(beat) => return Some(self.heartbeat()),
            }
        }
    }

    /// Frames for the client; `None` when what came is not for it. Can be dropped at any await.
    async fn news(&mut self) -> Option<Bytes> {
        if self.behind {
            return match self.catch_up().await {
                Ok(bytes) => bytes,
                Err(cause) => {
                    tracing::warn!(%cause, "a stream can't read; it will try again");
                    tokio::time::sleep(PAUSE).await;
                    None
                }
            };
        }
        match self.batches.recv().await {
            Ok(batch) => self.take(&batch),
            Err(RecvError::Lagged(_)) => {
                // A live viewer learns from the next batch how much it missed.
                self.behind = !self.channel.key.live;
                None
            }
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    /// A page from the store.
    async fn catch_up(&mut self) -> Result<Option<Bytes>, StoreError> {
        // Taken once, however often the wait is broken off for a heartbeat.
        let turn = *self.turn.get_or_insert_with(|| self.shared.live.pace.turn());
        tokio::time::sleep_until(turn).await;
        // What the ring gets from here on is kept for later; what comes before is in the store.
        self.batches = self.batches.resubscribe();
        let page = self.channel.after(&self.shared, self.cursor, self.size.rows(), &self.filter).await?;
        let jump = !page.done && self.channel.key.live && self.caught >= LIVE_BEHIND_MAX;
        let to = if jump {
            let listing = self.channel.listing(&self.shared).await?;
            self.channel.key.feed.newest(&self.shared.store, &listing).await?
        } else {
            page.last
        };
        // From here on nothing waits: what was read is given.
        self.turn = None;
        self.size.learn(&page);
        self.shared.live.pace.written(page.rows.len(), 1);
        let rows = self.pick(&page.rows);
        self.cursor = self.cursor.max(to);
        self.behind = !page.done && !jump;
        self.caught = if self.behind { self.caught + page.rows.len() } else { 0 };
        Ok(joined(&[rows, jump.then(|| skipped(1, true))]))
    }

    fn take(&mut self, batch: &Batch) -> Option<Bytes> {
        if self.channel.key.live {
            return self.take_live(batch);
        }
        if batch.to <= self.cursor {
            return None;
        }
        if batch.from > self.cursor {
            self.behind = true;
            return None;
        }
        let whole = batch.from == self.cursor && self.filter.is_empty();
        let bytes = if whole {
            self.told = batch.rows.last().map_or(self.told, |row| row.id);
            Some(batch.whole.clone())
        } else {
            self.pick(&batch.rows)
        };
        self.cursor = batch.to;
        bytes
    }

    fn take_live(&mut self, batch: &Batch) -> Option<Bytes> {
        let missed = batch.before.saturating_sub(self.seen.unwrap_or(batch.before));
        self.seen = Some(batch.before + batch.rows.len() as u64 + batch.skipped);
        let missed = (missed > 0).then(|| skipped(missed, false));
        let rows = self.pick(&batch.rows);
        self.cursor = self.cursor.max(batch.to);
        let skipped = (batch.skipped > 0).then(|| skipped(batch.skipped, batch.uncounted));
        joined(&[missed, rows, skipped])
    }

    /// The frames of those rows that it has not seen and wants.
    fn pick(&mut self, rows: &[Row]) -> Option<Bytes> {
        let mut out = BytesMut::new();
        for row in rows.iter().filter(|row| row.id > self.cursor && self.filter.takes(row)) {
            out.extend_from_slice(&row.frame);
            self.told = row.id;
        }
        (!out.is_empty()).then(|| out.freeze())
    }

    /// A comment, and how far the stream is where nothing passed its filter.
    fn heartbeat(&mut self) -> Bytes {
        if self.told >= self.cursor {
            return Bytes::from_static(b":\n\n");
        }
        self.told = self.cursor;
        format!(":\nid: {}\n\n", self.channel.key.feed.cursor_text(self.shared.store.codec(), self.cursor)).into()
    }
}

/// Tells a live viewer what it doesn't see.
fn skipped(count: u64, at_least: bool) -> Bytes {
    let more = if at_least { ",\"atLeast\":true" } else { "" };
    format!("event: skipped\ndata: {{\"count\":{count}{more}}}\n\n").into()
}

fn joined(parts: &[Option<Bytes>]) -> Option<Bytes> {
    let mut given = parts.iter().flatten();
    let first = given.next()?.clone();
    let mut given = given.peekable();
    if given.peek().is_none() {
        return Some(first);
    }
    let mut all = BytesMut::from(&*first);
    given.for_each(|part| all.extend_from_slice(part));
    Some(all.freeze())
}
