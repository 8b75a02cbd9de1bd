//! One source, in tabs.
//!
//! **Invariant:** the tab, the page of the list and the request are in the URL; secrets are never shown.

use super::list::Lately;
use super::tabs::{Tab, Verification};
use super::{Kind, api, kind, page, read, state_badge};
use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::pages::requests::{Line, Shown, View};
use crate::reply::Reply;
use crate::view::{self as v, Badge, Frame, Section};
use askama::Template;
use http::{Method, StatusCode};
use serde_json::Value;

/// Rows of a list.
const ROWS: usize = 50;

#[derive(Template)]
#[template(path = "sources/show.html")]
struct Page {
    frame: Frame,
    source: SourceView,
    tab: Tab,
    lately: Lately,
    rows: Vec<Line>,
    /// Of the verdicts to choose from: name, words, whether it is chosen.
    verdicts: Vec<(&'static str, &'static str, bool)>,
    is_filtered: bool,
    next: Option<String>,
    is_first: bool,
    endpoints: Vec<Route>,
    may_write: bool,
    may_resend: bool,
    wrong: Option<Refusal>,
}

pub(super) struct SourceView {
    pub id: String,
    pub path: String,
    pub name: String,
    pub url: String,
    pub qr: v::Html,
    pub kind: Kind,
    pub state: Badge,
    pub state_name: String,
    pub app: String,
    pub is_insecure: bool,
    pub verification: Verification,
    pub response: super::tabs::Answer,
    /// Where this server is found.
    pub server: String,
}

struct Route {
    id: String,
    url: String,
    status: Badge,
    types: String,
}

impl SourceView {
    async fn of(call: &Call, source: &Value) -> Result<SourceView, Fault> {
        let (id, url, state) = (source.text("id"), source.text("ingestUrl"), source.text("state"));
        Ok(SourceView {
            path: page(&id),
            name: source.text("name"),
            qr: v::qr(&url, "QR code of the source's URL"),
            kind: kind(call, &source.text("type")).await?,
            state: state_badge(&state),
            app: source.text("appId"),
            is_insecure: source.is("verification.insecure"),
            verification: Verification::of(source),
            response: super::tabs::Answer::of(source),
            server: call.origin(),
            state_name: state,
            url,
            id,
        })
    }
    /// Each with what it is for.
    fn commands(&self) -> Vec<(&'static str, String)> {
        let (id, url, kind, server) = (&self.id, &self.url, &self.kind.name, &self.server);
        let api = format!("{server}/ingest/api/v1/source/{id}");
        vec![
            ("Send on to localhost:3000 while you develop", format!("postrider listen 3000 {id} --server {server}")),
            (
                "Send a sample, signed as the provider would",
                format!("postrider trigger {kind} --url {url} --secret YOUR_SECRET"),
            ),
            (
                "Why is a request refused?",
                format!("postrider verify --provider {kind} --secret YOUR_SECRET --header 'NAME: VALUE' body.json"),
            ),
            (
                "What was rejected",
                format!("curl -H \"Authorization: Bearer $POSTRIDER_TOKEN\" '{api}/request?verdict=refused'"),
            ),
            (
                "Poll for events, without a URL of your own",
                format!(
                    "curl -H \"Authorization: Bearer $POSTRIDER_TOKEN\" '{server}/api/v1/app/{}/poller/queue/consumer/worker-1?wait=30'",
                    self.app
                ),
            ),
        ]
    }
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let tab = call.query().get("tab").to_owned();
    render(&call, &tab, None).await
}

pub(super) async fn render(call: &Call, tab: &str, wrong: Option<Refusal>) -> Result<Reply, Fault> {
    let found = read(call, call.param(0)).await?;
    let source = SourceView::of(call, &found).await?;
    let (tab, query) = (Tab::parse(tab), call.query());
    let (after, verdict) = (query.get("after").to_owned(), query.get("verdict").to_owned());
    let (mut rows, mut next, mut endpoints) = (Vec::new(), None, Vec::new());
    if matches!(tab, Tab::Events | Tab::Rejected) {
        let only = if tab == Tab::Rejected { "refused" } else { &*verdict };
        let mut at = format!("{}/request?limit={ROWS}&with_content=false", api(&source.id));
        for (name, value) in
            [("verdict", only), ("iterator", &after)].into_iter().filter(|(_, value)| !value.is_empty())
        {
            at = format!("{at}&{name}={}", part(value));
        }
        let list = call.api(Method::GET, &at, None).await?;
        rows = list.list("data").iter().map(|one| Line::of(one, call.now())).collect();
        next = list.next_page().map(|after| query.with(&[("after", &after)]));
    }
    if matches!(tab, Tab::Routes) {
        let list = call.api(Method::GET, &format!("{}/endpoint?limit=100", api(&source.id)), None).await?;
        endpoints = list.list("data").iter().map(route).collect();
    }
    let all = [("", "All"), ("accepted", "Accepted"), ("held", "Held"), ("handshake", "Handshakes")];
    let mut lately = Lately::read(call, std::slice::from_ref(&source.id)).await?;
    let lately = lately.pop().ok_or_else(|| Fault::not_found("source"))?;
    let status = wrong.as_ref().map_or(StatusCode::OK, |_| StatusCode::UNPROCESSABLE_ENTITY);
    let page = Page {
        frame: call.frame(format!("{} · {}", source.name, tab.text()), Section::Sources),
        lately,
        verdicts: all.into_iter().map(|(name, text)| (name, text, name == verdict)).collect(),
        is_filtered: !verdict.is_empty(),
        source,
        tab,
        rows,
        next,
        is_first: after.is_empty(),
        endpoints,
        may_write: call.me.may_write(),
        may_resend: call.me.may_resend(),
        wrong,
    };
    Reply::page_with(status, &page)
}

fn route(endpoint: &Value) -> Route {
    let (tone, text) = match (endpoint.is("disabled"), endpoint.is("paused"), endpoint.some("failingSince")) {
        (true, _, _) => (v::Tone::Idle, "Disabled"),
        (_, true, _) => (v::Tone::Warn, "Paused"),
        (_, _, Some(_)) => (v::Tone::Bad, "Failing"),
        _ => (v::Tone::Good, "Active"),
    };
    let types = endpoint.texts("eventTypes");
    Route {
        id: endpoint.text("id"),
        url: endpoint.text("url"),
        status: Badge { tone, text: text.to_owned() },
        types: if types.is_empty() { "all events".to_owned() } else { types.join(", ") },
    }
}

#[derive(Template)]
#[template(path = "sources/request.html")]
struct RequestPage {
    frame: Frame,
    source: SourceView,
    r: Shown,
    may_write: bool,
    may_resend: bool,
}

/// One request.
pub(crate) async fn request(call: Call) -> Result<Reply, Fault> {
    let found = read(&call, call.param(0)).await?;
    let source = SourceView::of(&call, &found).await?;
    let base = format!("{}/requests/{}", source.path, part(call.param(1)));
    let r = Shown::read(&call, &api(&source.id), &source.url, call.param(1), base.clone(), base).await?;
    Reply::page(&RequestPage {
        frame: call.frame(format!("Request {} · {}", r.id, source.name), Section::Sources),
        source,
        r,
        may_write: call.me.may_write(),
        may_resend: call.me.may_resend(),
    })
}

/// What comes, as it comes; `verdict` narrows it.
pub(crate) async fn stream(call: Call) -> Result<Reply, Fault> {
    let query = call.query();
    let only = query.some("verdict").map(|verdict| format!("&verdict={}", part(verdict))).unwrap_or_default();
    let at = format!("{}/request/stream?live=1{only}", api(call.param(0)));
    Ok(Reply::passed(call.api_stream(&at).await?))
}

/// Everything that came, as a file.
pub(crate) async fn export(call: Call) -> Result<Reply, Fault> {
    let format = match call.query().get("format") {
        format @ ("csv" | "har" | "curl") => format.to_owned(),
        _ => "ndjson".to_owned(),
    };
    Ok(Reply::passed(call.api_file(&format!("{}/export?format={format}", api(call.param(0)))).await?))
}

/// The bytes of a request's body, as a download.
pub(crate) async fn raw(call: Call) -> Result<Reply, Fault> {
    let at = format!("{}/request/{}/raw", api(call.param(0)), part(call.param(1)));
    Ok(Reply::passed(call.api_file(&at).await?))
}
