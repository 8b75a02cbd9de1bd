//! All links.
//!
//! **Invariant:** one page of at most 25, each with its figures of a day.

use super::{api, day};
use crate::answer::Members;
use crate::call::Call;
use crate::fault::Fault;
use crate::pages::listed::Listed;
use crate::reply::Reply;
use crate::view::{self as v, Badge, Frame, Section, Tone};
use askama::Template;
use domain::Timestamp;
use serde_json::Value;

struct Row {
    id: String,
    name: String,
    url: String,
    target: String,
    clicks: u64,
    spark: v::Html,
    state: Badge,
    tags: Vec<String>,
}

#[derive(Template)]
#[template(path = "links/list.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    tag: String,
    next: Option<String>,
    is_first: bool,
    may_write: bool,
}

pub(super) fn state(link: &Value, now: Timestamp) -> Badge {
    let (tone, text) = match link.time("expiresAt") {
        _ if link.is("disabled") => (Tone::Idle, "Switched off"),
        Some(at) if at <= now => (Tone::Warn, "Ended"),
        _ => (Tone::Good, "On"),
    };
    Badge { tone, text: text.to_owned() }
}

pub(super) fn name(link: &Value) -> String {
    link.some("name").unwrap_or_else(|| link.text("slug"))
}

pub(crate) async fn list(call: Call) -> Result<Reply, Fault> {
    let links = Listed::read(&call, "/api/v1/link", 25, &["tag"]).await?;
    let mut rows = Vec::new();
    for link in &links.rows {
        let id = link.text("id");
        let stats = day(&call, &api(&id), 0).await?;
        let hours: Vec<u64> = stats.list("series").iter().map(|step| step.number("clicks")).collect();
        let clicks = stats.number("clicks");
        rows.push(Row {
            name: name(link),
            url: link.text("url"),
            target: link.text("target"),
            spark: v::spark(&hours, &format!("Clicks by the hour, {clicks} in all")),
            clicks,
            state: state(link, call.now()),
            tags: link.texts("tags"),
            id,
        });
    }
    Reply::page(&Page {
        next: links.next,
        is_first: links.is_first,
        tag: call.query().get("tag").to_owned(),
        may_write: call.me.may_write(),
        rows,
        frame: call.frame("Links", Section::Links),
    })
}
