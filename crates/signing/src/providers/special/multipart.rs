//! `multipart/form-data` bodies, read strictly and within bounds.
//!
//! **Invariant:** copies nothing of the values; what is not exactly the format (a preamble, a missing end, a header
//! that can't be read) is refused.
//!
//! Source: RFC 7578, RFC 2046 section 5.1.1.

use super::super::{Inbound, Refusal};

/// Parts of one body, at most.
const PARTS_MAX: usize = 1000;
/// Bytes of the headers of one part, at most.
const HEAD_LEN_MAX: usize = 8192;
/// RFC 2046 section 5.1.1.
const BOUNDARY_LEN_MAX: usize = 70;

/// One field.
pub(super) struct Part<'a> {
    pub name: &'a str,
    pub value: &'a [u8],
}

/// The parts of a request's body.
pub(super) fn read<'a>(request: &Inbound<'a>) -> Result<Vec<Part<'a>>, Refusal> {
    let boundary = boundary(request)?;
    let opening = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let mut rest = request.body.strip_prefix(opening.as_bytes()).ok_or_else(|| bad("does not begin with a part"))?;
    let mut parts = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(b"--") {
            return if matches!(after, b"" | b"\r\n") { Ok(parts) } else { Err(bad("goes on after its end")) };
        }
        if parts.len() == PARTS_MAX {
            return Err(bad("has too many parts"));
        }
        let part = rest.strip_prefix(b"\r\n").ok_or_else(|| bad("has a broken boundary"))?;
        // The head is searched for within its bound, so that a body without one costs no more.
        let head_window = part.get(..HEAD_LEN_MAX.min(part.len())).unwrap_or_default();
        let head_end =
            find(head_window, b"\r\n\r\n").ok_or_else(|| bad("has a part without headers, or with too long ones"))?;
        let (head, value) = part.split_at_checked(head_end).ok_or_else(|| bad("is cut off"))?;
        let value = value.get(4..).ok_or_else(|| bad("is cut off"))?;
        let end = find(value, between.as_bytes()).ok_or_else(|| bad("is cut off"))?;
        let (value, after) = value.split_at_checked(end).ok_or_else(|| bad("is cut off"))?;
        parts.push(Part { name: field_name(head)?, value });
        rest = after.get(between.len()..).unwrap_or_default();
    }
}

/// The value of a field that must be there once and not be empty.
pub(super) fn only<'a>(parts: &[Part<'a>], name: &'static str) -> Result<&'a [u8], Refusal> {
    let mut found = parts.iter().filter(|part| part.name == name).map(|part| part.value);
    match (found.next(), found.next()) {
        (Some(value), None) if !value.is_empty() => Ok(value),
        (Some(_), Some(_)) => Err(Refusal::Malformed(format!("the field `{name}` came more than once").into())),
        _ => Err(Refusal::Malformed(format!("the field `{name}` is missing or empty").into())),
    }
}

fn bad(what: &str) -> Refusal {
    Refusal::Malformed(format!("the multipart body {what}").into())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The boundary out of the content type.
fn boundary<'a>(request: &Inbound<'a>) -> Result<&'a str, Refusal> {
    let value =
        std::str::from_utf8(request.header("content-type")?).map_err(|_| bad("has a content type that is no text"))?;
    let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Err(Refusal::Malformed("the body is not multipart/form-data".into()));
    }
    let mut found = parameters.split(';').filter_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then_some(value)
    });
    let (Some(raw), None) = (found.next(), found.next()) else { return Err(bad("has no boundary, or two")) };
    let text = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw);
    let fits = (1..=BOUNDARY_LEN_MAX).contains(&text.len());
    if fits && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&b)) {
        Ok(text)
    } else {
        Err(bad("has a boundary that is none"))
    }
}

/// The name of the field, out of a part's headers.
fn field_name(head: &[u8]) -> Result<&str, Refusal> {
    let head = std::str::from_utf8(head).map_err(|_| bad("has headers that are no text"))?;
    let mut dispositions = head.split("\r\n").filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-disposition").then_some(value.trim())
    });
    let (Some(disposition), None) = (dispositions.next(), dispositions.next()) else {
        return Err(bad("has a part without a disposition, or with two"));
    };
    let (kind, parameters) = disposition.split_once(';').ok_or_else(|| bad("has a part without a name"))?;
    let parameters = parameters.trim_start();
    // Every sender that matters writes the name first and quoted (RFC 7578 section 4.2).
    let name = parameters.strip_prefix("name=\"").and_then(|rest| rest.split_once('"')).map(|(name, _)| name);
    match name {
        Some(name) if kind.eq_ignore_ascii_case("form-data") => Ok(name),
        _ => Err(bad("has a part without a name")),
    }
}
