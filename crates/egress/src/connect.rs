//! Opens connections: resolve, judge, dial, encrypt.
//!
//! **Invariant:** this is the only place that opens sockets to receivers, and `dial_checked` the only way to: it asks
//! the guard about the very address that it dials.

use crate::config::{CourierConfig, CourierError};
use crate::deadline::Deadline;
use crate::notes::Notes;
use crate::proxy::{self, ProxyUrl};
use crate::resolve::Resolve;
use crate::stream::{Stream, Wire};
use crate::target::Target;
use domain::guard::AddressGuard;
use domain::{Outcome, RefusedRule, Rng, Stage, TlsFailure, Unreachable};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use url::Host;

/// Addresses of one name that are tried at most.
const ADDRESSES_MAX: usize = 16;

/// A connection under way.
pub type Dialling<'a> = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send + 'a>>;

/// Opens TCP connections to addresses that were judged. The system's in production; tests record what is dialled.
pub trait Dial: Send + Sync {
    fn dial(&self, address: SocketAddr) -> Dialling<'_>;
}

/// Dials by the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDial;

impl Dial for SystemDial {
    fn dial(&self, address: SocketAddr) -> Dialling<'_> {
        Box::pin(async move {
            let tcp = TcpStream::connect(address).await?;
            tcp.set_nodelay(true)?;
            Ok(tcp)
        })
    }
}

pub(crate) struct Connector {
    resolver: Arc<dyn Resolve>,
    dialer: Arc<dyn Dial>,
    rng: Arc<dyn Rng>,
    guard: Arc<AddressGuard>,
    proxy: Option<ProxyUrl>,
    tls: TlsConnector,
    connect_timeout: Duration,
    dns_timeout: Duration,
}

impl Connector {
    pub(crate) fn new(
        config: &CourierConfig,
        resolver: Arc<dyn Resolve>,
        dialer: Arc<dyn Dial>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, CourierError> {
        Ok(Connector {
            resolver,
            dialer,
            rng,
            guard: config.rules.guard.clone(),
            proxy: config.proxy.clone(),
            tls: tls_connector(config.extra_ca_file.as_deref(), config.http2)?,
            connect_timeout: config.connect_timeout,
            dns_timeout: config.dns_timeout,
        })
    }

    pub(crate) async fn open(
        &self,
        target: &Target,
        deadline: &mut Deadline<'_>,
        notes: &mut Notes<'_>,
    ) -> Result<Stream, Outcome> {
        let url = &target.url;
        let (peers, is_judged) = match &self.proxy {
            None => (self.addresses(url.host(), url.port(), deadline, notes).await?, true),
            Some(proxy) => {
                // Names are the proxy's to judge; see `proxy`.
                if let Some(ip) = url.ip() {
                    self.judge(SocketAddr::new(ip, url.port()), target)?;
                }
                (self.addresses(&proxy.host, proxy.port, deadline, notes).await?, false)
            }
        };
        if is_judged {
            // One forbidden address refuses the whole answer, before any socket is opened.
            peers.iter().try_for_each(|peer| self.judge(*peer, target))?;
        }
        let limit = deadline.after(self.connect_timeout);
        let began_us = notes.now_us();
        let connected = self.connect(&peers, is_judged, target, limit, deadline, notes).await;
        notes.detail.stages.connect_us = notes.since(began_us);
        let (tcp, peer) = connected?;
        if !url.is_https() {
            return Ok(Stream::new(Wire::Tcp(tcp), peer));
        }
        let name = server_name(url.host()).ok_or(Outcome::Refused { rule: RefusedRule::Url })?;
        let began_us = notes.now_us();
        let tls = deadline.run_until(limit, Stage::Tls, pin!(self.tls.connect(name, tcp))).await;
        notes.detail.stages.tls_us = notes.since(began_us);
        let tls = tls?.map_err(|error| {
            tracing::debug!(endpoint = target.endpoint.0, %error, "the TLS handshake failed");
            Outcome::Unreachable { why: Unreachable::Tls(failure_of(&error)) }
        })?;
        Ok(Stream::new(Wire::Tls(Box::new(tls)), peer))
    }

    /// To one of the peers, and through the proxy to the target, if it needs a tunnel.
    async fn connect(
        &self,
        peers: &[SocketAddr],
        is_judged: bool,
        target: &Target,
        limit: Instant,
        deadline: &mut Deadline<'_>,
        notes: &mut Notes<'_>,
    ) -> Result<(TcpStream, SocketAddr), Outcome> {
        let (mut tcp, peer) = self.dial_any(peers, is_judged, target, limit, deadline, notes).await?;
        let url = &target.url;
        if let (Some(proxy), true) = (&self.proxy, url.is_https()) {
            let authority = format!("{}:{}", url.host(), url.port());
            deadline.run_until(limit, Stage::Connect, pin!(proxy::tunnel(&mut tcp, &authority, proxy))).await??;
        }
        Ok((tcp, peer))
    }

    /// All addresses of `host`, IPv4 first, each family beginning at a place by chance.
    async fn addresses(
        &self,
        host: &Host<String>,
        port: u16,
        deadline: &mut Deadline<'_>,
        notes: &mut Notes<'_>,
    ) -> Result<Vec<SocketAddr>, Outcome> {
        let name = match host {
            Host::Ipv4(ip) => return Ok(vec![SocketAddr::new(IpAddr::V4(*ip), port)]),
            Host::Ipv6(ip) => return Ok(vec![SocketAddr::new(IpAddr::V6(*ip), port)]),
            Host::Domain(name) => name,
        };
        let limit = deadline.after(self.dns_timeout);
        let began_us = notes.now_us();
        let answer = deadline.run_until(limit, Stage::Resolve, pin!(self.resolver.resolve(name))).await;
        notes.detail.stages.dns_us = notes.since(began_us);
        let unknown = Outcome::Unreachable { why: Unreachable::Dns };
        let ips = answer?.map_err(|error| {
            tracing::debug!(%error, "a name doesn't resolve");
            unknown.clone()
        })?;
        let (mut v4, mut v6): (Vec<_>, Vec<_>) =
            ips.into_iter().map(|ip| SocketAddr::new(ip, port)).partition(SocketAddr::is_ipv4);
        for family in [&mut v4, &mut v6] {
            if family.len() > 1 {
                let chance = usize::try_from(self.rng.next_u64() >> 1).unwrap_or(0);
                let start = chance % family.len();
                family.rotate_left(start);
            }
        }
        v4.append(&mut v6);
        if v4.is_empty() { Err(unknown) } else { Ok(v4) }
    }

    fn judge(&self, address: SocketAddr, target: &Target) -> Result<(), Outcome> {
        self.guard.check(address).map_err(|denied| {
            tracing::warn!(endpoint = target.endpoint.0, %address, %denied, "refused to connect");
            Outcome::Refused { rule: RefusedRule::Address }
        })
    }

    /// Tries the peers in order. Each but the last gets half of the time that is left, so that one black hole doesn't
    /// hide the others.
    async fn dial_any(
        &self,
        peers: &[SocketAddr],
        is_judged: bool,
        target: &Target,
        limit: Instant,
        deadline: &mut Deadline<'_>,
        notes: &mut Notes<'_>,
    ) -> Result<(TcpStream, SocketAddr), Outcome> {
        let tried = peers.len().min(ADDRESSES_MAX);
        let why = if is_judged { Unreachable::Connect } else { Unreachable::Proxy };
        let mut last = Outcome::Unreachable { why };
        for (n, peer) in peers.iter().take(tried).enumerate() {
            let left = limit.saturating_duration_since(Instant::now());
            let until = if n + 1 == tried { limit } else { deadline.after(left / 2) };
            let dialled = if is_judged {
                deadline.run_until(until, Stage::Connect, pin!(self.dial_checked(*peer, target))).await
            } else {
                let dialling = async { Ok(self.dialer.dial(*peer).await) };
                deadline.run_until(until, Stage::Connect, pin!(dialling)).await
            };
            notes.detail.peer = Some(*peer);
            match dialled {
                Ok(Ok(Ok(tcp))) => return Ok((tcp, *peer)),
                Ok(Ok(Err(error))) => tracing::debug!(endpoint = target.endpoint.0, %peer, %error, "can't connect"),
                Ok(Err(refused)) => {
                    notes.detail.peer = None;
                    return Err(refused);
                }
                Err(timed_out) => last = timed_out,
            }
        }
        Err(last)
    }

    async fn dial_checked(&self, address: SocketAddr, target: &Target) -> Result<io::Result<TcpStream>, Outcome> {
        self.judge(address, target)?;
        Ok(self.dialer.dial(address).await)
    }
}

fn server_name(host: &Host<String>) -> Option<ServerName<'static>> {
    match host {
        Host::Domain(name) => ServerName::try_from(name.clone()).ok(),
        Host::Ipv4(ip) => Some(ServerName::from(IpAddr::V4(*ip))),
        Host::Ipv6(ip) => Some(ServerName::from(IpAddr::V6(*ip))),
    }
}

/// TLS 1.2 and 1.3, always verified. HTTP/2 is offered only if it is wanted.
/// What was wrong with the certificate, where that is what ended the handshake.
fn failure_of(error: &std::io::Error) -> TlsFailure {
    use rustls::CertificateError as C;
    let cause = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(why)) = cause else { return TlsFailure::Other };
    match why {
        C::Expired | C::ExpiredContext { .. } => TlsFailure::Expired,
        C::NotValidYet | C::NotValidYetContext { .. } => TlsFailure::NotYetValid,
        C::NotValidForName | C::NotValidForNameContext { .. } => TlsFailure::WrongName,
        C::UnknownIssuer => TlsFailure::Untrusted,
        _ => TlsFailure::Other,
    }
}

fn tls_connector(extra_ca_file: Option<&Path>, http2: bool) -> Result<TlsConnector, CourierError> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = extra_ca_file {
        add_roots(&mut roots, path).map_err(|reason| CourierError::CaFile { path: path.to_owned(), reason })?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    if http2 {
        tls.alpn_protocols.push(b"h2".to_vec());
    }
    tls.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(TlsConnector::from(Arc::new(tls)))
}

fn add_roots(roots: &mut rustls::RootCertStore, path: &Path) -> Result<(), String> {
    let before = roots.len();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| e.to_string())? {
        let certificate = certificate.map_err(|e| e.to_string())?;
        roots.add(certificate).map_err(|e| e.to_string())?;
    }
    if roots.len() == before { Err("it holds no certificate".to_owned()) } else { Ok(()) }
}
