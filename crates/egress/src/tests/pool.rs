//! Reuse of connections.

use super::support::*;
use crate::pool::{Key, Limits, Pool};
use crate::{CourierConfig, Target};
use domain::target::TargetUrl;
use std::sync::atomic::Ordering;
use std::time::Duration;

fn advance(bench: &Bench, by: Duration) {
    bench.clock.monotonic_us.fetch_add(by.as_micros().try_into().unwrap(), Ordering::Relaxed);
}

fn idle(target: &Target) -> usize {
    target.wired.get().unwrap().destination.idle_count()
}

#[tokio::test]
async fn attempts_one_after_the_other_share_a_connection() {
    let server = Server::answering(OK).await;
    let bench = Bench::new(patient());
    let (one, other) = (bench.target(&server.url()), bench.target(&format!("{}/other", server.url())));
    for _ in 0..5 {
        assert_eq!(bench.attempt(&one).await.outcome, responded(200));
        assert_eq!(bench.attempt(&other).await.outcome, responded(200));
    }
    assert_eq!(server.connection_count(), 1);
    assert_eq!(idle(&one), 1);
}

#[tokio::test]
async fn attempts_at_the_same_time_have_connections_of_their_own_and_surplus_ones_are_closed() {
    let server = Server::answering(OK).await;
    let bench = Bench::new(CourierConfig { idle_per_destination: 2, ..patient() });
    let target = bench.target(&server.url());
    tokio::join!(bench.attempt(&target), bench.attempt(&target), bench.attempt(&target), bench.attempt(&target));
    assert_eq!(server.connection_count(), 4);
    assert_eq!(idle(&target), 2);
}

#[tokio::test]
async fn a_connection_is_not_kept_when_the_receiver_says_close() {
    let server = Server::answering(*b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
    let bench = Bench::new(patient());
    let target = bench.target(&server.url());
    bench.attempt(&target).await;
    assert_eq!(idle(&target), 0);
}

#[tokio::test]
async fn bodies_with_and_without_length_leave_a_usable_connection() {
    for answer in [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\ntrailer: x\r\n\r\n",
    ] {
        let server = Server::answering(answer).await;
        let bench = Bench::new(patient());
        let target = bench.target(&server.url());
        for _ in 0..3 {
            assert!(bench.attempt(&target).await.outcome.is_success());
        }
        assert_eq!(server.connection_count(), 1, "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_ends_with_its_connection_is_kept_whole() {
    let server = Server::run(|mut peer| async move {
        peer.request().await;
        let _ = peer.write(b"HTTP/1.1 200 OK\r\n\r\nto the end").await;
    })
    .await;
    let bench = Bench::new(patient());
    let target = bench.target(&server.url());
    assert_eq!(&*bench.attempt(&target).await.response, b"to the end");
    assert_eq!(idle(&target), 0);
}

#[tokio::test]
async fn idle_and_old_connections_are_not_used_again() {
    let server = Server::answering(OK).await;
    let bench = Bench::new(patient());
    let target = bench.target(&server.url());
    for (pause_s, connections) in [(0, 1), (54, 1), (55, 2), (54, 2)] {
        advance(&bench, Duration::from_secs(pause_s));
        bench.attempt(&target).await;
        assert_eq!(server.connection_count(), connections, "after {pause_s} s");
    }
    for _ in 0..12 {
        advance(&bench, Duration::from_secs(50));
        bench.attempt(&target).await;
    }
    assert_eq!(server.connection_count(), 3, "ten minutes are the age limit");
}

#[tokio::test]
async fn a_sweep_closes_what_is_idle_for_too_long() {
    let server = Server::answering(OK).await;
    let bench = Bench::new(patient());
    let target = bench.target(&server.url());
    bench.attempt(&target).await;
    bench.courier.sweep();
    assert_eq!(idle(&target), 1);
    advance(&bench, Duration::from_secs(55));
    bench.courier.sweep();
    assert_eq!(idle(&target), 0);
}

#[test]
fn destinations_are_shared_bounded_and_forgotten_when_unused() {
    let limits = Limits { idle_max: 1, idle_timeout_us: 1, age_max_us: 1 };
    let pool = Pool::new(2, limits);
    let key = |url| Key::of(&TargetUrl::parse(url, &loopback_rules()).unwrap());
    let first = pool.destination(key("https://a.example.com/x"));
    assert!(std::sync::Arc::ptr_eq(&first, &pool.destination(key("https://a.example.com:443/y"))));
    assert!(!std::sync::Arc::ptr_eq(&first, &pool.destination(key("http://a.example.com:443/"))));
    assert_eq!(pool.destination_count(), 2);
    pool.destination(key("https://b.example.com/"));
    assert_eq!(pool.destination_count(), 2, "full");
    pool.sweep(5);
    assert_eq!(pool.destination_count(), 1, "the one that a target holds");
}

#[tokio::test]
async fn a_destination_beyond_the_limit_works_without_reuse() {
    let server = Server::answering(OK).await;
    let bench = Bench::new(CourierConfig { destinations_max: 0, ..patient() });
    let target = bench.target(&server.url());
    for _ in 0..2 {
        assert_eq!(bench.attempt(&target).await.outcome, responded(200));
    }
    assert_eq!(server.connection_count(), 2);
}
