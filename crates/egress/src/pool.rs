//! Idle connections, by destination.
//!
//! A connection is parked together with the state machine that drives it, and nobody polls it meanwhile: no task of
//! its own, no wake-ups. Who takes it polls it once first, which shows whether the receiver has closed it.
//!
//! **Invariant:** a lock is held for a push, a pop or a purge, never across I/O. Each list and the map are bounded.

use crate::exchange::{Http1, Http2Sender};
use domain::target::TargetUrl;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;

/// Connections may be shared only by what would be dialled alike.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    is_https: bool,
    host: url::Host<String>,
    port: u16,
}

impl Key {
    pub(crate) fn of(url: &TargetUrl) -> Key {
        Key { is_https: url.is_https(), host: url.host().clone(), port: url.port() }
    }
}

/// The idle connections of one destination.
pub(crate) struct Destination {
    /// The latest used is last, and is taken first, so that surplus ones age and go.
    #[expect(clippy::vec_box, reason = "a connection is moved in and out often, and is over a kilobyte")]
    idle: Mutex<Vec<Box<Http1>>>,
    http2: Mutex<Option<Http2Sender>>,
    limits: Limits,
}

#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) idle_max: usize,
    pub(crate) idle_timeout_us: u64,
    /// However busy, a connection is closed at this age, so that changes of an address are followed.
    pub(crate) age_max_us: u64,
}

impl Limits {
    fn is_fresh(&self, connection: &Http1, now_us: u64) -> bool {
        now_us.saturating_sub(connection.parked_us) < self.idle_timeout_us
            && now_us.saturating_sub(connection.opened_us) < self.age_max_us
    }
}

impl Destination {
    fn new(limits: Limits) -> Self {
        Destination { idle: Mutex::default(), http2: Mutex::default(), limits }
    }

    /// The latest used connection that is not too old. It may have been closed meanwhile.
    pub(crate) fn take(&self, now_us: u64) -> Option<Box<Http1>> {
        loop {
            let connection = self.idle.lock().pop()?;
            if self.limits.is_fresh(&connection, now_us) {
                return Some(connection);
            }
        }
    }

    pub(crate) fn park(&self, mut connection: Box<Http1>, now_us: u64) {
        connection.parked_us = now_us;
        let mut idle = self.idle.lock();
        if idle.len() < self.limits.idle_max {
            idle.push(connection);
        } else {
            drop(idle);
            drop(connection);
        }
    }

    pub(crate) fn http2(&self) -> Option<Http2Sender> {
        let mut slot = self.http2.lock();
        if slot.as_ref().is_some_and(Http2Sender::is_closed) {
            *slot = None;
        }
        slot.clone()
    }

    pub(crate) fn set_http2(&self, sender: Http2Sender) {
        *self.http2.lock() = Some(sender);
    }

    /// Closes what is too old; says whether anything is left.
    fn sweep(&self, now_us: u64) -> bool {
        let stale: Vec<_>;
        let left;
        {
            let mut idle = self.idle.lock();
            stale = idle.extract_if(.., |c| !self.limits.is_fresh(c, now_us)).collect();
            left = !idle.is_empty();
        }
        drop(stale);
        left || self.http2().is_some()
    }

    #[cfg(test)]
    pub(crate) fn idle_count(&self) -> usize {
        self.idle.lock().len()
    }
}

/// All destinations.
pub(crate) struct Pool {
    destinations: RwLock<HashMap<Key, Arc<Destination>>>,
    destinations_max: usize,
    limits: Limits,
}

impl Pool {
    pub(crate) fn new(destinations_max: usize, limits: Limits) -> Self {
        Pool { destinations: RwLock::default(), destinations_max, limits }
    }

    /// The destination of `key`; one that keeps no idle connections when the map is full.
    pub(crate) fn destination(&self, key: Key) -> Arc<Destination> {
        if let Some(known) = self.destinations.read().get(&key) {
            return known.clone();
        }
        let mut map = self.destinations.write();
        if map.len() >= self.destinations_max && !map.contains_key(&key) {
            return Arc::new(Destination::new(Limits { idle_max: 0, ..self.limits }));
        }
        map.entry(key).or_insert_with(|| Arc::new(Destination::new(self.limits))).clone()
    }

    /// Closes idle connections that are too old and forgets destinations that nobody needs.
    pub(crate) fn sweep(&self, now_us: u64) {
        let all: Vec<_> = self.destinations.read().values().cloned().collect();
        for destination in &all {
            destination.sweep(now_us);
        }
        drop(all);
        let mut map = self.destinations.write();
        map.retain(|_, d| Arc::strong_count(d) > 1 || d.sweep(now_us));
    }

    #[cfg(test)]
    pub(crate) fn destination_count(&self) -> usize {
        self.destinations.read().len()
    }
}
