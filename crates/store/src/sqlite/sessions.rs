//! Sessions, and the sweep of what accounts leave behind.
//!
//! **Invariant:** a session past its end is nobody's, swept or not.

use super::core::Core;
use super::{people, rows};
use crate::error::StoreError;
use crate::people::{NewSession, Person, Session};
use domain::{PersonId, Seq, SessionId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::time::Duration;

type Result<T> = std::result::Result<T, StoreError>;

/// Sessions of one person at most; a new one ends the oldest.
const SESSIONS_MAX: u32 = 50;
/// Characters kept of what a browser calls itself.
const AGENT_MAX: usize = 300;

fn from_row(row: &Row<'_>, at: usize) -> rusqlite::Result<Session> {
    Ok(Session {
        id: SessionId(row.get(at)?),
        person: PersonId(row.get(at + 1)?),
        seen_at: row.get(at + 2).map(Timestamp)?,
        expires_at: row.get(at + 3).map(Timestamp)?,
        address: row.get(at + 4)?,
        agent: row.get(at + 5)?,
    })
}
const COLUMNS: &str = "session.id, session.person, session.seen_at, session.expires_at, session.address, session.agent";

/// Whose session has this token.
pub(crate) fn by_hash(conn: &Connection, hash: &[u8; 32], now: Timestamp) -> Result<Option<(Person, Session)>> {
    let found = conn
        .prepare_cached(&format!(
            "SELECT {}, {COLUMNS} FROM session JOIN person ON person.id = session.person
             WHERE session.hash = ? AND session.expires_at > ?",
            people::COLUMNS
        ))?
        .query_row(params![hash, now.0], |row| Ok((people::from_row(row)?, from_row(row, 9)?)))
        .optional()?;
    Ok(found)
}

/// The newest first.
pub(crate) fn list(conn: &Connection, person: PersonId, now: Timestamp) -> Result<Vec<Session>> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM session WHERE person = ? AND expires_at > ? ORDER BY id DESC LIMIT ?"
    ))?;
    Ok(rows::all(&mut statement, &[&person.0, &now.0, &SESSIONS_MAX], |row| from_row(row, 0))?)
}

/// A use of the session: it goes on for a whole lifetime.
pub(crate) fn touch(conn: &Connection, session: &Session, now: Timestamp, lifetime: Duration) -> Result<()> {
    conn.prepare_cached("UPDATE session SET seen_at = ?, expires_at = ? WHERE id = ?")?.execute(params![
        now.0,
        now.plus(lifetime).0,
        session.id.0
    ])?;
    conn.prepare_cached("UPDATE person SET last_seen_at = ? WHERE id = ?")?
        .execute(params![now.0, session.person.0])?;
    Ok(())
}

/// `false` when the person has no such session.
pub(crate) fn close(conn: &Connection, person: PersonId, session: SessionId) -> Result<bool> {
    let n = conn
        .prepare_cached("DELETE FROM session WHERE id = ? AND person = ?")?
        .execute(params![session.0, person.0])?;
    Ok(n == 1)
}

/// All of a person but `keep`.
pub(crate) fn close_all(conn: &Connection, person: PersonId, keep: Option<SessionId>) -> Result<()> {
    conn.prepare_cached("DELETE FROM session WHERE person = ? AND id <> ?")?
        .execute(params![person.0, keep.map_or(0, |s| s.0)])?;
    Ok(())
}

impl Core {
    pub(crate) fn open_session(&mut self, person: PersonId, new: &NewSession, now: Timestamp) -> Result<Session> {
        let id: SessionId = self.next_id(now);
        let expires_at = now.plus(self.config.session_lifetime);
        let agent: Option<String> = new.agent.as_ref().map(|a| a.chars().take(AGENT_MAX).collect());
        let n = self
            .conn
            .prepare_cached("UPDATE person SET last_seen_at = ? WHERE id = ?")?
            .execute(params![now.0, person.0])?;
        if n != 1 {
            return Err(StoreError::NotFound("person"));
        }
        self.conn.prepare_cached("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?)")?.execute(params![
            id.0,
            person.0,
            new.hash,
            now.0,
            expires_at.0,
            new.address,
            agent
        ])?;
        self.conn
            .prepare_cached(
                "DELETE FROM session WHERE id IN
                    (SELECT id FROM session WHERE person = ? ORDER BY id DESC LIMIT -1 OFFSET ?)",
            )?
            .execute(params![person.0, SESSIONS_MAX])?;
        let address = new.address.clone();
        Ok(Session { id, person, seen_at: now, expires_at, address, agent })
    }

    /// Deletes at most about `budget` rows of each kind; `true` when there may be more.
    pub(super) fn expire_accounts(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        let audit = Seq::first_at(now.minus(self.config.audit_retention)).0;
        let mut full = false;
        for (sql, cut) in [
            ("DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_at <= ? LIMIT ?)", now.0),
            (
                "DELETE FROM used_ticket WHERE nonce IN (SELECT nonce FROM used_ticket WHERE expires_at <= ? LIMIT ?)",
                now.0,
            ),
            (
                "DELETE FROM invitation WHERE (org, nonce) IN
                    (SELECT org, nonce FROM invitation WHERE expires_at <= ? LIMIT ?)",
                now.0,
            ),
            ("DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < ? LIMIT ?)", audit),
        ] {
            let n = self.conn.prepare_cached(sql)?.execute(params![cut, budget])?;
            full |= n == budget as usize;
        }
        Ok(full)
    }
}
