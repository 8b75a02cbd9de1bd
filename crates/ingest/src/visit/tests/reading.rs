//! From a request's head to a visit: what is kept of whom, and that nothing harmful passes.

use super::mmdb;
use crate::visit::{Countries, RawVisit, Utm, Visit, Visits};
use http::{Method, Request};
use proptest::prelude::*;
use std::net::IpAddr;
use std::sync::Arc;

const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0";
const TARGET: Option<&str> = Some("https://a.example/?utm_medium=email");
const SALT: [u8; 16] = *b"salt of that day";

fn raw(method: Method, uri: &str, headers: &[(&str, &[u8])]) -> RawVisit {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    RawVisit::of(&parts, "203.0.113.7".parse().unwrap())
}

fn get(headers: &[(&str, &[u8])]) -> RawVisit {
    let all = [&[("user-agent", FIREFOX.as_bytes()), ("referer", b"https://News.example/a?q=1")], headers].concat();
    raw(Method::GET, "/l/x?utm_source=poster", &all)
}

fn visits() -> Visits {
    Visits::new(Some(Arc::new(Countries::of_bytes(mmdb::database(&[("203.0.113.0/24", "NL")])).unwrap())))
}

#[test]
fn a_visit_has_all_that_the_head_says() {
    let visit = visits().read(&get(&[]), &SALT, TARGET);
    let want = Visit {
        bot: false,
        device: Some("desktop"),
        os: Some("Windows".into()),
        browser: Some("Firefox".into()),
        referrer: Some("https://news.example/a".into()),
        referrer_host: Some("news.example".into()),
        utm: Utm { source: Some("poster".into()), medium: Some("email".into()), ..Utm::default() },
        country: Some("NL".into()),
        visitor: visit.visitor,
        do_not_track: false,
    };
    assert_eq!(visit, want);
    assert!(visit.visitor.is_some());
}

#[test]
fn who_asks_not_to_be_tracked_is_a_bot_or_not_and_nothing_else() {
    for header in ["dnt", "sec-gpc"] {
        let visit = visits().read(&get(&[(header, b"1")]), &SALT, TARGET);
        assert_eq!(visit, Visit { do_not_track: true, ..Visit::default() }, "{header}");
        let ahead = visits().read(&get(&[(header, b"1"), ("purpose", b"prefetch")]), &SALT, TARGET);
        assert_eq!(ahead, Visit { do_not_track: true, bot: true, ..Visit::default() }, "{header}");
        assert!(!visits().read(&get(&[(header, b"0")]), &SALT, TARGET).do_not_track);
    }
}

#[test]
fn what_no_person_sees_counts_as_a_bots() {
    let ahead: [(&str, &[u8]); 6] = [
        ("sec-purpose", b"prefetch"),
        ("sec-purpose", b"prefetch;prerender"),
        ("purpose", b"Prefetch"),
        ("purpose", b"preview"),
        ("x-purpose", b"preview"),
        ("x-moz", b"prefetch"),
    ];
    for header in ahead {
        assert!(visits().read(&get(&[header]), &SALT, None).bot, "{header:?}");
    }
    assert!(!visits().read(&get(&[("purpose", b"navigation")]), &SALT, None).bot);
    let head = raw(Method::HEAD, "/l/x", &[("user-agent", FIREFOX.as_bytes())]);
    assert!(visits().read(&head, &SALT, None).bot);
    assert!(visits().read(&raw(Method::GET, "/l/x", &[]), &SALT, None).bot, "no user agent");
}

#[test]
fn what_is_kept_of_a_head_is_bounded() {
    let long = [b'a'; 5_000];
    let uri = format!("/l/x?{}", "ab".repeat(2_000));
    let raw = raw(Method::GET, &uri, &[("user-agent", &long), ("referer", &long)]);
    assert_eq!(raw.user_agent.unwrap().len(), 512);
    assert_eq!(raw.referer.unwrap().len(), 1_024);
    assert_eq!(raw.query.unwrap().len(), 1_024);
}

fn texts(visit: &Visit) -> Vec<&str> {
    let utm = &visit.utm;
    let own = [&visit.referrer, &visit.referrer_host, &utm.source, &utm.medium, &utm.campaign, &utm.term, &utm.content];
    let short = [&visit.os, &visit.browser, &visit.country];
    own.into_iter().filter_map(|t| t.as_deref()).chain(short.into_iter().filter_map(|t| t.as_deref())).collect()
}

/// Bytes that look like a user agent more often than by chance.
fn user_agents() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        "Mozilla/5\\.0",
        "\\(",
        "\\)",
        "\\[",
        "KHTML, like Gecko",
        "Chrome/1",
        ";",
        "FB",
        "bot",
        "cubot",
        " ",
        "\\PC{0,8}"
    ];
    let words = prop::collection::vec(word, 0..40).prop_map(|words| words.concat().into_bytes());
    prop_oneof![words, prop::collection::vec(any::<u8>(), 0..600)]
}

proptest! {
    #[test]
    fn any_bytes_are_read_into_bounded_legible_texts(
        user_agent in user_agents(),
        referer in prop::collection::vec(any::<u8>(), 0..1_100),
        page in "https?://\\PC{0,20}/\\PC{0,400}",
        query in "(utm_(source|medium|campaign|term|content)=(%[0-9a-f]{2}|\\PC){0,300}&?){0,4}",
        address in any::<u128>(),
    ) {
        for referer in [referer, page.into_bytes()] {
            let remote = IpAddr::V6(address.into());
            let raw = RawVisit {
                remote,
                user_agent: Some(user_agent.clone().into()),
                referer: Some(referer.into()),
                query: Some(query.as_str().into()),
                do_not_track: false,
                prefetch: false,
            };
            let visit = visits().read(&raw, &SALT, Some(&format!("https://a.example/?{query}")));
            for text in texts(&visit) {
                prop_assert!(!text.contains(char::is_control), "{text:?}");
                prop_assert!(!text.is_empty() && text.len() <= 1_024, "{text:?}");
            }
        }
    }
}
