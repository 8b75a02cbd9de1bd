//! An example of a schema.
//!
//! **Invariant:** the same schema gives the same example; what has an example, a default or one allowed value keeps it.

use super::DEPTH_MAX;
use serde_json::{Map, Value, json};

/// A value that the schema describes, as far as draft 7's usual keywords say.
pub(crate) fn example(schema: &Value) -> Value {
    make(schema, schema, "", 0)
}

fn make(root: &Value, schema: &Value, name: &str, depth: usize) -> Value {
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    let first = |keyword: &str| schema.get(keyword).and_then(Value::as_array).and_then(|list| list.first());
    let given = first("examples").or(schema.get("example")).or(schema.get("const")).or(schema.get("default"));
    if let Some(given) = given.or(first("enum")) {
        return given.clone();
    }
    if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
        let found = pointer.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return found.map_or(Value::Null, |found| make(root, found, name, depth + 1));
    }
    if let Some(inner) = first("oneOf").or(first("anyOf")) {
        return make(root, inner, name, depth + 1);
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        let mut all = Map::new();
        for part in parts {
            if let Value::Object(fields) = make(root, part, name, depth + 1) {
                all.extend(fields);
            }
        }
        return Value::Object(all);
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null")
        }
        _ if schema.get("properties").is_some() => "object",
        _ => "",
    };
    match kind {
        "object" => {
            let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
            Value::Object(fields.map(|(name, inner)| (name.clone(), make(root, inner, name, depth + 1))).collect())
        }
        "array" => schema.get("items").map_or(json!([]), |inner| json!([make(root, inner, name, depth + 1)])),
        "string" => json!(text(schema, name)),
        "integer" => {
            json!(schema.get("minimum").and_then(Value::as_i64).unwrap_or(1).max(if name.contains("amount") {
                4200
            } else {
                1
            }))
        }
        "number" => json!(schema.get("minimum").and_then(Value::as_f64).unwrap_or(1.5)),
        "boolean" => json!(true),
        _ => Value::Null,
    }
}

fn text(schema: &Value, name: &str) -> String {
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    let made = match (format, name) {
        ("date-time", _) => "2026-01-31T12:00:00Z",
        ("date", _) => "2026-01-31",
        ("uuid", _) => "0b6b1f6e-5f0c-4c0e-9a60-3f2f6b0c8f11",
        ("email", _) => "ana@example.com",
        ("uri" | "url", _) => "https://example.com/",
        ("ipv4", _) => "192.0.2.1",
        (_, "currency") => "EUR",
        (_, "country") => "HR",
        (_, name) if name == "id" || name.ends_with("_id") || name.ends_with("Id") => "id_8xK2",
        _ => "text",
    };
    let min = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0).min(1000);
    let mut made = made.to_owned();
    while (made.chars().count() as u64) < min {
        made.push('x');
    }
    made
}
