//! Where receiving meets the rest: the API's door to `ingest`, the client by which `ingest` fetches documents, and the way
//! of deliveries to bins of this server.
//!
//! **Invariant:** what `ingest` fetches goes through the guarded courier. What is handed over in-process ends in a bin that
//! makes no messages: nothing goes round in circles.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use api::BoxFuture;
use bytes::Bytes;
use domain::SourceRoute;
use egress::{Courier, Delivering};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Request, Response};
use ingest::{Fetch, Ingest};
use store::{CapturedRequest, InboundEvent, Store};

/// A certificate or a key set is a few kilobytes.
const DOCUMENT_BYTES_MAX: usize = 256 << 10;
const DOCUMENT_PATIENCE: Duration = Duration::from_secs(10);

/// `ingest`, as the API's server and handlers know it.
pub struct Door(pub Arc<Ingest>);

impl api::Inbound for Door {
    fn at_once(&self, parts: &Parts, peer: SocketAddr) -> Option<Response<api::Body>> {
        // Redirects are the only ones that come in tens of thousands a second.
        if !parts.uri.path().starts_with("/l/") {
            return None;
        }
        Some(self.0.redirect_at_once(parts, peer.ip())?.map(api::Body::new))
    }
    fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> BoxFuture<Response<api::Body>> {
        let ingest = self.0.clone();
        Box::pin(async move { ingest.answer(request, peer).await.map(api::Body::new) })
    }
    fn hand_over(&self, request: Request<Full<Bytes>>, peer: SocketAddr) -> BoxFuture<Response<api::Body>> {
        let ingest = self.0.clone();
        Box::pin(async move { ingest.answer(request, peer).await.map(api::Body::new) })
    }
    fn events(&self, source: &Arc<SourceRoute>, request: &CapturedRequest) -> Result<Vec<InboundEvent>, String> {
        self.0.events(source, request)
    }
    fn nudge(&self) {
        self.0.nudge();
    }
}

/// Fetches by the courier's rules.
pub struct Fetcher(pub Courier);

impl Fetch for Fetcher {
    fn get(&self, url: &str) -> Pin<Box<dyn Future<Output = Result<Bytes, String>> + Send + '_>> {
        let url = url.to_owned();
        Box::pin(
            async move { self.0.get(&url, DOCUMENT_BYTES_MAX, DOCUMENT_PATIENCE).await.map_err(|e| e.to_string()) },
        )
    }
}

/// Bins of this server, as the courier delivers to them: without a connection, so that a private address needs no exception
/// in the guard.
#[derive(Default)]
pub struct OwnBins(OnceLock<(Store, Weak<Ingest>)>);

impl OwnBins {
    /// Before it, deliveries find no bin.
    pub fn open(&self, store: Store, ingest: &Arc<Ingest>) {
        let _ = self.0.set((store, Arc::downgrade(ingest)));
    }

    /// A bin that only keeps what it gets. What forwards could send it round in circles.
    async fn take(&self, token: &str, request: Request<Full<Bytes>>) -> Option<Response<Full<Bytes>>> {
        let (store, ingest) = self.0.get()?;
        let route = match store.source_route_cached(token) {
            Some(route) => route,
            None => store.source_route(token).await.ok().flatten()?,
        };
        if !route.is_bin || route.forwards {
            return None;
        }
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Some(ingest.upgrade()?.answer(request, peer).await)
    }
}

impl egress::Inbox for OwnBins {
    fn deliver(&self, token: &str, request: Request<Full<Bytes>>) -> Delivering<'_> {
        let token = token.to_owned();
        Box::pin(async move { self.take(&token, request).await })
    }
}
