//! Where deliveries stand, as the attempted-message, destination and statistics views show it.

use super::{endpoints, messages, rows};
use crate::error::StoreError;
use crate::types::{
    AttemptedMessage, DeliveryStatus, Destination, EndpointRef, EndpointStats, MessageFilter, MessageRef, Order, Page,
    PageQuery, Ref, StatusFilter,
};
use domain::{AppId, DeadReason, EndpointId, MessageId, Timestamp};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

type Result<T> = std::result::Result<T, StoreError>;

/// Messages that one page of attempted messages looks at.
const SCAN_MAX: u32 = 1000;
const HOUR_MS: i64 = 3_600_000;

/// The status of a message at one endpoint, or at each (`endpoint` is `None`). Several deliveries of the same pair
/// (a resend beside the scheduled one) show as one: under way before delivered before dead.
pub(super) fn of_message(
    conn: &Connection,
    message: MessageId,
    endpoint: Option<EndpointId>,
) -> Result<BTreeMap<EndpointId, DeliveryStatus>> {
    let mut found = BTreeMap::new();
    let one = endpoint.map(|e| e.0);
    let mut statement =
        conn.prepare_cached("SELECT endpoint, max(success) FROM attempt WHERE message = ?1 AND (?2 IS NULL OR endpoint = ?2) GROUP BY endpoint")?;
    let attempts =
        rows::all(&mut statement, &[&message.0, &one], |r| Ok((EndpointId(r.get(0)?), r.get::<_, bool>(1)?)))?;
    for (e, success) in attempts {
        found.insert(e, if success { DeliveryStatus::Success } else { DeliveryStatus::Canceled });
    }
    let mut statement = conn.prepare_cached(
        "SELECT endpoint, due_at, dead FROM delivery WHERE message = ?1 AND (?2 IS NULL OR endpoint = ?2)",
    )?;
    let waiting = rows::all(&mut statement, &[&message.0, &one], |r| {
        Ok((EndpointId(r.get(0)?), r.get::<_, Option<i64>>(1)?, r.get::<_, Option<i64>>(2)?))
    })?;
    for (e, due_at, dead) in waiting {
        let status = match (due_at, dead.and_then(DeadReason::from_code)) {
            (Some(t), _) => DeliveryStatus::Pending { next_attempt: Timestamp(t) },
            (None, Some(reason)) => DeliveryStatus::Fail { reason },
            (None, None) => continue,
        };
        let keep = match found.get(&e) {
            Some(DeliveryStatus::Success) => matches!(status, DeliveryStatus::Pending { .. }),
            Some(DeliveryStatus::Pending { .. }) => false,
            _ => true,
        };
        if keep {
            found.insert(e, status);
        }
    }
    let mut statement =
        conn.prepare_cached("SELECT endpoint FROM lease WHERE message = ?1 AND (?2 IS NULL OR endpoint = ?2)")?;
    for e in rows::all(&mut statement, &[&message.0, &one], |r| r.get(0).map(EndpointId))? {
        found.insert(e, DeliveryStatus::Sending);
    }
    Ok(found)
}

impl StatusFilter {
    pub(super) fn takes(self, status: DeliveryStatus) -> bool {
        matches!(
            (self, status),
            (StatusFilter::Success, DeliveryStatus::Success)
                | (StatusFilter::Pending, DeliveryStatus::Pending { .. })
                | (StatusFilter::Fail, DeliveryStatus::Fail { .. })
                | (StatusFilter::Sending, DeliveryStatus::Sending)
                | (StatusFilter::Canceled, DeliveryStatus::Canceled)
        )
    }
}

/// Messages that went to an endpoint, newest message first.
pub(crate) fn attempted_messages(
    conn: &Connection,
    app: AppId,
    endpoint: &EndpointRef,
    page: &PageQuery<MessageId>,
    filter: &MessageFilter,
    status: Option<StatusFilter>,
) -> Result<Page<AttemptedMessage, MessageId>> {
    let endpoint = endpoints::find(conn, app, endpoint)?.id;
    let keep = |message: crate::types::Message| {
        let found = of_message(conn, message.id, Some(endpoint))?.remove(&endpoint);
        Ok(found.filter(|s| status.is_none_or(|f| f.takes(*s))).map(|status| AttemptedMessage { message, status }))
    };
    messages::scan(conn, app, page, filter, SCAN_MAX, keep, |m: &AttemptedMessage| m.message.id)
}

/// Endpoints that a message went to, in order of creation. Deleted ones are left out.
pub(crate) fn destinations(
    conn: &Connection,
    app: AppId,
    message: &MessageRef,
    page: &PageQuery<EndpointId>,
) -> Result<Page<Destination, EndpointId>> {
    let message = messages::find(conn, app, message, false)?.id;
    let page = PageQuery { order: Order::Ascending, ..page.clone() };
    let walk = rows::walk(&page);
    let mut all: Vec<_> = of_message(conn, message, None)?.into_iter().collect();
    if walk.down {
        all.reverse();
    }
    let beyond = |e: EndpointId| walk.from.is_none_or(|f| if walk.down { e < f } else { e > f });
    let mut data = Vec::new();
    for (e, status) in all.into_iter().filter(|(e, _)| beyond(*e)) {
        if data.len() > page.limit as usize {
            break;
        }
        match endpoints::find(conn, app, &Ref::Id(e)) {
            Ok(endpoint) => data.push(Destination { endpoint, status }),
            Err(StoreError::NotFound(_)) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(rows::into_page(data, page.limit, &walk, |d| d.endpoint.id))
}

/// Settled deliveries of the hours that touch [since, until), and what is under way now.
pub(crate) fn endpoint_stats(
    conn: &Connection,
    app: AppId,
    endpoint: &EndpointRef,
    since: Timestamp,
    until: Timestamp,
) -> Result<EndpointStats> {
    let endpoint = endpoints::find(conn, app, endpoint)?.id;
    let (success, fail, canceled) = conn
        .prepare_cached(
            "SELECT coalesce(sum(success), 0), coalesce(sum(fail), 0), coalesce(sum(canceled), 0)
             FROM stat_hour WHERE endpoint = ? AND hour >= ? AND hour <= ?",
        )?
        .query_row(
            params![endpoint.0, since.0.div_euclid(HOUR_MS), until.0.saturating_sub(1).div_euclid(HOUR_MS)],
            |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
        )?;
    let pending = conn
        .prepare_cached("SELECT coalesce(sum(waiting), 0) FROM lane WHERE endpoint = ?")?
        .query_row([endpoint.0], |r| r.get(0))?;
    // In flight, so bounded by the lane's capacity, and the table by the memory limit.
    let sending =
        conn.prepare_cached("SELECT count(*) FROM lease WHERE endpoint = ?")?.query_row([endpoint.0], |r| r.get(0))?;
    Ok(EndpointStats { success, pending, sending, fail, canceled })
}

/// The hour that a settled delivery counts in.
pub(crate) fn hour_of(t: Timestamp) -> i64 {
    t.0.div_euclid(HOUR_MS)
}
