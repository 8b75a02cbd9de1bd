//! Endpoints, their secrets and headers, and the routing snapshot made of them.

use super::rows::{self, metadata_text};
use super::subscribers;
use crate::error::StoreError;
use crate::types::{Endpoint, EndpointFields, EndpointPatch, EndpointRef, Page, PageQuery, Ref, StoredSecret};
use domain::route::SealedSecret;
use domain::{AppId, AppRoute, EndpointId, EndpointRoute, OrgId, Subscription, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashMap;
use std::sync::Arc;

type Result<T> = std::result::Result<T, StoreError>;

const COLUMNS: &str =
    "id, app, uid, url, description, version, disabled, paused_at, throttle_rate, event_types, channels,
    metadata, first_per, hook, updated_at, failing_since";
const UID_TAKEN: StoreError = StoreError::Conflict("an endpoint with this uid already exists");
/// Old secrets of one endpoint that sign at most, as the Svix server has it.
const OLD_SECRETS_MAX: i64 = 10;
/// URLs of one endpoint that its attempts can still name.
const OLD_URLS_MAX: i64 = 100;

fn from_row(row: &Row<'_>) -> rusqlite::Result<Endpoint> {
    Ok(Endpoint {
        id: EndpointId(row.get("id")?),
        app: AppId(row.get("app")?),
        uid: row.get("uid")?,
        url: row.get("url")?,
        description: row.get("description")?,
        version: row.get("version")?,
        disabled: row.get("disabled")?,
        paused_at: rows::optional_time(row, "paused_at")?,
        throttle_rate: row.get("throttle_rate")?,
        event_types: rows::optional_list(row, "event_types")?,
        channels: rows::optional_list(row, "channels")?,
        metadata: rows::metadata(row, "metadata")?,
        first_per: row.get("first_per")?,
        hook: row.get("hook")?,
        updated_at: rows::time(row, "updated_at")?,
        failing_since: rows::optional_time(row, "failing_since")?,
    })
}

pub(crate) fn find(conn: &Connection, app: AppId, endpoint: &EndpointRef) -> Result<Endpoint> {
    let sql = match endpoint {
        Ref::Id(_) => format!("SELECT {COLUMNS} FROM endpoint WHERE app = ?1 AND id = ?2 AND deleted = 0"),
        Ref::Uid(_) => format!("SELECT {COLUMNS} FROM endpoint WHERE app = ?1 AND uid = ?2 AND deleted = 0"),
    };
    let mut statement = conn.prepare_cached(&sql)?;
    let found = match endpoint {
        Ref::Id(id) => statement.query_row(params![app.0, id.0], from_row).optional()?,
        Ref::Uid(uid) => statement.query_row(params![app.0, uid], from_row).optional()?,
    };
    found.ok_or(StoreError::NotFound("endpoint"))
}

pub(crate) fn list(conn: &Connection, app: AppId, page: &PageQuery<EndpointId>) -> Result<Page<Endpoint, EndpointId>> {
    list_where(conn, app, page, "deleted = 0")
}
pub(crate) fn list_hooks(
    conn: &Connection,
    app: AppId,
    page: &PageQuery<EndpointId>,
) -> Result<Page<Endpoint, EndpointId>> {
    list_where(conn, app, page, "deleted = 0 AND hook = 1")
}
fn list_where(
    conn: &Connection,
    app: AppId,
    page: &PageQuery<EndpointId>,
    condition: &'static str,
) -> Result<Page<Endpoint, EndpointId>> {
    let walk = rows::walk(page);
    let (beyond, (_, dir)) = (walk.beyond("id"), walk.words());
    let sql = format!(
        "SELECT {COLUMNS} FROM endpoint WHERE app = ?1 AND {beyond} AND {condition}
         ORDER BY id {dir} LIMIT ?3"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let found = rows::all(&mut statement, &[&app.0, &walk.from.map(|i| i.0), &(page.limit + 1)], from_row)?;
    Ok(rows::into_page(found, page.limit, &walk, |e| e.id))
}

/// The application of a hook, if that is the organisation's and both are still there.
pub(crate) fn app_of_hook(conn: &Connection, org: OrgId, hook: EndpointId) -> Result<Option<AppId>> {
    let found = conn
        .prepare_cached(
            "SELECT e.app FROM endpoint e JOIN app a ON a.id = e.app
             WHERE e.id = ? AND e.hook = 1 AND e.deleted = 0 AND a.org = ? AND a.deleted = 0",
        )?
        .query_row([hook.0, org.0], |r| r.get(0).map(AppId))
        .optional()?;
    Ok(found)
}

pub(crate) fn create(
    conn: &Connection,
    id: EndpointId,
    app: AppId,
    fields: &EndpointFields,
    secret: &[u8],
    headers: &[u8],
    now: Timestamp,
) -> Result<Endpoint> {
    check_uid(conn, app, fields.uid.as_deref(), None)?;
    conn.prepare_cached(
        "INSERT INTO endpoint (id, app, uid, url, url_version, description, version, disabled, paused_at, throttle_rate,
            event_types, channels, metadata, first_per, hook, headers, updated_at)
         VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        id.0,
        app.0,
        fields.uid,
        fields.url,
        fields.description,
        fields.version.unwrap_or(1),
        fields.disabled,
        fields.paused.filter(|paused| *paused).map(|_| now.0),
        fields.throttle_rate,
        fields.event_types.as_deref().and_then(rows::list_text),
        fields.channels.as_deref().and_then(rows::list_text),
        metadata_text(&fields.metadata),
        fields.first_per,
        fields.hook,
        headers,
        now.0,
    ])?;
    conn.prepare_cached("INSERT INTO endpoint_url VALUES (?, 1, ?, NULL)")?.execute(params![id.0, fields.url])?;
    conn.prepare_cached("INSERT INTO endpoint_secret (endpoint, sealed) VALUES (?, ?)")?
        .execute(params![id.0, secret])?;
    subscribers::write(conn, app, id, fields.event_types.as_deref())?;
    find(conn, app, &Ref::Id(id))
}

fn check_uid(conn: &Connection, app: AppId, uid: Option<&str>, own: Option<EndpointId>) -> Result<()> {
    let Some(uid) = uid else { return Ok(()) };
    match find(conn, app, &Ref::Uid(uid.to_owned())) {
        Ok(other) if Some(other.id) != own => Err(UID_TAKEN),
        _ => Ok(()),
    }
}

pub(crate) fn patched(old: &Endpoint, patch: EndpointPatch) -> EndpointFields {
    EndpointFields {
        uid: patch.uid.unwrap_or_else(|| old.uid.clone()),
        url: patch.url.unwrap_or_else(|| old.url.clone()),
        description: patch.description.unwrap_or_else(|| old.description.clone()),
        version: Some(patch.version.unwrap_or(old.version)),
        disabled: patch.disabled.unwrap_or(old.disabled),
        paused: patch.paused,
        throttle_rate: patch.throttle_rate.unwrap_or(old.throttle_rate),
        event_types: patch.event_types.unwrap_or_else(|| old.event_types.clone()),
        channels: patch.channels.unwrap_or_else(|| old.channels.clone()),
        metadata: patch.metadata.unwrap_or_else(|| old.metadata.clone()),
        first_per: patch.first_per.unwrap_or_else(|| old.first_per.clone()),
        hook: old.hook,
    }
}

/// Since when an endpoint that is resumed has been failing, without the time of the pause.
fn failing_without(since: Timestamp, paused_at: Timestamp, now: Timestamp) -> Timestamp {
    Timestamp(since.0.min(paused_at.0) + (now.0 - paused_at.0).max(0))
}

/// Replaces every field but `hook`. Enabling an endpoint forgets that it was failing; the time that it was paused for
/// doesn't count as failing.
pub(crate) fn write(conn: &Connection, old: &Endpoint, fields: &EndpointFields, now: Timestamp) -> Result<Endpoint> {
    check_uid(conn, old.app, fields.uid.as_deref(), Some(old.id))?;
    let paused_at = match fields.paused {
        Some(true) => Some(old.paused_at.unwrap_or(now)),
        Some(false) => None,
        None => old.paused_at,
    };
    let failing_since = match (old.failing_since, old.paused_at) {
        _ if old.disabled && !fields.disabled => None,
        (Some(since), Some(from)) if paused_at.is_none() => Some(failing_without(since, from, now)),
        (since, _) => since,
    };
    conn.prepare_cached(
        "UPDATE endpoint SET uid = ?, url_version = url_version + (url <> ?), url = ?, description = ?, version = ?,
            disabled = ?, paused_at = ?, throttle_rate = ?, event_types = ?, channels = ?, metadata = ?,
            first_per_version = first_per_version + (first_per IS NOT ?), first_per = ?, updated_at = ?,
            failing_since = ?
         WHERE id = ?",
    )?
    .execute(params![
        fields.uid,
        fields.url,
        fields.url,
        fields.description,
        fields.version.unwrap_or(old.version),
        fields.disabled,
        paused_at.map(|t| t.0),
        fields.throttle_rate,
        fields.event_types.as_deref().and_then(rows::list_text),
        fields.channels.as_deref().and_then(rows::list_text),
        metadata_text(&fields.metadata),
        fields.first_per,
        fields.first_per,
        now.0,
        failing_since.map(|t| t.0),
        old.id.0,
    ])?;
    conn.prepare_cached(
        "INSERT INTO endpoint_url SELECT id, url_version, url, NULL FROM endpoint WHERE id = ? ON CONFLICT DO NOTHING",
    )?
    .execute([old.id.0])?;
    conn.prepare_cached(
        "DELETE FROM endpoint_url WHERE endpoint = ?1
         AND version <= (SELECT url_version FROM endpoint WHERE id = ?1) - ?2",
    )?
    .execute(params![old.id.0, OLD_URLS_MAX])?;
    if old.event_types != fields.event_types {
        subscribers::write(conn, old.app, old.id, fields.event_types.as_deref())?;
    }
    find(conn, old.app, &Ref::Id(old.id))
}

pub(crate) fn delete(conn: &Connection, app: AppId, endpoint: &EndpointRef) -> Result<Endpoint> {
    let found = find(conn, app, endpoint)?;
    conn.prepare_cached("UPDATE endpoint SET deleted = 1 WHERE id = ?")?.execute([found.id.0])?;
    subscribers::forget(conn, found.id)?;
    Ok(found)
}

/// Returns whether it was enabled before.
pub(crate) fn disable(conn: &Connection, endpoint: EndpointId, now: Timestamp) -> Result<bool> {
    let n = conn
        .prepare_cached(
            "UPDATE endpoint SET disabled = 1, updated_at = ? WHERE id = ? AND disabled = 0 AND deleted = 0",
        )?
        .execute(params![now.0, endpoint.0])?;
    Ok(n == 1)
}
pub(crate) fn set_failing_since(conn: &Connection, endpoint: EndpointId, since: Option<Timestamp>) -> Result<()> {
    conn.prepare_cached("UPDATE endpoint SET failing_since = ? WHERE id = ?")?
        .execute(params![since.map(|t| t.0), endpoint.0])?;
    Ok(())
}
/// How an endpoint's lane begins.
pub(crate) struct Health {
    pub app: AppId,
    /// Takes deliveries: neither disabled nor deleted.
    pub enabled: bool,
    pub paused: bool,
    /// Since when it has only failed.
    pub failing_since: Option<Timestamp>,
}

/// A deleted one is disabled until it is reaped, then `None`.
pub(crate) fn health(conn: &Connection, endpoint: EndpointId) -> Result<Option<Health>> {
    let found = conn
        .prepare_cached(
            "SELECT app, NOT (disabled OR deleted) AS enabled, paused_at IS NOT NULL AS paused, failing_since
             FROM endpoint WHERE id = ?",
        )?
        .query_row([endpoint.0], |r| {
            Ok(Health {
                app: AppId(r.get("app")?),
                enabled: r.get("enabled")?,
                paused: r.get("paused")?,
                failing_since: rows::optional_time(r, "failing_since")?,
            })
        })
        .optional()?;
    Ok(found)
}

pub(crate) fn headers(conn: &Connection, app: AppId, endpoint: &EndpointRef) -> Result<(EndpointId, Vec<u8>)> {
    let found = find(conn, app, endpoint)?;
    let sealed =
        conn.prepare_cached("SELECT headers FROM endpoint WHERE id = ?")?.query_row([found.id.0], |r| r.get(0))?;
    Ok((found.id, sealed))
}
pub(crate) fn set_headers(
    conn: &Connection,
    app: AppId,
    endpoint: EndpointId,
    expected: &[u8],
    sealed: &[u8],
    now: Timestamp,
) -> Result<()> {
    let n = conn
        .prepare_cached(
            "UPDATE endpoint SET headers = ?, updated_at = ? WHERE id = ? AND app = ? AND deleted = 0 AND headers = ?",
        )?
        .execute(params![sealed, now.0, endpoint.0, app.0, expected])?;
    match n {
        1 => Ok(()),
        _ => {
            find(conn, app, &Ref::Id(endpoint))?;
            Err(StoreError::Conflict("the headers were changed by someone else; try again"))
        }
    }
}

pub(crate) fn secrets(
    conn: &Connection,
    app: AppId,
    endpoint: &EndpointRef,
    now: Timestamp,
) -> Result<(EndpointId, Vec<StoredSecret>)> {
    let found = find(conn, app, endpoint)?;
    Ok((found.id, live_secrets(conn, found.id, now)?))
}
fn live_secrets(conn: &Connection, endpoint: EndpointId, now: Timestamp) -> Result<Vec<StoredSecret>> {
    let mut statement = conn.prepare_cached(
        "SELECT sealed, expires_at FROM endpoint_secret
         WHERE endpoint = ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY id DESC",
    )?;
    let found = rows::all(&mut statement, &[&endpoint.0, &now.0], |r| {
        Ok(StoredSecret { sealed: r.get(0)?, expires_at: rows::optional_time(r, "expires_at")? })
    })?;
    Ok(found)
}
pub(crate) fn rotate(
    conn: &Connection,
    app: AppId,
    endpoint: EndpointId,
    sealed: &[u8],
    old_expires_at: Timestamp,
    now: Timestamp,
) -> Result<()> {
    find(conn, app, &Ref::Id(endpoint))?;
    conn.prepare_cached("UPDATE endpoint_secret SET expires_at = ? WHERE endpoint = ? AND expires_at IS NULL")?
        .execute(params![old_expires_at.0, endpoint.0])?;
    conn.prepare_cached("DELETE FROM endpoint_secret WHERE endpoint = ? AND expires_at <= ?")?
        .execute(params![endpoint.0, now.0])?;
    conn.prepare_cached(
        "DELETE FROM endpoint_secret WHERE endpoint = ?1 AND id NOT IN
            (SELECT id FROM endpoint_secret WHERE endpoint = ?1 ORDER BY id DESC LIMIT ?2)",
    )?
    .execute(params![endpoint.0, OLD_SECRETS_MAX])?;
    conn.prepare_cached("INSERT INTO endpoint_secret (endpoint, sealed) VALUES (?, ?)")?
        .execute(params![endpoint.0, sealed])?;
    Ok(())
}

/// The routing snapshot of an application; `None` when it is deleted or never was.
pub(crate) fn load_route(conn: &Connection, app: AppId, now: Timestamp) -> Result<Option<AppRoute>> {
    let found = conn
        .prepare_cached("SELECT org, uid, throttle_rate FROM app WHERE id = ? AND deleted = 0")?
        .query_row([app.0], |r| Ok((OrgId(r.get(0)?), r.get::<_, Option<String>>(1)?, r.get(2)?)))
        .optional()?;
    let Some((org, uid, throttle_rate)) = found else { return Ok(None) };
    let mut statement = conn.prepare_cached(
        "SELECT id, url, url_version, disabled, paused_at, throttle_rate, event_types, channels, headers, first_per,
            first_per_version, hook
         FROM endpoint WHERE app = ? AND deleted = 0 ORDER BY id",
    )?;
    let mut endpoints = rows::all(&mut statement, &[&app.0], |r| {
        Ok(EndpointRoute {
            app,
            endpoint: EndpointId(r.get("id")?),
            url: r.get::<_, String>("url")?.into(),
            url_version: r.get("url_version")?,
            disabled: r.get("disabled")?,
            paused_at: rows::optional_time(r, "paused_at")?,
            subscription: Subscription {
                event_types: rows::optional_list(r, "event_types")?.map(boxed),
                channels: rows::optional_list(r, "channels")?.map(boxed),
            },
            first_per: r.get::<_, Option<String>>("first_per")?.map(Into::into),
            first_per_version: r.get("first_per_version")?,
            hook: r.get("hook")?,
            throttle_rate: r.get("throttle_rate")?,
            app_throttle_rate: throttle_rate,
            headers_sealed: r.get::<_, Vec<u8>>("headers")?.into(),
            secrets: Vec::new(),
        })
    })?;
    let mut secrets = live_secrets_of_app(conn, app, now)?;
    for e in &mut endpoints {
        e.secrets = secrets.remove(&e.endpoint).unwrap_or_default();
    }
    let endpoints = endpoints.into_iter().map(Arc::new).collect();
    Ok(Some(AppRoute { org, app, uid: uid.map(Into::into), throttle_rate, endpoints }))
}

/// All endpoints' at once: an application may have thousands.
fn live_secrets_of_app(
    conn: &Connection,
    app: AppId,
    now: Timestamp,
) -> Result<HashMap<EndpointId, Vec<SealedSecret>>> {
    let mut statement = conn.prepare_cached(
        "SELECT s.endpoint, s.sealed, s.expires_at FROM endpoint e JOIN endpoint_secret s ON s.endpoint = e.id
         WHERE e.app = ? AND e.deleted = 0 AND (s.expires_at IS NULL OR s.expires_at > ?) ORDER BY e.id DESC, s.id DESC",
    )?;
    let found = rows::all(&mut statement, &[&app.0, &now.0], |r| {
        let sealed = r.get::<_, Vec<u8>>(1)?.into();
        Ok((EndpointId(r.get(0)?), SealedSecret { sealed, expires_at: rows::optional_time(r, "expires_at")? }))
    })?;
    let mut by_endpoint: HashMap<EndpointId, Vec<SealedSecret>> = HashMap::new();
    for (endpoint, secret) in found {
        by_endpoint.entry(endpoint).or_default().push(secret);
    }
    Ok(by_endpoint)
}

fn boxed(list: Vec<String>) -> Box<[Box<str>]> {
    list.into_iter().map(Into::into).collect()
}
