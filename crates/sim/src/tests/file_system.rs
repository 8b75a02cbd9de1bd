//! The simulated disk under a real SQLite: what was synced stays, nothing else is promised.

use crate::disk::{Disk, Faults};
use crate::vfs::Vfs;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::sync::Arc;

fn open(vfs: &Vfs) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags_and_vfs("a.db", flags, vfs.name()).unwrap();
    conn.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 8; PRAGMA temp_store = MEMORY;
         CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, pad BLOB NOT NULL)",
    )
    .unwrap();
    conn
}
fn count(conn: &Connection) -> i64 {
    assert_eq!(conn.query_row("PRAGMA integrity_check", [], |r| r.get::<_, String>(0)).unwrap(), "ok");
    conn.query_row("SELECT count(*) FROM t", [], |r| r.get(0)).unwrap()
}
fn insert(conn: &Connection) -> rusqlite::Result<usize> {
    conn.execute("INSERT INTO t (pad) VALUES (zeroblob(3000))", [])
}

#[test]
fn what_sqlite_committed_survives_a_power_cut_at_any_write() {
    for seed in 0..150 {
        let disk = Arc::new(Disk::new(seed));
        let vfs = Vfs::register(disk.clone());
        let conn = open(&vfs);
        disk.set_faults(Faults { power_cut_in: Some(1 + seed as u32), ..Faults::default() });
        let mut committed = 0;
        while insert(&conn).is_ok() {
            committed += 1;
        }
        assert!(disk.is_powerless());
        drop(conn);
        disk.cut_power();
        let found = count(&open(&vfs));
        assert!(found == committed || found == committed + 1, "seed {seed}: {committed} committed, {found} found");
    }
}

#[test]
fn a_killed_process_loses_nothing_that_it_wrote() {
    let disk = Arc::new(Disk::new(1));
    let vfs = Vfs::register(disk.clone());
    let conn = open(&vfs);
    conn.execute_batch("PRAGMA synchronous = OFF").unwrap();
    for _ in 0..20 {
        insert(&conn).unwrap();
    }
    disk.kill();
    assert!(insert(&conn).is_err());
    drop(conn);
    assert_eq!(count(&open(&vfs)), 20);
}

#[test]
fn a_full_disk_and_a_failing_one_say_so_to_sqlite() {
    let disk = Arc::new(Disk::new(1));
    let vfs = Vfs::register(disk.clone());
    let conn = open(&vfs);
    let check = |faults: Faults, want: ErrorCode, extended: Option<i32>| {
        disk.set_faults(faults);
        let e = insert(&conn).unwrap_err();
        assert_eq!(e.sqlite_error_code(), Some(want), "{faults:?}: {e}");
        if let Some(code) = extended {
            assert_eq!(e.sqlite_error().unwrap().extended_code, code);
        }
        disk.set_faults(Faults::default());
    };
    check(Faults { full: true, ..Faults::default() }, ErrorCode::DiskFull, None);
    let io = ErrorCode::SystemIoFailure;
    check(Faults { failing_writes: 1, ..Faults::default() }, io, Some(rusqlite::ffi::SQLITE_IOERR_WRITE));
    check(Faults { failing_syncs: 1, ..Faults::default() }, io, Some(rusqlite::ffi::SQLITE_IOERR_FSYNC));
    insert(&conn).unwrap();
    assert!(count(&conn) >= 1);
}
