//! Forms on the wire.
//!
//! **Invariant:** what passes here can be obeyed by who judges submissions, and shown as an HTML form.

use super::fields::{Fields, Patch};
use super::form_html::html;
use super::link_rules::web_url;
use super::read::{self, Read};
use super::{source, time};
use crate::problem::Problem;
use domain::{FieldType, FormField, FormSpec, IdCodec};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashSet;
use store::{Form, FormFields, FormPatch, Metadata};
use url::Url;

const FIELDS_MAX: usize = 100;
const FIELD_NAME_LEN_MAX: usize = 128;
const VALUE_LEN_MAX: u64 = 100_000;
const OPTIONS_MAX: usize = 100;
const OPTION_LEN_MAX: usize = 1_000;
const ORIGINS_MAX: usize = 100;
const THANK_YOU_LEN_MAX: usize = 10_000;
const RATE_MAX: u64 = 10_000;
const FILES_MAX: u64 = 20;
/// Files of a submission, of a form that has a field for them and doesn't say.
const FILES_DEFAULT: u32 = 5;

/// A new form; its application is still to be filled in.
pub(crate) struct FormIn {
    pub app: Option<String>,
    pub fields: FormFields,
}

/// `file_limit` is the installation's, in bytes.
pub(crate) fn read_new(body: &[u8], file_limit: u64) -> Result<FormIn, Problem> {
    let mut f = Fields::parse(body)?;
    let default = FormSpec::default();
    let default = FormSpec { file_bytes_max: default.file_bytes_max.min(file_limit), ..default };
    let fields = FormFields {
        app: None,
        name: f.require(&["name"], source::name),
        spec: take_spec(&mut f, default, file_limit),
        metadata: f.take(&["metadata"], read::metadata).value().unwrap_or_default(),
        disabled: f.take(&["disabled"], read::boolean).value().unwrap_or_default(),
    };
    let app = f.take(&["appId"], read::string).value();
    f.finish()?;
    Ok(FormIn { app, fields })
}

/// What a PATCH changes.
pub(crate) struct FormChanges {
    /// `Some(None)`: the application that the organisation has for links and forms.
    pub app: Option<Option<String>>,
    /// Its application is still to be filled in.
    pub patch: FormPatch,
}

pub(crate) fn read_changes(body: &[u8], old: &FormSpec, file_limit: u64) -> Result<FormChanges, Problem> {
    let mut f = Fields::parse(body)?;
    let name = f.take(&["name"], source::name);
    if name == Patch::Null {
        f.complain("name", "can't be cleared");
    }
    let spec = take_spec(&mut f, old.clone(), file_limit);
    let patch = FormPatch {
        app: None,
        name: name.value(),
        spec: (spec != *old).then_some(spec),
        metadata: f.take(&["metadata"], read::metadata).or_reset(Metadata::new()),
        disabled: f.take(&["disabled"], read::boolean).or_reset(false),
    };
    let app = f.take(&["appId"], read::string).clearable();
    f.finish()?;
    Ok(FormChanges { app, patch })
}

/// `spec` with what the body says of it. `null` resets a member; of those that may be absent it takes the value away.
fn take_spec(f: &mut Fields, mut spec: FormSpec, file_limit: u64) -> FormSpec {
    let default = FormSpec::default();
    if let Some(fields) = take_fields(f) {
        spec.fields = fields;
    }
    set(&mut spec.only_known_fields, f.take(&["onlyKnownFields"], read::boolean).or_reset(default.only_known_fields));
    set(&mut spec.honeypot, f.take(&["honeypot"], field_name).clearable());
    set(&mut spec.rate_per_minute, f.take(&["ratePerMinute"], small(RATE_MAX)).or_reset(default.rate_per_minute));
    set(&mut spec.redirect_url, f.take(&["redirectUrl"], redirect_url).clearable());
    set(&mut spec.thank_you, f.take(&["thankYou"], thank_you).clearable());
    set(&mut spec.origins, f.take(&["origins"], origins).or_reset(default.origins));
    let files_max = f.take(&["filesMax"], small(FILES_MAX)).clearable();
    let bytes = f.take(&["fileBytesMax"], read::integer(1..=file_limit));
    set(&mut spec.file_bytes_max, bytes.or_reset(default.file_bytes_max.min(file_limit)));

    let takes_files = spec.fields.iter().any(|field| field.kind == FieldType::File);
    match files_max {
        Some(Some(0)) if takes_files => f.complain("filesMax", "must be at least 1: the form has a field of type file"),
        Some(Some(n)) => spec.files_max = n,
        Some(None) => spec.files_max = if takes_files { FILES_DEFAULT } else { 0 },
        None if takes_files && spec.files_max == 0 => spec.files_max = FILES_DEFAULT,
        None => {}
    }
    if spec.honeypot.as_ref().is_some_and(|trap| spec.fields.iter().any(|field| field.name == *trap)) {
        f.complain("honeypot", "must not be the name of a field that people fill in");
    }
    spec
}

fn set<T>(member: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *member = value;
    }
}

fn take_fields(f: &mut Fields) -> Option<Vec<FormField>> {
    let list = f.objects("fields", FIELDS_MAX).or_reset(Vec::new())?;
    let mut names = HashSet::new();
    let mut fields = Vec::with_capacity(list.len());
    for mut one in list {
        let field = take_field(&mut one);
        if !names.insert(field.name.clone()) && !field.name.is_empty() {
            one.complain("name", "is the name of another field, too");
        }
        f.absorb(one);
        fields.push(field);
    }
    Some(fields)
}

fn take_field(f: &mut Fields) -> FormField {
    let field = FormField {
        name: f.require(&["name"], |v| {
            let name = field_name(v)?;
            if name.starts_with('_') { Err("must not begin with _".into()) } else { Ok(name) }
        }),
        kind: f.take(&["type"], field_type).value().unwrap_or_default(),
        required: f.take(&["required"], read::boolean).value().unwrap_or_default(),
        multiple: f.take(&["multiple"], read::boolean).value().unwrap_or_default(),
        max_length: f.take(&["maxLength"], |v| read::integer(1..=VALUE_LEN_MAX)(v).map(narrow)).value(),
        options: f.take(&["options"], options).value().unwrap_or_default(),
    };
    match (field.kind == FieldType::Choice, field.options.is_empty()) {
        (true, true) => f.complain("options", "is required for a choice"),
        (false, false) => f.complain("options", "is for the type choice only"),
        _ => {}
    }
    field
}

fn field_name(v: Value) -> Read<String> {
    let name = read::string(v)?;
    let is_fit = (1..=FIELD_NAME_LEN_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if is_fit {
        return Ok(name);
    }
    Err(format!("must be 1 to {FIELD_NAME_LEN_MAX} characters, without control characters").into())
}

fn field_type(v: Value) -> Read<FieldType> {
    serde_json::from_value(v)
        .map_err(|_| "must be text, email, url, tel, number, integer, date, checkbox, choice or file".into())
}

fn options(v: Value) -> Read<Vec<String>> {
    let list = read::strings(v)?;
    let is_fit = |s: &String| (1..=OPTION_LEN_MAX).contains(&s.chars().count()) && !s.chars().any(char::is_control);
    let unique: HashSet<&String> = list.iter().collect();
    if list.len() > OPTIONS_MAX || unique.len() < list.len() || !list.iter().all(is_fit) {
        return Err(format!(
            "must be at most {OPTIONS_MAX} different values of 1 to {OPTION_LEN_MAX} characters, without control characters"
        )
        .into());
    }
    Ok(list)
}

fn small(max: u64) -> impl FnOnce(Value) -> Read<u32> {
    move |v| read::integer(0..=max)(v).map(narrow)
}

fn narrow(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn redirect_url(v: Value) -> Read<String> {
    Ok(web_url(&read::string(v)?)?.into())
}

fn thank_you(v: Value) -> Read<String> {
    let text = read::string(v)?;
    if text.chars().count() > THANK_YOU_LEN_MAX {
        return Err(format!("must be at most {THANK_YOU_LEN_MAX} characters").into());
    }
    Ok(text)
}

fn origins(v: Value) -> Read<Vec<String>> {
    let list = read::strings(v)?;
    if list.len() > ORIGINS_MAX {
        return Err(format!("must be at most {ORIGINS_MAX} origins").into());
    }
    let list: Option<Vec<String>> = list.iter().map(|text| origin(text)).collect();
    list.ok_or(
        "each must be * or an origin such as https://www.example.com: scheme, host and port, nothing after".into(),
    )
}

/// An origin as browsers write it in `Origin` (RFC 6454, 6.1), or `*`.
fn origin(text: &str) -> Option<String> {
    if text == "*" {
        return Some(text.to_owned());
    }
    let (_, authority) = text.split_once("://")?;
    let is_bare = !authority.contains(['/', '\\', '?', '#', '@', '*'])
        && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let url = Url::parse(text).ok().filter(|url| is_bare && matches!(url.scheme(), "http" | "https"))?;
    Some(url.origin().ascii_serialization())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FormOut {
    id: String,
    url: String,
    name: String,
    #[serde(flatten)]
    spec: FormSpec,
    metadata: Metadata,
    disabled: bool,
    app_id: String,
    /// A form for a page, to paste.
    html: String,
    created_at: String,
    updated_at: String,
}

impl FormOut {
    /// `origin` is where this server is found.
    pub fn of(form: Form, origin: &str, codec: &IdCodec) -> Self {
        let url = form_url(origin, &form.token);
        FormOut {
            id: codec.text(form.id),
            html: html(&form.spec, &url),
            url,
            name: form.name,
            spec: form.spec,
            metadata: form.metadata,
            disabled: form.disabled,
            app_id: codec.text(form.app),
            created_at: time::text(form.id.created_at()),
            updated_at: time::text(form.updated_at),
        }
    }
}

fn form_url(origin: &str, token: &str) -> String {
    format!("{origin}/f/{token}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const LIMIT: u64 = 10 << 20;

    fn read_form(mut body: Value) -> Result<FormSpec, Value> {
        body["name"] = json!("n");
        match read_new(body.to_string().as_bytes(), LIMIT) {
            Ok(form) => Ok(form.fields.spec),
            Err(Problem::Invalid(complaints)) => Err(json!(complaints)[0]["loc"].clone()),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_form_is_read_as_it_is_shown() {
        let whole = json!({
            "fields": [
                {"name": "email", "type": "email", "required": true, "multiple": false, "maxLength": 200},
                {"name": "topic", "type": "choice", "required": false, "multiple": true, "options": ["a", "b c"]},
                {"name": "cv", "type": "file", "required": false, "multiple": false},
            ],
            "onlyKnownFields": true, "honeypot": "website", "ratePerMinute": 0, "redirectUrl": "https://example.com/thanks",
            "thankYou": "Thanks!", "origins": ["https://example.com", "http://localhost:3000"],
            "filesMax": 2, "fileBytesMax": LIMIT,
        });
        let spec = read_form(whole.clone()).unwrap();
        assert_eq!(json!(spec), whole);
        assert_eq!(read_form(json!({})).unwrap(), FormSpec::default());
        assert_eq!(read_form(json!({"honeypot": null})).unwrap().honeypot, None);
        assert_eq!(read_form(json!({"fields": [{"name": "a", "type": "file"}]})).unwrap().files_max, 5);
    }

    #[test]
    fn a_small_limit_of_the_installation_is_the_default() {
        let form = read_new(br#"{"name":"n"}"#, 1_000).unwrap_or_else(|e| panic!("{e:?}"));
        assert_eq!(form.fields.spec.file_bytes_max, 1_000);
    }

    #[test]
    fn an_origin_is_kept_as_browsers_send_it() {
        for (text, kept) in [
            ("*", "*"),
            ("https://Example.com", "https://example.com"),
            ("https://example.com:443", "https://example.com"),
            ("http://example.com:443", "http://example.com:443"),
            ("http://bücher.example", "http://xn--bcher-kva.example"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(origin(text).as_deref(), Some(kept), "{text}");
        }
    }

    #[test]
    fn each_broken_rule_is_named_by_its_place() {
        let field = |change: Value| {
            let mut field = json!({"name": "a"});
            change.as_object().unwrap().iter().for_each(|(k, v)| field[k] = v.clone());
            json!({"fields": [{"name": "ok"}, field]})
        };
        let many = |n: usize| json!((0..n).map(|i| json!({"name": format!("f{i}")})).collect::<Vec<_>>());
        let options = |n: usize| json!((0..n).map(|i| i.to_string()).collect::<Vec<_>>());
        let origins = vec!["*"; 101];
        for (body, place) in [
            (field(json!({"name": null})), "fields.1.name"),
            (field(json!({"name": ""})), "fields.1.name"),
            (field(json!({"name": "_a"})), "fields.1.name"),
            (field(json!({"name": "a\u{7f}"})), "fields.1.name"),
            (field(json!({"name": "x".repeat(129)})), "fields.1.name"),
            (field(json!({"name": "ok"})), "fields.1.name"),
            (field(json!({"type": "password"})), "fields.1.type"),
            (field(json!({"required": 1})), "fields.1.required"),
            (field(json!({"maxLength": 0})), "fields.1.maxLength"),
            (field(json!({"maxLength": 100_001})), "fields.1.maxLength"),
            (field(json!({"options": ["a"]})), "fields.1.options"),
            (field(json!({"type": "choice"})), "fields.1.options"),
            (field(json!({"type": "choice", "options": options(101)})), "fields.1.options"),
            (field(json!({"type": "choice", "options": ["a", "a"]})), "fields.1.options"),
            (field(json!({"type": "choice", "options": [""]})), "fields.1.options"),
            (json!({"fields": {}}), "fields"),
            (json!({"fields": ["a"]}), "fields"),
            (json!({"fields": many(101)}), "fields"),
            (json!({"honeypot": ""}), "honeypot"),
            (json!({"honeypot": "a", "fields": [{"name": "a"}]}), "honeypot"),
            (json!({"ratePerMinute": 10_001}), "ratePerMinute"),
            (json!({"redirectUrl": "/thanks"}), "redirectUrl"),
            (json!({"redirectUrl": "javascript:alert(1)"}), "redirectUrl"),
            (json!({"thankYou": "x".repeat(10_001)}), "thankYou"),
            (json!({"origins": ["example.com"]}), "origins"),
            (json!({"origins": ["https://example.com/"]}), "origins"),
            (json!({"origins": ["https://a@example.com"]}), "origins"),
            (json!({"origins": ["null"]}), "origins"),
            (json!({"origins": ["https://*.example.com"]}), "origins"),
            (json!({"origins": origins}), "origins"),
            (json!({"filesMax": 21}), "filesMax"),
            (json!({"filesMax": 0, "fields": [{"name": "a", "type": "file"}]}), "filesMax"),
            (json!({"fileBytesMax": 0}), "fileBytesMax"),
            (json!({"fileBytesMax": LIMIT + 1}), "fileBytesMax"),
            (json!({"metadata": []}), "metadata"),
            (json!({"disabled": "no"}), "disabled"),
        ] {
            let want: Vec<&str> = std::iter::once("body").chain(place.split('.')).collect();
            assert_eq!(read_form(body.clone()), Err(json!(want)), "{body}");
        }
    }

    #[test]
    fn a_patch_keeps_what_it_does_not_name() {
        let old = FormSpec {
            fields: vec![FormField { name: "a".into(), ..FormField::default() }],
            thank_you: Some("Thanks".into()),
            rate_per_minute: 3,
            ..FormSpec::default()
        };
        let patch = |body: Value| {
            let read = read_changes(body.to_string().as_bytes(), &old, LIMIT).unwrap_or_else(|e| panic!("{e:?}"));
            read.patch.spec
        };
        assert_eq!(patch(json!({"name": "b"})), None);
        assert_eq!(patch(json!({"thankYou": null})), Some(FormSpec { thank_you: None, ..old.clone() }));
        assert_eq!(patch(json!({"ratePerMinute": null})), Some(FormSpec { rate_per_minute: 10, ..old.clone() }));
        let fields = patch(json!({"fields": [{"name": "b", "type": "file"}]})).unwrap();
        assert_eq!((&*fields.fields[0].name, fields.files_max, fields.rate_per_minute), ("b", 5, 3));
    }
}
