//! Consumers without a URL, over restarts of the server: positions, streams, long polls.

use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use super::support::client::Api;
use super::support::events::Events;
use super::support::server::Launch;
use super::support::source::Source;
use super::support::{DEADLINE, until};

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(super::support::client::id).collect()
}

fn send(api: &Api, app: &str, n: usize) -> Vec<String> {
    (0..n).map(|n| api.send(app, json!({"n": n}))).collect()
}

#[test]
fn a_consumer_goes_on_where_it_was_over_kills_and_stops() {
    let launch = Launch::new(&[]);
    let mut server = launch.start();
    let mut api = server.api(&launch);
    let app = api.app();
    let sent = send(&api, &app, 40);
    let path = format!("/api/v1/app/{app}/poller/queue/consumer/worker-1?limit=7");
    let (mut got, mut iterator) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("{path}{iterator}"));
        // Each page is asked for twice, over an end of the server, as if its first answer had been lost.
        if got.len() % 2 == 0 {
            server.kill();
        } else {
            server.terminate();
            assert_eq!(server.ends_within(DEADLINE), 0);
        }
        server = launch.start();
        api = server.api(&launch);
        assert_eq!(ids(&api.get(&path)), ids(&page), "the position is where the last iterator put it");
        got.extend(ids(&page));
        iterator = format!("&iterator={}", page["iterator"].as_str().unwrap());
        if page["done"] == true {
            break;
        }
    }
    assert_eq!(got, sent);
    let page = api.get(&format!("{path}{iterator}"));
    assert_eq!((ids(&page), &page["done"]), (vec![], &json!(true)));
    server.kill();
    let server = launch.start();
    let api = server.api(&launch);
    let more = send(&api, &app, 3);
    assert_eq!(ids(&api.get(&path)), more);
    // Another consumer begins with the oldest.
    assert_eq!(ids(&api.get(&format!("/api/v1/app/{app}/poller/queue/consumer/worker-2?limit=7"))), sent[..7]);
}

#[test]
fn a_stream_that_a_kill_broke_goes_on_with_exactly_the_rest() {
    let launch = Launch::new(&[]);
    let mut server = launch.start();
    let mut api = server.api(&launch);
    let source = Source::github(&api);
    let hook = |server: &super::support::server::Server, n: usize| {
        source.hook("push", &format!("d-{n}"), &format!("{{\"n\":{n}}}")).expect(200, server.address)
    };
    let paths = [source.at("/request/stream"), "/api/v1/listen".to_owned()];
    let message_path = format!("/api/v1/app/{}/msg/stream", source.app);
    let mut streams: Vec<Events> = paths.iter().map(|path| Events::open(&api, path, None)).collect();
    let mut messages = Events::open(&api, &message_path, None);
    let mut last: Vec<String> = streams.iter().map(|stream| stream.begun.clone()).collect();
    let mut n = 0;
    for _ in 0..3 {
        // Seen live, then missed while nobody looks, before and after the restart.
        let live: Vec<String> = (0..5).map(|i| hook(&server, n + i)).collect();
        for (stream, last) in streams.iter_mut().zip(&mut last) {
            assert_eq!(stream.ids(5), live);
            last.clone_from(&live[4]);
        }
        let all: Vec<Value> = (0..5).map(|_| messages.event().json()).collect();
        let numbers: Vec<usize> = all.iter().map(|m| m["payload"]["n"].as_u64().unwrap() as usize).collect();
        assert_eq!(numbers, (n..n + 5).collect::<Vec<_>>());
        let last_message = all[4]["id"].as_str().unwrap().to_owned();
        drop((streams, messages));
        let mut missed: Vec<String> = (5..8).map(|i| hook(&server, n + i)).collect();
        server.kill();
        server = launch.start();
        api = server.api(&launch);
        missed.extend((8..11).map(|i| hook(&server, n + i)));
        streams = paths.iter().zip(&last).map(|(path, last)| Events::open(&api, path, Some(last))).collect();
        messages = Events::open(&api, &message_path, Some(&last_message));
        for (stream, last) in streams.iter_mut().zip(&last) {
            assert_eq!(stream.ids(6), missed);
            assert_eq!(&stream.begun, last);
        }
        assert_eq!(messages.begun, last_message);
        for i in 5..11 {
            assert_eq!(messages.event().json()["payload"]["n"], json!(n + i));
        }
        n += 11;
    }
}

#[test]
fn a_long_poll_wakes_with_what_comes_and_a_stop_ends_it() {
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let source = Source::github(&api);
    let path = format!("/api/v1/app/{}/poller/queue", source.app);
    let from = api.get(&path)["iterator"].as_str().unwrap().to_owned();
    let waiting = |path: String| {
        let api = api.clone();
        thread::spawn(move || (api.get(&path), Instant::now()))
    };
    let polls: Vec<_> = ["".to_owned(), "/consumer/c".to_owned()]
        .map(|of| waiting(format!("{path}{of}?wait=30&iterator={from}")))
        .into();
    open_polls(&api, 2);
    source.hook("push", "d-1", "{\"n\":1}").expect(200, server.address);
    for poll in polls {
        let (page, _) = poll.join().unwrap();
        assert_eq!(page["data"][0]["payload"]["n"], 1);
    }
    let from = api.get(&path)["iterator"].as_str().unwrap().to_owned();
    let poll = waiting(format!("{path}?wait=30&iterator={from}"));
    open_polls(&api, 1);
    let begun = Instant::now();
    server.terminate();
    let (page, at) = poll.join().unwrap();
    assert_eq!(ids(&page), Vec::<String>::new());
    assert!(at - begun < DEADLINE / 2, "{:?}", at - begun);
    assert_eq!(server.ends_within(DEADLINE), 0);
}

/// Waits until so many polls wait.
fn open_polls(api: &Api, n: usize) {
    until("the polls wait", || {
        let metrics = api.call("GET", "/metrics", None).text();
        metrics.lines().any(|line| line == format!("postrider_http_streams {n}")).then_some(())
    });
}
