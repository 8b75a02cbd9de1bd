//! Where an endpoint's URL may point: the rules on the text, before anything is resolved.
//!
//! The API calls it when an endpoint is written (its messages go into a 422), `egress` again before it sends.
//!
//! **Invariant:** one parser (`url`) reads the text and everything later uses what it found; the host must be spelt
//! exactly as that parser writes it back, so that no second reader can see another host.

use crate::guard::{AddressGuard, Denied};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use url::{Host, Url};

/// What an installation lets endpoints point to.
#[derive(Clone, Debug, Default)]
pub struct TargetRules {
    pub https_only: bool,
    /// Judges literal addresses. Once it allows any subnet, inside names (`localhost`, `.internal`, single labels)
    /// are taken too, and judged by the address that they resolve to.
    pub guard: Arc<AddressGuard>,
}

/// Why a URL is refused. The text is fit for the person who typed the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("the URL is longer than {URL_LEN_MAX} bytes")]
    TooLong,
    #[error("the URL has a space, a backslash or a control character in it")]
    Character,
    #[error("not a valid URL: {0}")]
    Syntax(url::ParseError),
    #[error("the URL must begin with https:// or http://")]
    Scheme,
    #[error("the URL must begin with https://")]
    HttpsOnly,
    #[error("the URL must not hold a user name or password; use a custom header instead")]
    UserInfo,
    #[error("the host is not in its plain form: write it as {0}")]
    Spelling(String),
    #[error("the host is not a full domain name")]
    Domain,
    #[error("the host name is not a public one")]
    InsideName,
    #[error("port {0} is not one for HTTP")]
    Port(u16),
    #[error("the address is not allowed")]
    Address(Denied),
}

/// The longest URL, in bytes.
pub const URL_LEN_MAX: usize = 2048;

/// A URL that Postrider may send to, as far as its text tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetUrl {
    url: Url,
    host: Host<String>,
    port: u16,
    inbox: Option<Box<str>>,
    is_dialable: bool,
}

impl TargetUrl {
    pub fn parse(raw: &str, rules: &TargetRules) -> Result<TargetUrl, TargetError> {
        if raw.len() > URL_LEN_MAX {
            return Err(TargetError::TooLong);
        }
        // Before parsing, because WHATWG parsing strips tabs and line ends and takes a backslash for a slash.
        if raw.chars().any(|c| c.is_control() || c == ' ' || c == '\\') {
            return Err(TargetError::Character);
        }
        let mut url = Url::parse(raw).map_err(TargetError::Syntax)?;
        let inbox = rules.guard.own_inbox(raw).map(Box::from);
        let mut is_dialable = true;
        match url.scheme() {
            "https" => {}
            "http" if rules.https_only && inbox.is_some() => is_dialable = false,
            "http" if rules.https_only => return Err(TargetError::HttpsOnly),
            "http" => {}
            _ => return Err(TargetError::Scheme),
        }
        let rest = after_scheme(raw, url.scheme()).ok_or(TargetError::Scheme)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::UserInfo);
        }
        let host = url.host().ok_or(TargetError::Domain)?.to_owned();
        check_spelling(rest, &host)?;
        let port = url.port_or_known_default().ok_or(TargetError::Scheme)?;
        match check_host(&host, port, rules) {
            Err(_) if inbox.is_some() => is_dialable = false,
            checked => checked?,
        }
        if BAD_PORTS.binary_search(&port).is_ok() {
            return Err(TargetError::Port(port));
        }
        url.set_fragment(None);
        Ok(TargetUrl { url, host, port, inbox, is_dialable })
    }

    /// The token of the bin of this server that the URL may be: to be tried in-process before anything is dialled.
    pub fn inbox(&self) -> Option<&str> {
        self.inbox.as_deref()
    }
    /// Whether a connection to it is allowed, too. Always, unless it is an [`inbox`](Self::inbox).
    pub fn is_dialable(&self) -> bool {
        self.is_dialable
    }

    /// The normal form, without fragment.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }
    pub fn host(&self) -> &Host<String> {
        &self.host
    }
    /// The literal address in the URL, if its host is one.
    pub fn ip(&self) -> Option<IpAddr> {
        literal(&self.host)
    }
    pub fn port(&self) -> u16 {
        self.port
    }
    /// `host` or `host:port` as the `Host` header wants it: a default port is left out.
    pub fn authority(&self) -> &str {
        self.url.authority()
    }
    /// Path and query in origin form; begins with a slash.
    pub fn path_and_query(&self) -> &str {
        self.url.as_str().get(self.url[..url::Position::BeforePath].len()..).unwrap_or("/")
    }
}

fn literal(host: &Host<String>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(v4) => Some(IpAddr::V4(*v4)),
        Host::Ipv6(v6) => Some(IpAddr::V6(*v6)),
    }
}

/// What follows `scheme://`. WHATWG parsing takes `http:host` and `http:///host` too; nobody else reads them so.
fn after_scheme<'a>(raw: &'a str, scheme: &str) -> Option<&'a str> {
    let (head, rest) = raw.split_once("://")?;
    head.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// The host must stand in the text as the parser writes it: `0x7f.1`, `①②⑦.⓪.⓪.①` or `%6c` are other spellings of
/// something, and another program may read them as something else.
fn check_spelling(rest: &str, host: &Host<String>) -> Result<(), TargetError> {
    let canonical = match host {
        // Rust and RFC 5952 agree on all that the address rule lets pass; the URL serialiser is for the rest.
        Host::Ipv4(v4) => v4.to_string(),
        Host::Ipv6(v6) => format!("[{v6}]"),
        Host::Domain(name) => name.clone(),
    };
    let spelt = rest.get(..canonical.len()).is_some_and(|start| match host {
        Host::Domain(_) => start.eq_ignore_ascii_case(&canonical),
        _ => start == canonical,
    });
    let ends =
        rest.get(canonical.len()..).is_some_and(|tail| tail.is_empty() || tail.starts_with([':', '/', '?', '#']));
    if spelt && ends { Ok(()) } else { Err(TargetError::Spelling(canonical)) }
}

fn check_host(host: &Host<String>, port: u16, rules: &TargetRules) -> Result<(), TargetError> {
    match literal(host) {
        Some(ip) => rules.guard.check(SocketAddr::new(ip, port)).map_err(TargetError::Address),
        None => check_name(&host.to_string(), rules.guard.has_allowed_subnets()),
    }
}

/// RFC 1035 lengths; underscores are allowed, because such names exist in practice.
fn check_name(name: &str, inside_allowed: bool) -> Result<(), TargetError> {
    let label_ok = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    if name.len() > 253 || !name.split('.').all(label_ok) {
        // A final dot is refused with the empty label after it, as TLS names have none.
        return Err(TargetError::Domain);
    }
    let is_inside = !name.contains('.')
        || INSIDE_SUFFIXES.iter().any(|s| name.strip_suffix(s).is_some_and(|h| h.is_empty() || h.ends_with('.')));
    if is_inside && !inside_allowed {
        return Err(TargetError::InsideName);
    }
    Ok(())
}

/// Whether a header's name belongs to the sender: custom headers must not have it. In any case of letters.
pub fn is_sender_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SENDER_HEADERS.contains(&name.as_str()) || SENDER_HEADER_PREFIXES.iter().any(|p| name.starts_with(p))
}

/// Framing, routing and what the transport decides.
const SENDER_HEADERS: [&str; 12] = [
    "accept-encoding",
    "alt-used",
    "connection",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];
const SENDER_HEADER_PREFIXES: [&str; 5] = [":", "content-", "proxy-", "svix-", "webhook-"];

/// Names that mean something on the inside of a network only (RFC 6761, RFC 6762, RFC 8375, ICANN's `.internal`).
const INSIDE_SUFFIXES: [&str; 10] =
    ["localhost", "local", "internal", "home.arpa", "arpa", "onion", "test", "invalid", "svc", "cluster.local"];

/// Ports of other protocols: the WHATWG Fetch list of bad ports (<https://fetch.spec.whatwg.org/#port-blocking>).
const BAD_PORTS: [u16; 83] = [
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
    110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531,
    532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060,
    5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules(allow: &[&str]) -> TargetRules {
        let own = vec!["127.0.0.1:8071".parse().unwrap()];
        let guard = AddressGuard::new(allow.iter().map(|n| n.parse().unwrap()).collect(), own);
        TargetRules { https_only: false, guard: Arc::new(guard) }
    }

    #[track_caller]
    fn check(allow: &[&str], raw: &str, want: Result<&str, &str>) {
        let got = TargetUrl::parse(raw, &rules(allow));
        let got = got.as_ref().map(TargetUrl::as_str).map_err(ToString::to_string);
        assert_eq!(got.as_ref().map(|u| *u).map_err(String::as_str), want, "{raw:?}");
    }

    #[test]
    fn a_bin_of_our_own_is_a_target_that_is_not_dialled_where_the_address_is_not_allowed() {
        let own = vec!["127.0.0.1:8071".parse().unwrap()];
        let origins = vec!["http://127.0.0.1:8071".to_owned(), "http://hooks.example.com".to_owned()];
        let guard = Arc::new(AddressGuard::new(Vec::new(), own).with_own_origins(origins));
        let rules = TargetRules { https_only: false, guard };
        let parse = |raw: &str, rules: &TargetRules| TargetUrl::parse(raw, rules);
        let inside = parse("http://127.0.0.1:8071/in/abcdefgh_-345678", &rules).unwrap();
        assert_eq!((inside.inbox(), inside.is_dialable()), (Some("abcdefgh_-345678"), false));
        let public = parse("http://hooks.example.com/in/abcdefgh_-345678", &rules).unwrap();
        assert_eq!((public.inbox(), public.is_dialable()), (Some("abcdefgh_-345678"), true));
        let other = parse("https://example.com/in/abcdefgh_-345678", &rules).unwrap();
        assert_eq!((other.inbox(), other.is_dialable()), (None, true));
        for refused in ["http://127.0.0.1:8071/", "http://127.0.0.1:8071/api/v1/app", "http://127.0.0.1:8071/in/x"] {
            assert!(matches!(parse(refused, &rules), Err(TargetError::Address(_))), "{refused}");
        }
        let strict = TargetRules { https_only: true, ..rules };
        assert!(!parse("http://hooks.example.com/in/abcdefgh_-345678", &strict).unwrap().is_dialable());
    }

    #[test]
    fn the_bad_ports_are_sorted() {
        assert!(BAD_PORTS.is_sorted());
    }

    #[test]
    fn a_message_says_what_to_write_instead() {
        check(&[], "https://0x7f.1/", Err("the host is not in its plain form: write it as 127.0.0.1"));
        check(
            &[],
            "https://münchen.example.com/",
            Err("the host is not in its plain form: write it as xn--mnchen-3ya.example.com"),
        );
        check(&[], "https:example.com/", Err("the URL must begin with https:// or http://"));
        check(&[], "https:///example.com/", Err("the host is not in its plain form: write it as example.com"));
        check(
            &[],
            "https://[2606:4700:4700:0::1111]/",
            Err("the host is not in its plain form: write it as [2606:4700:4700::1111]"),
        );
        check(
            &[],
            "https://a:b@example.com/",
            Err("the URL must not hold a user name or password; use a custom header instead"),
        );
        check(&[], "https://@example.com/", Err("the host is not in its plain form: write it as example.com"));
        check(&[], "https://example.com./", Err("the host is not a full domain name"));
        check(&[], "http://example.com:6667/", Err("port 6667 is not one for HTTP"));
        check(&[], "http://10.0.0.1/", Err("the address is not allowed"));
        check(&[], "http://localhost/", Err("the host name is not a public one"));
        check(&[], "/hook", Err("not a valid URL: relative URL without a base"));
    }

    #[test]
    fn good_urls_come_out_in_normal_form() {
        check(&[], "HTTPS://EXAMPLE.com:443/a b".replace(' ', "%20").as_str(), Ok("https://example.com/a%20b"));
        check(&[], "https://example.com", Ok("https://example.com/"));
        check(&[], "https://example.com?x=1#frag", Ok("https://example.com/?x=1"));
        check(&[], "http://1.1.1.1:8080/x", Ok("http://1.1.1.1:8080/x"));
    }

    #[test]
    fn inside_targets_are_usable_once_a_subnet_is_allowed() {
        let loopback = ["127.0.0.0/8"];
        check(&loopback, "http://127.0.0.1:9000/hook", Ok("http://127.0.0.1:9000/hook"));
        check(&loopback, "http://localhost:9000/hook", Ok("http://localhost:9000/hook"));
        check(&loopback, "http://receiver:9000/hook", Ok("http://receiver:9000/hook"));
        check(&loopback, "http://127.0.0.1:8071/", Err("the address is not allowed"));
        check(&loopback, "http://10.0.0.1/", Err("the address is not allowed"));
        check(&["169.254.0.0/16"], "http://169.254.169.254/", Err("the address is not allowed"));
    }

    #[test]
    fn names_of_headers_that_the_sender_writes_are_its_own_in_any_case() {
        for name in
            ["Host", "CONTENT-TYPE", "content-encoding", "Webhook-Id", "svix-anything", "TE", "Proxy-Authorization"]
        {
            assert!(is_sender_header(name), "{name}");
        }
        for name in ["authorization", "x-api-key", "x-content-type", "accept", "hostname"] {
            assert!(!is_sender_header(name), "{name}");
        }
    }

    #[test]
    fn plain_http_is_refused_where_only_https_is_allowed() {
        let strict = TargetRules { https_only: true, ..rules(&[]) };
        assert_eq!(TargetUrl::parse("http://example.com/", &strict), Err(TargetError::HttpsOnly));
        assert!(TargetUrl::parse("https://example.com/", &strict).is_ok());
        assert_eq!(TargetUrl::parse("ftp://example.com/", &strict), Err(TargetError::Scheme));
    }

    #[test]
    fn the_parts_of_a_url_are_those_that_were_judged() {
        let t = TargetUrl::parse("https://hooks.example.com:8443/a/b?c=d#e", &rules(&[])).unwrap();
        assert_eq!((t.authority(), t.path_and_query(), t.port()), ("hooks.example.com:8443", "/a/b?c=d", 8443));
        let t = TargetUrl::parse("http://example.com:80", &rules(&[])).unwrap();
        assert_eq!((t.authority(), t.path_and_query(), t.port(), t.ip()), ("example.com", "/", 80, None));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(raw in any::<String>()) {
            let _ = TargetUrl::parse(&raw, &rules(&[]));
            let _ = TargetUrl::parse(&format!("http://{raw}"), &rules(&[]));
        }

        #[test]
        fn what_passes_reads_back_as_itself(raw in "https?://[a-z0-9.%:\\[\\]@_-]{1,30}(/[ -~]{0,20})?") {
            if let Ok(first) = TargetUrl::parse(&raw, &rules(&[])) {
                let second = TargetUrl::parse(first.as_str(), &rules(&[]));
                prop_assert_eq!(second, Ok(first));
            }
        }

        #[test]
        fn an_ipv4_address_passes_in_its_canonical_spelling_only(ip in any::<u32>(), spelling in 0..4) {
            let v4 = std::net::Ipv4Addr::from(ip);
            let [a, b, c, d] = v4.octets();
            let everything = rules(&["0.0.0.0/0"]);
            let other = match spelling {
                0 => format!("http://{ip}:9000/"),
                1 => format!("http://0x{ip:x}:9000/"),
                2 => format!("http://{a}.{b}.{}:9000/", u32::from(c) << 8 | u32::from(d)),
                _ => format!("http://0{a:o}.{b}.{c}.{d}:9000/"),
            };
            prop_assert!(TargetUrl::parse(&other, &everything).is_err());
            let plain = TargetUrl::parse(&format!("http://{v4}:9000/"), &everything);
            prop_assert_eq!(plain.is_ok(), everything.guard.check_ip(v4.into()).is_ok());
        }
    }
}
