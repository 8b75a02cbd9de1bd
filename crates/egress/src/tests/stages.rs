//! What attempts note of themselves: the time of each stage, the connection, the headers of the response.

use super::support::*;
use super::tls::Authority;
use crate::connect::Dialling;
use crate::resolve::Answer;
use crate::{AttemptHeaders, Courier, CourierConfig, Dial, Outgoing, Resolve, SystemDial, Target};
use bytes::Bytes;
use domain::{AttemptReport, HttpVersion, Outcome, RefusedRule, Stages};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tokio_rustls::TlsAcceptor;

const DNS_US: u64 = 4_000;
const CONNECT_US: u64 = 11_000;
const TLS_US: u64 = 23_000;
const ANSWER_US: u64 = 171_000;

fn clock() -> Arc<TestClock> {
    Arc::new(TestClock { now_ms: AtomicI64::new(NOW_S * 1000), monotonic_us: AtomicU64::new(1) })
}
fn pass(clock: &TestClock, us: u64) {
    clock.monotonic_us.fetch_add(us, Ordering::Relaxed);
}

/// A name that takes a while to find, and a network that takes a while to connect.
struct Slow(Arc<TestClock>);

impl Resolve for Slow {
    fn resolve<'a>(&'a self, _host: &'a str) -> Answer<'a> {
        Box::pin(async move {
            pass(&self.0, DNS_US);
            Ok(vec![IpAddr::from([127, 0, 0, 1])])
        })
    }
}

impl Dial for Slow {
    fn dial(&self, address: SocketAddr) -> Dialling<'_> {
        Box::pin(async move {
            pass(&self.0, CONNECT_US);
            SystemDial.dial(address).await
        })
    }
}

fn slow(config: CourierConfig, clock: &Arc<TestClock>) -> Courier {
    let (resolver, dialer) = (Arc::new(Slow(clock.clone())), Arc::new(Slow(clock.clone())));
    Courier::with_network(config, clock.clone(), Arc::new(TestRng), resolver, dialer).unwrap()
}

async fn attempt(courier: &Courier, target: &Target, is_watched: bool) -> AttemptReport {
    let body = Bytes::from_static(b"{}");
    courier.attempt(target, Outgoing { id: "msg_1", body: &body, passage: None, is_watched }).await
}

fn target(courier: &Courier, url: &str) -> Target {
    Target::prepare(&route(url), &secret_box(), courier.rules()).unwrap()
}

/// Answers each request after a while.
async fn answering_late(clock: &Arc<TestClock>, answer: &'static [u8]) -> Server {
    let clock = clock.clone();
    Server::run(move |mut peer| {
        let clock = clock.clone();
        async move {
            while peer.request().await.is_some() {
                pass(&clock, ANSWER_US);
                if peer.write(answer).await.is_err() {
                    break;
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_new_connection_has_all_stages_and_a_reused_one_only_the_answer() {
    let clock = clock();
    let server = answering_late(&clock, OK).await;
    let courier = slow(patient(), &clock);
    let target = target(&courier, &format!("http://receiver.example:{}/", server.address.port()));
    let first = attempt(&courier, &target, false).await;
    let stages = Stages {
        dns_us: Some(DNS_US),
        connect_us: Some(CONNECT_US),
        tls_us: None,
        first_byte_us: Some(ANSWER_US),
        body_us: Some(0),
    };
    assert_eq!(first.detail.stages, stages);
    assert_eq!(first.duration_us, DNS_US + CONNECT_US + ANSWER_US);
    assert_eq!((first.detail.reused, first.detail.peer), (false, Some(server.address)));
    assert_eq!(first.detail.http_version, Some(HttpVersion::Http11));
    let second = attempt(&courier, &target, false).await;
    assert_eq!(second.detail.stages, Stages { dns_us: None, connect_us: None, ..stages });
    assert_eq!((second.detail.reused, second.detail.peer), (true, Some(server.address)));
    assert_eq!(second.duration_us, ANSWER_US);
}

#[tokio::test]
async fn the_handshake_of_tls_is_a_stage() {
    let (clock, authority) = (clock(), Authority::new());
    let acceptor = TlsAcceptor::from(Arc::new(authority.server_config(&["receiver.example"])));
    let handshakes = clock.clone();
    let server = Server::run(move |peer| {
        let (acceptor, clock) = (acceptor.clone(), handshakes.clone());
        async move {
            pass(&clock, TLS_US);
            let mut tls = acceptor.accept(peer.tcp).await.unwrap();
            while read_request(&mut tls).await.is_some() {
                tokio::io::AsyncWriteExt::write_all(&mut tls, b"HTTP/1.1 204 None\r\n\r\n").await.unwrap();
            }
        }
    })
    .await;
    let courier = slow(CourierConfig { extra_ca_file: Some(authority.file()), ..patient() }, &clock);
    let target = target(&courier, &format!("https://receiver.example:{}/", server.address.port()));
    let report = attempt(&courier, &target, false).await;
    assert_eq!(report.outcome, responded(204));
    let Stages { dns_us, connect_us, tls_us, first_byte_us, body_us } = report.detail.stages;
    assert_eq!((dns_us, first_byte_us, body_us), (Some(DNS_US), Some(0), None));
    // The server accepts at its own pace: the wait is in the one or in the other.
    assert_eq!(connect_us.unwrap() + tls_us.unwrap(), CONNECT_US + TLS_US);
}

#[tokio::test]
async fn the_stage_in_which_an_attempt_ends_is_noted() {
    let clock = clock();
    let silent = Server::run(|mut peer| async move { peer.linger().await }).await;
    let courier = slow(quick(), &clock);
    let to = target(&courier, &silent.url());
    let late = attempt(&courier, &to, true).await.detail;
    assert!(late.stages.first_byte_us.is_some() && late.http_version.is_none() && late.headers.is_none());
    // Nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let to = target(&courier, &format!("http://{port}/"));
    let refused = attempt(&courier, &to, false).await.detail;
    assert_eq!(refused.stages, Stages { connect_us: Some(CONNECT_US), ..Stages::default() });
    assert_eq!(refused.peer, Some(port));
}

#[tokio::test]
async fn an_address_that_is_refused_is_not_noted() {
    let dialer = Arc::new(RecordingDial::default());
    let bench = Bench::with_network(patient(), StubResolver::always("10.0.0.7"), dialer.clone());
    let report = bench.attempt(&bench.target("http://inside.example/")).await;
    assert_eq!(report.outcome, Outcome::Refused { rule: RefusedRule::Address });
    assert_eq!((report.detail.peer, report.detail.stages.connect_us), (None, None));
    assert!(dialer.dialled.lock().is_empty());
}

#[tokio::test]
async fn a_replaced_connection_is_not_said_to_be_reused() {
    let server = Server::run(|mut peer| async move {
        if peer.request().await.is_some() {
            let _ = peer.write(OK).await;
            peer.request().await;
        }
    })
    .await;
    let bench = Bench::new(patient());
    let target = bench.target(&server.url());
    assert!(!bench.attempt(&target).await.detail.reused);
    let second = bench.attempt(&target).await;
    assert_eq!((second.outcome, second.detail.reused), (responded(200), false));
    assert_eq!(second.detail.stages.connect_us, Some(0));
    assert_eq!(server.connection_count(), 2);
}

#[tokio::test]
async fn headers_are_kept_of_what_failed_or_is_watched_unless_it_is_set_otherwise() {
    let answers: [&[u8]; 2] = [
        b"HTTP/1.1 200 OK\r\nX-Trace: a\xe9b\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 429 Slow\r\nX-Trace: a\xe9b\r\nSet-Cookie: sid=1\r\nRetry-After: 30\r\ncontent-length: 0\r\n\r\n",
    ];
    let (fine, failing) = (Server::answering(answers[0]).await, Server::answering(answers[1]).await);
    for (attempt_headers, limit, want) in [
        (AttemptHeaders::Failed, 2048, [false, true, true, true]),
        (AttemptHeaders::All, 2048, [true; 4]),
        (AttemptHeaders::None, 2048, [false; 4]),
        (AttemptHeaders::All, 0, [false; 4]),
    ] {
        let config = CourierConfig { attempt_headers, response_headers_store_limit: limit, ..patient() };
        let bench = Bench::new(config);
        let mut kept = Vec::new();
        for (server, is_watched) in [(&fine, false), (&fine, true), (&failing, false), (&failing, true)] {
            let report = attempt(&bench.courier, &bench.target(&server.url()), is_watched).await;
            if let Some(headers) = &report.detail.headers {
                assert_eq!(headers.get("x-trace"), Some(&b"a\xe9b"[..]));
                assert_ne!(headers.get("set-cookie"), Some(&b"sid=1"[..]));
            }
            kept.push(report.detail.headers.is_some());
        }
        assert_eq!(kept, want, "{attempt_headers:?} {limit}");
    }
    let bench = Bench::new(CourierConfig { response_headers_store_limit: 20, ..patient() });
    let headers = bench.attempt(&bench.target(&failing.url())).await.detail.headers.unwrap();
    assert_eq!((&headers.lines()[..], headers.is_cut), (&b"retry-after: 30\r\n"[..], true));
}
