//! Events of links and forms: each becomes a message with its deliveries, and is counted.
//!
//! **Invariant:** an event that is refused has written nothing. What is counted is in the transaction of its message, once
//! for each figure however many events it had.

use super::core::{Core, Outgoing};
use super::figures::Figures;
use super::rows;
use super::stats::Span;
use crate::error::StoreError;
use crate::links::{Dim, EventKind, FormFile, NewFile, OriginId, OwnEvent, Recorded};
use crate::novelty::Happened;
use domain::{FileId, MessageId, Seq, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{HashMap, HashSet};

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
    /// Its origin has none of this total yet.
    is_new: bool,
    unique: bool,
    values: Vec<(Dim, Box<str>)>,
}

/// What an event is the first of.
#[derive(Clone, Copy)]
struct New {
    /// Of its total.
    of_total: bool,
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
        self.tail_accepted(&route, id, event_type, now);
        self.tx.counts.accepted += 1;
        self.figures.accepted(route.org, event.app, event_type, id.created_at());
        self.tx.counted.push(counted(event, new));
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
        Ok(New { of_total: !happened.has(total), first, first_human, unique })
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
        let mut counted = std::mem::take(&mut self.tx.counted);
        // In the order of the table, so that neighbours share a page.
        counted.sort_by_key(|c| (c.origin, c.minute));
        for of_origin in counted.chunk_by(|a, b| a.origin == b.origin) {
            write_origin(&self.conn, of_origin)?;
        }
        self.tx.counted = counted;
        Ok(())
    }
}

/// Adds events of one origin, in order of time.
fn write_origin(conn: &Connection, counted: &[Counted]) -> Result<()> {
    let Some(origin) = counted.first().map(|c| c.origin) else { return Ok(()) };
    if counted.iter().any(|c| c.is_new) {
        let mut ever = Changed::load(conn, (origin, Span::Ever, 0))?;
        for c in counted.iter().filter(|c| c.is_new) {
            ever.add(c.total, "", 0);
        }
        ever.store(conn)?;
    }
    for of_day in counted.chunk_by(|a, b| Span::Day.of_minute(a.minute) == Span::Day.of_minute(b.minute)) {
        let Some(day) = of_day.first().map(|c| Span::Day.of_minute(c.minute)) else { continue };
        let mut day = Changed::load(conn, (origin, Span::Day, day))?;
        for of_hour in of_day.chunk_by(|a, b| Span::Hour.of_minute(a.minute) == Span::Hour.of_minute(b.minute)) {
            let Some(at) = of_hour.first().map(|c| Span::Hour.of_minute(c.minute)) else { continue };
            let mut hour = Changed::load(conn, (origin, Span::Hour, at))?;
            let place = at.rem_euclid(24) as u8;
            for c in of_hour {
                let minute = c.minute.rem_euclid(60) as u8;
                for total in [Some(c.total), Some(Dim::Unique).filter(|_| c.unique)].into_iter().flatten() {
                    hour.add(total, "", minute);
                    day.add(total, "", place);
                }
                for (dim, value) in &c.values {
                    let value = day.counted_as(*dim, value);
                    hour.add(*dim, value, minute);
                    day.add(*dim, value, 0);
                }
            }
            hour.store(conn)?;
        }
        day.store(conn)?;
    }
    Ok(())
}

/// A row of figures, and what is added to it.
struct Changed<'a> {
    key: (OriginId, Span, i64),
    old: Vec<u8>,
    added: Figures<'a>,
    /// Values of each dimension that `old` has.
    values: Option<HashMap<Dim, HashSet<String>>>,
}

impl<'a> Changed<'a> {
    fn load(conn: &Connection, key: (OriginId, Span, i64)) -> Result<Changed<'a>> {
        let (origin, span, at) = key;
        let old = conn
            .prepare_cached("SELECT figures FROM stat WHERE origin = ? AND span = ? AND at = ?")?
            .query_row(params![origin.0, span as u8, at], |r| r.get(0))
            .optional()?;
        Ok(Changed { key, old: old.unwrap_or_default(), added: Figures::default(), values: None })
    }
    fn add(&mut self, dim: Dim, value: &'a str, place: u8) {
        self.added.add(dim, value, place, 1);
    }
    /// What a value is counted as: itself, or [`OTHER`] when its dimension has too many of them.
    fn counted_as(&mut self, dim: Dim, value: &'a str) -> &'a str {
        if self.added.has(dim, value) {
            return value;
        }
        let old = &self.old;
        let values = self.values.get_or_insert_with(|| {
            let mut values: HashMap<Dim, HashSet<String>> = HashMap::new();
            for e in Figures::read(old).unwrap_or_default().entries {
                values.entry(e.dim).or_default().insert(e.value.to_owned());
            }
            values
        });
        let known = values.entry(dim).or_default();
        if known.contains(value) {
            return value;
        }
        let new = known.len() - usize::from(known.contains(OTHER)) >= VALUES_MAX as usize;
        if new || value == OTHER {
            return OTHER;
        }
        known.insert(value.to_owned());
        value
    }
    fn store(&self, conn: &Connection) -> Result<()> {
        let (origin, span, at) = self.key;
        // Bytes that are no figures: they begin anew.
        let mut figures = Figures::read(&self.old).unwrap_or_default();
        for e in &self.added.entries {
            for (place, n) in &e.points {
                figures.add(e.dim, e.value, *place, *n);
            }
        }
        conn.prepare_cached(
            "INSERT INTO stat VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET figures = excluded.figures",
        )?
        .execute(params![origin.0, span as u8, at, figures.encode()])?;
        Ok(())
    }
}

/// The total that an event counts in.
fn total_of(event: &OwnEvent) -> Dim {
    match (event.kind, event.bot) {
        (EventKind::Converted, _) => Dim::Converted,
        (_, true) => Dim::Bot,
        (_, false) => Dim::Human,
    }
}

fn counted(event: OwnEvent, new: New) -> Counted {
    let total = total_of(&event);
    let mut values = if event.bot { Vec::new() } else { event.dims };
    values.retain(|(dim, value)| !value.is_empty() && !Dim::TOTALS.contains(dim));
    for (_, value) in &mut values {
        if value.len() > VALUE_MAX {
            *value = value.get(..value.floor_char_boundary(VALUE_MAX)).unwrap_or_default().into();
        }
    }
    let (is_new, unique) = (new.of_total, new.unique);
    Counted { origin: event.origin, minute: event.at.0.div_euclid(MINUTE_MS), total, is_new, unique, values }
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
    let ever = Changed::load(conn, (origin, Span::Ever, 0))?;
    let figures = Figures::read(&ever.old).unwrap_or_default();
    let totals = Dim::TOTALS.into_iter().filter(|d| figures.has(*d, ""));
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
