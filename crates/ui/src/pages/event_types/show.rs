//! One event type: its schema by version, an example, what changed, and a guess from what was really sent.
//!
//! **Invariant:** a real payload is shown scrubbed, and only to who may read messages anyway.

use super::takers::Takers;
use super::{event_type, next_version, path, versions};
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::pages::sending::DAY;
use crate::reply::Reply;
use crate::schema::{self, Change, Row};
use crate::view::{self as v, Frame, Section};
use askama::Template;
use domain::Timestamp;
use serde_json::Value;
use store::{EventType, Order, PageQuery};

/// Messages that a schema is inferred from at most.
const INFERRED_FROM_MAX: u32 = 200;
const APPS_LISTED: u32 = 100;

#[derive(Template)]
#[template(path = "event_types/show.html")]
pub(crate) struct Page {
    frame: Frame,
    now: Timestamp,
    event_type: EventType,
    path: String,
    versions: Vec<String>,
    version: String,
    rows: Vec<Row>,
    /// The schema as text; empty if there is none.
    schema: String,
    changes: Vec<Change>,
    before: String,
    example: String,
    /// `generated`, `given` or `real`.
    example_is: &'static str,
    /// What is wrong with the example under the schema.
    complaints: Vec<(String, String)>,
    messages: u64,
    hours: Vec<u64>,
    takers: Takers,
    /// (id, name) of applications to send it to.
    apps: Vec<(String, String)>,
    /// A new version that is proposed, and what it is made of.
    pub draft: String,
    pub draft_from: String,
    pub draft_changes: Vec<Change>,
    pub next_version: String,
    pub errors: Refusal,
}

impl Page {
    fn breaks(&self) -> usize {
        self.changes.iter().filter(|change| change.breaks).count()
    }
    fn show_json(&self) -> bool {
        self.frame.here.contains("show=json")
    }
    fn flags(&self) -> String {
        self.event_type.feature_flags.join(", ")
    }
    fn group(&self) -> &str {
        self.event_type.group_name.as_deref().unwrap_or_default()
    }
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let event_type = event_type(&call).await?;
    Reply::page(&page(&call, event_type).await?)
}

/// The page; forms that were refused are shown by it, too.
pub(crate) async fn page(call: &Call, event_type: EventType) -> Result<Page, Fault> {
    let query = call.query();
    let all = versions(&event_type);
    let at = all.iter().position(|(version, _)| version == query.get("version")).or(all.len().checked_sub(1));
    let chosen = at.and_then(|at| all.get(at));
    let before = at.and_then(|at| at.checked_sub(1)).and_then(|at| all.get(at));
    let (example, example_is) = example(call, &event_type, chosen.map(|(_, schema)| schema)).await?;
    let seen = call.store().event_type_figures(call.me.org, call.now().minus(DAY)).await?;
    let figures = seen.types.into_iter().find(|s| s.event_type == event_type.name);
    let page = PageQuery { limit: APPS_LISTED, cursor: None, order: Order::Descending };
    let apps = call.store().apps(call.me.org, page).await?.data;
    let (draft, draft_from, draft_changes) = match query.has("infer") {
        true => inferred(call, &event_type, all.last().map(|(_, schema)| schema)).await?,
        false => Default::default(),
    };
    let parsed: Value = serde_json::from_str(&example).unwrap_or_default();
    Ok(Page {
        frame: call.frame(event_type.name.clone(), Section::EventTypes),
        now: call.now(),
        path: path(&event_type.name),
        version: chosen.map(|(version, _)| version.clone()).unwrap_or_default(),
        rows: chosen.map(|(_, schema)| schema::rows(schema)).unwrap_or_default(),
        schema: chosen.map(|(_, schema)| schema.to_string()).unwrap_or_default(),
        changes: match (before, chosen) {
            (Some((_, old)), Some((_, new))) => schema::lint(old, new),
            _ => Vec::new(),
        },
        before: before.map(|(version, _)| version.clone()).unwrap_or_default(),
        complaints: match (chosen, example.is_empty()) {
            (Some((_, schema)), false) => schema::complaints(schema, &parsed),
            _ => Vec::new(),
        },
        example,
        example_is,
        messages: figures.as_ref().map_or(0, |f| f.messages),
        hours: figures.map(|f| f.hours).unwrap_or_default(),
        takers: Takers::read(call, &event_type.name).await?,
        apps: apps.into_iter().map(|app| (call.codec().text(app.id), app.name)).collect(),
        draft,
        draft_from,
        draft_changes,
        next_version: next_version(&all),
        versions: all.into_iter().map(|(version, _)| version).collect(),
        errors: Refusal::of(""),
        event_type,
    })
}

/// The one that is asked for: the schema's own, the last real one without what is personal, or a made one.
async fn example(call: &Call, event_type: &EventType, schema: Option<&Value>) -> Result<(String, &'static str), Fault> {
    let given = schema.and_then(|s| s.get("examples")).and_then(|e| e.get(0));
    let wanted = match call.query().get("example") {
        "real" => "real",
        "generated" => "generated",
        _ if given.is_some() => "given",
        _ => "generated",
    };
    let text = match (wanted, given, schema) {
        ("real", ..) => {
            let last = call.store().recent_payloads(call.me.org, None, &event_type.name, 1).await?;
            let last = last.first().and_then(|(_, bytes)| serde_json::from_slice::<Value>(bytes).ok());
            last.map(|payload| schema::scrubbed(&payload).to_string()).unwrap_or_default()
        }
        ("given", Some(given), _) => given.to_string(),
        (.., Some(schema)) => {
            let mut bare = schema.clone();
            if let Value::Object(fields) = &mut bare {
                fields.remove("examples");
            }
            schema::example(&bare).to_string()
        }
        _ => String::new(),
    };
    Ok((text, wanted))
}

type Draft = (String, String, Vec<Change>);

async fn inferred(call: &Call, event_type: &EventType, last: Option<&Value>) -> Result<Draft, Fault> {
    let query = call.query();
    let limit = query.get("infer").parse::<u32>().unwrap_or(50).clamp(1, INFERRED_FROM_MAX);
    let payloads = call.store().recent_payloads(call.me.org, None, &event_type.name, limit).await?;
    let values: Vec<Value> = payloads.iter().filter_map(|(_, bytes)| serde_json::from_slice(bytes).ok()).collect();
    if values.is_empty() {
        return Ok((String::new(), "There are no messages of this type to learn from.".to_owned(), Vec::new()));
    }
    let mut found = schema::infer(&values, &event_type.name);
    let changes = last.map(|last| schema::lint(last, &found)).unwrap_or_default();
    if let (Value::Object(fields), Some(first)) = (&mut found, values.first()) {
        fields.insert("examples".to_owned(), Value::Array(vec![schema::scrubbed(first)]));
    }
    let from =
        format!("Made from the last {} messages. Look it over: what few messages show may be chance.", values.len());
    Ok((v::pretty(&found.to_string()), from, changes))
}
