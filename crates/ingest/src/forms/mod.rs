//! Forms: what becomes of a submission.
//!
//! `format` says how a body is read (`urlencoded`, `multipart`, `json`) into `entry`s, `rules` judges them by the form's
//! rules and `syntax`, `event` makes the event; `client` answers, with a `page` to browsers. `flood` counts posts, `file`
//! gives files out. **Invariant:** a submission is on disk before it is answered; what is refused says which field and why.

mod client;
mod entry;
mod event;
mod file;
mod flood;
mod format;
mod json;
mod multipart;
mod page;
mod rules;
mod syntax;
mod urlencoded;

use crate::answer::Answer;
use crate::body;
use crate::ingest::{Ingest, is_token};
use crate::metrics::bump;
use crate::origin;
use crate::problem::Problem;
use crate::visit::{RawVisit, Visits};
use bytes::Bytes;
use client::Client;
use domain::{FileId, FormRoute, MessageId, Rng, Seq, SeqGen, Timestamp};
use entry::{Refusal, legible};
use event::Draft;
use format::Format;
use http::header::ORIGIN;
use http::request::Parts;
use http::{Method, Response};
use http_body::Body;
use http_body_util::Full;
use parking_lot::Mutex;
use rules::Submission;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use store::Recorded;
use url::form_urlencoded;

const PREFIX: &str = "/f/";
/// No token is so short.
const FILE_PREFIX: &str = "/f/file/";
/// Characters of an origin in an event at most.
const ORIGIN_CHARS_MAX: usize = 255;
/// Characters of a campaign parameter in a hidden field at most.
const UTM_CHARS_MAX: usize = 255;
const DAY_MS: i64 = 86_400_000;

/// What forms keep in memory.
pub(crate) struct Forms {
    flood: flood::Flood,
    files: file::Files,
    visits: Arc<Visits>,
    /// Numbers of files: the store's writer has no part in them.
    numbers: Mutex<SeqGen>,
}

impl Forms {
    /// The clock may have been set back since the last start: then a part that was chosen by chance keeps the numbers apart.
    pub fn new(visits: Arc<Visits>, now: Timestamp, rng: &dyn Rng) -> Forms {
        let mut node = [0];
        rng.fill(&mut node);
        let [node] = node;
        Forms {
            flood: flood::Flood::default(),
            files: file::Files::default(),
            visits,
            numbers: Mutex::new(SeqGen::new(Seq::first_at(now), node)),
        }
    }

    fn number(&self, now: Timestamp) -> Seq {
        self.numbers.lock().next(now)
    }
}

/// What a request's head asks for.
enum Asked {
    Submit(Arc<FormRoute>, Format),
    Preflight,
}

impl Ingest {
    /// Answers a request to `/f/{token}`, or to `/f/file/{file}` for a file of a submission.
    pub(crate) async fn form<B: Body<Data = Bytes> + Unpin>(
        &self,
        parts: &Parts,
        body: B,
        peer: IpAddr,
    ) -> Response<Full<Bytes>> {
        if let Some(id) = parts.uri.path().strip_prefix(FILE_PREFIX) {
            let file = self.forms.files.get(&self.store, &parts.method, id).await;
            return file.unwrap_or_else(|problem| Answer::from(&problem).into_response(None));
        }
        let mut client = Client::of(&parts.headers);
        let answered = self.submitted(parts, body, peer, &mut client).await;
        answered.unwrap_or_else(|refusal| {
            bump(match refusal.problem.status {
                429 => &self.metrics.forms_limited,
                500.. => &self.metrics.forms_unavailable,
                _ => &self.metrics.forms_refused,
            });
            client.refused(&refusal)
        })
    }

    async fn submitted<B: Body<Data = Bytes> + Unpin>(
        &self,
        parts: &Parts,
        body: B,
        peer: IpAddr,
        client: &mut Client,
    ) -> Result<Response<Full<Bytes>>, Refusal> {
        let timeout = self.config.body_read_timeout;
        let (route, format) = match self.asked(parts, peer, client).await {
            Ok(Asked::Submit(route, format)) => (route, format),
            Ok(Asked::Preflight) => return Ok(client.preflight()),
            Err(refusal) => {
                Box::pin(body::drain(body, &parts.headers, timeout)).await;
                return Err(refusal);
            }
        };
        let mut share = self.room.share();
        let body = body::read(body, &parts.headers, self.config.form_body_limit, timeout, &mut share).await?;
        self.metrics.body_bytes.fetch_add(body.len() as u64, Relaxed);
        let entries = format.read(&body, self.config.form_fields_max)?;
        if rules::is_trapped(&route.spec, &entries) {
            bump(&self.metrics.forms_trapped);
            let id = MessageId(self.forms.number(self.store.clock().now()).0);
            return Ok(client.thanked(&route.spec, &self.store.codec().text(id)));
        }
        let submission = rules::judge(&route.spec, entries, self.config.form_file_limit)?;
        let message = self.recorded(&route, parts, peer, submission).await?;
        bump(&self.metrics.forms_accepted);
        Ok(client.thanked(&route.spec, &self.store.codec().text(message)))
    }

    /// Judges a request by its head.
    async fn asked(&self, parts: &Parts, peer: IpAddr, client: &mut Client) -> Result<Asked, Refusal> {
        let token = parts.uri.path().strip_prefix(PREFIX).filter(|token| is_token(token)).ok_or(Problem::UNKNOWN)?;
        let route = self.store.form_route(token).await.map_err(Problem::from)?.ok_or(Problem::UNKNOWN)?;
        if route.disabled {
            return Err(Refusal::forbidden("form_disabled", "This form is disabled"));
        }
        body::check_headers(&parts.headers, &self.config)?;
        client.meet(&route.spec, &parts.headers)?;
        match parts.method {
            Method::POST => (),
            Method::OPTIONS => return Ok(Asked::Preflight),
            _ => return Err(Problem::FORM_METHOD.into()),
        }
        let remote = origin::remote(peer, &parts.headers, &self.config.trusted_proxies);
        let now_us = self.store.clock().monotonic_us();
        let admitted = self.forms.flood.admit(route.form, remote, route.spec.rate_per_minute, now_us);
        admitted.map_err(Problem::rate_limited)?;
        let format = Format::of(&parts.headers)?;
        Ok(Asked::Submit(route, format))
    }

    /// Stores a submission.
    async fn recorded(
        &self,
        route: &FormRoute,
        parts: &Parts,
        peer: IpAddr,
        submission: Submission,
    ) -> Result<MessageId, Refusal> {
        let at = self.store.clock().now();
        let remote = origin::remote(peer, &parts.headers, &self.config.trusted_proxies);
        let mut raw = RawVisit::of(parts, remote);
        if let Some(query) = campaign(parts.uri.query(), &submission) {
            raw.query = Some(query);
        }
        let salt = self.store.visitor_salt(at.millis().div_euclid(DAY_MS)).await.map_err(Problem::from)?;
        let visit = self.forms.visits.read(&raw, &salt, None);
        let ids: Vec<_> = submission.files.iter().map(|_| FileId(self.forms.number(at).0)).collect();
        let site = parts.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
        let base = self.base(route.org);
        let draft = Draft {
            route,
            at,
            visit: &visit,
            origin: site.filter(|origin| *origin != "null").map(|origin| legible(origin, ORIGIN_CHARS_MAX)),
            codec: self.store.codec(),
            base: base.as_deref().unwrap_or_default().trim_end_matches('/'),
        };
        let event = draft.event(submission, &ids).ok_or(Problem::FAILED)?;
        // What JSON escapes makes it longer than it came.
        if event.payload.len() > self.config.form_body_limit {
            return Err(Problem::too_large(self.config.form_body_limit).into());
        }
        match self.store.record(event).await.map_err(Problem::from)? {
            Recorded::New(message) => Ok(message),
            // It has no event id.
            Recorded::Repeated => Err(Problem::FAILED.into()),
        }
    }
}

/// The query by which a visit's campaign is read: `None` where the URL's own says it, or nothing does.
fn campaign(query: Option<&str>, submission: &Submission) -> Option<Box<str>> {
    let is_said =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).any(|(name, _)| name.starts_with("utm_"));
    if is_said || submission.utm.is_empty() {
        return None;
    }
    let short = |(name, value): &(String, String)| (name.clone(), legible(value, UTM_CHARS_MAX));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(submission.utm.iter().map(short)).finish();
    Some(query.into())
}

impl Problem {
    const FORM_METHOD: Problem = Problem::new(405, "method_not_allowed", "Forms are posted here");

    fn rate_limited(wait: Duration) -> Problem {
        let detail = "Too many submissions came from this address within a minute";
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Problem { retry_after_s: Some(seconds.max(1)), ..Problem::new(429, "rate_limit", detail) }
    }
}
