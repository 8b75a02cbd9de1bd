//! Attempts, settled by hand where the engine would.

use super::{Server, server, text};
use domain::{AttemptDetail, Clock, HeaderLines, HttpVersion, Stages};
use http::Method;
use serde_json::{Value, json};
use store::{Lease, NewAttempt, Next, Settlement};

/// Settles every lease that is waiting as this answer, and waits until it is on disk.
async fn settle(s: &Server, status_code: u16, response: &'static [u8], next: Next) {
    let leases: Vec<Lease> = s.leases.lock().await.next().await.unwrap();
    for lease in leases {
        s.store.settle(Settlement {
            key: lease.key,
            payload_bytes: u32::try_from(lease.payload.len()).unwrap(),
            endpoint: lease.endpoint,
            cause: lease.cause,
            attempts: lease.attempts,
            attempt: Some(NewAttempt {
                success: next == Next::Delivered,
                status_code,
                duration_us: 12_345,
                response: response.into(),
                gone: false,
                detail: detail().pack(),
            }),
            next,
            lane: None,
        });
    }
    s.store.ready().await.unwrap();
}

/// What those attempts noted of themselves.
pub(super) fn detail() -> AttemptDetail {
    let headers = [("server", &b"a\xff"[..]), ("set-cookie", b"sid=1"), ("retry-after", b"30"), ("server", b"b")];
    AttemptDetail {
        stages: Stages { connect_us: Some(2_345), first_byte_us: Some(9_000), body_us: Some(55), ..Stages::default() },
        http_version: Some(HttpVersion::Http11),
        peer: Some(([203, 0, 113, 9], 443).into()),
        headers: Some(HeaderLines::collect(|| headers.into_iter(), 2048)),
        ..AttemptDetail::default()
    }
}

async fn one_failed() -> (Server, String, Value) {
    let s = server().await;
    s.app("a").await;
    s.endpoint("a", "e").await;
    let message = s.message("a", "x").await;
    settle(&s, 500, b"no\0\xff", Next::Dead(domain::DeadReason::Exhausted)).await;
    let list = s.get(&format!("/app/a/attempt/msg/{message}")).await.expect(200);
    (s, message, list["data"][0].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_is_found_by_message_by_endpoint_and_by_itself() {
    let (s, message, attempt) = one_failed().await;
    assert_eq!(attempt["response"], "no\0\u{fffd}");
    assert_eq!((&attempt["responseStatusCode"], &attempt["responseDurationMs"]), (&json!(500), &json!(12)));
    assert_eq!(
        (&attempt["status"], &attempt["statusText"], &attempt["triggerType"]),
        (&json!(2), &json!("fail"), &json!(0))
    );
    assert_eq!(attempt["msgId"], json!(message));
    assert_eq!(attempt["url"], "https://example.com/hook");
    let by_endpoint = s.get("/app/a/attempt/endpoint/e").await.expect(200);
    assert_eq!(by_endpoint["data"], json!([attempt]));
    let path = format!("/app/a/msg/{message}/attempt/{}", text(&attempt["id"]));
    assert_eq!(s.get(&path).await.expect(200), attempt);

    s.delete(&format!("{path}/content")).await.expect(204);
    let left = s.get(&path).await.expect(200);
    assert_eq!(left["response"], "EXPUNGED");
    assert!(left.get("timings").is_none() && left.get("responseHeaders").is_none(), "{left}");
    s.get(&format!("/app/a/msg/{message}/attempt/atmpt_x")).await.refuse(404, "not_found");
    s.get("/app/a/attempt/msg/none").await.refuse(404, "not_found");
    s.get("/app/a/attempt/endpoint/none").await.refuse(404, "not_found");
    s.get("/app/a/attempt/endpoint/none?status=1").await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_says_how_it_spent_its_time_and_to_operators_where_it_went() {
    let (s, message, attempt) = one_failed().await;
    let mut timings = json!({
        "connectMs": 2.345, "firstByteMs": 9.0, "bodyMs": 0.055, "totalMs": 12.4,
        "reused": false, "httpVersion": "1.1", "address": "203.0.113.9:443",
    });
    let headers = json!({"retry-after": "30", "server": "a\u{fffd}, b", "set-cookie": "***"});
    assert_eq!((&attempt["timings"], &attempt["responseHeaders"]), (&timings, &headers));
    let bare = s.get("/app/a/attempt/endpoint/e?with_content=false").await.expect(200)["data"][0].clone();
    assert_eq!(bare["timings"], timings);
    assert!(bare.get("responseHeaders").is_none(), "{bare}");
    let app = text(&s.get("/app/a").await.expect(200)["id"]);
    let path = format!("/api/v1/app/a/msg/{message}/attempt/{}", text(&attempt["id"]));
    let seen = s.raw(&s.app_token("org_test", &app), Method::GET, &path, "").await.expect(200);
    timings.as_object_mut().unwrap().remove("address");
    assert_eq!((&seen["timings"], &seen["responseHeaders"]), (&timings, &headers));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_are_filtered() {
    let (s, message, attempt) = one_failed().await;
    let count = async |query: &str| {
        let by_endpoint = s.get(&format!("/app/a/attempt/endpoint/e?{query}")).await.expect(200);
        let by_message = s.get(&format!("/app/a/attempt/msg/{message}?{query}")).await.expect(200);
        assert_eq!(by_endpoint["data"], by_message["data"], "{query}");
        by_endpoint["data"].as_array().unwrap().len()
    };
    for (query, want) in [
        ("status=2", 1),
        ("status=0", 0),
        ("status=1", 0),
        ("status_code_class=500", 1),
        ("status_code_class=200", 0),
        ("event_types=x,z", 1),
        ("event_types=z", 0),
        ("channel=c", 0),
        ("before=2026-11-21T07:44:00Z", 0),
        ("after=2026-11-21T07:43:00Z", 1),
    ] {
        assert_eq!(count(query).await, want, "{query}");
    }
    let list = s.get("/app/a/attempt/endpoint/e?with_msg=true&with_content=false").await.expect(200);
    assert_eq!((&list["data"][0]["msg"]["id"], &list["data"][0]["response"]), (&json!(message), &json!("")));
    let own = s.get(&format!("/app/a/attempt/msg/{message}?endpoint_id=e")).await.expect(200);
    assert_eq!(own["data"][0]["id"], attempt["id"]);
    s.get("/app/a/attempt/endpoint/e?status=5").await.invalid("query", "status");
    s.get("/app/a/attempt/endpoint/e?status=x").await.refuse(400, "invalid_query");
    s.get("/app/a/attempt/endpoint/e?status_code_class=250").await.invalid("query", "status_code_class");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_and_its_endpoint_tell_the_same_state() {
    let (s, message, _) = one_failed().await;
    let states = async || {
        let messages = s.get("/app/a/endpoint/e/msg").await.expect(200)["data"][0].clone();
        let endpoints = s.get(&format!("/app/a/msg/{message}/endpoint")).await.expect(200)["data"][0].clone();
        for key in ["status", "statusText", "nextAttempt"] {
            assert_eq!(messages[key], endpoints[key], "{key}");
        }
        assert_eq!((&messages["id"], &endpoints["uid"]), (&json!(message), &json!("e")));
        text(&messages["statusText"])
    };
    assert_eq!(states().await, "fail");
    let path = format!("/app/a/msg/{message}/endpoint/e/resend");
    assert_eq!(s.post(&path, json!(null)).await.expect(202), json!({}));
    settle(&s, 200, b"ok", Next::Delivered).await;
    let newest = s.get("/app/a/attempt/endpoint/e?status=0").await.expect(200)["data"][0].clone();
    assert_eq!((&newest["triggerType"], &newest["responseStatusCode"]), (&json!(1), &json!(200)));
    let stats = s.get("/app/a/endpoint/e/stats").await.expect(200);
    assert_eq!(stats["success"], 1);

    s.patch("/app/a/endpoint/e", json!({"disabled": true})).await.expect(200);
    s.post(&path, json!({})).await.refuse(409, "conflict");
    s.post(&format!("/app/a/msg/{message}/endpoint/none/resend"), json!({})).await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_shows_when_it_is_due() {
    let s = server().await;
    s.app("a").await;
    s.endpoint("a", "e").await;
    s.message("a", "x").await;
    settle(&s, 503, b"", Next::RetryAt(super::START.plus(std::time::Duration::from_secs(300)))).await;
    let row = s.get("/app/a/endpoint/e/msg?status=1").await.expect(200)["data"][0].clone();
    assert_eq!((&row["status"], &row["nextAttempt"]), (&json!(1), &json!("2026-11-21T07:49:00.000Z")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_request_of_a_message_is_signed_anew_and_keeps_sensitive_headers_to_itself() {
    let s = server().await;
    s.app("a").await;
    let body = json!({"url": "https://example.com/hook", "uid": "e", "headers": {"x-plain": "it's", "authorization": "Bearer no"}});
    s.post("/app/a/endpoint", body).await.expect(201);
    let message = s.message("a", "x").await;
    let request = s.get(&format!("/app/a/msg/{message}/endpoint/e/request")).await.expect(200);
    assert_eq!((&request["method"], &request["url"]), (&json!("POST"), &json!("https://example.com/hook")));
    assert_eq!((&request["body"], &request["hidden"]), (&json!("{\"n\":1}"), &json!(["authorization"])));
    let headers: Vec<(String, String)> = serde_json::from_value(request["headers"].clone()).unwrap();
    let find = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_bytes());
    let secret = text(&s.get("/app/a/endpoint/e/secret").await.expect(200)["key"]);
    let keys = signing::VerifyKeys::parse([secret.as_str()]).unwrap();
    let now_s = s.clock.now().millis() / 1000;
    keys.verify(&signing::SignedHeaders::find(find).unwrap(), b"{\"n\":1}", now_s, 5).unwrap();
    let curl = text(&request["curl"]);
    assert!(curl.contains("-H 'x-plain: it'\\''s'") && !curl.contains("Bearer"), "{curl}");
    assert!(curl.contains("# The header authorization is left out"), "{curl}");
    s.delete(&format!("/app/a/msg/{message}/content")).await.expect(204);
    s.get(&format!("/app/a/msg/{message}/endpoint/e/request")).await.refuse(409, "conflict");
}
