//! Hostile receivers: whatever they do is an outcome, in bounded time and memory.

use super::support::*;
use crate::connect::Dialling;
use crate::{CourierConfig, Dial};
use domain::{Outcome, RetryAfter, Stage, Unreachable};
use proptest::prelude::*;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;

const BAD: Outcome = Outcome::Unreachable { why: Unreachable::BadResponse };
const CLOSED: Outcome = Outcome::Unreachable { why: Unreachable::Closed };
const LATE: Outcome = Outcome::TimedOut { stage: Stage::Response };

/// One attempt at a receiver that gives `answer` and leaves the connection open.
#[track_caller]
fn check(answer: impl Into<Vec<u8>>, want: Outcome) {
    let answer = answer.into();
    let shown = String::from_utf8_lossy(answer.get(..60).unwrap_or(&answer)).into_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(async {
        let server = Server::answering(answer).await;
        Bench::new(patient()).outcome(&server.url()).await
    });
    assert_eq!(outcome, want, "{shown:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn whatever_a_receiver_writes_is_an_outcome(
        pieces in prop::collection::vec(
            prop_oneof![
                Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
                Just(b"content-length: 3\r\n".to_vec()),
                Just(b"transfer-encoding: chunked\r\n".to_vec()),
                Just(b"connection: keep-alive\r\n".to_vec()),
                Just(b"\r\n".to_vec()),
                Just(b"3\r\nabc\r\n0\r\n\r\n".to_vec()),
                prop::collection::vec(any::<u8>(), 0..40),
            ],
            0..8,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let answer = pieces.concat();
            let server = Server::run(move |mut peer| {
                let answer = answer.clone();
                async move {
                    peer.request().await;
                    let _ = peer.write(&answer).await;
                }
            })
            .await;
            let bench = Bench::new(patient());
            let target = bench.target(&server.url());
            for _ in 0..2 {
                let outcome = bench.attempt(&target).await.outcome;
                let is_expected = matches!(outcome, Outcome::Responded { .. } | Outcome::Unreachable { .. });
                prop_assert!(is_expected, "{outcome:?}");
            }
            Ok(())
        })?;
    }
}

struct BlackHole;

impl Dial for BlackHole {
    fn dial(&self, _: SocketAddr) -> Dialling<'_> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_black_hole_fails_at_the_connect_limit() {
    let config = CourierConfig { connect_timeout: Duration::from_millis(50), ..patient() };
    let bench = Bench::with_network(config, StubResolver::always("127.0.0.1"), Arc::new(BlackHole));
    assert_eq!(bench.outcome("http://127.0.0.1/").await, Outcome::TimedOut { stage: Stage::Connect });
}

#[tokio::test]
async fn a_port_without_a_listener_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(Bench::new(patient()).outcome(&url).await, Outcome::Unreachable { why: Unreachable::Connect });
}

#[tokio::test]
async fn a_receiver_that_never_reads_fails_at_the_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    assert_eq!(Bench::new(quick()).outcome(&url).await, LATE);
    drop(listener);
}

#[tokio::test]
async fn an_answer_after_the_deadline_is_a_timeout() {
    let (release, held) = tokio::sync::watch::channel(false);
    let server = Server::run(move |mut peer| {
        let mut held = held.clone();
        async move {
            peer.request().await;
            let _ = held.wait_for(|open| *open).await;
            let _ = peer.write(OK).await;
        }
    })
    .await;
    let bench = Bench::new(quick());
    let target = bench.target(&server.url());
    assert_eq!(bench.attempt(&target).await.outcome, LATE);
    release.send(true).unwrap();
    assert_eq!(bench.attempt(&target).await.outcome, responded(200));
    let ids: Vec<_> = server.requests().iter().map(|r| header(r, "webhook-id").unwrap().to_owned()).collect();
    assert_eq!(ids, ["msg_1", "msg_1"], "the receiver can tell that it saw it before");
}

#[tokio::test]
async fn a_dripped_status_line_fails_at_the_deadline() {
    let server = Server::run(|mut peer| async move {
        peer.request().await;
        for byte in b"HTTP/1.1 200 O".iter().chain(std::iter::repeat(&b'K')) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if peer.write(&[*byte]).await.is_err() {
                break;
            }
        }
    })
    .await;
    assert_eq!(Bench::new(quick()).outcome(&server.url()).await, LATE);
}

#[test]
fn heads_beyond_their_limits_fail() {
    let headers = |n: usize| format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "a: b\r\n".repeat(n - 1));
    check(headers(100), responded(200));
    check(headers(101), BAD);
    let one_header = |n: usize| format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: {}\r\n\r\n", "a".repeat(n));
    check(one_header(60 * 1024), responded(200));
    check(one_header(70 * 1024), BAD);
    check(one_header(1024 * 1024), BAD);
}

#[test]
fn endless_informational_responses_fail() {
    let continues = |n: usize| ["HTTP/1.1 100 Continue\r\n\r\n".repeat(n).as_bytes(), OK].concat();
    check(continues(16), responded(200));
    check(continues(17), BAD);
    check(continues(5000), BAD);
}

#[tokio::test]
async fn informational_responses_that_never_stop_coming_fail() {
    let server = Server::run(|mut peer| async move {
        peer.request().await;
        while peer.write(b"HTTP/1.1 102 Processing\r\n\r\n").await.is_ok() {}
    })
    .await;
    assert_eq!(Bench::new(patient()).outcome(&server.url()).await, BAD);
}

#[test]
fn what_is_not_http_fails() {
    check(*b"SSH-2.0-OpenSSH_9.6\r\n", BAD);
    check(*b"<html>hello</html>\r\n\r\n", BAD);
    check(*b"HTTP/2.0 200 OK\r\n\r\n", BAD);
    check(*b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nok", BAD);
    check(*b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", BAD);
    check([0_u8; 100], BAD);
}

#[tokio::test]
async fn a_connection_closed_before_or_within_the_head_is_no_response() {
    for part in [&b""[..], b"HTTP/1.1 200 O", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"] {
        let server = Server::run(move |mut peer| async move {
            peer.request().await;
            let _ = peer.write(part).await;
        })
        .await;
        assert_eq!(Bench::new(patient()).outcome(&server.url()).await, CLOSED);
        assert_eq!(server.connection_count(), 1, "a fresh connection is not replaced");
    }
}

#[test]
fn a_body_whose_framing_is_not_http_fails() {
    let chunked = |body: &str| format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}");
    check(chunked("2\r\nok\r\n0\r\n\r\n"), responded(200));
    check(chunked("FFFFFFFFFFFFFFFFF\r\nok"), BAD);
    check(chunked("zz\r\nok"), BAD);
}

#[test]
fn only_statuses_from_100_to_599_are_responses() {
    for status in [200, 204, 302, 410, 500, 599] {
        check(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n"), responded(status));
    }
    for status in ["000", "099", "600", "999", "20", "2000", "-20"] {
        check(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n"), BAD);
    }
    check(*b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", responded(101));
}

#[tokio::test]
async fn a_stalled_body_does_not_undo_the_verdict() {
    let server = Server::run(|mut peer| async move {
        peer.request().await;
        let _ = peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart").await;
        peer.linger().await;
    })
    .await;
    let bench = Bench::new(CourierConfig { body_timeout: Duration::from_millis(50), ..patient() });
    let target = bench.target(&server.url());
    let report = bench.attempt(&target).await;
    assert_eq!((report.outcome, &*report.response), (responded(200), &b"part"[..]));
    assert_eq!(bench.attempt(&target).await.outcome, responded(200));
    assert_eq!(server.connection_count(), 2, "a connection with an unread body is not used again");
}

#[tokio::test]
async fn an_endless_body_is_cut_and_its_connection_dropped() {
    let (closed, mut seen) = tokio::sync::mpsc::channel(4);
    let server = Server::run(move |mut peer| {
        let closed = closed.clone();
        async move {
            peer.request().await;
            let _ = peer.write(b"HTTP/1.1 500 Oh\r\ncontent-type: text/plain\r\n\r\n").await;
            while peer.write(&[b'0'; 4096]).await.is_ok() {}
            closed.send(()).await.unwrap();
        }
    })
    .await;
    let bench = Bench::new(patient());
    let report = bench.attempt(&bench.target(&server.url())).await;
    assert_eq!(report.outcome, responded(500));
    assert_eq!(report.response.len(), 16 * 1024);
    assert_eq!(seen.recv().await, Some(()), "the receiver can't write any more");
}

#[tokio::test]
async fn bodies_are_read_and_kept_up_to_their_limits() {
    for (length, kept, connections) in
        [(10, 10, 1), (16_384, 16_384, 1), (16_385, 16_384, 1), (65_536, 16_384, 1), (65_537, 16_384, 2)]
    {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{}", "x".repeat(length));
        let server = Server::answering(answer).await;
        let bench = Bench::new(patient());
        let target = bench.target(&server.url());
        assert_eq!(bench.attempt(&target).await.response.len(), kept, "{length}");
        assert_eq!(bench.attempt(&target).await.outcome, responded(200));
        assert_eq!(server.connection_count(), connections, "{length}");
    }
}

#[tokio::test]
async fn compressed_bodies_are_kept_raw() {
    for coding in ["gzip", "br", "zstd", "gzip, br"] {
        let bomb = [0x1f, 0x8b, 8, 0, 0xff, 0xff, 0, 0];
        let mut answer =
            format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: 8\r\n\r\n").into_bytes();
        answer.extend(bomb);
        let server = Server::answering(answer).await;
        let bench = Bench::new(patient());
        let report = bench.attempt(&bench.target(&server.url())).await;
        assert_eq!((report.outcome, &*report.response), (responded(200), &bomb[..]));
        assert_eq!(header(&server.requests()[0], "accept-encoding"), Some("identity"));
    }
}

#[tokio::test]
async fn a_body_of_any_bytes_is_kept_as_it_came() {
    let body = b"\0\xff\xfe\xed\xa0\x80<script>alert(1)</script>";
    let head = format!("HTTP/1.1 400 No\r\ncontent-length: {}\r\n\r\n", body.len());
    let server = Server::answering([head.as_bytes(), body].concat()).await;
    let bench = Bench::new(patient());
    let report = bench.attempt(&bench.target(&server.url())).await;
    assert_eq!((report.outcome, &*report.response), (responded(400), &body[..]));
}

#[test]
fn retry_after_comes_with_the_outcome() {
    let with = |value: &str| format!("HTTP/1.1 429 Slow\r\nretry-after: {value}\r\ncontent-length: 0\r\n\r\n");
    let delay = |s| Outcome::Responded { status: 429, retry_after: Some(RetryAfter::Delay(Duration::from_secs(s))) };
    check(with("120"), delay(120));
    check(with("99999999999"), delay(315_360_000));
    for nonsense in ["-5", "NaN", "1e308", "soon", "\u{ff}"] {
        check(with(nonsense), responded(429));
    }
}

#[tokio::test]
async fn cookies_are_never_sent_back() {
    let server = Server::answering(*b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n").await;
    let bench = Bench::new(patient());
    let target = bench.target(&server.url());
    for _ in 0..2 {
        assert_eq!(bench.attempt(&target).await.outcome, responded(200));
    }
    assert_eq!(server.requests().len(), 2);
    assert!(server.requests().iter().all(|r| header(r, "cookie").is_none()));
}

#[tokio::test]
async fn a_kept_alive_connection_closed_on_the_next_request_is_replaced_once() {
    let server = Server::run(|mut peer| async move {
        peer.request().await;
        let _ = peer.write(OK).await;
        // Takes the first bytes of the next request, and goes without a word.
        let _ = peer.tcp.read(&mut [0; 10]).await;
    })
    .await;
    let bench = Bench::new(patient());
    let target = bench.target(&server.url());
    for _ in 0..3 {
        assert_eq!(bench.attempt(&target).await.outcome, responded(200));
    }
    assert_eq!(server.requests().len(), 3, "each delivery counts once");
    assert_eq!(server.connection_count(), 3);
}

#[tokio::test]
async fn a_reused_connection_that_dies_within_the_response_is_not_replaced() {
    let server = Server::run(|mut peer| async move {
        peer.request().await;
        let _ = peer.write(OK).await;
        peer.request().await;
        let _ = peer.write(b"HTTP/1.1 2").await;
    })
    .await;
    let bench = Bench::new(patient());
    let target = bench.target(&server.url());
    assert_eq!(bench.attempt(&target).await.outcome, responded(200));
    assert_eq!(bench.attempt(&target).await.outcome, CLOSED);
    assert_eq!(server.connection_count(), 1);
}

#[tokio::test]
async fn both_tries_share_one_deadline() {
    let server = Server::run(|mut peer| async move {
        if peer.number == 0 {
            peer.request().await;
            let _ = peer.write(OK).await;
            let _ = peer.tcp.read(&mut [0; 10]).await;
        } else {
            peer.linger().await;
        }
    })
    .await;
    let bench = Bench::new(quick());
    let target = bench.target(&server.url());
    assert_eq!(bench.attempt(&target).await.outcome, responded(200));
    assert_eq!(bench.attempt(&target).await.outcome, LATE);
    assert_eq!(server.connection_count(), 2);
}
