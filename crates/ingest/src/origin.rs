//! Where a request came from, and to which URL: what providers sign, and what address lists judge.
//!
//! **Invariant:** pure; a forwarding header counts only from a trusted proxy, and of a list only what trusted proxies added.

use http::HeaderMap;
use http::header::{HOST, HeaderName};
use http::uri::Uri;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Whether an address is in a list. An IPv4 address may be written as an IPv6 one.
pub(crate) fn is_in(list: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    list.iter().any(|net| net.contains(&address))
}

/// Who sent it: the nearest address that is no trusted proxy.
pub(crate) fn remote(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut nearest = peer.to_canonical();
    if trusted.is_empty() || !is_in(trusted, nearest) {
        return nearest;
    }
    // Each proxy adds the address that it was reached from at the right end.
    for line in headers.get_all(FORWARDED_FOR).iter().rev() {
        let Ok(line) = line.to_str() else { return nearest };
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

/// The URL that the provider sent to, and signed.
pub(crate) struct PublicUrl<'a> {
    /// What the source's owner says that it is.
    pub fixed: Option<&'a str>,
    /// Where the installation is reached from outside.
    pub base: Option<&'a str>,
    pub trusted: &'a [IpNet],
    pub peer: IpAddr,
}

impl PublicUrl<'_> {
    pub fn of(&self, uri: &Uri, headers: &HeaderMap) -> String {
        if let Some(fixed) = self.fixed {
            return match uri.query() {
                Some(query) if !fixed.contains('?') => format!("{fixed}?{query}"),
                _ => fixed.to_owned(),
            };
        }
        let path = uri.path_and_query().map_or("/", |p| p.as_str());
        if let Some(base) = self.base {
            return format!("{}{path}", base.trim_end_matches('/'));
        }
        let own = || match uri.authority() {
            Some(authority) => Some(authority.as_str()),
            None => headers.get(HOST).and_then(|v| v.to_str().ok()),
        };
        let (mut scheme, mut host) = ("http", None);
        if is_in(self.trusted, self.peer) {
            scheme = nearest(headers, &FORWARDED_PROTO).filter(|s| matches!(*s, "http" | "https")).unwrap_or(scheme);
            host = nearest(headers, &FORWARDED_HOST).filter(|host| is_host(host));
        }
        let host = host.or_else(|| own().filter(|host| is_host(host))).unwrap_or("localhost");
        format!("{scheme}://{host}{path}")
    }
}

/// The right-most item: the one that the nearest proxy wrote.
fn nearest<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let last = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next().map(str::trim)
}

fn is_host(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    !text.is_empty() && text.len() <= 300 && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        pairs.iter().map(pair).collect()
    }
    fn nets() -> Vec<IpNet> {
        vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]
    }

    fn from(peer: &str, forwarded: &[&str], want: &str) {
        let pairs: Vec<_> = forwarded.iter().map(|line| ("x-forwarded-for", *line)).collect();
        let got = remote(peer.parse().unwrap(), &headers(&pairs), &nets());
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

    fn to(fixed: Option<&str>, base: Option<&str>, peer: &str, pairs: &[(&'static str, &str)], uri: &str, want: &str) {
        let trusted = nets();
        let url = PublicUrl { fixed, base, trusted: &trusted, peer: peer.parse().unwrap() };
        assert_eq!(url.of(&uri.parse().unwrap(), &headers(pairs)), want);
    }

    #[test]
    fn the_signed_url_is_the_configured_one_before_any_header() {
        let forwarded = [("host", "inner:80"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "out.example")];
        let base = Some("https://hooks.example.com/");
        to(Some("https://a.example/x"), base, "10.0.0.1", &forwarded, "/in/t/s?q=1", "https://a.example/x?q=1");
        to(Some("https://a.example/x?z"), base, "10.0.0.1", &forwarded, "/in/t/s?q=1", "https://a.example/x?z");
        to(None, base, "10.0.0.1", &forwarded, "/in/t/%7Es?q=%2f&&", "https://hooks.example.com/in/t/%7Es?q=%2f&&");
        to(None, None, "10.0.0.1", &forwarded, "/in/t?", "https://out.example/in/t?");
    }

    #[test]
    fn forwarding_headers_count_from_trusted_proxies_only() {
        let forwarded = [("host", "me.example"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.example")];
        to(None, None, "198.51.100.1", &forwarded, "/in/t", "http://me.example/in/t");
        let listed = [("host", "h"), ("x-forwarded-proto", "http, https"), ("x-forwarded-host", "evil, out.example")];
        to(None, None, "10.0.0.1", &listed, "/in/t", "https://out.example/in/t");
        let bad = [("host", "a b"), ("x-forwarded-proto", "gopher"), ("x-forwarded-host", "e/vil")];
        to(None, None, "10.0.0.1", &bad, "/in/t", "http://localhost/in/t");
    }
}
