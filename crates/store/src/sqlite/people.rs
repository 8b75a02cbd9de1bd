//! People, and tickets that were used.
//!
//! **Invariant:** an organisation that has an owner never loses its last one; an address is one person's.

use super::core::Core;
use super::rows;
use crate::error::StoreError;
use crate::people::{NewPerson, PasswordHash, Person, PersonPatch, Role, email_key};
use crate::types::{Page, PageQuery};
use domain::{OrgId, PersonId, SessionId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

type Result<T> = std::result::Result<T, StoreError>;

const NOT_FOUND: StoreError = StoreError::NotFound("person");
const EMAIL_TAKEN: StoreError = StoreError::Conflict("somebody has this e-mail address already");
const LAST_OWNER: StoreError = StoreError::Conflict("an organisation keeps at least one owner");
const HAS_OWNER: StoreError = StoreError::Conflict("the organisation has an owner already");

/// Columns of a person, in a statement that may name sessions too.
pub(super) const COLUMNS: &str = "person.id, person.org, person.email, person.name, person.role,
    person.password IS NOT NULL AS has_password, person.shortcuts, person.updated_at, person.last_seen_at";

pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Person> {
    Ok(Person {
        id: PersonId(row.get(0)?),
        org: OrgId(row.get(1)?),
        email: row.get(2)?,
        name: row.get(3)?,
        role: rows::role(row, "role")?,
        has_password: row.get(5)?,
        shortcuts: row.get(6)?,
        updated_at: row.get(7).map(Timestamp)?,
        last_seen_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
    })
}

pub(crate) fn find(conn: &Connection, org: OrgId, person: PersonId) -> Result<Person> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM person WHERE id = ? AND org = ?"))?
        .query_row(params![person.0, org.0], from_row)
        .optional()?
        .ok_or(NOT_FOUND)
}

/// Who has this address, whatever the organisation.
pub(crate) fn by_email(conn: &Connection, email: &str) -> Result<Option<(Person, Option<PasswordHash>)>> {
    let found = conn
        .prepare_cached(&format!("SELECT {COLUMNS}, person.password FROM person WHERE email_key = ?"))?
        .query_row([email_key(email)], |row| Ok((from_row(row)?, row.get::<_, Option<String>>(9)?.map(PasswordHash))))
        .optional()?;
    Ok(found)
}

/// The hash of a person's password.
pub(crate) fn password(conn: &Connection, org: OrgId, person: PersonId) -> Result<Option<PasswordHash>> {
    conn.prepare_cached("SELECT password FROM person WHERE id = ? AND org = ?")?
        .query_row(params![person.0, org.0], |row| Ok(row.get::<_, Option<String>>(0)?.map(PasswordHash)))
        .optional()?
        .ok_or(NOT_FOUND)
}

pub(crate) fn any(conn: &Connection) -> Result<bool> {
    Ok(conn.prepare_cached("SELECT 1 FROM person LIMIT 1")?.exists([])?)
}

pub(crate) fn list(conn: &Connection, org: OrgId, page: &PageQuery<PersonId>) -> Result<Page<Person, PersonId>> {
    let walk = rows::walk(page);
    let (beyond, (_, dir)) = (walk.beyond("id"), walk.words());
    let sql = format!("SELECT {COLUMNS} FROM person WHERE org = ?1 AND {beyond} ORDER BY id {dir} LIMIT ?3");
    let mut statement = conn.prepare_cached(&sql)?;
    let found = rows::all(&mut statement, &[&org.0, &walk.from.map(|i| i.0), &(page.limit + 1)], from_row)?;
    Ok(rows::into_page(found, page.limit, &walk, |p| p.id))
}

fn other_owner(conn: &Connection, org: OrgId, than: PersonId) -> Result<bool> {
    let sql = "SELECT 1 FROM person WHERE org = ? AND id <> ? AND role = 0 LIMIT 1";
    Ok(conn.prepare_cached(sql)?.exists(params![org.0, than.0])?)
}

fn check_email(conn: &Connection, email: &str, of: PersonId) -> Result<()> {
    match by_email(conn, email)? {
        Some((other, _)) if other.id != of => Err(EMAIL_TAKEN),
        _ => Ok(()),
    }
}

impl Core {
    /// With `first`, only for an organisation that has no owner.
    pub(crate) fn create_person(&mut self, org: OrgId, new: &NewPerson, first: bool, now: Timestamp) -> Result<Person> {
        let id: PersonId = self.next_id(now);
        if first && other_owner(&self.conn, org, id)? {
            return Err(HAS_OWNER);
        }
        check_email(&self.conn, &new.email, id)?;
        self.conn.prepare_cached("INSERT INTO person VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, NULL)")?.execute(params![
            id.0,
            org.0,
            new.email.trim(),
            email_key(&new.email),
            new.name,
            new.role as u8,
            new.password.as_ref().map(|p| &p.0),
            now.0,
        ])?;
        find(&self.conn, org, id)
    }

    pub(crate) fn patch_person(
        &mut self,
        org: OrgId,
        person: PersonId,
        patch: PersonPatch,
        now: Timestamp,
    ) -> Result<Person> {
        let old = find(&self.conn, org, person)?;
        let role = patch.role.unwrap_or(old.role);
        if old.role == Role::Owner && role != Role::Owner && !other_owner(&self.conn, org, person)? {
            return Err(LAST_OWNER);
        }
        let email = patch.email.unwrap_or(old.email);
        check_email(&self.conn, &email, person)?;
        let name = patch.name.unwrap_or(old.name);
        self.conn
            .prepare_cached(
                "UPDATE person SET email = ?, email_key = ?, name = ?, role = ?, shortcuts = ?, updated_at = ?
                 WHERE id = ?",
            )?
            .execute(params![
                email.trim(),
                email_key(&email),
                name,
                role as u8,
                patch.shortcuts.unwrap_or(old.shortcuts),
                now.0,
                person.0,
            ])?;
        find(&self.conn, org, person)
    }

    /// Ends the person's sessions, too.
    pub(crate) fn delete_person(&mut self, org: OrgId, person: PersonId) -> Result<()> {
        let old = find(&self.conn, org, person)?;
        if old.role == Role::Owner && !other_owner(&self.conn, org, person)? {
            return Err(LAST_OWNER);
        }
        self.conn.prepare_cached("DELETE FROM session WHERE person = ?")?.execute([person.0])?;
        self.conn.prepare_cached("DELETE FROM person WHERE id = ?")?.execute([person.0])?;
        Ok(())
    }

    /// Ends the person's sessions but `keep`.
    pub(crate) fn set_password(
        &mut self,
        org: OrgId,
        person: PersonId,
        password: &PasswordHash,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<()> {
        find(&self.conn, org, person)?;
        self.conn
            .prepare_cached("UPDATE person SET password = ?, updated_at = ? WHERE id = ?")?
            .execute(params![password.0, now.0, person.0])?;
        super::sessions::close_all(&self.conn, person, keep)
    }
}

/// `true` for the first who comes with this nonce.
pub(crate) fn use_ticket(conn: &Connection, nonce: &[u8; 16], expires_at: Timestamp) -> Result<bool> {
    let n = conn
        .prepare_cached("INSERT INTO used_ticket VALUES (?, ?) ON CONFLICT DO NOTHING")?
        .execute(params![nonce, expires_at.0])?;
    Ok(n == 1)
}

pub(crate) fn is_ticket_used(conn: &Connection, nonce: &[u8; 16]) -> Result<bool> {
    Ok(conn.prepare_cached("SELECT 1 FROM used_ticket WHERE nonce = ?")?.exists([nonce])?)
}
