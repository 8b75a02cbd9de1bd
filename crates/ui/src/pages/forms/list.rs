//! All forms.
//!
//! **Invariant:** one page of at most 25, each with its figures of a week.

use super::api;
use crate::answer::Members;
use crate::call::Call;
use crate::fault::Fault;
use crate::pages::listed::Listed;
use crate::reply::Reply;
use crate::view::{self as v, Badge, Frame, Section, Tone};
use askama::Template;
use http::Method;

struct Row {
    id: String,
    name: String,
    fields: String,
    week: u64,
    spark: v::Html,
    state: Badge,
}

#[derive(Template)]
#[template(path = "forms/list.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    next: Option<String>,
    is_first: bool,
    may_write: bool,
}

pub(super) fn state(is_off: bool) -> Badge {
    let (tone, text) = if is_off { (Tone::Idle, "Switched off") } else { (Tone::Good, "On") };
    Badge { tone, text: text.to_owned() }
}

pub(crate) async fn list(call: Call) -> Result<Reply, Fault> {
    let forms = Listed::read(&call, "/api/v1/form", 25, &[]).await?;
    let mut rows = Vec::new();
    for form in &forms.rows {
        let id = form.text("id");
        let stats = call.api(Method::GET, &format!("{}/stats?top=0", api(&id)), None).await?;
        let days: Vec<u64> = stats.list("series").iter().map(|step| step.number("submissions")).collect();
        let names: Vec<String> = form.list("fields").iter().map(|field| field.text("name")).collect();
        rows.push(Row {
            name: form.text("name"),
            fields: if names.is_empty() { "any fields".to_owned() } else { names.join(", ") },
            week: stats.number("submissions"),
            spark: v::spark(&days, "Submissions by the day"),
            state: state(form.is("disabled")),
            id,
        });
    }
    Reply::page(&Page {
        next: forms.next,
        is_first: forms.is_first,
        may_write: call.me.may_write(),
        rows,
        frame: call.frame("Forms", Section::Forms),
    })
}
