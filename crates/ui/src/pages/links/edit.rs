//! The form of a link, new or not.
//!
//! **Invariant:** what the API refuses is said beside its field, with what was typed.

use super::{api, page, read};
use crate::answer::Members;
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::form::Form;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use http::{Method, StatusCode};
use serde_json::{Value, json};

#[derive(Template)]
#[template(path = "links/edit.html")]
struct Page {
    frame: Frame,
    /// Of the link that is changed; empty for a new one.
    path: String,
    name: String,
    target: String,
    slug: String,
    /// `2026-12-31T23:59`, UTC.
    ends: String,
    tags: String,
    click_param: String,
    redirect: String,
    prefix: String,
    wrong: Refusal,
}

impl Page {
    fn typed(call: &Call, path: String, form: &Form) -> Self {
        let text = |name: &str| form.get(name).to_owned();
        Page {
            frame: call.frame(if path.is_empty() { "New link" } else { "Change link" }, Section::Links),
            path,
            name: text("name"),
            target: text("target"),
            slug: text("slug"),
            ends: text("ends"),
            tags: text("tags"),
            click_param: text("click_param"),
            redirect: text("redirect"),
            prefix: format!("{}/l/", call.origin()),
            wrong: Refusal::of(String::new()),
        }
    }
}

pub(crate) async fn new(call: Call) -> Result<Reply, Fault> {
    Reply::page(&Page::typed(&call, String::new(), &call.query()))
}

fn body(form: &Form) -> Value {
    let ends = form.some("ends").map(|text| if text.ends_with('Z') { text.to_owned() } else { format!("{text}:00Z") });
    let mut body = json!({
        "target": form.get("target"),
        "name": form.get("name"),
        "tags": form.get("tags").split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect::<Vec<_>>(),
        "expiresAt": ends,
        "clickParam": form.some("click_param"),
        "redirect": form.get("redirect").parse::<u16>().unwrap_or(302),
    });
    if let (Some(slug), Some(body)) = (form.some("slug"), body.as_object_mut()) {
        body.insert("slug".to_owned(), json!(slug));
    }
    body
}

pub(crate) async fn create(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    match call.api(Method::POST, "/api/v1/link", Some(&body(&form))).await {
        Ok(link) => Ok(Reply::see(&page(&link.text("id"))).notice("Your link works from now on.")),
        Err(Fault::Refused(wrong)) => again(&call, String::new(), wrong),
        Err(fault) => Err(fault),
    }
}

fn again(call: &Call, path: String, wrong: Refusal) -> Result<Reply, Fault> {
    let page = Page { wrong, ..Page::typed(call, path, &call.form()) };
    Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// Shows the form with what the link is, or takes it.
pub(crate) async fn edit(call: Call) -> Result<Reply, Fault> {
    let path = page(call.param(0));
    let link = read(&call, call.param(0)).await?;
    if call.method == Method::POST {
        return match call.api(Method::PATCH, &api(call.param(0)), Some(&body(&call.form()))).await {
            Ok(_) => Ok(Reply::see(&path).notice("Saved: it counts from the next click.")),
            Err(Fault::Refused(wrong)) => again(&call, path, wrong),
            Err(fault) => Err(fault),
        };
    }
    let typed = Page::typed(&call, path, &Form::default());
    Reply::page(&Page {
        name: link.text("name"),
        target: link.text("target"),
        slug: link.text("slug"),
        ends: link.text("expiresAt").chars().take(16).collect(),
        tags: link.texts("tags").join(", "),
        click_param: link.text("clickParam"),
        redirect: link.number("redirect").to_string(),
        ..typed
    })
}
