//! The deliveries that a task made, as its report shows them.

use super::rows;
use crate::error::StoreError;
use crate::operations::{ReportKey, ReportRow, ReportState};
use crate::types::{Order, Page, PageQuery};
use domain::{MessageId, TaskId};
use rusqlite::{Connection, Row, params};

type Result<T> = std::result::Result<T, StoreError>;

const STATES: [ReportState; 4] =
    [ReportState::Waiting, ReportState::Delivered, ReportState::Failed, ReportState::Canceled];

fn from_row(row: &Row<'_>) -> rusqlite::Result<ReportRow> {
    Ok(ReportRow {
        key: ReportKey { message: MessageId(row.get("message")?), ordinal: row.get("ordinal")? },
        event_type: row.get("event_type")?,
        state: rows::code(row, "state", STATES, |s| s as i64)?,
        status_code: row.get("status_code")?,
        at: rows::time(row, "at")?,
    })
}

/// Oldest message first. A page may be shorter than its limit and not be the last.
pub(crate) fn list(
    conn: &Connection,
    task: TaskId,
    page: &PageQuery<ReportKey>,
    state: Option<ReportState>,
) -> Result<Page<ReportRow, ReportKey>> {
    let page = PageQuery { order: Order::Ascending, ..page.clone() };
    let walk = rows::walk(&page);
    let (comparison, dir) = walk.words();
    let beyond = match walk.from {
        Some(_) => format!("(t.message, t.ordinal) {comparison} (?2, ?3)"),
        None => "?2 IS NULL AND ?3 IS NULL".to_owned(),
    };
    let mut statement = conn.prepare_cached(&format!(
        "SELECT t.message, t.ordinal, t.state, t.status_code, t.at, m.event_type
         FROM task_delivery t LEFT JOIN message m ON m.id = t.message
         WHERE t.task = ?1 AND {beyond} ORDER BY t.message {dir}, t.ordinal {dir}"
    ))?;
    let found = statement.query(params![task.0, walk.from.map(|k| k.message.0), walk.from.map(|k| k.ordinal)])?;
    rows::scan(found, page.limit, &walk, |row| {
        let row = from_row(row)?;
        Ok((row.key, Some(row).filter(|r| state.is_none_or(|s| s == r.state))))
    })
}
