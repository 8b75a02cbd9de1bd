//! Streams of server-sent events: messages of an application, requests of sources and bins.
//!
//! **Invariant:** what goes on while a stream is open is `live`'s; here is only who may open which, and where it begins.

use super::poller::at;
use crate::call::{Call, named};
use crate::live::{self, Feed, Filter, Start};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::query::Query;
use crate::wire::read::is_channel;
use crate::wire::request::verdict_of;
use domain::{SourceId, Uid};
use store::Source;

const REPLAY_MAX: u64 = 250;
/// Sources that one stream may name.
const SOURCES_MAX: usize = 100;

pub(crate) async fn messages(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let mut event_types = query.event_types()?;
    event_types.extend(query.checked("event_type", Uid::is_valid)?);
    let filter = Filter { event_types, channel: query.checked("channel", is_channel)?, verdict: None };
    let feed = Feed::Messages(call.app().await?);
    open(&call, &query, feed, filter).await
}

pub(crate) async fn source_requests(call: Call) -> Result<Reply, Problem> {
    let source = source(&call, call.params.get(0), "source").await?;
    requests(&call, source, false).await
}

pub(crate) async fn bin_requests(call: Call) -> Result<Reply, Problem> {
    let bin = source(&call, call.params.get(0), "bin").await?;
    requests(&call, bin, true).await
}

async fn requests(call: &Call, source: Source, is_bin: bool) -> Result<Reply, Problem> {
    if source.is_bin != is_bin {
        return Err(Problem::not_found(if is_bin { "bin not found" } else { "source not found" }));
    }
    let query = call.query();
    let feed = Feed::Sources(call.caller.org, [source.id].into());
    open(call, &query, feed, verdict(&query)?).await
}

/// Several sources, or all: what `postrider listen` reads.
pub(crate) async fn listen(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let names = query.all("source");
    if names.len() > SOURCES_MAX {
        return Err(Problem::query("source", format!("there may be {SOURCES_MAX} at most")));
    }
    let mut ids = Vec::with_capacity(names.len());
    for name in &names {
        ids.push(source(&call, name, "source").await?.id);
    }
    // Who asks for the same shares a pump.
    ids.sort_unstable();
    ids.dedup();
    let feed = match ids.is_empty() {
        true => Feed::AllSources(call.caller.org),
        false => Feed::Sources(call.caller.org, ids.into()),
    };
    open(&call, &query, feed, verdict(&query)?).await
}

async fn source(call: &Call, name: &str, noun: &'static str) -> Result<Source, Problem> {
    let missing = || Problem::not_found(format!("{noun} not found"));
    let name = named::<SourceId>(call.codec(), name).ok_or_else(missing)?;
    Ok(call.store().source(call.caller.org, &name).await?)
}

fn verdict(query: &Query<'_>) -> Result<Filter, Problem> {
    let read = |text| {
        let rule = "must be accepted, held, refused, handshake or captured";
        verdict_of(text).ok_or_else(|| Problem::query("verdict", rule))
    };
    Ok(Filter { verdict: query.get("verdict").map(read).transpose()?, ..Filter::default() })
}

async fn open(call: &Call, query: &Query<'_>, feed: Feed, filter: Filter) -> Result<Reply, Problem> {
    let start = start(call, query, &feed)?;
    let live = query.boolean("live", false)?;
    let permit = call.shared.live.permit(&call.caller)?;
    let body = live::open((call.shared.clone(), permit), feed, filter, start, live).await?;
    Ok(Reply::events(live::watched(call, body)))
}

/// Where the client stood, else where it asks to begin, else now.
fn start(call: &Call, query: &Query<'_>, feed: &Feed) -> Result<Start, Problem> {
    let after = query.time("after")?;
    let replay = query.number("replay")?;
    if replay.is_some_and(|n| n > REPLAY_MAX) {
        return Err(Problem::query("replay", format!("must be from 0 to {REPLAY_MAX}")));
    }
    let header = call.headers.get("last-event-id").map(|id| id.to_str().unwrap_or("?")).filter(|id| !id.is_empty());
    if let Some(text) = header.or_else(|| query.get("iterator")) {
        let cursor = feed.read_cursor(call.codec(), text);
        let cursor = cursor.ok_or_else(|| Problem::query("iterator", "is not the id of an event of this stream"))?;
        return Ok(Start::After(cursor));
    }
    Ok(match (replay, after) {
        (Some(n @ 1..), _) => Start::Replay(u32::try_from(n).unwrap_or(1)),
        (_, Some(after)) => Start::After(at(after).0),
        (_, None) => Start::Now,
    })
}
