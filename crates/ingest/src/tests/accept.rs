//! Requests that are verified, stored and become messages; or are refused, held, and released.

use crate::tests::world::{SECRET, World};
use domain::{DeliveryMode, SourceState};
use ipnet::IpNet;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use store::{Profile, SourcePatch, Verdict};

fn config() -> Value {
    json!({"secret": SECRET})
}

#[tokio::test]
async fn a_verified_request_is_stored_as_it_came_and_becomes_a_message() {
    let w = World::new().await;
    let source = w.source("gh", "github", config(), |_| ()).await;
    let body = br#"{"ref": "refs/heads/main", "n": 1.50}"#;
    let mut headers = w.signed(&source, &config(), body, "d1");
    headers.push(("X-Twice".into(), "1".into()));
    headers.push(("X-Twice".into(), "2".into()));
    let path = format!("/in/{}/sub%2Fpath?a=1&&b", source.token);
    let answered = w.request("POST", &path, &headers, body).await;
    assert_eq!((answered.status, &*answered.body), (200, ""));
    assert_eq!(answered.header("cache-control"), "no-store");

    let stored = w.requests(&source).await.remove(0);
    assert_eq!(stored.id, w.id(&answered));
    assert_eq!((&stored.verdict, stored.status, stored.messages), (&Verdict::Accepted, 200, 1));
    assert_eq!((stored.head.method(), stored.head.target()), ("POST", "/sub%2Fpath?a=1&&b"));
    assert_eq!(stored.head.remote(), "127.0.0.1".parse::<IpAddr>().unwrap());
    let twice: Vec<_> = stored.head.headers().filter(|(n, _)| *n == "x-twice").map(|(_, v)| v.to_vec()).collect();
    assert_eq!(twice, [b"1", b"2"]);
    assert_eq!(stored.body.unwrap(), &body[..]);
    let messages = w.messages(&source).await;
    assert_eq!((messages.len(), &*messages[0].event_type), (1, "push"));
    assert_eq!(messages[0].payload.as_ref().unwrap(), &body[..]);
}

#[tokio::test]
async fn in_message_mode_it_is_wrapped() {
    let w = World::new().await;
    let source = w.source("gh", "github", config(), |s| s.options.delivery = DeliveryMode::Message).await;
    let body = br#"{"n": 1.50}"#;
    w.post(&source, &w.signed(&source, &config(), body, "d1"), body).await;
    let messages = w.messages(&source).await;
    let payload = messages[0].payload.clone().unwrap();
    let text = std::str::from_utf8(&payload).unwrap();
    assert!(
        text.starts_with(r#"{"type":"push","timestamp":"2026-"#) && text.ends_with(r#","data":{"n": 1.50}}"#),
        "{text}"
    );
    assert_eq!(w.requests(&source).await[0].body.as_ref().unwrap(), &body[..]);
}

#[tokio::test]
async fn sixty_four_parallel_copies_make_one_message_and_get_one_answer() {
    let w = std::sync::Arc::new(World::new().await);
    let source = w.source("gh", "github", config(), |s| s.options.response.status = Some(202)).await;
    let body = br#"{"n": 1}"#;
    let headers = w.signed(&source, &config(), body, "d1");
    let mut copies = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (w, source, headers) = (w.clone(), source.clone(), headers.clone());
        copies.spawn(async move {
            let answered = w.post(&source, &headers, body).await;
            (answered.status, w.id(&answered))
        });
    }
    let answers = copies.join_all().await;
    let requests = w.requests(&source).await;
    assert_eq!((requests.len(), requests[0].duplicates), (1, 63));
    assert!(answers.iter().all(|answer| *answer == (202, requests[0].id)), "{answers:?}");
    assert_eq!(w.messages(&source).await.len(), 1);
    assert_eq!(w.ingest.metrics().duplicates.load(Relaxed), 63);
}

#[tokio::test]
async fn a_refused_request_is_stored_with_its_reason_and_can_be_accepted_by_hand() {
    let w = World::new().await;
    let source = w.source("gh", "github", config(), |_| ()).await;
    let wrong = json!({"secret": "another secret"});
    let answered = w.post(&source, &w.signed(&source, &wrong, b"{}", "d1"), b"{}").await;
    assert_eq!(answered.status, 401);
    let problem: Value = serde_json::from_str(&answered.body).unwrap();
    assert_eq!(problem["code"], "signature_refused");
    assert_eq!(w.post(&source, &[], b"{}").await.status, 401);
    assert_eq!(w.get(&format!("/in/{}", source.token)).await.status, 401);
    let refused = w.requests(&source).await;
    assert_eq!(refused.len(), 3);
    assert!(refused.iter().all(|r| matches!(&r.verdict, Verdict::Refused(why) if !why.is_empty()) && r.status == 401));
    assert!(w.messages(&source).await.is_empty());

    let route = w.store.source_route_of(source.id).await.unwrap();
    let events = w.ingest.events(&route, &refused[0]).unwrap();
    let message = w.store.accept_request(route, refused[0].id, events, true).await.unwrap();
    let messages = w.messages(&source).await;
    assert_eq!((messages.len(), Some(messages[0].id), &*messages[0].event_type), (1, message, "push"));
    assert_eq!(w.requests(&source).await[0].verdict, Verdict::Accepted);
    // The provider's own retry is a copy now, and is told that all is well.
    let again = w.post(&source, &w.signed(&source, &config(), b"{}", "d1"), b"{}").await;
    assert_eq!((again.status, w.id(&again)), (200, refused[0].id));
}

#[tokio::test]
async fn what_comes_while_a_source_is_paused_is_released_once_it_is_live() {
    let w = World::new().await;
    let source = w.source("gh", "github", config(), |s| s.state = SourceState::Paused).await;
    for n in 0..3 {
        let body = format!(r#"{{"n":{n}}}"#);
        let headers = w.signed(&source, &config(), body.as_bytes(), &format!("d{n}"));
        assert_eq!(w.post(&source, &headers, body.as_bytes()).await.status, 200);
    }
    let copy = w.signed(&source, &config(), b"{}", "d1");
    assert_eq!(w.post(&source, &copy, b"{}").await.status, 200);
    assert!(w.requests(&source).await.iter().all(|r| r.verdict == Verdict::Held));
    w.ingest.release_held().await.unwrap();
    assert!(w.messages(&source).await.is_empty(), "it is paused still");

    w.change(&source, SourcePatch { state: Some(SourceState::Live), ..SourcePatch::default() }).await;
    w.ingest.release_held().await.unwrap();
    w.ingest.release_held().await.unwrap();
    let payloads: Vec<_> = w.messages(&source).await.into_iter().map(|m| m.payload.unwrap()).collect();
    assert_eq!(payloads, [&br#"{"n":0}"#[..], br#"{"n":1}"#, br#"{"n":2}"#]);
    assert!(w.requests(&source).await.iter().all(|r| r.verdict == Verdict::Accepted));
    assert_eq!(w.ingest.metrics().released.load(Relaxed), 3);
}

#[tokio::test]
async fn each_event_of_a_batch_is_deduplicated_for_itself() {
    let w = World::new().await;
    let source = w.source("hs", "hubspot_v3", config(), |s| s.options.delivery = DeliveryMode::Message).await;
    let element =
        |id: u32| format!(r#"{{"eventId":{id},"subscriptionId":1,"occurredAt":5,"subscriptionType":"contact.e{id}"}}"#);
    for batch in [[1, 2], [2, 3], [3, 1]] {
        let body = format!("[{},{}]", element(batch[0]), element(batch[1]));
        let headers = w.signed(&source, &config(), body.as_bytes(), "");
        assert_eq!(w.post(&source, &headers, body.as_bytes()).await.status, 200);
    }
    let types: Vec<_> = w.messages(&source).await.into_iter().map(|m| m.event_type).collect();
    assert_eq!(types, ["contact.e1", "contact.e2", "contact.e3"]);
    let requests = w.requests(&source).await;
    assert_eq!(requests.iter().map(|r| r.messages).collect::<Vec<_>>(), [2, 1]);
}

#[tokio::test]
async fn the_public_url_is_what_is_signed() {
    let w = World::with(|c| c.public_url = Some("https://hooks.example.com".into())).await;
    let source = w.source("sq", "square", config(), |_| ()).await;
    let body = br#"{"event_id":"e1","type":"t"}"#;
    // Signed for the URL that the server is reached at inside.
    let inside = w.signed(&source, &config(), body, "");
    assert_eq!(w.post(&source, &inside, body).await.status, 401);
    // Without the setting, it is what the organisation says of itself.
    let said = World::new().await;
    let source = said.source("sq", "square", config(), |_| ()).await;
    let (inside, elsewhere) = (said.signed(&source, &config(), body, ""), "https://hooks.example.com");
    let profile = Profile { public_url: Some(elsewhere.into()), ..Profile::default() };
    said.store.set_profile(said.org, profile).await.unwrap();
    assert_eq!(said.post(&source, &inside, body).await.status, 401);
    let own = World::new().await;
    let source = own.source("sq", "square", config(), |_| ()).await;
    assert_eq!(own.post(&source, &own.signed(&source, &config(), body, ""), body).await.status, 200);
}

#[tokio::test]
async fn addresses_that_are_not_allowed_are_refused_behind_proxies_too() {
    let w = World::with(|c| c.trusted_proxies = vec!["127.0.0.1/32".parse::<IpNet>().unwrap()]).await;
    let only = json!({"secret": SECRET, "allowIps": ["203.0.113.0/24"]});
    let source = w.source("gh", "github", only, |_| ()).await;
    let from = async |forwarded: &str, id: &str| {
        let mut headers = w.signed(&source, &config(), b"{}", id);
        headers.push(("X-Forwarded-For".into(), forwarded.into()));
        w.post(&source, &headers, b"{}").await.status
    };
    assert_eq!(from("203.0.113.7", "a").await, 200);
    assert_eq!(from("203.0.113.7, 198.51.100.1", "b").await, 401);
    let stored = w.requests(&source).await;
    assert!(matches!(&stored[1].verdict, Verdict::Refused(why) if why.contains("198.51.100.1")), "{stored:?}");
}

#[tokio::test]
async fn a_url_works_until_it_is_rotated_disabled_expired_or_deleted() {
    let w = World::new().await;
    let source = w.source("any", "generic-webhook", json!({}), |_| ()).await;
    let by = store::Ref::Id(source.id);
    let status = async |token: &str, n: u8| w.request("POST", &format!("/in/{token}"), &[], &[n]).await.status;
    assert_eq!(status(&source.token, 1).await, 200);
    let soon = w.store.clock().now().plus(Duration::from_secs(60));
    w.store.rotate_source_token(w.org, &by, "n".repeat(24), soon).await.unwrap();
    assert_eq!((status(&source.token, 2).await, status(&"n".repeat(24), 3).await), (200, 200));
    w.clock.forward(Duration::from_secs(61));
    assert_eq!((status(&source.token, 4).await, status(&"n".repeat(24), 5).await), (404, 200));
    w.change(&source, SourcePatch { state: Some(SourceState::Disabled), ..SourcePatch::default() }).await;
    assert_eq!(status(&"n".repeat(24), 6).await, 403);
    let expired = SourcePatch {
        state: Some(SourceState::Live),
        expires_at: Some(Some(w.store.clock().now())),
        ..SourcePatch::default()
    };
    w.change(&source, expired).await;
    assert_eq!(status(&"n".repeat(24), 7).await, 410);
    assert_eq!(w.requests(&source).await.len(), 4);
    w.store.delete_source(w.org, &by).await.unwrap();
    assert_eq!(status(&"n".repeat(24), 8).await, 404);
}

#[tokio::test]
async fn a_key_that_cant_be_fetched_is_told_to_the_owner_and_the_sender_may_try_again() {
    let w = World::new().await;
    // {"alg":"RS256","kid":"k"}, {"iat":1795247040,"exp":1795247340}, and no signature.
    let token = format!(
        "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.eyJpYXQiOjE3OTUyNDcwNDAsImV4cCI6MTc5NTI0NzM0MH0.{}",
        "A".repeat(342)
    );
    let headers = [("Authorization".to_owned(), token)];
    for (name, status, why) in [("missing", 503, "404"), ("ok", 401, "")] {
        let config = json!({"algorithm": "RS256", "jwksUrl": format!("https://keys.example/{name}")});
        let source = w.source(name, "jwt", config, |_| ()).await;
        for n in [b"1", b"2"] {
            assert_eq!(w.post(&source, &headers, n).await.status, status, "{:?}", w.requests(&source).await[0].verdict);
        }
        let stored = w.requests(&source).await;
        assert!(
            stored.iter().all(|r| matches!(&r.verdict, Verdict::Refused(text) if text.contains(why))),
            "{stored:?}"
        );
    }
    assert_eq!(w.ingest.metrics().fetched.load(Relaxed), 1);
    assert_eq!(w.ingest.metrics().fetch_failed.load(Relaxed), 1);
}

#[tokio::test]
async fn a_nudge_releases_what_is_held_without_waiting() {
    let w = World::with(|c| c.held_interval = Duration::from_secs(3600)).await;
    let source = w.source("any", "generic-webhook", json!({}), |s| s.state = SourceState::Paused).await;
    w.post(&source, &[], b"held").await;
    let running = tokio::spawn(w.ingest.clone().run());
    w.change(&source, SourcePatch { state: Some(SourceState::Live), ..SourcePatch::default() }).await;
    w.ingest.nudge();
    let released = async { while w.messages(&source).await.is_empty() {} };
    tokio::time::timeout(Duration::from_secs(10), released).await.unwrap();
    running.abort();
}
