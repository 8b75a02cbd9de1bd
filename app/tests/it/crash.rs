//! `kill -9`, at any moment, and a start over what it left.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;

use super::support::Dice;
use super::support::load::Load;
use super::support::receiver::{Receiver, Say};
use super::support::server::Launch;

const ROUNDS: usize = 20;
const PRODUCERS: usize = 4;
const ENDPOINT_CONCURRENCY: usize = 8;
/// The last one fails at the first try of each message.
const PATHS: [(&str, usize); 3] = [("/billing", 1), ("/shipping", 1), ("/inventory", 2)];

#[test]
fn twenty_kills_under_load_lose_nothing_that_was_acknowledged() {
    let seed = 0x5eed;
    let mut dice = Dice(seed);
    let tried = Mutex::new(HashSet::new());
    let receiver = Receiver::start(move |seen, _| {
        let first = seen.path == "/inventory" && tried.lock().unwrap().insert(seen.id().to_owned());
        if first { Say(500, "") } else { Say(204, "") }
    });
    let limit = ENDPOINT_CONCURRENCY.to_string();
    let launch = Launch::new(&["--endpoint-concurrency", &limit, "--retry-schedule", "60ms,60ms,60ms,60ms,60ms,60ms"]);
    let address = Launch::lasting_address();
    let mut server = launch.start_at(address);
    let api = server.api(&launch);
    let app = api.app();
    for (path, _) in PATHS {
        api.endpoint(&app, json!({"url": receiver.url(path)}));
    }
    let load = Load::start(PRODUCERS, &app, &api.token);
    for _ in 0..ROUNDS {
        load.aim(address);
        load.go_on_for(Duration::from_millis(30 + dice.roll(121)));
        server.kill();
        server = launch.start_at(address);
    }
    load.aim(address);
    let last = load.acknowledged() + 50;
    load.wait_for(last);
    let ledger = load.finish();

    println!("{} acknowledged, {} answers lost, seed {seed}", ledger.acknowledged.len(), ledger.lost_answers);
    assert!(ledger.lost_answers >= ROUNDS, "the kills met no load: {}", ledger.lost_answers);
    for (payload, ids) in &ledger.acknowledged {
        assert_eq!(ids.len(), 1, "{payload} was acknowledged as {ids:?}");
    }
    let copies = ledger.check_arrived(&receiver, &PATHS);
    println!("{copies} came again");
    let in_flight = ROUNDS * PATHS.len() * ENDPOINT_CONCURRENCY;
    assert!(copies <= in_flight, "{copies} came again, and at most {in_flight} were in flight, seed {seed}");
}

#[test]
fn a_key_still_names_its_message_after_a_kill() {
    let launch = Launch::new(&[]);
    let mut server = launch.start();
    let api = server.api(&launch);
    let app = api.app();
    let path = format!("/api/v1/app/{app}/msg");
    let body = json!({"eventType": "a.b", "payload": {"n": 1}}).to_string();
    let keys = ["auto_9f2c7a1e-8a53-4f0e-9d6e-3c1f0a7b5d21", "order-4711"];
    let post = |api: &super::support::client::Api, key: &str| {
        let headers = [("idempotency-key", key), ("connection", "close")];
        let answer = api.connect().unwrap().request("POST", &path, &headers, body.as_bytes()).unwrap();
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()
    };
    let first = keys.map(|key| post(&api, key));
    assert_ne!(first[0]["id"], first[1]["id"]);
    server.kill();
    let server = launch.start();
    let api = server.api(&launch);
    assert_eq!(keys.map(|key| post(&api, key)), first);
    let all = api.get(&path);
    assert_eq!(all["data"].as_array().unwrap().len(), 2, "{all}");
}
