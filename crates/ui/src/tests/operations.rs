//! Issues, tasks, the wizard that makes them, and the live tail.

use super::{Who, World};
use domain::{AttemptDetail, HeaderLines};
use serde_json::{Value, json};
use std::time::Duration;

const EVIL: &str = "<img src=x onerror=alert(1)>";

struct Failed {
    world: World,
    endpoint: String,
    message: String,
    issue: String,
}

/// An endpoint that answered one message with 503 and a hostile body.
async fn failed() -> Failed {
    let world = World::new().await;
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    world.api(Who::Owner, "POST", "/api/v1/app", json!({"name": "Acme", "uid": "acme"})).await;
    let endpoint = json!({"url": "https://api.acme.io/hooks"});
    let endpoint = world.api(Who::Owner, "POST", "/api/v1/app/acme/endpoint", endpoint).await;
    let body = json!({"eventType": "invoice.paid", "payload": {}});
    let message = world.api(Who::Owner, "POST", "/api/v1/app/acme/msg", body).await;
    world.answer(503, EVIL, None).await;
    let issues = world.api(Who::Owner, "GET", "/api/v1/issue", Value::Null).await;
    let issue = issues["data"][0]["id"].as_str().unwrap().to_owned();
    Failed { endpoint: id(&endpoint), message: id(&message), issue, world }
}

#[tokio::test]
async fn an_issue_says_what_happened_why_and_what_to_do() {
    let f = failed().await;
    let list = f.world.get(Who::Support, "/issues").await;
    list.says("The receiver is unavailable").says("api.acme.io/hooks").says("Ask the receiver whether");
    f.world.get(Who::Support, "/issues?kind=dns").await.says("No issue matches").says("Clear filters");
    f.world.get(Who::Support, "/issues?state=muted").await.says("None here");
    let page = f.world.get(Who::Support, &format!("/issues/{}", f.issue)).await;
    page.says("What happened").says("What to do").says("503 Service Unavailable").says(&f.message).says_not(EVIL);
    page.says("Recover messages").says("Try one again").says_not("Mute").says_not("Pause endpoint");
}

#[tokio::test]
async fn the_issue_of_a_redirect_says_where_it_leads() {
    let f = failed().await;
    let body = json!({"eventType": "invoice.paid", "payload": {}});
    f.world.api(Who::Owner, "POST", "/api/v1/app/acme/msg", body).await;
    let headers = HeaderLines::collect(|| std::iter::once(("location", &b"https://www.acme.io/<b>"[..])), 2048);
    let detail = AttemptDetail { headers: Some(headers), ..AttemptDetail::default() };
    f.world.answer_noting(301, "", None, &detail).await;
    let issues = f.world.api(Who::Owner, "GET", "/api/v1/issue", Value::Null).await;
    let issue = issues["data"].as_array().unwrap().iter().find(|i| i["kind"] == "redirect").unwrap();
    let page = f.world.get(Who::Support, &format!("/issues/{}", issue["id"].as_str().unwrap())).await;
    page.says("It redirects to <code>https://www.acme.io/%3Cb%3E</code>").says_not("<b>\"");
}

#[tokio::test]
async fn a_muted_issue_is_out_of_the_menu_until_it_is_opened_again() {
    let f = failed().await;
    let page = format!("/issues/{}", f.issue);
    f.world.get(Who::Owner, &page).await.says("<span class=\"sr\"> open");
    assert_eq!(f.world.post(Who::Developer, &format!("{page}/mute"), &[]).await.location(), page);
    f.world.get(Who::Owner, &page).await.says("Muted").says("Unmute").says_not("<span class=\"sr\"> open");
    f.world.get(Who::Owner, "/issues").await.says("No endpoint is failing");
    f.world.post(Who::Developer, &format!("{page}/open"), &[]).await;
    f.world.get(Who::Owner, "/issues").await.says("api.acme.io");
    f.world.post(Who::Developer, &format!("{page}/resolve"), &[]).await;
    f.world.get(Who::Owner, "/issues?state=resolved").await.says("api.acme.io");
}

#[tokio::test]
async fn an_endpoint_is_paused_from_its_issue_and_one_message_is_tried() {
    let f = failed().await;
    let page = format!("/issues/{}", f.issue);
    let tried = f.world.post(Who::Support, &format!("{page}/test"), &[]).await;
    assert_eq!(tried.location(), page);
    let paused = f.world.post(Who::Developer, &format!("{page}/pause-endpoint"), &[("back", "/")]).await;
    assert_eq!(paused.location(), "/");
    f.world.get(Who::Owner, "/").await.says("Paused");
    f.world.get(Who::Owner, &page).await.says("The endpoint is paused").says("Resume endpoint");
    assert_eq!(f.world.post(Who::Developer, &format!("{page}/resume-endpoint"), &[]).await.location(), page);
    f.world.get(Who::Owner, &page).await.says("Pause endpoint");
}

#[tokio::test]
async fn the_wizard_counts_before_it_starts_and_the_task_is_followed_to_its_end() {
    let f = failed().await;
    f.world.get(Who::Support, "/replay").await.says("api.acme.io/hooks").says(&f.endpoint);
    let wizard = format!("/replay?endpoint={}", f.endpoint);
    let page = f.world.get(Who::Support, &wizard).await;
    page.says("Since failing began").says("Check what it would do").says_not("3. Check");
    let since = "2026-01-01T00%3A00%3A00Z";
    let check = f.world.get(Who::Support, &format!("{wizard}&which=failed&since={since}&speed=5")).await;
    check.says("3. Check").says("Start: 1 message").says("about 1 s").says("invoice.paid").says("As chosen");
    let none = f.world.get(Who::Support, &format!("{wizard}&which=missing&since={since}")).await;
    none.says("No message of that kind").says_not("Start:");
    let wrong =
        f.world.get(Who::Support, &format!("{wizard}&since=custom&from=2026-11-20T00:00&to=2026-11-19T00:00")).await;
    assert_eq!(wrong.status, 422);
    wrong.says("The end is before the beginning");

    let fields =
        [("endpoint", f.endpoint.as_str()), ("which", "failed"), ("since", "2026-01-01T00:00:00Z"), ("speed", "")];
    let started = f.world.post(Who::Support, "/replay", &fields).await;
    let task = started.location().to_owned();
    assert!(task.starts_with("/tasks/qtask_"), "{task}");
    f.world.answer(200, "ok", None).await;
    f.world.advance(Duration::from_secs(2));
    f.world.store.ready().await.unwrap();
    let page = f.world.get(Who::Support, &task).await;
    page.says("Recover failed messages").says("those that failed").says("Report").says(&f.message);
    f.world.get(Who::Support, "/tasks").await.says(&task).says("api.acme.io/hooks");
    let part = f.world.part(Who::Support, &format!("{task}?part=progress")).await;
    part.says("id=\"progress\"").says_not("<html");
    let csv = f.world.get(Who::Support, &format!("{task}/report.csv")).await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    csv.says("msgId,eventType").says(&f.message);
    f.world.get(Who::Support, &format!("{task}?state=failed")).await.says("None here");
}

#[tokio::test]
async fn a_task_that_is_paused_is_resumed_or_canceled() {
    let f = failed().await;
    // Slow enough not to be over at once.
    for _ in 0..3 {
        let body = json!({"eventType": "invoice.paid", "payload": {}});
        f.world.api(Who::Owner, "POST", "/api/v1/app/acme/msg", body).await;
        f.world.answer(503, "busy", None).await;
    }
    let fields =
        [("endpoint", f.endpoint.as_str()), ("which", "failed"), ("since", "2026-01-01T00:00:00Z"), ("speed", "1")];
    let task = f.world.post(Who::Support, "/replay", &fields).await.location().to_owned();
    assert_eq!(f.world.post(Who::Support, &format!("{task}/pause"), &[]).await.location(), task);
    f.world.get(Who::Support, &task).await.says("Paused").says("Resume").says("hx-trigger=\"every 2s\"");
    f.world.post(Who::Support, &format!("{task}/resume"), &[]).await;
    f.world.get(Who::Support, &task).await.says("Running").says("1 a second at most");
    f.world.post(Who::Support, &format!("{task}/cancel"), &[]).await;
    f.world.get(Who::Support, &task).await.says("Canceled");
    assert_eq!(f.world.post(Who::Support, &format!("{task}/resume"), &[]).await.status, 409);
    assert_eq!(f.world.get(Who::Stranger, &task).await.status, 404);
}

#[tokio::test]
async fn the_live_page_streams_what_its_filters_say_and_reads_without_a_script() {
    let f = failed().await;
    let page = f.world.get(Who::Support, "/live?direction=out&status=failed&type=invoice.*&evil=%22%3E").await;
    page.says("/live/stream?direction=out").says("status=failed").says("type=invoice.");
    let stream = page.body.split("data-stream=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(!stream.contains("evil"), "{stream}");
    page.says("Live rows need JavaScript").says(&f.message);
    let stream = f.world.get(Who::Support, "/live/stream?status=failed").await;
    assert!(stream.header("content-type").starts_with("text/event-stream"), "{}", stream.status);
    assert_eq!(stream.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn what_was_done_is_taken_back_by_the_notice_that_says_it() {
    let world = World::new().await;
    let body = json!({"name": "Payments", "type": "generic-webhook"});
    let source = world.api(Who::Owner, "POST", "/ingest/api/v1/source", body).await;
    let page = format!("/sources/{}", source["id"].as_str().unwrap());
    let paused = world.post(Who::Developer, &format!("{page}/state"), &[("state", "paused")]).await;
    let cookies: Vec<&str> = paused.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
    let pairs: Vec<&str> = cookies.iter().map(|cookie| cookie.split(';').next().unwrap()).collect();
    assert!(pairs.iter().any(|pair| pair.starts_with("undo=")), "{cookies:?}");
    let look = async |cookies: &str| {
        let request = world.request(Who::Developer, "GET", &page);
        let mut request = request.body(axum::body::Body::empty()).unwrap();
        let session = format!("postrider_session={}; {cookies}", super::token(Who::Developer));
        request.headers_mut().insert("cookie", session.parse().unwrap());
        world.send(request).await
    };
    let shown = look(&pairs.join("; ")).await;
    shown.says(">Undo</button>").says(&format!("action=\"{page}/state\"")).says("name=\"state\" value=\"live\"");
    let gone: Vec<_> = shown.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap().to_owned()).collect();
    assert!(gone.iter().any(|cookie| cookie.starts_with("undo=;")), "{gone:?}");
    // A neighbour's cookie leads to nothing that can't be taken back.
    look("notice=Hi; undo=%2Fapps%2Fa%2Fdelete%7Cname%7Cx").await.says("Hi").says_not(">Undo</button>");
    world.post(Who::Developer, &format!("{page}/state"), &[("state", "live")]).await;
    world.get(Who::Developer, &page).await.says("Live");
}
