//! SIGTERM: what is in flight may end, what waits is kept, a second signal ends at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::support::load::Load;
use super::support::receiver::{Receiver, Say};
use super::support::server::Launch;
use super::support::{DEADLINE, Dice, Watch, until};

const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

#[test]
fn five_stops_under_load_lose_nothing_and_repeat_next_to_nothing() {
    let paths = [("/a", 1), ("/b", 1), ("/c", 1)];
    let mut dice = Dice(7);
    let receiver = Receiver::good();
    let launch = Launch::new(&["--shutdown-timeout", "10s", "--endpoint-concurrency", "8"]);
    let mut server = launch.start();
    let api = server.api(&launch);
    let app = api.app();
    for (path, _) in paths {
        api.endpoint(&app, json!({"url": receiver.url(path)}));
    }
    let load = Load::start(4, &app, &api.token);
    for _ in 0..5 {
        load.aim(server.address);
        load.wait_for(load.acknowledged() + 20 + dice.roll(60) as usize);
        server.terminate();
        assert_eq!(server.ends_within(SHUTDOWN_TIMEOUT), 0);
        server = launch.start();
    }
    load.aim(server.address);
    let ledger = load.finish();
    let copies = ledger.check_arrived(&receiver, &paths);
    // Every attempt could end, so that none had to be made again.
    assert_eq!(copies, 0, "of {}", ledger.acknowledged.len());
}

#[test]
fn a_stop_waits_for_attempts_only_so_long_and_they_are_made_again() {
    let answers: Arc<Watch<bool>> = Arc::new(Watch::new(false));
    let may_answer = answers.clone();
    let receiver = Receiver::start(move |_, before| {
        let _ = before > 0 || may_answer.wait(DEADLINE, |may| may.then_some(())).is_some();
        Say(204, "")
    });
    let launch = Launch::new(&["--shutdown-timeout", "1s"]);
    let server = launch.start();
    let api = server.api(&launch);
    let app = api.app();
    let endpoint = api.endpoint(&app, json!({"url": receiver.url("/")}));
    let message = api.send(&app, json!({}));
    receiver.wait_for("/", 1);
    server.terminate();
    let begun = Instant::now();
    assert_eq!(server.ends_within(Duration::from_secs(10)), 0);
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());

    let server = launch.start();
    let seen = receiver.wait_for("/", 2);
    answers.with(|may| *may = true);
    assert!(seen.iter().all(|s| s.id() == message));
    let api = server.api(&launch);
    until("the delivery is settled", || {
        (api.destination(&app, &message, &endpoint)["statusText"] == "success").then_some(())
    });
}

#[test]
fn a_second_signal_ends_at_once() {
    let hole = Receiver::black_hole();
    let launch = Launch::new(&["--shutdown-timeout", "60s", "--request-timeout", "60s"]);
    let server = launch.start();
    let api = server.api(&launch);
    let app = api.app();
    api.endpoint(&app, json!({"url": hole.url("/")}));
    api.send(&app, json!({}));
    hole.wait_for_open(1);
    server.terminate();
    server.wait_for_log("a second signal ends at once");
    server.terminate();
    assert_eq!(server.ends_within(Duration::from_secs(5)), 1);
}
