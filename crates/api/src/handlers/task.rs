//! Background tasks: recovering and replaying, and what a person does with them.
//!
//! **Invariant:** an application's token sees and touches the tasks of its own application only.

use super::endpoint::Place;
use super::export::{PageWriter, Pages};
use crate::call::{Call, Shared};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::list::{self, ListOut};
use crate::wire::task::{self, EstimateOut, ReportOut, TaskOut, read_bulk_replay, read_replay, read_window};
use axum::body::Body;
use bytes::Bytes;
use domain::{OrgId, TaskId};
use http::StatusCode;
use std::sync::Arc;
use store::{Cursor, Order, PageQuery, ReplayFilter, ReportKey, ReportState, StoreError, Task, TaskKind};

/// Rows of a page of an exported report.
const REPORT_PAGE: u32 = 250;

pub(crate) async fn recover(call: Call) -> Result<Reply, Problem> {
    start(call, TaskKind::Recover).await
}

pub(crate) async fn replay_missing(call: Call) -> Result<Reply, Problem> {
    start(call, TaskKind::ReplayMissing).await
}

async fn start(call: Call, kind: TaskKind) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    let (since, until) = read_window(&call.body)?;
    let task = call.store().start_task(place.app, &call.endpoint(place.param)?, kind, since, until).await?;
    Ok(started(&call, task))
}

fn started(call: &Call, task: Task) -> Reply {
    Reply::json(StatusCode::ACCEPTED, &TaskOut::of(task, call.codec()))
}

pub(crate) async fn estimate(call: Call) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    let (filter, speed) = read_replay(&call.body)?;
    let found = call.store().estimate_task(place.app, &call.endpoint(place.param)?, filter, speed).await?;
    Ok(Reply::ok(&EstimateOut::of(found, call.codec())))
}

pub(crate) async fn replay(call: Call) -> Result<Reply, Problem> {
    let (filter, speed) = read_replay(&call.body)?;
    start_replay(call, filter, speed).await
}

pub(crate) async fn bulk_replay(call: Call) -> Result<Reply, Problem> {
    let filter = read_bulk_replay(&call.body)?;
    start_replay(call, filter, None).await
}

async fn start_replay(call: Call, filter: ReplayFilter, speed: Option<u32>) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    let task = call.store().start_replay(place.app, &call.endpoint(place.param)?, filter, speed).await?;
    Ok(started(&call, task))
}

pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let codec = call.codec();
    let page = list::page(&query, codec, Order::Descending)?;
    let tasks = match call.caller.app {
        Some(app) => call.store().tasks_of_app(app, page).await?,
        None => call.store().tasks(call.caller.org, page).await?,
    };
    let mut out = ListOut::of(tasks, |t| TaskOut::of(t, codec), |id| codec.text(id));
    // A page may be shorter than its limit; the iterator goes on from the last row looked at.
    let is_asked = |name: &str, value: &str| query.get(name).is_none_or(|asked| asked == value);
    out.data.retain(|t| {
        (is_asked("status", t.status) || is_asked("status", t.state))
            && is_asked("state", t.state)
            && is_asked("task", t.task)
    });
    Ok(Reply::ok(&out))
}

/// The task in the path, if this caller may touch it.
async fn task_of(call: &Call) -> Result<Task, Problem> {
    let task = call.store().task(call.caller.org, call.id(0, "task")?).await?;
    match call.caller.app {
        Some(own) if own != task.app => Err(Problem::not_found("task not found")),
        _ => Ok(task),
    }
}

pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    Ok(Reply::ok(&TaskOut::of(task, call.codec())))
}

pub(crate) async fn pause(call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    let task = call.store().pause_task(call.caller.org, task.id).await?;
    Ok(Reply::ok(&TaskOut::of(task, call.codec())))
}
pub(crate) async fn resume(call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    let task = call.store().resume_task(call.caller.org, task.id).await?;
    Ok(Reply::ok(&TaskOut::of(task, call.codec())))
}
pub(crate) async fn cancel(call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    let task = call.store().cancel_task(call.caller.org, task.id).await?;
    Ok(Reply::ok(&TaskOut::of(task, call.codec())))
}

/// A page as JSON, or all of it as CSV.
pub(crate) async fn report(call: Call) -> Result<Reply, Problem> {
    let found = task_of(&call).await?;
    let (query, codec) = (call.query(), call.codec());
    let state = match query.get("state") {
        None => None,
        Some(text) => Some(
            task::report_state(text)
                .ok_or_else(|| Problem::query("state", "must be waiting, delivered, failed or canceled"))?,
        ),
    };
    match query.get("format").unwrap_or("json") {
        "json" => {
            let page = list::page_by(&query, Order::Ascending, |text| task::read_report_cursor(text, codec))?;
            let page = call.store().task_report(call.caller.org, found.id, page, state).await?;
            Ok(Reply::ok(&ListOut::of(page, |row| ReportOut::of(row, codec), |key| task::report_cursor(key, codec))))
        }
        "csv" => {
            let name = format!("{}.csv", codec.text(found.id));
            let (shared, org) = (call.shared.clone(), call.caller.org);
            let writer = Writer { shared, org, task: found.id, state, cursor: None };
            Ok(Reply::streamed("text/csv; charset=utf-8; header=present", name, Body::new(Pages::of(writer))))
        }
        _ => Err(Problem::query("format", "must be json or csv")),
    }
}

/// Writes a report page by page.
struct Writer {
    shared: Arc<Shared>,
    org: OrgId,
    task: TaskId,
    state: Option<ReportState>,
    /// The last row written; `None` before the first page.
    cursor: Option<ReportKey>,
}

impl PageWriter for Writer {
    async fn page(mut self) -> Result<(Bytes, Option<Self>), StoreError> {
        let store = &self.shared.store;
        let page = PageQuery { limit: REPORT_PAGE, cursor: self.cursor.map(Cursor::After), order: Order::Ascending };
        let found = store.task_report(self.org, self.task, page, self.state).await?;
        let mut out = Vec::new();
        if self.cursor.is_none() {
            task::begin_csv(&mut out);
        }
        for row in found.data {
            task::csv_row(ReportOut::of(row, store.codec()), &mut out);
        }
        let next = if found.done { None } else { found.last };
        let Some(last) = next else { return Ok((out.into(), None)) };
        self.cursor = Some(last);
        Ok((out.into(), Some(self)))
    }
}
