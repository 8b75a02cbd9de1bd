//! JSON whose members keep their order: a reader wants `id` first.
//!
//! **Invariant:** writes what it was given, in order.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

pub(super) enum Json {
    Object(Vec<(String, Json)>),
    List(Vec<Json>),
    Value(Value),
    /// JSON that is written already.
    Text(&'static str),
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Value(value) => value.serialize(to),
            Json::Text(text) => match serde_json::from_str::<&RawValue>(text) {
                Ok(raw) => raw.serialize(to),
                Err(_) => to.serialize_str(text),
            },
            Json::List(list) => to.collect_seq(list),
            Json::Object(members) => {
                let mut map = to.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<T: Into<Value>> From<T> for Json {
    fn from(value: T) -> Json {
        Json::Value(value.into())
    }
}

/// An object of these members.
pub(super) fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

impl Json {
    /// The object with one member more.
    pub fn and(mut self, name: &str, value: impl Into<Json>) -> Json {
        if let Json::Object(members) = &mut self {
            members.push((name.to_owned(), value.into()));
        }
        self
    }
    /// The same, unless there is nothing to say.
    pub fn and_some(self, name: &str, value: Option<Json>) -> Json {
        match value {
            Some(value) => self.and(name, value),
            None => self,
        }
    }
}
