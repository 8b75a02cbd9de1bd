//! The tables, and how an older database becomes a newer one.
//!
//! Everything is ordered by time: row numbers carry it, so that rows written together lie together and a time window is
//! a range of keys. **Invariant:** a migration that has been released never changes.

use crate::error::OpenError;
use rusqlite::{Connection, Transaction};
use std::path::Path;

/// Kept in `PRAGMA application_id`: "Post".
const APPLICATION_ID: i64 = 0x506f_7374;

const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_start.sql"),
    include_str!("../../migrations/0002_receive.sql"),
    include_str!("../../migrations/0003_links.sql"),
    include_str!("../../migrations/0004_event_pages.sql"),
    include_str!("../../migrations/0005_request_span.sql"),
    include_str!("../../migrations/0006_accounts.sql"),
    include_str!("../../migrations/0007_figures.sql"),
    include_str!("../../migrations/0008_operations.sql"),
    include_str!("../../migrations/0009_portal.sql"),
    include_str!("../../migrations/0010_attempt_detail.sql"),
    include_str!("../../migrations/0011_lists.sql"),
    include_str!("../../migrations/0012_invitations.sql"),
];

/// The schema this program knows.
pub const VERSION: i64 = MIGRATIONS.len() as i64;

/// The version found, if the file is ours or empty. Writes nothing: it may be somebody else's.
pub fn check(conn: &Connection, path: &Path) -> Result<i64, OpenError> {
    let not_ours = |e: rusqlite::Error| OpenError::NotOurs { path: path.into(), cause: e.to_string() };
    let found: i64 = conn.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(not_ours)?;
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0)).map_err(not_ours)?;
    let application: i64 = conn.query_row("PRAGMA application_id", [], |r| r.get(0)).map_err(not_ours)?;
    if tables > 0 && application != APPLICATION_ID {
        let cause = "it holds another program's tables".to_owned();
        return Err(OpenError::NotOurs { path: path.into(), cause });
    }
    if found > VERSION {
        return Err(OpenError::Newer { path: path.into(), found, known: VERSION });
    }
    Ok(found)
}

/// Brings the database to [`VERSION`], each step in a transaction of its own.
pub fn migrate(conn: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let found = check(conn, path)?;
    for (step, sql) in MIGRATIONS.iter().enumerate().skip(usize::try_from(found).unwrap_or(0)) {
        let unusable = |e: rusqlite::Error| OpenError::Unusable { path: path.into(), cause: e.to_string() };
        let tx = conn.transaction().map_err(unusable)?;
        apply(&tx, sql, step).map_err(unusable)?;
        tx.commit().map_err(unusable)?;
    }
    Ok(())
}

fn apply(tx: &Transaction<'_>, sql: &str, step: usize) -> rusqlite::Result<()> {
    tx.execute_batch(sql)?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", step as i64 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_and_endpoints_of_before_are_in_the_lists_of_now() {
        let mut conn = Connection::open_in_memory().unwrap();
        let at = MIGRATIONS.iter().position(|sql| sql.contains("CREATE TABLE figure_source")).unwrap();
        for (step, sql) in MIGRATIONS.iter().enumerate().take(at) {
            let tx = conn.transaction().unwrap();
            apply(&tx, sql, step).unwrap();
            tx.commit().unwrap();
        }
        let sent_at = domain::Timestamp(1_795_248_000_123);
        let message = domain::Seq::first_at(sent_at).0 + 5;
        conn.execute_batch(&format!(
            "INSERT INTO app (id, org, name, metadata, updated_at) VALUES (1, 1, 'a', '{{}}', 0), (2, 1, 'b', '{{}}', 0);
             INSERT INTO app (id, org, name, metadata, updated_at, source) VALUES (3, 1, 's', '{{}}', 0, 9);
             INSERT INTO message (id, app, event_type) VALUES ({message}, 1, 't'), ({message} - 9000000000, 1, 't');
             INSERT INTO endpoint (id, app, url, url_version, description, version, disabled, event_types, metadata,
                headers, updated_at)
             VALUES (4, 1, '', 1, '', 1, 0, '[\"t\",\"u\"]', '{{}}', x'', 0), (5, 2, '', 1, '', 1, 0, NULL, '{{}}', x'', 0),
                (6, 3, '', 1, '', 1, 0, NULL, '{{}}', x'', 0);"
        ))
        .unwrap();
        migrate(&mut conn, Path::new("p.db")).unwrap();
        let at: Vec<i64> = {
            let mut s = conn.prepare("SELECT last_message_at FROM app WHERE id < 3 ORDER BY id").unwrap();
            s.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect()
        };
        assert_eq!(at, [sent_at.0, 0]);
        let takers: Vec<(String, i64)> = {
            let mut s = conn.prepare("SELECT event_type, endpoint FROM subscription ORDER BY 1, 2").unwrap();
            s.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap().map(Result::unwrap).collect()
        };
        assert_eq!(takers, [(String::new(), 5), ("t".into(), 4), ("u".into(), 4)]);
    }
}
