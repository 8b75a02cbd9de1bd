//! The envelope of message mode: `{"type", "timestamp", "data"}` (Standard Webhooks, "Payload structure"), with `query`
//! before `data` where a request has both a query and a body.
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

/// Around data that is JSON already: an element of a batch. It has no query, or a long one would come 5,000 times.
pub(crate) fn around(event_type: &str, at: Timestamp, data: &str) -> Envelope {
    enclose(event_type, at, None, data)
}

/// `query` and `data` are JSON already; `event_type` needs no escape.
fn enclose(event_type: &str, at: Timestamp, query: Option<&str>, data: &str) -> Envelope {
    let timestamp = at.to_string();
    let query_len = query.map_or(0, str::len);
    let mut out = Vec::with_capacity(event_type.len() + timestamp.len() + query_len + data.len() + 50);
    for part in [r#"{"type":""#, event_type, r#"","timestamp":""#, &timestamp, "\""] {
        out.extend_from_slice(part.as_bytes());
    }
    for part in query.map(|query| [r#","query":"#, query]).into_iter().flatten() {
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(br#","data":"#);
    let from = out.len();
    out.extend_from_slice(data.as_bytes());
    let to = out.len();
    out.push(b'}');
    let body_at = u32::try_from(from).ok().zip(u32::try_from(to).ok()).map(|(from, to)| from..to);
    Envelope { payload: Bytes::from(out), body_at }
}

/// Around a whole request.
pub(crate) fn of(event_type: &str, seen: &Seen<'_>) -> Envelope {
    let query = seen.query().and_then(|query| object(query.as_bytes())).filter(|query| query != "{}");
    let wrapped = match seen.content() {
        Content::Json(text) if pointer::find(text, &[]).is_some() => {
            return enclose(event_type, seen.at, query.as_deref(), text);
        }
        Content::Empty => return data_alone(event_type, seen, query.as_deref().unwrap_or("{}")),
        Content::Form(pairs) => object(pairs).unwrap_or_else(|| other(seen)),
        Content::Json(_) | Content::Other => other(seen),
    };
    Envelope { body_at: None, ..enclose(event_type, seen.at, query.as_deref(), &wrapped) }
}

/// Around data that isn't the body.
fn data_alone(event_type: &str, seen: &Seen<'_>, data: &str) -> Envelope {
    Envelope { body_at: None, ..around(event_type, seen.at, data) }
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
        check("?", "application/x-www-form-urlencoded", b"a=1&a=2", json!({"a": ["1", "2"]}));
        check("?&&", "application/x-www-form-urlencoded", br#"{"a":[1]}"#, json!({"a": [1]}));
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

    #[test]
    fn a_query_beside_a_body_comes_before_the_data() {
        let form = [("content-type", &b"application/x-www-form-urlencoded"[..])];
        for (headers, body, data) in [
            (&[][..], &br#"{"a": 1}"#[..], r#"{"a": 1}"#),
            (&form, b"[1]", "[1]"),
            (&form, b"a=1", r#"{"a":"1"}"#),
            (&[], b"text", r#"{"contentType":null,"body":"text"}"#),
        ] {
            let body = Bytes::from_static(body);
            let envelope = of("t", &seen("/x?q=1&q=%22&r", headers, &body));
            let start = r#"{"type":"t","timestamp":"2026-11-21T07:44:00.123Z","query":{"q":["1","\""],"r":""},"data":"#;
            let got: Value = serde_json::from_slice(&envelope.payload).unwrap();
            assert_eq!(got["data"], serde_json::from_str::<Value>(data).unwrap());
            assert!(envelope.payload.starts_with(start.as_bytes()), "{envelope:?}", envelope = envelope.payload);
            if let Some(at) = envelope.body_at {
                assert_eq!(envelope.payload.slice(at.start as usize..at.end as usize), body);
            }
        }
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
