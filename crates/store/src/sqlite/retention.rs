//! Retention: what is too old goes, a bounded slice at a time.
//!
//! Row numbers carry time, so "older than" is a range of keys at the cold end of each table. **Invariant:** a message
//! with a delivery that is neither settled nor dead keeps its payload and itself; a slice never outgrows its budget.

use super::core::Core;
use crate::error::StoreError;
use domain::{Seq, Timestamp};
use rusqlite::params;
use std::time::Duration;

type Result<T> = std::result::Result<T, StoreError>;

/// How often expired rows are looked for when there were none.
const PAUSE: Duration = Duration::from_secs(30);
/// ... and when a slice was full.
const BETWEEN_SLICES: Duration = Duration::from_millis(20);

/// Where the sweep is.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    next_at: i64,
    /// Messages older than this are done; kept by undelivered ones, so that they aren't looked at in each slice.
    messages_from: i64,
    payloads_from: i64,
    attempts_from: i64,
}

impl Sweep {
    pub fn next_at(&self) -> Timestamp {
        Timestamp(self.next_at)
    }
}

impl Core {
    /// There is something to delete: don't wait for the next round.
    pub(crate) fn sweep_now(&mut self) {
        self.retention.next_at = 0;
    }

    /// Deletes at most about `budget` rows of each kind.
    pub fn expire(&mut self, now: Timestamp, budget: u32) -> Result<()> {
        if now.0 < self.retention.next_at {
            return Ok(());
        }
        let full = self.expire_payloads(now, budget)?
            | self.expire_messages(now, budget)?
            | self.expire_attempts(now, budget)?
            | self.expire_small(now, budget)?
            | self.reap_deleted(budget)?;
        let pause = if full { BETWEEN_SLICES } else { PAUSE };
        self.retention.next_at = now.plus(pause).0;
        if !full {
            let at = self.retention.next_at;
            self.retention = Sweep { next_at: at, ..Sweep::default() };
        }
        Ok(())
    }

    /// Messages in a range with nothing left to deliver; `after` is where the next slice goes on.
    fn slice(&self, sql: &str, from: i64, cut: i64, budget: u32) -> Result<(usize, Option<i64>)> {
        let end: Option<i64> = self
            .conn
            .prepare_cached(
                "SELECT max(id) FROM (SELECT id FROM message WHERE id >= ? AND id < ? ORDER BY id LIMIT ?)",
            )?
            .query_row(params![from, cut, budget], |r| r.get(0))?;
        let Some(end) = end else { return Ok((0, None)) };
        let n = self.conn.prepare_cached(sql)?.execute(params![from, end])?;
        Ok((n, Some(end + 1)))
    }

    fn expire_payloads(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        let n = self
            .conn
            .prepare_cached(
                "UPDATE message SET payload = NULL, payload_until = NULL WHERE id IN (
                    SELECT id FROM message m WHERE payload_until IS NOT NULL AND payload_until <= ?
                    AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message = m.id AND d.due_at IS NOT NULL)
                    AND NOT EXISTS (SELECT 1 FROM lease l WHERE l.message = m.id) LIMIT ?)",
            )?
            .execute(params![now.0, budget])?;
        // When messages go at the same age, their payloads go with them.
        if self.config.payload_retention >= self.config.message_retention {
            return Ok(n == budget as usize);
        }
        let cut = Seq::first_at(now.minus(self.config.payload_retention)).0;
        let (_, next) = self.slice(
            "UPDATE message SET payload = NULL WHERE id >= ? AND id <= ? AND payload IS NOT NULL AND payload_until IS NULL
             AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message = message.id AND d.due_at IS NOT NULL)
             AND NOT EXISTS (SELECT 1 FROM lease l WHERE l.message = message.id)",
            self.retention.payloads_from,
            cut,
            budget,
        )?;
        self.retention.payloads_from = next.unwrap_or(self.retention.payloads_from);
        Ok(next.is_some() || n == budget as usize)
    }

    fn expire_messages(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        let cut = Seq::first_at(now.minus(self.config.message_retention)).0;
        let from = self.retention.messages_from;
        let end: Option<i64> = self
            .conn
            .prepare_cached(
                "SELECT max(id) FROM (SELECT id FROM message WHERE id >= ? AND id < ? ORDER BY id LIMIT ?)",
            )?
            .query_row(params![from, cut, budget], |r| r.get(0))?;
        let Some(end) = end else { return Ok(false) };
        self.bury_with_messages(from, end)?;
        self.conn
            .prepare_cached(
                "DELETE FROM message WHERE id >= ? AND id <= ?
                 AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message = message.id)
                 AND NOT EXISTS (SELECT 1 FROM lease l WHERE l.message = message.id)",
            )?
            .execute(params![from, end])?;
        self.retention.messages_from = end + 1;
        Ok(true)
    }

    /// Dead deliveries go with their messages.
    fn bury_with_messages(&mut self, from: i64, end: i64) -> Result<()> {
        let gone: Vec<i64> = {
            let mut s = self.conn.prepare_cached(
                "DELETE FROM delivery WHERE message >= ? AND message <= ? AND dead IS NOT NULL RETURNING endpoint",
            )?;
            super::rows::all(&mut s, &[&from, &end], |r| r.get(0))?
        };
        for endpoint in gone {
            self.tx.lane_deltas.entry(domain::EndpointId(endpoint)).or_default().1 -= 1;
        }
        Ok(())
    }

    fn expire_attempts(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        let cut = Seq::first_at(now.minus(self.config.attempt_retention)).0;
        let end: Option<i64> = self
            .conn
            .prepare_cached(
                "SELECT max(message) FROM (SELECT message FROM attempt WHERE message >= ? AND message < ?
                 ORDER BY message LIMIT ?)",
            )?
            .query_row(params![self.retention.attempts_from, cut, budget], |r| r.get(0))?;
        let Some(end) = end else { return Ok(false) };
        self.conn
            .prepare_cached("DELETE FROM attempt WHERE message >= ? AND message <= ? AND id < ?")?
            .execute(params![self.retention.attempts_from, end, cut])?;
        self.retention.attempts_from = end + 1;
        Ok(true)
    }

    fn expire_small(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        let keys = Seq::first_at(now.minus(self.config.idempotency_retention)).0;
        let n = self
            .conn
            .prepare_cached("DELETE FROM idempotency WHERE id IN (SELECT id FROM idempotency WHERE id < ? LIMIT ?)")?
            .execute(params![keys, budget])?;
        self.conn.prepare_cached("DELETE FROM revoked_token WHERE expires_at < ?")?.execute([now.0])?;
        let hour = super::status::hour_of(now.minus(self.config.attempt_retention));
        let tasks = Seq::first_at(now.minus(self.config.message_retention)).0;
        self.conn.prepare_cached("DELETE FROM task WHERE id < ? AND status <> 0")?.execute([tasks])?;
        let stats = self
            .conn
            .prepare_cached(
                "DELETE FROM stat_hour WHERE (endpoint, hour) IN (SELECT endpoint, hour FROM stat_hour WHERE hour < ? LIMIT ?)",
            )?
            .execute(params![hour, budget])?;
        Ok(n == budget as usize || stats == budget as usize)
    }

    /// Rows of deleted applications and endpoints.
    fn reap_deleted(&mut self, budget: u32) -> Result<bool> {
        let endpoint: Option<i64> = self.first("SELECT id FROM endpoint WHERE deleted = 1 LIMIT 1")?;
        if let Some(id) = endpoint {
            let n = self
                .conn
                .prepare_cached(
                    "DELETE FROM delivery WHERE (message, endpoint, ordinal) IN
                        (SELECT message, endpoint, ordinal FROM delivery WHERE endpoint = ?1 AND due_at IS NOT NULL
                         UNION ALL SELECT message, endpoint, ordinal FROM delivery WHERE endpoint = ?1 AND dead IS NOT NULL
                         LIMIT ?2)",
                )?
                .execute(params![id, budget])?;
            if n < budget as usize {
                for sql in [
                    "DELETE FROM lane WHERE endpoint = ?",
                    "DELETE FROM endpoint_secret WHERE endpoint = ?",
                    "DELETE FROM endpoint WHERE id = ?",
                ] {
                    self.conn.prepare_cached(sql)?.execute([id])?;
                }
                self.lanes.remove(domain::EndpointId(id));
            }
            return Ok(true);
        }
        let app: Option<i64> = self.first("SELECT id FROM app WHERE deleted = 1 LIMIT 1")?;
        let Some(app) = app else { return Ok(false) };
        let gone: Vec<i64> = {
            let mut s = self.conn.prepare_cached(
                "DELETE FROM message WHERE id IN (SELECT id FROM message WHERE app = ? LIMIT ?) RETURNING id",
            )?;
            super::rows::all(&mut s, &[&app, &budget], |r| r.get(0))?
        };
        let mut attempts = self.conn.prepare_cached("DELETE FROM attempt WHERE message = ?")?;
        for message in &gone {
            attempts.execute([message])?;
        }
        if gone.len() < budget as usize {
            self.conn.prepare_cached("DELETE FROM app WHERE id = ?")?.execute([app])?;
        }
        Ok(true)
    }

    fn first(&self, sql: &str) -> Result<Option<i64>> {
        use rusqlite::OptionalExtension;
        Ok(self.conn.prepare_cached(sql)?.query_row([], |r| r.get(0)).optional()?)
    }
}
