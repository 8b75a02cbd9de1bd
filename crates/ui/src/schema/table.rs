//! A schema as rows of a table.
//!
//! **Invariant:** bounded in depth and in number; what is left out is said by the last row.

use super::DEPTH_MAX;
use serde_json::Value;

pub(crate) const ROWS_MAX: usize = 300;
/// Characters of a row's rules and of its description: the same long list may be referred to by each row.
const TEXT_MAX: usize = 2000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// `data.items[].price`
    pub path: String,
    pub kind: String,
    pub required: bool,
    pub description: String,
    /// `one of "a", "b"`, `≥ 0`, `date-time`.
    pub rules: String,
}

pub(crate) fn rows(schema: &Value) -> Vec<Row> {
    let mut out = Vec::new();
    add(schema, schema, "", 0, &mut out);
    out
}

fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let pointer = schema.get("$ref").and_then(Value::as_str).and_then(|pointer| pointer.strip_prefix('#'));
    pointer.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

fn add(root: &Value, schema: &Value, path: &str, depth: usize, out: &mut Vec<Row>) {
    let schema = resolved(root, schema);
    let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in fields {
        if depth > DEPTH_MAX || out.len() >= ROWS_MAX {
            return;
        }
        let field = resolved(root, field);
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let description = short(field.get("description").and_then(Value::as_str).unwrap_or_default());
        out.push(Row {
            path: path.clone(),
            kind: kind(field),
            required: required.contains(&name.as_str()),
            description,
            rules: short(&rules(field)),
        });
        add(root, field, &path, depth + 1, out);
        if let Some(items) = field.get("items") {
            add(root, items, &format!("{path}[]"), depth + 1, out);
        }
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn kind(schema: &Value) -> String {
    let one = |kind: &str| match (kind, schema.get("items")) {
        ("array", Some(items)) => {
            format!("list of {}", items.get("type").and_then(Value::as_str).unwrap_or("anything"))
        }
        ("array", None) => "list".to_owned(),
        (kind, _) => kind.to_owned(),
    };
    match schema.get("type") {
        Some(Value::String(kind)) => one(kind),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).map(one).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    }
}

fn rules(schema: &Value) -> String {
    let mut rules = Vec::new();
    if let Some(format) = schema.get("format").and_then(Value::as_str) {
        rules.push(format.to_owned());
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        rules.push(format!("one of {}", values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")));
    }
    for (name, sign) in [
        ("minimum", "≥"),
        ("maximum", "≤"),
        ("minLength", "length ≥"),
        ("maxLength", "length ≤"),
        ("pattern", "matches"),
    ] {
        match schema.get(name) {
            Some(Value::String(text)) => rules.push(format!("{sign} {text}")),
            Some(value) => rules.push(format!("{sign} {value}")),
            None => {}
        }
    }
    rules.join(" · ")
}
