//! A link into the portal, made and shown once.
//!
//! **Invariant:** the link is in the answer to its form alone: it is stored nowhere, and not in a notice.

use super::app::{Tab, page};
use super::application;
use crate::call::Call;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::view as v;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Names of the API, and what they mean.
pub(crate) const CAPABILITIES: [(&str, &str); 5] = [
    ("ViewBase", "See endpoints, messages and attempts"),
    ("ManageEndpoint", "Add, change and delete endpoints"),
    ("ViewEndpointSecret", "See secrets"),
    ("ManageEndpointSecret", "Rotate secrets"),
    ("CreateAttempts", "Send again, recover, test"),
];

/// What was made; empty before.
#[derive(Default)]
pub(crate) struct PortalForm {
    pub url: String,
    pub what: String,
}

pub(crate) async fn make(call: Call) -> Result<Reply, Fault> {
    let app = application(&call).await?;
    let form = call.form();
    let expiry = form.get("expiry").parse::<u64>().unwrap_or(86_400);
    let mut body = json!({ "expiry": expiry });
    let rights = form.get("rights");
    if let Value::Object(fields) = &mut body {
        match rights {
            "read" => fields.insert("readOnly".to_owned(), json!(true)),
            "some" => fields.insert("capabilities".to_owned(), json!(form.all("capability").collect::<Vec<_>>())),
            _ => None,
        };
    }
    let path = format!("/api/v1/auth/app-portal-access/{}", call.codec().text(app.id));
    let made = call.api(Method::POST, &path, Some(&body)).await;
    let mut page = page(&call, app, Tab::Portal).await?;
    match made {
        Ok(made) => {
            page.portal.url = made.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
            let allowed = match rights {
                "read" => "reading only",
                "some" => "some of it",
                _ => "everything",
            };
            page.portal.what = format!("works for {} · {allowed}", v::duration(Duration::from_secs(expiry)));
            Reply::page(&page)
        }
        Err(Fault::Refused(errors)) => {
            let status = errors.status;
            page.errors = errors;
            Reply::page_with(status, &page)
        }
        Err(other) => Err(other),
    }
}
