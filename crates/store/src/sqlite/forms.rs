//! Forms, and the routes made of them.
//!
//! **Invariant:** as for links, a form whose application is deleted is gone for every reader.

use super::core::Core;
use super::rows::{self, metadata_text};
use crate::error::StoreError;
use crate::links::{Form, FormFields, FormPatch};
use crate::types::{Page, PageQuery};
use domain::{AppId, FormId, FormRoute, OrgId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

type Result<T> = std::result::Result<T, StoreError>;

const COLUMNS: &str = "id, org, app, token, name, spec, metadata, disabled, updated_at";
/// Its application is there.
const LIVE: &str = "EXISTS (SELECT 1 FROM app WHERE app.id = form.app AND app.deleted = 0)";
const NOT_FOUND: StoreError = StoreError::NotFound("form");

fn from_row(row: &Row<'_>) -> rusqlite::Result<Form> {
    Ok(Form {
        id: FormId(row.get("id")?),
        org: OrgId(row.get("org")?),
        app: AppId(row.get("app")?),
        token: row.get("token")?,
        name: row.get("name")?,
        spec: rows::form_spec(row, "spec")?,
        metadata: rows::metadata(row, "metadata")?,
        disabled: row.get("disabled")?,
        updated_at: rows::time(row, "updated_at")?,
    })
}

pub(crate) fn find(conn: &Connection, org: OrgId, form: FormId) -> Result<Form> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM form WHERE id = ? AND org = ? AND {LIVE}"))?
        .query_row(params![form.0, org.0], from_row)
        .optional()?
        .ok_or(NOT_FOUND)
}

/// In order of creation. A page may be shorter than its limit although more follows.
pub(crate) fn list(conn: &Connection, org: OrgId, page: &PageQuery<FormId>) -> Result<Page<Form, FormId>> {
    let walk = rows::walk(page);
    let (beyond, (_, dir)) = (walk.beyond("id"), walk.words());
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS}, {LIVE} AS live FROM form WHERE org = ?1 AND {beyond} ORDER BY id {dir}"
    ))?;
    let found = statement.query(params![org.0, walk.from.map(|i| i.0)])?;
    rows::scan(found, page.limit, &walk, |row| {
        let form = if row.get("live")? { Some(from_row(row)?) } else { None };
        Ok((FormId(row.get("id")?), form))
    })
}

/// The form that a URL's token names now.
pub(crate) fn by_token(conn: &Connection, token: &str) -> Result<Option<FormRoute>> {
    let found = conn
        .prepare_cached(&format!("SELECT {COLUMNS} FROM form WHERE token = ? AND {LIVE}"))?
        .query_row([token], from_row)
        .optional()?;
    Ok(found.map(|form| FormRoute {
        org: form.org,
        form: form.id,
        app: form.app,
        name: form.name.into(),
        disabled: form.disabled,
        spec: form.spec,
    }))
}

impl Core {
    pub(crate) fn create_form(&mut self, org: OrgId, fields: &FormFields, token: &str, now: Timestamp) -> Result<Form> {
        let app: AppId = self.app_for(org, fields.app, now)?;
        let id: FormId = self.next_id(now);
        let n = self
            .conn
            .prepare_cached("INSERT INTO form VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (token) DO NOTHING")?
            .execute(params![
                id.0,
                org.0,
                app.0,
                token,
                fields.name,
                rows::form_spec_text(&fields.spec),
                metadata_text(&fields.metadata),
                fields.disabled,
                now.0,
            ])?;
        match n {
            0 => Err(StoreError::Conflict("a form with this token already exists")),
            _ => find(&self.conn, org, id),
        }
    }

    pub(crate) fn patch_form(&mut self, org: OrgId, form: FormId, patch: FormPatch, now: Timestamp) -> Result<Form> {
        let old = find(&self.conn, org, form)?;
        let app = match patch.app {
            Some(app) => self.app_for(org, Some(app), now)?,
            None => old.app,
        };
        self.conn
            .prepare_cached(
                "UPDATE form SET app = ?, name = ?, spec = ?, metadata = ?, disabled = ?, updated_at = ? WHERE id = ?",
            )?
            .execute(params![
                app.0,
                patch.name.unwrap_or(old.name),
                rows::form_spec_text(&patch.spec.unwrap_or(old.spec)),
                metadata_text(&patch.metadata.unwrap_or(old.metadata)),
                patch.disabled.unwrap_or(old.disabled),
                now.0,
                form.0,
            ])?;
        self.tx.own.forms.push(old.token);
        find(&self.conn, org, form)
    }

    /// Gone at once, for the hot path too; its figures go in the background.
    pub(crate) fn delete_form(&mut self, org: OrgId, form: FormId, now: Timestamp) -> Result<()> {
        let old = find(&self.conn, org, form)?;
        self.conn.prepare_cached("DELETE FROM form WHERE id = ?")?.execute([form.0])?;
        self.origin_gone(form.0, now)?;
        self.tx.own.forms.push(old.token);
        self.sweep_now();
        Ok(())
    }
}
