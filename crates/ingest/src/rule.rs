//! Rules that say where in a request a value is: `header:x-github-event`, `json:/data/id`, `query:x`, `form:x`,
//! `text:order.created`; several make one value together.
//!
//! **Invariant:** JSON is read once for all rules of a look; nothing that is absent, null or empty counts as a value.

use crate::content::Seen;
use crate::pointer::{self, Pointer};
use std::borrow::Cow;

/// One place of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// By its lower-case name.
    Header(Box<str>),
    Json(Pointer),
    Query(Box<str>),
    Form(Box<str>),
    Text(Box<str>),
}

const KINDS: [&str; 5] = ["header:", "json:", "query:", "form:", "text:"];

impl Rule {
    pub fn parse(text: &str) -> Option<Rule> {
        let (kind, rest) = text.split_once(':')?;
        Some(match kind {
            "header" => Rule::Header(rest.to_ascii_lowercase().into()),
            "json" => Rule::Json(Pointer::parse(rest)?),
            "query" => Rule::Query(rest.into()),
            "form" => Rule::Form(rest.into()),
            "text" => Rule::Text(rest.into()),
            _ => return None,
        })
    }

    /// Rules in a row, with spaces, commas or plus signs between them. What is no rule is left out.
    pub fn parse_all(text: &str) -> Vec<Rule> {
        let begins = |at: &usize| {
            let is_apart = text.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with([' ', ',', '+']));
            is_apart && text.get(*at..).is_some_and(|rest| KINDS.iter().any(|kind| rest.starts_with(kind)))
        };
        let starts: Vec<usize> = (0..text.len()).filter(begins).collect();
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        let pieces = starts.iter().zip(ends).filter_map(|(from, to)| text.get(*from..to));
        pieces.filter_map(|piece| Rule::parse(piece.trim_end_matches([' ', ',', '+']))).collect()
    }

    pub fn is_json(&self) -> bool {
        matches!(self, Rule::Json(_))
    }
}

/// The values that `rules` name, in their order. JSON pointers begin at `json`, if there is one.
pub(crate) fn look<'a>(rules: &[Rule], seen: &Seen<'a>, json: Option<&'a str>) -> Vec<Option<Cow<'a, [u8]>>> {
    let pointers: Vec<&Pointer> =
        rules.iter().filter_map(|rule| if let Rule::Json(pointer) = rule { Some(pointer) } else { None }).collect();
    let found = match json {
        Some(text) if !pointers.is_empty() => pointer::find(text, &pointers),
        _ => None,
    };
    let mut found = found.into_iter().flatten();
    let values = rules.iter().map(|rule| match rule {
        Rule::Header(name) => seen.header(name).map(Cow::Borrowed),
        Rule::Json(_) => found.next().flatten().and_then(scalar),
        Rule::Query(name) => seen.query_value(name).map(bytes),
        Rule::Form(name) => seen.form_value(name).map(bytes),
        Rule::Text(text) => Some(Cow::Owned(text.as_bytes().to_vec())),
    });
    values.map(|value| value.filter(|v| !v.is_empty())).collect()
}

fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// A JSON text's characters; numbers, objects and so on as they are written. Null is nothing.
fn scalar(raw: &str) -> Option<Cow<'_, [u8]>> {
    if raw == "null" {
        return None;
    }
    let inner = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Some(match inner {
        None => Cow::Borrowed(raw.as_bytes()),
        Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain.as_bytes()),
        // An escape that stands for no character (half a surrogate pair) stays as it is written.
        Some(escaped) => match serde_json::from_str::<String>(raw) {
            Ok(text) => Cow::Owned(text.into_bytes()),
            Err(_) => Cow::Borrowed(escaped.as_bytes()),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::tests::seen;
    use bytes::Bytes;

    #[test]
    fn rules_are_read_one_by_one_and_in_a_row() {
        assert_eq!(Rule::parse("header:X-Id"), Some(Rule::Header("x-id".into())));
        assert_eq!(Rule::parse("text:a b"), Some(Rule::Text("a b".into())));
        assert_eq!((Rule::parse("json:id"), Rule::parse("cookie:x"), Rule::parse("")), (None, None, None));
        for text in ["json:/a header:b", "json:/a,header:b", "json:/a + header:b"] {
            assert_eq!(Rule::parse_all(text), [Rule::parse("json:/a").unwrap(), Rule::Header("b".into())], "{text}");
        }
        assert_eq!(Rule::parse_all("none"), []);
        assert_eq!(Rule::parse_all("json:/é,x"), [Rule::parse("json:/é,x").unwrap()]);
    }

    #[test]
    fn values_come_from_where_the_rules_say() {
        let json = r#"{"a":"x\"y","n":7,"z":null,"e":"","o":{"p":1},"s":"\ud800"}"#;
        let rules = "header:X json:/a json:/n json:/z json:/e json:/o json:/s query:q text:t json:/none";
        let body = Bytes::from(json);
        let headers = [("x", &b"\xff"[..])];
        let at = seen("/p?q=a%20b", &headers, &body);
        let looked = look(&Rule::parse_all(rules), &at, Some(json));
        let want: [Option<&[u8]>; 10] = [
            Some(b"\xff"),
            Some(b"x\"y"),
            Some(b"7"),
            None,
            None,
            Some(b"{\"p\":1}"),
            Some(b"\\ud800"),
            Some(b"a b"),
            Some(b"t"),
            None,
        ];
        assert_eq!(looked.iter().map(Option::as_deref).collect::<Vec<_>>(), want);
    }

    #[test]
    fn a_form_has_values_and_broken_json_has_none() {
        let body = Bytes::from_static(b"MessageSid=SM1&Body=%ff");
        let headers = [("content-type", &b"application/x-www-form-urlencoded; charset=utf-8"[..])];
        let at = seen("", &headers, &body);
        let looked = look(&Rule::parse_all("form:MessageSid json:/a"), &at, Some("{"));
        assert_eq!(looked.iter().map(Option::as_deref).collect::<Vec<_>>(), [Some(&b"SM1"[..]), None]);
    }
}
