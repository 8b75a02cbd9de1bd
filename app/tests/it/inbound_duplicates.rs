//! Copies of one event, at the same time and later: one message, one delivery, one answer.

use std::sync::Barrier;
use std::thread;

use serde_json::json;

use super::support::client::{Answer, Connection};
use super::support::receiver::Receiver;
use super::support::server::{Launch, Server};
use super::support::source::{Hook, REQUEST_ID, SECRET, Source};

const COPIES: usize = 64;

/// Sends copies over as many connections, all at once.
fn send_copies(server: &Server, hook: &Hook) -> Vec<Answer> {
    let start = Barrier::new(COPIES);
    let one = || {
        let mut connection = Connection::open(server.address, "").unwrap();
        start.wait();
        hook.over(&mut connection).unwrap()
    };
    thread::scope(|scope| {
        let all: Vec<_> = (0..COPIES).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|copy| copy.join().unwrap()).collect()
    })
}

#[test]
fn sixty_four_copies_at_once_are_one_message_before_and_after_a_kill() {
    let receiver = Receiver::good();
    let launch = Launch::new(&[]);
    let mut server = launch.start();
    let api = server.api(&launch);
    let response = json!({"status": 202, "body": "taken", "headers": {"x-taken": "yes"}});
    let more = json!({"options": {"response": response}});
    let source = Source::with(&api, "github", json!({"secret": SECRET}), more);
    source.forward(&api, &receiver.url("/hooks"));
    let hook = source.hook("push", "72d3162e-cc78-11e3-81ab-4c9367dc0958", "{\"n\":1}");
    let mut id = None;
    for duplicates in [COPIES - 1, 2 * COPIES - 1] {
        for answer in send_copies(&server, &hook) {
            assert_eq!((answer.status, &*answer.text(), answer.header("x-taken")), (202, "taken", Some("yes")));
            let got = answer.header(REQUEST_ID).unwrap().to_owned();
            assert_eq!(id.get_or_insert(got.clone()), &got);
        }
        let api = server.api(&launch);
        let stored = source.requests(&api);
        assert_eq!(stored.len(), 1);
        assert_eq!((stored[0]["id"].as_str(), &stored[0]["duplicates"]), (id.as_deref(), &json!(duplicates)));
        assert_eq!(source.messages(&api).len(), 1);
        receiver.wait_for("/hooks", 1);
        server.kill();
        server = launch.start();
    }
    // What comes behind them was not held up, and comes alone.
    source.hook("push", "another", "{\"n\":2}").expect(202, server.address);
    let seen =
        receiver.wait("the other event", |seen| seen.last().filter(|s| s.body == b"{\"n\":2}").map(|_| seen.to_vec()));
    assert_eq!(seen.len(), 2, "{seen:?}");
}

#[test]
fn copies_are_told_by_what_the_source_says_and_not_at_all_if_it_says_so() {
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let stored = |dedup| {
        let source = Source::with(&api, "generic-webhook", json!({}), json!({"options": {"dedup": dedup}}));
        for (order, body) in [("7", "a"), ("7", "b"), ("8", "b"), ("9", "b"), ("9", "b")] {
            Hook::new("POST", &source.path, body).with("x-order", order).expect(200, server.address);
        }
        source.messages(&api).len()
    };
    assert_eq!(stored(json!({"by": "provider"})), 2, "method, target and body");
    assert_eq!(stored(json!({"by": "body"})), 2);
    assert_eq!(stored(json!({"by": "fields", "fields": ["header:x-order"]})), 3);
    assert_eq!(stored(json!({"by": "fields", "fields": ["header:x-order", "header:x-none"]})), 3);
    assert_eq!(stored(json!({"by": "nothing"})), 5);
}

#[test]
fn a_refused_copy_neither_takes_the_place_of_an_event_nor_counts_as_one() {
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let source = Source::github(&api);
    let forged = source.hook_under(&json!({"secret": "of somebody else"}), "push", "d-1", "{\"n\":1}");
    forged.expect(401, server.address);
    let hook = source.hook("push", "d-1", "{\"n\":1}");
    let first = hook.expect(200, server.address);
    forged.expect(401, server.address);
    assert_eq!(hook.expect(200, server.address), first);
    let all = source.requests(&api);
    let verdicts: Vec<_> = all.iter().map(|r| (r["verdict"].as_str().unwrap(), r["duplicates"].as_u64())).collect();
    assert_eq!(verdicts, [("refused", Some(0)), ("accepted", Some(1)), ("refused", Some(0))]);
    assert_eq!(source.messages(&api).len(), 1);
}
