//! What happens on a link or form: its figures, its events as a list and as a file. Both share this.
//!
//! **Invariant:** the caller's organisation has the origin: whoever calls has looked it up there.

use super::export::{PageWriter, Pages};
use crate::call::{Call, Shared, named};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::list::{self, ListOut};
use crate::wire::own_event::{self, Columns, Export, Format};
use crate::wire::own_stats::{self, StatsOut, Words};
use axum::body::Body;
use bytes::Bytes;
use domain::{AppId, MessageId};
use std::sync::Arc;
use store::{Cursor, Order, OriginId, OwnEvents, PageQuery, StoreError};

/// Events of a page of an export.
const EXPORT_PAGE: u32 = 64;

/// A link or form whose events are exported.
pub(super) struct Origin {
    pub id: OriginId,
    /// Its public id.
    pub name: String,
    pub columns: Columns,
}

/// The application that a body's `appId` names.
pub(super) async fn app_of(call: &Call, text: &str) -> Result<AppId, Problem> {
    let unknown = || Problem::field("appId", "is no application's id or uid: make it first, or leave this out");
    let name = named(call.codec(), text).ok_or_else(unknown)?;
    match call.store().route(call.caller.org, &name).await {
        Ok(route) => Ok(route.app),
        Err(StoreError::NotFound(_)) => Err(unknown()),
        Err(e) => Err(e.into()),
    }
}

/// The application that a PATCH names; `null` names the one that the organisation has for links and forms.
pub(super) async fn changed_app(call: &Call, change: Option<Option<String>>) -> Result<Option<AppId>, Problem> {
    Ok(match change {
        None => None,
        Some(Some(text)) => Some(app_of(call, &text).await?),
        Some(None) => Some(call.store().own_app(call.caller.org).await?),
    })
}

pub(super) async fn stats(call: &Call, origin: OriginId, words: Words) -> Result<Reply, Problem> {
    let query = own_stats::read_query(&call.query(), call.shared.now())?;
    let stats = call.store().stats(origin, query).await?;
    Ok(Reply::ok(&StatsOut::of(stats, query, words)))
}

pub(super) async fn events(call: &Call, origin: OriginId) -> Result<Reply, Problem> {
    let codec = call.codec();
    let page: PageQuery<MessageId> = list::page(&call.query(), codec, Order::Descending)?;
    let before = match page.cursor {
        None => None,
        Some(Cursor::After(id)) => Some(id),
        Some(Cursor::Before(_)) => return Err(Problem::query("iterator", "goes on to older events only here")),
    };
    let OwnEvents { data, next } = call.store().own_events(origin, before, page.limit).await?;
    let last = next.or_else(|| data.last().map(|m| m.id));
    Ok(Reply::ok(&ListOut {
        data: data.iter().map(|m| own_event::out(m, codec)).collect(),
        iterator: last.map(|id| codec.text(id)),
        prev_iterator: None,
        done: next.is_none(),
    }))
}

pub(super) fn export(call: &Call, origin: Origin) -> Result<Reply, Problem> {
    let query = call.query();
    let format = Format::parse(query.get("format").unwrap_or("ndjson"));
    let format = format.ok_or_else(|| Problem::query("format", "must be ndjson or csv"))?;
    let export = Export::new(format, origin.columns, call.codec().clone());
    let writer = Writer { shared: call.shared.clone(), origin: origin.id, before: None, export };
    let name = format!("{}.{}", origin.name, format.extension());
    Ok(Reply::streamed(format.kind(), name, Body::new(Pages::of(writer))))
}

struct Writer {
    shared: Arc<Shared>,
    origin: OriginId,
    /// The last event written; `None` before the first page.
    before: Option<MessageId>,
    export: Export,
}

impl PageWriter for Writer {
    async fn page(mut self) -> Result<(Bytes, Option<Self>), StoreError> {
        let found = self.shared.store.own_events(self.origin, self.before, EXPORT_PAGE).await?;
        let mut out = Vec::new();
        if self.before.is_none() {
            self.export.begin(&mut out);
        }
        for message in &found.data {
            self.export.row(message, &mut out);
        }
        self.before = found.next;
        Ok((out.into(), found.next.map(|_| self)))
    }
}
