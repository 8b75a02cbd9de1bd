//! Members of the API's answers, as pages read them.
//!
//! **Invariant:** what is missing, or of another kind, reads as empty: an answer's shape never fails a page.

use domain::Timestamp;
use serde_json::Value;

pub(crate) trait Members {
    /// The member at `path`, names with dots between: `verification.insecure`.
    fn member(&self, path: &str) -> &Value;
    fn text(&self, path: &str) -> String;
    /// `None` if it is absent, `null` or empty.
    fn some(&self, path: &str) -> Option<String>;
    fn number(&self, path: &str) -> u64;
    fn is(&self, path: &str) -> bool;
    fn list(&self, path: &str) -> &[Value];
    fn texts(&self, path: &str) -> Vec<String>;
    fn time(&self, path: &str) -> Option<Timestamp>;
    /// Of a list's page: where the next one begins, if there is one.
    fn next_page(&self) -> Option<String>;
}

impl Members for Value {
    fn member(&self, path: &str) -> &Value {
        path.split('.').fold(self, |value, name| value.get(name).unwrap_or(&Value::Null))
    }
    fn text(&self, path: &str) -> String {
        self.member(path).as_str().unwrap_or_default().to_owned()
    }
    fn some(&self, path: &str) -> Option<String> {
        Some(self.text(path)).filter(|text| !text.is_empty())
    }
    fn number(&self, path: &str) -> u64 {
        self.member(path).as_u64().unwrap_or_default()
    }
    fn is(&self, path: &str) -> bool {
        self.member(path).as_bool().unwrap_or_default()
    }
    fn list(&self, path: &str) -> &[Value] {
        self.member(path).as_array().map_or(&[], Vec::as_slice)
    }
    fn texts(&self, path: &str) -> Vec<String> {
        self.list(path).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }
    fn time(&self, path: &str) -> Option<Timestamp> {
        Timestamp::parse_rfc3339(self.member(path).as_str()?)
    }
    fn next_page(&self) -> Option<String> {
        if self.is("done") { None } else { self.some("iterator") }
    }
}

/// One part of a path of the API, percent-encoded.
pub(crate) fn part(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let _ = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => write!(out, "{}", char::from(byte)),
            _ => write!(out, "%{byte:02X}"),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_an_answer_lacks_reads_as_empty() {
        let answer = json!({"a": {"b": "x", "n": 3}, "list": ["y", 1], "done": false, "iterator": "it"});
        assert_eq!((answer.text("a.b"), answer.number("a.n"), answer.texts("list")), ("x".into(), 3, vec!["y".into()]));
        assert_eq!((answer.text("a.z.q"), answer.some("a.n"), answer.list("a")), (String::new(), None, &[][..]));
        assert_eq!(answer.next_page().as_deref(), Some("it"));
        assert_eq!(json!({"done": true, "iterator": "it"}).next_page(), None);
    }

    #[test]
    fn a_part_of_a_path_stays_one_part() {
        assert_eq!(part("a/../b?c#d%"), "a%2F..%2Fb%3Fc%23d%25");
    }
}
