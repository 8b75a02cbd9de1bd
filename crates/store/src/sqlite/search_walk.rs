//! Walking candidates of a search: rows of many owners, merged in order of their keys, within bounds.
//!
//! **Invariant:** a walk gives keys strictly in its direction and looks at no more rows than its budget has; it knows
//! nothing of what is searched for.

use super::rows;
use crate::error::StoreError;
use domain::Clock;
use rusqlite::Connection;
use std::collections::{BinaryHeap, VecDeque};

type Result<T> = std::result::Result<T, StoreError>;

/// Rows that one search looks at.
const ROWS_MAX: u32 = 20_000;
/// ... and for how long it goes on.
const US_MAX: u64 = 100_000;
/// Rows of an owner that are read at once; fewer at first, when there are many owners.
const SLICE: u32 = 64;
const SLICE_FIRST: u32 = 4;
const OWNERS_FEW: usize = 16;

/// What ends a search that finds too little.
pub(super) struct Budget<'c> {
    clock: &'c dyn Clock,
    until_us: u64,
    rows: u32,
}

impl<'c> Budget<'c> {
    pub fn new(clock: &'c dyn Clock) -> Self {
        Budget { clock, until_us: clock.monotonic_us().saturating_add(US_MAX), rows: ROWS_MAX }
    }
    /// `false` when it is used up.
    pub fn spend(&mut self) -> bool {
        self.rows = self.rows.saturating_sub(1);
        self.rows > 0 && self.clock.monotonic_us() < self.until_us
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
}

/// A row on the way.
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
    fn sql(self, rows: Rows) -> String {
        let dir = if self.down { "DESC" } else { "ASC" };
        let (columns, from, key) = match rows {
            Rows::OfApp => ("id, id", "message WHERE app = ?1 AND", "id"),
            Rows::All => ("id, id", "message WHERE ?1 = ?1 AND", "id"),
            Rows::Dead => ("message, message", "delivery WHERE endpoint = ?1 AND dead IS NOT NULL AND", "message"),
            Rows::Failed => ("id, message", "attempt WHERE endpoint = ?1 AND success = 0 AND", "id"),
            Rows::OnDisk => ("message, message", "delivery WHERE ?1 = ?1 AND", "message"),
            Rows::Leased => ("message, message", "lease WHERE ?1 = ?1 AND", "message"),
        };
        format!("SELECT {columns} FROM {from} {key} > ?2 AND {key} < ?3 ORDER BY {key} {dir} LIMIT ?4")
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
    streams: Vec<Stream>,
    /// (what comes first is greatest, its stream)
    heads: BinaryHeap<(i64, usize)>,
}

impl<'c> Merge<'c> {
    pub fn new(conn: &'c Connection, rows: Rows, owners: &[i64], range: Range) -> Result<Self> {
        let streams =
            owners.iter().map(|owner| Stream { owner: *owner, left: range, slice: VecDeque::new(), is_done: false });
        let mut all = Merge { conn, rows, down: range.down, streams: streams.collect(), heads: BinaryHeap::new() };
        let first = if owners.len() > OWNERS_FEW { SLICE_FIRST } else { SLICE };
        for n in 0..all.streams.len() {
            all.refill(n, first)?;
        }
        Ok(all)
    }

    /// Puts a stream's next row among the heads.
    fn refill(&mut self, n: usize, limit: u32) -> Result<()> {
        let Some(stream) = self.streams.get_mut(n) else { return Ok(()) };
        if stream.slice.is_empty() && !stream.is_done {
            let mut s = self.conn.prepare_cached(&stream.left.sql(self.rows))?;
            let Range { low, high, .. } = stream.left;
            let item = |r: &rusqlite::Row<'_>| Ok(Item { key: r.get(0)?, message: r.get(1)? });
            stream.slice = rows::all(&mut s, &[&stream.owner, &low, &high, &limit], item)?.into();
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
        self.refill(n, SLICE)?;
        Ok(item)
    }
}
