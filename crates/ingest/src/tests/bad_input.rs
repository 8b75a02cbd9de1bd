//! What attackers and broken clients send: the right 4xx, bounded memory, and nobody else disturbed.

use crate::tests::world::{Answered, World, read_answer};
use serde_json::json;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use store::Source;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const LIMIT: usize = 64 * 1024;

async fn world() -> (World, Source) {
    let w = World::with(|c| {
        c.body_limit = LIMIT;
        c.body_read_timeout = Duration::from_millis(300);
    })
    .await;
    let source = w.source("any", "generic-webhook", json!({}), |_| ()).await;
    (w, source)
}

/// Refused with this status; nothing is stored, and the next request is served.
async fn check(w: &World, source: &Source, answered: &Answered, status: u16) {
    assert_eq!(answered.status, status, "{answered:?}");
    assert!(answered.header("postrider-request-id").is_empty());
    let before = w.requests(source).await.len();
    let next = format!("next {before}");
    assert_eq!(w.post(source, &[], next.as_bytes()).await.status, 200);
    assert_eq!(w.requests(source).await.len(), before + 1);
}

fn head(source: &Source, more: &str) -> String {
    format!("POST /in/{} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{more}\r\n", source.token)
}

#[tokio::test]
async fn a_body_may_be_as_long_as_the_limit_and_no_longer() {
    let (w, source) = world().await;
    assert_eq!(w.post(&source, &[], &vec![b'x'; LIMIT]).await.status, 200);
    check(&w, &source, &w.post(&source, &[], &vec![b'x'; LIMIT + 1]).await, 413).await;
    let small = w.source("small", "generic-webhook", json!({}), |s| s.options.body_limit = Some(10)).await;
    check(&w, &small, &w.post(&small, &[], b"12345678901").await, 413).await;
    assert_eq!(w.ingest.metrics().too_large.load(Relaxed), 2);
}

#[tokio::test]
async fn a_chunked_body_without_end_is_cut_off() {
    let (w, source) = world().await;
    let stream = TcpStream::connect(w.address).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let first = head(&source, "transfer-encoding: chunked\r\n");
    let endless = tokio::spawn(async move {
        to.write_all(first.as_bytes()).await.unwrap();
        let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
        let mut sent = 0_usize;
        while to.write_all(chunk.as_bytes()).await.is_ok() {
            sent += chunk.len();
        }
        sent
    });
    let mut answer = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut from, &mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{:?}", String::from_utf8_lossy(&answer));
    drop(from);
    let sent = endless.await.unwrap();
    assert!(sent < 64 << 20, "{sent} bytes were taken");
    // Of all that, only the request after it is kept.
    assert_eq!(w.post(&source, &[], b"next").await.status, 200);
    assert_eq!(w.requests(&source).await.len(), 1);
}

#[tokio::test]
async fn what_is_announced_too_long_is_refused_before_it_comes() {
    let (w, source) = world().await;
    let ten_gib = w.raw(head(&source, "content-length: 10737418240\r\n").as_bytes()).await;
    check(&w, &source, &ten_gib, 413).await;
    let asked = w.raw(head(&source, "content-length: 10737418240\r\nexpect: 100-continue\r\n").as_bytes()).await;
    check(&w, &source, &asked, 413).await;
    let unknown = head(&source, "content-length: 10737418240\r\n").replace("/in/any", "/in/nobody");
    assert_eq!(w.raw(unknown.as_bytes()).await.status, 404);
}

#[tokio::test]
async fn a_slow_sender_is_told_so_while_others_are_served() {
    let (w, source) = world().await;
    let slow = (0..50).map(|_| async {
        let mut stream = TcpStream::connect(w.address).await.unwrap();
        let begun = format!("{}only this", head(&source, "content-length: 1000\r\n"));
        stream.write_all(begun.as_bytes()).await.unwrap();
        stream
    });
    let mut streams = Vec::new();
    for one in slow {
        streams.push(one.await);
    }
    assert_eq!(w.post(&source, &[], b"meanwhile").await.status, 200);
    for stream in &mut streams {
        assert_eq!(read_answer(stream).await.status, 408);
    }
    assert_eq!(w.requests(&source).await.len(), 1);
    assert_eq!(w.ingest.metrics().timed_out.load(Relaxed), 50);
}

#[tokio::test]
async fn malformed_chunks_and_heads_are_bad_requests() {
    let (w, source) = world().await;
    let chunked = head(&source, "transfer-encoding: chunked\r\n");
    check(&w, &source, &w.raw(format!("{chunked}zz\r\nx\r\n").as_bytes()).await, 400).await;
    check(&w, &source, &w.raw(format!("{chunked}ffffffffffffffffff\r\nx\r\n").as_bytes()).await, 400).await;
    let both = head(&source, "transfer-encoding: chunked\r\ncontent-length: 3\r\n");
    let twice = head(&source, "content-length: 3\r\ncontent-length: 4\r\n");
    let mut raws = vec![twice.into_bytes()];
    for bad in [&b"x\0y: 1\r\n"[..], b"x\xff: 1\r\n", b"x y: 1\r\n", b": 1\r\n", b"x: a\0b\r\n"] {
        let mut raw = head(&source, "").into_bytes();
        let end = raw.len() - 2;
        raw.splice(end..end, bad.iter().copied());
        raws.push(raw);
    }
    raws.push(head(&source, "").replace("/in/any", "/in/any\0").into_bytes());
    for raw in raws {
        let answered = w.raw(&raw).await;
        check(&w, &source, &answered, 400).await;
    }
    // Which of the two lengths counts must not be a question: hyper takes the chunks.
    let smuggled = w.raw(format!("{both}0\r\n\r\n").as_bytes()).await;
    assert!([200, 400].contains(&smuggled.status));
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let (w, source) = world().await;
    for (count, len) in [(10_000, 1), (300, 1), (150, 1000)] {
        let many: String = (0..count).map(|n| format!("x-{n}: {}\r\n", "v".repeat(len))).collect();
        let answered = w.raw(head(&source, &many).as_bytes()).await;
        check(&w, &source, &answered, 431).await;
    }
    let most: String = (0..198).map(|n| format!("x-{n}: v\r\n")).collect();
    assert_eq!(w.raw(head(&source, &most).as_bytes()).await.status, 200);
}

#[tokio::test]
async fn odd_bytes_are_kept_as_they_came() {
    let (w, source) = world().await;
    // The head of a gzip bomb, a multipart without end, invalid UTF-8, NUL.
    let bodies: [(&str, &[u8]); 4] = [
        ("content-encoding: gzip\r\n", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xed\xc1"),
        (
            "content-type: multipart/form-data; boundary=b\r\n",
            b"--b\r\ncontent-disposition: form-data; name=\"\0\"\r\n\r\nx",
        ),
        ("content-type: application/json\r\n", b"{\"\xff\":\"\xc3\x28\"}"),
        ("content-type: text/plain\r\n", b"a\0b\r\n\r\nGET / HTTP/1.1\r\n"),
    ];
    for (header, body) in bodies {
        let mut raw = head(&source, &format!("{header}content-length: {}\r\n", body.len())).into_bytes();
        raw.extend_from_slice(body);
        assert_eq!(w.raw(&raw).await.status, 200, "{header}");
        assert_eq!(w.requests(&source).await.last().unwrap().body.as_ref().unwrap(), body);
    }
    let mut raw = head(&source, "content-length: 1\r\n").into_bytes();
    let end = raw.len() - 2;
    raw.splice(end..end, b"x-odd: \xff\xfe\r\n".iter().copied());
    raw.push(b'!');
    assert_eq!(w.raw(&raw).await.status, 200);
    assert_eq!(w.requests(&source).await.last().unwrap().head.header("x-odd"), Some(&b"\xff\xfe"[..]));
}

#[tokio::test]
async fn nothing_that_was_sent_gets_into_the_answers_headers() {
    let (w, source) = world().await;
    let injected = "%0d%0aset-cookie:%20a=b%0d%0a%00%1b%5b31m";
    for path in [format!("/in/{}/{injected}?q={injected}", source.token), format!("/in/{injected}")] {
        let answered = w.request("POST", &path, &[("x-a".into(), "%0d%0aset-cookie: a=b".into())], b"x").await;
        assert!(answered.header("set-cookie").is_empty());
        assert!(!answered.body.contains("set-cookie"));
    }
    assert_eq!(w.requests(&source).await[0].head.target(), format!("/{injected}?q={injected}"));
}

#[tokio::test]
async fn an_unknown_url_is_not_found_and_stores_nothing() {
    let (w, source) = world().await;
    for path in ["/in/", "/in/short", "/in/abcdefghijklmnopqrstuvwx", "/in/abcdefghijklmnop%2fxyz", "/other"] {
        let answered = w.request("POST", path, &[], b"body").await;
        check(&w, &source, &answered, 404).await;
        assert!(answered.body.contains("\"code\":\"not_found\""));
    }
}
