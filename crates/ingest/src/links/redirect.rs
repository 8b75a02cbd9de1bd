//! `/l/{slug}`: from a short link to its target.
//!
//! **Invariant:** no JSON, no reading of user agents and no disk on this path: the click goes to the recorder as it came.

use super::{EXPIRED, UNKNOWN, is_read, method_not_allowed};
use crate::answer::Answer;
use crate::ingest::Ingest;
use crate::metrics::bump;
use crate::origin;
use crate::problem::Problem;
use crate::visit::RawVisit;
use bytes::Bytes;
use domain::{ClickId, IdCodec, LinkRoute};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, InvalidHeaderValue, LOCATION, REFERRER_POLICY};
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::Full;
use std::net::IpAddr;
use std::sync::Arc;

const PREFIX: &str = "/l/";
/// For clients that don't follow (RFC 9110, 15.4).
const BODY: &[u8] = b"See Location\n";

impl Ingest {
    /// Answers a `GET` or `HEAD` to `/l/{slug}` whose link is in memory, which is nearly every one; `None` leaves it, and all
    /// other requests, to [`Ingest::answer`].
    pub fn redirect_at_once(&self, parts: &Parts, peer: IpAddr) -> Option<Response<Full<Bytes>>> {
        if !is_read(&parts.method) || self.recorder.is_crowded() {
            return None;
        }
        let route = self.store.link_route_cached(slug(parts.uri.path())?)?;
        Some(self.follow(&route, parts, peer))
    }

    /// Answers a request to `/l/{slug}`.
    pub(crate) async fn redirect(&self, parts: &Parts, peer: IpAddr) -> Response<Full<Bytes>> {
        if !is_read(&parts.method) {
            return method_not_allowed();
        }
        let Some(slug) = slug(parts.uri.path()) else { return self.leads_nowhere() };
        let found = match self.store.link_route_cached(slug) {
            Some(route) => Ok(Some(route)),
            None => self.store.link_route(slug).await,
        };
        match found {
            Ok(Some(route)) => {
                self.recorder.make_way().await;
                self.follow(&route, parts, peer)
            }
            Ok(None) => self.leads_nowhere(),
            Err(cause) => self.redirect_failed(&Problem::from(cause)),
        }
    }

    fn follow(&self, route: &Arc<LinkRoute>, parts: &Parts, peer: IpAddr) -> Response<Full<Bytes>> {
        if route.disabled {
            return self.leads_nowhere();
        }
        let now = self.store.clock().now();
        if route.expires_at().is_some_and(|at| at <= now) {
            bump(&self.metrics.redirects_expired);
            return Answer::page(410, EXPIRED).into_response(None);
        }
        let click = self.recorder.click_id(route.link, now);
        let Ok(location) = location(route, click, self.store.codec()) else {
            // Targets are checked when a link is made.
            tracing::error!(link = route.link.0, "a link's target can not be sent as a header");
            return self.redirect_failed(&Problem::FAILED);
        };
        let remote = origin::remote(peer, &parts.headers, &self.config.trusted_proxies);
        self.recorder.push(route.clone(), click, RawVisit::of(parts, remote));
        bump(&self.metrics.redirects);
        answer(route.redirect(), location)
    }

    /// One page for links that never were and for those that are switched off.
    fn leads_nowhere(&self) -> Response<Full<Bytes>> {
        bump(&self.metrics.redirects_unknown);
        Answer::page(404, UNKNOWN).into_response(None)
    }

    fn redirect_failed(&self, problem: &Problem) -> Response<Full<Bytes>> {
        bump(&self.metrics.redirects_failed);
        Answer::from(problem).into_response(None)
    }
}

fn answer(status: u16, location: HeaderValue) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(BODY)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::FOUND);
    let headers = response.headers_mut();
    headers.reserve(4);
    headers.insert(LOCATION, location);
    // Also for 301 and 308: a browser that keeps one never comes back, so that later clicks are not counted, and neither a
    // changed target nor the link's end reach it (RFC 9111, 4.2.2: they may be kept unless this is said).
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    // The target learns the site that the link stood on, but not its page, even where that page's own policy is laxer; a
    // stricter one stays as it is, for the browser has cut its referrer already.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

/// The slug in a path, just as it stands there: `%61` is no `a`, so that a link has one address.
fn slug(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(PREFIX)?;
    let slug = rest.strip_suffix('/').unwrap_or(rest);
    domain::is_slug(slug).then_some(slug)
}

fn location(route: &LinkRoute, click: ClickId, codec: &IdCodec) -> Result<HeaderValue, InvalidHeaderValue> {
    match route.click_param() {
        None => HeaderValue::from_str(route.target()),
        Some(param) => {
            let text = with_click(route.target(), param, |out| click.write(codec, out));
            HeaderValue::from_maybe_shared(Bytes::from(text))
        }
    }
}

/// The target with a parameter at the end of its query. One of the same name that was there gives way: which of two counts
/// differs from server to server.
fn with_click(target: &str, param: &str, write_value: impl FnOnce(&mut String)) -> String {
    let (rest, fragment) = target.split_at_checked(target.find('#').unwrap_or(target.len())).unwrap_or((target, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut out = String::with_capacity(target.len() + param.len() + 44);
    out.push_str(path);
    out.push('?');
    let name = |pair: &str| pair.find('=').map_or(pair.len(), |end| end);
    for pair in query.split('&').filter(|pair| pair.get(..name(pair)) != Some(param)) {
        if !out.ends_with('?') {
            out.push('&');
        }
        out.push_str(pair);
    }
    if !out.ends_with(['?', '&']) {
        out.push('&');
    }
    out.push_str(param);
    out.push('=');
    write_value(&mut out);
    out.push_str(fragment);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{AppId, LinkId, LinkParts, OrgId, Timestamp};

    #[test]
    fn a_slug_counts_as_it_stands_in_the_path() {
        for (path, want) in [
            ("/l/Spring-Sale_26", Some("Spring-Sale_26")),
            ("/l/a/", Some("a")),
            ("/l/", None),
            ("/l//", None),
            ("/l/a//", None),
            ("/l/a/b", None),
            ("/l/%61", None),
            ("/l/a%2F", None),
            ("/l/a.b", None),
            ("/l/-a", None),
            ("/l/../in/x", None),
            ("/L/a", None),
        ] {
            assert_eq!(slug(path), want, "{path}");
        }
        assert_eq!(slug(&format!("/l/{}", "x".repeat(65))), None);
    }

    #[test]
    fn the_click_stands_in_the_query_and_before_the_fragment() {
        for (target, want) in [
            ("https://x.test", "https://x.test?c=ID"),
            ("https://x.test/", "https://x.test/?c=ID"),
            ("https://x.test/?", "https://x.test/?c=ID"),
            ("https://x.test/#top", "https://x.test/?c=ID#top"),
            ("https://x.test/?a=1", "https://x.test/?a=1&c=ID"),
            ("https://x.test/?a=1&", "https://x.test/?a=1&c=ID"),
            ("https://x.test/?a=1&&b#f?c=2", "https://x.test/?a=1&&b&c=ID#f?c=2"),
            ("https://x.test/?c=old", "https://x.test/?c=ID"),
            ("https://x.test/?c", "https://x.test/?c=ID"),
            ("https://x.test/?a=1&c=old&b=2&c=#f", "https://x.test/?a=1&b=2&c=ID#f"),
            ("https://x.test/?cc=1&C=2&c%20=3", "https://x.test/?cc=1&C=2&c%20=3&c=ID"),
            ("https://x.test/?a=?b", "https://x.test/?a=?b&c=ID"),
        ] {
            assert_eq!(with_click(target, "c", |out| out.push_str("ID")), want, "{target}");
        }
    }

    #[test]
    fn a_target_that_is_no_header_is_refused() {
        let codec = IdCodec::new([7; 16]);
        let click = ClickId { link: LinkId(2), at: Timestamp(1_795_247_040_123), nonce: 7 };
        for (target, is_fine) in [("https://x.test/", true), ("https://x.test/\r\nset-cookie: a=b", false)] {
            for click_param in ["", "c"] {
                let parts = LinkParts { slug: "s", target, redirect: 302, click_param, tags: &[] };
                let route = LinkRoute::new((OrgId(1), LinkId(2), AppId(3)), &parts, false, None).unwrap();
                assert_eq!(location(&route, click, &codec).is_ok(), is_fine, "{target} {click_param}");
            }
        }
    }

    #[test]
    fn no_redirect_is_kept_by_a_browser() {
        for status in [301, 302, 303, 307, 308] {
            let response = answer(status, HeaderValue::from_static("https://x.test/"));
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()["cache-control"], "private, no-store");
        }
    }
}
