//! First occurrence: the value at a path of a payload, reduced to a digest.
//!
//! Called where a message is routed, for endpoints that want only the first message for each value.
//! **Invariant:** a payload is read at most once for all paths together, without building it in memory, and may be any
//! bytes: what is no JSON has no values.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// Stands for a value: the same for the same string, however it is escaped, and for numbers, objects and so on that are
/// written alike but for whitespace. The string `1` and the number 1 differ.
pub(crate) type Digest = [u8; 32];

/// The paths that are looked for at once, see [`domain::is_payload_path`].
#[derive(Default)]
pub(crate) struct Paths<'p> {
    root: Node<'p>,
    count: usize,
}

#[derive(Default)]
struct Node<'p> {
    /// The number of the path that ends here.
    end: Option<usize>,
    below: BTreeMap<&'p str, Node<'p>>,
}

impl<'p> Paths<'p> {
    /// Returns the path's number: the same for the same path.
    pub fn add(&mut self, path: &'p str) -> usize {
        let mut node = &mut self.root;
        for name in path.split('.') {
            node = node.below.entry(name).or_default();
        }
        let next = self.count;
        let number = *node.end.get_or_insert(next);
        self.count += usize::from(number == next);
        number
    }

    /// The value at each path, by number; `None` where it is missing or `null`, or the payload is no JSON. Of members
    /// with the same name the last counts, as everywhere.
    pub fn find(&self, payload: &[u8]) -> Vec<Option<Digest>> {
        let mut found = vec![None; self.count];
        let mut json = serde_json::Deserializer::from_slice(payload);
        let seed = At { node: &self.root, found: &mut found };
        match seed.deserialize(&mut json).and_then(|()| json.end()) {
            Ok(()) => found,
            Err(_) => vec![None; self.count],
        }
    }
}

impl Node<'_> {
    /// Of a member that comes twice, nothing of the first counts.
    fn forget(&self, found: &mut [Option<Digest>]) {
        if let Some(slot) = self.end.and_then(|end| found.get_mut(end)) {
            *slot = None;
        }
        self.below.values().for_each(|node| node.forget(found));
    }
}

/// Reads the value that belongs to a node.
struct At<'a, 'p> {
    node: &'a Node<'p>,
    found: &'a mut [Option<Digest>],
}

impl<'de> DeserializeSeed<'de> for At<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        self.node.forget(self.found);
        let Some(end) = self.node.end else { return from.deserialize_any(self) };
        let raw = <&'de RawValue>::deserialize(from)?.get();
        if let Some(slot) = self.found.get_mut(end) {
            *slot = digest(raw);
        }
        if self.node.below.is_empty() {
            return Ok(());
        }
        // Another path goes on: at most once for each of a path's few names.
        serde_json::Deserializer::from_str(raw).deserialize_any(self).map_err(D::Error::custom)
    }
}

impl<'de> Visitor<'de> for At<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(node) = map.next_key_seed(Member(self.node))? {
            match node {
                Some(node) => map.next_value_seed(At { node, found: &mut *self.found })?,
                None => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let numbered = self.node.below.iter().filter_map(|(name, node)| Some((name.parse::<usize>().ok()?, node)));
        let numbered: BTreeMap<usize, &Node<'_>> = numbered.collect();
        for i in 0.. {
            let more = match numbered.get(&i) {
                Some(node) => seq.next_element_seed(At { node, found: &mut *self.found })?.is_some(),
                None => seq.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                break;
            }
        }
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Reads a member's name: the node that it leads to.
struct Member<'a, 'p>(&'a Node<'p>);

impl<'de, 'a, 'p> DeserializeSeed<'de> for Member<'a, 'p> {
    type Value = Option<&'a Node<'p>>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}
impl<'a, 'p> Visitor<'_> for Member<'a, 'p> {
    type Value = Option<&'a Node<'p>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.below.get(name))
    }
}

/// Of a value as it is written; `None` for `null`.
fn digest(raw: &str) -> Option<Digest> {
    if raw == "null" {
        return None;
    }
    let mut hash = Sha256::new();
    match raw.starts_with('"').then(|| serde_json::from_str::<String>(raw)) {
        Some(Ok(text)) => hash.update([&b"s"[..], text.as_bytes()].concat()),
        // With half a surrogate pair: no text, but still itself.
        Some(Err(_)) => hash.update([&b"?"[..], raw.as_bytes()].concat()),
        None => hash.update([&b"j"[..], &compact(raw)].concat()),
    }
    Some(hash.finalize().into())
}

/// JSON without the whitespace between its tokens.
fn compact(raw: &str) -> Vec<u8> {
    let (mut is_text, mut is_escaped) = (false, false);
    let keep = |c: &u8| {
        if !is_text && c.is_ascii_whitespace() {
            return false;
        }
        is_text ^= *c == b'"' && !is_escaped;
        is_escaped = is_text && *c == b'\\' && !is_escaped;
        true
    };
    raw.bytes().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(path: &str, payload: &str) -> Option<Digest> {
        let mut paths = Paths::default();
        assert_eq!(paths.add(path), 0);
        paths.find(payload.as_bytes())[0]
    }
    /// The value at `path` is the string `x`.
    fn check(path: &str, payload: &str) {
        assert_eq!(at(path, payload), digest(r#""x""#), "{path} {payload}");
    }
    fn check_none(path: &str, payload: &str) {
        assert_eq!(at(path, payload), None, "{path} {payload}");
    }

    #[test]
    fn a_path_leads_through_members_and_indexes() {
        check("a", r#"{"a": "x"}"#);
        check("data.link", r#"{"data": {"id": 1, "link": "x", "z": [[]]}, "type": "t"}"#);
        check("a.1.b", r#" {"a":[{"b":"y"}, {"c":0,"b":"x"}, 3]} "#);
        check("0", r#"["x", "y"]"#);
        check("a.0", r#"{"a": {"0": "x"}}"#);
        check("a\u{308}.ß", "{\"a\u{308}\": {\"ß\": \"x\"}}");
        check("data.link", r#"{"d\u0061ta": {"link": "\u0078"}}"#);
    }

    #[test]
    fn what_is_missing_or_null_or_no_json_has_no_value() {
        for payload in ["", "{", "null", "7", r#""a""#, "[]", r#"{"b": 1}"#, r#"{"a": null}"#, r#"{"a": {"c": 1}}"#] {
            check_none("a.b", payload);
        }
        check_none("a", r#"{"a": null}"#);
        check_none("a", r#"{"a": "x"} trailing"#);
        check_none("a", r#"{"a": "x", }"#);
        check_none("a.b.c", r#"{"a": {"b.c": "x"}}"#);
        check_none("a.3", r#"{"a": ["x"]}"#);
        check_none("a.-1", r#"{"a": ["x"]}"#);
        assert_eq!(Paths::default().find(b"{}"), []);
        let mut paths = Paths::default();
        paths.add("a");
        assert_eq!(paths.find(b"{\"a\": \"\xff\"}"), [None]);
    }

    #[test]
    fn nesting_without_end_is_skipped_and_breaks_nothing() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        check("a", &format!(r#"{{"b": {}, "a": "x"}}"#, deep(100_000)));
        check_none("a", &format!(r#"{{"a": "x", "b": {}"#, "[".repeat(100_000)));
        check_none("a.0", &"[".repeat(1_000_000));
        assert!(at("a", &format!(r#"{{"a": {}}}"#, deep(100_000))).is_some());
    }

    #[test]
    fn of_members_with_one_name_the_last_counts() {
        check("a", r#"{"a": "y", "a": "x"}"#);
        check("a.b", r#"{"a": 1, "a": {"b": "x"}}"#);
        check_none("a.b", r#"{"a": {"b": "x"}, "a": {}}"#);
        check_none("a", r#"{"a": "x", "a": null}"#);
    }

    #[test]
    fn values_are_told_apart_by_what_they_are() {
        let same = |a: &str, b: &str| digest(a) == digest(b);
        assert!(same(r#""\u00e4""#, "\"ä\""));
        assert!(same(r#"{"a": [1, 2] , "b c": "d\" e"}"#, r#"{"a":[1,2],"b c":"d\" e"}"#));
        for (a, b) in [
            ("1", r#""1""#),
            ("true", "false"),
            ("12345678901234567890123", "12345678901234567890124"),
            (r#""a b""#, r#""ab""#),
            (r#"["a b"]"#, r#"["ab"]"#),
            (r#"["\\", " "]"#, r#"["\\",""]"#),
            (r#""\ud800""#, r#""\ud801""#),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
        assert!(digest(r#""""#).is_some() && digest("0").is_some() && digest("false").is_some());
    }

    #[test]
    fn many_paths_are_found_at_once() {
        let mut paths = Paths::default();
        let numbers = ["a", "a.b", "a.b", "c.0", "a.b.c", "z"].map(|p| paths.add(p));
        assert_eq!(numbers, [0, 1, 1, 2, 3, 4]);
        let found = paths.find(br#"{"c": ["x"], "a": {"b": {"c": "x"}}}"#);
        let x = digest(r#""x""#);
        assert_eq!(found, [digest(r#"{"b":{"c":"x"}}"#), digest(r#"{"c":"x"}"#), x, x, None]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(payload: Vec<u8>, path in "[a-c0-2.]{1,6}") {
            let mut paths = Paths::default();
            paths.add(&path);
            paths.find(&payload);
        }

        #[test]
        fn the_value_found_is_the_one_that_a_whole_parse_finds(
            payload in r#"\{("[ab]":(1|null|"[ab]"|\[1,"a",\{"a":2\}\]|\{"a":1,"b":"x","a":null\}),){0,3}"a":\{"b":[12]\}\}"#,
            path in "[ab](\\.[ab012]){0,2}",
        ) {
            let whole: serde_json::Value = serde_json::from_str(&payload).unwrap();
            let pointer = format!("/{}", path.replace('.', "/"));
            let want = whole.pointer(&pointer).map(ToString::to_string);
            // A whole parse drops the first of two members: compare where it keeps the text.
            let want = want.filter(|text| !text.contains('{')).map(|text| digest(&text));
            if let Some(want) = want {
                prop_assert_eq!(at(&path, &payload), want);
            }
        }
    }
}
