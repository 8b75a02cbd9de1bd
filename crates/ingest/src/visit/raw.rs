//! What the hot path keeps of a request's head.
//!
//! **Invariant:** nothing is parsed and nothing is longer than its bound, so that a redirect costs a few copies.

use super::agent::USER_AGENT_MAX;
use http::header::{HeaderName, REFERER, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, Method};
use std::net::IpAddr;

const REFERER_MAX: usize = 1_024;
const QUERY_MAX: usize = 1_024;

const DNT: HeaderName = HeaderName::from_static("dnt");
/// <https://w3c.github.io/gpc/#the-sec-gpc-header-field-for-http-requests>
const GPC: HeaderName = HeaderName::from_static("sec-gpc");
/// `Sec-Purpose` is the Fetch standard's; the others are what browsers sent before it.
const PURPOSES: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];

/// What the hot path takes along of a request: bounded copies, nothing is parsed yet.
#[derive(Clone, Debug)]
pub(crate) struct RawVisit {
    pub remote: IpAddr,
    /// 512 bytes at most.
    pub user_agent: Option<Box<[u8]>>,
    /// 1,024 bytes at most.
    pub referer: Option<Box<[u8]>>,
    /// 1,024 bytes at most.
    pub query: Option<Box<str>>,
    /// `DNT: 1` or `Sec-GPC: 1`.
    pub do_not_track: bool,
    /// `Sec-Purpose`, `Purpose` or `X-Moz` say that a browser fetched ahead, or the method is HEAD: no person saw it.
    pub prefetch: bool,
}

impl RawVisit {
    /// `remote` is the visitor's address, as `origin::remote` finds it.
    pub fn of(parts: &Parts, remote: IpAddr) -> RawVisit {
        let headers = &parts.headers;
        let says_one = |name| headers.get(name).is_some_and(|value| value.as_bytes() == b"1");
        RawVisit {
            remote,
            user_agent: copy(headers, USER_AGENT, USER_AGENT_MAX),
            referer: copy(headers, REFERER, REFERER_MAX),
            query: parts.uri.query().map(|query| cut(query, QUERY_MAX)).filter(|q| !q.is_empty()).map(Box::from),
            do_not_track: says_one(DNT) || says_one(GPC),
            prefetch: parts.method == Method::HEAD || PURPOSES.iter().any(|name| is_ahead(headers, name)),
        }
    }
}

fn copy(headers: &HeaderMap, name: HeaderName, max: usize) -> Option<Box<[u8]>> {
    let bytes = headers.get(name)?.as_bytes();
    let bytes = bytes.get(..max).unwrap_or(bytes);
    (!bytes.is_empty()).then(|| bytes.into())
}

/// The beginning of `text`, in whole characters.
pub(super) fn cut(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or(text)
}

/// `prefetch`, `prefetch;prerender`, `preview` (Safari's page of favourites).
fn is_ahead(headers: &HeaderMap, name: &HeaderName) -> bool {
    let Some(value) = headers.get(name) else { return false };
    let value = value.as_bytes().trim_ascii_start();
    ["prefetch", "prerender", "preview"]
        .iter()
        .any(|word| value.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word.as_bytes())))
}
