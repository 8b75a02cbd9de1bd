//! Event types.

use crate::auth::Caller;
use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::app_search::SubscribersOut;
use crate::wire::event_type::{EventTypeOut, read_fields, read_new, read_patch};
use crate::wire::event_type_import::{event_types, read_import};
use crate::wire::list::{self, ListOut};
use domain::EndpointId;
use http::StatusCode;
use serde_json::json;
use store::{Cursor, EventType, EventTypeFields, EventTypePatch, Order, PageQuery, StoreError};

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

/// The endpoints that take the type, of all applications, and how many there are. The type needs no entry of its own.
pub(crate) async fn subscribers(call: Call) -> Result<Reply, Problem> {
    let (query, codec, name) = (call.query(), call.codec(), call.params.get(0));
    let page = list::page::<EndpointId>(&query, codec, query.order()?)?;
    let found = call.store().subscribers(call.caller.org, name, page).await?;
    let counts = call.store().count_subscribers(call.caller.org, vec![name.to_owned()]).await?;
    Ok(Reply::ok(&SubscribersOut::of(found, counts.first().copied().unwrap_or_default(), codec)))
}

/// Creates and changes event types as an OpenAPI document has them; an archived one comes back.
pub(crate) async fn import(call: Call) -> Result<Reply, Problem> {
    let wanted = read_import(&call.body)?;
    let found = event_types(&wanted.spec)?;
    let names: Vec<&str> = found.iter().map(|t| t.name.as_str()).collect();
    let mut modified: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    if wanted.dry_run {
        return Ok(Reply::ok(&json!({"data": {"modified": modified, "to_modify": found}})));
    }
    if wanted.replace_all {
        modified.extend(archive_others(&call, &names).await?);
    }
    for t in &found {
        let schemas = t.schemas.as_ref().map(ToString::to_string);
        let patch = EventTypePatch {
            description: Some(t.description.clone()),
            archived: Some(false),
            deprecated: Some(t.deprecated),
            schemas: schemas.clone().map(Some),
            feature_flags: t.feature_flags.clone(),
            group_name: t.group_name.clone().map(Some),
        };
        match call.store().patch_event_type(call.caller.org, &t.name, patch).await {
            Ok(_) => {}
            Err(StoreError::NotFound(_)) => {
                let fields = EventTypeFields {
                    description: t.description.clone(),
                    archived: false,
                    deprecated: t.deprecated,
                    schemas,
                    feature_flags: t.feature_flags.clone().unwrap_or_default(),
                    group_name: t.group_name.clone(),
                };
                call.store().create_event_type(call.caller.org, &t.name, fields).await?;
            }
            Err(e) => return Err(e.into()),
        }
    }
    Ok(Reply::ok(&json!({"data": {"modified": modified, "to_modify": null}})))
}

/// Names of those that were archived.
async fn archive_others(call: &Call, keep: &[&str]) -> Result<Vec<String>, Problem> {
    let (mut archived, mut cursor) = (Vec::new(), None);
    loop {
        let page = PageQuery { limit: 250, cursor, order: Order::Ascending };
        let page = call.store().event_types(call.caller.org, page, false).await?;
        for t in page.data.iter().filter(|t| !keep.contains(&t.name.as_str())) {
            let patch = EventTypePatch { archived: Some(true), ..EventTypePatch::default() };
            call.store().patch_event_type(call.caller.org, &t.name, patch).await?;
            archived.push(t.name.clone());
        }
        match page.last {
            Some(last) if !page.done => cursor = Some(Cursor::After(last)),
            _ => return Ok(archived),
        }
    }
}
