//! What the parts of a link may be: its target, slug, tags and the rest, as texts.
//!
//! Used for links that the API makes one by one, and for rows of an import. **Invariant:** a target that passes here is an
//! absolute http or https URL as the URL standard writes it (<https://url.spec.whatwg.org/>): ASCII, without credentials,
//! and not one of our own short URLs, so that no link leads to itself. Private addresses are fine: a browser goes there.

use super::read::Read;
use domain::guard::{AddressGuard, Denied};
use domain::link::TARGET_MAX;
use domain::{Timestamp, is_slug};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use url::{Host, Url, form_urlencoded};

const NAME_LEN_MAX: usize = 256;
const TAGS_MAX: usize = 20;
const TAG_LEN_MAX: usize = 64;
const CLICK_PARAM_LEN_MAX: usize = 40;
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];
/// Of a link that says nothing else.
pub(crate) const REDIRECT_DEFAULT: u16 = 302;

/// Characters of a random slug: without those that look alike (0 o, 1 i l).
const SLUG_ALPHABET: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";
/// Random slugs are tried in these lengths, one after the other while they are taken.
pub(crate) const RANDOM_SLUG_LENS: RangeInclusive<usize> = 7..=14;
/// Slugs that a person would take for a page of the server's.
const RESERVED: [&str; 5] = ["admin", "api", "health", "login", "robots"];
/// Where the URLs that this server answers to strangers begin.
const OWN_PATHS: [&str; 4] = ["l", "c", "f", "in"];

/// Where this server is found: no target may lead to its public pages.
#[derive(Clone, Default)]
pub(crate) struct OwnHosts {
    place: Option<Place>,
    /// Knows the addresses that are listened on.
    guard: Arc<AddressGuard>,
}

#[derive(Clone)]
struct Place {
    host: String,
    port: Option<u16>,
    /// What stands before our own paths, without a slash at the end.
    path: String,
}

impl OwnHosts {
    /// `origin` is a URL; where it is none (of a request without a sensible `Host`) nothing leads.
    pub fn of(origin: &str, guard: Arc<AddressGuard>) -> OwnHosts {
        let place = Url::parse(origin).ok().and_then(|url| {
            let (host, port) = place(&url)?;
            Some(Place { host: host.to_owned(), port, path: url.path().trim_end_matches('/').to_owned() })
        });
        OwnHosts { place, guard }
    }

    fn have(&self, url: &Url) -> bool {
        let path = url.path();
        let is_ours = self.place.as_ref().is_some_and(|own| {
            place(url) == Some((&*own.host, own.port)) && path.strip_prefix(&*own.path).is_some_and(is_own_path)
        });
        is_ours || (is_own_path(path) && self.listen_on(url))
    }

    fn listen_on(&self, url: &Url) -> bool {
        let Some(port) = url.port_or_known_default() else { return false };
        let is_own = |ip: IpAddr| self.guard.check(SocketAddr::new(ip, port)) == Err(Denied::OwnListener);
        match url.host() {
            Some(Host::Ipv4(ip)) => is_own(ip.into()),
            Some(Host::Ipv6(ip)) => is_own(ip.into()),
            Some(Host::Domain(name)) if name == "localhost" || name.ends_with(".localhost") => {
                is_own(Ipv4Addr::LOCALHOST.into()) || is_own(Ipv6Addr::LOCALHOST.into())
            }
            _ => false,
        }
    }
}

/// Host and port. Those of http and https count as one: one of them usually redirects to the other.
fn place(url: &Url) -> Option<(&str, Option<u16>)> {
    let port = url.port_or_known_default().filter(|port| !matches!(port, 80 | 443));
    Some((url.host_str()?.trim_end_matches('.'), port))
}

/// Whether the first part of a path is one of ours, as a proxy may read it that decodes and merges slashes.
fn is_own_path(path: &str) -> bool {
    let Some((first, _)) = path.trim_start_matches('/').split_once('/') else { return false };
    let decoded = form_urlencoded::parse(first.as_bytes()).map(|(name, _)| name).next();
    decoded.is_some_and(|name| OWN_PATHS.contains(&&*name))
}

/// A link's target, as it is kept.
pub(crate) fn target(text: &str, own: &OwnHosts) -> Read<String> {
    let url = web_url(text)?;
    if own.have(&url) {
        return Err(
            "leads to a short link, form or source of this server itself, which could go in a circle: give the \
                    page that people are to see"
                .into(),
        );
    }
    Ok(url.into())
}

/// An absolute http or https URL that a browser is sent to.
pub(crate) fn web_url(text: &str) -> Read<Url> {
    let too_long = || format!("must be at most {TARGET_MAX} characters").into();
    if text.len() > TARGET_MAX {
        return Err(too_long());
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("must have no spaces, line breaks or control characters: write a space as %20".into());
    }
    let begins = |scheme: &str| text.get(..scheme.len()).is_some_and(|t| t.eq_ignore_ascii_case(scheme));
    if !begins("http://") && !begins("https://") {
        return Err(if has_scheme(text) {
            "must begin with http:// or https://: browsers are sent to web pages only, never to javascript:, data: or \
             other schemes"
        } else {
            "must be a whole URL such as https://example.com/page: put https:// and the host before it"
        }
        .into());
    }
    let url = Url::parse(text).map_err(|e| format!("is not a valid URL: {e}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must have no user name or password in it: everybody who follows it would see them".into());
    }
    // Escaping makes it longer.
    if url.as_str().len() > TARGET_MAX { Err(too_long()) } else { Ok(url) }
}

/// Whether it begins with a scheme (RFC 3986, 3.1), and not with a host and a port.
fn has_scheme(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_port = rest.starts_with(|c: char| c.is_ascii_digit());
    !is_port
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.'))
}

pub(crate) fn slug(text: &str) -> Read<String> {
    if !is_slug(text) {
        return Err("must be 1 to 64 characters of A-Z a-z 0-9 - _, beginning with a letter or digit; others, \
                    percent-encoded ones too, are refused as they could pass for another slug"
            .into());
    }
    if RESERVED.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return Err("is a reserved word: choose another slug".into());
    }
    Ok(text.to_owned())
}

/// The character of a random slug that a random byte stands for. Bytes beyond the last multiple of 31 stand for none: they
/// would make some characters likelier.
pub(crate) fn slug_digit(byte: u8) -> Option<char> {
    let digit = SLUG_ALPHABET.get(usize::from(byte) % SLUG_ALPHABET.len())?;
    (byte < 248).then_some(char::from(*digit))
}

/// A name may be empty.
pub(crate) fn name(text: &str) -> Read<String> {
    if text.len() > NAME_LEN_MAX && text.chars().count() > NAME_LEN_MAX {
        return Err(format!("must be at most {NAME_LEN_MAX} characters").into());
    }
    Ok(text.to_owned())
}

/// Tags, each once.
pub(crate) fn tags(mut tags: Vec<String>) -> Read<Vec<String>> {
    let mut seen = std::collections::HashSet::new();
    tags.retain(|tag| seen.insert(tag.clone()));
    if tags.len() > TAGS_MAX {
        return Err(format!("must be at most {TAGS_MAX} tags").into());
    }
    if tags.iter().all(|tag| is_tag(tag)) {
        return Ok(tags);
    }
    Err(format!("each must be 1 to {TAG_LEN_MAX} characters, without control characters").into())
}

/// No control character: a link in memory has its tags line by line.
pub(crate) fn is_tag(text: &str) -> bool {
    (1..=TAG_LEN_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

pub(crate) fn redirect(code: u64) -> Read<u16> {
    let code = u16::try_from(code).ok().filter(|code| REDIRECTS.contains(code));
    code.ok_or("must be 301, 302, 303, 307 or 308".into())
}

/// When a new link ends.
pub(crate) fn expiry(text: &str, now: Timestamp) -> Read<Timestamp> {
    let at = Timestamp::parse_rfc3339(text).ok_or("must be an RFC 3339 time such as 2026-01-31T12:00:00Z")?;
    if at > now { Ok(at) } else { Err("must be in the future".into()) }
}

pub(crate) fn click_param(text: &str) -> Read<String> {
    let is_plain = text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-'));
    if is_plain && (1..=CLICK_PARAM_LEN_MAX).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err(format!("must be 1 to {CLICK_PARAM_LEN_MAX} characters of A-Z a-z 0-9 _ . -").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(origin: &str) -> OwnHosts {
        let guard = AddressGuard::new(Vec::new(), vec!["0.0.0.0:9000".parse().unwrap()]);
        OwnHosts::of(origin, Arc::new(guard))
    }
    fn none() -> OwnHosts {
        OwnHosts::default()
    }

    #[test]
    fn a_target_is_kept_as_the_url_standard_writes_it() {
        for (text, kept) in [
            ("https://example.com", "https://example.com/"),
            ("HTTPS://Example.COM/A?b=C#d", "https://example.com/A?b=C#d"),
            ("http://bücher.example/ü?q=ü", "http://xn--bcher-kva.example/%C3%BC?q=%C3%BC"),
            ("http://192.168.1.1:8080/x", "http://192.168.1.1:8080/x"),
            ("http://[::1]/", "http://[::1]/"),
            ("https://example.com:443/a/../b", "https://example.com/b"),
        ] {
            assert_eq!(target(text, &none()).as_deref(), Ok(kept), "{text}");
        }
    }

    #[test]
    fn what_is_no_web_page_is_refused_and_says_what_to_do() {
        for (text, hint) in [
            ("javascript:alert(1)", "begin with http://"),
            ("JavaScript://example.com/%0Aalert(1)", "begin with http://"),
            ("data:text/html,x", "begin with http://"),
            ("vbscript:x", "begin with http://"),
            ("file:///etc/passwd", "begin with http://"),
            ("mailto:a@example.com", "begin with http://"),
            ("ftp://example.com/", "begin with http://"),
            ("https:example.com", "begin with http://"),
            ("/l/a", "put https://"),
            ("//example.com/", "put https://"),
            ("example.com/x", "put https://"),
            ("example.com:8080/x", "put https://"),
            ("", "put https://"),
            (" https://example.com/", "spaces"),
            ("https://example.com/a b", "spaces"),
            ("java\tscript:alert(1)", "spaces"),
            ("https://example.com/\n", "line breaks"),
            ("https://example.com/\u{a0}", "spaces"),
            ("https://example.com/\0", "control"),
            ("https://", "not a valid URL"),
            ("https://exa%20mple.com/", "not a valid URL"),
            ("https://example.com:99999/", "not a valid URL"),
            ("https://me@example.com/", "password"),
            ("https://:pw@example.com/", "password"),
        ] {
            let refused = target(text, &none()).unwrap_err();
            assert!(refused.contains(hint), "{text:?}: {refused}");
        }
        let long = |n: usize| format!("https://example.com/{}", "x".repeat(n - 20));
        assert!(target(&long(TARGET_MAX), &none()).is_ok());
        assert!(target(&long(TARGET_MAX + 1), &none()).is_err());
        assert!(target(&format!("https://example.com/{}", "ü".repeat(TARGET_MAX / 4)), &none()).is_err());
    }

    #[test]
    fn a_target_on_our_own_host_must_not_be_a_short_url() {
        for (origin, text) in [
            ("https://go.example.com", "https://go.example.com/l/a"),
            ("https://go.example.com", "http://GO.example.com./l/a"),
            ("https://go.example.com", "https://go.example.com/x/../c/a.gif"),
            ("https://go.example.com", "https://go.example.com\\f\\a"),
            ("https://go.example.com/", "https://go.example.com:443/in/a"),
            ("https://example.com/hooks", "https://example.com/hooks/l/a"),
            ("http://localhost:8071", "http://localhost:8071/l/a"),
            ("https://go.example.com", "https://go.example.com//%6C/a"),
            ("https://go.example.com", "http://localhost:9000/l/a"),
            ("http://no host", "http://127.0.0.1:9000/l/a"),
            ("https://go.example.com", "http://a.localhost:9000/l/a"),
            ("https://go.example.com", "http://2130706433:9000/c/a"),
            ("https://go.example.com", "http://[::ffff:127.0.0.1]:9000/f/a"),
            ("http://[::1]:8071", "http://[0:0:0:0:0:0:0:1]:8071/l/a"),
        ] {
            assert!(target(text, &own(origin)).unwrap_err().contains("circle"), "{origin} {text}");
        }
        for (origin, text) in [
            ("https://go.example.com", "https://go.example.com/about"),
            ("https://go.example.com", "https://go.example.com/lx/"),
            ("https://go.example.com", "https://example.com/l/a"),
            ("https://example.com/hooks", "https://example.com/l/a"),
            ("http://localhost:8071", "http://localhost:3000/l/a"),
            ("https://go.example.com", "http://localhost:9000/about"),
            ("https://go.example.com", "https://go.example.com/L/a"),
        ] {
            assert!(target(text, &own(origin)).is_ok(), "{origin} {text}");
        }
    }

    #[test]
    fn a_slug_is_plain_and_no_reserved_word() {
        for good in ["a", "Spring-Sale_2026", "apis"] {
            assert!(slug(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a/b", "%61", "спринг", "ａ", "a.b", "robots", "API", "admin", "Health", "login"] {
            assert!(slug(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tags_are_few_short_and_of_one_line() {
        let read = |list: &[&str]| tags(list.iter().map(|t| (*t).to_owned()).collect());
        assert_eq!(read(&["b", "a", "b"]).unwrap(), ["b", "a"]);
        assert!(read(&[&"ü".repeat(64)]).is_ok());
        for bad in ["", "a\nb", "a\tb", &"x".repeat(65)] {
            assert!(read(&[bad]).is_err(), "{bad:?}");
        }
        let many: Vec<String> = (0..21).map(|i| i.to_string()).collect();
        assert!(tags(many[..20].to_vec()).is_ok() && tags(many).is_err());
    }

    #[test]
    fn a_redirect_is_one_and_a_parameter_is_plain() {
        for code in REDIRECTS {
            assert_eq!(redirect(code.into()), Ok(code));
        }
        for code in [200, 300, 304, 305, 306, 309, 65_838] {
            assert!(redirect(code).is_err(), "{code}");
        }
        assert!(click_param("cl_id.x-1").is_ok() && click_param(&"x".repeat(40)).is_ok());
        for bad in ["", "a b", "a=b", "ü", &"x".repeat(41)] {
            assert!(click_param(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_has_a_length_and_an_end_is_to_come() {
        assert!(name(&"ü".repeat(256)).is_ok() && name(&"ü".repeat(257)).is_err());
        let at = |text: &str| expiry(text, Timestamp(1_000));
        assert_eq!(at("1970-01-01T01:00:02+01:00"), Ok(Timestamp(2_000)));
        for bad in ["", "tomorrow", "2026-01-31", "2026-13-01T00:00:00Z", "1970-01-01T00:00:01Z"] {
            assert!(at(bad).is_err(), "{bad}");
        }
    }
}
