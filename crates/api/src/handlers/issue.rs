//! Issues: what fails, and what people say of it.

use crate::call::{Call, named};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::issue::{IssueOut, read_patch, read_state};
use crate::wire::list::{self, ListOut};
use domain::{EndpointId, IssueId, IssueKind};
use store::{IssueFilter, Order};

/// Last failure first.
pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let (query, codec) = (call.query(), call.codec());
    let page = list::page::<IssueId>(&query, codec, Order::Descending)?;
    let mut filter = IssueFilter::default();
    if let Some(text) = query.get("state") {
        let state = read_state(text);
        filter.state = Some(state.ok_or_else(|| Problem::query("state", "must be open, resolved or muted"))?);
    }
    if let Some(text) = query.get("kind") {
        let kind = IssueKind::all().find(|kind| kind.name() == text);
        filter.kind = Some(kind.ok_or_else(|| Problem::query("kind", "must be a kind of failure, as issues have it"))?);
    }
    if let Some(name) = query.get("app_id") {
        let name = named(codec, name).ok_or_else(|| Problem::not_found("application not found"))?;
        filter.app = Some(call.store().route(call.caller.org, &name).await?.app);
    }
    if let Some(text) = query.get("endpoint_id") {
        let id: Option<EndpointId> = codec.read(text);
        filter.endpoint = Some(id.ok_or_else(|| Problem::query("endpoint_id", "must be an endpoint's id"))?);
    }
    let issues = call.store().issues(call.caller.org, page, filter).await?;
    Ok(Reply::ok(&ListOut::of(issues, |i| IssueOut::of(i, codec), |id| codec.text(id))))
}

pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let issue = call.store().issue(call.caller.org, call.id(0, "issue")?).await?;
    Ok(Reply::ok(&IssueOut::of(issue, call.codec())))
}

pub(crate) async fn patch(call: Call) -> Result<Reply, Problem> {
    let id = call.id(0, "issue")?;
    let state = read_patch(&call.body)?;
    let issue = call.store().set_issue_state(call.caller.org, id, state).await?;
    Ok(Reply::ok(&IssueOut::of(issue, call.codec())))
}
