//! Applications are made, changed and deleted.
//!
//! **Invariant:** all of it goes through the API; a refused form comes back as it was typed.

use super::app::{Tab, Typed, page};
use super::{app_path, application, metadata_of, number_of, text_of};
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::form::Form;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use http::{Method, StatusCode};
use serde_json::{Value, json};

#[derive(Template)]
#[template(path = "sending/app_new.html")]
struct New {
    frame: Frame,
    typed: Typed,
    errors: Refusal,
}

fn typed(form: &Form) -> Typed {
    let get = |name| form.get(name).to_owned();
    Typed { name: get("name"), uid: get("uid"), rate: get("rate"), metadata: form.raw("metadata").to_owned() }
}

fn body(typed: &Typed) -> Result<Value, Refusal> {
    let metadata = metadata_of(&typed.metadata).map_err(|why| Refusal::field("metadata", why))?;
    Ok(
        json!({"name": typed.name, "uid": text_of(&typed.uid), "throttleRate": number_of(&typed.rate), "metadata": metadata}),
    )
}

pub(crate) async fn new(call: Call) -> Result<Reply, Fault> {
    let frame = call.frame("New application", Section::Applications);
    Reply::page(&New { frame, typed: Typed::default(), errors: Refusal::of("") })
}

pub(crate) async fn create(call: Call) -> Result<Reply, Fault> {
    let typed = typed(&call.form());
    let made = match body(&typed) {
        Ok(body) => call.api(Method::POST, "/api/v1/app", Some(&body)).await,
        Err(refusal) => Err(refusal.into()),
    };
    match made {
        Ok(made) => {
            let id = made.get("id").and_then(Value::as_str).unwrap_or_default();
            Ok(Reply::see(&format!("/apps/{id}")).notice(&format!("{} is there. Add an endpoint next.", typed.name)))
        }
        Err(Fault::Refused(errors)) => {
            let frame = call.frame("New application", Section::Applications);
            Reply::page_with(errors.status, &New { frame, typed, errors })
        }
        Err(other) => Err(other),
    }
}

pub(crate) async fn change(call: Call) -> Result<Reply, Fault> {
    let app = application(&call).await?;
    let typed = typed(&call.form());
    let path = app_path(&call, &app);
    let done = match body(&typed) {
        Ok(body) => call.api(Method::PATCH, &format!("/api/v1/app/{}", call.codec().text(app.id)), Some(&body)).await,
        Err(refusal) => Err(refusal.into()),
    };
    match done {
        Ok(_) => Ok(Reply::see(&format!("{path}?tab=settings")).notice("Saved")),
        Err(Fault::Refused(errors)) => {
            let mut page = page(&call, app, Tab::Settings).await?;
            let status = errors.status;
            (page.typed, page.errors) = (typed, errors);
            Reply::page_with(status, &page)
        }
        Err(other) => Err(other),
    }
}

pub(crate) async fn delete(call: Call) -> Result<Reply, Fault> {
    let app = application(&call).await?;
    if call.form().get("confirm") != app.name.trim() {
        let mut page = page(&call, app, Tab::Danger).await?;
        page.errors = Refusal::field("confirm", "That is not its name: nothing was deleted");
        return Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    call.api(Method::DELETE, &format!("/api/v1/app/{}", call.codec().text(app.id)), None).await?;
    Ok(Reply::see("/apps").notice(&format!("{} is deleted", app.name)))
}
