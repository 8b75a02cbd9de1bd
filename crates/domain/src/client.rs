//! Who sent a request that came through proxies.
//!
//! Used by whatever names an address: pages, the audit log, what is received, limits. **Invariant:** pure; a forwarding header
//! counts only from a trusted proxy, and of its list only what trusted proxies added.

use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The header that proxies add the address to that they were reached from.
pub const FORWARDED_FOR: &str = "x-forwarded-for";

/// Whether an address is in a list. An IPv4 address may be written as an IPv6 one.
pub fn is_in(list: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    list.iter().any(|net| net.contains(&address))
}

/// The nearest address that is no trusted proxy. `peer` is the other end of the connection, `forwarded` the values of its
/// `X-Forwarded-For` headers in their order.
pub fn client_address<'a>(
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'a [u8]>,
    trusted: &[IpNet],
) -> IpAddr {
    let mut nearest = peer.to_canonical();
    if trusted.is_empty() || !is_in(trusted, nearest) {
        return nearest;
    }
    // Each proxy adds the address that it was reached from at the right end.
    for line in forwarded.rev() {
        let Ok(line) = str::from_utf8(line) else { return nearest };
        for item in line.rsplit(',') {
            let Some(address) = address(item.trim()) else { return nearest };
            nearest = address;
            if !is_in(trusted, nearest) {
                return nearest;
            }
        }
    }
    nearest
}

/// An address, perhaps with a port (Azure adds one), perhaps in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    parsed.ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, forwarded: &[&str], want: &str) {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let got = client_address(peer.parse().unwrap(), forwarded.iter().map(|line| line.as_bytes()), &trusted);
        assert_eq!(got, want.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
    }

    #[test]
    fn the_sender_is_the_nearest_address_that_is_no_trusted_proxy() {
        from("10.0.0.1", &[], "10.0.0.1");
        from("10.0.0.1", &["203.0.113.7"], "203.0.113.7");
        from("10.0.0.1", &["203.0.113.7, 10.2.3.4"], "203.0.113.7");
        from("::ffff:10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1");
        from("fd00::1", &["203.0.113.7:1234"], "203.0.113.7");
        from("10.0.0.1", &["10.9.9.9, 10.8.8.8"], "10.9.9.9");
    }

    #[test]
    fn a_spoofed_forwarded_for_changes_nothing() {
        from("198.51.100.1", &["203.0.113.7"], "198.51.100.1");
        from("10.0.0.1", &["192.0.2.66, 203.0.113.7"], "203.0.113.7");
        from("10.0.0.1", &["192.0.2.66", "203.0.113.7"], "203.0.113.7");
        from("10.0.0.1", &["192.0.2.66, garbage, 10.1.1.1"], "10.1.1.1");
        from("10.0.0.1", &["é"], "10.0.0.1");
    }
}
