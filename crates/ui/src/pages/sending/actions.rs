//! What the buttons on an endpoint's page do: pause, resume, disable, enable, send again.
//!
//! **Invariant:** each goes through the API; a refusal comes back to the page as its notice.

use super::{endpoint_api, endpoint_of, endpoint_path};
use crate::answer::part as path_part;
use crate::call::Call;
use crate::fault::Fault;
use crate::reply::Reply;
use http::Method;
use serde_json::json;

/// Messages that are sent again at once.
const RESENT_MAX: usize = 100;

/// Back to the page, with what was refused.
pub(crate) fn back(fault: Fault, path: &str) -> Result<Reply, Fault> {
    match fault {
        Fault::Refused(refusal) => Ok(Reply::see(path).notice(&format!("That was refused. {}", refusal.detail))),
        Fault::NotFound(detail) => Ok(Reply::see(path).notice(&format!("That was refused. {detail}"))),
        other => Err(other),
    }
}

/// `do` is `pause`, `resume`, `disable` or `enable`.
pub(crate) async fn switch(call: Call) -> Result<Reply, Fault> {
    let (_, endpoint) = endpoint_of(&call).await?;
    let (api, path) = (endpoint_api(&call, &endpoint), endpoint_path(&call, &endpoint));
    let (done, notice) = match call.form().get("do") {
        "pause" => (call.api(Method::POST, &format!("{api}/pause"), None).await, "Paused: messages are kept and wait."),
        "resume" => (call.api(Method::POST, &format!("{api}/resume"), None).await, "Resumed: what waited is sent now."),
        "disable" => (
            call.api(Method::PATCH, &api, Some(&json!({"disabled": true}))).await,
            "Disabled: it gets no new messages.",
        ),
        "enable" => (call.api(Method::PATCH, &api, Some(&json!({"disabled": false}))).await, "Enabled."),
        _ => return Err(Fault::not_found("action")),
    };
    let undo = match call.form().get("do") {
        "pause" => "resume",
        "resume" => "pause",
        "disable" => "enable",
        _ => "disable",
    };
    match done {
        Ok(_) => Ok(Reply::see(&path).notice(notice).undo(&format!("{path}/switch"), "do", undo)),
        Err(fault) => back(fault, &path),
    }
}

/// Every message that is ticked, or the one whose button was pressed.
pub(crate) async fn resend(call: Call) -> Result<Reply, Fault> {
    let (_, endpoint) = endpoint_of(&call).await?;
    let form = call.form();
    let path = crate::pages::theme::local(form.get("back")).to_owned();
    let path = if path == "/" { endpoint_path(&call, &endpoint) } else { path };
    let mut messages: Vec<&str> = form.all("one").collect();
    if messages.is_empty() {
        messages = form.all("message").take(RESENT_MAX).collect();
    }
    messages.dedup();
    let (app, id) = (call.codec().text(endpoint.app), call.codec().text(endpoint.id));
    let (mut sent, mut refused) = (0, String::new());
    for message in messages {
        let api = format!("/api/v1/app/{app}/msg/{}/endpoint/{id}/resend", path_part(message));
        match call.api(Method::POST, &api, None).await {
            Ok(_) => sent += 1,
            Err(Fault::Refused(refusal)) => refused = refusal.detail,
            Err(Fault::NotFound(detail)) => refused = detail,
            Err(other) => return Err(other),
        }
    }
    let notice = match (sent, refused.as_str()) {
        (0, "") => "Nothing was ticked.".to_owned(),
        (0, why) => format!("Nothing was sent. {why}"),
        (1, "") => "One message is sent again.".to_owned(),
        (sent, "") => format!("{sent} messages are sent again."),
        (sent, why) => format!("{sent} sent again, others not: {why}"),
    };
    Ok(Reply::see(&path).notice(&notice))
}
