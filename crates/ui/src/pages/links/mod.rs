//! Short links: who clicked, where it leads, and who is told.
//!
//! **Invariant:** plain words only; figures come from the roll-ups of the API's statistics.

mod act;
mod edit;
mod import;
mod list;
mod show;

pub(crate) use act::{delete, state, tell};
pub(crate) use edit::{create, edit, new};
pub(crate) use import::{import, import_errors, start};
pub(crate) use list::list;
pub(crate) use show::{Top, export, qr, show, tops};

use crate::answer::part;
use crate::call::Call;
use crate::fault::Fault;
use http::Method;
use serde_json::Value;
use std::time::Duration;

fn api(link: &str) -> String {
    format!("/api/v1/link/{}", part(link))
}

fn page(link: &str) -> String {
    format!("/links/{}", part(link))
}

async fn read(call: &Call, link: &str) -> Result<Value, Fault> {
    call.api(Method::GET, &api(link), None).await
}

/// Figures of the last 24 hours, by the hour.
async fn day(call: &Call, api: &str, top: u8) -> Result<Value, Fault> {
    let since = crate::view::iso(call.now().minus(Duration::from_secs(24 * 3600)));
    call.api(Method::GET, &format!("{api}/stats?step=hour&top={top}&since={}", part(&since)), None).await
}
