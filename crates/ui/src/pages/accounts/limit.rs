//! How often a sign-in may fail, by where it comes from and by the address that is tried.
//!
//! Attempts for an e-mail address count together, or a thousand machines would guess at it a thousand times as fast; but not
//! those from where its person signed in before: else a stranger who fails often enough would keep an owner out.
//!
//! **Invariant:** an attempt is counted before its password is looked at, so that a hundred at once are a hundred; memory is
//! bounded.

use domain::Timestamp;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// For how long attempts count.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Failures from one address (of IPv6, from one /64).
const FROM_MAX: u32 = 10;
/// Failures for one e-mail address, from anywhere.
const FOR_MAX: u32 = 30;
/// Passwords hashed at once: each takes 19 MiB and a core.
const HASHES_MAX: usize = 4;
const REMEMBERED_MAX: usize = 20_000;
/// Bytes of what was tried as an e-mail address that are told apart.
const EMAIL_MAX: usize = super::EMAIL_MAX;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    From(IpAddr),
    For(String),
}

#[derive(Clone, Copy)]
struct Count {
    since: Timestamp,
    attempts: u32,
}

pub(crate) struct Logins {
    counts: Mutex<HashMap<Key, Count>>,
    /// E-mail addresses, and where their people signed in.
    known: Mutex<HashSet<(String, IpAddr)>>,
    hashing: Semaphore,
}

impl Default for Logins {
    fn default() -> Self {
        Logins { counts: Mutex::default(), known: Mutex::default(), hashing: Semaphore::new(HASHES_MAX) }
    }
}

impl Logins {
    /// A turn at hashing. `None` never happens: the semaphore is never closed.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.hashing.acquire().await.ok()
    }

    /// Counts an attempt; refused, it says after how long another may be made.
    pub fn attempt(&self, from: Option<IpAddr>, email: &str, now: Timestamp) -> Result<(), Duration> {
        let mut counts = self.counts.lock();
        if counts.len() >= REMEMBERED_MAX {
            counts.retain(|_, count| now.since(count.since) < WINDOW);
            if counts.len() >= REMEMBERED_MAX {
                counts.clear();
            }
        }
        let keys = match self.is_known(from, email) {
            true => from.map(|ip| (Key::From(network(ip)), FROM_MAX)).into_iter().collect(),
            false => keys(from, email),
        };
        for (key, max) in &keys {
            if let Some(count) = counts.get(key).filter(|c| now.since(c.since) < WINDOW && c.attempts >= *max) {
                return Err(WINDOW.saturating_sub(now.since(count.since)));
            }
        }
        for (key, _) in keys {
            let count = counts.entry(key).or_insert(Count { since: now, attempts: 0 });
            if now.since(count.since) >= WINDOW {
                *count = Count { since: now, attempts: 0 };
            }
            count.attempts += 1;
        }
        Ok(())
    }

    fn is_known(&self, from: Option<IpAddr>, email: &str) -> bool {
        from.is_some_and(|ip| self.known.lock().contains(&(folded(email), network(ip))))
    }

    /// Somebody signed in from there: from now on what strangers try elsewhere is nothing to them.
    pub fn signed_in(&self, from: Option<IpAddr>, email: &str) {
        let Some(ip) = from else { return };
        let mut known = self.known.lock();
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert((folded(email), network(ip)));
    }

    /// The attempt was a good one: it doesn't count, and what was tried for this address is forgotten.
    pub fn succeeded(&self, from: Option<IpAddr>, email: &str) {
        let mut counts = self.counts.lock();
        for (key, _) in keys(from, email) {
            match key {
                Key::For(_) => drop(counts.remove(&key)),
                Key::From(_) => {
                    if let Some(count) = counts.get_mut(&key) {
                        count.attempts = count.attempts.saturating_sub(1);
                    }
                }
            }
        }
    }
}

fn keys(from: Option<IpAddr>, email: &str) -> Vec<(Key, u32)> {
    let from = from.map(|ip| (Key::From(network(ip)), FROM_MAX));
    from.into_iter().chain([(Key::For(folded(email)), FOR_MAX)]).collect()
}

/// An e-mail address, whatever its case, as far as it can be one.
fn folded(email: &str) -> String {
    let email = email.trim();
    email.get(..email.floor_char_boundary(EMAIL_MAX)).unwrap_or(email).to_lowercase()
}

/// Whoever has one IPv6 address has its whole /64.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_248_000_000);

    #[test]
    fn an_address_fails_ten_times_and_then_waits() {
        let logins = Logins::default();
        let from = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        for n in 0..10 {
            assert_eq!(logins.attempt(from("192.0.2.1"), &format!("p{n}@x"), NOW), Ok(()));
        }
        let later = NOW.plus(Duration::from_secs(60));
        let refused = logins.attempt(from("192.0.2.1"), "other@x", later);
        assert_eq!(refused, Err(Duration::from_secs(14 * 60)));
        assert_eq!(logins.attempt(from("192.0.2.2"), "other@x", later), Ok(()));
        assert_eq!(logins.attempt(from("192.0.2.1"), "other@x", NOW.plus(WINDOW)), Ok(()));
        for n in 0..10 {
            assert_eq!(logins.attempt(from(&format!("2001:db8::{n}")), "z@x", NOW), Ok(()));
        }
        assert!(logins.attempt(from("2001:db8::ffff"), "y@x", NOW).is_err());
    }

    #[test]
    fn an_e_mail_address_fails_thirty_times_from_anywhere() {
        let logins = Logins::default();
        for n in 0..30 {
            assert_eq!(logins.attempt(Some(IpAddr::from([192, 0, 2, n])), "Ana@x", NOW), Ok(()));
        }
        assert!(logins.attempt(Some(IpAddr::from([198, 51, 100, 1])), "ana@X ", NOW).is_err());
        assert!(logins.attempt(Some(IpAddr::from([198, 51, 100, 1])), "bob@x", NOW).is_ok());
    }

    #[test]
    fn a_stranger_who_fails_often_does_not_keep_out_who_signed_in_before() {
        let logins = Logins::default();
        let home = Some(IpAddr::from([203, 0, 113, 7]));
        logins.signed_in(home, "Ana@x");
        for n in 0..30 {
            assert_eq!(logins.attempt(Some(IpAddr::from([192, 0, 2, n])), "ana@x", NOW), Ok(()));
        }
        assert!(logins.attempt(Some(IpAddr::from([198, 51, 100, 1])), "ana@x", NOW).is_err());
        for _ in 0..10 {
            assert_eq!(logins.attempt(home, "ana@x", NOW), Ok(()));
        }
        assert!(logins.attempt(home, "ana@x", NOW).is_err(), "her own address has its limit, too");
    }

    #[test]
    fn a_megabyte_that_is_tried_as_an_address_is_not_remembered_whole() {
        let logins = Logins::default();
        let _ = logins.attempt(None, &"x".repeat(1 << 20), NOW);
        let is_short = |key: &Key| matches!(key, Key::For(email) if email.len() <= EMAIL_MAX);
        assert!(logins.counts.lock().keys().all(is_short));
    }

    #[test]
    fn who_signs_in_all_day_is_never_refused() {
        let logins = Logins::default();
        let from = Some(IpAddr::from([192, 0, 2, 1]));
        for _ in 0..100 {
            assert_eq!(logins.attempt(from, "ana@x", NOW), Ok(()));
            logins.succeeded(from, "ana@x");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let logins = Logins::default();
        for n in 0..50_000 {
            let _ = logins.attempt(None, &format!("{n}@x"), NOW);
        }
        assert!(logins.counts.lock().len() <= REMEMBERED_MAX);
    }
}
