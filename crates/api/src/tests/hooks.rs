//! Hooks and the list that is polled in their place.

use super::{Server, server, server_with, text};
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use signing::SignatureType;
use store::{NewAttempt, Next, Settlement};

const URL: &str = "https://hooks.example.com/1";

async fn with_app() -> Server {
    let s = server().await;
    s.app("a").await;
    s
}
async fn subscribe(s: &Server, more: Value) -> Value {
    let mut body = json!({"targetUrl": URL, "appId": "a"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    s.post("/hook", body).await.expect(201)
}
async fn event(s: &Server, event_type: &str, payload: Value) -> String {
    text(&s.post("/app/a/msg", json!({"eventType": event_type, "payload": payload})).await.expect(202)["id"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_makes_an_endpoint_and_ends_once() {
    let s = with_app().await;
    let answer = s.post("/hook", json!({"hookUrl": URL, "event": "link.clicked", "appId": "a"})).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let made = answer.expect(201);
    let id = text(&made["id"]);
    assert!(id.starts_with("ep_") && text(&made["secret"]).starts_with("whsec_"));
    assert_eq!((&made["url"], &made["eventTypes"]), (&json!(URL), &json!(["link.clicked"])));
    assert_eq!(made["appId"], s.get("/app/a").await.expect(200)["id"]);
    let shown = s.get(&format!("/app/a/endpoint/{id}")).await.expect(200);
    assert_eq!((&shown["url"], &shown["filterTypes"]), (&json!(URL), &json!(["link.clicked"])));
    assert_eq!(s.get(&format!("/app/a/endpoint/{id}/secret")).await.expect(200)["key"], made["secret"]);

    s.delete(&format!("/hook/{id}")).await.expect(204);
    s.delete(&format!("/hook/{id}")).await.refuse(404, "not_found");
    s.get(&format!("/app/a/endpoint/{id}")).await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_says_what_it_wants() {
    let s = with_app().await;
    s.post("/event-type", json!({"name": "paid", "description": ""})).await.expect(201);
    let given = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let more = json!({"eventTypes": ["form.submitted", "paid"], "channels": ["human"], "firstPer": "data.link",
        "secret": given});
    let made = subscribe(&s, more).await;
    assert_eq!((&made["eventTypes"], &made["firstPer"]), (&json!(["form.submitted", "paid"]), &json!("data.link")));
    assert_eq!((&made["channels"], &made["secret"]), (&json!(["human"]), &json!(given)));
    let all = subscribe(&s, json!({})).await;
    assert_eq!((&all["eventTypes"], all.get("firstPer")), (&Value::Null, None));
    for name in ["targetUrl", "hookUrl", "url", "target_url", "hook_url"] {
        assert_eq!(s.post("/hook", json!({name: URL, "appId": "a"})).await.expect(201)["url"], URL);
    }
    let check = async |body: Value, field: &str| s.post("/hook", body).await.invalid("body", field);
    check(json!({"appId": "a"}), "targetUrl").await;
    check(json!({"appId": "a", "url": "http://127.0.0.1/"}), "url").await;
    check(json!({"appId": "a", "url": URL, "hookUrl": "https://example.com/2"}), "url").await;
    check(json!({"appId": "a", "url": URL, "event": "a", "eventTypes": ["b"]}), "event").await;
    check(json!({"appId": "a", "url": URL, "event": "no.such"}), "eventTypes").await;
    check(json!({"appId": "a", "url": URL, "event": 5}), "event").await;
    check(json!({"appId": "a", "url": URL, "firstPer": "."}), "firstPer").await;
    check(json!({"appId": "a b", "url": URL}), "appId").await;
    s.post("/hook", json!({"appId": "none", "url": URL})).await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_are_listed_and_other_endpoints_are_none() {
    let s = with_app().await;
    let endpoint = s.endpoint("a", "e").await;
    let (first, second) = (subscribe(&s, json!({})).await, subscribe(&s, json!({"event": "link.clicked"})).await);
    let list = s.get("/hook?appId=a").await.expect(200);
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|h| &h["id"]).collect();
    assert_eq!(ids, [&first["id"], &second["id"]]);
    assert!(list["data"][0].get("secret").is_none() && list["done"] == true);
    let page = s.get("/hook?appId=a&limit=1").await.expect(200);
    let next = s.get(&format!("/hook?appId=a&limit=1&iterator={}", text(&page["iterator"]))).await.expect(200);
    assert_eq!((&next["data"][0]["id"], &next["done"]), (&second["id"], &json!(true)));
    s.delete(&format!("/hook/{endpoint}")).await.refuse(404, "not_found");
    s.get("/app/a/endpoint/e").await.expect(200);
    s.delete("/hook/ep_none").await.refuse(404, "not_found");
    let path = format!("/api/v1/hook/{}", text(&first["id"]));
    s.raw(&s.org_token("org_other"), Method::DELETE, &path, "").await.refuse(404, "not_found");
    s.get("/hook?appId=%20").await.invalid("query", "appId");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_subscription_gets_the_same_hook_and_its_secret() {
    let s = with_app().await;
    let post = async || {
        let request = Request::post("/api/v1/hook")
            .header("authorization", format!("Bearer {}", s.org_token("org_test")))
            .header("idempotency-key", "once")
            .body(Full::new(json!({"url": URL, "appId": "a"}).to_string().into()));
        s.send(request.unwrap()).await
    };
    let made = post().await.expect(201);
    assert_eq!(post().await.expect(201), made);
    assert_eq!(s.get("/hook?appId=a").await.expect(200)["data"].as_array().unwrap().len(), 1);
    s.delete(&format!("/hook/{}", text(&made["id"]))).await.expect(204);
    post().await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ed25519_hook_shows_its_public_key() {
    let s = server_with(|c| c.default_signature_type = SignatureType::Ed25519).await;
    s.app("a").await;
    assert!(text(&subscribe(&s, json!({})).await["secret"]).starts_with("whpk_"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_gone_ends_the_subscription() {
    let s = with_app().await;
    let hook = subscribe(&s, json!({})).await;
    s.endpoint("a", "e").await;
    s.message("a", "x").await;
    for lease in s.leases.lock().await.next().await.unwrap() {
        s.store.settle(Settlement {
            key: lease.key,
            endpoint: lease.endpoint.clone(),
            cause: lease.cause,
            attempts: 0,
            payload_bytes: lease.bytes() as u32,
            attempt: Some(NewAttempt {
                success: false,
                status_code: 410,
                duration_us: 1,
                response: "".into(),
                gone: true,
                detail: Vec::new(),
            }),
            next: Next::Dead(domain::DeadReason::Gone),
            lane: None,
        });
    }
    s.store.ready().await.unwrap();
    s.delete(&format!("/hook/{}", text(&hook["id"]))).await.refuse(404, "not_found");
    assert_eq!(s.get("/hook?appId=a").await.expect(200)["data"], json!([]));
    assert_eq!(s.get("/app/a/endpoint/e").await.expect(200)["disabled"], true, "another endpoint stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_a_plain_list_newest_first() {
    let s = with_app().await;
    assert_eq!(s.get("/event?appId=a").await.expect(200), json!([]));
    let time = "2026-11-21T12:00:00.000Z";
    let first = json!({"type": "link.clicked", "timestamp": time, "data": {"link": "link_1", "id": "mine"}});
    let first = event(&s, "link.clicked", first).await;
    let second = event(&s, "form.submitted", json!({"type": "form.submitted", "data": {"form": "form_1"}})).await;
    let third = event(&s, "other", json!({"n": 1})).await;
    let all = s.get("/event?appId=a").await.expect(200);
    assert_eq!(all.as_array().unwrap().iter().map(|e| text(&e["id"])).collect::<Vec<_>>(), [third, second, first]);
    let want =
        json!({"id": all[2]["id"], "type": "link.clicked", "timestamp": time, "link": "link_1", "data_id": "mine"});
    assert_eq!(all[2], want);
    assert_eq!((&all[0]["n"], &all[0]["type"]), (&json!(1), &json!("other")));
    assert!(text(&all[0]["timestamp"]).ends_with('Z'));
    for (query, types) in [
        ("event=link.clicked", vec!["link.clicked"]),
        ("event=link.clicked,other", vec!["other", "link.clicked"]),
        ("event=none", vec![]),
        ("event_types=other", vec!["other"]),
        ("limit=1", vec!["other"]),
        ("limit=2&event=", vec!["other", "form.submitted"]),
    ] {
        let got = s.get(&format!("/event?appId=a&{query}")).await.expect(200);
        assert_eq!(got.as_array().unwrap().iter().map(|e| text(&e["type"])).collect::<Vec<_>>(), types, "{query}");
    }
    s.get("/event?appId=a&limit=101").await.invalid("query", "limit");
    s.get("/event?appId=a&limit=x").await.refuse(400, "invalid_query");
    s.get("/event?appId=a&event=a%20b").await.invalid("query", "event");
    s.get("/event?appId=none").await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_of_events_is_whole_and_large_ones_make_it_short() {
    let s = with_app().await;
    for n in 0..45 {
        event(&s, "x", json!({"n": n})).await;
    }
    let got = s.get("/event?appId=a&limit=43").await.expect(200);
    let numbers: Vec<_> = got.as_array().unwrap().iter().map(|e| e["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (2..45).rev().collect::<Vec<_>>());
    let last = got[0]["id"].clone();
    s.delete(&format!("/app/a/msg/{}/content", text(&last))).await.expect(204);
    assert_eq!(
        s.get("/event?appId=a&limit=1").await.expect(200)[0]["n"],
        43,
        "what has no content any more is left out"
    );
    for _ in 0..30 {
        event(&s, "x", json!({"big": "x".repeat(1_000_000)})).await;
    }
    let got = s.get("/event?appId=a&limit=100").await.expect(200);
    assert_eq!(got.as_array().unwrap().len(), 20);
}
