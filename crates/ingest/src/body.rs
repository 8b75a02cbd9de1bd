//! Reads a request's head and body within limits.
//!
//! **Invariant:** never more than the limit in memory, whatever the client announces, and of all requests together never more
//! than their room; the bytes are kept as they came, so that nothing is ever unpacked.

use crate::config::IngestConfig;
use crate::problem::Problem;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body::Body;
use http_body_util::BodyExt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::Duration;

/// How much of a refused body is read and dropped, so that the client sees the answer and not a reset connection.
const DRAIN_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long that may take, and how long may pass without any.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);
const DRAIN_PAUSE_MAX: Duration = Duration::from_secs(1);
/// Memory taken for a body before it came.
const ALLOCATED_UNSEEN_MAX: usize = 256 * 1024;

/// Memory for the bodies of all requests together, in bytes.
pub(crate) struct Room {
    used: AtomicUsize,
    max: usize,
}

/// What one request takes of the room; given back when it is dropped.
pub(crate) struct Share<'a> {
    room: &'a Room,
    bytes: usize,
}

impl Room {
    pub fn new(max: usize) -> Self {
        Room { used: AtomicUsize::new(0), max }
    }
    pub fn share(&self) -> Share<'_> {
        Share { room: self, bytes: 0 }
    }
}

impl Share<'_> {
    fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let used = self.room.used.fetch_add(bytes, Relaxed);
        self.bytes += bytes;
        if used.saturating_add(bytes) > self.room.max { Err(Problem::CROWDED) } else { Ok(()) }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.room.used.fetch_sub(self.bytes, Relaxed);
    }
}

/// Whether a request's headers are within the limits.
pub(crate) fn check_headers(headers: &HeaderMap, config: &IngestConfig) -> Result<(), Problem> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > config.headers_max || bytes > config.header_bytes_max {
        return Err(Problem::HEADERS_TOO_LARGE);
    }
    Ok(())
}

pub(crate) async fn read<B: Body<Data = Bytes> + Unpin>(
    mut body: B,
    headers: &HeaderMap,
    limit: usize,
    timeout: Duration,
    share: &mut Share<'_>,
) -> Result<Bytes, Problem> {
    if announced(headers) > limit as u64 {
        Box::pin(drain(body, headers, timeout)).await;
        return Err(Problem::too_large(limit));
    }
    let collected = {
        let mut collecting = pin!(collect(&mut body, headers, limit, share));
        // Most bodies are there already. A timer is a cache line of its own in the future: it is made only when there is
        // something to wait for, and boxed.
        let at_once = poll_fn(|cx| match collecting.as_mut().poll(cx) {
            Poll::Ready(collected) => Poll::Ready(Some(collected)),
            Poll::Pending => Poll::Ready(None),
        });
        match at_once.await {
            Some(collected) => collected,
            None => Box::pin(tokio::time::timeout(timeout, collecting)).await.unwrap_or(Err(Problem::TIMEOUT)),
        }
    };
    match collected {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => {
            Box::pin(drain(body, headers, timeout)).await;
            Err(Problem::too_large(limit))
        }
        Err(problem) => Err(problem),
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
    share: &mut Share<'_>,
) -> Result<Option<Bytes>, Problem> {
    let Some(first) = next(body).await? else { return Ok(Some(Bytes::new())) };
    if first.len() > limit {
        return Ok(None);
    }
    share.grow(first.len())?;
    // Nearly every body comes in one piece and is not copied.
    if body.is_end_stream() {
        return Ok(Some(first));
    }
    let mut whole: Option<BytesMut> = None;
    while let Some(piece) = next(body).await? {
        if whole.as_ref().map_or(first.len(), BytesMut::len) + piece.len() > limit {
            return Ok(None);
        }
        share.grow(piece.len())?;
        let whole = whole.get_or_insert_with(|| {
            // What a client announces is no reason to set memory aside for it.
            let announced = usize::try_from(announced(headers)).unwrap_or(0).min(ALLOCATED_UNSEEN_MAX);
            let mut whole = BytesMut::with_capacity(announced.max(first.len() + piece.len()));
            whole.extend_from_slice(&first);
            whole
        });
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
            Some(Err(_)) => return Err(Problem::CUT_OFF),
        }
    }
}

/// Reads and drops what a client still sends, within bounds. One that asks beforehand (`Expect: 100-continue`) is not
/// told to go on.
pub(crate) async fn drain<B: Body<Data = Bytes> + Unpin>(mut body: B, headers: &HeaderMap, timeout: Duration) {
    if headers.contains_key(EXPECT) || body.is_end_stream() {
        return;
    }
    let mut left = DRAIN_BYTES_MAX;
    let dropping = async {
        while let Ok(Ok(Some(piece))) = tokio::time::timeout(timeout.min(DRAIN_PAUSE_MAX), next(&mut body)).await {
            left = left.saturating_sub(piece.len() as u64);
            if left == 0 {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN_TIME_MAX, dropping).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    async fn take<'a>(room: &'a Room, bytes: &'static [u8]) -> (Share<'a>, Result<Bytes, Problem>) {
        let mut share = room.share();
        let body = Full::new(Bytes::from_static(bytes));
        let read = read(body, &HeaderMap::new(), 100, Duration::from_secs(1), &mut share).await;
        (share, read)
    }

    #[tokio::test]
    async fn all_bodies_together_have_so_much_room() {
        let room = Room::new(10);
        let (first, read) = take(&room, b"1234567").await;
        assert_eq!(read.unwrap(), "1234567");
        assert_eq!(take(&room, b"1234").await.1, Err(Problem::CROWDED));
        let (_second, read) = take(&room, b"123").await;
        assert!(read.is_ok());
        drop(first);
        assert!(take(&room, b"1234567").await.1.is_ok());
    }
}
