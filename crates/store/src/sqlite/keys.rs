//! API keys.
//!
//! **Invariant:** a key that is revoked is in `revoked_token` too, by the same transaction.

use super::{rows, tokens};
use crate::error::StoreError;
use crate::keys::{ApiKey, NewApiKey, Scope};
use crate::types::{Page, PageQuery};
use domain::{KeyId, OrgId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

type Result<T> = std::result::Result<T, StoreError>;

/// Live keys of one organisation at most.
const KEYS_MAX: i64 = 1000;
const COLUMNS: &str = "id, org, name, scopes, created_by, hash, expires_at, last_used_at, revoked_at";

fn from_row(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    Ok(ApiKey {
        id: KeyId(row.get("id")?),
        org: OrgId(row.get("org")?),
        name: row.get("name")?,
        scopes: rows::list(row, "scopes")?.iter().filter_map(|text| Scope::parse(text)).collect(),
        created_by: row.get("created_by")?,
        hash: row.get("hash")?,
        expires_at: rows::optional_time(row, "expires_at")?,
        last_used_at: rows::optional_time(row, "last_used_at")?,
        revoked_at: rows::optional_time(row, "revoked_at")?,
    })
}

pub(crate) fn find(conn: &Connection, org: OrgId, key: KeyId) -> Result<ApiKey> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM api_key WHERE id = ? AND org = ?"))?
        .query_row(params![key.0, org.0], from_row)
        .optional()?
        .ok_or(StoreError::NotFound("API key"))
}

pub(crate) fn list(conn: &Connection, org: OrgId, page: &PageQuery<KeyId>) -> Result<Page<ApiKey, KeyId>> {
    let walk = rows::walk(page);
    let (beyond, (_, dir)) = (walk.beyond("id"), walk.words());
    let sql = format!("SELECT {COLUMNS} FROM api_key WHERE org = ?1 AND {beyond} ORDER BY id {dir} LIMIT ?3");
    let mut statement = conn.prepare_cached(&sql)?;
    let found = rows::all(&mut statement, &[&org.0, &walk.from.map(|i| i.0), &(page.limit + 1)], from_row)?;
    Ok(rows::into_page(found, page.limit, &walk, |k| k.id))
}

pub(crate) fn create(conn: &Connection, org: OrgId, new: &NewApiKey) -> Result<ApiKey> {
    let n: i64 = conn
        .prepare_cached("SELECT count(*) FROM api_key WHERE org = ? AND revoked_at IS NULL")?
        .query_row([org.0], |r| r.get(0))?;
    if n >= KEYS_MAX {
        return Err(StoreError::Conflict("there are 1000 API keys already: revoke some first"));
    }
    let scopes: Vec<&str> = new.scopes.iter().map(|s| s.as_str()).collect();
    conn.prepare_cached("INSERT INTO api_key VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)")?.execute(params![
        new.id.0,
        org.0,
        new.name,
        rows::list_text(&scopes).unwrap_or_else(|| "[]".to_owned()),
        new.created_by,
        new.hash,
        new.expires_at.map(|t| t.0),
    ])?;
    find(conn, org, new.id)
}

/// Once more does nothing. `until` is when the token would have ended of itself.
pub(crate) fn revoke(
    conn: &Connection,
    org: OrgId,
    key: KeyId,
    until: impl FnOnce(&ApiKey) -> Option<Timestamp>,
    now: Timestamp,
) -> Result<ApiKey> {
    let found = find(conn, org, key)?;
    if found.revoked_at.is_some() {
        return Ok(found);
    }
    conn.prepare_cached("UPDATE api_key SET revoked_at = ? WHERE id = ?")?.execute(params![now.0, key.0])?;
    tokens::revoke(conn, &found.hash, until(&found))?;
    find(conn, org, key)
}

pub(crate) fn used(conn: &Connection, key: KeyId, at: Timestamp) -> Result<()> {
    conn.prepare_cached("UPDATE api_key SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?")?
        .execute(params![at.0, key.0])?;
    Ok(())
}
