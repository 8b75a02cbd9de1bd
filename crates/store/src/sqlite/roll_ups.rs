//! Writing figures, about once a second: what was counted becomes rows by minute and hour.
//!
//! **Invariant:** figures never undo anything else: what can't be written for its own sake is given up. Rows are written
//! in the order of their keys, so that neighbours share a page.

use super::core::Core;
use super::rows;
use crate::error::StoreError;
use crate::figures::batch::{AppCount, End, SourceCount, TypeCount};
use crate::figures::batch::{Batch, EndpointCount, Failure, Note, begin_of, hour_of};
use crate::figures::collect::{Collector, Memory};
use crate::figures::{Histogram, Minute};
use crate::types::{NewAttempt, Settlement};
use domain::{AppId, AttemptId, EndpointId, IssueKind, OrgId, Seq, SourceId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

type Result<T> = std::result::Result<T, StoreError>;

/// Event types that are counted one by one, by organisation and hour.
const TYPES_MAX: usize = 2000;
/// Messages of a process that was killed are not counted from here on before the last one of it.
const UNCOUNTED: Duration = Duration::from_secs(60);
/// Bytes of a response that an issue keeps.
const DETAIL_MAX: usize = 200;

/// What an earlier process left.
pub(super) fn open(conn: &Connection, memory: Arc<Memory>, last: Seq, now: Timestamp) -> Result<Collector> {
    conn.execute("UPDATE meta SET value = ? WHERE name = 'figures_from' AND value = 0", [now.0])?;
    // If it was killed, some of its last messages were not counted: searches must look at these hours themselves.
    if last.0 > 0 {
        let last = last.created_at();
        for at in [last.minus(UNCOUNTED), last] {
            write_uncertain(conn, hour_of(at))?;
        }
    }
    let failing = {
        let mut s = conn.prepare("SELECT DISTINCT endpoint FROM issue WHERE state = 0")?;
        rows::all(&mut s, &[], |r| r.get(0).map(EndpointId))?
    };
    Ok(Collector::new(memory, written(conn)?, failing.into_iter().collect()))
}

/// The number of the last batch that this database has.
pub(super) fn written(conn: &Connection) -> Result<i64> {
    Ok(conn.prepare_cached("SELECT value FROM meta WHERE name = 'figures_written'")?.query_row([], |r| r.get(0))?)
}

impl Core {
    // ---- noting ----

    /// A delivery was settled, or given up.
    pub(super) fn note_settled(
        &mut self,
        app: AppId,
        endpoint: EndpointId,
        us: Option<u64>,
        end: End,
        now: Timestamp,
    ) -> Result<()> {
        if us.is_none() && end == End::Other {
            return Ok(());
        }
        if let Some(org) = self.org_of(app, now)? {
            self.figures.note(Note::Settled { org, app, endpoint, at: now, us, end });
        }
        Ok(())
    }

    /// An attempt was made by the holder of its lease.
    pub(super) fn note_attempt(&mut self, s: &Settlement, a: &NewAttempt, id: AttemptId, now: Timestamp) -> Result<()> {
        let endpoint = s.key.endpoint;
        if a.success {
            if self.figures.is_failing(endpoint) {
                self.figures.note(Note::Worked { endpoint });
            }
            return Ok(());
        }
        let app = s.endpoint.app;
        let Some(org) = self.org_of(app, now)? else { return Ok(()) };
        self.figures.fails(endpoint);
        self.figures.note(Note::Failed(Box::new(Failure {
            org,
            app,
            endpoint,
            kind: IssueKind::of_attempt(a.status_code, &a.response),
            at: now,
            message: s.key.message,
            attempt: id,
            status_code: a.status_code,
            detail: detail_of(&a.response),
        })));
        Ok(())
    }

    fn org_of(&mut self, app: AppId, now: Timestamp) -> Result<Option<OrgId>> {
        if let Some(org) = self.figures.org(app) {
            return Ok(Some(org));
        }
        let org = match self.route(app, now)? {
            Some(route) => Some(route.org),
            None => {
                let mut s = self.conn.prepare_cached("SELECT org FROM app WHERE id = ?")?;
                s.query_row([app.0], |r| r.get(0).map(OrgId)).optional()?
            }
        };
        if let Some(org) = org {
            self.figures.remember_org(app, org);
        }
        Ok(org)
    }

    // ---- writing ----

    /// Writes what was counted, if it is time.
    pub(crate) fn tend_figures(&mut self, now: Timestamp) -> Result<()> {
        if !self.figures.is_due(now) {
            return Ok(());
        }
        let (batch, number) = self.figures.begin_writing();
        let mut result = Ok(());
        self.savepoint(now, |core| {
            result = core.write_batch(&batch, number, now);
            result.is_ok()
        })?;
        match result {
            Err(e @ (StoreError::Full { .. } | StoreError::Busy { .. })) => Err(e),
            Err(e) => {
                tracing::error!(error = %e, "figures can't be written: those of the last second are lost");
                self.figures.give_up();
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn write_batch(&mut self, batch: &Batch, number: i64, now: Timestamp) -> Result<()> {
        for hour in self.figures.lost() {
            write_uncertain(&self.conn, hour)?;
        }
        write_steps(&self.conn, batch)?;
        for ((hour, org, app), count) in sorted(&batch.apps) {
            write_app(&self.conn, (*hour, *org, *app), count)?;
        }
        for ((hour, endpoint), count) in sorted(&batch.endpoints) {
            write_endpoint(&self.conn, *hour, *endpoint, count)?;
        }
        for ((hour, source), count) in sorted(&batch.sources) {
            write_source(&self.conn, *hour, *source, count)?;
        }
        for ((hour, org, name), count) in sorted(&batch.types) {
            self.write_type(*hour, *org, name, count)?;
        }
        for outcome in batch.outcomes() {
            match outcome {
                Ok(failures) => self.write_failures(failures, now)?,
                Err(endpoint) => super::issues::resolve(&self.conn, endpoint)?,
            }
        }
        let n =
            self.conn.prepare_cached("UPDATE meta SET value = ? WHERE name = 'figures_written'")?.execute([number])?;
        if n == 1 { Ok(()) } else { Err(rusqlite::Error::StatementChangedRows(n).into()) }
    }

    /// A type beyond the number that is counted one by one counts as another one.
    fn write_type(&mut self, hour: i64, org: OrgId, name: &str, count: &TypeCount) -> Result<()> {
        let n = self
            .conn
            .prepare_cached(
                "UPDATE figure_type SET messages = messages + ?4, last_at = max(last_at, ?5)
                 WHERE hour = ?1 AND org = ?2 AND event_type = ?3",
            )?
            .execute(params![hour, org.0, name, count.messages as i64, count.last_at.0])?;
        if n == 1 {
            return Ok(());
        }
        let rows = match self.figures.type_rows.get(&org) {
            Some((of, rows)) if *of == hour => *rows,
            _ => self
                .conn
                .prepare_cached("SELECT count(*) FROM figure_type WHERE hour = ? AND org = ?")?
                .query_row(params![hour, org.0], |r| r.get::<_, i64>(0))? as usize,
        };
        let name = if rows < TYPES_MAX { name } else { "" };
        self.figures.type_rows.insert(org, (hour, rows + usize::from(rows < TYPES_MAX)));
        self.conn
            .prepare_cached(
                "INSERT INTO figure_type VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET
                    messages = messages + ?4, last_at = max(last_at, ?5)",
            )?
            .execute(params![hour, org.0, name, count.messages as i64, count.last_at.0])?;
        Ok(())
    }
}

/// What event types there were in this hour is not known for certain: a search has to look.
fn write_uncertain(conn: &Connection, hour: i64) -> Result<()> {
    conn.prepare_cached("INSERT OR IGNORE INTO figure_type VALUES (?, 0, '', 0, 0)")?.execute([hour])?;
    Ok(())
}

fn sorted<K: Ord, V>(map: &std::collections::HashMap<K, V>) -> Vec<(&K, &V)> {
    let mut all: Vec<(&K, &V)> = map.iter().collect();
    all.sort_unstable_by_key(|(key, _)| *key);
    all
}

fn write_steps(conn: &Connection, batch: &Batch) -> Result<()> {
    let mut hours: BTreeMap<(OrgId, i64), Minute> = BTreeMap::new();
    for ((org, at), minute) in sorted(&batch.minutes) {
        write_step(conn, "figure_minute", *org, *at, minute)?;
        let hour = hour_of(minute.at);
        let new = || Minute { at: begin_of(hour), ..Minute::default() };
        hours.entry((*org, hour)).or_insert_with(new).add(minute);
    }
    for ((org, at), hour) in &hours {
        write_step(conn, "figure_hour", *org, *at, hour)?;
    }
    Ok(())
}

fn write_step(conn: &Connection, table: &str, org: OrgId, at: i64, m: &Minute) -> Result<()> {
    let old: Option<Vec<u8>> = conn
        .prepare_cached(&format!("SELECT latency FROM {table} WHERE org = ? AND at = ?"))?
        .query_row(params![org.0, at], |r| r.get(0))
        .optional()?;
    let mut latency = Histogram::read(&old.unwrap_or_default());
    latency.merge(&m.latency);
    conn.prepare_cached(&format!(
        "INSERT INTO {table} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE SET
            accepted = accepted + ?3, delivered = delivered + ?4, retried = retried + ?5, failed = failed + ?6,
            received = received + ?7, refused = refused + ?8, latency = ?9"
    ))?
    .execute(params![
        org.0,
        at,
        m.accepted as i64,
        m.delivered as i64,
        m.retried as i64,
        m.failed as i64,
        m.received as i64,
        m.refused as i64,
        latency.encode()
    ])?;
    Ok(())
}

fn write_app(conn: &Connection, (hour, org, app): (i64, OrgId, AppId), count: &AppCount) -> Result<()> {
    let f = &count.figures;
    conn.prepare_cached(
        "INSERT INTO figure_app VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET
            messages = messages + ?4, delivered = delivered + ?5, retried = retried + ?6, failed = failed + ?7,
            last_at = max(last_at, ?8)",
    )?
    .execute(params![
        hour,
        org.0,
        app.0,
        f.messages as i64,
        f.delivered as i64,
        f.retried as i64,
        f.failed as i64,
        count.last_at.0
    ])?;
    if count.last_at.0 > 0 {
        // Orders a list: an entry of its index moves once a minute at most.
        conn.prepare_cached(
            "UPDATE app SET last_message_at = ?2 WHERE id = ?1 AND last_message_at / 60000 < ?2 / 60000",
        )?
        .execute([app.0, count.last_at.0])?;
    }
    Ok(())
}

fn write_source(conn: &Connection, hour: i64, source: SourceId, count: &SourceCount) -> Result<()> {
    let f = &count.figures;
    conn.prepare_cached(
        "INSERT INTO figure_source VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET
            received = received + ?3, refused = refused + ?4, duplicates = duplicates + ?5, last_at = max(last_at, ?6)",
    )?
    .execute(params![
        hour,
        source.0,
        f.received as i64,
        f.refused as i64,
        f.duplicates as i64,
        count.last_at.0
    ])?;
    Ok(())
}

fn write_endpoint(conn: &Connection, hour: i64, endpoint: EndpointId, count: &EndpointCount) -> Result<()> {
    let old: Option<Vec<u8>> = conn
        .prepare_cached("SELECT latency FROM figure_endpoint WHERE hour = ? AND endpoint = ?")?
        .query_row(params![hour, endpoint.0], |r| r.get(0))
        .optional()?;
    let mut latency = Histogram::read(&old.unwrap_or_default());
    latency.merge(&count.latency);
    let f = &count.figures;
    conn.prepare_cached(
        "INSERT INTO figure_endpoint VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET
            delivered = delivered + ?3, retried = retried + ?4, failed = failed + ?5, latency = ?6",
    )?
    .execute(params![
        hour,
        endpoint.0,
        f.delivered as i64,
        f.retried as i64,
        f.failed as i64,
        latency.encode()
    ])?;
    Ok(())
}

/// The beginning of a response, as text in one line.
fn detail_of(response: &[u8]) -> String {
    let head = response.get(..DETAIL_MAX).unwrap_or(response);
    let text = String::from_utf8_lossy(head);
    // Of a character that was cut in two.
    let text = text.trim_end_matches('\u{fffd}');
    text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
}
