//! Every route with every kind of credential. The table below is compared with the router's own, so that a new route
//! fails here until somebody decides who may call it.

use super::{Answer, Server, server, text};
use crate::auth::{Capabilities, Capability};
use crate::routes::{Access, ROUTES, Route};
use http::{Method, Request};
use http_body_util::Full;
use serde_json::json;
use std::time::Duration;

/// Who may call what: `any` needs no token, `org` an organisation's, `own` an application's, else the capability that an
/// application's token needs.
const TABLE: &str = "
POST /api/v1/app/{app_id}/msg org
POST /api/v1/app/{app_id}/msg/batch org
GET /api/v1/app/{app_id}/msg ViewBase
GET /api/v1/app/{app_id}/msg/{msg_id} ViewBase
DELETE /api/v1/app/{app_id}/msg/{msg_id}/content org
GET /api/v1/app org
POST /api/v1/app org
GET /api/v1/app/{app_id} ViewBase
PUT /api/v1/app/{app_id} org
PATCH /api/v1/app/{app_id} org
DELETE /api/v1/app/{app_id} org
GET /api/v1/app/{app_id}/endpoint ViewBase
POST /api/v1/app/{app_id}/endpoint ManageEndpoint
GET /api/v1/app/{app_id}/endpoint/{endpoint_id} ViewBase
PUT /api/v1/app/{app_id}/endpoint/{endpoint_id} ManageEndpoint
PATCH /api/v1/app/{app_id}/endpoint/{endpoint_id} ManageEndpoint
DELETE /api/v1/app/{app_id}/endpoint/{endpoint_id} ManageEndpoint
GET /api/v1/app/{app_id}/endpoint/{endpoint_id}/headers ViewBase
PUT /api/v1/app/{app_id}/endpoint/{endpoint_id}/headers ManageEndpoint
PATCH /api/v1/app/{app_id}/endpoint/{endpoint_id}/headers ManageEndpoint
GET /api/v1/app/{app_id}/endpoint/{endpoint_id}/secret ViewEndpointSecret
POST /api/v1/app/{app_id}/endpoint/{endpoint_id}/secret/rotate ManageEndpointSecret
GET /api/v1/app/{app_id}/endpoint/{endpoint_id}/stats ViewBase
POST /api/v1/app/{app_id}/endpoint/{endpoint_id}/send-example CreateAttempts
POST /api/v1/app/{app_id}/endpoint/{endpoint_id}/verify CreateAttempts
POST /api/v1/app/{app_id}/endpoint/{endpoint_id}/recover CreateAttempts
POST /api/v1/app/{app_id}/endpoint/{endpoint_id}/replay-missing CreateAttempts
POST /api/v1/app/{app_id}/endpoint/{endpoint_id}/bulk-replay CreateAttempts
POST /api/v1/app/{app_id}/endpoint/{endpoint_id}/replay CreateAttempts
POST /api/v1/app/{app_id}/endpoint/{endpoint_id}/replay/estimate CreateAttempts
POST /api/v1/app/{app_id}/endpoint/{endpoint_id}/pause ManageEndpoint
POST /api/v1/app/{app_id}/endpoint/{endpoint_id}/resume ManageEndpoint
GET /api/v1/app/{app_id}/endpoint/{endpoint_id}/msg ViewBase
GET /api/v1/app/{app_id}/attempt/endpoint/{endpoint_id} ViewBase
GET /api/v1/app/{app_id}/attempt/msg/{msg_id} ViewBase
GET /api/v1/app/{app_id}/msg/{msg_id}/attempt/{attempt_id} ViewBase
DELETE /api/v1/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}/content org
GET /api/v1/app/{app_id}/msg/{msg_id}/endpoint ViewBase
POST /api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/resend CreateAttempts
GET /api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/request CreateAttempts
GET /api/v1/app/{app_id}/msg/stream ViewBase
GET /api/v1/app/{app_id}/poller/{sink_id} ViewBase
GET /api/v1/app/{app_id}/poller/{sink_id}/consumer/{consumer_id} ViewBase
POST /api/v1/app/{app_id}/poller/{sink_id}/consumer/{consumer_id}/seek ViewBase
GET /ingest/api/v1/source/{source_id}/request/stream org
GET /api/v1/bin/{bin_id}/request/stream org
GET /api/v1/listen org
GET /api/v1/event-type ViewBase
POST /api/v1/event-type org
POST /api/v1/event-type/import/openapi org
GET /api/v1/event-type/{event_type_name} ViewBase
PUT /api/v1/event-type/{event_type_name} org
PATCH /api/v1/event-type/{event_type_name} org
DELETE /api/v1/event-type/{event_type_name} org
GET /api/v1/event-type/{event_type_name}/endpoint org
GET /api/v1/hook org
POST /api/v1/hook org
DELETE /api/v1/hook/{hook_id} org
GET /api/v1/event org
POST /api/v1/auth/app-portal-access/{app_id} org
POST /api/v1/auth/dashboard-access/{app_id} org
POST /api/v1/auth/logout own
POST /api/v1/auth/app/{app_id}/expire-all org
GET /api/v1/auth/portal own
GET /api/v1/app/{app_id}/test-inbox ViewBase
POST /api/v1/app/{app_id}/test-inbox ManageEndpoint
DELETE /api/v1/app/{app_id}/test-inbox/{inbox_id} ManageEndpoint
GET /api/v1/app/{app_id}/test-inbox/{inbox_id}/request ViewBase
GET /api/v1/api-key org
POST /api/v1/api-key org
DELETE /api/v1/api-key/{key_id} org
GET /api/v1/audit org
GET /api/v1/background-task ViewBase
GET /api/v1/background-task/{task_id} ViewBase
GET /api/v1/background-task/{task_id}/report ViewBase
POST /api/v1/background-task/{task_id}/pause CreateAttempts
POST /api/v1/background-task/{task_id}/resume CreateAttempts
POST /api/v1/background-task/{task_id}/cancel CreateAttempts
GET /api/v1/tail org
GET /api/v1/app/{app_id}/tail ViewBase
GET /api/v1/operational-webhook/endpoint org
POST /api/v1/operational-webhook/endpoint org
GET /api/v1/operational-webhook/endpoint/{endpoint_id} org
PUT /api/v1/operational-webhook/endpoint/{endpoint_id} org
DELETE /api/v1/operational-webhook/endpoint/{endpoint_id} org
GET /api/v1/operational-webhook/endpoint/{endpoint_id}/headers org
PUT /api/v1/operational-webhook/endpoint/{endpoint_id}/headers org
GET /api/v1/operational-webhook/endpoint/{endpoint_id}/secret org
POST /api/v1/operational-webhook/endpoint/{endpoint_id}/secret/rotate org
GET /api/v1/figures/throughput org
GET /api/v1/figures/queue org
GET /api/v1/figures/application org
GET /api/v1/figures/event-type org
GET /api/v1/figures/endpoint/{endpoint_id} org
GET /api/v1/figures/source org
GET /api/v1/issue org
GET /api/v1/issue/{issue_id} org
PATCH /api/v1/issue/{issue_id} org
GET /api/v1/search/message org
GET /api/v1/search/application org
POST /api/v1/conversion org
GET /api/v1/health any
GET /api/v1/health/ping any
GET /livez any
GET /readyz any
GET /openapi.json any
GET /metrics any
GET /ingest/api/v1/source org
POST /ingest/api/v1/source org
GET /ingest/api/v1/source/{source_id} org
PUT /ingest/api/v1/source/{source_id} org
PATCH /ingest/api/v1/source/{source_id} org
DELETE /ingest/api/v1/source/{source_id} org
POST /ingest/api/v1/source/{source_id}/token/rotate org
POST /ingest/api/v1/source/{source_id}/simulate org
POST /ingest/api/v1/source/{source_id}/dashboard org
GET /ingest/api/v1/source/{source_id}/log ViewBase
GET /ingest/api/v1/source/{source_id}/endpoint ViewBase
POST /ingest/api/v1/source/{source_id}/endpoint ManageEndpoint
GET /ingest/api/v1/source/{source_id}/endpoint/{endpoint_id} ViewBase
PUT /ingest/api/v1/source/{source_id}/endpoint/{endpoint_id} ManageEndpoint
DELETE /ingest/api/v1/source/{source_id}/endpoint/{endpoint_id} ManageEndpoint
GET /ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}/headers ViewBase
PUT /ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}/headers ManageEndpoint
GET /ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}/secret ViewEndpointSecret
POST /ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}/secret/rotate ManageEndpointSecret
GET /ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}/transformation ViewBase
PATCH /ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}/transformation ManageTransformations
GET /ingest/api/v1/source/{source_id}/request ViewBase
DELETE /ingest/api/v1/source/{source_id}/request org
GET /ingest/api/v1/source/{source_id}/request/{request_id} ViewBase
DELETE /ingest/api/v1/source/{source_id}/request/{request_id} org
GET /ingest/api/v1/source/{source_id}/request/{request_id}/raw ViewBase
POST /ingest/api/v1/source/{source_id}/request/{request_id}/accept org
POST /ingest/api/v1/source/{source_id}/request/{request_id}/replay org
GET /ingest/api/v1/source/{source_id}/export ViewBase
GET /api/v1/source-type ViewBase
GET /api/v1/bin org
POST /api/v1/bin org
GET /api/v1/bin/{bin_id} org
PATCH /api/v1/bin/{bin_id} org
DELETE /api/v1/bin/{bin_id} org
POST /api/v1/bin/{bin_id}/promote org
POST /api/v1/bin/{bin_id}/share org
DELETE /api/v1/bin/{bin_id}/share org
GET /api/v1/bin/{bin_id}/export org
GET /api/v1/bin/{bin_id}/request org
DELETE /api/v1/bin/{bin_id}/request org
GET /api/v1/bin/{bin_id}/request/{request_id} org
DELETE /api/v1/bin/{bin_id}/request/{request_id} org
GET /api/v1/bin/{bin_id}/request/{request_id}/raw org
POST /api/v1/bin/{bin_id}/request/{request_id}/accept org
POST /api/v1/bin/{bin_id}/request/{request_id}/replay org
POST /api/v1/link/import org
PUT /api/v1/link/import/{import_id} org
GET /api/v1/link/import org
GET /api/v1/link/import/{import_id} org
GET /api/v1/link/import/{import_id}/error org
GET /api/v1/link org
POST /api/v1/link org
GET /api/v1/link/{link_id} org
PATCH /api/v1/link/{link_id} org
DELETE /api/v1/link/{link_id} org
GET /api/v1/link/{link_id}/qr org
GET /api/v1/link/{link_id}/stats org
GET /api/v1/link/{link_id}/event org
GET /api/v1/link/{link_id}/export org
GET /api/v1/form org
POST /api/v1/form org
GET /api/v1/form/{form_id} org
PATCH /api/v1/form/{form_id} org
DELETE /api/v1/form/{form_id} org
GET /api/v1/form/{form_id}/stats org
GET /api/v1/form/{form_id}/event org
GET /api/v1/form/{form_id}/export org
GET /api/v1/share/{share_token} any
GET /api/v1/share/{share_token}/request any
GET /api/v1/share/{share_token}/request/{request_id} any
";

/// What the table says of a route.
fn row(route: &Route) -> &'static str {
    let start = format!("{} {} ", route.verb.as_str(), route.path);
    let row = TABLE.lines().find_map(|line| line.strip_prefix(&start));
    row.unwrap_or_else(|| panic!("no row in TABLE for {start}"))
}

pub(super) async fn call(s: &Server, route: &Route, app: &str, token: Option<&str>) -> Answer {
    let path = route.path.replace("{app_id}", app);
    let mut path = path.replace(['{', '}'], "");
    if ["/stream", "/listen", "/tail"].iter().any(|end| path.ends_with(end)) {
        // A stream that opens has no end.
        path.push_str("?iterator=nonsense");
    }
    let method = Method::from_bytes(route.verb.as_str().as_bytes()).unwrap();
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    s.send(request.body(Full::new("{".into())).unwrap()).await
}

#[test]
fn the_table_has_no_row_without_a_route() {
    assert_eq!(TABLE.trim().lines().count(), ROUTES.len());
    for route in ROUTES {
        let want = match route.access {
            Access::Public => "any",
            Access::Org => "org",
            Access::OwnToken => "own",
            Access::App(c) | Access::Shared(c) => &format!("{c:?}"),
        };
        assert_eq!(row(route), want, "{}", route.path);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_route_lets_in_whom_the_table_says() {
    let s = server().await;
    let (app, other) = (s.app("a").await, s.app("b").await);
    let each = [
        Capability::ViewBase,
        Capability::ViewEndpointSecret,
        Capability::ManageEndpointSecret,
        Capability::ManageTransformations,
        Capability::CreateAttempts,
        Capability::ManageEndpoint,
    ];
    for route in ROUTES {
        let row = row(route);
        if row == "any" {
            let got = call(&s, route, "a", None).await.status.as_u16();
            // A share link's token is in its path, and this one is none.
            let is_key = route.path.contains("{share_token}");
            assert!(if is_key { got == 404 } else { got == 200 || got == 204 }, "{} {got}", route.path);
            continue;
        }
        call(&s, route, "a", None).await.refuse(401, "authentication_failed");
        call(&s, route, "a", Some("nonsense")).await.refuse(401, "authentication_failed");
        let org = call(&s, route, "a", Some(&s.org_token("org_test"))).await;
        assert_eq!(org.status == 403, row == "own", "{} {}", route.path, org.status);

        for capability in each {
            let token = s.token("org_test", Some(&app), Capabilities::of(&[capability]));
            let got = call(&s, route, "a", Some(&token)).await;
            let may = row == "own" || row == format!("{capability:?}");
            assert_eq!(got.status != 403, may, "{} {} {capability:?}: {}", route.verb.as_str(), route.path, got.status);
            if !may {
                got.refuse(403, "insufficient_access");
            }
            assert_ne!(got.status, 401);
        }
        if matches!(route.access, Access::App(_)) {
            // Found or not, an application of another token looks as if it were not there.
            let theirs = call(&s, route, "a", Some(&s.app_token("org_test", &other))).await;
            assert!([404, 422].contains(&theirs.status.as_u16()), "{} {}", route.path, theirs.status);
            let foreign = call(&s, route, "a", Some(&s.org_token("org_foreign"))).await;
            assert!([404, 422].contains(&foreign.status.as_u16()), "{} {}", route.path, foreign.status);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_token_reaches_its_own_application_only() {
    let s = server().await;
    let (a, b) = (s.app("a").await, s.app("b").await);
    s.endpoint("a", "e").await;
    let theirs = s.app_token("org_test", &b);
    let own = s.app_token("org_test", &a);
    let other_org = s.app_token("org_other", &a);
    for path in
        ["/api/v1/app/a", "/api/v1/app/a/endpoint", "/api/v1/app/a/endpoint/e", "/api/v1/app/a/endpoint/e/secret"]
    {
        s.raw(&own, Method::GET, path, "").await.expect(200);
        s.raw(&theirs, Method::GET, path, "").await.refuse(404, "not_found");
        s.raw(&other_org, Method::GET, path, "").await.refuse(404, "not_found");
        let by_id = path.replacen("/a", &format!("/{a}"), 2).replacen(&format!("/{a}pi"), "/api", 1);
        s.raw(&theirs, Method::GET, &by_id, "").await.refuse(404, "not_found");
    }
    let body = json!({"url": "https://example.com/"}).to_string();
    s.raw(&theirs, Method::POST, "/api/v1/app/a/endpoint", body.clone()).await.refuse(404, "not_found");
    s.raw(&own, Method::POST, "/api/v1/app/a/endpoint", body).await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_are_bad_expired_early_or_the_secret_itself_are_refused() {
    let s = server().await;
    let get = async |authorization: &str| {
        let request = Request::builder().uri("/api/v1/app").header("authorization", authorization);
        s.send(request.body(Full::default()).unwrap()).await
    };
    let good = s.org_token("org_test");
    get(&format!("Bearer {good}")).await.expect(200);
    get(&format!("bearer {good}")).await.expect(200);
    for bad in ["", "Bearer", "Bearer ", &good, &format!("Basic {good}"), &format!("Bearer {}", "x".repeat(9000))] {
        get(bad).await.refuse(401, "authentication_failed");
    }
    let hint = get(&format!("Bearer {}", super::JWT_SECRET)).await.expect(401);
    assert!(text(&hint["detail"]).contains("postrider token create"), "{hint}");
    let from_future = |s: u64| super::START.plus(Duration::from_secs(s));
    let early = |s_ahead: u64| s.token_at(from_future(s_ahead), "org_test", None, Capabilities::ALL);
    get(&format!("Bearer {}", early(60))).await.expect(200);
    let too_early = early(61);
    get(&format!("Bearer {too_early}")).await.refuse(401, "authentication_failed");
    s.clock.advance(Duration::from_secs(1));
    get(&format!("Bearer {too_early}")).await.expect(200);
    let unknown_app = s.app_token("org_test", "app_unknown");
    get(&format!("Bearer {unknown_app}")).await.refuse(401, "authentication_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portal_token_opens_one_application_for_its_time_until_it_logs_out() {
    let s = server().await;
    s.app("a").await;
    let access = s.post("/auth/app-portal-access/a", json!({"expiry": 3600, "capabilities": ["ViewBase"]})).await;
    assert_eq!(access.headers["cache-control"], "no-store");
    let access = access.expect(200);
    let token = text(&access["token"]);
    assert_eq!(access["url"], json!(format!("http://localhost/portal?org=org_test#key={token}")));
    let get = async |token: &str| s.raw(token, Method::GET, "/api/v1/app/a/endpoint", "").await;
    get(&token).await.expect(200);
    let body = json!({"url": "https://example.com/"}).to_string();
    s.raw(&token, Method::POST, "/api/v1/app/a/endpoint", body).await.refuse(403, "insufficient_access");

    let all = text(&s.call(Method::POST, "/auth/dashboard-access/a", None).await.expect(200)["token"]);
    get(&all).await.expect(200);
    s.raw(&all, Method::POST, "/api/v1/auth/logout", "").await.expect(204);
    get(&all).await.refuse(401, "authentication_failed");
    get(&token).await.expect(200);
    s.clock.advance(Duration::from_secs(3600 + 59));
    get(&token).await.expect(200);
    s.clock.advance(Duration::from_secs(2));
    get(&token).await.refuse(401, "authentication_failed");

    s.post("/auth/app-portal-access/none", json!({})).await.refuse(404, "not_found");
    s.post("/auth/app-portal-access/new", json!({"application": {"name": "New"}})).await.expect(200);
    s.get("/app/new").await.expect(200);
    s.post("/auth/app-portal-access/a", json!({"expiry": 1})).await.invalid("body", "expiry");
    s.post("/auth/app-portal-access/a", json!({"capabilities": ["Root"]})).await.invalid("body", "capabilities");
}
