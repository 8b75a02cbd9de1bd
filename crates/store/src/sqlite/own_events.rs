//! Events of links and forms: each becomes a message with its deliveries, and is counted.
//!
//! **Invariant:** an event that is refused has written nothing. What is counted is in the transaction of its message, once
//! for each figure however many events it had.

use super::core::{Core, Outgoing};
use super::rows;
use super::stats::Span;
use crate::error::StoreError;
use crate::links::{Dim, EventKind, FormFile, NewFile, OriginId, OwnEvent, Recorded};
use crate::novelty::Happened;
use domain::{FileId, MessageId, Seq, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;

type Result<T> = std::result::Result<T, StoreError>;

/// Bytes of a counted value at most.
const VALUE_MAX: usize = 255;
/// Different values of a dimension in a day at most; those that come later are counted together.
pub(super) const VALUES_MAX: u32 = 200;
/// Stands for the values beyond [`VALUES_MAX`].
pub(super) const OTHER: &str = "(other)";

/// Messages that a start looks at for the visitors of the day.
const VISITORS_REBUILT_MAX: u32 = 100_000;

pub(super) const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

/// What an event adds to the figures.
pub(super) struct Counted {
    origin: OriginId,
    /// Since the Unix epoch.
    minute: i64,
    total: Dim,
    unique: bool,
    values: Vec<(Dim, Box<str>)>,
}

/// (origin, dimension, value, minute)
type Figure<'a> = (OriginId, Dim, &'a str, i64);

/// What an event is the first of.
#[derive(Clone, Copy)]
struct New {
    first: bool,
    first_human: bool,
    unique: bool,
}

impl Core {
    /// Stores the event as a message of its application, with its deliveries, and counts it. `NotFound` when the application
    /// is no more, `Conflict` for a file whose id is taken.
    pub fn record(&mut self, event: OwnEvent, now: Timestamp) -> Result<Recorded> {
        let route = self.route(event.app, now)?.ok_or(StoreError::NotFound("application"))?;
        if let Some(event_id) = &event.event_id {
            let mut s = self.conn.prepare_cached("SELECT 1 FROM message WHERE app = ? AND event_id = ?")?;
            if s.exists(params![event.app.0, event_id])? {
                return Ok(Recorded::Repeated);
            }
        }
        self.check_files(&event.files)?;
        let id: MessageId = self.next_id(now);
        let new = self.novelty_of(&event)?;
        let payload = finished(&event.payload, new);
        let event_type = event.kind.event_type();
        self.conn
            .prepare_cached(
                "INSERT INTO message (id, app, event_type, event_id, channels, payload, origin)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                id.0,
                event.app.0,
                event_type,
                event.event_id,
                rows::list_text(&event.channels),
                &payload[..],
                event.origin.0,
            ])?;
        self.insert_files(id, &event.files)?;
        let outgoing = Outgoing {
            message: id,
            event_type,
            channels: &event.channels,
            payload: &payload,
            passage: None,
            deliver_at: None,
        };
        self.fan_out(&route, &outgoing, now)?;
        self.touched_app(event.app);
        self.tx.counts.accepted += 1;
        self.tx.counted.push(counted(event, new.unique));
        Ok(Recorded::New(id))
    }

    /// What it is the first of; from now on, others are not.
    fn novelty_of(&mut self, event: &OwnEvent) -> Result<New> {
        let happened = match self.novelty.happened(event.origin) {
            Some(happened) => happened,
            None => happened(&self.conn, event.origin)?,
        };
        let total = total_of(event);
        let (first, first_human) = match event.kind {
            EventKind::Converted => {
                let first = !happened.has(Dim::Converted);
                (first, first && !event.bot)
            }
            EventKind::Clicked | EventKind::Submitted => {
                let human = happened.has(Dim::Human);
                (!human && !happened.has(Dim::Bot), !human && !event.bot)
            }
        };
        if self.novelty.happened(event.origin) != Some(happened.with(total)) {
            self.novelty.set_happened(event.origin, happened.with(total));
        }
        let counts = !event.bot && event.kind != EventKind::Converted;
        let unique = match event.visitor.filter(|_| counts) {
            Some(visitor) => self.novelty.visit(event.origin, visitor, event.at.0.div_euclid(DAY_MS)),
            None => false,
        };
        Ok(New { first, first_human, unique })
    }

    fn check_files(&self, files: &[NewFile]) -> Result<()> {
        for (n, file) in files.iter().enumerate() {
            let twice = files.iter().take(n).any(|f| f.id == file.id);
            if twice || self.conn.prepare_cached("SELECT 1 FROM form_file WHERE id = ?")?.exists([file.id.0])? {
                return Err(StoreError::Conflict("a file with this id already exists"));
            }
        }
        Ok(())
    }

    fn insert_files(&self, message: MessageId, files: &[NewFile]) -> Result<()> {
        for f in files {
            self.conn.prepare_cached("INSERT INTO form_file VALUES (?, ?, ?, ?, ?, ?, ?)")?.execute(params![
                f.id.0,
                message.0,
                f.field,
                f.name,
                f.content_type,
                f.content.len(),
                &f.content[..],
            ])?;
        }
        Ok(())
    }

    /// The visitors of today's newest messages.
    pub(super) fn rebuild_visitors(&mut self, now: Timestamp) -> Result<()> {
        let day = now.0.div_euclid(DAY_MS);
        let oldest = Seq::first_at(Timestamp(day * DAY_MS)).0;
        let found: Vec<(OriginId, u64)> = {
            let mut s = self.conn.prepare(
                "SELECT origin, iif(origin IS NULL, NULL, payload) FROM message WHERE id >= ? ORDER BY id DESC LIMIT ?",
            )?;
            let mut found = s.query(params![oldest, VISITORS_REBUILT_MAX])?;
            let mut visitors = Vec::new();
            while let Some(row) = found.next()? {
                let Some(origin) = row.get::<_, Option<i64>>(0)? else { continue };
                let payload = row.get_ref(1)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
                if let Some(visitor) = payload.and_then(visitor_in) {
                    visitors.push((OriginId(origin), visitor));
                }
            }
            visitors
        };
        for (origin, visitor) in found.into_iter().rev() {
            self.novelty.visit(origin, visitor, day);
        }
        self.novelty.commit();
        Ok(())
    }

    // ---- counting ----

    /// Adds what the transaction's events brought to the figures.
    pub(super) fn write_counts(&mut self) -> Result<()> {
        if self.tx.counted.is_empty() {
            return Ok(());
        }
        let mut sums: HashMap<Figure<'_>, u32> = HashMap::with_capacity(self.tx.counted.len());
        for c in &self.tx.counted {
            *sums.entry((c.origin, c.total, "", c.minute)).or_default() += 1;
            if c.unique {
                *sums.entry((c.origin, Dim::Unique, "", c.minute)).or_default() += 1;
            }
            for (dim, value) in &c.values {
                *sums.entry((c.origin, *dim, &**value, c.minute)).or_default() += 1;
            }
        }
        // In the order of the table, so that neighbours share a page.
        let mut sums: Vec<(Figure<'_>, u32)> = sums.into_iter().collect();
        sums.sort_unstable();
        let mut values = DayValues::default();
        for ((origin, dim, value, minute), n) in sums {
            if Dim::TOTALS.contains(&dim) {
                for span in [Span::Minute, Span::Hour, Span::Day, Span::Ever] {
                    add(&self.conn, (origin, span, dim, span.of_minute(minute), ""), n)?;
                }
            } else {
                let value = values.add(&self.conn, (origin, dim, value, minute), n)?;
                add(&self.conn, (origin, Span::Minute, dim, minute, value), n)?;
            }
        }
        Ok(())
    }
}

/// How many values the dimension last looked at has on a day.
#[derive(Default)]
struct DayValues {
    of: Option<(OriginId, Dim, i64)>,
    n: u32,
}

impl DayValues {
    /// Counts a value for its day. Returns what it is counted as.
    fn add<'a>(&mut self, conn: &Connection, (origin, dim, value, minute): Figure<'a>, n: u32) -> Result<&'a str> {
        let day = Span::Day.of_minute(minute);
        let known = conn
            .prepare_cached(
                "UPDATE stat SET n = n + ?5 WHERE origin = ?1 AND span = 1 AND dim = ?2 AND at = ?3 AND value = ?4",
            )?
            .execute(params![origin.0, dim as u8, day, value, n])?;
        if known == 1 {
            return Ok(value);
        }
        if self.of != Some((origin, dim, day)) {
            let count = conn
                .prepare_cached(
                    "SELECT count(*) FROM stat WHERE origin = ? AND span = 1 AND dim = ? AND at = ? AND value <> ?",
                )?
                .query_row(params![origin.0, dim as u8, day, OTHER], |r| r.get(0))?;
            (self.of, self.n) = (Some((origin, dim, day)), count);
        }
        let value = if value == OTHER || self.n >= VALUES_MAX { OTHER } else { value };
        if value != OTHER {
            self.n += 1;
        }
        add(conn, (origin, Span::Day, dim, day, value), n)?;
        Ok(value)
    }
}

fn add(conn: &Connection, (origin, span, dim, at, value): (OriginId, Span, Dim, i64, &str), n: u32) -> Result<()> {
    let rows = conn
        .prepare_cached("INSERT INTO stat VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n")?
        .execute(params![origin.0, span as u8, dim as u8, at, value, n])?;
    debug_assert_eq!(rows, 1);
    Ok(())
}

/// The total that an event counts in.
fn total_of(event: &OwnEvent) -> Dim {
    match (event.kind, event.bot) {
        (EventKind::Converted, _) => Dim::Converted,
        (_, true) => Dim::Bot,
        (_, false) => Dim::Human,
    }
}

fn counted(event: OwnEvent, unique: bool) -> Counted {
    let total = total_of(&event);
    let mut values = if event.bot { Vec::new() } else { event.dims };
    values.retain(|(dim, value)| !value.is_empty() && !Dim::TOTALS.contains(dim));
    for (_, value) in &mut values {
        if value.len() > VALUE_MAX {
            *value = value.get(..value.floor_char_boundary(VALUE_MAX)).unwrap_or_default().into();
        }
    }
    Counted { origin: event.origin, minute: event.at.0.div_euclid(MINUTE_MS), total, unique, values }
}

fn finished(payload: &[u8], new: New) -> bytes::Bytes {
    let end = format!(r#","first":{},"firstHuman":{},"unique":{}}}}}"#, new.first, new.first_human, new.unique);
    [payload, end.as_bytes()].concat().into()
}

/// The visitor that a payload names last: what people sent comes before it.
fn visitor_in(payload: &[u8]) -> Option<u64> {
    const NAME: &[u8] = br#""visitor":""#;
    let at = payload.windows(NAME.len()).rposition(|w| w == NAME)? + NAME.len();
    let (hex, rest) = payload.get(at..)?.split_first_chunk::<16>()?;
    let plain = hex.iter().all(u8::is_ascii_hexdigit) && rest.first() == Some(&b'"');
    u64::from_str_radix(std::str::from_utf8(hex).ok().filter(|_| plain)?, 16).ok()
}

/// What has happened of an origin, by its figures.
fn happened(conn: &Connection, origin: OriginId) -> Result<Happened> {
    let mut s = conn.prepare_cached("SELECT dim FROM stat WHERE origin = ? AND span = 2")?;
    let dims: Vec<u8> = rows::all(&mut s, &[&origin.0], |r| r.get(0))?;
    let totals = Dim::TOTALS.into_iter().filter(|d| dims.contains(&(*d as u8)));
    Ok(totals.fold(Happened::default(), Happened::with))
}

/// A file that came with a submission.
pub(crate) fn file(conn: &Connection, id: FileId) -> Result<FormFile> {
    let found = conn
        .prepare_cached("SELECT message, field, name, content_type, content FROM form_file WHERE id = ?")?
        .query_row([id.0], |r| {
            Ok(FormFile {
                id,
                message: MessageId(r.get(0)?),
                field: r.get(1)?,
                name: r.get(2)?,
                content_type: r.get(3)?,
                content: r.get::<_, Vec<u8>>(4)?.into(),
            })
        })
        .optional()?;
    found.ok_or(StoreError::NotFound("file"))
}

/// The files of a message whose content is deleted.
pub(super) fn delete_files(conn: &Connection, message: MessageId) -> Result<()> {
    conn.prepare_cached("DELETE FROM form_file WHERE message = ?")?.execute([message.0])?;
    Ok(())
}

/// The salt of a day, made of `fresh` when there is none. Those of other days are deleted; only the following day's stays,
/// and serves this one, too: whoever asks for this one is late.
pub(crate) fn visitor_salt(conn: &Connection, day: i64, fresh: [u8; 16]) -> Result<(i64, [u8; 16])> {
    for others in ["DELETE FROM visitor_salt WHERE day < ?", "DELETE FROM visitor_salt WHERE day > ? + 1"] {
        conn.prepare_cached(others)?.execute([day])?;
    }
    let found = conn
        .prepare_cached("SELECT day, salt FROM visitor_salt WHERE day >= ? ORDER BY day DESC LIMIT 1")?
        .query_row([day], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    if let Some(found) = found {
        return Ok(found);
    }
    let n = conn.prepare_cached("INSERT INTO visitor_salt VALUES (?, ?)")?.execute(params![day, fresh])?;
    debug_assert_eq!(n, 1);
    Ok((day, fresh))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_visitor_of_a_payload_is_its_own() {
        let check = |payload: &str, want: Option<u64>| assert_eq!(visitor_in(payload.as_bytes()), want, "{payload}");
        check(r#"{"data":{"visitor":"00000000000000ff","first":true}}"#, Some(255));
        check(r#"{"fields":{"visitor":"0000000000000001"},"visitor":"0000000000000002"}"#, Some(2));
        check(r#"{"a":"\"visitor\":\"0000000000000001\""}"#, None);
        for bad in [
            "",
            r#"{"visitor":null}"#,
            r#""visitor":""#,
            r#""visitor":"00000000000000""#,
            r#""visitor":"000000000000000g""#,
            r#""visitor":"+000000000000001""#,
            r#""visitor":"00000000000000001""#,
            r#""visitor":"0000000000000001"#,
        ] {
            check(bad, None);
        }
    }
}
