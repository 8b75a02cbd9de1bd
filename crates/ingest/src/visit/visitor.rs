//! Telling visitors apart within a day, without knowing who they are.
//!
//! **Invariant:** without the day's salt a hash can't be traced to an address, nor to the same visitor's hash of another day.

use siphasher::sip::SipHasher24;
use std::hash::Hasher;
use std::net::IpAddr;

/// SipHash-2-4 of address and user agent. Of an IPv6 address counts the network: its lower half changes by the day.
pub(super) fn hash(salt: &[u8; 16], address: IpAddr, user_agent: Option<&[u8]>) -> u64 {
    let mut hasher = SipHasher24::new_with_key(salt);
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            hasher.write(b"4");
            hasher.write(&v4.octets());
        }
        IpAddr::V6(v6) => {
            let network = v6.to_bits() >> 64;
            hasher.write(b"6");
            hasher.write(&network.to_be_bytes());
        }
    }
    hasher.write(user_agent.unwrap_or_default());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(salt: u8, address: &str, user_agent: &str) -> u64 {
        hash(&[salt; 16], address.parse().unwrap(), Some(user_agent.as_bytes()))
    }

    #[test]
    fn the_same_visitor_has_the_same_hash_for_a_day() {
        assert_eq!(of(1, "203.0.113.7", "a"), of(1, "::ffff:203.0.113.7", "a"));
        assert_eq!(of(1, "2001:db8::1", "a"), of(1, "2001:db8::ffff:2", "a"));
        let others = [of(2, "203.0.113.7", "a"), of(1, "203.0.113.8", "a"), of(1, "203.0.113.7", "b")];
        assert!(!others.contains(&of(1, "203.0.113.7", "a")));
        assert_ne!(of(1, "2001:db8::1", "a"), of(1, "2001:db8:0:1::1", "a"));
    }
}
