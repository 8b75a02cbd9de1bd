//! Requests that go: by age, by number, by hand, and with their source.
//!
//! **Invariant:** the keys of a request go with it; a request that a delivery still needs stays, unless a person deletes
//! it.

use super::core::Core;
use super::requests::{self, OF_SOURCE};
use super::rows;
use crate::error::StoreError;
use crate::event_keys::EventKey;
use domain::{AppId, RequestId, Seq, SourceId, Timestamp};
use rusqlite::{OptionalExtension, ToSql, params};
use std::collections::BTreeSet;

type Result<T> = std::result::Result<T, StoreError>;

/// Sources that one slice of a sweep looks at.
const SOURCES_A_SLICE: u32 = 64;

/// Nothing of its messages is left to deliver.
const SETTLED: &str = "NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message >= request.message
        AND d.message < request.message + request.messages AND d.due_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM lease l WHERE l.message >= request.message
        AND l.message < request.message + request.messages)";

impl Core {
    /// Runs a `DELETE FROM request`, and forgets the keys of what it deletes. Returns how many went.
    fn delete_requests(&mut self, condition: &str, params: &[&dyn ToSql]) -> Result<usize> {
        let sql = format!("DELETE FROM request WHERE {condition} RETURNING id, source, keys");
        let mut keys: Vec<(EventKey, RequestId)> = Vec::new();
        let mut spans = BTreeSet::new();
        let mut n = 0;
        {
            let mut s = self.conn.prepare_cached(&sql)?;
            let mut gone = s.query(params)?;
            while let Some(row) = gone.next()? {
                n += 1;
                let (id, source) = (RequestId(row.get(0)?), SourceId(row.get(1)?));
                spans.insert((source, requests::span_of(id)));
                let blob = row.get_ref(2)?.as_blob_or_null().map_err(rusqlite::Error::from)?.unwrap_or_default();
                keys.extend(blob.as_chunks::<16>().0.iter().map(|hash| ((source, *hash), id)));
            }
        }
        for (source, span) in spans {
            requests::tidy_span(&self.conn, source, span)?;
            self.forget_span(source);
        }
        self.forget_event_keys(keys)?;
        Ok(n)
    }

    pub(crate) fn delete_request(&mut self, source: SourceId, request: RequestId) -> Result<()> {
        match self.delete_requests("id = ?1 AND source = ?2", &[&request.0, &source.0])? {
            0 => Err(StoreError::NotFound("request")),
            _ => Ok(()),
        }
    }

    /// Deletes at most `budget` requests of a source, up to `until`. `true` when there may be more.
    pub(crate) fn delete_requests_until(&mut self, source: SourceId, until: RequestId, budget: u32) -> Result<bool> {
        let condition = format!("id IN (SELECT r.id FROM {OF_SOURCE} ORDER BY s.span, r.id LIMIT ?4)");
        let n = self.delete_requests(&condition, &[&source.0, &0, &until.0, &budget])?;
        Ok(n == budget as usize)
    }

    /// Deletes what a source has beyond its newest `kept` requests, at most about `budget`. `true` when more may follow.
    pub(super) fn keep_newest(&mut self, source: SourceId, kept: u32, newest: RequestId, budget: u32) -> Result<bool> {
        let cut: Option<i64> = self
            .conn
            .prepare_cached(&format!("SELECT r.id FROM {OF_SOURCE} ORDER BY s.span DESC, r.id DESC LIMIT 1 OFFSET ?4"))?
            .query_row(params![source.0, 0, newest.0, kept], |r| r.get(0))
            .optional()?;
        let Some(cut) = cut else { return Ok(false) };
        // Those that are needed still are passed over, but not by the thousand.
        let condition = format!(
            "id IN (SELECT id FROM request WHERE id IN
                (SELECT r.id FROM {OF_SOURCE} ORDER BY s.span, r.id LIMIT ?4 * 4)
                AND {SETTLED} LIMIT ?4)"
        );
        let n = self.delete_requests(&condition, &[&source.0, &0, &cut, &budget])?;
        Ok(n == budget as usize)
    }

    /// Deletes requests older than their retention.
    pub(super) fn expire_requests(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        let cut = Seq::first_at(now.minus(self.config.request_retention)).0;
        let from = self.retention.requests_from;
        let (end, n): (Option<i64>, u32) = self
            .conn
            .prepare_cached(
                "SELECT max(id), count(*) FROM (SELECT id FROM request WHERE id >= ? AND id < ? ORDER BY id LIMIT ?)",
            )?
            .query_row(params![from, cut, budget], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let Some(end) = end else { return Ok(false) };
        self.delete_requests(&format!("id >= ?1 AND id <= ?2 AND {SETTLED}"), &[&from, &end])?;
        self.retention.requests_from = end + 1;
        Ok(n == budget)
    }

    /// Deletes requests beyond their source's number, source by source.
    pub(super) fn expire_beyond_kept(&mut self, budget: u32) -> Result<bool> {
        // Whatever `options` holds, a sweep must not fail for it: that would undo every transaction.
        let found: Vec<(i64, Option<i64>)> = {
            let mut s = self.conn.prepare_cached(
                "SELECT id, CASE WHEN json_valid(options) THEN
                    iif(json_type(options, '$.requestsKept') = 'integer', options ->> '$.requestsKept', NULL) END
                 FROM source WHERE id > ? ORDER BY id LIMIT ?",
            )?;
            rows::all(&mut s, &[&self.retention.source, &SOURCES_A_SLICE], |r| Ok((r.get(0)?, r.get(1)?)))?
        };
        for (source, kept) in &found {
            if let Some(kept) = kept.and_then(|n| u32::try_from(n).ok())
                && self.keep_newest(SourceId(*source), kept, RequestId(i64::MAX), budget)?
            {
                return Ok(true);
            }
            self.retention.source = *source;
        }
        Ok(found.len() == SOURCES_A_SLICE as usize)
    }

    /// Deletes a slice of a deleted source's rows; at the end itself, and leaves its application to be reaped.
    pub(super) fn reap_source(&mut self, budget: u32) -> Result<bool> {
        let found: Option<(i64, i64)> = self
            .conn
            .prepare_cached("SELECT id, app FROM source WHERE deleted = 1 LIMIT 1")?
            .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let Some((source, app)) = found else { return Ok(false) };
        if self.delete_requests_until(SourceId(source), RequestId(i64::MAX), budget)? {
            return Ok(true);
        }
        let keys = self
            .conn
            .prepare_cached(
                "DELETE FROM event_page WHERE (source, first) IN (SELECT source, first FROM event_page WHERE source = ? LIMIT ?)",
            )?
            .execute(params![source, budget])?;
        if keys == budget as usize {
            return Ok(true);
        }
        for (sql, id) in [
            ("DELETE FROM source_token WHERE source = ?", source),
            ("DELETE FROM source WHERE id = ?", source),
            ("UPDATE endpoint SET deleted = 1 WHERE app = ? AND deleted = 0", app),
            ("UPDATE app SET deleted = 1 WHERE id = ? AND deleted = 0", app),
        ] {
            self.conn.prepare_cached(sql)?.execute([id])?;
        }
        self.stored_of.remove(&SourceId(source));
        self.touch_app(AppId(app));
        Ok(true)
    }
}
