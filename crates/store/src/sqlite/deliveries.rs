//! The SQL that moves deliveries between their states: leased (`lease`), due or dead (`delivery`), settled (neither).
//!
//! **Invariant:** every statement says how many rows it must touch, and its caller checks.

use domain::{Cause, DeadReason, DeliveryKey, EndpointId, MessageId, Timestamp};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

type Result<T> = rusqlite::Result<T>;

/// A delivery without its payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub key: DeliveryKey,
    pub attempts: u32,
    pub cause: Cause,
}

pub(crate) fn insert_lease(conn: &Connection, d: &Found, epoch: i64) -> Result<()> {
    let k = d.key;
    let n = conn.prepare_cached("INSERT INTO lease VALUES (?, ?, ?, ?, ?, ?)")?.execute(params![
        k.message.0,
        k.endpoint.0,
        k.ordinal,
        epoch,
        d.attempts,
        d.cause as i64
    ])?;
    one(n)
}

/// `false` when this epoch doesn't hold it (any more).
pub(crate) fn delete_lease(conn: &Connection, k: DeliveryKey, epoch: i64) -> Result<bool> {
    let n = conn
        .prepare_cached("DELETE FROM lease WHERE message = ? AND endpoint = ? AND ordinal = ? AND epoch = ?")?
        .execute(params![k.message.0, k.endpoint.0, k.ordinal, epoch])?;
    Ok(n == 1)
}

pub(crate) fn insert_due(conn: &Connection, d: &Found, due_at: Timestamp) -> Result<()> {
    let k = d.key;
    let n = conn.prepare_cached("INSERT INTO delivery VALUES (?, ?, ?, ?, ?, ?, NULL)")?.execute(params![
        k.message.0,
        k.endpoint.0,
        k.ordinal,
        due_at.0,
        d.attempts,
        d.cause as i64
    ])?;
    one(n)
}
pub(crate) fn insert_dead(conn: &Connection, d: &Found, reason: DeadReason) -> Result<()> {
    let k = d.key;
    let n = conn.prepare_cached("INSERT INTO delivery VALUES (?, ?, ?, NULL, ?, ?, ?)")?.execute(params![
        k.message.0,
        k.endpoint.0,
        k.ordinal,
        d.attempts,
        d.cause as i64,
        reason as i64
    ])?;
    one(n)
}

pub(crate) fn delete(conn: &Connection, k: DeliveryKey) -> Result<()> {
    let n = conn
        .prepare_cached("DELETE FROM delivery WHERE message = ? AND endpoint = ? AND ordinal = ?")?
        .execute(params![k.message.0, k.endpoint.0, k.ordinal])?;
    one(n)
}
/// A due delivery becomes dead.
pub(crate) fn bury(conn: &Connection, k: DeliveryKey, reason: DeadReason) -> Result<()> {
    let n = conn
        .prepare_cached(
            "UPDATE delivery SET due_at = NULL, dead = ? WHERE message = ? AND endpoint = ? AND ordinal = ?",
        )?
        .execute(params![reason as i64, k.message.0, k.endpoint.0, k.ordinal])?;
    one(n)
}

/// The earliest due deliveries of a lane.
pub(crate) fn due(conn: &Connection, endpoint: EndpointId, now: Timestamp, limit: u32) -> Result<Vec<Found>> {
    let statement = conn.prepare_cached(
        "SELECT message, endpoint, ordinal, attempts, cause FROM delivery
         WHERE endpoint = ? AND due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ?",
    )?;
    collect(statement, params![endpoint.0, now.0, limit])
}
pub(crate) fn next_due(conn: &Connection, endpoint: EndpointId) -> Result<Option<Timestamp>> {
    let found = conn
        .prepare_cached(
            "SELECT due_at FROM delivery WHERE endpoint = ? AND due_at IS NOT NULL ORDER BY due_at LIMIT 1",
        )?
        .query_row([endpoint.0], |r| r.get(0))
        .optional()?;
    Ok(found.map(Timestamp))
}

/// Leases of earlier epochs: their holder is gone.
pub(crate) fn orphans(conn: &Connection, epoch: i64, limit: u32) -> Result<Vec<Found>> {
    let statement =
        conn.prepare_cached("SELECT message, endpoint, ordinal, attempts, cause FROM lease WHERE epoch <> ? LIMIT ?")?;
    collect(statement, params![epoch, limit])
}
pub(crate) fn delete_orphan(conn: &Connection, k: DeliveryKey, epoch: i64) -> Result<()> {
    let n = conn
        .prepare_cached("DELETE FROM lease WHERE message = ? AND endpoint = ? AND ordinal = ? AND epoch <> ?")?
        .execute(params![k.message.0, k.endpoint.0, k.ordinal, epoch])?;
    one(n)
}

/// Dead deliveries of an endpoint for messages in [from, until), by message.
pub(crate) fn dead(conn: &Connection, endpoint: EndpointId, from: i64, until: i64, limit: u32) -> Result<Vec<Found>> {
    let statement = conn.prepare_cached(
        "SELECT message, endpoint, ordinal, attempts, cause FROM delivery
         WHERE endpoint = ? AND dead IS NOT NULL AND message >= ? AND message < ? ORDER BY message LIMIT ?",
    )?;
    collect(statement, params![endpoint.0, from, until, limit])
}

/// Dead deliveries of a pair; returns how many there were.
pub(crate) fn delete_dead_of(conn: &Connection, message: MessageId, endpoint: EndpointId) -> Result<u32> {
    let n = conn
        .prepare_cached("DELETE FROM delivery WHERE message = ? AND endpoint = ? AND dead IS NOT NULL")?
        .execute(params![message.0, endpoint.0])?;
    Ok(u32::try_from(n).unwrap_or(u32::MAX))
}

/// The ordinal of the next delivery of this pair created by hand.
pub(crate) fn next_ordinal(conn: &Connection, message: MessageId, endpoint: EndpointId) -> Result<u32> {
    conn.prepare_cached(
        "SELECT 1 + max(
            coalesce((SELECT max(ordinal) FROM lease WHERE message = ?1 AND endpoint = ?2), 0),
            coalesce((SELECT max(ordinal) FROM delivery WHERE message = ?1 AND endpoint = ?2), 0),
            coalesce((SELECT max(ordinal) FROM attempt WHERE message = ?1 AND endpoint = ?2), 0))",
    )?
    .query_row(params![message.0, endpoint.0], |r| r.get(0))
}

/// Adds to a lane's summary.
pub(crate) fn add_to_lane(conn: &Connection, endpoint: EndpointId, waiting: i64, dead: i64) -> Result<()> {
    let n = conn
        .prepare_cached(
            "INSERT INTO lane VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET waiting = waiting + ?2, dead = dead + ?3",
        )?
        .execute(params![endpoint.0, waiting, dead])?;
    one(n)
}

fn collect(mut statement: CachedStatement<'_>, p: impl rusqlite::Params) -> Result<Vec<Found>> {
    statement
        .query_map(p, |r| {
            Ok(Found {
                key: DeliveryKey { message: MessageId(r.get(0)?), endpoint: EndpointId(r.get(1)?), ordinal: r.get(2)? },
                attempts: r.get(3)?,
                cause: Cause::from_code(r.get(4)?).unwrap_or(Cause::Subscribed),
            })
        })?
        .collect()
}

fn one(n: usize) -> Result<()> {
    if n == 1 { Ok(()) } else { Err(rusqlite::Error::StatementChangedRows(n)) }
}

/// Whether the delivery is on disk, due or dead.
pub(crate) fn exists(conn: &Connection, k: DeliveryKey) -> Result<bool> {
    conn.prepare_cached("SELECT 1 FROM delivery WHERE message = ? AND endpoint = ? AND ordinal = ?")?.exists(params![
        k.message.0,
        k.endpoint.0,
        k.ordinal
    ])
}
