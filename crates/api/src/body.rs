//! Reads a request's body: whole, bounded in size and time; or, for an upload, piece by piece.
//!
//! **Invariant:** never more than the limit in memory, whatever the client announces; of an upload one piece.

use crate::problem::Problem;
use axum::body::Body as AnyBody;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT};
use http::{HeaderMap, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::Instant;

/// How much of a refused body is read and dropped, so that the client sees the answer and not a reset connection.
const DRAIN_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Memory taken for a body before it came.
const ALLOCATED_UNSEEN_MAX: usize = 256 * 1024;

pub(crate) async fn read<B: Body<Data = Bytes> + Unpin>(
    mut body: B,
    headers: &HeaderMap,
    limit: usize,
    timeout: Duration,
) -> Result<Bytes, Problem> {
    if let Err(problem) = check_announced(headers, limit as u64) {
        drain(body, headers, timeout).await;
        return Err(problem);
    }
    match tokio::time::timeout(timeout, collect(&mut body, headers, limit)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => {
            drain(body, headers, timeout).await;
            Err(Problem::payload_too_large(limit))
        }
        Ok(Err(problem)) => Err(problem),
        Err(_) => Err(too_slow(format!("The body did not arrive within {} s", timeout.as_secs()))),
    }
}

fn too_slow(detail: String) -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail)
}

/// What a body's head says of it.
fn check_announced(headers: &HeaderMap, limit: u64) -> Result<(), Problem> {
    if let Some(encoding) = headers.get(CONTENT_ENCODING)
        && encoding.as_bytes() != b"identity"
    {
        let detail = "Compressed bodies are not taken";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", detail));
    }
    if announced(headers) > limit { Err(Problem::payload_too_large(limit)) } else { Ok(()) }
}

/// A body that is taken piece by piece. A deadline is on each piece, none on the whole: gigabytes take their time.
pub(crate) struct Upload {
    body: AnyBody,
    headers: HeaderMap,
    limit: u64,
    left: u64,
    idle: Duration,
    /// Until when the next piece is waited for; `None` while nobody waits.
    deadline: Option<Instant>,
    /// The client was told to send (`Expect: 100-continue`), as something was read.
    asked: bool,
}

impl Upload {
    /// Takes a body whose head says nothing against it.
    pub async fn open<B>(body: B, headers: &HeaderMap, limit: u64, idle: Duration) -> Result<Upload, Problem>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match check_announced(headers, limit) {
            Ok(()) => {
                let (body, headers) = (AnyBody::new(body), headers.clone());
                Ok(Upload { body, headers, limit, left: limit, idle, deadline: None, asked: false })
            }
            Err(problem) => {
                drain(body, headers, idle).await;
                Err(problem)
            }
        }
    }

    /// The next piece, `None` after the last. After a problem nothing more can be read. It can be dropped and called again:
    /// the deadline stays.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        self.asked = true;
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + self.idle);
        let came = tokio::time::timeout_at(deadline, next(&mut self.body)).await;
        self.deadline = None;
        match came {
            Ok(Ok(Some(piece))) => match self.left.checked_sub(piece.len() as u64) {
                Some(left) => {
                    self.left = left;
                    Ok(Some(piece))
                }
                None => Err(Problem::payload_too_large(self.limit)),
            },
            Ok(other) => other,
            Err(_) => Err(too_slow(format!("Nothing of the body arrived for {} s", self.idle.as_secs()))),
        }
    }

    /// Reads and drops what the client still sends, within bounds, so that it sees the answer.
    pub async fn drain(mut self) {
        if self.asked {
            self.headers.remove(EXPECT);
        }
        drain(self.body, &self.headers, self.idle).await;
    }
}

fn announced(headers: &HeaderMap) -> u64 {
    headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok()).unwrap_or(0)
}

/// `None` when it is longer than `limit`.
async fn collect<B: Body<Data = Bytes> + Unpin>(
    body: &mut B,
    headers: &HeaderMap,
    limit: usize,
) -> Result<Option<Bytes>, Problem> {
    let Some(first) = next(body).await? else { return Ok(Some(Bytes::new())) };
    if first.len() > limit {
        return Ok(None);
    }
    // Nearly every body comes in one piece and is not copied.
    if body.is_end_stream() {
        return Ok(Some(first));
    }
    let mut whole: Option<BytesMut> = None;
    while let Some(piece) = next(body).await? {
        let whole = whole.get_or_insert_with(|| {
            // What a client announces is no reason to set memory aside for it.
            let announced = usize::try_from(announced(headers)).unwrap_or(0).min(ALLOCATED_UNSEEN_MAX);
            let expected = announced.max(first.len() + piece.len());
            let mut whole = BytesMut::with_capacity(expected);
            whole.extend_from_slice(&first);
            whole
        });
        if whole.len() + piece.len() > limit {
            return Ok(None);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(Some(whole.map_or(first, BytesMut::freeze)))
}

/// The next piece of data; trailers are dropped.
async fn next<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> Result<Option<Bytes>, Problem> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(_)) => {
                return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_request", "The body was cut off"));
            }
        }
    }
}

/// Reads and drops what a client still sends, within bounds. One that asks beforehand (`Expect: 100-continue`) is not
/// told to go on.
pub(crate) async fn drain<B: Body<Data = Bytes> + Unpin>(mut body: B, headers: &HeaderMap, timeout: Duration) {
    if headers.contains_key(EXPECT) {
        return;
    }
    let mut left = DRAIN_BYTES_MAX;
    let dropping = async {
        while let Ok(Some(piece)) = next(&mut body).await {
            left = left.saturating_sub(piece.len() as u64);
            if left == 0 {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(timeout, dropping).await;
}
