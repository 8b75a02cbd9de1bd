//! Short links: what a redirect needs to know, and which slugs and click ids there are.
//!
//! **Invariant:** a slug is plain ASCII, so that no two look alike by encoding or script; a click's id proves which link it
//! was and when, without a look-up.

use crate::ids::{AppId, IdCodec, LinkId, OrgId};
use crate::time::Timestamp;
use std::fmt;

/// Characters of a slug.
pub const SLUG_LEN: std::ops::RangeInclusive<usize> = 1..=64;

/// Whether `text` can be a slug: 1..=64 characters of `A-Z a-z 0-9 _ -`, beginning with a letter or digit.
pub fn is_slug(text: &str) -> bool {
    SLUG_LEN.contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

/// What a link is, as its maker gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkParts<'a> {
    pub slug: &'a str,
    /// An absolute http or https URL.
    pub target: &'a str,
    /// 301, 302, 303, 307 or 308.
    pub redirect: u16,
    /// The query parameter of the target that carries the click's id; empty for none.
    pub click_param: &'a str,
    pub tags: &'a [String],
}

/// A link as the hot path sees it. Immutable; a change makes a new value. A million of them are in memory: 48 bytes, and one
/// allocation for its texts.
pub struct LinkRoute {
    pub org: OrgId,
    pub link: LinkId,
    /// The application that its events go to.
    pub app: AppId,
    /// Slug, target, parameter, the end of its life if there is one, and tags, one after the other.
    text: Box<str>,
    target_len: u16,
    redirect: u16,
    slug_len: u8,
    param_len: u8,
    pub disabled: bool,
    expires: bool,
}

/// Characters of a target at most.
pub const TARGET_MAX: usize = 8_192;
/// Ends the expiry and each tag in `text`: no tag has it.
const END: char = '\n';

impl LinkRoute {
    /// `None` when a part is too long: 255 bytes of slug or parameter, 65,535 of target.
    pub fn new(
        (org, link, app): (OrgId, LinkId, AppId),
        parts: &LinkParts<'_>,
        disabled: bool,
        expires_at: Option<Timestamp>,
    ) -> Option<LinkRoute> {
        let expiry = expires_at.map(|t| format!("{}{END}", t.0)).unwrap_or_default();
        let tags_len: usize = parts.tags.iter().map(|t| t.len() + END.len_utf8()).sum();
        let mut text = String::with_capacity(
            parts.slug.len() + parts.target.len() + parts.click_param.len() + expiry.len() + tags_len,
        );
        for part in [parts.slug, parts.target, parts.click_param, &expiry] {
            text.push_str(part);
        }
        for tag in parts.tags {
            text.push_str(tag);
            text.push(END);
        }
        Some(LinkRoute {
            org,
            link,
            app,
            text: text.into_boxed_str(),
            target_len: parts.target.len().try_into().ok()?,
            redirect: parts.redirect,
            slug_len: parts.slug.len().try_into().ok()?,
            param_len: parts.click_param.len().try_into().ok()?,
            disabled,
            expires: expires_at.is_some(),
        })
    }
    fn part(&self, from: usize, len: usize) -> &str {
        self.text.get(from..from + len).unwrap_or_default()
    }
    fn param_at(&self) -> usize {
        usize::from(self.slug_len) + usize::from(self.target_len)
    }
    /// The expiry, if there is one, and the tags.
    fn rest(&self) -> impl Iterator<Item = &str> {
        let at = self.param_at() + usize::from(self.param_len);
        self.text.get(at..).unwrap_or_default().split_terminator(END)
    }
    pub fn slug(&self) -> &str {
        self.part(0, self.slug_len.into())
    }
    pub fn target(&self) -> &str {
        self.part(self.slug_len.into(), self.target_len.into())
    }
    pub fn redirect(&self) -> u16 {
        self.redirect
    }
    /// The query parameter of the target that carries the click's id.
    pub fn click_param(&self) -> Option<&str> {
        Some(self.part(self.param_at(), self.param_len.into())).filter(|p| !p.is_empty())
    }
    pub fn expires_at(&self) -> Option<Timestamp> {
        let written = if self.expires { self.rest().next() } else { None };
        written.and_then(|ms| ms.parse().ok()).map(Timestamp)
    }
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.rest().skip(usize::from(self.expires))
    }
}

impl fmt::Debug for LinkRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkRoute({} -> {})", self.slug(), self.target())
    }
}

/// One click on a link. Its text is `clk_` and 35 characters of base64url, which only this installation can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClickId {
    pub link: LinkId,
    /// When it was clicked.
    pub at: Timestamp,
    /// Distinguishes the clicks of a millisecond.
    pub nonce: u32,
}

const CLICK_PREFIX: &str = "clk_";
/// Of [`IdCodec::tag`].
const CLICK_LABEL: u8 = 1;
/// Link (8), milliseconds (6), nonce (4), tag (8).
const CLICK_BYTES: usize = 26;
const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl ClickId {
    fn body(self) -> [u8; 18] {
        let [_, _, at @ ..] = self.at.0.to_be_bytes();
        let mut bytes = self.link.0.to_be_bytes().into_iter().chain(at).chain(self.nonce.to_be_bytes());
        std::array::from_fn(|_| bytes.next().unwrap_or_default())
    }

    /// Appends the text to `out`.
    pub fn write(self, codec: &IdCodec, out: &mut String) {
        let body = self.body();
        let tag = codec.tag(CLICK_LABEL, &body).to_be_bytes();
        let (mut acc, mut bits) = (0u32, 0);
        out.push_str(CLICK_PREFIX);
        let digit = |n: u32| BASE64URL.get((n & 63) as usize).map_or('A', |b| char::from(*b));
        for byte in body.into_iter().chain(tag) {
            acc = (acc << 8) | u32::from(byte);
            bits += 8;
            while bits >= 6 {
                bits -= 6;
                out.push(digit(acc >> bits));
            }
        }
        out.push(digit(acc << (6 - bits)));
    }
    pub fn text(self, codec: &IdCodec) -> String {
        let mut out = String::with_capacity(40);
        self.write(codec, &mut out);
        out
    }

    /// The click that `text` names, or `None` when this installation never made it.
    pub fn read(codec: &IdCodec, text: &str) -> Option<ClickId> {
        let digits = text.strip_prefix(CLICK_PREFIX)?;
        let mut bytes = Vec::with_capacity(CLICK_BYTES);
        let (mut acc, mut bits) = (0u32, 0);
        for digit in digits.bytes() {
            let value = BASE64URL.iter().position(|b| *b == digit)?;
            acc = (acc << 6) | value as u32;
            bits += 6;
            if bits >= 8 {
                bits -= 8;
                bytes.push((acc >> bits) as u8);
            }
        }
        let (link, rest) = bytes.split_first_chunk::<8>()?;
        let (at, rest) = rest.split_first_chunk::<6>()?;
        let (nonce, rest) = rest.split_first_chunk::<4>()?;
        let [a, b, c, d, e, f] = *at;
        let click = ClickId {
            link: LinkId(i64::from_be_bytes(*link)),
            at: Timestamp(i64::from_be_bytes([0, 0, a, b, c, d, e, f])),
            nonce: u32::from_be_bytes(*nonce),
        };
        (rest.len() == 8 && click.text(codec) == text).then_some(click)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_plain_ascii() {
        for good in ["a", "Spring-Sale_2026", "0", &"x".repeat(64)] {
            assert!(is_slug(good), "{good}");
        }
        for bad in ["", "-a", "_a", "a b", "a/b", "a.b", "%61", "спринг", "a\u{200b}", "ﬁ", &"x".repeat(65)] {
            assert!(!is_slug(bad), "{bad}");
        }
    }

    #[test]
    fn a_link_gives_back_its_parts() {
        let tags = vec!["a b".to_owned(), "c".to_owned()];
        let parts =
            LinkParts { slug: "s", target: "https://x.test/?a=1", redirect: 307, click_param: "pr", tags: &tags };
        let route = LinkRoute::new((OrgId(1), LinkId(2), AppId(3)), &parts, false, None).unwrap();
        assert_eq!((route.slug(), route.target(), route.redirect()), ("s", "https://x.test/?a=1", 307));
        assert_eq!((route.click_param(), route.tags().collect::<Vec<_>>()), (Some("pr"), vec!["a b", "c"]));
        let bare = LinkParts { click_param: "", tags: &[], ..parts };
        assert_eq!(route.expires_at(), None);
        let route = LinkRoute::new((OrgId(1), LinkId(2), AppId(3)), &bare, false, None).unwrap();
        assert_eq!((route.click_param(), route.tags().count()), (None, 0));
        for tags in [&tags[..], &[]] {
            let parts = LinkParts { tags, ..parts.clone() };
            let route = LinkRoute::new((OrgId(1), LinkId(2), AppId(3)), &parts, true, Some(Timestamp(-7))).unwrap();
            assert_eq!((route.expires_at(), route.click_param()), (Some(Timestamp(-7)), Some("pr")));
            assert!(route.tags().eq(tags) && route.disabled);
        }
    }

    #[test]
    fn a_million_links_fit() {
        assert_eq!(size_of::<LinkRoute>(), 48);
        let long = "x".repeat(70_000);
        let parts = LinkParts { slug: "s", target: &long, redirect: 302, click_param: "", tags: &[] };
        assert!(LinkRoute::new((OrgId(1), LinkId(2), AppId(3)), &parts, false, None).is_none());
    }

    #[test]
    fn a_click_is_read_back_and_can_not_be_made_up() {
        let codec = IdCodec::new([7; 16]);
        let click = ClickId { link: LinkId(1 << 60 | 12_345), at: Timestamp(1_790_000_000_123), nonce: u32::MAX };
        let text = click.text(&codec);
        assert_eq!((ClickId::read(&codec, &text), text.len()), (Some(click), 39));
        assert_eq!(ClickId::read(&IdCodec::new([8; 16]), &text), None);
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(ClickId::read(&codec, std::str::from_utf8(&other).unwrap()), None, "{at}");
        }
        for bad in ["", "clk_", "clk_é", &text[..38], &format!("{text}A")] {
            assert_eq!(ClickId::read(&codec, bad), None, "{bad}");
        }
    }
}
