//! Throughput and latency over time: data for the script that draws them, and a picture and a table for where none runs.
//!
//! **Invariant:** at most 180 points of a series; what the picture says, the table says too.

use crate::call::Call;
use crate::fault::Fault;
use crate::view::{Html, count, millis, stamp};
use domain::Timestamp;
use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;
use store::{Minute, Step};

/// How far back the charts look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    Hour,
    Day,
    Week,
}

impl Range {
    pub const ALL: [Range; 3] = [Range::Hour, Range::Day, Range::Week];

    pub fn of(text: &str) -> Range {
        Range::ALL.into_iter().find(|r| r.name() == text).unwrap_or(Range::Day)
    }
    /// In the URL.
    pub fn name(self) -> &'static str {
        match self {
            Range::Hour => "1h",
            Range::Day => "24h",
            Range::Week => "7d",
        }
    }
    pub fn text(self) -> &'static str {
        match self {
            Range::Hour => "1 hour",
            Range::Day => "24 hours",
            Range::Week => "7 days",
        }
    }
    /// Its length, the step that is read, and how many of those make a point.
    fn plan(self) -> (Duration, Step, Duration, usize) {
        match self {
            Range::Hour => (Duration::from_secs(3600), Step::Minute, Duration::from_secs(60), 1),
            Range::Day => (Duration::from_secs(86_400), Step::Minute, Duration::from_secs(60), 10),
            Range::Week => (Duration::from_secs(604_800), Step::Hour, Duration::from_secs(3600), 1),
        }
    }
    pub fn is(self, other: &Range) -> bool {
        self == *other
    }
}

/// Microseconds; `None` without attempts.
type Percentile = fn(&Minute) -> Option<u64>;

/// A row of the table.
pub(super) struct Row {
    pub at: Timestamp,
    pub delivered: u64,
    pub retried: u64,
    pub failed: u64,
    pub p50: String,
    pub p95: String,
    pub p99: String,
}

pub(super) struct Charts {
    /// Inert JSON for the script (js/chart.js).
    pub throughput: Html,
    pub latency: Html,
    pub throughput_picture: Html,
    pub latency_picture: Html,
    /// `per second` or `per minute`.
    pub unit: &'static str,
    pub rows: Vec<Row>,
    pub is_empty: bool,
}

pub(super) async fn read(call: &Call, range: Range) -> Result<Charts, Fault> {
    let (length, step, step_length, join) = range.plan();
    let now = call.now();
    let size_ms = i64::try_from(step_length.as_millis()).unwrap_or(1) * i64::try_from(join).unwrap_or(1);
    let until = Timestamp(now.0 - now.0.rem_euclid(size_ms) + size_ms);
    let steps = call.store().throughput(call.me.org, until.minus(length), until, step).await?;
    let points = joined(&steps, join);
    let seconds = Duration::from_millis(u64::try_from(size_ms).unwrap_or(1)).as_secs_f64();
    Ok(charts(&points, seconds))
}

fn joined(steps: &[Minute], n: usize) -> Vec<Minute> {
    let sum = |group: &[Minute]| {
        let mut all = Minute { at: group.first().map_or(Timestamp(0), |m| m.at), ..Minute::default() };
        group.iter().for_each(|minute| all.add(minute));
        all
    };
    steps.chunks(n.max(1)).map(sum).collect()
}

fn charts(points: &[Minute], seconds: f64) -> Charts {
    let most = points.iter().map(|p| p.delivered + p.retried + p.failed).max().unwrap_or(0);
    let (unit, sign, per) = if most as f64 / seconds >= 1.0 {
        ("per second", "/s", seconds)
    } else {
        ("per minute", "/min", seconds / 60.0)
    };
    let x: Vec<i64> = points.iter().map(|p| p.at.seconds()).collect();
    let rate = |n: fn(&Minute) -> u64| points.iter().map(|p| two(n(p) as f64 / per)).collect::<Vec<f64>>();
    let ms = |n: Percentile| points.iter().map(|p| n(p).map(|us| two(us as f64 / 1e3))).collect::<Vec<Option<f64>>>();
    let throughput = json!({"x": x, "unit": sign, "series": [
        {"name": "Delivered", "tone": "good", "values": rate(|p| p.delivered), "stack": true},
        {"name": "Retried", "tone": "warn", "values": rate(|p| p.retried), "stack": true},
        {"name": "Failed", "tone": "bad", "values": rate(|p| p.failed), "stack": true},
    ]});
    let latency = json!({"x": x, "unit": " ms", "series": [
        {"name": "p50", "tone": "good", "values": ms(|p| p.latency.p50_us())},
        {"name": "p95", "tone": "warn", "values": ms(|p| p.latency.p95_us())},
        {"name": "p99", "tone": "bad", "values": ms(|p| p.latency.p99_us())},
    ]});
    // The picture and the table are coarser.
    let coarse = joined(points, points.len().div_ceil(72));
    let rows = joined(points, points.len().div_ceil(24));
    Charts {
        throughput: Html(throughput.to_string().replace('<', "\\u003c")),
        latency: Html(latency.to_string().replace('<', "\\u003c")),
        throughput_picture: bars(&coarse),
        latency_picture: lines(&coarse),
        unit,
        rows: rows.iter().rev().map(row).collect(),
        is_empty: most == 0,
    }
}

fn two(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn row(point: &Minute) -> Row {
    let text = |us: Option<u64>| us.map_or("–".to_owned(), millis);
    Row {
        at: point.at,
        delivered: point.delivered,
        retried: point.retried,
        failed: point.failed,
        p50: text(point.latency.p50_us()),
        p95: text(point.latency.p95_us()),
        p99: text(point.latency.p99_us()),
    }
}

/// Stacked bars, 100 high.
fn bars(points: &[Minute]) -> Html {
    let most = points.iter().map(|p| p.delivered + p.retried + p.failed).max().unwrap_or(0).max(1) as f64;
    let mut out = String::new();
    for (i, point) in points.iter().enumerate() {
        let mut top = 100.0;
        for (class, n) in [("good", point.delivered), ("warn", point.retried), ("bad", point.failed)] {
            if n > 0 {
                let height = (n as f64 / most * 100.0).max(0.8);
                top -= height;
                let _ = write!(
                    out,
                    "<rect class=\"{class}\" x=\"{}\" y=\"{top:.1}\" width=\"9\" height=\"{height:.1}\"/>",
                    i * 10
                );
            }
        }
    }
    picture(points, &out, "Deliveries over time", &format!("at most {} at a time", count(most as u64)))
}

/// Three lines of percentiles, 100 high.
fn lines(points: &[Minute]) -> Html {
    let most = points.iter().filter_map(|p| p.latency.p99_us()).max().unwrap_or(0).max(1) as f64;
    let mut out = String::new();
    let percentiles: [(&str, Percentile); 3] =
        [("good", |p| p.latency.p50_us()), ("warn", |p| p.latency.p95_us()), ("bad", |p| p.latency.p99_us())];
    for (class, of) in percentiles {
        let _ = write!(out, "<path class=\"line {class}\" d=\"");
        let mut pen = 'M';
        for (i, point) in points.iter().enumerate() {
            match of(point) {
                Some(us) => {
                    let _ = write!(out, "{pen}{} {:.1}h3", i * 10 + 3, 98.0 - us as f64 / most * 96.0);
                    pen = 'L';
                }
                None => pen = 'M',
            }
        }
        out.push_str("\"/>");
    }
    picture(points, &out, "Answer time over time", &format!("{} at most", millis(most as u64)))
}

fn picture(points: &[Minute], inside: &str, label: &str, most: &str) -> Html {
    let width = points.len().max(1) * 10;
    let edge = |point: Option<&Minute>| point.map_or(String::new(), |p| stamp(p.at).0);
    let (first, last) = (edge(points.first()), edge(points.last()));
    Html(format!(
        "<svg class=\"picture\" viewBox=\"0 0 {width} 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{label}; the \
         table below has the numbers\">{inside}</svg><p class=\"muted small\">{first} to {last}, {most}</p>"
    ))
}

/// For screen readers: what the chart comes to.
impl Charts {
    pub fn summary(&self) -> String {
        let sum = |of: fn(&Row) -> u64| self.rows.iter().map(of).sum::<u64>();
        format!(
            "{} delivered, {} retried, {} failed",
            count(sum(|r| r.delivered)),
            count(sum(|r| r.retried)),
            count(sum(|r| r.failed))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(at: i64, delivered: u64, failed: u64) -> Minute {
        let mut minute = Minute { at: Timestamp(at * 60_000), delivered, failed, ..Minute::default() };
        minute.latency.record(1000 * delivered);
        minute
    }

    #[test]
    fn points_are_joined_and_rates_have_a_unit_that_fits() {
        let steps: Vec<Minute> = (0..60).map(|i| minute(i, 2, 0)).collect();
        let points = joined(&steps, 10);
        assert_eq!((points.len(), points[1].at, points[1].delivered), (6, Timestamp(600_000), 20));
        let slow = charts(&points, 600.0);
        assert_eq!(slow.unit, "per minute");
        assert!(slow.throughput.0.contains("[2.0,2.0,2.0,2.0,2.0,2.0]"), "{}", slow.throughput.0);
        let fast = charts(&[minute(0, 600, 60)], 60.0);
        assert_eq!((fast.unit, fast.summary().as_str()), ("per second", "600 delivered, 0 retried, 60 failed"));
        assert!(fast.throughput_picture.0.contains("class=\"bad\""));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let none = charts(&[Minute::default()], 60.0);
        assert!(none.is_empty && !none.throughput_picture.0.contains("<rect"));
    }
}
