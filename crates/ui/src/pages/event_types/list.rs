//! The list of event types, in groups.
//!
//! **Invariant:** volumes come from roll-ups; a search looks at a bounded number of types, and counts of subscribers end at one.

use super::{how_many, path};
use crate::call::Call;
use crate::fault::Fault;
use crate::pages::sending::{DAY, picker::group_of};
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use domain::Timestamp;
use std::collections::BTreeMap;
use store::{Cursor, EventType, Order, PageQuery};

const ROWS: usize = 50;
const LOOKED_AT_MAX: usize = 2000;

pub(super) struct Row {
    pub path: String,
    pub event_type: EventType,
    pub messages: u64,
    pub hours: Vec<u64>,
    pub last_at: Option<Timestamp>,
    pub has_schema: bool,
    /// `31`, or `1 000+`.
    pub subscribers: String,
}

#[derive(Template)]
#[template(path = "event_types/list.html")]
struct Page {
    frame: Frame,
    now: Timestamp,
    query: String,
    archived: bool,
    groups: Vec<(String, Vec<Row>)>,
    next: String,
    /// Seen in messages, and in no list.
    unknown: Vec<(String, u64)>,
    origin: String,
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let form = call.query();
    let query = form.get("q").to_lowercase();
    let archived = form.get("archived") == "yes";
    let seen = call.store().event_type_figures(call.me.org, call.now().minus(DAY)).await?;
    let (mut found, mut looked_at) = (Vec::new(), 0);
    let mut after = form.some("after").map(str::to_owned);
    let mut next = None;
    loop {
        let page = PageQuery { limit: 250, cursor: after.clone().map(Cursor::After), order: Order::Ascending };
        let page = call.store().event_types(call.me.org, page, archived).await?;
        let done = page.done;
        for t in page.data {
            looked_at += 1;
            after = Some(t.name.clone());
            let fits = t.name.to_lowercase().contains(&query) || t.description.to_lowercase().contains(&query);
            if (query.is_empty() || fits) && (!archived || t.archived) {
                found.push(t);
            }
            if found.len() >= ROWS {
                break;
            }
        }
        if found.len() >= ROWS || looked_at >= LOOKED_AT_MAX {
            next = after.clone();
            break;
        }
        if done {
            break;
        }
    }
    let mut groups: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let is_first = form.some("after").is_none() && next.is_none() && query.is_empty() && !archived;
    let unknown = match is_first {
        true => {
            let unknown = seen.types.iter().filter(|s| found.iter().all(|t| t.name != s.event_type));
            unknown.map(|s| (s.event_type.clone(), s.messages)).take(20).collect()
        }
        false => Vec::new(),
    };
    let names = found.iter().map(|t| t.name.clone()).collect();
    let subscribers = call.store().count_subscribers(call.me.org, names).await?;
    for (t, subscribers) in found.into_iter().zip(subscribers) {
        let figures = seen.types.iter().find(|s| s.event_type == t.name);
        let row = Row {
            path: path(&t.name),
            messages: figures.map_or(0, |f| f.messages),
            hours: figures.map(|f| f.hours.clone()).unwrap_or_default(),
            last_at: figures.map(|f| f.last_at),
            has_schema: t.schemas.is_some(),
            subscribers: how_many(subscribers),
            event_type: t,
        };
        groups.entry(group_of(&row.event_type.name, row.event_type.group_name.as_deref())).or_default().push(row);
    }
    Reply::page(&Page {
        frame: call.frame("Event types", Section::EventTypes),
        now: call.now(),
        query: form.get("q").to_owned(),
        archived,
        groups: groups.into_iter().collect(),
        next: next.map(|after| form.with(&[("after", &after)])).unwrap_or_default(),
        unknown,
        origin: call.origin(),
    })
}
