//! Recover or replay: what, when, a look at what it would do, and the start.
//!
//! **Invariant:** each step is a GET whose whole state is its URL; only the start changes anything.

mod when;

use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::form::Form;
use crate::pages::common::{address, option};
use crate::reply::Reply;
use crate::view::{self as v, Frame, Html, Section, duration};
use askama::Template;
use domain::{EndpointId, Timestamp};
use http::{Method, StatusCode};
use serde_json::json;
use std::time::Duration;
use store::{Endpoint, Estimate, ReplayFilter, Which};
use when::Card;

/// Deliveries a second.
const SPEEDS: [(&str, &str); 6] = [
    ("", "As fast as it takes them"),
    ("1", "1 a second"),
    ("5", "5 a second"),
    ("25", "25 a second"),
    ("100", "100 a second"),
    ("500", "500 a second"),
];
const SPEED_SHOWN: u32 = 25;
/// Event types shown of an estimate.
const TYPES_SHOWN: usize = 8;

#[derive(Template)]
#[template(path = "replay/choose.html")]
struct Choose {
    frame: Frame,
    now: Timestamp,
    rows: Vec<Candidate>,
}

/// An endpoint that something is to be recovered at.
struct Candidate {
    endpoint: String,
    address: String,
    app_name: String,
    dead: u64,
    failing_since: Option<Timestamp>,
    disabled: bool,
}

#[derive(Template)]
#[template(path = "replay/page.html")]
struct Page {
    frame: Frame,
    now: Timestamp,
    endpoint: String,
    address: String,
    app: String,
    app_name: String,
    is_disabled: bool,
    is_paused: bool,
    which: &'static str,
    cards: Vec<Card>,
    custom_from: String,
    custom_to: String,
    is_custom: bool,
    types: String,
    speeds: Vec<Html>,
    speed: String,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    check: Option<Check>,
    wrong: Option<String>,
}

/// What it would do.
struct Check {
    count: u64,
    at_least: bool,
    types: Vec<(String, u64)>,
    /// How many the types were counted of, if not of all.
    looked_at: Option<u64>,
    more_types: usize,
    sample: Vec<(String, String, Timestamp)>,
    already: u64,
    checked: u64,
    takes: String,
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let params = call.query();
    let Some(text) = params.some("endpoint") else { return choose(&call).await };
    let endpoint = endpoint(&call, text).await?;
    let page = page(&call, &params, &endpoint).await?;
    match page.wrong {
        Some(_) => Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page),
        None => Reply::page(&page),
    }
}

async fn choose(call: &Call) -> Result<Reply, Fault> {
    let queue = call.store().queue_figures(call.me.org).await?;
    let rows = queue.lanes.into_iter().filter(|lane| lane.dead > 0 || lane.failing_since.is_some());
    let rows = rows.map(|lane| Candidate {
        endpoint: call.codec().text(lane.endpoint),
        address: address(&lane.url),
        app_name: lane.app_name,
        dead: lane.dead,
        failing_since: lane.failing_since,
        disabled: lane.disabled,
    });
    let frame = call.frame("Recover or replay", Section::Tasks);
    Reply::page(&Choose { frame, now: call.now(), rows: rows.collect() })
}

async fn endpoint(call: &Call, text: &str) -> Result<Endpoint, Fault> {
    let id: EndpointId = call.codec().read(text).ok_or_else(|| Fault::not_found("endpoint"))?;
    Ok(call.store().find_endpoint(call.me.org, id).await?)
}

async fn page(call: &Call, params: &Form, endpoint: &Endpoint) -> Result<Page, Fault> {
    let now = call.now();
    let which = which(params.get("which"));
    let window = when::read(params);
    let speed: Option<u32> = params.get("speed").parse().ok().filter(|n| *n > 0);
    let (mut check, mut wrong) = (None, None);
    let (since, until) = match window {
        Ok(Some((since, until))) => {
            let filter = ReplayFilter {
                which,
                event_types: types(params),
                since,
                until: Some(until.unwrap_or(now)),
                ..ReplayFilter::default()
            };
            let name = store::Ref::Id(endpoint.id);
            let found = call.store().estimate_task(endpoint.app, &name, filter, speed).await?;
            check = Some(checked(call, found));
            (Some(since), until)
        }
        Ok(None) => (None, None),
        Err(text) => {
            wrong = Some(text);
            (None, None)
        }
    };
    let app = call.store().app(call.me.org, &store::Ref::Id(endpoint.app)).await;
    let shown = address(&endpoint.url);
    Ok(Page {
        frame: call.frame(format!("Recover or replay to {shown}"), Section::Tasks),
        now,
        endpoint: call.codec().text(endpoint.id),
        address: shown,
        app: call.codec().text(endpoint.app),
        app_name: app.map_or("a deleted application".to_owned(), |app| app.name),
        is_disabled: endpoint.disabled,
        is_paused: endpoint.paused_at.is_some(),
        which: name_of(which),
        cards: when::cards(now, endpoint.failing_since, params),
        custom_from: params.get("from").to_owned(),
        custom_to: params.get("to").to_owned(),
        is_custom: params.get("since") == when::CUSTOM,
        types: params.get("types").to_owned(),
        speeds: SPEEDS.iter().map(|(value, text)| option(value, text, params.get("speed"))).collect(),
        speed: speed.map(|n| n.to_string()).unwrap_or_default(),
        since,
        until,
        check,
        wrong,
    })
}

fn checked(call: &Call, found: Estimate) -> Check {
    let takes = match (found.seconds, found.count) {
        (_, 0) => String::new(),
        (Some(seconds), _) => format!("about {}", duration(Duration::from_secs(seconds.max(1)))),
        (None, count) => {
            let slow = duration(Duration::from_secs(count.div_ceil(u64::from(SPEED_SHOWN)).max(1)));
            format!("as fast as the endpoint answers; {slow} at {SPEED_SHOWN} a second")
        }
    };
    let looked_at: u64 = found.event_types.iter().map(|(_, n)| n).sum();
    Check {
        looked_at: (looked_at < found.count).then_some(looked_at),
        count: found.count,
        at_least: found.at_least,
        more_types: found.event_types.len().saturating_sub(TYPES_SHOWN),
        types: found.event_types.into_iter().take(TYPES_SHOWN).collect(),
        sample: found
            .sample
            .into_iter()
            .take(10)
            .map(|m| (call.codec().text(m.id), m.event_type, m.id.created_at()))
            .collect(),
        already: found.already_delivered,
        checked: found.checked,
        takes,
    }
}

/// Starts the task.
pub(crate) async fn start(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let endpoint = endpoint(&call, form.get("endpoint")).await?;
    let since = Timestamp::parse_rfc3339(form.get("since")).ok_or_else(|| Refusal::of("Choose since when first"))?;
    let mut body = json!({"which": name_of(which(form.get("which"))), "since": since.to_string()});
    if let Some(fields) = body.as_object_mut() {
        if let Some(until) = Timestamp::parse_rfc3339(form.get("until")) {
            fields.insert("until".to_owned(), json!(until.to_string()));
        }
        if let Ok(speed) = form.get("speed").parse::<u32>() {
            fields.insert("speedPerSecond".to_owned(), json!(speed));
        }
        let types = types(&form);
        if !types.is_empty() {
            fields.insert("eventTypes".to_owned(), json!(types));
        }
    }
    let codec = call.codec();
    let path = format!("/api/v1/app/{}/endpoint/{}/replay", codec.text(endpoint.app), codec.text(endpoint.id));
    let task = call.api(Method::POST, &path, Some(&body)).await?;
    let id = task.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
    Ok(Reply::see(&format!("/tasks/{id}")).notice("Started."))
}

fn which(text: &str) -> Which {
    match text {
        "missing" => Which::Missing,
        "everything" => Which::Everything,
        _ => Which::Failed,
    }
}
fn name_of(which: Which) -> &'static str {
    match which {
        Which::Failed => "failed",
        Which::Missing => "missing",
        Which::Delivered => "delivered",
        Which::Everything => "everything",
    }
}

fn types(form: &Form) -> Vec<String> {
    form.get("types").split([',', ' ']).filter(|t| !t.is_empty()).map(str::to_owned).collect()
}
