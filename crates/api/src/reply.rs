//! A finished answer: status and body, before it becomes an HTTP response.
//!
//! **Invariant:** plain data, so that idempotency can keep one and give it again; only a stream (a file, or events), which
//! answers a GET, is not.

use axum::body::Body;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, RETRY_AFTER,
};
use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;

#[derive(Debug, PartialEq, Eq)]
enum Content {
    Json,
    Text,
    /// To be saved under this name, never shown: a stranger wrote what is in it.
    File {
        kind: &'static str,
        name: String,
    },
    Events,
    /// An image of our own making, to be shown.
    Image(&'static str),
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub status: StatusCode,
    pub body: Bytes,
    pub retry_after_s: Option<u64>,
    /// An earlier request's answer, given again: nothing was done now.
    pub repeated: bool,
    content: Content,
    /// Holds a secret: no cache may keep it.
    secret: bool,
    /// What `If-None-Match` may say of it.
    tag: Option<HeaderValue>,
    /// Instead of `body`.
    stream: Option<Body>,
}

const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const NOSNIFF: HeaderName = HeaderName::from_static("x-content-type-options");

impl Reply {
    /// JSON that is already written.
    pub fn raw(status: StatusCode, body: Bytes) -> Self {
        Reply {
            status,
            body,
            retry_after_s: None,
            repeated: false,
            content: Content::Json,
            secret: false,
            tag: None,
            stream: None,
        }
    }
    pub fn json<T: Serialize>(status: StatusCode, body: &T) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => Self::raw(status, body.into()),
            // Our wire types have string keys and no failing fields.
            Err(cause) => {
                tracing::error!(%cause, "an answer could not be written as JSON");
                let body = Bytes::from_static(br#"{"code":"server_error","detail":"The server failed"}"#);
                Self::raw(StatusCode::INTERNAL_SERVER_ERROR, body)
            }
        }
    }
    pub fn ok<T: Serialize>(body: &T) -> Self {
        Self::json(StatusCode::OK, body)
    }
    /// 201 when it was made, 200 when it was there.
    pub fn created<T: Serialize>(is_new: bool, body: &T) -> Self {
        Self::json(if is_new { StatusCode::CREATED } else { StatusCode::OK }, body)
    }
    pub fn no_content() -> Self {
        Self::raw(StatusCode::NO_CONTENT, Bytes::new())
    }
    pub fn text(body: String) -> Self {
        Reply { content: Content::Text, ..Self::raw(StatusCode::OK, body.into()) }
    }
    /// Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>), as they come.
    pub fn events(body: Body) -> Self {
        let empty = Self::raw(StatusCode::OK, Bytes::new());
        Reply { content: Content::Events, stream: Some(body), secret: true, ..empty }
    }
    /// A file; `name` has letters, digits, `_`, `-` and `.` only.
    pub fn file(kind: &'static str, name: String, body: Bytes) -> Self {
        Reply { content: Content::File { kind, name }, secret: true, ..Self::raw(StatusCode::OK, body) }
    }
    /// An image; nothing in it is a stranger's.
    pub fn image(kind: &'static str, body: Vec<u8>) -> Self {
        Reply { content: Content::Image(kind), ..Self::raw(StatusCode::OK, body.into()) }
    }
    /// A file that is made while it is sent.
    pub fn streamed(kind: &'static str, name: String, body: Body) -> Self {
        Reply { stream: Some(body), ..Self::file(kind, name, Bytes::new()) }
    }
    /// JSON that changes with the program only: who has it already (`If-None-Match`, RFC 9110, 13.1.2) is told so.
    pub fn tagged(body: Bytes, tag: &str, asked: &HeaderMap) -> Self {
        let known = asked.get_all(IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
        let is_known = known.flat_map(|list| list.split(',')).any(|one| {
            let one = one.trim();
            one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
        });
        let reply = match is_known {
            true => Self::raw(StatusCode::NOT_MODIFIED, Bytes::new()),
            false => Self::raw(StatusCode::OK, body),
        };
        Reply { tag: HeaderValue::try_from(tag).ok(), ..reply }
    }
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    pub fn into_response(self) -> Response<Body> {
        let is_empty = self.body.is_empty() && self.stream.is_none() && !matches!(self.content, Content::File { .. });
        let mut response = Response::new(self.stream.unwrap_or_else(|| Body::from(self.body)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if !is_empty {
            let kind = match &self.content {
                Content::Json => "application/json",
                Content::Text => "text/plain; version=0.0.4; charset=utf-8",
                Content::Events => "text/event-stream",
                Content::File { kind, .. } | Content::Image(kind) => kind,
            };
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            headers.insert(NOSNIFF, HeaderValue::from_static("nosniff"));
        }
        if self.content == Content::Events {
            // nginx holds answers back otherwise.
            headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
        }
        if let Content::File { name, .. } = &self.content
            && let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\""))
        {
            headers.insert(CONTENT_DISPOSITION, value);
        }
        if let Some(tag) = self.tag {
            headers.insert(ETAG, tag);
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        if self.secret {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
