//! Durations as people write them: `250ms`, `5s`, `30m`, `2h`, `3d`.
//!
//! **Invariant:** whole milliseconds; what `format` writes, `parse` reads back as the same value.

use std::time::Duration;

/// The units from the longest to the shortest, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The longest duration that makes sense: a century. Sums with any date stay far from overflow.
const MAX_MS: u64 = 36_525 * 86_400_000;

/// Reads `number unit` without a sign, a fraction or a space; a bare `0` needs no unit.
pub fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
    if number.is_empty() {
        return Err("it does not begin with a whole number".to_owned());
    }
    let number: u64 = number.parse().map_err(|_| "the number is too large".to_owned())?;
    let unit_ms = match UNITS.iter().find(|(name, _)| *name == unit) {
        Some((_, ms)) => *ms,
        None if unit.is_empty() && number == 0 => 1,
        None if unit.is_empty() => return Err("the unit is missing".to_owned()),
        None => return Err(format!("`{unit}` is not a unit")),
    };
    match number.checked_mul(unit_ms) {
        Some(ms) if ms <= MAX_MS => Ok(Duration::from_millis(ms)),
        _ => Err("it is longer than a century".to_owned()),
    }
}

/// Writes the duration in the longest unit that divides it, days from two on (one is written `24h`); below a millisecond
/// is cut off.
pub fn format(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if ms == 0 {
        return "0s".to_owned();
    }
    let unit = UNITS.iter().find(|(name, unit_ms)| ms.is_multiple_of(*unit_ms) && (*name != "d" || ms > *unit_ms));
    let (name, unit_ms) = unit.copied().unwrap_or(("ms", 1));
    format!("{}{name}", ms / unit_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_unit_is_understood() {
        for (text, ms) in [("250ms", 250), ("5s", 5_000), ("30m", 1_800_000), ("2h", 7_200_000), ("3d", 259_200_000)] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
            assert_eq!(format(Duration::from_millis(ms)), text);
        }
        assert_eq!(parse("0"), Ok(Duration::ZERO));
        assert_eq!(format(Duration::from_secs(90)), "90s");
        assert_eq!(format(Duration::from_secs(24 * 3600)), "24h");
        assert_eq!(format(Duration::from_secs(48 * 3600)), "2d");
    }

    #[test]
    fn what_is_not_a_duration_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "whole number"),
            ("s", "whole number"),
            ("-5s", "whole number"),
            ("5", "unit is missing"),
            ("5 s", "not a unit"),
            ("1.5h", "not a unit"),
            ("5S", "not a unit"),
            ("5µs", "not a unit"),
            ("36526d", "century"),
            ("18446744073709551615d", "century"),
            ("18446744073709551616s", "too large"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(ms in 0..=MAX_MS) {
            let duration = Duration::from_millis(ms);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }

        #[test]
        fn any_text_is_answered_without_a_panic(text in ".{0,12}") {
            if let Ok(duration) = parse(&text) {
                prop_assert_eq!(parse(&format(duration)), Ok(duration));
            }
        }
    }
}
