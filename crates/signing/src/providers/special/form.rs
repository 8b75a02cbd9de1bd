//! Form fields: `application/x-www-form-urlencoded` bodies and queries, decoded to bytes.
//!
//! **Invariant:** two texts that decode to the same fields differ at most in the spelling of their escapes; a broken
//! escape is refused, never guessed at. The number of fields is bounded.
//!
//! Source: WHATWG URL, "application/x-www-form-urlencoded parsing", but without its tolerance.

use super::super::{Inbound, Refusal};

/// Fields of one form, at most.
pub(super) const FIELDS_MAX: usize = 10_000;

/// A decoded name and value. Bytes, because a signature covers bytes: decoding to text would lose invalid UTF-8.
pub(super) type Field = (Vec<u8>, Vec<u8>);

/// The fields of a form or query, in the order in which they came.
pub(super) fn read(text: &[u8]) -> Result<Vec<Field>, Refusal> {
    let mut fields = Vec::new();
    for pair in text.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
        if fields.len() == FIELDS_MAX {
            return Err(Refusal::Malformed(format!("the form has more than {FIELDS_MAX} fields").into()));
        }
        let mut halves = pair.splitn(2, |b| *b == b'=');
        let name = decode(halves.next().unwrap_or_default())?;
        let value = decode(halves.next().unwrap_or_default())?;
        fields.push((name, value));
    }
    Ok(fields)
}

fn decode(text: &[u8]) -> Result<Vec<u8>, Refusal> {
    let digit = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => match (digit(bytes.next()), digit(bytes.next())) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(Refusal::Malformed("the form has a percent sign without two digits".into())),
            },
            plain => *plain,
        });
    }
    Ok(out)
}

/// The value of a field that must be there once and not be empty.
pub(super) fn only<'a>(fields: &'a [Field], name: &'static str) -> Result<&'a [u8], Refusal> {
    let mut found = fields.iter().filter(|(n, _)| n == name.as_bytes()).map(|(_, value)| value.as_slice());
    match (found.next(), found.next()) {
        (Some(value), None) if !value.is_empty() => Ok(value),
        (Some(_), Some(_)) => Err(Refusal::Malformed(format!("the field `{name}` came more than once").into())),
        _ => Err(Refusal::Malformed(format!("the field `{name}` is missing or empty").into())),
    }
}

/// Refuses a form in which a name came twice.
pub(super) fn refuse_doubled(fields: &[Field]) -> Result<(), Refusal> {
    let mut names: Vec<&[u8]> = fields.iter().map(|(name, _)| name.as_slice()).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(Refusal::Malformed("a field of the form came more than once".into()));
    }
    Ok(())
}

/// The media type of the body, in lower case and without parameters; empty when there is none.
pub(super) fn media_type(request: &Inbound<'_>) -> Result<String, Refusal> {
    let value = match request.header("content-type") {
        Ok(value) => value,
        Err(Refusal::Missing(_)) => return Ok(String::new()),
        Err(doubled) => return Err(doubled),
    };
    let essence = value.split(|b| *b == b';').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(essence).trim().to_ascii_lowercase())
}

/// Whether the body is a form of the plain kind.
pub(super) fn is_urlencoded(request: &Inbound<'_>) -> Result<bool, Refusal> {
    Ok(media_type(request)? == "application/x-www-form-urlencoded")
}

/// The fields of a body that must be a plain form.
pub(super) fn of_body(request: &Inbound<'_>) -> Result<Vec<Field>, Refusal> {
    if !is_urlencoded(request)? {
        return Err(Refusal::Malformed("the body is not a form (application/x-www-form-urlencoded)".into()));
    }
    read(request.body)
}
