//! Releases held requests: those that came while their source was paused become messages once it is live.
//!
//! **Invariant:** a wake-up is a hint; each pass works in bounded slices, and takes no request twice. One that can't be
//! released never stops those behind it.

use crate::ingest::Ingest;
use crate::metrics::bump;
use domain::{RequestId, SourceId};
use std::collections::HashSet;
use std::sync::Arc;
use store::StoreError;

/// Requests that are looked at together.
const SLICE: u32 = 100;
/// Requests that can't be released, remembered in one pass at most.
const STUCK_MAX: usize = 10_000;

impl Ingest {
    /// Looks for held requests now: a source is live again.
    pub fn nudge(&self) {
        self.nudged.notify_one();
    }

    /// Releases held requests at the start, whenever it is nudged, and now and then. Runs until it is dropped.
    pub async fn run(self: Arc<Self>) {
        loop {
            if let Err(cause) = self.release_held().await {
                tracing::warn!(%cause, "held requests wait for the next pass");
            }
            let _ = tokio::time::timeout(self.config.held_interval, self.nudged.notified()).await;
        }
    }

    /// One pass over all held requests of live sources.
    pub async fn release_held(&self) -> Result<(), StoreError> {
        let mut stuck: HashSet<(SourceId, RequestId)> = HashSet::new();
        let mut slice: HashSet<(SourceId, RequestId)> = HashSet::new();
        loop {
            let limit = SLICE.saturating_add(u32::try_from(stuck.len()).unwrap_or(u32::MAX));
            let held = self.store.held_requests(limit).await?;
            // What is there again, though it was released.
            stuck.extend(held.iter().filter(|held| slice.contains(held)));
            let fresh: Vec<_> = held.into_iter().filter(|held| !stuck.contains(held)).collect();
            slice = fresh.iter().copied().collect();
            if fresh.is_empty() || stuck.len() > STUCK_MAX {
                return Ok(());
            }
            for (source, request) in fresh {
                match self.release(source, request).await {
                    Ok(()) => bump(&self.metrics.released),
                    // Deleted, or changed, a moment ago.
                    Err(StoreError::NotFound(_) | StoreError::Conflict(_)) => {}
                    Err(e @ (StoreError::Busy { .. } | StoreError::Full { .. })) => return Err(e),
                    Err(StoreError::Failed(cause)) => {
                        tracing::error!(source = source.0, request = request.0, cause, "a held request stays held");
                    }
                }
            }
        }
    }

    async fn release(&self, source: SourceId, request: RequestId) -> Result<(), StoreError> {
        let route = self.store.source_route_of(source).await?;
        let held = self.store.request(source, request, true).await?;
        let events = self.events(&route, &held).unwrap_or_else(|why| {
            tracing::warn!(source = source.0, request = request.0, why, "a held request became no message");
            Vec::new()
        });
        self.store.accept_request(route, request, events, true).await.map(drop)
    }
}
