//! Who came: what the head of a click or a submission says of its visitor.
//!
//! **Invariant:** no address leaves this module, only a hash of it that nobody can repeat after the day; a visitor who asks
//! not to be tracked is not.
#![allow(dead_code)]

use domain::Timestamp;
use http::request::Parts;
use std::net::IpAddr;

/// What the hot path takes along of a request: bounded copies, nothing is parsed yet.
#[derive(Clone, Debug)]
pub(crate) struct RawVisit {
    pub at: Timestamp,
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
    pub fn of(_parts: &Parts, remote: IpAddr, at: Timestamp) -> RawVisit {
        RawVisit { at, remote, user_agent: None, referer: None, query: None, do_not_track: false, prefetch: false }
    }
}

/// A visit, read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visit {
    pub bot: bool,
    /// `desktop`, `phone`, `tablet`, `tv`, `console`, `other`.
    pub device: Option<&'static str>,
    pub os: Option<Box<str>>,
    pub browser: Option<Box<str>>,
    /// The referring page, legible, without its query and fragment; `None` when there is none or it is no http(s) URL.
    pub referrer: Option<String>,
    pub referrer_host: Option<String>,
    pub utm: Utm,
    /// ISO 3166-1 alpha-2.
    pub country: Option<Box<str>>,
    /// A hash of address and user agent under the day's salt.
    pub visitor: Option<u64>,
    pub do_not_track: bool,
}

/// Campaign parameters: of the request's query, else of the target's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Utm {
    pub source: Option<String>,
    pub medium: Option<String>,
    pub campaign: Option<String>,
    pub term: Option<String>,
    pub content: Option<String>,
}

/// Reads visits. Remembers what user agents are.
#[derive(Default)]
pub(crate) struct Visits {}

impl Visits {
    /// `salt` is the day's ([`store::Store::visitor_salt`]); `target` the URL that a link leads to.
    pub fn read(&self, raw: &RawVisit, salt: &[u8; 16], _target: Option<&str>) -> Visit {
        let _ = salt;
        Visit { do_not_track: raw.do_not_track, ..Visit::default() }
    }
}
