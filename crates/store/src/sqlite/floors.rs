//! Tokens of applications that end together.

use super::rows;
use crate::error::StoreError;
use crate::handle_portal::TokenFloor;
use domain::{AppId, Timestamp};
use rusqlite::{Connection, Row, params};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

type Result<T> = std::result::Result<T, StoreError>;

/// Tokens with a session live for a week at most; what refuses them is forgotten some time later.
const SESSION_FLOOR_LIFETIME: Duration = Duration::from_secs(9 * 86_400);

fn from_row(row: &Row<'_>) -> rusqlite::Result<TokenFloor> {
    let session: String = row.get("session")?;
    Ok(TokenFloor {
        session: (!session.is_empty()).then_some(session),
        issued_by: rows::time(row, "issued_by")?,
        since: rows::time(row, "since")?,
    })
}

/// Every application's, for memory.
pub(crate) fn all(conn: &Connection) -> Result<HashMap<AppId, Arc<[TokenFloor]>>> {
    let mut statement = conn.prepare_cached("SELECT app, session, since, issued_by FROM token_floor")?;
    let mut found: HashMap<AppId, Vec<TokenFloor>> = HashMap::new();
    for row in statement.query_map([], |r| Ok((AppId(r.get("app")?), from_row(r)?)))? {
        let (app, floor) = row?;
        found.entry(app).or_default().push(floor);
    }
    Ok(found.into_iter().map(|(app, floors)| (app, floors.into())).collect())
}

pub(crate) fn of(conn: &Connection, app: AppId) -> Result<Vec<TokenFloor>> {
    let mut statement = conn.prepare_cached("SELECT session, since, issued_by FROM token_floor WHERE app = ?")?;
    Ok(rows::all(&mut statement, &[&app.0], from_row)?)
}

pub(crate) fn raise(
    conn: &Connection,
    app: AppId,
    sessions: &[String],
    since: Timestamp,
    now: Timestamp,
) -> Result<()> {
    conn.prepare_cached("DELETE FROM token_floor WHERE app = ? AND session <> '' AND since < ?")?
        .execute(params![app.0, now.minus(SESSION_FLOOR_LIFETIME).0])?;
    let every = [String::new()];
    for session in if sessions.is_empty() { &every } else { sessions } {
        // What refuses no more than the new one does, or than the newest of those that count already.
        conn.prepare_cached(
            "DELETE FROM token_floor WHERE app = ?1 AND session = ?2 AND (since >= ?3 OR (since <= ?4 AND (?3 <= ?4 OR
                since < (SELECT max(since) FROM token_floor WHERE app = ?1 AND session = ?2 AND since <= ?4))))",
        )?
        .execute(params![app.0, session, since.0, now.0])?;
        conn.prepare_cached("INSERT INTO token_floor (app, session, since, issued_by) VALUES (?, ?, ?, ?)")?
            .execute(params![app.0, session, since.0, now.0])?;
    }
    Ok(())
}

/// An application is gone, and its tokens with it.
pub(crate) fn forget(conn: &Connection, app: AppId) -> Result<()> {
    conn.prepare_cached("DELETE FROM token_floor WHERE app = ?")?.execute([app.0])?;
    Ok(())
}
