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
    // The lane's limit is 64; one wave of connections may still end while the next begins.
    assert!(hole.open_max() <= 128, "{}", hole.open_max());
    for id in [&sent[0].0, &sent[199].0] {
        until("the hole's delivery waits for its next attempt", || {
            let state = api.destination(&app, id, &stuck);
            (state["status"] == 1 && state["nextAttempt"].is_string()).then_some(())
        });
        until("the healthy one is settled", || {
            (api.destination(&app, id, &healthy)["statusText"] == "success").then_some(())
        });
    }
}

/// rcv-055: many endpoints of many lanes, and one host behind them all.
#[test]
fn a_thousand_endpoints_on_a_dead_host_delay_no_other_host() {
    let (hole, good) = (Receiver::black_hole(), Receiver::good());
    let launch = Launch::new(&["--host-concurrency", "16", "--global-concurrency", "32", "--request-timeout", "60s"]);
    let server = launch.start();
    let api = server.api(&launch);
    let apps: Vec<String> = (0..10).map(|_| api.app()).collect();
    let mut connection = api.connect().unwrap();
    for n in 0..1000 {
        let body = json!({"url": hole.url(&format!("/{n}"))}).to_string();
        let path = format!("/api/v1/app/{}/endpoint", apps[n % apps.len()]);
        assert_eq!(connection.request("POST", &path, &[], body.as_bytes()).unwrap().status, 201);
    }
    let healthy = api.app();
    api.endpoint(&healthy, json!({"url": good.url("/")}));
    for n in 1..=5 {
        for app in &apps {
            api.send(app, json!({"n": n}));
        }
        // The dead host has all that it may have.
        hole.wait_for_open(16);
        api.send(&healthy, json!({"n": n}));
        assert!(good.comes_within(n, PROMPT), "message {n} is late behind the dead host's 1000 endpoints");
    }
    assert_eq!(hole.open_max(), 16);
}
