//! One form: what was sent, its HTML, who is told.
//!
//! **Invariant:** a file of a submission is a link to its download, never shown.

use super::list::state;
use super::{api, first_seen, page, plain, read};
use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::pages::links::{Top, tops};
use crate::pages::told::{Told, told};
use crate::reply::Reply;
use crate::view::{self as v, Badge, Frame, Section, Waiting};
use askama::Template;
use http::{Method, StatusCode};
use serde_json::Value;

#[derive(Template)]
#[template(path = "forms/show.html")]
struct Page {
    frame: Frame,
    id: String,
    path: String,
    name: String,
    url: String,
    html: String,
    state: Badge,
    is_on: bool,
    facts: Vec<(bool, String)>,
    week: u64,
    bots: u64,
    unique: u64,
    spark: v::Html,
    tops: Vec<Top>,
    columns: Vec<String>,
    rows: Vec<Row>,
    told: Vec<Told>,
    waiting: Waiting,
    next: Option<String>,
    is_first: bool,
    may_write: bool,
    wrong: Option<Refusal>,
}

struct Row {
    id: String,
    at: v::Html,
    /// One for each column.
    values: Vec<String>,
    files: Vec<File>,
    is_bot: bool,
}

struct File {
    name: String,
    url: String,
    size: String,
}

/// Columns of the table at most: what a screen has room for.
const COLUMNS_MAX: usize = 5;

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    render(&call, None).await
}

pub(super) async fn render(call: &Call, wrong: Option<Refusal>) -> Result<Reply, Fault> {
    let form = read(call, call.param(0)).await?;
    let id = form.text("id");
    let waiting = Waiting::new(call, "Waiting for a test submission…", first_seen(call, &id).await?);
    if let Some(reply) = waiting.poll(call) {
        return Ok(reply);
    }
    let query = call.query();
    let after = query.get("after").to_owned();
    let iterator = if after.is_empty() { String::new() } else { format!("&iterator={}", part(&after)) };
    let events = call.api(Method::GET, &format!("{}/event?limit=25{iterator}", api(&id)), None).await?;
    let stats = call.api(Method::GET, &format!("{}/stats?top=5", api(&id)), None).await?;
    let days: Vec<u64> = stats.list("series").iter().map(|step| step.number("submissions")).collect();
    let columns = columns(&form, events.list("data"));
    let status = wrong.as_ref().map_or(StatusCode::OK, |_| StatusCode::UNPROCESSABLE_ENTITY);
    let view = Page {
        frame: call.frame(format!("{} · Forms", form.text("name")), Section::Forms),
        path: page(&id),
        name: form.text("name"),
        url: form.text("url"),
        html: form.text("html"),
        state: state(form.is("disabled")),
        is_on: !form.is("disabled"),
        facts: facts(&form),
        week: stats.number("submissions"),
        bots: stats.number("bots"),
        unique: stats.number("uniqueVisitors"),
        spark: v::spark(&days, "Submissions by the day"),
        tops: tops(&stats),
        rows: events.list("data").iter().map(|event| row(event, &columns, call)).collect(),
        columns,
        told: told(call, &form.text("appId"), "form.submitted", &[&id]).await?,
        waiting,
        next: events.next_page().map(|after| query.with(&[("after", &after)])),
        is_first: after.is_empty(),
        may_write: call.me.may_write(),
        wrong,
        id,
    };
    Reply::page_with(status, &view)
}

/// The form's own fields, or those that were sent.
fn columns(form: &Value, events: &[Value]) -> Vec<String> {
    let mut names: Vec<String> = form
        .list("fields")
        .iter()
        .filter(|field| field.text("type") != "file")
        .map(|field| field.text("name"))
        .collect();
    if names.is_empty() {
        for name in events.iter().filter_map(|event| event.member("data.fields").as_object()).flat_map(|map| map.keys())
        {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    names.truncate(COLUMNS_MAX);
    names
}

fn row(event: &Value, columns: &[String], call: &Call) -> Row {
    let fields = event.member("data.fields");
    let file = |file: &Value| File {
        name: file.some("name").unwrap_or_else(|| "file".to_owned()),
        // Of our own server whatever it says of itself: the path alone.
        url: format!("/f/file/{}", part(&file.text("id"))),
        size: v::bytes(file.number("size")),
    };
    Row {
        id: event.text("id"),
        at: event.time("timestamp").map(|at| v::ago(at, call.now())).unwrap_or_default(),
        values: columns.iter().map(|name| fields.get(name).map(plain).unwrap_or_default()).collect(),
        files: event.list("data.files").iter().map(file).collect(),
        is_bot: event.is("data.bot"),
    }
}

/// How it is guarded, in words.
fn facts(form: &Value) -> Vec<(bool, String)> {
    let rate = form.number("ratePerMinute");
    let origins = form.texts("origins");
    vec![
        match form.some("honeypot") {
            Some(_) => (true, "A trap for robots: a field that people don’t see".to_owned()),
            None => (false, "No trap for robots".to_owned()),
        },
        match rate {
            0 => (false, "No limit for one sender".to_owned()),
            n => (true, format!("At most {n} a minute from one sender")),
        },
        match origins.iter().any(|origin| origin == "*") {
            true => (false, "Works on every website".to_owned()),
            false => (true, format!("Works on {} only", origins.join(", "))),
        },
        match (form.some("redirectUrl"), form.some("thankYou")) {
            (Some(url), _) => (true, format!("Afterwards people come to {url}")),
            (_, Some(text)) => (true, format!("Afterwards people read: {}", text.lines().next().unwrap_or_default())),
            _ => (true, "Afterwards people are thanked".to_owned()),
        },
    ]
}

/// All submissions, as a file.
pub(crate) async fn export(call: Call) -> Result<Reply, Fault> {
    let format = if call.query().get("format") == "ndjson" { "ndjson" } else { "csv" };
    Ok(Reply::passed(call.api_file(&format!("{}/export?format={format}", api(call.param(0)))).await?))
}
