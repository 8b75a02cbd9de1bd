//! Keys of events on disk: in their requests' rows, and merged into the pages of `event_page`.
//!
//! **Invariant:** a key in memory or in `event_page` names a request that is there; both change in that request's own
//! transaction, or say what it said.

use super::core::Core;
use super::event_pages::{self, Entry};
use crate::error::StoreError;
use crate::event_keys::EventKey;
use domain::{RequestId, SourceId};

type Result<T> = std::result::Result<T, StoreError>;

/// Pages that a transaction reads for the filter at most.
const FILTER_PAGES: usize = 32;

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
        let empty = !self.conn.prepare("SELECT 1 FROM event_page LIMIT 1")?.exists([])?;
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
        let found = event_pages::find(&self.conn, key.0, &key.1)?;
        Ok(found.filter(|r| r.0 >= oldest))
    }

    /// Writes keys to the table, sorted. The youngest request of a key has it.
    pub(super) fn merge_event_keys(&mut self, keys: &[(EventKey, RequestId)]) -> Result<()> {
        for (key, _) in keys {
            self.event_keys.filter.insert(key);
        }
        event_pages::merge(&self.conn, &flat(keys))
    }

    /// Moves keys from memory to the table, and reads the table for the filter: a slice of each, when there is need.
    pub(crate) fn tend_event_keys(&mut self) -> Result<()> {
        if let Some(slice) = self.event_keys.slice() {
            self.merge_event_keys(&slice.keys)?;
            if let Some(until) = slice.merged_until {
                let n = self
                    .conn
                    .prepare_cached("UPDATE meta SET value = ? WHERE name = 'event_keys_merged'")?
                    .execute([until.0])?;
                debug_assert_eq!(n, 1);
            }
        }
        let Some(after) = self.event_keys.filter.wants() else { return Ok(()) };
        let (found, last) = event_pages::read_after(&self.conn, after, FILTER_PAGES)?;
        self.event_keys.filter.read(&found, last);
        Ok(())
    }

    /// The keys' requests are no more.
    pub(super) fn forget_event_keys(&mut self, mut keys: Vec<(EventKey, RequestId)>) -> Result<()> {
        keys.sort_unstable();
        keys.dedup();
        for (key, request) in &keys {
            self.event_keys.remove(key, *request);
        }
        keys.retain(|(key, _)| self.event_keys.filter.may_have(key));
        let n = event_pages::remove(&self.conn, &flat(&keys))?;
        self.event_keys.filter.removed(n);
        Ok(())
    }
}

fn flat(keys: &[(EventKey, RequestId)]) -> Vec<(SourceId, Entry)> {
    keys.iter().map(|((source, hash), request)| (*source, (*hash, *request))).collect()
}
