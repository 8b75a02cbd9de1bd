//! Figures of links and forms: reading them.
//!
//! Hours, by the minute, are kept as long as a setting says; days, with their totals by the hour, until their link or form
//! is deleted. A time asked for is read in whole days, and in hours at both ends.
//! **Invariant:** every read is a few ranges of the primary key.

use super::figures::Figures;
use crate::error::StoreError;
use crate::links::{Dim, OriginId, StatQuery, Stats, Step};
use domain::Timestamp;
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, HashMap};

type Result<T> = std::result::Result<T, StoreError>;

/// How wide the figures of a row are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Span {
    Hour = 0,
    Day = 1,
    Ever = 2,
}

const HOUR: i64 = 60;
const DAY: i64 = 1440;

impl Span {
    /// Where a minute counts: `stat.at`.
    pub fn of_minute(self, minute: i64) -> i64 {
        match self {
            Span::Hour => minute.div_euclid(HOUR),
            Span::Day => minute.div_euclid(DAY),
            Span::Ever => 0,
        }
    }
}

/// Rows of a span, from the first minute (inclusive) to the last (exclusive).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    span: Span,
    from: i64,
    until: i64,
}

/// The first minute that is kept: a day's first.
pub(crate) fn kept_from(now: Timestamp, retention: std::time::Duration) -> i64 {
    now.minus(retention).0.div_euclid(super::own_events::MINUTE_MS * DAY) * DAY
}

/// What to read for the minutes [from, until): whole days, and hours at the ends. Where these are no longer kept (before
/// `kept`), the day stands for its part.
fn by_day((from, until): (i64, i64), kept: i64) -> Vec<Range> {
    let mut all = Vec::new();
    let mut add = |span: Span, from: i64, until: i64| {
        if from < until {
            let span = if from < kept { Span::Day } else { span };
            all.push(Range { span, from, until });
        }
    };
    // The first whole day's beginning, and the last one's end.
    let (first, last) = (-(-from).div_euclid(DAY) * DAY, until.div_euclid(DAY) * DAY);
    if first > last {
        add(Span::Hour, from, until);
    } else {
        add(Span::Hour, from, first);
        add(Span::Day, first, last);
        add(Span::Hour, last, until);
    }
    all
}

/// What to read for a series.
fn for_series(q: &StatQuery, kept: i64) -> Vec<Range> {
    if q.step != Step::Minute {
        return by_day((q.from, q.until), kept);
    }
    let middle = kept.clamp(q.from, q.until.max(q.from));
    let both = [(Span::Day, q.from, middle), (Span::Hour, middle, q.until)];
    both.into_iter()
        .filter(|(_, from, until)| from < until)
        .map(|(span, from, until)| Range { span, from, until })
        .collect()
}

/// Figures over the minutes asked for. Minutes before `kept` are gone: their hours stand for them in totals, their days in
/// what has values.
pub(crate) fn stats(conn: &Connection, origin: OriginId, q: &StatQuery, kept: i64) -> Result<Stats> {
    let unit = match q.step {
        Step::Minute => 1,
        Step::Hour => HOUR,
        Step::Day => DAY,
    };
    let mut series: BTreeMap<i64, [u64; 4]> = BTreeMap::new();
    let mut totals = [0u64; 4];
    for range in for_series(q, kept) {
        each(conn, origin, range, |minute, dim, _, count| {
            let Some(n) = Dim::TOTALS.iter().position(|d| *d == dim) else { return };
            let step = series.entry(minute.div_euclid(unit) * unit).or_default();
            for sum in [step.get_mut(n), totals.get_mut(n)].into_iter().flatten() {
                *sum += count;
            }
        })?;
    }
    let mut sums: HashMap<Dim, HashMap<String, u64>> = HashMap::new();
    for range in by_day((q.from, q.until), kept) {
        each(conn, origin, range, |_, dim, value, count| {
            if Dim::TOTALS.contains(&dim) {
                return;
            }
            let values = sums.entry(dim).or_default();
            match values.get_mut(value) {
                Some(sum) => *sum += count,
                None => drop(values.insert(value.to_owned(), count)),
            }
        })?;
    }
    let dims = Dim::ALL.into_iter().filter(|d| !Dim::TOTALS.contains(d));
    let dims = dims.map(|d| (d, top(sums.remove(&d).unwrap_or_default(), q.top))).collect();
    Ok(Stats { series: series.into_iter().collect(), totals, dims })
}

/// The most frequent values, those of the same number by name.
fn top(sums: HashMap<String, u64>, n: u32) -> Vec<(String, u64)> {
    let mut sums: Vec<(String, u64)> = sums.into_iter().collect();
    sums.sort_unstable_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    sums.truncate(n as usize);
    sums
}

/// Gives each figure of a range: its minute, dimension, value, and how many. A day's are given for the hours that the
/// range touches, those of values for the day's first minute.
fn each(conn: &Connection, origin: OriginId, range: Range, mut f: impl FnMut(i64, Dim, &str, u64)) -> Result<()> {
    let Range { span, from, until } = range;
    let mut s =
        conn.prepare_cached("SELECT at, figures FROM stat WHERE origin = ? AND span = ? AND at >= ? AND at <= ?")?;
    let mut found = s.query(params![origin.0, span as u8, span.of_minute(from), span.of_minute(until - 1)])?;
    while let Some(row) = found.next()? {
        let at: i64 = row.get(0)?;
        let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        for e in Figures::read(bytes).unwrap_or_default().entries {
            for (place, n) in &e.points {
                let (minute, width) = match span {
                    Span::Day if Dim::TOTALS.contains(&e.dim) => (at * DAY + i64::from(*place) * HOUR, HOUR),
                    Span::Day => (at * DAY, DAY),
                    _ => (at * HOUR + i64::from(*place), 1),
                };
                if minute < until && minute + width > from {
                    f(minute, e.dim, e.value, u64::from(*n));
                }
            }
        }
    }
    Ok(())
}
