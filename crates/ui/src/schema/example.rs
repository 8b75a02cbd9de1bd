//! An example of a schema.
//!
//! **Invariant:** the same schema gives the same example; what has an example, a default or one allowed value keeps it.

use super::DEPTH_MAX;
use serde_json::{Map, Value, json};

/// Bytes that an example has at most, more or less: references may repeat what they lead to without end.
const ROOM: usize = 256 << 10;
/// Characters of a text, whatever its `minLength`.
const TEXT_MAX: usize = 1000;
/// What a value costs at least.
const VALUE_COST: usize = 16;

/// A value that the schema describes, as far as draft 7's usual keywords say.
pub(crate) fn example(schema: &Value) -> Value {
    let mut room = ROOM;
    make(schema, schema, "", 0, &mut room)
}

/// Takes what a value needs; `false` where there is too little left.
fn take(room: &mut usize, cost: usize) -> bool {
    let left = room.checked_sub(cost + VALUE_COST);
    *room = left.unwrap_or(0);
    left.is_some()
}

fn make(root: &Value, schema: &Value, name: &str, depth: usize, room: &mut usize) -> Value {
    if depth > DEPTH_MAX || !take(room, name.len()) {
        return Value::Null;
    }
    let first = |keyword: &str| schema.get(keyword).and_then(Value::as_array).and_then(|list| list.first());
    let given = first("examples").or(schema.get("example")).or(schema.get("const")).or(schema.get("default"));
    if let Some(given) = given.or(first("enum")) {
        return if take(room, given.to_string().len()) { given.clone() } else { Value::Null };
    }
    if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
        let found = pointer.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return found.map_or(Value::Null, |found| make(root, found, name, depth + 1, room));
    }
    if let Some(inner) = first("oneOf").or(first("anyOf")) {
        return make(root, inner, name, depth + 1, room);
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        let mut all = Map::new();
        for part in parts {
            if let Value::Object(fields) = make(root, part, name, depth + 1, room) {
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
            Value::Object(
                fields.map(|(name, inner)| (name.clone(), make(root, inner, name, depth + 1, room))).collect(),
            )
        }
        "array" => schema.get("items").map_or(json!([]), |inner| json!([make(root, inner, name, depth + 1, room)])),
        "string" => {
            let text = text(schema, name);
            if take(room, text.len()) { json!(text) } else { Value::Null }
        }
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
    let min = schema.get("minLength").and_then(Value::as_u64).and_then(|min| usize::try_from(min).ok()).unwrap_or(0);
    let made = made.to_owned();
    let missing = min.min(TEXT_MAX).saturating_sub(made.len());
    made + &"x".repeat(missing)
}
