//! The handle's verbs of figures, issues and search.
//!
//! **Invariant:** all of them are reads that keep to bounds, but for the state of an issue.

#![allow(unused_variables, clippy::unused_async, reason = "STUB: filled in by the branch `figures`")]

use crate::error::StoreError;
use crate::figures::*;
use crate::handle::Store;
use crate::issues::*;
use crate::links::Step;
use crate::search::*;
use crate::types::{Endpoint, Message, Page, PageQuery};
use bytes::Bytes;
use domain::{AppId, EndpointId, IssueId, MessageId, OrgId, SearchQuery, Timestamp};

type Result<T> = std::result::Result<T, StoreError>;

impl Store {
    // ---- figures ----

    /// What the organisation did in each step of [from, until), in order, empty steps too. Minutes are kept for 48 hours:
    /// where they are gone, steps of a minute are empty.
    pub async fn throughput(&self, org: OrgId, from: Timestamp, until: Timestamp, step: Step) -> Result<Vec<Minute>> {
        Ok(Vec::new()) // STUB
    }
    /// What these applications did since the hour of `since`, in the order of `apps`.
    pub async fn app_figures(&self, org: OrgId, apps: Vec<AppId>, since: Timestamp) -> Result<Vec<AppFigures>> {
        Ok(Vec::new()) // STUB
    }
    /// The organisation's applications with the most messages since the hour of `since`.
    pub async fn busiest_apps(&self, org: OrgId, since: Timestamp, limit: u32) -> Result<Vec<AppFigures>> {
        Ok(Vec::new()) // STUB
    }
    /// What deliveries to these endpoints came to since the hour of `since`, in the order of `endpoints`.
    pub async fn endpoint_figures(&self, endpoints: Vec<EndpointId>, since: Timestamp) -> Result<Vec<EndpointFigures>> {
        Ok(Vec::new()) // STUB
    }
    /// Which event types there were since the hour of `since`, and how many messages of each.
    pub async fn event_type_figures(&self, org: OrgId, since: Timestamp) -> Result<EventTypesSeen> {
        Ok(EventTypesSeen::default()) // STUB
    }
    /// What waits now.
    pub async fn queue_figures(&self, org: OrgId) -> Result<QueueFigures> {
        Ok(QueueFigures::default()) // STUB
    }

    // ---- issues ----

    /// Last failure first.
    pub async fn issues(
        &self,
        org: OrgId,
        page: PageQuery<IssueId>,
        filter: IssueFilter,
    ) -> Result<Page<Issue, IssueId>> {
        Ok(Page { data: Vec::new(), last: None, first: None, done: true }) // STUB
    }
    pub async fn issue(&self, org: OrgId, issue: IssueId) -> Result<Issue> {
        Err(StoreError::NotFound("issue")) // STUB
    }
    /// How many issues are open; counted up to 1000.
    pub async fn open_issues(&self, org: OrgId) -> Result<u64> {
        Ok(0) // STUB
    }
    pub async fn set_issue_state(&self, org: OrgId, issue: IssueId, state: IssueState) -> Result<Issue> {
        Err(StoreError::NotFound("issue")) // STUB
    }

    // ---- search ----

    /// Looks up the names of a search, and reckons its times. `NotFound` names what there isn't: an application, an endpoint.
    pub async fn resolve_search(&self, org: OrgId, query: &SearchQuery) -> Result<Search> {
        Ok(Search::default()) // STUB
    }
    /// Newest first. A page may be shorter than its limit although more follows.
    pub async fn search_messages(&self, org: OrgId, page: PageQuery<SearchCursor>, search: Search) -> Result<Found> {
        let page = Page { data: Vec::new(), last: None, first: None, done: true };
        Ok(Found { page, looked_back_to: None }) // STUB
    }
    /// A message of any application of the organisation, with its content.
    pub async fn find_message(&self, org: OrgId, message: MessageId) -> Result<Message> {
        Err(StoreError::NotFound("message")) // STUB
    }
    /// An endpoint of any application of the organisation.
    pub async fn find_endpoint(&self, org: OrgId, endpoint: EndpointId) -> Result<Endpoint> {
        Err(StoreError::NotFound("endpoint")) // STUB
    }
    /// Payloads of the newest messages of an event type, at most `limit`, in one application or all.
    pub async fn recent_payloads(
        &self,
        org: OrgId,
        app: Option<AppId>,
        event_type: &str,
        limit: u32,
    ) -> Result<Vec<(MessageId, Bytes)>> {
        Ok(Vec::new()) // STUB
    }
}
