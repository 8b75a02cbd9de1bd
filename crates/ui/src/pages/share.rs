//! What came to a shared inbox, for whoever has its link: read-only, without an account.
//!
//! **Invariant:** shows what the share link's JSON shows and no more: never the inbox's URL, nothing of its organisation.

use super::requests::{Line, Shown, View};
use crate::answer::{Members, part};
use crate::backend::Actor;
use crate::call::{Visit, value};
use crate::fault::Fault;
use crate::reply::Reply;
use crate::view::{self as v, Frame};
use askama::Template;
use axum::body::Body;
use domain::OrgId;
use http::header::{ACCEPT, REFERRER_POLICY};
use http::{HeaderName, Request};
use serde_json::Value;
use store::StoreError;

const ROWS: usize = 50;

#[derive(Template)]
#[template(path = "share/show.html")]
struct Page {
    frame: Frame,
    /// `/share/...`
    path: String,
    name: String,
    ends: v::Html,
    rows: Vec<Line>,
    selected: String,
    request: Option<Shown>,
    next: Option<String>,
    is_first: bool,
}

pub(crate) async fn show(visit: Visit) -> Result<Reply, Fault> {
    let token = part(visit.param(0));
    let json = format!("/api/v1/share/{token}");
    let reply = if wants_html(&visit) { page(&visit, &json).await? } else { Reply::see(&json) };
    // Who has the address may look: no other site is told it, and no search engine keeps it.
    let reply = reply.append(HeaderName::from_static("x-robots-tag"), "noindex, nofollow");
    Ok(reply.append(REFERRER_POLICY, "no-referrer"))
}

/// A program asks for the JSON, under the link's own path.
fn wants_html(visit: &Visit) -> bool {
    let accepts = visit.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepts.into_iter().any(|value| value.contains("text/html"))
}

async fn page(visit: &Visit, json: &str) -> Result<Reply, Fault> {
    let org = match visit.store().shared_source(visit.param(0)).await {
        Ok(bin) => bin.org,
        Err(StoreError::NotFound(_)) => return Err(over()),
        Err(error) => return Err(error.into()),
    };
    let query = visit.query();
    let (after, wanted) = (query.get("after"), query.get("request"));
    let bin = read(visit, org, json).await?;
    let iterator = if after.is_empty() { String::new() } else { format!("&iterator={}", part(after)) };
    let list = read(visit, org, &format!("{json}/request?limit={ROWS}&with_content=false{iterator}")).await?;
    let rows: Vec<Line> = list.list("data").iter().map(|one| Line::of(one, visit.now())).collect();
    let newest = || rows.first().map_or(String::new(), |row| row.id.clone());
    let selected = if wanted.is_empty() { newest() } else { wanted.to_owned() };
    let path = visit.path().to_owned();
    let mut request = None;
    if !selected.is_empty() {
        let found = read(visit, org, &format!("{json}/request/{}", part(&selected))).await?;
        let base = format!("{path}?request={}", part(&selected));
        request = Some(Shown::shared(&found, View::parse(query.get("view")), base, visit.now()));
    }
    let name = bin.text("name");
    Reply::page(&Page {
        frame: visit.frame(format!("{name} · shared inbox")),
        ends: bin.time("expiresAt").map_or_else(|| v::Html("never".to_owned()), |at| v::in_or_ago(at, visit.now())),
        next: list.next_page().map(|after| query.with(&[("after", &after), ("request", ""), ("view", "")])),
        is_first: after.is_empty(),
        path,
        name,
        rows,
        selected,
        request,
    })
}

fn over() -> Fault {
    Fault::NotFound(
        "This link shows nothing any more: it was ended, or the inbox is over. Ask who sent it to you.".to_owned(),
    )
}

/// What everybody may read, from the API. The organisation is the inbox's own: the routes ask for nobody's token.
async fn read(visit: &Visit, org: OrgId, path: &str) -> Result<Value, Fault> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = path.parse().map_err(|_| over())?;
    let actor = Actor { org, org_text: "".into(), name: "shared link".to_owned(), address: visit.address };
    match value(visit.shared.config.backend.call(actor, request).await).await {
        Err(Fault::NotFound(_)) => Err(over()),
        other => other,
    }
}
