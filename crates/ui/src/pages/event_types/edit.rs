//! Event types are made, changed, sent as an example, archived and deleted.
//!
//! **Invariant:** all of it goes through the API; a refused form comes back as it was typed.

use super::show::page;
use super::{event_type, path, versions};
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::pages::sending::{actions, text_of, words};
use crate::reply::Reply;
use crate::schema;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

#[derive(Template)]
#[template(path = "event_types/new.html")]
struct New {
    frame: Frame,
    name: String,
    description: String,
    group: String,
    flags: String,
    sample: String,
    errors: Refusal,
}

pub(crate) async fn new(call: Call) -> Result<Reply, Fault> {
    let frame = call.frame("New event type", Section::EventTypes);
    let name = call.query().get("name").to_owned();
    let empty = String::new;
    Reply::page(&New {
        frame,
        name,
        description: empty(),
        group: empty(),
        flags: empty(),
        sample: empty(),
        errors: Refusal::of(""),
    })
}

fn api(name: &str) -> String {
    format!("/api/v1/event-type/{name}")
}

pub(crate) async fn create(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let get = |name: &str| form.get(name).to_owned();
    let mut page = New {
        frame: call.frame("New event type", Section::EventTypes),
        name: get("name"),
        description: get("description"),
        group: get("group"),
        flags: get("flags"),
        sample: form.raw("sample").to_owned(),
        errors: Refusal::of(""),
    };
    let mut body = json!({
        "name": page.name, "description": page.description, "groupName": text_of(&page.group), "featureFlags": words(&page.flags),
    });
    let made = match with_sample(&mut body, &page.sample, &page.name) {
        Ok(()) => call.api(Method::POST, "/api/v1/event-type", Some(&body)).await,
        Err(refusal) => Err(refusal.into()),
    };
    match made {
        Ok(_) => Ok(Reply::see(&path(&page.name)).notice("The event type is there.")),
        Err(Fault::Refused(errors)) => {
            let status = errors.status;
            page.errors = errors;
            Reply::page_with(status, &page)
        }
        Err(other) => Err(other),
    }
}

/// A sample makes the first schema, and is its example.
fn with_sample(body: &mut Value, sample: &str, name: &str) -> Result<(), Refusal> {
    if sample.trim().is_empty() {
        return Ok(());
    }
    let sample: Value =
        serde_json::from_str(sample).map_err(|e| Refusal::field("sample", format!("is not JSON: {e}")))?;
    if !sample.is_object() {
        return Err(Refusal::field("sample", "must be a JSON object: {…}"));
    }
    let mut schema = schema::infer(std::slice::from_ref(&sample), name);
    if let (Value::Object(schema), Value::Object(body)) = (&mut schema, &mut *body) {
        schema.insert("examples".to_owned(), json!([sample]));
        body.insert("schemas".to_owned(), json!({"1": schema}));
    }
    Ok(())
}

/// Details, or archived alone.
pub(crate) async fn change(call: Call) -> Result<Reply, Fault> {
    let found = event_type(&call).await?;
    let form = call.form();
    let name = found.name.clone();
    let (body, notice) = match form.has("details") {
        true => (
            json!({"description": form.get("description"), "groupName": text_of(form.get("group")),
                   "featureFlags": words(form.get("flags")), "deprecated": form.has("deprecated")}),
            "Saved",
        ),
        false if form.get("archived") == "yes" => {
            (json!({"archived": true}), "Archived: nobody can choose it any more. What is sent of it still arrives.")
        }
        false => (json!({"archived": false}), "It can be chosen again."),
    };
    match call.api(Method::PATCH, &api(&name), Some(&body)).await {
        Ok(_) if form.has("details") => Ok(Reply::see(&path(&name)).notice(notice)),
        Ok(_) => {
            let undo = if form.get("archived") == "yes" { "no" } else { "yes" };
            Ok(Reply::see(&path(&name)).notice(notice).undo(&format!("{}/change", path(&name)), "archived", undo))
        }
        Err(Fault::Refused(errors)) => {
            let mut page = page(&call, found).await?;
            let status = errors.status;
            page.errors = errors;
            Reply::page_with(status, &page)
        }
        Err(other) => Err(other),
    }
}

pub(crate) async fn schema(call: Call) -> Result<Reply, Fault> {
    let found = event_type(&call).await?;
    let form = call.form();
    let (name, version) = (found.name.clone(), form.get("version").to_owned());
    let parsed = serde_json::from_str::<Value>(form.raw("schema"))
        .map_err(|e| Refusal::field("schema", format!("is not JSON: {e}")))
        .and_then(|schema| match schema.is_object() && !version.is_empty() && version.len() < 20 {
            true => Ok(schema),
            false => Err(Refusal::field("schema", "must be a JSON Schema: an object")),
        });
    let saved = match parsed {
        Ok(schema) => {
            let mut all: Map<String, Value> = versions(&found).into_iter().collect();
            all.insert(version.clone(), schema);
            call.api(Method::PATCH, &api(&name), Some(&json!({"schemas": all}))).await
        }
        Err(refusal) => Err(refusal.into()),
    };
    match saved {
        Ok(_) => {
            let to = format!("{}?version={}", path(&name), crate::answer::part(&version));
            Ok(Reply::see(&to).notice(&format!("Version {version} is saved")))
        }
        Err(Fault::Refused(errors)) => {
            let mut page = page(&call, found).await?;
            let status = errors.status;
            (page.draft, page.errors) = (form.raw("schema").to_owned(), errors);
            Reply::page_with(status, &page)
        }
        Err(other) => Err(other),
    }
}

pub(crate) async fn send(call: Call) -> Result<Reply, Fault> {
    let found = event_type(&call).await?;
    let form = call.form();
    let payload: Value =
        serde_json::from_str(form.raw("payload")).map_err(|_| Refusal::of("The example is not JSON"))?;
    let app = crate::answer::part(form.get("app"));
    let body = json!({"eventType": found.name, "payload": payload});
    match call.api(Method::POST, &format!("/api/v1/app/{app}/msg"), Some(&body)).await {
        Ok(message) => {
            let id = message.get("id").and_then(Value::as_str).unwrap_or_default();
            Ok(Reply::see(&format!("/messages/{id}")).notice("Sent"))
        }
        Err(fault) => actions::back(fault, &path(&found.name)),
    }
}

pub(crate) async fn delete(call: Call) -> Result<Reply, Fault> {
    let found = event_type(&call).await?;
    if call.form().get("confirm") != found.name {
        let mut page = page(&call, found).await?;
        page.errors = Refusal::field("confirm", "That is not its name: nothing was deleted");
        return Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    call.api(Method::DELETE, &format!("{}?expunge=true", api(&found.name)), None).await?;
    Ok(Reply::see("/event-types").notice(&format!("{} is deleted", found.name)))
}
