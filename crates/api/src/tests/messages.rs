//! Messages, one and many.

use super::{server, server_with, text};
use http::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_accepted_read_listed_and_emptied() {
    let s = server().await;
    s.app("a").await;
    s.endpoint("a", "e").await;
    let body = json!({"eventType": "x.y", "eventId": "ev-1", "payload": {"n": [1, {"é": null}]}, "channels": ["c"],
        "tags": ["t"], "payloadRetentionPeriod": 30});
    let made = s.post("/app/a/msg", body).await.expect(202);
    assert_eq!(made["payload"], json!({"n": [1, {"é": null}]}));
    assert_eq!((&made["eventId"], &made["channels"], &made["tags"]), (&json!("ev-1"), &json!(["c"]), &json!(["t"])));
    assert_eq!(made["timestamp"], "2026-11-21T07:44:00.000Z");
    let id = text(&made["id"]);
    for name in [id.as_str(), "ev-1"] {
        assert_eq!(s.get(&format!("/app/a/msg/{name}")).await.expect(200), made);
    }
    assert_eq!(s.get(&format!("/app/a/msg/{id}?with_content=false")).await.expect(200)["payload"], json!({}));
    assert_eq!(s.get("/app/a/msg").await.expect(200)["data"], json!([made]));
    s.post("/app/a/msg", json!({"eventType": "x", "eventId": "ev-1", "payload": {}})).await.refuse(409, "conflict");

    let lease = s.leases.lock().await.next().await.unwrap();
    assert_eq!(lease[0].payload, r#"{"n":[1,{"é":null}]}"#);

    s.delete(&format!("/app/a/msg/{id}/content")).await.expect(204);
    assert_eq!(s.get(&format!("/app/a/msg/{id}")).await.expect(200)["payload"], json!({"expired": true}));
    s.get("/app/a/msg/none").await.refuse(404, "not_found");
    s.get("/app/none/msg").await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payload_bytes_reach_the_lease_and_the_answer_as_they_came() {
    let s = server().await;
    s.app("a").await;
    s.endpoint("a", "e").await;
    let payload = "{ \"b\" : 1.10e0 ,\n\"b\":\"\\u00e9\\u0000é\", \"a\":[ ] }";
    let body = format!("{{\"eventType\":\"x\",\"payload\":{payload}}}");
    let token = s.org_token("org_test");
    let answer = s.raw(&token, Method::POST, "/api/v1/app/a/msg/", body).await;
    answer.expect(202);
    assert!(std::str::from_utf8(&answer.body).unwrap().contains(payload), "{:?}", answer.body);
    assert_eq!(s.leases.lock().await.next().await.unwrap()[0].payload, payload);
    let with_none = s.post("/app/a/msg?with_content=false", json!({"eventType": "x", "payload": {"a": 1}})).await;
    assert_eq!(with_none.expect(202)["payload"], json!({}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raw_payload_is_delivered_verbatim() {
    let s = server().await;
    s.app("a").await;
    s.endpoint("a", "e").await;
    let body = json!({"eventType": "x", "payload": {}, "transformationsParams": {"rawPayload": "<a>&\n</a>"}});
    let made = s.post("/app/a/msg", body).await.expect(202);
    assert_eq!(made["payload"], json!({"rawPayload": "<a>&\n</a>"}));
    assert_eq!(s.leases.lock().await.next().await.unwrap()[0].payload, "<a>&\n</a>");
    assert_eq!(s.get(&format!("/app/a/msg/{}", text(&made["id"]))).await.expect(200), made);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_may_bring_its_application() {
    let s = server().await;
    let body = |uid: Value| json!({"eventType": "x", "payload": {}, "application": {"name": "New", "uid": uid}});
    s.post("/app/new/msg", json!({"eventType": "x", "payload": {}})).await.refuse(404, "not_found");
    s.post("/app/new/msg", body(json!("other"))).await.invalid("body", "application");
    let bad = s.post("/app/new/msg", json!({"eventType": "x", "payload": {}, "application": {"uid": "new"}})).await;
    assert_eq!(bad.expect(422)["detail"][0]["loc"], json!(["body", "application", "name"]));
    s.post("/app/new/msg", body(json!("new"))).await.expect(202);
    s.post("/app/new/msg", body(json!(null))).await.expect(202);
    assert_eq!(s.get("/app/new").await.expect(200)["name"], "New");
    s.post("/app/app_000000000000000000000000000/msg", body(json!(null))).await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_has_one_answer_for_each_message_in_order() {
    let s = server_with(|c| c.payload_limit = 100).await;
    s.app("a").await;
    s.endpoint("a", "e").await;
    let messages = json!([
        {"eventType": "one", "payload": {"n": 1}, "eventId": "id-1"},
        {"eventType": "b a d", "payload": {}},
        {"eventType": "two", "payload": {"n": 2}},
        {"eventType": "three", "payload": {"big": "x".repeat(100)}},
        {"eventType": "four", "payload": {}, "eventId": "id-1"},
        7,
    ]);
    let answer = s.post("/app/a/msg/batch", json!({"messages": messages})).await.expect(202);
    let data = answer["data"].as_array().unwrap();
    let statuses: Vec<_> = data.iter().map(|d| d["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [202, 422, 202, 413, 409, 422]);
    assert_eq!((&data[0]["message"]["eventType"], &data[2]["message"]["payload"]), (&json!("one"), &json!({"n": 2})));
    assert_eq!(data[1]["error"]["detail"][0]["loc"], json!(["body", "eventType"]));
    assert_eq!(
        (&data[3]["error"]["code"], &data[4]["error"]["code"]),
        (&json!("payload_too_large"), &json!("conflict"))
    );
    assert_eq!(s.get("/app/a/msg").await.expect(200)["data"].as_array().unwrap().len(), 2);

    let bare = s.post("/app/a/msg/batch", json!([{"eventType": "one", "payload": {}}])).await.expect(202);
    assert_eq!(bare["data"][0]["status"], 202);
    let message = json!({"eventType": "one", "payload": {}});
    let thousand = s.post("/app/a/msg/batch", json!(vec![message.clone(); 1000])).await.expect(202);
    assert_eq!(thousand["data"].as_array().unwrap().len(), 1000);
    s.post("/app/a/msg/batch", json!(vec![message; 1001])).await.invalid("body", "messages");
    s.post("/app/a/msg/batch", json!({"messages": []})).await.invalid("body", "messages");
    s.post("/app/a/msg/batch", json!({"messages": 1})).await.expect(422);
    s.post("/app/none/msg/batch", json!([{}])).await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_for_later_shows_when() {
    let s = server().await;
    s.app("a").await;
    let body = json!({"eventType": "x", "payload": {}, "deliverAt": "2026-11-21T09:44:00+01:00"});
    let made = s.post("/app/a/msg", body).await.expect(202);
    assert_eq!(made["deliverAt"], "2026-11-21T08:44:00.000Z");
    assert_eq!(s.get(&format!("/app/a/msg/{}", text(&made["id"]))).await.expect(200), made);
}
