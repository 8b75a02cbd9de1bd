//! The body of a stream: asks for the next bytes when the last ones were written.

use bytes::Bytes;
use http_body::Frame;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Who has something to write, one piece after the other.
pub(super) trait Pieces: Sized + Send + 'static {
    /// The next bytes, and who writes those after them; `None` at the end.
    fn next(self) -> impl Future<Output = Option<(Bytes, Self)>> + Send;
}

type Next<P> = Pin<Box<dyn Future<Output = Option<(Bytes, P)>> + Send>>;

pub(super) struct EventBody<P> {
    next: Next<P>,
}

impl<P: Pieces> EventBody<P> {
    pub fn of(pieces: P) -> Self {
        EventBody { next: Box::pin(pieces.next()) }
    }
}

impl<P: Pieces> http_body::Body for EventBody<P> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match ready!(self.next.as_mut().poll(cx)) {
            Some((bytes, pieces)) => {
                self.next = Box::pin(pieces.next());
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            None => {
                // Never polled again, but if it were, it would not panic.
                self.next = Box::pin(std::future::ready(None));
                Poll::Ready(None)
            }
        }
    }
}
