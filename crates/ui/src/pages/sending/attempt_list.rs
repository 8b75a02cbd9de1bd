//! What an endpoint was sent, attempt by attempt.
//!
//! **Invariant:** a list has no payload and no response in it: they are fetched where somebody opens a row.

use super::apps::csv_file;
use super::{csv_line, endpoint_of, endpoint_path};
use crate::call::Call;
use crate::curl;
use crate::fault::Fault;
use crate::form::Form;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use domain::{AttemptId, MessageId, Timestamp, Uid};
use store::{
    Attempt, AttemptFilter, Cursor, DeliveryStatus, Endpoint, MessageFilter, Order, PageQuery, Ref, StatusFilter,
};

const ROWS: u32 = 20;
const EXPORTED_MAX: usize = 5000;
/// Values of the filter by answer, and words.
pub(crate) const CODES: &[(&str, &str)] =
    &[("", "Any answer"), ("2xx", "2xx"), ("3xx", "3xx"), ("4xx", "4xx"), ("5xx", "5xx"), ("0", "No answer")];
/// Characters of a response that are shown.
const RESPONSE_MAX: usize = 20_000;

pub(crate) struct Row {
    pub message: String,
    /// Empty for a delivery that waits.
    pub attempt: String,
    pub event_type: String,
    pub success: bool,
    pub code: u16,
    pub ms: u64,
    pub number: u32,
    pub manual: bool,
    pub at: Timestamp,
    /// Of a delivery that waits.
    pub next: Option<Timestamp>,
}

impl Row {
    pub fn badge(&self) -> v::Html {
        let code = if self.code == 0 { "no answer".to_owned() } else { self.code.to_string() };
        match (self.attempt.is_empty(), self.success) {
            (true, _) => v::badge(v::Tone::Busy, "Waiting"),
            (_, true) => v::badge(v::Tone::Good, &code),
            _ => v::badge(v::Tone::Bad, &code),
        }
    }
}

#[derive(Default)]
pub(crate) struct Attempts {
    pub rows: Vec<Row>,
    pub form: Form,
    pub next: String,
    pub is_filtered: bool,
}

impl Attempts {
    pub fn status(&self) -> &str {
        self.form.get("status")
    }
    pub fn with(&self, name: &str, value: &str) -> String {
        match self.form.with(&[(name, value), ("test", "")]) {
            empty if empty.is_empty() => "?".to_owned(),
            query => query,
        }
    }
}

fn filter(form: &Form) -> AttemptFilter {
    let event_types = form.some("type").filter(|t| Uid::is_valid(t)).map(str::to_owned);
    AttemptFilter {
        success: match form.get("status") {
            "succeeded" => Some(true),
            "failed" => Some(false),
            _ => None,
        },
        status_code_class: form
            .get("code")
            .chars()
            .next()
            .and_then(|c| c.to_digit(10))
            .and_then(|d| u16::try_from(d * 100).ok()),
        event_types: event_types.into_iter().collect(),
        with_message: true,
        ..AttemptFilter::default()
    }
}

pub(super) async fn list(call: &Call, endpoint: &Endpoint) -> Result<Attempts, Fault> {
    let form = call.query();
    let is_filtered = ["status", "type", "code"].iter().any(|name| form.some(name).is_some());
    let (rows, next) = match form.get("status") {
        "pending" => pending(call, endpoint, &form).await?,
        _ => made(call, endpoint, &form, ROWS).await?,
    };
    let next = next.map(|next| form.with(&[("after", &next)])).unwrap_or_default();
    Ok(Attempts { rows, form, next, is_filtered })
}

async fn made(call: &Call, endpoint: &Endpoint, form: &Form, limit: u32) -> Result<(Vec<Row>, Option<String>), Fault> {
    let cursor = call.codec().read::<AttemptId>(form.get("after")).map(Cursor::After);
    let page = PageQuery { limit, cursor, order: Order::Descending };
    let page = call.store().attempts_by_endpoint(endpoint.app, &Ref::Id(endpoint.id), page, filter(form)).await?;
    let next = page.last.filter(|_| !page.done).map(|id| call.codec().text(id));
    let row = |attempt: Attempt| Row {
        message: call.codec().text(attempt.key.message),
        attempt: call.codec().text(attempt.id),
        event_type: attempt.message.map(|m| m.event_type).unwrap_or_default(),
        success: attempt.success,
        code: attempt.status_code,
        ms: attempt.duration_us / 1000,
        number: attempt.number,
        manual: attempt.manual,
        at: attempt.id.created_at(),
        next: None,
    };
    Ok((page.data.into_iter().map(row).collect(), next))
}

/// Deliveries that wait for their next attempt.
async fn pending(call: &Call, endpoint: &Endpoint, form: &Form) -> Result<(Vec<Row>, Option<String>), Fault> {
    let cursor = call.codec().read::<MessageId>(form.get("after")).map(Cursor::After);
    let page = PageQuery { limit: ROWS, cursor, order: Order::Descending };
    let filter = MessageFilter { event_types: filter(form).event_types, ..MessageFilter::default() };
    let status = Some(StatusFilter::Pending);
    let page = call.store().attempted_messages(endpoint.app, &Ref::Id(endpoint.id), page, filter, status).await?;
    let next = page.last.filter(|_| !page.done).map(|id| call.codec().text(id));
    let row = |found: store::AttemptedMessage| Row {
        message: call.codec().text(found.message.id),
        attempt: String::new(),
        event_type: found.message.event_type,
        success: false,
        code: 0,
        ms: 0,
        number: 0,
        manual: false,
        at: found.message.id.created_at(),
        next: match found.status {
            DeliveryStatus::Pending { next_attempt } => Some(next_attempt),
            _ => None,
        },
    };
    Ok((page.data.into_iter().map(row).collect(), next))
}

#[derive(Template)]
#[template(path = "sending/attempt.html", blocks = ["main"])]
struct One {
    frame: Frame,
    now: Timestamp,
    path: String,
    url: String,
    row: Row,
    response: String,
    curl: String,
    /// Only what a row of the list opens.
    is_part: bool,
}

/// One attempt, or the last one: its response, and the message as a command.
pub(crate) async fn one(call: Call) -> Result<Reply, Fault> {
    let (app, endpoint) = endpoint_of(&call).await?;
    let message = call.codec().read::<MessageId>(call.param(2)).ok_or_else(|| Fault::not_found("message"))?;
    let attempt = match call.query().some("attempt") {
        Some(text) => {
            let id = call.codec().read::<AttemptId>(text).ok_or_else(|| Fault::not_found("attempt"))?;
            Some(call.store().attempt(app.id, &Ref::Id(message), id).await?)
        }
        None => {
            let page = PageQuery { limit: 1, cursor: None, order: Order::Descending };
            let filter = AttemptFilter { endpoint: Some(endpoint.id), with_content: true, ..AttemptFilter::default() };
            call.store().attempts_by_message(app.id, &Ref::Id(message), page, filter).await?.data.pop()
        }
    };
    if attempt.as_ref().is_some_and(|attempt| attempt.key.endpoint != endpoint.id) {
        return Err(Fault::not_found("attempt"));
    }
    let [app, message, id] = [call.codec().text(app.id), call.codec().text(message), call.codec().text(endpoint.id)];
    let curl = match call.me.may_resend() {
        true => match curl::of_message(&call, &app, &message, &id).await {
            Err(Fault::Refused(refusal)) => format!("# {}\n", refusal.detail),
            other => other?,
        },
        false => String::new(),
    };
    let response = match attempt.as_ref().map(|attempt| &attempt.response) {
        Some(Some(bytes)) => String::from_utf8_lossy(bytes).chars().take(RESPONSE_MAX).collect(),
        Some(None) => "The response was deleted.".to_owned(),
        None => "No attempt was made yet.".to_owned(),
    };
    let url = attempt.as_ref().map_or(endpoint.url.clone(), |attempt| attempt.url.clone());
    let row = Row {
        attempt: attempt.as_ref().map(|a| call.codec().text(a.id)).unwrap_or_default(),
        event_type: String::new(),
        success: attempt.as_ref().is_some_and(|a| a.success),
        code: attempt.as_ref().map_or(0, |a| a.status_code),
        ms: attempt.as_ref().map_or(0, |a| a.duration_us / 1000),
        number: attempt.as_ref().map_or(0, |a| a.number),
        manual: attempt.as_ref().is_some_and(|a| a.manual),
        at: attempt.as_ref().map_or(call.now(), |a| a.id.created_at()),
        next: None,
        message,
    };
    let frame = call.frame(format!("Attempt of {}", row.message), Section::Applications);
    let (path, now) = (endpoint_path(&call, &endpoint), call.now());
    let is_part = call.is_fragment();
    let page = One { frame, now, path, url, row, response, curl, is_part };
    if is_part { Reply::page(&page.as_main()) } else { Reply::page(&page) }
}

/// The rows that the filter shows, or those that are ticked, as a file.
pub(crate) async fn export(call: Call) -> Result<Reply, Fault> {
    let (_, endpoint) = endpoint_of(&call).await?;
    let form = call.query();
    let ticked: Vec<String> = form.all("message").map(str::to_owned).collect();
    let mut out = csv_line(&["message", "attempt", "event_type", "success", "status_code", "duration_ms", "try", "at"]);
    let (mut count, mut query) = (0, form.clone());
    loop {
        let (rows, next) = made(&call, &endpoint, &query, 250).await?;
        for row in rows.iter().filter(|row| ticked.is_empty() || ticked.contains(&row.message)) {
            let [code, ms, number] = [u64::from(row.code), row.ms, u64::from(row.number)].map(|n| n.to_string());
            let success = if row.success { "yes" } else { "no" };
            out.push_str(&csv_line(&[
                &row.message,
                &row.attempt,
                &row.event_type,
                success,
                &code,
                &ms,
                &number,
                &v::iso(row.at),
            ]));
        }
        count += rows.len();
        match next {
            Some(next) if count < EXPORTED_MAX => {
                query = Form::parse(form.with(&[("after", &next)]).trim_start_matches('?').as_bytes())
            }
            _ => break,
        }
    }
    Ok(csv_file("attempts.csv", out))
}
