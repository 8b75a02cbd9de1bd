//! Edit and send as a new message.
//!
//! **Invariant:** the message that is edited stays as it is; what is sent are the very bytes that were typed.

use super::found;
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use http::{Method, StatusCode};
use serde_json::json;
use store::Message;

/// Bytes that can be edited in a page.
const EDIT_MAX: usize = 256 * 1024;

#[derive(Template)]
#[template(path = "message/edit.html")]
struct Page {
    frame: Frame,
    id: String,
    event_type: String,
    payload: String,
    channels: String,
    tags: String,
    refusal: Refusal,
}

pub(crate) async fn form(call: Call) -> Result<Reply, Fault> {
    let message = found(&call).await?;
    let page = page(&call, &message)?;
    Reply::page(&page)
}

fn page(call: &Call, message: &Message) -> Result<Page, Fault> {
    let Some(payload) = &message.payload else {
        return Err(Refusal::of("The content of this message expired or was deleted: there is nothing to edit").into());
    };
    if payload.len() > EDIT_MAX {
        return Err(
            Refusal::of("This message is too large to edit in a page: download it, and send it by the API").into()
        );
    }
    Ok(Page {
        frame: call.frame("Edit and resend", Section::Messages),
        id: call.codec().text(message.id),
        event_type: message.event_type.clone(),
        payload: v::pretty(&String::from_utf8_lossy(payload)),
        channels: message.channels.join(", "),
        tags: message.tags.join(", "),
        refusal: Refusal { status: StatusCode::OK, detail: String::new(), fields: Vec::new() },
    })
}

pub(crate) async fn send(call: Call) -> Result<Reply, Fault> {
    let message = found(&call).await?;
    let form = call.form();
    let list = |name: &str| -> Vec<String> {
        form.get(name).split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect()
    };
    // Browsers send line ends as CR LF.
    let payload = form.raw("payload").replace("\r\n", "\n");
    let (channels, tags) = (list("channels"), list("tags"));
    let mut body = json!({
        "eventType": form.get("eventType"),
        "payload": {},
        "transformationsParams": {"rawPayload": payload},
    });
    if let Some(fields) = body.as_object_mut() {
        if !channels.is_empty() {
            fields.insert("channels".to_owned(), json!(channels));
        }
        if !tags.is_empty() {
            fields.insert("tags".to_owned(), json!(tags));
        }
    }
    let made = match serde_json::from_str::<serde_json::Value>(&payload) {
        Ok(serde_json::Value::Object(_)) => {
            let path = format!("/api/v1/app/{}/msg", call.codec().text(message.app));
            call.api(Method::POST, &path, Some(&body)).await
        }
        Ok(_) => Err(Refusal::field("payload", "The payload has to be a JSON object: {…}").into()),
        Err(error) => Err(Refusal::field("payload", format!("This is not valid JSON: {error}")).into()),
    };
    match made {
        Ok(made) => {
            let id = made.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
            Ok(Reply::see(&format!("/messages/{id}")).notice("Sent as a new message."))
        }
        Err(Fault::Refused(refusal)) => {
            let page = Page {
                frame: call.frame("Edit and resend", Section::Messages),
                id: call.codec().text(message.id),
                event_type: form.get("eventType").to_owned(),
                payload,
                channels: form.get("channels").to_owned(),
                tags: form.get("tags").to_owned(),
                refusal,
            };
            Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(fault) => Err(fault),
    }
}
