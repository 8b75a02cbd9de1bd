//! A request to a source's URL, from its first byte to its answer.
//!
//! **Invariant:** what is acknowledged is on disk; what is refused for its size, its slowness or its URL is not stored.

use crate::Fetch;
use crate::answer::Answer;
use crate::bin::{self, Delays};
use crate::body::{self, Room};
use crate::config::IngestConfig;
use crate::content::Seen;
use crate::documents::Documents;
use crate::forms::Forms;
use crate::gate::{Judge, Ruling};
use crate::links::Recorder;
use crate::metrics::{IngestMetrics, bump};
use crate::origin::{self, PublicUrl};
use crate::prepared::{Prepared, PreparedSources};
use crate::problem::Problem;
use crate::reading::Reading;
use crate::visit::Visits;
use bytes::Bytes;
use domain::{DeliveryMode, OrgId, RequestHead, RequestId, SourceRoute, SourceState, Timestamp};
use http::request::Parts;
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::Full;
use signing::SecretBox;
use signing::providers::{Inbound, Provider};
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use store::{CapturedRequest, InboundEvent, NewRequest, Received, Ref, Store, Verdict};
use tokio::sync::Notify;

/// What a source's URL ends in has so many characters of `A-Za-z0-9_-`.
const TOKEN_LEN: std::ops::RangeInclusive<usize> = 16..=64;
/// Characters of the reason for a refusal at most.
const REASON_CHARS_MAX: usize = 500;
/// Where sources' URLs begin.
const PREFIX: &str = "/in/";

/// The inbound data plane over a store.
pub struct Ingest {
    pub(crate) store: Store,
    pub(crate) config: IngestConfig,
    pub(crate) metrics: Arc<IngestMetrics>,
    pub(crate) nudged: Notify,
    pub(crate) recorder: Recorder,
    pub(crate) forms: Forms,
    pub(crate) room: Room,
    secret_box: Arc<SecretBox>,
    sources: PreparedSources,
    documents: Documents,
    delays: Delays,
}

/// A request that was read whole.
struct Arrived<'a> {
    method: &'a str,
    /// What followed the token.
    target: &'a str,
    url: String,
    headers: Vec<(&'a str, &'a [u8])>,
    body: Bytes,
    remote: IpAddr,
    now: Timestamp,
}

impl Ingest {
    /// Call it inside a tokio runtime: clicks are recorded by a task.
    pub fn new(store: Store, secret_box: Arc<SecretBox>, fetch: Arc<dyn Fetch>, config: IngestConfig) -> Self {
        let metrics = Arc::new(IngestMetrics::default());
        let about = (store.codec().clone(), &**store.rng(), config.public_url.clone());
        let visits = Arc::new(Visits::new(config.countries.clone()));
        let recorder = Recorder::start(store.clone(), about, visits.clone(), config.click_queue, metrics.clone());
        Ingest {
            recorder,
            documents: Documents::new(fetch, store.clock().clone(), metrics.clone()),
            sources: PreparedSources::new(secret_box.clone()),
            delays: Delays::new(&config),
            room: Room::new(config.bodies_limit),
            forms: Forms::new(visits, store.clock().now(), &**store.rng()),
            nudged: Notify::new(),
            secret_box,
            metrics,
            config,
            store,
        }
    }

    pub fn metrics(&self) -> &IngestMetrics {
        &self.metrics
    }

    /// Answers a request to `/in/...`, `/l/...`, `/c/...` or `/f/...`. `peer` is the other end of the connection.
    pub async fn answer<B: Body<Data = Bytes> + Unpin>(
        &self,
        request: Request<B>,
        peer: SocketAddr,
    ) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let mut response = match parts.uri.path().as_bytes() {
            [b'/', kind @ (b'l' | b'c'), b'/', ..] => {
                let response = match kind {
                    b'l' => self.redirect(&parts, peer.ip()).await,
                    _ => self.pixel(&parts, peer.ip()).await,
                };
                if !body.is_end_stream() {
                    Box::pin(body::drain(body, &parts.headers, self.config.body_read_timeout)).await;
                }
                response
            }
            [b'/', b'f', b'/', ..] => Box::pin(self.form(&parts, body, peer.ip())).await,
            _ => match self.take(&parts, body, peer.ip()).await {
                Ok(response) => response,
                Err(problem) => {
                    self.metrics.problem(problem.status);
                    Answer::from(&problem).into_response(None)
                }
            },
        };
        if parts.method == Method::HEAD {
            *response.body_mut() = Full::default();
        }
        response
    }

    /// Waits until all clicks so far are with the store: call it once requests have ended, before the store is closed.
    pub async fn finish(&self) {
        self.recorder.finish().await;
    }

    /// The events that a captured request stands for (its body must be there), for accepting or replaying it by hand.
    /// The text says why there are none.
    pub fn events(&self, source: &Arc<SourceRoute>, request: &CapturedRequest) -> Result<Vec<InboundEvent>, String> {
        let body = request.body.as_ref().ok_or("the body of the request has expired")?;
        let headers: Vec<_> = request.head.headers().collect();
        let seen = Seen {
            method: request.head.method(),
            target: request.head.target(),
            headers: &headers,
            body,
            at: request.id.created_at(),
        };
        let provider = if source.is_bin { None } else { Provider::find(&source.kind) };
        Ok(Reading::new(source, provider.map(Into::into)).events(&seen, request.head.pass_through()))
    }

    async fn take<B: Body<Data = Bytes> + Unpin>(
        &self,
        parts: &Parts,
        body: B,
        peer: IpAddr,
    ) -> Result<Response<Full<Bytes>>, Problem> {
        let prepared = match self.admit(parts).await {
            Ok(prepared) => prepared,
            Err(problem) => {
                Box::pin(body::drain(body, &parts.headers, self.config.body_read_timeout)).await;
                return Err(problem);
            }
        };
        let timeout = self.config.body_read_timeout;
        let mut share = self.room.share();
        let body = body::read(body, &parts.headers, prepared.body_limit, timeout, &mut share).await?;
        self.metrics.body_bytes.fetch_add(body.len() as u64, Relaxed);
        let arrived = self.arrived(parts, body, peer, &prepared.route);
        let inbound = Inbound {
            method: arrived.method,
            url: &arrived.url,
            headers: &arrived.headers,
            body: &arrived.body,
            now_ms: arrived.now.millis(),
        };
        let judge = Judge { store: &self.store, documents: &self.documents, secret_box: &self.secret_box };
        match judge.judge(&prepared, &inbound, arrived.remote).await {
            Ruling::Verified => self.verified(&prepared, arrived).await,
            Ruling::Handshake(answer) => self.settled(&prepared, &arrived, Verdict::Handshake, answer).await,
            Ruling::Refused { reason, answer } => {
                self.settled(&prepared, &arrived, Verdict::Refused(legible(&reason)), answer).await
            }
        }
    }

    /// The source of a request, if it takes any: judged by the request's head.
    async fn admit(&self, parts: &Parts) -> Result<Arc<Prepared>, Problem> {
        let (token, _) = split(parts).ok_or(Problem::UNKNOWN)?;
        let route = match self.store.source_route_cached(token) {
            Some(route) => route,
            None => self.store.source_route(token).await?.ok_or(Problem::UNKNOWN)?,
        };
        if route.state == SourceState::Disabled {
            return Err(Problem::DISABLED);
        }
        if route.expires_at.is_some_and(|at| at <= self.store.clock().now()) {
            return Err(Problem::EXPIRED);
        }
        body::check_headers(&parts.headers, &self.config)?;
        Ok(self.sources.get(token, &route, &self.config))
    }

    /// Where this server is found from outside: by its settings, else as the organisation says.
    pub(crate) fn base(&self, org: OrgId) -> Option<Cow<'_, str>> {
        match &self.config.public_url {
            Some(url) => Some(Cow::Borrowed(url)),
            None => self.store.profile(org).public_url.clone().map(Cow::Owned),
        }
    }

    fn arrived<'a>(&self, parts: &'a Parts, body: Bytes, peer: IpAddr, route: &SourceRoute) -> Arrived<'a> {
        let trusted = self.config.trusted_proxies.as_slice();
        let base = self.base(route.org);
        let public = PublicUrl { fixed: route.options.verify_url.as_deref(), base: base.as_deref(), trusted, peer };
        let mut headers = Vec::with_capacity(parts.headers.len());
        headers.extend(parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        Arrived {
            method: parts.method.as_str(),
            target: split(parts).map_or("", |(_, target)| target),
            url: public.of(&parts.uri, &parts.headers),
            headers,
            body,
            remote: origin::remote(peer, &parts.headers, trusted),
            now: self.store.clock().now(),
        }
    }

    async fn verified(&self, prepared: &Prepared, arrived: Arrived<'_>) -> Result<Response<Full<Bytes>>, Problem> {
        let route = &prepared.route;
        let forced = bin::status(route, arrived.target, &**self.store.rng());
        let answer = match forced {
            Some(status) => prepared.answer.clone().with_status(status),
            None => prepared.answer.clone(),
        };
        let is_paused = route.state == SourceState::Paused;
        let verdict = match (route.is_bin, is_paused) {
            (false, true) => Verdict::Held,
            (true, true) if route.forwards => Verdict::Held,
            (true, _) => Verdict::Captured,
            (false, false) => Verdict::Accepted,
        };
        let app = if route.forwards && !is_paused { Some(self.app_route(route).await?) } else { None };
        // A bin that forwards nothing is only looked at.
        let events = if route.is_bin && !route.forwards {
            Vec::new()
        } else {
            prepared.reading.events(&arrived.seen(), pass_through(route))
        };
        let request = NewRequest {
            route: app,
            event_type: events.first().map(|event| event.event_type.clone()),
            events,
            ..arrived.request(route, verdict, answer.status)?
        };
        self.store(route, request, answer).await
    }

    /// Stores a request that becomes nothing, and answers it.
    async fn settled(
        &self,
        prepared: &Prepared,
        arrived: &Arrived<'_>,
        verdict: Verdict,
        answer: Answer,
    ) -> Result<Response<Full<Bytes>>, Problem> {
        let request = arrived.request(&prepared.route, verdict, answer.status)?;
        self.store(&prepared.route, request, answer).await
    }

    async fn store(
        &self,
        route: &SourceRoute,
        request: NewRequest,
        answer: Answer,
    ) -> Result<Response<Full<Bytes>>, Problem> {
        let kind = request.verdict.kind();
        let (id, answer) = match self.store.receive(request).await? {
            Received::Stored(id) => (id, answer),
            Received::Duplicate { first, status } => {
                bump(&self.metrics.duplicates);
                (first, answer.with_status(status))
            }
        };
        self.metrics.verdict(kind);
        self.delays.wait(route, &self.config).await;
        Ok(answer.into_response(Some(&self.id_text(id))))
    }

    fn id_text(&self, id: RequestId) -> String {
        self.store.codec().text(id)
    }

    async fn app_route(&self, route: &SourceRoute) -> Result<Arc<domain::AppRoute>, Problem> {
        let app = Ref::Id(route.app);
        match self.store.route_cached(route.org, &app) {
            Some(route) => Ok(route),
            None => Ok(self.store.route(route.org, &app).await?),
        }
    }
}

impl Arrived<'_> {
    fn seen(&self) -> Seen<'_> {
        Seen { method: self.method, target: self.target, headers: &self.headers, body: &self.body, at: self.now }
    }

    /// The request to store, without events.
    fn request(&self, route: &Arc<SourceRoute>, verdict: Verdict, status: u16) -> Result<NewRequest, Problem> {
        let headers = self.headers.iter().copied();
        let head = RequestHead::new(self.method, self.target, self.remote, pass_through(route), headers);
        Ok(NewRequest {
            source: route.clone(),
            route: None,
            head: head.map_err(|_| Problem::HEADERS_TOO_LARGE)?,
            body: self.body.clone(),
            verdict,
            status,
            event_type: None,
            events: Vec::new(),
            dedup_window: Duration::from_secs(route.options.dedup.window_seconds.into()),
        })
    }
}

fn pass_through(route: &SourceRoute) -> bool {
    route.options.delivery == DeliveryMode::PassThrough
}

/// A reason that is fit to be shown: it may quote the request.
fn legible(reason: &str) -> String {
    reason.chars().take(REASON_CHARS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The token of a URL, and what follows it.
fn split(parts: &Parts) -> Option<(&str, &str)> {
    let rest = parts.uri.path_and_query()?.as_str().strip_prefix(PREFIX)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (token, target) = rest.split_at_checked(end)?;
    is_token(token).then_some((token, target))
}

/// Whether the URL of a source or a form may end in it.
pub(crate) fn is_token(text: &str) -> bool {
    TOKEN_LEN.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, want: Option<(&str, &str)>) {
        let (parts, ()) = Request::builder().uri(uri).body(()).unwrap().into_parts();
        assert_eq!(split(&parts), want, "{uri}");
    }

    #[test]
    fn a_reason_is_one_short_line() {
        assert_eq!(legible("a\r\n\u{1b}[31mb"), "a\u{fffd}\u{fffd}\u{fffd}[31mb");
        assert_eq!(legible(&"é".repeat(1000)).chars().count(), REASON_CHARS_MAX);
    }

    #[test]
    fn a_url_is_a_token_and_what_follows() {
        check("/in/abcdefgh_-345678", Some(("abcdefgh_-345678", "")));
        check("/in/abcdefgh_-345678/", Some(("abcdefgh_-345678", "/")));
        check("/in/abcdefgh_-345678/a%2F//b?x=%00/y?", Some(("abcdefgh_-345678", "/a%2F//b?x=%00/y?")));
        check("/in/abcdefgh_-345678?q", Some(("abcdefgh_-345678", "?q")));
        check("http://h/in/abcdefgh_-345678?q", Some(("abcdefgh_-345678", "?q")));
        for nothing in ["/in/", "/in/short", "/in/abcdefgh%2d345678", "/in/abcdefgh.345678x", "/x/abcdefgh_-345678"] {
            check(nothing, None);
        }
        check(&format!("/in/{}", "a".repeat(65)), None);
    }
}
