//! Home, the list of messages, its search, and a message's page.

use super::{Answer, Who, World};
use domain::{AttemptDetail, HeaderLines, HttpVersion, Stages};
use serde_json::{Value, json};
use signing::EndpointSecret;
use std::time::Duration;

const EVIL: &str = "<script>alert(1)</script>";

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

/// An application with a script for a name, one endpoint, and one message whose payload is hostile.
struct Sent {
    world: World,
    app: String,
    endpoint: String,
    message: String,
}

async fn sent() -> Sent {
    let world = World::new().await;
    let app = world.api(Who::Owner, "POST", "/api/v1/app", json!({"name": EVIL, "uid": "acme"})).await;
    let endpoint = json!({"url": "https://api.acme.io/hooks", "uid": "main"});
    let endpoint = world.api(Who::Owner, "POST", "/api/v1/app/acme/endpoint", endpoint).await;
    let message = send(&world, "invoice.paid").await;
    Sent { world, app: id(&app), endpoint: id(&endpoint), message }
}

async fn send(world: &World, event_type: &str) -> String {
    let body = json!({"eventType": event_type, "payload": {"note": EVIL, "amount": 42}, "tags": ["t1"]});
    id(&world.api(Who::Owner, "POST", "/api/v1/app/acme/msg", body).await)
}

impl Sent {
    async fn get(&self, path: &str) -> Answer {
        self.world.get(Who::Owner, path).await
    }
    fn page(&self) -> String {
        format!("/messages/{}", self.message)
    }
}

#[tokio::test]
async fn who_has_nothing_is_asked_what_he_would_like_to_do() {
    let world = World::new().await;
    world.get(Who::Owner, "/").await.says("What would you like to do first?").says("/sources/new").says_not("Queue");
}

#[tokio::test]
async fn the_first_steps_are_ticked_from_what_is_there_and_can_be_put_away() {
    let world = World::new().await;
    world.api(Who::Owner, "POST", "/api/v1/app", json!({"name": "Acme", "uid": "acme"})).await;
    let home = world.get(Who::Owner, "/").await;
    home.says("Getting started").says("1/5").says("/api/v1/app/acme/msg").says("Done: </span>An application");
    world.get(Who::Support, "/").await.says("Getting started").says_not("Put away");
    assert_eq!(world.post(Who::Support, "/steps/hide", &[]).await.status, 403);
    assert_eq!(world.post(Who::Developer, "/steps/hide", &[]).await.location(), "/");
    world.get(Who::Owner, "/").await.says_not("Getting started").says("Nothing needs attention");
}

#[tokio::test]
async fn home_counts_what_was_delivered_and_names_what_fails() {
    let s = sent().await;
    s.world.answer(200, "", None).await;
    send(&s.world, "invoice.paid").await;
    s.world.answer(503, "busy", None).await;
    let home = s.get("/").await;
    home.says("Needs attention").says("api.acme.io/hooks").says("The receiver is unavailable").says("50.0 %");
    home.says("1 delivered, 0 retried, 1 failed").says("&#60;script&#62;").says_not(EVIL);
    home.says("1<span class=\"sr\"> open");
    home.says(&format!("/replay?endpoint={}", s.endpoint));
    let part = s.world.part(Who::Owner, "/?part=now").await;
    part.says("id=\"now\"").says_not("<html");
    s.world.part(Who::Owner, "/?part=charts&range=1h").await.says("per ").says_not("<html");
    s.world.get(Who::Stranger, "/").await.says_not("api.acme.io");
}

#[tokio::test]
async fn messages_are_listed_and_found_by_what_they_are() {
    let s = sent().await;
    s.world.answer(503, "busy", None).await;
    let other = send(&s.world, "user.created").await;
    let all = s.get("/messages").await;
    all.says(&s.message).says(&other).says("Failed").says("0 of 1").says("503").says_not(EVIL);
    let q = "status%3Afailed+type%3Ainvoice.*+code%3A5xx+app%3Aacme+tag%3At1";
    let found = s.get(&format!("/messages?q={q}")).await;
    found.says(&s.message).says_not(&other).says("Clear filters").says("status:failed type:invoice.*");
    s.get("/messages?q=type%3Anone.such").await.says("No message matches");
    s.world.get(Who::Stranger, "/messages").await.says("No messages yet").says_not(&s.message);
}

#[tokio::test]
async fn a_search_that_means_nothing_is_explained() {
    let s = sent().await;
    let answer = s.get("/messages?q=colour%3Ared").await;
    answer.says("there is no search key").says("<code>status:</code>").says("value=\"colour:red\"");
    let answer = s.get("/messages?q=app%3Anobody").await;
    answer.says("There is no application &#34;nobody&#34;");
    s.get("/messages?q=%22%3Cscript%3Ealert(1)%3C%2Fscript%3E%22").await.says_not(EVIL);
}

#[tokio::test]
async fn older_and_newer_pages_have_a_place_in_the_url() {
    let s = sent().await;
    for _ in 0..30 {
        send(&s.world, "invoice.paid").await;
    }
    let first = s.get("/messages").await;
    first.says_not(">Newer").says_not(&s.message);
    let older = link(&first, "?older=");
    let second = s.get(&older).await;
    second.says(&s.message).says("Newer").says_not("Older");
    let back = s.get(&link(&second, "?newer=")).await;
    assert!(back.status == 200 || back.location() == "/messages", "{}", back.status);
}

/// The first link with this in it.
fn link(page: &Answer, part: &str) -> String {
    let at = page.body.find(part).unwrap_or_else(|| panic!("no {part}:\n{}", page.body));
    let start = page.body[..at].rfind('"').unwrap() + 1;
    let end = at + page.body[at..].find('"').unwrap();
    page.body[start..end].replace("&#38;", "&").replace("&amp;", "&")
}

#[tokio::test]
async fn an_id_of_any_kind_leads_to_its_page_and_a_stranger_s_to_nothing() {
    let s = sent().await;
    s.world.answer(503, "busy", None).await;
    let path = format!("/api/v1/app/acme/attempt/msg/{}", s.message);
    let attempt = s.world.api(Who::Owner, "GET", &path, Value::Null).await["data"][0]["id"].clone();
    let attempt = attempt.as_str().unwrap();
    for (q, to) in [
        (s.message.as_str(), s.page()),
        (attempt, format!("{}#{attempt}", s.page())),
        (s.app.as_str(), format!("/apps/{}", s.app)),
        ("acme", format!("/apps/{}", s.app)),
        (s.endpoint.as_str(), format!("/apps/{}/endpoints/{}", s.app, s.endpoint)),
        ("status:failed", "/messages?q=status%3Afailed".to_owned()),
        ("nothing-such", "/messages?q=nothing-such".to_owned()),
    ] {
        let asked = url::form_urlencoded::byte_serialize(q.as_bytes()).collect::<String>();
        assert_eq!(s.get(&format!("/search?q={asked}")).await.location(), to, "{q}");
        let foreign = s.world.get(Who::Stranger, &format!("/search?q={asked}")).await;
        assert_eq!(foreign.location(), format!("/messages?q={asked}"), "{q}");
    }
}

#[tokio::test]
async fn a_message_is_shown_as_text_whatever_is_in_it() {
    let s = sent().await;
    s.world.answer(400, EVIL, None).await;
    for view in ["tree", "raw", "hex"] {
        let page = s.get(&format!("{}?view={view}", s.page())).await;
        page.says_not(EVIL)
            .says("The receiver rejects the message")
            .says("What to do:")
            .says("try 1/10")
            .says("Failed");
    }
    s.get(&format!("{}?view=hex", s.page())).await.says("000000  7b 22");
    let file = s.get(&format!("{}/payload", s.page())).await;
    assert!(file.header("content-disposition").starts_with("attachment"));
    file.says(EVIL);
}

fn noted(stages: Stages, headers: &[(&str, &str)]) -> AttemptDetail {
    AttemptDetail {
        stages,
        http_version: Some(HttpVersion::Http11),
        peer: Some(([203, 0, 113, 9], 443).into()),
        headers: Some(HeaderLines::collect(|| headers.iter().map(|(n, v)| (*n, v.as_bytes())), 2048)),
        ..AttemptDetail::default()
    }
}

#[tokio::test]
async fn an_attempt_says_where_its_time_went_and_what_the_receiver_asked_for() {
    let s = sent().await;
    let stages = Stages { dns_us: Some(4_000), first_byte_us: Some(46_000), body_us: Some(3_000), ..Stages::default() };
    let headers = [("retry-after", "1800"), ("x-evil", EVIL), ("set-cookie", "sid=1")];
    let next = domain::Timestamp(1_795_000_000_000).plus(Duration::from_secs(8));
    s.world.answer_noting(503, "busy", Some(next), &noted(stages, &headers)).await;
    let page = s.get(&s.page()).await;
    page.says("aria-label=\"Stages of attempt 1\"").says("DNS <b>4.0 ms</b>").says("First byte <b>46 ms</b>");
    page.says("Body <b>3.0 ms</b>").says("Total <b>53 ms</b>").says_not("TLS <b>").says_not("Other <b>");
    page.says("HTTP/1.1 to 203.0.113.9:443, over a new connection");
    page.says("The receiver asked to wait 30 m: the next attempt comes after 10 s, twice the planned delay");
    page.says("Headers of the answer").says("<code>&#60;script&#62;").says_not(EVIL).says("***").says_not("sid=1");
    s.world.advance(Duration::from_secs(600));
    let silent = Stages { connect_us: Some(10_000), first_byte_us: Some(20_000), ..Stages::default() };
    let detail = AttemptDetail { http_version: None, headers: None, ..noted(silent, &[]) };
    s.world.answer_noting(0, "timed out while waiting for the response", None, &detail).await;
    let page = s.get(&s.page()).await;
    page.says("First byte <b>20 ms</b> and no answer").says("Other <b>20 ms</b>").says("To 203.0.113.9:443");
}

#[tokio::test]
async fn an_attempt_of_an_earlier_version_is_shown_without_its_stages() {
    let s = sent().await;
    s.world.answer(200, "ok", None).await;
    s.get(&s.page())
        .await
        .says("200")
        .says_not("Stages of")
        .says_not("Headers of the answer")
        .says_not("headers are kept");
}

#[tokio::test]
async fn attempts_to_come_are_on_the_timeline() {
    let s = sent().await;
    let at = domain::Timestamp(1_795_000_000_000).plus(Duration::from_secs(8));
    s.world.answer(500, "oops", Some(at)).await;
    s.get(&s.page()).await.says("Waiting").says("Send now").says("Attempt 2: planned").says("Attempt 10: planned, if");
}

#[tokio::test]
async fn support_sends_again_and_changes_nothing() {
    let s = sent().await;
    s.world.answer(503, "busy", None).await;
    let page = s.world.get(Who::Support, &s.page()).await;
    page.says("Resend to failed").says_not("Edit and resend").says_not("cURL").says_not("Delete the content");
    let sent = s.world.post(Who::Support, &format!("{}/resend", s.page()), &[("to", "failed")]).await;
    assert_eq!((sent.status.as_u16(), sent.location()), (303, s.page().as_str()));
    s.world.answer(200, "ok", None).await;
    s.get(&s.page()).await.says("Delivered").says("by hand");
    let one = s.world.post(Who::Support, &format!("{}/resend", s.page()), &[("endpoint", &s.endpoint)]).await;
    assert_eq!(one.status, 303);
}

#[tokio::test]
async fn several_are_sent_again_after_a_look_at_what_that_means() {
    let s = sent().await;
    s.world.answer(503, "busy", None).await;
    let other = send(&s.world, "user.created").await;
    s.world.answer(200, "ok", None).await;
    let ask = format!("/messages/resend?m={}&m={other}&back=%2Fmessages%3Fq%3D", s.message);
    let page = s.world.get(Who::Support, &ask).await;
    page.says("Resend 2 messages?").says("1 that failed").says("All 2").says("user.created");
    let fields = [("m", s.message.as_str()), ("m", other.as_str()), ("to", "failed"), ("back", "/messages")];
    let done = s.world.post(Who::Support, "/messages/resend", &fields).await;
    assert_eq!(done.location(), "/messages");
    assert!(done.header("set-cookie").contains("1%20delivery"), "{}", done.header("set-cookie"));
    assert_eq!(s.get("/messages/resend").await.location(), "/messages");
    let foreign = s.world.post(Who::Stranger, "/messages/resend", &fields).await;
    assert_eq!(foreign.status, 422);
}

#[tokio::test]
async fn a_command_carries_a_signature_that_a_receiver_accepts_and_no_secret() {
    let s = sent().await;
    let path = format!("{}/curl/{}", s.page(), s.endpoint);
    assert_eq!(s.world.get(Who::Support, &path).await.status, 403);
    let request = s.world.request(Who::Developer, "GET", &path);
    let (mut parts, body) = request.body(axum::body::Body::empty()).unwrap().into_parts();
    parts.headers.insert("accept", "text/plain".parse().unwrap());
    let command = s.world.send(http::Request::from_parts(parts, body)).await.body;
    let header = |name: &str| {
        let from = command.find(&format!("{name}: ")).unwrap() + name.len() + 2;
        command[from..].split('\'').next().unwrap().to_owned()
    };
    let path = format!("/api/v1/app/acme/endpoint/{}/secret", s.endpoint);
    let key = s.world.api(Who::Owner, "GET", &path, Value::Null).await["key"].as_str().unwrap().to_owned();
    assert!(command.contains("https://api.acme.io/hooks") && !command.contains(&key), "{command}");
    let payload = command.rsplit("--data-raw '").next().unwrap().strip_suffix('\'').unwrap();
    let mut expected = String::new();
    let at: i64 = header("webhook-timestamp").parse().unwrap();
    let secret = EndpointSecret::parse(&key).unwrap();
    signing::SigningKeys::new([&secret]).sign_into(&s.message, at, payload.as_bytes(), &mut expected);
    assert_eq!(header("webhook-signature"), expected);
    s.world.get(Who::Developer, &format!("{}/curl/{}", s.page(), s.endpoint)).await.says_not(EVIL).says("five minutes");
}

#[tokio::test]
async fn an_edited_message_is_a_new_one_and_bad_json_is_kept_to_be_mended() {
    let s = sent().await;
    let path = format!("{}/edit", s.page());
    s.get(&path).await.says("&#34;amount&#34;: 42").says_not(EVIL);
    let bad = [("eventType", "invoice.paid"), ("payload", "{\"a\": <b>}")];
    let answer = s.world.post(Who::Developer, &path, &bad).await;
    assert_eq!(answer.status, 422);
    answer.says("This is not valid JSON").says("{&#34;a&#34;: &#60;b&#62;}");
    let good = [("eventType", "invoice.paid"), ("payload", "{\r\n\"a\": 1.50}"), ("tags", "x, y")];
    let made = s.world.post(Who::Developer, &path, &good).await;
    assert!(made.location().starts_with("/messages/msg_") && made.location() != s.page(), "{}", made.location());
    s.get(&format!("{}?view=raw", made.location())).await.says("{\n&quot;a&quot;: 1.50}").says(">x</span>");
}

#[tokio::test]
async fn content_is_deleted_only_when_it_was_typed_and_is_said_to_be_gone() {
    let s = sent().await;
    let path = format!("{}/delete-content", s.page());
    let wrong = s.world.post(Who::Developer, &path, &[("typed", "yes")]).await;
    assert_eq!(wrong.status, 422);
    wrong.says("Type invoice.paid to delete the content.");
    s.world.post(Who::Developer, &path, &[("typed", "invoice.paid")]).await;
    s.get(&s.page()).await.says("The content is gone").says_not("Edit and resend");
    assert_eq!(s.get(&format!("{}/payload", s.page())).await.status, 404);
}
