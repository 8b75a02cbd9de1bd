//! `health` against sockets that answer well, badly and not at all.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use super::Place;

/// Answers one request with `answer`; gives the request's head.
fn server(answer: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
        let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        stream.write_all(answer.as_bytes()).unwrap();
        head.join("\n")
    });
    (address, served)
}

#[test]
fn a_ready_server_is_healthy() {
    let place = Place::new();
    let (address, served) = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    place.check(0, &["health", "--listen", &address.to_string()], &[]);
    assert!(served.join().unwrap().starts_with("GET /readyz HTTP/1.1\n"));
    let (address, served) = server("HTTP/1.1 204 No Content\r\n\r\n");
    place.check(0, &["health", "--url", &format!("http://{address}/livez")], &[]);
    assert!(served.join().unwrap().starts_with("GET /livez HTTP/1.1\n"));
}

#[test]
fn a_server_on_every_address_is_asked_on_the_loopback_one() {
    let (address, served) = server("HTTP/1.1 200 OK\r\n\r\n");
    Place::new().check(0, &["health", "--listen", &format!("0.0.0.0:{}", address.port())], &[]);
    assert!(served.join().unwrap().contains(&format!("Host: 127.0.0.1:{}", address.port())));
}

#[test]
fn what_is_not_ready_is_unhealthy_and_says_why() {
    for (answer, expected) in [
        ("HTTP/1.1 503 Service Unavailable\r\n\r\ndisk\x1b[31m full", "not ready: 503 disk[31m full"),
        ("SSH-2.0-OpenSSH\r\n", "does not answer in HTTP"),
        ("", "does not answer in HTTP"),
    ] {
        let (address, served) = server(answer);
        let run = Place::new().check(5, &["health", "--listen", &address.to_string()], &[]);
        served.join().unwrap();
        assert!(run.err.contains(expected), "{}", run.err);
    }
}

#[test]
fn no_server_and_no_http_are_unhealthy() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let run = Place::new().check(5, &["health", "--listen", &address], &[]);
    assert!(run.err.contains("is `postrider serve` running?"), "{}", run.err);
    let run = Place::new().check(5, &["health", "--url", "https://127.0.0.1/"], &[]);
    assert!(run.err.contains("only http"), "{}", run.err);
}
