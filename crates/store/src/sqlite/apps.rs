//! Organisations and applications.

use super::rows::{self, metadata_text};
use crate::error::StoreError;
use crate::types::{AppFields, AppPatch, AppRef, Application, Page, PageQuery, Ref};
use domain::{AppId, OrgId, SourceId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) const COLUMNS: &str = "id, org, uid, name, throttle_rate, metadata, updated_at";
const UID_TAKEN: StoreError = StoreError::Conflict("an application with this uid already exists");

pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Application> {
    Ok(Application {
        id: AppId(row.get("id")?),
        org: OrgId(row.get("org")?),
        uid: row.get("uid")?,
        name: row.get("name")?,
        throttle_rate: row.get("throttle_rate")?,
        metadata: rows::metadata(row, "metadata")?,
        updated_at: rows::time(row, "updated_at")?,
    })
}

/// The organisation's number; an unseen one is created.
pub(crate) fn organisation(conn: &Connection, text: &str) -> Result<OrgId> {
    conn.prepare_cached("INSERT INTO org (text) VALUES (?) ON CONFLICT DO NOTHING")?.execute([text])?;
    find_organisation(conn, text)?.ok_or(StoreError::NotFound("organisation"))
}
pub(crate) fn find_organisation(conn: &Connection, text: &str) -> Result<Option<OrgId>> {
    let id = conn.prepare_cached("SELECT id FROM org WHERE text = ?")?.query_row([text], |r| r.get(0)).optional()?;
    Ok(id.map(OrgId))
}

pub(crate) fn organisation_text(conn: &Connection, org: OrgId) -> Result<String> {
    conn.prepare_cached("SELECT text FROM org WHERE id = ?")?
        .query_row([org.0], |r| r.get(0))
        .optional()?
        .ok_or(StoreError::NotFound("organisation"))
}

/// The application that a path names, operational ones and those of sources too when named by id.
pub(crate) fn find(conn: &Connection, org: OrgId, app: &AppRef) -> Result<Application> {
    let sql = match app {
        Ref::Id(_) => format!("SELECT {COLUMNS} FROM app WHERE org = ?1 AND id = ?2 AND deleted = 0"),
        Ref::Uid(_) => format!("SELECT {COLUMNS} FROM app WHERE org = ?1 AND uid = ?2 AND deleted = 0"),
    };
    let mut statement = conn.prepare_cached(&sql)?;
    let found = match app {
        Ref::Id(id) => statement.query_row(params![org.0, id.0], from_row).optional()?,
        Ref::Uid(uid) => statement.query_row(params![org.0, uid], from_row).optional()?,
    };
    found.ok_or(StoreError::NotFound("application"))
}

/// An application by its number alone.
pub(crate) fn get(conn: &Connection, app: AppId) -> Result<Application> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM app WHERE id = ? AND deleted = 0"))?
        .query_row([app.0], from_row)
        .optional()?
        .ok_or(StoreError::NotFound("application"))
}

pub(crate) fn list(conn: &Connection, org: OrgId, page: &PageQuery<AppId>) -> Result<Page<Application, AppId>> {
    let walk = rows::walk(page);
    let (beyond, (_, dir)) = (walk.beyond("id"), walk.words());
    let sql = format!(
        "SELECT {COLUMNS} FROM app WHERE org = ?1 AND {beyond} AND deleted = 0 AND operational = 0
         AND source IS NULL ORDER BY id {dir} LIMIT ?3"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let found = rows::all(&mut statement, &[&org.0, &walk.from.map(|i| i.0), &(page.limit + 1)], from_row)?;
    Ok(rows::into_page(found, page.limit, &walk, |a| a.id))
}

/// With `get_if_exists`, a taken uid gives that application and `false`.
pub(crate) fn create(
    conn: &Connection,
    id: AppId,
    org: OrgId,
    fields: &AppFields,
    get_if_exists: bool,
    now: Timestamp,
) -> Result<(Application, bool)> {
    if let Some(uid) = &fields.uid
        && let Ok(existing) = find(conn, org, &Ref::Uid(uid.clone()))
    {
        return if get_if_exists { Ok((existing, false)) } else { Err(UID_TAKEN) };
    }
    conn.prepare_cached(
        "INSERT INTO app (id, org, uid, name, throttle_rate, metadata, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        id.0,
        org.0,
        fields.uid,
        fields.name,
        fields.throttle_rate,
        metadata_text(&fields.metadata),
        now.0
    ])?;
    Ok((find(conn, org, &Ref::Id(id))?, true))
}

/// The organisation's application for operational webhooks.
pub(crate) fn find_operational(conn: &Connection, org: OrgId) -> Result<Option<AppId>> {
    let id = conn
        .prepare_cached("SELECT id FROM app WHERE org = ? AND operational = 1 AND deleted = 0")?
        .query_row([org.0], |r| r.get(0))
        .optional()?;
    Ok(id.map(AppId))
}
pub(crate) fn operational(conn: &Connection, id: AppId, org: OrgId, now: Timestamp) -> Result<AppId> {
    if let Some(found) = find_operational(conn, org)? {
        return Ok(found);
    }
    conn.prepare_cached(
        "INSERT INTO app (id, org, name, metadata, operational, updated_at) VALUES (?, ?, 'Operational webhooks', '{}', 1, ?)",
    )?
    .execute(params![id.0, org.0, now.0])?;
    Ok(id)
}

/// The application that carries a source's messages.
pub(crate) fn create_for_source(
    conn: &Connection,
    id: AppId,
    org: OrgId,
    source: SourceId,
    name: &str,
    now: Timestamp,
) -> Result<()> {
    conn.prepare_cached("INSERT INTO app (id, org, name, metadata, source, updated_at) VALUES (?, ?, ?, '{}', ?, ?)")?
        .execute(params![id.0, org.0, name, source.0, now.0])?;
    Ok(())
}
pub(crate) fn rename(conn: &Connection, app: AppId, name: &str, now: Timestamp) -> Result<()> {
    conn.prepare_cached("UPDATE app SET name = ?, updated_at = ? WHERE id = ?")?
        .execute(params![name, now.0, app.0])?;
    Ok(())
}

pub(crate) fn put(
    conn: &Connection,
    id: AppId,
    org: OrgId,
    app: &AppRef,
    mut fields: AppFields,
    now: Timestamp,
) -> Result<(Application, bool)> {
    match (find(conn, org, app), app) {
        (Ok(existing), _) => Ok((write(conn, &existing, fields, now)?, false)),
        (Err(StoreError::NotFound(_)), Ref::Uid(uid)) => {
            fields.uid.get_or_insert_with(|| uid.clone());
            create(conn, id, org, &fields, false, now)
        }
        (Err(e), _) => Err(e),
    }
}

pub(crate) fn patch(
    conn: &Connection,
    org: OrgId,
    app: &AppRef,
    patch: AppPatch,
    now: Timestamp,
) -> Result<Application> {
    let old = find(conn, org, app)?;
    let fields = AppFields {
        name: patch.name.unwrap_or_else(|| old.name.clone()),
        uid: patch.uid.unwrap_or_else(|| old.uid.clone()),
        throttle_rate: patch.throttle_rate.unwrap_or(old.throttle_rate),
        metadata: patch.metadata.unwrap_or_else(|| old.metadata.clone()),
    };
    write(conn, &old, fields, now)
}

fn write(conn: &Connection, old: &Application, fields: AppFields, now: Timestamp) -> Result<Application> {
    if let Some(uid) = &fields.uid
        && let Ok(other) = find(conn, old.org, &Ref::Uid(uid.clone()))
        && other.id != old.id
    {
        return Err(UID_TAKEN);
    }
    conn.prepare_cached(
        "UPDATE app SET uid = ?, name = ?, throttle_rate = ?, metadata = ?, updated_at = ? WHERE id = ?",
    )?
    .execute(params![
        fields.uid,
        fields.name,
        fields.throttle_rate,
        metadata_text(&fields.metadata),
        now.0,
        old.id.0
    ])?;
    find(conn, old.org, &Ref::Id(old.id))
}

/// Gone for every reader; returns what it was. `Conflict` for a source's: it goes with its source.
pub(crate) fn delete(conn: &Connection, org: OrgId, app: &AppRef) -> Result<Application> {
    let found = find(conn, org, app)?;
    if conn.prepare_cached("SELECT 1 FROM app WHERE id = ? AND source IS NOT NULL")?.exists([found.id.0])? {
        return Err(StoreError::Conflict("this application belongs to a source: delete the source"));
    }
    mark_deleted(conn, found.id)?;
    Ok(found)
}
pub(crate) fn mark_deleted(conn: &Connection, app: AppId) -> Result<()> {
    conn.prepare_cached("UPDATE app SET deleted = 1 WHERE id = ?")?.execute([app.0])?;
    conn.prepare_cached("UPDATE endpoint SET deleted = 1 WHERE app = ?")?.execute([app.0])?;
    conn.prepare_cached("DELETE FROM subscription WHERE endpoint IN (SELECT id FROM endpoint WHERE app = ?)")?
        .execute([app.0])?;
    Ok(())
}
