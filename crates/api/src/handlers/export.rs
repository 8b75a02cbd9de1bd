//! Exports: all requests of a source or a bin as one file.
//!
//! **Invariant:** takes the memory of a page, whatever the length; a failure on the way breaks the transfer off, so that
//! half an export never looks like a whole one.

use super::request::filter;
use crate::call::{Call, Shared};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::export::{Export, Format};
use crate::wire::source::ingest_url;
use axum::body::Body;
use bytes::Bytes;
use domain::{RequestId, SourceId};
use http_body::Frame;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use store::{Cursor, Order, PageQuery, RequestFilter, StoreError};

/// Requests of one page, with their bodies.
const PAGE: u32 = 16;

pub(crate) async fn export(call: Call) -> Result<Reply, Problem> {
    let source = call.source().await?;
    let query = call.query();
    let format = query.get("format").unwrap_or("ndjson");
    let format = Format::parse(format).ok_or_else(|| Problem::query("format", "must be ndjson, csv, har or curl"))?;
    let mut filter = filter(&query)?;
    filter.with_body = true;
    let order = query.order_or(Order::Descending)?;
    if order == Order::Ascending {
        // What comes in meanwhile would make it endless.
        let now = call.shared.now();
        filter.before = Some(filter.before.map_or(now, |before| before.min(now)));
    }
    let id = call.codec().text(source.id);
    let export = Export::new(format, call.codec().clone(), ingest_url(&call.origin(), &source.token));
    let writer = Writer { shared: call.shared.clone(), source: source.id, filter, order, cursor: None, export };
    let name = format!("{id}.{}", format.extension());
    Ok(Reply::streamed(format.kind(), name, Body::new(Pages::of(writer))))
}

struct Writer {
    shared: Arc<Shared>,
    source: SourceId,
    filter: RequestFilter,
    order: Order,
    /// The last row written; `None` before the first page.
    cursor: Option<RequestId>,
    export: Export,
}

impl PageWriter for Writer {
    async fn page(mut self) -> Result<(Bytes, Option<Self>), StoreError> {
        let page = PageQuery { limit: PAGE, cursor: self.cursor.map(Cursor::After), order: self.order };
        let found = self.shared.store.requests(self.source, page, self.filter.clone()).await?;
        let mut out = Vec::new();
        if self.cursor.is_none() {
            self.export.begin(&mut out);
        }
        for request in &found.data {
            self.export.row(request, &mut out);
        }
        // Without a row that was looked at there is no place to go on from.
        let next = if found.done { None } else { found.last };
        let Some(last) = next else {
            self.export.end(&mut out);
            return Ok((out.into(), None));
        };
        self.cursor = Some(last);
        Ok((out.into(), Some(self)))
    }
}

/// Writes an export page by page.
pub(super) trait PageWriter: Sized + Send + 'static {
    /// The text of the next page, and the writer unless it was the last.
    fn page(self) -> impl Future<Output = Result<(Bytes, Option<Self>), StoreError>> + Send;
}

type NextPage<W> = Pin<Box<dyn Future<Output = Result<(Bytes, Option<W>), StoreError>> + Send>>;

/// The body of an answer: reads a page when the last one was written to the client.
pub(super) struct Pages<W>(Option<NextPage<W>>);

impl<W: PageWriter> Pages<W> {
    pub fn of(writer: W) -> Self {
        Pages(Some(Box::pin(writer.page())))
    }
}

impl<W: PageWriter> http_body::Body for Pages<W> {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        let Some(next) = &mut self.0 else { return Poll::Ready(None) };
        let page = ready!(next.as_mut().poll(cx));
        self.0 = None;
        match page {
            Ok((bytes, writer)) => {
                if let Some(writer) = writer {
                    *self = Pages::of(writer);
                }
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Err(cause) => {
                tracing::error!(%cause, "an export broke off");
                Poll::Ready(Some(Err(cause)))
            }
        }
    }
}
