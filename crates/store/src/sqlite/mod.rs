//! The embedded store: one writing connection, a few reading ones, WAL.
//!
//! **Invariant:** every function here runs SQL on a connection that its caller lends it; none waits for anything else.

pub(crate) mod app_search;
pub(crate) mod apps;
pub(crate) mod attempts;
pub(crate) mod audit;
pub(crate) mod consumers;
pub(crate) mod core;
pub(crate) mod deliveries;
pub(crate) mod endpoints;
pub(crate) mod estimate;
mod event_keys;
mod event_pages;
pub(crate) mod event_types;
pub(crate) mod figure_reads;
pub(crate) mod figure_sources;
mod figures;
pub(crate) mod find;
mod first_seen;
pub(crate) mod floors;
pub(crate) mod forms;
pub(crate) mod imports;
pub(crate) mod invitations;
pub(crate) mod issues;
pub(crate) mod keys;
pub(crate) mod links;
mod log;
pub(crate) mod messages;
pub(crate) mod own_events;
mod own_sweep;
pub(crate) mod people;
pub(crate) mod profile;
mod receive;
mod replay_filter;
pub(crate) mod requests;
mod requests_sweep;
pub(crate) mod retention;
mod roll_ups;
mod rows;
mod schema;
pub(crate) mod search;
mod search_candidates;
mod search_hours;
mod search_walk;
pub(crate) mod sessions;
pub(crate) mod settle;
pub(crate) mod sources;
pub(crate) mod stats;
pub(crate) mod status;
pub(crate) mod subscribers;
mod tail_notes;
pub(crate) mod task_report;
mod task_run;
pub(crate) mod tasks;
#[cfg(test)]
mod tests;
pub(crate) mod tokens;

pub use schema::VERSION;

use crate::error::OpenError;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// Below it, two connections that write or checkpoint at once can corrupt a WAL database
/// (<https://www.sqlite.org/releaselog/3_51_3.html>).
const SQLITE_OLDEST: i32 = 3_051_003;

/// Opens the writing connection, creating or migrating the database.
pub(crate) fn open_writer(path: &Path, vfs: Option<&str>) -> Result<Connection, OpenError> {
    if rusqlite::version_number() < SQLITE_OLDEST {
        return Err(OpenError::OldSqlite { found: rusqlite::version() });
    }
    let unusable = |e: rusqlite::Error| OpenError::Unusable { path: path.into(), cause: e.to_string() };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = match vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs),
        None => Connection::open_with_flags(path, flags),
    }
    .map_err(unusable)?;
    if vfs.is_some() {
        // The simulation's file system has no shared memory.
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(unusable)?;
    }
    check_header(&conn, path)?;
    schema::check(&conn, path)?;
    conn.pragma_update(None, "journal_mode", "WAL").map_err(unusable)?;
    conn.pragma_update(None, "synchronous", "FULL").map_err(unusable)?;
    conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).map_err(unusable)?;
    conn.pragma_update(None, "journal_size_limit", 64 << 20).map_err(unusable)?;
    tune(&mut conn, 16 << 10).map_err(unusable)?;
    if vfs.is_none() {
        // The simulation does the same to its own file system.
        let unusable = |e: std::io::Error| OpenError::Unusable { path: path.into(), cause: e.to_string() };
        log::rewrite(&conn, path).map_err(unusable)?;
    }
    schema::migrate(&mut conn, path)?;
    Ok(conn)
}

/// WAL pages between checkpoints: 16 MiB.
const CHECKPOINT_PAGES: u32 = 4000;
/// ... and 64 MiB during a bulk, which writes the same pages again and again.
const CHECKPOINT_PAGES_BULK: u32 = 16_000;

/// Lets the log grow further before it is folded into the database, or not.
fn checkpoint_less(conn: &Connection, bulk: bool) -> rusqlite::Result<()> {
    let pages = if bulk { CHECKPOINT_PAGES_BULK } else { CHECKPOINT_PAGES };
    conn.pragma_update(None, "wal_autocheckpoint", pages)
}

/// A file that is no database says so at the first read; asked before anything is written to it.
fn check_header(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(|e| match e.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
            OpenError::NotOurs { path: path.into(), cause: e.to_string() }
        }
        _ => OpenError::Unusable { path: path.into(), cause: e.to_string() },
    })
}

/// Opens a reading connection.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags)?;
    tune(&mut conn, 4 << 10)?;
    Ok(conn)
}

fn tune(conn: &mut Connection, cache_kib: i64) -> rusqlite::Result<()> {
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.pragma_update(None, "cache_size", -cache_kib)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.set_prepared_statement_cache_capacity(128);
    #[cfg(test)]
    tests::plans::trace(conn);
    Ok(())
}
