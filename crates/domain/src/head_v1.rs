//! Heads of requests as they were stored before names had numbers.
//!
//! **Invariant:** reads only; what it reads is written anew as [`crate::RequestHead`] writes it.

use crate::inbound::{HeadError, RequestHead};
use std::net::IpAddr;

/// `[flags u8][ip length u8][ip][method length u8][method][target length u32][target]` and for each header
/// `[name length u16][name][value length u32][value]`, numbers big-endian.
pub(crate) fn read(mut bytes: &[u8], pass_through: bool) -> Result<RequestHead, HeadError> {
    let all = &mut bytes;
    cut(all, 1)?;
    let ip = measured(all, 1)?;
    let remote = match (<[u8; 4]>::try_from(ip), <[u8; 16]>::try_from(ip)) {
        (Ok(v4), _) => IpAddr::from(v4),
        (_, Ok(v6)) => IpAddr::from(v6),
        _ => return Err(HeadError),
    };
    let method = text(measured(all, 1)?)?;
    let target = text(measured(all, 4)?)?;
    let mut headers = Vec::new();
    while !all.is_empty() {
        headers.push((text(measured(all, 2)?)?, measured(all, 4)?));
    }
    RequestHead::new(method, target, remote, pass_through, headers.into_iter())
}

fn cut<'a>(all: &mut &'a [u8], n: usize) -> Result<&'a [u8], HeadError> {
    let (cut, rest) = all.split_at_checked(n).ok_or(HeadError)?;
    *all = rest;
    Ok(cut)
}
fn measured<'a>(all: &mut &'a [u8], width: usize) -> Result<&'a [u8], HeadError> {
    let n = cut(all, width)?.iter().fold(0usize, |n, d| (n << 8) | usize::from(*d));
    cut(all, n)
}
fn text(bytes: &[u8]) -> Result<&str, HeadError> {
    std::str::from_utf8(bytes).map_err(|_| HeadError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn an_old_head_is_read_as_the_same_request() {
        let old = b"\x01\x04\xc0\x00\x02\x07\x04POST\x00\x00\x00\x04/a?b\x00\x04host\x00\x00\x00\x01x\x00\x01z\x00\x00\x00\x00";
        let read = RequestHead::read(Bytes::from_static(old)).unwrap();
        let headers = [("host", &b"x"[..]), ("z", b"")];
        let want = RequestHead::new("POST", "/a?b", [192, 0, 2, 7].into(), true, headers.into_iter()).unwrap();
        assert_eq!(read, want);
        for to in (0..old.len()).filter(|to| ![19, 30].contains(to)) {
            assert_eq!(RequestHead::read(Bytes::from_static(&old[..to])), Err(HeadError), "{to}");
        }
    }
}
