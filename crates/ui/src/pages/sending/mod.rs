//! Applications and endpoints: what is sent to whom.
//!
//! **Invariant:** an application or endpoint is found within the organisation of who asks, or it is "not found".

pub(crate) mod actions;
pub(crate) mod app;
pub(crate) mod app_forms;
pub(crate) mod apps;
pub(crate) mod attempt_list;
pub(crate) mod code;
pub(crate) mod endpoint;
pub(crate) mod endpoint_forms;
pub(crate) mod picker;
pub(crate) mod portal_link;
pub(crate) mod test_send;

use crate::call::Call;
use crate::fault::Fault;
use crate::view::{self as v, Badge, Tone};
use domain::{AppId, Timestamp, Uid};
use serde_json::{Map, Value, json};
use std::time::Duration;
use store::{Application, Endpoint, Ref};

/// What figures on these pages look back at.
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// The application that the path's first part names.
pub(crate) async fn application(call: &Call) -> Result<Application, Fault> {
    let text = call.param(0);
    let name = match call.codec().read(text) {
        Some(id) => Ref::Id(id),
        None if Uid::is_valid(text) => Ref::Uid(text.to_owned()),
        None => return Err(Fault::not_found("application")),
    };
    Ok(call.store().app(call.me.org, &name).await?)
}

/// The endpoint that the path's second part names, and its application.
pub(crate) async fn endpoint_of(call: &Call) -> Result<(Application, Endpoint), Fault> {
    let app = application(call).await?;
    let text = call.param(1);
    let name = match call.codec().read(text) {
        Some(id) => Ref::Id(id),
        None if Uid::is_valid(text) => Ref::Uid(text.to_owned()),
        None => return Err(Fault::not_found("endpoint")),
    };
    let endpoint = call.store().endpoint(app.id, &name).await?;
    Ok((app, endpoint))
}

/// `/apps/app_...`
pub(crate) fn app_path(call: &Call, app: &Application) -> String {
    app_path_of(call, app.id)
}
pub(crate) fn app_path_of(call: &Call, app: AppId) -> String {
    format!("/apps/{}", call.codec().text(app))
}

/// `/apps/app_.../endpoints/ep_...`
pub(crate) fn endpoint_path(call: &Call, endpoint: &Endpoint) -> String {
    format!("/apps/{}/endpoints/{}", call.codec().text(endpoint.app), call.codec().text(endpoint.id))
}

/// `/api/v1/app/app_.../endpoint/ep_...`
pub(crate) fn endpoint_api(call: &Call, endpoint: &Endpoint) -> String {
    format!("/api/v1/app/{}/endpoint/{}", call.codec().text(endpoint.app), call.codec().text(endpoint.id))
}

/// A URL without what everyone knows of it: `api.acme.io/hooks`.
pub(crate) fn short_url(url: &str) -> &str {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    rest.strip_suffix('/').unwrap_or(rest)
}

/// All attempts of a time: what success is a share of.
pub(crate) fn attempts(figures: &store::HourFigures) -> u64 {
    figures.delivered + figures.retried + figures.failed
}

/// How an endpoint does.
pub(crate) fn status(endpoint: &Endpoint, now: Timestamp) -> Badge {
    let (tone, text) = match (endpoint.disabled, endpoint.paused_at, endpoint.failing_since) {
        (true, ..) => (Tone::Idle, "Disabled".to_owned()),
        (_, Some(at), _) => (Tone::Warn, format!("Paused for {}", v::duration(now.since(at)))),
        (.., Some(at)) => (Tone::Bad, format!("Failing for {}", v::duration(now.since(at)))),
        _ => (Tone::Good, "Active".to_owned()),
    };
    Badge { tone, text }
}

/// `name=value` lines as metadata. A line without an equals sign is an error.
pub(crate) fn metadata_of(text: &str) -> Result<Value, String> {
    let mut fields = Map::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once('=').ok_or_else(|| format!("Write name=value: {line}"))?;
        fields.insert(name.trim().to_owned(), json!(value.trim()));
    }
    Ok(Value::Object(fields))
}

pub(crate) fn metadata_text(metadata: &store::Metadata) -> String {
    metadata.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
}

/// A number in a field: absent where it is empty, and as text where it is none, so that the API says what is wrong.
pub(crate) fn number_of(text: &str) -> Value {
    match (text.is_empty(), text.parse::<u64>()) {
        (true, _) => Value::Null,
        (_, Ok(number)) => json!(number),
        (_, Err(_)) => json!(text),
    }
}

/// Text or null.
pub(crate) fn text_of(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

/// Words in a list, by commas or spaces.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split([',', ' ', '\n', '\r', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A file of comma-separated values (RFC 4180). A cell that a spreadsheet would take for a formula begins with an apostrophe.
pub(crate) fn csv_line(cells: &[&str]) -> String {
    let cell = |text: &&str| {
        let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        let text = format!("{guard}{text}");
        if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    };
    cells.iter().map(cell).collect::<Vec<_>>().join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stay_in_their_column_and_are_no_formulas() {
        assert_eq!(csv_line(&["a,b", "say \"x\"", "=1+1", "-"]), "\"a,b\",\"say \"\"x\"\"\",'=1+1,'-\r\n");
    }

    #[test]
    fn metadata_is_written_and_read_back() {
        let text = "plan=pro\ntier = 2=3\n";
        let value = metadata_of(text).unwrap();
        assert_eq!(value, json!({"plan": "pro", "tier": "2=3"}));
        let map: store::Metadata = serde_json::from_value(value).unwrap();
        assert_eq!(metadata_text(&map), "plan=pro\ntier=2=3\n");
        assert!(metadata_of("nothing").is_err());
    }
}
