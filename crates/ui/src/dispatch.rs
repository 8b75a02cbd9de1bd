//! From a matched route to a response: the session, the right, the form's token, the page, the headers that every answer has.
//!
//! **Invariant:** nothing is read of a body before its sender's session and right were checked, but for pages that need nobody.

use crate::call::{Call, Shared, Visit};
use crate::config::UiConfig;
use crate::fault::Fault;
use crate::form::Form;
use crate::open_issues::OpenIssues;
use crate::pages::accounts::Logins;
use crate::reply::Reply;
use crate::routes::{Access, Handler, ROUTES, Route, Verb};
use crate::session::{self, Right};
use crate::view::frame::ErrorPage;
use crate::{assets, csrf};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, RawPathParams};
use axum::routing::{MethodFilter, MethodRouter, any};
use bytes::Bytes;
use domain::client::FORWARDED_FOR;
use http::header::{ACCEPT, CONTENT_SECURITY_POLICY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use store::Store;

/// Nothing from elsewhere, nothing inline, no frames (a page may set its own).
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                   base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const HEADERS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// The pages over a store. Clones share everything.
#[derive(Clone)]
pub struct Ui {
    shared: Arc<Shared>,
}

impl Ui {
    pub fn new(store: Store, config: UiConfig) -> Self {
        Ui { shared: Arc::new(Shared { store, config, logins: Logins::default(), open_issues: OpenIssues::default() }) }
    }

    /// Every page, to be merged into the API's router. Peers are read from axum's `ConnectInfo<SocketAddr>`, if it is there.
    pub fn router(&self) -> Router {
        let mut by_path: BTreeMap<&str, MethodRouter> = BTreeMap::new();
        for route in ROUTES {
            let shared = self.shared.clone();
            let handler = move |params: RawPathParams, request: Request<Body>| {
                let params = params.iter().map(|(_, value)| value.to_owned()).collect();
                run(shared.clone(), route, params, request)
            };
            let filter = match route.verb {
                Verb::Get => MethodFilter::GET,
                Verb::Post => MethodFilter::POST,
            };
            let methods = by_path.remove(route.path).unwrap_or_default();
            by_path.insert(route.path, methods.on(filter, handler));
        }
        let unmatched = self.shared.clone();
        by_path
            .into_iter()
            .fold(Router::new(), |router, (path, methods)| router.route(path, methods))
            .route("/assets/{hash}/{*name}", any(asset))
            .route("/{*rest}", any(move |request: Request<Body>| missing(unmatched.clone(), request)))
    }
}

async fn asset(Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Response<Body> {
    assets::answer(&hash, &name, &headers)
}

/// A path that nothing has: a page for browsers, JSON for programs.
async fn missing(shared: Arc<Shared>, request: Request<Body>) -> Response<Body> {
    let path = request.uri().path();
    let is_api = path.starts_with("/api/") || path.starts_with("/ingest/");
    let wants_html =
        request.headers().get(ACCEPT).and_then(|a| a.to_str().ok()).is_some_and(|a| a.contains("text/html"));
    if is_api || !wants_html {
        let body = serde_json::json!({"code": "not_found", "detail": "There is no such route"});
        return guarded(Reply::json(&body).status(StatusCode::NOT_FOUND).into_response());
    }
    let (parts, _) = request.into_parts();
    let visit = visit(shared, parts, Vec::new(), None);
    guarded(fault_page(&visit, &Fault::NotFound("There is no such page.".to_owned())).into_response())
}

async fn run(
    shared: Arc<Shared>,
    route: &'static Route,
    params: Vec<String>,
    request: Request<Body>,
) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let peer = parts.extensions.remove::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let noticed = session::cookie(&parts.headers, "notice").is_some() && !parts.headers.contains_key("hx-request");
    let visit = visit(shared, parts, params, peer);
    let reply = answer(visit, route, body).await;
    guarded(if noticed { reply.noticed() } else { reply }.into_response())
}

fn visit(shared: Arc<Shared>, parts: http::request::Parts, params: Vec<String>, peer: Option<IpAddr>) -> Visit {
    let address = peer.map(|peer| {
        let forwarded = parts.headers.get_all(FORWARDED_FOR).iter().map(|value| value.as_bytes());
        domain::client_address(peer, forwarded, &shared.config.trusted_proxies)
    });
    let session = session::token(&parts.headers).map(str::to_owned);
    Visit {
        shared,
        params,
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body: Bytes::new(),
        address,
        session,
    }
}

async fn answer(mut visit: Visit, route: &Route, body: Body) -> Reply {
    // A page that changes something must come from a page of ours, signed in or not.
    if visit.method != Method::GET && visit.method != Method::HEAD && !csrf::is_ours(&visit.headers) {
        return fault_page(&visit, &Fault::Stale);
    }
    match &route.handler {
        Handler::Visit(handler) => {
            if let Err(fault) = read(&mut visit, body).await {
                return fault_page(&visit, &fault);
            }
            let (frame, fragment) = (visit.frame(""), visit.is_fragment());
            match handler(visit).await {
                Ok(reply) => reply,
                Err(fault) => error(frame, fragment, &fault),
            }
        }
        Handler::Call(handler) => {
            let call = match admit(visit, route.access, body).await {
                Ok(call) => call,
                Err(reply) => return *reply,
            };
            let (frame, fragment) = (call.frame("", crate::view::frame::Section::None), call.is_fragment());
            match handler(call).await {
                Ok(reply) => reply,
                Err(fault) => error(frame, fragment, &fault),
            }
        }
    }
}

/// Checks the session, its right, and the form's token.
async fn admit(mut visit: Visit, access: Access, body: Body) -> Result<Call, Box<Reply>> {
    let refuse = |visit: &Visit, fault: Fault| Box::new(fault_page(visit, &fault));
    let token = visit.session.clone().unwrap_or_default();
    let found = match token.is_empty() {
        true => None,
        false => session::find(&visit.shared, &token).await.map_err(|fault| refuse(&visit, fault))?,
    };
    let Some(me) = found else { return Err(Box::new(sign_in(&visit))) };
    if let Access::Needs(right) = access
        && !me.may(right)
    {
        let why = match right {
            Right::Own => "Your role may not do this: ask an owner in your team.",
            _ => "Your role may look and send again, but not change things: ask an owner for the developer's role.",
        };
        let csrf = csrf::token(&token);
        let call = Call { visit, me, csrf, open_issues: 0 };
        let frame = call.frame("", crate::view::frame::Section::None);
        return Err(Box::new(error(frame, call.is_fragment(), &Fault::Forbidden(why))));
    }
    read(&mut visit, body).await.map_err(|fault| refuse(&visit, fault))?;
    let csrf = csrf::token(&token);
    if visit.method == Method::POST {
        let sent = visit.headers.get("x-csrf").and_then(|v| v.to_str().ok()).map(str::to_owned);
        let sent = sent.unwrap_or_else(|| Form::parse(&visit.body).get("csrf").to_owned());
        if !csrf::matches(&csrf, &sent) {
            return Err(refuse(&visit, Fault::Stale));
        }
    }
    let open_issues = visit.shared.open_issues.of(&visit.shared.store, me.org).await;
    Ok(Call { visit, me, csrf, open_issues })
}

async fn read(visit: &mut Visit, body: Body) -> Result<(), Fault> {
    let config = &visit.shared.config;
    let limited = Limited::new(body, config.body_limit);
    match tokio::time::timeout(config.body_read_timeout, limited.collect()).await {
        Ok(Ok(all)) => visit.body = all.to_bytes(),
        Ok(Err(_)) => {
            let refusal = crate::fault::Refusal::of(format!("A form may have {} bytes", config.body_limit));
            return Err(crate::fault::Refusal { status: StatusCode::PAYLOAD_TOO_LARGE, ..refusal }.into());
        }
        Err(_) => {
            return Err(crate::fault::Refusal {
                status: StatusCode::REQUEST_TIMEOUT,
                ..crate::fault::Refusal::of("The form did not arrive in time")
            }
            .into());
        }
    }
    Ok(())
}

/// To the page that signs in, and back here afterwards.
fn sign_in(visit: &Visit) -> Reply {
    let next: String = match visit.method == Method::GET && visit.here() != "/" {
        true => url::form_urlencoded::Serializer::new(String::from("?")).append_pair("next", visit.here()).finish(),
        false => String::new(),
    };
    let to = format!("/login{next}");
    if visit.is_fragment() {
        return Reply::text(StatusCode::UNAUTHORIZED, "").append(HeaderName::from_static("hx-redirect"), &to);
    }
    Reply::see(&to)
}

fn fault_page(visit: &Visit, fault: &Fault) -> Reply {
    error(visit.frame(""), visit.is_fragment(), fault)
}

fn error(mut frame: crate::view::frame::Frame, is_fragment: bool, fault: &Fault) -> Reply {
    let status = fault.status();
    if is_fragment {
        let text = format!("<p class=\"notice bad\" role=\"alert\">{}</p>", domain::html::escaped(&fault.detail()));
        return Reply::html(status, text);
    }
    frame.title = fault.title().to_owned();
    let page = ErrorPage { frame, detail: fault.detail() };
    Reply::page_with(status, &page).unwrap_or_else(|_| Reply::text(status, fault.detail()))
}

/// The headers that every answer has.
fn guarded(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(CSP));
    for (name, value) in HEADERS {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    response
}
