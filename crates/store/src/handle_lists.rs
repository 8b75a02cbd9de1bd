//! The handle's verbs of lists that people search: applications, who takes an event type, what came to sources.
//!
//! **Invariant:** all of them are reads that keep to bounds.

use crate::app_search::{AppSearch, FoundApps, Subscriber, Subscribers};
use crate::error::StoreError;
use crate::figures::SourceFigures;
use crate::handle::Store;
use crate::sqlite::{app_search, figure_sources, subscribers};
use crate::types::{Page, PageQuery};
use domain::{EndpointId, OrgId, SourceId, Timestamp};

type Result<T> = std::result::Result<T, StoreError>;

impl Store {
    /// The organisation's applications, searched and sorted. A page that ended early says how far it looked.
    pub async fn search_apps(&self, org: OrgId, search: AppSearch) -> Result<FoundApps> {
        self.read(move |c| app_search::search(c, org, &search)).await
    }
    /// How many endpoints of the organisation's applications take each of these event types, in their order; disabled ones
    /// too.
    pub async fn count_subscribers(&self, org: OrgId, types: Vec<String>) -> Result<Vec<Subscribers>> {
        self.read(move |c| subscribers::count(c, org, &types)).await
    }
    /// The endpoints of the organisation's applications that take an event type, by id; disabled ones too.
    pub async fn subscribers(
        &self,
        org: OrgId,
        event_type: &str,
        page: PageQuery<EndpointId>,
    ) -> Result<Page<Subscriber, EndpointId>> {
        let name = event_type.to_owned();
        self.read(move |c| subscribers::list(c, org, &name, &page)).await
    }
    /// What came to these sources since the hour of `since`, in the order of `sources`. Whose they are is the caller's to
    /// know.
    pub async fn source_figures(&self, sources: Vec<SourceId>, since: Timestamp) -> Result<Vec<SourceFigures>> {
        let (memory, now) = (self.inner.figures.clone(), self.clock().now());
        self.read(move |c| figure_sources::sources(c, &memory, &sources, since, now)).await
    }
}
