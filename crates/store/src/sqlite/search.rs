//! Searching messages: which rows can hold what is asked for, and which of them do.
//!
//! Failures, backlogs and what is in memory have indexes or tables of their own, which are walked instead of the messages;
//! hours in which the types asked for did not come are skipped by their figures. The rest is looked at, message by
//! message, as far as a budget of rows and time. **Invariant:** whatever is asked, a search ends within its budget, and what
//! it skips can't match.

use super::search_candidates::Candidates;
use super::search_hours::HoursKnown;
use super::search_walk::{Budget, Item, Merge, Range, Rows};
use super::{apps, endpoints, messages, rows, status};
use crate::error::StoreError;
use crate::figures::batch::{begin_of, hour_of};
use crate::figures::collect::Memory;
use crate::search::{Found, FoundMessage, Search, SearchCursor, StatusCounts};
use crate::types::{Endpoint, EndpointRef, Message, Order, Page, PageQuery, Ref, StatusFilter};
use bytes::Bytes;
use domain::search::type_matches;
use domain::{
    AppId, AttemptId, Clock, EndpointId, IdCodec, MessageId, OrgId, SearchQuery, Seq, StatusWord, Timestamp, TypedId,
    Uid,
};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;

type Result<T> = std::result::Result<T, StoreError>;

/// Hours whose figures one search looks at.
const HOURS_MAX: u32 = 5000;
/// Bytes of payloads that are read at once.
const PAYLOAD_BYTES_MAX: usize = 4 << 20;

// ---- names ----

pub(crate) fn resolve(
    conn: &Connection,
    org: OrgId,
    q: &SearchQuery,
    codec: &IdCodec,
    now: Timestamp,
) -> Result<Search> {
    let app = match &q.app {
        Some(name) => Some(apps::find(conn, org, &named(codec, name, "application")?)?.id),
        None => None,
    };
    let endpoint = match &q.endpoint {
        Some(name) => Some(resolve_endpoint(conn, org, app, &named(codec, name, "endpoint")?)?),
        None => None,
    };
    let id = q.id.as_ref().and_then(|text| codec.read::<MessageId>(text));
    Ok(Search {
        types: q.types.clone(),
        status: q.status.map(|s| match s {
            StatusWord::Delivered => StatusFilter::Success,
            StatusWord::Pending => StatusFilter::Pending,
            StatusWord::Sending => StatusFilter::Sending,
            StatusWord::Failed => StatusFilter::Fail,
            StatusWord::Canceled => StatusFilter::Canceled,
        }),
        code: q.code,
        app,
        endpoint,
        tag: q.tag.clone(),
        channel: q.channel.clone(),
        before: q.before.map(|w| w.reckon(now)),
        after: q.after.map(|w| w.reckon(now)),
        id,
        event_id: q.id.clone().filter(|_| id.is_none()),
    })
}

fn named<I: TypedId>(codec: &IdCodec, text: &str, noun: &'static str) -> Result<Ref<I>> {
    match codec.read(text) {
        Some(id) => Ok(Ref::Id(id)),
        None if Uid::is_valid(text) => Ok(Ref::Uid(text.to_owned())),
        None => Err(StoreError::NotFound(noun)),
    }
}

fn resolve_endpoint(conn: &Connection, org: OrgId, app: Option<AppId>, name: &EndpointRef) -> Result<EndpointId> {
    match (name, app) {
        (_, Some(app)) => Ok(endpoints::find(conn, app, name)?.id),
        (Ref::Id(id), None) => Ok(find_endpoint(conn, org, *id)?.id),
        // A uid is one only within its application.
        (Ref::Uid(_), None) => Err(StoreError::NotFound("endpoint")),
    }
}

pub(crate) fn find_endpoint(conn: &Connection, org: OrgId, endpoint: EndpointId) -> Result<Endpoint> {
    let app = conn
        .prepare_cached("SELECT app FROM endpoint WHERE id = ?")?
        .query_row([endpoint.0], |r| r.get(0).map(AppId))
        .optional()?
        .ok_or(StoreError::NotFound("endpoint"))?;
    apps::find(conn, org, &Ref::Id(app)).map_err(|e| not_found_as("endpoint", e))?;
    endpoints::find(conn, app, &Ref::Id(endpoint))
}

pub(crate) fn find_message(conn: &Connection, org: OrgId, message: MessageId) -> Result<Message> {
    let app = conn
        .prepare_cached("SELECT app FROM message WHERE id = ?")?
        .query_row([message.0], |r| r.get(0).map(AppId))
        .optional()?
        .ok_or(StoreError::NotFound("message"))?;
    apps::find(conn, org, &Ref::Id(app)).map_err(|e| not_found_as("message", e))?;
    messages::find(conn, app, &Ref::Id(message), true)
}

fn not_found_as(noun: &'static str, e: StoreError) -> StoreError {
    match e {
        StoreError::NotFound(_) => StoreError::NotFound(noun),
        e => e,
    }
}

// ---- the search ----

pub(super) struct Searching<'a> {
    pub conn: &'a Connection,
    pub org: OrgId,
    pub search: &'a Search,
    /// Name and uid of applications of the organisation; `None` for those of others.
    apps: HashMap<AppId, Option<(String, Option<String>)>>,
    budget: Budget<'a>,
    limit: usize,
    data: Vec<FoundMessage>,
    /// The last key looked at.
    last: Option<i64>,
    last_message: Option<i64>,
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// There is nothing more.
    End,
    /// The page is full, and there may be more.
    Full,
    /// The budget is used up.
    Spent,
}

pub(crate) fn search(
    conn: &Connection,
    memory: &Memory,
    clock: &dyn Clock,
    org: OrgId,
    page: &PageQuery<SearchCursor>,
    search: &Search,
) -> Result<Found> {
    let page = PageQuery { order: Order::Descending, ..page.clone() };
    let walk = rows::walk(&page);
    let mut s = Searching {
        conn,
        org,
        search,
        apps: HashMap::new(),
        budget: Budget::new(clock),
        limit: page.limit as usize,
        data: Vec::new(),
        last: None,
        last_message: None,
    };
    let candidates = s.candidates(walk.down)?;
    let by_attempt = matches!(candidates, Candidates::Merged { rows: Rows::Failed, .. });
    let (low, high) = messages::bounds(search.after, search.before);
    // Attempts come after their messages.
    let mut range = Range { low, high: if by_attempt { i64::MAX } else { high }, down: walk.down };
    if let Some(SearchCursor::Message(MessageId(key)) | SearchCursor::Attempt(AttemptId(key))) = walk.from {
        range = range.behind(key);
    }
    let stop = match candidates {
        Candidates::Merged { rows: rows @ (Rows::OfApp | Rows::All), owners } => {
            s.walk_messages(memory, rows, &owners, range)?
        }
        Candidates::Merged { rows, owners } => s.walk(rows, &owners, range)?,
        Candidates::These(all) => s.walk_these(&all, range)?,
    };
    let cursor = |key: i64| match by_attempt {
        true => SearchCursor::Attempt(AttemptId(key)),
        false => SearchCursor::Message(MessageId(key)),
    };
    let (last, mut data) = (s.last.map(cursor), s.data);
    if walk.reversed {
        data.reverse();
    }
    // The end that the next page goes on from is the last row looked at; the other is a row of the page.
    let ends = (data.first().map(|m| m.cursor), data.last().map(|m| m.cursor));
    let (first, last) = if walk.reversed { (last, ends.1) } else { (ends.0, last) };
    let looked_back_to = s.last.filter(|_| stop == Stop::Spent).map(|key| Seq(key).created_at());
    Ok(Found { page: Page { data, last, first, done: stop == Stop::End }, looked_back_to })
}

pub(crate) fn payloads(
    conn: &Connection,
    memory: &Memory,
    clock: &dyn Clock,
    org: OrgId,
    what: &Search,
    limit: u32,
) -> Result<Vec<(MessageId, Bytes)>> {
    let page = PageQuery { limit, cursor: None, order: Order::Descending };
    let (mut all, mut bytes) = (Vec::new(), 0);
    for found in search(conn, memory, clock, org, &page, what)?.page.data {
        let id = found.message.id;
        if let Some((payload, _)) = messages::payload(conn, id)? {
            bytes += payload.len();
            all.push((id, payload));
        }
        if bytes >= PAYLOAD_BYTES_MAX {
            break;
        }
    }
    Ok(all)
}

impl Searching<'_> {
    // ---- walking ----

    fn walk(&mut self, rows: Rows, owners: &[i64], range: Range) -> Result<Stop> {
        let mut merge = Merge::new(self.conn, rows, owners, range, &self.sieve())?;
        while !merge.is_at_end() {
            if self.data.len() == self.limit {
                return Ok(Stop::Full);
            }
            let Some(item) = merge.next()? else { break };
            let goes_on = if item.message == 0 {
                self.last = Some(item.key);
                self.budget.pass()
            } else {
                self.look_at(rows, item)?;
                self.budget.spend()
            };
            if !goes_on {
                return Ok(Stop::Spent);
            }
        }
        Ok(Stop::End)
    }

    fn walk_these(&mut self, all: &[i64], range: Range) -> Result<Stop> {
        for id in all.iter().filter(|id| **id > range.low && **id < range.high) {
            if self.data.len() == self.limit {
                return Ok(Stop::Full);
            }
            self.look_at(Rows::All, Item { key: *id, message: *id })?;
            if !self.budget.spend() {
                return Ok(Stop::Spent);
            }
        }
        Ok(Stop::End)
    }

    /// Messages, but for the hours in which there was none of the types.
    fn walk_messages(&mut self, memory: &Memory, rows: Rows, owners: &[i64], range: Range) -> Result<Stop> {
        if self.search.types.is_empty() {
            return self.walk(rows, owners, range);
        }
        let bound = |sql: &str| -> Result<Option<i64>> {
            Ok(self.conn.prepare_cached(sql)?.query_row([], |r| r.get(0)).optional()?)
        };
        let oldest = bound("SELECT id FROM message ORDER BY id LIMIT 1")?;
        let newest = bound("SELECT id FROM message ORDER BY id DESC LIMIT 1")?;
        let (Some(oldest), Some(newest)) = (oldest, newest) else { return Ok(Stop::End) };
        let range = Range { low: range.low.max(oldest - 1), high: range.high.min(newest.saturating_add(1)), ..range };
        if range.low >= range.high - 1 {
            return Ok(Stop::End);
        }
        let hour = |key: i64| hour_of(Seq(key.max(0)).created_at());
        let (first, last) = (hour(range.low), hour(range.high));
        let known = HoursKnown::of(self.conn, memory, self.org, &self.search.types)?;
        let mut hours = 0;
        let mut at = if range.down { last } else { first };
        while (first..=last).contains(&at) {
            let begin = Seq::first_at(begin_of(at)).0;
            let end = Seq::first_at(begin_of(at + 1)).0;
            if known.may_have(at)? {
                let part = Range { low: range.low.max(begin - 1), high: range.high.min(end), ..range };
                match self.walk(rows, owners, part)? {
                    Stop::End => {}
                    stop => return Ok(stop),
                }
            }
            // Everything in this hour was looked at.
            self.last = Some(if range.down { begin.max(range.low + 1) } else { (end - 1).min(range.high - 1) });
            at += if range.down { -1 } else { 1 };
            hours += 1;
            let more = (first..=last).contains(&at);
            if more && self.data.len() == self.limit {
                return Ok(Stop::Full);
            }
            if more && (hours >= HOURS_MAX || !self.budget.spend()) {
                return Ok(Stop::Spent);
            }
        }
        Ok(Stop::End)
    }

    // ---- judging ----

    fn look_at(&mut self, rows: Rows, item: Item) -> Result<()> {
        self.last = Some(item.key);
        // Several deliveries of one message lie beside each other.
        if rows != Rows::Failed && self.last_message.replace(item.message) == Some(item.message) {
            return Ok(());
        }
        if rows == Rows::Failed && !self.is_last_with_code(item)? {
            return Ok(());
        }
        let Some(message) = messages::by_id(self.conn, MessageId(item.message))? else { return Ok(()) };
        if !self.takes(&message) {
            return Ok(());
        }
        let Some((app_name, app_uid)) = self.app(message.app)? else { return Ok(()) };
        let (low, high) = messages::bounds(self.search.after, self.search.before);
        if message.id.0 <= low || message.id.0 >= high {
            return Ok(());
        }
        let all = status::of_message(self.conn, message.id, None)?;
        let mut asked = all.iter().filter(|(e, _)| self.search.endpoint.is_none_or(|asked| asked == **e));
        let is_asked = match self.search.status {
            Some(status) => asked.any(|(_, s)| status.takes(*s)),
            None => self.search.endpoint.is_none() || asked.next().is_some(),
        };
        if !is_asked || (rows != Rows::Failed && !self.has_code(message.id)?) {
            return Ok(());
        }
        let mut statuses = StatusCounts::default();
        all.values().for_each(|s| statuses.add(*s));
        let last_code = self
            .conn
            .prepare_cached("SELECT status_code FROM attempt WHERE message = ? ORDER BY id DESC LIMIT 1")?
            .query_row([message.id.0], |r| r.get(0))
            .optional()?;
        let cursor = match rows {
            Rows::Failed => SearchCursor::Attempt(AttemptId(item.key)),
            _ => SearchCursor::Message(message.id),
        };
        self.data.push(FoundMessage { cursor, message, app_name, app_uid, statuses, last_code });
        Ok(())
    }

    fn takes(&self, m: &Message) -> bool {
        let s = self.search;
        (s.types.is_empty() || s.types.iter().any(|pattern| type_matches(pattern, &m.event_type)))
            && s.app.is_none_or(|app| app == m.app)
            && s.channel.as_ref().is_none_or(|c| m.channels.contains(c))
            && s.tag.as_ref().is_none_or(|t| m.tags.contains(t))
    }

    fn app(&mut self, app: AppId) -> Result<Option<(String, Option<String>)>> {
        if let Some(known) = self.apps.get(&app) {
            return Ok(known.clone());
        }
        let found = self
            .conn
            .prepare_cached("SELECT name, uid FROM app WHERE id = ? AND org = ? AND deleted = 0")?
            .query_row(params![app.0, self.org.0], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        self.apps.insert(app, found.clone());
        Ok(found)
    }

    /// Whether an attempt (at the endpoint asked for) was answered as asked for.
    fn has_code(&self, message: MessageId) -> Result<bool> {
        let Some(code) = self.search.code else { return Ok(true) };
        let mut s = self.conn.prepare_cached("SELECT endpoint, status_code FROM attempt WHERE message = ?")?;
        let mut found = s.query([message.0])?;
        while let Some(row) = found.next()? {
            let endpoint = EndpointId(row.get(0)?);
            if code.takes(row.get(1)?) && self.search.endpoint.is_none_or(|e| e == endpoint) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether an attempt was answered as asked for, and no later one of its message was: a message is found once.
    fn is_last_with_code(&self, item: Item) -> Result<bool> {
        let Some(code) = self.search.code else { return Ok(false) };
        let mut s = self.conn.prepare_cached(
            "SELECT id, endpoint, status_code, success FROM attempt WHERE message = ? AND id >= ? ORDER BY id",
        )?;
        let mut found = s.query(params![item.message, item.key])?;
        let mut is_it = false;
        while let Some(row) = found.next()? {
            let (id, endpoint): (i64, i64) = (row.get(0)?, row.get(1)?);
            let is_failure = !row.get::<_, bool>(3)?;
            let is_asked = is_failure && self.search.endpoint.is_none_or(|e| e.0 == endpoint);
            if is_asked && code.takes(row.get(2)?) {
                if id != item.key {
                    return Ok(false);
                }
                is_it = true;
            } else if id == item.key {
                return Ok(false);
            }
        }
        Ok(is_it)
    }
}
