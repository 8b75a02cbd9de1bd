//! Hooks: the subscribe and unsubscribe of Zapier's and Make's REST hooks. A hook is an endpoint that is deleted when its
//! target says that it is gone.

use super::endpoint::{Place, Types, check_event_types, seal_secret};
use super::secret;
use crate::call::{Call, named};
use crate::idempotency;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::hook::{HookOut, MadeHook, read_new};
use crate::wire::list::{self, ListOut};
use domain::{AppId, EndpointId};
use serde_json::{Map, Value};
use store::Ref;

/// Answers with the secret; what idempotency keeps is the answer without: a secret must not lie in the database
/// unsealed.
pub(crate) async fn create(call: Call) -> Result<Reply, Problem> {
    let reader = call.clone();
    let made = idempotency::once(call, |call| Box::pin(subscribe(call))).await?;
    with_secret(&reader, made).await
}

async fn subscribe(call: Call) -> Result<Reply, Problem> {
    let new = read_new(&call.body, &call.shared.config.target_rules)?;
    let app = app(&call, new.app.as_deref(), |why| Problem::field("appId", why)).await?;
    let place = Place { app, param: 0, types: Types::Registered };
    check_event_types(&call, place, new.endpoint.fields.event_types.as_deref()).await?;
    let secret = seal_secret(&call, new.endpoint.secret);
    let made = call.store().create_endpoint(app, new.endpoint.fields, secret, None).await?;
    Ok(Reply::created(true, &HookOut::of(made, call.codec())))
}

async fn with_secret(call: &Call, made: Reply) -> Result<Reply, Problem> {
    let read = |e: serde_json::Error| Problem::failed(&e);
    let MadeHook { id, app_id } = serde_json::from_slice(&made.body).map_err(read)?;
    let (Some(id), Some(app)) = (call.codec().read::<EndpointId>(&id), call.codec().read::<AppId>(&app_id)) else {
        return Err(Problem::failed(&"a kept answer names no hook"));
    };
    let mut out: Map<String, Value> = serde_json::from_slice(&made.body).map_err(read)?;
    // A repeated request may find it gone.
    let secret = secret::of(call, app, id).await?;
    out.insert("secret".to_owned(), Value::String(secret.shown().to_string()));
    let mut reply = Reply::json(made.status, &out).secret();
    reply.repeated = made.repeated;
    Ok(reply)
}

pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let codec = call.codec();
    let page = list::page(&query, codec, query.order()?)?;
    let app = of_query(&call).await?;
    let hooks = call.store().hooks(app, page).await?;
    Ok(Reply::ok(&ListOut::of(hooks, |e| HookOut::of(e, codec), |id| codec.text(id))))
}

pub(crate) async fn delete(call: Call) -> Result<Reply, Problem> {
    call.store().delete_hook(call.caller.org, call.id(0, "hook")?).await?;
    Ok(Reply::no_content())
}

/// The application that the query names, or the one of links and forms.
pub(super) async fn of_query(call: &Call) -> Result<AppId, Problem> {
    app(call, call.query().get("appId"), |why| Problem::query("appId", why)).await
}

async fn app(call: &Call, name: Option<&str>, bad: impl Fn(&'static str) -> Problem) -> Result<AppId, Problem> {
    let Some(name) = name else { return Ok(call.store().own_app(call.caller.org).await?) };
    let name: Ref<AppId> = named(call.codec(), name).ok_or_else(|| bad("must be the id or uid of an application"))?;
    Ok(call.store().route(call.caller.org, &name).await?.app)
}
