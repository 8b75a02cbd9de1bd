//! How an attempt spent its time, over what connection, and which headers came back.
//!
//! Measured by egress, packed by the engine, kept by the store with the attempt.
//!
//! **Invariant:** reading never fails: what another version wrote, or what is broken, is as if nothing were kept.

use bytes::Bytes;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How long each stage took, in microseconds. `None`: not needed, or not reached. A stage in which the attempt ended has the
/// time until then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// Looking the name up.
    pub dns_us: Option<u64>,
    /// TCP, over all addresses that were tried; through a proxy, until it has opened the tunnel.
    pub connect_us: Option<u64>,
    pub tls_us: Option<u64>,
    /// From the last byte of the request to the head of the response. Over HTTP/2, from when the request was handed over.
    pub first_byte_us: Option<u64>,
    /// From the head to the end of the body, or to where it was no longer waited for. The verdict doesn't wait for it, so
    /// that it is not in the attempt's duration.
    pub body_us: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    Http10,
    Http11,
    Http2,
}

impl HttpVersion {
    const ALL: [HttpVersion; 3] = [HttpVersion::Http10, HttpVersion::Http11, HttpVersion::Http2];

    /// `1.1`
    pub fn text(self) -> &'static str {
        match self {
            HttpVersion::Http10 => "1.0",
            HttpVersion::Http11 => "1.1",
            HttpVersion::Http2 => "2",
        }
    }
    fn code(self) -> u8 {
        match self {
            HttpVersion::Http10 => 1,
            HttpVersion::Http11 => 2,
            HttpVersion::Http2 => 3,
        }
    }
}

/// Headers of a response: lines `name: value\r\n`, the values as they came. Secrets of the receiver are masked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderLines {
    lines: Bytes,
    /// There were more than are kept.
    pub is_cut: bool,
}

impl HeaderLines {
    /// What stands in for a value that nobody but the receiver is to know.
    pub const MASK: &'static str = "***";

    /// Keeps whole lines, of at most `limit` bytes together. What explains an answer comes first, so that it is kept
    /// before what fills the room; the others in the order given. Names are lower-case.
    pub fn collect<'a, I>(headers: impl Fn() -> I, limit: usize) -> HeaderLines
    where
        I: Iterator<Item = (&'a str, &'a [u8])>,
    {
        let (mut lines, mut is_cut) = (Vec::new(), false);
        let is_first = |name: &str| matches!(name, "location" | "retry-after");
        let first = headers().filter(|(name, _)| is_first(name));
        for (name, value) in first.chain(headers().filter(|(name, _)| !is_first(name))) {
            let value = if name == "set-cookie" { Self::MASK.as_bytes() } else { value };
            if lines.len() + name.len() + value.len() + 4 > limit {
                is_cut = true;
                continue;
            }
            lines.extend_from_slice(name.as_bytes());
            lines.extend_from_slice(b": ");
            lines.extend_from_slice(value);
            lines.extend_from_slice(b"\r\n");
        }
        HeaderLines { lines: Bytes::from(lines), is_cut }
    }

    pub fn lines(&self) -> &Bytes {
        &self.lines
    }
    /// Pairs of name and value; a name as often as it came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.lines.split(|b| *b == b'\n').filter_map(|line| {
            let line = line.strip_suffix(b"\r")?;
            let end = line.windows(2).position(|two| two == b": ")?;
            Some((std::str::from_utf8(line.get(..end)?).ok()?, line.get(end + 2..)?))
        })
    }
    /// The first value under a name, which is lower-case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }
}

/// What is known of an attempt beside what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptDetail {
    pub stages: Stages,
    /// The request went over a connection that an earlier one had opened.
    pub reused: bool,
    /// Of the response.
    pub http_version: Option<HttpVersion>,
    /// What was dialled, last of all that were tried; never an address that the guard refused. Through a proxy, the proxy's.
    /// For operators only: tenants could map a network by it.
    pub peer: Option<SocketAddr>,
    /// `None`: not kept.
    pub headers: Option<HeaderLines>,
}

const VERSION: u8 = 1;
const REUSED: u8 = 1;
const PEER_V4: u8 = 1 << 1;
const PEER_V6: u8 = 1 << 2;
const HEADERS: u8 = 1 << 3;
const HEADERS_CUT: u8 = 1 << 4;
/// Bits 5 and 6 hold the HTTP version.
const HTTP_SHIFT: u8 = 5;
/// Of an attempt without headers, at most: three bytes, five numbers, an address and a port.
const PACKED_MAX: usize = 3 + 5 * 10 + 16 + 3;

impl AttemptDetail {
    /// A few bytes for a database; none if nothing is known.
    ///
    /// Version 1:
    /// ```text
    /// u8      1: the version
    /// u8      flags: bit 0 reused, 1 IPv4 peer, 2 IPv6 peer, 3 headers kept, 4 headers cut,
    ///         5-6 HTTP version (0 unknown, 1 1.0, 2 1.1, 3 2)
    /// u8      which stages follow, from bit 0: dns, connect, tls, first byte, body
    /// varint  microseconds, for each of these stages
    /// 4 or 16 bytes, then varint: address and port of the peer, if there is one
    /// rest    the lines of headers, if they were kept
    /// ```
    /// A varint has seven bits in each byte, the lowest first; the highest bit says that another byte follows.
    pub fn pack(&self) -> Vec<u8> {
        if *self == AttemptDetail::default() {
            return Vec::new();
        }
        let lines = self.headers.as_ref().map_or(&[][..], |h| &h.lines);
        let mut out = Vec::with_capacity(PACKED_MAX + lines.len());
        let peer = match self.peer {
            None => 0,
            Some(SocketAddr::V4(_)) => PEER_V4,
            Some(SocketAddr::V6(_)) => PEER_V6,
        };
        let kept = match &self.headers {
            None => 0,
            Some(h) => HEADERS | if h.is_cut { HEADERS_CUT } else { 0 },
        };
        let http = self.http_version.map_or(0, HttpVersion::code) << HTTP_SHIFT;
        let stages = self.stages.all();
        let present = stages.iter().rev().fold(0u8, |bits, us| bits << 1 | u8::from(us.is_some()));
        out.extend([VERSION, if self.reused { REUSED } else { 0 } | peer | kept | http, present]);
        for us in stages.into_iter().flatten() {
            write_varint(&mut out, us);
        }
        if let Some(peer) = self.peer {
            match peer.ip() {
                IpAddr::V4(ip) => out.extend(ip.octets()),
                IpAddr::V6(ip) => out.extend(ip.octets()),
            }
            write_varint(&mut out, u64::from(peer.port()));
        }
        out.extend_from_slice(lines);
        out
    }

    /// `None` for what is empty, broken, or of another version.
    pub fn unpack(bytes: &[u8]) -> Option<AttemptDetail> {
        let ([VERSION, flags, present], mut rest) = bytes.split_first_chunk::<3>()? else { return None };
        let rest = &mut rest;
        let mut us = [None; 5];
        for (i, slot) in us.iter_mut().enumerate() {
            if present >> i & 1 == 1 {
                *slot = Some(read_varint(rest)?);
            }
        }
        let ip = match flags & (PEER_V4 | PEER_V6) {
            0 => None,
            PEER_V4 => Some(IpAddr::V4(Ipv4Addr::from(cut::<4>(rest)?))),
            PEER_V6 => Some(IpAddr::V6(Ipv6Addr::from(cut::<16>(rest)?))),
            _ => return None,
        };
        let peer = match ip {
            Some(ip) => Some(SocketAddr::new(ip, u16::try_from(read_varint(rest)?).ok()?)),
            None => None,
        };
        let http = flags >> HTTP_SHIFT & 3;
        let is_kept = flags & HEADERS != 0;
        Some(AttemptDetail {
            stages: Stages::of(us),
            reused: flags & REUSED != 0,
            http_version: HttpVersion::ALL.into_iter().find(|v| v.code() == http),
            peer,
            headers: is_kept
                .then(|| HeaderLines { lines: Bytes::copy_from_slice(rest), is_cut: flags & HEADERS_CUT != 0 }),
        })
    }
}

impl Stages {
    fn all(self) -> [Option<u64>; 5] {
        [self.dns_us, self.connect_us, self.tls_us, self.first_byte_us, self.body_us]
    }
    fn of([dns_us, connect_us, tls_us, first_byte_us, body_us]: [Option<u64>; 5]) -> Stages {
        Stages { dns_us, connect_us, tls_us, first_byte_us, body_us }
    }
}

fn write_varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn read_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut n = 0u64;
    for shift in (0..64).step_by(7) {
        let [byte] = cut::<1>(rest)?;
        n |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(n);
        }
    }
    None
}

fn cut<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept(headers: &[(&str, &str)], limit: usize) -> HeaderLines {
        HeaderLines::collect(|| headers.iter().map(|(n, v)| (*n, v.as_bytes())), limit)
    }

    fn details() -> impl Strategy<Value = AttemptDetail> {
        let us = || prop::option::of(prop_oneof![0u64..300_000, any::<u64>()]);
        let version = prop::option::of(prop::sample::select(HttpVersion::ALL.to_vec()));
        let header = ("[a-z][a-z-]{0,12}", prop::collection::vec(0x20u8..=0xff, 0..40));
        let headers = prop::option::of((prop::collection::vec(header, 0..8), 0usize..400));
        (us(), us(), us(), us(), us(), any::<bool>(), version, any::<Option<SocketAddr>>(), headers).prop_map(
            |(dns, connect, tls, first, body, reused, http_version, peer, headers)| AttemptDetail {
                stages: Stages::of([dns, connect, tls, first, body]),
                reused,
                http_version,
                peer: peer.map(|p| SocketAddr::new(p.ip(), p.port())),
                headers: headers
                    .map(|(all, limit)| HeaderLines::collect(|| all.iter().map(|(n, v)| (n.as_str(), &v[..])), limit)),
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_packed_is_read_back_and_a_part_of_it_is_nothing_or_less(detail in details()) {
            let packed = detail.pack();
            if packed.is_empty() {
                prop_assert_eq!(detail, AttemptDetail::default());
                return Ok(());
            }
            prop_assert_eq!(AttemptDetail::unpack(&packed), Some(detail.clone()));
            let lines = detail.headers.map_or(0, |h| h.lines.len());
            for end in 0..packed.len() - lines {
                prop_assert_eq!(AttemptDetail::unpack(&packed[..end]), None);
            }
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Some(detail) = AttemptDetail::unpack(&bytes) {
                prop_assert_eq!(bytes[0], VERSION);
                for (name, value) in detail.headers.iter().flat_map(|h| h.iter()) {
                    prop_assert!(name.len() + value.len() < bytes.len());
                }
            }
        }

        #[test]
        fn lines_stay_within_the_limit_and_say_what_is_missing(
            headers in prop::collection::vec(("[a-z]{1,9}", "[ -~]{0,30}"), 0..9),
            limit in 0usize..200,
        ) {
            let pairs: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let lines = kept(&pairs, limit);
            prop_assert!(lines.lines().len() <= limit);
            prop_assert_eq!(lines.is_cut, lines.iter().count() < pairs.len());
        }
    }

    #[test]
    fn an_ordinary_attempt_takes_a_dozen_bytes() {
        let stages = Stages { first_byte_us: Some(11_000), body_us: Some(90), ..Stages::default() };
        let peer = Some("203.0.113.9:443".parse().unwrap());
        let detail =
            AttemptDetail { stages, reused: true, http_version: Some(HttpVersion::Http11), peer, headers: None };
        assert_eq!(detail.pack(), [1, 0x43, 0x18, 0xf8, 0x55, 90, 203, 0, 113, 9, 0xbb, 3]);
    }

    #[test]
    fn another_version_is_as_if_nothing_were_kept() {
        let mut packed = AttemptDetail { reused: true, ..AttemptDetail::default() }.pack();
        assert!(AttemptDetail::unpack(&packed).is_some());
        for version in (0..=255).filter(|v| *v != VERSION) {
            packed[0] = version;
            assert_eq!(AttemptDetail::unpack(&packed), None);
        }
        assert_eq!(AttemptDetail::unpack(&[]), None);
    }

    #[test]
    fn cookies_are_masked_and_what_explains_the_answer_is_kept_first() {
        let all = [
            ("server", "nginx"),
            ("set-cookie", "sid=secret"),
            ("retry-after", "30"),
            ("set-cookie", "b=2"),
            ("x-long", &"x".repeat(100)),
            ("location", "/there"),
        ];
        let lines = kept(&all, 2048);
        assert!(!lines.is_cut);
        assert_eq!(lines.get("location"), Some(&b"/there"[..]));
        assert_eq!(lines.get("none"), None);
        let cookies: Vec<_> = lines.iter().filter(|(n, _)| *n == "set-cookie").map(|(_, v)| v).collect();
        assert_eq!(cookies, [b"***", b"***"]);
        let few = kept(&all, 55);
        assert!(few.is_cut);
        assert_eq!(&few.lines()[..], b"retry-after: 30\r\nlocation: /there\r\nserver: nginx\r\n");
        assert_eq!(kept(&all, 0).iter().count(), 0);
        assert_eq!(kept(&[], 0), HeaderLines::default());
    }
}
