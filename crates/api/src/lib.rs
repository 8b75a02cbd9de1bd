//! The REST API: wire-compatible with the Svix API, so that its SDKs work unchanged (docs/api.md).
//!
//! `app` builds an [`Api`] over an open store and [`serve`]s it. Inside, arrows go one way: `wire` (what bodies look
//! like) <- `handlers` (what operations do) <- `routes` (who may call them) <- `dispatch` <- `front` <- `server`.
//!
//! **Invariant:** imports domain, store and signing only. The API never sends a webhook: it writes what the engine reads.

mod audit;
mod auth;
mod body;
mod call;
mod config;
mod cors;
mod dispatch;
mod front;
mod handlers;
mod idempotency;
mod import;
mod live;
mod metrics;
mod openapi;
mod problem;
mod qr;
mod reply;
mod routes;
mod scopes;
mod server;
mod timer;
mod wire;
mod write_limit;

#[cfg(test)]
mod tests;

pub use auth::{Actor, Capabilities, Capability, JwtAlgorithm, JwtKeyError, JwtKeys, NewToken};
pub use axum::body::Body;
pub use config::{
    ApiConfig, BoxFuture, FORM_FILE_LIMIT_DEFAULT, IMPORT_BODY_LIMIT_DEFAULT, Inbound, PAYLOAD_LIMIT_DEFAULT,
    REQUEST_BODY_LIMIT_DEFAULT, ServerLimits,
};
pub use front::Api;
pub use server::serve;
