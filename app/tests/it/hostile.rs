//! Clients that send what no decent client sends: each gets its answer, and the server goes on as if nothing were.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use serde_json::json;

use super::support::Watch;
use super::support::client::{Answer, Api, Connection};
use super::support::receiver::Receiver;
use super::support::server::{Launch, Server};

const MEMORY_MAX: u64 = 150 << 20;

struct Target {
    server: Server,
    api: Api,
    app: String,
    receiver: Receiver,
    _launch: Launch,
}

impl Target {
    fn new(args: &[&str]) -> Target {
        let launch = Launch::new(args);
        let receiver = Receiver::good();
        let server = launch.start();
        let api = server.api(&launch);
        let app = api.app();
        api.endpoint(&app, json!({"url": receiver.url("/")}));
        Target { server, api, app, receiver, _launch: launch }
    }

    fn messages(&self) -> String {
        format!("/api/v1/app/{}/msg", self.app)
    }

    fn post(&self, path: &str, body: &[u8]) -> Answer {
        self.connect().request("POST", path, &[("connection", "close")], body).unwrap()
    }
    fn connect(&self) -> Connection {
        self.api.connect().unwrap()
    }

    /// The server is as it was: it delivers, and its memory is bounded.
    fn check_unharmed(&self) {
        let message = self.api.send(&self.app, json!({"good": true}));
        self.receiver.wait("a good message", |seen| seen.iter().any(|s| s.id() == message).then_some(()));
        let memory = self.server.memory_peak();
        assert!(memory < MEMORY_MAX, "{} MiB", memory >> 20);
    }
}

/// A refusal in JSON that says why.
fn check_refused(answer: &Answer, status: u16, says: &str) {
    let text = answer.text();
    assert_eq!(answer.status, status, "{text}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{text}");
    assert!(!answer.json()["detail"].is_null() && text.contains(says), "{says}: {text}");
}

#[test]
fn bodies_that_are_no_message_are_refused_with_a_reason() {
    let target = Target::new(&[]);
    let messages = target.messages();
    let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
    let nested = format!("{{\"eventType\":\"a\",\"payload\":{{\"x\":{}}}}}", deep(400_000));
    let far_nested = format!("{{\"eventType\":\"a\",\"payload\":{{\"x\":{}}}}}", deep(1_000_000));
    let cases: [(&[u8], u16, &str); 9] = [
        (b"{\"eventType\":\"a\",", 422, "value_error.jsondecode"),
        (b"", 422, "value_error.jsondecode"),
        (b"{\"eventType\":17,\"payload\":{}}", 422, "eventType"),
        (b"{\"eventType\":\"a\",\"payload\":17}", 422, "payload"),
        (b"{\"eventType\":\"a\"}", 400, "missing_payload"),
        (b"{\"eventType\":\"a\",\"payload\":{\"x\":\"\xff\xfe\"}}", 422, "UTF-8"),
        (b"\x00\x01\x02", 422, "value_error.jsondecode"),
        (nested.as_bytes(), 422, "nested deeper"),
        (far_nested.as_bytes(), 413, "payload_too_large"),
    ];
    for (body, status, says) in cases {
        check_refused(&target.post(&messages, body), status, says);
    }
    // Where a body is read whole, depth and types are checked too.
    for path in ["/api/v1/app", "/api/v1/event-type", &format!("/api/v1/app/{}/endpoint", target.app)] {
        for body in
            [deep(1_000_000).as_bytes(), b"{", b"[1]", b"\"x\"", b"{\"name\":\"\xff\"}", b"{\"name\":{},\"url\":7}"]
        {
            check_refused(&target.post(path, body), 422, "detail");
        }
    }
    check_refused(&target.post("/api/v1/app/nobody/msg", b"{\"eventType\":\"a\",\"payload\":{}}"), 404, "not_found");
    check_refused(&target.post("/api/v1/nothing", b"{}"), 404, "not_found");
    check_refused(&target.connect().request("DELETE", &messages, &[], b"").unwrap(), 405, "method_not_allowed");
    target.check_unharmed();
}

#[test]
fn a_body_over_the_limit_is_refused_however_it_is_framed() {
    let target = Target::new(&[]);
    let messages = target.messages();
    let large = vec![b' '; 6 << 20];
    check_refused(&target.post(&messages, &large), 413, "payload_too_large");

    let mut chunked = target.connect();
    let head = chunked.head("POST", &messages, &[("transfer-encoding", "chunked"), ("connection", "close")]);
    chunked.send((head + "\r\n").as_bytes()).unwrap();
    let chunk = [b"10000\r\n", &large[..65_536], b"\r\n"].concat();
    for _ in 0..96 {
        chunked.send(&chunk).unwrap();
    }
    chunked.send(b"0\r\n\r\n").unwrap();
    check_refused(&chunked.answer().unwrap(), 413, "payload_too_large");

    let whole = format!("{{\"eventType\":\"a\",\"payload\":{{\"x\":\"{}\"}}}}", "y".repeat(2 << 20));
    check_refused(&target.post(&messages, whole.as_bytes()), 413, "payload_too_large");
    target.check_unharmed();
}

#[test]
fn a_body_without_end_is_cut_off() {
    let target = Target::new(&[]);
    let mut endless = target.connect();
    let head = endless.head("POST", &target.messages(), &[("transfer-encoding", "chunked")]);
    endless.send((head + "\r\n").as_bytes()).unwrap();
    let chunk = [b"10000\r\n", &[b' '; 65_536][..], b"\r\n"].concat();
    let taken = (0..4096).take_while(|_| endless.send(&chunk).is_ok()).count();
    assert!(taken < 1024, "{} MiB were taken", taken >> 4);
    target.check_unharmed();
}

#[test]
fn heads_beyond_the_limits_are_refused() {
    let target = Target::new(&[]);
    let headers: Vec<(String, String)> = (0..150).map(|n| (format!("x-{n}"), "1".to_owned())).collect();
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let answer = target.connect().request("GET", "/api/v1/app", &headers, b"").unwrap();
    check_refused(&answer, 431, "headers_too_large");
    let long = "v".repeat(40_000);
    let answer = target.connect().request("GET", "/api/v1/app", &[("x-long", &long)], b"").unwrap();
    check_refused(&answer, 431, "headers_too_large");
    // Far beyond them, and where there is no request to answer, a status must do.
    let many: Vec<(String, String)> = (0..2_000).map(|n| (format!("x-{n}"), "1".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (&**name, &**value)).collect();
    let answer = target.connect().request("GET", "/api/v1/app", &many, b"");
    assert!(answer.as_ref().map_or(true, |a| a.status == 431), "{answer:?}");
    for nonsense in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"GET / HTTP/9.9\r\n\r\n", b"\r\r\r\n\n \0\r\n\r\n"]
    {
        let mut connection = target.connect();
        connection.send(nonsense).unwrap();
        let answer = connection.answer();
        assert!(answer.as_ref().map_or(true, |a| a.status == 400 || a.status == 505), "{answer:?}");
    }
    target.check_unharmed();
}

#[test]
fn heads_that_never_end_are_closed_after_their_time() {
    let target = Target::new(&["--header-read-timeout", "1s"]);
    let begun = Instant::now();
    let mut slow: Vec<Connection> = (0..50).map(|_| target.connect()).collect();
    for connection in &mut slow {
        connection.send(b"POST /api/v1/app HTTP/1.1\r\nhost: x\r\nx-slow").unwrap();
    }
    // One that drips on and on is no better off.
    let dripping = &mut target.connect();
    let closed: Watch<()> = Watch::new(());
    let mut drops = 0;
    while dripping.send(b"x").is_ok() {
        drops += 1;
        assert!(drops < 600, "still open after a minute");
        let _: Option<()> = closed.wait(Duration::from_millis(100), |()| None);
    }
    for connection in &mut slow {
        let mut rest = Vec::new();
        match connection.stream.read_to_end(&mut rest) {
            Ok(_) => assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{rest:?}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
    assert!(begun.elapsed() >= Duration::from_millis(950), "{:?}", begun.elapsed());
    target.check_unharmed();
}

#[test]
fn bodies_that_never_end_get_an_answer_after_their_time() {
    let target = Target::new(&["--body-read-timeout", "1s"]);
    let mut stalled: Vec<Connection> = (0..20).map(|_| target.connect()).collect();
    for connection in &mut stalled {
        let head = connection.head("POST", &target.messages(), &[("content-length", "1000")]);
        connection.send((head + "\r\n{\"eventType\":").as_bytes()).unwrap();
    }
    for connection in &mut stalled {
        check_refused(&connection.answer().unwrap(), 408, "request_timeout");
    }
    target.check_unharmed();
}
