//! What is inferred holds, and is no stricter than what was seen.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no NaN", |n| n.is_finite()).prop_map(Value::from),
        prop_oneof![
            "[a-c]",
            ".*",
            Just("2026-01-31T12:00:00Z".to_owned()),
            Just("a@b.test".to_owned()),
            Just("2026-01-31".to_owned())
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            proptest::collection::btree_map("[a-e]", inner, 0..5).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn every_payload_that_a_schema_was_inferred_from_is_valid_under_it(payloads in proptest::collection::vec(value(), 1..30)) {
        let schema = infer(&payloads, "x");
        for payload in &payloads {
            let wrong = complaints(&schema, payload);
            prop_assert!(wrong.is_empty(), "{wrong:?} in {payload} under {schema}");
        }
    }

    #[test]
    fn an_example_is_valid_under_its_inferred_schema(payloads in proptest::collection::vec(value(), 1..10)) {
        let schema = infer(&payloads, "x");
        let wrong = complaints(&schema, &example(&schema));
        prop_assert!(wrong.is_empty(), "{wrong:?} in {} under {schema}", example(&schema));
    }

    #[test]
    fn a_schema_is_no_change_to_itself_and_any_is_compared(a in value(), b in value()) {
        let (a, b) = (infer(&[a], "x"), infer(&[b], "x"));
        prop_assert!(lint(&a, &a).is_empty());
        lint(&a, &b);
        rows(&a);
    }

    #[test]
    fn scrubbing_keeps_the_shape(payload in value()) {
        let clean = scrubbed(&payload);
        prop_assert_eq!(payload.as_object().map(|o| o.len()), clean.as_object().map(|o| o.len()));
        prop_assert_eq!(payload.is_string(), clean.is_string());
    }
}

fn payloads(n: usize) -> Vec<Value> {
    let one = |i: usize| {
        json!({"id": format!("inv_{i}"), "at": "2026-01-31T12:00:00Z", "amount": i, "status": if i.is_multiple_of(3) { "paid" } else { "open" },
               "note": if i.is_multiple_of(2) { json!("x y") } else { json!(null) }, "lines": [{"sku": "a", "price": 1.5}]})
    };
    let mut all: Vec<Value> = (0..n).map(one).collect();
    if let Some(fields) = all.first_mut().and_then(Value::as_object_mut) {
        fields.insert("extra".to_owned(), json!(true));
    }
    all
}

#[test]
fn types_formats_and_what_is_required_are_seen() {
    let schema = infer(&payloads(30), "invoice.paid");
    assert_eq!(schema["properties"]["at"], json!({"type": "string", "format": "date-time"}));
    assert_eq!(schema["properties"]["amount"], json!({"type": "integer"}));
    assert_eq!(schema["properties"]["note"]["type"], json!(["string", "null"]));
    assert_eq!(schema["properties"]["lines"]["items"]["properties"]["price"], json!({"type": "number"}));
    assert_eq!(schema["required"], json!(["amount", "at", "id", "lines", "note", "status"]));
}

#[test]
fn an_enum_is_one_only_if_it_clearly_is() {
    assert_eq!(infer(&payloads(30), "x")["properties"]["status"]["enum"], json!(["open", "paid"]));
    assert_eq!(infer(&payloads(10), "x")["properties"]["status"], json!({"type": "string"}), "too few");
    assert_eq!(infer(&payloads(30), "x")["properties"]["id"], json!({"type": "string"}), "all different");
    let rare: Vec<Value> = (0..40).map(|i| json!({"s": if i == 7 { "once" } else { "often" }})).collect();
    assert_eq!(infer(&rare, "x")["properties"]["s"], json!({"type": "string"}), "one was seen only once");
}

#[test]
fn one_payload_makes_nothing_required() {
    assert!(infer(&payloads(1), "x").get("required").is_none());
}

#[test]
fn what_breaks_receivers_is_told_from_what_does_not() {
    let old = json!({"type": "object", "required": ["a", "tax"], "properties": {
        "a": {"type": "integer"}, "tax": {"type": "number"}, "s": {"type": "string", "enum": ["x"]}, "l": {"type": "array", "items": {"type": "string"}}}});
    let new = json!({"type": "object", "required": [], "properties": {
        "a": {"type": ["integer", "null"]}, "s": {"type": "string", "enum": ["x", "y"]}, "n": {"type": "string"},
        "l": {"type": "array", "items": {"type": "integer"}}}});
    let found: Vec<(String, bool)> =
        lint(&old, &new).into_iter().map(|c| (format!("{} {}", c.path, c.text), c.breaks)).collect();
    let want = [
        ("a may now be absent", true),
        ("a was integer, is integer or null", true),
        ("l[] was string, is integer", true),
        ("s may now be \"y\", too", true),
        ("tax was removed", true),
        ("n was added", false),
    ];
    assert_eq!(found, want.map(|(text, breaks)| (text.to_owned(), breaks)));
    assert!(lint(&json!({"type": "number"}), &json!({"type": "integer"})).iter().all(|c| !c.breaks));
}

#[test]
fn what_looks_personal_or_secret_is_not_in_an_example() {
    let real = json!({"id": "inv_7", "customer_email": "x@y.test", "fullName": "Ana Kovač", "description": "Shipping", "contact": "a@b.test",
        "phone": "+385 1 234 5678", "number": "4242 4242 4242 4242", "ip": "203.0.113.9", "amount": 4200, "api_key": "sk_live_1", "at": "2026-01-31T12:00:00Z",
        "address": {"line1": "Main Street 1"}, "blob": "3f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e"});
    let text = scrubbed(&real).to_string();
    for gone in ["x@y", "Ana Kov", "a@b", "234", "4242", "203.0", "sk_live", "Main", "3f9a"] {
        assert!(!text.contains(gone), "{gone} is still in {text}");
    }
    for kept in ["inv_7", "Shipping", "4200", "2026-01-31T12:00:00Z"] {
        assert!(text.contains(kept), "{kept} is gone from {text}");
    }
}

#[test]
fn a_schema_is_shown_as_rows() {
    let rows = rows(&json!({"type": "object", "required": ["a"], "properties": {
        "a": {"type": "integer", "minimum": 0, "description": "Cents"},
        "l": {"type": "array", "items": {"type": "object", "properties": {"p": {"$ref": "#/definitions/p"}}}}},
        "definitions": {"p": {"type": "string", "format": "uri"}}}));
    let text: Vec<String> =
        rows.iter().map(|r| format!("{}|{}|{}|{}|{}", r.path, r.kind, r.required, r.description, r.rules)).collect();
    assert_eq!(text, ["a|integer|true|Cents|≥ 0", "l|list of object|false||", "l[].p|string|false||uri"]);
}

#[test]
fn a_schema_that_refers_to_itself_twice_ends() {
    let twice = json!([{"$ref": "#"}, {"$ref": "#"}]);
    for keyword in ["allOf", "anyOf", "oneOf"] {
        assert_eq!(complaints(&json!({ keyword: twice }), &json!({"a": 1})), []);
    }
    let fields = json!({"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}});
    assert!(example(&fields).to_string().len() < 1 << 20);
}

#[test]
fn a_long_text_that_many_fields_refer_to_is_not_repeated_without_end() {
    let fields: serde_json::Map<_, _> = (0..2000).map(|n| (format!("f{n}"), json!({"$ref": "#/long"}))).collect();
    let text = "x".repeat(10_000);
    let long = json!({"default": text, "description": text, "enum": [text]});
    let schema = json!({"type": "object", "properties": fields, "long": long});
    assert!(example(&schema).to_string().len() < 1 << 20);
    assert!(rows(&schema).iter().all(|row| row.rules.len() + row.description.len() < 10_000));
}
