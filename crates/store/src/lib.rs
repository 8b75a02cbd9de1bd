//! Durable state: the verbs of the product, each a whole transaction.
//!
//! Called by `api` (accept, configuration, lists), `engine` (leases in, settlements out) and `app` (open, close).
//! **Invariant:** SQL lives in this crate only; no transaction is open while anything waits for the network.

mod error;
mod handle;
mod idempotency;
mod lanes;
mod routes;
pub mod sqlite;
mod types;

pub use error::{OpenError, StoreError};
pub use handle::{LeaseStream, Store, StoreConfig, StoreMetrics};
pub use types::*;
