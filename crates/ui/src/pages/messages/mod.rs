//! Messages: the list, its search, and what is done with several at once.
//!
//! **Invariant:** the whole state of the list is its URL: `q` in the language of the search box, and where the page begins.

mod bulk;
mod filters;

pub(crate) use bulk::{ask as ask_resend, resend as resend_many};

use crate::call::Call;
use crate::fault::Fault;
use crate::pages::common::{code, query};
use crate::reply::Reply;
use crate::view::{self as v, Badge, Frame, Html, Section, Tone};
use askama::Template;
use domain::search::KEYS;
use domain::{SearchQuery, Timestamp};
use filters::Filters;
use store::{Cursor, Found, FoundMessage, Order, PageQuery, SearchCursor, StatusCounts, StoreError};

/// Messages on a page.
const ROWS: u32 = 20;

#[derive(Template)]
#[template(path = "messages/list.html")]
struct Page {
    frame: Frame,
    now: Timestamp,
    q: String,
    /// What is wrong with the search.
    wrong: Option<String>,
    keys: &'static [&'static str],
    filters: Filters,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
    looked_back_to: Option<Timestamp>,
    is_filtered: bool,
    is_first: bool,
    by_attempt: bool,
    may_resend: bool,
    command: String,
}

struct Row {
    id: String,
    event_type: String,
    app: String,
    app_name: String,
    status: Badge,
    endpoints: String,
    code: Option<Html>,
    at: Timestamp,
}

pub(crate) async fn list(call: Call) -> Result<Reply, Fault> {
    let params = call.query();
    if let Some(to) = filters::rewritten(&params) {
        return Ok(Reply::see(&to));
    }
    let q = params.get("q").to_owned();
    let parsed = match SearchQuery::parse(&q) {
        Ok(parsed) => parsed,
        Err(error) => return refused(&call, q, error.to_string()).await,
    };
    let search = match call.store().resolve_search(call.me.org, &parsed).await {
        Ok(search) => search,
        Err(StoreError::NotFound(noun)) => {
            let named = [("application", &parsed.app), ("endpoint", &parsed.endpoint)];
            let name = named.iter().find(|(n, _)| *n == noun).and_then(|(_, name)| (*name).clone()).unwrap_or_default();
            return refused(&call, q, format!("There is no {noun} \"{name}\". Write its id, or its uid.")).await;
        }
        Err(error) => return Err(error.into()),
    };
    let read = |name: &str| SearchCursor::read(params.get(name), call.codec());
    let cursor = match (read("older"), read("newer")) {
        (Some(at), _) => Some(Cursor::After(at)),
        (None, Some(at)) => Some(Cursor::Before(at)),
        (None, None) => None,
    };
    let page = PageQuery { limit: ROWS, cursor: cursor.clone(), order: Order::Descending };
    let found = call.store().search_messages(call.me.org, page, search).await?;
    // Back at the newest: the plain page, which shows what came meanwhile too.
    if matches!(cursor, Some(Cursor::Before(_))) && found.page.data.len() < ROWS as usize && found.page.done {
        return Ok(Reply::see(&format!("/messages{}", query(&[("q", &q)]))));
    }
    let filters = filters::read(&call, &parsed).await?;
    let page = page_of(&call, q, &parsed, filters, found, cursor.as_ref());
    Reply::page(&page)
}

fn page_of(
    call: &Call,
    q: String,
    parsed: &SearchQuery,
    filters: Filters,
    found: Found,
    cursor: Option<&Cursor<SearchCursor>>,
) -> Page {
    let codec = call.codec();
    let link = |name: &str, at: SearchCursor| format!("/messages{}", query(&[("q", &q), (name, &at.text(codec))]));
    let is_back = matches!(cursor, Some(Cursor::Before(_)));
    let older = found.page.last.filter(|_| is_back || !found.page.done || found.looked_back_to.is_some());
    let newer = found.page.first.or(found.page.last).filter(|_| cursor.is_some());
    let by_attempt = found.page.data.first().is_some_and(|m| matches!(m.cursor, SearchCursor::Attempt(_)));
    let mut frame = call.frame("Messages", Section::Messages);
    frame.query.clone_from(&q);
    Page {
        now: call.now(),
        wrong: None,
        keys: KEYS,
        filters,
        rows: found.page.data.into_iter().map(|m| row(call, m)).collect(),
        newer: newer.map(|at| link("newer", at)),
        older: older.map(|at| link("older", at)),
        looked_back_to: found.looked_back_to,
        is_filtered: !parsed.is_empty(),
        is_first: cursor.is_none(),
        by_attempt,
        may_resend: call.me.may_resend(),
        command: super::home::command(&call.origin(), "my-app"),
        q,
        frame,
    }
}

async fn refused(call: &Call, q: String, wrong: String) -> Result<Reply, Fault> {
    let none = SearchQuery::default();
    let page = store::Page { data: Vec::new(), last: None, first: None, done: true };
    let filters = filters::read(call, &none).await?;
    let mut page = page_of(call, q, &none, filters, Found { page, looked_back_to: None }, None);
    page.wrong = Some(wrong);
    page.is_filtered = true;
    Reply::page(&page)
}

/// What went well is a number among others: the status says that it did.
fn last_code(status_code: u16) -> Html {
    if (200..300).contains(&status_code) { Html(status_code.to_string()) } else { code(status_code) }
}

fn row(call: &Call, found: FoundMessage) -> Row {
    let message = found.message;
    Row {
        id: call.codec().text(message.id),
        event_type: message.event_type,
        app: call.codec().text(message.app),
        app_name: found.app_name,
        status: summary(found.statuses),
        endpoints: endpoints(found.statuses),
        code: found.last_code.map(last_code),
        at: message.id.created_at(),
    }
}

/// The worst that is the case.
fn summary(n: StatusCounts) -> Badge {
    let (tone, text) = match n {
        StatusCounts { failed: 1.., .. } => (Tone::Bad, "Failed"),
        StatusCounts { sending: 1.., .. } => (Tone::Busy, "Sending"),
        StatusCounts { pending: 1.., .. } => (Tone::Busy, "Waiting"),
        StatusCounts { delivered: 1.., .. } => (Tone::Good, "Delivered"),
        StatusCounts { canceled: 1.., .. } => (Tone::Idle, "Canceled"),
        _ => (Tone::Idle, "No endpoint"),
    };
    Badge { tone, text: text.to_owned() }
}

/// `2 of 3`: delivered of all endpoints.
fn endpoints(n: StatusCounts) -> String {
    match n.delivered + n.pending + n.sending + n.failed + n.canceled {
        0 => "–".to_owned(),
        all => format!("{} of {all}", n.delivered),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_summed_up_by_its_worst_delivery() {
        let counts =
            |delivered, pending, failed| StatusCounts { delivered, pending, failed, ..StatusCounts::default() };
        assert_eq!(summary(counts(2, 1, 1)).text, "Failed");
        assert_eq!(summary(counts(2, 1, 0)).text, "Waiting");
        assert_eq!(summary(counts(2, 0, 0)).text, "Delivered");
        assert_eq!(summary(counts(0, 0, 0)).text, "No endpoint");
        assert_eq!(endpoints(counts(2, 1, 1)), "2 of 4");
    }
}
