//! Short links, and the routes made of them.
//!
//! **Invariant:** a slug is one link's in the whole installation. A link whose application is deleted is gone for every
//! reader, though its row may be there.

use super::apps;
use super::core::Core;
use super::rows::{self, metadata_text};
use crate::error::StoreError;
use crate::links::{Link, LinkFields, LinkFilter, LinkPatch};
use crate::types::{AppFields, Page, PageQuery, Ref};
use domain::{AppId, LinkId, LinkParts, LinkRoute, OrgId, Timestamp};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

type Result<T> = std::result::Result<T, StoreError>;

const COLUMNS: &str = "id, org, app, slug, target, name, redirect, tags, metadata, click_param, disabled, expires_at,
    updated_at";
/// Its application is there.
const LIVE: &str = "EXISTS (SELECT 1 FROM app WHERE app.id = link.app AND app.deleted = 0)";
const NOT_FOUND: StoreError = StoreError::NotFound("link");
const SLUG_TAKEN: StoreError = StoreError::Conflict("a link with this slug already exists");

/// What the organisation's own application is called, and its uid.
const OWN_APP: (&str, &str) = ("Links and forms", "links");

fn from_row(row: &Row<'_>) -> rusqlite::Result<Link> {
    Ok(Link {
        id: LinkId(row.get("id")?),
        org: OrgId(row.get("org")?),
        app: AppId(row.get("app")?),
        slug: row.get("slug")?,
        target: row.get("target")?,
        name: row.get("name")?,
        redirect: row.get("redirect")?,
        tags: rows::list(row, "tags")?,
        metadata: rows::metadata(row, "metadata")?,
        click_param: row.get("click_param")?,
        disabled: row.get("disabled")?,
        expires_at: rows::optional_time(row, "expires_at")?,
        updated_at: rows::time(row, "updated_at")?,
    })
}

pub(crate) fn find(conn: &Connection, org: OrgId, link: LinkId) -> Result<Link> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM link WHERE id = ? AND org = ? AND {LIVE}"))?
        .query_row(params![link.0, org.0], from_row)
        .optional()?
        .ok_or(NOT_FOUND)
}

/// In order of creation. A page may be shorter than its limit although more follows.
pub(crate) fn list(
    conn: &Connection,
    org: OrgId,
    filter: &LinkFilter,
    page: &PageQuery<LinkId>,
) -> Result<Page<Link, LinkId>> {
    let walk = rows::walk(page);
    let (beyond, (_, dir)) = (walk.beyond("id"), walk.words());
    let named = if filter.slug.is_some() { "slug = ?3" } else { "?3 IS NULL" };
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS}, {LIVE} AS live FROM link WHERE org = ?1 AND {beyond} AND {named} ORDER BY id {dir}"
    ))?;
    let found = statement.query(params![org.0, walk.from.map(|i| i.0), filter.slug])?;
    let takes = |link: &Link| filter.tag.as_ref().is_none_or(|tag| link.tags.contains(tag));
    rows::scan(found, page.limit, &walk, |row| {
        let id = LinkId(row.get("id")?);
        let link = if row.get("live")? { Some(from_row(row)?) } else { None };
        Ok((id, link.filter(takes)))
    })
}

const INSERT: &str = "INSERT INTO link VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (slug) DO NOTHING";

/// The statement that [`insert`] runs.
pub(super) fn inserting(conn: &Connection) -> Result<CachedStatement<'_>> {
    Ok(conn.prepare_cached(INSERT)?)
}

/// With this slug, whatever the fields say. `false` when it is taken.
pub(super) fn insert(
    statement: &mut CachedStatement<'_>,
    (id, org, app): (LinkId, OrgId, AppId),
    slug: &str,
    fields: &LinkFields,
    now: Timestamp,
) -> Result<bool> {
    let n = statement.execute(params![
        id.0,
        org.0,
        app.0,
        slug,
        fields.target,
        fields.name,
        fields.redirect,
        rows::list_text(&fields.tags),
        metadata_text(&fields.metadata),
        fields.click_param,
        fields.disabled,
        fields.expires_at.map(|t| t.0),
        now.0,
    ])?;
    Ok(n == 1)
}

fn patched(old: &Link, app: AppId, patch: LinkPatch) -> LinkFields {
    let old = old.clone();
    LinkFields {
        app: Some(app),
        slug: patch.slug.unwrap_or(old.slug),
        target: patch.target.unwrap_or(old.target),
        name: patch.name.unwrap_or(old.name),
        redirect: patch.redirect.unwrap_or(old.redirect),
        tags: patch.tags.unwrap_or(old.tags),
        metadata: patch.metadata.unwrap_or(old.metadata),
        click_param: patch.click_param.unwrap_or(old.click_param),
        disabled: patch.disabled.unwrap_or(old.disabled),
        expires_at: patch.expires_at.unwrap_or(old.expires_at),
    }
}

fn write(conn: &Connection, old: &Link, app: AppId, fields: &LinkFields, now: Timestamp) -> Result<()> {
    if fields.slug != old.slug && conn.prepare_cached("SELECT 1 FROM link WHERE slug = ?")?.exists([&fields.slug])? {
        return Err(SLUG_TAKEN);
    }
    conn.prepare_cached(
        "UPDATE link SET app = ?, slug = ?, target = ?, name = ?, redirect = ?, tags = ?, metadata = ?, click_param = ?,
            disabled = ?, expires_at = ?, updated_at = ? WHERE id = ?",
    )?
    .execute(params![
        app.0,
        fields.slug,
        fields.target,
        fields.name,
        fields.redirect,
        rows::list_text(&fields.tags),
        metadata_text(&fields.metadata),
        fields.click_param,
        fields.disabled,
        fields.expires_at.map(|t| t.0),
        now.0,
        old.id.0,
    ])?;
    Ok(())
}

/// The organisation's link with this slug, and where it goes.
pub(super) fn with_slug(conn: &Connection, org: OrgId, slug: &str) -> Result<Option<(LinkId, String)>> {
    let found = conn
        .prepare_cached(&format!("SELECT id, target FROM link WHERE slug = ? AND org = ? AND {LIVE}"))?
        .query_row(params![slug, org.0], |r| Ok((LinkId(r.get(0)?), r.get(1)?)))
        .optional()?;
    Ok(found)
}

// ---- the hot path ----

/// The link that a slug names now.
pub(crate) fn by_slug(conn: &Connection, slug: &str) -> Result<Option<LinkRoute>> {
    let found = conn
        .prepare_cached(&format!("SELECT {COLUMNS} FROM link WHERE slug = ? AND {LIVE}"))?
        .query_row([slug], from_row)
        .optional()?;
    found.as_ref().map(route).transpose()
}
/// `None` when it is deleted or never was.
pub(crate) fn by_id(conn: &Connection, link: LinkId) -> Result<Option<LinkRoute>> {
    let found = conn
        .prepare_cached(&format!("SELECT {COLUMNS} FROM link WHERE id = ? AND {LIVE}"))?
        .query_row([link.0], from_row)
        .optional()?;
    found.as_ref().map(route).transpose()
}

/// Links made after this one, in order.
pub(crate) fn after(conn: &Connection, link: LinkId, limit: u32) -> Result<Vec<LinkRoute>> {
    let mut s =
        conn.prepare_cached(&format!("SELECT {COLUMNS} FROM link WHERE id > ? AND {LIVE} ORDER BY id LIMIT ?"))?;
    let mut found = s.query(params![link.0, limit])?;
    let mut routes = Vec::with_capacity(limit as usize);
    // One row's texts at a time: what is kept lies between them otherwise, and memory in pieces.
    while let Some(row) = found.next()? {
        routes.push(route(&from_row(row)?)?);
    }
    Ok(routes)
}

fn route(link: &Link) -> Result<LinkRoute> {
    let parts = LinkParts {
        slug: &link.slug,
        target: &link.target,
        redirect: link.redirect,
        click_param: link.click_param.as_deref().unwrap_or_default(),
        tags: &link.tags,
    };
    LinkRoute::new((link.org, link.id, link.app), &parts, link.disabled, link.expires_at)
        .ok_or_else(|| StoreError::Failed(format!("the target of link {} is too long", link.id.0)))
}

// ---- the writer's side ----

/// What a transaction changes for the hot paths of links and forms.
#[derive(Default)]
pub(super) struct OwnChanges {
    /// Links, with the slugs that they had.
    links: Vec<(LinkId, String)>,
    /// Tokens of forms.
    pub forms: Vec<String>,
    /// Deleted applications.
    pub apps: Vec<AppId>,
}

impl Core {
    /// The organisation's application for links and forms, made if there is none.
    pub(crate) fn own_app(&mut self, org: OrgId, now: Timestamp) -> Result<AppId> {
        if let Some(app) = own_app(&self.conn, org)? {
            return Ok(app);
        }
        let (name, uid) = OWN_APP;
        let fields = AppFields { name: name.to_owned(), uid: Some(uid.to_owned()), ..AppFields::default() };
        let id = self.next_id(now);
        Ok(apps::create(&self.conn, id, org, &fields, true, now)?.0.id)
    }

    /// The application that was named, if it can have links and forms; else the organisation's own.
    pub(super) fn app_for(&mut self, org: OrgId, app: Option<AppId>, now: Timestamp) -> Result<AppId> {
        let Some(app) = app else { return self.own_app(org, now) };
        let known = self
            .conn
            .prepare_cached(
                "SELECT 1 FROM app WHERE id = ? AND org = ? AND deleted = 0 AND operational = 0 AND source IS NULL",
            )?
            .exists(params![app.0, org.0])?;
        known.then_some(app).ok_or(StoreError::NotFound("application"))
    }

    pub(crate) fn create_link(&mut self, org: OrgId, fields: &LinkFields, now: Timestamp) -> Result<Link> {
        let app = self.app_for(org, fields.app, now)?;
        let id: LinkId = self.next_id(now);
        if !insert(&mut inserting(&self.conn)?, (id, org, app), &fields.slug, fields, now)? {
            return Err(SLUG_TAKEN);
        }
        find(&self.conn, org, id)
    }

    pub(crate) fn patch_link(&mut self, org: OrgId, link: LinkId, patch: LinkPatch, now: Timestamp) -> Result<Link> {
        let old = find(&self.conn, org, link)?;
        let app = match patch.app {
            Some(app) => self.app_for(org, Some(app), now)?,
            None => old.app,
        };
        write(&self.conn, &old, app, &patched(&old, app, patch), now)?;
        self.tx.own.links.push((link, old.slug));
        find(&self.conn, org, link)
    }

    /// Gone at once, for the hot path too; its figures go in the background.
    pub(crate) fn delete_link(&mut self, org: OrgId, link: LinkId, now: Timestamp) -> Result<()> {
        let old = find(&self.conn, org, link)?;
        self.conn.prepare_cached("DELETE FROM link WHERE id = ?")?.execute([link.0])?;
        self.origin_gone(link.0, now)?;
        self.tx.own.links.push((link, old.slug));
        self.sweep_now();
        Ok(())
    }

    /// The application goes with this transaction: its links and forms are nobody's any more.
    pub(crate) fn forget_own_of(&mut self, app: AppId) -> Result<()> {
        for sql in ["SELECT 1 FROM link WHERE app = ? LIMIT 1", "SELECT 1 FROM form WHERE app = ? LIMIT 1"] {
            if self.conn.prepare_cached(sql)?.exists([app.0])? {
                self.tx.own.apps.push(app);
                break;
            }
        }
        Ok(())
    }

    /// After the commit: a link that was in memory is there as it is now, a form is read again by whoever needs it.
    pub(super) fn refresh_own(&self, changes: OwnChanges) {
        for (link, slug) in changes.links {
            if !self.links.forget(&slug) {
                continue;
            }
            match by_id(&self.conn, link) {
                Ok(route) => route.into_iter().for_each(|route| self.links.put(route)),
                Err(e) => tracing::error!(error = %e, "a link can't be loaded; its next use will try again"),
            }
        }
        for token in changes.forms {
            self.forms.forget(&token);
        }
        for app in changes.apps {
            self.links.forget_app(app);
            self.forms.forget_app(app);
        }
    }
}

/// The organisation's application for links and forms.
pub(crate) fn own_app(conn: &Connection, org: OrgId) -> Result<Option<AppId>> {
    match apps::find(conn, org, &Ref::Uid(OWN_APP.1.to_owned())) {
        Ok(app) => Ok(Some(app.id)),
        Err(StoreError::NotFound(_)) => Ok(None),
        Err(e) => Err(e),
    }
}
