//! Imports of links: rows in, links and errors out.
//!
//! **Invariant:** a line is dealt with once: its link, its error and the import's progress are one transaction.

use super::core::Core;
use super::{links, rows};
use crate::error::StoreError;
use crate::links::{Import, ImportError, ImportRow, ImportStatus, LinkFields};
use crate::types::{Page, PageQuery};
use domain::{AppId, ImportId, LinkId, OrgId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::time::Duration;

type Result<T> = std::result::Result<T, StoreError>;

const COLUMNS: &str = "id, org, app, name, status, line, created, unchanged, failed, updated_at";
const NOT_FOUND: StoreError = StoreError::NotFound("import");
const FINISHED: StoreError = StoreError::Conflict("the import is finished");
/// Rows of one call. A transaction rewrites most pages of the slugs' index, however few rows it has: a million rows by 16,384
/// write a third of what they write by 4,096.
const ROWS_MAX: usize = 16_384;
/// Rows from which on a call is a part of a bulk.
const BULK_ROWS: usize = 1_024;
/// How long after a part of it the next part of a bulk is waited for.
const BULK_PAUSE: Duration = Duration::from_secs(2);
/// Errors of one import that are kept; the others are counted.
const ERRORS_MAX: u64 = 10_000;

fn from_row(row: &Row<'_>) -> rusqlite::Result<Import> {
    Ok(Import {
        id: ImportId(row.get("id")?),
        org: OrgId(row.get("org")?),
        app: AppId(row.get("app")?),
        name: row.get("name")?,
        status: rows::import_status(row, "status")?,
        line: row.get("line")?,
        created: row.get("created")?,
        unchanged: row.get("unchanged")?,
        failed: row.get("failed")?,
        updated_at: rows::time(row, "updated_at")?,
    })
}

pub(crate) fn find(conn: &Connection, org: OrgId, import: ImportId) -> Result<Import> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM import WHERE id = ? AND org = ?"))?
        .query_row(params![import.0, org.0], from_row)
        .optional()?
        .ok_or(NOT_FOUND)
}

pub(crate) fn list(conn: &Connection, org: OrgId, page: &PageQuery<ImportId>) -> Result<Page<Import, ImportId>> {
    let walk = rows::walk(page);
    let (beyond, (_, dir)) = (walk.beyond("id"), walk.words());
    let sql = format!("SELECT {COLUMNS} FROM import WHERE org = ?1 AND {beyond} ORDER BY id {dir} LIMIT ?3");
    let mut statement = conn.prepare_cached(&sql)?;
    let found = rows::all(&mut statement, &[&org.0, &walk.from.map(|i| i.0), &(page.limit + 1)], from_row)?;
    Ok(rows::into_page(found, page.limit, &walk, |i| i.id))
}

/// Errors after a line, in order.
pub(crate) fn errors(
    conn: &Connection,
    org: OrgId,
    import: ImportId,
    after: u64,
    limit: u32,
) -> Result<Vec<ImportError>> {
    find(conn, org, import)?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let mut statement =
        conn.prepare_cached("SELECT line, text FROM import_error WHERE import = ? AND line > ? ORDER BY line LIMIT ?")?;
    let found = rows::all(&mut statement, &[&import.0, &after, &limit], |r| {
        Ok(ImportError { line: r.get("line")?, text: r.get("text")? })
    })?;
    Ok(found)
}

fn write(conn: &Connection, import: &Import, now: Timestamp) -> Result<Import> {
    conn.prepare_cached(
        "UPDATE import SET status = ?, line = ?, created = ?, unchanged = ?, failed = ?, updated_at = ? WHERE id = ?",
    )?
    .execute(params![
        import.status as u8,
        import.line,
        import.created,
        import.unchanged,
        import.failed,
        now.0,
        import.id.0,
    ])?;
    find(conn, import.org, import.id)
}

/// Whoever fed the imports that run is no more: they can be gone on with.
pub(super) fn stop_all(conn: &Connection) -> Result<()> {
    conn.execute("UPDATE import SET status = 2 WHERE status = 0", [])?;
    Ok(())
}

/// A row that can make a link: by slug, so that the index is walked in one direction, and by line within it.
struct Candidate<'a> {
    slug: &'a str,
    line: u64,
    fields: &'a LinkFields,
    random_from: Option<usize>,
}

impl Candidate<'_> {
    /// The slugs that it can have, in the order in which they are tried.
    fn slugs(&self) -> impl Iterator<Item = &str> {
        (self.random_from.unwrap_or(usize::MAX).min(self.slug.len())..=self.slug.len())
            .filter_map(|n| self.slug.get(..n))
    }
}

impl Core {
    pub(crate) fn start_import(
        &mut self,
        org: OrgId,
        app: Option<AppId>,
        name: &str,
        now: Timestamp,
    ) -> Result<Import> {
        let app = self.app_for(org, app, now)?;
        let id: ImportId = self.next_id(now);
        self.conn
            .prepare_cached("INSERT INTO import VALUES (?, ?, ?, ?, 0, 0, 0, 0, 0, ?)")?
            .execute(params![id.0, org.0, app.0, name, now.0])?;
        find(&self.conn, org, id)
    }

    /// A finished import stays finished.
    pub(crate) fn end_import(
        &mut self,
        org: OrgId,
        import: ImportId,
        status: ImportStatus,
        now: Timestamp,
    ) -> Result<Import> {
        let found = find(&self.conn, org, import)?;
        match found.status {
            ImportStatus::Finished => Ok(found),
            _ => write(&self.conn, &Import { status, ..found }, now),
        }
    }

    pub(crate) fn import_links(
        &mut self,
        org: OrgId,
        import: ImportId,
        given: &[ImportRow],
        now: Timestamp,
    ) -> Result<Import> {
        let mut import = find(&self.conn, org, import)?;
        if import.status == ImportStatus::Finished {
            return Err(FINISHED);
        }
        if given.len() > ROWS_MAX {
            return Err(StoreError::Conflict("an import takes at most 16,384 rows at a time"));
        }
        self.app_for(org, Some(import.app), now)?;
        if given.len() >= BULK_ROWS {
            self.bulk_until = now.plus(BULK_PAUSE);
        }
        let (mut candidates, mut errors) = (Vec::with_capacity(given.len()), Vec::new());
        let mut last = import.line;
        for row in given.iter().filter(|row| row.line > import.line) {
            last = last.max(row.line);
            match &row.row {
                Ok(fields) => {
                    let random_from = row.random_from;
                    candidates.push(Candidate { slug: &fields.slug, line: row.line, fields, random_from });
                }
                Err(text) => errors.push((row.line, text.clone())),
            }
        }
        candidates.sort_unstable_by_key(|c| (c.slug, c.line));
        self.create_candidates(&mut import, &candidates, &mut errors, now)?;
        self.keep_errors(&mut import, errors)?;
        write(&self.conn, &Import { line: last, status: ImportStatus::Running, ..import }, now)
    }

    /// `candidates` are in order of slug.
    fn create_candidates(
        &mut self,
        import: &mut Import,
        candidates: &[Candidate<'_>],
        errors: &mut Vec<(u64, String)>,
        now: Timestamp,
    ) -> Result<()> {
        let ids: Vec<LinkId> = candidates.iter().map(|_| self.next_id(now)).collect();
        let mut statement = links::inserting(&self.conn)?;
        let mut made: Option<&Candidate<'_>> = None;
        for (candidate, id) in candidates.iter().zip(ids) {
            let mut is_new = false;
            for slug in candidate.slugs() {
                is_new = links::insert(&mut statement, (id, import.org, import.app), slug, candidate.fields, now)?;
                if is_new {
                    break;
                }
            }
            if is_new {
                import.created += 1;
                made = Some(candidate);
                continue;
            }
            let line = made.filter(|m| m.slug == candidate.slug).map(|m| m.line);
            match self.taken(import.org, candidate, line)? {
                Some(text) => errors.push((candidate.line, text)),
                None => import.unchanged += 1,
            }
        }
        Ok(())
    }

    /// Why a slug that is there can't be the candidate's; `None` when it is that very link. `line` made it just now.
    fn taken(&self, org: OrgId, candidate: &Candidate<'_>, line: Option<u64>) -> Result<Option<String>> {
        let Some(known) = links::with_slug(&self.conn, org, candidate.slug)? else {
            return Ok(Some(format!("slug \"{}\" is taken", candidate.slug)));
        };
        if known.1 == candidate.fields.target {
            return Ok(None);
        }
        let who = line.map_or_else(|| self.config.codec.text(known.0), |line| format!("line {line}"));
        Ok(Some(format!("slug \"{}\" is taken: {who} has it", candidate.slug)))
    }

    fn keep_errors(&self, import: &mut Import, mut errors: Vec<(u64, String)>) -> Result<()> {
        errors.sort_unstable();
        let room = ERRORS_MAX.saturating_sub(import.failed);
        import.failed += errors.len() as u64;
        errors.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        let mut statement =
            self.conn.prepare_cached("INSERT INTO import_error VALUES (?, ?, ?) ON CONFLICT DO NOTHING")?;
        for (line, text) in &errors {
            statement.execute(params![import.id.0, line, text])?;
        }
        Ok(())
    }
}
