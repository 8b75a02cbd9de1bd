//! Applications, searched and sorted.
//!
//! Each order is an index that is walked from a place on; what is looked for is compared row by row. Those that fail are
//! found by their open issues, which are few.
//! **Invariant:** a search looks at a bounded number of rows, and says so when it ended there.

use super::{apps, rows};
use crate::app_search::{APPS_LOOKED_AT_MAX, AppPlace, AppSearch, AppSort, FoundApp, FoundApps};
use crate::error::StoreError;
use crate::types::{Application, Metadata};
use domain::{AppId, OrgId, Seq, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::cmp::Ordering;
use std::collections::HashMap;

/// Unix milliseconds of a time that no application is made after, and that an id can hold: the year 2096.
const FAR: Timestamp = Timestamp(4_000_000_000_000);

type Result<T> = std::result::Result<T, StoreError>;

/// Issues that are looked at for applications with failing endpoints, those that failed last first.
const ISSUES_LOOKED_AT: u32 = 5000;
/// Open, and muted: that a person wants to hear no more of it mends nothing.
const UNRESOLVED: [i64; 2] = [0, 2];
const LISTED: &str = "deleted = 0 AND operational = 0 AND source IS NULL";

pub(crate) fn search(conn: &Connection, org: OrgId, search: &AppSearch) -> Result<FoundApps> {
    let text = Text::of(if search.only.is_some() { "" } else { &search.text });
    let hunt = Hunt { conn, org, text: &text, limit: search.limit as usize };
    let mut found = if let Some(app) = search.only {
        hunt.only(app)?
    } else if search.failing {
        hunt.among(&failing(conn, org)?, search.sort, search.after)?
    } else if search.sort == AppSort::Failing {
        hunt.failing_first(search.after)?
    } else {
        hunt.named_first(search)?
    };
    for one in &mut found.data {
        let (endpoints, failing, since) = endpoints(conn, one.app.id)?;
        (one.endpoints, one.failing, one.failing_since) = (endpoints, failing, since);
    }
    Ok(found)
}

/// Those with an endpoint that only fails, and since when the longest of them has; `true` when there may be others.
type Failing = (HashMap<AppId, Timestamp>, bool);

fn failing(conn: &Connection, org: OrgId) -> Result<Failing> {
    let mut all: HashMap<AppId, Timestamp> = HashMap::new();
    let mut is_cut = false;
    let mut s = conn.prepare_cached(
        "SELECT i.app, e.failing_since FROM issue i INDEXED BY issue_by_state CROSS JOIN endpoint e ON e.id = i.endpoint
         WHERE i.org = ? AND i.state = ? AND e.failing_since IS NOT NULL AND e.deleted = 0
         ORDER BY i.last_at DESC, i.id DESC LIMIT ?",
    )?;
    for state in UNRESOLVED {
        let found = rows::all(&mut s, &[&org.0, &state, &ISSUES_LOOKED_AT], |r| {
            Ok((AppId(r.get(0)?), rows::time(r, "failing_since")?))
        })?;
        is_cut |= found.len() == ISSUES_LOOKED_AT as usize;
        for (app, since) in found {
            all.entry(app).and_modify(|first| *first = since.min(*first)).or_insert(since);
        }
    }
    Ok((all, is_cut))
}

/// How many, how many of them only fail, and since when.
fn endpoints(conn: &Connection, app: AppId) -> Result<(u64, u64, Option<Timestamp>)> {
    let mut s = conn.prepare_cached(
        "SELECT count(*), count(failing_since), min(failing_since) AS since FROM endpoint WHERE app = ? AND deleted = 0",
    )?;
    Ok(s.query_row([app.0], |r| {
        Ok((r.get::<_, i64>(0)? as u64, r.get::<_, i64>(1)? as u64, rows::optional_time(r, "since")?))
    })?)
}

struct Hunt<'a> {
    conn: &'a Connection,
    org: OrgId,
    text: &'a Text,
    limit: usize,
}

impl Hunt<'_> {
    fn only(&self, app: AppId) -> Result<FoundApps> {
        let sql = format!("SELECT {}, last_message_at FROM app WHERE org = ? AND id = ? AND {LISTED}", apps::COLUMNS);
        let mut s = self.conn.prepare_cached(&sql)?;
        let one = s.query_row(params![self.org.0, app.0], found).optional()?;
        Ok(FoundApps { data: one.into_iter().collect(), ..FoundApps::default() })
    }

    /// An application whose uid is what is looked for comes first, whatever the order.
    fn named_first(&self, search: &AppSearch) -> Result<FoundApps> {
        let named = self.named()?;
        let mut found = self.walk(search.sort, search.after, |app| named.as_ref().is_some_and(|n| n.app.id == app))?;
        if let Some(named) = named.filter(|_| search.after.is_none()) {
            found.data.insert(0, named);
            // One too many: the next page begins with it.
            if found.data.len() > self.limit {
                found.data.truncate(self.limit);
                found.looked_at = None;
                found.next = found.data.last().map(|last| place(last, search.sort, None));
            }
        }
        Ok(found)
    }
    fn named(&self) -> Result<Option<FoundApp>> {
        if self.text.is_empty() || self.limit < 2 {
            return Ok(None);
        }
        let sql = format!("SELECT {}, last_message_at FROM app WHERE org = ? AND uid = ? AND {LISTED}", apps::COLUMNS);
        let mut s = self.conn.prepare_cached(&sql)?;
        Ok(s.query_row(params![self.org.0, self.text.asked], found).optional()?)
    }

    fn failing_first(&self, after: Option<AppPlace>) -> Result<FoundApps> {
        let all = failing(self.conn, self.org)?;
        let is_beyond = after.is_some_and(|place| place.at.is_none());
        let mut page = match is_beyond {
            true => FoundApps::default(),
            false => self.among(&all, AppSort::Failing, after)?,
        };
        if page.next.is_some() {
            return Ok(page);
        }
        let room = Hunt { limit: self.limit - page.data.len(), ..*self };
        let rest = room.walk(AppSort::Created, after.filter(|_| is_beyond), |app| all.0.contains_key(&app))?;
        page.looked_at = rest.looked_at;
        page.next = rest.next;
        page.data.extend(rest.data);
        Ok(page)
    }

    /// Of these few, which are all read.
    fn among(&self, (apps, is_cut): &Failing, sort: AppSort, after: Option<AppPlace>) -> Result<FoundApps> {
        let sql = format!("SELECT {}, last_message_at FROM app WHERE org = ? AND id = ? AND {LISTED}", apps::COLUMNS);
        let mut s = self.conn.prepare_cached(&sql)?;
        let mut all: Vec<FoundApp> = Vec::new();
        for app in apps.keys() {
            let one = s.query_row(params![self.org.0, app.0], |r| self.text.found(r)).optional()?;
            all.extend(one.flatten());
        }
        let since = |app: &FoundApp| apps.get(&app.app.id).copied();
        let compare = |a: &FoundApp, b: &FoundApp| {
            let (x, y) = (&a.app, &b.app);
            match sort {
                AppSort::Created => y.id.cmp(&x.id),
                AppSort::Name => no_case(&x.name, &y.name).then(x.id.cmp(&y.id)),
                AppSort::LastMessage => (b.last_message_at, y.id).cmp(&(a.last_message_at, x.id)),
                AppSort::Failing => (since(a), x.id).cmp(&(since(b), y.id)),
            }
        };
        all.sort_by(compare);
        if let Some(after) = after {
            let name = self.name(after.app)?.unwrap_or_default();
            all.retain(|one| {
                let id = one.app.id;
                match sort {
                    AppSort::Created => id < after.app,
                    AppSort::Name => no_case(&one.app.name, &name).then(id.cmp(&after.app)).is_gt(),
                    AppSort::LastMessage => (one.last_message_at, id) < (moved(after), after.app),
                    AppSort::Failing => (since(one), id) > (after.at, after.app),
                }
            });
        }
        let is_more = all.len() > self.limit;
        all.truncate(self.limit);
        let next = all.last().filter(|_| is_more).map(|last| place(last, sort, since(last)));
        let looked_at = (*is_cut && !is_more).then_some(apps.len() as u64);
        Ok(FoundApps { data: all, next, looked_at })
    }

    /// Down the index of an order, without those that `is_known` names.
    fn walk(&self, sort: AppSort, after: Option<AppPlace>, is_known: impl Fn(AppId) -> bool) -> Result<FoundApps> {
        let (index, order) = match sort {
            AppSort::Created | AppSort::Failing => ("app_by_org", "id < ?3 AND ?2 IS NOT NULL AND {} ORDER BY id DESC"),
            AppSort::Name => (
                "app_by_name",
                "name COLLATE NOCASE >= ?2 AND (name COLLATE NOCASE, id) > (?2, ?3) AND {}
                 ORDER BY name COLLATE NOCASE, id",
            ),
            AppSort::LastMessage => (
                "app_by_last_message",
                "(last_message_at, id) < (?2, ?3) AND {} ORDER BY last_message_at DESC, id DESC",
            ),
        };
        let sql = format!(
            "SELECT {}, last_message_at FROM app INDEXED BY {index} WHERE org = ?1 AND {}",
            apps::COLUMNS,
            order.replace("{}", LISTED)
        );
        let mut s = self.conn.prepare_cached(&sql)?;
        let id = after.map_or(i64::MAX, |place| place.app.0);
        let mut rows = match sort {
            AppSort::Name => match after {
                Some(place) => s.query(params![self.org.0, self.name(place.app)?.unwrap_or_default(), id])?,
                None => s.query(params![self.org.0, "", 0])?,
            },
            AppSort::LastMessage => {
                let at = after.map_or(i64::MAX, |place| place.at.map_or(0, |at| at.0));
                s.query(params![self.org.0, at, id])?
            }
            AppSort::Created | AppSort::Failing => s.query(params![self.org.0, 0, id])?,
        };
        let mut page = FoundApps::default();
        let mut looked_at = 0;
        let mut last = None;
        while let Some(row) = rows.next()? {
            if looked_at == APPS_LOOKED_AT_MAX {
                (page.next, page.looked_at) = (last, Some(looked_at));
                return Ok(page);
            }
            looked_at += 1;
            let app = AppId(row.get("id")?);
            if !is_known(app)
                && let Some(one) = self.text.found(row)?
            {
                if page.data.len() == self.limit {
                    page.next = page.data.last().map(|last| place(last, sort, None)).or(last).or(Some(begin()));
                    return Ok(page);
                }
                page.data.push(one);
            }
            let at = row.get::<_, i64>("last_message_at")?;
            last = Some(AppPlace { app, at: (sort == AppSort::LastMessage).then_some(Timestamp(at)) });
        }
        Ok(page)
    }

    /// A name to go on after: of a deleted application too, while it is there.
    fn name(&self, app: AppId) -> Result<Option<String>> {
        let mut s = self.conn.prepare_cached("SELECT name FROM app WHERE id = ? AND org = ?")?;
        Ok(s.query_row([app.0, self.org.0], |r| r.get(0)).optional()?)
    }
}

/// Where a list that ended with this one goes on.
fn place(one: &FoundApp, sort: AppSort, failing_since: Option<Timestamp>) -> AppPlace {
    let at = match sort {
        AppSort::LastMessage => Some(one.last_message_at.unwrap_or(Timestamp(0))),
        AppSort::Failing => failing_since,
        AppSort::Created | AppSort::Name => None,
    };
    AppPlace { app: one.app.id, at }
}

/// Where a list begins that the page before had no room for.
fn begin() -> AppPlace {
    AppPlace { app: AppId(Seq::first_at(FAR).0), at: None }
}

/// The last message's time that a place was at.
fn moved(place: AppPlace) -> Option<Timestamp> {
    place.at.filter(|at| at.0 > 0)
}

/// As SQLite's `NOCASE`: A to Z only.
fn no_case(a: &str, b: &str) -> Ordering {
    let lower = |text: &str| text.to_ascii_lowercase();
    lower(a).cmp(&lower(b))
}

fn found(row: &Row<'_>) -> rusqlite::Result<FoundApp> {
    let app: Application = apps::from_row(row)?;
    let at: i64 = row.get("last_message_at")?;
    let last_message_at = (at > 0).then_some(Timestamp(at));
    Ok(FoundApp { app, endpoints: 0, failing: 0, failing_since: None, last_message_at })
}

/// What is looked for.
struct Text {
    asked: String,
    lower: String,
    /// As it would be inside of JSON.
    in_json: String,
}

impl Text {
    fn of(text: &str) -> Text {
        let asked = text.trim().to_owned();
        let lower = asked.to_lowercase();
        let in_json = serde_json::to_string(&lower).unwrap_or_default().trim_matches('"').to_owned();
        Text { asked, lower, in_json }
    }
    fn is_empty(&self) -> bool {
        self.lower.is_empty()
    }
    /// The row's application, if it fits.
    fn found(&self, row: &Row<'_>) -> rusqlite::Result<Option<FoundApp>> {
        let has = |text: &str| text.to_lowercase().contains(&self.lower);
        if self.is_empty() || has(row.get_ref("name")?.as_str()?) {
            return found(row).map(Some);
        }
        if row.get_ref("uid")?.as_str_or_null()?.is_some_and(has) {
            return found(row).map(Some);
        }
        // Most have nothing like it in their text: only the rest is parsed.
        if !row.get_ref("metadata")?.as_str()?.to_lowercase().contains(&self.in_json) {
            return Ok(None);
        }
        let metadata: Metadata = rows::metadata(row, "metadata")?;
        match metadata.iter().any(|(name, value)| has(name) || has(value)) {
            true => found(row).map(Some),
            false => Ok(None),
        }
    }
}
