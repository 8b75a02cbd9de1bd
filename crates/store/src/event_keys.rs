//! The keys of the events received last, in memory: which request brought each.
//!
//! Keys are random, so an index over them would cost a page for each at every commit. They are durable in the row of
//! their request; here they are looked up, and now and then the older half is merged into the pages of `event_page`, sorted.
//! **Invariant:** what it says is what the database would say if all keys were merged: changes count once their
//! transaction has committed, and are undone when it has not. It holds little more than its window.

use domain::{RequestId, SourceId};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A key among those of its source.
pub(crate) type EventKey = (SourceId, [u8; 16]);

/// The keys are hashes already.
#[derive(Default)]
struct Mixed(u64);
impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 ^= bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
    }
    fn write_i64(&mut self, n: i64) {
        self.0 ^= (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    fn write_usize(&mut self, _: usize) {}
}
type Map = HashMap<EventKey, RequestId, BuildHasherDefault<Mixed>>;

#[derive(Clone, Copy)]
enum Half {
    Young,
    Old,
}

/// What a key said before.
struct Undo {
    half: Half,
    key: EventKey,
    was: Option<RequestId>,
}

/// Keys that a transaction merges at least, unless the window is small.
const SLICE_MAX: usize = 512;

pub(crate) struct EventKeys {
    young: Map,
    /// On their way to the table.
    old: Map,
    /// The keys of `old`, sorted, and how many of them are in the table.
    queue: Vec<EventKey>,
    merged: usize,
    /// What the open transaction changed, and how far it merged.
    undo: Vec<Undo>,
    merging: Option<usize>,
    /// The last request before `young`, and the last of all.
    old_until: i64,
    until: i64,
    /// Requests since `old_until`, with keys or not: a start reads them all.
    requests: usize,
    /// Nothing of `old` is left, the table's mark in `meta` is behind.
    behind: bool,
    half: usize,
    pub filter: KeyFilter,
}

/// Keys to merge now, and what the mark becomes if they are the last.
pub(crate) struct Slice {
    pub keys: Vec<(EventKey, RequestId)>,
    pub merged_until: Option<RequestId>,
}

impl EventKeys {
    /// `window` is how many keys to hold, about.
    pub fn new(window: usize) -> Self {
        EventKeys {
            young: Map::default(),
            old: Map::default(),
            queue: Vec::new(),
            merged: 0,
            undo: Vec::new(),
            merging: None,
            old_until: 0,
            until: 0,
            requests: 0,
            behind: false,
            half: (window / 2).max(1),
            filter: KeyFilter::default(),
        }
    }

    pub fn get(&self, key: &EventKey) -> Option<RequestId> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }
    /// The key is this request's from now on.
    pub fn insert(&mut self, key: EventKey, request: RequestId) {
        let was = self.young.insert(key, request);
        self.undo.push(Undo { half: Half::Young, key, was });
    }
    /// The request is no more.
    pub fn remove(&mut self, key: &EventKey, request: RequestId) {
        for half in [Half::Young, Half::Old] {
            let map = self.half_mut(half);
            if map.get(key) == Some(&request) {
                map.remove(key);
                self.undo.push(Undo { half, key: *key, was: Some(request) });
            }
        }
    }
    /// A request was stored.
    pub fn note(&mut self, request: RequestId) {
        self.until = self.until.max(request.0);
        self.requests += 1;
    }
    fn half_mut(&mut self, half: Half) -> &mut Map {
        match half {
            Half::Young => &mut self.young,
            Half::Old => &mut self.old,
        }
    }

    // ---- the transaction ----

    pub fn mark(&self) -> usize {
        self.undo.len()
    }
    /// Undoes what was changed since the mark.
    pub fn back_to(&mut self, mark: usize) {
        while self.undo.len() > mark {
            let Some(Undo { half, key, was }) = self.undo.pop() else { return };
            match was {
                Some(request) => self.half_mut(half).insert(key, request),
                None => self.half_mut(half).remove(&key),
            };
        }
    }
    pub fn rollback(&mut self) {
        self.back_to(0);
        self.merging = None;
        self.filter.rollback();
    }
    pub fn commit(&mut self) {
        self.undo.clear();
        self.filter.commit();
        if let Some(merged) = self.merging.take() {
            self.merged = merged;
            if merged == self.queue.len() {
                (self.old, self.queue, self.merged, self.behind) = (Map::default(), Vec::new(), 0, false);
            }
        }
        let full = self.young.len() >= self.half || self.requests >= self.half * 4;
        if full && !self.behind {
            self.old = std::mem::take(&mut self.young);
            self.queue = self.old.keys().copied().collect();
            self.queue.sort_unstable();
            (self.old_until, self.requests, self.behind) = (self.until, 0, true);
        }
    }

    /// What the open transaction should merge: faster than keys come in, so that memory stays bounded.
    pub fn slice(&mut self) -> Option<Slice> {
        if !self.behind || self.merging.is_some() {
            return None;
        }
        let end = self.queue.len().min(self.merged + (self.half / 8).clamp(1, SLICE_MAX).max(self.undo.len() * 2));
        let taken = self.queue.get(self.merged..end).unwrap_or_default();
        // What was removed meanwhile stays away.
        let keys = taken.iter().filter_map(|k| Some((*k, *self.old.get(k)?))).collect();
        self.merging = Some(end);
        Some(Slice { keys, merged_until: (end == self.queue.len()).then_some(RequestId(self.old_until)) })
    }

    /// Keys in memory.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

/// 512 bits: a cache line.
type Block = [u64; 8];
/// 128 KiB and 16 MiB.
const BLOCKS_MIN: usize = 1 << 11;
const BLOCKS_MAX: usize = 1 << 18;
/// Keys of a block beyond which it says "maybe" too often: 10 bits for each.
const KEYS_PER_BLOCK: usize = 51;

/// Which keys the table can't have: a Bloom filter of blocks, one bit in each of a block's eight words.
struct Bits {
    blocks: Vec<Block>,
    keys: usize,
}

impl Bits {
    fn new(blocks: usize) -> Self {
        Bits { blocks: vec![Block::default(); blocks], keys: 0 }
    }
    /// The block of a key, and where its bits are in it.
    fn place(&self, (source, hash): &EventKey) -> (usize, u64) {
        let word = |from: usize| hash.get(from..).and_then(|b| b.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b));
        let mixed = word(0) ^ (source.0 as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let block = (u128::from(mixed) * self.blocks.len() as u128) >> 64;
        (block as usize, word(8))
    }
    fn insert(&mut self, key: &EventKey) {
        let (block, bits) = self.place(key);
        self.keys += 1;
        for (n, word) in self.blocks.get_mut(block).into_iter().flatten().enumerate() {
            *word |= 1 << ((bits >> (6 * n)) & 63);
        }
    }
    fn may_have(&self, key: &EventKey) -> bool {
        let (block, bits) = self.place(key);
        let words = self.blocks.get(block).into_iter().flatten();
        words.enumerate().all(|(n, word)| word >> ((bits >> (6 * n)) & 63) & 1 == 1)
    }
    fn is_full(&self) -> bool {
        self.keys > self.blocks.len() * KEYS_PER_BLOCK
    }
}

/// Spares the table's look-up for keys that it can't have. It is built from the table in slices; until then, every key
/// is looked up.
#[derive(Default)]
pub(crate) struct KeyFilter {
    ready: Option<Bits>,
    building: Option<Bits>,
    /// Where the last page begins that was read for `building`.
    from: Option<EventKey>,
    /// The open transaction read for `building`, to the end or not.
    read: Option<bool>,
    removed: usize,
}

impl KeyFilter {
    /// For a table without rows, or to be built from the rows that it has.
    pub fn start(&mut self, empty: bool) {
        let bits = Some(Bits::new(BLOCKS_MIN));
        *self = if empty {
            KeyFilter { ready: bits, ..KeyFilter::default() }
        } else {
            KeyFilter { building: bits, ..KeyFilter::default() }
        };
    }
    pub fn may_have(&self, key: &EventKey) -> bool {
        self.ready.as_ref().is_none_or(|bits| bits.may_have(key))
    }
    /// The key is in the table now, or will be if the transaction commits.
    pub fn insert(&mut self, key: &EventKey) {
        for bits in [&mut self.ready, &mut self.building].into_iter().flatten() {
            bits.insert(key);
        }
    }
    /// So many keys of the table are no more.
    pub fn removed(&mut self, n: usize) {
        self.removed += n;
    }

    /// After which key to read on, if the table is to be read.
    pub fn wants(&mut self) -> Option<Option<EventKey>> {
        if let Some(building) = self.building.take() {
            // It will say "maybe" too often: a larger one, from the beginning.
            let bits = if building.is_full() && building.blocks.len() < BLOCKS_MAX {
                self.from = None;
                Bits::new((building.blocks.len() * 8).min(BLOCKS_MAX))
            } else {
                building
            };
            self.building = Some(bits);
            return Some(self.from);
        }
        let ready = self.ready.as_ref()?;
        let blocks = ready.blocks.len();
        let stale = self.removed > BLOCKS_MIN * KEYS_PER_BLOCK && self.removed > ready.keys / 2;
        let blocks = match (ready.is_full(), stale) {
            (true, _) if blocks < BLOCKS_MAX => (blocks * 8).min(BLOCKS_MAX),
            (_, true) => blocks,
            _ => return None,
        };
        (self.building, self.from, self.removed) = (Some(Bits::new(blocks)), None, 0);
        Some(None)
    }
    /// Keys of the table, in order after the last ones, and after what to read on; `None` when there are no more.
    pub fn read(&mut self, keys: &[EventKey], last: Option<EventKey>) {
        let Some(bits) = &mut self.building else { return };
        for key in keys {
            bits.insert(key);
        }
        self.from = last.or(self.from);
        self.read = Some(last.is_none());
    }
    fn commit(&mut self) {
        if self.read.take() == Some(true) {
            self.ready = self.building.take();
        }
    }
    /// What was read may have missed rows that are there again.
    fn rollback(&mut self) {
        if self.read.take().is_some() {
            self.building = self.building.take().map(|bits| Bits::new(bits.blocks.len()));
            self.from = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> EventKey {
        let mut z = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let wide = (u128::from(z) << 64) | u128::from(z.wrapping_mul(0x94D0_49BB_1331_11EB) ^ n);
        (SourceId(7), wide.to_le_bytes())
    }

    #[test]
    fn a_filter_never_denies_what_it_has_and_seldom_claims_what_it_has_not() {
        let mut filter = KeyFilter::default();
        assert!(filter.may_have(&key(1)), "nothing is known yet");
        filter.start(true);
        assert!(!filter.may_have(&key(1)));
        let full = BLOCKS_MIN * KEYS_PER_BLOCK;
        (0..full as u64).for_each(|n| filter.insert(&key(n)));
        assert!((0..full as u64).all(|n| filter.may_have(&key(n))));
        let wrong = (0..10_000).filter(|n| filter.may_have(&key(1 << 40 | n))).count();
        assert!(wrong < 300, "{wrong} in 10,000");
    }

    #[test]
    fn a_filter_that_is_full_is_built_anew_and_larger() {
        let mut filter = KeyFilter::default();
        filter.start(false);
        let rows: Vec<EventKey> = (0..150_000).map(key).collect();
        let mut reads = 0;
        while let Some(after) = filter.wants() {
            let from = after.map_or(0, |k| rows.iter().position(|r| *r == k).unwrap() + 1);
            let slice = &rows[from..rows.len().min(from + 30_000)];
            filter.read(slice, slice.last().copied().filter(|_| slice.len() == 30_000));
            if reads == 2 {
                filter.rollback();
            }
            filter.commit();
            reads += 1;
            assert!(filter.ready.is_none() || slice.is_empty());
        }
        assert!(reads > 9, "it began again twice: {reads}");
        assert!(rows.iter().all(|k| filter.may_have(k)));
        assert!((0..1000).filter(|n| filter.may_have(&key(1 << 40 | n))).count() < 30);
    }

    #[test]
    fn the_window_is_bounded_while_keys_are_merged_as_they_come() {
        let mut keys = EventKeys::new(2000);
        let mut table: HashMap<EventKey, RequestId> = HashMap::new();
        let mut until = RequestId(0);
        for n in 0..20_000u64 {
            keys.insert(key(n), RequestId(n as i64));
            keys.note(RequestId(n as i64));
            if n % 10 == 9 {
                if let Some(slice) = keys.slice() {
                    table.extend(slice.keys);
                    until = slice.merged_until.unwrap_or(until);
                }
                keys.commit();
                assert!(keys.len() <= 2100, "{}", keys.len());
            }
        }
        assert!((0..20_000).all(|n| keys.get(&key(n)).or(table.get(&key(n)).copied()) == Some(RequestId(n as i64))));
        assert!((until.0 as u64) > 17_000 && (0..=until.0 as u64).all(|n| table.contains_key(&key(n))));
    }

    #[test]
    fn what_was_rolled_back_never_was() {
        let mut keys = EventKeys::new(4);
        keys.insert(key(1), RequestId(1));
        keys.commit();
        keys.insert(key(1), RequestId(2));
        keys.insert(key(2), RequestId(2));
        let mark = keys.mark();
        keys.remove(&key(1), RequestId(2));
        keys.remove(&key(2), RequestId(9));
        assert_eq!(keys.get(&key(1)), None);
        keys.back_to(mark);
        assert_eq!((keys.get(&key(1)), keys.get(&key(2))), (Some(RequestId(2)), Some(RequestId(2))));
        keys.rollback();
        assert_eq!((keys.get(&key(1)), keys.get(&key(2))), (Some(RequestId(1)), None));
    }
}
