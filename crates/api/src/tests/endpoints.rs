//! Endpoints, their secrets and headers, and those of the operational webhooks.

use super::{server, server_with, text};
use serde_json::{Value, json};
use signing::SignatureType;
use std::time::Duration;

const URL: &str = "https://example.com/hook";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_shows_the_names_of_both_sdk_generations() {
    let s = server().await;
    s.app("a").await;
    s.post("/event-type", json!({"name": "x.y", "description": ""})).await.expect(201);
    let body = json!({"url": URL, "uid": "e", "filterTypes": ["x.y"], "rateLimit": 3, "version": 1, "channels": ["c:1"],
        "description": "d", "metadata": {"k": "v"}, "unknown": 1});
    let made = s.post("/app/a/endpoint", body).await.expect(201);
    let want = json!({"uid": "e", "url": URL, "description": "d", "disabled": false, "channels": ["c:1"],
        "eventTypes": ["x.y"], "filterTypes": ["x.y"], "throttleRate": 3, "rateLimit": 3, "version": 1,
        "metadata": {"k": "v"}});
    for (key, value) in want.as_object().unwrap() {
        assert_eq!(&made[key], value, "{key}");
    }
    assert!(text(&made["id"]).starts_with("ep_"));
    assert_eq!(s.get("/app/a/endpoint/e").await.expect(200), made);
    s.post("/app/a/endpoint", json!({"url": URL, "uid": "e"})).await.refuse(409, "conflict");

    let patched =
        s.patch("/app/a/endpoint/e", json!({"eventTypes": null, "throttleRate": null, "disabled": true})).await;
    let patched = patched.expect(200);
    assert_eq!((&patched["filterTypes"], &patched["rateLimit"]), (&Value::Null, &Value::Null));
    assert_eq!((&patched["disabled"], &patched["channels"]), (&json!(true), &json!(["c:1"])));

    let put = s.put("/app/a/endpoint/e", json!({"url": URL, "uid": "e"})).await.expect(200);
    assert_eq!((&put["channels"], &put["disabled"], &put["description"]), (&Value::Null, &json!(false), &json!("")));
    s.put("/app/a/endpoint/f", json!({"url": URL, "uid": "f", "headers": {"x-a": "1"}})).await.expect(201);
    assert_eq!(s.get("/app/a/endpoint/f/headers").await.expect(200)["headers"], json!({"x-a": "1"}));
    s.delete("/app/a/endpoint/e").await.expect(204);
    s.get("/app/a/endpoint/e").await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_endpoint_is_refused_with_its_field() {
    let s = server().await;
    s.app("a").await;
    let check = async |body: Value, field: &str| s.post("/app/a/endpoint", body).await.invalid("body", field);
    check(json!({}), "url").await;
    for url in [
        "",
        "example.com",
        "ftp://example.com/",
        "https://user:pw@example.com/",
        "http://127.0.0.1/",
        "http://localhost/",
    ] {
        check(json!({"url": url}), "url").await;
    }
    check(json!({"url": URL, "eventTypes": ["no.such"]}), "eventTypes").await;
    check(json!({"url": URL, "eventTypes": []}), "eventTypes").await;
    check(json!({"url": URL, "filterTypes": []}), "filterTypes").await;
    check(json!({"url": URL, "channels": []}), "channels").await;
    check(json!({"url": URL, "channels": ["a b"]}), "channels").await;
    check(json!({"url": URL, "uid": "ep_1"}), "uid").await;
    check(json!({"url": URL, "secret": "whsec_c2hvcnQ="}), "secret").await;
    check(json!({"url": URL, "headers": {"Host": "x"}}), "headers").await;
    check(json!({"url": URL, "throttleRate": 0}), "throttleRate").await;
    check(json!({"url": URL, "throttleRate": 1, "rateLimit": 2}), "rateLimit").await;
    check(json!({"url": URL, "disabled": "no"}), "disabled").await;
    s.post("/app/none/endpoint", json!({"url": URL})).await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_can_ask_for_the_first_message_of_each_value() {
    let s = server().await;
    s.app("a").await;
    let body = json!({"url": URL, "uid": "e", "firstPer": "data.link"});
    let made = s.post("/app/a/endpoint", body.clone()).await.expect(201);
    assert_eq!(made["firstPer"], "data.link");
    assert_eq!(s.get("/app/a/endpoint/e").await.expect(200), made);
    let kept = s.patch("/app/a/endpoint/e", json!({"description": "d"})).await.expect(200);
    assert_eq!(kept["firstPer"], "data.link");
    let other = s.patch("/app/a/endpoint/e", json!({"firstPer": "data.items.0"})).await.expect(200);
    assert_eq!(other["firstPer"], "data.items.0");
    let cleared = s.patch("/app/a/endpoint/e", json!({"firstPer": null})).await.expect(200);
    assert_eq!(cleared.get("firstPer"), None, "absent as in the Svix API");
    assert_eq!(s.put("/app/a/endpoint/e", body.clone()).await.expect(200)["firstPer"], "data.link");
    assert_eq!(s.put("/app/a/endpoint/e", json!({"url": URL, "uid": "e"})).await.expect(200).get("firstPer"), None);
    for bad in [json!(""), json!("a..b"), json!(".a"), json!("a."), json!("x".repeat(257)), json!(["a"]), json!(1)] {
        let body = json!({"url": URL, "firstPer": bad});
        s.post("/app/a/endpoint", body).await.invalid("body", "firstPer");
        s.patch("/app/a/endpoint/e", json!({"firstPer": bad})).await.invalid("body", "firstPer");
    }
    s.put("/app/a/endpoint/e", body).await.expect(200);
    for link in [1, 1, 2, 1, 2] {
        let message = json!({"eventType": "link.clicked", "payload": {"data": {"link": link}}});
        s.post("/app/a/msg", message).await.expect(202);
    }
    let got = s.get("/app/a/endpoint/e/msg").await.expect(200);
    let links: Vec<_> = got["data"].as_array().unwrap().iter().map(|m| &m["payload"]["data"]["link"]).collect();
    assert_eq!(links, [2, 1], "newest first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_generated_shown_rotated_and_kept_for_its_grace() {
    let s = server().await;
    s.app("a").await;
    let id = s.endpoint("a", "e").await;
    let answer = s.get("/app/a/endpoint/e/secret").await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let first = text(&answer.expect(200)["key"]);
    assert!(first.starts_with("whsec_") && first.len() == 38);

    let given = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    s.post("/app/a/endpoint/e/secret/rotate", json!({"key": given})).await.expect(200);
    assert_eq!(s.get("/app/a/endpoint/e/secret").await.expect(200)["key"], given);
    s.post("/app/a/endpoint/e/secret/rotate", json!({"key": null, "gracePeriodSeconds": 0})).await.expect(200);
    let third = text(&s.get("/app/a/endpoint/e/secret").await.expect(200)["key"]);
    assert!(third != given && third != first && third.starts_with("whsec_"));
    s.post("/app/a/endpoint/e/secret/rotate", json!({"gracePeriodSeconds": 604_801}))
        .await
        .invalid("body", "gracePeriodSeconds");
    s.post("/app/a/endpoint/e/secret/rotate", json!({"key": "whsec_"})).await.invalid("body", "key");

    let app = s.store.codec().read(&text(&s.get("/app/a").await.expect(200)["id"])).unwrap();
    let endpoint = store::Ref::Id(s.store.codec().read(&id).unwrap());
    let live = s.store.endpoint_secrets(app, &endpoint).await.unwrap().1;
    assert_eq!(live.len(), 2, "the first has a day of grace, the second had none");
    s.clock.advance(Duration::from_secs(86_401));
    assert_eq!(s.store.endpoint_secrets(app, &endpoint).await.unwrap().1.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ed25519_endpoint_shows_its_public_key_and_keeps_its_kind() {
    let s = server_with(|c| c.default_signature_type = SignatureType::Ed25519).await;
    s.app("a").await;
    s.endpoint("a", "e").await;
    let first = text(&s.get("/app/a/endpoint/e/secret").await.expect(200)["key"]);
    assert!(first.starts_with("whpk_"));
    s.post("/app/a/endpoint/e/secret/rotate", json!({})).await.expect(200);
    let second = text(&s.get("/app/a/endpoint/e/secret").await.expect(200)["key"]);
    assert!(second.starts_with("whpk_") && second != first);
    // Without its prefix a secret is HMAC's, as in the Svix API.
    let body = json!({"url": URL, "uid": "h", "secret": "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
    s.post("/app/a/endpoint", body).await.expect(201);
    s.post("/app/a/endpoint/h/secret/rotate", json!({})).await.expect(200);
    assert!(text(&s.get("/app/a/endpoint/h/secret").await.expect(200)["key"]).starts_with("whsec_"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_are_written_merged_and_hidden_when_sensitive() {
    let s = server().await;
    s.app("a").await;
    let body = json!({"url": URL, "uid": "e", "headers": {"X-Plain": "1", "Authorization": "Bearer x"}});
    s.post("/app/a/endpoint", body).await.expect(201);
    let path = "/app/a/endpoint/e/headers";
    assert_eq!(s.get(path).await.expect(200), json!({"headers": {"x-plain": "1"}, "sensitive": ["authorization"]}));
    s.patch(path, json!({"headers": {"x-plain": null, "x-new": "2"}})).await.expect(204);
    assert_eq!(s.get(path).await.expect(200), json!({"headers": {"x-new": "2"}, "sensitive": ["authorization"]}));
    s.put(path, json!({"headers": {}})).await.expect(204);
    assert_eq!(s.get(path).await.expect(200), json!({"headers": {}, "sensitive": []}));
    s.put(path, json!({})).await.invalid("body", "headers");
    s.put(path, json!({"headers": {"content-length": "1"}})).await.invalid("body", "headers");
    s.patch(path, json!({"headers": {"x": 1}})).await.invalid("body", "headers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stats_recover_and_replay_answer_and_check_their_window() {
    let s = server().await;
    s.app("a").await;
    let endpoint = s.endpoint("a", "e").await;
    let stats = s.get("/app/a/endpoint/e/stats").await.expect(200);
    assert_eq!(stats, json!({"success": 0, "pending": 0, "sending": 0, "fail": 0, "canceled": 0}));
    s.get("/app/a/endpoint/e/stats?since=x").await.refuse(400, "invalid_query");
    s.get("/app/a/endpoint/none/stats").await.refuse(404, "not_found");
    let window = "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z";
    s.get(&format!("/app/a/endpoint/e/stats?{window}")).await.refuse(422, "invalid_range");

    let since = json!({"since": "2026-11-20T00:00:00Z"});
    let task = s.post("/app/a/endpoint/e/recover", since.clone()).await.expect(202);
    assert_eq!(task["task"], "endpoint.recover");
    let replay = s.post("/app/a/endpoint/e/replay-missing", since).await.expect(202);
    assert_eq!(replay["task"], "endpoint.replay");
    let got = s.get(&format!("/background-task/{}", text(&task["id"]))).await.expect(200);
    assert_eq!((&got["id"], &got["data"]["endpointId"]), (&task["id"], &json!(endpoint)));
    assert_eq!(s.get("/background-task").await.expect(200)["data"].as_array().unwrap().len(), 2);
    let list = s.get("/background-task?task=endpoint.replay").await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    s.get("/background-task/qtask_x").await.refuse(404, "not_found");
    s.post("/app/a/endpoint/e/recover", json!({})).await.invalid("body", "since");
    s.post("/app/a/endpoint/e/recover", json!({"since": 1})).await.invalid("body", "since");
    let reversed = json!({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"});
    s.post("/app/a/endpoint/e/recover", reversed).await.refuse(422, "invalid_range");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_example_goes_to_the_endpoint_alone() {
    let s = server().await;
    s.app("a").await;
    s.endpoint("a", "e").await;
    s.endpoint("a", "other").await;
    let schemas = json!({"1": {"type": "object", "examples": [{"total": 12}]}});
    s.post("/event-type", json!({"name": "paid", "description": "", "schemas": schemas})).await.expect(201);
    s.post("/event-type", json!({"name": "bare", "description": ""})).await.expect(201);
    let path = "/app/a/endpoint/e/send-example";
    let sent = s.post(path, json!({"eventType": "paid"})).await.expect(200);
    assert_eq!((&sent["payload"], &sent["eventType"]), (&json!({"total": 12}), &json!("paid")));
    assert_eq!(s.post(path, json!({"eventType": "svix.ping"})).await.expect(200)["payload"], json!({"success": true}));
    let to = s.get(&format!("/app/a/msg/{}/endpoint", text(&sent["id"]))).await.expect(200);
    assert_eq!(to["data"].as_array().unwrap().iter().map(|e| text(&e["uid"])).collect::<Vec<_>>(), ["e"]);
    s.post(path, json!({"eventType": "bare"})).await.refuse(400, "invalid_scheme");
    s.post(path, json!({"eventType": "none"})).await.refuse(404, "not_found");
    s.post(path, json!({})).await.invalid("body", "eventType");
    s.patch("/app/a/endpoint/e", json!({"disabled": true})).await.expect(200);
    s.post(path, json!({"eventType": "paid"})).await.refuse(409, "conflict");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operational_endpoints_are_the_organisations_own() {
    let s = server().await;
    let root = "/operational-webhook/endpoint";
    let made = s.post(root, json!({"url": URL, "uid": "op", "filterTypes": ["endpoint.disabled"]})).await.expect(201);
    s.post(root, json!({"url": URL, "eventTypes": ["invoice.paid"]})).await.invalid("body", "eventTypes");
    assert_eq!(s.get(root).await.expect(200)["data"], json!([made]));
    assert_eq!(s.get(&format!("{root}/op")).await.expect(200), made);
    s.put(&format!("{root}/op/headers"), json!({"headers": {"x-a": "1"}})).await.expect(204);
    assert_eq!(s.get(&format!("{root}/op/headers")).await.expect(200)["headers"], json!({"x-a": "1"}));
    let key = s.get(&format!("{root}/op/secret")).await.expect(200);
    s.post(&format!("{root}/op/secret/rotate"), json!({})).await.expect(204);
    assert_ne!(s.get(&format!("{root}/op/secret")).await.expect(200), key);
    assert_eq!(
        s.put(&format!("{root}/op"), json!({"url": URL, "uid": "op"})).await.expect(200)["eventTypes"],
        Value::Null
    );
    assert_eq!(s.get("/app").await.expect(200)["data"], json!([]), "it is no application of the organisation's");
    s.delete(&format!("{root}/op")).await.expect(204);
    s.get(&format!("{root}/op")).await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_judged_by_every_secret_of_the_endpoint_and_told_why_it_fails() {
    let s = server().await;
    s.app("a").await;
    s.endpoint("a", "e").await;
    let message = s.message("a", "x").await;
    let request = s.get(&format!("/app/a/msg/{message}/endpoint/e/request")).await.expect(200);
    let ask = |body: &str| json!({"headers": request["headers"], "body": body, "msgId": message});
    let path = "/app/a/endpoint/e/verify";
    let right = s.post(path, ask("{\"n\":1}")).await.expect(200);
    assert_eq!(right, json!({"valid": true, "explained": true, "findings": []}));
    let altered = s.post(path, ask("{\"n\": 1}")).await.expect(200);
    assert_eq!((&altered["valid"], &altered["findings"][0]["code"]), (&json!(false), &json!("body_altered")));
    s.post("/app/a/endpoint/e/secret/rotate", json!({})).await.expect(200);
    let old = s.post(path, ask("{\"n\":1}")).await.expect(200);
    assert_eq!((&old["explained"], &old["findings"][0]["code"]), (&json!(true), &json!("secret_other")));
    s.post(path, json!({"headers": {}})).await.invalid("body", "headers");
}
