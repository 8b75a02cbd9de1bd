//! Background tasks: recover and replay-missing, a slice at a time.
//!
//! **Invariant:** a task's cursor moves in the same transaction as the deliveries it made, so a crash repeats none.

use super::core::Core;
use super::deliveries::{self, Found};
use super::rows;
use crate::error::StoreError;
use crate::types::{EndpointRef, Page, PageQuery, Task, TaskKind, TaskStatus};
use domain::{AppId, Cause, DeliveryKey, EndpointId, MessageId, OrgId, Seq, TaskId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

type Result<T> = std::result::Result<T, StoreError>;

const COLUMNS: &str = "id, app, endpoint, kind, status, done, updated_at";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Task> {
    Ok(Task {
        id: TaskId(row.get("id")?),
        app: AppId(row.get("app")?),
        endpoint: EndpointId(row.get("endpoint")?),
        kind: match row.get::<_, i64>("kind")? {
            0 => TaskKind::Recover,
            _ => TaskKind::ReplayMissing,
        },
        status: match row.get::<_, i64>("status")? {
            0 => TaskStatus::Running,
            1 => TaskStatus::Finished,
            _ => TaskStatus::Failed,
        },
        done: row.get("done")?,
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
    let walk = rows::walk(page);
    let (beyond, (_, dir)) = (walk.beyond("id"), walk.words());
    let sql = format!("SELECT {COLUMNS} FROM task WHERE org = ?1 AND {beyond} ORDER BY id {dir} LIMIT ?3");
    let mut statement = conn.prepare_cached(&sql)?;
    let found = rows::all(&mut statement, &[&org.0, &walk.from.map(|i| i.0), &(page.limit + 1)], from_row)?;
    Ok(rows::into_page(found, page.limit, &walk, |t| t.id))
}

struct Running {
    task: Task,
    org: OrgId,
    cursor: i64,
    until: i64,
}

impl Core {
    pub(crate) fn start_task(
        &mut self,
        app: AppId,
        endpoint: &EndpointRef,
        kind: TaskKind,
        window: (Timestamp, Option<Timestamp>),
        now: Timestamp,
    ) -> Result<Task> {
        let endpoint = super::endpoints::find(&self.conn, app, endpoint)?;
        let route = self.route(app, now)?.ok_or(StoreError::NotFound("application"))?;
        let id: TaskId = self.next_id(now);
        let (since, until) = window;
        let kind = match kind {
            TaskKind::Recover => 0,
            TaskKind::ReplayMissing => 1,
        };
        self.conn.prepare_cached("INSERT INTO task VALUES (?, ?, ?, ?, ?, 0, ?, ?, 0, ?)")?.execute(params![
            id.0,
            route.org.0,
            app.0,
            endpoint.id.0,
            kind,
            Seq::first_at(since).0,
            // The task's own number comes after every message there is.
            until.map_or(id.0, |t| Seq::first_at(t).0.min(id.0)),
            now.0
        ])?;
        self.tasks_left = true;
        find(&self.conn, route.org, id)
    }

    /// Moves the oldest running task on by at most `budget` deliveries.
    pub fn run_tasks(&mut self, now: Timestamp, budget: u32) -> Result<()> {
        if !self.tasks_left {
            return Ok(());
        }
        let running = self
            .conn
            .prepare_cached(&format!(
                "SELECT {COLUMNS}, org, cursor, until FROM task WHERE status = 0 ORDER BY id LIMIT 1"
            ))?
            .query_row([], |r| {
                Ok(Running {
                    task: from_row(r)?,
                    org: OrgId(r.get("org")?),
                    cursor: r.get("cursor")?,
                    until: r.get("until")?,
                })
            })
            .optional()?;
        let Some(running) = running else {
            self.tasks_left = false;
            return Ok(());
        };
        let (cursor, done) = match running.task.kind {
            TaskKind::Recover => self.recover(&running, now, budget)?,
            TaskKind::ReplayMissing => self.replay_missing(&running, now, budget)?,
        };
        let finished = cursor >= running.until;
        self.conn
            .prepare_cached("UPDATE task SET cursor = ?, done = done + ?, status = ?, updated_at = ? WHERE id = ?")?
            .execute(params![cursor, done, i64::from(finished), now.0, running.task.id.0])?;
        if finished && let Some(operational) = self.operational_app(running.org)? {
            let name = match running.task.kind {
                TaskKind::Recover => "endpoint.recover",
                TaskKind::ReplayMissing => "endpoint.replay",
            };
            let data = json!({
                "taskId": self.config.codec.text(running.task.id), "task": name, "status": "finished",
                "data": {"messagesSent": running.task.done + u64::from(done)},
            });
            self.announce_to(operational, "background_task.finished", &data, now)?;
        }
        Ok(())
    }

    /// Dead deliveries become new ones, with a whole schedule before them.
    fn recover(&mut self, r: &Running, now: Timestamp, budget: u32) -> Result<(i64, u32)> {
        let endpoint = r.task.endpoint;
        let found = deliveries::dead(&self.conn, endpoint, r.cursor, r.until, budget)?;
        let mut cursor = r.until;
        if found.len() == budget as usize
            && let Some(last) = found.last()
        {
            // It may have more dead deliveries than the slice had room for.
            cursor = last.key.message.0;
        }
        let mut done = 0;
        for d in found {
            deliveries::delete(&self.conn, d.key)?;
            self.tx.lane_deltas.entry(endpoint).or_default().1 -= 1;
            let ordinal = deliveries::next_ordinal(&self.conn, d.key.message, endpoint)?.max(d.key.ordinal + 1);
            let key = DeliveryKey { ordinal, ..d.key };
            self.defer(&Found { key, attempts: 0, cause: Cause::Recover }, now)?;
            done += 1;
        }
        Ok((cursor, done))
    }

    /// Deliveries for messages that the endpoint takes and never saw.
    fn replay_missing(&mut self, r: &Running, now: Timestamp, budget: u32) -> Result<(i64, u32)> {
        let Some(route) = self.route(r.task.app, now)? else { return Ok((r.until, 0)) };
        let Some(target) = route.endpoints.iter().find(|e| e.endpoint == r.task.endpoint).cloned() else {
            return Ok((r.until, 0));
        };
        let found = {
            let mut s = self.conn.prepare_cached(
                "SELECT id, event_type, channels, payload IS NOT NULL, deliver_at FROM message
                 WHERE app = ? AND id >= ? AND id < ? ORDER BY id LIMIT ?",
            )?;
            rows::all(&mut s, &[&r.task.app.0, &r.cursor, &r.until, &budget], |row| {
                Ok((
                    MessageId(row.get(0)?),
                    row.get::<_, String>(1)?,
                    rows::list(row, "channels")?,
                    row.get(3)?,
                    rows::optional_time(row, "deliver_at")?,
                ))
            })?
        };
        let full = found.len() == budget as usize;
        let cursor = found.last().filter(|_| full).map_or(r.until, |(id, ..)| id.0 + 1);
        let mut done = 0;
        for (message, event_type, channels, has_payload, deliver_at) in found {
            let missing = has_payload
                && target.subscription.takes(&event_type, &channels)
                && deliveries::next_ordinal(&self.conn, message, r.task.endpoint)? == 1
                && !deliveries::known(&self.conn, message, r.task.endpoint)?;
            if missing {
                let key = DeliveryKey { message, endpoint: r.task.endpoint, ordinal: 0 };
                let due = deliver_at.map_or(now, |t| t.max(now));
                self.defer(&Found { key, attempts: 0, cause: Cause::Recover }, due)?;
                done += 1;
            }
        }
        Ok((cursor, done))
    }
}
