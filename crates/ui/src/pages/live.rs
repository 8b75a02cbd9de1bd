//! Live: what happens at this moment, out and in.
//!
//! **Invariant:** the stream is the API's, passed through; without a script the page shows the newest messages and says so.

use crate::call::Call;
use crate::fault::Fault;
use crate::form::Form;
use crate::pages::common::{current, option, query};
use crate::reply::Reply;
use crate::view::{self as v, Frame, Html, Section};
use askama::Template;
use domain::Timestamp;
use store::{Order, PageQuery, Search};

/// Messages shown where no script runs.
const ROWS: u32 = 30;
/// Applications offered.
const APPS_MAX: u32 = 100;
const DIRECTIONS: [(&str, &str); 3] = [("", "All"), ("out", "Out"), ("in", "In")];
const STATUSES: [(&str, &str); 8] = [
    ("", "Any status"),
    ("accepted", "Accepted"),
    ("delivered", "Delivered"),
    ("failed", "Failed or retrying"),
    ("retrying", "Retrying"),
    ("refused", "Rejected"),
    ("held", "Held"),
    ("captured", "Captured"),
];

#[derive(Template)]
#[template(path = "live/page.html")]
struct Page {
    frame: Frame,
    now: Timestamp,
    stream: String,
    directions: Vec<(String, &'static str, Html)>,
    statuses: Vec<Html>,
    apps: Vec<Html>,
    event_type: String,
    direction: String,
    is_filtered: bool,
    rows: Vec<(String, String, String, Timestamp)>,
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let params = call.query();
    let page = PageQuery { limit: ROWS, cursor: None, order: Order::Descending };
    let found = call.store().search_messages(call.me.org, page, Search::default()).await?.page.data;
    let rows = found
        .into_iter()
        .map(|m| (call.codec().text(m.message.id), m.message.event_type, m.app_name, m.message.id.created_at()));
    let page = PageQuery { limit: APPS_MAX, cursor: None, order: Order::Ascending };
    let chosen = params.get("app");
    let mut apps = vec![option("", "All applications", chosen)];
    for app in call.store().apps(call.me.org, page).await?.data {
        apps.push(option(&call.codec().text(app.id), &app.name, chosen));
    }
    let asked = asked(&params);
    let pairs: Vec<(&str, &str)> = asked.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let directions = DIRECTIONS.iter().map(|(value, text)| {
        (format!("/live{}", params.with(&[("direction", value)])), *text, current(params.get("direction") == *value))
    });
    Reply::page(&Page {
        frame: call.frame("Live", Section::Live),
        now: call.now(),
        stream: format!("/live/stream{}", query(&pairs)),
        directions: directions.collect(),
        statuses: STATUSES.iter().map(|(value, text)| option(value, text, params.get("status"))).collect(),
        apps,
        event_type: params.get("type").to_owned(),
        direction: params.get("direction").to_owned(),
        is_filtered: !pairs.is_empty(),
        rows: rows.collect(),
    })
}

/// What the API's stream is asked for.
fn asked(params: &Form) -> Vec<(&'static str, String)> {
    let known = |name: &str, all: &[(&str, &str)]| {
        let value = params.get(name);
        if all.iter().any(|(v, _)| *v == value) { value.to_owned() } else { String::new() }
    };
    let types: Vec<&str> = params.get("type").split([' ', ',']).filter(|t| !t.is_empty()).collect();
    let all = [
        ("direction", known("direction", &DIRECTIONS)),
        ("status", known("status", &STATUSES)),
        ("type", types.join(",")),
        ("app", params.get("app").to_owned()),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

pub(crate) async fn stream(call: Call) -> Result<Reply, Fault> {
    let asked = asked(&call.query());
    let pairs: Vec<(&str, &str)> = asked.iter().map(|(n, v)| (*n, v.as_str())).collect();
    Ok(Reply::passed(call.api_stream(&format!("/api/v1/tail{}", query(&pairs))).await?))
}
