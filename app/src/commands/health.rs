//! `postrider health`: asks a running server whether it is ready; for container health checks.
//!
//! **Invariant:** one plain HTTP/1.1 request under one deadline; reads a bounded part of the answer.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use url::Url;

use crate::clock::SystemClock;

/// How long the whole question may take.
const DEADLINE: Duration = Duration::from_secs(2);
const ANSWER_BYTES_MAX: usize = 8 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    #[error("only http URLs can be asked, such as http://127.0.0.1:8071/readyz")]
    NotHttp,
    #[error("{host} has no address: {source}")]
    Unknown { host: String, source: io::Error },
    #[error("no connection to {address}: {source}; is `postrider serve` running?")]
    NoConnection { address: SocketAddr, source: io::Error },
    #[error("no answer from {address} within 2s")]
    TooSlow { address: SocketAddr },
    #[error("the connection to {address} broke: {source}")]
    Broke { address: SocketAddr, source: io::Error },
    #[error("{address} does not answer in HTTP")]
    NotAnAnswer { address: SocketAddr },
    #[error("not ready: {status} {detail}")]
    NotReady { status: u16, detail: String },
}

/// Where to ask.
struct Target {
    address: SocketAddr,
    host: String,
    path: String,
}

/// Asks the server that listens on `listen`, or the one at `url`. The answer names what was asked.
pub fn check(listen: SocketAddr, url: Option<&Url>) -> Result<String, Unhealthy> {
    let target = match url {
        Some(url) => at_url(url)?,
        None => at_address(listen),
    };
    let (status, body) = ask(&target, SystemClock.instant() + DEADLINE)?;
    match status {
        200..=299 => Ok(format!("ready: {}", target.address)),
        _ => Err(Unhealthy::NotReady { status, detail: printable(&body) }),
    }
}

/// The URL of the server that listens on `listen`, for programs on the same machine.
pub fn server(listen: SocketAddr) -> Url {
    let address = at_address(listen).address;
    let url = Url::parse("http://127.0.0.1/").map(|mut url| {
        // Neither can fail: the scheme has hosts and ports.
        let _ = (url.set_ip_host(address.ip()), url.set_port(Some(address.port())));
        url
    });
    #[expect(clippy::expect_used, reason = "a constant")]
    url.expect("a URL")
}

/// A server that listens on every address is asked on the loopback one.
fn at_address(listen: SocketAddr) -> Target {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let address = SocketAddr::new(ip, listen.port());
    Target { address, host: address.to_string(), path: "/readyz".to_owned() }
}

fn at_url(url: &Url) -> Result<Target, Unhealthy> {
    let (Some(host), true) = (url.host_str(), url.scheme() == "http") else { return Err(Unhealthy::NotHttp) };
    let unknown = |source| Unhealthy::Unknown { host: host.to_owned(), source };
    let addresses = url.socket_addrs(|| None).map_err(unknown)?;
    let none = || unknown(io::ErrorKind::NotFound.into());
    let address = addresses.into_iter().next().ok_or_else(none)?;
    let path = if url.path() == "/" { "/readyz" } else { url.path() };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(Target { address, host: format!("{host}{port}"), path: path.to_owned() })
}

fn ask(target: &Target, deadline: Instant) -> Result<(u16, Vec<u8>), Unhealthy> {
    let address = target.address;
    let left = || deadline.saturating_duration_since(SystemClock.instant());
    let mut stream = TcpStream::connect_timeout(&address, left().max(Duration::from_millis(1)))
        .map_err(|source| Unhealthy::NoConnection { address, source })?;
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Unhealthy::TooSlow { address },
        _ => Unhealthy::Broke { address, source },
    };
    stream.set_write_timeout(Some(DEADLINE)).map_err(failed)?;
    let request = format!("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", target.path, target.host);
    stream.write_all(request.as_bytes()).map_err(failed)?;

    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    while answer.len() < ANSWER_BYTES_MAX {
        let left = left();
        if left.is_zero() {
            return Err(Unhealthy::TooSlow { address });
        }
        stream.set_read_timeout(Some(left)).map_err(failed)?;
        let read = stream.read(&mut buffer).map_err(failed)?;
        answer.extend_from_slice(buffer.get(..read).unwrap_or_default());
        // A ready server's status line is enough; of a reason, all of it is wanted.
        if read == 0 || status(&answer).is_some_and(|status| status < 300) {
            break;
        }
    }
    let status = status(&answer).ok_or(Unhealthy::NotAnAnswer { address })?;
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    Ok((status, answer.split_off(head)))
}

/// The status of an answer whose status line is complete.
fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.get(..answer.windows(2).position(|end| end == b"\r\n")?)?;
    let rest = std::str::from_utf8(line).ok()?.strip_prefix("HTTP/1.")?;
    rest.split(' ').nth(1)?.parse().ok()
}

/// The first 200 characters without anything that a terminal would obey.
fn printable(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_server_that_accepts_and_says_nothing_is_given_up_at_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = at_address(listener.local_addr().unwrap());
        let answer = ask(&target, SystemClock.instant() + Duration::from_millis(20));
        assert!(matches!(answer, Err(Unhealthy::TooSlow { .. })), "{answer:?}");
    }

    #[test]
    fn a_status_is_read_from_a_whole_status_line_only() {
        for (answer, expected) in [
            (&b"HTTP/1.1 200 OK\r\n"[..], Some(200)),
            (b"HTTP/1.0 503\r\n\r\n", Some(503)),
            (b"HTTP/1.1 200 OK", None),
            (b"HTTP/2 200\r\n", None),
            (b"HTTP/1.1 \xff\r\n", None),
            (b"", None),
        ] {
            assert_eq!(status(answer), expected);
        }
    }
}
