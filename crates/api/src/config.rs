//! What the API is told at the start.
//!
//! **Invariant:** read once in `app`; nothing here reads the environment.

use crate::auth::JwtKeys;
use axum::body::Body;
use bytes::Bytes;
use domain::SourceRoute;
use domain::target::TargetRules;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use ipnet::IpNet;
use signing::{SecretBox, SignatureType};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use store::{CapturedRequest, InboundEvent};

/// Settings of the API. Each limit is a setting.
#[derive(Clone)]
pub struct ApiConfig {
    /// Keys that check (and make) tokens.
    pub jwt: Arc<JwtKeys>,
    /// Origins that browsers may call from; `*` is any. Empty allows none.
    pub cors: Vec<String>,
    /// Where this server is reached from outside, for portal links: `https://hooks.example.com`.
    pub public_url: Option<String>,
    /// Whose `X-Forwarded-For` is believed, for the audit log.
    pub trusted_proxies: Vec<IpNet>,
    /// Bytes of one message's payload at most.
    pub payload_limit: usize,
    /// Bytes of one request's body at most.
    pub request_body_limit: usize,
    /// Bytes of the file of an import at most. It is never in memory as a whole.
    pub import_body_limit: u64,
    /// Bytes of one file of a form's submission at most: no form may ask for more.
    pub form_file_limit: u64,
    /// How new endpoints sign when no secret is given.
    pub default_signature_type: SignatureType,
    /// Which URLs an endpoint may have.
    pub target_rules: TargetRules,
    /// Seals endpoint secrets and custom headers.
    pub secret_box: Arc<SecretBox>,
    /// Prometheus text of the other crates, appended to `/metrics`.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    pub limits: ServerLimits,
    /// Answers requests to `/in/`, `/l/`, `/c/` and `/f/`; `None` where nothing is received.
    pub inbound: Option<Arc<dyn Inbound>>,
}

/// The inbound data plane, as the HTTP server and the API's handlers see it.
pub trait Inbound: Send + Sync {
    /// Answers a request that needs neither its body nor any waiting, without the cost of a future; `None` leaves it to
    /// [`Inbound::answer`].
    fn at_once(&self, _parts: &Parts, _peer: SocketAddr) -> Option<Response<Body>> {
        None
    }
    /// Answers a request to `/in/...`, `/l/...`, `/c/...` or `/f/...`. `peer` is the other end of the connection.
    fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> BoxFuture<Response<Body>>;
    /// The same for a request that this process made itself: nothing is dialled.
    fn hand_over(&self, request: Request<Full<Bytes>>, peer: SocketAddr) -> BoxFuture<Response<Body>>;
    /// The events that a captured request stands for (its body must be there), for accepting or replaying it by hand.
    /// The text says why there are none.
    fn events(&self, source: &Arc<SourceRoute>, request: &CapturedRequest) -> Result<Vec<InboundEvent>, String>;
    /// A source went live: requests that it held may be there to be accepted.
    fn nudge(&self) {}
}

pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Limits of the HTTP server.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Connections at most; more wait in the listener's queue.
    pub max_connections: usize,
    /// Until a request's head is complete; an idle connection is closed after it too.
    pub header_read_timeout: Duration,
    /// Until a request's body is complete; between two pieces of an import's.
    pub body_read_timeout: Duration,
    /// How long a request waits for an earlier one with its idempotency key.
    pub idempotency_wait: Duration,
    /// Headers of a request at most.
    pub max_headers: usize,
    /// Bytes of a request's headers at most.
    pub max_header_bytes: usize,
    /// The same for requests to sources, where that is more: `inbound` refuses what is beyond.
    pub inbound_headers: usize,
    pub inbound_header_bytes: usize,
    /// After the shutdown signal, how long requests in flight may take.
    pub drain_timeout: Duration,
    /// A connection whose peer takes nothing of what is written to it for this long is closed.
    pub write_timeout: Duration,
    /// Streams and long polls at most; more are refused with 503.
    pub max_streams: usize,
    /// Frames a second that all streams together are given (a row for one viewer is one; see `live`).
    pub live_rows_per_second: u32,
    /// A stream on which nothing happens gets a comment this often.
    pub stream_heartbeat: Duration,
    /// Streams and long polls look for news this often, told of any or not.
    pub stream_poll: Duration,
    /// Imports under way at most; more are refused with 503. Each takes a few MB.
    pub max_imports: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        ServerLimits {
            max_connections: 10_000,
            header_read_timeout: Duration::from_secs(30),
            body_read_timeout: Duration::from_secs(30),
            idempotency_wait: Duration::from_secs(10),
            max_headers: 100,
            max_header_bytes: 32 * 1024,
            inbound_headers: 200,
            inbound_header_bytes: 64 * 1024,
            drain_timeout: Duration::from_secs(20),
            write_timeout: Duration::from_secs(60),
            max_streams: 5_000,
            live_rows_per_second: 5_000,
            stream_heartbeat: Duration::from_secs(15),
            stream_poll: Duration::from_secs(5),
            max_imports: 16,
        }
    }
}

/// Bytes of a payload at most, unless set.
pub const PAYLOAD_LIMIT_DEFAULT: usize = 1024 * 1024;
/// Bytes of a request's body at most, unless set.
pub const REQUEST_BODY_LIMIT_DEFAULT: usize = 4 * 1024 * 1024;
/// Bytes of an import's file at most, unless set.
pub const IMPORT_BODY_LIMIT_DEFAULT: u64 = 4 << 30;
/// Bytes of a form's file at most, unless set.
pub const FORM_FILE_LIMIT_DEFAULT: u64 = 10 * 1024 * 1024;
