//! The API's document, as the reference reads it.
//!
//! **Invariant:** members keep their order, and nothing here knows an operation by name.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

/// An object whose members keep their order.
#[derive(Debug)]
pub(crate) struct Ordered<T>(pub Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Ordered(Vec::new())
    }
}

impl<T> Ordered<T> {
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut out = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    out.push(entry);
                }
                Ok(Ordered(out))
            }
        }
        from.deserialize_map(Members(PhantomData))
    }
}

#[derive(serde::Deserialize)]
pub(crate) struct Document {
    pub tags: Vec<Tag>,
    pub paths: Ordered<Ordered<Operation>>,
    #[serde(default)]
    pub webhooks: Ordered<Ordered<Operation>>,
    pub components: Components,
}

#[derive(serde::Deserialize)]
pub(crate) struct Tag {
    pub name: String,
    pub description: String,
}

#[derive(serde::Deserialize)]
pub(crate) struct Components {
    pub schemas: Ordered<Schema>,
    pub responses: Ordered<Response>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Operation {
    #[serde(default)]
    pub operation_id: String,
    pub summary: String,
    pub description: String,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default, rename = "x-access")]
    pub access: String,
    #[serde(rename = "x-capability")]
    pub capability: Option<String>,
    #[serde(rename = "x-scope")]
    pub scope: Option<String>,
    #[serde(rename = "x-sdk")]
    pub sdk: Option<String>,
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    pub request_body: Option<Body>,
    pub responses: Ordered<Response>,
}

#[derive(serde::Deserialize)]
pub(crate) struct Parameter {
    pub name: String,
    /// `path`, `query` or `header`.
    #[serde(rename = "in")]
    pub place: String,
    #[serde(default)]
    pub description: String,
    pub schema: Schema,
    pub example: Option<Value>,
}

#[derive(serde::Deserialize)]
pub(crate) struct Body {
    pub content: Ordered<Media>,
}

#[derive(serde::Deserialize)]
pub(crate) struct Response {
    #[serde(rename = "$ref")]
    pub reference: Option<String>,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub content: Ordered<Media>,
}

#[derive(serde::Deserialize)]
pub(crate) struct Media {
    pub schema: Schema,
    pub example: Option<Box<RawValue>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Schema {
    #[serde(rename = "$ref")]
    pub reference: Option<String>,
    /// A word, or several.
    #[serde(rename = "type")]
    pub kind: Value,
    pub format: Option<String>,
    pub description: Option<String>,
    pub deprecated: bool,
    pub properties: Ordered<Schema>,
    pub required: Vec<String>,
    pub items: Option<Box<Schema>>,
    pub additional_properties: Option<Additional>,
    pub any_of: Vec<Schema>,
    #[serde(rename = "enum")]
    pub words: Vec<Value>,
    #[serde(rename = "const")]
    pub constant: Option<Value>,
    pub minimum: Option<u64>,
    pub maximum: Option<u64>,
}

/// What other members there may be.
#[derive(serde::Deserialize)]
#[serde(untagged)]
pub(crate) enum Additional {
    Allowed(#[allow(dead_code, reason = "only a schema says more")] bool),
    Of(Box<Schema>),
}

impl Document {
    /// The schema that a reference names, and its name.
    pub fn named<'a>(&'a self, reference: &'a str) -> Option<(&'a str, &'a Schema)> {
        let name = reference.rsplit('/').next()?;
        Some((name, self.components.schemas.get(name)?))
    }

    /// The response itself, where another is meant.
    pub fn response<'a>(&'a self, response: &'a Response) -> &'a Response {
        let meant = response.reference.as_deref().and_then(|r| self.components.responses.get(r.rsplit('/').next()?));
        meant.unwrap_or(response)
    }

    /// Path, verb and operation of everything under a tag, in order.
    pub fn operations(&self) -> impl Iterator<Item = (&str, &str, &Operation)> {
        self.paths.0.iter().flat_map(|(path, verbs)| verbs.0.iter().map(move |(verb, op)| (&**path, &**verb, op)))
    }
}

/// What a tag's page is called: `Event types` is at `event-types`.
pub(crate) fn slug(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}
