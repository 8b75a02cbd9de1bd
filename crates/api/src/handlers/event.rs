//! The newest messages of an application as a plain list of flat objects: what Zapier and Make poll where hooks can't be
//! had.

use super::hook;
use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::event::EventOut;
use crate::wire::query::Query;
use crate::wire::read::is_channel;
use domain::Uid;
use store::{Cursor, MessageFilter, Order, PageQuery};

const LIMIT_DEFAULT: u64 = 50;
const LIMIT_MAX: u64 = 100;
/// Messages that are read at once: each may be as large as the payload limit.
const READ_MAX: usize = 20;
/// Reads of one list at most: a rare event type is not looked for to the end of the world.
const READS_MAX: usize = 20;
/// A list is full once its payloads have so many bytes, whatever its limit.
const LIST_BYTES: usize = 8 * 1024 * 1024;

pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let limit = limit(&query)?;
    let filter = MessageFilter {
        event_types: event_types(&query)?,
        channel: query.checked("channel", is_channel)?,
        with_content: true,
        ..MessageFilter::default()
    };
    let app = hook::of_query(&call).await?;
    let (mut out, mut bytes, mut cursor) = (Vec::new(), 0, None);
    for _ in 0..READS_MAX {
        let room = limit.saturating_sub(out.len()).min(READ_MAX);
        let page = PageQuery { limit: u32::try_from(room).unwrap_or(1), cursor, order: Order::Descending };
        let page = call.store().messages(app, page, filter.clone()).await?;
        bytes += page.data.iter().filter_map(|m| m.payload.as_ref()).map(|p| p.len()).sum::<usize>();
        out.extend(page.data.into_iter().filter_map(|m| EventOut::of(m, call.codec())));
        cursor = page.last.map(Cursor::After);
        if page.done || cursor.is_none() || out.len() >= limit || bytes >= LIST_BYTES {
            break;
        }
    }
    Ok(Reply::ok(&out))
}

fn limit(query: &Query<'_>) -> Result<usize, Problem> {
    let limit = query.number("limit")?.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::query("limit", format!("must be from 1 to {LIMIT_MAX}")));
    }
    Ok(usize::try_from(limit).unwrap_or(1))
}

/// `event`, repeated or with commas; or `event_types`, as other lists call it.
fn event_types(query: &Query<'_>) -> Result<Vec<String>, Problem> {
    let mut names = query.event_types()?;
    names.extend(query.all("event").into_iter().flat_map(|list| list.split(',')).map(str::to_owned));
    if names.iter().all(|name| Uid::is_valid(name)) {
        Ok(names)
    } else {
        Err(Problem::query("event", "must be event type names"))
    }
}
