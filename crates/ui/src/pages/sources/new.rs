//! The wizard of a new source: provider, secret, URL, and the first event.
//!
//! **Invariant:** each step is a URL, so that a reload goes on where it was.

use super::{Kind, api, kind, kinds, page, read};
use crate::answer::Members;
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::form::Form;
use crate::pages::requests::{explain, skew_s};
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section, Seen, Waiting};
use askama::Template;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

/// Shown first: those that most people look for.
const POPULAR: [&str; 12] = [
    "stripe",
    "github",
    "shopify",
    "slack",
    "twilio",
    "typeform",
    "gitlab",
    "hubspot",
    "paypal",
    "woocommerce",
    "calendly",
    "discord",
];
/// Refused when a source is made, or refusing every request: nothing to choose.
const UNUSABLE: [&str; 3] = ["cron", "vgs", "cuttly"];
/// For everything else.
const GENERIC: [&str; 6] = ["standard-webhooks", "hmac", "jwt", "basic", "api-key", "generic-webhook"];

#[derive(Template)]
#[template(path = "sources/pick.html")]
struct Pick {
    frame: Frame,
    popular: Vec<Kind>,
    generic: Vec<Kind>,
    others: Vec<Kind>,
    wanted: String,
    /// A bin that becomes a source.
    bin: String,
}

#[derive(Template)]
#[template(path = "sources/secret.html")]
struct Secret {
    frame: Frame,
    kind: Kind,
    bin: String,
    name: String,
    json: String,
    others: Vec<(String, String)>,
    wrong: Option<Refusal>,
}

#[derive(Template)]
#[template(path = "sources/first.html")]
struct First {
    frame: Frame,
    id: String,
    path: String,
    name: String,
    kind: Kind,
    url: String,
    qr: v::Html,
    waiting: Waiting,
    endpoints: Vec<String>,
    server: String,
    may_write: bool,
    may_resend: bool,
    is_insecure: bool,
}

pub(crate) async fn new(call: Call) -> Result<Reply, Fault> {
    let query = call.query();
    if let Some(source) = query.some("source") {
        return first(&call, source).await;
    }
    if let Some(name) = query.some("type") {
        let kind = kind(&call, name).await?;
        return ask(&call, kind, &query, None);
    }
    pick(&call, &query).await
}

async fn pick(call: &Call, query: &Form) -> Result<Reply, Fault> {
    let wanted = query.get("q").to_owned();
    let all = kinds(call).await?;
    let named = |names: &[&str]| -> Vec<Kind> {
        names.iter().filter_map(|name| all.iter().find(|kind| kind.name == *name).cloned()).collect()
    };
    let fits = |kind: &Kind| {
        let (text, wanted) = (format!("{} {}", kind.name, kind.title).to_lowercase(), wanted.to_lowercase());
        wanted.split_whitespace().all(|word| text.contains(word))
    };
    let (popular, generic) = if wanted.is_empty() { (named(&POPULAR), named(&GENERIC)) } else { Default::default() };
    let is_above = |kind: &Kind| popular.iter().chain(&generic).any(|above| above.name == kind.name);
    let others =
        all.iter().filter(|kind| fits(kind) && !is_above(kind) && !UNUSABLE.contains(&&*kind.name)).cloned().collect();
    let bin = query.get("bin").to_owned();
    Reply::page(&Pick {
        frame: call.frame("New source: provider", Section::Sources),
        popular,
        generic,
        others,
        wanted,
        bin,
    })
}

fn ask(call: &Call, kind: Kind, typed: &Form, wrong: Option<Refusal>) -> Result<Reply, Fault> {
    let status = wrong.as_ref().map_or(StatusCode::OK, |_| StatusCode::UNPROCESSABLE_ENTITY);
    let others = kind.others().map(|field| (field.clone(), typed.get(&format!("config_{field}")).to_owned())).collect();
    let page = Secret {
        frame: call.frame(format!("New source: {}", kind.title), Section::Sources),
        bin: typed.get("bin").to_owned(),
        name: typed.some("name").unwrap_or(&kind.title).to_owned(),
        json: typed.raw("json").to_owned(),
        others,
        kind,
        wrong,
    };
    Reply::page_with(status, &page)
}

/// What the form says of the configuration: its fields, and whatever JSON adds.
pub(super) fn config(form: &Form) -> Result<Map<String, Value>, Refusal> {
    let mut config = match form.some("json") {
        None => Map::new(),
        Some(text) => serde_json::from_str(text)
            .map_err(|e| Refusal::field("config", format!("This isn't a JSON object: {e}")))?,
    };
    for (name, value) in form.pairs() {
        if let Some(field) = name.strip_prefix("config_").filter(|_| !value.trim().is_empty()) {
            config.insert(field.to_owned(), Value::String(value.trim().to_owned()));
        }
    }
    Ok(config)
}

pub(crate) async fn create(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let kind = kind(&call, form.get("type")).await?;
    let made = match config(&form) {
        Err(refusal) => Err(Fault::Refused(refusal)),
        Ok(config) => {
            let body = json!({"name": form.get("name"), "type": kind.name, "config": config});
            let path = match form.some("bin") {
                Some(bin) => format!("/api/v1/bin/{}/promote", crate::answer::part(bin)),
                None => "/ingest/api/v1/source".to_owned(),
            };
            call.api(Method::POST, &path, Some(&body)).await
        }
    };
    match made {
        Ok(source) => Ok(Reply::see(&format!("/sources/new?source={}", source.text("id")))),
        Err(Fault::Refused(refusal)) => ask(&call, kind, &form, Some(refusal)),
        Err(fault) => Err(fault),
    }
}

async fn first(call: &Call, source: &str) -> Result<Reply, Fault> {
    let found = read(call, source).await?;
    let id = found.text("id");
    let waiting = Waiting::new(call, "Waiting for your first event…", seen(call, &id).await?);
    if let Some(reply) = waiting.poll(call) {
        return Ok(reply);
    }
    let endpoints = call.api(Method::GET, &format!("{}/endpoint?limit=20", api(&id)), None).await?;
    let url = found.text("ingestUrl");
    Reply::page(&First {
        frame: call.frame(format!("New source: {}", found.text("name")), Section::Sources),
        path: page(&id),
        name: found.text("name"),
        kind: kind(call, &found.text("type")).await?,
        qr: v::qr(&url, "QR code of the source's URL"),
        waiting,
        endpoints: endpoints.list("data").iter().map(|endpoint| endpoint.text("url")).collect(),
        server: call.origin(),
        may_write: call.me.may_write(),
        may_resend: call.me.may_resend(),
        is_insecure: found.is("verification.insecure"),
        url,
        id,
    })
}

/// The newest request: verdict, how late it was, what it holds.
async fn seen(call: &Call, source: &str) -> Result<Option<Seen>, Fault> {
    let list = call.api(Method::GET, &format!("{}/request?limit=1", api(source)), None).await?;
    let Some(request) = list.list("data").first() else { return Ok(None) };
    let id = request.text("id");
    let link = Some((format!("{}/requests/{id}", page(source)), "Look at it".to_owned()));
    let (verdict, reason) = (request.text("verdict"), request.text("reason"));
    if verdict == "refused" {
        let facts = vec![(false, reason.clone())];
        let hint = explain(&reason).to_owned();
        return Ok(Some(Seen {
            is_bad: true,
            title: "Something came, and was rejected".to_owned(),
            facts,
            hint,
            link,
        }));
    }
    let mut facts = Vec::new();
    match &*verdict {
        "handshake" => facts.push((true, "The provider tested the URL, and got the answer that it expects".to_owned())),
        "held" => facts.push((true, "Verified, and held: the source is paused".to_owned())),
        _ => facts.push((true, "Verified".to_owned())),
    }
    if let Some(skew) = request.time("timestamp").and_then(|at| skew_s(request, at)) {
        facts.push((skew.abs() < 60.0, format!("{skew:.1} s after it was signed")));
    }
    if let Some(kind) = request.some("eventType") {
        facts.push((true, format!("Looks like {kind}")));
    }
    let body: Option<Value> = request.member("body").as_str().and_then(|text| serde_json::from_str(text).ok());
    if let Some(Value::Object(members)) = body {
        facts.push((true, format!("{} fields", members.len())));
    }
    Ok(Some(Seen { title: "Received".to_owned(), facts, link, ..Seen::default() }))
}
