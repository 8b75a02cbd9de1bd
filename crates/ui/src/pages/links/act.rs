//! What is done with a link.
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
    read(&call, call.param(0)).await?;
    let off = call.form().get("state") == "off";
    call.api(Method::PATCH, &api(call.param(0)), Some(&json!({ "disabled": off }))).await?;
    let said = if off { "Switched off: who clicks now finds nothing." } else { "Switched on." };
    let undo = if off { "on" } else { "off" };
    Ok(Reply::see(&page(call.param(0))).notice(said).undo(&format!("{}/state", page(call.param(0))), "state", undo))
}

/// Deletes it, once its name was typed.
pub(crate) async fn delete(call: Call) -> Result<Reply, Fault> {
    let link = read(&call, call.param(0)).await?;
    if call.form().get("name") != link.text("slug") {
        let refusal = Refusal::field("confirm", "This isn't the end of the link: nothing was deleted");
        return show::render(&call, Some(refusal)).await;
    }
    call.api(Method::DELETE, &api(call.param(0)), None).await?;
    Ok(Reply::see("/links").notice("The link was deleted."))
}

/// Tells a URL of its clicks.
pub(crate) async fn tell(call: Call) -> Result<Reply, Fault> {
    let (form, link) = (call.form(), read(&call, call.param(0)).await?);
    let (app, id) = (link.text("appId"), link.text("id"));
    let human = format!("{id}.human");
    let new = Tell {
        app: &app,
        url: form.get("url"),
        name: form.get("name"),
        event: "link.clicked",
        channel: Some(if form.has("bots") { &id } else { &human }),
        first_per: form.has("first").then_some("data.link"),
    };
    match make(&call, new).await {
        Ok(_) => Ok(Reply::see(&page(&id)).notice("It is told from the next click on.")),
        Err(Fault::Refused(refusal)) => show::render(&call, Some(refusal)).await,
        Err(fault) => Err(fault),
    }
}
