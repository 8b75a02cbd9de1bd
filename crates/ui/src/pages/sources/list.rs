//! All sources, and how each does.
//!
//! **Invariant:** shares are of a source's newest hundred requests, and the page says so: nothing is scanned.

use super::{Kind, kinds, state_badge};
use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::view::{self as v, Badge, Frame, Section};
use askama::Template;
use http::Method;
use serde_json::Value;

/// What the newest requests say.
#[derive(Default)]
pub(super) struct Lately {
    pub seen: Option<v::Html>,
    pub accepted: u64,
    pub refused: u64,
    pub held: u64,
    pub duplicates: u64,
}

impl Lately {
    pub async fn read(call: &Call, api: &str) -> Result<Lately, Fault> {
        let list = call.api(Method::GET, &format!("{api}/request?limit=100&with_content=false"), None).await?;
        let rows = list.list("data");
        let with = |verdict: &str| rows.iter().filter(|row| row.text("verdict") == verdict).count() as u64;
        Ok(Lately {
            seen: rows.first().and_then(|row| row.time("timestamp")).map(|at| v::ago(at, call.now())),
            accepted: with("accepted") + with("held") + with("handshake"),
            refused: with("refused"),
            held: with("held"),
            duplicates: rows.iter().map(|row| row.number("duplicates")).sum(),
        })
    }
    pub fn verified(&self) -> String {
        v::percent(self.accepted, self.accepted + self.refused)
    }
}

struct Row {
    id: String,
    name: String,
    provider: String,
    is_insecure: bool,
    state: Badge,
    lately: Lately,
}

#[derive(Template)]
#[template(path = "sources/list.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    next: Option<String>,
    is_first: bool,
    may_write: bool,
    origin: String,
}

pub(crate) async fn list(call: Call) -> Result<Reply, Fault> {
    let query = call.query();
    let after = query.get("after");
    let iterator = if after.is_empty() { String::new() } else { format!("&iterator={}", part(after)) };
    let at = format!("/ingest/api/v1/source?limit=50&order=descending{iterator}");
    let sources = call.api(Method::GET, &at, None).await?;
    let kinds = kinds(&call).await?;
    let mut rows = Vec::new();
    for source in sources.list("data") {
        rows.push(row(&call, source, &kinds).await?);
    }
    Reply::page(&Page {
        next: sources.next_page().map(|after| query.with(&[("after", &after)])),
        is_first: after.is_empty(),
        may_write: call.me.may_write(),
        origin: call.origin(),
        rows,
        frame: call.frame("Sources", Section::Sources),
    })
}

async fn row(call: &Call, source: &Value, kinds: &[Kind]) -> Result<Row, Fault> {
    let (id, kind) = (source.text("id"), source.text("type"));
    Ok(Row {
        name: source.text("name"),
        provider: kinds.iter().find(|k| k.name == kind).map_or(kind, |k| k.title.clone()),
        is_insecure: source.is("verification.insecure"),
        state: state_badge(&source.text("state")),
        lately: Lately::read(call, &super::api(&id)).await?,
        id,
    })
}
