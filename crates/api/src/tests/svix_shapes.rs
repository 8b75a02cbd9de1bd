//! Our document against the Svix server's, where that is at hand: what a client of theirs sends and reads is in ours.

use super::document::{DOCUMENT, resolve};
use super::openapi::{SERVER, document};
use serde_json::Value;

/// A schema of theirs, without indirections.
fn theirs<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let schema = schema["allOf"].get(0).unwrap_or(schema);
    match schema["$ref"].as_str() {
        Some(place) => theirs(document, document.pointer(place.strip_prefix('#').unwrap()).unwrap()),
        None => schema,
    }
}

fn kinds(schema: &Value) -> Vec<String> {
    let kind = &schema["type"];
    let list = kind.as_array().cloned().unwrap_or_else(|| vec![kind.clone()]);
    list.iter().filter_map(|k| k.as_str().map(str::to_owned)).filter(|k| k != "null").collect()
}

/// Ours, without what says that it may be null.
fn ours(schema: &'static Value) -> &'static Value {
    let schema = resolve(schema);
    schema["anyOf"].get(0).map_or(schema, ours)
}

/// What theirs has and ours lacks. Of answers, what is required counts; of requests, everything.
fn lacks(document: &Value, their: &Value, our: &'static Value, place: &str, is_answer: bool, out: &mut Vec<String>) {
    let (their, our) = (theirs(document, their), ours(our));
    let (want, have) = (kinds(their), kinds(our));
    if !want.is_empty() && !have.is_empty() && !want.iter().any(|kind| have.contains(kind)) {
        out.push(format!("{place}: {want:?} is {have:?}"));
        return;
    }
    if let (Some(items), Some(own)) = (their.get("items"), our.get("items")) {
        lacks(document, items, own, &format!("{place}[]"), is_answer, out);
    }
    let required: Vec<&str> = their["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, inner) in their["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        match our["properties"].get(name) {
            Some(own) => lacks(document, inner, own, &place, is_answer, out),
            // An object of any members.
            None if our.get("properties").is_none() => {}
            None if is_answer && !required.contains(&name.as_str()) => {}
            None => out.push(format!("{place} is missing")),
        }
    }
}

#[test]
fn our_document_has_what_theirs_has() {
    let Some(document) = document(SERVER) else {
        println!("skipped: shared/openapi is absent");
        return;
    };
    let (mut count, mut out) = (0, Vec::new());
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (verb, operation) in operations.as_object().unwrap().iter().filter(|(v, _)| *v != "parameters") {
            let own = &DOCUMENT["paths"][path][if verb == "head" { "get" } else { verb }];
            assert!(own.is_object(), "{verb} {path}");
            for (status, response) in
                operation["responses"].as_object().unwrap().iter().filter(|(s, _)| s.starts_with('2'))
            {
                let place = format!("{verb} {path} {status}");
                let Some(mine) = own["responses"].get(status) else {
                    out.push(format!("{place} is missing"));
                    continue;
                };
                if let Some(content) = response["content"].get("application/json") {
                    lacks(
                        &document,
                        &content["schema"],
                        &mine["content"]["application/json"]["schema"],
                        &place,
                        true,
                        &mut out,
                    );
                }
            }
            if let Some(content) = operation["requestBody"]["content"].get("application/json") {
                let mine = &own["requestBody"]["content"]["application/json"]["schema"];
                lacks(&document, &content["schema"], mine, &format!("{verb} {path} body"), false, &mut out);
            }
            for param in operation["parameters"].as_array().into_iter().flatten().filter(|p| p["in"] == "query") {
                let known = own["parameters"].as_array().unwrap().iter().any(|p| p["name"] == param["name"]);
                if !known {
                    out.push(format!("{verb} {path}?{} is missing", param["name"]));
                }
            }
            count += 1;
        }
    }
    assert_eq!(out, Vec::<String>::new());
    assert!(count >= 41, "{count}");
}
