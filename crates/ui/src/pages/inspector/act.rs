//! What is done with an inbox.
//!
//! **Invariant:** each change is one call of the API; what it refuses is said on the page that asked.

use super::{api, page, read, show};
use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::reply::Reply;
use http::Method;
use serde_json::{Value, json};

/// A new inbox, with one click.
pub(crate) async fn create(call: Call) -> Result<Reply, Fault> {
    let name = call.form().some("name").unwrap_or("Inbox").to_owned();
    let bin = call.api(Method::POST, "/api/v1/bin", Some(&json!({ "name": name }))).await?;
    Ok(Reply::see(&page(&bin.text("id"))))
}

async fn patch(call: &Call, tab: &'static str, body: Value, said: &str) -> Result<Reply, Fault> {
    match call.api(Method::PATCH, &api(call.param(0)), Some(&body)).await {
        Ok(_) => Ok(Reply::see(&format!("{}?tab={tab}", page(call.param(0)))).notice(said)),
        Err(Fault::Refused(refusal)) => show::render(call, tab, Some(refusal)).await,
        Err(fault) => Err(fault),
    }
}

/// A number of a form; what is none is refused with words.
fn number(call: &Call, name: &str, what: &str) -> Result<u64, Refusal> {
    let form = call.form();
    match form.get(name) {
        "" => Ok(0),
        text => text.parse().map_err(|_| Refusal::field(name, format!("{what} must be a whole number"))),
    }
}

/// What the inbox answers.
pub(crate) async fn answer(call: Call) -> Result<Reply, Fault> {
    let bin = read(&call).await?;
    let form = call.form();
    let read_all = || -> Result<(u64, u64, u64), Refusal> {
        Ok((
            number(&call, "status", "The status")?,
            number(&call, "delay", "The delay")?,
            number(&call, "fail", "The share that fails")?,
        ))
    };
    let (status, delay, fail) = match read_all() {
        Ok(all) => all,
        Err(refusal) => return show::render(&call, "answer", Some(refusal)).await,
    };
    let mut options = bin.member("options").clone();
    let mut headers = serde_json::Map::new();
    if let Some(kind) = form.some("content_type") {
        headers.insert("content-type".to_owned(), json!(kind));
    }
    if let Some(options) = options.as_object_mut() {
        options.insert("response".to_owned(), json!({"status": status, "body": form.raw("body"), "headers": headers}));
        options.insert("delayMs".to_owned(), json!(delay));
        options.insert("failureRate".to_owned(), json!(fail));
    }
    patch(&call, "answer", json!({ "options": options }), "Saved: from now on it answers so.").await
}

/// Name, end and where it forwards to.
pub(crate) async fn settings(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let mut body = json!({"name": form.get("name"), "forwardUrl": form.some("forward")});
    if let Some(body) = body.as_object_mut() {
        match form.get("expires") {
            "" => {}
            "never" => drop(body.insert("expiresIn".to_owned(), Value::Null)),
            days => {
                let seconds = days.parse::<u64>().unwrap_or(7).saturating_mul(86_400);
                body.insert("expiresIn".to_owned(), json!(seconds));
            }
        }
    }
    patch(&call, "settings", body, "Saved.").await
}

/// Makes or ends the public link.
pub(crate) async fn share(call: Call) -> Result<Reply, Fault> {
    let at = format!("{}/share", api(call.param(0)));
    let (method, said) = match call.form().has("end") {
        true => (Method::DELETE, "The link works no longer."),
        false => (Method::POST, "Whoever has the link can look at this inbox, and change nothing."),
    };
    call.api(method, &at, None).await?;
    Ok(Reply::see(&format!("{}?tab=settings", page(call.param(0)))).notice(said))
}

/// Whether the inbox's name was typed; else what to say.
async fn confirmed(call: &Call) -> Result<Result<(), Refusal>, Fault> {
    let name = read(call).await?.text("name");
    let is_typed = call.form().get("confirm") == name.trim();
    Ok(if is_typed { Ok(()) } else { Err(Refusal::of("This isn't the inbox's name: nothing was deleted")) })
}

/// Deletes every request, once its name was typed.
pub(crate) async fn clear(call: Call) -> Result<Reply, Fault> {
    if let Err(refusal) = confirmed(&call).await? {
        return show::render(&call, "settings", Some(refusal)).await;
    }
    call.api(Method::DELETE, &format!("{}/request", api(call.param(0))), None).await?;
    Ok(Reply::see(&page(call.param(0))).notice("All requests were deleted."))
}

/// The same, with its URL.
pub(crate) async fn delete(call: Call) -> Result<Reply, Fault> {
    if let Err(refusal) = confirmed(&call).await? {
        return show::render(&call, "settings", Some(refusal)).await;
    }
    call.api(Method::DELETE, &api(call.param(0)), None).await?;
    Ok(Reply::see("/inspector").notice("The inbox was deleted: its URL works no longer."))
}

/// Sends a request on again, to where the inbox forwards. A URL in the form is where that is from now on.
pub(crate) async fn replay(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    if let Some(url) = form.some("forward") {
        if !call.me.may_write() {
            return Err(Fault::Forbidden("Your role may replay to where this inbox forwards, but not change that."));
        }
        call.api(Method::PATCH, &api(call.param(0)), Some(&json!({ "forwardUrl": url }))).await?;
    }
    let at = format!("{}/request/{}/replay", api(call.param(0)), part(call.param(1)));
    let made = call.api(Method::POST, &at, None).await?;
    let back = format!("{}?request={}", page(call.param(0)), part(call.param(1)));
    Ok(Reply::see(&back).notice(&format!("Sent again, as message {}.", made.text("messageId"))))
}
