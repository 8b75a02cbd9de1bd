//! The inbound data plane: what happens to a request to the URL of a source, a link or a form.
//!
//! Called by `app`, which mounts it under `/in/`, `/l/`, `/c/` and `/f/`. **Invariant:** imports domain, store and signing only; a request is
//! answered after it is stored, and is forwarded by nobody here: the engine does that.

mod answer;
mod bin;
mod body;
mod config;
mod content;
mod documents;
mod envelope;
mod forms;
mod gate;
mod ingest;
mod keys;
mod links;
mod metrics;
mod origin;
mod plaid;
mod pointer;
mod prepared;
mod problem;
mod reading;
mod release;
mod rule;
#[cfg(test)]
mod tests;
mod visit;

pub use config::IngestConfig;
pub use ingest::Ingest;
pub use metrics::IngestMetrics;
pub use visit::{Countries, CountriesError};

use std::future::Future;
use std::pin::Pin;

/// Fetches documents for verification (certificates, key sets) and confirms subscriptions. `app` implements it over the
/// guarded egress client.
pub trait Fetch: Send + Sync {
    /// `GET`s an `https` URL. The text says why it failed. At most 256 KiB, 10 s, no redirects.
    fn get(&self, url: &str) -> Pin<Box<dyn Future<Output = Result<bytes::Bytes, String>> + Send + '_>>;

    /// `POST`s JSON to an `https` URL, within the same limits. The JSON has credentials in it: it goes to this URL alone, and
    /// into no text.
    fn post(
        &self,
        _url: &str,
        _json: bytes::Bytes,
    ) -> Pin<Box<dyn Future<Output = Result<bytes::Bytes, String>> + Send + '_>> {
        Box::pin(std::future::ready(Err("not supported".to_owned())))
    }
}
