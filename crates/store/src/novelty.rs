//! What an event of a link or form can be the first of: its kind ever, a person's, its visitor's of the day.
//!
//! Asked for each event, so it is in memory: what has happened of the origins seen last, and hashes of the day's visitors.
//! **Invariant:** of an origin that it knows, it says what the database would say with the open transaction; changes are
//! undone with their transaction. It never holds more than its limits, but for the origins of one transaction.

use crate::links::{Dim, OriginId};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// Origins remembered at most; another one costs a look-up.
const ORIGINS_MAX: usize = 100_000;

/// Of which of [`Dim::TOTALS`] there has been one, ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Happened(u16);

impl Happened {
    pub fn has(self, dim: Dim) -> bool {
        self.0 & (1 << dim as u8) != 0
    }
    pub fn with(self, dim: Dim) -> Happened {
        Happened(self.0 | 1 << dim as u8)
    }
}

/// The values are mixed already.
#[derive(Default)]
struct Mixed(u64);
impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}
type Set = HashSet<u64, BuildHasherDefault<Mixed>>;

pub(crate) struct Novelty {
    /// Two generations: when the young one is full it becomes the old one.
    young: HashMap<OriginId, Happened>,
    old: HashMap<OriginId, Happened>,
    visitors: Visitors,
    /// What the open transaction changed.
    origins_changed: Vec<(OriginId, Option<Happened>)>,
    visitors_added: Vec<u64>,
}

/// How far a transaction had come.
pub(crate) struct Mark {
    origins: usize,
    visitors: usize,
}

impl Novelty {
    /// `visitors` is how many of them to remember.
    pub fn new(visitors: usize) -> Self {
        Novelty {
            young: HashMap::new(),
            old: HashMap::new(),
            visitors: Visitors { half: (visitors / 2).max(1), ..Visitors::default() },
            origins_changed: Vec::new(),
            visitors_added: Vec::new(),
        }
    }

    /// `None` when that has to be looked up.
    pub fn happened(&self, origin: OriginId) -> Option<Happened> {
        self.young.get(&origin).or_else(|| self.old.get(&origin)).copied()
    }
    pub fn set_happened(&mut self, origin: OriginId, happened: Happened) {
        let was = self.young.insert(origin, happened);
        self.origins_changed.push((origin, was));
    }
    /// Whether it is the visitor's first visit of the day, as far as is remembered.
    pub fn visit(&mut self, origin: OriginId, visitor: u64, day: i64) -> bool {
        let hash = mix(origin, visitor);
        let new = self.visitors.insert(hash, day);
        if new {
            self.visitors_added.push(hash);
        }
        new
    }

    // ---- the transaction ----

    pub fn mark(&self) -> Mark {
        Mark { origins: self.origins_changed.len(), visitors: self.visitors_added.len() }
    }
    /// Undoes what was changed since the mark.
    pub fn back_to(&mut self, mark: &Mark) {
        while self.origins_changed.len() > mark.origins {
            let Some((origin, was)) = self.origins_changed.pop() else { break };
            match was {
                Some(happened) => self.young.insert(origin, happened),
                None => self.young.remove(&origin),
            };
        }
        let kept = mark.visitors.min(self.visitors_added.len());
        for hash in self.visitors_added.drain(kept..) {
            self.visitors.remove(hash);
        }
    }
    pub fn rollback(&mut self) {
        self.back_to(&Mark { origins: 0, visitors: 0 });
    }
    pub fn commit(&mut self) {
        self.origins_changed.clear();
        self.visitors_added.clear();
        if self.young.len() >= ORIGINS_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

/// Hashes of the visitors of a day, in two generations.
#[derive(Default)]
struct Visitors {
    day: i64,
    young: Set,
    old: Set,
    half: usize,
}

impl Visitors {
    /// `false` when it is there already. A later day begins with nobody.
    fn insert(&mut self, hash: u64, day: i64) -> bool {
        if day > self.day {
            (self.day, self.young, self.old) = (day, Set::default(), Set::default());
        }
        if self.young.contains(&hash) || self.old.contains(&hash) {
            return false;
        }
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash)
    }
    fn remove(&mut self, hash: u64) {
        self.young.remove(&hash);
        self.old.remove(&hash);
    }
}

/// The finalizer of splitmix64 over both.
fn mix(origin: OriginId, visitor: u64) -> u64 {
    let mut z = visitor ^ (origin.0 as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: OriginId = OriginId(1);
    const B: OriginId = OriginId(2);

    #[test]
    fn a_visitor_is_new_once_a_day_for_each_origin() {
        let mut n = Novelty::new(100);
        let seen = [(A, 7, 10), (A, 7, 10), (B, 7, 10), (A, 8, 10), (A, 7, 11), (A, 7, 11)];
        assert_eq!(seen.map(|(o, v, day)| n.visit(o, v, day)), [true, false, true, true, true, false]);
    }

    #[test]
    fn visitors_are_bounded_and_the_last_ones_are_remembered() {
        let mut n = Novelty::new(100);
        for v in 0..1000 {
            assert!(n.visit(A, v, 1));
            assert!(n.visitors.young.len() + n.visitors.old.len() <= 100);
            n.commit();
        }
        assert!((950..1000).all(|v| !n.visit(A, v, 1)));
        assert!(n.visit(A, 0, 1), "forgotten");
    }

    #[test]
    fn origins_are_bounded_and_the_last_ones_are_remembered() {
        let mut n = Novelty::new(1);
        for o in 0..3 * ORIGINS_MAX as i64 {
            n.set_happened(OriginId(o), Happened::default());
            n.commit();
            assert!(n.young.len() + n.old.len() <= ORIGINS_MAX);
        }
        assert_eq!(n.happened(OriginId(3 * ORIGINS_MAX as i64 - 1)), Some(Happened::default()));
        assert_eq!(n.happened(OriginId(0)), None);
    }

    #[test]
    fn what_was_rolled_back_never_was() {
        let mut n = Novelty::new(100);
        let (none, human) = (Happened::default(), Happened::default().with(Dim::Human));
        n.set_happened(A, none);
        assert!(n.visit(A, 1, 1));
        n.commit();
        n.set_happened(A, human);
        let mark = n.mark();
        n.set_happened(A, human.with(Dim::Bot));
        n.set_happened(B, human);
        assert!(n.visit(A, 2, 1));
        n.back_to(&mark);
        assert_eq!((n.happened(A), n.happened(B)), (Some(human), None));
        assert!(n.visit(A, 2, 1) && !n.visit(A, 1, 1));
        n.rollback();
        assert_eq!(n.happened(A), Some(none));
        assert!(n.visit(A, 2, 1) && !n.visit(A, 1, 1));
    }
}
