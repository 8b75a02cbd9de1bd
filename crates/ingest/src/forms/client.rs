//! Who posts: a browser that shows a page, or a script that reads JSON, and from which site.
//!
//! **Invariant:** a script of a site that the form doesn't name reads no answer; a page never leads anywhere but to where the
//! form's owner says, or back.

use super::entry::Refusal;
use super::page;
use bytes::Bytes;
use domain::FormSpec;
use http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    LOCATION, ORIGIN, REFERER, REFERRER_POLICY, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;
use url::Url;

const METHODS: HeaderValue = HeaderValue::from_static("POST, OPTIONS");

/// How to answer.
pub(super) struct Client {
    is_browser: bool,
    /// The `Access-Control-Allow-Origin` of all answers.
    allowed: Option<HeaderValue>,
    /// The page that the form is on.
    back: Option<String>,
}

impl Client {
    pub fn of(headers: &HeaderMap) -> Client {
        let accepts = |kind: &str| {
            let mut lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
            lines.any(|line| line.to_ascii_lowercase().contains(kind))
        };
        let sends = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let sends_json = sends.to_ascii_lowercase().starts_with("application/json");
        let is_browser = accepts("text/html") && !accepts("application/json") && !sends_json;
        Client { is_browser, allowed: None, back: None }
    }

    /// Learns what the form says of the site that the request comes from.
    pub fn meet(&mut self, spec: &FormSpec, headers: &HeaderMap) -> Result<(), Refusal> {
        let is_open = spec.origins.iter().any(|origin| origin == "*");
        let is_listed = |origin: &str| {
            let bare = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
            is_open || spec.origins.iter().any(|listed| bare(listed) == bare(origin))
        };
        if let Some(origin) = headers.get(ORIGIN) {
            if !origin.to_str().is_ok_and(is_listed) {
                let detail = "Forms of this site are not accepted here";
                return Err(Refusal::forbidden("origin_not_allowed", detail));
            }
            self.allowed = Some(if is_open { HeaderValue::from_static("*") } else { origin.clone() });
        }
        let referer = headers.get(REFERER).and_then(|referer| Url::parse(referer.to_str().ok()?).ok());
        let is_page = |url: &Url| {
            matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none()
        };
        self.back =
            referer.filter(is_page).filter(|url| is_listed(&url.origin().ascii_serialization())).map(Into::into);
        Ok(())
    }

    /// A script asks whether it may post.
    pub fn preflight(&self) -> Response<Full<Bytes>> {
        let mut response = self.response(204, Bytes::new());
        let headers = response.headers_mut();
        headers.insert(ALLOW, METHODS);
        if self.allowed.is_some() {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            let allowed = HeaderValue::from_static("accept, content-type, x-requested-with");
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        }
        response
    }

    /// What a good submission is answered with. `id` is its message's.
    pub fn thanked(&self, spec: &FormSpec, id: &str) -> Response<Full<Bytes>> {
        if !self.is_browser {
            return self.json(200, &json!({"ok": true, "id": id}));
        }
        if let Some(location) = spec.redirect_url.as_deref().and_then(location) {
            let mut response = self.response(303, Bytes::new());
            response.headers_mut().insert(LOCATION, location);
            return response;
        }
        self.page(200, page::thanks(spec.thank_you.as_deref(), self.back.as_deref()))
    }

    pub fn refused(&self, refusal: &Refusal) -> Response<Full<Bytes>> {
        let problem = &refusal.problem;
        let mut response = if self.is_browser {
            self.page(problem.status, page::refused(refusal))
        } else {
            let mut told = json!({"code": problem.code, "detail": problem.detail});
            let fields = refusal.wrongs.iter().map(|wrong| json!({"field": wrong.field, "problem": wrong.problem}));
            if let Some(told) = told.as_object_mut().filter(|_| !refusal.wrongs.is_empty()) {
                told.insert("fields".to_owned(), fields.collect());
            }
            self.json(problem.status, &told)
        };
        let headers = response.headers_mut();
        if let Some(seconds) = problem.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if problem.status == 405 {
            headers.insert(ALLOW, METHODS);
        }
        response
    }

    fn json(&self, status: u16, value: &serde_json::Value) -> Response<Full<Bytes>> {
        let mut response = self.response(status, Bytes::from(value.to_string()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    fn page(&self, status: u16, page: String) -> Response<Full<Bytes>> {
        let mut response = self.response(status, Bytes::from(page));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CONTENT_SECURITY_POLICY, page::policy());
        response
    }

    fn response(&self, status: u16, body: Bytes) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(VARY, HeaderValue::from_static("origin, accept"));
        if let Some(allowed) = &self.allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
        }
        response
    }
}

/// Where an owner sends browsers.
fn location(url: &str) -> Option<HeaderValue> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    HeaderValue::from_str(url.as_str()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    const CHROME: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");

    #[test]
    fn browsers_get_pages_and_scripts_get_json() {
        for (pairs, want) in [
            (&[CHROME][..], true),
            (&[], false),
            (&[("accept", "*/*")], false),
            (&[("accept", "application/json, text/plain, */*")], false),
            (&[("accept", "application/json, text/html")], false),
            (&[CHROME, ("content-type", "Application/JSON; charset=utf-8")], false),
        ] {
            assert_eq!(Client::of(&headers(pairs)).is_browser, want, "{pairs:?}");
        }
    }

    fn met(origins: &[&str], pairs: &[(&'static str, &str)]) -> Option<(String, String)> {
        let spec = FormSpec { origins: origins.iter().map(|o| (*o).to_owned()).collect(), ..FormSpec::default() };
        let headers = headers(pairs);
        let mut client = Client::of(&headers);
        client.meet(&spec, &headers).ok()?;
        let allowed = client.allowed.map(|v| v.to_str().unwrap().to_owned());
        Some((allowed.unwrap_or_default(), client.back.unwrap_or_default()))
    }
    fn some(allowed: &str, back: &str) -> Option<(String, String)> {
        Some((allowed.to_owned(), back.to_owned()))
    }

    #[test]
    fn only_the_sites_of_the_form_may_post_and_are_led_back_to() {
        let one = &["https://a.test"][..];
        assert_eq!(met(&["*"], &[("origin", "https://x.test")]), some("*", ""));
        assert_eq!(met(&["*"], &[("origin", "null")]), some("*", ""));
        assert_eq!(met(one, &[("origin", "https://A.test")]), some("https://A.test", ""));
        assert_eq!(met(&["https://a.test/"], &[("origin", "https://a.test")]), some("https://a.test", ""));
        assert_eq!(met(one, &[]), some("", ""), "no browser");
        for other in ["https://b.test", "http://a.test", "https://a.test:8443", "https://a.test.evil", "null", "*"] {
            assert_eq!(met(one, &[("origin", other)]), None, "{other}");
        }
        assert_eq!(met(&[], &[("origin", "https://a.test")]), None);
        assert_eq!(met(one, &[("referer", "https://a.test/f?x=1")]), some("", "https://a.test/f?x=1"));
        for other in ["https://b.test/", "javascript:alert(1)", "https://u:p@a.test/", "nonsense"] {
            assert_eq!(met(one, &[("referer", other)]), some("", ""), "{other}");
        }
        assert_eq!(met(&["*"], &[("referer", "javascript:alert(1)")]), some("", ""));
    }

    #[test]
    fn a_browser_is_sent_where_the_owner_says_or_sees_a_page() {
        let client = Client::of(&headers(&[CHROME]));
        let to = |url: &str| {
            let spec = FormSpec { redirect_url: Some(url.to_owned()), ..FormSpec::default() };
            let response = client.thanked(&spec, "msg_1");
            let location = response.headers().get(LOCATION).map(|v| v.to_str().unwrap().to_owned());
            (response.status().as_u16(), location)
        };
        assert_eq!(to("https://x.test/thänks"), (303, Some("https://x.test/th%C3%A4nks".to_owned())));
        assert_eq!(to("javascript:alert(1)"), (200, None));
        let script = Client::of(&HeaderMap::new()).thanked(&FormSpec::default(), "msg_1");
        assert_eq!(script.headers()[CONTENT_TYPE], "application/json");
    }
}
