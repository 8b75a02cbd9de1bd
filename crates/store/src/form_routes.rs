//! Forms in memory, by the tokens of their URLs.
//!
//! Filled by readers on a miss; the writer takes out what a commit changed, before that change is acknowledged.
//! **Invariant:** a route is never older than the last acknowledged change.

use domain::{AppId, FormRoute};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Forms remembered at most; beyond it the cache starts anew.
const FORMS_MAX: usize = 10_000;

pub(crate) struct FormRoutes {
    forms: RwLock<HashMap<Box<str>, Arc<FormRoute>>>,
    generation: AtomicU64,
    forms_max: usize,
}

impl Default for FormRoutes {
    fn default() -> Self {
        FormRoutes { forms: RwLock::default(), generation: AtomicU64::new(0), forms_max: FORMS_MAX }
    }
}

impl FormRoutes {
    /// Changes with every acknowledged change of a form.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
    pub fn get(&self, token: &str) -> Option<Arc<FormRoute>> {
        self.forms.read().get(token).cloned()
    }
    /// Keeps what a reader loaded, unless a form changed since `generation`. What another reader kept first stays.
    pub fn keep(&self, token: String, route: FormRoute, generation: u64) -> Arc<FormRoute> {
        let route = Arc::new(route);
        let mut forms = self.forms.write();
        if self.generation() != generation {
            return route;
        }
        if let Some(known) = forms.get(token.as_str()) {
            return known.clone();
        }
        if forms.len() >= self.forms_max {
            forms.clear();
        }
        forms.insert(token.into(), route.clone());
        route
    }
    /// The writer's: this form changed, or is gone.
    pub fn forget(&self, token: &str) {
        let mut forms = self.forms.write();
        self.generation.fetch_add(1, Ordering::AcqRel);
        forms.remove(token);
    }
    /// The writer's: the application is gone, with its forms.
    pub fn forget_app(&self, app: AppId) {
        let mut forms = self.forms.write();
        self.generation.fetch_add(1, Ordering::AcqRel);
        forms.retain(|_, route| route.app != app);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{FormId, OrgId};

    fn route(form: i64) -> FormRoute {
        FormRoute {
            org: OrgId(1),
            form: FormId(form),
            app: AppId(form),
            name: "".into(),
            disabled: false,
            spec: Default::default(),
        }
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let routes = FormRoutes::default();
        for change in [|r: &FormRoutes| r.forget("a"), |r: &FormRoutes| r.forget_app(AppId(9))] {
            let generation = routes.generation();
            change(&routes);
            routes.keep("a".into(), route(1), generation);
            assert!(routes.get("a").is_none());
        }
    }

    #[test]
    fn forms_are_kept_until_they_change_or_their_application_goes() {
        let routes = FormRoutes::default();
        let (one, two) = (routes.keep("a".into(), route(1), 0), routes.keep("a".into(), route(1), 0));
        assert!(Arc::ptr_eq(&one, &two) && Arc::ptr_eq(&one, &routes.get("a").unwrap()));
        routes.keep("b".into(), route(2), 0);
        routes.forget("a");
        assert!(routes.get("a").is_none() && routes.get("b").is_some());
        routes.forget_app(AppId(2));
        assert!(routes.get("b").is_none());
    }

    #[test]
    fn the_cache_is_bounded() {
        let routes = FormRoutes { forms_max: 4, ..Default::default() };
        for n in 0..9 {
            routes.keep(format!("t{n}"), route(n), 0);
            assert!(routes.forms.read().len() <= 4 && routes.get(&format!("t{n}")).is_some());
        }
    }
}
