//! Imports of links: good rows are kept, bad ones named, and what was cut off goes on.

use super::{Answer, Server, server, server_with, text};
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATH: &str = "/api/v1/link/import";

impl Server {
    async fn csv(&self, method: Method, path: &str, kind: &str, file: impl Into<Vec<u8>>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("content-type", kind)
            .header("authorization", format!("Bearer {}", self.org_token("org_test")))
            .body(Full::new(file.into().into()))
            .unwrap();
        self.send(request).await
    }
    async fn import(&self, file: impl Into<Vec<u8>>) -> Value {
        self.csv(Method::POST, PATH, "text/csv", file).await.expect(201)
    }

    /// A request that sends `file` and then nothing more, although it announced more.
    async fn unfinished(&self, method: &str, path: &str, file: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let token = self.org_token("org_test");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: text/csv\r\n\
             content-length: {}\r\n\r\n",
            file.len() + 1_000
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(file.as_bytes()).await.unwrap();
        stream
    }

    /// Waits until the only import is as `is_so` says.
    async fn until(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        loop {
            let list = self.get("/link/import").await.expect(200);
            if let Some(import) = list["data"].as_array().unwrap().first()
                && is_so(import)
            {
                return import.clone();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

#[track_caller]
fn figures(import: &Value, want: [u64; 4]) {
    let got = ["line", "created", "unchanged", "failed"].map(|name| import[name].as_u64().unwrap());
    assert_eq!(got, want, "line, created, unchanged, failed: {import}");
}

fn rows(range: std::ops::Range<usize>) -> String {
    range.fold(String::new(), |mut text, n| {
        writeln!(text, "https://x.test/{n},s{n}").unwrap();
        text
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_becomes_links_and_bad_rows_are_named_by_their_line() {
    let s = server().await;
    let file = "Target;Slug;Name;Tags;Notes\r\n\
                https://x.test/1;one;=1+1;a,b;\r\n\
                \"https://x.test/2\";;\"two\r\nlines\";;x\r\n\
                javascript:alert(1);three;;;\r\n\
                https://x.test/4;one;;;\r\n\
                https://x.test/1;one;;;\r\n\
                ;;;;\r\n\
                https://x.test/5\r\n";
    let import = s.import(file).await;
    figures(&import, [9, 2, 1, 3]);
    assert_eq!((&import["status"], &import["name"]), (&json!("finished"), &json!("Import")));
    assert_eq!(import["ignoredColumns"], json!(["Notes"]));
    let lines: Vec<_> = import["errors"].as_array().unwrap().iter().map(|e| e["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [5, 6, 9]);
    assert!(text(&import["errors"][0]["text"]).starts_with("target must begin with http://"), "{import}");

    let id = text(&import["id"]);
    let shown = s.get(&format!("/link/import/{id}")).await.expect(200);
    assert_eq!((&shown["errors"], &shown["ignoredColumns"]), (&import["errors"], &Value::Null));
    let page = s.get(&format!("/link/import/{id}/error?limit=2")).await.expect(200);
    assert_eq!((page["data"].as_array().unwrap().len(), &page["done"]), (2, &json!(false)));
    let rest = format!("/link/import/{id}/error?iterator={}", text(&page["iterator"]));
    let rest = s.get(&rest).await.expect(200);
    assert_eq!((&rest["data"][0]["line"], &rest["done"]), (&json!(9), &json!(true)));
    s.csv(Method::PUT, &format!("{PATH}/{id}"), "text/csv", file).await.refuse(409, "conflict");
    let other = s.raw(&s.org_token("org_other"), Method::GET, &format!("{PATH}/{id}"), "").await;
    other.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_none_is_refused_and_leaves_no_import() {
    let s = server().await;
    for (kind, file) in [
        ("text/csv", &b""[..]),
        ("text/csv", b"link,name\nhttps://x.test/,a\n"),
        ("text/csv", b"https://x.test/,a\n"),
        ("text/csv", b"\xff\xfet\0a\0r\0g\0e\0t\0\n\0"),
        ("text/csv", b"\"target\n"),
    ] {
        s.csv(Method::POST, PATH, kind, file).await.invalid("body", "csv");
    }
    for kind in ["application/x-www-form-urlencoded", "application/json", "text/csv; charset=utf-16"] {
        let answer = s.csv(Method::POST, PATH, kind, "target\n").await;
        answer.refuse(415, "unsupported_media_type");
    }
    s.csv(Method::POST, &format!("{PATH}?appId=none"), "text/csv", "target\n").await.invalid("query", "appId");
    let long = format!("{PATH}?name={}", "x".repeat(257));
    s.csv(Method::POST, &long, "text/csv", "target\n").await.invalid("query", "name");
    s.csv(Method::PUT, &format!("{PATH}/imp_1"), "text/csv", "target\n").await.refuse(404, "not_found");
    assert_eq!(s.get("/link/import").await.expect(200)["data"], json!([]));
    // And one of which nothing is wrong but that it has no rows.
    figures(&s.import("target\n").await, [0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_file_that_is_still_being_sent_gets_its_answer() {
    let s = server().await;
    let mut file = b"nothing,we,know\n".to_vec();
    file.resize(4 << 20, b'x');
    s.csv(Method::POST, PATH, "text/csv", file).await.invalid("body", "csv");
    // Who asks beforehand is not told to send what is refused by its head.
    let mut stream = TcpStream::connect(s.address).await.unwrap();
    let token = s.org_token("org_test");
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: text/plain\r\n\
         content-length: 1000000\r\nexpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 415"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_left_unfinished_goes_on_with_a_put() {
    let s = server().await;
    let file = format!("target,slug\n{}", rows(0..5_000));
    let stream = s.unfinished("POST", PATH, &format!("{file}https://x.test/cut")).await;
    let running = s.until(|i| i["created"] == 5_000).await;
    assert_eq!(running["status"], "running");
    let path = format!("{PATH}/{}", text(&running["id"]));
    s.csv(Method::PUT, &path, "text/csv", &*file).await.refuse(409, "conflict");
    drop(stream);
    let stopped = s.until(|i| i["status"] == "stopped").await;
    figures(&stopped, [5_001, 5_000, 0, 0]);
    let file = format!("{file}{}oops,x\n", rows(5_000..5_010));
    let import = s.csv(Method::PUT, &path, "text/csv", file).await.expect(200);
    figures(&import, [5_012, 5_010, 0, 1]);
    assert_eq!((&import["status"], &import["errors"][0]["line"]), (&json!("finished"), &json!(5_012)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_slow_client_are_taken_while_it_is_silent() {
    let s = server().await;
    let _stream = s.unfinished("POST", PATH, &format!("target,slug\n{}", rows(0..3))).await;
    let running = s.until(|i| i["created"] == 3).await;
    figures(&running, [4, 3, 0, 0]);
    assert_eq!(running["status"], "running");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_server_ends_an_import_and_says_how_to_go_on() {
    let mut s = server().await;
    let mut stream = s.unfinished("POST", PATH, &format!("target,slug\n{}", rows(0..3_000))).await;
    let running = s.until(|i| i["created"] == 3_000).await;
    s.stop.take().unwrap().send(()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    let id = text(&running["id"]);
    let hint = format!("The import {id} stopped after line 3001: send the same file again with PUT {PATH}/{id},");
    assert!(answer.contains(&hint), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_has_limits_of_size_of_silence_and_of_number() {
    let s = server_with(|c| c.import_body_limit = 200).await;
    let file = format!("target,slug\n{}", rows(0..3));
    // Announced, and not announced.
    let long = format!("{file}{}", "\n".repeat(200));
    s.csv(Method::POST, PATH, "text/csv", &*long).await.refuse(413, "payload_too_large");
    let mut stream = TcpStream::connect(s.address).await.unwrap();
    let token = s.org_token("org_test");
    let mut request = format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    for part in [&file, &"\n".repeat(200)] {
        write!(request, "{:x}\r\n{part}\r\n", part.len()).unwrap();
    }
    stream.write_all(format!("{request}0\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
    figures(&s.until(|i| i["status"] == "stopped").await, [4, 3, 0, 0]);

    let s = server_with(|c| {
        // Longer than rows wait for a full batch.
        c.limits.body_read_timeout = Duration::from_millis(1_200);
        c.limits.max_imports = 1;
    })
    .await;
    let mut silent = s.unfinished("POST", PATH, "target\nhttps://x.test/\n").await;
    s.until(|i| i["status"] == "running").await;
    s.csv(Method::POST, PATH, "text/csv", "target\n").await.refuse(503, "unavailable");
    let mut answer = String::new();
    silent.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("stopped after line 2"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_goes_to_the_application_that_is_named() {
    let s = server().await;
    let app = s.app("shop").await;
    let path = format!("{PATH}?appId=shop&name=Spring%20sale");
    let import = s.csv(Method::POST, &path, "text/csv; charset=UTF-8", "url\nhttps://x.test/\n").await.expect(201);
    assert_eq!((&import["appId"], &import["name"]), (&json!(app), &json!("Spring sale")));
    figures(&import, [2, 1, 0, 0]);
}
