//! How often an address may post to a form: so many times within a minute.
//!
//! **Invariant:** bounded memory, whoever posts. When more addresses post than are remembered, those that have not posted for
//! longest are forgotten, and begin anew.

use domain::FormId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Pairs of form and address that are remembered at most.
const REMEMBERED_MAX: usize = 100_000;
const WINDOW_US: u64 = 60_000_000;

/// Whoever has one address of IPv6 has 2^64.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Net {
    V4(u32),
    V6(u64),
}

impl Net {
    fn of(address: IpAddr) -> Net {
        match address.to_canonical() {
            IpAddr::V4(address) => Net::V4(address.to_bits()),
            IpAddr::V6(address) => Net::V6((address.to_bits() >> 64) as u64),
        }
    }
}

/// The minute that began with the first post.
#[derive(Clone, Copy)]
struct Window {
    began_us: u64,
    posts: u32,
}

type Windows = HashMap<(FormId, Net), Window>;

/// Counts posts.
#[derive(Default)]
pub(super) struct Flood {
    generations: Mutex<Generations>,
}

/// Whatever posts is moved to the young; when those are too many, they are the old ones, and the old are forgotten.
#[derive(Default)]
struct Generations {
    young: Windows,
    old: Windows,
}

impl Flood {
    /// Counts a post, or says how long there may be none. A `rate` of 0 is no limit.
    pub fn admit(&self, form: FormId, address: IpAddr, rate: u32, now_us: u64) -> Result<(), Duration> {
        if rate == 0 {
            return Ok(());
        }
        let key = (form, Net::of(address));
        let mut all = self.generations.lock();
        let found = all.young.get(&key).or_else(|| all.old.get(&key)).copied();
        let end = |window: &Window| window.began_us.saturating_add(WINDOW_US);
        let current = found.filter(|window| now_us < end(window));
        let mut window = current.unwrap_or(Window { began_us: now_us, posts: 0 });
        let verdict = if window.posts < rate {
            window.posts += 1;
            Ok(())
        } else {
            Err(Duration::from_micros(end(&window).saturating_sub(now_us)))
        };
        if all.young.len() >= REMEMBERED_MAX / 2 && !all.young.contains_key(&key) {
            all.old = std::mem::take(&mut all.young);
        }
        all.young.insert(key, window);
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    const FORM: FormId = FormId(1);
    const SECOND: u64 = 1_000_000;

    fn v4(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }

    #[test]
    fn an_address_posts_so_often_within_a_minute() {
        let flood = Flood::default();
        for _ in 0..3 {
            assert_eq!(flood.admit(FORM, v4(1), 3, 5 * SECOND), Ok(()));
        }
        assert_eq!(flood.admit(FORM, v4(1), 3, 25 * SECOND), Err(Duration::from_secs(40)));
        assert_eq!(flood.admit(FORM, v4(2), 3, 25 * SECOND), Ok(()), "another address");
        assert_eq!(flood.admit(FormId(2), v4(1), 3, 25 * SECOND), Ok(()), "another form");
        assert_eq!(flood.admit(FORM, v4(1), 3, 65 * SECOND), Ok(()), "a new minute");
        assert_eq!(flood.admit(FORM, v4(1), 0, 65 * SECOND), Ok(()), "no limit");
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_mapped_ipv4_is_ipv4() {
        let flood = Flood::default();
        let v6 = |text: &str| text.parse::<Ipv6Addr>().unwrap().into();
        assert!(flood.admit(FORM, v6("2001:db8:1:2::1"), 1, 0).is_ok());
        assert!(flood.admit(FORM, v6("2001:db8:1:2:ffff::2"), 1, 0).is_err());
        assert!(flood.admit(FORM, v6("2001:db8:1:3::1"), 1, 0).is_ok());
        assert!(flood.admit(FORM, v4(0x7f00_0001), 1, 0).is_ok());
        assert!(flood.admit(FORM, v6("::ffff:127.0.0.1"), 1, 0).is_err());
    }

    #[test]
    fn a_million_addresses_are_bounded_and_who_goes_on_stays_limited() {
        let flood = Flood::default();
        let flooder = v4(u32::MAX);
        assert!(flood.admit(FORM, flooder, 1, 0).is_ok());
        for n in 0..1_000_000 {
            assert!(flood.admit(FORM, v4(n), 1, 0).is_ok());
            if n % 10_000 == 0 {
                assert!(flood.admit(FORM, flooder, 1, 0).is_err(), "{n}");
            }
        }
        let all = flood.generations.lock();
        assert!(all.young.len() + all.old.len() <= REMEMBERED_MAX);
    }
}
