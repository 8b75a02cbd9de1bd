//! Tokens that were checked before, by their text: one hash look-up instead of a signature for each request.
//!
//! **Invariant:** bounded, per thread (no lock is shared by cores), and never the last word: a caller's times are
//! compared by whoever takes one out, and an entry from before a revocation counts as absent.

use super::Caller;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tokens remembered by each thread.
const ENTRIES_MAX: usize = 1024;

struct Entry {
    generation: u64,
    caller: Caller,
}

thread_local! {
    static ENTRIES: RefCell<HashMap<u64, HashMap<Box<str>, Entry>>> = RefCell::default();
}

/// Tells the caches of several servers in one process apart.
static NEXT_SERVER: AtomicU64 = AtomicU64::new(0);

pub(super) struct TokenCache {
    server: u64,
}

impl TokenCache {
    pub fn new() -> Self {
        TokenCache { server: NEXT_SERVER.fetch_add(1, Ordering::Relaxed) }
    }

    pub fn get(&self, token: &str, generation: u64) -> Option<Caller> {
        ENTRIES.with_borrow(|all| {
            let entry = all.get(&self.server)?.get(token)?;
            (entry.generation == generation).then(|| entry.caller.clone())
        })
    }

    pub fn put(&self, token: &str, generation: u64, caller: Caller) {
        ENTRIES.with_borrow_mut(|all| {
            let entries = all.entry(self.server).or_default();
            if entries.len() >= ENTRIES_MAX {
                entries.clear();
            }
            entries.insert(token.into(), Entry { generation, caller });
        });
    }
}
