//! One attempt from beginning to end.
//!
//! **Invariant:** at most one request is sent, but for a reused connection that turns out to be closed before a byte
//! came back: then it is sent once more, on a new connection, under the same deadline. Whatever a receiver does is an
//! [`Outcome`].

use crate::config::{AttemptHeaders, CourierConfig, CourierError, SignatureHeaders};
use crate::connect::{Connector, Dial, SystemDial};
use crate::deadline::Deadline;
use crate::draft::{Draft, SignatureNames};
use crate::exchange::{BodyEnd, BodyLimits, Http1, Http2Sender, SendFailure, read_body};
use crate::notes::Notes;
use crate::pool::{Key, Limits, Pool};
use crate::resolve::{Resolve, SystemResolver};
use crate::target::{Target, Wired};
use bytes::Bytes;
use domain::target::{TargetRules, TargetUrl};
use domain::{
    AttemptReport, Clock, HeaderLines, HttpVersion, Outcome, RefusedRule, RequestHead, RetryAfter, Rng, Stage,
    Timestamp, Unreachable,
};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use std::fmt::Write;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A message as a receiver gets it.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The same for each attempt. Visible ASCII without a dot.
    pub id: &'a str,
    /// The payload, byte for byte as it was accepted. JSON, unless it is passed through.
    pub body: &'a Bytes,
    /// The request that it is passed through from: its method, query and headers go with the body.
    pub passage: Option<&'a RequestHead>,
    /// A person sent it to see what comes back.
    pub is_watched: bool,
}

/// Makes attempts. One serves the whole process; it holds the connections.
pub struct Courier {
    config: CourierConfig,
    user_agent: HeaderValue,
    connector: Connector,
    pool: Pool,
    clock: Arc<dyn Clock>,
}

static WEBHOOK_NAMES: [HeaderName; 3] = [
    HeaderName::from_static("webhook-id"),
    HeaderName::from_static("webhook-timestamp"),
    HeaderName::from_static("webhook-signature"),
];
static SVIX_NAMES: [HeaderName; 3] = [
    HeaderName::from_static("svix-id"),
    HeaderName::from_static("svix-timestamp"),
    HeaderName::from_static("svix-signature"),
];
/// However busy, a connection is closed at this age, so that a receiver that moves is followed.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(600);

/// A response's head, and where the rest comes from.
struct Answered {
    response: Response<Incoming>,
    connection: Option<Box<Http1>>,
}

impl Courier {
    /// A courier that resolves and dials as the system does. Reads the resolver's configuration and the CA file.
    pub fn new(config: CourierConfig, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Result<Self, CourierError> {
        let resolver = SystemResolver::new(config.dns_timeout).map_err(|e| CourierError::Resolver(e.to_string()))?;
        Self::with_network(config, clock, rng, Arc::new(resolver), Arc::new(SystemDial))
    }

    /// A courier with a resolver and a dialer of the caller's. The guard stands between the two either way.
    pub fn with_network(
        config: CourierConfig,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        resolver: Arc<dyn Resolve>,
        dialer: Arc<dyn Dial>,
    ) -> Result<Self, CourierError> {
        let limits = Limits {
            idle_max: config.idle_per_destination,
            idle_timeout_us: micros(config.idle_timeout),
            age_max_us: micros(CONNECTION_AGE_MAX),
        };
        Ok(Courier {
            user_agent: HeaderValue::try_from(&config.user_agent).map_err(|_| CourierError::UserAgent)?,
            connector: Connector::new(&config, resolver, dialer, rng)?,
            pool: Pool::new(config.destinations_max, limits),
            clock,
            config,
        })
    }

    /// The rules that [`Target::prepare`] needs.
    pub fn rules(&self) -> &TargetRules {
        &self.config.rules
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }
    pub(crate) fn notes(&self) -> Notes<'_> {
        Notes::new(&*self.clock)
    }
    pub(crate) fn user_agent(&self) -> HeaderValue {
        self.user_agent.clone()
    }
    /// Whether requests to `url` go to the proxy in absolute form.
    pub(crate) fn is_plain_proxied(&self, url: &TargetUrl) -> bool {
        self.config.proxy.is_some() && !url.is_https()
    }
    pub(crate) fn proxy_authorization(&self, url: &TargetUrl) -> Option<HeaderValue> {
        self.config.proxy.as_ref().filter(|_| !url.is_https())?.authorization.clone()
    }

    /// Closes idle connections that are too old and forgets unused destinations. For a periodic call, every few
    /// seconds; deliveries don't depend on it.
    pub fn sweep(&self) {
        self.pool.sweep(self.clock.monotonic_us());
    }

    /// Makes one attempt. Never fails otherwise than by its report's outcome; takes at most the request timeout.
    pub async fn attempt(&self, target: &Target, message: Outgoing<'_>) -> AttemptReport {
        let mut notes = self.notes();
        let started_us = notes.now_us();
        let mut kept = Vec::new();
        let outcome = self.deliver(target, message, started_us, &mut notes, &mut kept).await;
        let ended_us = notes.verdict_us.unwrap_or_else(|| notes.now_us());
        let (duration_us, response) = (ended_us.saturating_sub(started_us), Bytes::from(kept));
        AttemptReport { outcome, duration_us, response, detail: notes.detail }
    }

    async fn deliver(
        &self,
        target: &Target,
        message: Outgoing<'_>,
        started_us: u64,
        notes: &mut Notes<'_>,
        kept: &mut Vec<u8>,
    ) -> Outcome {
        let Some(wired) = self.wired(target) else {
            return Outcome::Refused { rule: RefusedRule::Url };
        };
        let Some(signature) = self.signature_values(target, message, self.clock.now()) else {
            return Outcome::Refused { rule: RefusedRule::Url };
        };
        // An end beyond what the timer can hold is no end.
        let now = Instant::now();
        let end = now.checked_add(self.config.request_timeout).unwrap_or(now + Duration::from_secs(86_400));
        let timer = pin!(sleep_until(end));
        let mut deadline = Deadline::new(timer);
        let names = self.names_for(message.passage);
        let draft = Draft { wired, names, signature, body: message.body, passage: message.passage };
        let is_watched = message.is_watched;
        if let Some(token) = target.url.inbox() {
            match self.deliver_inside(token, &draft, is_watched, &mut deadline, notes, kept).await {
                Ok(Some(status)) => return Outcome::Responded { status, retry_after: None },
                Ok(None) if target.url.is_dialable() => {}
                Ok(None) => return Outcome::Refused { rule: RefusedRule::Address },
                Err(outcome) => return outcome,
            }
        }
        let answered = self.answer(target, draft, started_us, &mut deadline, notes).await;
        notes.verdict_us = Some(notes.waited());
        match answered {
            Ok(answered) => self.finish(wired, answered, is_watched, &mut deadline, notes, kept).await,
            Err(outcome) => outcome,
        }
    }

    /// Hands the request to a bin of this server; `None` when there is no such bin. Nothing is dialled.
    async fn deliver_inside(
        &self,
        token: &str,
        draft: &Draft<'_>,
        is_watched: bool,
        deadline: &mut Deadline<'_>,
        notes: &mut Notes<'_>,
        kept: &mut Vec<u8>,
    ) -> Result<Option<u16>, Outcome> {
        let Some(inbox) = &self.config.inbox else { return Ok(None) };
        notes.wrote();
        let answered = deadline.run(Stage::Response, pin!(inbox.deliver(token, draft.request()))).await;
        notes.waited();
        let Some(response) = answered? else { return Ok(None) };
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        notes.detail.headers = self.headers_kept(status, is_watched, &head.headers);
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        kept.extend(body.iter().take(self.config.response_store_limit));
        Ok(Some(status))
    }

    /// Gets a response from an idle connection or a new one.
    async fn answer(
        &self,
        target: &Target,
        draft: Draft<'_>,
        now_us: u64,
        deadline: &mut Deadline<'_>,
        notes: &mut Notes<'_>,
    ) -> Result<Answered, Outcome> {
        let destination = &draft.wired.destination;
        if self.config.http2
            && let Some(mut sender) = destination.http2()
        {
            notes.goes_over(sender.peer, true);
            match deadline.run(Stage::Response, pin!(sender.send(draft.request_http2(), notes))).await? {
                Ok(response) => return Ok(Answered { response, connection: None }),
                Err(SendFailure { unheard: false, outcome }) => return Err(outcome),
                Err(_) => {}
            }
        }
        while let Some(mut connection) = destination.take(now_us) {
            if !connection.is_ready() {
                continue;
            }
            notes.goes_over(connection.peer, true);
            let sent = deadline.run(Stage::Response, pin!(connection.send(draft.request(), notes))).await?;
            match sent {
                Ok(response) => return Ok(Answered { response, connection: Some(connection) }),
                Err(SendFailure { unheard: false, outcome }) => return Err(outcome),
                Err(_) => break,
            }
        }
        // Boxed, because it is rare and large: attempts on idle connections stay small.
        Box::pin(self.answer_anew(target, draft, now_us, deadline, notes)).await
    }

    async fn answer_anew(
        &self,
        target: &Target,
        draft: Draft<'_>,
        now_us: u64,
        deadline: &mut Deadline<'_>,
        notes: &mut Notes<'_>,
    ) -> Result<Answered, Outcome> {
        notes.begins_anew();
        let stream = self.connector.open(target, deadline, notes).await?;
        if stream.is_http2() {
            let mut sender = deadline.run(Stage::Response, pin!(Http2Sender::handshake(stream))).await??;
            draft.wired.destination.set_http2(sender.clone());
            let sent = deadline.run(Stage::Response, pin!(sender.send(draft.request_http2(), notes))).await?;
            return sent.map(|response| Answered { response, connection: None }).map_err(|f| f.outcome);
        }
        let mut connection = Http1::handshake(stream, now_us).await?;
        let sent = deadline.run(Stage::Response, pin!(connection.send(draft.request(), notes))).await?;
        sent.map(|response| Answered { response, connection: Some(connection) }).map_err(|f| f.outcome)
    }

    /// The verdict has fallen; what is left is to keep some of the body, and the connection if it is at its end.
    async fn finish(
        &self,
        wired: &Wired,
        answered: Answered,
        is_watched: bool,
        deadline: &mut Deadline<'_>,
        notes: &mut Notes<'_>,
        kept: &mut Vec<u8>,
    ) -> Outcome {
        let Answered { response, mut connection } = answered;
        let (head, mut body) = response.into_parts();
        let status = head.status.as_u16();
        notes.detail.http_version = http_version(head.version);
        if !(100..=599).contains(&status) {
            return Outcome::Unreachable { why: Unreachable::BadResponse };
        }
        let retry_after = head.headers.get(header::RETRY_AFTER).and_then(|v| RetryAfter::parse(v.as_bytes()));
        notes.detail.headers = self.headers_kept(status, is_watched, &head.headers);
        drop(head);
        let answered_us = notes.verdict_us.unwrap_or_default();
        let has_body = !body.is_end_stream();
        let limits = BodyLimits { read: self.config.response_read_limit, store: self.config.response_store_limit };
        let limit = deadline.after(self.config.body_timeout);
        let reading = read_body(connection.as_deref_mut(), &mut body, limits, kept);
        // Running out of time here is no failure.
        let end = deadline.run_until(limit, Stage::Response, pin!(reading)).await.unwrap_or(BodyEnd::Cut);
        drop(body);
        if has_body {
            notes.detail.stages.body_us = notes.since(answered_us);
        }
        if end == BodyEnd::Malformed {
            return Outcome::Unreachable { why: Unreachable::BadResponse };
        }
        if let Some(mut http1) = connection.filter(|_| end == BodyEnd::Complete)
            && http1.is_ready()
        {
            wired.destination.park(http1, answered_us);
        }
        Outcome::Responded { status, retry_after }
    }

    /// The headers of a response, if they are kept.
    fn headers_kept(&self, status: u16, is_watched: bool, headers: &HeaderMap) -> Option<HeaderLines> {
        let is_kept = match self.config.attempt_headers {
            AttemptHeaders::All => true,
            AttemptHeaders::Failed => is_watched || !(200..300).contains(&status),
            AttemptHeaders::None => false,
        };
        let limit = self.config.response_headers_store_limit;
        let pairs = || headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        (is_kept && limit > 0).then(|| HeaderLines::collect(pairs, limit))
    }

    /// What of a target depends on this courier, made at its first attempt. `None` if the URL can't be expressed.
    fn wired<'t>(&self, target: &'t Target) -> Option<&'t Wired> {
        if let Some(wired) = target.wired.get() {
            return Some(wired);
        }
        let made = self.wire(target)?;
        Some(target.wired.get_or_init(|| made))
    }

    fn wire(&self, target: &Target) -> Option<Wired> {
        let url = &target.url;
        let uri_http2 = Uri::builder()
            .scheme(if url.is_https() { "https" } else { "http" })
            .authority(url.authority())
            .path_and_query(url.path_and_query())
            .build()
            .ok()?;
        let plain_proxy = self.config.proxy.as_ref().filter(|_| !url.is_https());
        let uri = match plain_proxy {
            Some(_) => uri_http2.clone(),
            None => Uri::try_from(url.path_and_query()).ok()?,
        };
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(header::HOST, HeaderValue::try_from(url.authority()).ok()?);
        headers.extend(target.custom_headers.clone());
        headers.insert(header::USER_AGENT, self.user_agent.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authorization) = plain_proxy.and_then(|p| p.authorization.clone()) {
            headers.insert(header::PROXY_AUTHORIZATION, authorization);
        }
        for name in self.signature_names().into_iter().flatten().flatten() {
            headers.insert(name, HeaderValue::from_static(""));
        }
        Some(Wired { destination: self.pool.destination(Key::of(url)), headers, uri, uri_http2 })
    }

    fn signature_names(&self) -> SignatureNames {
        match self.config.signature_headers {
            SignatureHeaders::Webhook => [Some(&WEBHOOK_NAMES), None],
            SignatureHeaders::Svix => [None, Some(&SVIX_NAMES)],
            SignatureHeaders::Both => [Some(&WEBHOOK_NAMES), Some(&SVIX_NAMES)],
        }
    }

    /// Which names sign a message. What is passed through may carry its provider's own: they are left alone, and ours go
    /// under the other family's, if that is free.
    fn names_for(&self, passage: Option<&RequestHead>) -> SignatureNames {
        let configured = self.signature_names();
        let Some(head) = passage else { return configured };
        let is_free = |names: &&'static [HeaderName; 3]| {
            names.iter().all(|name| head.headers().all(|(taken, _)| taken != name.as_str()))
        };
        let mut free = configured.map(|names| names.filter(is_free));
        if free.iter().all(Option::is_none) {
            free = [[&WEBHOOK_NAMES, &SVIX_NAMES].into_iter().find(is_free), None];
        }
        free
    }

    /// Id, timestamp and signature: three views of one buffer. `None` if the id is no header value.
    fn signature_values(&self, target: &Target, message: Outgoing<'_>, now: Timestamp) -> Option<[HeaderValue; 3]> {
        let mut text = String::with_capacity(message.id.len() + 80);
        text.push_str(message.id);
        let id_end = text.len();
        let _ = write!(text, "{}", now.seconds());
        let stamp_end = text.len();
        target.keys_at(now).sign_into(message.id, now.seconds(), message.body, &mut text);
        let mut rest = Bytes::from(text);
        let id = rest.split_to(id_end);
        let stamp = rest.split_to(stamp_end - id_end);
        let value = |bytes| HeaderValue::from_maybe_shared(bytes).ok();
        Some([value(id)?, value(stamp)?, value(rest)?])
    }
}

fn http_version(version: Version) -> Option<HttpVersion> {
    match version {
        Version::HTTP_10 => Some(HttpVersion::Http10),
        Version::HTTP_11 => Some(HttpVersion::Http11),
        Version::HTTP_2 => Some(HttpVersion::Http2),
        _ => None,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
