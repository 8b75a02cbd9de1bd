//! The message poller: an application's messages, oldest first, for consumers that no webhook can reach.
//!
//! **Invariant:** nothing is passed over: the kept position of a consumer moves only when the consumer brings back an
//! iterator, so that a page whose answer was lost is given again.

use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::fields::Fields;
use crate::wire::message::write_stored;
use crate::wire::query::Query;
use crate::wire::read::{self, is_channel};
use domain::{AppId, Kind, MessageId, Seq, Subscription, Timestamp, Uid};
use serde::Serialize;
use serde_json::value::RawValue;
use std::time::Duration;
use store::{Message, MessageFilter, Ref, StoreError, Topic};
use tokio::time::Instant;

const LIMIT_DEFAULT: u64 = 50;
const LIMIT_MAX: u64 = 250;
const WAIT_MAX_S: u64 = 30;
/// Messages that are read at once.
const READ_MAX: u32 = 50;
/// Reads of one poll at most: with a rare filter the iterator moves on over an empty page.
const READS_MAX: usize = 20;
/// A page is full once its payloads have so many bytes, whatever its limit.
const PAGE_BYTES: usize = 8 * 1024 * 1024;
/// Between two looks while messages come that don't pass the filter.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

#[derive(Serialize)]
struct PollOut {
    data: Vec<Box<RawValue>>,
    iterator: String,
    done: bool,
}

#[derive(Serialize)]
struct SeekOut {
    iterator: String,
}

/// What a poll reads.
struct Sink {
    app: AppId,
    /// Its name for positions: an endpoint's id, however it was named.
    name: String,
    subscription: Subscription,
}

struct Poll {
    sink: Sink,
    filter: MessageFilter,
    limit: usize,
    wait: Duration,
}

struct Found {
    data: Vec<Message>,
    last: MessageId,
    done: bool,
}

pub(crate) async fn poll(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let filter = MessageFilter {
        event_types: query.checked("event_type", Uid::is_valid)?.into_iter().collect(),
        channel: query.checked("channel", is_channel)?,
        with_content: true,
        ..MessageFilter::default()
    };
    let after = query.time("after")?;
    let iterator = iterator(&call, &query)?;
    let poll = Poll { filter, limit: limit(&query)?, wait: wait(&query)?, sink: sink(&call).await? };
    let from = iterator.or(after.map(at)).unwrap_or_default();
    Ok(answer(&call, &poll.wait_for_some(&call, from).await?))
}

pub(crate) async fn consumer_poll(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let iterator = iterator(&call, &query)?;
    let filter = MessageFilter { with_content: true, ..MessageFilter::default() };
    let poll = Poll { filter, limit: limit(&query)?, wait: wait(&query)?, sink: sink(&call).await? };
    let consumer = consumer(&call)?;
    let (app, sink) = (poll.sink.app, poll.sink.name.as_str());
    let kept = call.store().consumer_position(app, sink, consumer).await?;
    let from = match iterator {
        None => kept.unwrap_or_default(),
        Some(passed) => {
            // One that comes late, from a repeated request, must not undo what was acknowledged since.
            if kept.is_none_or(|kept| kept < passed) {
                call.store().set_consumer_position(app, sink, consumer, passed).await?;
            }
            passed
        }
    };
    Ok(answer(&call, &poll.wait_for_some(&call, from).await?))
}

pub(crate) async fn consumer_seek(call: Call) -> Result<Reply, Problem> {
    let mut fields = Fields::parse(&call.body)?;
    let after = fields.require(&["after"], read::timestamp);
    fields.finish()?;
    let sink = sink(&call).await?;
    let position = at(after);
    call.store().set_consumer_position(sink.app, &sink.name, consumer(&call)?, position).await?;
    Ok(Reply::ok(&SeekOut { iterator: call.codec().text(position) }))
}

/// The position after which everything is newer than `after`.
pub(super) fn at(after: Timestamp) -> MessageId {
    MessageId((Seq::first_at(Timestamp(after.0.saturating_add(1))).0 - 1).max(0))
}

fn iterator(call: &Call, query: &Query<'_>) -> Result<Option<MessageId>, Problem> {
    let read =
        |text: &str| call.codec().read(text).ok_or_else(|| Problem::query("iterator", "is not one that a poll gave"));
    query.get("iterator").map(read).transpose()
}

fn limit(query: &Query<'_>) -> Result<usize, Problem> {
    let limit = query.number("limit")?.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::query("limit", format!("must be from 1 to {LIMIT_MAX}")));
    }
    Ok(usize::try_from(limit).unwrap_or(50))
}

fn wait(query: &Query<'_>) -> Result<Duration, Problem> {
    match query.number("wait")?.unwrap_or(0) {
        s @ 0..=WAIT_MAX_S => Ok(Duration::from_secs(s)),
        _ => Err(Problem::query("wait", format!("must be from 0 to {WAIT_MAX_S} (seconds)"))),
    }
}

/// The endpoint in the path, or any other name: that takes all messages and needs no creation.
async fn sink(call: &Call) -> Result<Sink, Problem> {
    let app = call.app().await?;
    let name = call.endpoint(1)?;
    let endpoint = match (call.store().endpoint(app, &name).await, name) {
        (Err(StoreError::NotFound(_)), Ref::Uid(name)) if !name.starts_with(Kind::Endpoint.prefix()) => {
            return Ok(Sink { app, name, subscription: Subscription::default() });
        }
        (endpoint, _) => endpoint?,
    };
    let boxed = |list: Vec<String>| list.into_iter().map(Box::from).collect();
    let subscription =
        Subscription { event_types: endpoint.event_types.map(boxed), channels: endpoint.channels.map(boxed) };
    Ok(Sink { app, name: call.codec().text(endpoint.id), subscription })
}

fn consumer(call: &Call) -> Result<&str, Problem> {
    let name = call.params.get(2);
    if Uid::is_valid(name) { Ok(name) } else { Err(Problem::not_found("consumer not found")) }
}

impl Poll {
    /// Reads after `from`; where there is nothing, waits for something.
    async fn wait_for_some(&self, call: &Call, from: MessageId) -> Result<Found, Problem> {
        if self.wait.is_zero() {
            return self.read(call, from).await;
        }
        let _permit = call.shared.live.permit(&call.caller)?;
        let mut closing = call.shared.live.closing();
        let deadline = Instant::now() + self.wait;
        // Registered before the first look, so that no hint is missed.
        let mut watch = call.store().watch(&[Topic::App(self.sink.app)]);
        let (mut from, mut pause) = (from, Duration::ZERO);
        loop {
            let found = self.read(call, from).await?;
            if !found.data.is_empty() || Instant::now() >= deadline || closing.is_now() {
                return Ok(found);
            }
            from = found.last;
            if !found.done {
                continue;
            }
            let news = async {
                // Where many come that don't pass, they are looked at together.
                tokio::time::sleep(pause).await;
                watch.changed().await;
            };
            let next_look = Instant::now() + call.shared.config.limits.stream_poll;
            tokio::select! {
                () = news => pause = LOOK_PAUSE,
                () = tokio::time::sleep_until(deadline.min(next_look)) => {}
                () = closing.wait() => {}
            }
            // A message that wakes thousands is not read by all of them at once.
            tokio::select! {
                () = tokio::time::sleep_until(call.shared.live.turn().min(deadline)) => {}
                () = closing.wait() => {}
            }
        }
    }

    async fn read(&self, call: &Call, from: MessageId) -> Result<Found, Problem> {
        let mut found = Found { data: Vec::new(), last: from, done: false };
        let mut bytes = 0;
        for _ in 0..READS_MAX {
            let room = self.limit.saturating_sub(found.data.len());
            let limit = u32::try_from(room).unwrap_or(READ_MAX).min(READ_MAX);
            let page = call.store().messages_after(self.sink.app, found.last, self.filter.clone(), limit).await?;
            found.last = page.last.unwrap_or(found.last);
            found.done = page.done;
            bytes += page.data.iter().map(|m| m.payload.as_ref().map_or(0, |p| p.len())).sum::<usize>();
            let takes = |m: &Message| self.sink.subscription.takes(&m.event_type, &m.channels);
            found.data.extend(page.data.into_iter().filter(takes));
            if found.done || found.data.len() >= self.limit || bytes >= PAGE_BYTES {
                break;
            }
        }
        Ok(found)
    }
}

fn answer(call: &Call, found: &Found) -> Reply {
    let out = |m: &Message| {
        let mut text = String::new();
        write_stored(&mut text, m, true, call.codec(), ",\"headers\":null");
        RawValue::from_string(text).ok()
    };
    let data = found.data.iter().filter_map(out).collect();
    Reply::ok(&PollOut { data, iterator: call.codec().text(found.last), done: found.done })
}
