//! One inbox: what came, one request of it, and what it answers.
//!
//! **Invariant:** the list and the request are plain pages; a stream only adds rows to the list.

use super::{api, ends, page, read};
use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::pages::requests::{Line, Shown, View};
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use http::{Method, StatusCode};
use serde_json::Value;

/// Rows of the list.
const ROWS: usize = 50;

#[derive(Template)]
#[template(path = "inspector/show.html")]
struct Page {
    frame: Frame,
    bin: Bin,
    tab: &'static str,
    rows: Vec<Line>,
    selected: String,
    request: Option<Shown>,
    next: Option<String>,
    is_first: bool,
    may_write: bool,
    may_resend: bool,
    wrong: Option<Refusal>,
}

/// What the page says of the inbox itself.
struct Bin {
    id: String,
    path: String,
    name: String,
    url: String,
    ends: v::Html,
    share: String,
    forward: String,
    status: u64,
    body: String,
    content_type: String,
    delay_ms: u64,
    failure_rate: u64,
    qr: v::Html,
}

impl Bin {
    fn of(bin: &Value, call: &Call) -> Bin {
        let id = bin.text("id");
        let url = bin.text("url");
        let response = bin.member("options.response");
        let headers = response.member("headers").as_object().into_iter().flatten();
        let kind = headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-type")).find_map(|(_, v)| v.as_str());
        Bin {
            path: page(&id),
            id,
            name: bin.text("name"),
            ends: ends(bin, call),
            share: bin.text("shareUrl"),
            forward: bin.text("forwardUrl"),
            status: Some(response.number("status")).filter(|status| *status != 0).unwrap_or(200),
            body: response.text("body"),
            content_type: kind.unwrap_or_default().to_owned(),
            delay_ms: bin.number("options.delayMs"),
            failure_rate: bin.number("options.failureRate"),
            qr: v::qr(&url, "QR code of the inbox's URL"),
            url,
        }
    }
    /// A first request.
    fn curl(&self) -> String {
        format!("curl -d '{{\"hello\": \"world\"}}' {}", self.url)
    }
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let tab = match call.query().get("tab") {
        "answer" => "answer",
        "settings" => "settings",
        _ => "requests",
    };
    render(&call, tab, None).await
}

pub(super) async fn render(call: &Call, tab: &'static str, wrong: Option<Refusal>) -> Result<Reply, Fault> {
    let bin = Bin::of(&read(call).await?, call);
    let query = call.query();
    let (after, wanted) = (query.get("after").to_owned(), query.get("request").to_owned());
    let iterator = if after.is_empty() { String::new() } else { format!("&iterator={}", part(&after)) };
    let (mut rows, mut next, mut request, mut selected) = (Vec::new(), None, None, String::new());
    if tab == "requests" {
        let at = format!("{}/request?limit={ROWS}&with_content=false{iterator}", api(&bin.id));
        let list = call.api(Method::GET, &at, None).await?;
        rows = list.list("data").iter().map(|one| Line::of(one, call.now())).collect();
        next = list.next_page().map(|after| query.with(&[("after", &after), ("request", ""), ("view", "")]));
        selected = if wanted.is_empty() { rows.first().map_or(String::new(), |row| row.id.clone()) } else { wanted };
        if !selected.is_empty() {
            let base = format!("{}?request={}", bin.path, part(&selected));
            let path = format!("{}/requests/{}", bin.path, part(&selected));
            request = Some(Shown::read(call, &api(&bin.id), &bin.url, &selected, base, path).await?);
        }
    }
    let status = wrong.as_ref().map_or(StatusCode::OK, |_| StatusCode::UNPROCESSABLE_ENTITY);
    let title = format!("{} · Inspector", bin.name);
    let page = Page {
        frame: call.frame(title, Section::Inspector),
        bin,
        tab,
        rows,
        selected,
        request,
        next,
        is_first: after.is_empty(),
        may_write: call.me.may_write(),
        may_resend: call.me.may_resend(),
        wrong,
    };
    Reply::page_with(status, &page)
}

/// What comes to the inbox, as it comes.
pub(crate) async fn stream(call: Call) -> Result<Reply, Fault> {
    let at = format!("{}/request/stream?live=1", api(call.param(0)));
    Ok(Reply::passed(call.api_stream(&at).await?))
}

/// Everything that came, as a file.
pub(crate) async fn export(call: Call) -> Result<Reply, Fault> {
    let format = match call.query().get("format") {
        format @ ("csv" | "har" | "curl") => format.to_owned(),
        _ => "ndjson".to_owned(),
    };
    let at = format!("{}/export?format={format}", api(call.param(0)));
    Ok(Reply::passed(call.api_file(&at).await?))
}

/// The bytes of a request's body, as a download.
pub(crate) async fn raw(call: Call) -> Result<Reply, Fault> {
    let at = format!("{}/request/{}/raw", api(call.param(0)), part(call.param(1)));
    Ok(Reply::passed(call.api_file(&at).await?))
}
