//! Clicks while the server is killed, stopped, or has no room on the disk: redirects don't wait for it, and what is lost is
//! the end of what was clicked, or counted.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use super::support::clicks::{Click, Clickers, Link};
use super::support::client::{Api, Connection};
use super::support::disk::Disk;
use super::support::receiver::Receiver;
use super::support::server::{Launch, Server};
use super::support::{DEADLINE, Dice, until};

const KILLS: usize = 8;
const STOPS: usize = 4;
const VISITORS: usize = 8;

/// A link's events, and that its figures say the same.
fn checked_events(api: &Api, link: &Link) -> Vec<Value> {
    let events = link.events(api);
    assert_eq!(link.figure(api, "clicks"), events.len() as u64);
    for flag in ["first", "firstHuman"] {
        let firsts: Vec<usize> = (0..events.len()).filter(|i| events[*i]["data"][flag] == true).collect();
        assert_eq!(firsts, if events.is_empty() { vec![] } else { vec![0] }, "{flag} is the oldest, and only that");
    }
    events
}

/// Those of these clicks that are not recorded. They must be the last: a click that was answered before one was made that
/// is recorded, is recorded too.
fn lost_at_the_end<'a>(clicks: &'a [Click], recorded: &HashSet<String>) -> Vec<&'a Click> {
    let last = clicks.iter().filter(|c| recorded.contains(&c.id)).map(|c| c.sent).max().unwrap_or(0);
    let lost: Vec<&Click> = clicks.iter().filter(|c| !recorded.contains(&c.id)).collect();
    for click in &lost {
        assert!(click.answered > last, "{click:?} is lost, and one that was sent at {last} is not");
    }
    lost
}

#[test]
fn kills_under_clicks_lose_only_the_last_ones_and_the_first_is_told_of_once() {
    let seed = 0xc11c;
    let mut dice = Dice(seed);
    let receiver = Receiver::good();
    let launch = Launch::new(&["--retry-schedule", "60ms,60ms,60ms,60ms,60ms,60ms"]);
    let mut server = launch.start();
    let mut api = server.api(&launch);
    let app = api.app();
    api.endpoint(&app, json!({"url": receiver.url("/first"), "firstPer": "data.link"}));
    let link = Link::new(&api, &app);
    let (mut recorded, mut answered, mut lost) = (HashSet::new(), 0, 0);
    for _ in 0..KILLS {
        let clickers = Clickers::start(VISITORS, server.address, &link);
        // Some are on disk, some on their way, and in some rounds it is the very first that are.
        let seen = dice.roll(300);
        until("clicks are recorded", || (link.figure(&api, "clicks") >= recorded.len() as u64 + seen).then_some(()));
        clickers.wait_for(1);
        server.kill();
        let killed = Instant::now();
        let clicks = clickers.until_cut_off();
        server = launch.start();
        api = server.api(&launch);

        let now = link.recorded(&api);
        assert!(now.is_superset(&recorded), "what was on disk is lost, seed {seed}");
        let new: HashSet<String> = now.difference(&recorded).cloned().collect();
        assert!(new.len() as u64 >= seen, "{} of {seen} that were seen in the figures, seed {seed}", new.len());
        let known: HashSet<&String> = clicks.iter().map(|c| &c.id).collect();
        let unknown = new.iter().filter(|id| !known.contains(id)).count();
        assert!(unknown <= VISITORS, "{unknown} clicks that nobody made, seed {seed}");
        let gone = lost_at_the_end(&clicks, &now);
        let oldest = gone.iter().map(|c| killed.saturating_duration_since(c.at)).max().unwrap_or_default();
        println!("{} of {} lost, the oldest {oldest:?} before the kill", gone.len(), clicks.len());
        lost += gone.len();
        answered += clicks.len();
        checked_events(&api, &link);
        recorded = now;
    }
    println!("{answered} answered, {} recorded, {lost} lost in {KILLS} kills, seed {seed}", recorded.len());
    let clickers = Clickers::start(1, server.address, &link);
    clickers.wait_for(10);
    let last = clickers.finish();
    until("the last are recorded", || last.iter().all(|c| link.recorded(&api).contains(&c.id)).then_some(()));
    let told = receiver.wait_for("/first", 1);
    // One that was told of right before a kill may be told of again: as the same message.
    let told: HashSet<&str> = told.iter().map(|seen| seen.id()).collect();
    assert_eq!(told, HashSet::from([checked_events(&api, &link)[0]["id"].as_str().unwrap()]));
    server.terminate();
    assert_eq!(server.ends_within(DEADLINE), 0);
    check_database(&launch);
}

fn check_database(launch: &Launch) {
    let database = Database::open(launch.database()).unwrap();
    let check: String = database.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn stops_under_clicks_lose_none() {
    let mut dice = Dice(5);
    let launch = Launch::new(&["--shutdown-timeout", "10s"]);
    let mut server = launch.start();
    let mut api = server.api(&launch);
    let link = Link::new(&api, &api.app());
    let mut answered = HashSet::new();
    for round in 1..=STOPS {
        let clickers = Clickers::start(VISITORS, server.address, &link);
        clickers.wait_for(100 + dice.roll(400) as usize);
        server.terminate();
        answered.extend(clickers.until_cut_off().into_iter().map(|c| c.id));
        assert_eq!(server.ends_within(Duration::from_secs(10)), 0);
        server = launch.start();
        api = server.api(&launch);
        let recorded = link.recorded(&api);
        let lost = answered.difference(&recorded).count();
        assert_eq!(lost, 0, "of {}", answered.len());
        let unknown = recorded.difference(&answered).count();
        assert!(unknown <= VISITORS * round, "{unknown} clicks that nobody made");
        checked_events(&api, &link);
    }
}

struct Filled {
    launch: Launch,
    disk: Disk,
    server: Server,
    api: Api,
    link: Link,
    connection: Connection,
    /// Clicks that were made.
    clicks: Vec<String>,
}

impl Filled {
    /// On a disk of so many MiB that is still empty.
    fn new(reserve: &str, disk_mib: usize) -> Option<Filled> {
        let launch = Launch::new(&["--disk-reserve", reserve]);
        let disk = Disk::mount(&launch.place.path().join("disk"), &format!("size={disk_mib}m"))?;
        let launch = launch.on(disk.path().join("data"));
        let server = launch.start();
        let api = server.api(&launch);
        let link = Link::new(&api, &api.app());
        let connection = Connection::open(server.address, "").unwrap();
        Some(Filled { launch, disk, server, api, link, connection, clicks: Vec::new() })
    }

    fn click(&mut self) {
        self.clicks.push(self.link.click(&mut self.connection).unwrap());
    }
    fn lost(&self) -> usize {
        let metrics = self.api.call("GET", "/metrics", None).text();
        let figure = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}"));
            line.trim().parse::<usize>().unwrap()
        };
        figure("postrider_store_clicks_lost_total ") + figure("postrider_link_clicks_total{outcome=\"lost\"}")
    }
    /// Waits until each click is recorded or lost; how many are recorded.
    fn settled(&self) -> usize {
        until("each click is recorded or lost", || {
            let recorded = self.link.figure(&self.api, "clicks") as usize;
            (recorded + self.lost() == self.clicks.len()).then_some(recorded)
        })
    }
    /// Clicks until one is recorded that was made just now.
    fn wait_for_room(&mut self) {
        until("room is noticed", || {
            let before = self.settled();
            self.click();
            (self.settled() > before).then_some(())
        });
    }
    /// Each click is recorded or counted as lost, also after a stop and a start.
    fn check_all_accounted_for(self) {
        let lost = self.lost();
        assert!(lost > 0, "the disk was never full");
        self.server.terminate();
        assert_eq!(self.server.ends_within(DEADLINE), 0);
        check_database(&self.launch);
        let server = self.launch.start();
        let api = server.api(&self.launch);
        let recorded = self.link.recorded(&api);
        let made: HashSet<String> = self.clicks.iter().cloned().collect();
        assert!(recorded.is_subset(&made));
        assert_eq!(recorded.len() + lost, made.len());
        assert!(recorded.contains(&self.clicks[0]) && recorded.contains(self.clicks.last().unwrap()));
        checked_events(&api, &self.link);
    }
}

/// Clicks until some are lost; the number of clicks is bounded, for each takes room.
fn fill(filled: &mut Filled) {
    for _ in 0..200 {
        for _ in 0..100 {
            filled.click();
        }
        if filled.lost() > 0 {
            return;
        }
    }
    panic!("no click was ever lost");
}

#[test]
fn on_a_full_disk_redirects_go_on_and_lost_clicks_are_counted() {
    let Some(mut filled) = Filled::new("0B", 24) else { return };
    for _ in 0..20 {
        filled.click();
    }
    until("they are recorded", || (filled.link.figure(&filled.api, "clicks") == 20).then_some(()));
    filled.disk.take("rest", 100);
    fill(&mut filled);
    for _ in 0..100 {
        filled.click();
    }
    filled.disk.give_back("rest");
    filled.wait_for_room();
    filled.check_all_accounted_for();
}

#[test]
fn below_the_reserve_redirects_go_on_and_lost_clicks_are_counted() {
    let Some(mut filled) = Filled::new("24MiB", 80) else { return };
    for _ in 0..20 {
        filled.click();
    }
    until("they are recorded", || (filled.link.figure(&filled.api, "clicks") == 20).then_some(()));
    filled.disk.take("filler", 50);
    fill(&mut filled);
    filled.disk.give_back("filler");
    filled.wait_for_room();
    filled.check_all_accounted_for();
}
