//! `listen`: what a server receives reaches a local port, whatever happens to the server or the port in between.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::support::Dice;
use super::support::command::Running;
use super::support::receiver::{Receiver, Say};
use super::support::server::{Launch, Server};
use super::support::source::{Source, now_ms};

const KILLS: usize = 4;

/// Starts `listen`, and waits until it listens.
fn listen(launch: &Launch, server: SocketAddr, to: &str, more: &[&str]) -> Running {
    let (url, token) = (format!("http://{server}"), launch.token());
    let args = [&["listen", to, "--server", &url, "--token", &token][..], more].concat();
    let running = Running::start(&launch.place, &args);
    running.wait_for_note("listening: ", 1);
    running
}

fn local(receiver: &Receiver) -> String {
    receiver.address.port().to_string()
}

fn send(source: &Source, server: &Server, event: &str, n: usize) -> String {
    let id = format!("{event}-{n}-{}", now_ms());
    source.hook(event, &id, &format!("{{\"n\":{n}}}")).expect(200, server.address)
}

#[test]
fn every_acknowledged_request_reaches_the_local_port_though_the_server_is_killed() {
    let mut dice = Dice(3000);
    let receiver = Receiver::good();
    let launch = Launch::new(&[]);
    let address = Launch::lasting_address();
    let mut server = launch.start_at(address);
    let source = Source::github(&server.api(&launch));
    let running = listen(&launch, address, &local(&receiver), &[]);
    let load = source.load(2);
    load.aim(address);
    for kill in 0..KILLS {
        load.go_on_for(Duration::from_millis(30 + dice.roll(121)));
        server.kill();
        server = launch.start_at(address);
        // What comes until it listens again is only there to be caught up with.
        load.aim(address);
        running.wait_for_note("listening: ", kill + 2);
    }
    load.wait_for(load.acknowledged() + 20);
    let ledger = load.finish();
    assert!(ledger.lost_answers > 0, "the kills met no load");
    let seen = receiver.wait("every acknowledged request", |seen| {
        let came: HashSet<&[u8]> = seen.iter().map(|s| s.body.as_slice()).collect();
        ledger.acknowledged.keys().all(|payload| came.contains(payload.as_bytes())).then(|| seen.to_vec())
    });
    println!("{} acknowledged, {} came", ledger.acknowledged.len(), seen.len());
    // As it was sent, and named.
    for s in &seen {
        let ids = &ledger.acknowledged[std::str::from_utf8(&s.body).unwrap()];
        assert_eq!(s.header("postrider-request-id"), ids[0]);
        assert_eq!((s.header("x-github-event"), s.header("content-type")), ("push", "application/json"));
        assert!(!s.header("x-hub-signature-256").is_empty());
    }
    let lines = running.lines(seen.len());
    assert!(lines.iter().all(|line| line.contains(" POST ") && line.contains("-> 204")), "{lines:?}");
    assert_eq!(running.interrupt(), 0);
}

#[test]
fn lines_of_json_hold_the_request_and_what_became_of_it() {
    let receiver = Receiver::start(|seen, _| Say(if seen.path.contains("bad") { 500 } else { 200 }, ""));
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let (source, other) = (Source::github(&api), Source::github(&api));
    let to = receiver.url("/own?own=1");
    let running = listen(&launch, server.address, &to, &[&source.id, "--output", "json", "--refused"]);
    send(&other, &server, "push", 0);
    let first = send(&source, &server, "push", 1);
    let mut hook = source.hook("issues", "d-2", "{ \"n\":2}").with("x-twice", "1").with("x-twice", "2");
    hook.path += "/bad%2F?a=1&&b";
    let second = hook.expect(200, server.address);
    let mut forged = source.hook_under(&json!({"secret": "of somebody else"}), "push", "d-3", "{}");
    forged.method = "PUT".to_owned();
    let third = forged.expect(401, server.address);
    let lines: Vec<Value> = running.lines(3).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<&str> = lines.iter().map(|line| line["request"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [&first, &second, &third]);
    let statuses: Vec<_> = lines.iter().map(|line| line["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 500, 200]);
    assert!(lines.iter().all(|line| line["durationMs"].is_u64()));
    assert_eq!(
        (&lines[1]["request"]["eventType"], &lines[2]["request"]["verdict"]),
        (&json!("issues"), &json!("refused"))
    );
    let seen = receiver.seen();
    let paths: Vec<&str> = seen.iter().map(|s| s.path.as_str()).collect();
    assert_eq!(paths, ["/own?own=1", "/own/bad%2F?own=1&a=1&&b", "/own?own=1"]);
    assert_eq!(seen[1].body, b"{ \"n\":2}");
    assert_eq!(seen[1].headers.iter().filter(|(name, _)| name == "x-twice").count(), 2);
}

#[test]
fn filters_choose_and_replay_begins_with_what_was_before() {
    let receiver = Receiver::good();
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let source = Source::github(&api);
    let past: Vec<String> =
        (0..6).map(|n| send(&source, &server, if n % 2 == 0 { "push" } else { "ping" }, n)).collect();
    let named = |receiver: &Receiver, n: usize| -> Vec<String> {
        let seen = receiver.wait("what was chosen", |seen| (seen.len() >= n).then(|| seen.to_vec()));
        seen.iter().map(|s| s.header("postrider-request-id").to_owned()).collect()
    };
    let replayed = listen(&launch, server.address, &local(&receiver), &["--replay", "3"]);
    assert_eq!(named(&receiver, 3), past[3..]);
    replayed.interrupt();

    let receiver = Receiver::good();
    let chosen = ["--event", "issues", "--event", "push", "--method", "post", "--output", "json"];
    let running = listen(&launch, server.address, &local(&receiver), &chosen);
    let mut want = Vec::new();
    for (n, event) in ["ping", "push", "issues", "ping", "push"].into_iter().enumerate() {
        let id = send(&source, &server, event, n);
        want.extend((event != "ping").then_some(id));
    }
    assert_eq!(named(&receiver, 3), want);
    assert_eq!(running.lines(3).len(), 3);
}

#[test]
fn refused_requests_are_told_of_and_not_forwarded() {
    let receiver = Receiver::good();
    let launch = Launch::new(&[]);
    let server = launch.start();
    let source = Source::github(&server.api(&launch));
    let running = listen(&launch, server.address, &local(&receiver), &[]);
    // Whoever sends it has control of it, but not of the terminal.
    let mut forged = source.hook_under(&json!({"secret": "of somebody else"}), "push", "d", "{}");
    forged.path += "/%1b%5b31m?\u{85}x";
    forged.expect(401, server.address);
    send(&source, &server, "push", 1);
    let lines = running.lines(2);
    assert!(lines[0].contains("not forwarded, refused: ") && lines[1].contains("-> 204"), "{lines:?}");
    assert!(!lines[0].contains(char::is_control), "{:?}", lines[0]);
    assert_eq!(receiver.seen().len(), 1);
}

#[test]
fn a_local_port_without_anybody_fails_and_it_goes_on() {
    let launch = Launch::new(&[]);
    let server = launch.start();
    let source = Source::github(&server.api(&launch));
    let port = Launch::lasting_address();
    let running = listen(&launch, server.address, &port.port().to_string(), &[]);
    send(&source, &server, "push", 1);
    send(&source, &server, "push", 2);
    let lines = running.lines(2);
    assert!(lines.iter().all(|line| line.contains("-> failed: ")), "{lines:?}");
    let receiver = Receiver::at(port);
    send(&source, &server, "push", 3);
    assert!(running.lines(3)[2].ends_with(" ms") && running.lines(3)[2].contains("-> 204"));
    assert_eq!(receiver.wait_for("/", 1)[0].body, b"{\"n\":3}");
    assert_eq!(running.interrupt(), 0);
}

#[test]
fn what_a_server_refuses_for_good_ends_the_command() {
    let launch = Launch::new(&[]);
    let server = launch.start();
    let url = format!("http://{}", server.address);
    let run = launch.place.check(1, &["listen", "3000", "--server", &url, "--token", "nonsense"], &[]);
    assert!(run.err.contains("401"), "{}", run.err);
    let run = launch.place.check(1, &["listen", "3000", "nobody", "--server", &url, "--token", &launch.token()], &[]);
    assert!(run.err.contains("404"), "{}", run.err);
    launch.place.check(2, &["listen", "nowhere:99999", "--server", &url, "--token", "x"], &[]);
}
