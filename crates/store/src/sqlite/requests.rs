//! Captured requests: reading, listing, and those that wait for their source.
//!
//! **Invariant:** a body is in its request's row or in its message's payload, never in both.

use super::{messages, rows};
use crate::error::StoreError;
use crate::inbound::{CapturedRequest, RequestFilter, RequestsAfter, Verdict, VerdictKind};
use crate::types::{Page, PageQuery};
use bytes::Bytes;
use domain::{MessageId, RequestHead, RequestId, SourceId};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

type Result<T> = std::result::Result<T, StoreError>;

/// Requests of a source: its spans, then the rows of each. Appending to an index of all requests would rewrite several of
/// its pages at each commit; a busy source has hundreds of requests in a span, an idle one has a row for each, as in an
/// index. `?1` is the source; ids are from `?2` to `?3`, both included.
pub(super) const OF_SOURCE: &str = "request_span s CROSS JOIN request r
    ON r.id >= s.span << 23 AND r.id < (s.span + 1) << 23
    WHERE s.source = ?1 AND s.span >= ?2 >> 23 AND s.span <= ?3 >> 23 AND r.source = ?1 AND +r.id >= ?2 AND +r.id <= ?3";
/// Milliseconds of an id begin at bit 21.
const SPAN_BITS: u32 = 23;

/// The span that a request is in.
pub(super) fn span_of(request: RequestId) -> i64 {
    request.0 >> SPAN_BITS
}

/// Notes that the source has requests in the span.
pub(super) fn add_span(conn: &Connection, source: SourceId, span: i64) -> Result<()> {
    conn.prepare_cached("INSERT INTO request_span VALUES (?, ?) ON CONFLICT DO NOTHING")?.execute([source.0, span])?;
    Ok(())
}

/// Forgets a span in which the source has no requests any more.
pub(super) fn tidy_span(conn: &Connection, source: SourceId, span: i64) -> Result<()> {
    conn.prepare_cached(
        "DELETE FROM request_span WHERE source = ?1 AND span = ?2 AND NOT EXISTS (SELECT 1 FROM request r
            WHERE r.id >= ?2 << 23 AND r.id < (?2 + 1) << 23 AND r.source = ?1)",
    )?
    .execute([source.0, span])?;
    Ok(())
}

/// A request's body, wherever it is. `NULL` when it expired, or is empty.
const BODY: &str = "iif(body_from IS NULL, body,
    (SELECT substr(m.payload, body_from + 1, body_len) FROM message m WHERE m.id = message))";
const COLUMNS: &str = "id, source, verdict, reason, status, duplicates, event_type, message, messages, body_len, head";

fn from_row(row: &Row<'_>, with_body: bool) -> rusqlite::Result<CapturedRequest> {
    let impossible = |column: &str| rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, column.into());
    let verdict = match row.get("verdict")? {
        0 => Verdict::Accepted,
        1 => Verdict::Held,
        2 => Verdict::Refused(row.get::<_, Option<String>>("reason")?.unwrap_or_default()),
        3 => Verdict::Handshake,
        4 => Verdict::Captured,
        _ => return Err(impossible("verdict")),
    };
    let body_len = row.get("body_len")?;
    let body: Option<Vec<u8>> = if with_body { row.get("body")? } else { None };
    Ok(CapturedRequest {
        id: RequestId(row.get("id")?),
        source: SourceId(row.get("source")?),
        head: RequestHead::read(row.get::<_, Vec<u8>>("head")?.into()).map_err(|_| impossible("head"))?,
        verdict,
        status: row.get("status")?,
        duplicates: row.get("duplicates")?,
        event_type: row.get("event_type")?,
        message: row.get::<_, Option<i64>>("message")?.map(MessageId),
        messages: row.get("messages")?,
        body_len,
        body: body.map(Bytes::from).or((with_body && body_len == 0).then(Bytes::new)),
    })
}

pub(crate) fn find(
    conn: &Connection,
    source: SourceId,
    request: RequestId,
    with_body: bool,
) -> Result<CapturedRequest> {
    let sql = if with_body {
        format!("SELECT {COLUMNS}, {BODY} AS body FROM request WHERE id = ? AND source = ?")
    } else {
        format!("SELECT {COLUMNS} FROM request WHERE id = ? AND source = ?")
    };
    let found =
        conn.prepare_cached(&sql)?.query_row(params![request.0, source.0], |r| from_row(r, with_body)).optional()?;
    found.ok_or(StoreError::NotFound("request"))
}

/// The head of a request, if it is there still and can be read.
pub(crate) fn head(conn: &Connection, request: RequestId) -> Result<Option<RequestHead>> {
    let found: Option<Vec<u8>> = conn
        .prepare_cached("SELECT head FROM request WHERE id = ?")?
        .query_row([request.0], |r| r.get(0))
        .optional()?;
    Ok(found.and_then(|bytes| match RequestHead::read(bytes.into()) {
        Ok(head) => Some(head),
        Err(e) => {
            // A delivery without its head is better than none, for this and every other message.
            tracing::error!(request = request.0, error = %e, "the head of a request can't be read");
            None
        }
    }))
}

/// A page may be shorter than its limit although more follows.
pub(crate) fn list(
    conn: &Connection,
    source: SourceId,
    page: &PageQuery<RequestId>,
    filter: &RequestFilter,
) -> Result<Page<CapturedRequest, RequestId>> {
    let walk = rows::walk(page);
    let (_, dir) = walk.words();
    let verdict = if filter.verdict.is_some() { "r.verdict" } else { "NULL" };
    let sql = format!("SELECT r.id, {verdict} FROM {OF_SOURCE} ORDER BY s.span {dir}, r.id {dir}");
    let (low, high) = messages::bounds(filter.after, filter.before);
    let (low, high) = match walk.from.map(|r| r.0) {
        Some(f) if walk.down => (low, high.min(f)),
        Some(f) => (low.max(f), high),
        None => (low, high),
    };
    let mut statement = conn.prepare_cached(&sql)?;
    let mut found = statement.query(params![source.0, low.saturating_add(1), high.saturating_sub(1)])?;
    let mut data = Vec::new();
    let (mut looked_at, mut last, mut done) = (0, None, true);
    while let Some(row) = found.next()? {
        if data.len() == page.limit as usize || looked_at == messages::SCAN_MAX {
            done = false;
            break;
        }
        looked_at += 1;
        let id = RequestId(row.get(0)?);
        last = Some(id);
        if row.get::<_, Option<u8>>(1)? == filter.verdict.map(|v: VerdictKind| v as u8) {
            data.push(find(conn, source, id, filter.with_body)?);
        }
    }
    if walk.reversed {
        data.reverse();
    }
    // The end that the next page goes on from is the last row looked at; the other is a row of the page.
    let id = |r: &CapturedRequest| r.id;
    let (first, last) = if walk.reversed { (last, data.last().map(id)) } else { (data.first().map(id), last) };
    Ok(Page { data, last, first, done })
}

/// Requests of these sources after `after`, with bodies, oldest first.
pub(crate) fn after(conn: &Connection, sources: &[SourceId], after: RequestId, limit: u32) -> Result<RequestsAfter> {
    let mut found: Vec<(RequestId, SourceId)> = Vec::new();
    {
        let mut s = conn.prepare_cached(&format!("SELECT r.id FROM {OF_SOURCE} ORDER BY s.span, r.id LIMIT ?4"))?;
        for source in sources {
            let ids = s.query_map(params![source.0, after.0.saturating_add(1), i64::MAX, limit + 1], |r| r.get(0))?;
            for id in ids {
                found.push((RequestId(id?), *source));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    let done = found.len() <= limit as usize;
    found.truncate(limit as usize);
    let data = found.into_iter().map(|(id, source)| find(conn, source, id, true)).collect::<Result<_>>()?;
    Ok(RequestsAfter { data, done })
}

/// Held requests of live sources, oldest first.
pub(crate) fn held(conn: &Connection, limit: u32) -> Result<Vec<(SourceId, RequestId)>> {
    let mut found: Vec<(RequestId, SourceId)> = Vec::new();
    let mut from = i64::MIN;
    let next = |from: i64| -> Result<Option<i64>> {
        let mut s = conn.prepare_cached("SELECT min(source) FROM request WHERE verdict = 1 AND source > ?")?;
        Ok(s.query_row([from], |r| r.get(0))?)
    };
    while let Some(source) = next(from)? {
        from = source;
        let live =
            conn.prepare_cached("SELECT 1 FROM source WHERE id = ? AND state = 0 AND deleted = 0")?.exists([source])?;
        if live {
            let mut s =
                conn.prepare_cached("SELECT id FROM request WHERE verdict = 1 AND source = ? ORDER BY id LIMIT ?")?;
            let ids = rows::all(&mut s, &[&source, &limit], |r| r.get(0).map(RequestId))?;
            found.extend(ids.into_iter().map(|id| (id, SourceId(source))));
        }
    }
    found.sort_unstable();
    found.truncate(limit as usize);
    Ok(found.into_iter().map(|(id, source)| (source, id)).collect())
}
