//! Retention: what is too old goes, a bounded slice at a time.
//!
//! Row numbers carry time, so "older than" is a range of keys at the cold end of each table. **Invariant:** a message
//! with a delivery that is neither settled nor dead keeps its payload and itself; a slice never outgrows its budget.

use super::core::Core;
use crate::error::StoreError;
use crate::figures::batch::minute_of;
use crate::operations::ReportState;
use domain::{DeliveryKey, EndpointId, MessageId, Seq, Timestamp};
use rusqlite::params;
use std::time::Duration;

type Result<T> = std::result::Result<T, StoreError>;

/// How long figures are kept by the minute.
const MINUTES_KEPT: Duration = Duration::from_secs(48 * 3600);
/// How often expired rows are looked for when there were none.
const PAUSE: Duration = Duration::from_secs(30);
/// ... and when a slice was full.
const BETWEEN_SLICES: Duration = Duration::from_millis(5);
/// How often rows that were kept (their deliveries were not settled) are looked at again.
const RESCAN: Duration = Duration::from_secs(3600);

/// Where the sweep is: everything before these was deleted, or kept for now.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    next_at: i64,
    rescan_at: i64,
    messages_from: i64,
    payloads_from: i64,
    attempts_from: i64,
    pub requests_from: i64,
    /// The last source whose requests were counted.
    pub source: i64,
    /// (`payload_until`, message)
    short_lived_from: (i64, i64),
    pub own: super::own_sweep::OwnSweep,
}

impl Sweep {
    pub fn next_at(&self) -> Timestamp {
        Timestamp(self.next_at)
    }
}

/// Nothing of the message is left to deliver.
const SETTLED: &str = "NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message = message.id AND d.due_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM lease l WHERE l.message = message.id)";

impl Core {
    /// There is something to delete: don't wait for the next round.
    pub(crate) fn sweep_now(&mut self) {
        self.retention.next_at = 0;
    }

    /// Deletes at most about `budget` rows of each kind.
    pub fn expire(&mut self, now: Timestamp, budget: u32) -> Result<()> {
        let wait = self.retention.next_at - now.0;
        // Longer than any pause: the clock was set back.
        if wait > 0 && wait <= PAUSE.as_millis() as i64 {
            return Ok(());
        }
        if now.0 >= self.retention.rescan_at || self.retention.rescan_at - now.0 > RESCAN.as_millis() as i64 {
            let own = self.retention.own.again();
            self.retention = Sweep { rescan_at: now.plus(RESCAN).0, own, ..Sweep::default() };
        }
        let full = self.expire_short_lived(now, budget)?
            | self.expire_payloads(now, budget)?
            | self.expire_messages(now, budget)?
            | self.expire_attempts(now, budget)?
            | self.expire_requests(now, budget)?
            | self.expire_beyond_kept(budget)?
            | self.expire_small(now, budget)?
            | self.expire_sources(now, budget)?
            | self.expire_own(now, budget)?
            | self.expire_accounts(now, budget)?
            | self.reap_deleted(now, budget)?;
        let pause = if full { BETWEEN_SLICES } else { PAUSE };
        self.retention.next_at = now.plus(pause).0;
        Ok(())
    }

    /// The next `budget` messages of [from, cut): the last of them, if any, and whether there may be more.
    fn slice(&self, from: i64, cut: i64, budget: u32) -> Result<Option<(i64, bool)>> {
        let (end, n): (Option<i64>, u32) = self
            .conn
            .prepare_cached(
                "SELECT max(id), count(*) FROM (SELECT id FROM message WHERE id >= ? AND id < ? ORDER BY id LIMIT ?)",
            )?
            .query_row(params![from, cut, budget], |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(end.map(|end| (end, n == budget)))
    }

    /// Payloads whose message names its own retention.
    fn expire_short_lived(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        let (until, id) = self.retention.short_lived_from;
        let found: Vec<(i64, i64)> = {
            let mut s = self.conn.prepare_cached(
                "SELECT payload_until, id FROM message
                 WHERE payload_until IS NOT NULL AND (payload_until, id) > (?, ?) AND payload_until <= ?
                 ORDER BY payload_until, id LIMIT ?",
            )?;
            super::rows::all(&mut s, &[&until, &id, &now.0, &budget], |r| Ok((r.get(0)?, r.get(1)?)))?
        };
        let mut forget = self.conn.prepare_cached(&format!(
            "UPDATE message SET payload = NULL, payload_until = NULL WHERE id = ? AND {SETTLED}"
        ))?;
        for (_, id) in &found {
            forget.execute([id])?;
        }
        if let Some(last) = found.last() {
            self.retention.short_lived_from = *last;
        }
        Ok(found.len() == budget as usize)
    }

    fn expire_payloads(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        // When messages go at the same age, their payloads go with them.
        if self.config.payload_retention >= self.config.message_retention {
            return Ok(false);
        }
        let cut = Seq::first_at(now.minus(self.config.payload_retention)).0;
        let from = self.retention.payloads_from;
        let Some((end, full)) = self.slice(from, cut, budget)? else { return Ok(false) };
        self.conn
            .prepare_cached(&format!(
                "UPDATE message SET payload = NULL
                 WHERE id >= ? AND id <= ? AND payload IS NOT NULL AND payload_until IS NULL AND {SETTLED}"
            ))?
            .execute(params![from, end])?;
        self.retention.payloads_from = end + 1;
        Ok(full)
    }

    fn expire_messages(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        let cut = Seq::first_at(now.minus(self.config.message_retention)).0;
        let from = self.retention.messages_from;
        let Some((end, full)) = self.slice(from, cut, budget)? else { return Ok(false) };
        let gone: Vec<i64> = {
            let mut s = self
                .conn
                .prepare_cached(&format!("DELETE FROM message WHERE id >= ? AND id <= ? AND {SETTLED} RETURNING id"))?;
            super::rows::all(&mut s, &[&from, &end], |r| r.get(0))?
        };
        for message in gone {
            self.delete_dead(message)?;
        }
        self.retention.messages_from = end + 1;
        Ok(full)
    }

    /// The dead deliveries of a message go with it.
    fn delete_dead(&mut self, message: i64) -> Result<()> {
        let mut s = self
            .conn
            .prepare_cached("DELETE FROM delivery WHERE message = ? AND dead IS NOT NULL RETURNING endpoint")?;
        for endpoint in super::rows::all(&mut s, &[&message], |r| r.get(0).map(EndpointId))? {
            self.tx.lane_deltas.entry(endpoint).or_default().1 -= 1;
        }
        Ok(())
    }

    fn expire_attempts(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        let cut = Seq::first_at(now.minus(self.config.attempt_retention)).0;
        let from = self.retention.attempts_from;
        let (end, n): (Option<i64>, u32) = self
            .conn
            .prepare_cached(
                "SELECT max(message), count(*) FROM (SELECT message FROM attempt WHERE message >= ? AND message < ?
                 ORDER BY message LIMIT ?)",
            )?
            .query_row(params![from, cut, budget], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let Some(end) = end else { return Ok(false) };
        self.conn
            .prepare_cached("DELETE FROM attempt WHERE message >= ? AND message <= ? AND id < ?")?
            .execute(params![from, end, cut])?;
        self.retention.attempts_from = end + 1;
        Ok(n == budget)
    }

    fn expire_small(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        let keys = Seq::first_at(now.minus(self.config.idempotency_retention)).0;
        let tasks = Seq::first_at(now.minus(self.config.message_retention)).0;
        let attempts = now.minus(self.config.attempt_retention);
        let mut full = false;
        for (sql, cut) in [
            ("DELETE FROM idempotency WHERE id IN (SELECT id FROM idempotency WHERE id < ? LIMIT ?)", keys),
            (
                "DELETE FROM revoked_token WHERE hash IN
                    (SELECT hash FROM revoked_token WHERE expires_at IS NOT NULL AND expires_at < ? LIMIT ?)",
                now.0,
            ),
            (
                "DELETE FROM task_delivery WHERE (endpoint, message, ordinal) IN
                    (SELECT endpoint, message, ordinal FROM task_delivery WHERE task < ? LIMIT ?)",
                tasks,
            ),
            ("DELETE FROM task WHERE id IN (SELECT id FROM task WHERE id < ? AND status NOT IN (0, 3) LIMIT ?)", tasks),
            (
                "DELETE FROM stat_hour WHERE (endpoint, hour) IN
                    (SELECT endpoint, hour FROM stat_hour WHERE hour < ? LIMIT ?)",
                super::status::hour_of(attempts),
            ),
            (
                "DELETE FROM figure_minute WHERE (org, at) IN (SELECT org, at FROM figure_minute WHERE at < ? LIMIT ?)",
                minute_of(now.minus(MINUTES_KEPT)),
            ),
            (
                "DELETE FROM figure_hour WHERE (org, at) IN (SELECT org, at FROM figure_hour WHERE at < ? LIMIT ?)",
                super::status::hour_of(now.minus(self.config.stat_minute_retention)),
            ),
            (
                "DELETE FROM figure_app WHERE (hour, org, app) IN
                    (SELECT hour, org, app FROM figure_app WHERE hour < ? LIMIT ?)",
                super::status::hour_of(attempts),
            ),
            (
                "DELETE FROM figure_endpoint WHERE (hour, endpoint) IN
                    (SELECT hour, endpoint FROM figure_endpoint WHERE hour < ? LIMIT ?)",
                super::status::hour_of(attempts),
            ),
            (
                "DELETE FROM figure_source WHERE (hour, source) IN
                    (SELECT hour, source FROM figure_source WHERE hour < ? LIMIT ?)",
                super::status::hour_of(attempts),
            ),
            (
                "DELETE FROM figure_type WHERE (hour, org, event_type) IN
                    (SELECT hour, org, event_type FROM figure_type WHERE hour < ? LIMIT ?)",
                super::status::hour_of(attempts),
            ),
            (
                "DELETE FROM issue WHERE id IN
                    (SELECT id FROM issue INDEXED BY issue_last_at WHERE last_at < ? AND state <> 0 LIMIT ?)",
                attempts.0,
            ),
            (
                "DELETE FROM endpoint_url WHERE (endpoint, version) IN
                    (SELECT endpoint, version FROM endpoint_url WHERE gone_at IS NOT NULL AND gone_at < ? LIMIT ?)",
                attempts.0,
            ),
            (
                "DELETE FROM first_seen WHERE (endpoint, hash) IN
                    (SELECT endpoint, hash FROM first_seen WHERE at < ? LIMIT ?)",
                now.minus(self.config.first_seen_retention).0,
            ),
        ] {
            let n = self.conn.prepare_cached(sql)?.execute(params![cut, budget])?;
            full |= n == budget as usize;
        }
        Ok(full)
    }

    /// Rows of deleted endpoints, then of deleted sources, then of deleted applications.
    fn reap_deleted(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        if let Some(endpoint) = self.first("SELECT id FROM endpoint WHERE deleted = 1 LIMIT 1")? {
            self.reap_endpoint(EndpointId(endpoint), now, budget)?;
            return Ok(true);
        }
        if self.reap_source(budget)? {
            return Ok(true);
        }
        if let Some(app) = self.first("SELECT id FROM app WHERE deleted = 1 LIMIT 1")? {
            self.reap_app(app, now, budget)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// What waits on disk, then the endpoint itself. Its leases settle as canceled; its attempts stay with their
    /// messages, and so do the URLs that they name.
    fn reap_endpoint(&mut self, endpoint: EndpointId, now: Timestamp, budget: u32) -> Result<()> {
        let mut left = budget;
        for (sql, dead) in [
            ("SELECT message, ordinal FROM delivery WHERE endpoint = ? AND due_at IS NOT NULL LIMIT ?", false),
            ("SELECT message, ordinal FROM delivery WHERE endpoint = ? AND dead IS NOT NULL LIMIT ?", true),
        ] {
            let found: Vec<(i64, u32)> = {
                let mut s = self.conn.prepare_cached(sql)?;
                super::rows::all(&mut s, &[&endpoint.0, &left], |r| Ok((r.get(0)?, r.get(1)?)))?
            };
            for (message, ordinal) in &found {
                let key = DeliveryKey { message: MessageId(*message), endpoint, ordinal: *ordinal };
                super::deliveries::delete(&self.conn, key)?;
                if !dead {
                    self.note_for_task(key, ReportState::Canceled, None, now)?;
                }
            }
            let n = found.len() as i64;
            let delta = self.tx.lane_deltas.entry(endpoint).or_default();
            *delta = if dead { (delta.0, delta.1 - n) } else { (delta.0 - n, delta.1) };
            left = left.saturating_sub(found.len() as u32);
        }
        let seen = self
            .conn
            .prepare_cached(
                "DELETE FROM first_seen WHERE (endpoint, hash) IN
                    (SELECT endpoint, hash FROM first_seen WHERE endpoint = ? LIMIT ?)",
            )?
            .execute(params![endpoint.0, left])?;
        left = left.saturating_sub(seen as u32);
        if left == 0 {
            return Ok(());
        }
        self.conn
            .prepare_cached("UPDATE endpoint_url SET gone_at = ? WHERE endpoint = ?")?
            .execute(params![now.0, endpoint.0])?;
        for sql in [
            "DELETE FROM lane WHERE endpoint = ?",
            "DELETE FROM issue WHERE endpoint = ?",
            "DELETE FROM endpoint_secret WHERE endpoint = ?",
            "DELETE FROM subscription WHERE endpoint = ?",
            "DELETE FROM endpoint WHERE id = ?",
        ] {
            self.conn.prepare_cached(sql)?.execute([endpoint.0])?;
        }
        self.tx.lane_deltas.remove(&endpoint);
        self.tx.removed.push(endpoint);
        Ok(())
    }

    fn reap_app(&mut self, app: i64, now: Timestamp, budget: u32) -> Result<()> {
        if self.reap_own(app, now, budget)? {
            return Ok(());
        }
        let gone: Vec<i64> = {
            let mut s = self.conn.prepare_cached(
                "DELETE FROM message WHERE id IN (SELECT id FROM message WHERE app = ? LIMIT ?) RETURNING id",
            )?;
            super::rows::all(&mut s, &[&app, &budget], |r| r.get(0))?
        };
        {
            let mut attempts = self.conn.prepare_cached("DELETE FROM attempt WHERE message = ?")?;
            for message in &gone {
                attempts.execute([message])?;
                super::own_events::delete_files(&self.conn, MessageId(*message))?;
            }
        }
        let consumers = super::consumers::reap(&self.conn, app, budget)?;
        if gone.len().max(consumers) < budget as usize {
            self.conn.prepare_cached("DELETE FROM app WHERE id = ?")?.execute([app])?;
        }
        Ok(())
    }

    fn first(&self, sql: &str) -> Result<Option<i64>> {
        use rusqlite::OptionalExtension;
        Ok(self.conn.prepare_cached(sql)?.query_row([], |r| r.get(0)).optional()?)
    }
}
