//! What needs attention: endpoints with open issues, and what can be done about each.
//!
//! **Invariant:** an endpoint is there once, with its last kind of failure; at most [`ROWS_MAX`] are read up.

use crate::call::Call;
use crate::fault::Fault;
use crate::pages::common::{address, code_in_words, plural};
use crate::view::percent;
use domain::Timestamp;
use std::time::Duration;
use store::{EndpointFigures, Issue, IssueFilter, IssueState, Order, PageQuery};

/// Endpoints shown.
const ROWS_MAX: usize = 6;
/// Open issues looked at.
const ISSUES_MAX: u32 = 100;
const DAY: Duration = Duration::from_secs(86_400);

pub(super) struct Failing {
    pub issue: String,
    pub endpoint: String,
    pub app_name: String,
    pub address: String,
    /// Of its attempts of a day, in percent.
    pub share: String,
    pub failures: Vec<u64>,
    pub title: &'static str,
    /// `503 Service Unavailable`
    pub code: String,
    pub count: u64,
    pub since: Timestamp,
    /// Every attempt has failed since `since`.
    pub is_down: bool,
    pub last_at: Timestamp,
    /// Other kinds of failure of the same endpoint.
    pub more: String,
    pub disables_at: Option<Timestamp>,
    pub is_disabled: bool,
    pub is_paused: bool,
}

pub(super) async fn read(call: &Call) -> Result<(Vec<Failing>, usize), Fault> {
    let store = call.store();
    let page = PageQuery { limit: ISSUES_MAX, cursor: None, order: Order::Descending };
    let filter = IssueFilter { state: Some(IssueState::Open), ..IssueFilter::default() };
    let issues = store.issues(call.me.org, page, filter).await?.data;
    let mut by_endpoint: Vec<(Issue, u64)> = Vec::new();
    for issue in issues {
        match by_endpoint.iter_mut().find(|(known, _)| known.endpoint == issue.endpoint) {
            Some((_, more)) => *more += 1,
            None => by_endpoint.push((issue, 0)),
        }
    }
    let beyond = by_endpoint.len().saturating_sub(ROWS_MAX);
    by_endpoint.truncate(ROWS_MAX);
    let endpoints = by_endpoint.iter().map(|(issue, _)| issue.endpoint).collect();
    let figures = store.endpoint_figures(endpoints, call.now().minus(DAY)).await?;
    let mut rows = Vec::new();
    for (issue, more) in by_endpoint {
        let paused = store.find_endpoint(call.me.org, issue.endpoint).await.is_ok_and(|e| e.paused_at.is_some());
        let figures = figures.iter().find(|f| f.endpoint == issue.endpoint);
        rows.push(row(call, issue, more, paused, figures));
    }
    Ok((rows, beyond))
}

fn row(call: &Call, issue: Issue, more: u64, is_paused: bool, figures: Option<&EndpointFigures>) -> Failing {
    let disable_after = call.shared.config.disable_after;
    let disables = !disable_after.is_zero() && !issue.endpoint_disabled && !is_paused;
    let share = figures.map_or("–".to_owned(), |f| {
        let (bad, all) = (f.total.retried + f.total.failed, f.total.retried + f.total.failed + f.total.delivered);
        percent(bad, all)
    });
    Failing {
        issue: call.codec().text(issue.id),
        endpoint: call.codec().text(issue.endpoint),
        address: address(&issue.url),
        share,
        failures: figures.map_or(Vec::new(), |f| f.hours.iter().map(|h| h.retried + h.failed).collect()),
        title: issue.kind.explanation().title,
        code: if issue.status_code == 0 { String::new() } else { code_in_words(issue.status_code) },
        count: issue.count,
        since: issue.failing_since.unwrap_or(issue.first_at),
        is_down: issue.failing_since.is_some(),
        last_at: issue.last_at,
        more: if more == 0 { String::new() } else { format!("and {}", plural(more, "other kind", "other kinds")) },
        disables_at: issue.failing_since.filter(|_| disables).map(|since| since.plus(disable_after)),
        is_disabled: issue.endpoint_disabled,
        is_paused,
        app_name: issue.app_name,
    }
}
