//! Endpoints of an application, and of the operational webhooks (which are an application of their own).

use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::endpoint::{EndpointOut, NewEndpoint, StatsOut, read_new, read_patch};
use crate::wire::headers::Headers;
use crate::wire::list::{self, ListOut};
use crate::wire::message::{self, Draft};
use crate::wire::{event_type, fields::Fields, own_example, read, task};
use bytes::Bytes;
use domain::route::{headers_aad, secret_aad};
use domain::{AppId, Cause, EndpointId};
use http::StatusCode;
use signing::EndpointSecret;
use store::{Accepted, AppRef, EndpointRef, EventKind, EventType, Ref, Sealer, StoreError};

/// Where the endpoints of a route are.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub app: AppId,
    /// Which path parameter names the endpoint.
    pub param: usize,
    pub types: Types,
}

/// Which event types an endpoint may name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Types {
    /// Those that the organisation has registered, and those of links and forms.
    Registered,
    /// Those that Postrider itself sends.
    Operational,
    /// Any: what a source's provider sends is registered nowhere.
    Any,
}

impl Place {
    pub async fn of(call: &Call) -> Result<Place, Problem> {
        Ok(Place { app: call.app().await?, param: 1, types: Types::Registered })
    }
}

pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    list_in(call, place).await
}
pub(crate) async fn create(call: Call) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    create_in(call, place).await
}
pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    get_in(call, place).await
}
pub(crate) async fn put(call: Call) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    put_in(call, place).await
}
pub(crate) async fn delete(call: Call) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    delete_in(call, place).await
}

pub(crate) async fn list_in(call: Call, place: Place) -> Result<Reply, Problem> {
    let query = call.query();
    let codec = call.codec();
    let page = list::page(&query, codec, query.order()?)?;
    let endpoints = call.store().endpoints(place.app, page).await?;
    Ok(Reply::ok(&ListOut::of(endpoints, |e| EndpointOut::of(e, codec), |id| codec.text(id))))
}

pub(crate) async fn create_in(call: Call, place: Place) -> Result<Reply, Problem> {
    let new = read_new(&call.body, &call.shared.config.target_rules)?;
    check_event_types(&call, place, new.fields.event_types.as_deref()).await?;
    let NewEndpoint { fields, secret, headers } = new;
    let secret = seal_secret(&call, secret);
    let headers = headers.map(|h| seal_headers(&call, h));
    let endpoint = call.store().create_endpoint(place.app, fields, secret, headers).await?;
    Ok(Reply::created(true, &EndpointOut::of(endpoint, call.codec())))
}

pub(crate) async fn get_in(call: Call, place: Place) -> Result<Reply, Problem> {
    let endpoint = call.store().endpoint(place.app, &call.endpoint(place.param)?).await?;
    Ok(Reply::ok(&EndpointOut::of(endpoint, call.codec())))
}

pub(crate) async fn put_in(call: Call, place: Place) -> Result<Reply, Problem> {
    let name = call.endpoint(place.param)?;
    let new = read_new(&call.body, &call.shared.config.target_rules)?;
    check_event_types(&call, place, new.fields.event_types.as_deref()).await?;
    // A PUT replaces the fields; secret and headers have operations of their own, unless it creates.
    let secret = seal_secret(&call, new.secret);
    let headers = new.headers.map(|h| seal_headers(&call, h));
    let (endpoint, is_new) = call.store().put_endpoint(place.app, &name, new.fields, secret, headers).await?;
    Ok(Reply::created(is_new, &EndpointOut::of(endpoint, call.codec())))
}

pub(crate) async fn patch(call: Call) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    let name = call.endpoint(place.param)?;
    let patch = read_patch(&call.body, &call.shared.config.target_rules)?;
    let types = patch.event_types.as_ref().and_then(|t| t.as_deref());
    check_event_types(&call, place, types).await?;
    let endpoint = call.store().patch_endpoint(place.app, &name, patch).await?;
    Ok(Reply::ok(&EndpointOut::of(endpoint, call.codec())))
}

pub(crate) async fn pause(call: Call) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    let endpoint = call.store().pause_endpoint(place.app, &call.endpoint(place.param)?).await?;
    Ok(Reply::ok(&EndpointOut::of(endpoint, call.codec())))
}
pub(crate) async fn resume(call: Call) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    let endpoint = call.store().resume_endpoint(place.app, &call.endpoint(place.param)?).await?;
    Ok(Reply::ok(&EndpointOut::of(endpoint, call.codec())))
}

pub(crate) async fn delete_in(call: Call, place: Place) -> Result<Reply, Problem> {
    call.store().delete_endpoint(place.app, &call.endpoint(place.param)?).await?;
    Ok(Reply::no_content())
}

/// The event types that Postrider sends about itself.
const OPERATIONAL: [&str; 9] = [
    "background_task.finished",
    "endpoint.created",
    "endpoint.deleted",
    "endpoint.disabled",
    "endpoint.enabled",
    "endpoint.updated",
    "message.attempt.exhausted",
    "message.attempt.failing",
    "message.attempt.recovered",
];

/// Whether Postrider makes such events itself: nobody has to register them.
fn is_own(name: &str) -> bool {
    EventKind::ALL.iter().any(|kind| kind.event_type() == name)
}

/// A subscription to a type that doesn't exist is a typing error that would only show when messages stay away.
pub(super) async fn check_event_types(call: &Call, place: Place, names: Option<&[String]>) -> Result<(), Problem> {
    let Some(names) = names else { return Ok(()) };
    let missing = match place.types {
        Types::Operational => names.iter().find(|n| !OPERATIONAL.contains(&n.as_str())).cloned(),
        Types::Registered => {
            let others: Vec<String> = names.iter().filter(|n| !is_own(n)).cloned().collect();
            call.store().missing_event_type(call.caller.org, &others).await?
        }
        Types::Any => None,
    };
    match missing {
        None => Ok(()),
        Some(name) => Err(Problem::field("eventTypes", format!("the event type {name} doesn't exist"))),
    }
}

/// Seals the secret that the client brought, or a new one.
pub(super) fn seal_secret(call: &Call, secret: Option<EndpointSecret>) -> Sealer {
    let mut fill = call.shared.fill();
    let kind = call.shared.config.default_signature_type;
    let secret_box = call.shared.config.secret_box.clone();
    Box::new(move |id: EndpointId| {
        let secret = secret.unwrap_or_else(|| EndpointSecret::generate(kind, &mut fill));
        secret_box.seal(secret.reveal().as_bytes(), &secret_aad(id), &mut fill)
    })
}

pub(crate) fn seal_headers(call: &Call, headers: Headers) -> Sealer {
    let mut fill = call.shared.fill();
    let secret_box = call.shared.config.secret_box.clone();
    Box::new(move |id: EndpointId| {
        if headers.is_empty() {
            return Vec::new();
        }
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(&headers).unwrap_or_default());
        secret_box.seal(&plain, &headers_aad(id), &mut fill)
    })
}

pub(crate) async fn stats(call: Call) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    let query = call.query();
    let (since, until) = (query.time("since")?, query.time("until")?);
    task::check_window(since, until)?;
    let s = call.store().endpoint_stats(place.app, &call.endpoint(place.param)?, since, until).await?;
    Ok(Reply::ok(&StatsOut {
        success: s.success,
        pending: s.pending,
        sending: s.sending,
        fail: s.fail,
        canceled: s.canceled,
    }))
}

/// Sends an example of an event type to this endpoint alone.
pub(crate) async fn send_example(call: Call) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    let mut f = Fields::parse(&call.body)?;
    let name = f.require(&["eventType"], read::event_type);
    f.finish()?;
    let payload = example_payload(&call, &name).await?;
    if payload.len() > call.shared.config.payload_limit {
        return Err(Problem::payload_too_large(call.shared.config.payload_limit));
    }
    let store = call.store();
    let endpoint = match call.endpoint(place.param)? {
        EndpointRef::Id(id) => id,
        uid @ Ref::Uid(_) => store.endpoint(place.app, &uid).await?.id,
    };
    let target = store.endpoint_route(place.app, endpoint).await?;
    if target.disabled {
        return Err(Problem::conflict("The endpoint is disabled"));
    }
    if target.paused_at.is_some() {
        return Err(Problem::conflict("The endpoint is paused: resume it first"));
    }
    let draft = Draft::example(&name, payload.into());
    let mut out = draft.open_answer(true);
    let mut new = draft.into_new(store.route(call.caller.org, &AppRef::Id(place.app)).await?);
    new.only = Some((target, Cause::Example));
    match store.accept(new).await? {
        Accepted::New(id) => message::close(&mut out, id, call.codec()),
        Accepted::Repeated(m) => {
            out.clear();
            message::write_stored(&mut out, &m, true, call.codec(), "");
        }
    }
    Ok(Reply::raw(StatusCode::OK, Bytes::from(out)))
}

const PING: &str = "svix.ping";

async fn example_payload(call: &Call, name: &str) -> Result<String, Problem> {
    if name == PING {
        return Ok(r#"{"success":true}"#.to_owned());
    }
    let event_type: EventType = match (call.store().event_type(call.caller.org, name).await, own_example::payload(name))
    {
        // An example that was registered goes before ours.
        (Err(StoreError::NotFound(_)), Some(own)) => return Ok(own.to_owned()),
        (found, _) => found?,
    };
    event_type.schemas.as_deref().and_then(event_type::example).ok_or_else(|| {
        let detail = "The event type has no example: put one at schemas[\"1\"].examples[0]";
        Problem::new(StatusCode::BAD_REQUEST, "invalid_scheme", detail)
    })
}
