//! All inboxes.
//!
//! **Invariant:** one page of at most 50.

use super::ends;
use crate::answer::Members;
use crate::call::Call;
use crate::fault::Fault;
use crate::pages::listed::Listed;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use http::Method;

struct Row {
    id: String,
    name: String,
    url: String,
    seen: v::Html,
    ends: v::Html,
    forward: String,
}

#[derive(Template)]
#[template(path = "inspector/list.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    next: Option<String>,
    is_first: bool,
    may_write: bool,
    origin: String,
}

pub(crate) async fn list(call: Call) -> Result<Reply, Fault> {
    let bins = Listed::read(&call, "/api/v1/bin", 50, &[]).await?;
    let mut rows = Vec::new();
    for bin in &bins.rows {
        let id = bin.text("id");
        let newest =
            call.api(Method::GET, &format!("{}/request?limit=1&with_content=false", super::api(&id)), None).await?;
        let seen = newest.list("data").first().and_then(|request| request.time("timestamp"));
        rows.push(Row {
            name: bin.text("name"),
            url: bin.text("url"),
            seen: seen.map_or_else(|| v::Html("nothing yet".to_owned()), |at| v::ago(at, call.now())),
            ends: ends(bin, &call),
            forward: bin.text("forwardUrl"),
            id,
        });
    }
    Reply::page(&Page {
        next: bins.next,
        is_first: bins.is_first,
        may_write: call.me.may_write(),
        origin: call.origin(),
        rows,
        frame: call.frame("Inspector", Section::Inspector),
    })
}
