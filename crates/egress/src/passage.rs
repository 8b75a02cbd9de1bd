//! A request that is passed through: the original's method, query and headers, with the endpoint's on top.
//!
//! **Invariant:** what belongs to one connection (framing, hop-by-hop headers, the host) is never taken over, so an
//! original can't change where a request goes or where it ends.

use domain::RequestHead;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Uri};

/// Headers of the original that end with its connection (RFC 9110, section 7.6.1), or that describe bytes and places
/// which are this side's.
const NOT_PASSED: [&str; 15] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];
/// Who sent the original, after those who forwarded it before.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The original's method. `CONNECT` means something to connections only, and is sent as `POST`.
pub(crate) fn method(head: &RequestHead) -> Method {
    Method::from_bytes(head.method().as_bytes()).ok().filter(|m| *m != Method::CONNECT).unwrap_or(Method::POST)
}

/// `uri` with the original's query after its own.
pub(crate) fn uri(uri: &Uri, head: &RequestHead) -> Option<Uri> {
    let Some(query) = head.query().filter(|q| !q.is_empty()) else { return Some(uri.clone()) };
    let own = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let joint = if uri.query().is_some() { '&' } else { '?' };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{own}{joint}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

/// The original's headers that are passed on. `own` are those of the endpoint and of this server; they win, but for the
/// content type and the user agent, which are the original's.
pub(crate) fn headers(head: &RequestHead, own: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(32);
    if let Some(host) = own.get(header::HOST) {
        headers.insert(header::HOST, host.clone());
    }
    let named: Vec<String> = head
        .headers()
        .filter(|(name, _)| *name == "connection")
        .filter_map(|(_, value)| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    for (name, value) in head.headers() {
        if NOT_PASSED.contains(&name) || named.iter().any(|n| n == name) {
            continue;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let from = head.remote().to_string();
    let before = headers.get(FORWARDED_FOR).and_then(|v| v.to_str().ok());
    let chain = before.map_or(from.clone(), |before| format!("{before}, {from}"));
    if let Ok(chain) = HeaderValue::try_from(chain) {
        headers.insert(FORWARDED_FOR, chain);
    }
    for (name, value) in own {
        let is_originals = name == header::CONTENT_TYPE || name == header::USER_AGENT;
        if is_placeholder(value) || (is_originals && head.header(name.as_str()).is_some()) {
            continue;
        }
        headers.insert(name, value.clone());
    }
    if head.header("content-type").is_none() {
        headers.remove(header::CONTENT_TYPE);
    }
    headers
}

/// The courier's headers hold empty places for the signature.
fn is_placeholder(value: &HeaderValue) -> bool {
    value.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(target: &str, headers: &[(&str, &str)]) -> RequestHead {
        let remote = "192.0.2.7".parse().unwrap();
        let headers = headers.iter().map(|(n, v)| (*n, v.as_bytes()));
        RequestHead::new("PUT", target, remote, true, headers).unwrap()
    }

    #[test]
    fn the_originals_query_follows_the_endpoints_own() {
        let check = |base: &str, target: &str, want: &str| {
            assert_eq!(uri(&base.parse().unwrap(), &head(target, &[])).unwrap().to_string(), want);
        };
        check("/hook", "/sub?a=1&b=%20", "/hook?a=1&b=%20");
        check("/hook?k=v", "?a=1", "/hook?k=v&a=1");
        check("/hook?k=v", "/sub", "/hook?k=v");
        check("https://example.com/hook", "?a", "https://example.com/hook?a");
        check("/hook", "?", "/hook");
    }

    #[test]
    fn headers_of_a_connection_are_not_passed_and_the_endpoints_own_win() {
        let original = head(
            "",
            &[
                ("host", "in.example.com"),
                ("connection", "keep-alive, X-Hop"),
                ("x-hop", "1"),
                ("transfer-encoding", "chunked"),
                ("content-length", "5"),
                ("content-type", "text/xml"),
                ("x-twice", "a"),
                ("x-twice", "b"),
                ("authorization", "original"),
                ("x-forwarded-for", "198.51.100.1"),
            ],
        );
        let mut own = HeaderMap::new();
        own.insert(header::HOST, HeaderValue::from_static("app.example.com"));
        own.insert(header::AUTHORIZATION, HeaderValue::from_static("own"));
        own.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        own.insert("webhook-id", HeaderValue::from_static(""));
        let got = headers(&original, &own);
        let all = |name: &str| got.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(all("host"), ["app.example.com"]);
        assert_eq!(all("content-type"), ["text/xml"]);
        assert_eq!(all("x-twice"), ["a", "b"]);
        assert_eq!(all("authorization"), ["own"]);
        assert_eq!(all("x-forwarded-for"), ["198.51.100.1, 192.0.2.7"]);
        for gone in ["connection", "x-hop", "transfer-encoding", "content-length", "webhook-id"] {
            assert!(all(gone).is_empty(), "{gone}");
        }
    }

    #[test]
    fn a_connect_is_sent_as_a_post() {
        let remote = "192.0.2.7".parse().unwrap();
        let connect = RequestHead::new("CONNECT", "", remote, true, std::iter::empty()).unwrap();
        assert_eq!(method(&connect), Method::POST);
        assert_eq!(method(&head("", &[])), Method::PUT);
    }
}
