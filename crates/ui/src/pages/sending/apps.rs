//! The list of applications: searched, sorted, filtered, exported.
//!
//! **Invariant:** a search looks at a bounded number of applications and says so where it ends early; figures come from
//! roll-ups.

use super::{DAY, app_path, attempts, csv_line};
use crate::call::Call;
use crate::fault::Fault;
use crate::pages::common::option;
use crate::reply::Reply;
use crate::view::{self as v, Badge, Frame, Html, Section, Tone};
use askama::Template;
use domain::{AppId, Timestamp};
use http::header::CONTENT_DISPOSITION;
use store::{AppFigures, AppPlace, AppSearch, AppSort, FoundApp};

const ROWS: u32 = 25;
const EXPORTED_MAX: usize = 20_000;
const BATCH: u32 = 250;
/// In the URL, on the page, below the list.
const SORTS: [(&str, &str, &str, AppSort); 4] = [
    ("created", "Newest", "Newest first", AppSort::Created),
    ("name", "Name", "By name", AppSort::Name),
    ("last", "Last message", "Last message first", AppSort::LastMessage),
    ("failing", "Failing longest", "Failing longest first", AppSort::Failing),
];

pub(super) struct Row {
    pub found: FoundApp,
    pub id: String,
    pub path: String,
    pub figures: AppFigures,
}

impl Row {
    pub fn messages(&self) -> u64 {
        self.figures.total.messages
    }
    pub fn success(&self) -> String {
        let total = self.figures.total;
        v::percent(total.delivered, attempts(&total))
    }
    pub fn hours(&self) -> Html {
        let hours: Vec<u64> = self.figures.hours.iter().map(|h| h.messages).collect();
        v::spark(&hours, &format!("{} messages in 24 hours", self.messages()))
    }
    pub fn last(&self) -> Option<Timestamp> {
        self.figures.last_message_at.or(self.found.last_message_at)
    }
    pub fn failing(&self) -> Option<Badge> {
        let (failing, all) = (self.found.failing, self.found.endpoints);
        let text = if failing == all { "Failing".to_owned() } else { format!("{failing} of {all} failing") };
        (failing > 0).then_some(Badge { tone: Tone::Bad, text })
    }
}

#[derive(Template)]
#[template(path = "sending/apps.html")]
struct Page {
    frame: Frame,
    now: Timestamp,
    query: String,
    failing: bool,
    /// Links of the filter: all, failing only.
    all: String,
    only_failing: String,
    sorts: Vec<Html>,
    sorted: &'static str,
    is_first: bool,
    rows: Vec<Row>,
    next: String,
    /// The search ended before all were looked at.
    looked_at: Option<u64>,
    origin: String,
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let form = call.query();
    let query = form.get("q").to_owned();
    let failing = form.get("failing") == "yes";
    let (name, _, sorted, sort) = SORTS.into_iter().find(|(n, ..)| *n == form.get("sort")).unwrap_or(SORTS[0]);
    let search = AppSearch {
        only: call.codec().read::<AppId>(query.trim()),
        text: query.clone(),
        failing,
        sort,
        after: AppPlace::read(form.get("after"), call.codec()),
        limit: ROWS,
    };
    let is_first = search.after.is_none();
    let found = call.store().search_apps(call.me.org, search).await?;
    let next = found.next.map(|place| form.with(&[("after", &place.text(call.codec()))])).unwrap_or_default();
    Reply::page(&Page {
        frame: call.frame("Applications", Section::Applications),
        now: call.now(),
        all: form.with(&[("failing", "")]),
        only_failing: form.with(&[("failing", "yes")]),
        sorts: SORTS.iter().map(|(value, text, ..)| option(value, text, name)).collect(),
        sorted,
        is_first,
        rows: rows(&call, found.data).await?,
        looked_at: found.looked_at,
        query,
        failing,
        next,
        origin: call.origin(),
    })
}

async fn rows(call: &Call, found: Vec<FoundApp>) -> Result<Vec<Row>, Fault> {
    let ids: Vec<AppId> = found.iter().map(|one| one.app.id).collect();
    let figures = call.store().app_figures(call.me.org, ids, call.now().minus(DAY)).await?;
    // As many, in the same order.
    let row = |(found, figures): (FoundApp, AppFigures)| Row {
        id: call.codec().text(found.app.id),
        path: app_path(call, &found.app),
        figures,
        found,
    };
    Ok(found.into_iter().zip(figures).map(row).collect())
}

/// All of them as a file.
pub(crate) async fn export(call: Call) -> Result<Reply, Fault> {
    let mut out =
        csv_line(&["id", "uid", "name", "endpoints", "messages_24h", "delivered_24h", "failed_24h", "created_at"]);
    let (mut after, mut count) = (None, 0);
    loop {
        let search = AppSearch { after, limit: BATCH, ..AppSearch::default() };
        let found = call.store().search_apps(call.me.org, search).await?;
        for row in rows(&call, found.data).await? {
            let total = row.figures.total;
            let numbers = [row.found.endpoints, total.messages, total.delivered, total.failed].map(|n| n.to_string());
            let [endpoints, messages, delivered, failed] = &numbers;
            let app = &row.found.app;
            let (at, uid) = (v::iso(app.id.created_at()), app.uid.as_deref().unwrap_or_default());
            out.push_str(&csv_line(&[&row.id, uid, &app.name, endpoints, messages, delivered, failed, &at]));
            count += 1;
        }
        after = found.next;
        if after.is_none() || count >= EXPORTED_MAX {
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
