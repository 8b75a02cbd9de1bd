//! Pages of event keys: sorted runs of hashes, each with its request, many to a row.
//!
//! A row for each key costs a statement for each; a page of them costs two statements for all that fall into it, and half
//! the room. **Invariant:** the pages of a source don't overlap: a key is in the last page that begins at or before it.

use crate::error::StoreError;
use crate::event_keys::EventKey;
use domain::{RequestId, SourceId};
use rusqlite::{Connection, OptionalExtension, params};

type Result<T> = std::result::Result<T, StoreError>;
type Hash = [u8; 16];

/// Bytes of a hash and its request.
const ENTRY: usize = 24;
/// Keys of a page at most: a row of it stays within a quarter of a page of the file, so that it needs no other one.
const KEYS_MAX: usize = 38;

/// One key of a page.
pub(super) type Entry = (Hash, RequestId);
/// Where a page begins, and its keys.
type Page = (Hash, Vec<u8>);

fn entries(page: &[u8]) -> impl Iterator<Item = Entry> + '_ {
    page.as_chunks::<ENTRY>().0.iter().map(entry)
}
fn entry(bytes: &[u8; ENTRY]) -> Entry {
    let [hash @ .., a, b, c, d, e, f, g, h] = *bytes;
    (hash, RequestId(i64::from_be_bytes([a, b, c, d, e, f, g, h])))
}
fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut page = Vec::with_capacity(entries.len() * ENTRY);
    for (hash, request) in entries {
        page.extend_from_slice(hash);
        page.extend_from_slice(&request.0.to_be_bytes());
    }
    page
}

/// The request of a key.
pub(super) fn find(conn: &Connection, source: SourceId, hash: &Hash) -> Result<Option<RequestId>> {
    let mut s = conn.prepare_cached(PAGE_OF)?;
    let mut found = s.query(params![source.0, hash])?;
    let Some(row) = found.next()? else { return Ok(None) };
    let page = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?.as_chunks::<ENTRY>().0;
    let at = page.binary_search_by(|e| e.first_chunk::<16>().map_or(std::cmp::Ordering::Less, |h| h.cmp(hash)));
    Ok(at.ok().and_then(|at| page.get(at)).map(|e| entry(e).1))
}

const PAGE_OF: &str = "SELECT first, keys FROM event_page WHERE source = ? AND first <= ? ORDER BY first DESC LIMIT 1";

/// The page that has `hash`, or would, and where the next one begins.
fn page_of(conn: &Connection, source: SourceId, hash: &Hash) -> Result<(Option<Page>, Option<Hash>)> {
    let page =
        conn.prepare_cached(PAGE_OF)?.query_row(params![source.0, hash], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    let next = conn
        .prepare_cached("SELECT first FROM event_page WHERE source = ? AND first > ? ORDER BY first LIMIT 1")?
        .query_row(params![source.0, hash], |r| r.get(0))
        .optional()?;
    Ok((page, next))
}

/// Splits what is sorted by source and hash into runs that lie in one page; `each` gets the page.
fn by_page(
    conn: &Connection,
    mut keys: &[(SourceId, Entry)],
    mut each: impl FnMut(SourceId, Option<Page>, &[(SourceId, Entry)]) -> Result<()>,
) -> Result<()> {
    while let [(source, (hash, _)), ..] = keys {
        let (page, next) = page_of(conn, *source, hash)?;
        let end = keys.partition_point(|(s, (h, _))| s == source && next.is_none_or(|next| *h < next));
        let (run, rest) = keys.split_at_checked(end.max(1)).unwrap_or((keys, &[]));
        each(*source, page, run)?;
        keys = rest;
    }
    Ok(())
}

/// Adds keys, sorted by source and hash, each once. The youngest request of a key has it.
pub(super) fn merge(conn: &Connection, keys: &[(SourceId, Entry)]) -> Result<()> {
    by_page(conn, keys, |source, page, run| {
        let (first, old) = page.unwrap_or_else(|| (run.first().map_or([0; 16], |(_, (hash, _))| *hash), Vec::new()));
        let mut all = Vec::with_capacity(old.len() / ENTRY + run.len());
        let (mut was, mut new) = (entries(&old).peekable(), run.iter().map(|(_, e)| *e).peekable());
        while let Some(smaller) = match (was.peek(), new.peek()) {
            (Some(a), Some(b)) => Some(a.0.cmp(&b.0)),
            (Some(_), None) => Some(std::cmp::Ordering::Less),
            (None, Some(_)) => Some(std::cmp::Ordering::Greater),
            (None, None) => None,
        } {
            match smaller {
                std::cmp::Ordering::Less => all.extend(was.next()),
                std::cmp::Ordering::Greater => all.extend(new.next()),
                std::cmp::Ordering::Equal => {
                    let both = was.next().zip(new.next());
                    all.extend(both.map(|((hash, a), (_, b))| (hash, a.max(b))));
                }
            }
        }
        // Pages of one size, so that each has room to grow.
        let pages = all.len().div_ceil(KEYS_MAX).max(1);
        let size = all.len().div_ceil(pages).max(1);
        for (n, page) in all.chunks(size).enumerate() {
            let begins = if n == 0 { Some(first) } else { page.first().map(|(hash, _)| *hash) };
            conn.prepare_cached(
                "INSERT INTO event_page VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET keys = excluded.keys",
            )?
            .execute(params![source.0, begins, encode(page)])?;
        }
        Ok(())
    })
}

/// Removes keys, sorted by source and hash, from the requests that have them. Returns how many went.
pub(super) fn remove(conn: &Connection, keys: &[(SourceId, Entry)]) -> Result<usize> {
    let mut n = 0;
    by_page(conn, keys, |source, page, run| {
        let Some((first, old)) = page else { return Ok(()) };
        let left: Vec<Entry> = entries(&old).filter(|e| !run.iter().any(|(_, gone)| gone == e)).collect();
        let gone = old.len() / ENTRY - left.len();
        n += gone;
        if left.is_empty() {
            conn.prepare_cached("DELETE FROM event_page WHERE source = ? AND first = ?")?
                .execute(params![source.0, first])?;
        } else if gone > 0 {
            conn.prepare_cached("UPDATE event_page SET keys = ? WHERE source = ? AND first = ?")?.execute(params![
                encode(&left),
                source.0,
                first
            ])?;
        }
        Ok(())
    })?;
    Ok(n)
}

/// The keys of at most `pages` pages after the one that begins at `after`, and where the last of them begins; `None` when
/// no more follow.
pub(super) fn read_after(
    conn: &Connection,
    after: Option<EventKey>,
    pages: usize,
) -> Result<(Vec<EventKey>, Option<EventKey>)> {
    let (source, first) = after.unwrap_or((SourceId(i64::MIN), [0; 16]));
    let mut s = conn.prepare_cached(
        "SELECT source, first, keys FROM event_page WHERE (source, first) > (?, ?) ORDER BY source, first LIMIT ?",
    )?;
    let mut rows = s.query(params![source.0, first, pages])?;
    let (mut keys, mut n, mut last) = (Vec::new(), 0, after);
    while let Some(row) = rows.next()? {
        let source = SourceId(row.get(0)?);
        let page = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        keys.extend(entries(page).map(|(hash, _)| (source, hash)));
        (n, last) = (n + 1, Some((source, row.get(1)?)));
    }
    Ok((keys, last.filter(|_| n == pages)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn table() -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "CREATE TABLE event_page (source INTEGER NOT NULL, first BLOB NOT NULL, keys BLOB NOT NULL,
                PRIMARY KEY (source, first)) STRICT, WITHOUT ROWID",
        )
        .unwrap();
        conn
    }
    fn hash(n: u16) -> Hash {
        let mut hash = [7; 16];
        hash[..2].copy_from_slice(&n.wrapping_mul(40_503).to_be_bytes());
        hash
    }
    fn sorted(keys: &BTreeMap<(SourceId, Hash), RequestId>) -> Vec<(SourceId, Entry)> {
        keys.iter().map(|((source, hash), request)| (*source, (*hash, *request))).collect()
    }

    fn check(
        conn: &Connection,
        model: &BTreeMap<(SourceId, Hash), RequestId>,
    ) -> std::result::Result<(), TestCaseError> {
        for (source, n) in (0..3).flat_map(|s| (0..400).map(move |n| (SourceId(s), n))) {
            let want = model.get(&(source, hash(n))).copied();
            prop_assert_eq!(find(conn, source, &hash(n)).unwrap(), want, "{:?} {}", source, n);
        }
        let (mut read, mut after) = (Vec::new(), None);
        loop {
            let (keys, next) = read_after(conn, after, 2).unwrap();
            read.extend(keys);
            after = next;
            if after.is_none() {
                break;
            }
        }
        prop_assert_eq!(read, model.keys().copied().collect::<Vec<_>>());
        let largest: Option<usize> =
            conn.query_row("SELECT max(length(keys)) FROM event_page", [], |r| r.get(0)).unwrap();
        prop_assert!(largest.unwrap_or(0) <= KEYS_MAX * ENTRY);
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn pages_say_what_a_map_says(
            steps in prop::collection::vec((any::<bool>(), prop::collection::vec((0i64..3, 0u16..400, 0i64..5), 0..150)), 1..12)
        ) {
            let (conn, mut model) = (table(), BTreeMap::new());
            for (add, keys) in steps {
                let keys: BTreeMap<_, _> =
                    keys.into_iter().map(|(s, n, r)| ((SourceId(s), hash(n)), RequestId(r))).collect();
                if add {
                    merge(&conn, &sorted(&keys)).unwrap();
                    for (key, request) in keys {
                        let youngest = model.get(&key).copied().unwrap_or(request).max(request);
                        model.insert(key, youngest);
                    }
                } else {
                    let before = model.len();
                    let n = remove(&conn, &sorted(&keys)).unwrap();
                    model.retain(|key, request| keys.get(key) != Some(request));
                    prop_assert_eq!(n, before - model.len());
                }
                check(&conn, &model)?;
            }
        }
    }
}
