//! Links in memory, by their slugs: what a redirect asks instead of the database.
//!
//! Filled by readers on a miss; the writer takes a route out, or puts the new one in its place, after each commit that
//! changed a link and before that change is acknowledged. What no link has is not remembered, so that a new link needs
//! nothing done here. **Invariant:** a route is never older than the last acknowledged change; beyond the bound, one goes
//! for each that comes.

use domain::{AppId, LinkRoute};
use hashbrown::HashTable;
use parking_lot::RwLock;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Routes that a shard is made for: a few less than its table of 16,384 places takes. A larger table would wait longer for
/// its growing, and a million links for a table twice as large.
const SHARD_ROUTES: usize = 12_500;

pub(crate) struct LinkRoutes {
    shards: Box<[RwLock<Shard>]>,
    hasher: RandomState,
    /// Routes in all shards.
    len: AtomicUsize,
    len_max: usize,
    generation: AtomicU64,
}

/// The slug is in the route: a table of pointers.
#[derive(Default)]
struct Shard {
    routes: HashTable<Arc<LinkRoute>>,
    /// The place whose route goes next.
    hand: usize,
}

impl Default for LinkRoutes {
    fn default() -> Self {
        LinkRoutes::new(1)
    }
}

impl LinkRoutes {
    /// At most about `len_max` routes.
    pub fn new(len_max: usize) -> Self {
        let shards = len_max.div_ceil(SHARD_ROUTES).clamp(1, 4096);
        LinkRoutes {
            shards: (0..shards).map(|_| RwLock::default()).collect(),
            hasher: RandomState::new(),
            len: AtomicUsize::new(0),
            len_max,
            generation: AtomicU64::new(0),
        }
    }

    pub fn has_room(&self) -> bool {
        self.len.load(Ordering::Relaxed) < self.len_max
    }

    /// Changes with every acknowledged change of a link.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The slug's hash, and its shard: by bits that the table neither finds its place by (the low ones) nor tells its
    /// routes apart by (the high ones).
    fn place(&self, slug: &str) -> (u64, Option<&RwLock<Shard>>) {
        let hash = self.hasher.hash_one(slug);
        let middle = (hash >> 20) & u64::from(u32::MAX);
        let shard = (middle * self.shards.len() as u64) >> 32;
        (hash, self.shards.get(shard as usize))
    }

    pub fn get(&self, slug: &str) -> Option<Arc<LinkRoute>> {
        let (hash, shard) = self.place(slug);
        shard?.read().find(hash, slug).cloned()
    }

    /// Keeps what a reader loaded, unless a link changed since `generation`. What another reader kept first stays.
    pub fn keep(&self, route: LinkRoute, generation: u64) -> Arc<LinkRoute> {
        let route = Arc::new(route);
        let (hash, Some(shard)) = self.place(route.slug()) else { return route };
        let mut shard = shard.write();
        if self.generation() != generation {
            return route;
        }
        match shard.find(hash, route.slug()) {
            Some(known) => known.clone(),
            None => {
                self.insert(&mut shard, hash, route.clone());
                route
            }
        }
    }

    /// The writer's: this slug is another link's, or nobody's. Whether it was known.
    pub fn forget(&self, slug: &str) -> bool {
        let (hash, Some(shard)) = self.place(slug) else { return false };
        let mut shard = shard.write();
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.remove(&mut shard, hash, slug)
    }

    /// The writer's: this is a link as it is now.
    pub fn put(&self, route: LinkRoute) {
        let (hash, Some(shard)) = self.place(route.slug()) else { return };
        let mut shard = shard.write();
        self.remove(&mut shard, hash, route.slug());
        self.insert(&mut shard, hash, Arc::new(route));
    }

    /// The writer's: the application is gone, with its links. Looks at each route.
    pub fn forget_app(&self, app: AppId) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        for shard in &self.shards {
            let mut shard = shard.write();
            let before = shard.routes.len();
            shard.routes.retain(|r| r.app != app);
            self.len.fetch_sub(before - shard.routes.len(), Ordering::Relaxed);
        }
    }

    fn remove(&self, shard: &mut Shard, hash: u64, slug: &str) -> bool {
        let found = shard.routes.find_entry(hash, |r| r.slug() == slug);
        let known = found.is_ok_and(|entry| {
            entry.remove();
            true
        });
        self.len.fetch_sub(usize::from(known), Ordering::Relaxed);
        known
    }
    fn insert(&self, shard: &mut Shard, hash: u64, route: Arc<LinkRoute>) {
        if self.len.load(Ordering::Relaxed) >= self.len_max && shard.evict() {
            self.len.fetch_sub(1, Ordering::Relaxed);
        }
        shard.routes.insert_unique(hash, route, |r| self.hasher.hash_one(r.slug()));
        self.len.fetch_add(1, Ordering::Relaxed);
    }
}

impl Shard {
    fn find(&self, hash: u64, slug: &str) -> Option<&Arc<LinkRoute>> {
        self.routes.find(hash, |r| r.slug() == slug)
    }

    /// Takes the next route out, whichever it is: the hand goes round the places. `false` when there is none.
    fn evict(&mut self) -> bool {
        let places = self.routes.num_buckets();
        for _ in 0..places {
            let at = self.hand;
            self.hand = if at + 1 < places { at + 1 } else { 0 };
            if let Ok(entry) = self.routes.get_bucket_entry(at) {
                entry.remove();
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{LinkId, LinkParts, OrgId};

    fn route(slug: &str, app: i64) -> LinkRoute {
        let parts = LinkParts { slug, target: "https://example.com/", redirect: 302, click_param: "", tags: &[] };
        LinkRoute::new((OrgId(1), LinkId(app), AppId(app)), &parts, false, None).unwrap()
    }
    /// Routes that are there, by count and by each shard's own.
    fn len(routes: &LinkRoutes) -> usize {
        let counted = routes.shards.iter().map(|s| s.read().routes.len()).sum();
        assert_eq!(routes.len.load(Ordering::Relaxed), counted);
        counted
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let routes = LinkRoutes::new(10);
        for by_slug in [true, false] {
            let generation = routes.generation();
            match by_slug {
                true => assert!(!routes.forget("a")),
                false => routes.forget_app(AppId(9)),
            }
            assert_eq!(routes.keep(route("a", 1), generation).slug(), "a");
            assert!(routes.get("a").is_none());
        }
    }

    #[test]
    fn two_readers_at_once_get_the_same_route() {
        let routes = LinkRoutes::new(10);
        let (one, two) = (routes.keep(route("a", 1), 0), routes.keep(route("a", 1), 0));
        assert!(Arc::ptr_eq(&one, &two) && Arc::ptr_eq(&one, &routes.get("a").unwrap()));
        assert_eq!(len(&routes), 1);
    }

    #[test]
    fn the_writer_replaces_and_removes() {
        let routes = LinkRoutes::new(10);
        routes.keep(route("a", 1), 0);
        routes.put(route("a", 2));
        assert_eq!((routes.get("a").unwrap().app, len(&routes)), (AppId(2), 1));
        assert!(routes.forget("a") && !routes.forget("a") && routes.get("a").is_none());
        routes.put(route("b", 2));
        routes.put(route("c", 3));
        routes.forget_app(AppId(2));
        assert!(routes.get("b").is_none() && routes.get("c").is_some());
        assert_eq!(len(&routes), 1);
    }

    #[test]
    fn the_cache_is_bounded_and_one_goes_for_each_that_comes() {
        for bound in [1, 4, 300, 2 * SHARD_ROUTES] {
            let routes = LinkRoutes::new(bound);
            let n = 2 * bound + 10;
            for at in 0..n {
                routes.keep(route(&format!("s{at}"), 1), 0);
                assert!(routes.get(&format!("s{at}")).is_some(), "the newest is there");
            }
            assert_eq!(len(&routes), bound);
            let old = (0..bound).filter(|at| routes.get(&format!("s{at}")).is_some()).count();
            assert!(bound < 100 || (bound / 10..bound / 2).contains(&old), "not all at once: {old} of {bound}");
        }
    }
}
