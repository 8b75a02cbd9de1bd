//! All sources, and how each does.
//!
//! **Invariant:** figures come from roll-ups: nothing is scanned, however much came.

use super::{Kind, kinds, state_badge};
use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::Fault;
use crate::pages::sending::DAY;
use crate::reply::Reply;
use crate::view::{self as v, Badge, Frame, Section};
use askama::Template;
use domain::SourceId;
use http::Method;
use serde_json::Value;
use store::{HELD_MAX, SourceFigures};

/// What came to a source in the last 24 hours.
pub(super) struct Lately {
    figures: SourceFigures,
    pub seen: Option<v::Html>,
}

impl Lately {
    /// Of sources that are this organisation's, by their public ids, in their order.
    pub async fn read(call: &Call, ids: &[String]) -> Result<Vec<Lately>, Fault> {
        let ids: Vec<SourceId> = ids.iter().filter_map(|id| call.codec().read(id)).collect();
        let all = call.store().source_figures(ids, call.now().minus(DAY)).await?;
        let lately =
            |figures: SourceFigures| Lately { seen: figures.last_at.map(|at| v::ago(at, call.now())), figures };
        Ok(all.into_iter().map(lately).collect())
    }
    pub fn received(&self) -> u64 {
        self.figures.total.received
    }
    pub fn refused(&self) -> u64 {
        self.figures.total.refused
    }
    pub fn duplicates(&self) -> u64 {
        self.figures.total.duplicates
    }
    pub fn verified(&self) -> String {
        v::percent(self.figures.total.verified(), self.received())
    }
    pub fn held(&self) -> String {
        match self.figures.held {
            HELD_MAX => format!("{}+", v::count(HELD_MAX)),
            held => v::count(held),
        }
    }
    pub fn hours(&self) -> v::Html {
        let hours: Vec<u64> = self.figures.hours.iter().map(|h| h.received).collect();
        v::spark(&hours, &format!("{} requests in 24 hours", self.received()))
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
    let ids: Vec<String> = sources.list("data").iter().map(|source| source.text("id")).collect();
    let lately = Lately::read(&call, &ids).await?;
    let rows = sources.list("data").iter().zip(lately).map(|(source, lately)| row(source, lately, &kinds)).collect();
    Reply::page(&Page {
        next: sources.next_page().map(|after| query.with(&[("after", &after)])),
        is_first: after.is_empty(),
        may_write: call.me.may_write(),
        origin: call.origin(),
        rows,
        frame: call.frame("Sources", Section::Sources),
    })
}

fn row(source: &Value, lately: Lately, kinds: &[Kind]) -> Row {
    let kind = source.text("type");
    Row {
        id: source.text("id"),
        name: source.text("name"),
        provider: kinds.iter().find(|k| k.name == kind).map_or(kind, |k| k.title.clone()),
        is_insecure: source.is("verification.insecure"),
        state: state_badge(&source.text("state")),
        lately,
    }
}
