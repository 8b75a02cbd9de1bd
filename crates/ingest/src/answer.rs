//! The answers to inbound requests.
//!
//! **Invariant:** a body never acts on the installation's own pages: no sniffing, no scripts, no cookies, whatever a
//! source's owner or a sender would like to have in it.

use crate::problem::Problem;
use bytes::Bytes;
use domain::{ResponseOptions, is_answer_header};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue};
use http::header::{RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use http_body_util::Full;
use signing::providers::handshake::Reply;

const REQUEST_ID: HeaderName = HeaderName::from_static("postrider-request-id");

/// Status, headers and body, before they become a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Answer {
    pub fn empty(status: u16) -> Self {
        Answer { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// What a source answers to what it accepts: what its owner wants, else what the provider expects.
    pub fn accepted(options: &ResponseOptions, expected: Option<Reply>) -> Self {
        let expected = expected.map_or_else(|| Answer::empty(200), Answer::from);
        let headers = options.headers.iter().filter_map(|(name, value)| header(name, value));
        let mut headers: Vec<_> = headers.collect();
        let status = options.status.filter(|status| (200..=599).contains(status)).unwrap_or(expected.status);
        let Some(text) = &options.body else {
            headers.extend(expected.headers);
            return Answer { status, headers, body: expected.body };
        };
        if !headers.iter().any(|(name, _)| name == CONTENT_TYPE) && !text.is_empty() {
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
            headers.push((CONTENT_TYPE, HeaderValue::from_static(kind)));
        }
        Answer { status, headers, body: Bytes::copy_from_slice(text.as_bytes()) }
    }

    /// A page for people. Nothing of a request is in it.
    pub fn page(status: u16, html: &'static str) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
        Answer { status, headers, body: Bytes::from_static(html.as_bytes()) }
    }

    pub fn with_status(self, status: u16) -> Self {
        Answer { status, ..self }
    }
    pub fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }

    /// `id` is the text of the stored request's id.
    pub fn into_response(self, id: Option<&str>) -> Response<Full<Bytes>> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let has_no_body = matches!(self.status, 100..=199 | 204 | 205 | 304);
        let is_empty = has_no_body || self.body.is_empty();
        let mut response = Response::new(Full::new(if has_no_body { Bytes::new() } else { self.body }));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.reserve(5);
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        if !is_empty {
            headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(id) = id.and_then(|id| HeaderValue::from_str(id).ok()) {
            headers.insert(REQUEST_ID, id);
        }
        response
    }
}

/// A header that may be set: legal, and not our own.
fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    let value = HeaderValue::from_str(value).ok()?;
    is_answer_header(name.as_str()).then_some((name, value))
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        let headers = reply.headers.iter().filter_map(|(name, value)| header(name, value)).collect();
        Answer { status: reply.status, headers, body: reply.body.into() }
    }
}

impl From<&Problem> for Answer {
    fn from(problem: &Problem) -> Self {
        let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        headers.extend(problem.retry_after_s.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
        Answer { status: problem.status, headers, body: problem.body() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn options(status: Option<u16>, body: Option<&str>, headers: &[(&str, &str)]) -> ResponseOptions {
        let headers: BTreeMap<_, _> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        ResponseOptions { status, body: body.map(str::to_owned), headers }
    }

    #[test]
    fn an_answer_is_what_the_owner_wants_else_what_the_provider_expects() {
        assert_eq!(Answer::accepted(&ResponseOptions::default(), None), Answer::empty(200));
        let adyen = || Some(Reply { status: 200, headers: vec![], body: b"[accepted]".to_vec() });
        assert_eq!(Answer::accepted(&ResponseOptions::default(), adyen()).body, "[accepted]");
        let made = Answer::accepted(&options(Some(202), Some("{\"ok\":true}"), &[("X-A", "b")]), adyen());
        let response = made.into_response(Some("req_1"));
        assert_eq!(response.status(), 202);
        let names = ["x-a", "content-type", "x-content-type-options", "content-security-policy", "cache-control"];
        let values = names.map(|name| response.headers()[name].to_str().unwrap().to_owned());
        assert_eq!(values, ["b", "application/json", "nosniff", "sandbox", "no-store"]);
        assert_eq!(response.headers()["postrider-request-id"], "req_1");
    }

    #[test]
    fn what_is_illegal_or_reserved_is_dropped() {
        let bad = [
            ("Set-Cookie", "a=b"),
            ("Content-Length", "7"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Security-Policy", "default-src *"),
            ("x y", "z"),
            ("x-crlf", "a\r\nset-cookie: b=c"),
        ];
        let response = Answer::accepted(&options(Some(99), Some(""), &bad), None).into_response(None);
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers().len(), 1, "an empty body needs no guard");
        let response = Answer::accepted(&options(Some(99), Some("text"), &bad), None).into_response(None);
        assert_eq!(response.headers().len(), 4);
        assert_eq!(response.headers()["content-security-policy"], "sandbox");
    }

    #[test]
    fn a_header_that_the_api_takes_is_sent_and_no_other() {
        let names =
            ["access-control-allow-origin", "content-type", "etag", "link", "location", "retry-after", "server"];
        for name in names.into_iter().chain(domain::ANSWER_HEADERS_OWNED) {
            let response = Answer::accepted(&options(None, None, &[(name, "own")]), None).into_response(None);
            assert_eq!(response.headers().get(name).is_some_and(|v| v == "own"), is_answer_header(name), "{name}");
        }
    }

    #[test]
    fn a_status_without_a_body_has_none() {
        let response = Answer::accepted(&options(Some(204), Some("text"), &[]), None).into_response(None);
        assert_eq!(http_body::Body::size_hint(response.body()).exact(), Some(0));
    }
}
