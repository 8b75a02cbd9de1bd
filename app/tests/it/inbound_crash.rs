//! A source whose server is killed or stopped under load: a provider that sends again what had no answer makes no
//! second message, and nothing is lost.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;

use super::support::Dice;
use super::support::client::Api;
use super::support::load::Ledger;
use super::support::receiver::Receiver;
use super::support::server::Launch;
use super::support::source::Source;

const KILLS: usize = 10;
const STOPS: usize = 4;
const SENDERS: usize = 4;

#[test]
fn ten_kills_under_load_make_one_message_of_each_event() {
    let seed = 0x1b0d;
    let mut dice = Dice(seed);
    let receiver = Receiver::good();
    let launch = Launch::new(&["--endpoint-concurrency", "8", "--retry-schedule", "60ms,60ms,60ms,60ms,60ms"]);
    let address = Launch::lasting_address();
    let mut server = launch.start_at(address);
    let api = server.api(&launch);
    let source = Source::github(&api);
    source.forward(&api, &receiver.url("/hooks"));
    let load = source.load(SENDERS);
    for _ in 0..KILLS {
        load.aim(address);
        load.go_on_for(Duration::from_millis(30 + dice.roll(121)));
        server.kill();
        server = launch.start_at(address);
    }
    load.aim(address);
    load.wait_for(load.acknowledged() + 50);
    let ledger = load.finish();
    println!("{} acknowledged, {} answers lost, seed {seed}", ledger.acknowledged.len(), ledger.lost_answers);
    assert!(ledger.lost_answers >= KILLS, "the kills met no load: {}", ledger.lost_answers);
    check(&api, &source, &ledger, &receiver);
}

#[test]
fn stops_under_load_lose_no_event_and_deliver_none_twice() {
    let mut dice = Dice(11);
    let receiver = Receiver::good();
    let launch = Launch::new(&["--shutdown-timeout", "10s", "--endpoint-concurrency", "8"]);
    let mut server = launch.start();
    let api = server.api(&launch);
    let source = Source::github(&api);
    source.forward(&api, &receiver.url("/hooks"));
    let load = source.load(SENDERS);
    for _ in 0..STOPS {
        load.aim(server.address);
        load.wait_for(load.acknowledged() + 20 + dice.roll(60) as usize);
        server.terminate();
        assert_eq!(server.ends_within(Duration::from_secs(10)), 0);
        server = launch.start();
    }
    load.aim(server.address);
    let ledger = load.finish();
    let copies = check(&server.api(&launch), &source, &ledger, &receiver);
    assert_eq!(copies, 0, "of {}", ledger.acknowledged.len());
}

#[test]
fn an_event_is_known_again_after_a_kill_right_behind_its_answer() {
    let launch = Launch::new(&[]);
    let mut server = launch.start();
    let source = Source::github(&server.api(&launch));
    let mut first = Vec::new();
    for n in 0..5 {
        let hook = source.hook("push", &format!("delivery-{n}"), &format!("{{\"n\":{n}}}"));
        first.push(hook.expect(200, server.address));
        server.kill();
        server = launch.start();
        assert_eq!(hook.expect(200, server.address), first[n], "the first answer");
    }
    let api = server.api(&launch);
    assert_eq!(source.messages(&api).len(), 5);
    let stored = source.requests(&api);
    let ids: Vec<&str> = stored.iter().map(|r| r["id"].as_str().unwrap()).collect();
    assert_eq!(ids, first);
    assert!(stored.iter().all(|r| r["duplicates"] == 1), "{stored:?}");
}

/// Each event that was acknowledged is one stored request and one message, as it was sent, and came to the receiver. How
/// often one came beyond that.
fn check(api: &Api, source: &Source, ledger: &Ledger, receiver: &Receiver) -> usize {
    let stored: HashMap<String, Value> =
        source.requests(api).into_iter().map(|r| (r["id"].as_str().unwrap().to_owned(), r)).collect();
    for (payload, ids) in &ledger.acknowledged {
        assert_eq!(ids.len(), 1, "{payload} was acknowledged as {ids:?}");
        let request = stored.get(&ids[0]).unwrap_or_else(|| panic!("{} is not stored", ids[0]));
        assert_eq!((&request["verdict"], &request["messages"]), (&"accepted".into(), &1.into()), "{request}");
        assert_eq!(request["body"].as_str(), Some(payload.as_str()));
    }
    assert_eq!(stored.len(), ledger.acknowledged.len(), "requests and events");
    let mut messages: HashMap<String, usize> = HashMap::new();
    for message in source.messages(api) {
        *messages.entry(message["payload"]["n"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let sent: HashSet<String> = ledger.acknowledged.keys().map(|payload| number(payload.as_bytes())).collect();
    assert_eq!(messages.keys().cloned().collect::<HashSet<_>>(), sent);
    assert!(messages.values().all(|n| *n == 1), "{messages:?}");
    let seen = receiver.wait("every event", |seen| {
        let came: HashSet<&[u8]> = seen.iter().map(|s| s.body.as_slice()).collect();
        ledger.acknowledged.keys().all(|payload| came.contains(payload.as_bytes())).then(|| seen.to_vec())
    });
    assert!(seen.iter().all(|s| sent.contains(&number(&s.body))), "nobody sent this");
    seen.len() - sent.len()
}

/// The number of an event.
fn number(payload: &[u8]) -> String {
    let payload: Value = serde_json::from_slice(payload).unwrap();
    payload["n"].as_str().unwrap().to_owned()
}
