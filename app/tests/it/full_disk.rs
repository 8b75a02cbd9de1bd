//! A disk that fills up while the server runs, and gets room again.

use std::collections::HashMap;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::support::client::{Answer, Api, id};
use super::support::disk::Disk;
use super::support::receiver::Receiver;
use super::support::server::{Launch, Server};
use super::support::{DEADLINE, until};

struct Filling {
    launch: Launch,
    disk: Disk,
    receiver: Receiver,
    server: Server,
    api: Api,
    app: String,
    /// Acknowledged messages, by id.
    sent: HashMap<String, Value>,
}

impl Filling {
    /// On a disk of so many MiB, of which a filler takes some.
    fn new(reserve: &str, disk_mib: usize, filler_mib: usize) -> Option<Filling> {
        let launch = Launch::new(&["--disk-reserve", reserve]);
        let disk = Disk::mount(&launch.place.path().join("disk"), &format!("size={disk_mib}m"))?;
        let launch = launch.on(disk.path().join("data"));
        let receiver = Receiver::good();
        let server = launch.start();
        let api = server.api(&launch);
        let app = api.app();
        api.endpoint(&app, json!({"url": receiver.url("/")}));
        disk.take("filler", filler_mib);
        Some(Filling { launch, disk, receiver, server, api, app, sent: HashMap::new() })
    }

    fn post(&mut self) -> Answer {
        let payload = json!({"n": self.sent.len(), "pad": "x".repeat(4000)});
        let body = json!({"eventType": "a.b", "payload": payload});
        let answer = self.api.call("POST", &format!("/api/v1/app/{}/msg", self.app), Some(&body));
        if answer.status == 202 {
            self.sent.insert(id(&answer.json()), payload);
        }
        answer
    }

    /// Posts until it is refused.
    fn fill(&mut self) -> Answer {
        for _ in 0..20_000 {
            let answer = self.post();
            if answer.status != 202 {
                return answer;
            }
        }
        panic!("the disk never filled up")
    }

    fn check_refusal(&self, answer: &Answer) {
        assert_eq!(answer.status, 503, "{answer:?}");
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        let body = answer.json();
        assert_eq!(body["code"], "unavailable");
        assert_eq!(body["detail"], "The disk is full; nothing was stored");
    }

    fn check_reads(&self) {
        for path in ["/livez", "/metrics"] {
            assert_eq!(self.api.call("GET", path, None).status, 200, "{path}");
        }
        self.api.expect(204, "GET", "/api/v1/health", None);
        let list = self.api.get(&format!("/api/v1/app/{}/msg?limit=10", self.app));
        assert_eq!(list["data"].as_array().unwrap().len(), 10);
        for id in self.sent.keys().take(10) {
            self.check_message(&self.api, id);
        }
    }

    fn check_message(&self, api: &Api, id: &str) {
        let found = api.get(&format!("/api/v1/app/{}/msg/{id}", self.app));
        assert_eq!(found["payload"], self.sent[id]);
    }

    /// Everything acknowledged has come, and is still there after a stop and a start.
    fn check_nothing_lost(self) {
        self.receiver.wait("every acknowledged message", |seen| {
            self.sent.keys().all(|id| seen.iter().any(|s| s.id() == id)).then_some(())
        });
        self.server.terminate();
        assert_eq!(self.server.ends_within(DEADLINE), 0);
        let database = Connection::open(self.launch.database()).unwrap();
        let check: String = database.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
        assert_eq!(check, "ok");
        let server = self.launch.start();
        let api = server.api(&self.launch);
        for (id, payload) in &self.sent {
            let found = api.get(&format!("/api/v1/app/{}/msg/{id}", self.app));
            assert_eq!(found["payload"], *payload);
        }
    }
}

#[test]
fn below_the_reserve_messages_are_refused_and_all_else_goes_on() {
    // The free space is looked at four times a second: the reserve is for what is written between two looks, too.
    let Some(mut filling) = Filling::new("24MiB", 80, 44) else { return };
    let refusal = filling.fill();
    filling.check_refusal(&refusal);
    assert!(filling.sent.len() > 10, "{}", filling.sent.len());
    filling.check_reads();
    let metric = |filling: &Filling, line: &str| filling.api.call("GET", "/metrics", None).text().contains(line);
    assert!(metric(&filling, "\npostrider_store_refused_full_total 1\n"), "it was not the reserve");
    // What was accepted is still attempted and settled: there is the reserve for it.
    let last = filling.sent.len();
    filling.receiver.wait_for("/", last);
    until("all is settled", || metric(&filling, "\npostrider_store_deliveries_leased 0\n").then_some(()));
    let refusal = filling.post();
    filling.check_refusal(&refusal);
    filling.disk.give_back("filler");
    until("room is noticed", || (filling.post().status == 202).then_some(()));
    filling.check_nothing_lost();
}

#[test]
fn a_disk_filled_to_the_last_byte_corrupts_nothing_and_loses_nothing() {
    let Some(mut filling) = Filling::new("0B", 24, 14) else { return };
    for _ in 0..20 {
        assert_eq!(filling.post().status, 202);
    }
    filling.disk.take("rest", 100);
    let refusal = filling.fill();
    filling.check_refusal(&refusal);
    filling.check_reads();
    for _ in 0..20 {
        let again = filling.post();
        filling.check_refusal(&again);
    }
    filling.disk.give_back("rest");
    until("room is noticed", || (filling.post().status == 202).then_some(()));
    filling.check_nothing_lost();
}

#[test]
fn a_kill_on_a_full_disk_loses_nothing() {
    let Some(mut filling) = Filling::new("0B", 24, 14) else { return };
    for _ in 0..20 {
        assert_eq!(filling.post().status, 202);
    }
    filling.disk.take("rest", 100);
    let refusal = filling.fill();
    filling.check_refusal(&refusal);
    filling.server.kill();
    filling.disk.give_back("rest");
    filling.server = filling.launch.start();
    filling.api = filling.server.api(&filling.launch);
    for id in filling.sent.keys() {
        filling.check_message(&filling.api, id);
    }
    filling.check_nothing_lost();
}
