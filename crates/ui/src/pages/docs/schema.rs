//! Schemas as trees: a row for each member, what is inside it folded.
//!
//! **Invariant:** everything that is put in is escaped.

use super::model::{Additional, Document, Schema};
use crate::view::Html;
use domain::html::escaped;
use serde_json::Value;
use std::fmt::Write as _;

/// Schemas inside schemas; a deeper one is named only.
const DEPTH_MAX: usize = 6;

/// Which way what is described goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    In,
    Out,
}

/// The members of a schema; nothing where it has none.
pub(crate) fn tree(document: &Document, schema: &Schema, way: Way) -> Html {
    let mut out = String::new();
    write_inside(document, schema, way, 0, &mut out);
    Html(out)
}

/// Text with `code` and *emphasis*.
pub(crate) fn prose(text: &str) -> Html {
    let mut out = String::new();
    for (i, part) in text.split('`').enumerate() {
        if i % 2 == 1 {
            let _ = write!(out, "<code>{}</code>", escaped(part));
            continue;
        }
        for (i, part) in part.split('*').enumerate() {
            let _ = match i % 2 {
                1 => write!(out, "<em>{}</em>", escaped(part)),
                _ => write!(out, "{}", escaped(part)),
            };
        }
    }
    Html(out)
}

/// What holds members: the schema itself, or what its list, map or choice is made of.
fn inner<'a>(document: &'a Document, schema: &'a Schema) -> Option<&'a Schema> {
    if let Some(reference) = &schema.reference {
        return document.named(reference).and_then(|(_, named)| inner(document, named));
    }
    if !schema.properties.0.is_empty() {
        return Some(schema);
    }
    let of_map = match &schema.additional_properties {
        Some(Additional::Of(of)) => Some(&**of),
        _ => None,
    };
    let choices = schema.any_of.iter();
    schema.items.as_deref().into_iter().chain(of_map).chain(choices).find_map(|of| inner(document, of))
}

fn write_inside(document: &Document, schema: &Schema, way: Way, depth: usize, out: &mut String) {
    let Some(object) = inner(document, schema) else { return };
    out.push_str("<ul class=\"schema\">");
    for (name, member) in &object.properties.0 {
        let required = object.required.contains(name);
        let _ = write!(out, "<li><div class=\"member\"><code>{}</code> {}", escaped(name), kind(member));
        match (way, required) {
            (Way::In, true) => out.push_str(" <span class=\"must\">required</span>"),
            (Way::Out, false) => out.push_str(" <span class=\"muted small\">may be absent</span>"),
            _ => {}
        }
        if member.deprecated {
            out.push_str(" <span class=\"muted small\">older name</span>");
        }
        out.push_str("</div>");
        if let Some(text) = &member.description {
            let _ = write!(out, "<p>{}</p>", prose(text));
        }
        if depth < DEPTH_MAX && inner(document, member).is_some() {
            let _ = write!(out, "<details><summary>Inside <code>{}</code></summary>", escaped(name));
            write_inside(document, member, way, depth + 1, out);
            out.push_str("</details>");
        }
        out.push_str("</li>");
    }
    out.push_str("</ul>");
}

/// The type in words.
pub(crate) fn kind(schema: &Schema) -> Html {
    let mut text = words(schema);
    if let (Some(from), Some(to)) = (schema.minimum, schema.maximum) {
        let _ = write!(text, ", {from} to {to}");
    }
    let mut out = format!("<span class=\"kind\">{}</span>", escaped(&text));
    if !schema.words.is_empty() {
        let words = schema.words.iter().filter(|w| !w.is_null()).map(|w| match w {
            Value::String(text) => format!("<code>{}</code>", escaped(text)),
            other => format!("<code>{}</code>", escaped(&other.to_string())),
        });
        let _ = write!(out, " <span class=\"words\">{}</span>", words.collect::<Vec<_>>().join(" "));
    }
    Html(out)
}

fn words(schema: &Schema) -> String {
    if schema.reference.is_some() {
        return "object".to_owned();
    }
    if let Some(Value::String(text)) = &schema.constant {
        return format!("\"{text}\"");
    }
    if !schema.any_of.is_empty() {
        let mut all: Vec<String> = schema.any_of.iter().map(words).collect();
        all.dedup();
        return all.join(" or ");
    }
    let one = |kind: &str| match (kind, schema.format.as_deref()) {
        ("string", Some("date-time")) => "time".to_owned(),
        ("string", Some("uri")) => "URL".to_owned(),
        ("integer", _) => "whole number".to_owned(),
        ("boolean", _) => "true or false".to_owned(),
        ("array", _) => match schema.items.as_deref() {
            Some(items) => format!("list of {}", plural(&words(items))),
            None => "list".to_owned(),
        },
        ("object", _) => match &schema.additional_properties {
            Some(Additional::Of(of)) => format!("map to {}", plural(&words(of))),
            _ => "object".to_owned(),
        },
        (other, _) => other.to_owned(),
    };
    match &schema.kind {
        Value::String(kind) => one(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).map(one).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    }
}

fn plural(word: &str) -> String {
    match word {
        "anything" | "time or null" => word.to_owned(),
        _ if word.starts_with("list of") || word.starts_with("map to") => word.replacen("list of", "lists of", 1),
        _ => format!("{word}s"),
    }
}
