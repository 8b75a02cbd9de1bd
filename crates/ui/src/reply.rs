//! A finished page, redirect or file.
//!
//! **Invariant:** nothing that a page shows is kept by a cache.

use crate::fault::Fault;
use crate::view::frame::Undo;
use askama::Template;
use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use std::fmt::Write as _;

pub(crate) struct Reply(Response<Body>);

/// Bytes of a notice at most: it travels in a cookie.
const NOTICE_MAX: usize = 1000;

impl Reply {
    pub fn page(template: &impl Template) -> Result<Self, Fault> {
        Ok(Self::html(StatusCode::OK, template.render()?))
    }
    /// A page that says that something was wrong with the form.
    pub fn page_with(status: StatusCode, template: &impl Template) -> Result<Self, Fault> {
        Ok(Self::html(status, template.render()?))
    }
    pub fn html(status: StatusCode, text: String) -> Self {
        Self::of(status, "text/html; charset=utf-8", text)
    }
    pub fn text(status: StatusCode, text: impl Into<String>) -> Self {
        Self::of(status, "text/plain; charset=utf-8", text.into())
    }
    pub fn json(value: &serde_json::Value) -> Self {
        Self::of(StatusCode::OK, "application/json", value.to_string())
    }
    /// Text of another kind, never kept by a cache.
    pub fn file(kind: &'static str, text: String) -> Self {
        Self::of(StatusCode::OK, kind, text)
    }
    fn of(status: StatusCode, kind: &'static str, body: String) -> Self {
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Reply(response)
    }
    /// 303: after a form was taken, GET this instead. A path of ours.
    pub fn see(location: &str) -> Self {
        let mut reply = Self::text(StatusCode::SEE_OTHER, "");
        let value = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static("/"));
        reply.0.headers_mut().insert(LOCATION, value);
        reply
    }
    /// What the API answered, as it is: files, images, streams.
    pub fn passed(response: Response<Body>) -> Self {
        Reply(response)
    }
    /// Shown once, on top of the next page.
    pub fn notice(self, text: &str) -> Self {
        self.cookie("notice", &coded(text), 60, true)
    }
    /// Beside the notice, a button that takes it back: it submits this form of ours, with one field, or none.
    pub fn undo(self, path: &str, name: &str, value: &str) -> Self {
        let undo = Undo { path: path.to_owned(), name: name.to_owned(), value: value.to_owned() };
        self.cookie("undo", &coded(&undo.text()), 60, true)
    }
    /// A page that showed the notice shows it no more; what isn't a whole page leaves it for one.
    pub fn noticed(self) -> Self {
        let headers = self.0.headers();
        let is_page = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        if !is_page || headers.contains_key(SET_COOKIE) {
            return self;
        }
        self.cookie("notice", "", 0, true).cookie("undo", "", 0, true)
    }
    /// A cookie for `seconds`; 0 deletes it. `value` has no characters that a cookie can't have (RFC 6265).
    pub fn cookie(self, name: &str, value: &str, seconds: u64, http_only: bool) -> Self {
        let guard = if http_only { "; HttpOnly" } else { "" };
        self.append(SET_COOKIE, &format!("{name}={value}; Path=/; Max-Age={seconds}; SameSite=Lax{guard}"))
    }
    pub fn append(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().append(name, value);
        }
        self
    }
    pub fn status(mut self, status: StatusCode) -> Self {
        *self.0.status_mut() = status;
        self
    }
    pub fn into_response(self) -> Response<Body> {
        self.0
    }
}

/// A cookie's value may have letters, digits and little else.
fn coded(text: &str) -> String {
    let mut value = String::new();
    for byte in text.bytes().take(NOTICE_MAX) {
        let _ = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => write!(value, "{}", char::from(byte)),
            _ => write!(value, "%{byte:02X}"),
        };
    }
    value
}

/// The text of a notice's cookie.
pub(crate) fn read_notice(value: &str) -> Option<String> {
    let query = format!("n={}", value.replace('+', "%2B"));
    let (_, text) = url::form_urlencoded::parse(query.as_bytes()).next()?;
    (!text.is_empty()).then(|| text.into_owned())
}
