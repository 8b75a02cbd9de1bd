//! The handle's verbs of receiving: sources, positions of consumers, and what can be watched.
//!
//! **Invariant:** as in `handle`: a verb that returned `Ok` is on disk, and every later read sees it.

use crate::error::StoreError;
use crate::handle::Store;
use crate::inbound::*;
use crate::sqlite::{consumers, messages, sources};
use crate::types::*;
use crate::watch::Watch;
use domain::{AppId, MessageId, OrgId, SourceId, SourceRoute, Timestamp};
use std::sync::Arc;

type Result<T> = std::result::Result<T, StoreError>;

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
        self.write(move |core, now| core.create_source(org, &fields, &token, config, now)).await
    }
    pub async fn source(&self, org: OrgId, source: &SourceRef) -> Result<Source> {
        let source = source.clone();
        self.read(move |c| sources::find(c, org, &source)).await
    }
    /// Sources, or bins, of an organisation.
    pub async fn sources(&self, org: OrgId, bins: bool, page: PageQuery<SourceId>) -> Result<Page<Source, SourceId>> {
        self.read(move |c| sources::list(c, org, bins, &page)).await
    }
    /// Replaces all fields, or creates when a uid names none (`true`; then `token` is its URL's). The share link stays.
    pub async fn put_source(
        &self,
        org: OrgId,
        source: &SourceRef,
        fields: SourceFields,
        token: String,
        config: SourceSealer,
    ) -> Result<(Source, bool)> {
        let source = source.clone();
        self.write(move |core, now| match sources::find(core.connection(), org, &source) {
            Ok(old) => {
                let (share, config) = (old.share.as_deref(), config(old.id));
                let put = sources::write(core.connection(), &old, &fields, share, Some(&config), now)?;
                core.source_changed(put.id);
                Ok((put, false))
            }
            Err(StoreError::NotFound(what)) => {
                let Ref::Uid(uid) = &source else { return Err(StoreError::NotFound(what)) };
                let fields = SourceFields { uid: fields.uid.or_else(|| Some(uid.clone())), ..fields };
                Ok((core.create_source(org, &fields, &token, config, now)?, true))
            }
            Err(e) => Err(e),
        })
        .await
    }
    pub async fn patch_source(&self, org: OrgId, source: &SourceRef, patch: SourcePatch) -> Result<Source> {
        let source = source.clone();
        self.write(move |core, now| {
            let patched = sources::patch(core.connection(), org, &source, patch, now)?;
            core.source_changed(patched.id);
            Ok(patched)
        })
        .await
    }
    /// `Conflict` unless the sealed configuration is `expected` still: for secrets that a handshake brings.
    pub async fn set_source_config(&self, source: SourceId, expected: Vec<u8>, sealed: Vec<u8>) -> Result<()> {
        self.write(move |core, now| {
            sources::set_config(core.connection(), source, &expected, &sealed, now)?;
            core.source_changed(source);
            Ok(())
        })
        .await
    }
    /// `token` is the URL's from now on; the old one works until `old_expires_at`. `Conflict` when four old ones would.
    pub async fn rotate_source_token(
        &self,
        org: OrgId,
        source: &SourceRef,
        token: String,
        old_expires_at: Timestamp,
    ) -> Result<Source> {
        let source = source.clone();
        self.write(move |core, now| {
            let rotated = sources::rotate(core.connection(), org, &source, &token, old_expires_at, now)?;
            core.source_changed(rotated.id);
            Ok(rotated)
        })
        .await
    }
    /// Gone at once, with its application; its rows are deleted in the background.
    pub async fn delete_source(&self, org: OrgId, source: &SourceRef) -> Result<()> {
        let source = source.clone();
        self.write(move |core, _| {
            let found = sources::find(core.connection(), org, &source)?;
            core.delete_source(found.id, found.app)
        })
        .await
    }
    /// The source with this share token.
    pub async fn shared_source(&self, share: &str) -> Result<Source> {
        let share = share.to_owned();
        self.read(move |c| sources::shared(c, &share)).await
    }

    // ---- the hot path ----

    /// The source behind a URL's token, from memory when it is there. Its `Arc` stays the same until the source changes.
    pub fn source_route_cached(&self, token: &str) -> Option<Arc<SourceRoute>> {
        self.inner.sources.get(token, || self.clock().now())
    }
    /// The source behind a URL's token; `None` for one that nothing has. One look-up. An expired source is still one,
    /// until it is deleted in the background.
    pub async fn source_route(&self, token: &str) -> Result<Option<Arc<SourceRoute>>> {
        if let Some(route) = self.source_route_cached(token) {
            return Ok(Some(route));
        }
        let (token, now, generation) = (token.to_owned(), self.clock().now(), self.inner.sources.generation());
        let loaded = self.read(move |c| sources::by_token(c, &token, now)).await?;
        Ok(loaded.map(|source| self.inner.sources.keep(source, generation)))
    }
    pub async fn source_route_of(&self, source: SourceId) -> Result<Arc<SourceRoute>> {
        if let Some(route) = self.inner.sources.of(source) {
            return Ok(route);
        }
        let (now, generation) = (self.clock().now(), self.inner.sources.generation());
        let loaded = self.read(move |c| sources::load_route(c, source, now)).await?;
        let loaded = loaded.ok_or(StoreError::NotFound("source"))?;
        Ok(self.inner.sources.keep(loaded, generation))
    }

    // ---- pull ----

    /// Messages of an application after `after`, oldest first. Fewer than `limit` may come although more follow.
    pub async fn messages_after(
        &self,
        app: AppId,
        after: MessageId,
        filter: MessageFilter,
        limit: u32,
    ) -> Result<MessagesAfter> {
        self.read(move |c| messages::after(c, app, after, &filter, limit)).await
    }
    /// Where a consumer of a sink stands: the last message that it was given.
    pub async fn consumer_position(&self, app: AppId, sink: &str, consumer: &str) -> Result<Option<MessageId>> {
        let (sink, consumer) = (sink.to_owned(), consumer.to_owned());
        self.read(move |c| consumers::position(c, app, &sink, &consumer)).await
    }
    pub async fn set_consumer_position(&self, app: AppId, sink: &str, consumer: &str, at: MessageId) -> Result<()> {
        let (sink, consumer) = (sink.to_owned(), consumer.to_owned());
        self.write(move |core, now| consumers::set_position(core.connection(), app, (&sink, &consumer), at, now)).await
    }
    /// Waits for commits that touch one of `topics`. Hints only: look again now and then without them.
    pub fn watch(&self, topics: &[Topic]) -> Watch {
        self.inner.hub.watch(topics)
    }
}
