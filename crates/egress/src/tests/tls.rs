//! TLS: who is trusted, which versions, and handshakes that never end.

use super::support::*;
use crate::{CourierConfig, ProxyUrl};
use domain::{Outcome, Stage, TlsFailure, Unreachable};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::NamedTempFile;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

const fn failed(why: TlsFailure) -> Outcome {
    Outcome::Unreachable { why: Unreachable::Tls(why) }
}
const TLS_FAILED: Outcome = failed(TlsFailure::Other);

/// A certificate authority of the test's own.
pub struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    file: NamedTempFile,
}

impl Authority {
    pub fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(certificate.pem().as_bytes()).unwrap();
        Authority { certificate: certificate.der().clone(), issuer: Issuer::new(params, key), file }
    }

    /// The authority's certificate, for `extra_ca_file`.
    pub fn file(&self) -> PathBuf {
        self.file.path().to_owned()
    }

    pub fn server_config(&self, names: &[&str]) -> ServerConfig {
        self.server_config_with_chain(names, 0)
    }

    /// The authority's certificate follows the leaf `repeats` times.
    fn server_config_with_chain(&self, names: &[&str], repeats: usize) -> ServerConfig {
        self.server_config_with(names, repeats, |_| {})
    }

    fn server_config_with(
        &self,
        names: &[&str],
        repeats: usize,
        change: impl FnOnce(&mut CertificateParams),
    ) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let mut leaf = CertificateParams::new(names).unwrap();
        change(&mut leaf);
        let leaf = leaf.signed_by(&key, &self.issuer).unwrap();
        let mut chain = vec![leaf.der().clone()];
        chain.extend(std::iter::repeat_n(self.certificate.clone(), repeats));
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap()
    }

    fn trusted(&self, config: CourierConfig) -> CourierConfig {
        CourierConfig { extra_ca_file: Some(self.file()), ..config }
    }
}

/// Answers each request over TLS.
pub async fn tls_server(config: ServerConfig, answer: impl Into<Vec<u8>>) -> Server {
    let (acceptor, answer) = (TlsAcceptor::from(Arc::new(config)), Arc::new(answer.into()));
    Server::run(move |peer| {
        let (acceptor, answer) = (acceptor.clone(), answer.clone());
        async move {
            let Ok(mut tls) = acceptor.accept(peer.tcp).await else { return };
            while let Some(request) = read_request(&mut tls).await {
                peer.connections.lock()[peer.number].push(request);
                let _ = tls.write_all(&answer).await;
                let _ = tls.flush().await;
            }
        }
    })
    .await
}

fn https(server: &Server) -> String {
    format!("https://localhost:{}/hook", server.address.port())
}

#[tokio::test]
async fn a_self_signed_receiver_fails_until_its_ca_is_trusted() {
    let authority = Authority::new();
    let server = tls_server(authority.server_config(&["localhost", "127.0.0.1"]), OK).await;
    assert_eq!(Bench::new(patient()).outcome(&https(&server)).await, failed(TlsFailure::Untrusted));
    let bench = Bench::new(authority.trusted(patient()));
    let target = bench.target(&https(&server));
    for _ in 0..3 {
        assert_eq!(bench.attempt(&target).await.outcome, responded(200));
    }
    assert_eq!(server.connection_count(), 2, "one refused, one reused");
    let by_address = format!("https://127.0.0.1:{}/", server.address.port());
    assert_eq!(bench.outcome(&by_address).await, responded(200));
}

#[tokio::test]
async fn a_certificate_for_another_name_fails() {
    let authority = Authority::new();
    let server = tls_server(authority.server_config(&["other.example.com"]), OK).await;
    assert_eq!(Bench::new(authority.trusted(patient())).outcome(&https(&server)).await, failed(TlsFailure::WrongName));
    assert_eq!(server.requests(), [""; 0]);
}

#[tokio::test]
async fn http_1_1_is_negotiated_with_a_receiver_that_offers_http_2() {
    let authority = Authority::new();
    let mut config = authority.server_config(&["localhost"]);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let server = tls_server(config, OK).await;
    assert_eq!(Bench::new(authority.trusted(patient())).outcome(&https(&server)).await, responded(200));
    assert!(server.requests()[0].starts_with("POST /hook HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_receiver_that_speaks_only_tls_1_0_fails() {
    // A ServerHello of TLS 1.0 with TLS_RSA_WITH_AES_128_CBC_SHA, and the alert of one that refuses ours.
    let mut hello = vec![0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 0x2f, 0]);
    let alert = vec![0x15, 3, 1, 0, 2, 2, 70];
    for answer in [hello, alert] {
        let server = Server::run(move |mut peer| {
            let answer = answer.clone();
            async move {
                let _ = peer.write(&answer).await;
                peer.linger().await;
            }
        })
        .await;
        assert_eq!(Bench::new(patient()).outcome(&https(&server)).await, TLS_FAILED);
    }
}

#[tokio::test]
async fn an_expired_certificate_and_one_of_the_future_are_told_apart() {
    let authority = Authority::new();
    for (from, until, why) in [(2000, 2001, TlsFailure::Expired), (3000, 3001, TlsFailure::NotYetValid)] {
        let config = authority.server_config_with(&["localhost"], 0, |leaf| {
            leaf.not_before = rcgen::date_time_ymd(from, 1, 1);
            leaf.not_after = rcgen::date_time_ymd(until, 1, 1);
        });
        let server = tls_server(config, OK).await;
        assert_eq!(Bench::new(authority.trusted(patient())).outcome(&https(&server)).await, failed(why));
    }
}

#[tokio::test]
async fn a_receiver_without_tls_fails() {
    let server = Server::run(|mut peer| async move {
        let _ = peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        peer.linger().await;
    })
    .await;
    assert_eq!(Bench::new(patient()).outcome(&https(&server)).await, TLS_FAILED);
}

#[tokio::test]
async fn a_dripped_handshake_fails_at_the_connect_limit() {
    let server = Server::run(|mut peer| async move {
        // The beginning of a long record, and then a byte now and then.
        let _ = peer.write(&[0x16, 3, 3, 0x3f, 0xff]).await;
        while peer.write(&[2]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let bench = Bench::new(CourierConfig { connect_timeout: Duration::from_millis(60), ..patient() });
    assert_eq!(bench.outcome(&https(&server)).await, Outcome::TimedOut { stage: Stage::Tls });
}

#[tokio::test]
async fn a_huge_certificate_chain_fails() {
    let authority = Authority::new();
    let config = authority.server_config_with_chain(&["localhost"], 400);
    let server = tls_server(config, OK).await;
    assert_eq!(Bench::new(authority.trusted(patient())).outcome(&https(&server)).await, TLS_FAILED);
}

/// A receiver that sends so many session tickets before its answer.
async fn outcome_after_tickets(count: usize) -> Outcome {
    let authority = Authority::new();
    let mut config = authority.server_config(&["localhost"]);
    config.send_tls13_tickets = count;
    config.ticketer = rustls::crypto::ring::Ticketer::new().unwrap();
    let server = tls_server(config, OK).await;
    Bench::new(authority.trusted(patient())).outcome(&https(&server)).await
}

#[tokio::test]
async fn a_flood_of_session_tickets_fails() {
    assert_eq!(outcome_after_tickets(8).await, responded(200));
    assert_eq!(outcome_after_tickets(2000).await, Outcome::Unreachable { why: Unreachable::BadResponse });
}

#[tokio::test]
async fn a_proxy_tunnels_https_and_the_certificate_is_still_checked() {
    let authority = Authority::new();
    let server = tls_server(authority.server_config(&["hooks.example.com"]), OK).await;
    let receiver = server.address;
    let proxy = Server::run(move |mut peer| async move {
        peer.request().await;
        let _ = peer.write(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
        let mut upstream = TcpStream::connect(receiver).await.unwrap();
        let _ = copy_bidirectional(&mut peer.tcp, &mut upstream).await;
    })
    .await;
    let url = ProxyUrl::parse(&format!("http://{}", proxy.address)).ok();
    let bench = Bench::new(authority.trusted(CourierConfig { proxy: url, ..patient() }));
    let target = bench.target("https://hooks.example.com/a");
    for _ in 0..2 {
        assert_eq!(bench.attempt(&target).await.outcome, responded(200));
    }
    assert_eq!((proxy.connection_count(), server.requests().len()), (1, 2));
    assert_eq!(bench.outcome("https://else.example.com/").await, failed(TlsFailure::WrongName));
}
