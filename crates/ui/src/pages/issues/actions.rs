//! What is done about an issue: muted, resolved, opened again; its endpoint paused, resumed or tested.
//!
//! **Invariant:** every change goes through the API, so that it is in the audit log.

use super::found;
use crate::call::Call;
use crate::fault::Fault;
use crate::pages::theme::local;
use crate::reply::Reply;
use http::Method;
use serde_json::json;

async fn set_state(call: &Call, state: &str) -> Result<Reply, Fault> {
    let id = call.codec().text(found(call).await?.id);
    call.api(Method::PATCH, &format!("/api/v1/issue/{id}"), Some(&json!({"state": state}))).await?;
    call.shared.open_issues.forget(call.me.org);
    Ok(Reply::see(&format!("/issues/{id}")))
}

pub(crate) async fn mute(call: Call) -> Result<Reply, Fault> {
    Ok(set_state(&call, "muted").await?.notice("Muted: it is counted on, and no longer shown as open.").undo(
        &undone(&call, "open"),
        "",
        "",
    ))
}
pub(crate) async fn resolve(call: Call) -> Result<Reply, Fault> {
    Ok(set_state(&call, "resolved").await?.notice("Resolved. If it fails again, it opens again.").undo(
        &undone(&call, "open"),
        "",
        "",
    ))
}
pub(crate) async fn open(call: Call) -> Result<Reply, Fault> {
    Ok(set_state(&call, "open").await?.notice("Open again."))
}

/// The form of the issue that takes a change back.
fn undone(call: &Call, act: &str) -> String {
    format!("/issues/{}/{act}", crate::answer::part(call.param(0)))
}

async fn on_endpoint(call: &Call, act: &str) -> Result<Reply, Fault> {
    let issue = found(call).await?;
    let codec = call.codec();
    let path = format!("/api/v1/app/{}/endpoint/{}/{act}", codec.text(issue.app), codec.text(issue.endpoint));
    call.api(Method::POST, &path, None).await?;
    let back = local(call.form().get("back")).to_owned();
    let is_home = call.form().get("back") == "/";
    Ok(Reply::see(&if is_home { back } else { format!("/issues/{}", codec.text(issue.id)) }))
}

pub(crate) async fn pause_endpoint(call: Call) -> Result<Reply, Fault> {
    Ok(on_endpoint(&call, "pause").await?.notice("Paused: its messages wait until you resume it.").undo(
        &undone(&call, "resume-endpoint"),
        "",
        "",
    ))
}
pub(crate) async fn resume_endpoint(call: Call) -> Result<Reply, Fault> {
    Ok(on_endpoint(&call, "resume").await?.notice("Resumed: what waited is on its way.").undo(
        &undone(&call, "pause-endpoint"),
        "",
        "",
    ))
}

/// Sends the message of the last failure to the endpoint again.
pub(crate) async fn test(call: Call) -> Result<Reply, Fault> {
    let issue = found(&call).await?;
    let codec = call.codec();
    let path = format!(
        "/api/v1/app/{}/msg/{}/endpoint/{}/resend",
        codec.text(issue.app),
        codec.text(issue.message),
        codec.text(issue.endpoint)
    );
    call.api(Method::POST, &path, None).await?;
    let notice = "Sent again. Reload in a moment: once the receiver takes it, this issue is resolved by itself.";
    Ok(Reply::see(&format!("/issues/{}", codec.text(issue.id))).notice(notice))
}
