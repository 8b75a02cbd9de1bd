//! Requests that a source doesn't take as events, or not yet: refused, held, or at a URL that is no more; and what a person
//! can do about them.

use std::collections::HashSet;

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use super::support::client::{Api, Connection};
use super::support::receiver::Receiver;
use super::support::server::Launch;
use super::support::source::{Hook, SECRET, Source, path_of};
use super::support::until;

/// The secret of somebody who would like to be the provider.
fn forged() -> Value {
    json!({"secret": "of somebody else"})
}

type Headers = Vec<(String, String)>;

/// The reason that a request was refused for.
fn reason(api: &Api, source: &Source, id: &str) -> String {
    let request = source.request(api, id);
    assert_eq!((&request["verdict"], &request["status"]), (&json!("refused"), &json!(401)), "{request}");
    request["reason"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_refused_is_kept_with_its_reason() {
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let source = Source::github(&api);
    let good = source.hook("push", "d-1", "{\"n\":1}");
    let signature = |hook: &mut Hook, f: &dyn Fn(&mut Headers, usize)| {
        let at = hook.headers.iter().position(|(name, _)| name == "x-hub-signature-256").unwrap();
        f(&mut hook.headers, at);
    };
    let mut reasons = HashSet::new();
    let mut refuse = |change: &dyn Fn(&mut Hook)| {
        let mut hook = good.clone();
        change(&mut hook);
        let id = hook.expect(401, server.address);
        reasons.insert(reason(&api, &source, &id));
    };
    refuse(&|hook| hook.body.push(b' '));
    refuse(&|hook| signature(hook, &|headers, at| drop(headers.remove(at))));
    refuse(&|hook| signature(hook, &|headers, at| headers.push(headers[at].clone())));
    refuse(&|hook| signature(hook, &|headers, at| headers[at].1.truncate(40)));
    assert_eq!(reasons.len(), 4, "{reasons:?}");
    assert!(!reasons.iter().any(|reason| reason.contains(SECRET)), "{reasons:?}");
    assert_eq!(source.messages(&api), Vec::<Value>::new());
    let log = api.all(&source.at("/log"));
    assert_eq!(log.len(), 4, "{log:?}");
    // The sender learns nothing of the reason.
    let answer = Hook { body: b"{}".to_vec(), ..good.clone() }.send(server.address).text();
    assert!(!reasons.iter().any(|reason| answer.contains(reason.as_str())), "{answer}");
    good.expect(200, server.address);
}

#[test]
fn a_person_accepts_what_was_refused_and_the_providers_retry_is_a_copy_of_it() {
    let receiver = Receiver::good();
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let source = Source::github(&api);
    source.forward(&api, &receiver.url("/hooks?own=1"));
    let body = "{ \"n\":1.50 }";
    let mut refused = source.hook_under(&forged(), "push", "d-1", body).with("x-twice", "1").with("x-twice", "2");
    refused.path += "/sub?a=b&c";
    let id = refused.expect(401, server.address);
    assert!(reason(&api, &source, &id).contains("signature"));
    api.expect(409, "POST", &source.at(&format!("/request/{id}/replay")), None);

    let accept = source.at(&format!("/request/{id}/accept"));
    let accepted = api.expect(202, "POST", &accept, None);
    assert_eq!(api.expect(202, "POST", &accept, None), accepted, "a second call changes nothing");
    let messages = source.messages(&api);
    assert_eq!((messages.len(), &messages[0]["id"]), (1, &accepted["messageId"]));
    assert_eq!(messages[0]["eventType"], "push");
    // Passed through: the original's query, headers and bytes.
    let seen = receiver.wait("the event", |seen| seen.first().cloned());
    assert_eq!((seen.path.as_str(), seen.body.as_slice()), ("/hooks?own=1&a=b&c", body.as_bytes()));
    for (name, value) in refused.headers.iter().filter(|(name, _)| name != "x-twice") {
        assert_eq!(seen.header(name), value, "{name}");
    }
    let twice: Vec<_> = seen.headers.iter().filter(|(name, _)| name == "x-twice").map(|(_, v)| v.as_str()).collect();
    assert_eq!(twice, ["1", "2"]);

    let retry = source.hook("push", "d-1", body);
    assert_eq!(retry.expect(200, server.address), id);
    let request = source.request(&api, &id);
    assert_eq!((&request["verdict"], &request["duplicates"]), (&json!("accepted"), &json!(1)), "{request}");
    assert_eq!(source.messages(&api).len(), 1);

    let replayed = api.expect(202, "POST", &source.at(&format!("/request/{id}/replay")), None);
    assert_ne!(replayed["messageId"], accepted["messageId"]);
    assert_eq!(source.messages(&api).len(), 2);
    let again = receiver.wait("the replay", |seen| seen.get(1).cloned());
    assert_eq!((&again.path, &again.body), (&seen.path, &seen.body));
}

#[test]
fn what_comes_during_a_pause_waits_through_a_kill_and_is_released_in_order() {
    let receiver = Receiver::good();
    let launch = Launch::new(&[]);
    let mut server = launch.start();
    let api = server.api(&launch);
    let source = Source::github(&api);
    source.forward(&api, &receiver.url("/hooks"));
    source.change(&api, json!({"state": "paused"}));
    let send = |server: &super::support::server::Server, n: u32| {
        source.hook("push", &format!("d-{n}"), &format!("{{\"n\":{n}}}")).expect(200, server.address)
    };
    let mut ids: Vec<String> = (0..20).map(|n| send(&server, n)).collect();
    server.kill();
    server = launch.start();
    ids.extend((20..40).map(|n| send(&server, n)));
    // A copy finds the one that waits.
    assert_eq!(send(&server, 7), ids[7]);
    let api = server.api(&launch);
    let held = source.requests(&api);
    assert_eq!(held.iter().map(|r| r["id"].as_str().unwrap()).collect::<Vec<_>>(), ids);
    assert!(held.iter().all(|r| r["verdict"] == "held" && r["messages"] == 0), "{held:?}");
    assert_eq!((source.messages(&api).len(), receiver.seen().len()), (0, 0));

    source.change(&api, json!({"state": "live"}));
    until("all are released", || (source.messages(&api).len() == 40).then_some(()));
    let released: Vec<_> = source.messages(&api).iter().map(|m| m["payload"]["n"].as_u64().unwrap()).collect();
    assert_eq!(released, (0..40).collect::<Vec<_>>());
    receiver.wait_for("/hooks", 40);
    assert!(source.requests(&api).iter().all(|r| r["verdict"] == "accepted" && r["messages"] == 1));
    assert_eq!(send(&server, 7), ids[7]);
    assert_eq!(source.messages(&api).len(), 40);
}

#[test]
fn a_url_ends_with_its_rotation_and_its_source() {
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let source = Source::github(&api);
    let mut n = 0;
    let mut send = |path: &str, status: u16| {
        n += 1;
        let hook = source.hook("push", &format!("d-{n}"), "{}");
        let answer = Hook { path: path.to_owned(), ..hook }.send(server.address);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json()["code"].clone() }
    };
    send(&source.path, 200);
    let rotate = |seconds: u32| {
        let body = json!({"gracePeriodSeconds": seconds});
        path_of(&api.expect(200, "POST", &source.at("/token/rotate"), Some(&body))["ingestUrl"])
    };
    let second = rotate(600);
    send(&source.path, 200);
    send(&second, 200);
    let third = rotate(0);
    assert_eq!(send(&second, 404), "not_found");
    send(&source.path, 200);
    send(&third, 200);
    source.change(&api, json!({"state": "disabled"}));
    assert_eq!(send(&third, 403), "source_disabled");
    source.change(&api, json!({"state": "live"}));
    send(&third, 200);
    assert_eq!(source.requests(&api).len(), 6);
    api.expect(204, "DELETE", &source.at(""), None);
    for path in [&source.path, &second, &third] {
        assert_eq!(send(path, 404), "not_found");
    }
}

#[test]
fn requests_to_unknown_urls_are_not_stored() {
    let launch = Launch::new(&[]);
    let mut server = launch.start();
    let api = server.api(&launch);
    let source = Source::github(&api);
    let mut connection = Connection::open(server.address, "").unwrap();
    let token = source.path.strip_prefix("/in/").unwrap();
    let near = [token[1..].to_owned(), format!("{token}x"), token.to_ascii_uppercase(), "a".repeat(32), "..".into()];
    for token in near.iter().map(String::as_str).chain(["", "%00", "admin' or 1=1 --"].map(|t| t)) {
        let path = format!("/in/{}", token.replace(' ', "%20"));
        let answer = Hook { path, ..source.hook("push", "d-1", "{}") }.over(&mut connection).unwrap();
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("not_found")), "{token}");
    }
    source.hook("push", "d-1", "{}").expect(200, server.address);
    server.kill();
    let database = Database::open(launch.database()).unwrap();
    let stored: u32 = database.query_row("SELECT count(*) FROM request", [], |row| row.get(0)).unwrap();
    assert_eq!(stored, 1);
}
