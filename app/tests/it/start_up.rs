//! What keeps a server from starting: its exit code, and what it says to do.

use std::fs;
use std::net::TcpListener;

use rusqlite::Connection;

use super::support::disk::Disk;
use super::support::server::Launch;

/// A data folder that a server has run on and left in order.
fn used(args: &[&str]) -> Launch {
    let launch = Launch::new(args);
    let server = launch.start();
    server.terminate();
    assert_eq!(server.ends_within(super::DEADLINE), 0);
    launch
}

#[test]
fn a_port_in_use_stops_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = Launch::new(&["--listen", &address]).fails(4, &[]);
    for part in [&*address, "another program uses it", "--listen"] {
        assert!(run.err.contains(part), "{part}\n{}", run.err);
    }
}

#[test]
fn a_database_of_a_newer_version_stops_the_start_and_is_left_alone() {
    let launch = used(&[]);
    let database = Connection::open(launch.database()).unwrap();
    let version: i64 = database.query_row("PRAGMA user_version", [], |r| r.get(0)).unwrap();
    database.pragma_update(None, "user_version", version + 7).unwrap();
    let run = launch.fails(3, &[]);
    for part in ["newer Postrider", &format!("schema {}", version + 7), "start that version, or restore a backup"] {
        assert!(run.err.contains(part), "{part}\n{}", run.err);
    }
    let after: i64 = database.query_row("PRAGMA user_version", [], |r| r.get(0)).unwrap();
    assert_eq!(after, version + 7);
}

#[test]
fn two_servers_on_one_folder_are_one_too_many() {
    let launch = Launch::new(&[]);
    let first = launch.start();
    let run = launch.fails(3, &[]);
    for part in ["another postrider is running on", "(pid ", "--data-dir"] {
        assert!(run.err.contains(part), "{part}\n{}", run.err);
    }
    let api = first.api(&launch);
    api.send(&api.app(), serde_json::json!({"still": "here"}));
}

#[test]
fn a_file_that_is_no_database_stops_the_start_and_is_left_alone() {
    let launch = used(&[]);
    let garbage = "not a database, but somebody's notes\n".repeat(500);
    fs::write(launch.database(), &garbage).unwrap();
    let run = launch.fails(3, &[]);
    for part in ["postrider.db is not a Postrider database", "move it away"] {
        assert!(run.err.contains(part), "{part}\n{}", run.err);
    }
    assert_eq!(fs::read_to_string(launch.database()).unwrap(), garbage);
}

#[test]
fn somebody_elses_database_stops_the_start_and_is_left_alone() {
    let launch = used(&[]);
    fs::remove_file(launch.database()).unwrap();
    let database = Connection::open(launch.database()).unwrap();
    database.execute_batch("CREATE TABLE recipe (name); INSERT INTO recipe VALUES ('soup')").unwrap();
    let run = launch.fails(3, &[]);
    assert!(run.err.contains("is not a Postrider database"), "{}", run.err);
    let tables: i64 = database.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_cut_off_database_stops_the_start() {
    let launch = used(&[]);
    let whole = fs::read(launch.database()).unwrap();
    fs::write(launch.database(), &whole[..whole.len() / 2]).unwrap();
    let run = launch.fails(3, &[]);
    assert!(run.err.contains("postrider.db"), "{}", run.err);
}

#[test]
fn a_database_without_its_secrets_stops_the_start() {
    let launch = used(&[]);
    fs::remove_file(launch.database().with_file_name("secrets.toml")).unwrap();
    let run = launch.fails(3, &[]);
    assert!(run.err.contains("holds a database but no secrets.toml"), "{}", run.err);
}

#[test]
fn a_read_only_file_system_stops_the_start() {
    let launch = Launch::new(&[]);
    let Some(disk) = Disk::mount(&launch.place.path().join("disk"), "size=8m") else { return };
    let launch = launch.on(disk.path().to_owned());
    disk.make_read_only();
    let fresh = launch.fails(3, &[]);
    assert!(fresh.err.contains("is on a read-only file system; mount it writable"), "{}", fresh.err);
}

#[test]
fn a_read_only_file_system_with_data_on_it_stops_the_start() {
    let launch = Launch::new(&["--disk-reserve", "0B"]);
    let Some(disk) = Disk::mount(&launch.place.path().join("disk"), "size=32m") else { return };
    let launch = launch.on(disk.path().to_owned());
    let server = launch.start();
    server.terminate();
    assert_eq!(server.ends_within(super::DEADLINE), 0);
    disk.make_read_only();
    let run = launch.fails(3, &[]);
    assert!(run.err.contains("is on a read-only file system; mount it writable"), "{}", run.err);
}

#[test]
fn a_full_disk_stops_a_first_start_and_leaves_no_half_made_secrets() {
    let launch = Launch::new(&[]);
    let Some(disk) = Disk::mount(&launch.place.path().join("disk"), "size=1m") else { return };
    let launch = launch.on(disk.path().to_owned());
    disk.take("filler", 2);
    let run = launch.fails(3, &[]);
    assert!(run.err.contains("is full; make room and start again"), "{}", run.err);
    assert!(!disk.path().join("secrets.toml").exists());
}

#[test]
fn an_unknown_setting_stops_the_start_wherever_it_stands() {
    let launch = Launch::new(&["--retry-shedule", "1s"]);
    assert!(launch.fails(2, &[]).err.contains("'--retry-schedule'"));
    let run = Launch::new(&[]).fails(2, &[("POSTRIDER_RETRY_SHEDULE", "1s")]);
    assert!(run.err.contains("did you mean `POSTRIDER_RETRY_SCHEDULE`?"), "{}", run.err);
}
