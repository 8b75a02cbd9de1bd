//! Keys of events on disk: in their requests' rows, and merged into `event_key`.
//!
//! **Invariant:** a key in memory or in `event_key` names a request that is there; both change in that request's own
//! transaction, or say what it said.

use super::core::Core;
use super::rows;
use crate::error::StoreError;
use crate::event_keys::EventKey;
use domain::{RequestId, SourceId};
use rusqlite::{OptionalExtension, params};

type Result<T> = std::result::Result<T, StoreError>;

/// Rows of `event_key` that a transaction reads for the filter at most.
const FILTER_SLICE: u32 = 1024;

impl Core {
    /// Reads the keys that no earlier process has merged.
    pub(super) fn rebuild_event_keys(&mut self) -> Result<()> {
        let mut s = self.conn.prepare(
            "SELECT id, source, keys FROM request
             WHERE id > (SELECT value FROM meta WHERE name = 'event_keys_merged') ORDER BY id",
        )?;
        let mut found = s.query([])?;
        while let Some(row) = found.next()? {
            let (id, source) = (RequestId(row.get(0)?), SourceId(row.get(1)?));
            self.event_keys.note(id);
            let keys = row.get_ref(2)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
            for hash in keys.unwrap_or_default().as_chunks::<16>().0 {
                self.event_keys.insert((source, *hash), id);
            }
        }
        self.event_keys.commit();
        let empty = !self.conn.prepare("SELECT 1 FROM event_key LIMIT 1")?.exists([])?;
        self.event_keys.filter.start(empty);
        Ok(())
    }

    /// The request that this key is of, unless that came before `oldest`.
    pub(super) fn event_owner(&self, key: &EventKey, oldest: i64) -> Result<Option<RequestId>> {
        if let Some(found) = self.event_keys.get(key).filter(|r| r.0 >= oldest) {
            return Ok(Some(found));
        }
        if !self.event_keys.filter.may_have(key) {
            return Ok(None);
        }
        let found = self
            .conn
            .prepare_cached("SELECT request FROM event_key WHERE source = ? AND hash = ?")?
            .query_row(params![key.0.0, key.1], |r| r.get(0).map(RequestId))
            .optional()?;
        Ok(found.filter(|r| r.0 >= oldest))
    }

    /// Writes a key to the table. The youngest request of a key has it.
    pub(super) fn merge_event_key(&mut self, key: &EventKey, request: RequestId) -> Result<()> {
        self.event_keys.filter.insert(key);
        self.conn
            .prepare_cached(
                "INSERT INTO event_key VALUES (?, ?, ?)
                 ON CONFLICT DO UPDATE SET request = max(request, excluded.request)",
            )?
            .execute(params![key.0.0, key.1, request.0])?;
        Ok(())
    }

    /// Moves keys from memory to the table, and reads the table for the filter: a slice of each, when there is need.
    pub(crate) fn tend_event_keys(&mut self) -> Result<()> {
        if let Some(slice) = self.event_keys.slice() {
            for (key, request) in &slice.keys {
                self.merge_event_key(key, *request)?;
            }
            if let Some(until) = slice.merged_until {
                let n = self
                    .conn
                    .prepare_cached("UPDATE meta SET value = ? WHERE name = 'event_keys_merged'")?
                    .execute([until.0])?;
                debug_assert_eq!(n, 1);
            }
        }
        let Some(after) = self.event_keys.filter.wants() else { return Ok(()) };
        let (source, hash) = after.unwrap_or((SourceId(i64::MIN), [0; 16]));
        let found: Vec<EventKey> = {
            let mut s = self.conn.prepare_cached(
                "SELECT source, hash FROM event_key WHERE (source, hash) > (?, ?) ORDER BY source, hash LIMIT ?",
            )?;
            rows::all(&mut s, &[&source.0, &hash, &FILTER_SLICE], |r| Ok((SourceId(r.get(0)?), r.get(1)?)))?
        };
        self.event_keys.filter.read(&found, found.len() < FILTER_SLICE as usize);
        Ok(())
    }

    /// The keys' requests are no more. Sorted, so that neighbours share a page.
    pub(super) fn forget_event_keys(&mut self, mut keys: Vec<(EventKey, RequestId)>) -> Result<()> {
        keys.sort_unstable();
        let mut delete =
            self.conn.prepare_cached("DELETE FROM event_key WHERE source = ? AND hash = ? AND request = ?")?;
        for (key, request) in &keys {
            self.event_keys.remove(key, *request);
            if self.event_keys.filter.may_have(key) && delete.execute(params![key.0.0, key.1, request.0])? == 1 {
                self.event_keys.filter.removed();
            }
        }
        Ok(())
    }
}
