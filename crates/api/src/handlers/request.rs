//! Captured requests of a source or a bin.
//!
//! **Invariant:** a list takes the memory of one body at a time and the beginnings of the others, whatever was sent.

use crate::call::{Call, Shared};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::list::{self, ListOut};
use crate::wire::query::Query;
use crate::wire::request::{request_out, verdict_of};
use crate::wire::time;
use bytes::Bytes;
use domain::{RequestId, SourceId};
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use store::{CapturedRequest, Order, Page, PageQuery, RequestFilter, StoreError, VerdictKind};

/// Bytes of each body that a list shows.
const LIST_BODY_MAX: usize = 32 * 1024;
const OCTETS: &str = "application/octet-stream";

pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let source = call.source().await?;
    list_of(&call.shared, &call.query(), source.id).await
}

pub(super) async fn list_of(shared: &Shared, query: &Query<'_>, source: SourceId) -> Result<Reply, Problem> {
    let codec = shared.store.codec();
    let page = list::page(query, codec, query.order_or(Order::Descending)?)?;
    let filter = filter(query)?;
    let with_content = query.boolean("with_content", true)?;
    let show = |r: &CapturedRequest| raw_json(&request_out(codec, r, Some(LIST_BODY_MAX)));
    let data = rows(shared, source, page, filter, with_content, show).await?;
    Ok(Reply::ok(&ListOut::of(data, |row| row, |id| codec.text(id))))
}

pub(super) fn filter(query: &Query<'_>) -> Result<RequestFilter, Problem> {
    let verdict = match query.get("verdict") {
        None => None,
        Some(text) => Some(
            verdict_of(text)
                .ok_or_else(|| Problem::query("verdict", "must be accepted, held, refused, handshake or captured"))?,
        ),
    };
    Ok(RequestFilter { verdict, before: query.time("before")?, after: query.time("after")?, with_body: false })
}

/// A page of requests, each shown with its body before the next one is read.
async fn rows<T>(
    shared: &Shared,
    source: SourceId,
    page: PageQuery<RequestId>,
    filter: RequestFilter,
    with_body: bool,
    show: impl Fn(&CapturedRequest) -> Result<T, Problem>,
) -> Result<Page<T, RequestId>, Problem> {
    let found = shared.store.requests(source, page, filter).await?;
    let mut data = Vec::with_capacity(found.data.len());
    for mut row in found.data {
        if with_body && row.body_len == 0 {
            row.body = Some(Bytes::new());
        } else if with_body {
            row = match shared.store.request(source, row.id, true).await {
                Ok(whole) => whole,
                // Deleted meanwhile.
                Err(StoreError::NotFound(_)) => continue,
                Err(e) => return Err(e.into()),
            };
        }
        data.push(show(&row)?);
    }
    Ok(Page { data, last: found.last, first: found.first, done: found.done })
}

fn raw_json<T: Serialize>(value: &T) -> Result<Box<RawValue>, Problem> {
    serde_json::value::to_raw_value(value).map_err(|e| Problem::failed(&e))
}

pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let source = call.source().await?;
    get_of(&call.shared, source.id, call.id(1, "request")?).await
}

pub(super) async fn get_of(shared: &Shared, source: SourceId, id: RequestId) -> Result<Reply, Problem> {
    let request = shared.store.request(source, id, true).await?;
    Ok(Reply::ok(&request_out(shared.store.codec(), &request, None)))
}

/// The bytes of the body. As a file of unknown kind: it is a stranger's, and must not be shown under this host's name.
pub(crate) async fn raw(call: Call) -> Result<Reply, Problem> {
    let source = call.source().await?;
    let id: RequestId = call.id(1, "request")?;
    let request = call.store().request(source.id, id, true).await?;
    let body = request.body.ok_or_else(body_gone)?;
    Ok(Reply::file(OCTETS, format!("{}.bin", call.codec().text(id)), body))
}

fn body_gone() -> Problem {
    Problem::not_found("The body of this request is kept no longer")
}

pub(crate) async fn delete(call: Call) -> Result<Reply, Problem> {
    let source = call.source().await?;
    call.store().delete_request(source.id, call.id(1, "request")?).await?;
    Ok(Reply::no_content())
}

pub(crate) async fn delete_all(call: Call) -> Result<Reply, Problem> {
    let source = call.source().await?;
    call.store().delete_requests(source.id).await?;
    Ok(Reply::no_content())
}

/// Takes a request that was refused or held as if it had been verified. Once: a second call changes nothing.
pub(crate) async fn accept(call: Call) -> Result<Reply, Problem> {
    again(call, true).await
}

/// Makes new messages of a request.
pub(crate) async fn replay(call: Call) -> Result<Reply, Problem> {
    again(call, false).await
}

async fn again(call: Call, accept: bool) -> Result<Reply, Problem> {
    let source = call.source().await?;
    let id: RequestId = call.id(1, "request")?;
    let store = call.store();
    let request = store.request(source.id, id, true).await?;
    match (request.verdict.kind(), accept) {
        (VerdictKind::Refused | VerdictKind::Held | VerdictKind::Accepted, true)
        | (VerdictKind::Accepted | VerdictKind::Captured, false) => {}
        (VerdictKind::Handshake, _) => {
            return Err(Problem::conflict("A handshake is answered, and makes no messages"));
        }
        (VerdictKind::Captured, true) => {
            return Err(Problem::conflict("Nothing judged this request: there is nothing to accept. Replay it"));
        }
        (VerdictKind::Refused | VerdictKind::Held, false) => {
            return Err(Problem::conflict("The request is not accepted yet: accept it first"));
        }
    }
    if request.body.is_none() {
        return Err(body_gone());
    }
    let inbound = call.shared.config.inbound.as_ref();
    let inbound =
        inbound.ok_or_else(|| Problem::conflict("This server doesn't receive: nothing reads its requests"))?;
    let route = store.source_route_of(source.id).await?;
    let events = inbound.events(&route, &request);
    let events = events.map_err(|why| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no_events", why))?;
    let message = store.accept_request(route, id, events, accept).await?;
    let message = message.map(|id| call.codec().text(id));
    Ok(Reply::json(StatusCode::ACCEPTED, &json!({"id": call.codec().text(id), "messageId": message})))
}

/// A refused request, as the Svix API words it.
#[derive(Serialize)]
struct LogOut<'a> {
    id: String,
    source_id: String,
    status_code: u16,
    error_text: &'a str,
    headers: BTreeMap<&'a str, Cow<'a, str>>,
    payload: Cow<'a, str>,
    created_at: String,
    updated_at: String,
}

pub(crate) async fn log(call: Call) -> Result<Reply, Problem> {
    let source = call.source().await?;
    let codec = call.codec();
    let query = call.query();
    let page = list::page(&query, codec, query.order_or(Order::Descending)?)?;
    let filter = RequestFilter { verdict: Some(VerdictKind::Refused), ..RequestFilter::default() };
    let show = |r: &CapturedRequest| {
        let body = r.body.as_deref().unwrap_or_default();
        let at = time::text(r.id.created_at());
        raw_json(&LogOut {
            id: codec.text(r.id),
            source_id: codec.text(r.source),
            status_code: r.status,
            error_text: match &r.verdict {
                store::Verdict::Refused(why) => why,
                _ => "",
            },
            headers: r.head.headers().map(|(name, value)| (name, String::from_utf8_lossy(value))).collect(),
            payload: String::from_utf8_lossy(body.get(..LIST_BODY_MAX).unwrap_or(body)),
            created_at: at.clone(),
            updated_at: at,
        })
    };
    let data = rows(&call.shared, source.id, page, filter, true, show).await?;
    Ok(Reply::ok(&ListOut::of(data, |row| row, |id| codec.text(id))))
}
