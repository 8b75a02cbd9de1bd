//! When a request says it was made, and whether that is near enough.
//!
//! **Invariant:** only what an honest sender writes is a time: digits without sign, leading zero, fraction or space, or
//! RFC 3339.

use super::request::header;
use super::spec::{TimeSpec, Unit};
use super::{ConfigError, Inbound, Refusal};
use jiff::Timestamp;
use serde_json::Value;

/// Digits that a time may have: far beyond microseconds, and never an overflow.
const DIGITS_MAX: usize = 18;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Header(String),
    /// An item of the signature.
    Item,
    /// A field of the body, by JSON pointer.
    Json(String),
}

#[derive(Clone, Debug)]
pub(crate) struct TimeRule {
    pub source: Source,
    pub unit: Unit,
    tolerance_s: Option<u32>,
    is_future_refused: bool,
    is_number: bool,
}

impl TimeRule {
    pub fn new(spec: &TimeSpec) -> Result<Self, ConfigError> {
        let source = match spec.from.split_once(':') {
            Some(("header", name)) => Source::Header(name.to_owned()),
            Some(("json", pointer)) => Source::Json(pointer.to_owned()),
            None if spec.from == "sig" => Source::Item,
            _ => return Err(ConfigError::new("timestampHeader", "is not a place for a time")),
        };
        Ok(TimeRule {
            source,
            unit: spec.unit,
            tolerance_s: spec.tolerance,
            is_future_refused: spec.future,
            is_number: spec.number,
        })
    }

    /// The time's text, exactly as received, where it stands in a header or in the signature; it is checked, for that is
    /// cheap.
    pub fn text<'a>(&self, request: &Inbound<'a>, item: Option<&'a [u8]>) -> Result<Option<&'a [u8]>, Refusal> {
        let text = match &self.source {
            Source::Header(name) => header(request, name)?,
            Source::Item => item.ok_or(Refusal::Malformed("the signature has no time".into()))?,
            Source::Json(_) => return Ok(None),
        };
        self.check(text, request.now_ms)?;
        Ok(Some(text))
    }

    /// Checks a time that stands in the body, once the body is known to be the provider's.
    pub fn check_body(&self, request: &Inbound<'_>) -> Result<(), Refusal> {
        let Source::Json(pointer) = &self.source else { return Ok(()) };
        let json: Option<Value> = serde_json::from_slice(request.body).ok();
        match json.as_ref().and_then(|json| json.pointer(pointer)) {
            Some(Value::Number(number)) => self.check(number.to_string().as_bytes(), request.now_ms),
            Some(Value::String(text)) if !self.is_number => self.check(text.as_bytes(), request.now_ms),
            _ => Err(Refusal::Malformed(format!("the body has no time at {pointer}").into())),
        }
    }

    fn check(&self, text: &[u8], now_ms: i64) -> Result<(), Refusal> {
        let then_ms = parse(text, self.unit)?;
        let Some(tolerance_s) = self.tolerance_s.map(i64::from) else { return Ok(()) };
        // Whole seconds are compared with whole seconds, so that the limit is where the provider's own library has it.
        let now_ms = if self.unit == Unit::Seconds { now_ms.div_euclid(1000).saturating_mul(1000) } else { now_ms };
        let age_ms = now_ms.saturating_sub(then_ms);
        let tolerance_ms = tolerance_s.saturating_mul(1000);
        if age_ms > tolerance_ms {
            Err(Refusal::Stale { age_s: ceil_s(age_ms), tolerance_s })
        } else if self.is_future_refused && age_ms < -tolerance_ms {
            Err(Refusal::Future { ahead_s: ceil_s(age_ms.saturating_neg()), tolerance_s })
        } else {
            Ok(())
        }
    }
}

fn ceil_s(ms: i64) -> i64 {
    ms.saturating_add(999) / 1000
}

/// Unix milliseconds.
fn parse(text: &[u8], unit: Unit) -> Result<i64, Refusal> {
    let parsed = std::str::from_utf8(text).ok().and_then(|text| match unit {
        Unit::Seconds => digits(text)?.checked_mul(1000),
        Unit::Milliseconds => digits(text),
        Unit::Iso8601 => text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond),
    });
    parsed.ok_or(Refusal::Malformed(match unit {
        Unit::Seconds => "the time is not a whole number of Unix seconds".into(),
        Unit::Milliseconds => "the time is not a whole number of Unix milliseconds".into(),
        Unit::Iso8601 => "the time is not of the form 2026-01-31T12:00:00Z".into(),
    }))
}

fn digits(text: &str) -> Option<i64> {
    let is_plain = text.len() <= DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain)
}

/// The time as a provider writes it.
pub(crate) fn format(now_ms: i64, unit: Unit) -> String {
    match unit {
        Unit::Seconds => now_ms.div_euclid(1000).to_string(),
        Unit::Milliseconds => now_ms.to_string(),
        Unit::Iso8601 => Timestamp::from_millisecond(now_ms).unwrap_or_default().to_string(),
    }
}
