//! Routing snapshots in memory: what the hot path asks instead of the database.
//!
//! Filled by readers on a miss, refreshed by the writer after each commit that changed configuration and before that
//! change is acknowledged. **Invariant:** a snapshot is never older than the last acknowledged change.

use crate::types::{AppRef, Ref};
use domain::{AppId, AppRoute, EndpointId, EndpointRoute, OrgId};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Applications remembered at most; beyond it the cache starts anew.
const APPS_MAX: usize = 100_000;

#[derive(Default)]
struct Maps {
    apps: HashMap<AppId, Arc<AppRoute>>,
    uids: HashMap<OrgId, HashMap<Box<str>, AppId>>,
}

#[derive(Default)]
pub struct Routes {
    maps: RwLock<Maps>,
    generation: AtomicU64,
}

impl Routes {
    /// Changes with every acknowledged change of configuration.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub fn get(&self, org: OrgId, app: &AppRef) -> Option<Arc<AppRoute>> {
        let maps = self.maps.read();
        let id = match app {
            Ref::Id(id) => id,
            Ref::Uid(uid) => maps.uids.get(&org)?.get(uid.as_str())?,
        };
        maps.apps.get(id).filter(|r| r.org == org).cloned()
    }
    pub fn app(&self, app: AppId) -> Option<Arc<AppRoute>> {
        self.maps.read().apps.get(&app).cloned()
    }
    pub fn endpoint(&self, app: AppId, endpoint: EndpointId) -> Option<Arc<EndpointRoute>> {
        let route = self.app(app)?;
        route.endpoints.iter().find(|e| e.endpoint == endpoint).cloned()
    }

    /// Keeps what a reader loaded, unless configuration changed since `generation`.
    pub fn keep(&self, route: &Arc<AppRoute>, generation: u64) {
        let mut maps = self.maps.write();
        if self.generation() == generation {
            maps.put(route);
        }
    }

    /// The writer's: the application is now this, or gone.
    pub fn replace(&self, app: AppId, route: Option<AppRoute>) -> Option<Arc<AppRoute>> {
        let mut maps = self.maps.write();
        self.generation.fetch_add(1, Ordering::AcqRel);
        maps.forget(app);
        let route = route.map(Arc::new);
        if let Some(r) = &route {
            maps.put(r);
        }
        route
    }
}

impl Maps {
    fn put(&mut self, route: &Arc<AppRoute>) {
        if self.apps.len() >= APPS_MAX {
            *self = Maps::default();
        }
        if let Some(uid) = &route.uid {
            self.uids.entry(route.org).or_default().insert(uid.clone(), route.app);
        }
        self.apps.insert(route.app, route.clone());
    }
    fn forget(&mut self, app: AppId) {
        if let Some(old) = self.apps.remove(&app)
            && let Some(uid) = &old.uid
            && let Some(uids) = self.uids.get_mut(&old.org)
        {
            uids.remove(uid);
        }
    }
}
