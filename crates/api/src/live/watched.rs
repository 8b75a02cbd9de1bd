//! A stream that ends with the right to see it.
//!
//! **Invariant:** nothing is written for a token that was revoked, has expired, or was ended with others of its application.

use super::body::{EventBody, Pieces};
use crate::call::{Call, Shared};
use axum::body::Body;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use std::sync::Arc;

/// `body`, as long as the caller's token is good: it is looked at before each piece, and there is one at least each
/// heartbeat. A caller in-process has none: its pages look after their sessions.
pub(crate) fn watched(call: &Call, body: Body) -> Body {
    if call.caller.person.is_some() {
        return body;
    }
    let token = call.headers.get(AUTHORIZATION).map(|token| (AUTHORIZATION, token.clone()));
    Body::new(EventBody::of(Watched { body, token: token.into_iter().collect(), shared: call.shared.clone() }))
}

struct Watched {
    body: Body,
    /// The header that the stream was opened with.
    token: HeaderMap,
    shared: Arc<Shared>,
}

impl Pieces for Watched {
    async fn next(mut self) -> Option<(Bytes, Self)> {
        loop {
            let piece = self.body.frame().await?.ok()?;
            if !is_allowed(&self.shared, &self.token).await {
                return None;
            }
            if let Ok(bytes) = piece.into_data() {
                return Some((bytes, self));
            }
        }
    }
}

/// That the store can't be read ends no stream.
async fn is_allowed(shared: &Shared, token: &HeaderMap) -> bool {
    match shared.auth.check(&shared.store, token, None).await {
        Ok(_) => true,
        Err(problem) => problem.status() != StatusCode::UNAUTHORIZED,
    }
}
