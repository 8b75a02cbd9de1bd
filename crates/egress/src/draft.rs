//! The request of one attempt, made when it is sent: a connection that turns out to be closed needs it twice.
//!
//! **Invariant:** the same head each time; the body is shared, not copied.

use crate::exchange::RequestBody;
use crate::passage;
use crate::target::Wired;
use bytes::Bytes;
use domain::RequestHead;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::Full;

/// Names of the id, the timestamp and the signature, once or twice.
pub(crate) type SignatureNames = [Option<&'static [HeaderName; 3]>; 2];

/// A request that may have to be made twice.
pub(crate) struct Draft<'a> {
    pub(crate) wired: &'a Wired,
    pub(crate) names: SignatureNames,
    pub(crate) signature: [HeaderValue; 3],
    pub(crate) body: &'a Bytes,
    pub(crate) passage: Option<&'a RequestHead>,
}

impl Draft<'_> {
    pub(crate) fn request(&self) -> Request<RequestBody> {
        self.with_uri(self.wired.uri.clone())
    }
    pub(crate) fn request_http2(&self) -> Request<RequestBody> {
        let mut request = self.with_uri(self.wired.uri_http2.clone());
        request.headers_mut().remove(header::HOST);
        request
    }
    fn with_uri(&self, uri: Uri) -> Request<RequestBody> {
        let mut request = Request::new(Full::new(self.body.clone()));
        let (method, uri, mut headers) = match self.passage {
            None => (Method::POST, uri, self.wired.headers.clone()),
            Some(head) => (
                passage::method(head),
                // What came as a query is one; the endpoint's own is better than none.
                passage::uri(&uri, head).unwrap_or(uri),
                passage::headers(head, &self.wired.headers),
            ),
        };
        for names in self.names.into_iter().flatten() {
            for (name, value) in names.iter().zip(&self.signature) {
                headers.insert(name, value.clone());
            }
        }
        if self.body.is_empty() && method == Method::POST {
            // RFC 9110, section 8.6: a POST says so; hyper writes the length of other bodies by itself.
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        request
    }
}
