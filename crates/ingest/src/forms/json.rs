//! `application/json` bodies: an object whose members are the fields.
//!
//! **Invariant:** how deep and how many values it has is counted before anything is made of it, so that a small body can't
//! become much memory.

use super::entry::{Entry, Given, Refusal, check_name, too_many};
use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// Objects and arrays within one another at most, the whole being the first.
const DEPTH_MAX: usize = 16;
/// Values in all at most.
const VALUES_MAX: usize = 10_000;

pub(super) fn read(body: &[u8], fields_max: usize) -> Result<Vec<Entry>, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| Refusal::validation("The body is not UTF-8"))?;
    weigh(text)?;
    let no_object = |_| Refusal::malformed("The body is not a JSON object");
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = reader.deserialize_map(Members).map_err(no_object)?;
    reader.end().map_err(no_object)?;
    if members.len() > fields_max {
        return Err(too_many(fields_max));
    }
    for (name, value) in &members {
        check_name(name)?;
        if has_nul(value) {
            return Err(Refusal::field(name, "has a NUL character in it"));
        }
    }
    Ok(members.into_iter().map(|(name, value)| Entry { name, value: Given::Json(value) }).collect())
}

/// Counts without reading: what is in strings doesn't count.
fn weigh(text: &str) -> Result<(), Refusal> {
    let (mut depth, mut values, mut in_string, mut is_escaped) = (0_usize, 0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => (),
            b'{' | b'[' => {
                depth += 1;
                values += 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => (),
        }
        if depth > DEPTH_MAX {
            return Err(Refusal::validation(format!("The JSON is nested deeper than {DEPTH_MAX} levels")));
        }
        if values > VALUES_MAX {
            return Err(Refusal::validation(format!("The JSON has more than {VALUES_MAX} values")));
        }
    }
    Ok(())
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The members of an object in order; a name may come again.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status(body: &[u8]) -> u16 {
        read(body, 200).unwrap_err().problem.status
    }

    #[test]
    fn members_are_fields_in_order_and_a_name_may_come_again() {
        let entries = read(br#" {"b": 1, "a": [true, null], "b": "x", "__proto__": {"c": 1.5}} "#, 200).unwrap();
        let got: Vec<_> = entries.iter().map(|e| (e.name.as_str(), &e.value)).collect();
        let want = [("b", json!(1)), ("a", json!([true, null])), ("b", json!("x")), ("__proto__", json!({"c": 1.5}))];
        let want: Vec<_> = want.into_iter().map(|(name, value)| (name, Given::Json(value))).collect();
        assert_eq!(got, want.iter().map(|(n, v)| (*n, v)).collect::<Vec<_>>());
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_read() {
        let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(status(deep.as_bytes()), 422);
        let wide = format!(r#"{{"a":[{}0]}}"#, "0,".repeat(1_000_000));
        assert_eq!(status(wide.as_bytes()), 422);
        let hollow = format!(r#"{{"a":[{}0]}}"#, "[],".repeat(1_000_000));
        assert_eq!(status(hollow.as_bytes()), 422);
        let fields: Vec<_> = (0..201).map(|n| format!(r#""f{n}":1"#)).collect();
        assert_eq!(status(format!("{{{}}}", fields.join(",")).as_bytes()), 422);
        let quoted = json!({"a": "[{,".repeat(20_000), "b": "\\\"["}).to_string();
        assert!(read(quoted.as_bytes(), 200).is_ok(), "brackets in a string are text");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for bad in
            ["", "[]", "7", "\"a\"", "null", "{", "{}x", "{} {}", "{\"a\":1e999}", "{\"a\":\"\\ud800\"}", "{a:1}"]
        {
            assert_eq!(status(bad.as_bytes()), 400, "{bad}");
        }
        for bad in [&b"{\"a\":\"\xff\"}"[..], br#"{"a":"\u0000"}"#, br#"{"a":[{"b\u0000":1}]}"#, br#"{"":1}"#] {
            assert_eq!(status(bad), 422, "{}", String::from_utf8_lossy(bad));
        }
        assert_eq!(read(b"{}", 200), Ok(vec![]));
    }
}
