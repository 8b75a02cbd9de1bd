//! How many issues are open, for the menu of every page.
//!
//! **Invariant:** asked of the store at most once in [`FRESH_US`] for each organisation, however many pages are opened.

use domain::OrgId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use store::Store;

/// Microseconds that a count is shown for.
const FRESH_US: u64 = 4_000_000;
/// Organisations remembered at most.
const ORGS_MAX: usize = 10_000;

/// The counts, and when (monotonic) they were read.
#[derive(Default)]
pub(crate) struct OpenIssues(Mutex<HashMap<OrgId, (u64, u64)>>);

impl OpenIssues {
    /// 0 where it can't be read: the page is shown all the same.
    pub async fn of(&self, store: &Store, org: OrgId) -> u64 {
        let now = store.clock().monotonic_us();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&org).copied();
        if let Some((at, count)) = known
            && now.saturating_sub(at) < FRESH_US
        {
            return count;
        }
        let count = store.open_issues(org).await.unwrap_or(0);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ORGS_MAX {
            all.clear();
        }
        all.insert(org, (now, count));
        count
    }
    /// The next page counts again: a person just changed an issue.
    pub fn forget(&self, org: OrgId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&org);
    }
}
