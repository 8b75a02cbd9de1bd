//! Links: redirects, their clicks, and conversions by pixel.
//!
//! **Invariant:** a redirect waits for one look-up, never for the disk; it leads where the link's owner said, and nowhere
//! else.

use crate::ingest::Ingest;
use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::Full;
use std::net::IpAddr;

impl Ingest {
    /// Answers a request to `/l/{slug}`.
    pub(crate) async fn redirect(&self, _parts: &Parts, _peer: IpAddr) -> Response<Full<Bytes>> {
        unbuilt()
    }
    /// Answers a request to `/c/{click}.gif`: the pixel of a conversion.
    pub(crate) async fn pixel(&self, _parts: &Parts, _peer: IpAddr) -> Response<Full<Bytes>> {
        unbuilt()
    }
}

fn unbuilt() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
