//! Captured requests: lists, bodies, accepting and replaying, exports.

use super::sources::receiving;
use super::{Server, text};
use bytes::Bytes;
use domain::{RequestHead, RequestId};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use store::{NewRequest, Received, Verdict};

/// Stores a request as if it had come to this URL; its public id.
pub(super) async fn capture(s: &Server, url: &Value, target: &str, verdict: Verdict, body: &[u8]) -> String {
    let url = text(url);
    let token = url.rsplit('/').next().unwrap();
    let source = s.store.source_route(token).await.unwrap().unwrap();
    let headers: [(&str, &[u8]); 3] = [("content-type", b"text/plain"), ("x-b", b"1"), ("x-a", b"=2")];
    let head = RequestHead::new("POST", target, "192.0.2.1".parse().unwrap(), true, headers.into_iter()).unwrap();
    let status = if matches!(verdict, Verdict::Refused(_)) { 401 } else { 200 };
    let new = NewRequest {
        source,
        route: None,
        head,
        body: Bytes::copy_from_slice(body),
        verdict,
        status,
        event_type: Some("push".into()),
        events: Vec::new(),
        dedup_window: Duration::from_secs(60),
    };
    match s.store.receive(new).await.unwrap() {
        Received::Stored(id) => s.store.codec().text::<RequestId>(id),
        Received::Duplicate { .. } => panic!("a request without keys is no duplicate"),
    }
}

fn refused() -> Verdict {
    Verdict::Refused("the header `x-hub-signature-256` is missing or empty".into())
}

async fn bin(s: &Server) -> Value {
    s.post("/bin", json!({"uid": "b"})).await.expect(201)
}

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|r| text(&r["id"])).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_listed_newest_first_and_narrowed() {
    let (s, _) = receiving().await;
    let url = &bin(&s).await["url"];
    let mut made = Vec::new();
    for (i, verdict) in [Verdict::Captured, refused(), Verdict::Accepted].into_iter().enumerate() {
        made.push(capture(&s, url, &format!("/{i}?q=1"), verdict, b"hello").await);
        s.clock.advance(Duration::from_secs(60));
    }
    let get = async |query: &str| s.get(&format!("/bin/b/request{query}")).await;
    let all = get("").await.expect(200);
    let newest_first: Vec<String> = made.iter().rev().cloned().collect();
    assert_eq!((ids(&all), &all["done"]), (newest_first.clone(), &json!(true)));
    let row = &all["data"][1];
    assert_eq!((&row["path"], &row["verdict"], &row["status"]), (&json!("/1"), &json!("refused"), &json!(401)));
    assert_eq!((&row["body"], &row["bodyLength"], &row["eventType"]), (&json!("hello"), &json!(5), &json!("push")));
    assert!(text(&row["reason"]).contains("x-hub-signature-256"));
    assert_eq!(ids(&get("?order=ascending").await.expect(200)), made);
    assert_eq!(ids(&get("?verdict=refused").await.expect(200)), made[1..2]);
    let first = get("?limit=2").await.expect(200);
    assert_eq!((ids(&first), &first["done"]), (newest_first[..2].to_vec(), &json!(false)));
    let rest = get(&format!("?limit=2&iterator={}", text(&first["iterator"]))).await.expect(200);
    assert_eq!((ids(&rest), &rest["done"]), (newest_first[2..].to_vec(), &json!(true)));
    let later = super::START.plus(Duration::from_secs(90));
    assert_eq!(ids(&get(&format!("?after={later}")).await.expect(200)), made[2..]);
    assert_eq!(ids(&get(&format!("?before={later}")).await.expect(200)), [made[1].clone(), made[0].clone()]);
    let bare = get("?with_content=false").await.expect(200);
    assert!(bare["data"].as_array().unwrap().iter().all(|r| r.get("body").is_none() && r["bodyLength"] == 5));
    get("?verdict=good").await.invalid("query", "verdict");
    get("?iterator=req_1").await.invalid("query", "iterator");
    get("?limit=251").await.invalid("query", "limit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_body_is_cut_in_a_list_and_whole_by_itself() {
    let (s, _) = receiving().await;
    let url = &bin(&s).await["url"];
    let long = "x".repeat(100_000);
    let id = capture(&s, url, "", Verdict::Captured, long.as_bytes()).await;
    let row = s.get("/bin/b/request").await.expect(200)["data"][0].clone();
    assert_eq!(
        (text(&row["body"]).len(), &row["bodyTruncated"], &row["bodyLength"]),
        (32_768, &json!(true), &json!(100_000))
    );
    let whole = s.get(&format!("/bin/b/request/{id}")).await.expect(200);
    assert_eq!((&whole["body"], whole.get("bodyTruncated")), (&json!(long), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_downloaded_byte_for_byte_and_never_shown() {
    let (s, _) = receiving().await;
    let url = &bin(&s).await["url"];
    let body = b"<script>alert(1)</script>\xff\x00";
    let id = capture(&s, url, "", Verdict::Captured, body).await;
    let raw = s.get(&format!("/bin/b/request/{id}/raw")).await;
    assert_eq!((raw.status.as_u16(), &raw.body[..]), (200, &body[..]));
    assert_eq!(raw.headers["content-type"], "application/octet-stream");
    assert_eq!(raw.headers["x-content-type-options"], "nosniff");
    assert_eq!(raw.headers["content-disposition"], format!("attachment; filename=\"{id}.bin\""));
    let empty = capture(&s, url, "", Verdict::Captured, b"").await;
    let raw = s.get(&format!("/bin/b/request/{empty}/raw")).await;
    assert_eq!((raw.status.as_u16(), raw.body.len()), (200, 0));
    assert_eq!(raw.headers["content-type"], "application/octet-stream");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_deleted_one_by_one_or_all() {
    let (s, _) = receiving().await;
    let url = &bin(&s).await["url"];
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(capture(&s, url, "", Verdict::Captured, b"").await);
    }
    let path = format!("/bin/b/request/{}", made[0]);
    s.delete(&path).await.expect(204);
    s.get(&path).await.refuse(404, "not_found");
    s.delete(&path).await.refuse(404, "not_found");
    assert_eq!(ids(&s.get("/bin/b/request").await.expect(200)).len(), 2);
    s.delete("/bin/b/request").await.expect(204);
    assert!(ids(&s.get("/bin/b/request").await.expect(200)).is_empty());
    s.get("/bin/b/request/req_1").await.refuse(404, "not_found");
    s.get("/bin/none/request").await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_request_is_accepted_once_and_replayed_as_often_as_asked() {
    let (s, _) = receiving().await;
    let made = bin(&s).await;
    let app = text(&made["appId"]);
    let id = capture(&s, &made["url"], "", refused(), b"{\"a\":1}").await;
    let post = async |id: &str, verb: &str| s.post(&format!("/bin/b/request/{id}/{verb}"), json!({})).await;
    post(&id, "replay").await.refuse(409, "conflict");
    let accepted = post(&id, "accept").await.expect(202);
    let message = text(&accepted["messageId"]);
    assert_eq!(accepted["id"], json!(id));
    let request = s.get(&format!("/bin/b/request/{id}")).await.expect(200);
    assert_eq!((&request["verdict"], &request["messageId"]), (&json!("accepted"), &json!(message)));
    let messages = async || s.get(&format!("/app/{app}/msg")).await.expect(200)["data"].as_array().unwrap().len();
    assert_eq!(messages().await, 1);
    assert_eq!(post(&id, "accept").await.expect(202)["messageId"], json!(message));
    assert_eq!(messages().await, 1);
    let again = text(&post(&id, "replay").await.expect(202)["messageId"]);
    assert_ne!(again, message);
    assert_eq!(messages().await, 2);

    let none = capture(&s, &made["url"], "", refused(), b"none").await;
    let problem = post(&none, "accept").await;
    problem.refuse(422, "no_events");
    assert_eq!(problem.json()["detail"], "the body has no event in it");
    let captured = capture(&s, &made["url"], "", Verdict::Captured, b"{}").await;
    post(&captured, "accept").await.refuse(409, "conflict");
    post(&captured, "replay").await.expect(202);
    let handshake = capture(&s, &made["url"], "", Verdict::Handshake, b"{}").await;
    post(&handshake, "accept").await.refuse(409, "conflict");
    post(&handshake, "replay").await.refuse(409, "conflict");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_a_source_has_what_was_refused() {
    let (s, _) = receiving().await;
    let made = bin(&s).await;
    capture(&s, &made["url"], "", Verdict::Accepted, b"a").await;
    let id = capture(&s, &made["url"], "", refused(), b"b").await;
    let log = s.ingest(Method::GET, "/b/log", None).await.expect(200);
    let [row] = &log["data"].as_array().unwrap()[..] else { panic!("{log}") };
    assert_eq!((&row["id"], &row["source_id"]), (&json!(id), &made["id"]));
    assert_eq!((&row["status_code"], &row["payload"]), (&json!(401), &json!("b")));
    assert_eq!(row["headers"]["x-a"], "=2");
    assert!(text(&row["error_text"]).contains("x-hub-signature-256"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_have_every_request_in_every_format() {
    let (s, _) = receiving().await;
    let made = bin(&s).await;
    // More than two pages.
    let mut all = Vec::new();
    for i in 0..40 {
        all.push(capture(&s, &made["url"], &format!("/{i}"), Verdict::Captured, b"it's\n=1").await);
    }
    s.clock.advance(Duration::from_secs(1));
    let export = async |query: &str| {
        let answer = s.get(&format!("/bin/b/export{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        assert!(answer.headers["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"src_"));
        String::from_utf8(answer.body.to_vec()).unwrap()
    };
    let ids = |text: &str| -> Vec<String> {
        text.lines().map(|l| super::text(&serde_json::from_str::<Value>(l).unwrap()["id"])).collect()
    };
    let oldest_first = export("?order=ascending").await;
    assert_eq!(ids(&oldest_first), all);
    let newest_first = export("?format=ndjson").await;
    assert_eq!(ids(&newest_first), all.iter().rev().cloned().collect::<Vec<_>>());
    assert_eq!(export("?format=csv").await.matches(",captured,").count(), 40);
    let har: Value = serde_json::from_str(&export("?format=har").await).unwrap();
    let entries = har["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 40);
    assert_eq!(entries[39]["request"]["url"], json!(format!("{}/0", text(&made["url"]))));
    assert_eq!(export("?format=curl").await.matches(r"--data-raw 'it'\''s").count(), 40);
    assert_eq!(export("?verdict=refused").await, "");
    s.get("/bin/b/export?format=xml").await.invalid("query", "format");
    let by_source = s.ingest(Method::GET, "/b/export", None).await;
    assert_eq!(by_source.body, newest_first.as_bytes());
}
