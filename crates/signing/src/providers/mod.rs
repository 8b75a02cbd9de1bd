//! Verification of what providers send: a table of schemes, and code where a table can't say it.
//!
//! `ingest` makes a [`Verifier`] for each source and asks it about each request; the API asks it whether a configuration
//! is sound; the command line judges single requests and files of vectors. Facts: each scheme names its source.
//!
//! **Invariant:** fails closed. What is missing, doubled, of the wrong length, in another encoding or stale is refused
//! with a [`Refusal`] that says which; comparisons with secrets take constant time; verification is over the received
//! bytes. No I/O: what has to be fetched (a certificate, a key) is asked for by [`Refusal::Needs`] and given as
//! [`Materials`]. (Only [`vectors::judge`] reads a file, at the command line's wish.)

mod claims;
mod config;
mod credential;
pub(crate) mod encoding;
pub mod handshake;
mod jwt;
mod mac;
mod provider;
mod public_key;
mod query;
mod refusal;
mod request;
pub mod samples;
mod scheme;
mod sign;
mod signed;
pub(crate) mod spec;
mod special;
mod standard;
mod table;
mod template;
mod time;
pub mod vectors;

pub use config::{Config, SECRET_LEN_MIN, SECRETS_MAX, Secret, SecretConfig};
pub use provider::{Provider, Verifier};
pub use refusal::{ConfigError, Refusal};
pub use request::{Inbound, Materials, NoMaterials};
pub use sign::{Draft, sign};
