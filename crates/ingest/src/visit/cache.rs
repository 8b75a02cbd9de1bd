//! What user agents were found to be: the same few thousand come again and again.
//!
//! **Invariant:** at most [`AGENTS_MAX`] are remembered, however many there are; an often seen one stays.

use super::agent::Agent;
use parking_lot::Mutex;
use std::collections::HashMap;

/// User agents remembered at most: 6 MB when each is as long as it may be.
const AGENTS_MAX: usize = 10_000;

/// Two generations: when the young one is full, it becomes the old one, which is forgotten.
#[derive(Default)]
pub(super) struct AgentCache(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<Box<[u8]>, Agent>,
    old: HashMap<Box<[u8]>, Agent>,
}

impl AgentCache {
    pub fn get(&self, bytes: &[u8]) -> Agent {
        if let Some(known) = self.0.lock().find(bytes) {
            return known;
        }
        // Not under the lock: others find theirs meanwhile.
        let agent = Agent::of(bytes);
        self.0.lock().keep(bytes.into(), agent);
        agent
    }
}

impl Generations {
    fn find(&mut self, bytes: &[u8]) -> Option<Agent> {
        if let Some(agent) = self.young.get(bytes) {
            return Some(*agent);
        }
        let (key, agent) = self.old.remove_entry(bytes)?;
        self.keep(key, agent);
        Some(agent)
    }

    fn keep(&mut self, key: Box<[u8]>, agent: Agent) {
        if self.young.len() >= AGENTS_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, agent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_bounded_and_keeps_what_comes_often() {
        let cache = AgentCache::default();
        let often = b"Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0";
        for n in 0..AGENTS_MAX * 3 {
            cache.get(format!("curl/{n}").as_bytes());
            if n % 1_000 == 0 {
                assert_eq!(cache.get(often), Agent::of(often));
            }
        }
        let mut kept = cache.0.lock();
        assert!(kept.young.len() + kept.old.len() <= AGENTS_MAX);
        assert!(kept.find(often).is_some() && kept.find(b"curl/0").is_none());
    }
}
