//! One link: its clicks, its rules, who is told.
//!
//! **Invariant:** the tab and the page of its events are in the URL.

use super::list::{name, state};
use super::{api, day, page, read};
use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::pages::told::{Told, told};
use crate::reply::Reply;
use crate::view::{self as v, Badge, Frame, Section};
use askama::Template;
use http::{Method, StatusCode};
use serde_json::Value;

#[derive(Template)]
#[template(path = "links/show.html")]
struct Page {
    frame: Frame,
    id: String,
    path: String,
    name: String,
    url: String,
    target: String,
    state: Badge,
    is_on: bool,
    ends: v::Html,
    tags: Vec<String>,
    clicks: u64,
    unique: u64,
    bots: u64,
    conversions: u64,
    spark: v::Html,
    tops: Vec<Top>,
    events: Vec<Event>,
    told: Vec<Told>,
    next: Option<String>,
    is_first: bool,
    may_write: bool,
    wrong: Option<Refusal>,
}

/// The most frequent values of one kind.
pub(crate) struct Top {
    pub title: &'static str,
    /// Value, how often, and the same in words.
    pub rows: Vec<(String, u64, String)>,
    pub max: u64,
}

struct Event {
    at: v::Html,
    what: String,
    who: Badge,
    from: String,
    with: String,
    country: String,
    id: String,
}

/// The dimensions that people ask for.
pub(crate) fn tops(stats: &Value) -> Vec<Top> {
    [("referrers", "Where from"), ("countries", "Countries"), ("devices", "Devices")]
        .into_iter()
        .map(|(name, title)| {
            let each = stats.list(name).iter().map(|row| {
                let value = row.some("value").unwrap_or_else(|| "not known".to_owned());
                (value, row.number("count"), v::count(row.number("count")))
            });
            let rows: Vec<_> = each.collect();
            Top { title, max: rows.iter().map(|(_, count, _)| *count).max().unwrap_or(1).max(1), rows }
        })
        .collect()
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    render(&call, None).await
}

pub(super) async fn render(call: &Call, wrong: Option<Refusal>) -> Result<Reply, Fault> {
    let link = read(call, call.param(0)).await?;
    let id = link.text("id");
    let query = call.query();
    let after = query.get("after").to_owned();
    let stats = day(call, &api(&id), 5).await?;
    let iterator = if after.is_empty() { String::new() } else { format!("&iterator={}", part(&after)) };
    let events = call.api(Method::GET, &format!("{}/event?limit=25{iterator}", api(&id)), None).await?;
    let (human, bot) = (format!("{id}.human"), format!("{id}.bot"));
    let told = told(call, &link.text("appId"), "link.clicked", &[&id, &human, &bot, "human", "bot"]).await?;
    let hours: Vec<u64> = stats.list("series").iter().map(|step| step.number("clicks")).collect();
    let status = wrong.as_ref().map_or(StatusCode::OK, |_| StatusCode::UNPROCESSABLE_ENTITY);
    let view = Page {
        frame: call.frame(format!("{} · Links", name(&link)), Section::Links),
        path: page(&id),
        name: name(&link),
        url: link.text("url"),
        target: link.text("target"),
        state: state(&link, call.now()),
        is_on: !link.is("disabled"),
        ends: link.time("expiresAt").map_or_else(|| v::Html("never".to_owned()), v::stamp),
        tags: link.texts("tags"),
        clicks: stats.number("clicks"),
        unique: stats.number("uniqueVisitors"),
        bots: stats.number("bots"),
        conversions: stats.number("conversions"),
        spark: v::spark(&hours, "Clicks by the hour"),
        tops: tops(&stats),
        events: events.list("data").iter().map(|one| event(one, call)).collect(),
        told,
        next: events.next_page().map(|after| query.with(&[("after", &after)])),
        is_first: after.is_empty(),
        may_write: call.me.may_write(),
        wrong,
        id,
    };
    Reply::page_with(status, &view)
}

fn event(event: &Value, call: &Call) -> Event {
    let data = event.member("data");
    let (tone, who) = match (data.is_object(), data.is("bot")) {
        (false, _) => (v::Tone::Idle, "no longer kept"),
        (_, true) => (v::Tone::Idle, "A machine"),
        _ if data.is("firstHuman") => (v::Tone::Good, "The first person"),
        _ => (v::Tone::Good, "A person"),
    };
    let with = [data.text("device"), data.text("browser"), data.text("os")];
    let what = match &*event.text("type") {
        "link.converted" => format!("Led to: {}", data.text("name")),
        _ => "Click".to_owned(),
    };
    Event {
        at: event.time("timestamp").map(|at| v::ago(at, call.now())).unwrap_or_default(),
        what,
        who: Badge { tone, text: who.to_owned() },
        from: data.some("referrerHost").unwrap_or_else(|| "–".to_owned()),
        with: with.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", "),
        country: data.some("country").unwrap_or_else(|| "–".to_owned()),
        id: event.text("id"),
    }
}

/// The QR code as a file.
pub(crate) async fn qr(call: Call) -> Result<Reply, Fault> {
    let format = if call.query().get("format") == "png" { "png" } else { "svg" };
    let at = format!("{}/qr?format={format}&size=1024", api(call.param(0)));
    let reply = Reply::passed(call.api_file(&at).await?);
    let name = format!("attachment; filename=\"link-qr.{format}\"");
    Ok(match call.query().has("save") {
        true => reply.append(http::header::CONTENT_DISPOSITION, &name),
        false => reply,
    })
}

/// All clicks, as a file.
pub(crate) async fn export(call: Call) -> Result<Reply, Fault> {
    let format = if call.query().get("format") == "ndjson" { "ndjson" } else { "csv" };
    Ok(Reply::passed(call.api_file(&format!("{}/export?format={format}", api(call.param(0)))).await?))
}
