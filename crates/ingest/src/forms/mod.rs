//! Forms: what becomes of a submission.
//!
//! **Invariant:** a submission is on disk before it is answered; what is refused says which field and why.

use crate::ingest::Ingest;
use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use std::net::IpAddr;

impl Ingest {
    /// Answers a request to `/f/{token}`, or to `/f/file/{file}` for a file of a submission.
    pub(crate) async fn form<B: Body<Data = Bytes> + Unpin>(
        &self,
        _parts: &Parts,
        _body: B,
        _peer: IpAddr,
    ) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    }
}
