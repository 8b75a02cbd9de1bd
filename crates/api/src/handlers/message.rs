//! Messages. [`create`] is the hot path.

use crate::call::{Call, named};
use crate::idempotency;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::application::read_fields;
use crate::wire::fields::Fields;
use crate::wire::list::{self, ListOut};
use crate::wire::message::{self, MessageIn, MessageRules};
use crate::wire::query::Query;
use crate::wire::read::{is_channel, is_tag};
use bytes::Bytes;
use domain::{AppId, AppRoute, Kind};
use http::StatusCode;
use serde_json::value::RawValue;
use std::sync::Arc;
use store::{Accepted, AppRef, IdempotencyKey, MessageFilter, Order, Ref};

pub(crate) async fn create(call: Call) -> Result<Reply, Problem> {
    let with_content = with_content(&call)?;
    let key = idempotency::header(&call.headers)?;
    let text = utf8(&call.body)?;
    let parsed = MessageIn::parse(text)?;
    let draft = parsed.check(&call.body, &rules(&call))?;
    let route = route_or_create(&call, parsed.application).await?;
    let mut out = draft.open_answer(with_content);
    let mut new = draft.into_new(route);
    new.key = key.map(|text| message_key(&call, &new.route, text, &[]));
    match call.store().accept(new).await? {
        Accepted::New(id) => message::close(&mut out, id, call.codec()),
        Accepted::Repeated(first) => {
            out.clear();
            message::write_stored(&mut out, &first, with_content, call.codec(), "");
        }
    }
    Ok(Reply::raw(StatusCode::ACCEPTED, Bytes::from(out)))
}

pub(super) fn utf8(body: &Bytes) -> Result<&str, Problem> {
    std::str::from_utf8(body).map_err(|e| Problem::json(format!("The body is not UTF-8: {e}")))
}

pub(super) fn rules(call: &Call) -> MessageRules {
    MessageRules { payload_limit: call.shared.config.payload_limit, now: call.shared.now() }
}

pub(super) fn with_content(call: &Call) -> Result<bool, Problem> {
    // Without a query, which is the rule, nothing is parsed.
    match call.uri.query() {
        None => Ok(true),
        Some(_) => call.query().boolean("with_content", true),
    }
}

/// The key of a message, by the application and not its spelling in the path.
pub(super) fn message_key(call: &Call, route: &AppRoute, text: &str, more: &[u8]) -> IdempotencyKey {
    idempotency::key(&call.caller, text, &[b"msg", &route.app.0.to_le_bytes(), more])
}

/// The application's route. If there is none and the message brings the application along, it is created.
pub(super) async fn route_or_create(call: &Call, new: Option<&RawValue>) -> Result<Arc<AppRoute>, Problem> {
    let missing = match (call.route().await, new) {
        (Err(problem), Some(new)) if problem.status() == StatusCode::NOT_FOUND => (problem, new),
        (route, _) => return route,
    };
    let (problem, new) = missing;
    let uid = match named::<AppId>(call.codec(), call.params.get(0)) {
        Some(Ref::Uid(uid)) if !uid.starts_with(Kind::App.prefix()) => uid,
        // An id can't be chosen: this one was deleted, or never was.
        _ => return Err(problem),
    };
    let value = serde_json::from_str(new.get()).map_err(|e| Problem::field("application", e.to_string()))?;
    let mut fields = read_fields(Fields::nested("application", value)?)?;
    if fields.uid.as_ref().is_some_and(|own| *own != uid) {
        return Err(Problem::field("application", "its uid must be the one in the path"));
    }
    fields.uid = Some(uid);
    let (app, _) = call.store().create_app(call.caller.org, fields, true).await?;
    Ok(call.store().route(call.caller.org, &AppRef::Id(app.id)).await?)
}

pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let with_content = with_content(&call)?;
    let app = call.app().await?;
    let m = call.store().message(app, &call.message(1)?, with_content).await?;
    let mut out = String::new();
    message::write_stored(&mut out, &m, with_content, call.codec(), "");
    Ok(Reply::raw(StatusCode::OK, out.into()))
}

pub(super) fn filter(query: &Query<'_>) -> Result<MessageFilter, Problem> {
    Ok(MessageFilter {
        event_types: query.event_types()?,
        channel: query.checked("channel", is_channel)?,
        tag: query.checked("tag", is_tag)?,
        before: query.time("before")?,
        after: query.time("after")?,
        with_content: query.boolean("with_content", true)?,
    })
}

pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let codec = call.codec();
    let page = list::page(&query, codec, Order::Descending)?;
    let filter = filter(&query)?;
    let with_content = filter.with_content;
    let app = call.app().await?;
    let messages = call.store().messages(app, page, filter).await?;
    let out = ListOut::of(
        messages,
        |m| {
            let mut text = String::new();
            message::write_stored(&mut text, &m, with_content, codec, "");
            RawValue::from_string(text).ok()
        },
        |id| codec.text(id),
    );
    Ok(Reply::ok(&out))
}

pub(crate) async fn delete_content(call: Call) -> Result<Reply, Problem> {
    let app = call.app().await?;
    call.store().delete_message_content(app, &call.message(1)?).await?;
    Ok(Reply::no_content())
}
