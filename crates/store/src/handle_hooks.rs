//! The handle's verbs of hooks: endpoints that a subscription made, to be found by their id alone.
//!
//! **Invariant:** as in `handle`; and none of them reaches an endpoint that isn't a hook.

use crate::error::StoreError;
use crate::handle::Store;
use crate::sqlite::endpoints;
use crate::types::{Endpoint, Page, PageQuery, Ref};
use domain::{AppId, EndpointId, OrgId};

type Result<T> = std::result::Result<T, StoreError>;

impl Store {
    /// Hooks of an application.
    pub async fn hooks(&self, app: AppId, page: PageQuery<EndpointId>) -> Result<Page<Endpoint, EndpointId>> {
        self.read(move |c| endpoints::list_hooks(c, app, &page)).await
    }
    /// `NotFound` for an endpoint that isn't a hook of one of the organisation's applications, or no longer.
    pub async fn delete_hook(&self, org: OrgId, hook: EndpointId) -> Result<()> {
        self.write(move |core, now| {
            let app = endpoints::app_of_hook(core.connection(), org, hook)?.ok_or(StoreError::NotFound("hook"))?;
            core.delete_endpoint(app, &Ref::Id(hook), now)
        })
        .await
    }
}
