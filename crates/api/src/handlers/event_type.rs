//! Event types.

use crate::auth::Caller;
use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::event_type::{EventTypeOut, read_fields, read_new, read_patch};
use crate::wire::list::{self, ListOut};
use http::StatusCode;
use store::{EventType, StoreError};

pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let page = list::page_by_name(&query, query.order()?)?;
    let (archived, content) = (query.boolean("include_archived", false)?, query.boolean("with_content", false)?);
    let mut types = call.store().event_types(call.caller.org, page, archived).await?;
    types.data.retain(|t| is_shown(&call.caller, t));
    Ok(Reply::ok(&ListOut::of(types, |t| EventTypeOut::of(t, content), |name| name)))
}

/// An application sees an event type behind feature flags only if its token has one of them.
fn is_shown(caller: &Caller, t: &EventType) -> bool {
    caller.app.is_none()
        || t.feature_flags.is_empty()
        || t.feature_flags.iter().any(|f| caller.feature_flags.contains(f))
}

pub(crate) async fn create(call: Call) -> Result<Reply, Problem> {
    let (name, fields) = read_new(&call.body)?;
    match call.store().create_event_type(call.caller.org, &name, fields).await {
        Ok(t) => Ok(Reply::created(true, &EventTypeOut::of(t, true))),
        Err(StoreError::Conflict(_)) => {
            Err(Problem::new(StatusCode::CONFLICT, "event_type_exists", "An event type with this name exists"))
        }
        Err(e) => Err(e.into()),
    }
}

pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let t = call.store().event_type(call.caller.org, call.params.get(0)).await?;
    if !is_shown(&call.caller, &t) {
        return Err(Problem::not_found("event type not found"));
    }
    Ok(Reply::ok(&EventTypeOut::of(t, true)))
}

pub(crate) async fn put(call: Call) -> Result<Reply, Problem> {
    let name = call.params.get(0);
    if !domain::Uid::is_valid(name) {
        return Err(Problem::not_found("event type not found"));
    }
    let fields = read_fields(&call.body)?;
    let (t, is_new) = call.store().put_event_type(call.caller.org, name, fields).await?;
    Ok(Reply::created(is_new, &EventTypeOut::of(t, true)))
}

pub(crate) async fn patch(call: Call) -> Result<Reply, Problem> {
    let patch = read_patch(&call.body)?;
    let t = call.store().patch_event_type(call.caller.org, call.params.get(0), patch).await?;
    Ok(Reply::ok(&EventTypeOut::of(t, true)))
}

pub(crate) async fn delete(call: Call) -> Result<Reply, Problem> {
    let expunge = call.query().boolean("expunge", false)?;
    call.store().delete_event_type(call.caller.org, call.params.get(0), expunge).await?;
    Ok(Reply::no_content())
}
