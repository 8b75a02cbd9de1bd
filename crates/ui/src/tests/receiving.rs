//! Sources and the inspector: what a person sees of requests that came, and does with them.

use super::{Answer, Who, World};
use bytes::Bytes;
use domain::{RequestHead, RequestId};
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use store::{NewRequest, Received, Verdict};

const SECRET: &str = "whsec_abcdefghijklmnopqrstuvwxyz012345";
const EVIL: &str = "<script>alert(1)</script>";

/// Stores a request as if it had come to this URL; its public id.
async fn capture(world: &World, url: &Value, target: &str, verdict: Verdict, body: &[u8]) -> String {
    let token = url.as_str().unwrap().rsplit('/').next().unwrap();
    let source = world.store.source_route(token).await.unwrap().unwrap();
    let signed = format!("t={},v1=ab", domain::Clock::now(&*world.clock).millis() / 1000);
    let headers: [(&str, &[u8]); 3] =
        [("content-type", b"application/json"), ("stripe-signature", signed.as_bytes()), ("x-evil", EVIL.as_bytes())];
    let head = RequestHead::new("POST", target, "192.0.2.1".parse().unwrap(), true, headers.into_iter()).unwrap();
    let status = if matches!(verdict, Verdict::Refused(_)) { 401 } else { 200 };
    let new = NewRequest {
        source,
        route: None,
        head,
        body: Bytes::copy_from_slice(body),
        event_type: matches!(verdict, Verdict::Accepted).then(|| "charge.succeeded".into()),
        verdict,
        status,
        events: Vec::new(),
        dedup_window: Duration::from_secs(60),
    };
    match world.store.receive(new).await.unwrap() {
        Received::Stored(id) => world.store.codec().text::<RequestId>(id),
        Received::Duplicate { .. } => panic!("a request without keys is no duplicate"),
    }
}

async fn source(world: &World) -> Value {
    let body = json!({"name": "Payments of Acme", "type": "stripe", "config": {"secret": SECRET}});
    world.api(Who::Owner, "POST", "/ingest/api/v1/source", body).await
}

async fn bin(world: &World) -> Value {
    world.api(Who::Owner, "POST", "/api/v1/bin", json!({"name": "Orders of Acme"})).await
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

/// For the tests of access.
pub(super) async fn objects(world: &World, objects: &mut HashMap<&'static str, String>) {
    let (source, bin) = (source(world).await, bin(world).await);
    let refused = Verdict::Refused("the header `stripe-signature` is missing or empty".into());
    objects.insert("request", capture(world, &source["ingestUrl"], "", refused, b"{}").await);
    objects.insert("capture", capture(world, &bin["url"], "/a", Verdict::Captured, b"{}").await);
    let share = world.api(Who::Owner, "POST", &format!("/api/v1/bin/{}/share", id(&bin)), json!({})).await;
    objects.insert("share", share["token"].as_str().unwrap().to_owned());
    objects.insert("source", id(&source));
    objects.insert("bin", id(&bin));
}

#[track_caller]
fn see(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    answer.location().to_owned()
}

#[tokio::test]
async fn the_wizard_of_a_source_ends_with_the_first_event() {
    let world = World::new().await;
    world.get(Who::Developer, "/sources/new").await.says("Stripe").says("Search providers").says_not(">Cron<");
    world.get(Who::Developer, "/sources/new?q=gith").await.says("GitHub").says_not("Shopify");
    world.get(Who::Developer, "/sources/new?q=nobody+knows").await.says("No provider is called");
    world.get(Who::Developer, "/sources/new?type=stripe").await.says("Where do I find it?").says("Signing secret");
    let short = [("type", "stripe"), ("name", "Money"), ("config_secret", "short")];
    let refused = world.post(Who::Developer, "/sources/new", &short).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.says("Money").says("secret").says_not("value=\"short\"");
    let made =
        world.post(Who::Developer, "/sources/new", &[("type", "stripe"), ("name", "Money"), ("config_secret", SECRET)]);
    let third = see(&made.await);
    let page = world.get(Who::Developer, &third).await;
    page.says("Waiting for your first event").says("postrider listen 3000").says_not(SECRET).says("Look again");
    let look = format!("{third}&wait=1");
    assert_eq!(world.part(Who::Developer, &look).await.status, StatusCode::NO_CONTENT, "nothing came");

    let made = world.api(Who::Owner, "GET", "/ingest/api/v1/source", Value::Null).await["data"][0].clone();
    let wrong = Verdict::Refused("the signature does not match: the secret is not what was signed".into());
    capture(&world, &made["ingestUrl"], "", wrong, b"{}").await;
    let bad = world.part(Who::Developer, &look).await;
    bad.says("was rejected").says("another secret").says_not("<html");
    let key = bad.body.split("wait=").nth(1).unwrap().split('"').next().unwrap();
    let again = world.part(Who::Developer, &format!("{third}&wait={key}")).await;
    assert_eq!(again.status, StatusCode::NO_CONTENT, "nothing new came");
    world.advance(Duration::from_millis(400));
    capture(&world, &made["ingestUrl"], "", Verdict::Accepted, b"{\"a\":1,\"b\":2}").await;
    let good = world.part(Who::Developer, &format!("{third}&wait={key}")).await;
    good.says("Received")
        .says("Looks like charge.succeeded")
        .says("2 fields")
        .says("after it was signed")
        .says_not("hx-get");
    let forward = format!("/sources/{}/forward", id(&made));
    let back = world.post(Who::Developer, &forward, &[("url", "https://app.example.com/h"), ("back", "new")]).await;
    world.get(Who::Developer, &see(&back)).await.says("https://app.example.com/h");
}

#[tokio::test]
async fn what_was_rejected_is_explained_and_can_be_changed_by_developers_only() {
    let world = World::new().await;
    let source = source(&world).await;
    let page = format!("/sources/{}", id(&source));
    let refused = Verdict::Refused("the timestamp is 900 s old, the limit is 300 s".into());
    let request = capture(&world, &source["ingestUrl"], "/p?q=1", refused, b"{}").await;
    capture(&world, &source["ingestUrl"], "", Verdict::Accepted, b"{}").await;
    world.get(Who::Support, "/sources").await.says("50.0 %").says("1 rejected").says_not("New source");
    let tab = format!("{page}?tab=rejected");
    world.get(Who::Developer, &tab).await.says("900 s old").says("Check this machine").says("Accept anyway");
    world.get(Who::Support, &tab).await.says("900 s old").says_not("Accept anyway");
    let one = format!("{page}/requests/{request}");
    world.get(Who::Support, &one).await.says("Rejected").says_not("Accept and deliver").says("/p?q=1");
    for tab in ["events", "routes", "verification", "response", "code", "danger"] {
        let answer = world.get(Who::Developer, &format!("{page}?tab={tab}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{tab}");
        answer.says("Payments of Acme").says_not(SECRET);
    }
}

#[tokio::test]
async fn a_source_is_paused_rotated_and_deleted_once_its_name_is_typed() {
    let world = World::new().await;
    let source = source(&world).await;
    let page = format!("/sources/{}", id(&source));
    let read =
        async || world.api(Who::Owner, "GET", &format!("/ingest/api/v1/source/{}", id(&source)), Value::Null).await;
    see(&world.post(Who::Developer, &format!("{page}/state"), &[("state", "paused")]).await);
    world.get(Who::Developer, &page).await.says("Paused").says("Resume");
    see(&world.post(Who::Developer, &format!("{page}/rotate"), &[("grace", "0")]).await);
    assert_ne!(read().await["ingestUrl"], source["ingestUrl"]);
    let answer =
        [("what", "response"), ("status", "202"), ("body", "ok"), ("delay", "5"), ("by", "body"), ("hours", "2")];
    see(&world.post(Who::Developer, &format!("{page}/edit"), &answer).await);
    let options = read().await["options"].clone();
    assert_eq!((&options["response"]["status"], &options["delayMs"]), (&json!(202), &json!(5)));
    assert_eq!((&options["dedup"]["by"], &options["dedup"]["windowSeconds"]), (&json!("body"), &json!(7200)));
    let bad = world.post(Who::Developer, &format!("{page}/edit"), &[("what", "response"), ("delay", "soon")]).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    let secrets = [("what", "verification"), ("secret", "whsec_bbbbbbbbbbbbbbbbbbbbbbbb"), ("old", SECRET)];
    see(&world.post(Who::Developer, &format!("{page}/edit"), &secrets).await);
    let kept = world.post(Who::Developer, &format!("{page}/delete"), &[("name", "payments")]).await;
    assert_eq!(kept.status, StatusCode::UNPROCESSABLE_ENTITY);
    kept.says("nothing was deleted");
    assert_eq!(
        see(&world.post(Who::Developer, &format!("{page}/delete"), &[("name", "Payments of Acme")]).await),
        "/sources"
    );
    assert_eq!(world.get(Who::Developer, &page).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_inspector_shows_every_part_of_a_request_as_text() {
    let world = World::new().await;
    world.get(Who::Developer, "/inspector").await.says("There is no inbox yet");
    let page = see(&world.post(Who::Developer, "/inspector", &[]).await);
    world.get(Who::Developer, &page).await.says("Waiting for the first request");
    let bin = world.api(Who::Owner, "GET", "/api/v1/bin", Value::Null).await["data"][0].clone();
    let body = format!("{{\"evil\":\"{EVIL}\"}}");
    let first = capture(&world, &bin["url"], "/orders?x=1&tag=%3Cb%3E", Verdict::Captured, body.as_bytes()).await;
    world.advance(Duration::from_secs(1));
    capture(&world, &bin["url"], "/bytes", Verdict::Captured, &[0, 159, 146, 150]).await;
    let of = |view: &str| format!("{page}?request={first}&view={view}");
    for view in ["body", "raw", "hex", "headers", "query", "curl"] {
        let answer = world.get(Who::Support, &of(view)).await;
        assert_eq!(answer.status, StatusCode::OK, "{view}");
        answer.says_not(EVIL);
    }
    world.get(Who::Support, &of("headers")).await.says("x-evil").says("stripe-signature");
    world.get(Who::Support, &of("query")).await.says("&#60;b&#62;");
    world.get(Who::Support, &of("hex")).await.says("7b 22 65 76 69 6c");
    world.get(Who::Support, &of("curl")).await.says("curl -X POST").says("--data-raw");
    world.get(Who::Support, &page).await.says("The body isn't text").says_not("New inbox");
}

#[tokio::test]
async fn a_shared_inbox_is_a_page_for_whoever_has_its_link_and_says_nothing_of_its_url() {
    let world = World::new().await;
    let body = json!({"name": "Orders", "expiresIn": 3600});
    let bin = world.api(Who::Owner, "POST", "/api/v1/bin", body).await;
    let sharing = format!("/api/v1/bin/{}/share", id(&bin));
    let shared = world.api(Who::Owner, "POST", &sharing, json!({})).await;
    let page = format!("/share/{}", shared["token"].as_str().unwrap());
    assert!(shared["url"].as_str().unwrap().ends_with(&page));
    world.get(Who::Nobody, &page).await.says("Nothing came yet");
    let evil = format!("{{\"evil\":\"{EVIL}\"}}");
    let first = capture(&world, &bin["url"], "/orders?x=1", Verdict::Captured, evil.as_bytes()).await;
    world.advance(Duration::from_secs(1));
    capture(&world, &bin["url"], "/bytes", Verdict::Captured, &[0, 159, 146, 150]).await;
    let token = bin["url"].as_str().unwrap().rsplit('/').next().unwrap();
    let answer = world.get(Who::Nobody, &page).await;
    assert_eq!((answer.header("x-robots-tag"), answer.header("referrer-policy")), ("noindex, nofollow", "no-referrer"));
    assert!(answer.header("content-security-policy").contains("script-src 'self'"));
    answer.says("Orders").says("noindex").says("/orders?x=1").says("The body isn't text").says_not("/raw\"");
    world.get(Who::Nobody, &format!("{page}?view=hex")).await.says("00 9f 92 96");
    for view in ["body", "raw", "hex", "headers", "query", "curl"] {
        let answer = world.get(Who::Stranger, &format!("{page}?request={first}&view={view}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{view}");
        answer.says_not(EVIL).says_not(token).says_not("<form").says_not("/messages/");
    }
    let json = world.request(Who::Nobody, "GET", &page).header("accept", "*/*");
    let mut json = json.body(axum::body::Body::empty()).unwrap();
    json.headers_mut().insert("accept", "application/json".parse().unwrap());
    assert_eq!(see(&world.send(json).await), format!("/api/v1{page}"));

    for nothing in ["/share/nothing", &format!("{page}?request=req_nothing")] {
        assert_eq!(world.get(Who::Nobody, nothing).await.status, StatusCode::NOT_FOUND, "{nothing}");
    }
    world.advance(Duration::from_secs(3600));
    let over = world.get(Who::Nobody, &page).await;
    assert_eq!(over.status, StatusCode::NOT_FOUND);
    over.says("shows nothing any more").says_not("Orders");
}

#[tokio::test]
async fn a_source_offers_to_simulate_what_its_provider_sends() {
    let world = World::new().await;
    let page = format!("/sources/{}", id(&source(&world).await));
    world.get(Who::Support, &page).await.says("Simulate").says("payment_intent.succeeded");
    // This world's API receives nothing.
    let refused = world.post(Who::Support, &format!("{page}/simulate"), &[("event", "invoice.paid")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.says("receives nothing");
}

#[tokio::test]
async fn an_inbox_answers_forwards_and_is_shared_as_its_owner_says() {
    let world = World::new().await;
    let page = format!("/inspector/{}", id(&bin(&world).await));
    let read = async || world.api(Who::Owner, "GET", "/api/v1/bin", Value::Null).await["data"][0].clone();
    let rule = [("status", "503"), ("body", "later"), ("content_type", "text/plain"), ("delay", "20"), ("fail", "30")];
    see(&world.post(Who::Developer, &format!("{page}/answer"), &rule).await);
    let options = read().await["options"].clone();
    assert_eq!((&options["response"]["status"], &options["failureRate"]), (&json!(503), &json!(30)));
    let bad = world.post(Who::Developer, &format!("{page}/answer"), &[("status", "99")]).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    let settings = [("name", "Orders"), ("forward", "https://app.example.com/h"), ("expires", "never")];
    see(&world.post(Who::Developer, &format!("{page}/settings"), &settings).await);
    let now = read().await;
    assert_eq!((&now["forwardUrl"], &now["expiresAt"]), (&json!("https://app.example.com/h"), &Value::Null));
    see(&world.post(Who::Developer, &format!("{page}/share"), &[]).await);
    world.get(Who::Support, &format!("{page}?tab=settings")).await.says("/share/");
    see(&world.post(Who::Developer, &format!("{page}/share"), &[("end", "1")]).await);
    assert_eq!(read().await["shareUrl"], Value::Null);
    for format in ["har", "csv", "ndjson", "curl"] {
        assert_eq!(world.get(Who::Support, &format!("{page}/export?format={format}")).await.status, StatusCode::OK);
    }
    for act in ["clear", "delete"] {
        let kept = world.post(Who::Developer, &format!("{page}/{act}"), &[("confirm", "orders")]).await;
        assert_eq!(kept.status, StatusCode::UNPROCESSABLE_ENTITY);
        kept.says("nothing was deleted");
    }
    see(&world.post(Who::Developer, &format!("{page}/clear"), &[("confirm", "Orders")]).await);
    let deleted = world.post(Who::Developer, &format!("{page}/delete"), &[("confirm", "Orders")]).await;
    assert_eq!(see(&deleted), "/inspector");
}

#[tokio::test]
async fn a_source_shows_what_came_in_a_day_whatever_is_kept() {
    let world = World::new().await;
    let source = source(&world).await;
    let page = format!("/sources/{}", id(&source));
    world.get(Who::Support, &page).await.says("none ever").says("none rejected");
    world.get(Who::Support, "/sources").await.says("never").says("0 requests in 24 hours");
    for n in 0..130 {
        let verdict = if n % 13 == 0 { Verdict::Refused("no".into()) } else { Verdict::Accepted };
        capture(&world, &source["ingestUrl"], "", verdict, b"{}").await;
    }
    capture(&world, &source["ingestUrl"], "", Verdict::Held, b"{}").await;
    for path in [&*page, "/sources"] {
        let shown = world.get(Who::Support, path).await;
        shown.says("131 requests in 24 hours").says("92.4 %").says("10 rejected").says(">131<");
    }
    world.advance(Duration::from_secs(2 * 86_400));
    world
        .get(Who::Support, &page)
        .await
        .says("0 requests in 24 hours")
        .says("last <time")
        .says("<p class=\"value\">1</p>");
    assert_eq!(world.get(Who::Stranger, &page).await.status, StatusCode::NOT_FOUND);
}
