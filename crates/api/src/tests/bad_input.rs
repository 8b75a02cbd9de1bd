//! Whatever comes in, the answer is a clear 4xx with a JSON body, and the server stands.

use super::{server, server_with};
use crate::routes::{ROUTES, Verb};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn path_of(template: &str) -> String {
    template.replace("{app_id}", "a").replace("{endpoint_id}", "e").replace(['{', '}'], "")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_body_makes_any_route_fail_itself() {
    let s = server().await;
    s.app("a").await;
    s.endpoint("a", "e").await;
    let token = s.org_token("org_test");
    let deep = "[".repeat(100_000);
    let bodies: [Bytes; 9] = [
        "".into(),
        "{".into(),
        "[]".into(),
        "null".into(),
        "\"x\"".into(),
        Bytes::from_static(b"{\"name\":\"\xff\xfe\"}"),
        Bytes::from_static(b"\0\0\0"),
        deep.clone().into(),
        format!("{{\"name\":{deep}").into(),
    ];
    for route in ROUTES.iter().filter(|r| matches!(r.verb, Verb::Post | Verb::Put | Verb::Patch)) {
        // An empty or absent object is all that these need.
        for body in &bodies {
            let method = Method::from_bytes(route.verb.as_str().as_bytes()).unwrap();
            let answer = s.raw(&token, method, &path_of(route.path), body.clone()).await;
            let status = answer.status.as_u16();
            assert!(status < 500, "{} {}: {status}", route.path, body.len());
            if status >= 400 {
                let problem = answer.json();
                let has_code = problem["code"].is_string() && problem["detail"].is_string();
                assert!(has_code || problem["detail"][0]["loc"].is_array(), "{}: {problem}", route.path);
            }
        }
    }
    s.get("/app/a").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_messages_are_refused() {
    let s = server().await;
    s.app("a").await;
    let token = s.org_token("org_test");
    let nested = |n: usize| format!(r#"{{"eventType":"x","payload":{{"a":{}{}}}}}"#, "[".repeat(n), "]".repeat(n));
    let cases: [(Bytes, u16); 9] = [
        ("".into(), 422),
        ("{\"eventType\":\"x\",\"payload\":{}".into(), 422),
        (Bytes::from_static(b"{\"eventType\":\"x\",\"payload\":{\"a\":\"\xff\"}}"), 422),
        ("{\"eventType\":\"x\",\"payload\":{\"a\":\"\0\"}}".into(), 422),
        ("{\"eventType\":\"x\",\"eventType\":\"x\",\"payload\":{}}".into(), 422),
        ("{\"eventType\":\"x\",\"payload\":{},\"data\":{}}".into(), 422),
        (nested(100_000).into(), 422),
        (nested(400_000).into(), 422),
        ("{\"eventType\":\"x\",\"payload\":{\"a\":1e999}}".into(), 202),
    ];
    for (body, status) in cases {
        let answer = s.raw(&token, Method::POST, "/api/v1/app/a/msg", body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{:?}: {:?}", &body[..body.len().min(80)], answer.body);
    }
    let many_keys: String = (0..100_000).map(|i| format!("\"{i}\":0,")).collect();
    let body = format!("{{\"eventType\":\"x\",\"payload\":{{{many_keys}\"z\":0}}}}");
    s.raw(&token, Method::POST, "/api/v1/app/a/msg?with_content=false", body).await.expect(202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_large_is_413_for_payload_and_body() {
    let s = server_with(|c| {
        c.payload_limit = 1000;
        c.request_body_limit = 5000;
    })
    .await;
    s.app("a").await;
    let message = |n: usize| json!({"eventType": "x", "payload": {"a": "x".repeat(n - 8)}});
    s.post("/app/a/msg", message(1000)).await.expect(202);
    s.post("/app/a/msg", message(1001)).await.refuse(413, "payload_too_large");
    s.post("/app/a/msg", message(6000)).await.refuse(413, "payload_too_large");
    s.post("/app/a/msg", message(3_000_000)).await.refuse(413, "payload_too_large");
    s.post("/app", json!({"name": "x".repeat(6000)})).await.refuse(413, "payload_too_large");
    let raw = json!({"eventType": "x", "transformationsParams": {"rawPayload": "x".repeat(1001)}});
    s.post("/app/a/msg", raw).await.refuse(413, "payload_too_large");

    // Without a length beforehand, it is counted while it comes.
    let token = s.org_token("org_test");
    let mut stream = TcpStream::connect(s.address).await.unwrap();
    let head = format!(
        "POST /api/v1/app/a/msg HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..20 {
        stream.write_all(format!("200\r\n{}\r\n", " ".repeat(0x200)).as_bytes()).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 20];
    stream.read_exact(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_routes_and_methods_are_json_and_never_501() {
    let s = server().await;
    let token = s.org_token("org_test");
    for path in [
        "/",
        "/api/v1",
        "/api/v1/nothing",
        "/api/v1/app/a/nothing",
        "/api/v2/app",
        "/api/v1/app/%ff",
        "/api/v1/app/a/b/c/d",
    ] {
        let answer = s.raw(&token, Method::GET, path, "").await;
        answer.refuse(404, "not_found");
    }
    for (method, path) in [
        (Method::DELETE, "/api/v1/app"),
        (Method::PATCH, "/api/v1/app/a/msg"),
        (Method::POST, "/api/v1/health"),
        (Method::from_bytes(b"BREW").unwrap(), "/api/v1/app"),
    ] {
        s.raw(&token, method, path, "").await.refuse(405, "method_not_allowed");
    }
    s.raw(&token, Method::GET, "/api/v1/app///", "").await.expect(200);
    s.raw(&token, Method::GET, "/api/v1/app/%61%20b", "").await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_or_too_long_headers_are_431() {
    let s = server().await;
    let request = |n: usize, len: usize| {
        let start = Request::builder().uri("/api/v1/health");
        let all = (0..n).fold(start, |r, i| r.header(format!("x-{i}"), "v".repeat(len)));
        all.body(Full::default()).unwrap()
    };
    s.send(request(90, 1)).await.expect(204);
    s.send(request(101, 1)).await.refuse(431, "headers_too_large");
    s.send(request(4, 9000)).await.refuse(431, "headers_too_large");
    // Far beyond, the server gives up before it knows what is asked.
    assert_eq!(s.send(request(250, 1)).await.status, 431);
    assert_eq!(s.send(request(30, 9000)).await.status, 431);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_bodies_are_415() {
    let s = server().await;
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/v1/app")
        .header("authorization", format!("Bearer {}", s.org_token("org_test")))
        .header("content-encoding", "gzip")
        .body(Full::new(Bytes::from_static(b"\x1f\x8b")))
        .unwrap();
    s.send(request).await.refuse(415, "unsupported_encoding");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_stalls_is_408_and_a_head_that_stalls_is_closed() {
    let s = server_with(|c| {
        c.limits.body_read_timeout = Duration::from_millis(100);
        c.limits.header_read_timeout = Duration::from_millis(100);
    })
    .await;
    let token = s.org_token("org_test");
    let head = format!(
        "POST /api/v1/app HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: 10\r\n\r\n{{"
    );
    let mut stream = TcpStream::connect(s.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");

    let mut stream = TcpStream::connect(s.address).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost:").await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
}
