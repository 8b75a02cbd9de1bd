//! From a matched route to a response: the token, the body, the key, the handler, the headers that every answer has.
//!
//! Both doors, the front's own match and the router's, come through [`run`]. **Invariant:** nothing is read of a body
//! before its sender's token was checked, and every request is counted once.

use crate::audit::{self, Change};
use crate::auth::{Actor, Caller};
use crate::body::{self, Upload};
use crate::call::{Call, Params, Shared, Visit};
use crate::cors;
use crate::handlers::health;
use crate::idempotency;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::routes::{Access, Handler, HandlerFuture, Keys, ROUTES, Verb};
use crate::scopes;
use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use domain::client::FORWARDED_FOR;
use http::{HeaderMap, Request, Response, StatusCode};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Answers a request for the route at `index` of the table, or for none beyond it.
pub(crate) async fn run<B>(shared: Arc<Shared>, index: usize, params: Params, request: Request<B>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let started_us = shared.store.clock().monotonic_us();
    let origin = cors::allowed(&shared.config.cors, request.headers());
    let answer = answer(&shared, index, params, request).await;
    let reply = answer.unwrap_or_else(Problem::into_reply);
    let duration_us = shared.store.clock().monotonic_us().saturating_sub(started_us);
    shared.metrics.record(index, reply.status.as_u16(), duration_us);
    let mut response = reply.into_response();
    cors::apply(origin, &mut response);
    response
}

async fn answer<B>(shared: &Arc<Shared>, index: usize, params: Params, request: Request<B>) -> Result<Reply, Problem>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, incoming) = request.into_parts();
    let limits = &shared.config.limits;
    let allowed = match check_head(shared, &parts.headers) {
        Ok(()) => authorise(shared, index, &parts.headers, parts.extensions.get::<Actor>()).await,
        Err(problem) => Err(problem),
    };
    let change = |caller: &Caller, params: &Params| {
        let from = || -> Option<IpAddr> {
            let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
            let forwarded = parts.headers.get_all(FORWARDED_FOR).iter().map(|value| value.as_bytes());
            Some(domain::client_address(peer.ip(), forwarded, &shared.config.trusted_proxies))
        };
        Change::of(index, caller, params, parts.uri.path(), from)
    };
    let (handler, keys, caller) = match allowed {
        Ok(Allowed::Public(page)) => return health::show(page, shared).await,
        Ok(Allowed::Open(handler)) => {
            let visit = Visit { shared: shared.clone(), params, uri: parts.uri, headers: parts.headers };
            return handler(visit).await;
        }
        Ok(Allowed::Caller(handler, keys, caller)) => (handler, keys, caller),
        Ok(Allowed::Upload(handler, caller)) => {
            let limit = shared.config.import_body_limit;
            let upload = Upload::open(incoming, &parts.headers, limit, limits.body_read_timeout).await?;
            let change = change(&caller, &params);
            let body = Bytes::new();
            let call = Call { shared: shared.clone(), caller, params, uri: parts.uri, headers: parts.headers, body };
            return recorded(shared, change, handler(call, upload).await).await;
        }
        Err(problem) => {
            body::drain(incoming, &parts.headers, limits.body_read_timeout).await;
            return Err(problem);
        }
    };
    let limit = shared.config.request_body_limit;
    let body = body::read(incoming, &parts.headers, limit, limits.body_read_timeout).await?;
    let change = change(&caller, &params);
    let call = Call { shared: shared.clone(), caller, params, uri: parts.uri, headers: parts.headers, body };
    let answer = match keys {
        Keys::Own => handler(call).await,
        Keys::Kept => idempotency::once(call, handler).await,
    };
    recorded(shared, change, answer).await
}

/// Writes a change that succeeded into the audit log.
async fn recorded(
    shared: &Arc<Shared>,
    change: Option<Change>,
    answer: Result<Reply, Problem>,
) -> Result<Reply, Problem> {
    let entry = match (change, &answer) {
        (Some(change), Ok(reply)) => change.entry(shared.store.codec(), reply),
        _ => None,
    };
    if let Some(entry) = entry {
        audit::write(shared, entry).await;
    }
    answer
}

enum Allowed {
    Public(health::Page),
    Open(fn(Visit) -> HandlerFuture),
    Caller(fn(Call) -> HandlerFuture, Keys, Caller),
    Upload(fn(Call, Upload) -> HandlerFuture, Caller),
}

async fn authorise(
    shared: &Shared,
    index: usize,
    headers: &HeaderMap,
    actor: Option<&Actor>,
) -> Result<Allowed, Problem> {
    let route = ROUTES.get(index).ok_or_else(|| Problem::not_found("There is no such route"))?;
    match &route.handler {
        Handler::Public(page) => return Ok(Allowed::Public(*page)),
        Handler::Open(handler) => return Ok(Allowed::Open(*handler)),
        Handler::Call(_) | Handler::Upload(_) => {}
    }
    let caller = shared.auth.check(&shared.store, headers, actor).await?;
    let granted = match (route.access, caller.app) {
        (Access::Public | Access::Org | Access::App(_) | Access::Shared(_), None) => true,
        (Access::App(capability) | Access::Shared(capability), Some(_)) => caller.capabilities.has(capability),
        (Access::OwnToken, app) => app.is_some(),
        (Access::Public | Access::Org, Some(_)) => false,
    };
    if !granted {
        return Err(Problem::forbidden());
    }
    if let Some(scope) = scopes::needed(route)
        && !caller.scopes.has(scope)
    {
        return Err(Problem::out_of_scope(scope.as_str()));
    }
    // Only a POST is repeated by SDKs; the other verbs repeat themselves harmlessly.
    let keys = if route.verb == Verb::Post { route.keys } else { Keys::Own };
    match route.handler {
        Handler::Call(handler) => Ok(Allowed::Caller(handler, keys, caller)),
        Handler::Upload(handler) => Ok(Allowed::Upload(handler, caller)),
        Handler::Public(page) => Ok(Allowed::Public(page)),
        Handler::Open(handler) => Ok(Allowed::Open(handler)),
    }
}

/// The server's own limits on a head are a little wider, so that a client reads why it was refused.
fn check_head(shared: &Shared, headers: &HeaderMap) -> Result<(), Problem> {
    let limits = &shared.config.limits;
    let too_large =
        |detail: String| Err(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail));
    if headers.len() > limits.max_headers {
        return too_large(format!("A request may have {} headers", limits.max_headers));
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if bytes > limits.max_header_bytes {
        return too_large(format!("The headers of a request may have {} bytes", limits.max_header_bytes));
    }
    Ok(())
}
