//! Reading the figures of sources: by the hour, and how they stand now.
//!
//! **Invariant:** as in `figure_reads`: memory is looked at right after the number of the last batch on disk. A source costs a
//! row for each hour, one step down its newest span, and a bounded count.

use super::figure_reads::{beyond, hours};
use super::requests::OF_SOURCE;
use crate::error::StoreError;
use crate::figures::batch::begin_of;
use crate::figures::collect::Memory;
use crate::figures::{HELD_MAX, SourceFigures, SourceHour};
use domain::{RequestId, SourceId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

type Result<T> = std::result::Result<T, StoreError>;

/// By hour, and when the last one came.
#[derive(Default)]
struct Sum {
    by_hour: BTreeMap<i64, SourceHour>,
    last_at: i64,
}

impl Sum {
    fn add(&mut self, hour: i64, figures: &SourceHour, last_at: i64) {
        self.by_hour.entry(hour).or_default().add(figures);
        self.last_at = self.last_at.max(last_at);
    }
    fn done(&self, hours: RangeInclusive<i64>) -> (SourceHour, Vec<SourceHour>) {
        let mut total = SourceHour { at: begin_of(*hours.start()), ..SourceHour::default() };
        let all = hours.map(|hour| {
            let figures = self.by_hour.get(&hour).copied().unwrap_or_default();
            total.add(&figures);
            SourceHour { at: begin_of(hour), ..figures }
        });
        let all = all.collect();
        (total, all)
    }
}

/// In the order of `sources`.
pub(crate) fn sources(
    conn: &Connection,
    memory: &Memory,
    sources: &[SourceId],
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<SourceFigures>> {
    let hours = hours(since, now);
    let mut sums: HashMap<SourceId, Sum> = sources.iter().map(|s| (*s, Sum::default())).collect();
    beyond(conn, memory, |batch| {
        for ((hour, source), count) in &batch.sources {
            if let Some(sum) = sums.get_mut(source).filter(|_| hours.contains(hour)) {
                sum.add(*hour, &count.figures, count.last_at.0);
            }
        }
    })?;
    let mut s = conn.prepare_cached(
        "SELECT received, refused, duplicates, last_at FROM figure_source WHERE hour = ? AND source = ?",
    )?;
    for (source, sum) in &mut sums {
        for hour in hours.clone() {
            let mut found = s.query(params![hour, source.0])?;
            while let Some(row) = found.next()? {
                let n = |i: usize| row.get::<_, i64>(i).map(|n| n as u64);
                let figures = SourceHour { at: Timestamp(0), received: n(0)?, refused: n(1)?, duplicates: n(2)? };
                sum.add(hour, &figures, row.get(3)?);
            }
        }
    }
    let mut all = Vec::with_capacity(sources.len());
    for source in sources {
        let Some(sum) = sums.get(source) else { continue };
        let (total, hours) = sum.done(hours.clone());
        let counted = (sum.last_at > 0).then_some(Timestamp(sum.last_at));
        let last_at = counted.max(newest(conn, *source)?);
        all.push(SourceFigures { source: *source, total, last_at, held: held(conn, *source)?, hours });
    }
    Ok(all)
}

/// When the newest request came that is kept.
fn newest(conn: &Connection, source: SourceId) -> Result<Option<Timestamp>> {
    let id: Option<i64> = conn
        .prepare_cached(&format!("SELECT r.id FROM {OF_SOURCE} ORDER BY s.span DESC, r.id DESC LIMIT 1"))?
        .query_row(params![source.0, 0, i64::MAX], |r| r.get(0))
        .optional()?;
    Ok(id.map(|id| RequestId(id).created_at()))
}

fn held(conn: &Connection, source: SourceId) -> Result<u64> {
    let n: i64 = conn
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM request INDEXED BY request_held WHERE verdict = 1 AND source = ? LIMIT ?)",
        )?
        .query_row(params![source.0, HELD_MAX as i64], |r| r.get(0))?;
    Ok(n as u64)
}
