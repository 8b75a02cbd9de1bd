//! A captured request on the wire, in lists, single, in exports and in streams.
//!
//! **Invariant:** whatever a stranger sent, this is valid JSON: bytes that aren't UTF-8 are replaced in headers, and
//! written as base64 in the body.

use super::{multipart, time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::IdCodec;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use store::{CapturedRequest, Verdict, VerdictKind};

/// Names to values, in order of arrival for each name.
pub(crate) type Values<'a> = BTreeMap<Cow<'a, str>, Vec<Cow<'a, str>>>;

/// One captured request. Absent fields are left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestOut<'a> {
    pub id: String,
    pub source_id: String,
    /// When it arrived.
    pub timestamp: String,
    pub method: &'a str,
    /// What followed the source's token, raw: empty, or beginning with a slash.
    pub path: &'a str,
    /// Raw, without the question mark; empty when there was none.
    pub query: &'a str,
    pub query_params: Values<'a>,
    pub remote_address: String,
    /// In order, names in lower case.
    pub headers: Vec<(&'a str, Cow<'a, str>)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<Cow<'a, str>>,
    pub verdict: &'static str,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// The status that it was answered with.
    pub status: u16,
    /// Copies that came later.
    pub duplicates: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<&'a str>,
    /// The first message made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    pub messages: u32,
    /// Bytes of the whole body.
    pub body_length: u32,
    #[serde(flatten)]
    pub body: BodyOut<'a>,
}

/// The body, as far as it is shown.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BodyOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<&'a str>,
    /// Instead of `body`, where that isn't UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
    /// `body` or `body_base64` is only the beginning.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub body_truncated: bool,
    /// The fields of a urlencoded form that is there whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Values<'a>>,
    /// What a multipart form that is there whole is made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<multipart::Part>>,
}

/// A request's wire form, with at most `body_max` bytes of its body.
pub(crate) fn request_out<'a>(
    codec: &IdCodec,
    request: &'a CapturedRequest,
    body_max: Option<usize>,
) -> RequestOut<'a> {
    let head = &request.head;
    let query = head.query().unwrap_or_default();
    let content_type = head.header("content-type").map(String::from_utf8_lossy);
    let body = request.body.as_deref().map(|body| body_out(body, content_type.as_deref(), body_max));
    RequestOut {
        id: codec.text(request.id),
        source_id: codec.text(request.source),
        timestamp: time::text(request.id.created_at()),
        method: head.method(),
        path: head.target().split_once('?').map_or(head.target(), |(path, _)| path),
        query,
        query_params: pairs(query.as_bytes()),
        remote_address: head.remote().to_string(),
        headers: head.headers().map(|(name, value)| (name, String::from_utf8_lossy(value))).collect(),
        content_type,
        verdict: verdict_text(request.verdict.kind()),
        reason: match &request.verdict {
            Verdict::Refused(reason) => Some(reason),
            _ => None,
        },
        status: request.status,
        duplicates: request.duplicates,
        event_type: request.event_type.as_deref(),
        message_id: request.message.map(|id| codec.text(id)),
        messages: request.messages,
        body_length: request.body_len,
        body: body.unwrap_or_default(),
    }
}

fn body_out<'a>(body: &'a [u8], content_type: Option<&str>, max: Option<usize>) -> BodyOut<'a> {
    let max = max.unwrap_or(usize::MAX);
    let mut out = BodyOut { body_truncated: body.len() > max, ..BodyOut::default() };
    match std::str::from_utf8(body) {
        Ok(text) => out.body = text.get(..text.floor_char_boundary(max)),
        Err(_) => out.body_base64 = Some(STANDARD.encode(body.get(..max).unwrap_or(body))),
    }
    // A form with its end cut off would show wrong values.
    if !out.body_truncated {
        let content_type = content_type.unwrap_or_default();
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            out.form = Some(pairs(body));
        } else if kind.eq_ignore_ascii_case("multipart/form-data") {
            out.parts = multipart::parts(content_type, body);
        }
    }
    out
}

/// The pairs of a query or a urlencoded form.
fn pairs(raw: &[u8]) -> Values<'_> {
    let mut out = Values::new();
    for (name, value) in url::form_urlencoded::parse(raw) {
        out.entry(name).or_default().push(value);
    }
    out
}

const VERDICTS: [(VerdictKind, &str); 5] = [
    (VerdictKind::Accepted, "accepted"),
    (VerdictKind::Held, "held"),
    (VerdictKind::Refused, "refused"),
    (VerdictKind::Handshake, "handshake"),
    (VerdictKind::Captured, "captured"),
];

pub(crate) fn verdict_text(kind: VerdictKind) -> &'static str {
    VERDICTS.iter().find(|(k, _)| *k == kind).map_or("", |(_, text)| text)
}

pub(crate) fn verdict_of(text: &str) -> Option<VerdictKind> {
    VERDICTS.iter().find(|(_, t)| *t == text).map(|(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use domain::{MessageId, RequestHead, RequestId, SourceId};
    use serde_json::{Value, json};

    fn captured(target: &str, headers: &[(&str, &[u8])], body: &[u8]) -> CapturedRequest {
        let remote = "2001:db8::1".parse().unwrap();
        CapturedRequest {
            id: RequestId(7 << 40),
            source: SourceId(6 << 40),
            head: RequestHead::new("POST", target, remote, true, headers.iter().copied()).unwrap(),
            verdict: Verdict::Refused("the header `x` is missing".into()),
            status: 401,
            duplicates: 2,
            event_type: Some("push".into()),
            message: Some(MessageId(8 << 40)),
            messages: 1,
            body_len: u32::try_from(body.len()).unwrap(),
            body: Some(Bytes::copy_from_slice(body)),
        }
    }

    fn out(request: &CapturedRequest, max: Option<usize>) -> Value {
        serde_json::to_value(request_out(&IdCodec::new([1; 16]), request, max)).unwrap()
    }

    #[test]
    fn a_request_shows_everything_that_came() {
        let headers: [(&str, &[u8]); 3] = [("x-b", b"1"), ("x-a", b"\xff2"), ("x-b", b"3")];
        let v = out(&captured("/sub/%41?a=1&b=%20&a=2", &headers, "{\"ü\":1}".as_bytes()), None);
        let codec = IdCodec::new([1; 16]);
        assert_eq!(v["id"], codec.text(RequestId(7 << 40)));
        assert_eq!(v["sourceId"], codec.text(SourceId(6 << 40)));
        assert_eq!(v["messageId"], codec.text(MessageId(8 << 40)));
        assert_eq!(v["timestamp"], time::text(RequestId(7 << 40).created_at()));
        assert_eq!((&v["method"], &v["path"]), (&json!("POST"), &json!("/sub/%41")));
        assert_eq!(v["query"], "a=1&b=%20&a=2");
        assert_eq!(v["queryParams"], json!({"a": ["1", "2"], "b": [" "]}));
        assert_eq!(v["remoteAddress"], "2001:db8::1");
        assert_eq!(v["headers"], json!([["x-b", "1"], ["x-a", "\u{fffd}2"], ["x-b", "3"]]));
        assert_eq!((&v["verdict"], &v["reason"]), (&json!("refused"), &json!("the header `x` is missing")));
        assert_eq!((&v["status"], &v["duplicates"], &v["messages"]), (&json!(401), &json!(2), &json!(1)));
        assert_eq!((&v["eventType"], &v["body"], &v["bodyLength"]), (&json!("push"), &json!("{\"ü\":1}"), &json!(8)));
        for absent in ["contentType", "bodyBase64", "bodyTruncated", "form", "parts"] {
            assert!(v.get(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn a_body_that_is_not_text_is_base64_and_a_long_one_is_cut_between_characters() {
        let v = out(&captured("", &[], b"\xff\x00\x01"), None);
        assert_eq!((v.get("body"), &v["bodyBase64"]), (None, &json!("/wAB")));
        let v = out(&captured("", &[], b"\xff\x00\x01"), Some(2));
        assert_eq!((&v["bodyBase64"], &v["bodyTruncated"]), (&json!("/wA="), &json!(true)));
        let v = out(&captured("", &[], "aüb".as_bytes()), Some(2));
        assert_eq!((&v["body"], &v["bodyTruncated"], &v["bodyLength"]), (&json!("a"), &json!(true), &json!(4)));
        let v = out(&captured("", &[], b"abc"), Some(3));
        assert_eq!((&v["body"], v.get("bodyTruncated")), (&json!("abc"), None));
    }

    #[test]
    fn a_form_is_read_unless_its_end_was_cut_off() {
        let kind: [(&str, &[u8]); 1] = [("content-type", b"Application/x-www-form-urlencoded; charset=utf-8")];
        let request = captured("", &kind, b"a=1&b=x+y&a=%C3%BC");
        let v = out(&request, None);
        assert_eq!(v["form"], json!({"a": ["1", "ü"], "b": ["x y"]}));
        assert_eq!(v["contentType"], "Application/x-www-form-urlencoded; charset=utf-8");
        assert_eq!(out(&request, Some(5)).get("form"), None);
    }

    #[test]
    fn a_request_without_its_body_has_no_body_fields() {
        let mut request = captured("", &[], b"abc");
        request.body = None;
        let v = out(&request, None);
        assert_eq!((v.get("body"), v.get("bodyBase64"), &v["bodyLength"]), (None, None, &json!(3)));
    }

    #[test]
    fn each_verdict_has_its_word() {
        for (kind, text) in VERDICTS {
            assert_eq!((verdict_text(kind), verdict_of(text)), (text, Some(kind)));
        }
        assert_eq!(verdict_of("Accepted"), None);
    }
}
