//! What becomes of deliveries whose receivers fail, ask for less, are gone, or are to be spared.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::client::{Api, id};
use super::support::receiver::{Receiver, Say, Seen};
use super::support::server::{Launch, Server};
use super::support::until;

/// A server with one application.
struct Stage {
    launch: Launch,
    server: Server,
    api: Api,
    app: String,
}

impl Stage {
    fn new(args: &[&str]) -> Stage {
        let launch = Launch::new(args);
        let server = launch.start();
        let api = server.api(&launch);
        let app = api.app();
        Stage { launch, server, api, app }
    }
    fn endpoint(&self, fields: Value) -> String {
        self.api.endpoint(&self.app, fields)
    }
    fn send(&self) -> String {
        self.api.send(&self.app, json!({}))
    }
    fn wait_for_status(&self, message: &str, endpoint: &str, text: &str) -> Value {
        until(text, || {
            let state = self.api.destination(&self.app, message, endpoint);
            (state["statusText"] == text).then_some(state)
        })
    }
    fn attempts(&self, endpoint: &str) -> Vec<Value> {
        let list = self.api.get(&format!("/api/v1/app/{}/attempt/endpoint/{endpoint}", self.app));
        list["data"].as_array().unwrap().clone()
    }
}

fn gap(seen: &[Seen], n: usize) -> Duration {
    seen[n + 1].at.saturating_duration_since(seen[n].at)
}

#[test]
fn gone_disables_the_endpoint_and_the_operator_is_told() {
    let receiver = Receiver::start(|seen, _| if seen.path == "/gone" { Say(410, "") } else { Say(204, "") });
    let stage = Stage::new(&[]);
    let told = json!({"url": receiver.url("/operator"), "filterTypes": ["endpoint.disabled"]});
    let path = "/api/v1/operational-webhook/endpoint";
    stage.api.expect(201, "POST", path, Some(&told));
    let endpoint = stage.endpoint(json!({"url": receiver.url("/gone")}));
    let message = stage.send();
    let notice: Value = serde_json::from_slice(&receiver.wait_for("/operator", 1)[0].body).unwrap();
    assert_eq!(notice["type"], "endpoint.disabled");
    assert_eq!((&notice["data"]["endpointId"], &notice["data"]["appId"]), (&json!(endpoint), &json!(stage.app)));
    let shown = stage.api.get(&format!("/api/v1/app/{}/endpoint/{endpoint}", stage.app));
    assert_eq!(shown["disabled"], true);
    assert_eq!(stage.wait_for_status(&message, &endpoint, "fail")["nextAttempt"], Value::Null);

    // To a disabled endpoint nothing is sent, by hand neither.
    let resend = format!("/api/v1/app/{}/msg/{message}/endpoint/{endpoint}/resend", stage.app);
    let refused = stage.api.expect(409, "POST", &resend, Some(&json!({})));
    assert_eq!(refused["code"], "conflict");
    let enable = format!("/api/v1/app/{}/endpoint/{endpoint}", stage.app);
    stage.api.expect(200, "PATCH", &enable, Some(&json!({"disabled": false, "url": receiver.url("/back")})));
    stage.api.expect(202, "POST", &resend, Some(&json!({})));
    assert_eq!(receiver.wait_for("/back", 1)[0].id(), message);
}

#[test]
fn a_hook_whose_target_is_gone_is_deleted_and_the_operator_is_told() {
    let receiver = Receiver::start(|seen, before| match seen.path.as_str() {
        "/zap" if before > 0 => Say(410, ""),
        _ => Say(204, ""),
    });
    let stage = Stage::new(&[]);
    let told = json!({"url": receiver.url("/operator"), "filterTypes": ["endpoint.deleted", "endpoint.disabled"]});
    stage.api.expect(201, "POST", "/api/v1/operational-webhook/endpoint", Some(&told));
    let subscription = json!({"hookUrl": receiver.url("/zap"), "appId": stage.app});
    let hook = stage.api.expect(201, "POST", "/api/v1/hook", Some(&subscription));
    for n in 1..=2 {
        stage.send();
        receiver.wait_for("/zap", n);
    }
    let notice: Value = serde_json::from_slice(&receiver.wait_for("/operator", 1)[0].body).unwrap();
    assert_eq!((&notice["type"], &notice["data"]["endpointId"]), (&json!("endpoint.deleted"), &hook["id"]));
    let path = format!("/api/v1/hook/{}", hook["id"].as_str().unwrap());
    stage.api.expect(404, "DELETE", &path, None);
    let hooks = stage.api.get(&format!("/api/v1/hook?appId={}", stage.app));
    assert_eq!(hooks["data"], json!([]));
}

#[test]
fn too_many_requests_are_answered_by_fewer() {
    let receiver = Receiver::start(|_, before| if before == 0 { Say(429, "retry-after: 1\r\n") } else { Say(204, "") });
    let stage = Stage::new(&["--retry-schedule", "700ms,700ms"]);
    let endpoint = stage.endpoint(json!({"url": receiver.url("/")}));
    let first = stage.send();
    stage.wait_for_status(&first, &endpoint, "pending");
    let second = stage.send();
    let seen = receiver.wait_for("/", 3);
    // Longer than the schedule: as long as the receiver asked. And not for the refused message alone.
    for s in &seen[1..] {
        let waited = s.at - seen[0].at;
        assert!(waited >= Duration::from_millis(950), "{waited:?}");
    }
    for message in [first, second] {
        stage.wait_for_status(&message, &endpoint, "success");
    }
}

#[test]
fn a_failing_endpoint_recovers_by_retries_on_schedule() {
    let receiver = Receiver::start(|_, before| if before < 2 { Say(500, "") } else { Say(200, "") });
    let stage = Stage::new(&["--retry-schedule", "100ms,200ms,400ms"]);
    let endpoint = stage.endpoint(json!({"url": receiver.url("/")}));
    let message = stage.send();
    stage.wait_for_status(&message, &endpoint, "success");
    let seen = receiver.wait_for("/", 3);
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|s| s.id() == message && s.body == b"{}"));
    assert!(gap(&seen, 0) >= Duration::from_millis(100), "{:?}", gap(&seen, 0));
    assert!(gap(&seen, 1) >= Duration::from_millis(200), "{:?}", gap(&seen, 1));
    let codes: Vec<Value> = stage.attempts(&endpoint).iter().map(|a| a["responseStatusCode"].clone()).collect();
    assert_eq!(codes, [200, 500, 500]);
}

#[test]
fn what_a_receiver_answers_is_shown_as_it_came_nul_and_all() {
    let receiver = Receiver::start(|_, _| Say(200, "content-length: 8\r\n\r\na\0\u{1b}[2J\"\n"));
    let stage = Stage::new(&[]);
    let endpoint = stage.endpoint(json!({"url": receiver.url("/")}));
    let message = stage.send();
    stage.wait_for_status(&message, &endpoint, "success");
    assert_eq!(stage.attempts(&endpoint)[0]["response"], "a\0\u{1b}[2J\"\n");
}

#[test]
fn a_dead_letter_is_recovered_by_hand() {
    let receiver = Receiver::start(|_, before| if before < 4 { Say(500, "") } else { Say(200, "") });
    let stage = Stage::new(&["--retry-schedule", "20ms,20ms,20ms"]);
    let endpoint = stage.endpoint(json!({"url": receiver.url("/")}));
    let message = stage.send();
    let dead = stage.wait_for_status(&message, &endpoint, "fail");
    assert_eq!(dead["nextAttempt"], Value::Null);
    assert_eq!(stage.attempts(&endpoint).len(), 4);
    let window = json!({"since": "2020-01-01T00:00:00Z"});
    let recover = format!("/api/v1/app/{}/endpoint/{endpoint}/recover", stage.app);
    let task = id(&stage.api.expect(202, "POST", &recover, Some(&window)));
    stage.wait_for_status(&message, &endpoint, "success");
    assert_eq!(receiver.wait_for("/", 5)[4].id(), message);
    let task = until("the task is finished", || {
        let task = stage.api.get(&format!("/api/v1/background-task/{task}"));
        (task["status"] == "finished").then_some(task)
    });
    assert_eq!(task["data"]["messagesSent"], 1, "{task}");
}

#[test]
fn a_throttle_rate_is_kept() {
    let receiver = Receiver::good();
    let stage = Stage::new(&[]);
    stage.endpoint(json!({"url": receiver.url("/spared"), "throttleRate": 20}));
    stage.endpoint(json!({"url": receiver.url("/free")}));
    for _ in 0..40 {
        stage.send();
    }
    let free = receiver.wait_for("/free", 40);
    let spared = receiver.wait_for("/spared", 40);
    let took = spared[39].at - spared[0].at;
    assert!(took >= Duration::from_millis(1_800), "{took:?}");
    // No second saw more than its rate, and one for the edges.
    for s in &spared {
        let second = s.at..s.at + Duration::from_secs(1);
        let n = spared.iter().filter(|other| second.contains(&other.at)).count();
        assert!(n <= 22, "{n} within a second");
    }
    assert!(free[39].at < spared[39].at);
}

#[test]
fn a_delivery_with_a_time_waits_for_it_over_a_restart_too() {
    let receiver = Receiver::good();
    let mut stage = Stage::new(&[]);
    let endpoint = stage.endpoint(json!({"url": receiver.url("/")}));
    let begun = Instant::now();
    let at = after("1.5 seconds");
    let body = json!({"eventType": "a.b", "payload": {}, "deliverAt": at});
    let message = id(&stage.api.expect(202, "POST", &format!("/api/v1/app/{}/msg", stage.app), Some(&body)));
    let state = stage.api.destination(&stage.app, &message, &endpoint);
    assert_eq!(state["statusText"], "pending");
    // To the millisecond, in UTC.
    let (next, wanted) = (state["nextAttempt"].as_str().unwrap(), at.trim_end_matches('Z'));
    assert!(next.starts_with(wanted), "{next} {at}");
    stage.server.kill();
    stage.server = stage.launch.start();
    let seen = receiver.wait_for("/", 1);
    assert_eq!(seen[0].id(), message);
    assert!(seen[0].at - begun >= Duration::from_millis(1_490), "{:?}", seen[0].at - begun);
}

/// The time so long from now, as RFC 3339; written by SQLite, which has a calendar.
fn after(wait: &str) -> String {
    let calendar = rusqlite::Connection::open_in_memory().unwrap();
    calendar.query_row("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+' || ?)", [wait], |r| r.get(0)).unwrap()
}
