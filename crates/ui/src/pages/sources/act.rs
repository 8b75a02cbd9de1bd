//! What is done with a source.
//!
//! **Invariant:** each change is one call of the API; what it refuses is said on the tab that asked.

use super::{api, page, read, show};
use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::reply::Reply;
use http::Method;
use serde_json::{Map, Value, json};

async fn patch(call: &Call, tab: &str, body: Value, said: &str) -> Result<Reply, Fault> {
    match call.api(Method::PATCH, &api(call.param(0)), Some(&body)).await {
        Ok(_) => Ok(Reply::see(&format!("{}?tab={tab}", page(call.param(0)))).notice(said)),
        Err(Fault::Refused(refusal)) => show::render(call, tab, Some(refusal)).await,
        Err(fault) => Err(fault),
    }
}

/// One of the forms of a source: its name, its secrets, or its answer.
pub(crate) async fn edit(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    match form.get("what") {
        "verification" => verification(&call).await,
        "response" => response(&call).await,
        _ => patch(&call, "danger", json!({"name": form.get("name")}), "Renamed.").await,
    }
}

/// The configuration is replaced whole: what is shown of it stays, secrets are written anew.
async fn verification(call: &Call) -> Result<Reply, Fault> {
    let form = call.form();
    let source = read(call, call.param(0)).await?;
    let typed = match super::new::config(&form) {
        Ok(typed) => typed,
        Err(refusal) => return show::render(call, "verification", Some(refusal)).await,
    };
    let secrets: Vec<&str> = [form.get("secret"), form.get("old")].into_iter().filter(|s| !s.is_empty()).collect();
    if secrets.is_empty() && typed.is_empty() {
        let refusal = Refusal::field("secret", "Write the new secret");
        return show::render(call, "verification", Some(refusal)).await;
    }
    let mut config: Map<String, Value> = source.member("config").as_object().cloned().unwrap_or_default();
    config.extend(typed);
    match secrets.as_slice() {
        [] => {}
        [one] => drop(config.insert("secret".to_owned(), json!(one))),
        several => drop(config.insert("secrets".to_owned(), json!(several))),
    }
    patch(call, "verification", json!({ "config": config }), "Saved: from now on requests are verified so.").await
}

async fn response(call: &Call) -> Result<Reply, Fault> {
    let form = call.form();
    let source = read(call, call.param(0)).await?;
    let number = |name: &str| -> Result<u64, Refusal> {
        match form.get(name) {
            "" => Ok(0),
            text => text.parse().map_err(|_| Refusal::field(name, format!("{name} must be a whole number"))),
        }
    };
    let (status, delay, hours) = match (number("status"), number("delay"), number("hours")) {
        (Ok(status), Ok(delay), Ok(hours)) => (status, delay, hours),
        (Err(refusal), ..) | (_, Err(refusal), _) | (.., Err(refusal)) => {
            return show::render(call, "response", Some(refusal)).await;
        }
    };
    let mut options = source.member("options").clone();
    if let Some(options) = options.as_object_mut() {
        let body = form.raw("body");
        let mut answer = options.get("response").and_then(Value::as_object).cloned().unwrap_or_default();
        set(&mut answer, "status", (status != 0).then(|| json!(status)));
        set(&mut answer, "body", (!body.is_empty()).then(|| json!(body)));
        options.insert("response".to_owned(), Value::Object(answer));
        options.insert("delayMs".to_owned(), json!(delay));
        let mut dedup = options.get("dedup").and_then(Value::as_object).cloned().unwrap_or_default();
        dedup.insert("by".to_owned(), json!(form.some("by").unwrap_or("provider")));
        dedup.insert("windowSeconds".to_owned(), json!(hours.saturating_mul(3600)));
        options.insert("dedup".to_owned(), Value::Object(dedup));
        options.insert("delivery".to_owned(), json!(if form.has("message") { "message" } else { "pass-through" }));
        set(options, "verifyUrl", form.some("verify_url").map(|url| json!(url)));
    }
    patch(call, "response", json!({ "options": options }), "Saved.").await
}

fn set(object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(object.insert(name.to_owned(), value)),
        None => drop(object.remove(name)),
    }
}

/// Live, paused or disabled.
pub(crate) async fn state(call: Call) -> Result<Reply, Fault> {
    let before = read(&call, call.param(0)).await?.text("state");
    let said = match call.form().get("state") {
        "paused" => "Paused: requests are verified, kept and answered, and wait.",
        "disabled" => "Disabled: requests are refused, and not kept.",
        _ => "Live: what waited goes on its way, oldest first.",
    };
    call.api(Method::PATCH, &api(call.param(0)), Some(&json!({"state": call.form().get("state")}))).await?;
    let undo = format!("{}/state", page(call.param(0)));
    Ok(Reply::see(&page(call.param(0))).notice(said).undo(&undo, "state", &before))
}

/// An example of the provider's, as if it came from there: then the request that it became.
pub(crate) async fn simulate(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let body = form.some("event").map_or_else(|| json!({}), |event| json!({ "eventType": event }));
    let made = match call.api(Method::POST, &format!("{}/simulate", api(call.param(0))), Some(&body)).await {
        Ok(made) => made,
        Err(Fault::Refused(refusal)) => return show::render(&call, "events", Some(refusal)).await,
        Err(fault) => return Err(fault),
    };
    let (id, status) = (made.text("requestId"), made.number("responseStatusCode"));
    let said = format!("Simulated {}: the source answered {status}.", made.text("eventType"));
    if id.is_empty() {
        let refusal = Refusal::of(format!("{said} It was refused before it was stored."));
        return show::render(&call, "events", Some(refusal)).await;
    }
    let back = match form.get("back") {
        "new" => format!("/sources/new?source={}", part(call.param(0))),
        _ => format!("{}/requests/{}", page(call.param(0)), part(&id)),
    };
    Ok(Reply::see(&back).notice(&said))
}

/// A new URL; the old one works for as long as is said.
pub(crate) async fn rotate(call: Call) -> Result<Reply, Fault> {
    let grace_s: u64 = call.form().get("grace").parse().unwrap_or(172_800);
    let body = json!({ "gracePeriodSeconds": grace_s });
    call.api(Method::POST, &format!("{}/token/rotate", api(call.param(0))), Some(&body)).await?;
    let said = if grace_s == 0 {
        "This is the new URL. The old one works no longer."
    } else {
        "This is the new URL: give it to the provider. The old one works a while longer."
    };
    Ok(Reply::see(&page(call.param(0))).notice(said))
}

/// Deletes the source, once its name was typed.
pub(crate) async fn delete(call: Call) -> Result<Reply, Fault> {
    let source = read(&call, call.param(0)).await?;
    if call.form().get("name") != source.text("name").trim() {
        let refusal = Refusal::field("confirm", "This isn't the source's name: nothing was deleted");
        return show::render(&call, "danger", Some(refusal)).await;
    }
    call.api(Method::DELETE, &api(call.param(0)), None).await?;
    Ok(Reply::see("/sources").notice("The source was deleted: its URL works no longer."))
}

/// Takes a rejected or held request as verified.
pub(crate) async fn accept(call: Call) -> Result<Reply, Fault> {
    again(&call, "accept", "Accepted, as message").await
}

/// Makes new messages of a request that was accepted.
pub(crate) async fn replay(call: Call) -> Result<Reply, Fault> {
    again(&call, "replay", "Sent again, as message").await
}

async fn again(call: &Call, verb: &str, said: &str) -> Result<Reply, Fault> {
    let at = format!("{}/request/{}/{verb}", api(call.param(0)), part(call.param(1)));
    let made = call.api(Method::POST, &at, None).await?;
    let back = format!("{}/requests/{}", page(call.param(0)), part(call.param(1)));
    Ok(Reply::see(&back).notice(&format!("{said} {}.", made.text("messageId"))))
}
