//! Attempts: reading, listing, deleting content.

use super::messages::{self, SCAN_MAX, bounds};
use super::rows;
use crate::error::StoreError;
use crate::types::{Attempt, AttemptFilter, EndpointRef, Message, MessageRef, Order, Page, PageQuery, Ref};
use bytes::Bytes;
use domain::{AppId, AttemptDetail, AttemptId, DeliveryKey, EndpointId, MessageId};
use rusqlite::{Connection, OptionalExtension, Row, params};

type Result<T> = std::result::Result<T, StoreError>;

const COLUMNS: &str = "a.message, a.id, a.endpoint, a.ordinal, a.number, a.success, a.status_code, a.duration_us,
    a.manual, a.response, a.detail, coalesce(u.url, '') AS url";
const FROM: &str = "attempt a LEFT JOIN endpoint_url u ON u.endpoint = a.endpoint AND u.version = a.url_version";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        id: AttemptId(row.get("id")?),
        key: DeliveryKey {
            message: MessageId(row.get("message")?),
            endpoint: EndpointId(row.get("endpoint")?),
            ordinal: row.get("ordinal")?,
        },
        number: row.get("number")?,
        success: row.get("success")?,
        status_code: row.get("status_code")?,
        duration_us: row.get("duration_us")?,
        manual: row.get("manual")?,
        url: row.get("url")?,
        response: row.get::<_, Option<Vec<u8>>>("response")?.map(Bytes::from),
        detail: row.get_ref("detail")?.as_blob_or_null()?.and_then(AttemptDetail::unpack),
        message: None,
    })
}

pub(crate) fn find(conn: &Connection, app: AppId, message: &MessageRef, attempt: AttemptId) -> Result<Attempt> {
    let message = messages::find(conn, app, message, false)?;
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM {FROM} WHERE a.message = ? AND a.id = ?"))?
        .query_row(params![message.id.0, attempt.0], from_row)
        .optional()?
        .ok_or(StoreError::NotFound("attempt"))
}

pub(crate) fn delete_content(conn: &Connection, app: AppId, message: &MessageRef, attempt: AttemptId) -> Result<()> {
    let found = find(conn, app, message, attempt)?;
    conn.prepare_cached("UPDATE attempt SET response = NULL, detail = NULL WHERE message = ? AND id = ?")?
        .execute(params![found.key.message.0, attempt.0])?;
    Ok(())
}

pub(crate) fn by_endpoint(
    conn: &Connection,
    app: AppId,
    endpoint: &EndpointRef,
    page: &PageQuery<AttemptId>,
    filter: &AttemptFilter,
) -> Result<Page<Attempt, AttemptId>> {
    let endpoint = super::endpoints::find(conn, app, endpoint)?.id;
    // Failures are rare: their own index finds them.
    let only = if filter.success == Some(false) { "AND a.success = 0" } else { "" };
    scan(conn, app, "a.endpoint", endpoint.0, only, page, filter)
}

pub(crate) fn by_message(
    conn: &Connection,
    app: AppId,
    message: &MessageRef,
    page: &PageQuery<AttemptId>,
    filter: &AttemptFilter,
) -> Result<Page<Attempt, AttemptId>> {
    let message = messages::find(conn, app, message, false)?.id;
    scan(conn, app, "a.message", message.0, "", page, filter)
}

fn scan(
    conn: &Connection,
    app: AppId,
    owner: &str,
    owner_id: i64,
    only: &str,
    page: &PageQuery<AttemptId>,
    filter: &AttemptFilter,
) -> Result<Page<Attempt, AttemptId>> {
    let page = PageQuery { order: Order::Descending, ..page.clone() };
    let walk = rows::walk(&page);
    let (_, dir) = walk.words();
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE {owner} = ?1 AND a.id > ?2 AND a.id < ?3 {only} ORDER BY a.id {dir}"
    );
    let (low, high) = bounds(filter.after, filter.before);
    let (low, high) = match walk.from {
        Some(f) if walk.down => (low, high.min(f.0)),
        Some(f) => (low.max(f.0), high),
        None => (low, high),
    };
    let mut statement = conn.prepare_cached(&sql)?;
    let mut found = statement.query(params![owner_id, low, high])?;
    let mut data: Vec<Attempt> = Vec::new();
    let (mut looked_at, mut last, mut done) = (0, None, true);
    while let Some(row) = found.next()? {
        if data.len() == page.limit as usize || looked_at == SCAN_MAX {
            done = false;
            break;
        }
        looked_at += 1;
        let mut attempt = from_row(row)?;
        last = Some(attempt.id);
        if filter.takes(&attempt) && attach_message(conn, app, filter, &mut attempt)? {
            data.push(attempt);
        }
    }
    if walk.reversed {
        data.reverse();
    }
    // The end that the next page goes on from is the last row looked at; the other is a row of the page.
    let (first, last) =
        if walk.reversed { (last, data.last().map(|a| a.id)) } else { (data.first().map(|a| a.id), last) };
    Ok(Page { data, last, first, done })
}

impl AttemptFilter {
    fn takes(&self, a: &Attempt) -> bool {
        self.success.is_none_or(|s| s == a.success)
            && self.status_code_class.is_none_or(|c| a.status_code / 100 == c / 100)
            && self.endpoint.is_none_or(|e| e == a.key.endpoint)
    }
    fn asks_for_message(&self) -> bool {
        self.with_message || !self.event_types.is_empty() || self.channel.is_some() || self.tag.is_some()
    }
    fn takes_message(&self, m: &Message) -> bool {
        (self.event_types.is_empty() || self.event_types.contains(&m.event_type))
            && self.channel.as_ref().is_none_or(|c| m.channels.contains(c))
            && self.tag.as_ref().is_none_or(|t| m.tags.contains(t))
    }
}

/// Whether the attempt's message passes the filter; keeps it when asked to.
fn attach_message(conn: &Connection, app: AppId, filter: &AttemptFilter, attempt: &mut Attempt) -> Result<bool> {
    if !filter.with_content {
        attempt.response = attempt.response.take().map(|_| Bytes::new());
        if let Some(detail) = &mut attempt.detail {
            detail.headers = None;
        }
    }
    if !filter.asks_for_message() {
        return Ok(true);
    }
    let with_content = filter.with_message && filter.with_content;
    match messages::find(conn, app, &Ref::Id(attempt.key.message), with_content) {
        Ok(m) if filter.takes_message(&m) => {
            attempt.message = filter.with_message.then_some(m);
            Ok(true)
        }
        // The message was deleted by retention before its last attempts.
        Err(StoreError::NotFound(_)) => Ok(filter.event_types.is_empty() && filter.channel.is_none()),
        Ok(_) => Ok(false),
        Err(e) => Err(e),
    }
}
