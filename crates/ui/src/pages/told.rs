//! Who is told of a link's clicks or a form's submissions: endpoints of its application, and how they last answered.
//!
//! **Invariant:** an endpoint hears of a link or form if it takes that event, and names the link's or form's channel or none.

use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::Fault;
use crate::view::{self as v, Badge, Tone};
use http::Method;
use serde_json::{Value, json};

/// Somebody who is told.
pub(crate) struct Told {
    pub id: String,
    pub app: String,
    /// What it was called, or the URL.
    pub name: String,
    pub url: String,
    pub last: Badge,
    /// The last answer was a good one.
    pub is_good: bool,
    /// There was an attempt.
    pub was_tried: bool,
    /// What the last answer means.
    pub hint: &'static str,
    /// Hears of nothing but a first one.
    pub only_first: bool,
}

/// What a new one is to hear.
pub(crate) struct Tell<'a> {
    pub app: &'a str,
    pub url: &'a str,
    pub name: &'a str,
    pub event: &'a str,
    pub channel: Option<&'a str>,
    pub first_per: Option<&'a str>,
}

/// Makes an endpoint; answers its id.
pub(crate) async fn tell(call: &Call, tell: Tell<'_>) -> Result<String, Fault> {
    let body = json!({
        "url": tell.url, "description": tell.name, "eventTypes": [tell.event],
        "channels": tell.channel.map(|channel| [channel]), "firstPer": tell.first_per,
    });
    let made = call.api(Method::POST, &format!("/api/v1/app/{}/endpoint", part(tell.app)), Some(&body)).await?;
    Ok(made.text("id"))
}

/// Who hears of events of that type on one of the channels.
pub(crate) async fn told(call: &Call, app: &str, event: &str, channels: &[&str]) -> Result<Vec<Told>, Fault> {
    let list = call.api(Method::GET, &format!("/api/v1/app/{}/endpoint?limit=100", part(app)), None).await?;
    let mut all = Vec::new();
    for endpoint in list.list("data") {
        let (types, named) = (endpoint.texts("eventTypes"), endpoint.texts("channels"));
        let hears = types.is_empty() || types.iter().any(|t| t == event);
        let is_here = named.is_empty() || named.iter().any(|name| channels.contains(&name.as_str()));
        if hears && is_here {
            all.push(one(call, app, endpoint).await?);
        }
    }
    Ok(all)
}

/// One endpoint; `None` if it is gone.
pub(crate) async fn find(call: &Call, app: &str, endpoint: &str) -> Result<Option<Told>, Fault> {
    match call.api(Method::GET, &format!("/api/v1/app/{}/endpoint/{}", part(app), part(endpoint)), None).await {
        Ok(found) => one(call, app, &found).await.map(Some),
        Err(Fault::NotFound(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

async fn one(call: &Call, app: &str, endpoint: &Value) -> Result<Told, Fault> {
    let id = endpoint.text("id");
    let at = format!("/api/v1/app/{}/attempt/endpoint/{id}?limit=1&with_content=false", part(app));
    let attempts = call.api(Method::GET, &at, None).await?;
    let attempt = attempts.list("data").first();
    let url = endpoint.text("url");
    let (code, ms) = attempt.map_or((0, 0), |a| (a.number("responseStatusCode"), a.number("responseDurationMs")));
    let is_good = attempt.is_some_and(|attempt| attempt.number("status") == 0);
    let last = match attempt {
        _ if endpoint.is("disabled") => (Tone::Idle, "Switched off".to_owned()),
        None => (Tone::Idle, "Nothing sent yet".to_owned()),
        Some(_) if is_good => (Tone::Good, format!("{code} in {}", v::took(ms))),
        Some(_) if code == 0 => (Tone::Bad, "No answer".to_owned()),
        Some(_) => (Tone::Bad, format!("Answered {code}")),
    };
    Ok(Told {
        app: app.to_owned(),
        name: endpoint.some("description").unwrap_or_else(|| url.clone()),
        hint: if is_good || attempt.is_none() { "" } else { hint(code) },
        last: Badge { tone: last.0, text: last.1 },
        is_good,
        was_tried: attempt.is_some(),
        only_first: endpoint.some("firstPer").is_some(),
        url,
        id,
    })
}

/// What a person can do about a bad answer.
fn hint(code: u64) -> &'static str {
    match code {
        0 => "Nobody answered at this URL. Is it spelled right, and switched on? It is tried again.",
        401 | 403 => "The other side doesn't let us in: copy the URL there again, whole.",
        404 => "There is nothing at this URL: copy it again, whole.",
        410 => "The other side switched this URL off: make a new one there.",
        429 => "The other side wants fewer at a time. It is tried again, more slowly.",
        500.. => "The other side failed by itself. It is tried again.",
        _ => "The other side doesn't understand it. What it expects may differ from the generic message.",
    }
}

/// Sends an example to an endpoint; answers the message's id.
pub(crate) async fn example(call: &Call, app: &str, endpoint: &str, event: &str) -> Result<String, Fault> {
    let at = format!("/api/v1/app/{}/endpoint/{}/send-example", part(app), part(endpoint));
    let made = call.api(Method::POST, &at, Some(&json!({ "eventType": event }))).await?;
    Ok(made.text("id"))
}
