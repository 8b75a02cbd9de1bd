//! A schema from payloads: what they have in common.
//!
//! **Invariant:** every payload that it was made from is valid under it; what few payloads show is not made a rule.

use super::DEPTH_MAX;
use super::formats::{self, FORMATS};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Fields of one object that are told apart; an object with more is a map of things by their ids.
const FIELDS_MAX: usize = 100;
/// An enum is one only if so many texts were seen...
const ENUM_SEEN_MIN: u64 = 20;
/// ...of so few kinds, each so often.
const ENUM_VALUES_MAX: usize = 8;
const ENUM_EACH_MIN: u64 = 3;
const ENUM_LENGTH_MAX: usize = 40;

/// What was seen at one place.
#[derive(Default)]
struct Shape {
    nulls: u64,
    booleans: u64,
    integers: u64,
    fractions: u64,
    texts: u64,
    lists: u64,
    objects: u64,
    /// Formats that every text so far has.
    formats: Option<Vec<&'static str>>,
    /// Texts and how often; `None` once there were too many.
    values: Option<BTreeMap<String, u64>>,
    items: Option<Box<Shape>>,
    fields: BTreeMap<String, Shape>,
    /// There were more fields than are told apart, or it was too deep to look.
    is_open: bool,
}

impl Shape {
    fn seen(&self) -> u64 {
        self.nulls + self.booleans + self.integers + self.fractions + self.texts + self.lists + self.objects
    }

    fn add(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Null => self.nulls += 1,
            Value::Bool(_) => self.booleans += 1,
            Value::Number(n) if n.is_f64() => self.fractions += 1,
            Value::Number(_) => self.integers += 1,
            Value::String(text) => self.add_text(text),
            Value::Array(items) => {
                self.lists += 1;
                if depth < DEPTH_MAX {
                    let shape = self.items.get_or_insert_default();
                    items.iter().for_each(|item| shape.add(item, depth + 1));
                }
            }
            Value::Object(fields) => {
                self.objects += 1;
                for (name, field) in fields {
                    if depth >= DEPTH_MAX || (self.fields.len() >= FIELDS_MAX && !self.fields.contains_key(name)) {
                        self.is_open = true;
                        continue;
                    }
                    self.fields.entry(name.clone()).or_default().add(field, depth + 1);
                }
            }
        }
    }

    fn add_text(&mut self, text: &str) {
        if self.texts == 0 {
            self.formats = Some(FORMATS.to_vec());
            self.values = Some(BTreeMap::new());
        }
        self.texts += 1;
        if let Some(formats) = &mut self.formats {
            formats.retain(|format| formats::is(format, text));
        }
        let is_word = !text.is_empty()
            && text.len() <= ENUM_LENGTH_MAX
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
            && text.chars().any(|c| c.is_ascii_alphabetic());
        if let Some(values) = &mut self.values {
            *values.entry(text.to_owned()).or_default() += 1;
            if !is_word || values.len() > ENUM_VALUES_MAX {
                self.values = None;
            }
        }
    }

    fn schema(&self) -> Value {
        let mut schema = Map::new();
        let kinds = [
            (self.objects > 0, "object"),
            (self.lists > 0, "array"),
            (self.texts > 0, "string"),
            (self.fractions > 0, "number"),
            (self.integers > 0 && self.fractions == 0, "integer"),
            (self.booleans > 0, "boolean"),
            (self.nulls > 0, "null"),
        ];
        let kinds: Vec<&str> = kinds.iter().filter(|(is_there, _)| *is_there).map(|(_, kind)| *kind).collect();
        match kinds.as_slice() {
            [] => return Value::Object(schema),
            [one] => schema.insert("type".to_owned(), json!(one)),
            several => schema.insert("type".to_owned(), json!(several)),
        };
        self.describe_text(&mut schema);
        if let Some(items) = self.items.as_deref().filter(|items| items.seen() > 0) {
            schema.insert("items".to_owned(), items.schema());
        }
        self.describe_object(&mut schema);
        Value::Object(schema)
    }

    fn describe_text(&self, schema: &mut Map<String, Value>) {
        // Keywords of one type don't touch values of others, but an enum does.
        let only_texts = self.texts == self.seen();
        if self.texts == 0 {
            return;
        }
        if let Some(format) = self.formats.iter().flatten().next() {
            schema.insert("format".to_owned(), json!(format));
        } else if let Some(values) = self.values.as_ref().filter(|_| only_texts && self.texts >= ENUM_SEEN_MIN)
            && values.values().all(|count| *count >= ENUM_EACH_MIN)
        {
            schema.insert("enum".to_owned(), json!(values.keys().collect::<Vec<_>>()));
        }
    }

    fn describe_object(&self, schema: &mut Map<String, Value>) {
        if self.objects == 0 || self.is_open && self.fields.len() >= FIELDS_MAX {
            return;
        }
        let properties: Map<String, Value> =
            self.fields.iter().map(|(name, shape)| (name.clone(), shape.schema())).collect();
        schema.insert("properties".to_owned(), Value::Object(properties));
        // What one payload has may be chance.
        let required: Vec<&String> = self
            .fields
            .iter()
            .filter(|(_, shape)| self.objects > 1 && shape.seen() == self.objects)
            .map(|(n, _)| n)
            .collect();
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
    }
}

/// A JSON Schema (draft 7) that all of `payloads` are valid under.
pub(crate) fn infer(payloads: &[Value], title: &str) -> Value {
    let mut shape = Shape::default();
    payloads.iter().for_each(|payload| shape.add(payload, 0));
    let mut schema = shape.schema();
    if let Value::Object(fields) = &mut schema {
        fields.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        fields.insert("title".to_owned(), json!(title));
    }
    schema
}
