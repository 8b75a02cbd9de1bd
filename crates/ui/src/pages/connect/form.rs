//! A contact form that reaches a CRM and a chat.
//!
//! **Invariant:** nothing is made twice by a reload: each step is a redirect to a URL that names what it made.

use super::{send_example, tell_each};
use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::pages::forms::{first_seen, read};
use crate::pages::told::{Tell, Told, told};
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section, Waiting};
use askama::Template;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

const EVENT: &str = "form.submitted";

/// A form that is made here has these fields, of those that are chosen.
const FIELDS: [(&str, &str, bool); 5] = [
    ("name", "text", false),
    ("email", "email", true),
    ("phone", "tel", false),
    ("company", "text", false),
    ("message", "text", true),
];

#[derive(Template)]
#[template(path = "connect/form.html")]
struct Page {
    frame: Frame,
    step: u8,
    /// Of the form; empty before it is made.
    id: String,
    name: String,
    html: String,
    /// Where a try is posted to: the form's address on this server.
    action: String,
    fields: Vec<(String, &'static str, bool)>,
    told: Vec<Told>,
    waiting: Option<Waiting>,
    crm: String,
    chat: String,
    may_write: bool,
    wrong: Refusal,
}

pub(crate) async fn form(call: Call) -> Result<Reply, Fault> {
    let id = call.query().get("form").to_owned();
    render(&call, &id, Refusal::of(String::new())).await
}

async fn render(call: &Call, id: &str, wrong: Refusal) -> Result<Reply, Fault> {
    let typed = call.form();
    let mut page = Page {
        frame: call.frame("A contact form that reaches a CRM and a chat", Section::Connect),
        step: 1,
        id: id.to_owned(),
        name: typed.some("name").unwrap_or("Contact").to_owned(),
        html: String::new(),
        action: String::new(),
        fields: Vec::new(),
        told: Vec::new(),
        waiting: None,
        crm: typed.get("crm").to_owned(),
        chat: typed.get("chat").to_owned(),
        may_write: call.me.may_write(),
        wrong,
    };
    if !id.is_empty() {
        let form = read(call, id).await?;
        page.told = told(call, &form.text("appId"), EVENT, &[id]).await?;
        page.step = if page.told.is_empty() || call.query().has("more") { 2 } else { 3 };
        page.name = form.text("name");
        page.html = form.text("html");
        page.fields = inputs(&form);
        // The path alone: a page may post to its own origin only.
        page.action = Url::parse(&form.text("url")).map(|url| url.path().to_owned()).unwrap_or_default();
        if page.step == 3 {
            let waiting = Waiting::new(call, "Waiting for a test submission…", first_seen(call, id).await?);
            if let Some(reply) = waiting.poll(call) {
                return Ok(reply);
            }
            page.waiting = Some(waiting);
        }
    }
    let status = if page.wrong.detail.is_empty() { StatusCode::OK } else { page.wrong.status };
    Reply::page_with(status, &page)
}

/// Names, types of an input and whether it must be filled, for trying it out.
fn inputs(form: &Value) -> Vec<(String, &'static str, bool)> {
    let kind = |field: &Value| match &*field.text("type") {
        "email" => "email",
        "tel" => "tel",
        "url" => "url",
        "number" | "integer" => "number",
        "date" => "date",
        "checkbox" => "checkbox",
        _ if field.text("name") == "message" => "textarea",
        _ => "text",
    };
    let fields: Vec<_> = form
        .list("fields")
        .iter()
        .filter(|field| field.text("type") != "file")
        .map(|field| (field.text("name"), kind(field), field.is("required")))
        .collect();
    if fields.is_empty() {
        vec![("email".to_owned(), "email", true), ("message".to_owned(), "textarea", true)]
    } else {
        fields
    }
}

/// Makes the form, adds who is told, or sends an example.
pub(crate) async fn form_step(call: Call) -> Result<Reply, Fault> {
    let typed = call.form();
    let id = typed.get("form").to_owned();
    let here = format!("/connect/form?form={}", part(&id));
    let done = match typed.get("step") {
        "form" => make(&call).await,
        "example" => send_example(&call, &read(&call, &id).await?, EVENT, &here).await,
        _ => {
            let app = read(&call, &id).await?.text("appId");
            let base = Tell { app: &app, url: "", name: "", event: EVENT, channel: Some(&id), first_per: None };
            tell_each(&call, &base, &[("crm", "CRM"), ("chat", "Team chat")]).await.map(|()| Reply::see(&here))
        }
    };
    match done {
        Err(Fault::Refused(wrong)) => render(&call, &id, wrong).await,
        done => done,
    }
}

async fn make(call: &Call) -> Result<Reply, Fault> {
    let typed = call.form();
    let chosen: Vec<&str> = typed.all("field").collect();
    let fields: Vec<Value> = FIELDS
        .iter()
        .filter(|(name, ..)| chosen.contains(name))
        .map(|(name, kind, required)| json!({"name": name, "type": kind, "required": required}))
        .collect();
    let body = json!({"name": typed.get("name"), "fields": fields});
    let form = call.api(Method::POST, "/api/v1/form", Some(&body)).await?;
    Ok(Reply::see(&format!("/connect/form?form={}", form.text("id"))))
}
