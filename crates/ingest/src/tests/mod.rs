//! Tests of the whole data plane, and what tests share.

mod accept;
mod bad_input;
mod bins;
mod handshakes;
mod links;
mod reading;
mod recorder;
pub(crate) mod support;
pub(crate) mod world;
