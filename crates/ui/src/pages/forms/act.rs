//! What is done with a form.
//!
//! **Invariant:** each change is one call of the API.

use super::{api, page, read, show};
use crate::answer::Members;
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::pages::told::{Tell, tell as make};
use crate::reply::Reply;
use http::Method;
use serde_json::json;

/// Switches it on or off.
pub(crate) async fn state(call: Call) -> Result<Reply, Fault> {
    let off = call.form().get("state") == "off";
    call.api(Method::PATCH, &api(call.param(0)), Some(&json!({ "disabled": off }))).await?;
    let said = if off { "Switched off: nothing can be sent now." } else { "Switched on." };
    let undo = if off { "on" } else { "off" };
    Ok(Reply::see(&page(call.param(0))).notice(said).undo(&format!("{}/state", page(call.param(0))), "state", undo))
}

/// Deletes it, once its name was typed.
pub(crate) async fn delete(call: Call) -> Result<Reply, Fault> {
    let form = read(&call, call.param(0)).await?;
    if call.form().get("name") != form.text("name").trim() {
        let refusal = Refusal::field("confirm", "This isn't the form's name: nothing was deleted");
        return show::render(&call, Some(refusal)).await;
    }
    call.api(Method::DELETE, &api(call.param(0)), None).await?;
    Ok(Reply::see("/forms").notice("The form was deleted."))
}

/// Tells a URL of its submissions.
pub(crate) async fn tell(call: Call) -> Result<Reply, Fault> {
    let (typed, form) = (call.form(), read(&call, call.param(0)).await?);
    let (app, id) = (form.text("appId"), form.text("id"));
    let new = Tell {
        app: &app,
        url: typed.get("url"),
        name: typed.get("name"),
        event: "form.submitted",
        channel: Some(&id),
        first_per: None,
    };
    match make(&call, new).await {
        Ok(_) => Ok(Reply::see(&page(&id)).notice("It is told from the next submission on.")),
        Err(Fault::Refused(refusal)) => show::render(&call, Some(refusal)).await,
        Err(fault) => Err(fault),
    }
}
