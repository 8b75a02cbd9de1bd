//! The editor of a form, new or not.
//!
//! **Invariant:** works without JavaScript: rows of fields, of which empty ones are left out.

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

/// Types of a field, and what people call them.
pub(super) const TYPES: [(&str, &str); 10] = [
    ("text", "Text"),
    ("email", "E-mail address"),
    ("tel", "Phone number"),
    ("number", "Number"),
    ("integer", "Whole number"),
    ("date", "Date"),
    ("url", "Web address"),
    ("checkbox", "Tick box"),
    ("choice", "One of several"),
    ("file", "File"),
];
/// Rows of a form that is sent at most.
const ROWS_MAX: usize = 100;
/// Empty rows after those that are filled.
const ROWS_SPARE: usize = 3;

#[derive(Clone, Default)]
struct Field {
    name: String,
    kind: String,
    required: bool,
    options: String,
    wrong: String,
}

#[derive(Template)]
#[template(path = "forms/edit.html")]
struct Page {
    frame: Frame,
    /// Of the form that is changed; empty for a new one.
    path: String,
    name: String,
    fields: Vec<Field>,
    only_known: bool,
    honeypot: bool,
    rate: String,
    redirect: String,
    thank_you: String,
    origins: String,
    files_max: String,
    wrong: Refusal,
}

pub(crate) async fn new(call: Call) -> Result<Reply, Fault> {
    let field = |name: &str, kind: &str, required| Field {
        name: name.to_owned(),
        kind: kind.to_owned(),
        required,
        ..Field::default()
    };
    let fields = vec![field("name", "text", false), field("email", "email", true), field("message", "text", true)];
    Reply::page(&Page {
        frame: call.frame("New form", Section::Forms),
        path: String::new(),
        name: String::new(),
        fields: spare(fields),
        only_known: false,
        honeypot: true,
        rate: "10".to_owned(),
        redirect: String::new(),
        thank_you: String::new(),
        origins: String::new(),
        files_max: String::new(),
        wrong: Refusal::of(String::new()),
    })
}

fn spare(mut fields: Vec<Field>) -> Vec<Field> {
    fields.extend(std::iter::repeat_n(Field::default(), ROWS_SPARE));
    fields
}

/// The rows that were filled.
fn typed(form: &Form) -> Vec<Field> {
    let row = |i: usize| Field {
        name: form.get(&format!("f_name_{i}")).to_owned(),
        kind: form.some(&format!("f_type_{i}")).unwrap_or("text").to_owned(),
        required: form.has(&format!("f_required_{i}")),
        options: form.get(&format!("f_options_{i}")).to_owned(),
        wrong: String::new(),
    };
    (0..ROWS_MAX).map(row).filter(|field| !field.name.is_empty()).collect()
}

fn lines(text: &str) -> Vec<&str> {
    text.split(['\n', ',']).map(str::trim).filter(|line| !line.is_empty()).collect()
}

fn body(form: &Form) -> Result<Value, Refusal> {
    let number = |name: &str, what: &str| -> Result<Option<u64>, Refusal> {
        let text = form.some(name);
        text.map(|text| text.parse().map_err(|_| Refusal::field(name, format!("{what} must be a whole number"))))
            .transpose()
    };
    let field = |field: &Field| {
        let mut out = json!({"name": field.name, "type": field.kind, "required": field.required});
        if field.kind == "choice"
            && let Some(out) = out.as_object_mut()
        {
            out.insert("options".to_owned(), json!(lines(&field.options)));
        }
        out
    };
    let origins = lines(form.get("origins"));
    Ok(json!({
        "name": form.get("name"),
        "fields": typed(form).iter().map(field).collect::<Vec<_>>(),
        "onlyKnownFields": form.has("only_known"),
        "honeypot": form.has("honeypot").then_some("_gotcha"),
        "ratePerMinute": number("rate", "The limit")?.unwrap_or(0),
        "redirectUrl": form.some("redirect"),
        "thankYou": form.some("thank_you"),
        "origins": if origins.is_empty() { vec!["*"] } else { origins },
        "filesMax": number("files_max", "The number of files")?,
    }))
}

fn again(call: &Call, path: String, wrong: Refusal) -> Result<Reply, Fault> {
    let form = call.form();
    let mut fields = typed(&form);
    for (i, field) in fields.iter_mut().enumerate() {
        let prefix = format!("fields.{i}.");
        let about = wrong.fields.iter().filter_map(|(name, text)| name.strip_prefix(&prefix).map(|_| text.as_str()));
        field.wrong = about.collect::<Vec<_>>().join("; ");
    }
    let page = Page {
        frame: call.frame(if path.is_empty() { "New form" } else { "Change form" }, Section::Forms),
        path,
        name: form.get("name").to_owned(),
        fields: spare(fields),
        only_known: form.has("only_known"),
        honeypot: form.has("honeypot"),
        rate: form.get("rate").to_owned(),
        redirect: form.get("redirect").to_owned(),
        thank_you: form.get("thank_you").to_owned(),
        origins: form.get("origins").to_owned(),
        files_max: form.get("files_max").to_owned(),
        wrong,
    };
    Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

pub(crate) async fn create(call: Call) -> Result<Reply, Fault> {
    let body = match body(&call.form()) {
        Ok(body) => body,
        Err(wrong) => return again(&call, String::new(), wrong),
    };
    match call.api(Method::POST, "/api/v1/form", Some(&body)).await {
        Ok(form) => {
            Ok(Reply::see(&page(&form.text("id"))).notice("Your form is ready: put it on your page and try it."))
        }
        Err(Fault::Refused(wrong)) => again(&call, String::new(), wrong),
        Err(fault) => Err(fault),
    }
}

/// Shows the editor with what the form is, or takes it.
pub(crate) async fn edit(call: Call) -> Result<Reply, Fault> {
    let path = page(call.param(0));
    let form = read(&call, call.param(0)).await?;
    if call.method == Method::POST {
        let mut body = match body(&call.form()) {
            Ok(body) => body,
            Err(wrong) => return again(&call, path, wrong),
        };
        keep(&mut body, &form);
        return match call.api(Method::PATCH, &api(call.param(0)), Some(&body)).await {
            Ok(_) => Ok(Reply::see(&path).notice("Saved. If fields changed, copy the HTML to your page again.")),
            Err(Fault::Refused(wrong)) => again(&call, path, wrong),
            Err(fault) => Err(fault),
        };
    }
    let field = |field: &Value| Field {
        name: field.text("name"),
        kind: field.text("type"),
        required: field.is("required"),
        options: field.texts("options").join(", "),
        wrong: String::new(),
    };
    let origins = form.texts("origins");
    Reply::page(&Page {
        frame: call.frame("Change form", Section::Forms),
        path,
        name: form.text("name"),
        fields: spare(form.list("fields").iter().map(field).collect()),
        only_known: form.is("onlyKnownFields"),
        honeypot: form.some("honeypot").is_some(),
        rate: form.number("ratePerMinute").to_string(),
        redirect: form.text("redirectUrl"),
        thank_you: form.text("thankYou"),
        origins: if origins.iter().any(|origin| origin == "*") { String::new() } else { origins.join("\n") },
        files_max: form.number("filesMax").to_string(),
        wrong: Refusal::of(String::new()),
    })
}

/// What the editor has no place for stays: a trap of another name, and rules of fields that are still there.
fn keep(body: &mut Value, old: &Value) {
    let Some(body) = body.as_object_mut() else { return };
    if body.get("honeypot").is_some_and(Value::is_string)
        && let Some(trap) = old.some("honeypot")
    {
        body.insert("honeypot".to_owned(), json!(trap));
    }
    for field in body.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten() {
        let name = field.text("name");
        let before = old.list("fields").iter().find(|before| before.text("name") == name);
        let (Some(before), Some(field)) = (before, field.as_object_mut()) else { continue };
        for rule in ["multiple", "maxLength"] {
            if let Some(value) = before.get(rule).filter(|value| !value.is_null()) {
                field.insert(rule.to_owned(), value.clone());
            }
        }
    }
}
