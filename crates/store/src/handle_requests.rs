//! The handle's verbs of receiving: requests, stored and read.
//!
//! **Invariant:** as in `handle`: a verb that returned `Ok` is on disk, and every later read sees it.

use crate::error::StoreError;
use crate::handle::{Store, stopped};
use crate::inbound::*;
use crate::sqlite::requests;
use crate::types::*;
use crate::writer::Op;
use domain::{MessageId, RequestId, SourceId, SourceRoute};
use std::sync::Arc;
use tokio::sync::oneshot;

type Result<T> = std::result::Result<T, StoreError>;

/// Requests that one transaction deletes when all of a source are deleted.
const DELETED_AT_ONCE: u32 = 500;

impl Store {
    /// Stores a request with its messages and their deliveries, unless all its events are known; returns once that is
    /// on disk. `NotFound` when the source was deleted meanwhile.
    pub async fn receive(&self, request: NewRequest) -> Result<Received> {
        let (to, answer) = oneshot::channel();
        let bytes = request.body.len() + request.head.encoded().len();
        self.queue().push_bounded(bytes, Op::Receive(Box::new(request), to))?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }
    pub async fn request(&self, source: SourceId, request: RequestId, with_body: bool) -> Result<CapturedRequest> {
        self.read(move |c| requests::find(c, source, request, with_body)).await
    }
    /// A page may be shorter than its limit and not be the last.
    pub async fn requests(
        &self,
        source: SourceId,
        page: PageQuery<RequestId>,
        filter: RequestFilter,
    ) -> Result<Page<CapturedRequest, RequestId>> {
        self.read(move |c| requests::list(c, source, &page, &filter)).await
    }
    /// Requests of these sources after `after` (with bodies), oldest first.
    pub async fn requests_after(&self, sources: &[SourceId], after: RequestId, limit: u32) -> Result<RequestsAfter> {
        let sources = sources.to_vec();
        self.read(move |c| requests::after(c, &sources, after, limit)).await
    }
    /// Makes messages of a stored request, whatever its verdict was; a refused or held one becomes accepted, and its keys
    /// count from now on. With `once`, nothing happens to one that is accepted already. Returns the first message's id.
    pub async fn accept_request(
        &self,
        source: Arc<SourceRoute>,
        request: RequestId,
        events: Vec<InboundEvent>,
        once: bool,
    ) -> Result<Option<MessageId>> {
        self.write(move |core, now| core.accept_request(&source, request, &events, once, now)).await
    }
    pub async fn delete_request(&self, source: SourceId, request: RequestId) -> Result<()> {
        self.write(move |core, _| core.delete_request(source, request)).await
    }
    /// Deletes all requests of a source that there are now, a slice at a time.
    pub async fn delete_requests(&self, source: SourceId) -> Result<()> {
        let until: RequestId = self.write(|core, now| Ok(core.next_id(now))).await?;
        while self.write(move |core, _| core.delete_requests_until(source, until, DELETED_AT_ONCE)).await? {}
        Ok(())
    }
    /// Held requests of live sources, oldest first.
    pub async fn held_requests(&self, limit: u32) -> Result<Vec<(SourceId, RequestId)>> {
        self.read(move |c| requests::held(c, limit)).await
    }
}
