//! What each operation does: read the wire, ask the store, write the wire.
//!
//! **Invariant:** handlers never look at tokens, and know HTTP by its status codes only.

pub(crate) mod api_key;
pub(crate) mod application;
pub(crate) mod attempt;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod batch;
pub(crate) mod bin;
pub(crate) mod conversion;
pub(crate) mod endpoint;
pub(crate) mod event;
pub(crate) mod event_type;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod figures;
pub(crate) mod form;
pub(crate) mod health;
pub(crate) mod hook;
pub(crate) mod import;
pub(crate) mod issue;
pub(crate) mod link;
pub(crate) mod message;
pub(crate) mod operational;
pub(crate) mod own;
pub(crate) mod poller;
pub(crate) mod portal;
pub(crate) mod request;
pub(crate) mod request_again;
pub(crate) mod search;
pub(crate) mod secret;
pub(crate) mod simulate;
pub(crate) mod source;
pub(crate) mod source_endpoint;
pub(crate) mod stream;
pub(crate) mod tail;
pub(crate) mod task;
