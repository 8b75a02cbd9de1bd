//! Event types in an OpenAPI document: its `webhooks`, or `x-webhooks` (OpenAPI 3.0).
//!
//! **Invariant:** references are written out, so that a schema stands for itself; their number and depth are bounded.

use super::fields::Fields;
use super::read;
use crate::problem::Problem;
use domain::Uid;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

const TYPES_MAX: usize = 1000;
const DEPTH_MAX: usize = 32;
/// Values that written-out references may make in one schema.
const NODES_MAX: usize = 20_000;
/// Bytes of all schemas of a document, more or less: each may repeat what it refers to.
const ROOM: usize = 16 << 20;
/// What a value takes of it, beside its texts.
const VALUE_COST: usize = 64;

/// What a client asks for.
pub(crate) struct ImportIn {
    pub spec: Value,
    /// Archive what is not in the document.
    pub replace_all: bool,
    pub dry_run: bool,
}

/// An event type as the document has it.
#[derive(Clone, Debug, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FromOpenApi {
    pub name: String,
    pub description: String,
    pub deprecated: bool,
    pub group_name: Option<String>,
    pub feature_flags: Option<Vec<String>>,
    /// One JSON Schema, by version as it is stored.
    pub schemas: Option<Value>,
}

pub(crate) fn read_import(body: &[u8]) -> Result<ImportIn, Problem> {
    let mut f = Fields::parse(body)?;
    let object = |v: Value| if v.is_object() { Ok(v) } else { Err("must be an object".into()) };
    let spec = f.take(&["spec"], object).value();
    let raw = f.take(&["specRaw"], read::string).value();
    let replace_all = f.take(&["replaceAll"], read::boolean).value().unwrap_or_default();
    let dry_run = f.take(&["dryRun"], read::boolean).value().unwrap_or_default();
    f.finish()?;
    let refuse = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "bad_request", detail);
    let spec = match (spec, raw) {
        (Some(spec), None) => spec,
        (None, Some(raw)) => match serde_json::from_str::<Value>(&raw) {
            Ok(spec) if spec.is_object() => spec,
            Ok(_) => return Err(refuse("The document must be an object".to_owned())),
            Err(e) => {
                return Err(refuse(format!("The document is not JSON (YAML is not read: convert it first): {e}")));
            }
        },
        _ => return Err(refuse("Send either spec or specRaw".to_owned())),
    };
    Ok(ImportIn { spec, replace_all, dry_run })
}

/// The event types of a document, in the order of their names.
pub(crate) fn event_types(spec: &Value) -> Result<Vec<FromOpenApi>, Problem> {
    let refuse = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "bad_request", detail);
    let webhooks = ["webhooks", "x-webhooks"].iter().filter_map(|name| spec.get(name)?.as_object()).flatten();
    let mut out: Vec<FromOpenApi> = Vec::new();
    let mut room = ROOM;
    for (name, item) in webhooks {
        if !Uid::is_valid(name) {
            return Err(refuse(format!("The webhook {name:?} has a name that no event type can have")));
        }
        if out.len() >= TYPES_MAX {
            return Err(refuse(format!("A document may have {TYPES_MAX} webhooks")));
        }
        let operation = ["post", "put", "patch", "get"].iter().find_map(|verb| item.get(verb)).unwrap_or(item);
        out.retain(|t| t.name != *name);
        out.push(one(spec, name, operation, &mut room));
        if room == 0 {
            return Err(refuse("The document is too large once its references are written out".to_owned()));
        }
    }
    out.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(out)
}

fn one(spec: &Value, name: &str, operation: &Value, room: &mut usize) -> FromOpenApi {
    let text = |field: &str| operation.get(field).and_then(Value::as_str).map(str::to_owned);
    let flags = operation.get("x-svix-feature-flags").and_then(Value::as_array);
    let flags =
        flags.map(|list| list.iter().filter_map(|f| f.as_str().map(str::to_owned)).filter(|f| Uid::is_valid(f)));
    let first_tag = operation.get("tags").and_then(|tags| tags.get(0)).and_then(Value::as_str).map(str::to_owned);
    FromOpenApi {
        name: name.to_owned(),
        description: text("description").or_else(|| text("summary")).unwrap_or_default(),
        deprecated: operation.get("deprecated") == Some(&Value::Bool(true)),
        group_name: text("x-svix-group-name").or(first_tag).filter(|group| Uid::is_valid(group)),
        feature_flags: flags.map(Iterator::collect),
        schemas: schema(spec, operation, room).map(|schema| serde_json::json!({ "1": schema })),
    }
}

/// The schema of its JSON body, with an example, if there is one.
fn schema(spec: &Value, operation: &Value, room: &mut usize) -> Option<Value> {
    let body = follow(spec, operation.get("requestBody")?);
    let content = body.get("content")?.as_object()?;
    let media = content.get("application/json").or_else(|| content.values().next())?;
    let mut out = Out { spec, nodes: 0, room };
    let mut schema = out.written(media.get("schema")?, 0);
    let example = media.get("example").cloned().or_else(|| {
        let first = media.get("examples")?.as_object()?.values().next()?;
        follow(spec, first).get("value").cloned()
    });
    if let Some(example) = &example {
        out.take(example.to_string().len());
    }
    let Value::Object(fields) = &mut schema else { return None };
    if let Some(example) = example.or_else(|| fields.remove("example")) {
        fields.insert("examples".to_owned(), Value::Array(vec![example]));
    }
    Some(schema)
}

fn follow<'a>(spec: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#'));
    pointer.and_then(|pointer| spec.pointer(pointer)).unwrap_or(value)
}

struct Out<'a> {
    spec: &'a Value,
    nodes: usize,
    room: &'a mut usize,
}

impl Out<'_> {
    /// References into the document are replaced by what they lead to; one that leads into itself ends as anything.
    fn written(&mut self, value: &Value, depth: usize) -> Value {
        self.nodes += 1;
        if depth > DEPTH_MAX || self.nodes > NODES_MAX || !self.take(VALUE_COST) {
            return Value::Object(Map::new());
        }
        match follow(self.spec, value) {
            Value::Object(fields) => {
                let mut all = Map::new();
                for (name, value) in fields {
                    if !self.take(name.len()) {
                        break;
                    }
                    all.insert(name.clone(), self.written(value, depth + 1));
                }
                Value::Object(all)
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| self.written(item, depth + 1)).collect()),
            Value::String(text) if !self.take(text.len()) => Value::String(String::new()),
            plain => plain.clone(),
        }
    }

    /// Takes room; `false` where there is none left: then the document is refused.
    fn take(&mut self, cost: usize) -> bool {
        *self.room = self.room.saturating_sub(cost);
        *self.room > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn webhooks_become_event_types_with_their_references_written_out() {
        let spec = json!({
            "webhooks": {"pet.new": {"post": {
                "summary": "short", "description": "A pet came", "tags": ["pets"], "x-svix-feature-flags": ["beta"],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}, "example": {"name": "Rex"}}}}}}},
            "x-webhooks": {"pet.gone": {"post": {"deprecated": true}}},
            "components": {"schemas": {"Pet": {"type": "object", "properties": {"owner": {"$ref": "#/components/schemas/Owner"}}}, "Owner": {"type": "string"}}}});
        let found = event_types(&spec).unwrap();
        let names: Vec<&str> = found.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["pet.gone", "pet.new"]);
        assert!(found[0].deprecated && found[0].schemas.is_none());
        assert_eq!((found[1].description.as_str(), found[1].group_name.as_deref()), ("A pet came", Some("pets")));
        assert_eq!(
            found[1].schemas,
            Some(
                json!({"1": {"type": "object", "properties": {"owner": {"type": "string"}}, "examples": [{"name": "Rex"}]}})
            )
        );
    }

    #[test]
    fn a_reference_into_itself_ends() {
        let spec = json!({"webhooks": {"a": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/s"}}}}}}},
            "s": {"type": "object", "properties": {"a": {"$ref": "#/s"}, "b": {"$ref": "#/s"}}}});
        let text = serde_json::to_string(&event_types(&spec).unwrap()).unwrap();
        assert!(text.len() < 2_000_000);
    }

    #[test]
    fn a_document_that_repeats_one_long_text_without_end_is_refused() {
        let fields: Map<String, Value> = (0..5_000).map(|n| (format!("f{n}"), json!({"$ref": "#/long"}))).collect();
        let body = json!({"content": {"application/json": {"schema": {"properties": fields}}}});
        let spec = json!({"webhooks": {"a": {"post": {"requestBody": body}}}, "long": "x".repeat(100_000)});
        assert!(event_types(&spec).is_err());
    }
}
