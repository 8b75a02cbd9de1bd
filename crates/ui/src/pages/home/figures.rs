//! The cards on top of Home: the last 24 hours, and what waits now.
//!
//! **Invariant:** two days by the hour are read, whatever was sent.

use crate::call::Call;
use crate::fault::Fault;
use crate::view::{count, millis, percent};
use domain::Timestamp;
use std::time::Duration;
use store::{Minute, QueueFigures, Step};

const HOUR: Duration = Duration::from_secs(3600);
const HOUR_MS: i64 = 3_600_000;

pub(super) struct Figures {
    pub delivered: u64,
    pub accepted: u64,
    pub received: u64,
    /// `▲ 4 %` to the day before.
    pub change: Option<String>,
    pub retried: u64,
    pub failed: u64,
    pub success: String,
    pub by_hour: Vec<u64>,
    pub latency: Option<Latency>,
    pub queue: QueueFigures,
    pub oldest_due_at: Option<Timestamp>,
}

pub(super) struct Latency {
    pub p50: String,
    pub p95: String,
    pub p99: String,
}

pub(super) async fn read(call: &Call) -> Result<Figures, Fault> {
    let now = call.now();
    let hour = Timestamp(now.0 - now.0.rem_euclid(HOUR_MS));
    let (from, until) = (hour.minus(HOUR * 48), hour.plus(HOUR));
    let hours = call.store().throughput(call.me.org, from, until, Step::Hour).await?;
    let queue = call.store().queue_figures(call.me.org).await?;
    // How much of the present hour is over.
    let share = now.0.rem_euclid(HOUR_MS) as f64 / HOUR_MS as f64;
    let (before, today) = hours.split_at(hours.len().saturating_sub(25));
    let mut sum = Minute::default();
    today.iter().skip(1).for_each(|hour| sum.add(hour));
    let delivered = |hours: &[Minute]| hours.iter().map(|h| h.delivered as f64).sum::<f64>();
    let edge = today.first().map_or(0.0, |h| h.delivered as f64);
    let (last, first) = (delivered(today) - edge * share, before.first().map_or(0.0, |h| h.delivered as f64));
    let day_before = delivered(before) - first * share + edge * share;
    Ok(Figures {
        delivered: last.round() as u64,
        accepted: sum.accepted,
        received: sum.received,
        change: change(last, day_before),
        retried: sum.retried,
        failed: sum.failed,
        success: percent(sum.delivered, sum.delivered + sum.retried + sum.failed),
        by_hour: today.iter().skip(1).map(|h| h.delivered).collect(),
        latency: latency(&sum),
        oldest_due_at: queue.oldest_due_at.filter(|at| *at < now),
        queue,
    })
}

fn latency(sum: &Minute) -> Option<Latency> {
    let histogram = &sum.latency;
    Some(Latency {
        p50: millis(histogram.p50_us()?),
        p95: millis(histogram.p95_us()?),
        p99: millis(histogram.p99_us()?),
    })
}

/// Nothing where there is too little to compare.
fn change(last: f64, before: f64) -> Option<String> {
    if before < 20.0 {
        return None;
    }
    let percent = (last - before) / before * 100.0;
    Some(match percent.round() {
        p if p >= 1000.0 => "▲ more than tenfold".to_owned(),
        p if p > 0.0 => format!("▲ {} %", count(p as u64)),
        p if p < 0.0 => format!("▼ {} %", count(-p as u64)),
        _ => "as much as".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_said_only_where_there_is_something_to_compare() {
        assert_eq!(change(5.0, 3.0), None);
        assert_eq!(change(104.0, 100.0).unwrap(), "▲ 4 %");
        assert_eq!(change(50.0, 100.0).unwrap(), "▼ 50 %");
        assert_eq!(change(100.2, 100.0).unwrap(), "as much as");
        assert_eq!(change(9000.0, 20.0).unwrap(), "▲ more than tenfold");
    }
}
