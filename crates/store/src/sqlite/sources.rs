//! Sources, the tokens of their URLs, and the routing snapshot made of them.

use super::apps;
use super::core::Core;
use super::rows::{self, metadata_text};
use crate::error::StoreError;
use crate::inbound::{Source, SourceFields, SourcePatch, SourceRef, SourceSealer};
use crate::source_routes::LoadedSource;
use crate::types::{Page, PageQuery, Ref};
use domain::{AppId, OrgId, SourceId, SourceRoute, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

type Result<T> = std::result::Result<T, StoreError>;

const COLUMNS: &str = "id, org, app, uid, name, kind, config, options, metadata, state, is_bin, forwards, share,
    expires_at, updated_at,
    (SELECT token FROM source_token t WHERE t.source = source.id AND t.expires_at IS NULL) AS token";
const NOT_FOUND: StoreError = StoreError::NotFound("source");
const UID_TAKEN: StoreError = StoreError::Conflict("a source with this uid already exists");
/// Old URLs of one source that work at most, as Svix has it.
const OLD_TOKENS_MAX: i64 = 3;
const OLD_TOKENS_LIVE: StoreError = StoreError::Conflict(
    "three old URLs of this source still work: it can be rotated again as soon as the first of them expires",
);

fn from_row(row: &Row<'_>) -> rusqlite::Result<Source> {
    Ok(Source {
        id: SourceId(row.get("id")?),
        org: OrgId(row.get("org")?),
        app: AppId(row.get("app")?),
        uid: row.get("uid")?,
        name: row.get("name")?,
        kind: row.get("kind")?,
        config_sealed: row.get("config")?,
        options: rows::source_options(row, "options")?,
        metadata: rows::metadata(row, "metadata")?,
        state: rows::source_state(row, "state")?,
        is_bin: row.get("is_bin")?,
        forwards: row.get("forwards")?,
        token: row.get("token")?,
        share: row.get("share")?,
        expires_at: rows::optional_time(row, "expires_at")?,
        updated_at: rows::time(row, "updated_at")?,
    })
}

pub(crate) fn find(conn: &Connection, org: OrgId, source: &SourceRef) -> Result<Source> {
    let sql = match source {
        Ref::Id(_) => format!("SELECT {COLUMNS} FROM source WHERE org = ?1 AND id = ?2 AND deleted = 0"),
        Ref::Uid(_) => format!("SELECT {COLUMNS} FROM source WHERE org = ?1 AND uid = ?2 AND deleted = 0"),
    };
    let mut statement = conn.prepare_cached(&sql)?;
    let found = match source {
        Ref::Id(id) => statement.query_row(params![org.0, id.0], from_row).optional()?,
        Ref::Uid(uid) => statement.query_row(params![org.0, uid], from_row).optional()?,
    };
    found.ok_or(NOT_FOUND)
}

pub(crate) fn shared(conn: &Connection, share: &str) -> Result<Source> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM source WHERE share = ? AND deleted = 0"))?
        .query_row([share], from_row)
        .optional()?
        .ok_or(NOT_FOUND)
}

/// Sources, or bins.
pub(crate) fn list(
    conn: &Connection,
    org: OrgId,
    bins: bool,
    page: &PageQuery<SourceId>,
) -> Result<Page<Source, SourceId>> {
    let walk = rows::walk(page);
    let (beyond, (_, dir)) = (walk.beyond("id"), walk.words());
    let sql = format!(
        "SELECT {COLUMNS} FROM source WHERE org = ?1 AND is_bin = ?4 AND {beyond} AND deleted = 0
         ORDER BY id {dir} LIMIT ?3"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let found = rows::all(&mut statement, &[&org.0, &walk.from.map(|i| i.0), &(page.limit + 1), &bins], from_row)?;
    Ok(rows::into_page(found, page.limit, &walk, |s| s.id))
}

/// The bins that customers of `app` made for themselves and that have not expired, the oldest first.
pub(crate) fn inboxes(conn: &Connection, app: AppId, now: Timestamp) -> Result<Vec<Source>> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM source
         WHERE inbox_of = ?1 AND is_bin = 1 AND deleted = 0 AND coalesce(expires_at > ?2, 1) ORDER BY id"
    ))?;
    Ok(rows::all(&mut statement, &[&app.0, &now.0], from_row)?)
}

pub(crate) fn set_inbox(conn: &Connection, source: SourceId, app: AppId) -> Result<()> {
    conn.prepare_cached("UPDATE source SET inbox_of = ? WHERE id = ?")?.execute([app.0, source.0])?;
    Ok(())
}

/// With its application and its URL's token.
pub(crate) fn create(
    conn: &Connection,
    (id, app): (SourceId, AppId),
    org: OrgId,
    fields: &SourceFields,
    token: &str,
    config: &[u8],
    now: Timestamp,
) -> Result<Source> {
    check_uid(conn, org, fields.uid.as_deref(), None)?;
    apps::create_for_source(conn, app, org, id, &fields.name, now)?;
    conn.prepare_cached(
        "INSERT INTO source (id, org, app, uid, name, kind, config, options, metadata, state, is_bin, forwards,
            expires_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        id.0,
        org.0,
        app.0,
        fields.uid,
        fields.name,
        fields.kind,
        config,
        rows::source_options_text(&fields.options),
        metadata_text(&fields.metadata),
        fields.state.code(),
        fields.is_bin,
        fields.forwards,
        fields.expires_at.map(|t| t.0),
        now.0,
    ])?;
    insert_token(conn, id, token)?;
    find(conn, org, &Ref::Id(id))
}

fn check_uid(conn: &Connection, org: OrgId, uid: Option<&str>, own: Option<SourceId>) -> Result<()> {
    let Some(uid) = uid else { return Ok(()) };
    match find(conn, org, &Ref::Uid(uid.to_owned())) {
        Ok(other) if Some(other.id) != own => Err(UID_TAKEN),
        Ok(_) | Err(StoreError::NotFound(_)) => Ok(()),
        Err(e) => Err(e),
    }
}

fn insert_token(conn: &Connection, source: SourceId, token: &str) -> Result<()> {
    conn.prepare_cached("INSERT INTO source_token (token, source) VALUES (?, ?)")?.execute(params![token, source.0])?;
    Ok(())
}

/// Replaces every field, the configuration too if there is a new one.
pub(crate) fn write(
    conn: &Connection,
    old: &Source,
    fields: &SourceFields,
    share: Option<&str>,
    config: Option<&[u8]>,
    now: Timestamp,
) -> Result<Source> {
    check_uid(conn, old.org, fields.uid.as_deref(), Some(old.id))?;
    conn.prepare_cached(
        "UPDATE source SET uid = ?, name = ?, kind = ?, config = coalesce(?, config), options = ?, metadata = ?,
            state = ?, is_bin = ?, forwards = ?, share = ?, expires_at = ?, updated_at = ?
         WHERE id = ?",
    )?
    .execute(params![
        fields.uid,
        fields.name,
        fields.kind,
        config,
        rows::source_options_text(&fields.options),
        metadata_text(&fields.metadata),
        fields.state.code(),
        fields.is_bin,
        fields.forwards,
        share,
        fields.expires_at.map(|t| t.0),
        now.0,
        old.id.0,
    ])?;
    if fields.name != old.name {
        apps::rename(conn, old.app, &fields.name, now)?;
    }
    find(conn, old.org, &Ref::Id(old.id))
}

pub(crate) fn patch(
    conn: &Connection,
    org: OrgId,
    source: &SourceRef,
    patch: SourcePatch,
    now: Timestamp,
) -> Result<Source> {
    let old = find(conn, org, source)?;
    let config = patch.config.map(|seal| seal(old.id));
    let share = patch.share.unwrap_or_else(|| old.share.clone());
    let fields = SourceFields {
        uid: patch.uid.unwrap_or_else(|| old.uid.clone()),
        name: patch.name.unwrap_or_else(|| old.name.clone()),
        kind: patch.kind.unwrap_or_else(|| old.kind.clone()),
        options: patch.options.unwrap_or_else(|| old.options.clone()),
        metadata: patch.metadata.unwrap_or_else(|| old.metadata.clone()),
        state: patch.state.unwrap_or(old.state),
        is_bin: patch.is_bin.unwrap_or(old.is_bin),
        forwards: patch.forwards.unwrap_or(old.forwards),
        expires_at: patch.expires_at.unwrap_or(old.expires_at),
    };
    write(conn, &old, &fields, share.as_deref(), config.as_deref(), now)
}

/// `Conflict` unless the configuration is `expected` still.
pub(crate) fn set_config(
    conn: &Connection,
    source: SourceId,
    expected: &[u8],
    sealed: &[u8],
    now: Timestamp,
) -> Result<()> {
    let n = conn
        .prepare_cached("UPDATE source SET config = ?, updated_at = ? WHERE id = ? AND deleted = 0 AND config = ?")?
        .execute(params![sealed, now.0, source.0, expected])?;
    if n == 1 {
        return Ok(());
    }
    let known = conn.prepare_cached("SELECT 1 FROM source WHERE id = ? AND deleted = 0")?.exists([source.0])?;
    Err(match known {
        true => StoreError::Conflict("the source's configuration was changed by someone else; try again"),
        false => NOT_FOUND,
    })
}

/// The old URL works until `old_expires_at`; not at all if that has passed.
pub(crate) fn rotate(
    conn: &Connection,
    org: OrgId,
    source: &SourceRef,
    token: &str,
    old_expires_at: Timestamp,
    now: Timestamp,
) -> Result<Source> {
    let id = find(conn, org, source)?.id;
    conn.prepare_cached("UPDATE source_token SET expires_at = ? WHERE source = ? AND expires_at IS NULL")?
        .execute(params![old_expires_at.0, id.0])?;
    conn.prepare_cached("DELETE FROM source_token WHERE source = ? AND expires_at <= ?")?
        .execute(params![id.0, now.0])?;
    let old: i64 =
        conn.prepare_cached("SELECT count(*) FROM source_token WHERE source = ?")?.query_row([id.0], |r| r.get(0))?;
    if old > OLD_TOKENS_MAX {
        return Err(OLD_TOKENS_LIVE);
    }
    insert_token(conn, id, token)?;
    conn.prepare_cached("UPDATE source SET updated_at = ? WHERE id = ?")?.execute(params![now.0, id.0])?;
    find(conn, org, &Ref::Id(id))
}

/// Gone for every reader, with its application, its URLs and its secrets.
pub(crate) fn delete(conn: &Connection, source: SourceId, app: AppId) -> Result<()> {
    conn.prepare_cached("UPDATE source SET deleted = 1, share = NULL, expires_at = NULL, config = x'' WHERE id = ?")?
        .execute([source.0])?;
    conn.prepare_cached("DELETE FROM source_token WHERE source = ?")?.execute([source.0])?;
    apps::mark_deleted(conn, app)
}

// ---- the routing snapshot ----

/// The source that a URL's token names now.
pub(crate) fn by_token(conn: &Connection, token: &str, now: Timestamp) -> Result<Option<LoadedSource>> {
    let found = conn
        .prepare_cached("SELECT source FROM source_token WHERE token = ? AND (expires_at IS NULL OR expires_at > ?)")?
        .query_row(params![token, now.0], |r| r.get(0).map(SourceId))
        .optional()?;
    match found {
        Some(source) => load_route(conn, source, now),
        None => Ok(None),
    }
}

/// `None` when it is deleted or never was.
pub(crate) fn load_route(conn: &Connection, source: SourceId, now: Timestamp) -> Result<Option<LoadedSource>> {
    let found = conn
        .prepare_cached(
            "SELECT org, app, kind, config, options, state, is_bin, forwards, expires_at FROM source
             WHERE id = ? AND deleted = 0",
        )?
        .query_row([source.0], |r| {
            Ok(SourceRoute {
                org: OrgId(r.get("org")?),
                source,
                app: AppId(r.get("app")?),
                kind: r.get::<_, String>("kind")?.into(),
                state: rows::source_state(r, "state")?,
                is_bin: r.get("is_bin")?,
                forwards: r.get("forwards")?,
                config_sealed: r.get::<_, Vec<u8>>("config")?.into(),
                options: rows::source_options(r, "options")?,
                expires_at: rows::optional_time(r, "expires_at")?,
            })
        })
        .optional()?;
    let Some(route) = found else { return Ok(None) };
    let mut statement = conn.prepare_cached(
        "SELECT token, expires_at FROM source_token WHERE source = ? AND (expires_at IS NULL OR expires_at > ?)",
    )?;
    let tokens = rows::all(&mut statement, &[&source.0, &now.0], |r| {
        Ok((r.get::<_, String>("token")?.into(), rows::optional_time(r, "expires_at")?))
    })?;
    Ok(Some(LoadedSource { route, tokens }))
}

// ---- the writer's side ----

impl Core {
    pub(crate) fn create_source(
        &mut self,
        org: OrgId,
        fields: &SourceFields,
        token: &str,
        config: SourceSealer,
        now: Timestamp,
    ) -> Result<Source> {
        let ids: (SourceId, AppId) = (self.next_id(now), self.next_id(now));
        let made = create(&self.conn, ids, org, fields, token, &config(ids.0), now)?;
        self.source_changed(made.id);
        Ok(made)
    }

    /// Deletes at most `budget` sources whose time has come; `true` when there may be more.
    pub(super) fn expire_sources(&mut self, now: Timestamp, budget: u32) -> Result<bool> {
        let found: Vec<(SourceId, AppId)> = {
            let mut s = self.conn.prepare_cached(
                "SELECT id, app FROM source WHERE expires_at IS NOT NULL AND expires_at <= ? LIMIT ?",
            )?;
            rows::all(&mut s, &[&now.0, &budget], |r| Ok((SourceId(r.get(0)?), AppId(r.get(1)?))))?
        };
        for (source, app) in &found {
            self.delete_source(*source, *app)?;
        }
        Ok(found.len() == budget as usize)
    }

    /// Gone at once, for the hot path too; its rows go in the background.
    pub(crate) fn delete_source(&mut self, source: SourceId, app: AppId) -> Result<()> {
        delete(&self.conn, source, app)?;
        self.stored_of.remove(&source);
        self.source_changed(source);
        self.touch_app(app);
        // Whoever streams its requests learns that there is nothing more to wait for.
        self.touched_source(source);
        self.sweep_now();
        Ok(())
    }
}
