//! What goes of links and forms: figures of those that are gone, figures by the minute, imports, and files of messages that
//! are no more.
//!
//! **Invariant:** a slice never outgrows its budget, however much there is to walk.

use super::core::Core;
use super::rows;
use crate::error::StoreError;
use domain::{Seq, Timestamp};
use rusqlite::{OptionalExtension, params};
use std::time::Duration;

type Result<T> = std::result::Result<T, StoreError>;

/// How long events that were under way may still be counted for a link that is gone.
const LATE: Duration = Duration::from_secs(600);
/// Links and forms that one slice looks at.
const ORIGINS_A_SLICE: u32 = 64;
/// Files that one slice looks at, for each row that it may delete.
const FILES_LOOKED_AT: u32 = 4;
/// Bytes of files that one slice deletes, about: their pages are read one by one.
const FILE_BYTES_A_SLICE: i64 = 16 << 20;
const MINUTES_A_DAY: i64 = 1440;

/// Where the sweep of links and forms is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OwnSweep {
    /// The last origin whose figures were deleted.
    gone_from: i64,
    /// (message, file)
    files_from: (i64, i64),
    minutes: MinuteSweep,
}

impl OwnSweep {
    /// From the start, but for the walk that is made once a day.
    pub fn again(self) -> Self {
        OwnSweep { minutes: self.minutes, ..OwnSweep::default() }
    }
}

/// A walk through all links and forms, once a day: not begun anew with the other sweeps.
#[derive(Clone, Copy, Debug, Default)]
struct MinuteSweep {
    /// Days since the Unix epoch, up to which figures by the minute were deleted.
    day: i64,
    /// The last origin that was looked at.
    from: i64,
}

impl Core {
    /// The link or form is no more; its figures go in the background.
    pub(super) fn origin_gone(&self, origin: i64, now: Timestamp) -> Result<()> {
        self.conn
            .prepare_cached("INSERT INTO stat_gone VALUES (?, ?) ON CONFLICT DO NOTHING")?
            .execute(params![origin, now.0])?;
        Ok(())
    }

    /// Deletes at most about `budget` rows of each kind; `true` when there may be more.
    pub(super) fn expire_own(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        Ok(self.expire_gone(now, budget)?
            | self.expire_minutes(now, budget)?
            | self.expire_imports(now, budget)?
            | self.expire_files(budget)?)
    }

    /// Figures of links and forms that are no more.
    fn expire_gone(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        let found: Vec<(i64, i64)> = {
            let sql = "SELECT origin, at FROM stat_gone WHERE origin > ? ORDER BY origin LIMIT ?";
            let mut s = self.conn.prepare_cached(sql)?;
            rows::all(&mut s, &[&self.retention.own.gone_from, &ORIGINS_A_SLICE], |r| Ok((r.get(0)?, r.get(1)?)))?
        };
        let mut left = budget as usize;
        for (origin, at) in &found {
            left -= self
                .conn
                .prepare_cached(
                    "DELETE FROM stat WHERE (origin, span, at) IN
                        (SELECT origin, span, at FROM stat WHERE origin = ? LIMIT ?)",
                )?
                .execute(params![origin, left])?;
            if left == 0 {
                return Ok(true);
            }
            if now.0 - at >= LATE.as_millis() as i64 {
                self.conn.prepare_cached("DELETE FROM stat_gone WHERE origin = ?")?.execute([origin])?;
            }
            self.retention.own.gone_from = *origin;
        }
        Ok(found.len() == ORIGINS_A_SLICE as usize)
    }

    /// Figures by the minute that are too old; those by the day stay.
    fn expire_minutes(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        let cut = super::stats::kept_from(now, self.config.stat_minute_retention);
        let mut at = self.retention.own.minutes;
        if at.day == cut.div_euclid(MINUTES_A_DAY) {
            return Ok(false);
        }
        let mut left = budget as usize;
        for _ in 0..ORIGINS_A_SLICE {
            let next: Option<i64> = self
                .conn
                .prepare_cached("SELECT origin FROM stat WHERE origin > ? ORDER BY origin LIMIT 1")?
                .query_row([at.from], |r| r.get(0))
                .optional()?;
            let Some(origin) = next else {
                self.retention.own.minutes = MinuteSweep { day: cut.div_euclid(MINUTES_A_DAY), from: 0 };
                return Ok(false);
            };
            left -= self
                .conn
                .prepare_cached(
                    "DELETE FROM stat WHERE (origin, span, at) IN
                        (SELECT origin, span, at FROM stat WHERE origin = ? AND span = 0 AND at < ? LIMIT ?)",
                )?
                .execute(params![origin, cut.div_euclid(60), left])?;
            if left == 0 {
                return Ok(true);
            }
            at.from = origin;
            self.retention.own.minutes = at;
        }
        Ok(true)
    }

    /// Imports that began too long ago, after their errors.
    fn expire_imports(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        let cut = Seq::first_at(now.minus(self.config.message_retention)).0;
        let mut full = false;
        for sql in [
            "DELETE FROM import_error WHERE (import, line) IN
                (SELECT import, line FROM import_error WHERE import < ? LIMIT ?)",
            "DELETE FROM import WHERE id IN (SELECT id FROM import WHERE id < ? AND status <> 0 LIMIT ?)",
        ] {
            let n = self.conn.prepare_cached(sql)?.execute(params![cut, budget])?;
            full |= n == budget as usize;
        }
        Ok(full)
    }

    /// Files whose message is gone, or has lost its payload, whyever.
    fn expire_files(&mut self, budget: u32) -> Result<bool> {
        let (message, file) = self.retention.own.files_from;
        let looked_at = budget * FILES_LOOKED_AT;
        let found: Vec<(i64, i64, Option<i64>)> = {
            let mut s = self.conn.prepare_cached(
                "SELECT f.message, f.id, iif(m.payload IS NULL, f.size, NULL) FROM form_file f
                 LEFT JOIN message m ON m.id = f.message
                 WHERE (f.message, f.id) > (?, ?) ORDER BY f.message, f.id LIMIT ?",
            )?;
            rows::all(&mut s, &[&message, &file, &looked_at], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
        };
        let (mut bytes, mut left) = (0, budget);
        for (message, file, gone) in &found {
            if let Some(size) = gone {
                self.conn.prepare_cached("DELETE FROM form_file WHERE id = ?")?.execute([file])?;
                (bytes, left) = (bytes + size, left - 1);
            }
            self.retention.own.files_from = (*message, *file);
            if left == 0 || bytes >= FILE_BYTES_A_SLICE {
                return Ok(true);
            }
        }
        Ok(found.len() == looked_at as usize)
    }

    /// Deletes a slice of a deleted application's links and forms; `true` when there may be more.
    pub(super) fn reap_own(&mut self, app: i64, now: Timestamp, budget: u32) -> Result<bool> {
        let mut full = false;
        for sql in [
            "DELETE FROM link WHERE id IN (SELECT id FROM link WHERE app = ? LIMIT ?) RETURNING id",
            "DELETE FROM form WHERE id IN (SELECT id FROM form WHERE app = ? LIMIT ?) RETURNING id",
        ] {
            let gone: Vec<i64> = rows::all(&mut *self.conn.prepare_cached(sql)?, &[&app, &budget], |r| r.get(0))?;
            for origin in &gone {
                self.origin_gone(*origin, now)?;
            }
            full |= gone.len() == budget as usize;
        }
        Ok(full)
    }
}
