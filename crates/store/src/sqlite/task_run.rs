//! How tasks go on: a slice at a time, in turn, at the speed that each was given.
//!
//! **Invariant:** a task's cursor moves in the same transaction as the deliveries it made, so a crash repeats none.

use super::core::Core;
use super::deliveries::{self, Found};
use super::tasks::{self, COLUMNS};
use super::{replay_filter, rows};
use crate::error::StoreError;
use crate::operations::{ReportState, Task, Which};
use domain::{Cause, DeliveryKey, EndpointRoute, MessageId, TaskId, Timestamp};
use rusqlite::{OptionalExtension, params};
use serde_json::json;

type Result<T> = std::result::Result<T, StoreError>;

/// Rows that a slice looks at, at most.
const LOOK_MAX: u32 = 500;
/// The longest that a speed makes a task wait (one delivery a second), and some more: beyond it the clock was set back.
const WAIT_MAX_MS: i64 = 2_000;
/// A task that was late makes up for so much.
const LATE_MAX_MS: i64 = 100;

/// Where a task stands in its window.
struct Running {
    task: Task,
    cursor: i64,
    until: i64,
    next_at: i64,
}

/// What a slice did.
struct Slice {
    cursor: i64,
    made: u32,
}

/// How many deliveries the next slice may make: a tenth of a second's.
fn share(speed_per_s: Option<u32>, budget: u32) -> u32 {
    speed_per_s.map_or(budget, |speed| (speed / 10).clamp(1, budget.max(1)))
}

/// When a task that made so many may make more.
fn paid_at(speed_per_s: Option<u32>, made: u32, next_at: i64, now: Timestamp) -> i64 {
    let Some(speed) = speed_per_s else { return 0 };
    let from = if next_at > now.0 + WAIT_MAX_MS { now.0 } else { next_at.max(now.0 - LATE_MAX_MS) };
    from + (i64::from(made) * 1000 + i64::from(speed) - 1) / i64::from(speed.max(1))
}

impl Core {
    /// When a task may go on.
    pub(super) fn next_task_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.tasks_at.map(|at| if at.0 > now.0 + WAIT_MAX_MS { now } else { at })
    }

    /// Moves the running task whose turn it is on by at most `budget` deliveries.
    pub fn run_tasks(&mut self, now: Timestamp, budget: u32) -> Result<()> {
        if self.next_task_at(now).is_none_or(|at| at > now) {
            return Ok(());
        }
        let next = match self.due_task(self.task_turn, now)? {
            Some(next) => Some(next),
            None => self.due_task(TaskId(0), now)?,
        };
        if let Some(running) = next {
            self.task_turn = running.task.id;
            let slice = self.run_slice(&running, now, share(running.task.speed_per_s, budget))?;
            self.move_on(&running, &slice, now)?;
        }
        self.tasks_at = self
            .conn
            .prepare_cached("SELECT min(next_at) FROM task WHERE status = 0")?
            .query_row([], |r| r.get::<_, Option<i64>>(0))?
            .map(Timestamp);
        Ok(())
    }

    /// The first running task after `turn` that may make something.
    fn due_task(&self, turn: TaskId, now: Timestamp) -> Result<Option<Running>> {
        let sql = format!(
            "SELECT {COLUMNS}, next_at FROM task
             WHERE status = 0 AND id > ?1 AND (next_at <= ?2 OR next_at > ?3) ORDER BY id LIMIT 1"
        );
        let found = self.conn.prepare_cached(&sql)?.query_row(params![turn.0, now.0, now.0 + WAIT_MAX_MS], |r| {
            let task = tasks::from_row(r)?;
            Ok(Running { task, cursor: r.get("cursor")?, until: r.get("until")?, next_at: r.get("next_at")? })
        });
        Ok(found.optional()?)
    }

    fn run_slice(&mut self, r: &Running, now: Timestamp, share: u32) -> Result<Slice> {
        let ended = Slice { cursor: r.until, made: 0 };
        if r.cursor >= r.until {
            return Ok(ended);
        }
        let Some(route) = self.route(r.task.app, now)? else { return Ok(ended) };
        let Some(target) = route.endpoints.iter().find(|e| e.endpoint == r.task.endpoint) else { return Ok(ended) };
        match r.task.filter.which {
            Which::Failed => self.bring_back(r, now, share),
            Which::Missing | Which::Delivered | Which::Everything => self.send_again(r, target, now, share),
        }
    }

    fn move_on(&mut self, r: &Running, slice: &Slice, now: Timestamp) -> Result<()> {
        let finished = slice.cursor >= r.until;
        let next_at = paid_at(r.task.speed_per_s, slice.made, r.next_at, now);
        self.conn
            .prepare_cached(
                "UPDATE task SET cursor = ?, done = done + ?, status = ?, next_at = ?, updated_at = ? WHERE id = ?",
            )?
            .execute(params![slice.cursor, slice.made, i64::from(finished), next_at, now.0, r.task.id.0])?;
        if finished && let Some(operational) = self.operational_app(r.task.org)? {
            let data = json!({
                "taskId": self.config.codec.text(r.task.id), "task": r.task.kind.name(), "status": "finished",
                "data": {"messagesSent": r.task.done + u64::from(slice.made)},
            });
            self.announce_to(operational, "background_task.finished", &data, now)?;
        }
        Ok(())
    }

    /// Dead deliveries become new ones, with a whole schedule before them.
    fn bring_back(&mut self, r: &Running, now: Timestamp, share: u32) -> Result<Slice> {
        let (endpoint, filter) = (r.task.endpoint, &r.task.filter);
        let takes_all = replay_filter::takes_all(filter);
        let look = if takes_all { share } else { LOOK_MAX };
        let found = deliveries::dead(&self.conn, endpoint, r.cursor, r.until, look)?;
        let full = found.len() == look as usize;
        let mut slice = Slice { cursor: r.until, made: 0 };
        for d in found {
            if slice.made == share {
                slice.cursor = d.key.message.0;
                return Ok(slice);
            }
            let takes = takes_all || replay_filter::takes_dead(&self.conn, filter, d.key.message, endpoint)?;
            if full {
                // It may have more dead deliveries than the slice had room for: those that are taken are gone from here.
                slice.cursor = if takes { d.key.message.0 } else { d.key.message.0 + 1 };
            }
            if takes {
                deliveries::delete(&self.conn, d.key)?;
                self.tx.lane_deltas.entry(endpoint).or_default().1 -= 1;
                let ordinal = deliveries::next_ordinal(&self.conn, d.key.message, endpoint)?.max(d.key.ordinal + 1);
                self.make(&r.task, DeliveryKey { ordinal, ..d.key }, now, now)?;
                slice.made += 1;
            }
        }
        Ok(slice)
    }

    /// Deliveries for messages that the endpoint takes.
    fn send_again(&mut self, r: &Running, target: &EndpointRoute, now: Timestamp, share: u32) -> Result<Slice> {
        let found = {
            let mut s = self.conn.prepare_cached(
                "SELECT id, event_type, channels, tags, payload IS NOT NULL AS has_payload, deliver_at FROM message
                 WHERE app = ? AND id >= ? AND id < ? ORDER BY id LIMIT ?",
            )?;
            rows::all(&mut s, &[&r.task.app.0, &r.cursor, &r.until, &LOOK_MAX], replay_filter::Candidate::from_row)?
        };
        let full = found.len() == LOOK_MAX as usize;
        let mut slice = Slice { cursor: r.until, made: 0 };
        for m in found {
            if slice.made == share {
                slice.cursor = m.id.0;
                return Ok(slice);
            }
            if full {
                slice.cursor = m.id.0 + 1;
            }
            if !m.is_taken(&target.subscription, &r.task.filter) {
                continue;
            }
            let Some(ordinal) = self.wanted(&r.task, m.id)? else { continue };
            let due = m.deliver_at.map_or(now, |t| t.max(now));
            self.make(&r.task, DeliveryKey { message: m.id, endpoint: r.task.endpoint, ordinal }, due, now)?;
            slice.made += 1;
        }
        Ok(slice)
    }

    /// The ordinal of the delivery to make, if the endpoint's history asks for one. Dead ones make place for it.
    fn wanted(&mut self, task: &Task, message: MessageId) -> Result<Option<u32>> {
        let endpoint = task.endpoint;
        let history = replay_filter::History::of(&self.conn, message, endpoint)?;
        if !history.wants(&task.filter) {
            return Ok(None);
        }
        if history == replay_filter::History::default() {
            return Ok(Some(0));
        }
        let ordinal = deliveries::next_ordinal(&self.conn, message, endpoint)?;
        let buried = deliveries::delete_dead_of(&self.conn, message, endpoint)?;
        self.tx.lane_deltas.entry(endpoint).or_default().1 -= i64::from(buried);
        Ok(Some(ordinal))
    }

    fn make(&mut self, task: &Task, key: DeliveryKey, due: Timestamp, now: Timestamp) -> Result<()> {
        self.defer(&Found { key, attempts: 0, cause: Cause::Recover }, due)?;
        self.conn
            .prepare_cached("INSERT OR REPLACE INTO task_delivery VALUES (?, ?, ?, ?, 0, NULL, ?)")?
            .execute(params![key.endpoint.0, key.message.0, key.ordinal, task.id.0, now.0])?;
        Ok(())
    }

    // ---- what became of them ----

    /// A delivery that a task may have made was attempted, or ended.
    pub(super) fn note_for_task(
        &mut self,
        key: DeliveryKey,
        state: ReportState,
        status_code: Option<u16>,
        now: Timestamp,
    ) -> Result<()> {
        let task = self
            .conn
            .prepare_cached(
                "UPDATE task_delivery SET state = ?, status_code = coalesce(?, status_code), at = ?
                 WHERE endpoint = ? AND message = ? AND ordinal = ? AND state = 0 RETURNING task",
            )?
            .query_row(params![state as i64, status_code, now.0, key.endpoint.0, key.message.0, key.ordinal], |r| {
                r.get(0).map(TaskId)
            })
            .optional()?;
        let Some(task) = task else { return Ok(()) };
        let sum = self.tx.task_counts.entry(task).or_default();
        match state {
            ReportState::Waiting => {}
            ReportState::Delivered => sum.0 += 1,
            ReportState::Failed => sum.1 += 1,
            ReportState::Canceled => sum.2 += 1,
        }
        Ok(())
    }

    pub(super) fn write_task_counts(&self) -> Result<()> {
        for (task, (delivered, failed, canceled)) in self.tx.task_counts.iter().filter(|(_, n)| **n != (0, 0, 0)) {
            self.conn
                .prepare_cached(
                    "UPDATE task SET delivered = delivered + ?, failed = failed + ?, canceled = canceled + ? WHERE id = ?",
                )?
                .execute(params![delivered, failed, canceled, task.0])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deliveries that a task of this speed makes in so many ms, when it is looked at every `step` ms.
    fn made(speed: u32, ms: i64, step: i64) -> u32 {
        let (mut next_at, mut made) = (0, 0);
        for t in (1_000_000..1_000_000 + ms).step_by(step as usize) {
            if next_at <= t {
                let n = share(Some(speed), 200);
                made += n;
                next_at = paid_at(Some(speed), n, next_at, Timestamp(t));
            }
        }
        made
    }

    #[test]
    fn a_task_keeps_its_speed_however_often_it_is_looked_at() {
        for speed in [1, 3, 7, 25, 100, 999, 2000] {
            for step in [1, 7, 40] {
                let per_s = f64::from(made(speed, 60_000, step)) / 60.0;
                let wanted = f64::from(speed);
                assert!(per_s <= wanted * 1.05 + 0.1, "{speed}/s every {step} ms: {per_s}");
                assert!(per_s >= wanted * 0.9, "{speed}/s every {step} ms: {per_s}");
            }
        }
    }

    #[test]
    fn a_task_that_slept_makes_up_for_a_tenth_of_a_second_at_most() {
        let now = Timestamp(10_000_000);
        assert_eq!(paid_at(Some(10), 1, 0, now), now.0);
        assert_eq!(paid_at(Some(10), 1, now.0 + 60_000, now), now.0 + 100, "the clock was set back");
        assert_eq!(paid_at(None, 200, 0, now), 0);
    }
}
