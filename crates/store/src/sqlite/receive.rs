//! Receiving: what becomes of a request in one transaction, and accepting a stored one by hand.
//!
//! **Invariant:** an event whose keys are all known makes nothing; one that is new has its keys registered in the
//! transaction that stores its request and its message. So the copies of an event are one message, however they race.

use super::core::{Core, Outgoing};
use super::first_seen::Values;
use super::requests;
use crate::error::StoreError;
use crate::event_keys::EventKey;
use crate::figures::batch::{Arrival, Note};
use crate::inbound::{InboundEvent, NewRequest, Received, Verdict, VerdictKind};
use domain::{AppRoute, MessageId, RequestHead, RequestId, Seq, SourceId, SourceRoute, Timestamp};
use rusqlite::{OptionalExtension, params};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

type Result<T> = std::result::Result<T, StoreError>;

/// The answer to an accepted request where its source says no other.
const ACCEPTED: u16 = 200;

/// Sources remembered at most; beyond it, anew.
const SOURCES_MAX: usize = 100_000;

/// What is known of a source that stores requests.
#[derive(Default)]
pub(super) struct Stored {
    /// Requests since their number was last looked at.
    requests: u32,
    /// The last span that it has a row for.
    span: i64,
}

/// The request that messages are made of.
struct Origin<'a> {
    source: SourceId,
    request: RequestId,
    /// Goes with the payload when the messages are delivered as they came.
    passage: Option<&'a Arc<RequestHead>>,
    /// They were made before: endpoints get them whatever they have seen.
    is_replay: bool,
}

impl Core {
    /// Stores a request with its messages, unless all its events are known. `NotFound` when the source is no more.
    pub fn receive(&mut self, r: NewRequest, now: Timestamp) -> Result<Received> {
        let source = r.source.source;
        self.check_source(source)?;
        let id: RequestId = self.next_id(now);
        let events = match r.verdict.kind() {
            VerdictKind::Refused | VerdictKind::Handshake => &[],
            _ => &r.events[..],
        };
        let oldest = Seq::first_at(now.minus(r.dedup_window)).0;
        let mut first = None;
        let mut fresh: Vec<&InboundEvent> = Vec::with_capacity(events.len());
        for event in events {
            match self.register(source, id, event, oldest)? {
                Some(owner) => first = first.or(Some(owner)),
                None => fresh.push(event),
            }
        }
        if let Some(first) = first.filter(|_| fresh.is_empty()) {
            if let Some(status) = self.count_duplicate(source, first)? {
                self.figures.note(Note::Received { org: r.source.org, source, at: now, end: Arrival::Duplicate });
                return Ok(Received::Duplicate { first, status });
            }
            // It is gone although its keys are not: these events are new.
            for event in events {
                self.claim_keys(source, id, event);
                fresh.push(event);
            }
        }
        self.store_request(id, &r, &fresh, now)?;
        let end = if r.verdict.kind() == VerdictKind::Refused { Arrival::Refused } else { Arrival::Stored };
        self.figures.note(Note::Received { org: r.source.org, source, at: now, end });
        self.count_stored(&r, id)?;
        Ok(Received::Stored(id))
    }

    /// A source that was reaped must not get rows again.
    fn check_source(&mut self, source: SourceId) -> Result<()> {
        if self.stored_of.contains_key(&source) {
            return Ok(());
        }
        if !self.conn.prepare_cached("SELECT 1 FROM source WHERE id = ? AND deleted = 0")?.exists([source.0])? {
            return Err(StoreError::NotFound("source"));
        }
        if self.stored_of.len() >= SOURCES_MAX {
            self.stored_of.clear();
        }
        self.stored_of.insert(source, Stored::default());
        Ok(())
    }

    /// The request that brought this event before; `None` makes its keys this request's.
    fn register(
        &mut self,
        source: SourceId,
        request: RequestId,
        event: &InboundEvent,
        oldest: i64,
    ) -> Result<Option<RequestId>> {
        let mut first = None;
        for hash in &event.keys {
            match self.event_owner(&(source, *hash), oldest)? {
                Some(owner) => first = first.or(Some(owner)),
                None => {
                    first = None;
                    break;
                }
            }
        }
        if first.is_none() {
            self.claim_keys(source, request, event);
        }
        Ok(first)
    }

    fn claim_keys(&mut self, source: SourceId, request: RequestId, event: &InboundEvent) {
        for hash in &event.keys {
            self.event_keys.insert((source, *hash), request);
        }
    }

    /// The status that the first one was answered with; `None` when it is gone.
    fn count_duplicate(&self, source: SourceId, first: RequestId) -> Result<Option<u16>> {
        let status = self
            .conn
            .prepare_cached(
                "UPDATE request SET duplicates = duplicates + 1 WHERE id = ? AND source = ? RETURNING status",
            )?
            .query_row(params![first.0, source.0], |r| r.get(0))
            .optional()?;
        Ok(status)
    }

    fn store_request(&mut self, id: RequestId, r: &NewRequest, fresh: &[&InboundEvent], now: Timestamp) -> Result<()> {
        let makes = matches!(r.verdict, Verdict::Accepted | Verdict::Captured);
        let made = r.route.as_ref().filter(|_| makes && !fresh.is_empty());
        let passage = made.filter(|_| r.head.pass_through()).map(|_| Arc::new(r.head.clone()));
        let origin = Origin { source: r.source.source, request: id, passage: passage.as_ref(), is_replay: false };
        let first = match made {
            Some(route) => self.make_messages(route, fresh, &origin, now)?,
            None => None,
        };
        let body_from = match (fresh, first) {
            ([one], Some(_)) => body_from(one, r.body.len()),
            _ => None,
        };
        let reason = match &r.verdict {
            Verdict::Refused(why) => Some(&**why),
            _ => None,
        };
        let keys = keys_of(fresh);
        self.touched_source(r.source.source);
        self.tail_received(r, id, first, now);
        self.note_span(r.source.source, id)?;
        self.event_keys.note(id);
        self.conn.prepare_cached("INSERT INTO request VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute(
            params![
                id.0,
                r.source.source.0,
                r.verdict.kind() as u8,
                reason,
                r.status,
                r.event_type,
                (!keys.is_empty()).then_some(&*keys),
                first.map(|m| m.0),
                first.map_or(0, |_| fresh.len()),
                body_from,
                r.body.len(),
                &r.head.encoded()[..],
                Some(&r.body[..]).filter(|b| body_from.is_none() && !b.is_empty()),
            ],
        )?;
        Ok(())
    }

    fn note_span(&mut self, source: SourceId, request: RequestId) -> Result<()> {
        let span = requests::span_of(request);
        let known = self.stored_of.get_mut(&source);
        if known.as_ref().is_some_and(|stored| stored.span == span) {
            return Ok(());
        }
        requests::add_span(&self.conn, source, span)?;
        if let Some(stored) = known {
            stored.span = span;
            self.tx_spans.push(source);
        }
        Ok(())
    }
    /// What was known of its last span may not hold.
    pub(super) fn forget_span(&mut self, source: SourceId) {
        if let Some(stored) = self.stored_of.get_mut(&source) {
            stored.span = 0;
        }
    }

    /// A message for each event, with its deliveries. Returns the first one's id; the others follow it.
    fn make_messages(
        &mut self,
        route: &Arc<AppRoute>,
        events: &[&InboundEvent],
        origin: &Origin<'_>,
        now: Timestamp,
    ) -> Result<Option<MessageId>> {
        let mut first = None;
        self.touched_app(route.app);
        for event in events {
            let message: MessageId = self.next_id(now);
            self.conn
                .prepare_cached(
                    "INSERT INTO message (id, app, event_type, payload, source, request) VALUES (?, ?, ?, ?, ?, ?)",
                )?
                .execute(params![
                    message.0,
                    route.app.0,
                    event.event_type,
                    &event.payload[..],
                    origin.source.0,
                    origin.request.0
                ])?;
            let outgoing = Outgoing::<&str> {
                message,
                event_type: &event.event_type,
                channels: &[],
                payload: &event.payload,
                passage: origin.passage,
                deliver_at: None,
            };
            match origin.is_replay {
                true => self.fan_out_firsts(route, &outgoing, &Values::default(), now)?,
                false => self.fan_out(route, &outgoing, now)?,
            }
            self.tx.counts.accepted += 1;
            self.figures.accepted(route.org, route.app, &event.event_type, message.created_at());
            first = first.or(Some(message));
        }
        Ok(first)
    }

    fn count_stored(&mut self, r: &NewRequest, id: RequestId) -> Result<()> {
        let Some(stored) = self.stored_of.get_mut(&r.source.source) else { return Ok(()) };
        stored.requests += 1;
        match r.source.options.requests_kept {
            Some(kept) if stored.requests >= kept_pause(kept) => {
                stored.requests = 0;
                self.keep_newest(r.source.source, kept, id, kept_pause(kept) * 2)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Makes messages of a stored request, with keys that count from now on. With `once`, not of an accepted one.
    pub(crate) fn accept_request(
        &mut self,
        source: &SourceRoute,
        request: RequestId,
        events: &[InboundEvent],
        once: bool,
        now: Timestamp,
    ) -> Result<Option<MessageId>> {
        let stored = requests::find(&self.conn, source.source, request, false)?;
        if once && stored.verdict == Verdict::Accepted {
            return Ok(stored.message);
        }
        let route = self.route(source.app, now)?.ok_or(StoreError::NotFound("application"))?;
        let passage = stored.head.pass_through().then(|| Arc::new(stored.head.clone()));
        let fresh: Vec<&InboundEvent> = events.iter().collect();
        let is_replay = stored.message.is_some();
        let origin = Origin { source: source.source, request, passage: passage.as_ref(), is_replay };
        let first = self.make_messages(&route, &fresh, &origin, now)?;
        // With its first messages, the body moves into the message, if it is one.
        let is_first = stored.message.is_none();
        let body_from = match (&*fresh, first) {
            ([one], Some(_)) if is_first => body_from(one, stored.body_len as usize),
            _ => None,
        };
        let keys = keys_of(&fresh);
        if stored.verdict != Verdict::Accepted {
            let window = Duration::from_secs(source.options.dedup.window_seconds.into());
            self.register_late(source.source, request, &fresh, Seq::first_at(now.minus(window)).0)?;
        }
        let n = self
            .conn
            .prepare_cached(
                "UPDATE request SET verdict = iif(verdict = 3, 3, 0), reason = NULL, keys = coalesce(keys, ?2),
                    status = iif(verdict = 2, ?6, status),
                    message = coalesce(message, ?3), messages = iif(message IS NULL, ?4, messages),
                    body_from = coalesce(body_from, ?5), body = iif(?5 IS NULL, body, NULL)
                 WHERE id = ?1",
            )?
            .execute(params![
                request.0,
                (!keys.is_empty()).then_some(&*keys),
                first.map(|m| m.0),
                first.map_or(0, |_| fresh.len()),
                body_from,
                // What its provider's retry is answered from now on.
                source.options.response.status.unwrap_or(ACCEPTED),
            ])?;
        match n {
            1 => {
                self.touched_source(source.source);
                Ok(first)
            }
            n => Err(rusqlite::Error::StatementChangedRows(n).into()),
        }
    }

    /// Registers keys of a request that came before. They go into the table at once: what is read at a start may lie
    /// behind it.
    fn register_late(
        &mut self,
        source: SourceId,
        request: RequestId,
        events: &[&InboundEvent],
        oldest: i64,
    ) -> Result<()> {
        for hash in events.iter().flat_map(|e| &e.keys) {
            let key: EventKey = (source, *hash);
            if self.event_owner(&key, oldest)?.is_none() {
                self.merge_event_keys(&[(key, request)])?;
            }
        }
        Ok(())
    }

    /// What a message's deliveries take along from the request that it was made of.
    pub(super) fn passage(&self, request: Option<RequestId>) -> Result<Option<Arc<RequestHead>>> {
        let Some(request) = request else { return Ok(None) };
        let head = requests::head(&self.conn, request)?;
        Ok(head.filter(RequestHead::pass_through).map(Arc::new))
    }
}

/// Requests that a source stores between looks at how many it has.
fn kept_pause(kept: u32) -> u32 {
    (kept / 16).max(64)
}

/// Where the request's body lies in the event's payload.
fn body_from(event: &InboundEvent, body_len: usize) -> Option<u32> {
    let at = event.body_at.as_ref().filter(|_| body_len > 0)?;
    let is_whole = (at.end as usize).checked_sub(at.start as usize) == Some(body_len);
    (is_whole && at.end as usize <= event.payload.len()).then_some(at.start)
}

fn keys_of<'a>(events: &[&'a InboundEvent]) -> Cow<'a, [u8]> {
    match events {
        [one] => Cow::Borrowed(one.keys.as_flattened()),
        many => Cow::Owned(many.iter().flat_map(|e| e.keys.as_flattened()).copied().collect()),
    }
}
