//! What the outside knows: which messages were sent and acknowledged, and what receivers saw.
//!
//! It is the judge, so it never asks the store. **Invariant:** it learns only from answers and from the network.

use bytes::Bytes;
use domain::{AppId, DeliveryKey, EndpointId, MessageId, SourceRoute, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use store::IdempotencyKey;

/// How a receiver behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    Healthy,
    /// Fails so many requests of a hundred.
    Flaky(u32),
    /// Can't be reached.
    Dead,
    /// Answers 500, always.
    Broken,
    /// Answers 410, always.
    Gone,
    /// Answers 429 with a `Retry-After` most of the time.
    Overloaded,
    /// Gets the request, but its answer comes too late as often as not.
    Slow,
}

#[derive(Debug)]
pub struct Receiver {
    pub app: AppId,
    pub behaviour: Behaviour,
    /// Somebody asked for its deletion; whether it happened is known only later.
    pub deleted: bool,
    /// Takes operational webhooks.
    pub operational: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// To be sent, again if need be.
    Unsent,
    /// Waiting for an answer.
    Asked,
    Acknowledged,
    /// Without a key nobody dares to send it again.
    Unknown,
}

/// A message as its producer sees it.
#[derive(Debug)]
pub struct Item {
    pub app: AppId,
    pub event_type: &'static str,
    pub body: Bytes,
    pub key: Option<IdempotencyKey>,
    pub event_id: Option<Box<str>>,
    pub deliver_at: Option<Timestamp>,
    /// It comes as a request to this source; its key is the event's.
    pub source: Option<Arc<SourceRoute>>,
    pub fate: Fate,
    /// What the store said its id is; more than one is a broken promise.
    pub ids: BTreeSet<MessageId>,
    /// Endpoints that matched each time it was sent.
    pub matched: Option<BTreeSet<EndpointId>>,
    /// When it was first sent.
    pub first_at: Timestamp,
    pub sent: u32,
    /// So much time went by that the key may have been forgotten.
    pub key_expired: bool,
    /// Somebody deleted its content.
    pub content_deleted: bool,
    /// Its deliveries have been seen in the database.
    pub seen: bool,
}

/// One request that reached a receiver.
#[derive(Debug)]
pub struct Received {
    pub endpoint: EndpointId,
    pub message: MessageId,
    pub accepted: bool,
}

/// Where a delivery was last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Open,
    Dead,
    Settled,
}

#[derive(Debug, Default)]
pub struct Model {
    pub items: Vec<Item>,
    pub receivers: BTreeMap<EndpointId, Receiver>,
    pub apps: Vec<AppId>,
    /// The source of each application.
    pub sources: BTreeMap<AppId, Arc<SourceRoute>>,
    /// Apps that somebody asked to delete.
    pub apps_deleted: BTreeSet<AppId>,
    pub log: Vec<Received>,
    /// (message, endpoint) pairs that a receiver answered with 2xx.
    pub delivered: BTreeSet<(MessageId, EndpointId)>,
    /// Which item each message id turned out to carry.
    pub carried: HashMap<MessageId, usize>,
    pub phases: BTreeMap<DeliveryKey, Phase>,
    /// Endpoints that have answered 410.
    pub gone: BTreeSet<EndpointId>,
    /// Messages this old may be forgotten, once nothing of them waits; `None` keeps all.
    pub kept_for: Option<Duration>,
    /// The latest wall-clock time so far.
    pub latest: Timestamp,
    /// When each attempt (delivery, number) failed: monotonic us, and the wall clock's setting then.
    pub failures: HashMap<(DeliveryKey, u32), (u64, u32)>,
}

/// The item that a body carries; `None` for operational webhooks.
pub fn item_of(body: &[u8]) -> Option<usize> {
    let digits: Vec<u8> = body.strip_prefix(br#"{"n":"#)?.iter().copied().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

impl Model {
    /// A request reached a receiver.
    pub fn receive(&mut self, endpoint: EndpointId, message: MessageId, body: &[u8]) -> Result<(), String> {
        self.log.push(Received { endpoint, message, accepted: false });
        let Some(n) = item_of(body) else {
            let operational = self.receivers.get(&endpoint).is_some_and(|r| r.operational);
            return if operational { Ok(()) } else { Err(format!("{endpoint:?} got a body that nobody sent")) };
        };
        let item = self.items.get(n).ok_or("a body of an unknown item")?;
        if item.body != body {
            return Err(format!("the body of item {n} changed on its way to {endpoint:?}"));
        }
        if self.receivers.get(&endpoint).is_none_or(|r| r.app != item.app) {
            return Err(format!("item {n} reached {endpoint:?} of another application"));
        }
        match self.carried.insert(message, n) {
            Some(other) if other != n => Err(format!("{message:?} carried items {other} and {n}")),
            _ => Ok(()),
        }
    }
    /// An inbound request's messages go out with its head, as long as it is kept.
    pub fn judge_passage(&self, message: MessageId, has_passage: bool) -> Result<(), String> {
        let item = self.carried.get(&message).and_then(|n| self.items.get(*n));
        match item.map(|i| i.source.is_some()) {
            Some(came_in) if came_in != has_passage && !self.is_expired(message) => {
                Err(format!("message {} goes out with a head: {has_passage}", message.0))
            }
            _ => Ok(()),
        }
    }
    /// The receiver answers the request just received with 2xx.
    pub fn accept(&mut self) {
        if let Some(r) = self.log.last_mut() {
            r.accepted = true;
            self.delivered.insert((r.message, r.endpoint));
        }
    }
    /// Old enough for retention to have taken it, or its attempts.
    pub fn is_expired(&self, message: MessageId) -> bool {
        self.kept_for.is_some_and(|d| self.latest.since(message.created_at()) >= d)
    }
    /// As far as one can tell from outside, this delivery has failed for good.
    pub fn may_be_dead(&self, key: DeliveryKey, attempts_max: usize) -> bool {
        let tries = if key.ordinal == 0 { attempts_max as u32 } else { 1 };
        self.gone.contains(&key.endpoint)
            || (tries..=attempts_max as u32).any(|n| self.failures.contains_key(&(key, n)))
    }
    pub fn is_deleted(&self, endpoint: EndpointId) -> bool {
        self.receivers.get(&endpoint).is_none_or(|r| r.deleted || self.apps_deleted.contains(&r.app))
    }
}
