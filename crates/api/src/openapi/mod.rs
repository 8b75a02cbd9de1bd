//! The API, described: an OpenAPI 3.1 document of our own routes.
//!
//! Each file but the last ones is a tag: its operations and schemas, as constant tables. `document` puts them together with the
//! table of routes; tests hold every answer of the test suite against it.
//!
//! **Invariant:** made once, from constants; nothing is read or fetched.

mod access;
mod applications;
mod attempts;
mod bins;
mod endpoints;
mod event_types;
mod figures;
mod forms;
mod hooks;
mod keys;
mod links;
mod messages;
mod requests;
mod server;
mod sources;
mod tasks;
mod webhooks;

mod document;
mod json;
mod schema;
mod shared;
mod table;

use crate::call::Visit;
use crate::problem::Problem;
use crate::reply::Reply;
use bytes::Bytes;
#[cfg(test)]
pub(crate) use figures::KINDS;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;
use table::Tag;
#[cfg(test)]
pub(crate) use table::{Body, Field, Op, Schema, Type};

/// In the order of the reference.
static TAGS: [&Tag; 20] = [
    &messages::TAG,
    &applications::TAG,
    &endpoints::TAG,
    &attempts::TAG,
    &event_types::TAG,
    &tasks::TAG,
    &tasks::LIVE,
    &figures::TAG,
    &access::TAG,
    &keys::TAG,
    &endpoints::OPERATIONAL,
    &sources::TAG,
    &endpoints::OF_SOURCES,
    &requests::TAG,
    &bins::TAG,
    &requests::OF_BINS,
    &hooks::TAG,
    &links::TAG,
    &forms::TAG,
    &server::TAG,
];

struct Document {
    text: Bytes,
    /// Its hash, quoted as a header has it.
    tag: String,
}

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
    let text = serde_json::to_vec(&document::write(&TAGS)).unwrap_or_default();
    let hash: String = Sha256::digest(&text).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    Document { text: text.into(), tag: format!("\"{hash}\"") }
});

/// The document as JSON.
pub(crate) fn text() -> Bytes {
    DOCUMENT.text.clone()
}

/// `GET /openapi.json`.
#[allow(clippy::unused_async, reason = "a handler is async")]
pub(crate) async fn show(visit: Visit) -> Result<Reply, Problem> {
    Ok(Reply::tagged(text(), &DOCUMENT.tag, &visit.headers))
}

#[cfg(test)]
pub(crate) fn operations() -> impl Iterator<Item = &'static Op> {
    TAGS.iter().flat_map(|tag| tag.ops)
}
