//! Where a request came from, and to which URL: what providers sign, and what address lists judge.
//!
//! **Invariant:** pure; a forwarding header counts only from a trusted proxy, and of a list only what trusted proxies added.

use domain::client::{FORWARDED_FOR, is_in};
use http::HeaderMap;
use http::header::{HOST, HeaderName};
use http::uri::Uri;
use ipnet::IpNet;
use std::net::IpAddr;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Who sent it: the nearest address that is no trusted proxy.
pub(crate) fn remote(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let forwarded = headers.get_all(FORWARDED_FOR).iter().map(|value| value.as_bytes());
    domain::client_address(peer, forwarded, trusted)
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
