//! Where a source's events go on to.
//!
//! **Invariant:** an endpoint of a source is made by the API, with the rules that all endpoints have.

use super::{api, page};
use crate::call::Call;
use crate::fault::Fault;
use crate::reply::Reply;
use http::Method;
use serde_json::json;

/// Adds an endpoint by its URL.
pub(crate) async fn forward(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let (source, url) = (call.param(0), form.get("url"));
    let made = call.api(Method::POST, &format!("{}/endpoint", api(source)), Some(&json!({ "url": url }))).await;
    match made {
        Ok(_) => {
            let back = match form.get("back") {
                "new" => format!("/sources/new?source={}", crate::answer::part(source)),
                _ => format!("{}?tab=routes", page(source)),
            };
            Ok(Reply::see(&back).notice("From now on its events are forwarded there."))
        }
        Err(Fault::Refused(refusal)) => super::show::render(&call, "routes", Some(refusal)).await,
        Err(fault) => Err(fault),
    }
}
