//! The rules of a link's fields, one function for each: the JSON of one link and the rows of an import obey the same.
//!
//! **Invariant:** pure; a message fits behind the field's name and never repeats what was given. What passes as a target
//! is in the normal form of one parser (`url`), so that no browser reads another host in it than was judged.

use domain::Timestamp;
use domain::guard::{AddressGuard, Denied};
use domain::link::{TARGET_MAX, is_slug};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use url::{Host, Url};

/// Characters of a link's name at most.
pub(crate) const NAME_LEN_MAX: usize = 256;
/// Tags of one link at most, and characters of each.
pub(crate) const TAGS_MAX: usize = 20;
const TAG_LEN_MAX: usize = 128;
const CLICK_PARAM_LEN_MAX: usize = 40;
pub(crate) const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];
pub(crate) const REDIRECT_DEFAULT: u16 = 302;
/// What stands for something else on most sites, in any case of letters.
const SLUGS_RESERVED: [&str; 5] = ["admin", "api", "health", "login", "robots"];
/// Where our own public pages are: a redirect to one could go round for ever, or post to a stranger's form.
const OWN_PATHS: [&str; 4] = ["l", "c", "f", "in"];
/// Without characters that look alike.
const SLUG_ALPHABET: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";
const SLUG_RANDOM_LEN: usize = 7;

/// Under which hosts this server is found.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnHosts {
    places: Vec<Place>,
    /// Knows the addresses that are listened on.
    guard: Arc<AddressGuard>,
}

#[derive(Clone, Debug)]
struct Place {
    host: String,
    /// `None`: any. A proxy may listen on others than are in the URL.
    port: Option<u16>,
    /// What comes before `/l/`; begins with a slash, unless it is empty.
    prefix: String,
}

impl OwnHosts {
    /// `public_url` is the setting, `request_host` the `Host` header of who asks.
    pub fn of(public_url: Option<&str>, request_host: Option<&str>, guard: Arc<AddressGuard>) -> OwnHosts {
        let public = public_url.and_then(|text| Url::parse(text).ok()).and_then(|url| {
            let prefix = url.path().trim_end_matches('/').to_owned();
            Some(Place { host: url.host_str()?.to_owned(), port: None, prefix })
        });
        let asked = request_host
            .and_then(|host| Url::parse(&format!("http://{host}/")).ok())
            .and_then(|url| Some(Place { host: url.host_str()?.to_owned(), port: url.port(), prefix: String::new() }));
        OwnHosts { places: public.into_iter().chain(asked).collect(), guard }
    }

    /// Whether `url` leads to a public page of this server.
    fn have(&self, url: &Url) -> bool {
        let here = |place: &&Place| {
            url.host_str() == Some(&place.host) && place.port.is_none_or(|p| url.port_or_known_default() == Some(p))
        };
        let found = self.places.iter().filter(here).any(|place| {
            let path = url.path();
            is_own_path(path) || path.strip_prefix(&*place.prefix).is_some_and(is_own_path)
        });
        found || (is_own_path(url.path()) && self.listen_on(url))
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

/// Whether the first part of a path is one of ours, however it is written.
fn is_own_path(path: &str) -> bool {
    let path = path.trim_start_matches('/');
    let (first, _) = path.split_once('/').unwrap_or((path, ""));
    if !first.contains('%') {
        return OWN_PATHS.contains(&first);
    }
    // Only what is decoded can be ASCII letters, so a lossy reading is as good.
    let decoded = url::form_urlencoded::parse(first.as_bytes()).map(|(name, _)| name.into_owned()).next();
    decoded.is_some_and(|name| OWN_PATHS.contains(&&*name))
}

/// The target in its normal form.
pub(crate) fn check_target(text: &str, own: &OwnHosts) -> Result<String, String> {
    let too_long = || Err(format!("must be at most {TARGET_MAX} characters"));
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.len() > TARGET_MAX && text.chars().count() > TARGET_MAX {
        return too_long();
    }
    // Before parsing, because WHATWG parsing strips tabs and line ends and takes a backslash for a slash.
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err("has a space, a backslash or a control character in it".to_owned());
    }
    let rest = rest_of_http(text).ok_or("must begin with https:// or http://")?;
    // `http:///host` is read as `http://host` by browsers alone.
    if rest.starts_with('/') {
        return Err("has no host".to_owned());
    }
    let url = Url::parse(text).map_err(|e| format!("is not a valid URL: {e}"))?;
    if !url.username().is_empty() || url.password().is_some() || has_user_info(rest) {
        return Err("must not hold a user name or password".to_owned());
    }
    if own.have(&url) {
        return Err("must not be one of this server's own links, forms or sources".to_owned());
    }
    let normal = String::from(url);
    if normal.len() > TARGET_MAX { too_long() } else { Ok(normal) }
}

/// What follows the scheme, in any case of letters.
fn rest_of_http(text: &str) -> Option<&str> {
    ["https://", "http://"].into_iter().find_map(|scheme| {
        let (head, rest) = text.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// An empty one (`https://@host`) leaves no trace in the parsed URL.
fn has_user_info(rest: &str) -> bool {
    rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

pub(crate) fn check_slug(text: &str) -> Result<(), String> {
    if !is_slug(text) {
        return Err("must be 1 to 64 characters of A-Z a-z 0-9 _ -, and begin with a letter or digit".to_owned());
    }
    if SLUGS_RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Err("is a reserved word".to_owned());
    }
    Ok(())
}

/// A slug out of 64 random bits; there are 27 billion.
pub(crate) fn random_slug(mut bits: u64) -> String {
    let mut next = || {
        let digit = bits % SLUG_ALPHABET.len() as u64;
        bits /= SLUG_ALPHABET.len() as u64;
        SLUG_ALPHABET.get(digit as usize).map_or('2', |b| char::from(*b))
    };
    (0..SLUG_RANDOM_LEN).map(|_| next()).collect()
}

pub(crate) fn check_name(text: &str) -> Result<(), String> {
    if text.len() > NAME_LEN_MAX && text.chars().count() > NAME_LEN_MAX {
        return Err(format!("must be at most {NAME_LEN_MAX} characters"));
    }
    if text.contains('\0') { Err("has a NUL in it".to_owned()) } else { Ok(()) }
}

/// A semicolon stands between tags in a CSV cell.
pub(crate) fn check_tag(text: &str) -> Result<(), String> {
    let is_fine = !text.is_empty()
        && text.trim() == text
        && (text.len() <= TAG_LEN_MAX || text.chars().count() <= TAG_LEN_MAX)
        && !text.chars().any(|c| c.is_control() || c == ';');
    if is_fine {
        return Ok(());
    }
    Err(format!("must be 1 to {TAG_LEN_MAX} characters, without ; or control characters or spaces around it"))
}

/// Each tag by its rule, each once, and not too many.
pub(crate) fn check_tags(mut tags: Vec<String>) -> Result<Vec<String>, String> {
    tags.iter().try_for_each(|tag| check_tag(tag)).map_err(|rule| format!("each {rule}"))?;
    let mut seen = std::collections::HashSet::new();
    tags.retain(|tag| seen.insert(tag.clone()));
    if tags.len() > TAGS_MAX {
        return Err(format!("must be at most {TAGS_MAX}"));
    }
    Ok(tags)
}

/// The name of a query parameter.
pub(crate) fn check_click_param(text: &str) -> Result<(), String> {
    let is_fine = (1..=CLICK_PARAM_LEN_MAX).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-'));
    if is_fine { Ok(()) } else { Err("must be 1 to 40 characters of A-Z a-z 0-9 _ . -".to_owned()) }
}

pub(crate) fn check_redirect(code: u64) -> Result<u16, String> {
    let known = u16::try_from(code).ok().filter(|code| REDIRECTS.contains(code));
    known.ok_or_else(|| "must be 301, 302, 303, 307 or 308".to_owned())
}

pub(crate) fn parse_expiry(text: &str) -> Result<Timestamp, String> {
    let time = Timestamp::parse_rfc3339(text).filter(|t| (0..=Timestamp::MAX.0).contains(&t.0));
    time.ok_or_else(|| "must be an RFC 3339 time such as 2026-01-31T12:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn own() -> OwnHosts {
        let guard = AddressGuard::new(Vec::new(), vec!["0.0.0.0:8071".parse().unwrap()]);
        OwnHosts::of(Some("https://Go.example/base/"), Some("inside:8071"), Arc::new(guard))
    }

    fn refused(text: &str, part: &str) {
        let why = check_target(text, &own()).unwrap_err();
        assert!(why.contains(part), "{text}: {why}");
    }

    #[test]
    fn a_target_is_an_http_url_in_its_normal_form() {
        for (given, normal) in [
            ("https://x.test/a?b=c#d", "https://x.test/a?b=c#d"),
            ("HTTPS://X.test", "https://x.test/"),
            ("http://x.test:80/ä", "http://x.test/%C3%A4"),
            ("https://bücher.test/", "https://xn--bcher-kva.test/"),
            ("https://x.test/a/../b", "https://x.test/b"),
            ("http://0x7f.1/", "http://127.0.0.1/"),
            ("https://x.test/?q=@a", "https://x.test/?q=@a"),
        ] {
            assert_eq!(check_target(given, &own()).as_deref(), Ok(normal));
        }
        let longest = format!("https://x.test/{}", "a".repeat(TARGET_MAX - 15));
        assert_eq!(check_target(&longest, &own()), Ok(longest.clone()));
        refused(&format!("{longest}a"), "at most");
        refused(&format!("https://x.test/{}", "ä".repeat(3_000)), "at most");
    }

    #[test]
    fn what_is_no_http_url_is_refused_with_a_reason() {
        refused("", "empty");
        for script in ["javascript:alert(1)", "data:text/html,x", "ftp://x.test/", "x.test", "//x.test/", "http:x.test"]
        {
            refused(script, "must begin with");
        }
        refused("=HYPERLINK(\"https://x.test/\")", "must begin with");
        refused(" https://x.test/", "space");
        refused("https://x.test/a b", "space");
        refused("https:\\\\x.test/", "backslash");
        refused("java\tscript:alert(1)", "control");
        refused("https:///x.test/", "no host");
        refused("https://", "not a valid URL");
        refused("https://x.test:99999/", "not a valid URL");
        refused("https://a:b@x.test/", "user name");
        refused("https://@x.test/", "user name");
    }

    #[test]
    fn a_target_that_leads_back_here_is_refused() {
        for loops in [
            "https://go.example/l/a",
            "http://GO.example:8080/c/a.gif",
            "https://go.example/base/f/a",
            "https://go.example/in/a",
            "https://go.example/%6C/a",
            "https://go.example//l/a",
            "https://go.example/x/../l/a",
            "http://inside:8071/l/a",
            "http://localhost:8071/l/a",
            "http://a.localhost:8071/l/a",
            "http://127.0.0.1:8071/l/a",
            "http://2130706433:8071/l/a",
            "http://[::1]:8071/l/a",
            "http://[::ffff:127.0.0.1]:8071/f/a",
        ] {
            refused(loops, "own links");
        }
        for fine in [
            "https://go.example/",
            "https://go.example/links/l/a",
            "https://go.example/L/a",
            "https://other.example/l/a",
            "http://inside:9000/l/a",
            "http://127.0.0.1:9000/l/a",
            "http://localhost:8071/docs",
        ] {
            assert!(check_target(fine, &own()).is_ok(), "{fine}");
        }
    }

    #[test]
    fn slugs_tags_parameters_codes_and_times_have_their_rules() {
        assert!(check_slug("Spring_Sale-2026").is_ok());
        for bad in ["", "-a", "a/b", "%61", "а", "robots", "API", "Admin", "login", "health", &"x".repeat(65)] {
            assert!(check_slug(bad).is_err(), "{bad}");
        }
        let tags = |list: &[&str]| check_tags(list.iter().map(|t| (*t).to_owned()).collect());
        assert_eq!(tags(&["a b", "ü", "a b"]), Ok(vec!["a b".to_owned(), "ü".to_owned()]));
        for bad in ["", " a", "a;b", "a\nb", &"x".repeat(129)] {
            assert!(tags(&[bad]).is_err(), "{bad}");
        }
        assert!(check_tags((0..21).map(|n| n.to_string()).collect()).is_err());
        assert!(check_click_param("utm.click_id-1").is_ok());
        for bad in ["", "a b", "a=b", "ä", &"x".repeat(41)] {
            assert!(check_click_param(bad).is_err(), "{bad}");
        }
        assert_eq!((check_redirect(308), check_redirect(304).is_err()), (Ok(308), true));
        assert_eq!(parse_expiry("1970-01-01T01:00:01+01:00"), Ok(Timestamp(1_000)));
        for bad in ["", "tomorrow", "2026-01-31", "2026-13-01T00:00:00Z", "1969-12-31T23:59:59Z"] {
            assert!(parse_expiry(bad).is_err(), "{bad}");
        }
        assert!(check_name(&"ü".repeat(256)).is_ok() && check_name(&"ü".repeat(257)).is_err());
    }

    proptest! {
        #[test]
        fn a_random_slug_is_one_that_may_be_chosen(bits: u64) {
            let slug = random_slug(bits);
            prop_assert!(slug.len() == 7 && check_slug(&slug).is_ok());
        }

        #[test]
        fn a_normal_target_is_read_back_as_itself(text in "https?://[a-zäß.@:0-9%-]{1,12}(/[ -~ä]{0,12})?") {
            if let Ok(normal) = check_target(&text, &own()) {
                prop_assert_eq!(check_target(&normal, &own()), Ok(normal.clone()));
                prop_assert!(normal.is_ascii());
            }
        }
    }
}
