//! JSON pointers (RFC 6901), followed through JSON text without building a tree of it.
//!
//! **Invariant:** finds what `serde_json::Value::pointer` would find (of two members with one name the last counts), reads
//! the text once, and never copies it. What no pointer leads to is only checked for its grammar.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Pointers that one pass follows at most; more are followed in further passes.
const PASS_MAX: usize = 32;

/// A parsed JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pointer {
    steps: Box<[Step]>,
}

/// The name of a member, and the index of an element where it can be one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    name: Box<str>,
    index: Option<usize>,
}

impl Pointer {
    /// `None` for text that is not empty and does not begin with `/`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        if parts.next() != Some("") {
            return None;
        }
        let step = |part: &str| {
            let is_index = part == "0" || part.bytes().next().is_some_and(|b| b.is_ascii_digit() && b != b'0');
            let index = is_index.then(|| part.parse().ok()).flatten();
            Step { name: part.replace("~1", "/").replace("~0", "~").into(), index }
        };
        Some(Pointer { steps: parts.map(step).collect() })
    }
}

/// The texts that `pointers` lead to, in their order, or `None` where the text is not JSON as a whole.
pub(crate) fn find<'a>(json: &'a str, pointers: &[&Pointer]) -> Option<Vec<Option<&'a str>>> {
    let mut found = vec![None; pointers.len()];
    let mut from = 0;
    loop {
        let to = pointers.len().min(from + PASS_MAX);
        let pass = pointers.get(from..to)?;
        let mask = if pass.len() == PASS_MAX { u32::MAX } else { (1 << pass.len()) - 1 };
        let seed = At { pointers: pass, found: found.get_mut(from..to)?, mask, depth: 0 };
        let mut text = serde_json::Deserializer::from_str(json);
        seed.deserialize(&mut text).ok()?;
        text.end().ok()?;
        from = to;
        if from == pointers.len() {
            return Some(found);
        }
    }
}

/// The elements of a JSON array; `None` for other JSON, and for more than `max`.
pub(crate) fn elements(json: &str, max: usize) -> Option<Vec<&str>> {
    struct Elements(usize);
    impl<'de> Visitor<'de> for Elements {
        type Value = Vec<&'de str>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "an array of at most {} elements", self.0)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut all = Vec::new();
            while let Some(element) = list.next_element::<&RawValue>()? {
                if all.len() == self.0 {
                    return Err(A::Error::custom("too many elements"));
                }
                all.push(element.get());
            }
            Ok(all)
        }
    }
    serde_json::Deserializer::from_str(json).deserialize_seq(Elements(max)).ok()
}

/// A value on the way, and which pointers lead through it or to it.
struct At<'p, 'f, 'a> {
    pointers: &'p [&'p Pointer],
    found: &'f mut [Option<&'a str>],
    mask: u32,
    depth: usize,
}

impl<'a> At<'_, '_, 'a> {
    /// The pointers of the mask for which `test` holds.
    fn those(&self, test: impl Fn(&Pointer) -> bool) -> u32 {
        let at = |i: &usize| self.mask & (1 << i) != 0;
        let all = self.pointers.iter().enumerate().filter(|(i, _)| at(i));
        all.filter(|(_, p)| test(p)).fold(0, |mask, (i, _)| mask | (1 << i))
    }
    fn set(&mut self, mask: u32, to: Option<&'a str>) {
        for (_, found) in self.found.iter_mut().enumerate().filter(|(i, _)| mask & (1 << i) != 0) {
            *found = to;
        }
    }
    fn next(&mut self, mask: u32) -> At<'_, '_, 'a> {
        // An earlier member of the same name counts no more, nor does what it held.
        self.set(mask, None);
        At { pointers: self.pointers, found: self.found, mask, depth: self.depth + 1 }
    }
}

impl<'de> DeserializeSeed<'de> for At<'_, '_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(mut self, text: D) -> Result<(), D::Error> {
        if self.mask == 0 {
            return IgnoredAny::deserialize(text).map(drop);
        }
        let depth = self.depth;
        let ends = self.those(|p| p.steps.len() == depth);
        if ends == 0 {
            return text.deserialize_any(self);
        }
        let raw = <&'de RawValue>::deserialize(text)?.get();
        self.set(ends, Some(raw));
        self.mask &= !ends;
        if self.mask == 0 {
            return Ok(());
        }
        self.deserialize(&mut serde_json::Deserializer::from_str(raw)).map_err(D::Error::custom)
    }
}

impl<'de> Visitor<'de> for At<'_, '_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    // A pointer that leads on from a scalar finds nothing.
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
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(mask) = map.next_key_seed(Name(&self))? {
            map.next_value_seed(self.next(mask))?;
        }
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        for index in 0.. {
            let depth = self.depth;
            let mask = self.those(|p| p.steps.get(depth).is_some_and(|step| step.index == Some(index)));
            if list.next_element_seed(self.next(mask))?.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// Reads a member's name: which pointers go on in it.
struct Name<'n, 'p, 'f, 'a>(&'n At<'p, 'f, 'a>);

impl<'de> DeserializeSeed<'de> for Name<'_, '_, '_, '_> {
    type Value = u32;
    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<u32, D::Error> {
        text.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_, '_, '_, '_> {
    type Value = u32;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }
    fn visit_str<E>(self, name: &str) -> Result<u32, E> {
        let depth = self.0.depth;
        Ok(self.0.those(|p| p.steps.get(depth).is_some_and(|step| &*step.name == name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn one<'a>(json: &'a str, pointer: &str) -> Option<&'a str> {
        find(json, &[&Pointer::parse(pointer).unwrap()]).unwrap().remove(0)
    }

    #[test]
    fn a_pointer_finds_the_text_as_it_came() {
        let json = r#"{"a": {"b": [1, {"c/d": "x\u0079"}]}, "n": 1.50 , "": {"": null}}"#;
        assert_eq!(one(json, "/a/b/1/c~1d"), Some(r#""x\u0079""#));
        assert_eq!(one(json, "/a/b"), Some(r#"[1, {"c/d": "x\u0079"}]"#));
        assert_eq!(one(json, "/n"), Some("1.50"));
        assert_eq!(one(json, "//"), Some("null"));
        assert_eq!(one(json, ""), Some(json));
        for nothing in ["/a/b/01", "/a/b/2", "/a/b/-", "/n/x", "/z", "/a/b/c"] {
            assert_eq!(one(json, nothing), None, "{nothing}");
        }
        assert_eq!(Pointer::parse("a"), None);
    }

    #[test]
    fn of_two_members_with_one_name_the_last_counts() {
        assert_eq!(one(r#"{"a":1,"a":2}"#, "/a"), Some("2"));
        assert_eq!(one(r#"{"a":{"b":1},"a":{"c":1}}"#, "/a/b"), None);
        assert_eq!(one(r#"{"a":1,"\u0061":2}"#, "/a"), Some("2"));
    }

    #[test]
    fn what_is_not_json_is_found_nothing_in() {
        let pointer = Pointer::parse("/a").unwrap();
        for bad in ["", "{", r#"{"a":1}}"#, r#"{"a":1,}"#, r#"{"a":1,"b":nul}"#, "[1 2]", "\u{feff}{}", r#"{"b":"\q"}"#]
        {
            assert_eq!(find(bad, &[&pointer]), None, "{bad}");
            assert_eq!(find(bad, &[]), None, "{bad}");
        }
    }

    #[test]
    fn deep_json_needs_no_stack() {
        let deep = format!(r#"{{"x":{}{},"a":7}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(one(&deep, "/a"), Some("7"));
        assert_eq!(find(&"[".repeat(1_000_000), &[]), None);
    }

    #[test]
    fn elements_are_counted() {
        assert_eq!(elements("[1, {\"a\": 2},[] ]", 3).unwrap(), ["1", "{\"a\": 2}", "[]"]);
        assert_eq!(elements("[1,2]", 1), None);
        assert_eq!(elements("{}", 1), None);
        assert_eq!(elements("[]", 0).unwrap(), [""; 0]);
    }

    #[test]
    fn more_pointers_than_one_pass_takes_are_all_followed() {
        let json = format!("[{}]", (0..100).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
        let pointers: Vec<Pointer> = (0..100).map(|n| Pointer::parse(&format!("/{n}")).unwrap()).collect();
        let found = find(&json, &pointers.iter().collect::<Vec<_>>()).unwrap();
        assert!(found.iter().enumerate().all(|(n, text)| *text == Some(n.to_string().as_str())));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ab~/\"\\\\é]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[ab01~/\"]{0,2}", inner, 0..5)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_pointer_finds_what_a_tree_would(
            value in json(), pretty: bool, pointers in prop::collection::vec("(/(a|b|0|1|01|~0|~1|\"|aa|ab)?){0,4}", 0..6),
        ) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let parsed: Vec<Pointer> = pointers.iter().map(|p| Pointer::parse(p).unwrap()).collect();
            let found = find(&text, &parsed.iter().collect::<Vec<_>>()).unwrap();
            for (pointer, found) in pointers.iter().zip(found) {
                let found: Option<Value> = found.map(|raw| serde_json::from_str(raw).unwrap());
                prop_assert_eq!(found.as_ref(), value.pointer(pointer), "{}", pointer);
            }
        }

        #[test]
        fn any_text_is_json_for_both_or_for_neither(text in "[\\[\\]{}:,\"a10 .e-]{0,12}") {
            let is_json = serde_json::from_str::<IgnoredAny>(&text).is_ok();
            prop_assert_eq!(find(&text, &[]).is_some(), is_json);
        }
    }
}
