//! Event types from an OpenAPI document: shown first, then imported.
//!
//! **Invariant:** what is shown is what the API itself says that it would do.

use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use http::Method;
use serde_json::{Value, json};

#[derive(Template)]
#[template(path = "event_types/import.html")]
struct Page {
    frame: Frame,
    spec: String,
    /// Name and description of what would be made or changed.
    found: Vec<(String, String)>,
    errors: Refusal,
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let frame = call.frame("Import OpenAPI", Section::EventTypes);
    Reply::page(&Page { frame, spec: String::new(), found: Vec::new(), errors: Refusal::of("") })
}

pub(crate) async fn run(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let spec = form.raw("spec").to_owned();
    let dry_run = !form.has("import");
    let body = json!({"specRaw": spec, "dryRun": dry_run});
    let frame = call.frame("Import OpenAPI", Section::EventTypes);
    match call.api(Method::POST, "/api/v1/event-type/import/openapi", Some(&body)).await {
        Ok(answer) if dry_run => {
            let list = answer.pointer("/data/to_modify").and_then(Value::as_array).into_iter().flatten();
            let text = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let found: Vec<_> = list.map(|one| (text(one, "name"), text(one, "description"))).collect();
            let errors = Refusal::of(if found.is_empty() { "The document has no webhooks." } else { "" });
            Reply::page(&Page { frame, spec, found, errors })
        }
        Ok(answer) => {
            let count = answer.pointer("/data/modified").and_then(Value::as_array).map_or(0, Vec::len);
            Ok(Reply::see("/event-types").notice(&format!("{count} event types are imported")))
        }
        Err(Fault::Refused(errors)) => {
            let status = errors.status;
            Reply::page_with(status, &Page { frame, spec, found: Vec::new(), errors })
        }
        Err(other) => Err(other),
    }
}
