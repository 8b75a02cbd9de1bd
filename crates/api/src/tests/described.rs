//! The document against the server: each operation is called as its example says, and each field that is described is read.

use super::conversions::clicked;
use super::document::{DOCUMENT, Side, operation, problems};
use super::openapi::fill;
use super::operations::settle;
use super::requests::capture;
use super::sources::receiving;
use super::{Answer, Server, text};
use crate::openapi::{Body, Field, Op, Schema, Type, operations};
use crate::routes::{Access, ROUTES, Verb};
use crate::wire::fields::taken;
use http::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use store::Verdict;

/// One thing of each kind, by the parameter of a path that names it.
struct World {
    s: Server,
    names: BTreeMap<&'static str, String>,
    click: String,
}

impl World {
    /// Everything.
    async fn new() -> World {
        World::about("").await
    }

    /// What a path speaks of; everything for the empty one.
    async fn about(path: &str) -> World {
        let (s, _) = receiving().await;
        let mut w = World { s, names: BTreeMap::new(), click: String::new() };
        let speaks_of = |words: &[&str]| path.is_empty() || words.iter().any(|word| path.contains(word));
        for (name, value) in [("consumer_id", "c"), ("sink_id", "e"), ("endpoint_id", "e")] {
            w.names.insert(name, value.to_owned());
        }
        if !speaks_of(&["/source", "/bin", "/share", "/link", "/form", "/conversion", "/operational", "/api-key"])
            || path.is_empty()
        {
            w.fill_sending().await;
        }
        if speaks_of(&["/source"]) {
            w.fill_source().await;
        }
        if speaks_of(&["/bin", "/share"]) {
            w.fill_bin().await;
        }
        if speaks_of(&["/link", "/form", "/conversion"]) {
            w.fill_links().await;
        }
        if speaks_of(&["/operational"]) {
            let ops = json!({"url": "https://example.com/", "uid": "e"});
            w.s.post("/operational-webhook/endpoint", ops).await.expect(201);
        }
        if speaks_of(&["/api-key"]) {
            let key = w.s.post("/api-key", json!({"name": "k", "scopes": ["read"]})).await.expect(201);
            w.names.insert("key_id", text(&key["id"]));
        }
        w
    }

    async fn fill_sending(&mut self) {
        let s = &self.s;
        let attempt = fill(s).await;
        let hook = s.post("/hook", json!({"targetUrl": "https://example.com/", "appId": "a"})).await.expect(201);
        let inbox = s.post("/app/a/test-inbox", json!({})).await.expect(201);
        s.app("f").await;
        let failing = s.endpoint("f", "e").await;
        s.message("f", "x").await;
        settle(s, &[503]).await;
        // Figures are written once a second.
        s.clock.advance(Duration::from_secs(1));
        s.store.ready().await.unwrap();
        s.store.ready().await.unwrap();
        let issue = text(&s.get("/issue").await.expect(200)["data"][0]["id"]);
        let since = json!({"since": "2026-11-01T00:00:00Z"});
        let task = s.post("/app/a/endpoint/e/recover", since).await.expect(202);
        for (name, value) in [
            ("app_id", "a".to_owned()),
            ("msg_id", "m".to_owned()),
            ("attempt_id", attempt),
            ("event_type_name", "t".to_owned()),
            ("hook_id", text(&hook["id"])),
            ("task_id", text(&task["id"])),
            ("inbox_id", text(&inbox["id"])),
            ("issue_id", issue),
            ("failing", failing),
        ] {
            self.names.insert(name, value);
        }
    }

    async fn fill_source(&mut self) {
        let s = &self.s;
        let source = json!({"name": "S", "uid": "s", "type": "generic-webhook"});
        let source = s.ingest(Method::POST, "", Some(source)).await.expect(201);
        let request = capture(s, &source["ingestUrl"], "", Verdict::Accepted, b"{}").await;
        let refused = capture(s, &source["ingestUrl"], "", Verdict::Refused("no".into()), b"{}").await;
        let endpoint = json!({"url": "https://example.com/", "uid": "e"});
        s.ingest(Method::POST, "/s/endpoint", Some(endpoint)).await.expect(201);
        for (name, value) in [("source_id", text(&source["id"])), ("request_id", request), ("refused", refused)] {
            self.names.insert(name, value);
        }
    }

    async fn fill_bin(&mut self) {
        let s = &self.s;
        let bin = s.post("/bin", json!({"uid": "b"})).await.expect(201);
        let request = capture(s, &bin["url"], "", Verdict::Captured, b"{}").await;
        let share = s.post("/bin/b/share", json!({})).await.expect(201);
        for (name, value) in
            [("bin_id", "b".to_owned()), ("bin_request", request), ("share_token", text(&share["token"]))]
        {
            self.names.insert(name, value);
        }
    }

    async fn fill_links(&mut self) {
        let s = &self.s;
        let (_, click) = clicked(s).await;
        let link = s.post("/link", json!({"target": "https://example.com/"})).await.expect(201);
        let form = s.post("/form", json!({"name": "F"})).await.expect(201);
        let csv = "target\nhttps://example.com/\n";
        let import = s.raw(&s.org_token("org_test"), Method::POST, "/api/v1/link/import", csv).await.expect(201);
        for (name, value) in [("link_id", &link), ("form_id", &form), ("import_id", &import)] {
            self.names.insert(name, text(&value["id"]));
        }
        self.click = click;
    }

    fn path(&self, op: &Op) -> String {
        let of_bin = op.path.contains("/bin/") || op.path.contains("/share/");
        let parts = op.path.split('/').map(|part| {
            let Some(name) = part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) else { return part };
            let name = match name {
                "request_id" if of_bin => "bin_request",
                "request_id" if op.path.ends_with("/accept") => "refused",
                // Figures know ids only.
                "endpoint_id" if op.path.contains("/figures/") => "failing",
                name => name,
            };
            self.names.get(name).unwrap_or_else(|| panic!("{}: the world has no {name}", op.path))
        });
        parts.collect::<Vec<_>>().join("/")
    }

    async fn call(&self, op: &Op, path: &str, body: String) -> Answer {
        let access = ROUTES.iter().find(|r| r.path == op.path && r.verb == op.verb).unwrap().access;
        let token = match access {
            Access::OwnToken => self.s.app_token("org_test", &text(&self.s.get("/app/a").await.json()["id"])),
            _ => self.s.org_token("org_test"),
        };
        let method = Method::from_bytes(op.verb.as_str().as_bytes()).unwrap();
        self.s.raw(&token, method, path, body).await
    }

    fn example(&self, op: &Op) -> String {
        op.example.replace("{click}", &self.click)
    }

    /// What the example takes for granted.
    async fn prepare(&mut self, op: &Op) {
        let s = &self.s;
        if op.path != "/api/v1/event-type" {
            s.post("/event-type", json!({"name": "order.paid", "description": "d"})).await.expect(201);
        }
        if op.verb == Verb::Post && op.path.contains("{task_id}") {
            // One that goes on for a while.
            s.app("slow").await;
            s.endpoint("slow", "e").await;
            for _ in 0..20 {
                s.message("slow", "x").await;
            }
            settle(s, &[500; 20]).await;
            let body = json!({"since": "2026-11-01T00:00:00Z", "speedPerSecond": 1});
            let task = text(&s.post("/app/slow/endpoint/e/replay", body).await.expect(202)["id"]);
            if op.path.ends_with("/resume") {
                s.post(&format!("/background-task/{task}/pause"), json!({})).await.expect(200);
            }
            self.names.insert("task_id", task);
        }
    }
}

fn is_stream(op: &Op) -> bool {
    op.path.ends_with("/stream") || op.path == "/api/v1/listen" || op.path.ends_with("/tail")
}

#[test]
fn every_route_has_an_operation_and_every_operation_a_route() {
    for route in ROUTES {
        let found = operations().filter(|op| op.path == route.path && op.verb == route.verb).count();
        assert_eq!(found, 1, "{} {}", route.verb.as_str(), route.path);
        let method = Method::from_bytes(route.verb.as_str().as_bytes()).unwrap();
        assert!(operation(&method, route.path).is_some(), "{}", route.path);
    }
    assert_eq!(operations().count(), ROUTES.len(), "an operation has no route");
}

#[test]
fn operations_have_ids_of_their_own_and_answers() {
    let ids: BTreeSet<&str> = operations().map(|op| op.id).collect();
    assert_eq!(ids.len(), operations().count());
    for op in operations() {
        assert!(op.answers().next().is_some(), "{}", op.id);
        assert!(!op.title.is_empty() && op.doc.ends_with('.'), "{}", op.id);
    }
}

fn schemas_of(kind: Type, found: &mut Vec<&'static Schema>) {
    match kind {
        Type::Object(schema) | Type::Page(schema) => {
            found.push(schema);
            schema.all_fields().for_each(|field| schemas_of(field.kind, found));
        }
        Type::List(of) | Type::Map(of) => schemas_of(*of, found),
        Type::Either(kinds) => kinds.iter().for_each(|kind| schemas_of(*kind, found)),
        _ => {}
    }
}

#[test]
fn schemas_with_one_name_are_one_and_examples_are_json() {
    let mut found = Vec::new();
    for op in operations() {
        if let Body::Json(schema) = op.body {
            schemas_of(Type::Object(schema), &mut found);
            assert!(serde_json::from_str::<Value>(op.example).is_ok(), "{}", op.id);
        }
    }
    let mut named: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for schema in found {
        let names: Vec<String> = schema.all_fields().map(|field| field.name.to_owned()).collect();
        let known = named.entry(schema.name).or_insert_with(|| names.clone());
        assert_eq!(*known, names, "{}", schema.name);
        for field in schema.all_fields() {
            assert!(field.example.is_none_or(|e| serde_json::from_str::<Value>(e).is_ok()), "{}", field.name);
            assert!(!field.doc.is_empty(), "{}.{}", schema.name, field.name);
        }
    }
}

#[test]
fn examples_of_answers_are_as_their_schemas_say() {
    let mut count = 0;
    for operations in DOCUMENT["paths"].as_object().unwrap().values() {
        for operation in operations.as_object().unwrap().values() {
            for response in operation["responses"].as_object().unwrap().values() {
                let Some(content) = response["content"].get("application/json") else { continue };
                if content.get("example").is_none() {
                    continue;
                }
                let found = problems(&content["schema"], &content["example"], "example", Side::Answer);
                assert!(found.is_empty(), "{}: {found:?}", operation["operationId"]);
                count += 1;
            }
        }
    }
    for hook in DOCUMENT["webhooks"].as_object().unwrap().values() {
        let content = &hook["post"]["requestBody"]["content"]["application/json"];
        let found = problems(&content["schema"], &content["example"], "example", Side::Answer);
        assert!(found.is_empty(), "{found:?}");
    }
    assert!(count > 80, "{count}");
}

#[tokio::test]
async fn every_reading_operation_answers_as_described() {
    let w = World::new().await;
    for op in operations().filter(|op| op.verb == Verb::Get && !is_stream(op)) {
        let answer = w.call(op, &w.path(op), String::new()).await;
        assert!(answer.status.is_success(), "{}: {answer:?}", op.id);
    }
}

#[tokio::test]
async fn every_changing_operation_takes_its_example() {
    for op in operations().filter(|op| op.verb != Verb::Get) {
        let mut w = World::about(op.path).await;
        w.prepare(op).await;
        let answer = w.call(op, &w.path(op), w.example(op)).await;
        let status = answer.status.as_u16();
        // What a bin caught was judged by nobody; an import that a test sends isn't cut off.
        let is_never = ["v1.bin.request.accept", "v1.link.import.resume"].contains(&op.id) && status == 409;
        assert!(
            is_never || op.answers().any(|(described, _)| status == described),
            "{} {}: {answer:?}",
            op.id,
            w.path(op)
        );
    }
}

#[tokio::test]
async fn a_parameter_of_the_query_is_read() {
    let w = World::new().await;
    for op in operations().filter(|op| op.verb != Verb::Delete) {
        for param in op.params() {
            let wrong = match param.kind {
                Type::Text if param.name == "iterator" => "!",
                Type::Text if ["channel", "tag", "slug", "event_type"].contains(&param.name) => "%0a",
                Type::List(_) if ["event_types", "event"].contains(&param.name) => "a%20b",
                Type::Text | Type::List(_) => continue,
                _ => "wrong!",
            };
            let path = format!("{}?{}={wrong}", w.path(op), param.name);
            let answer = w.call(op, &path, w.example(op)).await;
            assert!([400, 422].contains(&answer.status.as_u16()), "{path}: {answer:?}");
            assert!(String::from_utf8_lossy(&answer.body).contains(param.name), "{path}: {answer:?}");
        }
    }
}

/// A value that is none of this type.
fn wrong(kind: Type) -> Value {
    match kind {
        Type::Text | Type::Id(_) | Type::Time | Type::Url => json!(7),
        Type::Codes(_) | Type::Json | Type::Map(_) | Type::List(_) | Type::Object(_) => json!(7),
        Type::Any => Value::Null,
        _ => json!("wrong!"),
    }
}

/// A value that is.
fn right(field: &Field) -> Value {
    let good = |field: &Field| match (field.name, field.kind) {
        ("name", _) => json!("n"),
        ("url" | "target", _) => json!("https://example.com/"),
        (_, Type::Words(words)) => json!(words.first()),
        (_, Type::Json) => json!({}),
        _ => json!("t"),
    };
    match field.kind {
        Type::Object(schema) => {
            Value::Object(schema.all_fields().filter(|f| f.must).map(|f| (f.name.to_owned(), good(f))).collect())
        }
        Type::List(Type::Object(schema)) => {
            json!([Value::Object(
                schema.all_fields().filter(|f| f.must).map(|f| (f.name.to_owned(), good(f))).collect()
            )])
        }
        _ => good(field),
    }
}

struct Probe {
    /// Names of members, without numbers.
    path: Vec<String>,
    body: Value,
    /// Whether the value has to be refused.
    refused: bool,
}

/// Bodies that are the example but for one member, which is wrong.
fn probes(schema: &'static Schema, base: &Value, at: &[String], put: &dyn Fn(Value) -> Value, out: &mut Vec<Probe>) {
    for field in schema.all_fields() {
        let path: Vec<String> = at.iter().cloned().chain([field.name.to_owned()]).collect();
        let with = |value: Value| {
            let mut object = base.clone();
            object[field.name] = value;
            object
        };
        if !matches!(field.kind, Type::Any) {
            out.push(Probe { path: path.clone(), body: put(with(wrong(field.kind))), refused: true });
        }
        // The null of an older name contradicts the new one.
        if !field.must && !field.is_old {
            out.push(Probe { path: path.clone(), body: put(with(Value::Null)), refused: !field.null });
        }
        match field.kind {
            Type::Object(inner) => probes(inner, &right(field), &path, &|v| put(with(v)), out),
            Type::List(Type::Object(inner)) => {
                let one = right(field)[0].clone();
                probes(inner, &one, &path, &|v| put(with(json!([v]))), out);
            }
            _ => {}
        }
    }
}

/// Where the first complaint is, without `body` and numbers.
fn blamed(answer: &Answer) -> Vec<String> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let inner = &body["data"][0]["error"];
    let detail = if inner.is_object() { &inner["detail"] } else { &body["detail"] };
    let all = detail[0]["loc"].as_array().cloned().unwrap_or_default();
    all.iter().skip(1).filter_map(Value::as_str).filter(|p| p.parse::<u32>().is_err()).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_described_field_is_read_and_a_field_that_is_read_is_described() {
    let mut count = 0;
    for op in operations() {
        let Body::Json(schema) = op.body else { continue };
        let mut w = World::about(op.path).await;
        w.prepare(op).await;
        let example: Value = serde_json::from_str(&w.example(op)).unwrap();
        let mut all = Vec::new();
        probes(schema, &example, &[], &|v| v, &mut all);
        taken::all();
        for probe in &all {
            // An application is made, and read, where there is none.
            let makes_app = probe.path.first().is_some_and(|p| p == "application");
            let new = if makes_app { format!("new-{count}") } else { "a".to_owned() };
            let path = w.path(op).replace("/app/a/", &format!("/app/{new}/"));
            let path = path.replace("access/a", &format!("access/{new}"));
            let answer = w.call(op, &path, probe.body.to_string()).await;
            let blamed = blamed(&answer);
            // An item of a batch is blamed in its own answer, from itself on.
            let want = match probe.path.as_slice() {
                [first, rest @ ..] if first == "messages" && !rest.is_empty() => rest,
                whole => whole,
            };
            // Where an inner object can't be read, it is blamed as a whole.
            let is_blamed = !blamed.is_empty() && want.starts_with(&blamed);
            // The body can't be read at all.
            let is_blamed = is_blamed || (want == ["messages"] && answer.status == 422);
            let what = format!("{}: {:?} {}\n{answer:?}", op.id, probe.path, probe.body);
            assert_eq!(is_blamed, probe.refused, "{what}");
            count += 1;
        }
        let described: BTreeSet<String> = all.iter().map(|p| p.path.join(".")).collect();
        for (place, names) in taken::all() {
            let at = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
            assert!(described.contains(&at(names[0])), "{}: {} is read, but not described", op.id, at(names[0]));
        }
    }
    assert!(count > 300, "{count}");
}

#[tokio::test]
async fn the_document_is_sent_once_and_then_known() {
    let w = World::new().await;
    let get = async |tag: Option<&str>| {
        let mut request = http::Request::get("/openapi.json").header("host", "localhost");
        if let Some(tag) = tag {
            request = request.header("if-none-match", tag);
        }
        w.s.send(request.body(http_body_util::Full::default()).unwrap()).await
    };
    let first = get(None).await;
    assert_eq!(first.headers["content-type"], "application/json");
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(first.expect(200)["openapi"], "3.1.0");
    let again = get(Some(&tag)).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    assert_eq!(get(Some(&format!("\"other\", W/{tag}"))).await.status, 304);
    assert_eq!(get(Some("\"other\"")).await.status, 200);
    assert!(first.body.len() < 450_000, "{}", first.body.len());
}
