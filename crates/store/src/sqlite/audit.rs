//! The audit log.

use super::core::Core;
use super::rows;
use crate::audit::{AuditEntry, AuditFilter, NewAuditEntry};
use crate::error::StoreError;
use crate::types::{Page, PageQuery};
use domain::{AuditId, OrgId, Seq, Timestamp};
use rusqlite::{Connection, Row, params};

type Result<T> = std::result::Result<T, StoreError>;

fn from_row(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        id: AuditId(row.get("id")?),
        org: OrgId(row.get("org")?),
        actor: row.get("actor")?,
        action: row.get("action")?,
        object: row.get("object")?,
        detail: row.get("detail")?,
        address: row.get("address")?,
    })
}

/// Whether `text` is what is asked for: that, or what begins like it before a `*`.
fn matches(wanted: Option<&str>, text: &str) -> bool {
    wanted.is_none_or(|wanted| match wanted.strip_suffix('*') {
        Some(prefix) => text.starts_with(prefix),
        None => wanted == text,
    })
}

/// Looks at a bounded number of entries: a page may be shorter than its limit although more follows.
pub(crate) fn list(
    conn: &Connection,
    org: OrgId,
    page: &PageQuery<AuditId>,
    filter: &AuditFilter,
) -> Result<Page<AuditEntry, AuditId>> {
    let walk = rows::walk(page);
    let (beyond, (_, dir)) = (walk.beyond("id"), walk.words());
    let sql = format!(
        "SELECT id, org, actor, action, object, detail, address FROM audit
         WHERE org = ?1 AND {beyond} AND id >= ?3 AND id < ?4 ORDER BY id {dir}"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    // `after` and `before` exclude their own millisecond and moment, as everywhere in the API.
    let from = filter.after.map_or(0, |t| Seq::first_at(Timestamp(t.0.saturating_add(1))).0);
    let until = filter.before.map_or(i64::MAX, |t| Seq::first_at(t).0);
    let rows = statement.query(params![org.0, walk.from.map(|i| i.0), from, until])?;
    rows::scan(rows, page.limit, &walk, |row| {
        let entry = from_row(row)?;
        let wanted = matches(filter.actor.as_deref(), &entry.actor)
            && matches(filter.action.as_deref(), &entry.action)
            && matches(filter.object.as_deref(), &entry.object);
        Ok((entry.id, wanted.then_some(entry)))
    })
}

impl Core {
    pub(crate) fn audit(&mut self, new: &NewAuditEntry, now: Timestamp) -> Result<AuditId> {
        let id: AuditId = self.next_id(now);
        self.conn.prepare_cached("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)")?.execute(params![
            id.0,
            new.org.0,
            new.actor,
            new.action,
            new.object,
            new.detail,
            new.address
        ])?;
        Ok(id)
    }
}
