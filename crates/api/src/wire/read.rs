//! Readers of single JSON values, each with its rule.
//!
//! **Invariant:** a message says what is expected and never repeats what was given.

use domain::{Kind, Timestamp, Uid};
use serde_json::Value;
use std::borrow::Cow;
use store::Metadata;

pub(crate) type Read<T> = Result<T, Cow<'static, str>>;

/// Metadata of one object as JSON, in bytes at most.
const METADATA_BYTES_MAX: usize = 4096;
const CHANNEL_LEN_MAX: usize = 128;
const ENDPOINT_CHANNELS_MAX: usize = 10;
const NAMES_MAX: usize = 1_000;

pub(crate) const UID_RULE: &str = "must be 1 to 256 characters of a-z A-Z 0-9 - _ .";

pub(crate) fn string(v: Value) -> Read<String> {
    match v {
        Value::String(s) => Ok(s),
        _ => Err("must be a string".into()),
    }
}

pub(crate) fn name(v: Value) -> Read<String> {
    let s = string(v)?;
    if s.trim().is_empty() {
        return Err("must not be empty".into());
    }
    Ok(s)
}

pub(crate) fn boolean(v: Value) -> Read<bool> {
    v.as_bool().ok_or("must be true or false".into())
}

/// A whole number in `range`.
pub(crate) fn integer(range: std::ops::RangeInclusive<u64>) -> impl FnOnce(Value) -> Read<u64> {
    move |v| {
        v.as_u64()
            .filter(|n| range.contains(n))
            .ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()).into())
    }
}

/// Messages a second.
pub(crate) fn rate(v: Value) -> Read<u32> {
    integer(1..=65_535)(v).map(|n| u32::try_from(n).unwrap_or(u32::MAX))
}

pub(crate) fn uid(kind: Kind) -> impl FnOnce(Value) -> Read<String> {
    move |v| {
        let s = string(v)?;
        if !Uid::is_valid(&s) {
            return Err(UID_RULE.into());
        }
        if s.starts_with(kind.prefix()) {
            return Err(format!("must not begin with {}, the prefix of ids", kind.prefix()).into());
        }
        Ok(s)
    }
}

pub(crate) fn event_type(v: Value) -> Read<String> {
    let s = string(v)?;
    if Uid::is_valid(&s) { Ok(s) } else { Err(UID_RULE.into()) }
}

/// A list of event type names: not empty, each once.
pub(crate) fn event_types(v: Value) -> Read<Vec<String>> {
    let list = strings(v)?;
    if list.is_empty() || list.len() > NAMES_MAX {
        return Err(format!("must name 1 to {NAMES_MAX} event types; leave it out (or null) for all").into());
    }
    if !list.iter().all(|s| Uid::is_valid(s)) {
        return Err(format!("each {UID_RULE}").into());
    }
    Ok(unique(list))
}

/// A channel may have `:` and `+` beside the characters of a uid.
pub(crate) fn is_channel(s: &str) -> bool {
    (1..=CHANNEL_LEN_MAX).contains(&s.len())
        && s.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b':' | b'+'))
}

/// What a portal's session may be called.
pub(crate) fn is_session(s: &str) -> bool {
    (1..=64).contains(&s.len()) && s.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'@' | b'_' | b'-'))
}
pub(crate) fn is_tag(s: &str) -> bool {
    (1..=CHANNEL_LEN_MAX).contains(&s.len())
        && s.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b'/' | b'\\' | b'#'))
}

/// A path into a message's payload.
pub(crate) fn payload_path(v: Value) -> Read<String> {
    let s = string(v)?;
    if domain::is_payload_path(&s) {
        return Ok(s);
    }
    Err("must be a path into the payload such as data.link: names with dots between, at most 16 and 256 characters"
        .into())
}

pub(crate) fn channels(v: Value) -> Read<Vec<String>> {
    let list = strings(v)?;
    if !(1..=ENDPOINT_CHANNELS_MAX).contains(&list.len()) {
        return Err("must hold 1 to 10 channels; leave it out (or null) for all".into());
    }
    if !list.iter().all(|s| is_channel(s)) {
        return Err("each must be 1 to 128 characters of a-z A-Z 0-9 - _ . : +".into());
    }
    Ok(unique(list))
}

pub(crate) fn feature_flags(v: Value) -> Read<Vec<String>> {
    let list = strings(v)?;
    if list.len() > NAMES_MAX || !list.iter().all(|s| Uid::is_valid(s)) {
        return Err(format!("each {UID_RULE}").into());
    }
    Ok(unique(list))
}

pub(crate) fn strings(v: Value) -> Read<Vec<String>> {
    let Value::Array(items) = v else { return Err("must be a list of strings".into()) };
    items.into_iter().map(string).collect::<Read<_>>().map_err(|_| "must be a list of strings".into())
}

fn unique(mut list: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    list.retain(|s| seen.insert(s.clone()));
    list
}

pub(crate) fn metadata(v: Value) -> Read<Metadata> {
    const RULE: &str = "must be an object of string values";
    let Value::Object(map) = v else { return Err(RULE.into()) };
    let mut out = Metadata::new();
    let mut bytes = 2;
    for (key, value) in map {
        let Value::String(value) = value else { return Err(RULE.into()) };
        bytes += key.len() + value.len() + 6;
        out.insert(key, value);
    }
    if bytes > METADATA_BYTES_MAX {
        return Err(format!("must be at most {METADATA_BYTES_MAX} bytes of JSON").into());
    }
    Ok(out)
}

pub(crate) fn timestamp(v: Value) -> Read<Timestamp> {
    let s = string(v)?;
    Timestamp::parse_rfc3339(&s).ok_or("must be an RFC 3339 time such as 2026-01-31T12:00:00Z".into())
}

/// JSON Schemas by version: an object of objects, kept as text.
pub(crate) fn schemas(v: Value) -> Read<String> {
    match &v {
        Value::Object(map) if map.values().all(Value::is_object) => Ok(v.to_string()),
        _ => Err("must be an object of JSON Schemas by version".into()),
    }
}
