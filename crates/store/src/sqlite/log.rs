//! The write-ahead log that an earlier process left behind.
//!
//! Called once, before the first write after a start. **Invariant:** changes no byte of the log; it only makes sure that
//! what is seen of it is on the disk.

use rusqlite::Connection;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Bytes written at a time.
const CHUNK: usize = 1 << 20;

/// Writes the log again as it stands, and syncs it.
///
/// After a failed sync, Linux keeps what it could not write in its cache and calls it clean: the next process would see
/// a transaction that the disk doesn't have, append to it, and a power cut would end the log at the hole, before
/// everything acknowledged since (<https://lwn.net/Articles/752063/>). Writing the same bytes makes them dirty again.
pub fn rewrite(conn: &Connection, database: &Path) -> io::Result<()> {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    // With the write lock, nobody appends to the log or begins it anew meanwhile.
    conn.execute_batch("BEGIN IMMEDIATE").map_err(io::Error::other)?;
    let result = rewrite_file(&PathBuf::from(name));
    conn.execute_batch("ROLLBACK").map_err(io::Error::other)?;
    result
}

fn rewrite_file(path: &Path) -> io::Result<()> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut chunk = vec![0; CHUNK];
    let mut at = 0;
    loop {
        let n = read_some(&file, &mut chunk, at)?;
        let Some(bytes) = chunk.get(..n).filter(|b| !b.is_empty()) else { return file.sync_all() };
        file.write_all_at(bytes, at)?;
        at += n as u64;
    }
}

fn read_some(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    loop {
        match file.read_at(into, at) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_rewritten_as_it_was_and_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (b BLOB);
             INSERT INTO t VALUES (randomblob(3000000))",
        )
        .unwrap();
        let wal = dir.path().join("a.db-wal");
        let before = std::fs::read(&wal).unwrap();
        assert!(before.len() > CHUNK);
        rewrite(&conn, &path).unwrap();
        assert!(std::fs::read(&wal).unwrap() == before);
        conn.execute_batch("INSERT INTO t VALUES (zeroblob(10)); PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        rewrite(&conn, &path).unwrap();
        let n: i64 = conn.query_row("SELECT count(*) FROM t", [], |r| r.get(0)).unwrap();
        assert_eq!(n, 2);
    }

    #[test]
    fn a_database_without_a_log_has_nothing_to_rewrite() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch("CREATE TABLE t (b BLOB)").unwrap();
        rewrite(&conn, &path).unwrap();
    }
}
