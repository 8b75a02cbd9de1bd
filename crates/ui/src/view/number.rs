//! Numbers for people.
//!
//! **Invariant:** what is rounded is never rounded up to "all" or down to "none".

use std::borrow::Borrow;
use std::time::Duration;

/// `1 284 902`, with thin no-break spaces.
pub(crate) fn count(n: impl Borrow<u64>) -> String {
    let digits = n.borrow().to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// `1.3 M`.
pub(crate) fn compact(n: impl Borrow<u64>) -> String {
    let n = *n.borrow();
    let scaled = |unit: f64, name: &str| {
        let value = (n as f64 / unit * 10.0).floor() / 10.0;
        if value >= 100.0 { format!("{value:.0}{name}") } else { format!("{value:.1}{name}") }
    };
    match n {
        0..10_000 => count(n),
        10_000..1_000_000 => scaled(1e3, " k"),
        1_000_000..1_000_000_000 => scaled(1e6, " M"),
        _ => scaled(1e9, " G"),
    }
}

/// Of `part` in `whole`: `99.87 %`; 100 and 0 only when it is all or none, `–` of nothing.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let exact = part as f64 / whole as f64 * 100.0;
    match exact {
        _ if part == whole => "100 %".to_owned(),
        _ if part == 0 => "0 %".to_owned(),
        e if e > 99.0 => format!("{:.2} %", e.min(99.99)),
        e => format!("{:.1} %", e.max(0.1)),
    }
}

/// Of microseconds: `< 0.1 ms`, `0.4 ms`, `212 ms`, `2.1 s`.
pub(crate) fn millis(us: impl Borrow<u64>) -> String {
    let us = *us.borrow();
    match us {
        1..50 => "< 0.1 ms".to_owned(),
        0..10_000 => format!("{:.1} ms", us as f64 / 1e3),
        10_000..1_000_000 => format!("{} ms", us / 1000),
        1_000_000..60_000_000 => format!("{:.1} s", us as f64 / 1e6),
        _ => super::duration(Duration::from_micros(us)),
    }
}

/// Of whole milliseconds: `< 1 ms`, `4 ms`, `2.1 s`.
pub(crate) fn took(ms: impl Borrow<u64>) -> String {
    match *ms.borrow() {
        0 => "< 1 ms".to_owned(),
        ms @ 1..1000 => format!("{ms} ms"),
        ms => millis(ms.saturating_mul(1000)),
    }
}

/// `448 B`, `12.4 kB`.
pub(crate) fn bytes(n: impl Borrow<u64>) -> String {
    let n = *n.borrow();
    match n {
        0..1000 => format!("{n} B"),
        1000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.1} GB", n as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(count(1_284_902_u64), "1\u{202f}284\u{202f}902");
        assert_eq!((compact(999_u64), compact(12_401_u64)), ("999".to_owned(), "12.4 k".to_owned()));
        assert_eq!(
            (millis(412_u64), millis(212_345_u64), millis(2_100_000_u64)),
            ("0.4 ms".into(), "212 ms".into(), "2.1 s".into())
        );
        assert_eq!(
            (millis(0_u64), millis(49_u64), millis(50_u64)),
            ("0.0 ms".into(), "< 0.1 ms".into(), "0.1 ms".into())
        );
        assert_eq!((bytes(448_u64), bytes(12_400_u64)), ("448 B".into(), "12.4 kB".into()));
    }

    #[test]
    fn a_share_is_all_or_none_only_if_it_is() {
        assert_eq!(percent(999_999, 1_000_000), "99.99 %");
        assert_eq!(percent(1, 1_000_000), "0.1 %");
        assert_eq!((percent(5, 5), percent(0, 5), percent(0, 0)), ("100 %".into(), "0 %".into(), "–".into()));
    }
}
