//! Event types.

use super::rows;
use crate::error::StoreError;
use crate::types::{EventType, EventTypeFields, EventTypePatch, Page, PageQuery};
use domain::{OrgId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

type Result<T> = std::result::Result<T, StoreError>;

const COLUMNS: &str =
    "name, description, archived, deprecated, schemas, feature_flags, group_name, created_at, updated_at";

fn from_row(row: &Row<'_>) -> rusqlite::Result<EventType> {
    Ok(EventType {
        name: row.get("name")?,
        description: row.get("description")?,
        archived: row.get("archived")?,
        deprecated: row.get("deprecated")?,
        schemas: row.get("schemas")?,
        feature_flags: rows::list(row, "feature_flags")?,
        group_name: row.get("group_name")?,
        created_at: rows::time(row, "created_at")?,
        updated_at: rows::time(row, "updated_at")?,
    })
}

pub(crate) fn find(conn: &Connection, org: OrgId, name: &str) -> Result<EventType> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM event_type WHERE org = ? AND name = ?"))?
        .query_row(params![org.0, name], from_row)
        .optional()?
        .ok_or(StoreError::NotFound("event type"))
}

pub(crate) fn list(
    conn: &Connection,
    org: OrgId,
    page: &PageQuery<String>,
    include_archived: bool,
) -> Result<Page<EventType, String>> {
    let walk = rows::walk(page);
    let (beyond, (_, dir)) = (walk.beyond("name"), walk.words());
    let sql = format!(
        "SELECT {COLUMNS} FROM event_type WHERE org = ?1 AND {beyond} AND (?3 OR archived = 0)
         ORDER BY name {dir} LIMIT ?4"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let found = rows::all(&mut statement, &[&org.0, &walk.from, &include_archived, &(page.limit + 1)], from_row)?;
    Ok(rows::into_page(found, page.limit, &walk, |e| e.name.clone()))
}

/// A taken name is a conflict, unless it is archived: then it is revived.
pub(crate) fn create(
    conn: &Connection,
    org: OrgId,
    name: &str,
    fields: &EventTypeFields,
    now: Timestamp,
) -> Result<EventType> {
    match find(conn, org, name) {
        Ok(existing) if !existing.archived => Err(StoreError::Conflict("an event type with this name already exists")),
        Ok(existing) => write(conn, org, name, fields, existing.created_at, now),
        Err(StoreError::NotFound(_)) => write(conn, org, name, fields, now, now),
        Err(e) => Err(e),
    }
}

/// Replaces or creates (`true`).
pub(crate) fn put(
    conn: &Connection,
    org: OrgId,
    name: &str,
    fields: &EventTypeFields,
    now: Timestamp,
) -> Result<(EventType, bool)> {
    match find(conn, org, name) {
        Ok(existing) => Ok((write(conn, org, name, fields, existing.created_at, now)?, false)),
        Err(StoreError::NotFound(_)) => Ok((write(conn, org, name, fields, now, now)?, true)),
        Err(e) => Err(e),
    }
}

pub(crate) fn patch(
    conn: &Connection,
    org: OrgId,
    name: &str,
    patch: EventTypePatch,
    now: Timestamp,
) -> Result<EventType> {
    let old = find(conn, org, name)?;
    let fields = EventTypeFields {
        description: patch.description.unwrap_or(old.description),
        archived: patch.archived.unwrap_or(old.archived),
        deprecated: patch.deprecated.unwrap_or(old.deprecated),
        schemas: patch.schemas.unwrap_or(old.schemas),
        feature_flags: patch.feature_flags.unwrap_or(old.feature_flags),
        group_name: patch.group_name.unwrap_or(old.group_name),
    };
    write(conn, org, name, &fields, old.created_at, now)
}

fn write(
    conn: &Connection,
    org: OrgId,
    name: &str,
    fields: &EventTypeFields,
    created_at: Timestamp,
    now: Timestamp,
) -> Result<EventType> {
    conn.prepare_cached("INSERT OR REPLACE INTO event_type VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute(
        params![
            org.0,
            name,
            fields.description,
            fields.archived,
            fields.deprecated,
            fields.schemas,
            rows::list_text(&fields.feature_flags),
            fields.group_name,
            created_at.0,
            now.0
        ],
    )?;
    find(conn, org, name)
}

pub(crate) fn delete(conn: &Connection, org: OrgId, name: &str, expunge: bool, now: Timestamp) -> Result<()> {
    let n = if expunge {
        conn.prepare_cached("DELETE FROM event_type WHERE org = ? AND name = ?")?.execute(params![org.0, name])?
    } else {
        conn.prepare_cached("UPDATE event_type SET archived = 1, updated_at = ? WHERE org = ? AND name = ?")?
            .execute(params![now.0, org.0, name])?
    };
    if n == 1 { Ok(()) } else { Err(StoreError::NotFound("event type")) }
}

pub(crate) fn first_missing(conn: &Connection, org: OrgId, names: &[String]) -> Result<Option<String>> {
    let mut statement = conn.prepare_cached("SELECT 1 FROM event_type WHERE org = ? AND name = ?")?;
    for name in names {
        if !statement.exists(params![org.0, name])? {
            return Ok(Some(name.clone()));
        }
    }
    Ok(None)
}
