//! Requests that are passed through, and documents that are fetched, over real sockets.

use super::support::{Bench, OK, Server, header, loopback_rules, patient, responded};
use crate::config::SignatureHeaders;
use crate::courier::Outgoing;
use crate::fetch::FetchError;
use bytes::Bytes;
use domain::RequestHead;
use std::time::Duration;

const LIMIT: usize = 1000;
const PATIENCE: Duration = Duration::from_secs(20);

fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> RequestHead {
    let headers = headers.iter().map(|(n, v)| (*n, v.as_bytes()));
    RequestHead::new(method, target, "192.0.2.7".parse().unwrap(), true, headers).unwrap()
}

async fn passed(bench: &Bench, head: &RequestHead, body: &'static str) -> String {
    let server = Server::answering(OK).await;
    let target = bench.target(&format!("{}?own=1", server.url()));
    let body = Bytes::from_static(body.as_bytes());
    let outgoing = Outgoing { id: "msg_1", body: &body, passage: Some(head), is_watched: false };
    assert_eq!(bench.courier.attempt(&target, outgoing).await.outcome, responded(200));
    server.requests().pop().unwrap()
}

#[tokio::test]
async fn method_query_headers_and_bytes_are_the_originals() {
    let original = head("PUT", "/x?a=1", &[("content-type", "text/xml"), ("x-github-event", "push"), ("host", "old")]);
    let request = passed(&Bench::new(patient()), &original, "<a/>").await;
    assert!(request.starts_with("PUT /hook?own=1&a=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n<a/>"));
    assert_eq!(header(&request, "content-type"), Some("text/xml"));
    assert_eq!(header(&request, "x-github-event"), Some("push"));
    assert_ne!(header(&request, "host"), Some("old"));
    assert_eq!(header(&request, "x-forwarded-for"), Some("192.0.2.7"));
    assert_eq!(header(&request, "webhook-id"), Some("msg_1"));
    assert!(header(&request, "webhook-signature").unwrap().starts_with("v1,"));
}

#[tokio::test]
async fn a_providers_own_signature_is_left_alone_and_ours_goes_under_the_other_names() {
    let theirs = [("webhook-id", "theirs"), ("webhook-timestamp", "1"), ("webhook-signature", "v1,theirs")];
    let request = passed(&Bench::new(patient()), &head("POST", "", &theirs), "{}").await;
    assert_eq!(header(&request, "webhook-id"), Some("theirs"));
    assert_eq!(header(&request, "webhook-signature"), Some("v1,theirs"));
    assert_eq!(header(&request, "svix-id"), Some("msg_1"));
    let mut both = patient();
    both.signature_headers = SignatureHeaders::Both;
    let request = passed(&Bench::new(both), &head("POST", "", &theirs), "{}").await;
    assert_eq!((header(&request, "webhook-id"), header(&request, "svix-id")), (Some("theirs"), Some("msg_1")));
}

#[tokio::test]
async fn a_get_without_a_body_has_none() {
    let request = passed(&Bench::new(patient()), &head("GET", "?a", &[]), "").await;
    assert!(request.starts_with("GET /hook?own=1&a HTTP/1.1\r\n"), "{request}");
    assert_eq!(header(&request, "content-length"), None);
    assert_eq!(header(&request, "content-type"), None);
}

#[tokio::test]
async fn a_document_is_fetched_whole_or_not_at_all() {
    let bench = Bench::new(patient());
    let server = Server::answering(OK).await;
    assert_eq!(bench.courier.get(&server.url(), LIMIT, PATIENCE).await, Ok(Bytes::from_static(b"ok")));
    assert!(server.requests().pop().unwrap().starts_with("GET /hook HTTP/1.1\r\n"));
    assert_eq!(bench.courier.get(&server.url(), 1, PATIENCE).await, Err(FetchError::TooLong(1)));
    let asked = Bytes::from_static(br#"{"key_id":"1"}"#);
    assert_eq!(bench.courier.post(&server.url(), asked, LIMIT, PATIENCE).await, Ok(Bytes::from_static(b"ok")));
    let request = server.requests().pop().unwrap();
    assert!(request.starts_with("POST /hook HTTP/1.1\r\n") && request.ends_with("{\"key_id\":\"1\"}"), "{request}");
    assert_eq!(header(&request, "content-type"), Some("application/json"));
    let elsewhere = Server::answering("HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(bench.courier.get(&elsewhere.url(), LIMIT, PATIENCE).await, Err(FetchError::Status(302)));
    assert_eq!(elsewhere.requests().len(), 1);
}

#[tokio::test]
async fn a_document_in_a_private_network_is_not_fetched() {
    let mut strict = patient();
    strict.rules = domain::target::TargetRules::default();
    assert_ne!(format!("{:?}", strict.rules.guard), format!("{:?}", loopback_rules().guard));
    let bench = Bench::new(strict);
    let server = Server::answering(OK).await;
    assert!(bench.courier.get(&server.url(), LIMIT, PATIENCE).await.is_err());
    assert_eq!(server.connection_count(), 0);
    assert!(matches!(bench.courier.get("no url", LIMIT, PATIENCE).await, Err(FetchError::Url(_))));
}
