//! What organisations say of themselves.

use crate::error::StoreError;
use crate::profile::Profile;
use domain::{OrgId, Timestamp};
use rusqlite::{Connection, params};
use std::collections::HashMap;
use std::sync::Arc;

type Result<T> = std::result::Result<T, StoreError>;

/// Every profile, for memory.
pub(crate) fn all(conn: &Connection) -> Result<HashMap<OrgId, Arc<Profile>>> {
    let mut statement = conn.prepare_cached("SELECT org, profile FROM profile")?;
    let rows = statement.query_map([], |r| Ok((OrgId(r.get("org")?), super::rows::profile(r, "profile")?)))?;
    Ok(rows.map(|row| row.map(|(org, profile)| (org, Arc::new(profile)))).collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn set(conn: &Connection, org: OrgId, profile: &Profile, now: Timestamp) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO profile VALUES (?, ?, ?)")?.execute(params![
        org.0,
        super::rows::profile_text(profile),
        now.0
    ])?;
    Ok(())
}
