//! The page of a message as a cURL command, signed for an endpoint a moment ago.
//!
//! **Invariant:** the secret itself is never shown, only a signature of this message; who may not see secrets gets neither.

use super::found;
use crate::call::Call;
use crate::curl::of_message;
use crate::fault::{Fault, Refusal};
use crate::pages::common::address;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use domain::EndpointId;
use http::header::ACCEPT;

/// Bytes of a payload in a command: shells take no more than some hundred kilobytes.
const PAYLOAD_MAX: usize = 96 * 1024;

#[derive(Template)]
#[template(path = "message/curl.html")]
struct Page {
    frame: Frame,
    id: String,
    event_type: String,
    address: String,
    command: String,
}

/// As a page, or as plain text for the button that copies it.
pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let message = found(&call).await?;
    let endpoint: EndpointId = call.codec().read(call.param(1)).ok_or_else(|| Fault::not_found("endpoint"))?;
    let endpoint = call.store().find_endpoint(call.me.org, endpoint).await?;
    if endpoint.app != message.app {
        return Err(Fault::not_found("endpoint"));
    }
    if message.payload.as_ref().is_some_and(|payload| payload.len() > PAYLOAD_MAX || payload.contains(&0)) {
        return Err(Refusal::of("This payload is too large for a command, or no text: download it").into());
    }
    let (app, id) = (call.codec().text(message.app), call.codec().text(message.id));
    let command = of_message(&call, &app, &id, &call.codec().text(endpoint.id)).await?;
    let wants_text = call.headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes() == b"text/plain");
    if wants_text {
        return Ok(Reply::text(http::StatusCode::OK, command));
    }
    let frame = call.frame(format!("cURL of {id}"), Section::Messages);
    Reply::page(&Page { frame, address: address(&endpoint.url), event_type: message.event_type, command, id })
}
