//! Cross-site request forgery: a form of ours, sent by another site.
//!
//! Three fences: the session cookie is `SameSite=Lax`, the browser's own word on where a request comes from (`Sec-Fetch-Site`,
//! `Origin`), and a token in each form that only our pages can read. **Invariant:** no request that changes anything passes
//! without all of them (before a session exists: without the first two).

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Uri};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The token of a session's forms: 32 hexadecimal digits that say nothing of the session's own token.
pub(crate) fn token(session: &str) -> String {
    let hash = Sha256::new().chain_update(b"postrider form\0").chain_update(session.as_bytes()).finalize();
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn matches(want: &str, have: &str) -> bool {
    want.as_bytes().ct_eq(have.as_bytes()).into()
}

/// Whether the browser says that a page of ours sent this. A client that says nothing (no browser does) has no cookies
/// to abuse. <https://www.w3.org/TR/fetch-metadata/>
pub(crate) fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none") {
        return false;
    }
    match text(ORIGIN.as_str()) {
        None => true,
        Some(origin) => origin.parse::<Uri>().is_ok_and(|origin| {
            origin.authority().map(|a| a.as_str()) == text(HOST.as_str()) && origin.authority().is_some()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&'static str, &'static str)], want: bool) {
        let headers = pairs.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect();
        assert_eq!(is_ours(&headers), want, "{pairs:?}");
    }

    #[test]
    fn only_a_page_of_the_same_origin_is_ours() {
        check(&[("host", "a.test"), ("origin", "https://a.test"), ("sec-fetch-site", "same-origin")], true);
        check(&[("host", "a.test:8071"), ("origin", "http://a.test:8071")], true);
        check(&[("host", "a.test")], true);
        check(&[("host", "a.test"), ("sec-fetch-site", "cross-site")], false);
        check(&[("host", "a.test"), ("sec-fetch-site", "same-site")], false);
        check(&[("host", "a.test"), ("origin", "https://b.test")], false);
        check(&[("host", "a.test"), ("origin", "http://a.test:81")], false);
        check(&[("host", "a.test"), ("origin", "null")], false);
        check(&[("host", "a.test"), ("origin", "\u{fe}")], false);
    }

    #[test]
    fn the_token_of_another_session_does_not_match() {
        assert!(matches(&token("a"), &token("a")));
        assert!(!matches(&token("a"), &token("b")));
        assert!(!matches(&token("a"), ""));
    }
}
