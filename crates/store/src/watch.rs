//! Who waits for what: commits wake those who watch a topic that they touched.
//!
//! The writer asks it once in a transaction whether anybody watches; the task that answers callers wakes the watches.
//! **Invariant:** a wake-up carries nothing and there may be one too many, never one too few: a watch that is registered
//! before it reads the database is woken by every commit that the read did not see.

use crate::inbound::Topic;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::task::Poll;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// All watches of a store.
#[derive(Default)]
pub struct Hub {
    /// Topics watched, counted once for each watch.
    watches: AtomicUsize,
    topics: Mutex<HashMap<Topic, Watched>>,
}

#[derive(Default)]
struct Watched {
    channel: Arc<Channel>,
    watches: usize,
}

#[derive(Default)]
struct Channel {
    /// Commits that touched the topic.
    generation: AtomicU64,
    commits: Notify,
}

/// What a transaction touched.
#[derive(Debug)]
pub(crate) enum Touched {
    These(HashSet<Topic>),
    /// Nobody watched when it began, so that nothing was noted.
    Unknown,
}

impl Default for Touched {
    fn default() -> Self {
        Touched::These(HashSet::new())
    }
}

impl Touched {
    pub(crate) fn add(&mut self, topic: Topic) {
        if let Touched::These(topics) = self {
            topics.insert(topic);
        }
    }
}

impl Hub {
    /// What a transaction that begins now notes: nothing unless somebody watches.
    pub(crate) fn note(&self) -> Touched {
        if self.is_watched() { Touched::default() } else { Touched::Unknown }
    }

    fn is_watched(&self) -> bool {
        self.watches.load(SeqCst) > 0
    }

    /// After the commit.
    pub(crate) fn wake(&self, touched: &Touched) {
        let woken: Vec<Arc<Channel>> = match touched {
            Touched::These(topics) if topics.is_empty() => return,
            Touched::These(topics) => {
                let all = self.topics.lock();
                topics.iter().filter_map(|t| all.get(t)).map(|w| w.channel.clone()).collect()
            }
            // Who began to watch while the transaction ran may have read the state before it.
            Touched::Unknown if self.is_watched() => self.topics.lock().values().map(|w| w.channel.clone()).collect(),
            Touched::Unknown => return,
        };
        for channel in woken {
            channel.generation.fetch_add(1, SeqCst);
            channel.commits.notify_waiters();
        }
    }

    pub(crate) fn watch(self: &Arc<Self>, topics: &[Topic]) -> Watch {
        let followed = {
            let mut all = self.topics.lock();
            self.watches.fetch_add(topics.len(), SeqCst);
            let follow = |topic: &Topic| {
                let watched = all.entry(*topic).or_default();
                watched.watches += 1;
                (*topic, watched.channel.clone())
            };
            topics.iter().map(follow).collect()
        };
        let mut watch = Watch { hub: self.clone(), followed, seen: 0 };
        watch.seen = watch.commits();
        watch
    }
}

/// Wakes when something that it watches was committed.
pub struct Watch {
    hub: Arc<Hub>,
    followed: Vec<(Topic, Arc<Channel>)>,
    /// Commits that touched its topics, up to the last wake-up.
    seen: u64,
}

impl Watch {
    /// Returns after the next commit that touched a topic, at once if one did since the last call (or since the watch
    /// began). A call that is dropped before it returned loses nothing.
    pub async fn changed(&mut self) {
        while !self.has_changed() {
            let mut waits: Vec<Pin<Box<Notified<'_>>>> =
                self.followed.iter().map(|(_, channel)| Box::pin(channel.commits.notified())).collect();
            // A commit from here on finds the waits; one before it shows in the count.
            if self.commits() != self.seen {
                continue;
            }
            poll_fn(|cx| {
                let woken = waits.iter_mut().any(|wait| wait.as_mut().poll(cx).is_ready());
                if woken { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
    }

    /// Counts what there was as seen.
    fn has_changed(&mut self) -> bool {
        let now = self.commits();
        std::mem::replace(&mut self.seen, now) != now
    }

    /// Grows whenever a topic is touched.
    fn commits(&self) -> u64 {
        self.followed.iter().fold(0, |n, (_, channel)| n.wrapping_add(channel.generation.load(SeqCst)))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut all = self.hub.topics.lock();
        self.hub.watches.fetch_sub(self.followed.len(), SeqCst);
        for (topic, _) in &self.followed {
            if let Some(watched) = all.get_mut(topic) {
                watched.watches -= 1;
                if watched.watches == 0 {
                    all.remove(topic);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{AppId, SourceId};
    use std::time::Duration;

    const A: Topic = Topic::App(AppId(1));
    const S: Topic = Topic::Source(SourceId(1));

    async fn changed(watch: &mut Watch) -> bool {
        tokio::time::timeout(Duration::ZERO, watch.changed()).await.is_ok()
    }
    fn these(topics: &[Topic]) -> Touched {
        Touched::These(topics.iter().copied().collect())
    }

    #[tokio::test]
    async fn a_dropped_watch_leaves_nothing_behind() {
        let hub = Arc::new(Hub::default());
        let (one, two) = (hub.watch(&[A, S]), hub.watch(&[A, A]));
        drop(one);
        assert_eq!(hub.topics.lock().len(), 1);
        assert!(matches!(hub.note(), Touched::These(_)));
        drop(two);
        assert_eq!((hub.topics.lock().len(), hub.watches.load(SeqCst)), (0, 0));
        assert!(matches!(hub.note(), Touched::Unknown));
    }

    #[tokio::test]
    async fn who_began_to_watch_while_a_transaction_ran_is_woken_by_it() {
        let hub = Arc::new(Hub::default());
        let unaware = hub.note();
        let mut watch = hub.watch(&[A]);
        hub.wake(&unaware);
        assert!(changed(&mut watch).await);
        assert!(!changed(&mut watch).await);
    }

    #[tokio::test]
    async fn a_wait_that_was_given_up_misses_no_commit() {
        let hub = Arc::new(Hub::default());
        let mut watch = hub.watch(&[A, S]);
        assert!(!changed(&mut watch).await);
        hub.wake(&these(&[S]));
        assert!(changed(&mut watch).await);
        assert!(!changed(&mut watch).await);
    }

    #[tokio::test]
    async fn a_commit_wakes_all_who_wait_for_its_topic_and_nobody_else() {
        let hub = Arc::new(Hub::default());
        let mut other = hub.watch(&[S]);
        let waiting: Vec<_> = (0..1000)
            .map(|_| {
                let mut watch = hub.watch(&[A]);
                tokio::spawn(async move { watch.changed().await })
            })
            .collect();
        tokio::task::yield_now().await;
        hub.wake(&these(&[A]));
        for one in waiting {
            one.await.unwrap();
        }
        assert!(!changed(&mut other).await);
    }

    #[tokio::test]
    async fn a_watch_of_nothing_never_wakes() {
        let hub = Arc::new(Hub::default());
        let mut watch = hub.watch(&[]);
        hub.wake(&these(&[A]));
        hub.wake(&Touched::Unknown);
        assert!(!changed(&mut watch).await);
    }
}
