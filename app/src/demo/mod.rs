//! The demo's props: a receiver that verifies, and a client of the API.
//!
//! **Invariant:** neither knows the server's insides; both use what any user has.

pub mod client;
pub mod receiver;
