//! What an operator can set about outgoing requests.
//!
//! **Invariant:** plain values; `app` reads them from the configuration, nobody here reads the environment.

use crate::proxy::ProxyUrl;
use bytes::Bytes;
use domain::target::TargetRules;
use http::{Request, Response};
use http_body_util::Full;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// This server's own bins, which are delivered to without a connection.
pub trait Inbox: Send + Sync {
    /// Answers a request to the bin whose URL ends in `token`; `None` when there is none that may be reached this way.
    fn deliver(&self, token: &str, request: Request<Full<Bytes>>) -> Delivering<'_>;
}

pub type Delivering<'a> = Pin<Box<dyn Future<Output = Option<Response<Full<Bytes>>>> + Send + 'a>>;

/// Limits and habits of a [`Courier`](crate::Courier).
#[derive(Clone)]
pub struct CourierConfig {
    /// The whole attempt: from resolving to the verdict.
    pub request_timeout: Duration,
    /// Connecting and the TLS handshake together.
    pub connect_timeout: Duration,
    pub dns_timeout: Duration,
    /// The longest that a response's body is waited for once the verdict is known.
    pub body_timeout: Duration,
    /// Which URLs and addresses are allowed.
    pub rules: TargetRules,
    /// Offer HTTP/2 in ALPN. Off by default: HTTP/1.1 has the smaller attack surface.
    pub http2: bool,
    pub proxy: Option<ProxyUrl>,
    /// A PEM file of certificate authorities, trusted beside the built-in ones (Mozilla's).
    pub extra_ca_file: Option<PathBuf>,
    /// Bytes of a response's body that are read at most; a connection with more to read is closed.
    pub response_read_limit: usize,
    /// Bytes of a response's body that are kept at most.
    pub response_store_limit: usize,
    /// Of which attempts the response's headers are kept.
    pub attempt_headers: AttemptHeaders,
    /// Bytes of a response's headers that are kept at most; 0: none are.
    pub response_headers_store_limit: usize,
    /// Idle connections kept for each scheme, host and port.
    pub idle_per_destination: usize,
    pub idle_timeout: Duration,
    /// Destinations whose idle connections are remembered; further ones get none.
    pub destinations_max: usize,
    pub signature_headers: SignatureHeaders,
    pub user_agent: String,
    /// Takes what goes to bins of this server; `None`: nothing does.
    pub inbox: Option<Arc<dyn Inbox>>,
}

impl Default for CourierConfig {
    fn default() -> Self {
        CourierConfig {
            request_timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(5),
            dns_timeout: Duration::from_secs(2),
            body_timeout: Duration::from_secs(2),
            rules: TargetRules::default(),
            http2: false,
            proxy: None,
            extra_ca_file: None,
            response_read_limit: 64 * 1024,
            response_store_limit: 16 * 1024,
            attempt_headers: AttemptHeaders::Failed,
            response_headers_store_limit: 2 * 1024,
            idle_per_destination: 64,
            // Below the 60 s after which many servers and load balancers close an idle connection.
            idle_timeout: Duration::from_secs(55),
            destinations_max: 65_536,
            signature_headers: SignatureHeaders::Webhook,
            user_agent: "Postrider/0.1 (+https://github.com/postrider/postrider)".to_owned(),
            inbox: None,
        }
    }
}

/// Under which names the id, timestamp and signature are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignatureHeaders {
    /// `webhook-*`, as Standard Webhooks has them.
    #[default]
    Webhook,
    /// `svix-*`, as older Svix libraries want them.
    Svix,
    Both,
}

/// Of which attempts the headers of the response are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttemptHeaders {
    /// Those that failed, and those that a person sent to see what comes back.
    #[default]
    Failed,
    All,
    None,
}

/// Why a courier can't be made. All of them are mistakes in the configuration.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    #[error("the system's resolver configuration can't be used: {0}")]
    Resolver(String),
    #[error("the CA file {} can't be read: {reason}", path.display())]
    CaFile { path: PathBuf, reason: String },
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the user agent is not a valid header value")]
    UserAgent,
}
