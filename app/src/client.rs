//! A small HTTP/1.1 client for the commands that talk to a server: plain or TLS, one connection a request.
//!
//! **Invariant:** certificates are always verified; nothing here retries or follows a redirect.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use url::Url;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("{0} is no http or https URL")]
    Url(String),
    #[error("no connection to {authority}: {source}")]
    Connect { authority: String, source: std::io::Error },
    #[error("{authority} does not answer in HTTP: {source}")]
    Http { authority: String, source: hyper::Error },
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// A response and the connection that it comes over; dropping it closes that.
pub struct Answer {
    pub response: Response<Incoming>,
    _connection: Connected,
}

struct Connected(JoinHandle<()>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends `request` (in origin form, without a host) to the server of `url`.
pub async fn send(url: &Url, mut request: Request<Full<Bytes>>) -> Result<Answer, ClientError> {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err(ClientError::Url(url.to_string()));
    };
    let authority = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
    let refused = |source| ClientError::Connect { authority: authority.clone(), source };
    if let Ok(value) = authority.parse() {
        request.headers_mut().insert("host", value);
    }
    let address = (host.trim_start_matches('[').trim_end_matches(']'), port);
    let tcp = TcpStream::connect(address).await.map_err(refused)?;
    let _ = tcp.set_nodelay(true);
    match url.scheme() {
        "http" => exchange(tcp, request, &authority).await,
        "https" => {
            let name = ServerName::try_from(address.0.to_owned()).map_err(|_| ClientError::Url(url.to_string()))?;
            let tls = connector()?.connect(name, tcp).await.map_err(refused)?;
            exchange(tls, request, &authority).await
        }
        _ => Err(ClientError::Url(url.to_string())),
    }
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>, authority: &str) -> Result<Answer, ClientError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |source| ClientError::Http { authority: authority.to_owned(), source };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let connection = Connected(tokio::spawn(async move {
        // How it ended is told to whoever reads the response.
        let _ = connection.await;
    }));
    let response = sender.send_request(request).await.map_err(failed)?;
    Ok(Answer { response, _connection: connection })
}

fn connector() -> Result<TlsConnector, ClientError> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(tls)))
}
