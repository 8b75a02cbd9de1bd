//! Whether a value is as a schema says: the part of JSON Schema (draft 7) that event types use.
//!
//! **Invariant:** what it doesn't know holds; references lead into the same schema, and only so deep.

use super::{DEPTH_MAX, formats};
use serde_json::Value;
use std::cell::Cell;

const COMPLAINTS_MAX: usize = 20;
/// Values looked at in all: a schema of two references to itself would be looked at for ever.
const STEPS_MAX: u32 = 50_000;

/// What is wrong with it: the place, and what it must be. At most 20.
pub(crate) fn complaints(schema: &Value, value: &Value) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let steps = Cell::new(STEPS_MAX);
    check(&Root { schema, steps: &steps }, schema, value, "", 0, &mut out);
    out.truncate(COMPLAINTS_MAX);
    out
}

struct Root<'a> {
    schema: &'a Value,
    steps: &'a Cell<u32>,
}

impl Root<'_> {
    /// Whether there is one more step.
    fn step(&self) -> bool {
        let left = self.steps.get();
        self.steps.set(left.saturating_sub(1));
        left > 0
    }
}

fn check(root: &Root<'_>, schema: &Value, value: &Value, at: &str, depth: usize, out: &mut Vec<(String, String)>) {
    if depth > DEPTH_MAX || out.len() >= COMPLAINTS_MAX || !root.step() {
        return;
    }
    if *schema == Value::Bool(false) {
        return out.push((at.to_owned(), "may not be there".to_owned()));
    }
    if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
        if let Some(found) = pointer.strip_prefix('#').and_then(|pointer| root.schema.pointer(pointer)) {
            check(root, found, value, at, depth + 1, out);
        }
        return;
    }
    plain(schema, value, at, out);
    let holds = |inner: &Value| {
        let mut inner_out = Vec::new();
        check(root, inner, value, at, depth + 1, &mut inner_out);
        inner_out.is_empty()
    };
    for inner in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        check(root, inner, value, at, depth + 1, out);
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(list) = schema.get(keyword).and_then(Value::as_array)
            && !list.iter().any(holds)
        {
            out.push((at.to_owned(), "is none of the allowed forms".to_owned()));
        }
    }
    match value {
        Value::Array(items) => {
            if let Some(inner) = schema.get("items").filter(|inner| !inner.is_array()) {
                for (i, item) in items.iter().enumerate() {
                    check(root, inner, item, &format!("{at}[{i}]"), depth + 1, out);
                }
            }
        }
        Value::Object(fields) => {
            let place = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
            for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
            {
                if !fields.contains_key(name) {
                    out.push((place(name), "is required".to_owned()));
                }
            }
            let properties = schema.get("properties");
            for (name, field) in fields {
                let known = properties.and_then(|p| p.get(name));
                if let Some(inner) = known.or(schema.get("additionalProperties")) {
                    check(root, inner, field, &place(name), depth + 1, out);
                }
            }
        }
        _ => {}
    }
}

fn plain(schema: &Value, value: &Value, at: &str, out: &mut Vec<(String, String)>) {
    let mut say = |text: String| out.push((at.to_owned(), text));
    let kinds: Vec<&str> = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let nullable = schema.get("nullable") == Some(&Value::Bool(true)) && value.is_null();
    if !kinds.is_empty() && !nullable && !kinds.iter().any(|kind| is_kind(kind, value)) {
        return say(format!("must be {}", kinds.join(" or ")));
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !nullable
        && !allowed.contains(value)
    {
        say("is none of the allowed values".to_owned());
    }
    if schema.get("const").is_some_and(|only| only != value) {
        say("is not the one allowed value".to_owned());
    }
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    if let Some(n) = value.as_f64() {
        if limit("minimum").is_some_and(|min| n < min) || limit("exclusiveMinimum").is_some_and(|min| n <= min) {
            say("is too small".to_owned());
        }
        if limit("maximum").is_some_and(|max| n > max) || limit("exclusiveMaximum").is_some_and(|max| n >= max) {
            say("is too large".to_owned());
        }
    }
    if let Some(text) = value.as_str() {
        let length = text.chars().count() as f64;
        if limit("minLength").is_some_and(|min| length < min) || limit("maxLength").is_some_and(|max| length > max) {
            say("is too short or too long".to_owned());
        }
        if let Some(format) = schema.get("format").and_then(Value::as_str)
            && !formats::is(format, text)
        {
            say(format!("must be a {format}"));
        }
    }
}

fn is_kind(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => true,
    }
}
