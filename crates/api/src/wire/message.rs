//! Messages on the wire: the envelope is parsed, the payload is not.
//!
//! This is the hot path: what is read borrows from the request, what is written is one buffer.
//! **Invariant:** a payload is delivered as the bytes that came; its nesting is bounded, so that no receiver's parser is
//! attacked through us.

use super::read::{UID_RULE, is_channel, is_tag};
use super::time;
use crate::problem::Problem;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::{AppRoute, IdCodec, Kind, MessageId, Timestamp, Uid};
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use store::{Message, NewMessage};

/// Brackets inside brackets, as `serde_json` limits them.
pub(crate) const DEPTH_MAX: usize = 128;
const CHANNELS_MAX: usize = 10;
const TAGS_MAX: usize = 8;
const RETENTION_DAYS: std::ops::RangeInclusive<i64> = 5..=90;
const RETENTION_HOURS: std::ops::RangeInclusive<i64> = 1..=2160;
const DELIVER_AT_MAX: Duration = Duration::from_secs(90 * 86_400);

/// A string of the envelope; borrowed unless it has escapes.
#[derive(Debug)]
pub(crate) struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(v)))
            }
            fn visit_str<E>(self, v: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(v.to_owned())))
            }
        }
        d.deserialize_str(V)
    }
}

/// A message as a client writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageIn<'a> {
    #[serde(borrow)]
    event_type: Option<Text<'a>>,
    #[serde(borrow, alias = "data")]
    payload: Option<&'a RawValue>,
    #[serde(borrow)]
    event_id: Option<Text<'a>>,
    #[serde(borrow)]
    channels: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    tags: Option<Vec<Text<'a>>>,
    payload_retention_period: Option<i64>,
    payload_retention_hours: Option<i64>,
    #[serde(borrow)]
    deliver_at: Option<Text<'a>>,
    #[serde(borrow)]
    transformations_params: Option<&'a RawValue>,
    /// An application to create if the path names none.
    #[serde(borrow)]
    pub application: Option<&'a RawValue>,
    /// In a batch only; a single message has the header.
    #[serde(borrow)]
    pub idempotency_key: Option<Text<'a>>,
}

/// Settings that a message is checked against.
pub(crate) struct MessageRules {
    pub payload_limit: usize,
    pub now: Timestamp,
}

/// The payload's bytes, and whether they are an object as they stand.
struct Payload {
    bytes: Bytes,
    is_object: bool,
}

impl<'a> MessageIn<'a> {
    pub fn parse(text: &'a str) -> Result<Self, Problem> {
        serde_json::from_str(text).map_err(|e| explain(text, &e))
    }

    /// Checks all fields and makes the message, except for its idempotency key. `body` is the buffer that the text
    /// lies in: a large payload is a slice of it.
    pub fn check(&self, body: &Bytes, rules: &MessageRules) -> Result<Draft, Problem> {
        let Some(event_type) = &self.event_type else { return Err(Problem::field("eventType", "is required")) };
        if !Uid::is_valid(&event_type.0) {
            return Err(Problem::field("eventType", UID_RULE));
        }
        if let Some(id) = &self.event_id {
            check_event_id(&id.0)?;
        }
        let payload = self.payload(body, rules.payload_limit)?;
        Ok(Draft {
            event_type: boxed(event_type),
            event_id: self.event_id.as_ref().map(boxed),
            channels: self.texts("channels", &self.channels, CHANNELS_MAX, is_channel)?,
            tags: self.texts("tags", &self.tags, TAGS_MAX, is_tag)?,
            payload_retention_days: self.retention_days()?,
            deliver_at: self.deliver_at(rules.now)?,
            payload,
        })
    }

    fn texts(
        &self,
        field: &'static str,
        list: &Option<Vec<Text<'_>>>,
        max: usize,
        rule: fn(&str) -> bool,
    ) -> Result<Vec<Box<str>>, Problem> {
        let Some(list) = list else { return Ok(Vec::new()) };
        if list.len() > max {
            return Err(Problem::field(field, format!("there may be {max} at most")));
        }
        if !list.iter().all(|t| rule(&t.0)) {
            return Err(Problem::field(field, "one has a character that is not allowed, or not 1 to 128 characters"));
        }
        let mut out: Vec<Box<str>> = Vec::with_capacity(list.len());
        for text in list {
            if !out.iter().any(|t| **t == *text.0) {
                out.push(boxed(text));
            }
        }
        Ok(out)
    }

    fn payload(&self, body: &Bytes, limit: usize) -> Result<Payload, Problem> {
        if let Some(bytes) = self.raw_payload()? {
            if bytes.len() > limit {
                return Err(Problem::payload_too_large(limit));
            }
            let is_object = is_json_object(&bytes);
            return Ok(Payload { bytes, is_object });
        }
        let missing = || {
            let detail = "The message has no payload";
            Problem::new(http::StatusCode::BAD_REQUEST, "missing_payload", detail)
        };
        let raw = self.payload.ok_or_else(missing)?.get().as_bytes();
        if raw.len() > limit {
            return Err(Problem::payload_too_large(limit));
        }
        if raw.first() != Some(&b'{') {
            return Err(Problem::field("payload", "must be an object"));
        }
        if is_too_deep(raw) {
            return Err(Problem::field("payload", format!("is nested deeper than {DEPTH_MAX}")));
        }
        Ok(Payload { bytes: keep(body, raw), is_object: true })
    }

    /// `transformationsParams.rawPayload`: a string whose text is sent instead of the payload.
    fn raw_payload(&self) -> Result<Option<Bytes>, Problem> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Params {
            raw_payload: Option<String>,
        }
        let Some(raw) = self.transformations_params else { return Ok(None) };
        let params: Option<Params> = serde_json::from_str(raw.get())
            .map_err(|_| Problem::field("transformationsParams", "must be an object whose rawPayload is a string"))?;
        Ok(params.and_then(|p| p.raw_payload).map(Bytes::from))
    }

    fn retention_days(&self) -> Result<Option<u32>, Problem> {
        let days = |n: i64| u32::try_from(n).ok();
        match (self.payload_retention_hours, self.payload_retention_period) {
            (Some(h), _) if RETENTION_HOURS.contains(&h) => Ok(days((h + 23) / 24)),
            (Some(_), _) => Err(Problem::field("payloadRetentionHours", "must be from 1 to 2160")),
            (None, Some(d)) if RETENTION_DAYS.contains(&d) => Ok(days(d)),
            (None, Some(_)) => Err(Problem::field("payloadRetentionPeriod", "must be from 5 to 90 days")),
            (None, None) => Ok(None),
        }
    }

    fn deliver_at(&self, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = &self.deliver_at else { return Ok(None) };
        let at = Timestamp::parse_rfc3339(&text.0)
            .ok_or_else(|| Problem::field("deliverAt", "must be an RFC 3339 time such as 2026-01-31T12:00:00Z"))?;
        if at > now.plus(DELIVER_AT_MAX) {
            return Err(Problem::field("deliverAt", "must be within 90 days"));
        }
        Ok((at > now).then_some(at))
    }
}

/// The payload apart from its request. A slice keeps the whole buffer alive (the connection's read buffer, or a batch),
/// which may be many times as large and is not counted as memory in flight: so only a payload that is most of it stays
/// a slice.
fn keep(body: &Bytes, raw: &[u8]) -> Bytes {
    const COPIED_MAX: usize = 16 * 1024;
    if raw.len() <= COPIED_MAX || raw.len() < body.len() / 2 {
        Bytes::copy_from_slice(raw)
    } else {
        body.slice_ref(raw)
    }
}

fn boxed(text: &Text<'_>) -> Box<str> {
    Box::from(&*text.0)
}

fn check_event_id(id: &str) -> Result<(), Problem> {
    if !Uid::is_valid(id) {
        return Err(Problem::field("eventId", UID_RULE));
    }
    if id.starts_with(Kind::Message.prefix()) {
        return Err(Problem::field("eventId", "must not begin with msg_, the prefix of ids"));
    }
    Ok(())
}

/// Names the field that has a wrong type; `serde_json` tells only where it stands.
fn explain(text: &str, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        return Problem::json(format!("The body is not valid JSON: {error}"));
    }
    let Ok(serde_json::Value::Object(map)) = serde_json::from_str(text) else {
        return Problem::json(format!("The body must be a JSON object: {error}"));
    };
    let wrong = |name: &str, is_right: fn(&serde_json::Value) -> bool| {
        map.get(name).is_some_and(|v| !v.is_null() && !is_right(v))
    };
    let texts = ["eventType", "eventId", "deliverAt", "idempotencyKey"];
    if let Some(name) = texts.into_iter().find(|name| wrong(name, serde_json::Value::is_string)) {
        return Problem::field(name, "must be a string");
    }
    let strings = |v: &serde_json::Value| v.as_array().is_some_and(|l| l.iter().all(serde_json::Value::is_string));
    if let Some(name) = ["channels", "tags"].into_iter().find(|name| wrong(name, strings)) {
        return Problem::field(name, "must be a list of strings");
    }
    let numbers = ["payloadRetentionPeriod", "payloadRetentionHours"];
    if let Some(name) = numbers.into_iter().find(|name| wrong(name, serde_json::Value::is_i64)) {
        return Problem::field(name, "must be a whole number");
    }
    Problem::json(format!("The body is not a message: {error}"))
}

/// Whether brackets nest deeper than [`DEPTH_MAX`]. Counting them settles it for nearly every payload.
fn is_too_deep(json: &[u8]) -> bool {
    let opened: usize = json.iter().map(|b| usize::from(matches!(b, b'{' | b'['))).sum();
    if opened <= DEPTH_MAX {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for b in json {
        match b {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

fn is_json_object(bytes: &[u8]) -> bool {
    let raw: Result<&RawValue, _> = serde_json::from_slice(bytes);
    raw.is_ok_and(|raw| raw.get().starts_with('{'))
}

/// A message that was checked and has no route yet.
pub(crate) struct Draft {
    event_type: Box<str>,
    event_id: Option<Box<str>>,
    channels: Vec<Box<str>>,
    tags: Vec<Box<str>>,
    payload: Payload,
    payload_retention_days: Option<u32>,
    deliver_at: Option<Timestamp>,
}

impl Draft {
    /// A test event.
    pub fn example(event_type: &str, payload: Bytes) -> Self {
        Draft {
            event_type: event_type.into(),
            event_id: None,
            channels: Vec::new(),
            tags: Vec::new(),
            payload: Payload { bytes: payload, is_object: true },
            payload_retention_days: None,
            deliver_at: None,
        }
    }

    pub fn into_new(self, route: Arc<AppRoute>) -> NewMessage {
        NewMessage {
            route,
            event_type: self.event_type,
            event_id: self.event_id,
            channels: self.channels,
            tags: self.tags,
            payload: self.payload.bytes,
            payload_retention_days: self.payload_retention_days,
            deliver_at: self.deliver_at,
            key: None,
            only: None,
        }
    }

    /// The answer but for id and time, which only an accepted message has: finish it with [`close`].
    pub fn open_answer(&self, with_content: bool) -> String {
        let mut out = String::with_capacity(self.payload.bytes.len() + 256);
        out.push_str("{\"eventType\":\"");
        out.push_str(&self.event_type);
        out.push('"');
        write_names(&mut out, self.event_id.as_deref(), &self.channels, &self.tags);
        if let Some(at) = self.deliver_at {
            write_deliver_at(&mut out, at);
        }
        let payload = if with_content { Some(&self.payload) } else { None };
        match payload {
            None => out.push_str(",\"payload\":{}"),
            Some(p) => write_payload(&mut out, &p.bytes, p.is_object),
        }
        out
    }
}

/// Ends an object that [`Draft::open_answer`] began.
pub(crate) fn close(out: &mut String, id: MessageId, codec: &IdCodec) {
    out.push_str(",\"id\":\"");
    codec.write(id, out);
    out.push_str("\",\"timestamp\":\"");
    time::write(id.created_at(), out);
    out.push_str("\"}");
}

/// Appends a stored message; `extra` comes before its end and begins with a comma.
pub(crate) fn write_stored(out: &mut String, m: &Message, with_content: bool, codec: &IdCodec, extra: &str) {
    out.push_str("{\"eventType\":\"");
    out.push_str(&m.event_type);
    out.push('"');
    write_names(out, m.event_id.as_deref(), &m.channels, &m.tags);
    if let Some(at) = m.deliver_at {
        write_deliver_at(out, at);
    }
    match &m.payload {
        _ if !with_content => out.push_str(",\"payload\":{}"),
        None => out.push_str(",\"payload\":{\"expired\":true}"),
        Some(bytes) => write_payload(out, bytes, is_json_object(bytes)),
    }
    out.push_str(extra);
    close(out, m.id, codec);
}

/// These need no escapes: their characters are restricted, but for a tag's backslash.
fn write_names<S: AsRef<str>>(out: &mut String, event_id: Option<&str>, channels: &[S], tags: &[S]) {
    if let Some(id) = event_id {
        out.push_str(",\"eventId\":\"");
        out.push_str(id);
        out.push('"');
    }
    for (key, list) in [(",\"channels\":[", channels), (",\"tags\":[", tags)] {
        if list.is_empty() {
            continue;
        }
        out.push_str(key);
        for (i, item) in list.iter().enumerate() {
            out.push_str(if i == 0 { "\"" } else { ",\"" });
            item.as_ref().chars().for_each(|c| {
                if c == '\\' {
                    out.push('\\');
                }
                out.push(c);
            });
            out.push('"');
        }
        out.push(']');
    }
}

fn write_deliver_at(out: &mut String, at: Timestamp) {
    out.push_str(",\"deliverAt\":\"");
    time::write(at, out);
    out.push('"');
}

/// A payload that is an object stands as it is; any other (from `rawPayload`, or received) is shown in one, as text or
/// as base64, because SDKs read an object.
fn write_payload(out: &mut String, bytes: &[u8], is_object: bool) {
    out.push_str(",\"payload\":");
    match std::str::from_utf8(bytes) {
        Ok(text) if is_object => out.push_str(text),
        Ok(text) => {
            out.push_str("{\"rawPayload\":");
            out.push_str(&serde_json::Value::from(text).to_string());
            out.push('}');
        }
        Err(_) => {
            out.push_str("{\"base64\":\"");
            STANDARD.encode_string(bytes, out);
            out.push_str("\"}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_247_040_123);

    fn check(body: &str) -> Result<Draft, (u16, String)> {
        let bytes = Bytes::from(body.to_owned());
        let text = std::str::from_utf8(&bytes).unwrap();
        let rules = MessageRules { payload_limit: 2_000_000, now: NOW };
        MessageIn::parse(text)
            .and_then(|m| m.check(&bytes, &rules))
            .map_err(|p| (p.status().as_u16(), String::from_utf8_lossy(&p.into_reply().body).into_owned()))
    }

    fn refused(body: &str) -> (u16, String) {
        match check(body) {
            Ok(_) => panic!("accepted: {body:.200}"),
            Err(e) => e,
        }
    }

    #[test]
    fn a_payload_is_kept_byte_for_byte() {
        let d = check("{\"eventType\":\"a\",\"payload\":{ \"n\": 1.0e999,\n\t\"k\":1, \"k\":\"\\u0000é\" } }").unwrap();
        assert_eq!(d.payload.bytes, "{ \"n\": 1.0e999,\n\t\"k\":1, \"k\":\"\\u0000é\" }");
        let d = check(r#"{"eventType":"a","data":{"x":1}}"#).unwrap();
        assert_eq!(d.payload.bytes, r#"{"x":1}"#);
    }

    #[test]
    fn an_answer_is_json_with_the_payload_in_it() {
        let d = check(
            r#"{"eventType":"a.b","eventId":"e-1","channels":["c","c","d"],"tags":["t\\x"],"payload":{"x":[1]}}"#,
        );
        let mut out = d.unwrap().open_answer(true);
        close(&mut out, MessageId(5 << 40), &IdCodec::new([1; 16]));
        let v: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(v["payload"], serde_json::json!({"x": [1]}));
        assert_eq!(v["channels"], serde_json::json!(["c", "d"]));
        assert_eq!(v["tags"], serde_json::json!(["t\\x"]));
        assert_eq!(v["eventId"], "e-1");
        assert!(v["id"].as_str().unwrap().starts_with("msg_"));
    }

    #[test]
    fn a_raw_payload_is_sent_verbatim_and_shown_in_an_object() {
        let d = check(r#"{"eventType":"a","transformationsParams":{"rawPayload":"<a>\n"}}"#).unwrap();
        assert_eq!(d.payload.bytes, "<a>\n");
        assert!(d.open_answer(true).ends_with(r#""payload":{"rawPayload":"<a>\n"}"#));
        let d =
            check(r#"{"eventType":"a","payload":{},"transformationsParams":{"rawPayload":"{\"a\" : 1}"}}"#).unwrap();
        assert!(d.open_answer(true).ends_with(r#""payload":{"a" : 1}"#));
    }

    #[test]
    fn nesting_is_bounded_without_recursion() {
        let nested = |n: usize| format!(r#"{{"eventType":"a","payload":{{"x":{}{}}}}}"#, "[".repeat(n), "]".repeat(n));
        assert!(check(&nested(DEPTH_MAX - 1)).is_ok());
        for deep in [DEPTH_MAX, 100_000, 900_000] {
            let (status, body) = refused(&nested(deep));
            assert_eq!(status, 422);
            assert!(body.contains("nested deeper"), "{body}");
        }
        let brackets_in_text = format!(r#"{{"eventType":"a","payload":{{"x":"{}\"["}}}}"#, "[".repeat(1000));
        assert!(check(&brackets_in_text).is_ok());
        let unknown =
            format!(r#"{{"other":{}{},"eventType":"a","payload":{{}}}}"#, "[".repeat(300_000), "]".repeat(300_000));
        assert!(check(&unknown).is_ok());
    }

    #[test]
    fn a_bad_message_is_refused_with_its_field() {
        let cases = [
            ("", 422, "jsondecode"),
            ("{", 422, "jsondecode"),
            ("[]", 422, "must be a JSON object"),
            ("{} x", 422, "jsondecode"),
            (r#"{"payload":{}}"#, 422, r#"["body","eventType"]"#),
            (r#"{"eventType":1,"payload":{}}"#, 422, r#"["body","eventType"]"#),
            (r#"{"eventType":"","payload":{}}"#, 422, r#"["body","eventType"]"#),
            (r#"{"eventType":"a b","payload":{}}"#, 422, r#"["body","eventType"]"#),
            (r#"{"eventType":"a\u0000","payload":{}}"#, 422, r#"["body","eventType"]"#),
            (r#"{"eventType":"a"}"#, 400, "missing_payload"),
            (r#"{"eventType":"a","payload":null}"#, 400, "missing_payload"),
            (r#"{"eventType":"a","payload":[]}"#, 422, r#"["body","payload"]"#),
            (r#"{"eventType":"a","payload":"x"}"#, 422, r#"["body","payload"]"#),
            (r#"{"eventType":"a","payload":{},"eventId":"msg_1"}"#, 422, r#"["body","eventId"]"#),
            (r#"{"eventType":"a","payload":{},"channels":"x"}"#, 422, r#"["body","channels"]"#),
            (r#"{"eventType":"a","payload":{},"channels":["a b"]}"#, 422, r#"["body","channels"]"#),
            (
                r#"{"eventType":"a","payload":{},"tags":["1","2","3","4","5","6","7","8","9"]}"#,
                422,
                r#"["body","tags"]"#,
            ),
            (
                r#"{"eventType":"a","payload":{},"payloadRetentionPeriod":4}"#,
                422,
                r#"["body","payloadRetentionPeriod"]"#,
            ),
            (
                r#"{"eventType":"a","payload":{},"payloadRetentionPeriod":"9"}"#,
                422,
                r#"["body","payloadRetentionPeriod"]"#,
            ),
            (r#"{"eventType":"a","payload":{},"deliverAt":"soon"}"#, 422, r#"["body","deliverAt"]"#),
            (r#"{"eventType":"a","payload":{},"deliverAt":"2999-01-01T00:00:00Z"}"#, 422, r#"["body","deliverAt"]"#),
            (r#"{"eventType":"a","eventType":"b","payload":{}}"#, 422, "duplicate field"),
            (r#"{"eventType":"a","payload":{},"transformationsParams":{"rawPayload":1}}"#, 422, "rawPayload"),
        ];
        for (body, status, want) in cases {
            let (got, text) = refused(body);
            assert_eq!(got, status, "{body}: {text}");
            assert!(text.contains(want), "{body}: {text}");
        }
    }

    #[test]
    fn nulls_and_unknown_fields_are_ignored() {
        let body = r#"{"eventType":"a","payload":{},"eventId":null,"channels":null,"tags":null,"deliverAt":null,
            "payloadRetentionPeriod":null,"transformationsParams":null,"application":null,"nobody":[1,{"x":2}]}"#;
        let d = check(body).unwrap();
        assert_eq!((d.event_id, d.deliver_at, d.payload_retention_days), (None, None, None));
        assert_eq!(
            check(r#"{"eventType":"a","payload":{},"deliverAt":"2001-01-01T00:00:00Z"}"#).unwrap().deliver_at,
            None
        );
    }

    #[test]
    fn a_payload_that_is_no_object_is_shown_in_one_with_every_byte() {
        let check = |bytes: &[u8], want: &str| {
            let mut out = String::new();
            write_payload(&mut out, bytes, is_json_object(bytes));
            assert_eq!(out, format!(",\"payload\":{want}"));
        };
        check(b"{ \"a\": 1.0 }", "{ \"a\": 1.0 }");
        check(b"[1, 2]", r#"{"rawPayload":"[1, 2]"}"#);
        check(b"a=1&b=\"2\"", r#"{"rawPayload":"a=1&b=\"2\""}"#);
        check(b"\xff\x00\x01", r#"{"base64":"/wAB"}"#);
    }

    #[test]
    fn a_stored_payload_shows_as_expired_once_it_is_gone() {
        let m = Message {
            id: MessageId(1 << 40),
            app: domain::AppId(1),
            event_type: "a".into(),
            event_id: None,
            channels: vec![],
            tags: vec![],
            deliver_at: None,
            payload: None,
        };
        let mut out = String::new();
        write_stored(&mut out, &m, true, &IdCodec::new([1; 16]), "");
        assert!(out.starts_with(r#"{"eventType":"a","payload":{"expired":true},"id":"msg_"#), "{out}");
    }
}
