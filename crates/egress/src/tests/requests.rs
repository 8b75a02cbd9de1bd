//! What a receiver gets: headers, signature, body.

use super::support::*;
use crate::{Courier, CourierConfig, CourierError, Outgoing, ProxyUrl, SignatureHeaders};
use bytes::Bytes;
use domain::{Outcome, RefusedRule, Unreachable};
use signing::{EndpointSecret, SigningKeys};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const BODY: &[u8] = br#"{"hello":"world"}"#;

fn signature(secrets: &[&str], timestamp_s: i64) -> String {
    let secrets: Vec<_> = secrets.iter().map(|s| EndpointSecret::parse(s).unwrap()).collect();
    let mut text = String::new();
    SigningKeys::new(&secrets).sign_into("msg_1", timestamp_s, BODY, &mut text);
    text
}

async fn one_request(config: CourierConfig, headers_json: &str) -> String {
    let server = Server::answering(OK).await;
    let bench = Bench::new(config);
    let mut route = route(&format!("{}?a=b", server.url()));
    if !headers_json.is_empty() {
        route.headers_sealed = seal_headers(headers_json);
    }
    assert_eq!(bench.attempt(&bench.prepare(&route).unwrap()).await.outcome, responded(200));
    server.requests().remove(0)
}

#[tokio::test]
async fn a_request_is_a_standard_webhook() {
    let request = one_request(patient(), "").await;
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{head}");
    let signature = signature(&[SECRET], NOW_S);
    for (name, value) in [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", "1800000000"),
        ("webhook-signature", signature.as_str()),
        ("content-type", "application/json"),
        ("content-length", "17"),
        ("accept-encoding", "identity"),
        ("user-agent", "Postrider/0.1 (+https://github.com/postrider/postrider)"),
    ] {
        assert_eq!(header(head, name), Some(value), "{name}");
    }
    assert!(header(head, "host").unwrap().starts_with("127.0.0.1:"));
    assert_eq!(header(head, "svix-id"), None);
    assert_eq!(body.as_bytes(), BODY);
}

#[tokio::test]
async fn signature_headers_go_under_the_names_that_are_configured() {
    for (names, webhook, svix) in [
        (SignatureHeaders::Webhook, true, false),
        (SignatureHeaders::Svix, false, true),
        (SignatureHeaders::Both, true, true),
    ] {
        let request = one_request(CourierConfig { signature_headers: names, ..patient() }, "").await;
        for part in ["id", "timestamp", "signature"] {
            let (ours, theirs) =
                (header(&request, &format!("webhook-{part}")), header(&request, &format!("svix-{part}")));
            assert_eq!((ours.is_some(), theirs.is_some()), (webhook, svix));
            assert!(ours.is_none() || theirs.is_none() || ours == theirs);
        }
    }
}

#[tokio::test]
async fn custom_headers_are_sent_but_never_in_place_of_the_senders_own() {
    let custom = r#"{"X-Api-Key":"k","authorization":"Bearer t","Host":"evil","content-length":"1","transfer-encoding":"chunked",
        "webhook-id":"x","User-Agent":"x","bad name":"x","x-bad-value":"a\r\nb"}"#;
    let request = one_request(patient(), custom).await;
    assert_eq!(header(&request, "x-api-key"), Some("k"));
    assert_eq!(header(&request, "authorization"), Some("Bearer t"));
    assert_eq!(header(&request, "content-length"), Some("17"));
    assert_eq!(header(&request, "webhook-id"), Some("msg_1"));
    assert!(header(&request, "user-agent").unwrap().starts_with("Postrider"));
    assert!(header(&request, "host").unwrap().starts_with("127.0.0.1"));
    assert!(!request.to_ascii_lowercase().contains("transfer-encoding") && !request.contains("bad"));
}

#[tokio::test]
async fn old_secrets_sign_until_they_expire_after_the_current_one() {
    let server = Server::answering(OK).await;
    let bench = Bench::new(patient());
    let mut route = route(&server.url());
    let third = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    route.secrets.push(seal_secret(OLD_SECRET, Some((NOW_S + 10) * 1000)));
    route.secrets.push(seal_secret(third, Some((NOW_S + 20) * 1000)));
    let target = bench.prepare(&route).unwrap();
    for (now_s, signing) in [
        (NOW_S, &[SECRET, OLD_SECRET, third][..]),
        (NOW_S + 9, &[SECRET, OLD_SECRET, third]),
        (NOW_S + 10, &[SECRET, third]),
        (NOW_S + 20, &[SECRET]),
        (NOW_S + 99, &[SECRET]),
    ] {
        bench.clock.now_ms.store(now_s * 1000, Ordering::Relaxed);
        assert_eq!(bench.attempt(&target).await.outcome, responded(200));
        let request = server.requests().pop().unwrap();
        assert_eq!(header(&request, "webhook-timestamp"), Some(now_s.to_string().as_str()));
        assert_eq!(header(&request, "webhook-signature"), Some(signature(signing, now_s).as_str()));
    }
}

#[tokio::test]
async fn an_empty_and_a_large_body_arrive_as_they_are() {
    let server = Server::answering(OK).await;
    let bench = Bench::new(patient());
    let target = bench.target(&server.url());
    for length in [0, 1, 1_000_000] {
        let body = Bytes::from(vec![b'x'; length]);
        let report = bench
            .courier
            .attempt(&target, Outgoing { id: "msg_1", body: &body, passage: None, is_watched: false })
            .await;
        assert_eq!(report.outcome, responded(200));
        let request = server.requests().pop().unwrap();
        assert_eq!(header(&request, "content-length"), Some(length.to_string().as_str()));
        assert!(request.ends_with(&format!("\r\n\r\n{}", "x".repeat(length))));
    }
    assert_eq!(server.connection_count(), 1);
}

#[tokio::test]
async fn an_endpoint_that_may_not_be_sent_to_is_refused_with_its_rule() {
    let mut strict = patient();
    strict.rules.https_only = true;
    assert_eq!(Bench::new(strict).prepare(&route("http://example.com/")).err(), Some(RefusedRule::HttpsOnly));
    let bench = Bench::new(patient());
    assert_eq!(bench.prepare(&route("http://10.0.0.1/")).err(), Some(RefusedRule::Address));
    assert_eq!(bench.prepare(&route("gopher://example.com/")).err(), Some(RefusedRule::Url));
    let mut other = route("http://example.com/");
    other.endpoint = domain::EndpointId(8);
    assert_eq!(bench.prepare(&other).err(), Some(RefusedRule::Secret), "sealed for another endpoint");
}

#[tokio::test]
async fn the_configuration_is_checked_at_the_start() {
    let make = |config| {
        let bench = Bench::new(patient());
        Courier::new(config, bench.clock, Arc::new(TestRng)).err()
    };
    let config = CourierConfig { user_agent: "a\nb".to_owned(), ..patient() };
    assert!(matches!(make(config), Some(CourierError::UserAgent)));
    let config = CourierConfig { extra_ca_file: Some("/nonexistent".into()), ..patient() };
    assert!(matches!(make(config), Some(CourierError::CaFile { .. })));
    let empty = tempfile::NamedTempFile::new().unwrap();
    let config = CourierConfig { extra_ca_file: Some(empty.path().into()), ..patient() };
    assert!(matches!(make(config), Some(CourierError::CaFile { .. })));
}

#[tokio::test]
async fn a_proxy_gets_plain_requests_in_absolute_form() {
    let proxy = Server::answering(OK).await;
    let url = ProxyUrl::parse(&format!("http://us%20er:p+w&@{}", proxy.address)).ok();
    let dialer = Arc::new(RecordingDial { leads_to: Some(proxy.address), ..RecordingDial::default() });
    let config = CourierConfig { proxy: url, ..patient() };
    let bench = Bench::with_network(config, StubResolver::new([None]), dialer.clone());
    assert_eq!(bench.outcome("http://hooks.example.com/a?b").await, responded(200), "the proxy looks names up");
    assert_eq!(*dialer.dialled.lock(), [proxy.address]);
    let request = proxy.requests().remove(0);
    assert!(request.starts_with("POST http://hooks.example.com/a?b HTTP/1.1\r\n"), "{request}");
    assert_eq!(header(&request, "host"), Some("hooks.example.com"));
    assert_eq!(header(&request, "proxy-authorization"), Some("Basic dXMgZXI6cCt3Jg=="));
}

#[tokio::test]
async fn a_proxy_that_refuses_a_tunnel_is_an_outcome() {
    for answer in ["HTTP/1.1 403 No\r\n\r\n", "nonsense\r\n\r\n"] {
        let proxy = Server::answering(answer).await;
        let url = ProxyUrl::parse(&format!("http://{}", proxy.address)).ok();
        let bench = Bench::new(CourierConfig { proxy: url, ..patient() });
        let outcome = bench.outcome("https://hooks.example.com/a").await;
        assert_eq!(outcome, Outcome::Unreachable { why: Unreachable::Proxy });
        let request = proxy.requests().remove(0);
        assert!(request.starts_with("CONNECT hooks.example.com:443 HTTP/1.1\r\nhost: hooks.example.com:443\r\n"));
    }
}

#[test]
fn a_proxys_url_holds_nothing_but_where_it_is() {
    for bad in ["", "proxy:3128", "https://proxy:3128", "http://proxy:3128/path", "http://proxy:3128?x", "socks5://p"] {
        assert!(ProxyUrl::parse(bad).is_err(), "{bad}");
    }
    assert!(ProxyUrl::parse("http://proxy:3128").is_ok());
}
