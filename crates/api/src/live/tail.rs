//! A viewer of the tail: rows from the store's ring, as events.
//!
//! **Invariant:** a viewer is written to ten times a second at most, and pays for it as all streams do.

use super::body::{EventBody, Pieces};
use super::{Closing, Permit, RETRY_MS};
use crate::call::Shared;
use crate::wire::tail::{Names, TailFilter, write_row, write_skipped};
use axum::body::Body;
use bytes::Bytes;
use domain::{MessageId, OrgId};
use std::sync::Arc;
use std::time::Duration;
use store::{Tail, TailBatch};
use tokio::time::Instant;

/// Between two writes: rows that come sooner share one.
const BETWEEN_WRITES: Duration = Duration::from_millis(100);
/// Rows of one write.
const ROWS_MAX: usize = 500;

/// Opens a stream of `tail`: its body.
pub(crate) fn open(shared: Arc<Shared>, permit: Permit, org: OrgId, tail: Tail, filter: TailFilter) -> Body {
    // A client that saw nothing yet can resume from here, too.
    let begun = shared.store.codec().text(MessageId(tail.begun().0));
    let viewer = TailViewer {
        _permit: permit,
        closing: shared.live.closing(),
        opening: Some(format!("retry: {RETRY_MS}\nid: {begun}\n\n").into()),
        heard: Instant::now(),
        quiet_until: Instant::now(),
        names: Names::default(),
        shared,
        org,
        tail,
        filter,
    };
    Body::new(EventBody::of(viewer))
}

struct TailViewer {
    shared: Arc<Shared>,
    org: OrgId,
    tail: Tail,
    filter: TailFilter,
    names: Names,
    closing: Closing,
    opening: Option<Bytes>,
    /// When it last got something.
    heard: Instant,
    quiet_until: Instant,
    _permit: Permit,
}

impl Pieces for TailViewer {
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if let Some(opening) = self.opening.take() {
            return Some((opening, self));
        }
        let mut closing = self.closing.clone();
        let bytes = tokio::select! {
            biased;
            () = closing.wait() => None,
            bytes = self.bytes() => Some(bytes),
        }?;
        self.heard = Instant::now();
        Some((bytes, self))
    }
}

impl TailViewer {
    async fn bytes(&mut self) -> Bytes {
        loop {
            let beat = self.heard + self.shared.config.limits.stream_heartbeat;
            let batch = tokio::select! {
                biased;
                batch = news(&mut self.tail, self.quiet_until) => batch,
                () = tokio::time::sleep_until(beat) => return Bytes::from_static(b":\n\n"),
            };
            if let Some(bytes) = self.render(&batch).await {
                return bytes;
            }
        }
    }

    /// Events for the client; `None` when nothing of it is for him.
    async fn render(&mut self, batch: &TailBatch) -> Option<Bytes> {
        let mut out = String::new();
        let mut rows = 0;
        if let Some(skipped) = self.filter.skipped(&batch.skipped) {
            write_skipped(&skipped, &mut out);
            rows += 1;
        }
        for row in batch.rows.iter().filter(|row| self.filter.takes(row)) {
            self.names.learn(&self.shared.store, self.org, row).await;
            write_row(row, &self.names, self.shared.store.codec(), &mut out);
            rows += 1;
        }
        if out.is_empty() {
            return None;
        }
        self.shared.live.pace.written(rows, 1);
        self.quiet_until = self.shared.live.turn().max(Instant::now() + BETWEEN_WRITES);
        Some(out.into())
    }
}

/// Can be dropped at any await: only what is returned is taken.
async fn news(tail: &mut Tail, quiet_until: Instant) -> TailBatch {
    tokio::time::sleep_until(quiet_until).await;
    tail.next(ROWS_MAX).await
}
