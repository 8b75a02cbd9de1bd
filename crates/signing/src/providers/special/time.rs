//! How old a signed time may be.
//!
//! **Invariant:** arithmetic saturates: no time that a sender may write wraps around to a fresh one.

use super::super::Refusal;

/// Refuses what is older than `past_s` or further ahead than `future_s`, both in seconds; times are Unix milliseconds.
pub(super) fn check(at_ms: i64, now_ms: i64, past_s: i64, future_s: i64) -> Result<(), Refusal> {
    let age_ms = now_ms.saturating_sub(at_ms);
    if age_ms > past_s.saturating_mul(1000) {
        Err(Refusal::Stale { age_s: age_ms / 1000, tolerance_s: past_s })
    } else if age_ms < future_s.saturating_mul(-1000) {
        Err(Refusal::Future { ahead_s: age_ms.saturating_neg() / 1000, tolerance_s: future_s })
    } else {
        Ok(())
    }
}

/// An integer as honest senders write it: digits only, no sign, no leading zero.
pub(super) fn digits(text: &[u8]) -> Option<i64> {
    let plain = text.iter().all(u8::is_ascii_digit) && !text.starts_with(b"0");
    std::str::from_utf8(text).ok().filter(|_| plain)?.parse().ok()
}
