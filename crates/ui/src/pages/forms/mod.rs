//! Forms on somebody's website: what was sent, who is told, how to put it there.
//!
//! **Invariant:** plain words only; what is sent is a stranger's text.

mod act;
mod edit;
mod list;
mod show;

pub(crate) use act::{delete, state, tell};
pub(crate) use edit::{create, edit, new};
pub(crate) use list::list;
pub(crate) use show::{export, show};

use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::Fault;
use crate::view::{self as v, Seen};
use http::Method;
use serde_json::Value;

fn api(form: &str) -> String {
    format!("/api/v1/form/{}", part(form))
}

pub(crate) fn page(form: &str) -> String {
    format!("/forms/{}", part(form))
}

pub(crate) async fn read(call: &Call, form: &str) -> Result<Value, Fault> {
    call.api(Method::GET, &api(form), None).await
}

/// The newest submission, for a panel that waits for it.
pub(crate) async fn first_seen(call: &Call, form: &str) -> Result<Option<Seen>, Fault> {
    let events = call.api(Method::GET, &format!("{}/event?limit=1", api(form)), None).await?;
    let Some(event) = events.list("data").first() else { return Ok(None) };
    let fields = event.member("data.fields").as_object().into_iter().flatten();
    let mut facts: Vec<(bool, String)> = fields
        .filter(|(_, value)| value.as_str() != Some(""))
        .take(6)
        .map(|(name, value)| (true, format!("{name}: {}", plain(value))))
        .collect();
    if let Some(at) = event.time("timestamp") {
        facts.push((true, format!("{} ago", v::duration(call.now().since(at)))));
    }
    let link = Some((page(form), "All submissions".to_owned()));
    Ok(Some(Seen { title: "Received".to_owned(), facts, link, ..Seen::default() }))
}

/// A field's value, as text on one line of 200 characters at most.
fn plain(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    match text.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
