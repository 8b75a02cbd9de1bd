//! Background tasks: their rows, and what a person does with them.
//!
//! **Invariant:** a task that has ended stays ended.

use super::core::Core;
use super::{endpoints, rows};
use crate::error::StoreError;
use crate::operations::{Estimate, ReplayFilter, Task, TaskKind, TaskStatus, Which};
use crate::types::{EndpointRef, Page, PageQuery};
use domain::{AppId, EndpointId, OrgId, Seq, TaskId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) const COLUMNS: &str = "id, org, app, endpoint, kind, status, start, cursor, until, filter, estimate, speed, \
     done, delivered, failed, canceled, updated_at";

impl TaskKind {
    const ALL: [TaskKind; 3] = [TaskKind::Recover, TaskKind::ReplayMissing, TaskKind::BulkReplay];

    /// What operational webhooks call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            TaskKind::Recover => "endpoint.recover",
            TaskKind::ReplayMissing => "endpoint.replay",
            TaskKind::BulkReplay => "endpoint.bulk-replay",
        }
    }
}

const STATUSES: [TaskStatus; 5] =
    [TaskStatus::Running, TaskStatus::Finished, TaskStatus::Failed, TaskStatus::Paused, TaskStatus::Canceled];

/// How much of [start, until) lies before the cursor.
fn percent(start: i64, cursor: i64, until: i64) -> u8 {
    if cursor >= until {
        return 100;
    }
    let (passed, all) = (i128::from(cursor.saturating_sub(start).max(0)), i128::from((until - start).max(1)));
    u8::try_from((passed * 100 / all).clamp(0, 99)).unwrap_or(99)
}

pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Task> {
    let (start, cursor, until) = (row.get("start")?, row.get("cursor")?, row.get("until")?);
    let kind = rows::code(row, "kind", TaskKind::ALL, |k| k as i64)?;
    let mut filter: ReplayFilter = rows::json(row, "filter")?.unwrap_or_default();
    filter.since = Seq(start).created_at();
    filter.until = Some(Seq(until).created_at());
    if kind == TaskKind::ReplayMissing {
        filter.which = Which::Missing;
    }
    Ok(Task {
        id: TaskId(row.get("id")?),
        org: OrgId(row.get("org")?),
        app: AppId(row.get("app")?),
        endpoint: EndpointId(row.get("endpoint")?),
        kind,
        status: rows::code(row, "status", STATUSES, |s| s as i64)?,
        filter,
        estimate: rows::json(row, "estimate")?,
        speed_per_s: row.get("speed")?,
        done: row.get("done")?,
        delivered: row.get("delivered")?,
        failed: row.get("failed")?,
        canceled: row.get("canceled")?,
        walked_percent: percent(start, cursor, until),
        updated_at: rows::time(row, "updated_at")?,
    })
}

pub(crate) fn find(conn: &Connection, org: OrgId, task: TaskId) -> Result<Task> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM task WHERE org = ? AND id = ?"))?
        .query_row(params![org.0, task.0], from_row)
        .optional()?
        .ok_or(StoreError::NotFound("task"))
}

pub(crate) fn list(conn: &Connection, org: OrgId, page: &PageQuery<TaskId>) -> Result<Page<Task, TaskId>> {
    list_by(conn, "org", org.0, page)
}
pub(crate) fn list_of_app(conn: &Connection, app: AppId, page: &PageQuery<TaskId>) -> Result<Page<Task, TaskId>> {
    list_by(conn, "app", app.0, page)
}
fn list_by(conn: &Connection, owner: &'static str, id: i64, page: &PageQuery<TaskId>) -> Result<Page<Task, TaskId>> {
    let walk = rows::walk(page);
    let (beyond, (_, dir)) = (walk.beyond("id"), walk.words());
    let sql = format!("SELECT {COLUMNS} FROM task WHERE {owner} = ?1 AND {beyond} ORDER BY id {dir} LIMIT ?3");
    let mut statement = conn.prepare_cached(&sql)?;
    let found = rows::all(&mut statement, &[&id, &walk.from.map(|i| i.0), &(page.limit + 1)], from_row)?;
    Ok(rows::into_page(found, page.limit, &walk, |t| t.id))
}

/// A task to start.
pub(crate) struct NewTask {
    pub kind: TaskKind,
    pub filter: ReplayFilter,
    pub estimate: Option<Estimate>,
    pub speed_per_s: Option<u32>,
}

impl Core {
    pub(crate) fn start_task(
        &mut self,
        app: AppId,
        endpoint: &EndpointRef,
        new: &NewTask,
        now: Timestamp,
    ) -> Result<Task> {
        let endpoint = endpoints::find(&self.conn, app, endpoint)?;
        let route = self.route(app, now)?.ok_or(StoreError::NotFound("application"))?;
        let id: TaskId = self.next_id(now);
        // The task's own number comes after every message there is.
        let until = new.filter.until.map_or(id.0, |t| Seq::first_at(t).0.min(id.0));
        let start = self
            .conn
            .prepare_cached("SELECT id FROM message WHERE app = ? AND id >= ? AND id < ? ORDER BY id LIMIT 1")?
            .query_row(params![app.0, Seq::first_at(new.filter.since).0, until], |r| r.get::<_, i64>(0))
            .optional()?
            .unwrap_or(until);
        self.conn
            .prepare_cached("INSERT INTO task VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, ?)")?
            .execute(params![
                id.0,
                route.org.0,
                app.0,
                endpoint.id.0,
                new.kind as i64,
                start,
                start,
                until,
                rows::json_text(&new.filter),
                new.estimate.as_ref().map(rows::json_text),
                new.speed_per_s,
                now.0
            ])?;
        self.tasks_at = Some(now);
        find(&self.conn, route.org, id)
    }

    /// Moves a task that has not ended to another status; one that has it already stays as it is.
    pub(crate) fn set_task_status(
        &mut self,
        org: OrgId,
        task: TaskId,
        status: TaskStatus,
        now: Timestamp,
    ) -> Result<Task> {
        let found = find(&self.conn, org, task)?;
        if found.status == status {
            return Ok(found);
        }
        if !matches!(found.status, TaskStatus::Running | TaskStatus::Paused) {
            return Err(StoreError::Conflict("the task has ended"));
        }
        self.conn.prepare_cached("UPDATE task SET status = ?, updated_at = ? WHERE id = ?")?.execute(params![
            status as i64,
            now.0,
            task.0
        ])?;
        self.tasks_at = Some(now);
        find(&self.conn, org, task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_has_walked_all_of_its_window_only_at_its_end() {
        for (start, cursor, until, want) in [
            (0, 0, 100, 0),
            (0, 50, 100, 50),
            (0, 999_999, 1_000_000, 99),
            (5, 5, 5, 100),
            (0, i64::MAX, i64::MAX, 100),
        ] {
            assert_eq!(percent(start, cursor, until), want);
        }
        assert_eq!(percent(0, i64::MAX - 1, i64::MAX), 99);
    }
}
