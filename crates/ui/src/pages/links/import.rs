//! Many links from a CSV file.
//!
//! **Invariant:** the API reads the rows; a page shows how far it is and what is wrong with which line.

use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::reply::Reply;
use crate::view::{self as v, Badge, Frame, Section, Tone};
use askama::Template;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::Value;

struct Import {
    id: String,
    name: String,
    status: Badge,
    is_running: bool,
    line: u64,
    created: u64,
    unchanged: u64,
    failed: u64,
    at: v::Html,
    ignored: Vec<String>,
}

impl Import {
    fn of(import: &Value, call: &Call) -> Import {
        let (tone, text) = match &*import.text("status") {
            "finished" => (Tone::Good, "Finished"),
            "stopped" => (Tone::Warn, "Stopped"),
            _ => (Tone::Busy, "Reading"),
        };
        Import {
            id: import.text("id"),
            name: import.some("name").unwrap_or_else(|| "Import".to_owned()),
            is_running: tone == Tone::Busy,
            status: Badge { tone, text: text.to_owned() },
            line: import.number("line"),
            created: import.number("created"),
            unchanged: import.number("unchanged"),
            failed: import.number("failed"),
            at: import.time("createdAt").map(|at| v::ago(at, call.now())).unwrap_or_default(),
            ignored: import.texts("ignoredColumns"),
        }
    }
}

#[derive(Template)]
#[template(path = "links/import.html")]
struct Page {
    frame: Frame,
    imports: Vec<Import>,
    name: String,
    csv: String,
    server: String,
    may_write: bool,
    wrong: Option<Refusal>,
}

pub(crate) async fn import(call: Call) -> Result<Reply, Fault> {
    render(&call, None).await
}

async fn render(call: &Call, wrong: Option<Refusal>) -> Result<Reply, Fault> {
    let list = call.api(Method::GET, "/api/v1/link/import?limit=20&order=descending", None).await?;
    let form = call.form();
    let status = wrong.as_ref().map_or(StatusCode::OK, |_| StatusCode::UNPROCESSABLE_ENTITY);
    let page = Page {
        frame: call.frame("Import links", Section::Links),
        imports: list.list("data").iter().map(|one| Import::of(one, call)).collect(),
        name: form.get("name").to_owned(),
        csv: form.raw("csv").to_owned(),
        server: call.origin(),
        may_write: call.me.may_write(),
        wrong,
    };
    Reply::page_with(status, &page)
}

/// Reads the rows that were pasted.
pub(crate) async fn start(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let at = format!("/api/v1/link/import?name={}", part(form.get("name")));
    let body = Bytes::from(form.raw("csv").to_owned());
    match call.api_upload(Method::POST, &at, "text/csv", body).await {
        Ok(import) => Ok(Reply::see(&format!("/links/import/{}", import.text("id")))),
        Err(Fault::Refused(refusal)) => render(&call, Some(refusal)).await,
        Err(fault) => Err(fault),
    }
}

#[derive(Template)]
#[template(path = "links/imported.html")]
struct Imported {
    frame: Frame,
    import: Import,
    errors: Vec<(u64, String)>,
    next: Option<String>,
}

/// One import: how far it is, and the rows that are wrong.
pub(crate) async fn import_errors(call: Call) -> Result<Reply, Fault> {
    let at = format!("/api/v1/link/import/{}", part(call.param(0)));
    let import = call.api(Method::GET, &at, None).await?;
    let query = call.query();
    let iterator = query.some("after").map(|after| format!("&iterator={}", part(after))).unwrap_or_default();
    let errors = call.api(Method::GET, &format!("{at}/error?limit=100{iterator}"), None).await?;
    let import = Import::of(&import, &call);
    Reply::page(&Imported {
        frame: call.frame(format!("{} · Import", import.name), Section::Links),
        import,
        errors: errors.list("data").iter().map(|row| (row.number("line"), row.text("text"))).collect(),
        next: errors.next_page().map(|after| query.with(&[("after", &after)])),
    })
}
