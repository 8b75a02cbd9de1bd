//! How far each consumer of a sink has read.

use crate::error::StoreError;
use domain::{AppId, MessageId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

type Result<T> = std::result::Result<T, StoreError>;

/// The last message that the consumer was given; `None` for one that is not known yet.
pub(crate) fn position(conn: &Connection, app: AppId, sink: &str, consumer: &str) -> Result<Option<MessageId>> {
    let found = conn
        .prepare_cached("SELECT position FROM consumer WHERE app = ? AND sink = ? AND consumer = ?")?
        .query_row(params![app.0, sink, consumer], |r| r.get(0).map(MessageId))
        .optional()?;
    Ok(found)
}

/// Forth or back. `NotFound` when the application is gone.
pub(crate) fn set_position(
    conn: &Connection,
    app: AppId,
    (sink, consumer): (&str, &str),
    at: MessageId,
    now: Timestamp,
) -> Result<()> {
    super::apps::get(conn, app)?;
    conn.prepare_cached(
        "INSERT INTO consumer (app, sink, consumer, position, updated_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET position = ?4, updated_at = ?5",
    )?
    .execute(params![app.0, sink, consumer, at.0, now.0])?;
    Ok(())
}

/// Deletes at most `budget` positions of an application that is gone; returns how many.
pub(super) fn reap(conn: &Connection, app: i64, budget: u32) -> Result<usize> {
    let n = conn
        .prepare_cached(
            "DELETE FROM consumer WHERE (app, sink, consumer) IN
                (SELECT app, sink, consumer FROM consumer WHERE app = ? LIMIT ?)",
        )?
        .execute(params![app, budget])?;
    Ok(n)
}
