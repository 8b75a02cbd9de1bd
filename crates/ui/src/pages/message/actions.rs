//! What is done with a message: sent again, its content deleted.
//!
//! **Invariant:** deleting is typed; sending again keeps the message's id, so that a receiver can tell.

use super::{View, found, page};
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::pages::common::plural;
use crate::reply::Reply;
use http::{Method, StatusCode};
use store::{DeliveryStatus, Order, PageQuery, Ref};

/// Endpoints at once.
const ENDPOINTS_MAX: u32 = 100;

/// To one endpoint (`endpoint`), to those that failed (`to` = `failed`), or to all.
pub(crate) async fn resend(call: Call) -> Result<Reply, Fault> {
    let message = found(&call).await?;
    let form = call.form();
    let codec = call.codec();
    let base = format!("/api/v1/app/{}/msg/{}/endpoint", codec.text(message.app), codec.text(message.id));
    let back = format!("/messages/{}", codec.text(message.id));
    let force = if form.has("force") { "?force=true" } else { "" };
    if let Some(endpoint) = form.some("endpoint") {
        if codec.read::<domain::EndpointId>(endpoint).is_none() {
            return Err(Fault::not_found("endpoint"));
        }
        call.api(Method::POST, &format!("{base}/{endpoint}/resend{force}"), None).await?;
        return Ok(Reply::see(&back).notice("It is on its way. Reload to see the answer."));
    }
    let page = PageQuery { limit: ENDPOINTS_MAX, cursor: None, order: Order::Ascending };
    let (mut sent, mut refused) = (0, None);
    for target in call.store().destinations(message.app, &Ref::Id(message.id), page).await?.data {
        let is_failed = matches!(target.status, DeliveryStatus::Fail { .. } | DeliveryStatus::Canceled);
        if target.endpoint.disabled || target.endpoint.paused_at.is_some() || (form.get("to") == "failed" && !is_failed)
        {
            continue;
        }
        match call.api(Method::POST, &format!("{base}/{}/resend", codec.text(target.endpoint.id)), None).await {
            Ok(_) => sent += 1,
            Err(Fault::Refused(refusal)) => refused = Some(refusal),
            Err(fault) => return Err(fault),
        }
    }
    match (sent, refused) {
        (0, Some(refusal)) => Err(refusal.into()),
        (0, None) => Err(Refusal::of("No endpoint is open for it: enable or resume one first").into()),
        _ => Ok(Reply::see(&back).notice(&format!("{} on the way.", plural(sent, "delivery is", "deliveries are")))),
    }
}

/// Deletes the payload; the message's row, deliveries and attempts stay.
pub(crate) async fn delete_content(call: Call) -> Result<Reply, Fault> {
    let message = found(&call).await?;
    let (app, id) = (call.codec().text(message.app), call.codec().text(message.id));
    if call.form().get("typed") != message.event_type {
        let mut page = page(&call, View::Tree).await?;
        page.wrong = Some(format!("Type {} to delete the content.", message.event_type));
        return Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    call.api(Method::DELETE, &format!("/api/v1/app/{app}/msg/{id}/content"), None).await?;
    Ok(Reply::see(&format!("/messages/{id}")).notice("The content is deleted."))
}
