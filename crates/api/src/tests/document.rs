//! The API's own document as the judge of every answer that a test gets.
//!
//! [`check`] is called for each request of the test suite. **Invariant:** an answer that the document doesn't describe fails the
//! test that got it.

use super::Answer;
use crate::openapi;
use bytes::Bytes;
use domain::Timestamp;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// What a client asked for.
pub(super) struct Asked {
    method: Method,
    path: String,
    body: Bytes,
}

impl Asked {
    pub async fn of(request: &Request<Full<Bytes>>) -> Asked {
        let body = request.body().clone().collect().await.unwrap().to_bytes();
        Asked { method: request.method().clone(), path: request.uri().path().to_owned(), body }
    }
}

pub(super) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_slice(&openapi::text()).unwrap());

/// Statuses that any request can get, whatever it asks for.
const ANYWHERE: [u16; 5] = [400, 405, 408, 431, 500];

/// Holds an answer against the document.
#[track_caller]
pub(super) fn check(asked: &Asked, answer: &Answer) {
    if asked.method == Method::OPTIONS || asked.method == Method::HEAD || answer.status == StatusCode::NOT_MODIFIED {
        return;
    }
    let Some(operation) = operation(&asked.method, &asked.path) else {
        assert!(!answer.status.is_success(), "{} {} is in no document", asked.method, asked.path);
        return;
    };
    let place = format!("{} {} -> {}", asked.method, asked.path, answer.status.as_u16());
    let responses = &operation["responses"];
    let described = responses.get(answer.status.as_str());
    assert!(described.is_some() || ANYWHERE.contains(&answer.status.as_u16()), "{place} is not described: {answer:?}");
    let response = resolve(described.unwrap_or(&responses["default"]));
    check_content(&response["content"], answer, &place);
    if answer.status.is_success()
        && let Some(schema) = operation["requestBody"]["content"]["application/json"].get("schema")
        // What is wrong with one message of a batch is said in a success.
        && !asked.path.ends_with("/msg/batch")
        && let Ok(body @ Value::Object(_)) = serde_json::from_slice(&asked.body)
    {
        let problems = problems(schema, &body, "body", Side::Request);
        assert!(problems.is_empty(), "{place} took what is not described: {problems:?} {body}");
    }
}

fn check_content(content: &'static Value, answer: &Answer, place: &str) {
    let Some(kinds) = content.as_object() else {
        assert!(answer.body.is_empty(), "{place} has a body: {answer:?}");
        return;
    };
    let Some(kind) = answer.headers.get("content-type").map(|kind| kind.to_str().unwrap()) else {
        // The HTTP library's own, before a request is one.
        assert!(answer.body.is_empty() && [400, 431].contains(&answer.status.as_u16()), "{place}: {answer:?}");
        return;
    };
    let found = kinds.iter().find(|(known, _)| kind.split(';').next() == Some(known));
    let Some((name, described)) = found else { panic!("{place} is {kind}") };
    if name == "application/json" && answer.headers.get("content-disposition").is_none() {
        let value: Value = match serde_json::from_slice(&answer.body) {
            Ok(value) => value,
            // A payload may hold numbers that no type of ours can.
            Err(e) if e.to_string().starts_with("number out of range") => return,
            Err(e) => panic!("{place}: {e}"),
        };
        let problems = problems(&described["schema"], &value, "answer", Side::Answer);
        assert!(problems.is_empty(), "{place} is not as described: {problems:?}\n{value}");
    }
}

/// The operation that answers for a path: the one with the most words of its own.
pub(super) fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let template: Vec<&str> = template.split('/').collect();
        template.len() == parts.len() && template.iter().zip(&parts).all(|(t, p)| t.starts_with('{') || t == p)
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let best = paths.iter().filter(|(path, _)| fits(path)).min_by_key(|(path, _)| path.matches('{').count())?;
    best.1.get(method.as_str().to_ascii_lowercase())
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Answer,
    /// Has other names for some members, and others that mean nothing.
    Request,
}

pub(super) fn resolve(schema: &'static Value) -> &'static Value {
    match schema["$ref"].as_str() {
        Some(place) => DOCUMENT.pointer(place.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("no {place}")),
        None => schema,
    }
}

/// Where a value breaks its schema: the part of JSON Schema that the document uses.
pub(super) fn problems(schema: &'static Value, value: &Value, place: &str, side: Side) -> Vec<String> {
    let schema = resolve(schema);
    let mut out = Vec::new();
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = choices.iter().any(|choice| problems(choice, value, place, side).is_empty());
        return if fits { out } else { vec![format!("{place} fits none: {value}")] };
    }
    if let Some(kind) = schema.get("type") {
        let kinds = kind.as_array().cloned().unwrap_or_else(|| vec![kind.clone()]);
        if !kinds.iter().any(|kind| is_kind(kind.as_str().unwrap(), value)) {
            return vec![format!("{place} is no {kind}: {value}")];
        }
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        out.push(format!("{place} is not among {allowed:?}: {value}"));
    }
    match value {
        Value::String(text) => out.extend(text_problem(schema, text, place)),
        Value::Number(n) => {
            let beyond = |bound: &str, is: fn(f64, f64) -> bool| {
                schema[bound].as_f64().is_some_and(|b| n.as_f64().is_some_and(|n| is(n, b)))
            };
            if beyond("minimum", |n, b| n < b) || beyond("maximum", |n, b| n > b) {
                out.push(format!("{place} is out of range: {value}"));
            }
        }
        Value::Array(list) => {
            if let Some(items) = schema.get("items") {
                out.extend(
                    list.iter().enumerate().flat_map(|(i, v)| problems(items, v, &format!("{place}[{i}]"), side)),
                );
            }
        }
        Value::Object(members) => {
            let required = schema["required"].as_array().into_iter().flatten().filter(|_| side == Side::Answer);
            out.extend(
                required
                    .filter(|name| !members.contains_key(name.as_str().unwrap()))
                    .map(|n| format!("{place} has no {n}")),
            );
            for (name, value) in members {
                let place = format!("{place}.{name}");
                match (schema["properties"].get(name), schema.get("additionalProperties")) {
                    (Some(inner), _) => out.extend(problems(inner, value, &place, side)),
                    (None, Some(Value::Bool(false))) => out.push(format!("{place} is not described")),
                    (None, Some(inner @ Value::Object(_))) => out.extend(problems(inner, value, &place, side)),
                    (None, _) => {}
                }
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
    out
}

fn is_kind(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("the checker knows no {other}"),
    }
}

fn text_problem(schema: &Value, text: &str, place: &str) -> Option<String> {
    let fits = match (schema["format"].as_str(), schema["pattern"].as_str()) {
        (Some("date-time"), _) => Timestamp::parse_rfc3339(text).is_some(),
        (Some("uri"), _) => true,
        (None, Some(pattern)) => {
            let prefix = pattern.strip_prefix('^').unwrap().strip_suffix("[0-9A-Za-z]{27}$").unwrap();
            text.strip_prefix(prefix).is_some_and(|r| r.len() == 27 && r.bytes().all(|c| c.is_ascii_alphanumeric()))
        }
        _ => true,
    };
    (!fits).then(|| format!("{place} breaks its format: {text}"))
}

#[test]
fn the_checker_sees_what_is_wrong() {
    let schema = &DOCUMENT["components"]["schemas"]["ApplicationOut"];
    let good =
        &DOCUMENT["paths"]["/api/v1/app/{app_id}"]["get"]["responses"]["200"]["content"]["application/json"]["example"];
    assert_eq!(problems(schema, good, "a", Side::Answer), Vec::<String>::new());
    for (name, value) in [
        ("id", json!("ep_2yZwUhtgs5Ai8T9yRQJXA0P1k2L")),
        ("id", json!(null)),
        ("name", json!(1)),
        ("metadata", json!({"a": 1})),
        ("createdAt", json!("today")),
        ("more", json!(1)),
        ("throttleRate", json!("1")),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        assert_eq!(problems(schema, &bad, "a", Side::Answer).len(), 1, "{bad}");
    }
    let mut short = good.clone();
    short.as_object_mut().unwrap().remove("uid");
    assert_eq!(problems(schema, &short, "a", Side::Answer).len(), 1);
}
