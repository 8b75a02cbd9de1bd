//! Background tasks: recovering and replaying.

use super::endpoint::Place;
use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::list::{self, ListOut};
use crate::wire::task::{TaskOut, read_window};
use http::StatusCode;
use store::{Order, TaskKind};

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
    Ok(Reply::json(StatusCode::ACCEPTED, &TaskOut::of(task, call.codec())))
}

pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let codec = call.codec();
    let page = list::page(&query, codec, Order::Descending)?;
    let tasks = call.store().tasks(call.caller.org, page).await?;
    let mut out = ListOut::of(tasks, |t| TaskOut::of(t, codec), |id| codec.text(id));
    // A page may be shorter than its limit; the iterator goes on from the last row looked at.
    let is_asked = |name: &str, value: &str| query.get(name).is_none_or(|asked| asked == value);
    out.data.retain(|t| is_asked("status", t.status) && is_asked("task", t.task));
    Ok(Reply::ok(&out))
}

pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let task = call.store().task(call.caller.org, call.id(0, "task")?).await?;
    Ok(Reply::ok(&TaskOut::of(task, call.codec())))
}
