//! Figures of a link or form on the wire.
//!
//! **Invariant:** what is asked for is bounded before it is counted; steps begin at whole minutes, hours and days of UTC.

use super::query::Query;
use super::time;
use crate::problem::Problem;
use domain::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use store::{Dim, StatQuery, Stats, Step};

const MS_PER_MINUTE: i64 = 60_000;
const DAY_MIN: i64 = 1_440;
const STEPS_MAX: i64 = 10_000;
/// Up to so many steps, those without figures are shown as well.
const STEPS_FILLED_MAX: i64 = 2_000;
const TOP_DEFAULT: u64 = 10;
const TOP_MAX: u64 = 200;

/// Minutes of a step.
fn width(step: Step) -> i64 {
    match step {
        Step::Minute => 1,
        Step::Hour => 60,
        Step::Day => DAY_MIN,
    }
}

/// The first minute of the step that `minute` is in.
fn begin(minute: i64, step: Step) -> i64 {
    minute.div_euclid(width(step)) * width(step)
}

fn steps(q: &StatQuery) -> i64 {
    (begin(q.until - 1, q.step) - begin(q.from, q.step)) / width(q.step) + 1
}

/// Reads `since`, `until`, `step` and `top`. Without times: seven days of UTC up to now, or for minutes, one day back.
pub(crate) fn read_query(query: &Query<'_>, now: Timestamp) -> Result<StatQuery, Problem> {
    let step = match query.get("step") {
        None | Some("day") => Step::Day,
        Some("hour") => Step::Hour,
        Some("minute") => Step::Minute,
        Some(_) => return Err(Problem::query("step", "must be minute, hour or day")),
    };
    let top = query.number_in("top", 0..=TOP_MAX)?.unwrap_or(TOP_DEFAULT);
    // The minute that is going on counts.
    let until = match query.time("until")? {
        Some(t) => -(-t.millis()).div_euclid(MS_PER_MINUTE),
        None => now.millis().div_euclid(MS_PER_MINUTE) + 1,
    };
    let from = match (query.time("since")?, step) {
        (Some(t), _) => t.millis().div_euclid(MS_PER_MINUTE),
        (None, Step::Minute) => until - DAY_MIN,
        (None, Step::Hour | Step::Day) => begin(until - 1, Step::Day) - 6 * DAY_MIN,
    };
    if from >= until {
        return Err(Problem::query("since", "must be before until"));
    }
    let q = StatQuery { from, until, step, top: u32::try_from(top).unwrap_or(u32::MAX) };
    if steps(&q) > STEPS_MAX {
        let msg = format!("would make more than {STEPS_MAX} steps: choose longer ones, or less time");
        return Err(Problem::query("step", msg));
    }
    Ok(q)
}

/// What is counted, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// Of a link.
    Clicks,
    /// Of a form; nothing of it is converted.
    Submissions,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    #[serde(skip_serializing_if = "Option::is_none")]
    clicks: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    submissions: Option<u64>,
    bots: u64,
    unique_visitors: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversions: Option<u64>,
}

impl Figures {
    /// In the order of [`Dim::TOTALS`].
    fn of([human, bots, unique_visitors, converted]: [u64; 4], words: Words) -> Self {
        let is_link = words == Words::Clicks;
        Figures {
            clicks: is_link.then_some(human),
            submissions: (!is_link).then_some(human),
            bots,
            unique_visitors,
            conversions: is_link.then_some(converted),
        }
    }
}

#[derive(Serialize)]
struct Point {
    at: String,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Serialize)]
struct ValueCount {
    value: String,
    count: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatsOut {
    since: String,
    until: String,
    step: &'static str,
    #[serde(flatten)]
    totals: Figures,
    series: Vec<Point>,
    referrers: Vec<ValueCount>,
    countries: Vec<ValueCount>,
    devices: Vec<ValueCount>,
    os: Vec<ValueCount>,
    browsers: Vec<ValueCount>,
    utm_sources: Vec<ValueCount>,
    utm_mediums: Vec<ValueCount>,
    utm_campaigns: Vec<ValueCount>,
}

impl StatsOut {
    pub fn of(mut stats: Stats, query: StatQuery, words: Words) -> Self {
        let mut values = |dim: Dim| {
            let found = stats.dims.iter_mut().find(|(d, _)| *d == dim).map(|(_, values)| std::mem::take(values));
            found.unwrap_or_default().into_iter().map(|(value, count)| ValueCount { value, count }).collect()
        };
        StatsOut {
            referrers: values(Dim::Referrer),
            countries: values(Dim::Country),
            devices: values(Dim::Device),
            os: values(Dim::Os),
            browsers: values(Dim::Browser),
            utm_sources: values(Dim::UtmSource),
            utm_mediums: values(Dim::UtmMedium),
            utm_campaigns: values(Dim::UtmCampaign),
            since: minute_text(query.from),
            until: minute_text(query.until),
            step: match query.step {
                Step::Minute => "minute",
                Step::Hour => "hour",
                Step::Day => "day",
            },
            totals: Figures::of(stats.totals, words),
            series: series(stats.series, query, words),
        }
    }
}

fn minute_text(minute: i64) -> String {
    time::text(Timestamp(minute.saturating_mul(MS_PER_MINUTE)))
}

fn series(found: Vec<(i64, [u64; 4])>, query: StatQuery, words: Words) -> Vec<Point> {
    let mut all: BTreeMap<i64, [u64; 4]> = BTreeMap::new();
    if steps(&query) <= STEPS_FILLED_MAX {
        let mut at = begin(query.from, query.step);
        while at < query.until {
            all.insert(at, [0; 4]);
            at += width(query.step);
        }
    }
    for (at, figures) in found {
        let sum = all.entry(begin(at, query.step)).or_default();
        sum.iter_mut().zip(figures).for_each(|(sum, n)| *sum += n);
    }
    all.into_iter().map(|(at, n)| Point { at: minute_text(at), figures: Figures::of(n, words) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// 2026-11-21T07:44:00Z.
    const NOW: Timestamp = Timestamp(1_795_247_040_000);

    fn read(query: &str) -> Result<StatQuery, u16> {
        read_query(&Query::parse(Some(query)), NOW).map_err(|p| p.status().as_u16())
    }

    fn shown(q: StatQuery) -> (String, String) {
        (minute_text(q.from), minute_text(q.until))
    }

    #[test]
    fn without_times_the_last_seven_days_are_counted_up_to_this_minute() {
        let until = "2026-11-21T07:45:00.000Z";
        for (query, since, count) in [
            ("", "2026-11-15T00:00:00.000Z", 7),
            ("step=hour", "2026-11-15T00:00:00.000Z", 6 * 24 + 8),
            ("step=minute", "2026-11-20T07:45:00.000Z", 1_440),
        ] {
            let q = read(query).unwrap();
            assert_eq!((shown(q), steps(&q)), ((since.into(), until.into()), count), "{query}");
        }
        assert_eq!(read("top=3").unwrap().top, 3);
    }

    #[test]
    fn times_are_widened_to_whole_minutes() {
        let q = read("since=2026-11-21T00:00:30.5Z&until=2026-11-21T01:00:00.001Z").unwrap();
        assert_eq!(shown(q), ("2026-11-21T00:00:00.000Z".into(), "2026-11-21T01:01:00.000Z".into()));
        let q = read("since=2026-11-21T01:00:00%2B01:00&until=2026-11-21T01:00:00Z").unwrap();
        assert_eq!(shown(q), ("2026-11-21T00:00:00.000Z".into(), "2026-11-21T01:00:00.000Z".into()));
    }

    #[test]
    fn what_is_no_span_or_too_fine_is_refused() {
        for bad in [
            "step=week",
            "top=201",
            "since=2026-11-22T00:00:00Z",
            "since=2026-11-21T00:00:00Z&until=2026-11-21T00:00:00Z",
            "step=minute&since=2026-11-14T00:00:00Z",
            "since=1990-01-01T00:00:00Z",
        ] {
            assert_eq!(read(bad).map(shown), Err(422), "{bad}");
        }
        for bad in ["since=noon", "top=x"] {
            assert_eq!(read(bad).map(shown), Err(400), "{bad}");
        }
        let edge = "step=minute&since=2026-11-14T00:00:00Z&until=2026-11-20T22:40:00Z";
        assert_eq!(read(edge).map(|q| steps(&q)), Ok(10_000));
        assert_eq!(read(&edge.replace("22:40", "22:41")).map(shown), Err(422));
    }

    fn out(stats: Stats, query: &str, words: Words) -> Value {
        json!(StatsOut::of(stats, read(query).unwrap(), words))
    }

    #[test]
    fn each_step_is_shown_with_zeroes_unless_there_are_too_many() {
        let day = begin(NOW.0 / MS_PER_MINUTE, Step::Day);
        let stats = Stats {
            series: vec![(day - DAY_MIN, [1, 2, 3, 4]), (day, [5, 0, 1, 0])],
            totals: [6, 2, 4, 4],
            dims: vec![(Dim::Os, vec![("iOS".to_owned(), 5), ("(other)".to_owned(), 1)])],
        };
        let shown = out(stats.clone(), "", Words::Clicks);
        assert_eq!(shown["series"].as_array().unwrap().len(), 7);
        let zero =
            json!({"at": "2026-11-15T00:00:00.000Z", "clicks": 0, "bots": 0, "uniqueVisitors": 0, "conversions": 0});
        assert_eq!(shown["series"][0], zero);
        let point =
            json!({"at": "2026-11-20T00:00:00.000Z", "clicks": 1, "bots": 2, "uniqueVisitors": 3, "conversions": 4});
        assert_eq!(shown["series"][5], point);
        assert_eq!((&shown["clicks"], &shown["conversions"]), (&json!(6), &json!(4)));
        assert_eq!(shown["os"], json!([{"value": "iOS", "count": 5}, {"value": "(other)", "count": 1}]));
        assert_eq!((&shown["referrers"], &shown["utmMediums"]), (&json!([]), &json!([])));

        let sparse = out(stats.clone(), "step=minute&since=2026-11-19T00:00:00Z", Words::Clicks);
        assert_eq!(sparse["series"].as_array().unwrap().len(), 2);
        let form = out(stats, "", Words::Submissions);
        assert_eq!((&form["submissions"], &form["series"][6]["submissions"]), (&json!(6), &json!(5)));
        assert!(form.get("clicks").is_none() && form.get("conversions").is_none());
    }
}
