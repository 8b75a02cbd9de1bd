//! Walking candidates of a search: rows of many owners, merged in order of their keys, within bounds.
//!
//! **Invariant:** a walk gives keys strictly in its direction and looks at no more rows than its budget has; it knows
//! nothing of what is searched for.

use super::rows;
use crate::error::StoreError;
use domain::Clock;
use rusqlite::{Connection, ToSql};
use std::collections::{BinaryHeap, VecDeque};

type Result<T> = std::result::Result<T, StoreError>;

/// What one search may cost: so many rows that are looked up, or eight times as many that are passed over.
const COST_MAX: u32 = 20_000 * COST_LOOKED_UP;
const COST_LOOKED_UP: u32 = 8;
/// ... and for how long it goes on.
const US_MAX: u64 = 70_000;
/// Rows that are passed over between two looks at the clock.
const PASSED_UNTIMED: u32 = 32;
/// Rows of an owner that are read at once; fewer at first, when there are many owners.
const SLICE: u32 = 64;
const SLICE_FIRST: u32 = 4;
const OWNERS_FEW: usize = 16;
/// ... of those of which most are passed over, of all owners together.
const SLICE_SIFTED: usize = 1024;

/// What ends a search that finds too little.
pub(super) struct Budget<'c> {
    clock: &'c dyn Clock,
    until_us: u64,
    left: u32,
}

impl<'c> Budget<'c> {
    pub fn new(clock: &'c dyn Clock) -> Self {
        Budget { clock, until_us: clock.monotonic_us().saturating_add(US_MAX), left: COST_MAX }
    }
    /// For a row that was looked up; `false` when it is used up.
    pub fn spend(&mut self) -> bool {
        self.left = self.left.saturating_sub(COST_LOOKED_UP);
        self.left > 0 && self.clock.monotonic_us() < self.until_us
    }
    /// For a row that was passed over.
    pub fn pass(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0 && (!self.left.is_multiple_of(PASSED_UNTIMED) || self.clock.monotonic_us() < self.until_us)
    }
}

/// What rows have to have, as far as the walk can tell; all of it may be absent. What it lets through is looked at again.
#[derive(Clone, Debug, Default)]
pub(super) struct Sieve {
    /// As they are written in a JSON list, with quotation marks.
    pub tag: Option<String>,
    pub channel: Option<String>,
    /// The first and the last event type.
    pub types: Option<(String, String)>,
    /// The lowest and the highest status code.
    pub codes: Option<(u16, u16)>,
}

impl Sieve {
    /// Whether it holds back any rows of this kind.
    fn works_on(&self, rows: Rows) -> bool {
        match rows {
            Rows::OfApp | Rows::All => self.tag.is_some() || self.channel.is_some() || self.types.is_some(),
            Rows::Attempts => true,
            Rows::Failed => self.codes.is_some(),
            _ => false,
        }
    }
    /// SQL, and its parameters from ?5 on.
    fn condition(&self, rows: Rows) -> (String, Vec<Box<dyn ToSql>>) {
        let mut params: Vec<Box<dyn ToSql>> = Vec::new();
        let mut terms: Vec<String> = Vec::new();
        let mut add = |term: &str, values: Vec<Box<dyn ToSql>>| {
            let n = params.len() + 5;
            terms.push(term.replace("?A", &format!("?{n}")).replace("?B", &format!("?{}", n + 1)));
            params.extend(values);
        };
        if matches!(rows, Rows::Attempts | Rows::Failed) {
            let (low, high) = self.codes.unwrap_or((0, u16::MAX));
            add("status_code BETWEEN ?A AND ?B", vec![Box::new(low), Box::new(high)]);
        } else {
            if let Some(tag) = &self.tag {
                add("instr(tags, ?A)", vec![Box::new(tag.clone())]);
            }
            if let Some(channel) = &self.channel {
                add("instr(channels, ?A)", vec![Box::new(channel.clone())]);
            }
            if let Some((first, last)) = &self.types {
                add("event_type BETWEEN ?A AND ?B", vec![Box::new(first.clone()), Box::new(last.clone())]);
            }
        }
        (terms.join(" AND "), params)
    }
}

/// Which rows, of what owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// Messages of an application.
    OfApp,
    /// All messages; the owner means nothing.
    All,
    /// Dead deliveries of an endpoint, by message.
    Dead,
    /// Failed attempts of an endpoint, by attempt.
    Failed,
    /// Deliveries on disk, by message: due ones and dead ones; of no owner.
    OnDisk,
    /// Deliveries in memory, by message; of no owner.
    Leased,
    /// Attempts, by message; of no owner.
    Attempts,
}

/// A row on the way; with the message 0, one to pass over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    pub key: i64,
    pub message: i64,
}

/// From where to where (both excluded), and which way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub low: i64,
    pub high: i64,
    pub down: bool,
}

impl Range {
    fn sql(self, rows: Rows, condition: &str) -> String {
        let dir = if self.down { "DESC" } else { "ASC" };
        let (columns, from, key) = match rows {
            Rows::OfApp => ("id, id", "message WHERE app = ?1 AND", "id"),
            Rows::All => ("id, id", "message WHERE ?1 = ?1 AND", "id"),
            Rows::Dead => ("message, message", "delivery WHERE endpoint = ?1 AND dead IS NOT NULL AND", "message"),
            Rows::Failed => ("id, message", "attempt WHERE endpoint = ?1 AND success = 0 AND", "id"),
            Rows::OnDisk => ("message, message", "delivery WHERE ?1 = ?1 AND", "message"),
            Rows::Leased => ("message, message", "lease WHERE ?1 = ?1 AND", "message"),
            Rows::Attempts => ("message, message", "attempt WHERE ?1 = ?1 AND", "message"),
        };
        // All attempts of a message are one row: a slice must not end between them.
        let (columns, group) = match condition {
            "" => (columns.to_owned(), ""),
            _ if rows == Rows::Attempts => (format!("{key}, max(iif({condition}, {key}, 0))"), "GROUP BY message"),
            _ if rows == Rows::Failed => (format!("id, iif({condition}, message, 0)"), ""),
            _ => (format!("{key}, iif({condition}, {key}, 0)"), ""),
        };
        format!("SELECT {columns} FROM {from} {key} > ?2 AND {key} < ?3 {group} ORDER BY {key} {dir} LIMIT ?4")
    }
    /// What is left behind a key.
    pub fn behind(self, key: i64) -> Range {
        if self.down { Range { high: self.high.min(key), ..self } } else { Range { low: self.low.max(key), ..self } }
    }
}

struct Stream {
    owner: i64,
    left: Range,
    slice: VecDeque<Item>,
    is_done: bool,
}

/// Rows of several owners as one.
pub(super) struct Merge<'c> {
    conn: &'c Connection,
    rows: Rows,
    down: bool,
    condition: String,
    params: Vec<Box<dyn ToSql>>,
    slice: u32,
    streams: Vec<Stream>,
    /// (what comes first is greatest, its stream)
    heads: BinaryHeap<(i64, usize)>,
}

impl<'c> Merge<'c> {
    pub fn new(conn: &'c Connection, rows: Rows, owners: &[i64], range: Range, sieve: &Sieve) -> Result<Self> {
        let stream = |owner: &i64| Stream { owner: *owner, left: range, slice: VecDeque::new(), is_done: false };
        let streams: Vec<Stream> = owners.iter().map(stream).collect();
        let is_sifted = sieve.works_on(rows);
        let (condition, params) = if is_sifted { sieve.condition(rows) } else { Default::default() };
        let sifted = (SLICE_SIFTED / owners.len().max(1)).max(SLICE as usize / 2) as u32;
        let slice = if is_sifted { sifted } else { SLICE };
        let (down, heads) = (range.down, BinaryHeap::new());
        let mut all = Merge { conn, rows, down, condition, params, slice, streams, heads };
        let first = if owners.len() > OWNERS_FEW && !is_sifted { SLICE_FIRST } else { slice };
        for n in 0..all.streams.len() {
            all.refill(n, first)?;
        }
        Ok(all)
    }

    /// Puts a stream's next row among the heads.
    fn refill(&mut self, n: usize, limit: u32) -> Result<()> {
        let Some(stream) = self.streams.get_mut(n) else { return Ok(()) };
        if stream.slice.is_empty() && !stream.is_done {
            let mut s = self.conn.prepare_cached(&stream.left.sql(self.rows, &self.condition))?;
            let Range { low, high, .. } = stream.left;
            let item = |r: &rusqlite::Row<'_>| Ok(Item { key: r.get(0)?, message: r.get(1)? });
            let fixed: [&dyn ToSql; 4] = [&stream.owner, &low, &high, &limit];
            let params: Vec<&dyn ToSql> = fixed.into_iter().chain(self.params.iter().map(|p| &**p)).collect();
            stream.slice = rows::all(&mut s, &params, item)?.into();
            stream.is_done = stream.slice.len() < limit as usize;
            if let Some(last) = stream.slice.back() {
                stream.left = stream.left.behind(last.key);
            }
        }
        if let Some(item) = stream.slice.front() {
            self.heads.push((if self.down { item.key } else { -item.key }, n));
        }
        Ok(())
    }

    pub fn is_at_end(&self) -> bool {
        self.heads.is_empty()
    }

    pub fn next(&mut self) -> Result<Option<Item>> {
        let Some((_, n)) = self.heads.pop() else { return Ok(None) };
        let item = self.streams.get_mut(n).and_then(|s| s.slice.pop_front());
        self.refill(n, self.slice)?;
        Ok(item)
    }
}
