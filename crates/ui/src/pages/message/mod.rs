//! One message: what was sent, to whom, what came back, and what is still to come.
//!
//! **Invariant:** content that is gone is said to be gone; a payload is shown as text only.

mod actions;
mod curl;
mod deliveries;
mod edit;
mod payload;
mod stages;

pub(crate) use actions::{delete_content, resend};
pub(crate) use curl::show as curl;
pub(crate) use edit::{form as edit, send as send_edited};
pub(crate) use payload::download;

use crate::call::Call;
use crate::fault::Fault;
use crate::pages::common::plural;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Html, Section};
use askama::Template;
use deliveries::{AttemptRow, Delivery};
use domain::{MessageId, Timestamp};
use payload::{Payload, View};
use store::{Message, Ref};

#[derive(Template)]
#[template(path = "message/page.html")]
struct Page {
    frame: Frame,
    now: Timestamp,
    id: String,
    path: String,
    app: String,
    app_name: String,
    event_type: String,
    event_id: Option<String>,
    channels: Vec<String>,
    tags: Vec<String>,
    at: Timestamp,
    deliver_at: Option<Timestamp>,
    view: View,
    payload: Payload,
    deliveries: Vec<Delivery>,
    more_deliveries: bool,
    attempts: Vec<AttemptRow>,
    more_attempts: bool,
    /// Some delivery failed, and can be made again.
    has_failed: bool,
    has_open: bool,
    may_resend: bool,
    may_write: bool,
    /// What has to be typed before content is deleted.
    typed: String,
    wrong: Option<String>,
}

impl Page {
    fn deliveries_title(&self) -> String {
        plural(self.deliveries.len() as u64, "delivery", "deliveries")
    }
    fn view_link(&self, view: &View) -> String {
        format!("{}?view={}", self.path, view.name())
    }
    fn view_current(&self, view: &View) -> Html {
        Html(if *view == self.view { " aria-current=\"page\"".to_owned() } else { String::new() })
    }
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let view = View::of(call.query().get("view"));
    Reply::page(&page(&call, view).await?)
}

/// The message that the path names.
async fn found(call: &Call) -> Result<Message, Fault> {
    let id: MessageId = call.codec().read(call.param(0)).ok_or_else(|| Fault::not_found("message"))?;
    Ok(call.store().find_message(call.me.org, id).await?)
}

async fn page(call: &Call, view: View) -> Result<Page, Fault> {
    let message = found(call).await?;
    let now = call.now();
    let app_name = match call.store().app(call.me.org, &Ref::Id(message.app)).await {
        Ok(app) => app.name,
        Err(_) => "a deleted application".to_owned(),
    };
    let (deliveries, more_deliveries, attempts, more_attempts) = deliveries::read(call, &message).await?;
    let id = call.codec().text(message.id);
    let has_content = message.payload.is_some();
    Ok(Page {
        frame: call.frame(format!("{} {}", message.event_type, id), Section::Messages),
        now,
        path: format!("/messages/{id}"),
        app: call.codec().text(message.app),
        app_name,
        event_id: message.event_id,
        channels: message.channels,
        tags: message.tags,
        at: message.id.created_at(),
        deliver_at: message.deliver_at.filter(|at| *at > message.id.created_at()),
        view,
        payload: Payload::of(message.payload.as_deref(), view),
        has_failed: has_content && deliveries.iter().any(|d| d.is_failed && d.is_open),
        has_open: has_content && deliveries.iter().any(|d| d.is_open),
        deliveries,
        more_deliveries,
        attempts,
        more_attempts,
        may_resend: call.me.may_resend() && has_content,
        may_write: call.me.may_write(),
        typed: message.event_type.clone(),
        event_type: message.event_type,
        wrong: None,
        id,
    })
}
