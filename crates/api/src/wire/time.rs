//! RFC 3339 in UTC with milliseconds, written without a calendar library: each accepted message has one.
//!
//! **Invariant:** the same text as [`Timestamp`]'s `Display`.

use domain::Timestamp;

const MS_PER_DAY: i64 = 86_400_000;

/// Appends `2026-11-21T07:44:00.123Z`.
pub(crate) fn write(t: Timestamp, out: &mut String) {
    let ms = t.millis().clamp(0, Timestamp::MAX.0);
    let (year, month, day) = civil(ms.div_euclid(MS_PER_DAY));
    let in_day = ms.rem_euclid(MS_PER_DAY);
    let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (second, milli) = (in_day / 1000 % 60, in_day % 1000);
    for (value, digits, end) in [
        (year, 4, '-'),
        (month, 2, '-'),
        (day, 2, 'T'),
        (hour, 2, ':'),
        (minute, 2, ':'),
        (second, 2, '.'),
        (milli, 3, 'Z'),
    ] {
        push_digits(value, digits, out);
        out.push(end);
    }
}

pub(crate) fn text(t: Timestamp) -> String {
    let mut s = String::with_capacity(24);
    write(t, &mut s);
    s
}

fn push_digits(value: i64, digits: u32, out: &mut String) {
    for place in (0..digits).rev() {
        let digit = value / 10_i64.pow(place) % 10;
        out.push(char::from(b'0' + u8::try_from(digit).unwrap_or(0)));
    }
}

/// Year, month and day of a count of days since 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms",
/// `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_time_reads_as_the_calendar_library_writes_it(ms in 0..=Timestamp::MAX.0) {
            prop_assert_eq!(text(Timestamp(ms)), Timestamp(ms).to_string());
        }
    }
}
