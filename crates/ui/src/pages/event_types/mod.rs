//! The catalogue of event types: schemas, examples, what changes between versions.
//!
//! **Invariant:** what is saved goes through the API; guesses are shown before anything is saved.

pub(crate) mod edit;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod show;
mod takers;

use crate::call::Call;
use crate::fault::Fault;
use crate::view as v;
use domain::Uid;
use serde_json::Value;
use store::{EventType, Subscribers};

/// The event type that the path names.
pub(crate) async fn event_type(call: &Call) -> Result<EventType, Fault> {
    let name = call.param(0);
    if !Uid::is_valid(name) {
        return Err(Fault::not_found("event type"));
    }
    Ok(call.store().event_type(call.me.org, name).await?)
}

/// Names have letters, digits, `-`, `_` and `.`: they are safe in a path.
pub(crate) fn path(name: &str) -> String {
    format!("/event-types/{name}")
}

/// `31`, or `1 000+`.
fn how_many(subscribers: Subscribers) -> String {
    let count = v::count(subscribers.count);
    if subscribers.or_more { format!("{count}+") } else { count }
}

/// Versions and their schemas, the oldest first.
pub(crate) fn versions(event_type: &EventType) -> Vec<(String, Value)> {
    let schemas = event_type.schemas.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let Some(Value::Object(schemas)) = schemas else { return Vec::new() };
    let mut all: Vec<(String, Value)> = schemas.into_iter().collect();
    all.sort_by_key(|(version, _)| (version.parse::<u64>().unwrap_or(u64::MAX), version.clone()));
    all
}

/// The number that a new version gets.
pub(crate) fn next_version(versions: &[(String, Value)]) -> String {
    let last = versions.iter().filter_map(|(version, _)| version.parse::<u64>().ok()).max().unwrap_or(0);
    last.saturating_add(1).to_string()
}
