//! Where the candidates of a search come from: the narrowest rows that hold all that can match.
//!
//! **Invariant:** what is asked for is among the candidates; each way to find them is bounded.

use super::rows;
use super::search::Searching;
use super::search_walk::{Rows, Sieve};
use crate::error::StoreError;
use crate::types::StatusFilter;
use rusqlite::{OptionalExtension, params};

type Result<T> = std::result::Result<T, StoreError>;

/// Owners whose rows are merged; of more, all messages are walked.
const APPS_MERGED_MAX: usize = 64;
const ENDPOINTS_MERGED_MAX: usize = 2000;
/// Waiting deliveries that are sorted in memory.
const WAITING_MAX: i64 = 20_000;
/// Applications that are asked for a sender's own id.
const APPS_ASKED_MAX: u32 = 5000;

/// Where candidates come from.
pub(super) enum Candidates {
    Merged {
        rows: Rows,
        owners: Vec<i64>,
    },
    /// These messages, in the order of the walk.
    These(Vec<i64>),
}

impl Searching<'_> {
    /// The narrowest rows that hold all that can match.
    pub fn candidates(&self, down: bool) -> Result<Candidates> {
        let s = self.search;
        let these = |mut ids: Vec<i64>| {
            ids.sort_unstable();
            ids.dedup();
            if down {
                ids.reverse();
            }
            Ok(Candidates::These(ids))
        };
        if let Some(id) = s.id {
            return these(vec![id.0]);
        }
        if let Some(event_id) = &s.event_id {
            return these(self.with_event_id(event_id)?);
        }
        match s.status {
            Some(StatusFilter::Fail) => {
                if let Some(owners) = self.lanes("l.dead > 0")? {
                    return Ok(Candidates::Merged { rows: Rows::Dead, owners });
                }
            }
            Some(StatusFilter::Pending) => {
                return match self.waiting()? {
                    Some(ids) => these(ids),
                    None => Ok(Candidates::Merged { rows: Rows::OnDisk, owners: vec![0] }),
                };
            }
            Some(StatusFilter::Sending) => return Ok(Candidates::Merged { rows: Rows::Leased, owners: vec![0] }),
            _ => {}
        }
        if let Some(code) = s.code {
            // Failures have an index of their own, by attempt: in the past it leads to too many later ones.
            let is_past = s.before.is_some() && s.endpoint.is_none();
            let failed = if code.may_succeed() || is_past { None } else { self.endpoints()? };
            return Ok(match failed {
                Some(owners) => Candidates::Merged { rows: Rows::Failed, owners },
                None => Candidates::Merged { rows: Rows::Attempts, owners: vec![0] },
            });
        }
        Ok(match self.owners_of_messages()? {
            Some(owners) => Candidates::Merged { rows: Rows::OfApp, owners },
            None => Candidates::Merged { rows: Rows::All, owners: vec![0] },
        })
    }

    /// What rows can be held back by while they are walked.
    pub fn sieve(&self) -> Sieve {
        let quoted = |name: &Option<String>| name.as_ref().map(|n| serde_json::Value::from(&**n).to_string());
        let types = match &*self.search.types {
            [one] => Some(match one.strip_suffix('*') {
                Some(beginning) => (beginning.to_owned(), format!("{beginning}\u{10ffff}")),
                None => (one.clone(), one.clone()),
            }),
            _ => None,
        };
        Sieve {
            tag: quoted(&self.search.tag),
            channel: quoted(&self.search.channel),
            types,
            codes: self.search.code.map(domain::CodeFilter::bounds),
        }
    }

    fn with_event_id(&self, event_id: &str) -> Result<Vec<i64>> {
        let apps = match self.search.app {
            Some(app) => vec![app.0],
            None => {
                let mut s = self.conn.prepare_cached("SELECT id FROM app WHERE org = ? AND deleted = 0 LIMIT ?")?;
                rows::all(&mut s, &[&self.org.0, &APPS_ASKED_MAX], |r| r.get(0))?
            }
        };
        let mut found = Vec::new();
        let mut s = self.conn.prepare_cached("SELECT id FROM message WHERE app = ? AND event_id = ?")?;
        for app in apps {
            found.extend(s.query_row(params![app, event_id], |r| r.get::<_, i64>(0)).optional()?);
        }
        Ok(found)
    }

    /// Endpoints that the search is about and that have something on disk; `None` when there are too many.
    fn lanes(&self, what: &str) -> Result<Option<Vec<i64>>> {
        if let Some(endpoint) = self.search.endpoint {
            return Ok(Some(vec![endpoint.0]));
        }
        let of_app = if self.search.app.is_some() { "AND e.app = ?3" } else { "AND ?3 IS NULL" };
        let mut s = self.conn.prepare_cached(&format!(
            "SELECT l.endpoint FROM lane l INDEXED BY lane_busy CROSS JOIN endpoint e ON e.id = l.endpoint
             CROSS JOIN app a ON a.id = e.app
             WHERE (l.waiting > 0 OR l.dead > 0) AND {what} AND a.org = ?1 {of_app} LIMIT ?2"
        ))?;
        let most = ENDPOINTS_MERGED_MAX + 1;
        let app = self.search.app.map(|a| a.0);
        let found: Vec<i64> = rows::all(&mut s, &[&self.org.0, &most, &app], |r| r.get(0))?;
        Ok((found.len() < most).then_some(found))
    }

    /// Messages with waiting deliveries, if they are not too many.
    fn waiting(&self) -> Result<Option<Vec<i64>>> {
        let Some(lanes) = self.lanes("l.waiting > 0")? else { return Ok(None) };
        let mut all = Vec::new();
        let mut s = self
            .conn
            .prepare_cached("SELECT message FROM delivery WHERE endpoint = ? AND due_at IS NOT NULL LIMIT ?")?;
        for lane in lanes {
            let left = WAITING_MAX + 1 - all.len() as i64;
            all.extend(rows::all(&mut s, &[&lane, &left], |r| r.get::<_, i64>(0))?);
            if all.len() as i64 > WAITING_MAX {
                return Ok(None);
            }
        }
        Ok(Some(all))
    }

    /// The endpoints that the search is about; `None` when they are too many.
    fn endpoints(&self) -> Result<Option<Vec<i64>>> {
        let most = ENDPOINTS_MERGED_MAX + 1;
        let found: Vec<i64> = match (self.search.endpoint, self.search.app) {
            (Some(endpoint), _) => vec![endpoint.0],
            (None, Some(app)) => {
                let mut s = self.conn.prepare_cached("SELECT id FROM endpoint WHERE app = ? LIMIT ?")?;
                rows::all(&mut s, &[&app.0, &most], |r| r.get(0))?
            }
            (None, None) => {
                let mut s = self.conn.prepare_cached(
                    "SELECT e.id FROM app a CROSS JOIN endpoint e ON e.app = a.id WHERE a.org = ? LIMIT ?",
                )?;
                rows::all(&mut s, &[&self.org.0, &most], |r| r.get(0))?
            }
        };
        Ok((found.len() < most).then_some(found))
    }

    /// Applications whose messages are merged; `None` when they are too many.
    fn owners_of_messages(&self) -> Result<Option<Vec<i64>>> {
        if let Some(app) = self.search.app {
            return Ok(Some(vec![app.0]));
        }
        if let Some(endpoint) = self.search.endpoint {
            let mut s = self.conn.prepare_cached("SELECT app FROM endpoint WHERE id = ?")?;
            return Ok(Some(rows::all(&mut s, &[&endpoint.0], |r| r.get(0))?));
        }
        let most = APPS_MERGED_MAX + 1;
        let mut s = self.conn.prepare_cached("SELECT id FROM app WHERE org = ? AND deleted = 0 LIMIT ?")?;
        let found: Vec<i64> = rows::all(&mut s, &[&self.org.0, &most], |r| r.get(0))?;
        Ok((found.len() < most).then_some(found))
    }
}
