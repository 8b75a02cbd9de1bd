//! Issues: what fails, at which endpoint, why, and what mends it.
//!
//! **Invariant:** cause and fix are the domain's words for the kind; a page never guesses.

mod actions;
mod list;

pub(crate) use actions::{mute, open, pause_endpoint, resolve, resume_endpoint, test};
pub(crate) use list::list;

use crate::call::Call;
use crate::fault::Fault;
use crate::pages::answer::Hints;
use crate::pages::common::{address, code_in_words, shorten};
use crate::reply::Reply;
use crate::view::{self as v, Badge, Frame, Section, Tone, percent};
use askama::Template;
use domain::{Explanation, IssueId, Timestamp};
use std::time::Duration;
use store::{Issue, IssueState, Ref};

const DAY: Duration = Duration::from_secs(86_400);
/// Characters of the sample's answer.
const DETAIL_MAX: usize = 2000;

#[derive(Template)]
#[template(path = "issues/page.html")]
struct Page {
    frame: Frame,
    now: Timestamp,
    id: String,
    explanation: Explanation,
    /// Of the last failure.
    hints: Hints,
    state: Badge,
    is_open: bool,
    is_muted: bool,
    app: String,
    app_name: String,
    endpoint: String,
    address: String,
    url: String,
    first_at: Timestamp,
    last_at: Timestamp,
    count: u64,
    failing_since: Option<Timestamp>,
    disables_at: Option<Timestamp>,
    is_disabled: bool,
    is_paused: bool,
    message: String,
    attempt: String,
    code: String,
    detail: String,
    share: String,
    by_hour: Vec<u64>,
    search: String,
    may_resend: bool,
    may_write: bool,
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let issue = found(&call).await?;
    let store = call.store();
    let endpoint = store.find_endpoint(call.me.org, issue.endpoint).await.ok();
    let is_paused = endpoint.as_ref().is_some_and(|e| e.paused_at.is_some());
    let figures = store.endpoint_figures(vec![issue.endpoint], call.now().minus(DAY)).await?.into_iter().next();
    let all = figures.as_ref().map_or(0, |f| f.total.delivered + f.total.retried + f.total.failed);
    let failed = figures.as_ref().map_or(0, |f| f.total.retried + f.total.failed);
    let last = store.attempt(issue.app, &Ref::Id(issue.message), issue.attempt).await.ok();
    let codec = call.codec();
    let disable_after = call.shared.config.disable_after;
    let disables = !disable_after.is_zero() && !issue.endpoint_disabled && !is_paused;
    let endpoint = codec.text(issue.endpoint);
    let explanation = issue.kind.explanation();
    Reply::page(&Page {
        frame: call.frame(format!("{} at {}", explanation.title, address(&issue.url)), Section::Issues),
        now: call.now(),
        id: codec.text(issue.id),
        explanation,
        hints: last.map(|a| Hints::of(&a, &call.shared.config.retry)).unwrap_or_default(),
        state: state_badge(issue.state),
        is_open: issue.state == IssueState::Open,
        is_muted: issue.state == IssueState::Muted,
        app: codec.text(issue.app),
        address: address(&issue.url),
        first_at: issue.first_at,
        last_at: issue.last_at,
        count: issue.count,
        failing_since: issue.failing_since,
        disables_at: issue.failing_since.filter(|_| disables).map(|since| since.plus(disable_after)),
        is_disabled: issue.endpoint_disabled,
        is_paused,
        message: codec.text(issue.message),
        attempt: codec.text(issue.attempt),
        code: code_in_words(issue.status_code),
        detail: shorten(&issue.detail, DETAIL_MAX),
        share: percent(failed, all),
        by_hour: figures.map_or(Vec::new(), |f| f.hours.iter().map(|h| h.retried + h.failed).collect()),
        search: crate::pages::common::query(&[("q", &format!("status:failed endpoint:{endpoint}"))]),
        may_resend: call.me.may_resend(),
        may_write: call.me.may_write(),
        endpoint,
        url: issue.url,
        app_name: issue.app_name,
    })
}

/// The issue that the path names.
async fn found(call: &Call) -> Result<Issue, Fault> {
    let id: IssueId = call.codec().read(call.param(0)).ok_or_else(|| Fault::not_found("issue"))?;
    Ok(call.store().issue(call.me.org, id).await?)
}

fn state_badge(state: IssueState) -> Badge {
    let (tone, text) = match state {
        IssueState::Open => (Tone::Bad, "Open"),
        IssueState::Resolved => (Tone::Good, "Resolved"),
        IssueState::Muted => (Tone::Idle, "Muted"),
    };
    Badge { tone, text: text.to_owned() }
}
