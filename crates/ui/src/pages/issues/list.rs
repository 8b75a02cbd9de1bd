//! The list of issues: open, resolved or muted; of one endpoint, application or kind.
//!
//! **Invariant:** what is filtered is in the URL.

use super::state_badge;
use crate::call::Call;
use crate::fault::Fault;
use crate::pages::common::{address, code_in_words, current, option, query};
use crate::reply::Reply;
use crate::view::{self as v, Badge, Frame, Html, Section};
use askama::Template;
use domain::{AppId, EndpointId, IssueId, IssueKind, Timestamp};
use store::{Cursor, Issue, IssueFilter, IssueState, Order, PageQuery};

const ROWS: u32 = 50;
const STATES: [(&str, &str, Option<IssueState>); 4] = [
    ("open", "Open", Some(IssueState::Open)),
    ("resolved", "Resolved", Some(IssueState::Resolved)),
    ("muted", "Muted", Some(IssueState::Muted)),
    ("all", "All", None),
];

#[derive(Template)]
#[template(path = "issues/list.html")]
struct Page {
    frame: Frame,
    now: Timestamp,
    state: &'static str,
    states: Vec<(String, &'static str, Html)>,
    kinds: Vec<Html>,
    endpoint: String,
    app: String,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
    is_filtered: bool,
}

struct Row {
    id: String,
    title: &'static str,
    fix: &'static str,
    state: Badge,
    address: String,
    app: String,
    app_name: String,
    endpoint: String,
    code: String,
    count: u64,
    first_at: Timestamp,
    last_at: Timestamp,
    is_down: bool,
    is_disabled: bool,
}

pub(crate) async fn list(call: Call) -> Result<Reply, Fault> {
    let params = call.query();
    let codec = call.codec();
    let (name, _, state) = STATES.into_iter().find(|(n, ..)| *n == params.get("state")).unwrap_or(STATES[0]);
    let kind = IssueKind::all().find(|kind| kind.name() == params.get("kind"));
    let endpoint: Option<EndpointId> = codec.read(params.get("endpoint"));
    let app: Option<AppId> = codec.read(params.get("app"));
    let read = |name: &str| codec.read::<IssueId>(params.get(name));
    let cursor = match (read("older"), read("newer")) {
        (Some(at), _) => Some(Cursor::After(at)),
        (None, Some(at)) => Some(Cursor::Before(at)),
        (None, None) => None,
    };
    let page = PageQuery { limit: ROWS, cursor: cursor.clone(), order: Order::Descending };
    let found = call.store().issues(call.me.org, page, IssueFilter { state, app, endpoint, kind }).await?;
    let (kind_name, endpoint_text, app_text) =
        (kind.map_or("", IssueKind::name), params.get("endpoint"), params.get("app"));
    let link = |changes: &[(&str, &str)]| {
        let kept = [("state", name), ("kind", kind_name), ("endpoint", endpoint_text), ("app", app_text)];
        let is_kept = |n: &str| !changes.iter().any(|(changed, _)| *changed == n);
        let pairs: Vec<(&str, &str)> =
            kept.into_iter().filter(|(n, _)| is_kept(n)).chain(changes.iter().copied()).collect();
        format!("/issues{}", query(&pairs))
    };
    let is_back = matches!(cursor, Some(Cursor::Before(_)));
    let older = found.last.filter(|_| is_back || !found.done).map(|at| link(&[("older", &codec.text(at))]));
    let newer = found.first.filter(|_| cursor.is_some()).map(|at| link(&[("newer", &codec.text(at))]));
    let mut kinds = vec![option("", "Any kind", kind_name)];
    kinds.extend(IssueKind::all().map(|kind| option(kind.name(), kind.explanation().title, kind_name)));
    Reply::page(&Page {
        frame: call.frame("Issues", Section::Issues),
        now: call.now(),
        state: name,
        states: STATES.iter().map(|(n, text, _)| (link(&[("state", n)]), *text, current(*n == name))).collect(),
        kinds,
        rows: found.data.into_iter().map(|issue| row(&call, issue)).collect(),
        newer,
        older,
        is_filtered: kind.is_some() || endpoint.is_some() || app.is_some(),
        endpoint: endpoint_text.to_owned(),
        app: app_text.to_owned(),
    })
}

fn row(call: &Call, issue: Issue) -> Row {
    let explanation = issue.kind.explanation();
    Row {
        id: call.codec().text(issue.id),
        title: explanation.title,
        fix: explanation.fix,
        state: state_badge(issue.state),
        address: address(&issue.url),
        app: call.codec().text(issue.app),
        app_name: issue.app_name,
        endpoint: call.codec().text(issue.endpoint),
        code: code_in_words(issue.status_code),
        count: issue.count,
        first_at: issue.first_at,
        last_at: issue.last_at,
        is_down: issue.failing_since.is_some(),
        is_disabled: issue.endpoint_disabled,
    }
}
