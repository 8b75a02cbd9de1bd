//! URLs that an installation must not be talked into calling, through the API as it runs.

use serde_json::{Value, json};

use super::support::server::Launch;

#[test]
fn every_hostile_url_is_refused_and_every_decent_one_is_taken() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../crates/egress/tests/ssrf/targets.json")).unwrap();
    let launch = Launch::strict(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let app = api.app();
    let path = format!("/api/v1/app/{app}/endpoint");
    let (mut refused, mut taken, mut wrong) = (0, 0, Vec::new());
    for case in cases.iter().filter(|case| case["layer"] == "parse" || case["layer"] == "policy") {
        let answer = api.call("POST", &path, Some(&json!({"url": case["url"]})));
        match (case["expect"].as_str(), answer.status) {
            (Some("deny"), 422) if answer.json()["detail"][0]["loc"] == json!(["body", "url"]) => refused += 1,
            (Some("allow"), 201) => taken += 1,
            _ => wrong.push(format!("{} {}: {} {}", case["id"], case["url"], answer.status, answer.text())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(refused >= 120 && taken >= 20, "{refused} {taken}");
}

#[test]
fn an_endpoint_can_t_be_moved_to_the_inside_either() {
    let launch = Launch::strict(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let app = api.app();
    let endpoint = api.endpoint(&app, json!({"url": "https://example.com/"}));
    let path = format!("/api/v1/app/{app}/endpoint/{endpoint}");
    let own = format!("http://{}/api/v1/app", server.address);
    for url in ["http://169.254.169.254/", "http://[::1]/", "http://localhost/", &own] {
        for method in ["PUT", "PATCH"] {
            api.expect(422, method, &path, Some(&json!({"url": url})));
        }
        api.expect(422, "POST", "/api/v1/operational-webhook/endpoint", Some(&json!({"url": url})));
    }
    assert_eq!(api.get(&path)["url"], "https://example.com/");
}

#[test]
fn the_server_itself_is_no_endpoint_even_where_its_subnet_is_allowed() {
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let path = format!("/api/v1/app/{}/endpoint", api.app());
    api.expect(422, "POST", &path, Some(&json!({"url": format!("http://{}/api/v1/app", server.address)})));
}
