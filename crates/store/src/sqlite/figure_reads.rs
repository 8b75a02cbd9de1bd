//! Reading figures: rows, and what is still in memory.
//!
//! **Invariant:** memory is looked at right after the number of the last batch on disk, in the same read: each batch counts
//! once. Every read is a bounded number of key ranges.

use super::roll_ups::written;
use super::rows;
use crate::error::StoreError;
use crate::figures::batch::{Batch, begin_of, hour_of, minute_of};
use crate::figures::collect::Memory;
use crate::figures::*;
use crate::links::Step;
use domain::{AppId, EndpointId, OrgId, Timestamp};
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

type Result<T> = std::result::Result<T, StoreError>;

/// Hours that one read goes back at most: a year and a month.
const HOURS_MAX: i64 = 400 * 24;
/// Steps of one read at most.
const STEPS_MAX: i64 = 10_000;
/// Rows of applications or types that are read at most.
const ROWS_MAX: u32 = 200_000;
/// Event types that a read names at most.
const TYPES_SHOWN_MAX: usize = 1000;
/// Deliveries that are counted one by one, over all lanes.
const COUNTED_MAX: u32 = 20_000;
/// Lanes that are looked at.
const LANES_LOOKED_AT: u32 = 10_000;

pub(super) fn beyond(conn: &Connection, memory: &Memory, f: impl FnMut(&Batch)) -> Result<()> {
    memory.beyond(written(conn)?, f);
    Ok(())
}

/// The hours of [since, now].
pub(super) fn hours(since: Timestamp, now: Timestamp) -> RangeInclusive<i64> {
    let last = hour_of(now);
    hour_of(since).clamp(last - HOURS_MAX, last)..=last
}

fn width_ms(step: Step) -> i64 {
    match step {
        Step::Minute => 60_000,
        Step::Hour => 3_600_000,
        Step::Day => 86_400_000,
    }
}

/// What the organisation did, step by step.
pub(crate) fn throughput(
    conn: &Connection,
    memory: &Memory,
    org: OrgId,
    (from, until): (Timestamp, Timestamp),
    step: Step,
) -> Result<Vec<Minute>> {
    let width = width_ms(step);
    let begin = |t: i64| t.div_euclid(width) * width;
    let (first, end) = (begin(from.0), until.0);
    let steps = ((end - first) + width - 1).div_euclid(width).clamp(0, STEPS_MAX);
    let new = |n: i64| Minute { at: Timestamp(first + n * width), ..Minute::default() };
    let mut all: Vec<Minute> = (0..steps).map(new).collect();
    let mut add = |m: &Minute| {
        let place = usize::try_from((m.at.0 - first).div_euclid(width)).ok();
        if let Some(step) = place.and_then(|n| all.get_mut(n)) {
            step.add(m);
        }
    };
    beyond(conn, memory, |batch| {
        batch.minutes.iter().filter(|((of, _), _)| *of == org).for_each(|(_, m)| add(m));
    })?;
    let last = Timestamp((first + steps * width).saturating_sub(1));
    let (table, low, high, unit) = match step {
        Step::Minute => ("figure_minute", minute_of(Timestamp(first)), minute_of(last), 60_000),
        Step::Hour | Step::Day => ("figure_hour", hour_of(Timestamp(first)), hour_of(last), 3_600_000),
    };
    let mut s = conn.prepare_cached(&format!(
        "SELECT at, accepted, delivered, retried, failed, received, refused, latency FROM {table}
         WHERE org = ? AND at >= ? AND at <= ?"
    ))?;
    let mut found = s.query(params![org.0, low, high])?;
    while let Some(row) = found.next()? {
        let n = |i: usize| row.get::<_, i64>(i).map(|n| n as u64);
        add(&Minute {
            at: Timestamp(row.get::<_, i64>(0)? * unit),
            accepted: n(1)?,
            delivered: n(2)?,
            retried: n(3)?,
            failed: n(4)?,
            received: n(5)?,
            refused: n(6)?,
            latency: Histogram::read(row.get_ref(7)?.as_blob().map_err(rusqlite::Error::from)?),
        });
    }
    Ok(all)
}

/// Figures by hour, filled up with hours in which there was nothing.
fn filled(by_hour: &BTreeMap<i64, HourFigures>, hours: RangeInclusive<i64>) -> (HourFigures, Vec<HourFigures>) {
    let mut total = HourFigures { at: begin_of(*hours.start()), ..HourFigures::default() };
    let all = hours.map(|hour| {
        let figures = by_hour.get(&hour).copied().unwrap_or_default();
        total.add(&figures);
        HourFigures { at: begin_of(hour), ..figures }
    });
    let all = all.collect();
    (total, all)
}

/// Of an application, by hour, and its last message.
#[derive(Default)]
struct AppSum {
    by_hour: BTreeMap<i64, HourFigures>,
    last_at: i64,
}

impl AppSum {
    fn add(&mut self, hour: i64, figures: &HourFigures, last_at: i64) {
        self.by_hour.entry(hour).or_default().add(figures);
        self.last_at = self.last_at.max(last_at);
    }
    fn done(&self, app: AppId, hours: RangeInclusive<i64>) -> AppFigures {
        let (total, all) = filled(&self.by_hour, hours);
        let last_message_at = (self.last_at > 0).then_some(Timestamp(self.last_at));
        AppFigures { app, total, last_message_at, hours: all }
    }
}

fn app_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<(i64, AppId, HourFigures, i64)> {
    let n = |i: usize| row.get::<_, i64>(i).map(|n| n as u64);
    let figures = HourFigures { at: Timestamp(0), messages: n(2)?, delivered: n(3)?, retried: n(4)?, failed: n(5)? };
    Ok((row.get(0)?, AppId(row.get(1)?), figures, row.get(6)?))
}
const APP_COLUMNS: &str = "hour, app, messages, delivered, retried, failed, last_at";

pub(crate) fn apps(
    conn: &Connection,
    memory: &Memory,
    org: OrgId,
    apps: &[AppId],
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<AppFigures>> {
    let hours = hours(since, now);
    let mut sums: HashMap<AppId, AppSum> = apps.iter().map(|app| (*app, AppSum::default())).collect();
    beyond(conn, memory, |batch| {
        for ((hour, of, app), count) in &batch.apps {
            if let Some(sum) = sums.get_mut(app).filter(|_| *of == org && hours.contains(hour)) {
                sum.add(*hour, &count.figures, count.last_at.0);
            }
        }
    })?;
    let mut s =
        conn.prepare_cached(&format!("SELECT {APP_COLUMNS} FROM figure_app WHERE hour = ? AND org = ? AND app = ?"))?;
    for (app, sum) in &mut sums {
        for hour in hours.clone() {
            for (_, _, figures, last_at) in rows::all(&mut s, &[&hour, &org.0, &app.0], app_row)? {
                sum.add(hour, &figures, last_at);
            }
        }
    }
    let done = |app: &AppId| sums.get(app).map(|sum| sum.done(*app, hours.clone()));
    Ok(apps.iter().filter_map(done).collect())
}

/// Those with the most messages.
pub(crate) fn busiest_apps(
    conn: &Connection,
    memory: &Memory,
    org: OrgId,
    since: Timestamp,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<AppFigures>> {
    let hours = hours(since, now);
    let mut sums: HashMap<AppId, AppSum> = HashMap::new();
    beyond(conn, memory, |batch| {
        for ((hour, of, app), count) in &batch.apps {
            if *of == org && hours.contains(hour) {
                sums.entry(*app).or_default().add(*hour, &count.figures, count.last_at.0);
            }
        }
    })?;
    let mut left = ROWS_MAX;
    let mut s =
        conn.prepare_cached(&format!("SELECT {APP_COLUMNS} FROM figure_app WHERE hour = ? AND org = ? LIMIT ?"))?;
    for hour in hours.clone().rev() {
        let found = rows::all(&mut s, &[&hour, &org.0, &left], app_row)?;
        left -= found.len() as u32;
        for (hour, app, figures, last_at) in found {
            sums.entry(app).or_default().add(hour, &figures, last_at);
        }
        if left == 0 {
            break;
        }
    }
    let mut all: Vec<AppFigures> = sums.iter().map(|(app, sum)| sum.done(*app, hours.clone())).collect();
    all.sort_unstable_by_key(|f| (std::cmp::Reverse(f.total.messages), f.app));
    all.truncate(limit as usize);
    Ok(all)
}

pub(crate) fn endpoints(
    conn: &Connection,
    memory: &Memory,
    endpoints: &[EndpointId],
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<EndpointFigures>> {
    type Sum = BTreeMap<i64, (HourFigures, Histogram)>;
    let hours = hours(since, now);
    let mut sums: HashMap<EndpointId, Sum> = endpoints.iter().map(|e| (*e, Sum::new())).collect();
    let add = |sum: &mut Sum, hour: i64, figures: &HourFigures, latency: &Histogram| {
        let of_hour = sum.entry(hour).or_default();
        of_hour.0.add(figures);
        of_hour.1.merge(latency);
    };
    beyond(conn, memory, |batch| {
        for ((hour, endpoint), count) in &batch.endpoints {
            if let Some(sum) = sums.get_mut(endpoint).filter(|_| hours.contains(hour)) {
                add(sum, *hour, &count.figures, &count.latency);
            }
        }
    })?;
    let mut s = conn.prepare_cached(
        "SELECT delivered, retried, failed, latency FROM figure_endpoint WHERE hour = ? AND endpoint = ?",
    )?;
    for (endpoint, sum) in &mut sums {
        for hour in hours.clone() {
            let mut found = s.query(params![hour, endpoint.0])?;
            while let Some(row) = found.next()? {
                let n = |i: usize| row.get::<_, i64>(i).map(|n| n as u64);
                let figures = HourFigures { delivered: n(0)?, retried: n(1)?, failed: n(2)?, ..HourFigures::default() };
                add(sum, hour, &figures, &Histogram::read(row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?));
            }
        }
    }
    let done = |endpoint: &EndpointId| {
        let sum = sums.get(endpoint)?;
        let by_hour = sum.iter().map(|(hour, (figures, _))| (*hour, *figures)).collect();
        let (total, all) = filled(&by_hour, hours.clone());
        let mut latency = Histogram::default();
        sum.values().for_each(|(_, of_hour)| latency.merge(of_hour));
        let of_hour = |hour: i64| sum.get(&hour).map(|(_, h)| h.clone()).unwrap_or_default();
        let latency_by_hour = hours.clone().map(of_hour).collect();
        Some(EndpointFigures { endpoint: *endpoint, total, latency, hours: all, latency_by_hour })
    };
    Ok(endpoints.iter().filter_map(done).collect())
}

pub(crate) fn event_types(
    conn: &Connection,
    memory: &Memory,
    org: OrgId,
    since: Timestamp,
    now: Timestamp,
) -> Result<EventTypesSeen> {
    type Sum = (BTreeMap<i64, u64>, i64);
    let hours = hours(since, now);
    let mut sums: HashMap<String, Sum> = HashMap::new();
    let mut add = |name: &str, hour: i64, messages: u64, last_at: i64| {
        let sum = match sums.get_mut(name) {
            Some(sum) => sum,
            None => sums.entry(name.to_owned()).or_default(),
        };
        *sum.0.entry(hour).or_default() += messages;
        sum.1 = sum.1.max(last_at);
    };
    beyond(conn, memory, |batch| {
        for ((hour, of, name), count) in &batch.types {
            if *of == org && hours.contains(hour) {
                add(name, *hour, count.messages, count.last_at.0);
            }
        }
    })?;
    let mut left = ROWS_MAX;
    let mut s = conn
        .prepare_cached("SELECT event_type, messages, last_at FROM figure_type WHERE hour = ? AND org = ? LIMIT ?")?;
    for hour in hours.clone().rev() {
        let mut found = s.query(params![hour, org.0, left])?;
        while let Some(row) = found.next()? {
            left -= 1;
            let name = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            add(name, hour, row.get::<_, i64>(1)? as u64, row.get(2)?);
        }
        if left == 0 {
            break;
        }
    }
    let other = sums.remove("").map_or(0, |(by_hour, _)| by_hour.values().sum());
    let mut types: Vec<(String, u64, Sum)> =
        sums.into_iter().map(|(name, sum)| (name, sum.0.values().sum(), sum)).collect();
    types.sort_unstable_by(|(a, x, _), (b, y, _)| y.cmp(x).then_with(|| a.cmp(b)));
    let beyond_shown: u64 = types.iter().skip(TYPES_SHOWN_MAX).map(|(_, n, _)| n).sum();
    types.truncate(TYPES_SHOWN_MAX);
    let done = |(event_type, messages, (by_hour, last_at)): (String, u64, Sum)| EventTypeFigures {
        event_type,
        messages,
        last_at: Timestamp(last_at),
        hours: hours.clone().map(|hour| by_hour.get(&hour).copied().unwrap_or_default()).collect(),
    };
    Ok(EventTypesSeen { types: types.into_iter().map(done).collect(), other: other + beyond_shown })
}

/// What waits now: lanes are summed up in a table of their own; what is due is counted as far as a bound.
pub(crate) fn queue(conn: &Connection, org: OrgId, now: Timestamp) -> Result<QueueFigures> {
    let mut all = QueueFigures::default();
    let found: Vec<QueueLane> = {
        let mut s = conn.prepare_cached(
            "SELECT l.endpoint, l.waiting, l.dead, e.app, e.url, e.disabled, e.failing_since, a.name
             FROM lane l INDEXED BY lane_busy CROSS JOIN endpoint e ON e.id = l.endpoint
             CROSS JOIN app a ON a.id = e.app
             WHERE (l.waiting > 0 OR l.dead > 0) AND a.org = ? AND a.deleted = 0 AND e.deleted = 0 LIMIT ?",
        )?;
        rows::all(&mut s, &[&org.0, &LANES_LOOKED_AT], |r| {
            Ok(QueueLane {
                endpoint: EndpointId(r.get(0)?),
                waiting: r.get::<_, i64>(1)?.max(0) as u64,
                dead: r.get::<_, i64>(2)?.max(0) as u64,
                app: AppId(r.get(3)?),
                url: r.get(4)?,
                disabled: r.get(5)?,
                failing_since: rows::optional_time(r, "failing_since")?,
                app_name: r.get(7)?,
                next_due_at: None,
            })
        })?
    };
    all.is_estimate = found.len() == LANES_LOOKED_AT as usize;
    let mut left = COUNTED_MAX;
    let mut lanes = found;
    for lane in &mut lanes {
        all.dead += lane.dead;
        if lane.waiting == 0 {
            continue;
        }
        lane.next_due_at = super::deliveries::next_due(conn, lane.endpoint)?;
        let Some(next) = lane.next_due_at else { continue };
        if next > now {
            all.later += lane.waiting;
            continue;
        }
        all.oldest_due_at = Some(all.oldest_due_at.map_or(next, |oldest| oldest.min(next)));
        let later: u32 = conn
            .prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM delivery WHERE endpoint = ? AND due_at IS NOT NULL AND due_at > ?
                 LIMIT ?)",
            )?
            .query_row(params![lane.endpoint.0, now.0, left], |r| r.get(0))?;
        left -= later;
        all.is_estimate |= left == 0;
        all.later += u64::from(later);
        all.due += lane.waiting.saturating_sub(u64::from(later));
    }
    lanes.sort_by_key(|l| std::cmp::Reverse(l.waiting + l.dead));
    lanes.truncate(QUEUE_LANES_MAX);
    all.lanes = lanes;
    Ok(all)
}
