//! Pausing, replaying and watching, over kills and under load.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::support::client::{Api, id};
use super::support::command::Running;
use super::support::events::Events;
use super::support::load::Load;
use super::support::receiver::Receiver;
use super::support::server::Launch;

const QUIET: Duration = Duration::from_millis(400);

fn post(api: &Api, path: &str) -> Value {
    api.expect(200, "POST", &format!("/api/v1{path}"), Some(&json!({})))
}

#[test]
fn a_paused_endpoint_gets_its_queue_after_a_kill_and_a_resume() {
    let receiver = Receiver::good();
    let launch = Launch::new(&[]);
    let mut server = launch.start();
    let mut api = server.api(&launch);
    let app = api.app();
    let endpoint = api.endpoint(&app, json!({"url": receiver.url("/hook")}));
    let path = format!("/app/{app}/endpoint/{endpoint}");
    assert_eq!(post(&api, &format!("{path}/pause"))["paused"], true);
    let mut sent: Vec<String> = (0..10).map(|n| api.send(&app, json!({"n": n}))).collect();
    server.kill();
    server = launch.start();
    api = server.api(&launch);
    sent.extend((10..20).map(|n| api.send(&app, json!({"n": n}))));
    assert!(!receiver.comes_within(1, QUIET), "it is paused");
    assert_eq!(api.get(&format!("/api/v1{path}/stats"))["pending"], 20);
    post(&api, &format!("{path}/resume"));
    let came: HashSet<String> = receiver.wait_for("/hook", 20).iter().map(|s| s.id().to_owned()).collect();
    assert_eq!(came, sent.into_iter().collect());
    assert!(!receiver.comes_within(21, QUIET), "each comes once");
}

#[test]
fn a_replay_that_is_paused_and_killed_makes_each_delivery_once() {
    const MESSAGES: usize = 300;
    let receiver = Receiver::good();
    let launch = Launch::new(&[]);
    let address = Launch::lasting_address();
    let mut server = launch.start_at(address);
    let api = server.api(&launch);
    let app = api.app();
    let sent: Vec<String> = (0..MESSAGES).map(|n| api.send(&app, json!({"n": n}))).collect();
    // What the replay makes waits while it is paused, so that no attempt is under way when the server is killed.
    let endpoint = api.endpoint(&app, json!({"url": receiver.url("/hook"), "paused": true}));
    let path = format!("/app/{app}/endpoint/{endpoint}");
    let filter = json!({"which": "missing", "since": "2020-01-01T00:00:00Z", "speedPerSecond": 200});
    let estimate = api.expect(200, "POST", &format!("/api/v1{path}/replay/estimate"), Some(&filter));
    assert_eq!((&estimate["count"], &estimate["estimatedSeconds"]), (&json!(MESSAGES), &json!(2)));
    let task = id(&api.expect(202, "POST", &format!("/api/v1{path}/replay"), Some(&filter)));
    let task = format!("/background-task/{task}");
    let state = |api: &Api| api.get(&format!("/api/v1{task}"));
    let made = |api: &Api| state(api)["data"]["messagesSent"].as_u64().unwrap() as usize;

    let wait_until = |api: &Api, n: usize| {
        while made(api) < n {
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    wait_until(&api, 40);
    let paused = post(&api, &format!("{task}/pause"));
    server.kill();
    server = launch.start_at(address);
    let still = state(&api);
    assert_eq!(still["state"], "paused");
    assert_eq!(still["data"]["messagesSent"], paused["data"]["messagesSent"]);
    post(&api, &format!("{task}/resume"));
    for n in [80, 120, 160, 200] {
        wait_until(&api, n);
        server.kill();
        server = launch.start_at(address);
    }
    wait_until(&api, MESSAGES);
    assert!(!receiver.comes_within(1, Duration::ZERO), "the endpoint is paused");
    post(&api, &format!("{path}/resume"));
    let came = receiver.wait_for("/hook", MESSAGES);
    let distinct: HashSet<&str> = came.iter().map(|s| s.id()).collect();
    assert_eq!((came.len(), distinct.len()), (MESSAGES, MESSAGES));
    assert!(!receiver.comes_within(MESSAGES + 1, QUIET), "each comes once");
    let ended = loop {
        let now = state(&api);
        if now["data"]["delivered"] == MESSAGES {
            break now;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!((&ended["state"], &ended["data"]["waiting"]), (&json!("finished"), &json!(0)));
    let report = api.call("GET", &format!("/api/v1{task}/report?format=csv"), None).text();
    let rows: Vec<&str> = report.lines().skip(1).collect();
    assert!(rows.iter().all(|row| row.contains(",delivered,204,")), "{}", rows[0]);
    assert_eq!(rows.iter().map(|row| row.split(',').next().unwrap()).collect::<Vec<_>>(), sent);
}

#[test]
fn the_tail_shows_or_counts_everything_while_the_server_is_busy() {
    const MESSAGES: usize = 3_000;
    let receiver = Receiver::good();
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let app = api.app();
    api.endpoint(&app, json!({"url": receiver.url("/hook")}));
    let mut events = Events::open(&api, "/api/v1/tail", None);
    let load = Load::start(8, &app, &api.token);
    load.aim(server.address);
    load.wait_for(MESSAGES);
    let sent = load.finish().acknowledged.len();

    let (mut accepted, mut attempts, mut shown) = (0, 0, 0);
    while accepted < sent || attempts < sent {
        let event = events.event();
        let data = event.json();
        match &*event.event {
            "accepted" => (accepted, shown) = (accepted + 1, shown + 1),
            "attempt" => (attempts, shown) = (attempts + 1, shown + 1),
            "skipped" => {
                assert_eq!(data["atLeast"], false, "a viewer that reads misses nothing uncounted");
                accepted += data["accepted"].as_u64().unwrap() as usize;
                attempts += data["attempts"].as_u64().unwrap() as usize;
            }
            other => panic!("{other}"),
        }
    }
    println!("{sent} messages and {attempts} attempts, {shown} shown");
    assert_eq!((accepted, attempts), (sent, sent));
    assert!(shown > 500, "{shown}");
}

#[test]
fn a_task_is_followed_to_its_end_and_the_exit_code_says_how_it_ended() {
    let receiver = Receiver::good();
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let app = api.app();
    (0..60).for_each(|n| drop(api.send(&app, json!({"n": n}))));
    let endpoint = api.endpoint(&app, json!({"url": receiver.url("/hook")}));
    let path = format!("/api/v1/app/{app}/endpoint/{endpoint}/replay");
    let start = |which: &str, speed: u32| {
        let filter = json!({"which": which, "since": "2020-01-01T00:00:00Z", "speedPerSecond": speed});
        id(&api.expect(202, "POST", &path, Some(&filter)))
    };
    let (url, token) = (format!("http://{}", server.address), launch.token());
    let ask = |code: i32, args: &[&str]| {
        launch.place.check(code, &[args, &["--server", &url, "--token", &token]].concat(), &[])
    };
    assert!(ask(0, &["task", "list"]).out.starts_with("no tasks yet"));
    let good = start("missing", 60);
    let lines = ask(0, &["task", "watch", &good]).out;
    let last = lines.lines().last().unwrap();
    assert!(last.starts_with("finished") && last.contains("100 %  60 of 60 made"), "{lines}");
    assert!(!lines.contains('\u{1b}'), "a pipe is no terminal");

    // One that would take a minute, canceled as soon as it is being watched.
    let slow = start("everything", 1);
    let args = ["task", "watch", &slow, "--output", "json", "--server", &url, "--token", &token];
    let watching = Running::start(&launch.place, &args);
    watching.lines(1);
    post(&api, &format!("/background-task/{slow}/cancel"));
    watching.wait("the end", |out| out.iter().any(|line| line.contains("\"state\":\"canceled\"")).then_some(()));
    assert_eq!(watching.ended(), 1);

    let listed = ask(0, &["task", "list"]).out;
    let states: Vec<&str> = listed.lines().map(|line| line.split_whitespace().nth(3).unwrap()).collect();
    assert_eq!(states, ["canceled", "finished"], "{listed}");
    assert!(listed.starts_with(&slow), "{listed}");
    assert!(ask(1, &["task", "watch", "qtask_nothing"]).err.contains("404"));
}
