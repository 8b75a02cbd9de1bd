//! The server around the API: health, metrics, CORS, keep-alive, the end.

use super::{server, server_on, server_with};
use http::{Method, Request};
use http_body_util::Full;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_needs_no_token_and_metrics_name_no_tenant() {
    let s = server().await;
    for path in ["/api/v1/health", "/api/v1/health/", "/api/v1/health/ping"] {
        assert_eq!(s.raw("", Method::GET, path, "").await.status, 204);
        assert_eq!(s.raw("", Method::HEAD, path, "").await.status, 204);
    }
    s.raw("", Method::GET, "/livez", "").await.expect(200);
    s.raw("", Method::GET, "/readyz", "").await.expect(200);
    s.app("acme").await;
    s.message("acme", "x").await;
    s.get("/nothing").await.refuse(404, "not_found");
    let metrics = s.raw("", Method::GET, "/metrics", "").await;
    assert!(metrics.headers["content-type"].to_str().unwrap().starts_with("text/plain"));
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    for line in [
        "postrider_http_requests_total{route=\"/api/v1/app/{app_id}/msg\",method=\"POST\",status=\"2xx\"} 1",
        "postrider_http_requests_total{route=\"unmatched\",method=\"any\",status=\"4xx\"} 1",
        "postrider_http_request_duration_seconds_count{route=\"/api/v1/app\",method=\"POST\"} 1",
        "postrider_store_messages_accepted_total 1",
        "postrider_test_metric 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("acme"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_may_call_from_any_origin_unless_told_otherwise() {
    let preflight = |path: &str| {
        Request::builder()
            .method(Method::OPTIONS)
            .uri(path)
            .header("origin", "https://portal.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
            .body(Full::default())
            .unwrap()
    };
    let s = server().await;
    let paths = ["/api/v1/app/a/endpoint", "/ingest/api/v1/source", "/ingest/api/v1/source/a/endpoint"];
    for path in paths {
        let answer = s.send(preflight(path)).await;
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        assert_eq!(answer.headers["access-control-allow-headers"], "authorization,content-type");
        assert!(answer.headers["access-control-allow-methods"].to_str().unwrap().contains("PATCH"));
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    }

    let get_from =
        |path: &str, origin: &str| Request::builder().uri(path).header("origin", origin).body(Full::default()).unwrap();
    let get = |origin: &str| get_from("/api/v1/app", origin);
    for path in ["/api/v1/app", "/ingest/api/v1/source"] {
        let answer = s.send(get_from(path, "https://a.example")).await;
        assert_eq!(answer.headers["access-control-allow-origin"], "*", "on errors too");
    }

    let s = server_with(|c| c.cors = vec!["https://a.example".into()]).await;
    let answer = s.send(get("https://a.example")).await;
    assert_eq!(answer.headers["access-control-allow-origin"], "https://a.example");
    assert_eq!(answer.headers["vary"], "origin");
    assert!(!s.send(get("https://b.example")).await.headers.contains_key("access-control-allow-origin"));
    for path in paths {
        assert!(!s.send(preflight(path)).await.headers.contains_key("access-control-allow-origin"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_url_is_where_portal_links_lead() {
    let s = server_with(|c| c.public_url = Some("https://hooks.example.com/".into())).await;
    s.app("a").await;
    let url = s.post("/auth/app-portal-access/a", json!({})).await.expect(200)["url"].clone();
    assert!(url.as_str().unwrap().starts_with("https://hooks.example.com/portal?org=org_test#key="));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_server_finishes_the_request_in_flight_and_takes_no_new_one() {
    let mut s = server().await;
    let token = s.org_token("org_test");
    let mut stream = TcpStream::connect(s.address).await.unwrap();
    let body = r#"{"name":"last"}"#;
    let head = format!(
        "POST /api/v1/app HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body: the request is in flight.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    s.stop.take().unwrap().send(()).unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 201"), "{}", String::from_utf8_lossy(&answer));
    assert!(s.stopped.take().unwrap().await.unwrap(), "drained in time");
    assert!(TcpStream::connect(s.address).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_beyond_the_limit_wait_their_turn() {
    let s = server_with(|c| c.limits.max_connections = 1).await;
    let mut first = TcpStream::connect(s.address).await.unwrap();
    first.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut byte = [0; 1];
    first.read_exact(&mut byte).await.unwrap();
    let mut second = TcpStream::connect(s.address).await.unwrap();
    second.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    drop(first);
    let mut answer = Vec::new();
    second.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_carries_many_requests() {
    let s = server().await;
    let mut stream = TcpStream::connect(s.address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(b"HEAD /api/v1/health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 204");
        let mut rest = Vec::new();
        while !rest.ends_with(b"\r\n\r\n") {
            rest.push(stream.read_u8().await.unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_503_with_a_time_to_come_back() {
    let s = server_on(u64::MAX, |_| {}).await;
    s.app("a").await;
    let full = s.post("/app/a/msg", json!({"eventType": "x", "payload": {}})).await;
    full.refuse(503, "unavailable");
    assert!(full.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 0);
    let batch = s.post("/app/a/msg/batch", json!([{"eventType": "x", "payload": {}}])).await.expect(202);
    assert_eq!((&batch["data"][0]["status"], &batch["data"][0]["error"]["code"]), (&json!(503), &json!("unavailable")));
    assert_eq!(s.get("/app/a/msg").await.expect(200)["data"], json!([]));
}
