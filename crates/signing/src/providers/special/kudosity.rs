//! Kudosity (TransmitSMS): HMAC-SHA256 over the query as PHP writes it in JSON.
//!
//! `x-transmitsms-signature` is hexadecimal HMAC-SHA256 with the API secret over PHP's `json_encode` of the query's
//! fields in their order: compact, every value a text, `/` escaped, everything but ASCII as `\uXXXX`. No time is signed.
//!
//! **Invariant:** a body is refused, for nothing covers it; so are names that PHP would read as something else.
//!
//! Source: <https://developers.kudosity.com/docs/validating-webhook-signatures-from-kudosity>.

use super::super::config::Config;
use super::super::{ConfigError, Inbound, Materials, Refusal};
use super::mac::{Keys, Kind};
use super::{Judge, form};
use std::fmt::Write;

pub(super) struct Kudosity {
    keys: Keys,
}

impl Kudosity {
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        Ok(Self { keys: Keys::of(config)? })
    }
}

impl Judge for Kudosity {
    fn judge(&self, request: &Inbound<'_>, _materials: &dyn Materials) -> Result<(), Refusal> {
        let claim = request.header("x-transmitsms-signature")?;
        if !request.body.is_empty() {
            return Err(Refusal::Malformed("the request has a body, which is not signed".into()));
        }
        let fields = form::read(request.query().unwrap_or_default().as_bytes())?;
        form::refuse_doubled(&fields)?;
        self.keys.check(Kind::Sha256Hex, &[json_encoded(&fields)?.as_bytes()], claim)
    }
}

/// PHP's `json_encode($_GET)`.
fn json_encoded(fields: &[form::Field]) -> Result<String, Refusal> {
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Refusal::Malformed("the query is not UTF-8".into()));
    let mut out = String::from("{");
    for (position, (name, value)) in fields.iter().enumerate() {
        if name.is_empty() || name.iter().any(|b| b" .[]\0".contains(b)) {
            return Err(Refusal::Malformed("the query has a name that PHP would change".into()));
        }
        if position > 0 {
            out.push(',');
        }
        quote(text(name)?, &mut out);
        out.push(':');
        quote(text(value)?, &mut out);
    }
    out.push('}');
    Ok(out)
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b'"') => out.push_str("\\\""),
            Ok(b'\\') => out.push_str("\\\\"),
            Ok(b'/') => out.push_str("\\/"),
            Ok(0x08) => out.push_str("\\b"),
            Ok(0x0c) => out.push_str("\\f"),
            Ok(b'\n') => out.push_str("\\n"),
            Ok(b'\r') => out.push_str("\\r"),
            Ok(b'\t') => out.push_str("\\t"),
            Ok(plain @ 0x20..=0x7f) => out.push(char::from(plain)),
            _ => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out.push('"');
}
