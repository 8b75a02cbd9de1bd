//! What a replay would do, told from a bounded look.
//!
//! **Invariant:** looks at so many rows and no more, and ends early when its time is up; it says so when it did.

use super::replay_filter::{Candidate, History, takes_all, takes_dead};
use crate::error::StoreError;
use crate::operations::{Estimate, ReplayFilter, SampleMessage, Which};
use crate::types::Endpoint;
use domain::{EndpointId, MessageId, Seq, Subscription};
use rusqlite::{Connection, params};
use std::collections::HashMap;

type Result<T> = std::result::Result<T, StoreError>;

/// Deliveries that are counted; beyond them it is "more than".
pub(crate) const COUNT_MAX: u64 = 100_000;
/// Messages that are looked at one by one.
const LOOK_MAX: u32 = 100_000;
/// Of them, compared with what the endpoint got before.
const CHECK_MAX: u64 = 5_000;
const SAMPLE: usize = 10;
const EVENT_TYPES_MAX: usize = 50;
/// Rows between two looks at the clock.
const ROWS_PER_LOOK: u32 = 64;

/// One estimate on its way.
struct Look<'a> {
    conn: &'a Connection,
    filter: &'a ReplayFilter,
    endpoint: EndpointId,
    subscription: Subscription,
    event_types: HashMap<String, u64>,
    out: Estimate,
}

/// `late` says when the time is up.
pub(crate) fn estimate(
    conn: &Connection,
    endpoint: &Endpoint,
    filter: &ReplayFilter,
    late: impl Fn() -> bool,
) -> Result<Estimate> {
    let boxed = |list: &Vec<String>| list.iter().map(|s| Box::from(&**s)).collect();
    let subscription = Subscription {
        event_types: endpoint.event_types.as_ref().map(boxed),
        channels: endpoint.channels.as_ref().map(boxed),
    };
    let (event_types, out) = (HashMap::new(), Estimate::default());
    let mut look = Look { conn, filter, endpoint: endpoint.id, subscription, event_types, out };
    let from = Seq::first_at(filter.since).0;
    let until = filter.until.map_or(i64::MAX, |t| Seq::first_at(t).0);
    let rest = look.walk(endpoint, from, until, late)?;
    if let Some(rest) = rest {
        look.count_rest(endpoint, rest, until)?;
    }
    let mut by_type: Vec<(String, u64)> = look.event_types.into_iter().collect();
    by_type.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    by_type.truncate(EVENT_TYPES_MAX);
    look.out.event_types = by_type;
    Ok(look.out)
}

impl Look<'_> {
    /// Looks at rows one by one; returns where it left off, if that is not the end.
    fn walk(&mut self, endpoint: &Endpoint, from: i64, until: i64, late: impl Fn() -> bool) -> Result<Option<i64>> {
        let columns = "m.id, m.event_type, m.channels, m.tags, m.payload IS NOT NULL AS has_payload, m.deliver_at";
        let sql = match self.filter.which {
            Which::Failed => format!(
                "SELECT {columns} FROM delivery d CROSS JOIN message m ON m.id = d.message
                 WHERE d.endpoint = ?1 AND d.dead IS NOT NULL AND d.message >= ?2 AND d.message < ?3
                 ORDER BY d.message LIMIT ?4"
            ),
            _ => format!(
                "SELECT {columns} FROM message m WHERE m.app = ?1 AND m.id >= ?2 AND m.id < ?3 ORDER BY m.id LIMIT ?4"
            ),
        };
        let owner = if self.filter.which == Which::Failed { endpoint.id.0 } else { endpoint.app.0 };
        let mut statement = self.conn.prepare_cached(&sql)?;
        let mut rows = statement.query(params![owner, from, until, LOOK_MAX + 1])?;
        let mut looked = 0;
        while let Some(row) = rows.next()? {
            let m = Candidate::from_row(row)?;
            let enough = looked == LOOK_MAX || self.out.count == COUNT_MAX;
            if enough || looked % ROWS_PER_LOOK == ROWS_PER_LOOK - 1 && late() {
                self.out.at_least = true;
                return Ok(Some(m.id.0));
            }
            looked += 1;
            self.note(m)?;
        }
        Ok(None)
    }

    fn note(&mut self, m: Candidate) -> Result<()> {
        let by_message = match self.filter.which {
            Which::Failed => takes_all(self.filter) || takes_dead(self.conn, self.filter, m.id, self.endpoint)?,
            _ => m.is_taken(&self.subscription, self.filter),
        };
        if !by_message {
            return Ok(());
        }
        let must_check =
            matches!(self.filter.which, Which::Missing | Which::Delivered) || self.filter.status_code_class.is_some();
        if must_check || self.out.checked < CHECK_MAX {
            let history = History::of(self.conn, m.id, self.endpoint)?;
            if !history.wants(self.filter) {
                return Ok(());
            }
            self.out.checked += 1;
            self.out.already_delivered += u64::from(history.delivered);
        }
        self.out.count += 1;
        if self.out.sample.len() < SAMPLE {
            self.out.sample.push(SampleMessage { id: MessageId(m.id.0), event_type: m.event_type.clone() });
        }
        *self.event_types.entry(m.event_type).or_default() += 1;
        Ok(())
    }

    /// Counts what is left by an index alone, where every row of it counts.
    fn count_rest(&mut self, endpoint: &Endpoint, from: i64, until: i64) -> Result<()> {
        let all = takes_all(self.filter);
        let open = endpoint.event_types.is_none() && endpoint.channels.is_none();
        let sql = match self.filter.which {
            Which::Failed if all => {
                "SELECT count(*) FROM (SELECT 1 FROM delivery
                 WHERE endpoint = ? AND dead IS NOT NULL AND message >= ? AND message < ? LIMIT ?)"
            }
            Which::Everything if all && open => {
                "SELECT count(*) FROM (SELECT 1 FROM message WHERE app = ? AND id >= ? AND id < ? LIMIT ?)"
            }
            _ => return Ok(()),
        };
        let owner = if self.filter.which == Which::Failed { endpoint.id.0 } else { endpoint.app.0 };
        let left = COUNT_MAX.saturating_sub(self.out.count);
        let more: u64 =
            self.conn.prepare_cached(sql)?.query_row(params![owner, from, until, left + 1], |r| r.get(0))?;
        self.out.at_least = more > left;
        self.out.count += more.min(left);
        Ok(())
    }
}
