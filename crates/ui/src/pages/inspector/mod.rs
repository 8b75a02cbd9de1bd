//! The inspector: bins that show whatever is sent to them.
//!
//! **Invariant:** which request is looked at, and which part of it, is in the URL.

mod act;
mod list;
mod show;

pub(crate) use act::{answer, clear, create, delete, replay, settings, share};
pub(crate) use list::list;
pub(crate) use show::{export, raw, show, stream};

use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::Fault;
use crate::view as v;
use http::Method;
use serde_json::Value;

/// The path of a bin in the API.
fn api(bin: &str) -> String {
    format!("/api/v1/bin/{}", part(bin))
}

/// The path of a bin's page.
fn page(bin: &str) -> String {
    format!("/inspector/{}", part(bin))
}

async fn read(call: &Call) -> Result<Value, Fault> {
    call.api(Method::GET, &api(call.param(0)), None).await
}

/// When a bin ends.
fn ends(bin: &Value, call: &Call) -> v::Html {
    bin.time("expiresAt").map_or_else(|| v::Html("never".to_owned()), |at| v::in_or_ago(at, call.now()))
}
