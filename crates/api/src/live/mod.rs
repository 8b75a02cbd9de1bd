//! Live views: streams of server-sent events that thousands may watch while requests and messages pour in.
//!
//! The ingest path must not feel who watches it (under 5 % with 1,000 viewers), so the work is arranged by what costs:
//!
//! - **Reading.** A viewer of its own that reads the store costs a query for each viewer and commit. So each [`Feed`]
//!   that has viewers has one [`pump`]: woken by the store's hint, it reads what is new once, renders each event once,
//!   and hands all viewers the same bytes through a bounded ring.
//! - **Writing.** A socket write costs tens of microseconds, a row in it one or two. So a pump that is idle passes the
//!   first event on at once, and one that is busy collects: its turns come the more rarely the more viewers it has.
//! - **Fairness.** All turns of all pumps, all reads of viewers that are behind and of long polls that were woken are
//!   paid for in one currency ([`pace`]): a read is ten frames, a write is one, each row in it is one.
//!   `live_rows_per_second` (5,000) frames a second are handed out in order of asking. 1,000 viewers of one bin are
//!   written to about every second then, with up to four rows each; 1,000 viewers of 1,000 bins get about 400 turns a
//!   second together: so much and no more, whatever the rate of ingest is.
//!
//! Measured (2 cores, 400 messages a second, little optimised): a thousand viewers of one application cost less than
//! shows beside the 0.14 cores of ingest; of a thousand applications, about 0.1 core, nearly all of it reads.
//!
//! A stream is lossless: its viewer has a cursor of its own, and where the ring left it behind it reads the store from
//! there, at the pace, until it is level again. So it is delayed under load, and skips nothing. A `live=1` stream is for
//! eyes: what is over the pace is left out, and `event: skipped` says how many rows that were.
//!
//! Memory: a ring has [`RING`] batches, which are freed once every viewer took them, and pages are the shorter the larger
//! their rows are (about 512 KiB); a viewer holds what hyper is writing. Streams are bounded by `max_streams`. A token is
//! checked when a stream opens and before each piece ([`watched`]).
//!
//! **Invariant:** hints only wake; what a viewer sees is what the store says after its cursor, in order, once.

mod body;
mod feed;
mod pace;
mod pump;
mod tail;
mod viewer;
mod watched;

pub(crate) use feed::{Feed, Filter};
pub(crate) use tail::open as open_tail;
pub(crate) use viewer::{Start, open};
pub(crate) use watched::watched;

use crate::auth::Caller;
use crate::call::Shared;
use crate::config::ServerLimits;
use crate::problem::Problem;
use domain::AppId;
use feed::Listing;
use pace::Pace;
use parking_lot::Mutex;
use pump::Batch;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use tokio::time::Instant;

/// Batches that a viewer may be late before it reads the store itself.
const RING: usize = 16;
/// One in so many of all streams is what one application's tokens, or one person's browsers, may have open: a customer of a
/// customer must not take them all.
const SHARE: usize = 10;
/// Holders that are remembered before those without a stream are forgotten.
const HOLDERS_MAX: usize = 1024;
/// How long a browser waits before it connects again.
const RETRY_MS: u32 = 2_000;
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What is watched, and whether the pace may skip rows of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    feed: Feed,
    live: bool,
}

/// A feed with viewers.
struct Channel {
    key: Key,
    batches: broadcast::Sender<Arc<Batch>>,
    listing: Mutex<Option<Arc<Listing>>>,
}

/// Who has a share of his own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Holder {
    App(AppId),
    Person(Arc<str>),
}

impl Holder {
    /// `None` for an organisation's tokens: they may have all.
    fn of(caller: &Caller) -> Option<Self> {
        let person = || caller.person.clone().map(Holder::Person);
        caller.app.map(Holder::App).or_else(person)
    }
}

/// Room for a stream or long poll, as long as it is held.
pub(crate) struct Permit {
    _all: OwnedSemaphorePermit,
    _own: Option<OwnedSemaphorePermit>,
}

/// All streams of the process.
pub(crate) struct Live {
    pace: Pace,
    permits: Arc<Semaphore>,
    shares: Mutex<HashMap<Holder, Arc<Semaphore>>>,
    share_max: usize,
    closing: watch::Sender<bool>,
    channels: Mutex<HashMap<Key, Arc<Channel>>>,
}

impl Live {
    pub fn new(limits: &ServerLimits) -> Self {
        Live {
            pace: Pace::new(limits.live_rows_per_second),
            permits: Arc::new(Semaphore::new(limits.max_streams)),
            shares: Mutex::default(),
            share_max: (limits.max_streams / SHARE).max(1),
            closing: watch::Sender::new(false),
            channels: Mutex::default(),
        }
    }

    /// Room for one more stream or long poll of this caller.
    pub fn permit(&self, caller: &Caller) -> Result<Permit, Problem> {
        let take = |permits: Arc<Semaphore>, why| {
            permits.try_acquire_owned().map_err(|_| Problem::unavailable(why, RETRY_AFTER))
        };
        let own = Holder::of(caller).map(|holder| self.share(holder));
        let own = own.map(|own| take(own, "You have too many streams and long polls open")).transpose()?;
        let all = take(self.permits.clone(), "There are too many streams and long polls")?;
        Ok(Permit { _all: all, _own: own })
    }

    fn share(&self, holder: Holder) -> Arc<Semaphore> {
        let mut shares = self.shares.lock();
        if shares.len() >= HOLDERS_MAX {
            shares.retain(|_, share| share.available_permits() < self.share_max);
        }
        shares.entry(holder).or_insert_with(|| Arc::new(Semaphore::new(self.share_max))).clone()
    }

    /// Takes a turn to read the store again; returns when it is due.
    pub fn turn(&self) -> Instant {
        self.pace.turn()
    }

    /// Ends all streams and long polls.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }
    /// Tells of [`close`](Self::close).
    pub fn closing(&self) -> Closing {
        Closing(self.closing.subscribe())
    }

    /// Joins the viewers of a feed. Its pump, where this is the first, goes on after `newest`.
    fn join(&self, shared: &Arc<Shared>, key: Key, newest: i64) -> (Arc<Channel>, broadcast::Receiver<Arc<Batch>>) {
        let mut channels = self.channels.lock();
        if let Some(channel) = channels.get(&key) {
            return (channel.clone(), channel.batches.subscribe());
        }
        let (batches, receiver) = broadcast::channel(RING);
        let channel = Arc::new(Channel { key: key.clone(), batches, listing: Mutex::default() });
        channels.insert(key, channel.clone());
        tokio::spawn(pump::run(shared.clone(), channel.clone(), newest));
        (channel, receiver)
    }

    /// Forgets a channel that nobody watches. Whether it did: then its pump ends.
    fn leave(&self, channel: &Channel) -> bool {
        let mut channels = self.channels.lock();
        // Nobody can join while the lock is held.
        if channel.batches.receiver_count() > 0 {
            return false;
        }
        channels.remove(&channel.key);
        true
    }

    /// How many more streams there is room for.
    pub fn free(&self) -> usize {
        self.permits.available_permits()
    }
    /// How many feeds have a pump.
    #[cfg(test)]
    pub fn pumps(&self) -> usize {
        self.channels.lock().len()
    }
}

/// Knows when the server stops.
#[derive(Clone)]
pub(crate) struct Closing(watch::Receiver<bool>);

impl Closing {
    pub fn is_now(&self) -> bool {
        *self.0.borrow()
    }
    /// Returns once the server stops.
    pub async fn wait(&mut self) {
        // An error means that the server is gone already.
        let _ = self.0.wait_for(|closing| *closing).await;
    }
}
