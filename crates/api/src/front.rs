//! The API as a service: the hot path matched by hand, all else by axum's router.
//!
//! **Invariant:** both ways end in [`dispatch::run`]; the front only saves the router's work for the one route that
//! runs thousands of times a second.

use crate::auth::{Actor, Auth};
use crate::call::{Params, Shared};
use crate::config::{ApiConfig, Inbound, ServerLimits};
use crate::idempotency::InFlight;
use crate::import::Imports;
use crate::live::Live;
use crate::metrics::HttpMetrics;
use crate::problem::Problem;
use crate::routes::{ROUTES, Verb};
use crate::{cors, dispatch};
use axum::Router;
use axum::body::Body;
use axum::extract::RawPathParams;
use axum::extract::rejection::RawPathParamsRejection;
use axum::routing::{MethodFilter, MethodRouter};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Store;
use tower::ServiceExt;

/// Where the APIs begin; preflights are for these paths only.
const PREFIXES: [&str; 2] = ["/api/v1/", "/ingest/api/v1/"];
/// Whether a path is one of the APIs'.
pub(crate) fn is_api(path: &str) -> bool {
    PREFIXES.iter().any(|prefix| path.starts_with(prefix))
}

/// Whether it is the request that comes thousands of times a second.
pub(crate) fn is_hot<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST && request.uri().path().ends_with("/msg")
}

/// Where the URLs of sources, links, clicks and forms begin.
const INBOUND_PREFIXES: [&str; 4] = ["/in/", "/l/", "/c/", "/f/"];
/// The row of the table that the front matches itself.
const MESSAGE_CREATE: usize = 0;

/// The REST API over a store. Clones share everything.
#[derive(Clone)]
pub struct Api {
    shared: Arc<Shared>,
    router: Router,
}

impl Api {
    pub fn new(store: Store, config: ApiConfig) -> Self {
        let shared = Arc::new(Shared {
            auth: Auth::new(config.jwt.clone()),
            live: Live::new(&config.limits),
            imports: Imports::new(config.limits.max_imports),
            store,
            config,
            metrics: HttpMetrics::new(),
            in_flight: InFlight::default(),
        });
        Api { router: routes(&shared), shared }
    }

    /// Adds other pages (the admin UI). They must have no fallback.
    pub fn merge(self, pages: Router) -> Self {
        Api { router: self.router.merge(pages), ..self }
    }

    /// Answers a request for a route of the API as the actor, who needs no token.
    pub async fn call_as(&self, actor: Actor, mut request: Request<Body>) -> Response<Body> {
        request.extensions_mut().insert(actor);
        self.answer(request).await
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn limits(&self) -> &ServerLimits {
        &self.shared.config.limits
    }

    /// Ends streams and long polls, so that the server can drain.
    pub(crate) fn close_streams(&self) {
        self.shared.live.close();
    }

    pub(crate) fn connection_opened(&self) -> OpenConnection {
        self.shared.metrics.connections.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        OpenConnection(self.shared.clone())
    }

    /// Who answers a request for `path`, if it is inbound.
    pub(crate) fn inbound(&self, path: &str) -> Option<Arc<dyn Inbound>> {
        let is_inbound = INBOUND_PREFIXES.iter().any(|prefix| path.starts_with(prefix));
        if is_inbound { self.shared.config.inbound.clone() } else { None }
    }

    /// Answers one request.
    pub async fn answer<B>(&self, mut request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        strip_slash(request.uri_mut());
        if request.method() == Method::POST
            && let Some(app) = message_create(request.uri().path())
        {
            let params = Params::of([app]);
            return dispatch::run(self.shared.clone(), MESSAGE_CREATE, params, request).await;
        }
        if request.method() == Method::OPTIONS && is_api(request.uri().path()) {
            return cors::preflight(&self.shared.config.cors, request.headers());
        }
        match self.router.clone().oneshot(request.map(Body::new)).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// Counts an open connection until it is dropped.
pub(crate) struct OpenConnection(Arc<Shared>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.metrics.connections.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }
}

/// The application in `/api/v1/app/{app}/msg`. One that is percent-encoded is left to the router.
fn message_create(path: &str) -> Option<&str> {
    let app = path.strip_prefix("/api/v1/app/")?.strip_suffix("/msg")?;
    (!app.is_empty() && !app.bytes().any(|c| c == b'/' || c == b'%')).then_some(app)
}

/// A trailing slash means nothing anywhere.
fn strip_slash(uri: &mut Uri) {
    let path = uri.path();
    if path.len() < 2 || !path.ends_with('/') {
        return;
    }
    let path = path.trim_end_matches('/');
    let path = if path.is_empty() { "/" } else { path };
    let text = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    if let Ok(stripped) = text.parse() {
        *uri = stripped;
    }
}

fn routes(shared: &Arc<Shared>) -> Router {
    let mut by_path: BTreeMap<&str, MethodRouter> = BTreeMap::new();
    for (index, route) in ROUTES.iter().enumerate() {
        let shared = shared.clone();
        let handler = move |params: Result<RawPathParams, RawPathParamsRejection>, request: Request<Body>| async move {
            match params {
                Ok(params) => {
                    let params = Params::of(params.iter().map(|(_, value)| value));
                    dispatch::run(shared, index, params, request).await
                }
                // A path that isn't UTF-8 names nothing.
                Err(_) => dispatch::run(shared, ROUTES.len(), Params::default(), request).await,
            }
        };
        let methods = by_path.remove(route.path).unwrap_or_default();
        by_path.insert(route.path, methods.on(filter(route.verb), handler));
    }
    let router = by_path.into_iter().fold(Router::new(), |router, (path, methods)| router.route(path, methods));
    let unmatched = shared.clone();
    router
        .method_not_allowed_fallback(|| async {
            let detail = "This path has no such method";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into_reply().into_response()
        })
        .fallback(move |request: Request<Body>| {
            dispatch::run(unmatched.clone(), ROUTES.len(), Params::default(), request)
        })
}

fn filter(verb: Verb) -> MethodFilter {
    match verb {
        // Answers HEAD too.
        Verb::Get => MethodFilter::GET,
        Verb::Post => MethodFilter::POST,
        Verb::Put => MethodFilter::PUT,
        Verb::Patch => MethodFilter::PATCH,
        Verb::Delete => MethodFilter::DELETE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, want: &str) {
        let mut uri: Uri = path.parse().unwrap();
        strip_slash(&mut uri);
        assert_eq!(uri.to_string(), want);
    }

    #[test]
    fn trailing_slashes_are_stripped_and_the_query_stays() {
        check("/api/v1/app/", "/api/v1/app");
        check("/api/v1/app//?limit=1", "/api/v1/app?limit=1");
        check("/api/v1/app?x=/", "/api/v1/app?x=/");
        check("/", "/");
        check("///", "/");
    }

    #[test]
    fn the_front_knows_the_hot_path_and_nothing_else() {
        assert_eq!(message_create("/api/v1/app/a.b/msg"), Some("a.b"));
        for other in
            ["/api/v1/app//msg", "/api/v1/app/a/b/msg", "/api/v1/app/%41/msg", "/api/v1/app/a/msg/x", "/api/v1/app"]
        {
            assert_eq!(message_create(other), None, "{other}");
        }
        assert_eq!(ROUTES[MESSAGE_CREATE].path, "/api/v1/app/{app_id}/msg");
        assert_eq!(ROUTES[MESSAGE_CREATE].verb, Verb::Post);
    }
}
