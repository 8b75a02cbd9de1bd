//! The handle's verbs of figures, issues and search.
//!
//! **Invariant:** all of them are reads that keep to bounds, but for the state of an issue.

use crate::error::StoreError;
use crate::figures::*;
use crate::handle::Store;
use crate::issues::*;
use crate::links::Step;
use crate::search::*;
use crate::sqlite::{figure_reads, issues, search as searching};
use crate::types::{Endpoint, Message, Page, PageQuery};
use bytes::Bytes;
use domain::{AppId, EndpointId, IssueId, MessageId, OrgId, SearchQuery, Timestamp};

type Result<T> = std::result::Result<T, StoreError>;

impl Store {
    // ---- figures ----

    /// What the organisation did in each step of [from, until), in order, empty steps too. Minutes are kept for 48 hours:
    /// where they are gone, steps of a minute are empty.
    pub async fn throughput(&self, org: OrgId, from: Timestamp, until: Timestamp, step: Step) -> Result<Vec<Minute>> {
        let memory = self.inner.figures.clone();
        self.read(move |c| figure_reads::throughput(c, &memory, org, (from, until), step)).await
    }
    /// What these applications did since the hour of `since`, in the order of `apps`.
    pub async fn app_figures(&self, org: OrgId, apps: Vec<AppId>, since: Timestamp) -> Result<Vec<AppFigures>> {
        let (memory, now) = (self.inner.figures.clone(), self.clock().now());
        self.read(move |c| figure_reads::apps(c, &memory, org, &apps, since, now)).await
    }
    /// The organisation's applications with the most messages since the hour of `since`.
    pub async fn busiest_apps(&self, org: OrgId, since: Timestamp, limit: u32) -> Result<Vec<AppFigures>> {
        let (memory, now) = (self.inner.figures.clone(), self.clock().now());
        self.read(move |c| figure_reads::busiest_apps(c, &memory, org, since, now, limit)).await
    }
    /// What deliveries to these endpoints came to since the hour of `since`, in the order of `endpoints`. Whose they are
    /// is the caller's to know.
    pub async fn endpoint_figures(&self, endpoints: Vec<EndpointId>, since: Timestamp) -> Result<Vec<EndpointFigures>> {
        let (memory, now) = (self.inner.figures.clone(), self.clock().now());
        self.read(move |c| figure_reads::endpoints(c, &memory, &endpoints, since, now)).await
    }
    /// Which event types there were since the hour of `since`, and how many messages of each.
    pub async fn event_type_figures(&self, org: OrgId, since: Timestamp) -> Result<EventTypesSeen> {
        let (memory, now) = (self.inner.figures.clone(), self.clock().now());
        self.read(move |c| figure_reads::event_types(c, &memory, org, since, now)).await
    }
    /// What waits now.
    pub async fn queue_figures(&self, org: OrgId) -> Result<QueueFigures> {
        let now = self.clock().now();
        self.read(move |c| figure_reads::queue(c, org, now)).await
    }

    // ---- issues ----

    /// Last failure first. An issue shows within a second or so of its failure.
    pub async fn issues(
        &self,
        org: OrgId,
        page: PageQuery<IssueId>,
        filter: IssueFilter,
    ) -> Result<Page<Issue, IssueId>> {
        self.read(move |c| {
            let page = issues::present(c, org, page)?;
            issues::list(c, org, &page, &filter)
        })
        .await
    }
    pub async fn issue(&self, org: OrgId, issue: IssueId) -> Result<Issue> {
        self.read(move |c| issues::find(c, org, issue)).await
    }
    /// How many issues are open; counted up to 1000.
    pub async fn open_issues(&self, org: OrgId) -> Result<u64> {
        self.read(move |c| issues::count_open(c, org)).await
    }
    pub async fn set_issue_state(&self, org: OrgId, issue: IssueId, state: IssueState) -> Result<Issue> {
        self.write(move |core, _| core.set_issue_state(org, issue, state)).await
    }

    // ---- search ----

    /// Looks up the names of a search, and reckons its times. `NotFound` names what there isn't: an application, an
    /// endpoint, a message's id.
    pub async fn resolve_search(&self, org: OrgId, query: &SearchQuery) -> Result<Search> {
        let (query, now, codec) = (query.clone(), self.clock().now(), self.codec().clone());
        self.read(move |c| searching::resolve(c, org, &query, &codec, now)).await
    }
    /// Newest first. A page may be shorter than its limit although more follows.
    pub async fn search_messages(&self, org: OrgId, page: PageQuery<SearchCursor>, search: Search) -> Result<Found> {
        let (memory, clock) = (self.inner.figures.clone(), self.clock().clone());
        self.read(move |c| searching::search(c, &memory, &*clock, org, &page, &search)).await
    }
    /// A message of any application of the organisation, with its content.
    pub async fn find_message(&self, org: OrgId, message: MessageId) -> Result<Message> {
        self.read(move |c| searching::find_message(c, org, message)).await
    }
    /// An endpoint of any application of the organisation.
    pub async fn find_endpoint(&self, org: OrgId, endpoint: EndpointId) -> Result<Endpoint> {
        self.read(move |c| searching::find_endpoint(c, org, endpoint)).await
    }
    /// Payloads of the newest messages of an event type, at most `limit`, in one application or all: as far back as one
    /// bounded search looks, and a few megabytes of them.
    pub async fn recent_payloads(
        &self,
        org: OrgId,
        app: Option<AppId>,
        event_type: &str,
        limit: u32,
    ) -> Result<Vec<(MessageId, Bytes)>> {
        let (memory, clock) = (self.inner.figures.clone(), self.clock().clone());
        let search = Search { types: vec![event_type.to_owned()], app, ..Search::default() };
        self.read(move |c| searching::payloads(c, &memory, &*clock, org, &search, limit)).await
    }
}
