//! Background tasks on the wire.

use super::fields::Fields;
use super::{read, time};
use crate::problem::Problem;
use domain::{IdCodec, Timestamp};
use serde::Serialize;
use store::{Task, TaskKind, TaskStatus};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskOut {
    pub id: String,
    pub status: &'static str,
    pub task: &'static str,
    data: TaskData,
    updated_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TaskData {
    app_id: String,
    endpoint_id: String,
    /// Deliveries created or brought back so far.
    messages_sent: u64,
}

impl TaskOut {
    pub fn of(t: Task, codec: &IdCodec) -> Self {
        TaskOut {
            id: codec.text(t.id),
            status: match t.status {
                TaskStatus::Running => "running",
                TaskStatus::Finished => "finished",
                TaskStatus::Failed => "failed",
                TaskStatus::Paused => "paused",
                TaskStatus::Canceled => "canceled",
            },
            task: match t.kind {
                TaskKind::Recover => "endpoint.recover",
                TaskKind::ReplayMissing => "endpoint.replay",
                TaskKind::BulkReplay => "endpoint.bulk-replay",
            },
            data: TaskData { app_id: codec.text(t.app), endpoint_id: codec.text(t.endpoint), messages_sent: t.done },
            updated_at: time::text(t.updated_at),
        }
    }
}

/// The window of a recovery: since, and until when if it has an end.
pub(crate) fn read_window(body: &[u8]) -> Result<(Timestamp, Option<Timestamp>), Problem> {
    let mut f = Fields::parse(body)?;
    let since = f.require(&["since"], read::timestamp);
    let until = f.take(&["until"], read::timestamp).value();
    f.finish()?;
    check_window(Some(since), until)?;
    Ok((since, until))
}

pub(crate) fn check_window(since: Option<Timestamp>, until: Option<Timestamp>) -> Result<(), Problem> {
    match (since, until) {
        (Some(since), Some(until)) if until < since => {
            Err(Problem::new(http::StatusCode::UNPROCESSABLE_ENTITY, "invalid_range", "until is before since"))
        }
        _ => Ok(()),
    }
}
