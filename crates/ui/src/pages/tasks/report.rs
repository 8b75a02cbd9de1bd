//! What came of each message of a task.
//!
//! **Invariant:** a page has at most a hundred rows; the file has all of them, written as they are read.

use super::found;
use crate::call::Call;
use crate::fault::Fault;
use crate::pages::common::{code, current, query};
use crate::reply::Reply;
use crate::view::{Badge, Html, Tone};
use domain::{MessageId, Timestamp};
use http::Method;
use store::{Cursor, Order, PageQuery, ReportKey, ReportRow, ReportState, Task};

const ROWS: u32 = 100;
const STATES: [(&str, &str, Option<ReportState>); 5] = [
    ("", "All", None),
    ("delivered", "Delivered", Some(ReportState::Delivered)),
    ("failed", "Failed", Some(ReportState::Failed)),
    ("waiting", "Waiting", Some(ReportState::Waiting)),
    ("canceled", "Canceled", Some(ReportState::Canceled)),
];

pub(super) struct Report {
    pub states: Vec<(String, &'static str, Html)>,
    pub rows: Vec<Line>,
    pub next: Option<String>,
    pub is_first: bool,
    pub is_filtered: bool,
    pub csv: String,
}

pub(super) struct Line {
    pub message: String,
    pub event_type: Option<String>,
    pub state: Badge,
    pub code: Option<Html>,
    pub at: Timestamp,
}

pub(super) async fn read(call: &Call, task: &Task) -> Result<Report, Fault> {
    let params = call.query();
    let (name, _, state) = STATES.into_iter().find(|(n, ..)| *n == params.get("state")).unwrap_or(STATES[0]);
    let cursor = params.some("from").and_then(|text| {
        let (message, ordinal) = text.split_once(':')?;
        Some(ReportKey { message: call.codec().read::<MessageId>(message)?, ordinal: ordinal.parse().ok()? })
    });
    let page = PageQuery { limit: ROWS, cursor: cursor.map(Cursor::After), order: Order::Ascending };
    let found = call.store().task_report(call.me.org, task.id, page, state).await?;
    let id = call.codec().text(task.id);
    let next = found.last.filter(|_| !found.done).map(|key| {
        let from = format!("{}:{}", call.codec().text(key.message), key.ordinal);
        format!("/tasks/{id}{}#report", query(&[("state", name), ("from", &from)]))
    });
    let states = STATES
        .iter()
        .map(|(n, text, _)| (format!("/tasks/{id}{}#report", query(&[("state", n)])), *text, current(*n == name)));
    Ok(Report {
        states: states.collect(),
        rows: found.data.into_iter().map(|row| line(call, row)).collect(),
        next,
        is_first: cursor.is_none(),
        is_filtered: state.is_some(),
        csv: format!("/tasks/{id}/report.csv{}", query(&[("state", name)])),
    })
}

fn line(call: &Call, row: ReportRow) -> Line {
    let (tone, text) = match row.state {
        ReportState::Waiting => (Tone::Busy, "Waiting"),
        ReportState::Delivered => (Tone::Good, "Delivered"),
        ReportState::Failed => (Tone::Bad, "Failed"),
        ReportState::Canceled => (Tone::Idle, "Canceled"),
    };
    Line {
        message: call.codec().text(row.key.message),
        event_type: row.event_type,
        state: Badge { tone, text: text.to_owned() },
        code: row.status_code.map(code),
        at: row.at,
    }
}

/// All of it as CSV.
pub(crate) async fn download(call: Call) -> Result<Reply, Fault> {
    let id = call.codec().text(found(&call).await?.id);
    let state = STATES.iter().find(|(n, ..)| *n == call.query().get("state")).map_or("", |(n, ..)| *n);
    let path = format!("/api/v1/background-task/{id}/report{}", query(&[("format", "csv"), ("state", state)]));
    Ok(Reply::passed(call.api_response(Method::GET, &path, None).await?))
}
