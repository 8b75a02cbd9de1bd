//! Which hours a search for event types has to look at.
//!
//! **Invariant:** an hour is skipped only when figures know all of it, and none of the types came in it.

use super::roll_ups::written;
use crate::error::StoreError;
use crate::figures::batch::hour_of;
use crate::figures::collect::Memory;
use domain::search::type_matches;
use domain::{OrgId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashSet;

type Result<T> = std::result::Result<T, StoreError>;

/// What figures say of the hours in which types came.
pub(super) struct HoursKnown<'a> {
    conn: &'a Connection,
    org: OrgId,
    types: &'a [String],
    in_memory: HashSet<i64>,
    /// The first hour that figures know all of.
    from: i64,
}

impl<'a> HoursKnown<'a> {
    pub fn of(conn: &'a Connection, memory: &Memory, org: OrgId, types: &'a [String]) -> Result<Self> {
        let mut in_memory = HashSet::new();
        memory.beyond(written(conn)?, |batch| {
            let of_types = batch.types.keys().filter(|(_, of, name)| {
                *of == org && (name.is_empty() || types.iter().any(|pattern| type_matches(pattern, name)))
            });
            in_memory.extend(of_types.map(|(hour, ..)| *hour));
        });
        let since: i64 =
            conn.prepare_cached("SELECT value FROM meta WHERE name = 'figures_from'")?.query_row([], |r| r.get(0))?;
        // Older hours may have lost their figures.
        let oldest: Option<i64> = conn
            .prepare_cached("SELECT hour FROM figure_type ORDER BY hour LIMIT 1")?
            .query_row([], |r| r.get(0))
            .optional()?;
        let from = (hour_of(Timestamp(since)) + 1).max(oldest.unwrap_or(i64::MAX));
        Ok(HoursKnown { conn, org, types, in_memory, from })
    }

    /// Whether a message of the types may have come in that hour.
    pub fn may_have(&self, hour: i64) -> Result<bool> {
        if hour < self.from || self.in_memory.contains(&hour) {
            return Ok(true);
        }
        let mut one =
            self.conn.prepare_cached("SELECT 1 FROM figure_type WHERE hour = ? AND org = ? AND event_type = ?")?;
        if one.exists(params![hour, 0, ""])? || one.exists(params![hour, self.org.0, ""])? {
            return Ok(true);
        }
        for pattern in self.types {
            let found = match pattern.strip_suffix('*') {
                None => one.exists(params![hour, self.org.0, pattern])?,
                Some(beginning) => self
                    .conn
                    .prepare_cached(
                        "SELECT 1 FROM figure_type WHERE hour = ? AND org = ? AND event_type >= ? AND event_type < ?
                         LIMIT 1",
                    )?
                    .exists(params![hour, self.org.0, beginning, format!("{beginning}\u{10ffff}")])?,
            };
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
