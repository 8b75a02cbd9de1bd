//! What receiving needs to know: a source as the hot path sees it, its options, and the head of a captured request.
//!
//! **Invariant:** a head is written once, as the bytes that are stored; reading it copies nothing and refuses what it
//! did not write.

use crate::ids::{AppId, OrgId, SourceId};
use crate::time::Timestamp;
use crate::{head_v1, header_names};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a source does with requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceState {
    #[default]
    Live,
    /// Verifies, stores and answers; forwards once it is live again.
    Paused,
    /// Refuses everything, stores nothing.
    Disabled,
}

impl SourceState {
    pub fn code(self) -> i64 {
        match self {
            SourceState::Live => 0,
            SourceState::Paused => 1,
            SourceState::Disabled => 2,
        }
    }
    pub fn from_code(code: i64) -> Option<Self> {
        [SourceState::Live, SourceState::Paused, SourceState::Disabled].into_iter().find(|s| s.code() == code)
    }
}

/// A source as the hot path sees it. Immutable; a change makes a new value.
#[derive(Debug)]
pub struct SourceRoute {
    pub org: OrgId,
    pub source: SourceId,
    /// Whose endpoints its requests are forwarded to.
    pub app: AppId,
    /// The wire's `type`: `github`, `generic-webhook`.
    pub kind: Box<str>,
    pub state: SourceState,
    /// An inspector without verification; it makes messages only where it forwards.
    pub is_bin: bool,
    /// Makes messages of its requests.
    pub forwards: bool,
    /// JSON object with the secrets, sealed under [`source_config_aad`].
    pub config_sealed: Box<[u8]>,
    pub options: SourceOptions,
    /// Refuses everything from then on.
    pub expires_at: Option<Timestamp>,
}

/// What binds a sealed configuration to its source: the label, then the source's number, big-endian.
pub fn source_config_aad(source: SourceId) -> [u8; 21] {
    let mut bytes = b"source-config".iter().copied().chain(source.0.to_be_bytes());
    std::array::from_fn(|_| bytes.next().unwrap_or_default())
}

/// How requests become messages and what they are answered: the part of a source's configuration that is no secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceOptions {
    pub delivery: DeliveryMode,
    pub response: ResponseOptions,
    pub dedup: DedupOptions,
    /// Where the event type comes from, instead of the provider's own rule: `header:X`, `json:/pointer`, `query:x` or
    /// `text:order.created`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// The URL that the provider signs, where it isn't the one that requests come to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_url: Option<String>,
    /// Bytes of a body at most, below the installation's limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_limit: Option<u64>,
    /// Newest requests that are kept; older ones are deleted. `None` keeps all until they expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_kept: Option<u32>,
    /// Milliseconds that the answer is held back, 0..=30000.
    pub delay_ms: u32,
    /// Share of requests that are answered 500, 0..=100 per cent.
    pub failure_rate: u8,
}

/// How a source's messages are delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryMode {
    /// The original method, query, headers and bytes.
    #[default]
    PassThrough,
    /// `POST` of a JSON envelope `{"type", "timestamp", "data"}`.
    Message,
}

/// The answer to an accepted request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseOptions {
    /// 200..=599. `None` is what the provider expects (200 mostly).
    pub status: Option<u16>,
    /// `None` is what the provider expects (nothing mostly).
    pub body: Option<String>,
    pub headers: BTreeMap<String, String>,
}

/// When a request is a duplicate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DedupOptions {
    pub by: DedupBy,
    /// For [`DedupBy::Fields`]: `header:X`, `json:/pointer`, `query:x`; all together make the key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Seconds that an event is remembered.
    pub window_seconds: u32,
}

/// Three days: the longest that Stripe and most others retry.
pub const DEDUP_WINDOW_S_DEFAULT: u32 = 3 * 86_400;

impl Default for DedupOptions {
    fn default() -> Self {
        DedupOptions { by: DedupBy::default(), fields: Vec::new(), window_seconds: DEDUP_WINDOW_S_DEFAULT }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DedupBy {
    /// The provider's event id, else a hash of method, target and body.
    #[default]
    Provider,
    /// A hash of the body.
    Body,
    /// A hash of chosen fields.
    Fields,
    /// Nothing is a duplicate.
    Nothing,
}

/// One captured request but for its body, as it is stored:
/// `[flags u8][ip length][ip][method length][method][target length][target]` and for each header
/// `[name][value length][value]`, where a name is `[its number u8]`, or `[255][length][name]` if it has none (see
/// `header_names`). Lengths are LEB128: seven bits a byte, the lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    encoded: Bytes,
    method: (u32, u32),
    target: (u32, u32),
    headers: u32,
}

/// Bytes that are no head, or parts that are too long for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the head of a request")]
pub struct HeadError;

const PASS_THROUGH: u8 = 1;
/// Absent from heads that were stored before names had numbers.
const NUMBERED: u8 = 2;
/// Before a name that has no number.
const NAMED: u8 = 255;

impl RequestHead {
    /// `target` is what followed the source's token, raw: `/sub/path?query`, or nothing. Header names are lower case.
    pub fn new<'a>(
        method: &str,
        target: &str,
        remote: IpAddr,
        pass_through: bool,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, HeadError> {
        let mut out = Vec::with_capacity(1024);
        out.push(if pass_through { NUMBERED | PASS_THROUGH } else { NUMBERED });
        match remote {
            IpAddr::V4(ip) => part(&mut out, &ip.octets()),
            IpAddr::V6(ip) => part(&mut out, &ip.octets()),
        };
        let method = part(&mut out, method.as_bytes());
        let target = part(&mut out, target.as_bytes());
        let start = out.len();
        for (name, value) in headers {
            match header_names::code(name) {
                Some(code) => out.push(code),
                None => {
                    out.push(NAMED);
                    part(&mut out, name.as_bytes());
                }
            }
            part(&mut out, value);
        }
        let at = |n: usize| u32::try_from(n).map_err(|_| HeadError);
        let piece = |(from, to): (usize, usize)| Ok((at(from)?, at(to)?));
        at(out.len())?;
        Ok(RequestHead {
            method: piece(method)?,
            target: piece(target)?,
            headers: at(start)?,
            encoded: Bytes::from(out),
        })
    }

    /// Reads what [`encoded`](Self::encoded) gave.
    pub fn read(encoded: Bytes) -> Result<Self, HeadError> {
        let flags = encoded.first().copied().unwrap_or_default();
        if flags & NUMBERED == 0 {
            return head_v1::read(&encoded, flags & PASS_THROUGH != 0);
        }
        let mut at = Cut { all: &encoded, at: 1 };
        let ip = at.take()?;
        if !matches!(at.len(ip)?, 4 | 16) {
            return Err(HeadError);
        }
        let method = at.take()?;
        let target = at.take()?;
        let headers = u32::try_from(at.at).map_err(|_| HeadError)?;
        while at.at < encoded.len() {
            at.name()?;
            at.take()?;
        }
        at.text(method)?;
        at.text(target)?;
        Ok(RequestHead { method, target, headers, encoded })
    }

    pub fn encoded(&self) -> &Bytes {
        &self.encoded
    }
    pub fn method(&self) -> &str {
        self.piece(self.method)
    }
    /// What followed the source's token: `/sub/path?query`, or nothing.
    pub fn target(&self) -> &str {
        self.piece(self.target)
    }
    /// The query, raw, without its `?`.
    pub fn query(&self) -> Option<&str> {
        self.target().split_once('?').map(|(_, query)| query)
    }
    /// Whether messages made of it are delivered as it came.
    pub fn pass_through(&self) -> bool {
        self.encoded.first().is_some_and(|flags| flags & PASS_THROUGH != 0)
    }
    /// Who sent it, behind trusted proxies what they say.
    pub fn remote(&self) -> IpAddr {
        let of = |from: usize, to: usize| self.encoded.get(from..to);
        match self.encoded.get(1) {
            Some(4) => of(2, 6).and_then(|o| <[u8; 4]>::try_from(o).ok()).map(|o| IpAddr::V4(Ipv4Addr::from(o))),
            _ => of(2, 18).and_then(|o| <[u8; 16]>::try_from(o).ok()).map(|o| IpAddr::V6(Ipv6Addr::from(o))),
        }
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
    /// Names in lower case and values as they came, in order (values of one name together).
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut at = Cut { all: &self.encoded, at: self.headers as usize };
        std::iter::from_fn(move || {
            let name = at.name().ok()?;
            let (from, to) = at.take().ok()?;
            Some((name, at.all.get(from as usize..to as usize)?))
        })
    }
    /// The first value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    fn piece(&self, (from, to): (u32, u32)) -> &str {
        let bytes = self.encoded.get(from as usize..to as usize);
        bytes.and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }
}

/// Appends a length and what it measures; returns where that lies.
fn part(out: &mut Vec<u8>, bytes: &[u8]) -> (usize, usize) {
    let mut len = bytes.len();
    while len > 0x7f {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    let from = out.len();
    out.extend_from_slice(bytes);
    (from, out.len())
}

struct Cut<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Cut<'a> {
    fn byte(&mut self) -> Result<u8, HeadError> {
        let byte = *self.all.get(self.at).ok_or(HeadError)?;
        self.at += 1;
        Ok(byte)
    }
    /// Reads a length and goes past what it measures; returns where that lies.
    fn take(&mut self) -> Result<(u32, u32), HeadError> {
        let mut len = 0usize;
        // Five bytes have more bits than a length.
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            len |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let from = self.at;
                let to = from.checked_add(len).filter(|to| *to <= self.all.len()).ok_or(HeadError)?;
                self.at = to;
                return Ok((u32::try_from(from).map_err(|_| HeadError)?, u32::try_from(to).map_err(|_| HeadError)?));
            }
        }
        Err(HeadError)
    }
    fn name(&mut self) -> Result<&'a str, HeadError> {
        match self.byte()? {
            NAMED => {
                let name = self.take()?;
                self.text(name)
            }
            code => header_names::name(code).ok_or(HeadError),
        }
    }
    fn len(&self, (from, to): (u32, u32)) -> Result<u32, HeadError> {
        to.checked_sub(from).ok_or(HeadError)
    }
    fn text(&self, (from, to): (u32, u32)) -> Result<&'a str, HeadError> {
        let bytes = self.all.get(from as usize..to as usize).ok_or(HeadError)?;
        std::str::from_utf8(bytes).map_err(|_| HeadError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_head_survives_its_bytes(
            method in "[A-Z]{1,12}", target in "(/[ -~]{0,40})?", v6: bool, pass_through: bool,
            headers in prop::collection::vec(("[a-z-]{1,20}|host|cookie|x-request-id|x{200}", prop::collection::vec(any::<u8>(), 0..60)), 0..20),
        ) {
            let remote: IpAddr = if v6 { "2001:db8::7".parse().unwrap() } else { "192.0.2.7".parse().unwrap() };
            let pairs = || headers.iter().map(|(n, v)| (n.as_str(), v.as_slice()));
            let made = RequestHead::new(&method, &target, remote, pass_through, pairs()).unwrap();
            let read = RequestHead::read(made.encoded().clone()).unwrap();
            prop_assert_eq!(&made, &read);
            prop_assert_eq!((read.method(), read.target(), read.remote()), (&*method, &*target, remote));
            prop_assert_eq!(read.pass_through(), pass_through);
            prop_assert!(read.headers().eq(pairs()));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(head) = RequestHead::read(Bytes::from(bytes)) {
                let _ = (head.method(), head.target(), head.remote(), head.headers().count());
            }
        }
    }

    #[test]
    fn a_truncated_head_is_refused() {
        let headers = [("host", &b"example.com"[..])];
        let whole = RequestHead::new("POST", "/a?b", "192.0.2.7".parse().unwrap(), true, headers.into_iter()).unwrap();
        let end_of_target = whole.headers as usize;
        for to in (0..whole.encoded().len()).filter(|to| *to != end_of_target) {
            assert_eq!(RequestHead::read(whole.encoded().slice(..to)), Err(HeadError), "{to}");
        }
    }

    #[test]
    fn options_are_empty_by_default_and_keep_what_they_say() {
        let none: SourceOptions = serde_json::from_str("{}").unwrap();
        assert_eq!(none, SourceOptions::default());
        let text = r#"{"delivery":"message","dedup":{"by":"fields","fields":["header:x"],"windowSeconds":60}}"#;
        let some: SourceOptions = serde_json::from_str(text).unwrap();
        assert_eq!(
            (some.delivery, some.dedup.by, some.dedup.window_seconds),
            (DeliveryMode::Message, DedupBy::Fields, 60)
        );
        let again: SourceOptions = serde_json::from_str(&serde_json::to_string(&some).unwrap()).unwrap();
        assert_eq!(again, some);
    }

    #[test]
    fn a_sealed_configuration_is_bound_to_its_source() {
        assert_eq!(source_config_aad(SourceId(258)), *b"source-config\0\0\0\0\0\0\x01\x02");
    }
}
