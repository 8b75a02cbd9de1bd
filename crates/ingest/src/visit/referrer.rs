//! The page that a visitor came from.
//!
//! **Invariant:** nothing of a query, a fragment or credentials passes: they may be somebody's secrets.

use super::raw::cut;
use url::Url;

/// Bytes of the URL at most: percent-encoding makes three of one.
const REFERRER_MAX: usize = 1_024;

/// The page's URL and its host, in ASCII: a host in another script is Punycode. `None` if it is no http(s) URL (apps send
/// `android-app://…`).
pub(super) fn read(bytes: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8_lossy(bytes);
    let mut url = Url::parse(text.trim()).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let host = url.host_str()?.to_owned();
    url.set_query(None);
    url.set_fragment(None);
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    let text = url.as_str();
    // A host of that length is nobody's.
    (host.len() < REFERRER_MAX / 2).then(|| (cut(text, REFERRER_MAX).to_owned(), host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, want: Option<(&str, &str)>) {
        let got = read(header.as_bytes());
        let got = got.as_ref().map(|(url, host)| (url.as_str(), host.as_str()));
        assert_eq!(got, want, "{header}");
    }

    #[test]
    fn a_referrer_is_a_page_without_what_may_be_secret() {
        check("https://WWW.Example.com/a/b?token=1#x", Some(("https://www.example.com/a/b", "www.example.com")));
        check("https://u:p@example.com:8443/", Some(("https://example.com:8443/", "example.com")));
        check("http://example.com", Some(("http://example.com/", "example.com")));
        check("https://bücher.example/ä", Some(("https://xn--bcher-kva.example/%C3%A4", "xn--bcher-kva.example")));
        check("https://[2001:db8::1]/x", Some(("https://[2001:db8::1]/x", "[2001:db8::1]")));
    }

    #[test]
    fn what_is_no_page_is_no_referrer() {
        for header in
            ["", "about:client", "android-app://com.google.android.gm/", "/path", "example.com", "https://", "\u{0}"]
        {
            check(header, None);
        }
        assert_eq!(read(b"https://\xff/"), None);
    }

    #[test]
    fn a_long_referrer_is_cut() {
        let (url, host) = read(format!("https://example.com/{}", "ä".repeat(500)).as_bytes()).unwrap();
        assert_eq!((url.len(), host.as_str()), (REFERRER_MAX, "example.com"));
    }
}
