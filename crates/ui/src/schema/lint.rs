//! What changed between two versions of a schema, and what of it breaks receivers.
//!
//! Receivers read events: a field that is gone, may be absent, or is of another type breaks them; a new one doesn't.
//! **Invariant:** never says that a removal is harmless.

use super::DEPTH_MAX;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// `data.amount`; empty for the whole.
    pub path: String,
    pub text: String,
    pub breaks: bool,
}

/// The changes from `old` to `new`, in the order of their paths.
pub(crate) fn lint(old: &Value, new: &Value) -> Vec<Change> {
    let mut out = Vec::new();
    compare(old, new, "", 0, &mut out);
    out
}

fn kinds(schema: &Value) -> Vec<&str> {
    let mut kinds: Vec<&str> = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    kinds.sort_unstable();
    kinds
}

fn compare(old: &Value, new: &Value, path: &str, depth: usize, out: &mut Vec<Change>) {
    if depth > DEPTH_MAX || old == new {
        return;
    }
    let mut say = |text: String, breaks| out.push(Change { path: path.to_owned(), text, breaks });
    let (was, is) = (kinds(old), kinds(new));
    if was != is && !was.is_empty() {
        // Fewer types than before: every one of them was expected already.
        let narrower = !is.is_empty()
            && is.iter().all(|kind| was.contains(kind) || (*kind == "integer" && was.contains(&"number")));
        let now = if is.is_empty() { "anything".to_owned() } else { is.join(" or ") };
        say(format!("was {}, is {now}", was.join(" or ")), !narrower);
    }
    if let (Some(Value::Array(was)), allowed) = (old.get("enum"), new.get("enum")) {
        let is = allowed.and_then(Value::as_array);
        match is {
            None => say("takes any value, not only those of a list".to_owned(), true),
            Some(is) => {
                let added: Vec<String> = is.iter().filter(|v| !was.contains(v)).map(Value::to_string).collect();
                if !added.is_empty() {
                    say(format!("may now be {}, too", added.join(", ")), true);
                }
            }
        }
    }
    let names = |schema: &Value| -> Vec<String> {
        let list = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let (required_before, required) = (names(old), names(new));
    let place = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let empty = serde_json::Map::new();
    let fields =
        |schema: &'_ Value| schema.get("properties").and_then(Value::as_object).cloned().unwrap_or(empty.clone());
    let (before, now) = (fields(old), fields(new));
    for (name, field) in &before {
        match now.get(name) {
            None => out.push(Change { path: place(name), text: "was removed".to_owned(), breaks: true }),
            Some(other) => {
                if required_before.contains(name) && !required.contains(name) {
                    out.push(Change { path: place(name), text: "may now be absent".to_owned(), breaks: true });
                }
                compare(field, other, &place(name), depth + 1, out);
            }
        }
    }
    for name in now.keys().filter(|name| !before.contains_key(*name)) {
        out.push(Change { path: place(name), text: "was added".to_owned(), breaks: false });
    }
    if let (Some(before), Some(now)) = (old.get("items"), new.get("items")) {
        compare(before, now, &format!("{path}[]"), depth + 1, out);
    }
}
