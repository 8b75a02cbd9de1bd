//! The Courier: makes one attempt at one delivery over HTTP and says what came of it.
//!
//! The engine prepares a [`Target`] for each version of an endpoint's configuration and calls [`Courier::attempt`].
//! The order of things: sign, take an idle connection or resolve, check and dial, send, read a capped response, all
//! under one deadline.
//!
//! **Invariant:** every socket is opened by `connect`, after the address guard approved the very address that is
//! dialled. Nothing here retries a delivery, follows a redirect, reads the environment or decodes a response.

mod config;
mod connect;
mod courier;
mod deadline;
mod draft;
mod exchange;
mod fetch;
mod notes;
mod passage;
mod pool;
mod proxy;
mod resolve;
mod stream;
mod target;
#[cfg(test)]
mod tests;

pub use config::{AttemptHeaders, CourierConfig, CourierError, Delivering, Inbox, SignatureHeaders};
pub use connect::{Dial, Dialling, SystemDial};
pub use courier::{Courier, Outgoing};
pub use fetch::FetchError;
pub use proxy::{ProxyUrl, ProxyUrlError};
pub use resolve::{Answer, Resolve, ResolveError, SystemResolver};
pub use target::Target;
