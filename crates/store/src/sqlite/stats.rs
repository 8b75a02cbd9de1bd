//! Figures of links and forms.
//!
//! Minutes are kept as long as messages, hours and days until their link or form is deleted. A time asked for is read in
//! whole days (or hours), and in minutes at both ends.
//! **Invariant:** every read is a few ranges of the primary key.

use crate::error::StoreError;
use crate::links::{Dim, OriginId, StatQuery, Stats, Step};
use domain::Timestamp;
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, HashMap};

type Result<T> = std::result::Result<T, StoreError>;

/// How wide a figure of the table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Span {
    Minute = 0,
    Day = 1,
    Ever = 2,
    Hour = 3,
}

const DAY: i64 = 1440;

impl Span {
    /// Minutes in it.
    fn minutes(self) -> i64 {
        match self {
            Span::Minute => 1,
            Span::Hour => 60,
            Span::Day => DAY,
            Span::Ever => i64::MAX,
        }
    }
    /// Where a minute counts: `stat.at`.
    pub fn of_minute(self, minute: i64) -> i64 {
        match self {
            Span::Ever => 0,
            other => minute.div_euclid(other.minutes()),
        }
    }
}

/// Figures of a span, from the first number (inclusive) to the last (exclusive).
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

/// What to read for the minutes [from, until): as much as possible in `coarse`, the ends in minutes. Where these are no
/// longer kept (before `kept`), the whole of the coarse one stands for its part.
fn ranges((from, until): (i64, i64), coarse: Span, kept: i64) -> Vec<Range> {
    let unit = coarse.minutes();
    let mut all = Vec::new();
    let mut end = |from: i64, until: i64| {
        if from >= until {
        } else if from < kept {
            let at = from.div_euclid(unit);
            all.push(Range { span: coarse, from: at, until: at + 1 });
        } else {
            all.push(Range { span: Span::Minute, from, until });
        }
    };
    // The first and the last whole one's beginning.
    let (first, last) = (-(-from).div_euclid(unit), until.div_euclid(unit));
    if first > last {
        end(from, until);
        return all;
    }
    end(from, first * unit);
    end(last * unit, until);
    if first < last {
        all.push(Range { span: coarse, from: first, until: last });
    }
    all
}

/// What to read for a series: as `ranges`, but nothing coarser than its step, where that is kept.
fn series_ranges(q: &StatQuery, kept: i64) -> Vec<Range> {
    match q.step {
        Step::Day => ranges((q.from, q.until), Span::Day, kept),
        Step::Hour => ranges((q.from, q.until), Span::Hour, kept),
        Step::Minute if q.from >= kept => vec![Range { span: Span::Minute, from: q.from, until: q.until }],
        Step::Minute => {
            let middle = q.until.min(kept);
            let mut all = ranges((q.from, middle), Span::Hour, kept);
            all.push(Range { span: Span::Minute, from: middle, until: q.until });
            all
        }
    }
}

/// Figures over the minutes asked for. Minutes before `kept` are gone: hours or days stand for them.
pub(crate) fn stats(conn: &Connection, origin: OriginId, q: &StatQuery, kept: i64) -> Result<Stats> {
    let unit = match q.step {
        Step::Minute => 1,
        Step::Hour => 60,
        Step::Day => DAY,
    };
    let mut series: BTreeMap<i64, [u64; 4]> = BTreeMap::new();
    let mut totals = [0u64; 4];
    for range in series_ranges(q, kept) {
        for (n, dim) in Dim::TOTALS.into_iter().enumerate() {
            each(conn, origin, dim, range, |at, _, count| {
                let minute = at * range.span.minutes();
                let step = series.entry(minute.div_euclid(unit) * unit).or_default();
                for sum in [step.get_mut(n), totals.get_mut(n)].into_iter().flatten() {
                    *sum += count;
                }
            })?;
        }
    }
    let mut dims = Vec::new();
    let whole = ranges((q.from, q.until), Span::Day, kept);
    for dim in Dim::ALL.into_iter().filter(|d| !Dim::TOTALS.contains(d)) {
        dims.push((dim, top(conn, origin, dim, &whole, q.top)?));
    }
    Ok(Stats { series: series.into_iter().collect(), totals, dims })
}

/// The most frequent values, those of the same number by name.
fn top(conn: &Connection, origin: OriginId, dim: Dim, ranges: &[Range], n: u32) -> Result<Vec<(String, u64)>> {
    let mut sums: HashMap<String, u64> = HashMap::new();
    for range in ranges {
        each(conn, origin, dim, *range, |_, value, count| match sums.get_mut(value) {
            Some(sum) => *sum += count,
            None => drop(sums.insert(value.to_owned(), count)),
        })?;
    }
    let mut sums: Vec<(String, u64)> = sums.into_iter().collect();
    sums.sort_unstable_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    sums.truncate(n as usize);
    Ok(sums)
}

/// Gives each figure of a range: where, of what value, how many.
fn each(conn: &Connection, origin: OriginId, dim: Dim, range: Range, mut f: impl FnMut(i64, &str, u64)) -> Result<()> {
    let mut s = conn.prepare_cached(
        "SELECT at, value, n FROM stat WHERE origin = ? AND span = ? AND dim = ? AND at >= ? AND at < ?",
    )?;
    let mut found = s.query(params![origin.0, range.span as u8, dim as u8, range.from, range.until])?;
    while let Some(row) = found.next()? {
        let value = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        f(row.get(0)?, value, row.get(2)?);
    }
    Ok(())
}
