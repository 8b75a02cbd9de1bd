//! The envelope of message mode: `{"type", "timestamp", "data"}` (Standard Webhooks, "Payload structure").
//!
//! **Invariant:** always JSON, whatever came; JSON that came is in it byte by byte.

use crate::content::{Content, Seen, object};
use crate::pointer;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use domain::Timestamp;
use std::ops::Range;

/// An envelope, and where in it the whole body lies, if it does.
pub(crate) struct Envelope {
    pub payload: Bytes,
    pub body_at: Option<Range<u32>>,
}

/// Around data that is JSON already. `event_type` needs no escape.
pub(crate) fn around(event_type: &str, at: Timestamp, data: &str) -> Envelope {
    let timestamp = at.to_string();
    let mut out = Vec::with_capacity(event_type.len() + timestamp.len() + data.len() + 40);
    for part in [r#"{"type":""#, event_type, r#"","timestamp":""#, &timestamp, r#"","data":"#] {
        out.extend_from_slice(part.as_bytes());
    }
    let from = out.len();
    out.extend_from_slice(data.as_bytes());
    let to = out.len();
    out.push(b'}');
    let body_at = u32::try_from(from).ok().zip(u32::try_from(to).ok()).map(|(from, to)| from..to);
    Envelope { payload: Bytes::from(out), body_at }
}

/// Around a whole request.
pub(crate) fn of(event_type: &str, seen: &Seen<'_>) -> Envelope {
    let wrapped = match seen.content() {
        Content::Json(text) if pointer::find(text, &[]).is_some() => return around(event_type, seen.at, text),
        Content::Empty => seen.query().and_then(|query| object(query.as_bytes())).unwrap_or_else(|| "{}".to_owned()),
        Content::Form(pairs) => object(pairs).unwrap_or_else(|| other(seen)),
        Content::Json(_) | Content::Other => other(seen),
    };
    Envelope { body_at: None, ..around(event_type, seen.at, &wrapped) }
}

fn other(seen: &Seen<'_>) -> String {
    let kind = seen.header("content-type").map(String::from_utf8_lossy);
    let data = match std::str::from_utf8(seen.body) {
        Ok(text) => serde_json::json!({"contentType": kind, "body": text}),
        Err(_) => serde_json::json!({"contentType": kind, "bodyBase64": BASE64_STANDARD.encode(seen.body)}),
    };
    data.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::tests::seen;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn check(target: &str, kind: &str, body: &'static [u8], want: Value) {
        let body = Bytes::from_static(body);
        let headers = [("content-type", kind.as_bytes())];
        let envelope = of("a.b", &seen(target, &headers, &body));
        let got: Value = serde_json::from_slice(&envelope.payload).unwrap();
        assert_eq!(got, json!({"type": "a.b", "timestamp": "2026-11-21T07:44:00.123Z", "data": want}));
    }

    #[test]
    fn whatever_came_is_data() {
        check("", "application/json", b" {\"a\":1.0e2}\r\n", json!({"a": 100.0}));
        check("", "application/json", b"{\"a\":1", json!({"contentType": "application/json", "body": "{\"a\":1"}));
        check("/x?a=1&b=2", "", b"", json!({"a": "1", "b": "2"}));
        check("", "", b"", json!({}));
        check("?q=1", "application/x-www-form-urlencoded", b"a=1&a=2", json!({"a": ["1", "2"]}));
        check("", "text/xml", b"<a>\0</a>", json!({"contentType": "text/xml", "body": "<a>\0</a>"}));
        check("", "image/png", b"\xff\0", json!({"contentType": "image/png", "bodyBase64": "/wA="}));
    }

    #[test]
    fn json_is_embedded_byte_by_byte_and_can_be_found_again() {
        let body = Bytes::from_static(b" {\"n\": 1.50, \"s\": \"\\u00e9\"}\n");
        let envelope = of("t", &seen("", &[], &body));
        let at = envelope.body_at.unwrap();
        assert_eq!(envelope.payload.slice(at.start as usize..at.end as usize), body);
    }

    proptest! {
        #[test]
        fn an_envelope_is_always_json(
            body in prop::collection::vec(any::<u8>(), 0..80), kind in prop::collection::vec(any::<u8>(), 0..30),
            form: bool, target in "(/[ -~]{0,20})?",
        ) {
            let kind = if form { b"application/x-www-form-urlencoded".to_vec() } else { kind };
            let headers = [("content-type", kind.as_slice())];
            let body = Bytes::from(body);
            let envelope = of("t", &seen(&target, &headers, &body));
            prop_assert!(serde_json::from_slice::<Value>(&envelope.payload).is_ok());
        }
    }
}
