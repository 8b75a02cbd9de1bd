//! Applications and event types.

use super::{server, text};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_lives_from_creation_to_deletion() {
    let s = server().await;
    let made = s.post("/app", json!({"name": "One", "uid": "one", "rateLimit": 5, "metadata": {"a": "b"}})).await;
    let made = made.expect(201);
    let id = text(&made["id"]);
    assert!(id.starts_with("app_") && id.len() == 31);
    assert_eq!((&made["throttleRate"], &made["rateLimit"]), (&json!(5), &json!(5)));
    assert_eq!(made["createdAt"], "2026-11-21T07:44:00.000Z");
    for name in [id.as_str(), "one"] {
        assert_eq!(s.get(&format!("/app/{name}")).await.expect(200), made);
    }

    let put = s.put("/app/one", json!({"name": "Uno", "uid": "one"})).await.expect(200);
    assert_eq!((&put["name"], &put["throttleRate"], &put["metadata"]), (&json!("Uno"), &Value::Null, &json!({})));
    s.put("/app/two", json!({"name": "Two", "uid": "two"})).await.expect(201);

    s.delete("/app/one").await.expect(204);
    s.get(&format!("/app/{id}")).await.refuse(404, "not_found");
    s.post("/app", json!({"name": "One again", "uid": "one"})).await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_uid_is_a_conflict_unless_the_existing_one_is_wanted() {
    let s = server().await;
    let id = s.app("one").await;
    s.post("/app", json!({"name": "x", "uid": "one"})).await.refuse(409, "conflict");
    let got = s.post("/app?get_if_exists=true", json!({"name": "x", "uid": "one"})).await.expect(200);
    assert_eq!(got["id"], json!(id));
    s.app("two").await;
    s.patch("/app/two", json!({"uid": "one"})).await.refuse(409, "conflict");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_keeps_what_is_absent_and_clears_what_is_null() {
    let s = server().await;
    let body = json!({"name": "n", "uid": "one", "throttleRate": 9, "metadata": {"k": "v"}});
    let id = text(&s.post("/app", body).await.expect(201)["id"]);
    let kept = s.patch(&format!("/app/{id}"), json!({"name": "m"})).await.expect(200);
    assert_eq!(
        (&kept["name"], &kept["uid"], &kept["throttleRate"], &kept["metadata"]),
        (&json!("m"), &json!("one"), &json!(9), &json!({"k": "v"}))
    );
    let cleared = json!({"uid": null, "throttleRate": null, "metadata": null});
    let cleared = s.patch(&format!("/app/{id}"), cleared).await.expect(200);
    assert_eq!(
        (&cleared["uid"], &cleared["throttleRate"], &cleared["metadata"]),
        (&Value::Null, &Value::Null, &json!({}))
    );
    s.get("/app/one").await.refuse(404, "not_found");
    s.patch(&format!("/app/{id}"), json!({"name": null})).await.invalid("body", "name");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_application_is_refused_with_every_complaint_at_once() {
    let s = server().await;
    s.post("/app", json!({})).await.invalid("body", "name");
    s.post("/app", json!({"name": ""})).await.invalid("body", "name");
    for uid in [json!("a b"), json!(""), json!("app_x"), json!(7), json!("x".repeat(257)), json!("é")] {
        s.post("/app", json!({"name": "n", "uid": uid})).await.invalid("body", "uid");
    }
    for rate in [json!(0), json!(-1), json!(1.5), json!("1"), json!(65_536)] {
        s.post("/app", json!({"name": "n", "throttleRate": rate})).await.invalid("body", "throttleRate");
    }
    for metadata in [json!([]), json!({"k": 1}), json!({"k": null}), json!({"k": "v".repeat(4096)})] {
        s.post("/app", json!({"name": "n", "metadata": metadata})).await.invalid("body", "metadata");
    }
    let both = s.post("/app", json!({"name": 1, "uid": 2, "rateLimit": 3, "throttleRate": 4})).await.expect(422);
    assert_eq!(both["detail"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_type_is_archived_revived_and_expunged() {
    let s = server().await;
    let body = json!({"name": "a.b", "description": "d", "schemas": {"1": {"type": "object"}}, "featureFlag": "beta"});
    let made = s.post("/event-type", body.clone()).await.expect(201);
    assert_eq!(made["schemas"], json!({"1": {"type": "object"}}));
    assert_eq!((&made["featureFlag"], &made["featureFlags"]), (&json!("beta"), &json!(["beta"])));
    s.post("/event-type", body.clone()).await.refuse(409, "event_type_exists");

    s.delete("/event-type/a.b").await.expect(204);
    assert_eq!(s.get("/event-type/a.b").await.expect(200)["archived"], true);
    assert_eq!(s.get("/event-type").await.expect(200)["data"], json!([]));
    assert_eq!(s.get("/event-type?include_archived=true").await.expect(200)["data"].as_array().unwrap().len(), 1);
    assert_eq!(s.post("/event-type", body).await.expect(201)["archived"], false);

    let patched = s.patch("/event-type/a.b", json!({"schemas": null, "featureFlags": null, "groupName": "g"})).await;
    let patched = patched.expect(200);
    assert_eq!((&patched["schemas"], &patched["featureFlags"]), (&Value::Null, &Value::Null));
    assert_eq!((&patched["groupName"], &patched["description"]), (&json!("g"), &json!("d")));
    assert_eq!(s.put("/event-type/a.b", json!({"description": "e"})).await.expect(200)["groupName"], Value::Null);
    s.put("/event-type/new", json!({"description": "e"})).await.expect(201);

    s.delete("/event-type/a.b?expunge=true").await.expect(204);
    s.get("/event-type/a.b").await.refuse(404, "not_found");
    s.delete("/event-type/a.b").await.refuse(404, "not_found");
    s.post("/event-type", json!({"name": "x"})).await.invalid("body", "description");
    s.post("/event-type", json!({"name": "a b", "description": ""})).await.invalid("body", "name");
    s.post("/event-type", json!({"name": "x", "description": "", "schemas": {"1": 1}}))
        .await
        .invalid("body", "schemas");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_does_not_see_event_types_behind_a_flag() {
    let s = server().await;
    let app = s.app("one").await;
    s.post("/event-type", json!({"name": "open", "description": ""})).await.expect(201);
    s.post("/event-type", json!({"name": "hidden", "description": "", "featureFlags": ["beta"]})).await.expect(201);
    let token = s.app_token("org_test", &app);
    let list = s.raw(&token, http::Method::GET, "/api/v1/event-type", "").await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().iter().map(|t| text(&t["name"])).collect::<Vec<_>>(), ["open"]);
    s.raw(&token, http::Method::GET, "/api/v1/event-type/hidden", "").await.refuse(404, "not_found");

    let access = s.post("/auth/app-portal-access/one", json!({"featureFlags": ["beta"]})).await.expect(200);
    let list = s.raw(&text(&access["token"]), http::Method::GET, "/api/v1/event-type", "").await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_types_are_imported_from_an_openapi_document() {
    let s = server().await;
    s.post("/event-type", json!({"name": "old", "description": "x"})).await.expect(201);
    s.post("/event-type", json!({"name": "pet.new", "description": "x", "archived": true})).await.expect(201);
    let spec = json!({"openapi": "3.1.0", "webhooks": {"pet.new": {"post": {"description": "A pet came"}}, "pet.gone": {"post": {}}}});
    let path = "/event-type/import/openapi";
    let dry = s.post(path, json!({"specRaw": spec.to_string(), "dryRun": true})).await.expect(200);
    assert_eq!(dry["data"]["modified"], json!(["pet.gone", "pet.new"]));
    assert_eq!(dry["data"]["to_modify"][1]["description"], "A pet came");
    s.get("/event-type/pet.gone").await.refuse(404, "not_found");
    s.post(path, json!({"spec": spec})).await.expect(200);
    let found = s.get("/event-type/pet.new").await.expect(200);
    assert_eq!((&found["description"], &found["archived"]), (&json!("A pet came"), &json!(false)));
    assert_eq!(s.get("/event-type/old").await.expect(200)["archived"], json!(false));
    let all = s.post(path, json!({"spec": spec, "replaceAll": true})).await.expect(200);
    assert_eq!(all["data"]["modified"], json!(["pet.gone", "pet.new", "old"]));
    assert_eq!(s.get("/event-type/old").await.expect(200)["archived"], json!(true));
    s.post(path, json!({"specRaw": "a: yaml"})).await.refuse(400, "bad_request");
    s.post(path, json!({})).await.refuse(400, "bad_request");
}
