//! One request on its way to a handler: who calls, for what, with which body.
//!
//! **Invariant:** a [`Call`] exists only for a caller whose token and capability were checked.

use crate::auth::{Auth, Caller};
use crate::config::ApiConfig;
use crate::idempotency::InFlight;
use crate::import::Imports;
use crate::live::Live;
use crate::metrics::HttpMetrics;
use crate::problem::Problem;
use crate::wire::link_rules::OwnHosts;
use crate::wire::query::Query;
use bytes::Bytes;
use domain::{AppId, AppRoute, IdCodec, Timestamp, TypedId, Uid};
use http::header::HOST;
use http::{HeaderMap, Uri};
use std::sync::Arc;
use store::{AppRef, EndpointRef, MessageRef, Ref, Source, SourceRef, Store};

/// What all requests share.
pub(crate) struct Shared {
    pub store: Store,
    pub config: ApiConfig,
    pub auth: Auth,
    pub metrics: HttpMetrics,
    pub in_flight: InFlight,
    pub live: Live,
    pub imports: Imports,
}

impl Shared {
    pub fn now(&self) -> Timestamp {
        self.store.clock().now()
    }
    /// Random bytes, as `signing` asks for them.
    pub fn fill(&self) -> impl FnMut(&mut [u8]) + Send + 'static {
        let rng = self.store.rng().clone();
        move |bytes: &mut [u8]| rng.fill(bytes)
    }
}

/// The path's parameters, decoded, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params([Option<Box<str>>; 3]);

impl Params {
    pub fn of<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut values = values.into_iter().map(Box::from);
        Params(std::array::from_fn(|_| values.next()))
    }
    pub fn get(&self, i: usize) -> &str {
        self.0.get(i).and_then(|p| p.as_deref()).unwrap_or_default()
    }
}

#[derive(Clone)]
pub(crate) struct Call {
    pub shared: Arc<Shared>,
    pub caller: Caller,
    pub params: Params,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Call {
    pub fn store(&self) -> &Store {
        &self.shared.store
    }
    pub fn codec(&self) -> &IdCodec {
        self.shared.store.codec()
    }
    pub fn query(&self) -> Query<'_> {
        Query::parse(self.uri.query())
    }

    /// The routing snapshot of the application in the path, if this caller may touch it.
    pub async fn route(&self) -> Result<Arc<AppRoute>, Problem> {
        let name: AppRef = self.named(0, "application")?;
        let store = self.store();
        let route = match store.route_cached(self.caller.org, &name) {
            Some(route) => route,
            None => store.route(self.caller.org, &name).await?,
        };
        self.check_app(route.app)?;
        Ok(route)
    }

    /// The application in the path, if this caller may touch it.
    pub async fn app(&self) -> Result<AppId, Problem> {
        Ok(self.route().await?.app)
    }

    fn check_app(&self, app: AppId) -> Result<(), Problem> {
        match self.caller.app {
            // Not 403: that another application exists is nothing a customer may learn.
            Some(own) if own != app => Err(Problem::not_found("application not found")),
            _ => Ok(()),
        }
    }

    /// The source (or bin) in the path, if this caller may touch it.
    pub async fn source(&self) -> Result<Source, Problem> {
        let source = self.store().source(self.caller.org, &self.source_ref()?).await?;
        match self.caller.app {
            Some(own) if own != source.app => Err(Problem::not_found("source not found")),
            _ => Ok(source),
        }
    }

    pub fn source_ref(&self) -> Result<SourceRef, Problem> {
        self.named(0, "source")
    }

    /// Where this server is found by who calls it, without a slash at the end.
    pub fn origin(&self) -> String {
        let profile = self.store().profile(self.caller.org);
        match self.shared.config.public_url.as_ref().or(profile.public_url.as_ref()) {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                let host = self.headers.get(HOST).and_then(|h| h.to_str().ok()).unwrap_or("localhost");
                format!("http://{host}")
            }
        }
    }

    /// Where a link must not lead to.
    pub fn own_hosts(&self) -> OwnHosts {
        OwnHosts::of(&self.origin(), self.shared.config.target_rules.guard.clone())
    }

    pub fn endpoint(&self, i: usize) -> Result<EndpointRef, Problem> {
        self.named(i, "endpoint")
    }
    pub fn message(&self, i: usize) -> Result<MessageRef, Problem> {
        self.named(i, "message")
    }
    pub fn app_ref(&self) -> Result<AppRef, Problem> {
        self.named(0, "application")
    }

    /// What a path parameter names: an id, or a uid. Anything else names nothing.
    fn named<I: TypedId>(&self, i: usize, noun: &'static str) -> Result<Ref<I>, Problem> {
        named(self.codec(), self.params.get(i)).ok_or_else(|| Problem::not_found(format!("{noun} not found")))
    }

    /// A path parameter that must be an id.
    pub fn id<I: TypedId>(&self, i: usize, noun: &'static str) -> Result<I, Problem> {
        self.codec().read(self.params.get(i)).ok_or_else(|| Problem::not_found(format!("{noun} not found")))
    }
}

/// A request that needs no caller: all it has is what its path says.
pub(crate) struct Visit {
    pub shared: Arc<Shared>,
    pub params: Params,
    pub uri: Uri,
    pub headers: HeaderMap,
}

/// An id or a uid.
pub(crate) fn named<I: TypedId>(codec: &IdCodec, text: &str) -> Option<Ref<I>> {
    match codec.read(text) {
        Some(id) => Some(Ref::Id(id)),
        None => Uid::is_valid(text).then(|| Ref::Uid(text.to_owned())),
    }
}
