//! From types to JSON Schema (2020-12, as OpenAPI 3.1 has it), and to examples.
//!
//! **Invariant:** pure; the example of a schema is valid for it.

use super::json::{Json, object};
use super::shared::LIST;
use super::table::{Field, Schema, Type};
use serde_json::Value;
use std::collections::BTreeMap;

/// A time, and the 27 characters after a prefix, for examples.
const TIME: &str = "2026-01-31T12:00:00.000Z";
const KSUID: &str = "2yZwUhtgs5Ai8T9yRQJXA0P1k2L";
/// What an id is, behind its prefix.
const ID_REST: &str = "_[0-9A-Za-z]{27}$";

/// Schemas by name, as they are met.
#[derive(Default)]
pub(super) struct Schemas(pub BTreeMap<&'static str, Json>);

impl Schemas {
    pub fn reference(&mut self, schema: &'static Schema, in_answer: bool) -> Json {
        if !self.0.contains_key(schema.name) {
            // Before its members are looked at: one may hold itself.
            self.0.insert(schema.name, true.into());
            let written = self.object(schema, in_answer);
            self.0.insert(schema.name, written);
        }
        object([("$ref", format!("#/components/schemas/{}", schema.name).into())])
    }

    pub fn object(&mut self, schema: &'static Schema, in_answer: bool) -> Json {
        let fields: Vec<&Field> = schema.all_fields().collect();
        let properties = fields.iter().map(|f| (f.name.to_owned(), self.field(f, in_answer))).collect();
        let required: Vec<Json> = fields.iter().filter(|f| f.must).map(|f| f.name.into()).collect();
        let is_closed = in_answer && !schema.is_open;
        object([("type", "object".into()), ("description", schema.doc.into())])
            .and_some("properties", (!fields.is_empty()).then_some(Json::Object(properties)))
            .and_some("required", (!required.is_empty()).then_some(Json::List(required)))
            .and_some("additionalProperties", is_closed.then(|| false.into()))
    }

    fn field(&mut self, field: &Field, in_answer: bool) -> Json {
        let schema = self.of(field.kind, in_answer);
        let schema = if field.null { nullable(schema) } else { schema };
        schema
            .and("description", field.doc)
            .and_some("deprecated", field.is_old.then(|| true.into()))
            .and_some("examples", field.example.map(|text| Json::List(vec![Json::Text(text)])))
    }

    pub fn of(&mut self, kind: Type, in_answer: bool) -> Json {
        match kind {
            Type::Text => object([("type", "string".into())]),
            Type::Id(prefix) if in_answer => {
                object([("type", "string".into()), ("pattern", format!("^{prefix}{ID_REST}").into())])
            }
            Type::Id(_) => object([("type", "string".into())]),
            Type::Time => object([("type", "string".into()), ("format", "date-time".into())]),
            Type::Url => object([("type", "string".into()), ("format", "uri".into())]),
            Type::Int => object([("type", "integer".into())]),
            Type::IntIn(from, to) => {
                object([("type", "integer".into()), ("minimum", from.into()), ("maximum", to.into())])
            }
            Type::Number => object([("type", "number".into())]),
            Type::Bool => object([("type", "boolean".into())]),
            Type::Words(words) => {
                let words = words.iter().map(|word| (*word).into()).collect();
                object([("type", "string".into()), ("enum", Json::List(words))])
            }
            Type::Codes(codes) => {
                let codes = codes.iter().map(|code| (*code).into()).collect();
                object([("type", "integer".into()), ("enum", Json::List(codes))])
            }
            Type::Any => Json::Object(Vec::new()),
            Type::Json => object([("type", "object".into())]),
            Type::Map(of) => object([("type", "object".into()), ("additionalProperties", self.of(*of, in_answer))]),
            Type::List(of) => object([("type", "array".into()), ("items", self.of(*of, in_answer))]),
            Type::Object(schema) => self.reference(schema, in_answer),
            Type::Page(row) => self.page(row, in_answer),
            Type::Either(kinds) => {
                object([("anyOf", Json::List(kinds.iter().map(|kind| self.of(*kind, in_answer)).collect()))])
            }
        }
    }

    fn page(&mut self, row: &'static Schema, in_answer: bool) -> Json {
        let data = object([("type", "array".into()), ("items", self.reference(row, in_answer))]);
        let mut properties = vec![("data".to_owned(), data)];
        properties.extend(LIST.fields.iter().map(|f| (f.name.to_owned(), self.field(f, in_answer))));
        let required = properties.iter().map(|(name, _)| name.as_str().into()).collect();
        object([
            ("type", "object".into()),
            ("properties", Json::Object(properties)),
            ("required", Json::List(required)),
            ("additionalProperties", false.into()),
        ])
    }
}

/// The schema, or `null`.
fn nullable(schema: Json) -> Json {
    let Json::Object(mut members) = schema else { return schema };
    if members.iter().any(|(name, _)| name == "$ref") {
        let null = object([("type", "null".into())]);
        return object([("anyOf", Json::List(vec![Json::Object(members), null]))]);
    }
    for (name, value) in &mut members {
        match (name.as_str(), value) {
            ("type", value @ Json::Value(_)) => {
                let kind = std::mem::replace(value, Json::from(true));
                *value = Json::List(vec![kind, "null".into()]);
            }
            ("enum", Json::List(list)) => list.push(Value::Null.into()),
            _ => {}
        }
    }
    Json::Object(members)
}

/// An example of a type.
pub(super) fn example(kind: Type) -> Json {
    match kind {
        Type::Text => "text".into(),
        Type::Id(prefix) => format!("{prefix}_{KSUID}").into(),
        Type::Time => TIME.into(),
        Type::Url => "https://example.com/".into(),
        Type::Int => 1.into(),
        Type::IntIn(from, _) => from.into(),
        Type::Number => 1.5.into(),
        Type::Bool => true.into(),
        Type::Words(words) => words.first().copied().into(),
        Type::Codes(codes) => codes.first().copied().into(),
        Type::Any | Type::Json | Type::Map(_) => Json::Object(Vec::new()),
        Type::List(of) => Json::List(vec![example(*of)]),
        Type::Object(schema) => example_of(schema),
        Type::Page(row) => object([
            ("data", Json::List(vec![example_of(row)])),
            ("iterator", KSUID.into()),
            ("prevIterator", Value::Null.into()),
            ("done", true.into()),
        ]),
        Type::Either(kinds) => kinds.first().map_or(Value::Null.into(), |kind| example(*kind)),
    }
}

fn example_of(schema: &'static Schema) -> Json {
    let fields = schema.all_fields().filter(|field| field.must);
    let one = |field: &Field| (field.name.to_owned(), field.example.map_or_else(|| example(field.kind), Json::Text));
    Json::Object(fields.map(one).collect())
}
