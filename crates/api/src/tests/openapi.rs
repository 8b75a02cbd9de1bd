//! Our routes and answers against the Svix server's OpenAPI document, where it is at hand.

use super::requests::capture;
use super::sources::{SECRET, receiving};
use super::{Server, server, text};
use crate::routes::ROUTES;
use http::Method;
use serde_json::{Value, json};
use std::path::PathBuf;
use store::Verdict;

/// The document, from `$POSTRIDER_SHARED` or beside the repository. It isn't ours to keep a copy of.
pub(super) fn document(name: &str) -> Option<Value> {
    let shared = option_env!("POSTRIDER_SHARED").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")));
    let file = std::fs::read_to_string(shared.join("openapi").join(name)).ok()?;
    Some(serde_json::from_str(&file).unwrap())
}

pub(super) const SERVER: &str = "svix-server.json";
/// Has the ingest API, which the open server hasn't.
const CLOUD: &str = "svix-cloud.json";
const INGEST: &str = "/ingest/";

#[test]
fn every_operation_of_the_document_is_routed() {
    check_routed(SERVER, "/", 41);
    check_routed(CLOUD, INGEST, 20);
}

fn check_routed(name: &str, below: &str, at_least: usize) {
    let Some(document) = document(name) else {
        println!("skipped: shared/openapi is absent");
        return;
    };
    let mut count = 0;
    for (path, operations) in document["paths"].as_object().unwrap().iter().filter(|(p, _)| p.starts_with(below)) {
        for method in operations.as_object().unwrap().keys().filter(|m| *m != "parameters") {
            // HEAD is answered wherever GET is.
            let verb = if method == "head" { "GET".to_owned() } else { method.to_uppercase() };
            assert!(ROUTES.iter().any(|r| r.path == path && r.verb.as_str() == verb), "{verb} {path}");
            count += 1;
        }
    }
    assert!(count >= at_least, "{count}");
}

/// Checks that `value` has what the schema requires, all the way down.
fn check(document: &Value, schema: &Value, value: &Value, place: &str) {
    let schema = match schema["$ref"].as_str() {
        Some(name) => &document["components"]["schemas"][name.rsplit('/').next().unwrap()],
        None => schema,
    };
    for required in schema["required"].as_array().into_iter().flatten() {
        let key = required.as_str().unwrap();
        assert!(value.get(key).is_some_and(|v| !v.is_null()), "{place} has no {key}: {value}");
    }
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(v) = value.get(key).filter(|v| !v.is_null()) {
            check(document, inner, v, &format!("{place}.{key}"));
        }
    }
    if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
        list.iter().for_each(|v| check(document, items, v, &format!("{place}[]")));
    }
    if let Some(kind) = schema["type"].as_str() {
        let right = match kind {
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            _ => value.is_object(),
        };
        assert!(right, "{place} is no {kind}: {value}");
    }
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value) || value == &json!("finished"), "{place}: {value}");
    }
}

async fn setting() -> (Server, String) {
    let s = server().await;
    let attempt = fill(&s).await;
    (s, attempt)
}

/// The application `a` with the endpoint `e`, the event type `t` and the message `m`, which was delivered; the attempt's id.
pub(super) async fn fill(s: &Server) -> String {
    s.app("a").await;
    let schemas = json!({"1": {"examples": [{"x": 1}]}});
    s.post("/event-type", json!({"name": "t", "description": "d", "schemas": schemas})).await.expect(201);
    let body = json!({"url": "https://example.com/", "uid": "e", "eventTypes": ["t"], "headers": {"x-a": "b"}});
    s.post("/app/a/endpoint", body).await.expect(201);
    let message = json!({"eventType": "t", "eventId": "m", "payload": {"a": 1}, "channels": ["c"]});
    s.post("/app/a/msg", message).await.expect(202);
    let lease = s.leases.lock().await.next().await.unwrap().remove(0);
    s.store.settle(store::Settlement {
        key: lease.key,
        endpoint: lease.endpoint,
        cause: lease.cause,
        attempts: 0,
        payload_bytes: 7,
        attempt: Some(store::NewAttempt {
            success: true,
            status_code: 200,
            duration_us: 1,
            response: "ok".into(),
            gone: false,
            detail: super::attempts::detail().pack(),
        }),
        next: store::Next::Delivered,
        lane: None,
    });
    s.store.ready().await.unwrap();
    let attempts = s.get("/app/a/attempt/msg/m").await.expect(200);
    text(&attempts["data"][0]["id"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_have_what_the_document_requires() {
    let Some(document) = document(SERVER) else {
        println!("skipped: shared/openapi is absent");
        return;
    };
    let (s, attempt) = setting().await;
    let bodies = |path: &str, method: &str| match (path.rsplit('/').next().unwrap(), method) {
        ("app", _) => json!({"name": "n"}),
        ("event-type", _) => json!({"name": "n", "description": "d"}),
        ("{event_type_name}", "put") => json!({"description": "d", "schemas": {"1": {"examples": [{"x": 1}]}}}),
        ("{app_id}", "put") => json!({"name": "n", "uid": "a"}),
        ("endpoint" | "{endpoint_id}", "post" | "put") => json!({"url": "https://example.com/", "eventTypes": ["t"]}),
        ("recover", _) => json!({"since": "2026-11-20T00:00:00Z"}),
        ("send-example", _) => json!({"eventType": "t"}),
        ("msg", _) => json!({"eventType": "t", "payload": {"a": 1}}),
        ("headers", _) => json!({"headers": {}}),
        _ => json!({}),
    };
    let mut checked = 0;
    for method in ["get", "post", "patch"] {
        for (path, operations) in document["paths"].as_object().unwrap() {
            let Some(operation) =
                operations.get(method).filter(|_| !path.ends_with("logout") && !path.ends_with("rotate"))
            else {
                continue;
            };
            let real = path
                .replace("{app_id}", "a")
                .replace("{endpoint_id}", "e")
                .replace("{msg_id}", "m")
                .replace("{attempt_id}", &attempt)
                .replace("{event_type_name}", "t");
            let body = if method == "get" { String::new() } else { bodies(path, method).to_string() };
            let verb = http::Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = s.raw(&s.org_token("org_test"), verb, &real, body).await;
            let status = answer.status.as_str().to_owned();
            let response = operation["responses"].get(&status);
            assert!(status.starts_with('2') && response.is_some(), "{method} {path}: {status} {:?}", answer.body);
            if let Some(content) = response.unwrap()["content"].as_object() {
                let schema = &content.values().next().unwrap()["schema"];
                check(&document, schema, &answer.json(), &format!("{method} {path}"));
                checked += 1;
            }
        }
    }
    assert!(checked > 25, "{checked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_the_ingest_api_have_what_the_document_requires() {
    let Some(document) = document(CLOUD) else {
        println!("skipped: shared/openapi is absent");
        return;
    };
    let (s, _) = receiving().await;
    let source = json!({"name": "Money", "uid": "s", "type": "stripe", "config": {"secret": SECRET}});
    let made = s.ingest(Method::POST, "", Some(source.clone())).await.expect(201);
    // With a refused request, so that the log has a row.
    capture(&s, &made["ingestUrl"], "", Verdict::Refused("stale".into()), b"{}").await;
    let endpoint = json!({"url": "https://example.com/", "uid": "e"});
    s.ingest(Method::POST, "/s/endpoint", Some(endpoint.clone())).await.expect(201);
    let bodies = |path: &str, method: &str| match (path.rsplit('/').next().unwrap(), method) {
        ("source", _) => json!({"name": "Other", "type": "generic-webhook"}),
        ("{source_id}", "put") => source.clone(),
        ("endpoint", _) => json!({"url": "https://example.com/"}),
        ("{endpoint_id}", "put") => endpoint.clone(),
        ("headers", _) => json!({"headers": {"x-a": "b"}}),
        _ => json!({}),
    };
    let mut checked = 0;
    for method in ["get", "post", "put", "patch", "delete"] {
        let paths = document["paths"].as_object().unwrap().iter().filter(|(p, _)| p.starts_with(INGEST));
        // Deeper ones first: a source is deleted after its endpoint.
        let mut paths: Vec<_> = paths.collect();
        paths.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        for (path, operations) in paths {
            let Some(operation) = operations.get(method) else { continue };
            let real = path.replace("{source_id}", "s").replace("{endpoint_id}", "e");
            let body = if method == "get" { String::new() } else { bodies(path, method).to_string() };
            let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = s.raw(&s.org_token("org_test"), verb, &real, body).await;
            let status = answer.status.as_str().to_owned();
            let response = operation["responses"].get(&status);
            assert!(status.starts_with('2') && response.is_some(), "{method} {path}: {status} {:?}", answer.body);
            if let Some(content) = response.unwrap()["content"].as_object() {
                let schema = &content.values().next().unwrap()["schema"];
                check(&document, schema, &answer.json(), &format!("{method} {path}"));
            } else {
                assert!(answer.body.is_empty(), "{method} {path}");
            }
            checked += 1;
        }
    }
    assert_eq!(checked, 20);
}

/// Configurations as the providers give them out: a SDK sends these fields and no others.
fn configurations(schema: &Value) -> Vec<Value> {
    let base64_key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    // Of RFC 8032, test 1; and an RSA key whose private half was thrown away.
    let ed25519 = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let rsa = "-----BEGIN PUBLIC KEY-----\n\
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1PxNepCMB28E5asgvj0l\n\
        kV2nxm5fdXxJkxjKrq0HWP9NTPns8UAIbTshURBoSFIrBamApBPyP+k1mol8HVZ5\n\
        28d7G1OfPMR1jOyA4sJAd/pni0wio23y6qPl76BA0vmeY6Hcww7jq8LRO/MYGSBh\n\
        q7hnDVuiFnYD8BcOvdi3T4MgvDKFqFYxn3yFB7KnT+WUua9N++Mj16PNpIVlkgN2\n\
        G/PWxREtYQyNt6VQRFf1nNINrQZc8xHRMi2uTHgfErkIcpgcP6oIprG/3xoo+8qO\n\
        ql1vE/1xnMPXGeap6csc+Q4e2yxZTBypJVwopuB9DxNtKXIr7J0FQaSydisD7YQm\n\
        oQIDAQAB\n\
        -----END PUBLIC KEY-----\n";
    let fields = schema["properties"].as_object().unwrap();
    let secrets = [format!("whsec_{base64_key}"), base64_key.to_owned(), base64_key.to_owned()];
    let keys = [ed25519, rsa, rsa];
    let one = |(secret, key): (&String, &str)| {
        let value = |name: &str, schema: &Value| match (name, &schema["type"]) {
            ("secret", _) => json!(secret),
            ("publicKey", _) => json!(key),
            (_, kind) if kind == "integer" => json!(300),
            _ => json!("a text of some length"),
        };
        Value::Object(fields.iter().map(|(name, schema)| (name.clone(), value(name, schema))).collect())
    };
    secrets.iter().zip(keys).map(one).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_of_the_ingest_api_can_be_made_as_an_sdk_makes_it() {
    let Some(document) = document(CLOUD) else {
        println!("skipped: shared/openapi is absent");
        return;
    };
    let s = server().await;
    let schemas = &document["components"]["schemas"];
    let schema = |v: &Value| &schemas[v["$ref"].as_str().unwrap().rsplit('/').next().unwrap()];
    let outs = schemas["IngestSourceOut"]["oneOf"].as_array().unwrap();
    let mut made = 0;
    for kind in schemas["IngestSourceIn"]["oneOf"].as_array().unwrap() {
        let name = text(&kind["properties"]["type"]["enum"][0]);
        let configs = match kind["properties"].get("config") {
            _ if name == "cron" => continue,
            None => vec![Value::Null],
            Some(config) => configurations(schema(config)),
        };
        let mut refusals = Vec::new();
        for config in configs {
            let body = json!({"name": "n", "type": name, "config": config});
            let answer = s.ingest(Method::POST, "", Some(body)).await;
            if answer.status != 201 {
                refusals.push(answer.json());
                continue;
            }
            let out = answer.json();
            assert_eq!(out["type"], json!(name), "the SDK reads the type back");
            let kind = outs.iter().find(|o| o["properties"]["type"]["enum"][0] == json!(name)).unwrap();
            if let Some(config) = kind["properties"].get("config") {
                check(&document, config, &out["config"], &name);
            }
            refusals.clear();
            made += 1;
            break;
        }
        assert!(refusals.is_empty(), "{name}: {refusals:?}");
    }
    assert!(made > 40, "{made}");
}
