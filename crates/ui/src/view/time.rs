//! Times and durations for people.
//!
//! **Invariant:** what is written is right without JavaScript; a script only keeps it fresh and adds the local time.

use super::Html;
use domain::Timestamp;
use std::time::Duration;

/// A time, however a template has it: it passes fields by reference.
pub(crate) trait Moment {
    fn at(&self) -> Timestamp;
}
impl Moment for Timestamp {
    fn at(&self) -> Timestamp {
        *self
    }
}
impl<M: Moment + ?Sized> Moment for &M {
    fn at(&self) -> Timestamp {
        (**self).at()
    }
}

/// `3 m ago`, with the whole time on hover.
pub(crate) fn ago(at: impl Moment, now: impl Moment) -> Html {
    let (at, now) = (at.at(), now.at());
    tagged(at, &relative(at, now), "ago")
}

/// `in 4 m` or `3 m ago`.
pub(crate) fn in_or_ago(at: impl Moment, now: impl Moment) -> Html {
    ago(at, now)
}

/// `2026-11-21 12:04:11.482 UTC`.
pub(crate) fn stamp(at: impl Moment) -> Html {
    let at = at.at();
    tagged(at, &utc(at), "stamp")
}

/// `2026-11-21 12:04 UTC`.
pub(crate) fn minute(at: impl Moment) -> Html {
    let at = at.at();
    let text = utc(at);
    tagged(at, &format!("{} UTC", text.get(..16).unwrap_or_default()), "stamp")
}

/// RFC 3339.
pub(crate) fn iso(at: impl Moment) -> String {
    at.at().to_string()
}

fn tagged(at: Timestamp, text: &str, kind: &str) -> Html {
    Html(format!("<time datetime=\"{at}\" title=\"{}\" data-time=\"{kind}\">{text}</time>", utc(at)))
}

fn utc(at: Timestamp) -> String {
    let text = at.to_string().replacen('T', " ", 1);
    format!("{} UTC", text.trim_end_matches('Z'))
}

fn relative(at: Timestamp, now: Timestamp) -> String {
    if at > now {
        return format!("in {}", duration(at.since(now)));
    }
    match now.since(at) {
        since if since < Duration::from_secs(1) => "now".to_owned(),
        since => format!("{} ago", duration(since)),
    }
}

/// The largest unit, and the next one where it says something: `850 ms`, `12 s`, `4 m`, `3 h 20 m`, `2 d 4 h`, `40 d`.
pub(crate) fn duration(d: Duration) -> String {
    let s = d.as_secs();
    let two = |large: u64, unit: &str, small: u64, next: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {next}"),
    };
    match s {
        0 => format!("{} ms", d.as_millis()),
        1..60 => format!("{s} s"),
        60..3600 => format!("{} m", s / 60),
        3600..86_400 => two(s / 3600, "h", s % 3600 / 60, "m"),
        86_400..864_000 => two(s / 86_400, "d", s % 86_400 / 3600, "h"),
        _ => format!("{} d", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_units_that_matter() {
        let check = |ms: u64, want: &str| assert_eq!(duration(Duration::from_millis(ms)), want);
        check(850, "850 ms");
        check(12_400, "12 s");
        check(250_000, "4 m");
        check(12_000_000, "3 h 20 m");
        check(7_200_000, "2 h");
        check(187_200_000, "2 d 4 h");
        check(3_456_000_000, "40 d");
    }

    #[test]
    fn a_minute_leaves_the_seconds_to_hovering() {
        let at = Timestamp::parse_rfc3339("2026-11-21T12:04:11.482Z").unwrap();
        let html = minute(at).0;
        assert!(html.contains(">2026-11-21 12:04 UTC<") && html.contains("12:04:11.482"), "{html}");
    }

    #[test]
    fn a_time_says_how_long_ago_and_when() {
        let at = Timestamp::parse_rfc3339("2026-11-21T12:04:11.482Z").unwrap();
        let html = ago(at, at.plus(Duration::from_secs(180))).0;
        assert!(html.contains(">3 m ago<") && html.contains("title=\"2026-11-21 12:04:11.482 UTC\""), "{html}");
        assert!(ago(at, at.minus(Duration::from_secs(240))).0.contains(">in 4 m<"));
    }
}
