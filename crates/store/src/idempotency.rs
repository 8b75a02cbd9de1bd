//! The SDK-made idempotency keys of the last minutes, in memory: which message each one brought.
//!
//! Such keys are random, so an index over them would cost a page write each; the hash on the message's own row settles
//! any doubt. **Invariant:** holds at most twice its window of entries, whatever is sent.

use domain::MessageId;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The keys are hashes already.
#[derive(Default)]
struct Identity(u64);
impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}
type Map = HashMap<u64, MessageId, BuildHasherDefault<Identity>>;

/// Two generations: when the young one is full it becomes the old one.
pub(crate) struct KeyWindow {
    young: Map,
    old: Map,
    window: usize,
}

impl KeyWindow {
    pub fn new(window: usize) -> Self {
        KeyWindow { young: Map::default(), old: Map::default(), window: window.max(1) }
    }
    fn short(hash: &[u8; 16]) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = *hash;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
    pub fn get(&self, hash: &[u8; 16]) -> Option<MessageId> {
        let k = Self::short(hash);
        self.young.get(&k).or_else(|| self.old.get(&k)).copied()
    }
    pub fn insert(&mut self, hash: &[u8; 16], message: MessageId) {
        if self.young.len() >= self.window {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(Self::short(hash), message);
    }
    /// Forgets a key whose transaction was rolled back.
    pub fn remove(&mut self, hash: &[u8; 16]) {
        self.young.remove(&Self::short(hash));
        self.old.remove(&Self::short(hash));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u64) -> [u8; 16] {
        (u128::from(n) * 0x9E37_79B9_7F4A_7C15).to_le_bytes()
    }

    #[test]
    fn the_last_window_is_remembered_and_memory_stays_bounded() {
        let mut w = KeyWindow::new(100);
        for n in 0..1000 {
            w.insert(&hash(n), MessageId(n as i64));
            assert!(w.young.len() + w.old.len() <= 200);
        }
        for n in 900..1000 {
            assert_eq!(w.get(&hash(n)), Some(MessageId(n as i64)));
        }
        assert_eq!(w.get(&hash(1)), None);
        w.remove(&hash(999));
        assert_eq!(w.get(&hash(999)), None);
    }
}
