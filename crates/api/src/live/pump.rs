//! The pump: reads a feed once for all its viewers.
//!
//! **Invariant:** one per feed that has viewers; it ends with the last of them, and with the server.

use super::Channel;
use super::feed::{Filter, Listing, Page, PageSize, Row};
use crate::call::Shared;
use bytes::{Bytes, BytesMut};
use std::sync::Arc;
use store::StoreError;

/// What one turn brought.
pub(super) struct Batch {
    /// The rows of the feed after this one...
    pub from: i64,
    /// ...up to this one.
    pub to: i64,
    /// Rows that the pump passed in all before these, those that it skipped among them.
    pub before: u64,
    /// Rows after these that it skipped.
    pub skipped: u64,
    /// Whether more were skipped than were counted.
    pub uncounted: bool,
    pub rows: Vec<Row>,
    /// The frames of all rows.
    pub whole: Bytes,
}

struct Pump {
    shared: Arc<Shared>,
    channel: Arc<Channel>,
    cursor: i64,
    passed: u64,
    size: PageSize,
}

pub(super) async fn run(shared: Arc<Shared>, channel: Arc<Channel>, newest: i64) {
    let mut closing = shared.live.closing();
    let mut pump = Pump { shared, channel, cursor: newest, passed: 0, size: PageSize::default() };
    tokio::select! {
        () = closing.wait() => {}
        () = pump.work() => {}
    }
}

impl Pump {
    async fn work(&mut self) {
        let poll = self.channel.key.feed.look_every(self.shared.config.limits.stream_poll);
        let (mut listing, mut watch) = (None::<Arc<Listing>>, None);
        loop {
            match self.channel.listing(&self.shared).await {
                Ok(new) if listing.as_ref().is_some_and(|old| Arc::ptr_eq(old, &new)) => {}
                // Registered before the read, so that no hint is missed.
                Ok(new) => {
                    watch = Some(self.shared.store.watch(&self.channel.key.feed.topics(&new)));
                    listing = Some(new);
                }
                Err(cause) => tracing::warn!(%cause, "a live view can't list its sources"),
            }
            if let Err(cause) = self.catch_up().await {
                tracing::warn!(%cause, "a live view can't read; it will try again");
            }
            let batches = &self.channel.batches;
            tokio::select! {
                () = batches.closed() => if self.shared.live.leave(&self.channel) { return },
                () = tokio::time::sleep(poll) => {}
                () = changed(watch.as_mut()) => {}
            }
        }
    }

    /// Hands out everything that there is now.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        loop {
            tokio::time::sleep_until(self.shared.live.pace.turn()).await;
            let viewers = self.channel.batches.receiver_count();
            if viewers == 0 {
                return Ok(());
            }
            let rows_max = self.shared.live.pace.rows_max(viewers).min(self.size.rows());
            let page = if self.channel.key.live {
                self.channel.next_and_skip(&self.shared, self.cursor, rows_max).await?
            } else {
                self.channel.after(&self.shared, self.cursor, rows_max, &Filter::default()).await?
            };
            let done = page.done;
            self.size.learn(&page);
            self.shared.live.pace.written(page.rows.len(), viewers);
            self.hand_out(page);
            if done {
                return Ok(());
            }
        }
    }

    fn hand_out(&mut self, page: Page) {
        let from = self.cursor;
        self.cursor = from.max(page.last);
        if page.rows.is_empty() && page.skipped == 0 {
            return;
        }
        let before = self.passed;
        self.passed += page.rows.len() as u64 + page.skipped;
        let whole = joined(&page.rows);
        let (skipped, uncounted) = (page.skipped, page.uncounted);
        let batch = Batch { from, to: self.cursor, before, skipped, uncounted, rows: page.rows, whole };
        // An error means that the last viewer left.
        let _ = self.channel.batches.send(Arc::new(batch));
    }
}

fn joined(rows: &[Row]) -> Bytes {
    match rows {
        [one] => one.frame.clone(),
        rows => {
            let mut all = BytesMut::with_capacity(rows.iter().map(|r| r.frame.len()).sum());
            rows.iter().for_each(|r| all.extend_from_slice(&r.frame));
            all.freeze()
        }
    }
}

async fn changed(watch: Option<&mut store::Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}
