//! Applications, endpoints, event types and the signature debugger, as people meet them.

use super::{Who, World};
use http::StatusCode;
use serde_json::{Value, json};

const EVIL: &str = "<script>alert(1)</script>";

struct Made {
    world: World,
    app: String,
    endpoint: String,
    /// The endpoint's page.
    page: String,
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

async fn made() -> Made {
    let world = World::new().await;
    let post = async |path: &str, body: Value| world.api(Who::Owner, "POST", path, body).await;
    post(
        "/api/v1/event-type",
        json!({"name": "invoice.paid", "description": EVIL, "schemas": {"1": {"type": "object",
        "required": ["tax"], "properties": {"tax": {"type": "number"}}, "examples": [{"tax": 1.5}]}}}),
    )
    .await;
    let app = id(&post("/api/v1/app", json!({"name": format!("Acme {EVIL}"), "uid": "acme"})).await);
    let new = json!({"url": "https://example.com/hook", "description": EVIL, "headers": {"x-team": EVIL, "authorization": "Bearer hidden-one"}});
    let endpoint = id(&post(&format!("/api/v1/app/{app}/endpoint"), new).await);
    let page = format!("/apps/{app}/endpoints/{endpoint}");
    Made { world, app, endpoint, page }
}

impl Made {
    async fn message(&self, payload: Value) -> String {
        let body = json!({"eventType": "invoice.paid", "payload": payload});
        id(&self.world.api(Who::Owner, "POST", &format!("/api/v1/app/{}/msg", self.app), body).await)
    }
    async fn secret(&self) -> String {
        let path = format!("/api/v1/app/{}/endpoint/{}/secret", self.app, self.endpoint);
        self.world.api(Who::Owner, "GET", &path, Value::Null).await["key"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn every_page_shows_what_strangers_wrote_as_text() {
    let m = made().await;
    m.message(json!({"note": EVIL})).await;
    let tabs = ["attempts", "settings", "filter", "headers", "secrets", "code", "history"];
    let mut paths: Vec<String> = tabs.iter().map(|tab| format!("{}?tab={tab}", m.page)).collect();
    let app_tabs = ["endpoints", "portal", "usage", "settings", "danger"];
    paths.extend(app_tabs.iter().map(|tab| format!("/apps/{}?tab={tab}", m.app)));
    paths.extend(
        [
            "/apps",
            "/apps/new",
            "/event-types",
            "/event-types/invoice.paid",
            "/event-types/invoice.paid?example=real",
            "/event-types/invoice.paid?infer=10",
            "/event-types/new",
            "/event-types/import",
            "/tools/verify",
        ]
        .map(str::to_owned),
    );
    paths.push(format!("/apps/{}/endpoints/new", m.app));
    for path in paths {
        let answer = m.world.get(Who::Owner, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        answer.says_not(EVIL).says("<h1>");
        assert!(!answer.body.contains(" style="), "{path} has an inline style");
    }
}

#[tokio::test]
async fn applications_are_found_by_part_of_a_name_by_uid_and_by_id() {
    let m = made().await;
    m.world.api(Who::Owner, "POST", "/api/v1/app", json!({"name": "Beta"})).await;
    for query in ["acm", "ACME", "acme", &m.app] {
        m.world.get(Who::Support, &format!("/apps?q={query}")).await.says(&m.app).says_not("Beta");
    }
    m.world.get(Who::Owner, "/apps?q=nobody").await.says("No application fits").says("Clear filters");
    m.world.get(Who::Owner, "/apps?failing=yes").await.says("No application has failing endpoints");
    m.world.get(Who::Stranger, "/apps").await.says("No applications yet").says_not(&m.app);
    let csv = m.world.get(Who::Owner, "/apps/export").await;
    csv.says("id,uid,name").says("acme");
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"applications.csv\"");
}

#[tokio::test]
async fn applications_are_sorted_and_what_fails_is_said() {
    let m = made().await;
    let beta = id(&m.world.api(Who::Owner, "POST", "/api/v1/app", json!({"name": "Zeta <b>"})).await);
    let order = async |query: &str| {
        let page = m.world.get(Who::Support, &format!("/apps{query}")).await;
        assert_eq!(page.status, StatusCode::OK);
        let at = |app: &str| page.body.find(&format!("data-href=\"/apps/{app}\"")).unwrap();
        at(&m.app) < at(&beta)
    };
    assert!(!order("").await && !order("?sort=created").await, "newest first");
    assert!(order("?sort=name").await);
    m.message(json!({})).await;
    m.world.answer(503, "busy", None).await;
    assert!(order("?sort=last").await && order("?sort=failing").await);
    let page = m.world.get(Who::Support, "/apps?failing=yes&sort=name&q=acme").await;
    page.says("Failing</span>").says(&m.app).says_not(&beta).says("value=\"name\" selected").says("By name");
    page.says("href=\"/apps?sort=name&#38;q=acme\"");
    // A page goes on where the one before ended.
    for n in 0..30 {
        m.world.api(Who::Owner, "POST", "/api/v1/app", json!({"name": format!("Many {n:02}")})).await;
    }
    let first = m.world.get(Who::Owner, "/apps?sort=name&q=many").await;
    first.says("Many 24").says_not("Many 25").says("Next page");
    let next = first.body.split("href=\"/apps?").find(|link| link.contains("after=")).unwrap();
    let next = next.split('"').next().unwrap().replace("&#38;", "&");
    m.world.get(Who::Owner, &format!("/apps?{next}")).await.says("Many 25").says("Many 29").says_not("Many 24");
}

#[tokio::test]
async fn an_event_type_shows_who_takes_it() {
    let m = made().await;
    m.world.get(Who::Support, "/event-types").await.says("endpoints subscribed to invoice.paid");
    let page = m.world.get(Who::Support, "/event-types/invoice.paid").await;
    page.says("1 endpoint subscribed").says(&m.page).says("every type");
    for n in 0..26 {
        let body = json!({"url": format!("https://example.com/{n:02}"), "eventTypes": ["invoice.paid"]});
        m.world.api(Who::Owner, "POST", &format!("/api/v1/app/{}/endpoint", m.app), body).await;
    }
    let page = m.world.get(Who::Support, "/event-types/invoice.paid").await;
    page.says("27 endpoints subscribed").says("example.com/23").says_not("example.com/24").says("this type");
    let next = page.body.split("href=\"").find(|link| link.contains("?after=")).unwrap().split('"').next().unwrap();
    m.world.get(Who::Support, next).await.says("example.com/25").says_not("example.com/23");
}

#[tokio::test]
async fn an_application_is_made_changed_and_deleted_only_by_its_typed_name() {
    let m = made().await;
    let new = m.world.post(Who::Developer, "/apps/new", &[("name", "Gamma"), ("uid", "gamma"), ("rate", "x")]).await;
    assert_eq!(new.status, StatusCode::UNPROCESSABLE_ENTITY);
    new.says("value=\"Gamma\"").says("error");
    let new = m.world.post(Who::Developer, "/apps/new", &[("name", "Gamma"), ("metadata", "plan=pro")]).await;
    assert_eq!(new.status, StatusCode::SEE_OTHER);
    let page = new.location().to_owned();
    m.world.post(Who::Developer, &format!("{page}/settings"), &[("name", "Gamma 2"), ("rate", "10")]).await;
    m.world.get(Who::Owner, &page).await.says("Gamma 2");
    let wrong = m.world.post(Who::Developer, &format!("{page}/delete"), &[("confirm", "Gamma")]).await;
    wrong.says("nothing was deleted");
    assert_eq!(
        m.world.post(Who::Developer, &format!("{page}/delete"), &[("confirm", "Gamma 2")]).await.location(),
        "/apps"
    );
    assert_eq!(m.world.get(Who::Owner, &page).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_portal_link_is_shown_once_and_may_be_narrowed() {
    let m = made().await;
    let made = m
        .world
        .post(Who::Developer, &format!("/apps/{}/portal", m.app), &[("expiry", "3600"), ("rights", "read")])
        .await;
    made.says("/portal?org=").says("works for 1 h · reading only");
    m.world.get(Who::Developer, &format!("/apps/{}?tab=portal", m.app)).await.says_not("#key=");
    let bad = m.world.post(Who::Developer, &format!("/apps/{}/portal", m.app), &[("expiry", "1")]).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn an_endpoint_is_added_with_events_and_refused_with_what_was_typed() {
    let m = made().await;
    let path = format!("/apps/{}/endpoints/new", m.app);
    let refused =
        m.world.post(Who::Developer, &path, &[("url", "ftp://x"), ("events", "some"), ("type", "invoice.paid")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.says("value=\"ftp://x\"").says("value=\"invoice.paid\" checked");
    let fields = [
        ("url", "https://example.com/new"),
        ("events", "some"),
        ("type", "invoice.paid"),
        ("channels", "a, b"),
        ("rate", "5"),
    ];
    let added = m.world.post(Who::Developer, &path, &fields).await;
    let found = m.world.get(Who::Developer, &format!("{}?tab=filter", added.location())).await;
    found.says("value=\"invoice.paid\" checked").says("value=\"a, b\"");
}

#[tokio::test]
async fn an_endpoint_is_paused_resumed_disabled_and_changed() {
    let m = made().await;
    let switch = format!("{}/switch", m.page);
    for (what, says) in [("pause", "Paused for"), ("resume", "Active"), ("disable", "Disabled"), ("enable", "Active")] {
        m.world.post(Who::Developer, &switch, &[("do", what)]).await;
        m.world.get(Who::Support, &m.page).await.says(says);
    }
    let change = format!("{}/change", m.page);
    m.world
        .post(Who::Developer, &change, &[("part", "settings"), ("url", "https://example.com/moved"), ("rate", "7")])
        .await;
    m.world.get(Who::Support, &m.page).await.says("example.com/moved").says("7/s");
    m.world.post(Who::Developer, &change, &[("part", "headers"), ("headers", "x-new: 1"), ("delete", "x-team")]).await;
    let headers = m.world.get(Who::Developer, &format!("{}?tab=headers", m.page)).await;
    headers.says("x-new").says_not("x-team").says("authorization").says_not("hidden-one");
    let wrong = m.world.post(Who::Developer, &change, &[("part", "headers"), ("headers", "nothing")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_secret_is_shown_only_to_who_asks_by_a_form_and_may_and_it_is_noted() {
    let m = made().await;
    let secret = m.secret().await;
    for tab in ["secrets", "code", "attempts"] {
        m.world.get(Who::Owner, &format!("{}?tab={tab}", m.page)).await.says_not(&secret);
    }
    let reveal = format!("{}/reveal", m.page);
    assert_eq!(m.world.post(Who::Support, &reveal, &[]).await.status, StatusCode::FORBIDDEN);
    m.world.post(Who::Developer, &reveal, &[]).await.says(&secret);
    m.world
        .post(Who::Developer, &reveal, &[("tab", "code"), ("lang", "python")])
        .await
        .says(&secret)
        .says("hmac.compare_digest");
    m.world.get(Who::Developer, &format!("{}?tab=history", m.page)).await.says("endpoint.secret.reveal");
    m.world.post(Who::Developer, &format!("{}/rotate", m.page), &[("grace", "3600")]).await;
    m.world.get(Who::Developer, &format!("{}?tab=secrets", m.page)).await.says("A secret before it signs, too");
    assert_ne!(m.secret().await, secret);
    let bad =
        m.world.post(Who::Developer, &format!("{}/rotate", m.page), &[("grace", "0"), ("key", "whsec_short")]).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    bad.says_not("whsec_short");
}

#[tokio::test]
async fn a_test_event_waits_for_its_answer_and_asks_again() {
    let m = made().await;
    let sent = m.world.post(Who::Support, &format!("{}/test", m.page), &[("type", "invoice.paid")]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    let page = m.world.get(Who::Support, sent.location()).await;
    page.says("Test event is on its way").says("hx-trigger=\"every 1s\"");
    let message = sent.location().split_once("test=").unwrap().1;
    m.world.part(Who::Support, &format!("{}/test/{message}", m.page)).await.says("Test event is on its way");
    let none = m.world.post(Who::Support, &format!("{}/test", m.page), &[("type", "nothing.such")]).await;
    assert!(none.header("set-cookie").contains("refused"), "{}", none.header("set-cookie"));
}

#[tokio::test]
async fn support_sends_again_and_changes_nothing() {
    let m = made().await;
    let message = m.message(json!({"a": 1})).await;
    let page = m.world.get(Who::Support, &m.page).await;
    page.says("Recover").says_not("?tab=secrets").says_not("/switch");
    let again = m.world.post(Who::Support, &format!("{}/resend", m.page), &[("message", &message)]).await;
    assert!(again.header("set-cookie").contains("One%20message"), "{}", again.header("set-cookie"));
    m.world.get(Who::Support, &format!("{}?tab=secrets", m.page)).await.says_not("Rotate");
}

#[tokio::test]
async fn a_schema_is_inferred_saved_and_compared() {
    let m = made().await;
    m.message(json!({"amount": 5, "customer_email": "real@person.test"})).await;
    let page = "/event-types/invoice.paid";
    let draft = m.world.get(Who::Developer, &format!("{page}?infer=10")).await;
    draft.says("Made from the last 1 messages").says("tax").says("was removed").says_not("real@person.test");
    let schema = r#"{"type": "object", "properties": {"amount": {"type": "integer"}}}"#;
    let saved = m.world.post(Who::Developer, &format!("{page}/schema"), &[("schema", schema), ("version", "2")]).await;
    assert_eq!(saved.location(), "/event-types/invoice.paid?version=2");
    m.world.get(Who::Owner, page).await.says("Version 2 against 1").says("Breaking").says("amount");
    let bad = m.world.post(Who::Developer, &format!("{page}/schema"), &[("schema", "{"), ("version", "2")]).await;
    bad.says("is not JSON");
    m.world.get(Who::Owner, &format!("{page}?example=real")).await.says("ana@example.com").says_not("real@person.test");
}

#[tokio::test]
async fn an_event_type_is_made_of_a_sample_sent_archived_and_deleted() {
    let m = made().await;
    let fields = [("name", "user.created"), ("sample", "{\"id\": \"u_1\"}")];
    assert_eq!(m.world.post(Who::Developer, "/event-types/new", &fields).await.location(), "/event-types/user.created");
    let page = "/event-types/user.created";
    m.world.get(Who::Owner, page).await.says("u_1");
    let sent = m
        .world
        .post(Who::Developer, &format!("{page}/send"), &[("app", &m.app), ("payload", "{\"id\": \"u_1\"}")])
        .await;
    assert!(sent.location().starts_with("/messages/msg_"), "{}", sent.location());
    m.world.post(Who::Developer, &format!("{page}/change"), &[("archived", "yes")]).await;
    m.world.get(Who::Owner, "/event-types").await.says_not("href=\"/event-types/user.created\"");
    m.world.get(Who::Owner, "/event-types?archived=yes").await.says("user.created");
    m.world.post(Who::Developer, &format!("{page}/delete"), &[("confirm", "user")]).await.says("nothing was deleted");
    m.world.post(Who::Developer, &format!("{page}/delete"), &[("confirm", "user.created")]).await;
    assert_eq!(m.world.get(Who::Owner, page).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_openapi_document_is_shown_before_it_is_imported() {
    let m = made().await;
    let spec = r#"{"openapi": "3.1.0", "webhooks": {"pet.new": {"post": {"description": "A pet came"}}}}"#;
    m.world.post(Who::Developer, "/event-types/import", &[("spec", spec)]).await.says("pet.new").says("A pet came");
    assert_eq!(m.world.get(Who::Owner, "/event-types/pet.new").await.status, StatusCode::NOT_FOUND);
    m.world.post(Who::Developer, "/event-types/import", &[("spec", spec), ("import", "yes")]).await;
    m.world.get(Who::Owner, "/event-types/pet.new").await.says("A pet came");
    m.world.post(Who::Developer, "/event-types/import", &[("spec", "a: b")]).await.says("YAML is not read");
}

#[tokio::test]
async fn the_debugger_says_why_and_never_shows_the_secret() {
    let m = made().await;
    let message = m.message(json!({"a": 1})).await;
    let path = format!("/api/v1/app/{}/msg/{message}/endpoint/{}/request", m.app, m.endpoint);
    let request = m.world.api(Who::Owner, "GET", &path, Value::Null).await;
    let headers: String = request["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| format!("{}: {}\n", h[0].as_str().unwrap(), h[1].as_str().unwrap()))
        .collect();
    let secret = m.secret().await;
    let ask = async |secret: &str, body: &str, endpoint: &str| {
        let fields = [
            ("provider", "standard-webhooks"),
            ("secret", secret),
            ("headers", &*headers),
            ("body", body),
            ("endpoint", endpoint),
        ];
        m.world.post(Who::Support, "/tools/verify", &fields).await
    };
    ask(&secret, "{\"a\":1}", "").await.says("The signature holds").says_not(&secret);
    ask(&secret, "{\"a\": 1}", "").await.says("The body was altered").says("nothing else wrong").says_not(&secret);
    ask("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "{\"a\":1}", "").await.says("Most likely it is another secret");
    ask("", "{\"a\":1}", &m.page).await.says("The signature holds");
    m.world.post(Who::Support, "/tools/verify", &[("headers", "")]).await.says("Paste the request");
    let opened = m.world.get(Who::Support, &format!("/tools/verify?endpoint={}&message={message}", m.page)).await;
    opened.says("webhook-signature: v1,").says("The secrets of");
    ask("", "{}", "/apps/../../x").await.says("no secret to verify");
}
