//! Durable state: the verbs of the product, each a whole transaction.
//!
//! Called by `api` (accept, configuration, lists), `engine` (leases in, settlements out) and `app` (open, close).
//! **Invariant:** SQL lives in this crate only; no transaction is open while anything waits for the network.

mod app_search;
mod audit;
mod config;
#[cfg(test)]
mod contract;
mod error;
mod event_keys;
mod figures;
mod first_per;
mod form_routes;
mod handle;
mod handle_figures;
mod handle_find;
mod handle_hooks;
mod handle_inbound;
mod handle_links;
mod handle_lists;
mod handle_operations;
mod handle_people;
mod handle_portal;
mod handle_requests;
mod idempotency;
mod inbound;
mod issues;
mod keys;
mod lanes;
mod link_routes;
mod links;
mod novelty;
mod operations;
mod people;
mod profile;
mod readers;
mod routes;
mod search;
mod source_routes;
pub mod sqlite;
mod tail;
mod types;
mod watch;
mod writer;

pub use app_search::*;
pub use audit::*;
pub use config::{StoreConfig, StoreMetrics};
pub use error::{OpenError, StoreError};
pub use figures::*;
pub use handle::{LeaseStream, Store};
pub use handle_portal::{INBOXES_MAX, TokenFloor};
pub use inbound::*;
pub use issues::*;
pub use keys::*;
pub use links::*;
pub use operations::*;
pub use people::*;
pub use profile::*;
pub use search::*;
pub use tail::*;
pub use types::*;
pub use watch::Watch;

/// The parts that the simulation drives step by step.
#[doc(hidden)]
pub mod parts {
    pub use crate::routes::Routes;
    pub use crate::sqlite::core::Core;
    pub use crate::writer::{Committed, Op, Writer, transact};
}
