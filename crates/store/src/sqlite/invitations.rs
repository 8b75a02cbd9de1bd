//! Invitations that were made: a row for each, until its ticket ends.
//!
//! **Invariant:** an invitation is open as long as nobody used its ticket; withdrawing it uses the ticket up, so that its link
//! is dead wherever it went.

use super::{people, rows};
use crate::error::StoreError;
use crate::people::{INVITATIONS_MAX, Invitation, NewInvitation};
use domain::{OrgId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

type Result<T> = std::result::Result<T, StoreError>;

const NOT_FOUND: StoreError = StoreError::NotFound("invitation");
const TOO_MANY: StoreError = StoreError::Conflict("there are 100 open invitations: withdraw those that nobody needs");

const OPEN: &str = "FROM invitation WHERE org = ? AND expires_at > ?
    AND NOT EXISTS (SELECT 1 FROM used_ticket WHERE used_ticket.nonce = invitation.nonce)";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Invitation> {
    Ok(Invitation {
        nonce: row.get("nonce")?,
        email: row.get("email")?,
        role: rows::role(row, "role")?,
        created_by: row.get("created_by")?,
        created_at: rows::time(row, "created_at")?,
        expires_at: rows::time(row, "expires_at")?,
    })
}

/// Those that still let somebody in, the newest first.
pub(crate) fn list(conn: &Connection, org: OrgId, now: Timestamp) -> Result<Vec<Invitation>> {
    let sql =
        format!("SELECT nonce, email, role, created_by, created_at, expires_at {OPEN} ORDER BY created_at DESC, nonce");
    let mut statement = conn.prepare_cached(&sql)?;
    let found = statement.query_map(params![org.0, now.0], from_row)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn create(conn: &Connection, org: OrgId, new: &NewInvitation, now: Timestamp) -> Result<()> {
    let open: i64 =
        conn.prepare_cached(&format!("SELECT count(*) {OPEN}"))?.query_row(params![org.0, now.0], |row| row.get(0))?;
    if open >= INVITATIONS_MAX {
        return Err(TOO_MANY);
    }
    conn.prepare_cached("INSERT INTO invitation VALUES (?, ?, ?, ?, ?, ?, ?)")?.execute(params![
        org.0,
        new.nonce,
        new.email,
        new.role as u8,
        new.created_by,
        now.0,
        new.expires_at.0
    ])?;
    Ok(())
}

/// The invitation that was withdrawn. `NotFound` for one that was used, or ended, or is another organisation's.
pub(crate) fn withdraw(conn: &Connection, org: OrgId, nonce: &[u8; 16], now: Timestamp) -> Result<Invitation> {
    let sql = format!("SELECT nonce, email, role, created_by, created_at, expires_at {OPEN} AND nonce = ?");
    let found = conn.prepare_cached(&sql)?.query_row(params![org.0, now.0, nonce], from_row).optional()?;
    let found = found.ok_or(NOT_FOUND)?;
    people::use_ticket(conn, nonce, found.expires_at)?;
    conn.prepare_cached("DELETE FROM invitation WHERE org = ? AND nonce = ?")?.execute(params![org.0, nonce])?;
    Ok(found)
}
