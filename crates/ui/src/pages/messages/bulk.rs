//! Sending several messages again: the count and what it means first, then the act.
//!
//! **Invariant:** at most a page of messages at once; each goes only to endpoints that took it before, and one that refuses
//! doesn't stop the others.

use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::form::Form;
use crate::pages::common::{address, plural, status};
use crate::pages::theme::local;
use crate::reply::Reply;
use crate::view::{self as v, Badge, Frame, Section};
use askama::Template;
use domain::{MessageId, Timestamp};
use http::Method;
use std::collections::BTreeSet;
use store::{DeliveryStatus, Destination, Order, PageQuery, Ref};

/// Messages at once.
const MESSAGES_MAX: usize = 100;
/// Endpoints of a message at once.
const ENDPOINTS_MAX: u32 = 100;

#[derive(Template)]
#[template(path = "messages/resend.html")]
struct Page {
    frame: Frame,
    now: Timestamp,
    back: String,
    rows: Vec<Row>,
    messages: u64,
    failed: u64,
    all: u64,
    /// Deliveries that can't be made: endpoints that are disabled or paused.
    skipped: u64,
}

struct Row {
    id: String,
    event_type: String,
    at: Timestamp,
    has_content: bool,
    targets: Vec<(String, Badge, bool)>,
}

/// What would be sent.
pub(crate) async fn ask(call: Call) -> Result<Reply, Fault> {
    let params = call.query();
    let back = local(params.get("back")).to_owned();
    let ids = ids(&call, &params);
    if ids.is_empty() {
        return Ok(Reply::see(if back == "/" { "/messages" } else { &back }).notice("Tick the messages first."));
    }
    let (mut rows, mut failed, mut all, mut skipped) = (Vec::new(), 0, 0, 0);
    for id in ids {
        let Ok(message) = call.store().find_message(call.me.org, id).await else { continue };
        let targets = destinations(&call, message.app, id).await?;
        let has_content = message.payload.is_some();
        for target in &targets {
            match has_content && is_open(target) {
                true => {
                    all += 1;
                    failed += u64::from(is_failed(target));
                }
                false => skipped += 1,
            }
        }
        rows.push(Row {
            id: call.codec().text(id),
            event_type: message.event_type,
            at: id.created_at(),
            has_content,
            targets: targets.iter().map(|t| (address(&t.endpoint.url), status(t.status), is_open(t))).collect(),
        });
    }
    let messages = rows.len() as u64;
    let frame = call.frame(format!("Resend {}", plural(messages, "message", "messages")), Section::Messages);
    Reply::page(&Page { frame, now: call.now(), back, rows, messages, failed, all, skipped })
}

/// Sends them.
pub(crate) async fn resend(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let only_failed = form.get("to") != "all";
    let (mut sent, mut refused) = (0, BTreeSet::new());
    for id in ids(&call, &form) {
        let Ok(message) = call.store().find_message(call.me.org, id).await else { continue };
        for target in destinations(&call, message.app, id).await? {
            if !is_open(&target) || (only_failed && !is_failed(&target)) {
                continue;
            }
            let codec = call.codec();
            let path = format!(
                "/api/v1/app/{}/msg/{}/endpoint/{}/resend",
                codec.text(message.app),
                codec.text(id),
                codec.text(target.endpoint.id)
            );
            match call.api(Method::POST, &path, None).await {
                Ok(_) => sent += 1,
                Err(Fault::Refused(refusal)) => {
                    refused.insert(refusal.detail);
                }
                Err(Fault::NotFound(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
    }
    if sent == 0 {
        let why = refused.into_iter().next().unwrap_or("None of these messages has such an endpoint".to_owned());
        return Err(Refusal::of(format!("Nothing was sent. {why}.")).into());
    }
    let more = if refused.is_empty() { String::new() } else { format!(" Some were refused: {}.", join(&refused)) };
    let back = local(form.get("back"));
    let notice = format!("{} on the way.{more}", plural(sent, "delivery is", "deliveries are"));
    Ok(Reply::see(if back == "/" { "/messages" } else { back }).notice(&notice))
}

fn join(texts: &BTreeSet<String>) -> String {
    texts.iter().take(3).cloned().collect::<Vec<_>>().join("; ")
}

fn ids(call: &Call, form: &Form) -> Vec<MessageId> {
    let mut ids: Vec<MessageId> = form.all("m").filter_map(|text| call.codec().read(text)).collect();
    ids.dedup();
    ids.truncate(MESSAGES_MAX);
    ids
}

async fn destinations(call: &Call, app: domain::AppId, message: MessageId) -> Result<Vec<Destination>, Fault> {
    let page = PageQuery { limit: ENDPOINTS_MAX, cursor: None, order: Order::Ascending };
    Ok(call.store().destinations(app, &Ref::Id(message), page).await?.data)
}

fn is_open(target: &Destination) -> bool {
    !target.endpoint.disabled && target.endpoint.paused_at.is_none()
}
fn is_failed(target: &Destination) -> bool {
    matches!(target.status, DeliveryStatus::Fail { .. } | DeliveryStatus::Canceled)
}
