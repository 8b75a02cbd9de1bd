//! Messages: reading, listing, deleting content.

use super::rows;
use crate::error::StoreError;
use crate::inbound::MessagesAfter;
use crate::links::{OriginId, OwnEvents};
use crate::types::{Message, MessageFilter, MessageRef, Order, Page, PageQuery, Ref};
use bytes::Bytes;
use domain::{AppId, MessageId, RequestId, Seq, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

type Result<T> = std::result::Result<T, StoreError>;

/// Rows that one page of a filtered list may look at, so that a rare match costs pages, not seconds.
pub(super) const SCAN_MAX: u32 = 5000;
/// Bytes of content after which a pull ends: clients that poll at once don't each hold a page of the largest messages.
const PULL_BYTES_MAX: usize = 4 << 20;

const COLUMNS: &str = "id, app, event_type, event_id, channels, tags, deliver_at";

fn from_row(row: &Row<'_>, with_content: bool) -> rusqlite::Result<Message> {
    let payload: Option<Vec<u8>> = if with_content { row.get("payload")? } else { None };
    Ok(Message {
        id: MessageId(row.get("id")?),
        app: AppId(row.get("app")?),
        event_type: row.get("event_type")?,
        event_id: row.get("event_id")?,
        channels: rows::list(row, "channels")?,
        tags: rows::list(row, "tags")?,
        deliver_at: rows::optional_time(row, "deliver_at")?,
        payload: payload.map(Bytes::from),
    })
}

pub(crate) fn find(conn: &Connection, app: AppId, message: &MessageRef, with_content: bool) -> Result<Message> {
    let found = match message {
        Ref::Id(id) => conn
            .prepare_cached(&format!("SELECT {COLUMNS}, payload FROM message WHERE id = ?2 AND app = ?1"))?
            .query_row(params![app.0, id.0], |r| from_row(r, with_content))
            .optional()?,
        Ref::Uid(event_id) => conn
            .prepare_cached(&format!("SELECT {COLUMNS}, payload FROM message WHERE app = ?1 AND event_id = ?2"))?
            .query_row(params![app.0, event_id], |r| from_row(r, with_content))
            .optional()?,
    };
    found.ok_or(StoreError::NotFound("message"))
}

/// A message by its number alone, without its content.
pub(super) fn by_id(conn: &Connection, message: MessageId) -> Result<Option<Message>> {
    Ok(conn
        .prepare_cached(&format!("SELECT {COLUMNS} FROM message WHERE id = ?"))?
        .query_row([message.0], |r| from_row(r, false))
        .optional()?)
}

/// The payload of a message, unless it expired or was deleted, and the request that it was made of.
pub(crate) fn payload(conn: &Connection, message: MessageId) -> Result<Option<(Bytes, Option<RequestId>)>> {
    let found: Option<(Option<Vec<u8>>, Option<i64>)> = conn
        .prepare_cached("SELECT payload, request FROM message WHERE id = ?")?
        .query_row([message.0], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    Ok(found.and_then(|(payload, request)| Some((Bytes::from(payload?), request.map(RequestId)))))
}

/// The message that an SDK-made key brought, if `hash` is really its own.
pub(crate) fn find_by_key(conn: &Connection, id: MessageId, hash: &[u8; 16]) -> Result<Option<Message>> {
    let found = conn
        .prepare_cached(&format!("SELECT {COLUMNS}, payload FROM message WHERE id = ? AND key = ?"))?
        .query_row(params![id.0, hash], |r| from_row(r, true))
        .optional()?;
    Ok(found)
}

impl MessageFilter {
    fn takes(&self, m: &Message) -> bool {
        (self.event_types.is_empty() || self.event_types.contains(&m.event_type))
            && self.channel.as_ref().is_none_or(|c| m.channels.contains(c))
            && self.tag.as_ref().is_none_or(|t| m.tags.contains(t))
    }
}

/// Row numbers between two times, both ends excluded.
pub(super) fn bounds(after: Option<Timestamp>, before: Option<Timestamp>) -> (i64, i64) {
    let low = after.map_or(-1, |t| Seq::first_at(Timestamp(t.0.saturating_add(1))).0 - 1);
    let high = before.map_or(i64::MAX, |t| Seq::first_at(t).0);
    (low, high)
}

/// Newest first. A page may be shorter than its limit although more follows.
pub(crate) fn list(
    conn: &Connection,
    app: AppId,
    page: &PageQuery<MessageId>,
    filter: &MessageFilter,
) -> Result<Page<Message, MessageId>> {
    scan(conn, app, page, filter, SCAN_MAX, |m| Ok(Some(m)), |m: &Message| m.id)
}

/// Oldest first, those that came after `after`: as far as one bounded scan gets.
pub(crate) fn after(
    conn: &Connection,
    app: AppId,
    after: MessageId,
    filter: &MessageFilter,
    limit: u32,
) -> Result<MessagesAfter> {
    let (low, high) = bounds(filter.after, filter.before);
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS}, payload FROM message WHERE app = ?1 AND id > ?2 AND id < ?3 ORDER BY id ASC"
    ))?;
    let mut rows = statement.query(params![app.0, low.max(after.0), high])?;
    let mut found = MessagesAfter { data: Vec::new(), last: None, done: true };
    let (mut looked_at, mut bytes) = (0, 0);
    while let Some(row) = rows.next()? {
        if found.data.len() == limit as usize || looked_at == SCAN_MAX || bytes >= PULL_BYTES_MAX {
            found.done = false;
            break;
        }
        looked_at += 1;
        let mut message = from_row(row, false)?;
        found.last = Some(message.id);
        if filter.takes(&message) {
            if filter.with_content {
                message.payload = row.get::<_, Option<Vec<u8>>>("payload")?.map(Bytes::from);
                bytes += message.payload.as_ref().map_or(0, Bytes::len);
            }
            found.data.push(message);
        }
    }
    Ok(found)
}

/// Messages of a link or form that came before `before`, newest first, with their payloads.
pub(crate) fn of_origin(
    conn: &Connection,
    origin: OriginId,
    before: Option<MessageId>,
    limit: u32,
) -> Result<OwnEvents> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS}, payload FROM message WHERE origin = ?1 AND id < ?2 ORDER BY id DESC"
    ))?;
    let mut rows = statement.query(params![origin.0, before.map_or(i64::MAX, |m| m.0)])?;
    let mut found = OwnEvents::default();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if found.data.len() >= limit as usize || bytes >= PULL_BYTES_MAX {
            found.next = found.data.last().map(|m| m.id);
            break;
        }
        let message = from_row(row, true)?;
        bytes += message.payload.as_ref().map_or(0, Bytes::len);
        found.data.push(message);
    }
    Ok(found)
}

/// Walks an application's messages newest first, keeping what passes the filter and `keep`.
pub(super) fn scan<T>(
    conn: &Connection,
    app: AppId,
    page: &PageQuery<MessageId>,
    filter: &MessageFilter,
    scan_max: u32,
    mut keep: impl FnMut(Message) -> Result<Option<T>>,
    id: impl Fn(&T) -> MessageId,
) -> Result<Page<T, MessageId>> {
    let page = PageQuery { order: Order::Descending, ..page.clone() };
    let walk = rows::walk(&page);
    let (_, dir) = walk.words();
    let sql =
        format!("SELECT {COLUMNS}, payload FROM message WHERE app = ?1 AND id > ?2 AND id < ?3 ORDER BY id {dir}");
    let (low, high) = bounds(filter.after, filter.before);
    let (low, high) = match walk.from.map(|m| m.0) {
        Some(f) if walk.down => (low, high.min(f)),
        Some(f) => (low.max(f), high),
        None => (low, high),
    };
    let mut statement = conn.prepare_cached(&sql)?;
    let mut found = statement.query(params![app.0, low, high])?;
    let mut data = Vec::new();
    let (mut looked_at, mut last, mut done) = (0, None, true);
    while let Some(row) = found.next()? {
        if data.len() == page.limit as usize || looked_at == scan_max {
            done = false;
            break;
        }
        looked_at += 1;
        let message = from_row(row, filter.with_content)?;
        last = Some(message.id);
        if filter.takes(&message)
            && let Some(item) = keep(message)?
        {
            data.push(item);
        }
    }
    if walk.reversed {
        data.reverse();
    }
    // The end that the next page goes on from is the last row looked at; the other is a row of the page.
    let (first, last) = if walk.reversed { (last, data.last().map(&id)) } else { (data.first().map(&id), last) };
    Ok(Page { data, last, first, done })
}

pub(crate) fn delete_content(conn: &Connection, app: AppId, message: &MessageRef) -> Result<()> {
    let found = find(conn, app, message, false)?;
    conn.prepare_cached("UPDATE message SET payload = NULL WHERE id = ?")?.execute([found.id.0])?;
    super::own_events::delete_files(conn, found.id)
}
