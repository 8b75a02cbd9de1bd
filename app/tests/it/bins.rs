//! Bins: what is sent to one is seen at once, byte for byte; answered as told; exported, shared, forwarded, promoted.

use std::fs;
use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};

use super::support::client::{Api, Connection, id};
use super::support::events::Events;
use super::support::receiver::Receiver;
use super::support::server::{Launch, Server};
use super::support::source::{Hook, REQUEST_ID, SECRET, Source, path_of};

struct Bin {
    id: String,
    path: String,
    app: String,
}

struct World {
    api: Api,
    server: Server,
    launch: Launch,
}

impl World {
    fn new() -> World {
        let launch = Launch::new(&[]);
        let server = launch.start();
        World { api: server.api(&launch), server, launch }
    }
    fn bin(&self, fields: Value) -> Bin {
        let made = self.api.expect(201, "POST", "/api/v1/bin", Some(&fields));
        Bin { id: id(&made), path: path_of(&made["url"]), app: made["appId"].as_str().unwrap().to_owned() }
    }
    fn send(&self, hook: &Hook, status: u16) -> String {
        hook.expect(status, self.server.address)
    }
}

impl Bin {
    fn at(&self, rest: &str) -> String {
        format!("/api/v1/bin/{}{rest}", self.id)
    }
    fn hook(&self, method: &str, rest: &str, body: impl Into<Vec<u8>>) -> Hook {
        Hook::new(method, &format!("{}{rest}", self.path), body)
    }
    fn requests(&self, api: &Api) -> Vec<Value> {
        api.all(&self.at("/request"))
    }
}

/// Of all kinds: what is sent, and fields that are shown of it.
fn samples(bin: &Bin) -> Vec<(Hook, Value)> {
    let form = "application/x-www-form-urlencoded";
    let parts = "--b\r\ncontent-disposition: form-data; name=\"text\"\r\n\r\nhello\r\n\
                 --b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\
                 content-type: image/png\r\n\r\n\x01\x02\x03\r\n--b--\r\n";
    vec![
        (
            bin.hook("POST", "", "{\"n\": 1.50}").with("content-type", "application/json"),
            json!({"method": "POST", "path": "", "query": "", "body": "{\"n\": 1.50}", "bodyLength": 11}),
        ),
        (
            bin.hook("PUT", "/a%2Fb//c?x=1&x=2&&y=%20", "").with("x-empty", ""),
            json!({"method": "PUT", "path": "/a%2Fb//c", "query": "x=1&x=2&&y=%20",
                "queryParams": {"x": ["1", "2"], "y": [" "]}, "bodyLength": 0}),
        ),
        (
            bin.hook("PATCH", "/form", "a=1&a=2&b=it%27s+here").with("content-type", form),
            json!({"method": "PATCH", "form": {"a": ["1", "2"], "b": ["it's here"]}}),
        ),
        (
            bin.hook("POST", "/multi", parts).with("content-type", "multipart/form-data; boundary=b"),
            json!({"contentType": "multipart/form-data; boundary=b", "bodyLength": parts.len()}),
        ),
        (
            bin.hook("DELETE", "/'$(touch${IFS}x)'", b"\xff\x00\x80".to_vec()),
            json!({"bodyBase64": "/wCA", "method": "DELETE"}),
        ),
        (bin.hook("PURGE", "?a=%00;`id`", "it's\n\"odd\"").with("x-a", "'; id; '"), json!({"method": "PURGE"})),
        (bin.hook("GET", "/get", ""), json!({"method": "GET", "path": "/get", "status": 200})),
    ]
}

fn check_shown(request: &Value, want: &Value) {
    for (name, value) in want.as_object().unwrap() {
        assert_eq!(&request[name], value, "{name} of {request}");
    }
}

#[test]
fn whatever_is_sent_appears_live_and_in_lists_as_it_was() {
    let w = World::new();
    let bin = w.bin(json!({}));
    let mut viewer = Events::open(&w.api, &bin.at("/request/stream"), None);
    for (hook, want) in samples(&bin) {
        let id = w.send(&hook, 200);
        let event = viewer.event();
        assert_eq!((event.event.as_str(), &event.id), ("request", &id));
        let (live, single) = (event.json(), w.api.get(&bin.at(&format!("/request/{id}"))));
        for request in [&live, &single] {
            check_shown(request, &want);
            check_shown(request, &json!({"id": id, "verdict": "captured", "remoteAddress": "127.0.0.1"}));
            let headers = request["headers"].as_array().unwrap();
            for (name, value) in &hook.headers {
                assert!(headers.contains(&json!([name, value])), "{name} of {request}");
            }
        }
        let raw = w.api.call("GET", &bin.at(&format!("/request/{id}/raw")), None);
        assert_eq!(raw.body, hook.body);
    }
    let multi = &bin.requests(&w.api)[3]["parts"];
    assert_eq!(multi.as_array().unwrap().len(), 2, "{multi}");
    assert_eq!(multi[1]["filename"], "a.png", "{multi}");
    // What came before is there for one who looks later.
    let mut later = Events::open(&w.api, &bin.at("/request/stream?replay=2"), None);
    let last: Vec<Value> = bin.requests(&w.api)[5..].iter().map(|r| r["id"].clone()).collect();
    assert_eq!(json!(later.ids(2)), json!(last));
}

#[test]
fn a_bin_answers_as_it_is_told() {
    let w = World::new();
    let response = json!({"status": 201, "body": "<b>made</b>", "headers": {"content-type": "text/html", "x-a": "b"}});
    let bin = w.bin(json!({"options": {"response": response}}));
    let answer = bin.hook("POST", "", "x").send(w.server.address);
    assert_eq!((answer.status, &*answer.text(), answer.header("x-a")), (201, "<b>made</b>", Some("b")));
    // A page of a stranger's must not act as one of the server's.
    assert_eq!(answer.header("content-security-policy"), Some("sandbox"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    for status in [200, 204, 301, 404, 418, 503, 599] {
        w.send(&bin.hook("POST", &format!("/{status}?again=1"), "x"), status);
    }
    w.send(&bin.hook("POST", "/600", "x"), 201);
    let statuses: Vec<_> = bin.requests(&w.api).iter().map(|r| r["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 200, 204, 301, 404, 418, 503, 599, 201]);
    let failing = w.bin(json!({"options": {"failureRate": 100}}));
    w.send(&failing.hook("POST", "", "x"), 500);
    w.send(&failing.hook("POST", "/202", "x"), 202);
}

#[test]
fn a_bin_forwards_to_a_receiver_while_it_is_told_to() {
    let w = World::new();
    let receiver = Receiver::good();
    let bin = w.bin(json!({"forwardUrl": receiver.url("/to")}));
    w.send(&bin.hook("PUT", "/503?a=1", "same").with("x-a", "b"), 503);
    w.send(&bin.hook("PUT", "?a=2", "same"), 200);
    w.send(&bin.hook("PUT", "?a=2", "same"), 200);
    // Nothing is a duplicate in a bin.
    let seen = receiver.wait("what was forwarded", |seen| (seen.len() >= 3).then(|| seen.to_vec()));
    let mut paths: Vec<&str> = seen.iter().map(|s| s.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/to?a=1", "/to?a=2", "/to?a=2"]);
    assert!(seen.iter().all(|s| s.body == b"same"));
    w.api.expect(200, "PATCH", &bin.at(""), Some(&json!({"forwardUrl": null})));
    w.send(&bin.hook("PUT", "?a=3", "same"), 200);
    assert_eq!(w.api.all(&format!("/api/v1/app/{}/msg", bin.app)).len(), 3);
    assert_eq!(bin.requests(&w.api).len(), 4);
}

fn export(w: &World, bin: &Bin, format: &str) -> String {
    let answer = w.api.call("GET", &bin.at(&format!("/export?format={format}&order=ascending")), None);
    assert_eq!(answer.status, 200, "{}", answer.text());
    String::from_utf8(answer.body).unwrap()
}

#[test]
fn exports_are_what_their_readers_expect() {
    let w = World::new();
    let bin = w.bin(json!({}));
    let hooks: Vec<Hook> = samples(&bin).into_iter().map(|(hook, _)| hook).collect();
    let ids: Vec<String> = hooks.iter().map(|hook| w.send(hook, 200)).collect();

    let lines: Vec<Value> =
        export(&w, &bin, "ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(id).collect::<Vec<_>>(), ids);
    for (line, id) in lines.iter().zip(&ids) {
        assert_eq!(line, &w.api.get(&bin.at(&format!("/request/{id}"))));
    }
    let har: Value = serde_json::from_str(&export(&w, &bin, "har")).unwrap();
    assert_eq!(har["log"]["version"], "1.2");
    let entries = har["log"]["entries"].as_array().unwrap();
    for (entry, hook) in entries.iter().zip(&hooks) {
        assert_eq!(entry["request"]["method"], hook.method);
        assert!(entry["request"]["url"].as_str().unwrap().ends_with(&hook.path), "{entry}");
    }
    assert_eq!(entries.len(), hooks.len());
    let rows = csv(&export(&w, &bin, "csv"));
    assert_eq!(rows.len(), hooks.len() + 1);
    let column = |name: &str| rows[0].iter().position(|cell| cell == name).unwrap();
    for ((row, hook), id) in rows[1..].iter().zip(&hooks).zip(&ids) {
        assert_eq!(row.len(), rows[0].len());
        assert_eq!((&row[column("id")], &row[column("method")]), (id, &hook.method));
        if let Ok(text) = std::str::from_utf8(&hook.body) {
            // One that begins as formulas do has a mark before it.
            assert_eq!(row[column("body")].trim_start_matches('\''), text);
        }
    }
}

/// Rows of cells (RFC 4180).
fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {
                assert_eq!(chars.next(), Some('\n'));
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    assert!(row.is_empty() && cell.is_empty(), "the last row ends");
    rows
}

#[test]
fn exported_curl_commands_send_the_requests_again() {
    let path = std::env::var_os("PATH").unwrap();
    let run = |command: &mut Command| command.env_clear().env("PATH", &path).output();
    if !run(Command::new("curl").arg("--version")).is_ok_and(|output| output.status.success()) {
        eprintln!("skipped, no curl to run them");
        return;
    }
    let w = World::new();
    let bin = w.bin(json!({}));
    let hooks: Vec<Hook> = samples(&bin).into_iter().map(|(hook, _)| hook).collect();
    for hook in &hooks {
        w.send(hook, 200);
    }
    let script = w.launch.place.path().join("again.sh");
    fs::write(&script, export(&w, &bin, "curl")).unwrap();
    let output = run(Command::new("sh").arg("-e").arg(&script).current_dir(w.launch.place.path())).unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(!w.launch.place.path().join("x").exists(), "a request ran a command");
    let all = bin.requests(&w.api);
    assert_eq!(all.len(), 2 * hooks.len());
    // curl adds headers of its own, and nothing else is another.
    for (first, again) in all[..hooks.len()].iter().zip(&all[hooks.len()..]) {
        for field in ["method", "path", "query", "body", "bodyBase64", "contentType", "form", "parts"] {
            assert_eq!(first[field], again[field], "{field} of {first}");
        }
        let headers = again["headers"].as_array().unwrap();
        let is_kept = |header: &&Value| !["host", "content-length"].contains(&header[0].as_str().unwrap());
        for header in first["headers"].as_array().unwrap().iter().filter(is_kept) {
            assert!(headers.contains(header), "{header} is not in {headers:?}");
        }
    }
}

#[test]
fn a_share_link_shows_the_requests_without_a_token_or_the_url() {
    let w = World::new();
    let bin = w.bin(json!({"name": "Look"}));
    let id = w.send(&bin.hook("POST", "/x", "hello"), 200);
    let shared = w.api.expect(201, "POST", &bin.at("/share"), None);
    let page = path_of(&shared["url"]);
    let path = format!("/api/v1{page}");
    let anyone = |path: &str| Hook::new("GET", path, "").send(w.server.address);
    assert_eq!(anyone(&page).status, 303, "a program is sent on to the JSON");
    assert_eq!(anyone(&path).json()["name"], "Look");
    let list = anyone(&format!("{path}/request"));
    assert_eq!((&list.json()["data"][0]["id"], &list.json()["data"][0]["body"]), (&json!(id), &json!("hello")));
    assert_eq!(anyone(&format!("{path}/request/{id}")).json()["path"], "/x");
    assert!(!list.text().contains(&bin.path), "{list:?}");
    for other in [bin.at("/request"), bin.at("")] {
        assert_eq!(anyone(&other).status, 401, "{other}");
    }
    w.api.expect(204, "DELETE", &bin.at("/share"), None);
    assert_eq!(anyone(&path).status, 404);
}

#[test]
fn a_promoted_bin_verifies_at_the_same_url() {
    let w = World::new();
    let receiver = Receiver::good();
    let bin = w.bin(json!({}));
    let captured = w.send(&bin.hook("POST", "", "{}"), 200);
    let config = json!({"secret": SECRET});
    let body = json!({"type": "github", "config": config, "name": "Code"});
    let made = w.api.expect(201, "POST", &bin.at("/promote"), Some(&body));
    assert_eq!((id(&made), path_of(&made["ingestUrl"])), (bin.id.clone(), bin.path.clone()));
    let source =
        Source { id: bin.id.clone(), app: bin.app.clone(), path: bin.path.clone(), kind: "github".into(), config };
    source.forward(&w.api, &receiver.url("/code"));
    w.send(&bin.hook("POST", "", "{}"), 401);
    w.send(&source.hook("push", "d-1", "{\"n\":1}"), 200);
    receiver.wait_for("/code", 1);
    assert_eq!(source.requests(&w.api)[0]["id"], captured);
    assert_eq!(source.messages(&w.api).len(), 1);
    w.api.expect(404, "GET", &bin.at(""), None);
}

#[test]
fn a_bin_keeps_so_many_requests_and_lives_so_long() {
    let w = World::new();
    let bin = w.bin(json!({"requestsKept": 10}));
    let mut connection = Connection::open(w.server.address, "").unwrap();
    let ids: Vec<String> = (0..200)
        .map(|n| {
            let answer = bin.hook("POST", &format!("/{n}-th"), "x").over(&mut connection).unwrap();
            answer.header(REQUEST_ID).unwrap().to_owned()
        })
        .collect();
    // The oldest go in batches of 64, so that few requests pay for it.
    let kept: Vec<String> = bin.requests(&w.api).iter().map(id).collect();
    assert!((10..74).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept, ids[ids.len() - kept.len()..]);
    for seconds in [59, 90 * 86_400 + 1] {
        w.api.expect(422, "POST", "/api/v1/bin", Some(&json!({"expiresIn": seconds})));
    }
    w.bin(json!({"expiresIn": 60}));
    w.api.expect(204, "DELETE", &bin.at(""), None);
    w.send(&bin.hook("POST", "", "x"), 404);
    assert!(TcpStream::connect(w.server.address).is_ok());
}
