//! Cross-origin access for browsers (Fetch standard): the portal's components call the API from other sites.
//!
//! **Invariant:** no credentials mode; a bearer token is the only way in, so any origin may be let in by default.

use crate::reply::Reply;
use axum::body::Body;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Response};

/// The value of `access-control-allow-origin` for a request, if its origin may read the answer.
pub(crate) fn allowed(origins: &[String], headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    if origins.iter().any(|o| o == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    origins.iter().any(|o| o.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}

pub(crate) fn apply(origin: Option<HeaderValue>, response: &mut Response<Body>) {
    let Some(origin) = origin else { return };
    let headers = response.headers_mut();
    if origin != "*" {
        headers.insert(VARY, HeaderValue::from_static("origin"));
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
}

/// The answer to a preflight request.
pub(crate) fn preflight(origins: &[String], request: &HeaderMap) -> Response<Body> {
    let mut response = Reply::no_content().into_response();
    let Some(origin) = allowed(origins, request) else { return response };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE"));
    // `*` would not cover `authorization`, so what was asked for is repeated.
    if let Some(asked) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    apply(Some(origin), &mut response);
    response
}
