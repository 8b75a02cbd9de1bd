//! A request as its events are read from it, and what its body is: JSON, a form, text, or bytes.
//!
//! **Invariant:** any bytes are something; what the content type claims is believed only as far as the bytes bear it out.

use crate::pointer;
use bytes::Bytes;
use domain::Timestamp;
use std::borrow::Cow;
use url::form_urlencoded;

/// Fields of a form, or parameters of a query, that become JSON at most: beyond it the text stays text.
const PAIRS_MAX: usize = 10_000;

/// A request, just arrived or stored.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub method: &'a str,
    /// What followed the source's token.
    pub target: &'a str,
    pub headers: &'a [(&'a str, &'a [u8])],
    pub body: &'a Bytes,
    /// Its arrival.
    pub at: Timestamp,
}

/// What a body is.
pub(crate) enum Content<'a> {
    Empty,
    /// Perhaps JSON: it looks like it.
    Json(&'a str),
    Form(&'a [u8]),
    /// Text that is neither, or no text.
    Other,
}

impl<'a> Seen<'a> {
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
    }
    pub fn query(&self) -> Option<&'a str> {
        self.target.split_once('?').map(|(_, query)| query).filter(|query| !query.is_empty())
    }
    pub fn query_value(&self, name: &str) -> Option<Cow<'a, str>> {
        value(self.query()?.as_bytes(), name)
    }
    pub fn form_value(&self, name: &str) -> Option<Cow<'a, str>> {
        if self.is_form() { value(self.body, name) } else { None }
    }
    /// Whether the body is a form. JSON isn't, though it comes as one from `curl -d`.
    fn is_form(&self) -> bool {
        self.has_type(b"application/x-www-form-urlencoded")
            && !std::str::from_utf8(self.body).is_ok_and(|text| looks_json(text) && pointer::find(text, &[]).is_some())
    }
    /// Whether the content type is this one, whatever its parameters.
    fn has_type(&self, name: &[u8]) -> bool {
        let kind = self.header("content-type").unwrap_or_default();
        let kind = kind.split(|b| *b == b';').next().unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(name)
    }
    fn claims_json(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default();
        kind.windows(4).any(|w| w.eq_ignore_ascii_case(b"json"))
    }
    pub fn content(&self) -> Content<'a> {
        if self.body.is_empty() {
            return Content::Empty;
        }
        if self.is_form() {
            return Content::Form(self.body);
        }
        let Ok(text) = std::str::from_utf8(self.body) else { return Content::Other };
        // Some send JSON as text/plain (AWS SNS).
        if looks_json(text) || self.claims_json() { Content::Json(text) } else { Content::Other }
    }
}

/// Whether it begins as an object or an array does.
fn looks_json(text: &str) -> bool {
    text.trim_ascii_start().starts_with(['{', '['])
}

fn value<'a>(pairs: &'a [u8], name: &str) -> Option<Cow<'a, str>> {
    form_urlencoded::parse(pairs).find(|(n, _)| n == name).map(|(_, value)| value)
}

/// A form or a query as a JSON object: a name that comes again has an array. `None` for more fields than sense.
pub(crate) fn object(pairs: &[u8]) -> Option<String> {
    if pairs.iter().filter(|b| **b == b'&').count() >= PAIRS_MAX {
        return None;
    }
    let mut fields = serde_json::Map::new();
    for (name, value) in form_urlencoded::parse(pairs) {
        let value = serde_json::Value::String(value.into_owned());
        match fields.entry(name.into_owned()) {
            serde_json::map::Entry::Vacant(free) => drop(free.insert(value)),
            serde_json::map::Entry::Occupied(taken) => match taken.into_mut() {
                serde_json::Value::Array(all) => all.push(value),
                first => *first = serde_json::Value::Array(vec![first.take(), value]),
            },
        }
    }
    serde_json::to_string(&fields).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A `POST` that arrived at a fixed time.
    pub(crate) fn seen<'a>(target: &'a str, headers: &'a [(&'a str, &'a [u8])], body: &'a Bytes) -> Seen<'a> {
        Seen { method: "POST", target, headers, body, at: Timestamp(1_795_247_040_123) }
    }

    fn check(kind: &str, body: &'static [u8], want: &str) {
        let headers = [("content-type", kind.as_bytes())];
        let body = Bytes::from_static(body);
        let got = match seen("", &headers, &body).content() {
            Content::Empty => "empty",
            Content::Json(_) => "json",
            Content::Form(_) => "form",
            Content::Other => "other",
        };
        assert_eq!(got, want, "{kind} {body:?}");
    }

    #[test]
    fn a_body_is_what_its_bytes_bear_out() {
        check("application/json", b"", "empty");
        check("text/plain; charset=UTF-8", b" {\"Type\":\"Notification\"}", "json");
        check("application/vnd.api+JSON", b"7", "json");
        check("application/json", b"\"\xff\"", "other");
        check("Application/X-WWW-Form-Urlencoded ; charset=utf-8", b"{", "form");
        // What curl -d says of whatever it sends.
        let form = "application/x-www-form-urlencoded";
        check(form, b" {\"a\":1}\n", "json");
        check(form, b"[1]", "json");
        check(form, b"{a}=1&[b]=2", "form");
        check(form, b"{\"a\":1}=&b=2", "form");
        check(form, b"7", "form");
        check(form, b"\"a=1\"", "form");
        check("text/xml", b"<a>\0</a>", "other");
        check("", b"\x1f\x8b\x08", "other");
    }

    #[test]
    fn json_that_comes_as_a_form_has_no_fields() {
        let headers = [("content-type", &b"application/x-www-form-urlencoded"[..])];
        for (body, want) in [(&br#"{"x":"&a=1&"}"#[..], None), (b"x=2&a=1&", Some("1"))] {
            assert_eq!(seen("", &headers, &Bytes::from_static(body)).form_value("a").as_deref(), want);
        }
    }

    #[test]
    fn a_form_becomes_an_object_with_arrays_for_names_that_come_again() {
        assert_eq!(object(b"a=1&b=x%20y&a=2&a=%00&c").unwrap(), r#"{"a":["1","2","\u0000"],"b":"x y","c":""}"#);
        assert_eq!(object(b"").unwrap(), "{}");
        assert_eq!(object("a&".repeat(PAIRS_MAX).as_bytes()), None);
        let replaced: serde_json::Value = serde_json::from_str(&object(b"%ff=%fe").unwrap()).unwrap();
        assert_eq!(replaced, serde_json::json!({"\u{fffd}": "\u{fffd}"}));
    }
}
