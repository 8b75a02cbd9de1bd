//! The list of applications: searched, filtered, exported.
//!
//! Newest first: by name they would have to be sorted all. **Invariant:** a search looks at a bounded number of applications and
//! says so where it ends early.

use super::{DAY, app_path, attempts, csv_line};
use crate::call::Call;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use domain::{AppId, Timestamp, Uid};
use http::header::CONTENT_DISPOSITION;
use std::collections::BTreeSet;
use store::{AppFigures, Application, Cursor, IssueFilter, IssueState, Order, PageQuery, Ref};

const ROWS: usize = 25;
/// Applications that one search looks at.
const LOOKED_AT_MAX: usize = 5000;
const EXPORTED_MAX: usize = 20_000;
const BATCH: u32 = 250;

pub(super) struct Row {
    pub app: Application,
    pub id: String,
    pub path: String,
    pub endpoints: usize,
    pub is_failing: bool,
    pub figures: Option<AppFigures>,
}

impl Row {
    pub fn messages(&self) -> u64 {
        self.figures.as_ref().map_or(0, |f| f.total.messages)
    }
    pub fn success(&self) -> String {
        let total = self.figures.as_ref().map(|f| f.total).unwrap_or_default();
        v::percent(total.delivered, attempts(&total))
    }
    pub fn hours(&self) -> v::Html {
        let hours: Vec<u64> = self.figures.iter().flat_map(|f| f.hours.iter().map(|h| h.messages)).collect();
        v::spark(&hours, &format!("{} messages in 24 hours", self.messages()))
    }
    pub fn last(&self) -> Option<Timestamp> {
        self.figures.as_ref().and_then(|f| f.last_message_at)
    }
}

#[derive(Template)]
#[template(path = "sending/apps.html")]
struct Page {
    frame: Frame,
    now: Timestamp,
    query: String,
    failing: bool,
    rows: Vec<Row>,
    next: String,
    /// The search ended before all were looked at.
    looked_at: usize,
    origin: String,
}

impl Page {
    fn looked_at(&self) -> u64 {
        self.looked_at as u64
    }
}

struct Found {
    apps: Vec<Application>,
    next: Option<AppId>,
    looked_at: usize,
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let form = call.query();
    let query = form.get("q").to_owned();
    let failing = form.get("failing") == "yes";
    let sick = failing_apps(&call).await?;
    let after = call.codec().read::<AppId>(form.get("after"));
    let found = match failing {
        true => only(&call, &sick, &query).await?,
        false => search(&call, &query, after).await?,
    };
    let next = found.next.map(|id| form.with(&[("after", &call.codec().text(id))])).unwrap_or_default();
    let rows = rows(&call, found.apps, &sick).await?;
    Reply::page(&Page {
        frame: call.frame("Applications", Section::Applications),
        now: call.now(),
        query,
        failing,
        rows,
        next,
        looked_at: found.looked_at,
        origin: call.origin(),
    })
}

/// Applications with an endpoint that has an open issue and fails each time.
async fn failing_apps(call: &Call) -> Result<BTreeSet<AppId>, Fault> {
    let page = PageQuery { limit: BATCH, cursor: None, order: Order::Descending };
    let filter = IssueFilter { state: Some(IssueState::Open), ..IssueFilter::default() };
    let issues = call.store().issues(call.me.org, page, filter).await?;
    Ok(issues.data.into_iter().filter(|issue| issue.failing_since.is_some()).map(|issue| issue.app).collect())
}

async fn only(call: &Call, apps: &BTreeSet<AppId>, query: &str) -> Result<Found, Fault> {
    let mut out = Vec::new();
    for id in apps.iter().rev().take(ROWS) {
        let app = call.store().app(call.me.org, &Ref::Id(*id)).await?;
        if matches(&app, query) {
            out.push(app);
        }
    }
    Ok(Found { apps: out, next: None, looked_at: 0 })
}

fn matches(app: &Application, query: &str) -> bool {
    let query = query.to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&query);
    has(&app.name) || app.uid.as_deref().is_some_and(has) || app.metadata.values().any(|value| has(value))
}

/// A page of applications that match. An id or a uid finds its application at once.
async fn search(call: &Call, query: &str, after: Option<AppId>) -> Result<Found, Fault> {
    let org = call.me.org;
    if let Some(id) = call.codec().read::<AppId>(query) {
        let app = call.store().app(org, &Ref::Id(id)).await.ok();
        return Ok(Found { apps: app.into_iter().collect(), next: None, looked_at: 0 });
    }
    let (mut apps, mut looked_at, mut cursor) = (Vec::new(), 0, after);
    if after.is_none() && Uid::is_valid(query) {
        apps.extend(call.store().app(org, &Ref::Uid(query.to_owned())).await.ok());
    }
    loop {
        let limit = if query.is_empty() { u32::try_from(ROWS).unwrap_or(BATCH) } else { BATCH };
        let page = PageQuery { limit, cursor: cursor.map(Cursor::After), order: Order::Descending };
        let page = call.store().apps(org, page).await?;
        let done = page.done;
        for app in page.data {
            looked_at += 1;
            cursor = Some(app.id);
            if (query.is_empty() || matches(&app, query)) && apps.iter().all(|a: &Application| a.id != app.id) {
                apps.push(app);
            }
            if apps.len() >= ROWS {
                let next = if done && query.is_empty() { None } else { cursor };
                return Ok(Found { apps, next, looked_at: 0 });
            }
        }
        if done {
            return Ok(Found { apps, next: None, looked_at: 0 });
        }
        if looked_at >= LOOKED_AT_MAX {
            return Ok(Found { apps, next: cursor, looked_at });
        }
    }
}

async fn rows(call: &Call, apps: Vec<Application>, sick: &BTreeSet<AppId>) -> Result<Vec<Row>, Fault> {
    let ids: Vec<AppId> = apps.iter().map(|app| app.id).collect();
    let figures = call.store().app_figures(call.me.org, ids, call.now().minus(DAY)).await?;
    let mut rows = Vec::new();
    for app in apps {
        let endpoints =
            call.store().route(call.me.org, &Ref::Id(app.id)).await.map_or(0, |route| route.endpoints.len());
        rows.push(Row {
            id: call.codec().text(app.id),
            path: app_path(call, &app),
            endpoints,
            is_failing: sick.contains(&app.id),
            figures: figures.iter().find(|f| f.app == app.id).cloned(),
            app,
        });
    }
    Ok(rows)
}

/// All of them as a file.
pub(crate) async fn export(call: Call) -> Result<Reply, Fault> {
    let mut out =
        csv_line(&["id", "uid", "name", "endpoints", "messages_24h", "delivered_24h", "failed_24h", "created_at"]);
    let (mut cursor, mut count) = (None, 0);
    let none = BTreeSet::new();
    loop {
        let page = PageQuery { limit: BATCH, cursor, order: Order::Descending };
        let page = call.store().apps(call.me.org, page).await?;
        let (done, last) = (page.done, page.last);
        for row in rows(&call, page.data, &none).await? {
            let total = row.figures.as_ref().map(|f| f.total).unwrap_or_default();
            let numbers = [row.endpoints as u64, total.messages, total.delivered, total.failed].map(|n| n.to_string());
            let [endpoints, messages, delivered, failed] = &numbers;
            let at = v::iso(row.app.id.created_at());
            let uid = row.app.uid.as_deref().unwrap_or_default();
            out.push_str(&csv_line(&[&row.id, uid, &row.app.name, endpoints, messages, delivered, failed, &at]));
            count += 1;
        }
        cursor = last.map(Cursor::After);
        if done || cursor.is_none() || count >= EXPORTED_MAX {
            break;
        }
    }
    Ok(csv_file("applications.csv", out))
}

/// A file to be kept.
pub(crate) fn csv_file(name: &str, text: String) -> Reply {
    let file = Reply::file("text/csv; charset=utf-8", text);
    file.append(CONTENT_DISPOSITION, &format!("attachment; filename=\"{name}\""))
}
