//! Figures: what happened in an organisation, by time, application, endpoint, event type and source, and what waits.

use crate::call::{Call, named};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::figures::{
    All, AppFiguresOut, EndpointFiguresOut, EventTypesOut, QueueOut, SourceFiguresOut, ThroughputOut, read_since,
    read_window,
};
use crate::wire::list;
use domain::{AppId, SourceId};
use store::{Order, PageQuery};

pub(crate) async fn throughput(call: Call) -> Result<Reply, Problem> {
    let window = read_window(&call.query(), call.shared.now())?;
    let steps = call.store().throughput(call.caller.org, window.from, window.until, window.step).await?;
    Ok(Reply::ok(&ThroughputOut::of(&steps, window)))
}

pub(crate) async fn queue(call: Call) -> Result<Reply, Problem> {
    let queue = call.store().queue_figures(call.caller.org).await?;
    Ok(Reply::ok(&QueueOut::of(queue, call.codec())))
}

/// Of the applications that `app_id` names, or of those with the most messages.
pub(crate) async fn applications(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let (since, limit) = (read_since(&query, call.shared.now())?, list::limit(&query)?);
    let names: Vec<&str> = query.all("app_id");
    let found = if names.is_empty() {
        call.store().busiest_apps(call.caller.org, since, limit).await?
    } else {
        let mut apps: Vec<AppId> = Vec::new();
        for name in names.into_iter().take(limit as usize) {
            let name = named(call.codec(), name).ok_or_else(|| Problem::not_found("application not found"))?;
            apps.push(call.store().route(call.caller.org, &name).await?.app);
        }
        call.store().app_figures(call.caller.org, apps, since).await?
    };
    Ok(Reply::ok(&All { data: found.iter().map(|f| AppFiguresOut::of(f, call.codec())).collect() }))
}

/// Of the sources that `source_id` names, or of the newest ones.
pub(crate) async fn sources(call: Call) -> Result<Reply, Problem> {
    let (query, org) = (call.query(), call.caller.org);
    let (since, limit) = (read_since(&query, call.shared.now())?, list::limit(&query)?);
    let names: Vec<&str> = query.all("source_id");
    let mut sources: Vec<SourceId> = Vec::new();
    if names.is_empty() {
        let page = PageQuery { limit, cursor: None, order: Order::Descending };
        sources.extend(call.store().sources(org, false, page).await?.data.iter().map(|source| source.id));
    }
    for name in names.into_iter().take(limit as usize) {
        let name = named(call.codec(), name).ok_or_else(|| Problem::not_found("source not found"))?;
        sources.push(call.store().source(org, &name).await?.id);
    }
    let found = call.store().source_figures(sources, since).await?;
    Ok(Reply::ok(&All { data: found.iter().map(|f| SourceFiguresOut::of(f, call.codec())).collect() }))
}

pub(crate) async fn endpoint(call: Call) -> Result<Reply, Problem> {
    let since = read_since(&call.query(), call.shared.now())?;
    let endpoint = call.store().find_endpoint(call.caller.org, call.id(0, "endpoint")?).await?;
    let mut found = call.store().endpoint_figures(vec![endpoint.id], since).await?;
    let figures = found.pop().ok_or_else(|| Problem::not_found("endpoint not found"))?;
    Ok(Reply::ok(&EndpointFiguresOut::of(&figures, call.codec())))
}

pub(crate) async fn event_types(call: Call) -> Result<Reply, Problem> {
    let since = read_since(&call.query(), call.shared.now())?;
    let seen = call.store().event_type_figures(call.caller.org, since).await?;
    Ok(Reply::ok(&EventTypesOut::of(seen, since)))
}
