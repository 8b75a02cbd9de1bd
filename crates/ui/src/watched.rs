//! A stream that ends with the session that opened it.
//!
//! **Invariant:** who signed out, was signed out or removed sees nothing that happens [`PAUSE`] later or more.

use axum::body::Body;
use bytes::Bytes;
use domain::{PersonId, SessionId, Timestamp};
use http_body::Frame;
use http_body_util::BodyExt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use store::Store;

/// Between two looks at the session.
const PAUSE: Duration = Duration::from_secs(2);

struct Watched {
    body: Body,
    store: Store,
    person: PersonId,
    session: SessionId,
    seen: Timestamp,
}

/// A piece, and what goes on after it.
type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Watched)>> + Send>>;

struct WatchedBody {
    next: Next,
}

/// `body` as long as the session lasts: it is looked at before a piece leaves, and a stream has one at least each heartbeat.
pub(crate) fn body(body: Body, store: Store, person: PersonId, session: SessionId) -> Body {
    let seen = store.clock().now();
    Body::new(WatchedBody { next: Box::pin(Watched { body, store, person, session, seen }.next()) })
}

impl Watched {
    async fn next(mut self) -> Option<(Bytes, Watched)> {
        loop {
            let piece = self.body.frame().await?.ok()?;
            if !self.is_open().await {
                return None;
            }
            if let Ok(bytes) = piece.into_data() {
                return Some((bytes, self));
            }
        }
    }

    async fn is_open(&mut self) -> bool {
        let now = self.store.clock().now();
        if now.since(self.seen) < PAUSE {
            return true;
        }
        self.seen = now;
        // Not by its token: watching is no use of a session, and would make it last for ever. That the store can't be read ends nothing.
        let open = self.store.sessions(self.person).await;
        open.map_or(true, |open| open.iter().any(|session| session.id == self.session))
    }
}

impl http_body::Body for WatchedBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let next = ready!(self.next.as_mut().poll(cx));
        let Some((bytes, watched)) = next else {
            // Never polled again, but if it were, it would not panic.
            self.next = Box::pin(std::future::ready(None));
            return Poll::Ready(None);
        };
        self.next = Box::pin(watched.next());
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Who, World, token};
    use sha2::{Digest, Sha256};

    /// Heartbeats, as many as are asked for.
    struct Endless;

    impl http_body::Body for Endless {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b":\n\n")))))
        }
    }

    #[tokio::test]
    async fn a_stream_ends_with_the_session_that_opened_it() {
        let world = World::new().await;
        let hash = Sha256::digest(token(Who::Support).as_bytes()).into();
        let (person, session) = world.store.session(hash).await.unwrap().unwrap();
        let pieces = Body::new(Endless);
        let mut body = body(pieces, world.store.clone(), person.id, session.id);
        for _ in 0..3 {
            world.advance(PAUSE);
            assert!(body.frame().await.is_some());
        }
        world.store.close_session(person.id, session.id).await.unwrap();
        world.advance(PAUSE);
        assert!(body.frame().await.is_none());
        assert!(body.frame().await.is_none());
    }
}
