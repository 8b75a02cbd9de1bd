//! Looking up names.

use super::support::*;
use crate::resolve::SystemResolver;
use crate::{Courier, CourierConfig, Outgoing, SystemDial};
use domain::guard::AddressGuard;
use domain::target::TargetRules;
use domain::{Outcome, Stage, Unreachable};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn a_resolver_that_never_answers_fails_at_its_own_limit() {
    let sink = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let config = CourierConfig { dns_timeout: Duration::from_millis(50), ..patient() };
    let resolver = SystemResolver::asking(sink.local_addr().unwrap(), Duration::from_secs(60), "").unwrap();
    let bench = Bench::with_network(config, Arc::new(resolver), Arc::new(SystemDial));
    assert_eq!(bench.outcome("http://my_hooks.example.com/").await, Outcome::TimedOut { stage: Stage::Resolve });
    let mut question = [0; 512];
    let length = sink.recv(&mut question).await.unwrap();
    assert!(question[..length].windows(8).any(|w| w == b"my_hooks"), "the sink was asked");
}

#[tokio::test]
async fn a_name_in_the_hosts_file_is_asked_of_no_server() {
    let sink = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let hosts = "127.0.0.1 receiver hooks.example.com # ours";
    let resolver = SystemResolver::asking(sink.local_addr().unwrap(), Duration::from_secs(60), hosts).unwrap();
    let bench = Bench::with_network(patient(), Arc::new(resolver), Arc::new(SystemDial));
    let server = Server::answering(OK).await;
    for host in ["receiver", "hooks.example.com"] {
        let url = format!("http://{host}:{}/", server.address.port());
        assert_eq!(bench.outcome(&url).await, responded(200));
    }
    assert!(sink.try_recv(&mut [0; 512]).is_err());
}

#[tokio::test]
async fn the_systems_own_resolver_finds_localhost() {
    let server = Server::answering(OK).await;
    let bench = Bench::new(patient());
    let courier = Courier::new(patient(), bench.clock.clone(), Arc::new(TestRng)).unwrap();
    let target = bench.target(&format!("http://localhost:{}/", server.address.port()));
    let body = bytes::Bytes::from_static(b"{}");
    let report =
        courier.attempt(&target, Outgoing { id: "msg_1", body: &body, passage: None, is_watched: false }).await;
    assert_eq!(report.outcome, responded(200));
}

#[tokio::test]
async fn a_name_without_an_address_fails_as_unknown() {
    for answer in [None, Some(Vec::new())] {
        let bench = Bench::with_network(patient(), StubResolver::new([answer]), Arc::new(SystemDial));
        let outcome = bench.outcome("http://hooks.example.com/").await;
        assert_eq!(outcome, Outcome::Unreachable { why: Unreachable::Dns });
    }
}

#[tokio::test]
async fn a_thousand_addresses_are_tried_up_to_sixteen() {
    let many = (0..1000).map(|n| IpAddr::V4(Ipv4Addr::from(0x5db8_0000 + n))).collect();
    let dialer = Arc::new(RecordingDial::default());
    let bench = Bench::with_network(patient(), StubResolver::new([Some(many)]), dialer.clone());
    let outcome = bench.outcome("http://hooks.example.com/").await;
    assert_eq!(outcome, Outcome::Unreachable { why: Unreachable::Connect });
    assert_eq!(dialer.dialled.lock().len(), 16);
}

#[tokio::test]
async fn one_forbidden_address_anywhere_in_a_long_answer_refuses_the_name() {
    let mut many: Vec<IpAddr> = vec!["93.184.216.34".parse().unwrap(); 999];
    many.push("10.0.0.1".parse().unwrap());
    let dialer = Arc::new(RecordingDial::default());
    let bench = Bench::with_network(patient(), StubResolver::new([Some(many)]), dialer.clone());
    assert!(matches!(bench.outcome("http://hooks.example.com/").await, Outcome::Refused { .. }));
    assert_eq!(*dialer.dialled.lock(), []);
}

#[tokio::test]
async fn localhost_is_usable_once_loopback_is_allowed() {
    let server = Server::answering(OK).await;
    let bench = Bench::new(patient());
    let url = format!("http://localhost:{}/hook", server.address.port());
    assert_eq!(bench.outcome(&url).await, responded(200));
}

#[tokio::test]
async fn our_own_listener_is_never_dialled() {
    let server = Server::answering(OK).await;
    let guard = AddressGuard::new(vec!["127.0.0.0/8".parse().unwrap()], vec![server.address]);
    let config = CourierConfig { rules: TargetRules { https_only: false, guard: Arc::new(guard) }, ..patient() };
    let bench = Bench::new(config);
    let url = format!("http://localhost:{}/", server.address.port());
    assert!(matches!(bench.outcome(&url).await, Outcome::Refused { .. }));
    assert_eq!(server.connection_count(), 0);
}
