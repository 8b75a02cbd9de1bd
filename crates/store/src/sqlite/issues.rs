//! Issues: writing what failed, reading lists of it.
//!
//! **Invariant:** an endpoint has one issue of each kind. What a person muted stays muted.

use super::core::Core;
use super::rows;
use crate::error::StoreError;
use crate::figures::batch::Failures;
use crate::issues::{Issue, IssueFilter, IssueState};
use crate::types::{Cursor, Order, Page, PageQuery};
use domain::{AppId, AttemptId, EndpointId, IssueId, IssueKind, MessageId, OrgId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::time::Duration;

type Result<T> = std::result::Result<T, StoreError>;

/// An issue that comes back within so long after its last failure goes on counting.
const SAME: Duration = Duration::from_secs(3600);
/// Open issues are counted so far.
const COUNTED_MAX: u32 = 1000;

const COLUMNS: &str = "i.id, i.org, i.app, i.endpoint, i.kind, i.state, i.first_at, i.last_at, i.count, i.message,
    i.attempt, i.status_code, i.detail, a.name, a.uid, e.url, e.disabled, e.failing_since";
const FROM: &str = "issue i CROSS JOIN endpoint e ON e.id = i.endpoint CROSS JOIN app a ON a.id = i.app";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Issue> {
    let state: i64 = row.get("state")?;
    Ok(Issue {
        id: IssueId(row.get("id")?),
        org: OrgId(row.get("org")?),
        app: AppId(row.get("app")?),
        app_name: row.get("name")?,
        app_uid: row.get("uid")?,
        endpoint: EndpointId(row.get("endpoint")?),
        url: row.get("url")?,
        endpoint_disabled: row.get("disabled")?,
        failing_since: rows::optional_time(row, "failing_since")?,
        kind: IssueKind::from_code(row.get("kind")?).unwrap_or(IssueKind::Other),
        state: IssueState::from_code(state).unwrap_or(IssueState::Open),
        first_at: rows::time(row, "first_at")?,
        last_at: rows::time(row, "last_at")?,
        count: row.get::<_, i64>("count")? as u64,
        message: MessageId(row.get("message")?),
        attempt: AttemptId(row.get("attempt")?),
        status_code: row.get("status_code")?,
        detail: row.get("detail")?,
    })
}

impl Core {
    /// Failures that were counted join the issue of their kind, which opens again if it was resolved.
    pub(super) fn write_failures(&mut self, f: &Failures, now: Timestamp) -> Result<()> {
        let last = &f.last;
        let old: Option<(i64, i64, i64)> = self
            .conn
            .prepare_cached("SELECT id, state, last_at FROM issue WHERE endpoint = ? AND kind = ?")?
            .query_row(params![last.endpoint.0, last.kind as i64], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
            .optional()?;
        let Some((id, state, last_at)) = old else {
            let id: IssueId = self.next_id(now);
            // Not for an endpoint that is gone.
            self.conn
                .prepare_cached(
                    "INSERT INTO issue SELECT ?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8, ?9, ?10, ?11, ?12
                     WHERE EXISTS (SELECT 1 FROM endpoint WHERE id = ?4 AND deleted = 0)",
                )?
                .execute(params![
                    id.0,
                    last.org.0,
                    last.app.0,
                    last.endpoint.0,
                    last.kind as i64,
                    f.first_at.0,
                    last.at.0,
                    f.count as i64,
                    last.message.0,
                    last.attempt.0,
                    last.status_code,
                    last.detail
                ])?;
            return Ok(());
        };
        let is_new = state == IssueState::Resolved as i64 && f.first_at.since(Timestamp(last_at)) > SAME;
        let n = self
            .conn
            .prepare_cached(
                "UPDATE issue SET state = iif(state = 1, 0, state), first_at = iif(?2, ?3, first_at), last_at = ?4,
                    count = iif(?2, 0, count) + ?5, message = ?6, attempt = ?7, status_code = ?8, detail = ?9
                 WHERE id = ?1",
            )?
            .execute(params![
                id,
                is_new,
                f.first_at.0,
                last.at.0,
                f.count as i64,
                last.message.0,
                last.attempt.0,
                last.status_code,
                last.detail
            ])?;
        if n == 1 { Ok(()) } else { Err(rusqlite::Error::StatementChangedRows(n).into()) }
    }

    /// What a person says of an issue.
    pub(crate) fn set_issue_state(&mut self, org: OrgId, id: IssueId, state: IssueState) -> Result<Issue> {
        let issue = find(&self.conn, org, id)?;
        self.conn
            .prepare_cached("UPDATE issue SET state = ? WHERE id = ?")?
            .execute(params![state as i64, issue.id.0])?;
        if state == IssueState::Open {
            self.figures.fails(issue.endpoint);
        }
        Ok(Issue { state, ..issue })
    }
}

/// The endpoint works.
pub(super) fn resolve(conn: &Connection, endpoint: EndpointId) -> Result<()> {
    conn.prepare_cached("UPDATE issue SET state = 1 WHERE endpoint = ? AND state = 0")?.execute([endpoint.0])?;
    Ok(())
}

pub(crate) fn find(conn: &Connection, org: OrgId, id: IssueId) -> Result<Issue> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM {FROM} WHERE i.id = ? AND i.org = ?"))?
        .query_row(params![id.0, org.0], from_row)
        .optional()?
        .ok_or(StoreError::NotFound("issue"))
}

/// Counted up to a bound.
pub(crate) fn count_open(conn: &Connection, org: OrgId) -> Result<u64> {
    let n: i64 = conn
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM issue INDEXED BY issue_by_state WHERE org = ? AND state = 0 LIMIT ?)",
        )?
        .query_row(params![org.0, COUNTED_MAX], |r| r.get(0))?;
    Ok(n as u64)
}

/// Last failure first.
pub(crate) fn list(
    conn: &Connection,
    org: OrgId,
    page: &PageQuery<IssueId>,
    filter: &IssueFilter,
) -> Result<Page<Issue, IssueId>> {
    let page = PageQuery { order: Order::Descending, ..page.clone() };
    let walk = rows::walk(&page);
    let (beyond, dir) = walk.words();
    if let Some(endpoint) = filter.endpoint {
        return of_endpoint(conn, org, endpoint, &page, filter);
    }
    let (index, owner, owner_id) = match (filter.app, filter.state) {
        (Some(app), _) => ("issue_by_app", "i.app = ?1", app.0),
        (None, Some(_)) => ("issue_by_state", "i.org = ?1 AND i.state = ?5", org.0),
        (None, None) => ("issue_by_org", "i.org = ?1", org.0),
    };
    let from = match &walk.from {
        None => (i64::MAX, i64::MAX),
        // Where it is now: it may have failed again since.
        Some(id) => (find(conn, org, *id)?.last_at.0, id.0),
    };
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM {} WHERE {owner} AND (i.last_at, i.id) {beyond} (?2, ?3) AND i.org = ?4
         AND (?6 IS NULL OR i.kind = ?6) ORDER BY i.last_at {dir}, i.id {dir}",
        FROM.replacen("issue i", &format!("issue i INDEXED BY {index}"), 1)
    ))?;
    let state = filter.state.map(|s| s as i64);
    let kind = filter.kind.map(|k| k as i64);
    let found = statement.query(params![owner_id, from.0, from.1, org.0, state, kind])?;
    rows::scan(found, page.limit, &walk, |row| {
        let issue = from_row(row)?;
        Ok((issue.id, takes(filter, &issue).then_some(issue)))
    })
}

fn takes(filter: &IssueFilter, issue: &Issue) -> bool {
    filter.state.is_none_or(|s| s == issue.state)
        && filter.app.is_none_or(|a| a == issue.app)
        && filter.kind.is_none_or(|k| k == issue.kind)
}

/// One for each kind at most: all of them are read.
fn of_endpoint(
    conn: &Connection,
    org: OrgId,
    endpoint: EndpointId,
    page: &PageQuery<IssueId>,
    filter: &IssueFilter,
) -> Result<Page<Issue, IssueId>> {
    let mut statement =
        conn.prepare_cached(&format!("SELECT {COLUMNS} FROM {FROM} WHERE i.endpoint = ? AND i.org = ?"))?;
    let mut all = rows::all(&mut statement, &[&endpoint.0, &org.0], from_row)?;
    let walk = rows::walk(page);
    let place = |i: &Issue| (i.last_at, i.id);
    let from = walk.from.and_then(|id| all.iter().find(|i| i.id == id)).map(place);
    let is_beyond = |i: &Issue| from.is_none_or(|from| if walk.down { place(i) < from } else { place(i) > from });
    all.retain(|i| takes(filter, i) && is_beyond(i));
    all.sort_by_key(place);
    if walk.down {
        all.reverse();
    }
    Ok(rows::into_page(all, page.limit, &walk, |i| i.id))
}

/// A cursor that names an issue which is gone begins at the start.
pub(crate) fn present(conn: &Connection, org: OrgId, page: PageQuery<IssueId>) -> Result<PageQuery<IssueId>> {
    let Some(Cursor::After(id) | Cursor::Before(id)) = page.cursor else {
        return Ok(page);
    };
    match find(conn, org, id) {
        Ok(_) => Ok(page),
        Err(StoreError::NotFound(_)) => Ok(PageQuery { cursor: None, ..page }),
        Err(e) => Err(e),
    }
}
