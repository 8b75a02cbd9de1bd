//! The operator's HTTP proxy: CONNECT for https targets, absolute-form requests for http ones.
//!
//! A proxy resolves names by itself, so the address guard can't see where a name leads: behind a proxy, keeping
//! deliveries out of the inside network is the proxy's job. Literal addresses are still judged here. The proxy itself
//! is trusted: its own address may be private.
//!
//! **Invariant:** only the configuration names a proxy, never the environment.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{Outcome, Unreachable};
use http::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::{Host, Url};

/// `http://[user:password@]host:port`. Has no `Debug`, because it may hold a password.
#[derive(Clone)]
pub struct ProxyUrl {
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
    pub(crate) authorization: Option<HeaderValue>,
}

/// Why text is no proxy's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a proxy is written as http://host:port or http://user:password@host:port")]
pub struct ProxyUrlError;

impl ProxyUrl {
    pub fn parse(text: &str) -> Result<ProxyUrl, ProxyUrlError> {
        let url = Url::parse(text).map_err(|_| ProxyUrlError)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if url.scheme() != "http" || !bare {
            return Err(ProxyUrlError);
        }
        let host = url.host().ok_or(ProxyUrlError)?.to_owned();
        let port = url.port_or_known_default().ok_or(ProxyUrlError)?;
        Ok(ProxyUrl { host, port, authorization: basic(&url)? })
    }
}

fn basic(url: &Url) -> Result<Option<HeaderValue>, ProxyUrlError> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let mut plain = percent_decoded(url.username());
    plain.push(b':');
    plain.extend(percent_decoded(url.password().unwrap_or_default()));
    let value = format!("Basic {}", BASE64_STANDARD.encode(plain));
    let mut value = HeaderValue::try_from(value).map_err(|_| ProxyUrlError)?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    // A form's decoding, but for the plus sign, which means itself here.
    let form = format!("={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(form.as_bytes()).flat_map(|(_, value)| value.into_owned().into_bytes()).collect()
}

/// The longest head of an answer to CONNECT, in bytes.
const HEAD_MAX: u64 = 8 * 1024;

/// Asks the proxy at the other end of `tcp` for a tunnel to `authority` (`host:port`).
pub(crate) async fn tunnel(tcp: &mut TcpStream, authority: &str, proxy: &ProxyUrl) -> Result<(), Outcome> {
    let failed = Outcome::Unreachable { why: Unreachable::Proxy };
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        request.extend_from_slice(b"proxy-authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    tcp.write_all(&request).await.map_err(|_| failed.clone())?;
    let mut head = Vec::with_capacity(256);
    let mut limited = tcp.take(HEAD_MAX);
    while !head.ends_with(b"\r\n\r\n") {
        // The receiver speaks after us in TLS, so that whatever follows the head is not its.
        let read = limited.read_buf(&mut head).await.map_err(|_| failed.clone())?;
        if read == 0 {
            return Err(failed);
        }
    }
    let granted = head.starts_with(b"HTTP/1.") && head.get(8..10) == Some(b" 2");
    if granted { Ok(()) } else { Err(failed) }
}
