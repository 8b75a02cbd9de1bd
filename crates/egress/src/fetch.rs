//! Fetches a document: a certificate, a key or a key set, or a subscription that has to be confirmed.
//!
//! **Invariant:** the same guard, the same TLS and the same one deadline as an attempt; no redirect is followed and no
//! more is read than was asked for.

use crate::courier::Courier;
use crate::deadline::Deadline;
use crate::exchange::{BodyEnd, BodyLimits, Http1, Http2Sender, read_body};
use crate::target::Target;
use bytes::Bytes;
use domain::target::TargetUrl;
use domain::{Outcome, Stage};
use http::header::{self, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::Full;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Why there is no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    #[error("the URL is refused: {0}")]
    Url(String),
    #[error("it was answered {0}")]
    Status(u16),
    #[error("it has more than {0} bytes, or was cut off")]
    TooLong(usize),
    #[error("it could not be fetched: {0}")]
    Failed(String),
}

impl Courier {
    /// `GET`s `url` under the rules for endpoints. At most `limit` bytes, within `timeout`; any status but 2xx is an
    /// error.
    pub async fn get(&self, url: &str, limit: usize, timeout: Duration) -> Result<Bytes, FetchError> {
        self.fetch(url, None, limit, timeout).await
    }

    /// `POST`s a JSON document, and otherwise does as [`get`](Self::get).
    pub async fn post(&self, url: &str, json: Bytes, limit: usize, timeout: Duration) -> Result<Bytes, FetchError> {
        self.fetch(url, Some(json), limit, timeout).await
    }

    async fn fetch(
        &self,
        url: &str,
        json: Option<Bytes>,
        limit: usize,
        timeout: Duration,
    ) -> Result<Bytes, FetchError> {
        let url = TargetUrl::parse(url, self.rules()).map_err(|e| FetchError::Url(e.to_string()))?;
        if !url.is_dialable() {
            return Err(FetchError::Url("the address is not allowed".to_owned()));
        }
        let target = Target::bare(url);
        let timer = pin!(sleep_until(Instant::now() + timeout));
        let mut deadline = Deadline::new(timer);
        let mut kept = Vec::new();
        let (status, end) = self.exchange(&target, json, limit, &mut deadline, &mut kept).await.map_err(failed)?;
        if !(200..300).contains(&status) {
            return Err(FetchError::Status(status));
        }
        if end == BodyEnd::Complete { Ok(Bytes::from(kept)) } else { Err(FetchError::TooLong(limit)) }
    }

    async fn exchange(
        &self,
        target: &Target,
        json: Option<Bytes>,
        limit: usize,
        deadline: &mut Deadline<'_>,
        kept: &mut Vec<u8>,
    ) -> Result<(u16, BodyEnd), Outcome> {
        let mut notes = self.notes();
        let stream = self.connector().open(target, deadline, &mut notes).await?;
        let limits = BodyLimits { read: limit, store: limit };
        if stream.is_http2() {
            let mut sender = deadline.run(Stage::Response, pin!(Http2Sender::handshake(stream))).await??;
            let request = self.document_request(target, json, true).ok_or(refused())?;
            let sent = deadline.run(Stage::Response, pin!(sender.send(request, &mut notes))).await?;
            let (head, mut body) = sent.map_err(|f| f.outcome)?.into_parts();
            let end = deadline.run(Stage::Response, pin!(read_body(None, &mut body, limits, kept))).await?;
            return Ok((head.status.as_u16(), end));
        }
        let mut connection = Http1::handshake(stream, 0).await?;
        let request = self.document_request(target, json, false).ok_or(refused())?;
        let sent = deadline.run(Stage::Response, pin!(connection.send(request, &mut notes))).await?;
        let (head, mut body) = sent.map_err(|f| f.outcome)?.into_parts();
        let reading = read_body(Some(&mut connection), &mut body, limits, kept);
        let end = deadline.run(Stage::Response, pin!(reading)).await?;
        Ok((head.status.as_u16(), end))
    }

    fn document_request(&self, target: &Target, json: Option<Bytes>, http2: bool) -> Option<Request<Full<Bytes>>> {
        let url = &target.url;
        let whole = || {
            let scheme = if url.is_https() { "https" } else { "http" };
            Uri::builder().scheme(scheme).authority(url.authority()).path_and_query(url.path_and_query()).build()
        };
        let uri = if http2 || self.is_plain_proxied(url) {
            whole().ok()?
        } else {
            Uri::try_from(url.path_and_query()).ok()?
        };
        let method = if json.is_some() { Method::POST } else { Method::GET };
        let has_json = json.is_some();
        let mut request = Request::new(json.map_or_else(Full::default, Full::new));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        if has_json {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if !http2 {
            headers.insert(header::HOST, HeaderValue::try_from(url.authority()).ok()?);
        }
        headers.insert(header::USER_AGENT, self.user_agent());
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authorization) = self.proxy_authorization(url) {
            headers.insert(header::PROXY_AUTHORIZATION, authorization);
        }
        Some(request)
    }
}

fn refused() -> Outcome {
    Outcome::Refused { rule: domain::RefusedRule::Url }
}

fn failed(outcome: Outcome) -> FetchError {
    FetchError::Failed(format!("{outcome:?}"))
}
