//! Which endpoints take which event types: a table beside the endpoints, so that a type can be asked for its own.
//!
//! Routing doesn't read it. **Invariant:** written in the transaction that writes the endpoint; only endpoints of the
//! organisation's own applications are in it, no source's and no operational ones.

use super::{endpoints, rows};
use crate::app_search::{SUBSCRIBERS_MAX, Subscriber, Subscribers};
use crate::error::StoreError;
use crate::types::{Page, PageQuery};
use domain::{AppId, EndpointId, OrgId};
use rusqlite::{Connection, params};

type Result<T> = std::result::Result<T, StoreError>;

/// Its types are these now; `None` or none at all: every type.
pub(super) fn write(conn: &Connection, app: AppId, endpoint: EndpointId, types: Option<&[String]>) -> Result<()> {
    forget(conn, endpoint)?;
    let mut insert = conn.prepare_cached(
        "INSERT OR IGNORE INTO subscription
            SELECT org, ?3, ?2 FROM app WHERE id = ?1 AND operational = 0 AND source IS NULL",
    )?;
    let every = [String::new()];
    let types = types.filter(|types| !types.is_empty()).unwrap_or(&every);
    for name in types {
        insert.execute(params![app.0, endpoint.0, name])?;
    }
    Ok(())
}

pub(super) fn forget(conn: &Connection, endpoint: EndpointId) -> Result<()> {
    conn.prepare_cached("DELETE FROM subscription WHERE endpoint = ?")?.execute([endpoint.0])?;
    Ok(())
}

/// How many endpoints take each of these types, in their order; each counted up to a bound.
pub(crate) fn count(conn: &Connection, org: OrgId, types: &[String]) -> Result<Vec<Subscribers>> {
    let mut s = conn
        .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM subscription WHERE org = ? AND event_type = ? LIMIT ?)")?;
    let mut of = |name: &str| -> Result<u64> {
        Ok(s.query_row(params![org.0, name, SUBSCRIBERS_MAX as i64 + 1], |r| r.get::<_, i64>(0))? as u64)
    };
    let every = of("")?;
    types.iter().map(|name| Ok(Subscribers::of(every + of(name)?))).collect()
}

/// Endpoints that take the type, with their applications' names, by id.
pub(crate) fn list(
    conn: &Connection,
    org: OrgId,
    event_type: &str,
    page: &PageQuery<EndpointId>,
) -> Result<Page<Subscriber, EndpointId>> {
    let walk = rows::walk(page);
    let (cmp, dir) = walk.words();
    let from = walk.from.map_or(if walk.down { i64::MAX } else { 0 }, |e| e.0);
    // Two ranges of the key, each in order: at most a page of each is read.
    let range = |name: &str| {
        format!(
            "SELECT * FROM (SELECT endpoint FROM subscription WHERE org = ?1 AND event_type = {name} AND endpoint {cmp} ?3
                ORDER BY endpoint {dir} LIMIT ?4)"
        )
    };
    let sql = format!("{} UNION ALL {}", range("?2"), range("''"));
    let mut s = conn.prepare_cached(&sql)?;
    let mut ids: Vec<i64> = rows::all(&mut s, &[&org.0, &event_type, &from, &(page.limit + 1)], |r| r.get(0))?;
    ids.sort_unstable();
    if walk.down {
        ids.reverse();
    }
    ids.truncate(page.limit as usize + 1);
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.extend(subscriber(conn, EndpointId(id))?);
    }
    Ok(rows::into_page(found, page.limit, &walk, |s| s.endpoint.id))
}

fn subscriber(conn: &Connection, id: EndpointId) -> Result<Option<Subscriber>> {
    let app: Option<(i64, String)> = {
        let mut s = conn.prepare_cached(
            "SELECT a.id, a.name FROM endpoint e CROSS JOIN app a ON a.id = e.app WHERE e.id = ? AND e.deleted = 0",
        )?;
        rows::all(&mut s, &[&id.0], |r| Ok((r.get(0)?, r.get(1)?)))?.pop()
    };
    let Some((app, app_name)) = app else { return Ok(None) };
    let endpoint = endpoints::find(conn, AppId(app), &crate::types::Ref::Id(id))?;
    let takes_all = endpoint.event_types.is_none();
    Ok(Some(Subscriber { endpoint, app_name, takes_all }))
}
