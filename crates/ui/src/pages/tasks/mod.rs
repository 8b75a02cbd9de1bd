//! Tasks: replays under way and done, their progress and what came of each message.
//!
//! **Invariant:** a page that follows a task asks every two seconds while it runs, and no more once it ended.

mod report;

pub(crate) use report::download as report;

use crate::call::Call;
use crate::fault::Fault;
use crate::pages::common::{address, query};
use crate::reply::Reply;
use crate::view::{self as v, Badge, Frame, Section, Tone, duration};
use askama::Template;
use domain::{TaskId, Timestamp};
use http::Method;
use report::Report;
use std::time::Duration;
use store::{Cursor, Order, PageQuery, Ref, Task, TaskKind, TaskStatus, Which};

const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "tasks/list.html")]
struct List {
    frame: Frame,
    now: Timestamp,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
    may_resend: bool,
}

/// A task as both pages show it.
struct Row {
    id: String,
    title: &'static str,
    status: Badge,
    endpoint: String,
    address: String,
    app: String,
    app_name: String,
    percent: u64,
    /// `2 969 of 4 182`
    made: String,
    delivered: u64,
    failed: u64,
    canceled: u64,
    waiting: u64,
    started_at: Timestamp,
    updated_at: Timestamp,
    is_running: bool,
    is_paused: bool,
    /// Until all are made.
    left: Option<String>,
}

#[derive(Template)]
#[template(path = "tasks/page.html")]
struct Page {
    frame: Frame,
    now: Timestamp,
    row: Row,
    since: Timestamp,
    until: Option<Timestamp>,
    which: &'static str,
    types: Vec<String>,
    channel: Option<String>,
    tag: Option<String>,
    speed: Option<u32>,
    report: Report,
    may_resend: bool,
}

/// What refreshes itself.
#[derive(Template)]
#[template(path = "tasks/progress.html")]
struct Progress {
    frame: Frame,
    now: Timestamp,
    row: Row,
    may_resend: bool,
}

pub(crate) async fn list(call: Call) -> Result<Reply, Fault> {
    let params = call.query();
    let read = |name: &str| call.codec().read::<TaskId>(params.get(name));
    let cursor = match (read("older"), read("newer")) {
        (Some(at), _) => Some(Cursor::After(at)),
        (None, Some(at)) => Some(Cursor::Before(at)),
        (None, None) => None,
    };
    let page = PageQuery { limit: ROWS, cursor: cursor.clone(), order: Order::Descending };
    let found = call.store().tasks(call.me.org, page).await?;
    let link = |name: &str, at: TaskId| format!("/tasks{}", query(&[(name, &call.codec().text(at))]));
    let is_back = matches!(cursor, Some(Cursor::Before(_)));
    let older = found.last.filter(|_| is_back || !found.done).map(|at| link("older", at));
    let newer = found.first.filter(|_| cursor.is_some()).map(|at| link("newer", at));
    let mut rows = Vec::new();
    for task in &found.data {
        rows.push(row(&call, task).await);
    }
    let frame = call.frame("Tasks", Section::Tasks);
    Reply::page(&List { frame, now: call.now(), rows, newer, older, may_resend: call.me.may_resend() })
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let task = found(&call).await?;
    let row = row(&call, &task).await;
    let (now, may_resend) = (call.now(), call.me.may_resend());
    let frame = call.frame(format!("{} to {}", row.title, row.address), Section::Tasks);
    if call.is_fragment() {
        return Reply::page(&Progress { frame, now, row, may_resend });
    }
    let report = report::read(&call, &task).await?;
    let filter = task.filter;
    Reply::page(&Page {
        frame,
        now,
        row,
        since: filter.since,
        until: filter.until,
        which: which(filter.which),
        types: filter.event_types,
        channel: filter.channel,
        tag: filter.tag,
        speed: task.speed_per_s,
        report,
        may_resend,
    })
}

/// The task that the path names.
async fn found(call: &Call) -> Result<Task, Fault> {
    let id: TaskId = call.codec().read(call.param(0)).ok_or_else(|| Fault::not_found("task"))?;
    Ok(call.store().task(call.me.org, id).await?)
}

async fn row(call: &Call, task: &Task) -> Row {
    let (store, codec) = (call.store(), call.codec());
    let endpoint = store.find_endpoint(call.me.org, task.endpoint).await;
    let app = store.app(call.me.org, &Ref::Id(task.app)).await;
    let total = task.estimate.as_ref().map(|e| (e.count, e.at_least));
    let made = match total {
        Some((total, at_least)) if !is_ended(task.status) => {
            let about = if at_least { "at least " } else { "" };
            format!("{} of {about}{}", v::count(task.done), v::count(total.max(task.done)))
        }
        _ => v::count(task.done),
    };
    let left = total.filter(|_| task.status == TaskStatus::Running).zip(task.speed_per_s).map(|((total, _), speed)| {
        duration(Duration::from_secs(total.saturating_sub(task.done).div_ceil(u64::from(speed.max(1)))))
    });
    Row {
        id: codec.text(task.id),
        title: title(task),
        status: status(task.status),
        endpoint: codec.text(task.endpoint),
        address: endpoint.map_or("a deleted endpoint".to_owned(), |e| address(&e.url)),
        app: codec.text(task.app),
        app_name: app.map_or("a deleted application".to_owned(), |app| app.name),
        percent: percent(task),
        made,
        delivered: task.delivered,
        failed: task.failed,
        canceled: task.canceled,
        waiting: task.waiting(),
        started_at: task.id.created_at(),
        updated_at: task.updated_at,
        is_running: task.status == TaskStatus::Running || (!is_ended(task.status) || task.waiting() > 0),
        is_paused: task.status == TaskStatus::Paused,
        left,
    }
}

fn is_ended(status: TaskStatus) -> bool {
    !matches!(status, TaskStatus::Running | TaskStatus::Paused)
}

/// Of the work of making deliveries, in percent; 100 only at the end.
fn percent(task: &Task) -> u64 {
    let exact = task.estimate.as_ref().filter(|e| !e.at_least && e.count > 0);
    match (task.status, exact) {
        (TaskStatus::Finished, _) => 100,
        (_, Some(e)) => (task.done.saturating_mul(100) / e.count).min(99),
        (_, None) => u64::from(task.walked_percent).min(99),
    }
}

fn title(task: &Task) -> &'static str {
    match (task.kind, task.filter.which) {
        (TaskKind::Recover, _) | (TaskKind::BulkReplay, Which::Failed) => "Recover failed messages",
        (TaskKind::ReplayMissing, _) | (TaskKind::BulkReplay, Which::Missing) => "Send missed messages",
        (TaskKind::BulkReplay, _) => "Replay messages",
    }
}

pub(super) fn which(which: Which) -> &'static str {
    match which {
        Which::Failed => "those that failed",
        Which::Missing => "those never attempted",
        Which::Delivered => "those that were delivered",
        Which::Everything => "everything",
    }
}

fn status(status: TaskStatus) -> Badge {
    let (tone, text) = match status {
        TaskStatus::Running => (Tone::Busy, "Running"),
        TaskStatus::Paused => (Tone::Warn, "Paused"),
        TaskStatus::Finished => (Tone::Good, "Finished"),
        TaskStatus::Failed => (Tone::Bad, "Failed"),
        TaskStatus::Canceled => (Tone::Idle, "Canceled"),
    };
    Badge { tone, text: text.to_owned() }
}

async fn act(call: Call, verb: &str, notice: &str) -> Result<Reply, Fault> {
    let id = call.codec().text(found(&call).await?.id);
    call.api(Method::POST, &format!("/api/v1/background-task/{id}/{verb}"), None).await?;
    Ok(Reply::see(&format!("/tasks/{id}")).notice(notice))
}

pub(crate) async fn pause(call: Call) -> Result<Reply, Fault> {
    act(call, "pause", "Paused. What is under way still arrives.").await
}
pub(crate) async fn resume(call: Call) -> Result<Reply, Fault> {
    act(call, "resume", "It goes on where it stopped.").await
}
pub(crate) async fn cancel(call: Call) -> Result<Reply, Fault> {
    act(call, "cancel", "Canceled: nothing more is made. What is under way still arrives.").await
}
