//! Revoked tokens, kept answers, and the epoch.

use crate::error::StoreError;
use crate::types::IdempotencyKey;
use bytes::Bytes;
use domain::{MessageId, Seq, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashSet;

type Result<T> = std::result::Result<T, StoreError>;

pub(crate) fn revoke(conn: &Connection, hash: &[u8; 32], expires_at: Option<Timestamp>) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO revoked_token VALUES (?, ?)")?
        .execute(params![hash, expires_at.map(|t| t.0)])?;
    Ok(())
}
pub(crate) fn revoked(conn: &Connection) -> Result<HashSet<[u8; 32]>> {
    let mut statement = conn.prepare_cached("SELECT hash FROM revoked_token")?;
    let found = statement.query_map([], |r| r.get::<_, [u8; 32]>(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(found)
}

/// The message that this key brought, unless it is older than `oldest`.
pub(crate) fn kept_message(conn: &Connection, key: &IdempotencyKey, oldest: Seq) -> Result<Option<MessageId>> {
    let found: Option<Option<i64>> = conn
        .prepare_cached("SELECT message FROM idempotency WHERE hash = ? AND id >= ?")?
        .query_row(params![key.hash, oldest.0], |r| r.get(0))
        .optional()?;
    Ok(found.flatten().map(MessageId))
}
pub(crate) fn keep_message(conn: &Connection, id: Seq, key: &IdempotencyKey, message: MessageId) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO idempotency (id, hash, message) VALUES (?, ?, ?)")?
        .execute(params![id.0, key.hash, message.0])?;
    Ok(())
}
/// Status and body.
pub(crate) fn kept_answer(conn: &Connection, key: &IdempotencyKey, oldest: Seq) -> Result<Option<(u16, Bytes)>> {
    let found = conn
        .prepare_cached("SELECT status, body FROM idempotency WHERE hash = ? AND status IS NOT NULL AND id >= ?")?
        .query_row(params![key.hash, oldest.0], |r| Ok((r.get(0)?, r.get::<_, Vec<u8>>(1)?)))
        .optional()?;
    Ok(found.map(|(s, b)| (s, Bytes::from(b))))
}
pub(crate) fn keep_answer(conn: &Connection, id: Seq, key: &IdempotencyKey, status: u16, body: &[u8]) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO idempotency (id, hash, status, body) VALUES (?, ?, ?, ?)")?
        .execute(params![id.0, key.hash, status, body])?;
    Ok(())
}

/// Begins a new epoch: leases of earlier ones belong to nobody.
pub(crate) fn next_epoch(conn: &Connection) -> Result<i64> {
    // Not with RETURNING: a commit that fails after the row has been read goes unnoticed, and two processes would share
    // an epoch.
    conn.execute("UPDATE meta SET value = value + 1 WHERE name = 'epoch'", [])?;
    let epoch = conn.query_row("SELECT value FROM meta WHERE name = 'epoch'", [], |r| r.get(0))?;
    Ok(epoch)
}

/// The highest row number in use, so that new ones are higher even if the clock went back.
pub(crate) fn last_seq(conn: &Connection) -> Result<Seq> {
    let mut last = 0;
    for sql in [
        "SELECT max(id) FROM message",
        "SELECT max(id) FROM app",
        "SELECT max(id) FROM endpoint",
        "SELECT max(id) FROM task",
        "SELECT max(id) FROM source",
        "SELECT max(id) FROM idempotency",
        "SELECT max(id) FROM request",
        "SELECT max(id) FROM link",
        "SELECT max(id) FROM form",
        "SELECT max(id) FROM import",
        "SELECT max(id) FROM person",
        "SELECT max(id) FROM session",
        "SELECT max(id) FROM api_key",
        "SELECT max(id) FROM audit",
        // A new link must not take the number of one whose figures are being deleted.
        "SELECT max(origin) FROM stat_gone",
        // A request up to here may be gone; a new one must not take its number, or its keys would be missed.
        "SELECT value FROM meta WHERE name = 'event_keys_merged'",
        // Clustered by message: the newest attempt of the newest messages is near enough, ids are unique per message.
        "SELECT id FROM attempt ORDER BY message DESC LIMIT 1",
    ] {
        let found: Option<i64> = conn.query_row(sql, [], |r| r.get(0)).optional()?.flatten();
        last = last.max(found.unwrap_or(0));
    }
    Ok(Seq(last))
}
