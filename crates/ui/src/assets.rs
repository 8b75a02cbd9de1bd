//! The files that pages load: embedded, compressed at the build, kept by browsers for ever.
//!
//! One hash of all of them is part of each URL, so that relative imports between modules work and a new version of any file is a
//! new URL. **Invariant:** only the current hash is answered.

use crate::reply::Reply;
use axum::body::Body;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

pub(crate) struct Asset {
    pub name: &'static str,
    pub kind: &'static str,
    pub plain: &'static [u8],
    /// Brotli (RFC 7932).
    pub packed: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Where a file of `assets/` is found.
pub(crate) fn url(name: &str) -> String {
    format!("/assets/{HASH}/{name}")
}

pub(crate) fn answer(hash: &str, name: &str, headers: &HeaderMap) -> Response<Body> {
    let found = ASSETS.iter().find(|asset| hash == HASH && asset.name == name);
    let Some(asset) = found else { return Reply::text(StatusCode::NOT_FOUND, "There is no such file").into_response() };
    let accepts = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    let packed = accepts.flat_map(|v| v.split(',')).any(|coding| coding.trim().split(';').next() == Some("br"));
    let mut response = Response::new(Body::from(Bytes::from_static(if packed { asset.packed } else { asset.plain })));
    let answer = response.headers_mut();
    answer.insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    answer.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    answer.insert(ETAG, HeaderValue::from_static(etag()));
    answer.insert(VARY, HeaderValue::from_static("accept-encoding"));
    answer.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    if packed {
        answer.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    response
}

/// Weak: both codings have it.
fn etag() -> &'static str {
    use std::sync::OnceLock;
    static TAG: OnceLock<String> = OnceLock::new();
    TAG.get_or_init(|| format!("W/\"{HASH}\""))
}
