//! One request and its response on one connection.
//!
//! The HTTP/1.1 state machine is polled by the task that makes the attempt: no task and no wake-up between the two.
//! The futures that hyper hands out for the response and its body only look at what the state machine left for them,
//! so they are polled with a waker that does nothing.
//!
//! **Invariant:** a connection is reused only if its last response was read to the end.

use crate::notes::Notes;
use crate::stream::{Stream, Traffic};
use bytes::Bytes;
use domain::{Outcome, Unreachable};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

pub(crate) type RequestBody = Full<Bytes>;

/// Bytes of a response's head at most. The 100 headers that it may have are hyper's default.
const HEAD_MAX: usize = 64 * 1024;
/// Informational (1xx) responses to one request at most.
const INFORMATIONAL_MAX: u32 = 16;

/// An HTTP/1.1 connection and the state machine that drives it.
pub(crate) struct Http1 {
    sender: http1::SendRequest<RequestBody>,
    driver: http1::Connection<TokioIo<Stream>, RequestBody>,
    traffic: Arc<Traffic>,
    informational: Arc<AtomicU32>,
    pub(crate) peer: SocketAddr,
    /// Monotonic microseconds.
    pub(crate) opened_us: u64,
    pub(crate) parked_us: u64,
}

/// Why no response came.
pub(crate) struct SendFailure {
    pub(crate) outcome: Outcome,
    /// Not a byte came back: on a reused connection, the receiver may have closed it before it saw the request.
    pub(crate) unheard: bool,
}

impl Http1 {
    pub(crate) async fn handshake(stream: Stream, now_us: u64) -> Result<Box<Http1>, Outcome> {
        let (traffic, peer) = (stream.traffic(), stream.peer());
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(HEAD_MAX)
            .max_header_size(HEAD_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|e| outcome_of(&e))?;
        let informational = Arc::default();
        Ok(Box::new(Http1 { sender, driver, traffic, informational, peer, opened_us: now_us, parked_us: now_us }))
    }

    /// Whether the connection is open and ready for a request; whoever wants to be woken by it polls it later.
    pub(crate) fn is_ready(&mut self) -> bool {
        let mut quiet = Context::from_waker(Waker::noop());
        Pin::new(&mut self.driver).poll(&mut quiet).is_pending() && self.sender.is_ready()
    }

    pub(crate) async fn send(
        &mut self,
        mut request: Request<RequestBody>,
        notes: &mut Notes<'_>,
    ) -> Result<Response<Incoming>, SendFailure> {
        self.traffic.clear();
        self.informational.store(0, Ordering::Relaxed);
        let informational = self.informational.clone();
        hyper::ext::on_informational(&mut request, move |_| {
            informational.fetch_add(1, Ordering::Relaxed);
        });
        let mut response = pin!(self.sender.send_request(request));
        let driver = &mut self.driver;
        let (informational, traffic) = (&self.informational, &self.traffic);
        let result = poll_fn(|cx| {
            let closed = Pin::new(&mut *driver).poll(cx).is_ready();
            if traffic.take_said() {
                notes.wrote();
            }
            if let Poll::Ready(result) = response.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return Poll::Ready(result.map_err(|e| outcome_of(&e)));
            }
            if informational.load(Ordering::Relaxed) > INFORMATIONAL_MAX {
                return Poll::Ready(Err(Outcome::Unreachable { why: Unreachable::BadResponse }));
            }
            if closed {
                return Poll::Ready(Err(Outcome::Unreachable { why: Unreachable::Closed }));
            }
            Poll::Pending
        })
        .await;
        match result {
            // 1xx before the response are counted even if they came in one piece with it.
            Ok(_) if self.informational.load(Ordering::Relaxed) > INFORMATIONAL_MAX => {
                let outcome = Outcome::Unreachable { why: Unreachable::BadResponse };
                Err(SendFailure { outcome, unheard: false })
            }
            Ok(response) => Ok(response),
            Err(outcome) => Err(SendFailure { outcome, unheard: !self.traffic.has_heard() }),
        }
    }

    /// The next piece of the body of the response that this connection is delivering.
    async fn next_frame(&mut self, body: &mut Incoming) -> Option<Result<Frame<Bytes>, hyper::Error>> {
        poll_fn(|cx| {
            let mut quiet = Context::from_waker(Waker::noop());
            if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(&mut quiet) {
                return Poll::Ready(frame);
            }
            let closed = Pin::new(&mut self.driver).poll(cx).is_ready();
            match Pin::new(&mut *body).poll_frame(&mut quiet) {
                Poll::Pending if closed => Poll::Ready(None),
                polled => polled,
            }
        })
        .await
    }
}

/// An HTTP/2 connection; its state machine runs in a task of its own, because requests share it.
#[derive(Clone)]
pub(crate) struct Http2Sender {
    requests: http2::SendRequest<RequestBody>,
    pub(crate) peer: SocketAddr,
}

impl Http2Sender {
    pub(crate) async fn handshake(stream: Stream) -> Result<Http2Sender, Outcome> {
        let peer = stream.peer();
        let head_max = u32::try_from(HEAD_MAX).unwrap_or(u32::MAX);
        let (requests, driver) = http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(head_max)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|e| outcome_of(&e))?;
        tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "an HTTP/2 connection ended");
            }
        });
        Ok(Http2Sender { requests, peer })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
        notes: &mut Notes<'_>,
    ) -> Result<Response<Incoming>, SendFailure> {
        let fail = |e: hyper::Error| SendFailure { unheard: e.is_canceled() || e.is_closed(), outcome: outcome_of(&e) };
        self.requests.ready().await.map_err(fail)?;
        notes.wrote();
        self.requests.send_request(request).await.map_err(fail)
    }
}

/// How much of a body is read and kept.
#[derive(Clone, Copy)]
pub(crate) struct BodyLimits {
    pub(crate) read: usize,
    pub(crate) store: usize,
}

/// How the reading of a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyEnd {
    /// Read to the end: the connection can be used again.
    Complete,
    /// Too long, or the connection broke.
    Cut,
    /// The framing is not HTTP: then the head can't be believed either.
    Malformed,
}

/// Reads `body` into `kept`. `connection` is the one that delivers it; `None` for HTTP/2, which drives itself.
///
/// Cancelling it leaves in `kept` what came so far.
pub(crate) async fn read_body(
    mut connection: Option<&mut Http1>,
    body: &mut Incoming,
    limits: BodyLimits,
    kept: &mut Vec<u8>,
) -> BodyEnd {
    let mut read = 0_usize;
    while !body.is_end_stream() {
        let frame = match &mut connection {
            Some(http1) => http1.next_frame(body).await,
            None => poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await,
        };
        let data = match frame {
            None => break,
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(error)) if is_malformed(&error) => return BodyEnd::Malformed,
            Some(Err(_)) => return BodyEnd::Cut,
        };
        read = read.saturating_add(data.len());
        let room = limits.store.min(limits.read).saturating_sub(kept.len());
        kept.extend_from_slice(data.get(..room).unwrap_or(&data));
        if read > limits.read {
            return BodyEnd::Cut;
        }
    }
    BodyEnd::Complete
}

fn io_kind(error: &hyper::Error) -> Option<io::ErrorKind> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        source = cause.source();
    }
    None
}

fn is_malformed(error: &hyper::Error) -> bool {
    error.is_parse() || matches!(io_kind(error), Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData))
}

fn outcome_of(error: &hyper::Error) -> Outcome {
    tracing::debug!(?error, "no response");
    let why = if is_malformed(error) { Unreachable::BadResponse } else { Unreachable::Closed };
    Outcome::Unreachable { why }
}
