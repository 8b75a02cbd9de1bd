//! The `Retry-After` header (RFC 9110, section 10.2.3): seconds or an HTTP date.
//!
//! **Invariant:** any bytes give `None` or a bounded value; nothing here panics or trusts the receiver.

use crate::time::Timestamp;
use std::time::Duration;

/// When the receiver asked to be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// So long from now; fractions of a second are rounded up.
    Delay(Duration),
    /// At this time.
    At(Timestamp),
}

impl RetryAfter {
    /// The longest wait that is believed, 10 years; more is cut to it.
    const DELAY_MAX_S: u64 = 315_360_000;

    /// Reads a header value. Negative, empty, non-finite or unreadable values give `None`.
    pub fn parse(value: &[u8]) -> Option<RetryAfter> {
        let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
        if text.is_empty() || text.len() > 64 {
            return Self::parse_long_digits(text);
        }
        if text.bytes().all(|c| c.is_ascii_digit() || c == b'.') {
            return Self::parse_seconds(text);
        }
        let at = httpdate::parse_http_date(text).ok()?;
        let ms = at.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis();
        Some(RetryAfter::At(Timestamp(i64::try_from(ms).ok()?)))
    }

    /// A thousand digits are still a number: a very long wait.
    fn parse_long_digits(text: &str) -> Option<RetryAfter> {
        (!text.is_empty() && text.bytes().all(|c| c.is_ascii_digit())).then(|| {
            let zero = text.bytes().all(|c| c == b'0');
            RetryAfter::Delay(Duration::from_secs(if zero { 0 } else { Self::DELAY_MAX_S }))
        })
    }

    fn parse_seconds(text: &str) -> Option<RetryAfter> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if whole.is_empty() || fraction.contains('.') {
            return None;
        }
        let up = u64::from(fraction.bytes().any(|c| c != b'0'));
        let seconds = whole.parse::<u64>().unwrap_or(u64::MAX).saturating_add(up);
        Some(RetryAfter::Delay(Duration::from_secs(seconds.min(Self::DELAY_MAX_S))))
    }

    /// How long to wait from `now`; zero for a date in the past.
    pub fn from_now(self, now: Timestamp) -> Duration {
        match self {
            RetryAfter::Delay(d) => d,
            RetryAfter::At(t) => t.since(now).min(Duration::from_secs(Self::DELAY_MAX_S)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn seconds_fractions_and_dates_are_read_and_the_rest_is_ignored() {
        let s = |n| Some(RetryAfter::Delay(Duration::from_secs(n)));
        for (text, want) in [
            ("120", s(120)),
            (" 7 ", s(7)),
            ("1.2", s(2)),
            ("1.0", s(1)),
            ("99999999999", s(RetryAfter::DELAY_MAX_S)),
            (&"9".repeat(1000), s(RetryAfter::DELAY_MAX_S)),
            ("Thu, 01 Jan 1970 00:02:00 GMT", Some(RetryAfter::At(Timestamp(120_000)))),
            ("", None),
            ("-1", None),
            ("NaN", None),
            ("1e308", None),
            ("1.2.3", None),
            (".5", None),
            ("soon", None),
        ] {
            assert_eq!(RetryAfter::parse(text.as_bytes()), want, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_bounded_wait(bytes in prop::collection::vec(any::<u8>(), 0..100), now in any::<i32>()) {
            if let Some(r) = RetryAfter::parse(&bytes) {
                prop_assert!(r.from_now(Timestamp(i64::from(now))) <= Duration::from_secs(RetryAfter::DELAY_MAX_S));
            }
        }
    }
}
