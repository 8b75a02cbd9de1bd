//! The REST API, as pages call it: in-process, as the person who is signed in.
//!
//! **Invariant:** the organisation comes from the session, never from the request.

use axum::body::Body;
use domain::OrgId;
use http::{Request, Response};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Who acts: the API takes it for a token of the whole organisation, and writes the name into the audit log.
#[derive(Clone, Debug)]
pub struct Actor {
    pub org: OrgId,
    /// Its public id, `org_...`.
    pub org_text: Arc<str>,
    /// `person:ana@example.com`.
    pub name: String,
    pub address: Option<IpAddr>,
}

/// Answers requests for `/api/v1/...` as the API would, without a token. Streams are passed through.
pub trait Backend: Send + Sync {
    fn call(&self, actor: Actor, request: Request<Body>) -> BoxFuture<Response<Body>>;
}
