//! Receivers that take connections and say nothing, beside healthy ones.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::json;

use super::support::receiver::Receiver;
use super::support::server::Launch;
use super::support::until;

/// How late a healthy delivery may be, on a busy machine.
const PROMPT: Duration = Duration::from_secs(1);

#[test]
fn a_black_hole_delays_nobody_else() {
    let (hole, good) = (Receiver::black_hole(), Receiver::good());
    let launch = Launch::new(&["--request-timeout", "1s", "--global-concurrency", "80"]);
    let server = launch.start();
    let api = server.api(&launch);
    let app = api.app();
    let stuck = api.endpoint(&app, json!({"url": hole.url("/")}));
    let healthy = api.endpoint(&app, json!({"url": good.url("/")}));
    // More than the hole's lane may have under way.
    let sent: Vec<(String, Instant)> = (0..200).map(|n| (api.send(&app, json!({"n": n})), Instant::now())).collect();
    let seen = good.wait_for("/", sent.len());
    let came: HashMap<&str, Instant> = seen.iter().map(|s| (s.id(), s.at)).collect();
    for (id, acknowledged) in &sent {
        let late = came[&**id].saturating_duration_since(*acknowledged);
        assert!(late < PROMPT, "{id} came after {late:?}");
    }
    assert_eq!(seen.len(), sent.len());
    assert!(hole.open_max() <= 64, "{}", hole.open_max());
    for id in [&sent[0].0, &sent[199].0] {
        until("the hole's delivery waits for its next attempt", || {
            let state = api.destination(&app, id, &stuck);
            (state["status"] == 1 && state["nextAttempt"].is_string()).then_some(())
        });
        assert_eq!(api.destination(&app, id, &healthy)["statusText"], "success");
    }
}

/// rcv-055: many endpoints of many lanes, and one host behind them all.
#[test]
fn a_thousand_endpoints_on_a_dead_host_delay_no_other_host() {
    let (hole, good) = (Receiver::black_hole(), Receiver::good());
    let limits = ["--host-concurrency", "16", "--global-concurrency", "32", "--request-timeout", "2s"];
    let launch = Launch::new(&limits);
    let server = launch.start();
    let api = server.api(&launch);
    let app = api.app();
    let mut connection = api.connect().unwrap();
    for n in 0..1000 {
        let body = json!({"url": hole.url(&format!("/{n}"))}).to_string();
        let answer = connection.request("POST", &format!("/api/v1/app/{app}/endpoint"), &[], body.as_bytes());
        assert_eq!(answer.unwrap().status, 201);
    }
    api.endpoint(&app, json!({"url": good.url("/")}));
    for n in 1..=5 {
        api.send(&app, json!({"n": n}));
        assert!(good.comes_within(n, PROMPT), "message {n} is late behind the dead host's 1000 endpoints");
        hole.wait_for_open(1);
    }
    assert!(hole.open_max() <= 16, "{}", hole.open_max());
}
