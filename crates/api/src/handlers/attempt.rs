//! Attempts, and what became of a message at its endpoints.

use super::message::filter;
use crate::call::{Call, named};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::attempt::{AttemptOut, AttemptView, DestinationOut, attempted_message};
use crate::wire::list::{self, ListOut};
use crate::wire::query::Query;
use crate::wire::read::{is_channel, is_tag};
use domain::{AppId, AttemptId};
use http::StatusCode;
use store::{AttemptFilter, EndpointRef, Order, Page, Ref, StatusFilter};

/// What a list of attempts shows, and whether it can show anything: an attempt was made, so that it is never pending,
/// sending or canceled.
fn attempt_filter(query: &Query<'_>) -> Result<(AttemptFilter, bool), Problem> {
    let status = query.status()?;
    let success = match status {
        Some(StatusFilter::Success) => Some(true),
        Some(StatusFilter::Fail) => Some(false),
        _ => None,
    };
    let filter = AttemptFilter {
        success,
        status_code_class: query.status_code_class()?,
        endpoint: None,
        event_types: query.event_types()?,
        channel: query.checked("channel", is_channel)?,
        tag: query.checked("tag", is_tag)?,
        before: query.time("before")?,
        after: query.time("after")?,
        with_content: query.boolean("with_content", true)?,
        with_message: query.boolean("with_msg", false)?,
    };
    Ok((filter, status.is_none() || success.is_some()))
}

fn view(call: &Call, with_content: bool) -> AttemptView {
    AttemptView { with_content, with_address: call.caller.app.is_none() }
}

fn answer(call: &Call, attempts: Page<store::Attempt, AttemptId>, with_content: bool) -> Reply {
    let (codec, view) = (call.codec(), view(call, with_content));
    Reply::ok(&ListOut::of(attempts, |a| AttemptOut::of(a, view, codec), |id| codec.text(id)))
}

pub(crate) async fn list_by_endpoint(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let page = list::page(&query, call.codec(), Order::Descending)?;
    let (filter, any) = attempt_filter(&query)?;
    let app = call.app().await?;
    let endpoint = call.endpoint(1)?;
    if !any {
        call.store().endpoint(app, &endpoint).await?;
        return Ok(Reply::ok(&ListOut::<()>::empty()));
    }
    let with_content = filter.with_content;
    let attempts = call.store().attempts_by_endpoint(app, &endpoint, page, filter).await?;
    Ok(answer(&call, attempts, with_content))
}

pub(crate) async fn list_by_message(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let page = list::page(&query, call.codec(), Order::Descending)?;
    let (mut filter, any) = attempt_filter(&query)?;
    let app = call.app().await?;
    if let Some(text) = query.get("endpoint_id") {
        let name: EndpointRef =
            named(call.codec(), text).ok_or_else(|| Problem::query("endpoint_id", "is not an id or uid"))?;
        filter.endpoint = Some(endpoint_id(&call, app, name).await?);
    }
    let message = call.message(1)?;
    if !any {
        call.store().message(app, &message, false).await?;
        return Ok(Reply::ok(&ListOut::<()>::empty()));
    }
    let with_content = filter.with_content;
    let attempts = call.store().attempts_by_message(app, &message, page, filter).await?;
    Ok(answer(&call, attempts, with_content))
}

async fn endpoint_id(call: &Call, app: AppId, name: EndpointRef) -> Result<domain::EndpointId, Problem> {
    match name {
        Ref::Id(id) => Ok(id),
        uid @ Ref::Uid(_) => Ok(call.store().endpoint(app, &uid).await?.id),
    }
}

pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let app = call.app().await?;
    let attempt = call.store().attempt(app, &call.message(1)?, call.id(2, "attempt")?).await?;
    Ok(Reply::ok(&AttemptOut::of(attempt, view(&call, true), call.codec())))
}

pub(crate) async fn delete_content(call: Call) -> Result<Reply, Problem> {
    let app = call.app().await?;
    call.store().delete_attempt_content(app, &call.message(1)?, call.id(2, "attempt")?).await?;
    Ok(Reply::no_content())
}

pub(crate) async fn list_attempted_messages(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let codec = call.codec();
    let page = list::page(&query, codec, Order::Descending)?;
    let (filter, status) = (filter(&query)?, query.status()?);
    let with_content = filter.with_content;
    let app = call.app().await?;
    let messages = call.store().attempted_messages(app, &call.endpoint(1)?, page, filter, status).await?;
    let out = ListOut::of(messages, |a| attempted_message(&a, with_content, codec), |id| codec.text(id));
    Ok(Reply::ok(&out))
}

pub(crate) async fn list_destinations(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let codec = call.codec();
    let page = list::page(&query, codec, Order::Ascending)?;
    let app = call.app().await?;
    let destinations = call.store().destinations(app, &call.message(1)?, page).await?;
    Ok(Reply::ok(&ListOut::of(destinations, |d| DestinationOut::of(d, codec), |id| codec.text(id))))
}

pub(crate) async fn resend(call: Call) -> Result<Reply, Problem> {
    let app = call.app().await?;
    let force = call.query().boolean("force", false)?;
    call.store().resend(app, &call.message(1)?, &call.endpoint(2)?, force).await?;
    Ok(Reply::json(StatusCode::ACCEPTED, &serde_json::Map::new()))
}
