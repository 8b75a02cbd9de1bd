//! Endpoints are made and changed: URL, events, headers, secrets, their end.
//!
//! **Invariant:** all of it goes through the API; a refused form comes back as it was typed, but for secrets.

use super::endpoint::{Tab, page};
use super::picker::{Picker, chosen, chosen_json};
use super::{
    app_path, application, endpoint_api, endpoint_of, endpoint_path, metadata_of, number_of, short_url, text_of, words,
};
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::form::Form;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use store::{Application, Endpoint, NewAuditEntry};

/// The fields of an endpoint's forms, as they are or as they were typed.
#[derive(Default)]
pub(crate) struct Typed {
    pub url: String,
    pub description: String,
    pub uid: String,
    pub rate: String,
    pub metadata: String,
    pub channels: String,
    pub first_per: String,
    pub headers: String,
}

impl Typed {
    pub fn of(endpoint: &Endpoint) -> Self {
        Typed {
            url: endpoint.url.clone(),
            description: endpoint.description.clone(),
            uid: endpoint.uid.clone().unwrap_or_default(),
            rate: endpoint.throttle_rate.map(|rate| rate.to_string()).unwrap_or_default(),
            metadata: super::metadata_text(&endpoint.metadata),
            channels: endpoint.channels.as_ref().map(|list| list.join(", ")).unwrap_or_default(),
            first_per: endpoint.first_per.clone().unwrap_or_default(),
            headers: String::new(),
        }
    }
    fn read(form: &Form) -> Self {
        let get = |name| form.get(name).to_owned();
        Typed {
            url: get("url"),
            description: get("description"),
            uid: get("uid"),
            rate: get("rate"),
            metadata: form.raw("metadata").to_owned(),
            channels: get("channels"),
            first_per: get("first_per"),
            headers: form.raw("headers").to_owned(),
        }
    }
}

#[derive(Template)]
#[template(path = "sending/endpoint_new.html")]
struct New {
    frame: Frame,
    app: Application,
    path: String,
    typed: Typed,
    picker: Picker,
    errors: Refusal,
}

pub(crate) async fn new(call: Call) -> Result<Reply, Fault> {
    let app = application(&call).await?;
    let typed = Typed { url: call.query().get("url").to_owned(), ..Typed::default() };
    Reply::page(&New {
        frame: call.frame("Add endpoint", Section::Applications),
        path: app_path(&call, &app),
        app,
        typed,
        picker: Picker::of(&call, None).await?,
        errors: Refusal::of(""),
    })
}

/// `Name: value` lines.
fn headers_of(text: &str) -> Result<Map<String, Value>, Refusal> {
    let mut headers = Map::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) =
            line.split_once(':').ok_or_else(|| Refusal::field("headers", format!("Write Name: value, not {line}")))?;
        headers.insert(name.trim().to_owned(), json!(value.trim()));
    }
    Ok(headers)
}

fn new_body(form: &Form, typed: &Typed) -> Result<Value, Refusal> {
    let mut body = json!({
        "url": typed.url,
        "description": typed.description,
        "uid": text_of(&typed.uid),
        "rateLimit": number_of(&typed.rate),
        "eventTypes": chosen_json(form),
        "firstPer": text_of(&typed.first_per),
        "channels": channels(typed),
    });
    let headers = headers_of(&typed.headers)?;
    if let Value::Object(fields) = &mut body
        && !headers.is_empty()
    {
        fields.insert("headers".to_owned(), Value::Object(headers));
    }
    Ok(body)
}

fn channels(typed: &Typed) -> Value {
    let channels = words(&typed.channels);
    if channels.is_empty() { Value::Null } else { json!(channels) }
}

pub(crate) async fn create(call: Call) -> Result<Reply, Fault> {
    let app = application(&call).await?;
    let (form, path) = (call.form(), app_path(&call, &app));
    let typed = Typed::read(&form);
    let api = format!("/api/v1/app/{}/endpoint", call.codec().text(app.id));
    let made = match new_body(&form, &typed) {
        Ok(body) => call.api(Method::POST, &api, Some(&body)).await,
        Err(refusal) => Err(refusal.into()),
    };
    match made {
        Ok(made) => {
            let id = made.get("id").and_then(Value::as_str).unwrap_or_default();
            Ok(Reply::see(&format!("{path}/endpoints/{id}")).notice("The endpoint is there. Send it a test event."))
        }
        Err(Fault::Refused(errors)) => {
            let picker = Picker::of(&call, chosen(&form).as_deref()).await?;
            let frame = call.frame("Add endpoint", Section::Applications);
            Reply::page_with(errors.status, &New { frame, app, path, typed, picker, errors })
        }
        Err(other) => Err(other),
    }
}

/// Which form of the endpoint's page was sent.
pub(crate) async fn change(call: Call) -> Result<Reply, Fault> {
    let (app, endpoint) = endpoint_of(&call).await?;
    let form = call.form();
    let typed = Typed::read(&form);
    let (tab, api) = match form.get("part") {
        "filter" => (Tab::Filter, endpoint_api(&call, &endpoint)),
        "headers" => (Tab::Headers, format!("{}/headers", endpoint_api(&call, &endpoint))),
        _ => (Tab::Settings, endpoint_api(&call, &endpoint)),
    };
    let body = match tab {
        Tab::Filter => Ok(json!({
            "eventTypes": chosen_json(&form), "channels": channels(&typed), "firstPer": text_of(&typed.first_per),
        })),
        Tab::Headers => headers_of(&typed.headers)
            .map(|headers| json!({"headers": headers, "deleteHeaders": form.all("delete").collect::<Vec<_>>()})),
        _ => metadata_of(&typed.metadata).map_err(|why| Refusal::field("metadata", why)).map(|metadata| {
            json!({"url": typed.url, "description": typed.description, "uid": text_of(&typed.uid),
                   "rateLimit": number_of(&typed.rate), "metadata": metadata})
        }),
    };
    let done = match body {
        Ok(body) => call.api(Method::PATCH, &api, Some(&body)).await,
        Err(refusal) => Err(refusal.into()),
    };
    match done {
        Ok(_) => Ok(Reply::see(&format!("{}?tab={}", endpoint_path(&call, &endpoint), tab.name())).notice("Saved")),
        Err(Fault::Refused(errors)) => {
            let mut page = page(&call, app, endpoint, tab).await?;
            if tab == Tab::Filter {
                page.picker = Picker::of(&call, chosen(&form).as_deref()).await?;
            }
            let status = errors.status;
            (page.typed, page.errors) = (typed, errors);
            Reply::page_with(status, &page)
        }
        Err(other) => Err(other),
    }
}

/// Shows the secret in the answer to this form alone, and notes who looked.
pub(crate) async fn reveal(call: Call) -> Result<Reply, Fault> {
    let (app, endpoint) = endpoint_of(&call).await?;
    let tab = if call.form().get("tab") == "code" { Tab::Code } else { Tab::Secrets };
    let id = call.codec().text(endpoint.id);
    let secret = call.api(Method::GET, &format!("{}/secret", endpoint_api(&call, &endpoint)), None).await?;
    let entry = NewAuditEntry {
        org: call.me.org,
        actor: format!("person:{}", call.me.email),
        action: "endpoint.secret.reveal".to_owned(),
        object: id,
        detail: None,
        address: call.address.map(|ip| ip.to_string()),
    };
    call.store().audit(entry).await?;
    let mut page = page(&call, app, endpoint, tab).await?;
    page.secret = secret.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
    page.choose_language(call.form().get("lang"));
    Reply::page(&page)
}

pub(crate) async fn rotate(call: Call) -> Result<Reply, Fault> {
    let (app, endpoint) = endpoint_of(&call).await?;
    let form = call.form();
    let mut body = json!({"gracePeriodSeconds": number_of(form.get("grace"))});
    if let (Value::Object(fields), Some(key)) = (&mut body, form.some("key")) {
        fields.insert("key".to_owned(), json!(key));
    }
    let api = format!("{}/secret/rotate", endpoint_api(&call, &endpoint));
    match call.api(Method::POST, &api, Some(&body)).await {
        Ok(_) => {
            let path = endpoint_path(&call, &endpoint);
            Ok(Reply::see(&format!("{path}?tab=secrets"))
                .notice("There is a new secret. Give it to the receiver before the old one ends."))
        }
        Err(Fault::Refused(errors)) => {
            let mut page = page(&call, app, endpoint, Tab::Secrets).await?;
            let status = errors.status;
            page.errors = errors;
            Reply::page_with(status, &page)
        }
        Err(other) => Err(other),
    }
}

pub(crate) async fn delete(call: Call) -> Result<Reply, Fault> {
    let (app, endpoint) = endpoint_of(&call).await?;
    if call.form().get("confirm") != short_url(&endpoint.url) {
        let mut page = page(&call, app, endpoint, Tab::Settings).await?;
        page.errors = Refusal::field("confirm", "That is not its address: nothing was deleted");
        return Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    call.api(Method::DELETE, &endpoint_api(&call, &endpoint), None).await?;
    Ok(Reply::see(&app_path(&call, &app)).notice(&format!("{} is deleted", short_url(&endpoint.url))))
}
