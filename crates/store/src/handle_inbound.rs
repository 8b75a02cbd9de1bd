//! The handle's verbs of receiving: sources, positions of consumers, and what can be watched.
//!
//! **Invariant:** as in `handle`: a verb that returned `Ok` is on disk, and every later read sees it.

use crate::error::StoreError;
use crate::handle::Store;
use crate::inbound::*;
use crate::types::*;
use domain::{AppId, MessageId, OrgId, SourceId, SourceRoute, Timestamp};
use std::sync::Arc;

type Result<T> = std::result::Result<T, StoreError>;

fn unbuilt<T>() -> Result<T> {
    Err(StoreError::Failed("not there yet".into()))
}

#[allow(unused_variables, clippy::unused_async)]
impl Store {
    // ---- sources ----

    /// Makes the source and its application. `token` is what its URL ends in; `config` seals its configuration.
    /// `Conflict` for a taken uid.
    pub async fn create_source(
        &self,
        org: OrgId,
        fields: SourceFields,
        token: String,
        config: SourceSealer,
    ) -> Result<Source> {
        unbuilt()
    }
    pub async fn source(&self, org: OrgId, source: &SourceRef) -> Result<Source> {
        unbuilt()
    }
    /// Sources, or bins, of an organisation.
    pub async fn sources(&self, org: OrgId, bins: bool, page: PageQuery<SourceId>) -> Result<Page<Source, SourceId>> {
        unbuilt()
    }
    /// Replaces all fields, or creates when a uid names none (`true`; then `token` is its URL's).
    pub async fn put_source(
        &self,
        org: OrgId,
        source: &SourceRef,
        fields: SourceFields,
        token: String,
        config: SourceSealer,
    ) -> Result<(Source, bool)> {
        unbuilt()
    }
    pub async fn patch_source(&self, org: OrgId, source: &SourceRef, patch: SourcePatch) -> Result<Source> {
        unbuilt()
    }
    /// `Conflict` unless the sealed configuration is `expected` still: for secrets that a handshake brings.
    pub async fn set_source_config(&self, source: SourceId, expected: Vec<u8>, sealed: Vec<u8>) -> Result<()> {
        unbuilt()
    }
    /// `token` is the URL's from now on; the old one works until `old_expires_at`. `Conflict` while three old ones do.
    pub async fn rotate_source_token(
        &self,
        org: OrgId,
        source: &SourceRef,
        token: String,
        old_expires_at: Timestamp,
    ) -> Result<Source> {
        unbuilt()
    }
    /// Gone at once, with its application; its rows are deleted in the background.
    pub async fn delete_source(&self, org: OrgId, source: &SourceRef) -> Result<()> {
        unbuilt()
    }
    /// The source with this share token.
    pub async fn shared_source(&self, share: &str) -> Result<Source> {
        unbuilt()
    }

    // ---- the hot path ----

    /// The source behind a URL's token, from memory when it is there. Its `Arc` stays the same until the source changes.
    pub fn source_route_cached(&self, token: &str) -> Option<Arc<SourceRoute>> {
        None
    }
    /// The source behind a URL's token; `None` for one that nothing has. One look-up.
    pub async fn source_route(&self, token: &str) -> Result<Option<Arc<SourceRoute>>> {
        unbuilt()
    }
    pub async fn source_route_of(&self, source: SourceId) -> Result<Arc<SourceRoute>> {
        unbuilt()
    }

    // ---- pull ----

    /// Messages of an application after `after`, oldest first.
    pub async fn messages_after(
        &self,
        app: AppId,
        after: MessageId,
        filter: MessageFilter,
        limit: u32,
    ) -> Result<MessagesAfter> {
        unbuilt()
    }
    /// Where a consumer of a sink stands: the last message that it was given.
    pub async fn consumer_position(&self, app: AppId, sink: &str, consumer: &str) -> Result<Option<MessageId>> {
        unbuilt()
    }
    pub async fn set_consumer_position(&self, app: AppId, sink: &str, consumer: &str, at: MessageId) -> Result<()> {
        unbuilt()
    }
    /// Waits for commits that touch one of `topics`. Hints only: look again now and then without them.
    pub fn watch(&self, topics: &[Topic]) -> Watch {
        Watch {}
    }
}

/// Wakes when something that it watches was committed.
pub struct Watch {}

impl Watch {
    /// Returns after the next commit that touched a topic, at once if one did since the last call.
    pub async fn changed(&mut self) {
        std::future::pending().await
    }
}
