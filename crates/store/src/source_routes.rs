//! Sources in memory, by the tokens of their URLs: what the hot path of receiving asks instead of the database.
//!
//! Filled by readers on a miss, refreshed by the writer after each commit that changed a source and before that change is
//! acknowledged. **Invariant:** a route is never older than the last acknowledged change, and stays the same `Arc` until
//! the next one (or until the cache starts anew).

use domain::{SourceId, SourceRoute, Timestamp};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tokens remembered at most; beyond it the cache starts anew.
const TOKENS_MAX: usize = 100_000;

/// A source as it was read, with its tokens and when they end.
pub(crate) struct LoadedSource {
    pub route: SourceRoute,
    pub tokens: Vec<(Box<str>, Option<Timestamp>)>,
}

#[derive(Default)]
struct Maps {
    /// Until when the token works, beside what it names.
    tokens: HashMap<Box<str>, (Arc<SourceRoute>, Option<Timestamp>)>,
    sources: HashMap<SourceId, Known>,
}

struct Known {
    route: Arc<SourceRoute>,
    tokens: Vec<Box<str>>,
}

pub(crate) struct SourceRoutes {
    maps: RwLock<Maps>,
    generation: AtomicU64,
    tokens_max: usize,
}

impl Default for SourceRoutes {
    fn default() -> Self {
        SourceRoutes { maps: RwLock::default(), generation: AtomicU64::new(0), tokens_max: TOKENS_MAX }
    }
}

impl SourceRoutes {
    /// Changes with every acknowledged change of a source.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// `now` is only asked for a token that ends.
    pub fn get(&self, token: &str, now: impl FnOnce() -> Timestamp) -> Option<Arc<SourceRoute>> {
        let maps = self.maps.read();
        let (route, ends) = maps.tokens.get(token)?;
        ends.is_none_or(|t| t > now()).then(|| route.clone())
    }
    pub fn of(&self, source: SourceId) -> Option<Arc<SourceRoute>> {
        self.maps.read().sources.get(&source).map(|known| known.route.clone())
    }

    /// Keeps what a reader loaded, unless a source changed since `generation`. What another reader kept first stays.
    pub fn keep(&self, loaded: LoadedSource, generation: u64) -> Arc<SourceRoute> {
        let mut maps = self.maps.write();
        if self.generation() != generation {
            return Arc::new(loaded.route);
        }
        match maps.sources.get(&loaded.route.source) {
            Some(known) => known.route.clone(),
            None => maps.put(loaded, self.tokens_max),
        }
    }

    /// The writer's: the source is now this, or gone.
    pub fn replace(&self, source: SourceId, loaded: Option<LoadedSource>) {
        let mut maps = self.maps.write();
        self.generation.fetch_add(1, Ordering::AcqRel);
        maps.forget(source);
        if let Some(loaded) = loaded {
            maps.put(loaded, self.tokens_max);
        }
    }
}

impl Maps {
    fn put(&mut self, loaded: LoadedSource, tokens_max: usize) -> Arc<SourceRoute> {
        if self.tokens.len() + loaded.tokens.len() > tokens_max {
            *self = Maps::default();
        }
        let route = Arc::new(loaded.route);
        let names = loaded.tokens.iter().map(|(token, _)| token.clone()).collect();
        for (token, ends) in loaded.tokens {
            self.tokens.insert(token, (route.clone(), ends));
        }
        self.sources.insert(route.source, Known { route: route.clone(), tokens: names });
        route
    }
    fn forget(&mut self, source: SourceId) {
        for token in self.sources.remove(&source).map(|known| known.tokens).unwrap_or_default() {
            self.tokens.remove(&token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{AppId, OrgId, SourceState};

    fn loaded(source: i64, tokens: &[(&str, Option<i64>)]) -> LoadedSource {
        let route = SourceRoute {
            org: OrgId(1),
            source: SourceId(source),
            app: AppId(source),
            kind: "github".into(),
            state: SourceState::Live,
            is_bin: false,
            forwards: true,
            config_sealed: Box::default(),
            options: Default::default(),
            expires_at: None,
        };
        LoadedSource { route, tokens: tokens.iter().map(|(t, ends)| ((*t).into(), ends.map(Timestamp))).collect() }
    }
    fn now() -> Timestamp {
        Timestamp(10)
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let routes = SourceRoutes::default();
        let generation = routes.generation();
        routes.replace(SourceId(1), None);
        routes.keep(loaded(1, &[("a", None)]), generation);
        assert!(routes.get("a", now).is_none() && routes.of(SourceId(1)).is_none());
    }

    #[test]
    fn two_readers_at_once_get_the_same_route() {
        let routes = SourceRoutes::default();
        let generation = routes.generation();
        let one = routes.keep(loaded(1, &[("a", None)]), generation);
        let two = routes.keep(loaded(1, &[("a", None)]), generation);
        assert!(Arc::ptr_eq(&one, &two) && Arc::ptr_eq(&one, &routes.get("a", now).unwrap()));
    }

    #[test]
    fn a_token_is_served_until_it_ends() {
        let routes = SourceRoutes::default();
        routes.replace(SourceId(1), Some(loaded(1, &[("new", None), ("old", Some(11)), ("older", Some(10))])));
        assert!(routes.get("new", now).is_some() && routes.get("old", now).is_some());
        assert!(routes.get("older", now).is_none());
        routes.replace(SourceId(1), Some(loaded(1, &[("newer", None)])));
        assert!(routes.get("new", now).is_none() && routes.get("newer", now).is_some());
    }

    #[test]
    fn the_cache_is_bounded() {
        let routes = SourceRoutes { tokens_max: 4, ..Default::default() };
        let names: Vec<String> = (0..9).map(|n| format!("t{n}")).collect();
        for (n, name) in names.iter().enumerate() {
            routes.keep(loaded(n as i64, &[(name, None)]), 0);
            let maps = routes.maps.read();
            assert!(maps.tokens.len() <= 4 && maps.sources.len() == maps.tokens.len());
        }
        assert!(routes.get("t8", now).is_some() && routes.get("t0", now).is_none());
    }
}
