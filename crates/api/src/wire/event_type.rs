//! Event types on the wire.

use super::fields::{Fields, Patch};
use super::{read, time};
use crate::problem::Problem;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{EventType, EventTypeFields, EventTypePatch};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTypeOut {
    name: String,
    description: String,
    archived: bool,
    deprecated: bool,
    schemas: Option<Box<RawValue>>,
    feature_flags: Option<Vec<String>>,
    feature_flag: Option<String>,
    group_name: Option<String>,
    created_at: String,
    updated_at: String,
}

impl EventTypeOut {
    pub fn of(e: EventType, with_content: bool) -> Self {
        let schemas = e.schemas.filter(|_| with_content).and_then(|text| RawValue::from_string(text).ok());
        EventTypeOut {
            name: e.name,
            description: e.description,
            archived: e.archived,
            deprecated: e.deprecated,
            schemas,
            feature_flag: e.feature_flags.first().cloned(),
            feature_flags: (!e.feature_flags.is_empty()).then_some(e.feature_flags),
            group_name: e.group_name,
            created_at: time::text(e.created_at),
            updated_at: time::text(e.updated_at),
        }
    }
}

/// A new event type: its name, and the rest.
pub(crate) fn read_new(body: &[u8]) -> Result<(String, EventTypeFields), Problem> {
    let mut f = Fields::parse(body)?;
    let name = f.require(&["name"], read::event_type);
    Ok((name, read_rest(f)?))
}

pub(crate) fn read_fields(body: &[u8]) -> Result<EventTypeFields, Problem> {
    read_rest(Fields::parse(body)?)
}

fn read_rest(mut f: Fields) -> Result<EventTypeFields, Problem> {
    let fields = EventTypeFields {
        description: f.require(&["description"], read::string),
        archived: f.take(&["archived"], read::boolean).value().unwrap_or_default(),
        deprecated: f.take(&["deprecated"], read::boolean).value().unwrap_or_default(),
        schemas: f.take(&["schemas"], read::schemas).value(),
        feature_flags: flags(&mut f).value().unwrap_or_default(),
        group_name: f.take(&["groupName"], read::event_type).value(),
    };
    f.finish()?;
    Ok(fields)
}

pub(crate) fn read_patch(body: &[u8]) -> Result<EventTypePatch, Problem> {
    let mut f = Fields::parse(body)?;
    let patch = EventTypePatch {
        description: f.take(&["description"], read::string).or_reset(String::new()),
        archived: f.take(&["archived"], read::boolean).or_reset(false),
        deprecated: f.take(&["deprecated"], read::boolean).or_reset(false),
        schemas: f.take(&["schemas"], read::schemas).clearable(),
        feature_flags: flags(&mut f).or_reset(Vec::new()),
        group_name: f.take(&["groupName"], read::event_type).clearable(),
    };
    f.finish()?;
    Ok(patch)
}

/// `featureFlags` (a list), or the older `featureFlag` (one).
fn flags(f: &mut Fields) -> Patch<Vec<String>> {
    let one = f.take(&["featureFlag"], |v| read::event_type(v).map(|flag| vec![flag]));
    match f.take(&["featureFlags"], read::feature_flags) {
        Patch::Absent => one,
        list => list,
    }
}

/// The first example of the latest schema version that has one, as JSON text.
pub(crate) fn example(schemas: &str) -> Option<String> {
    let schemas: serde_json::Map<String, serde_json::Value> = serde_json::from_str(schemas).ok()?;
    let mut versions: Vec<_> = schemas.iter().collect();
    versions.sort_by_key(|(version, _)| version.parse::<u64>().unwrap_or(0));
    let examples = versions.into_iter().rev().filter_map(|(_, schema)| schema.get("examples")?.get(0));
    examples.into_iter().find(|example| example.is_object()).map(ToString::to_string)
}
