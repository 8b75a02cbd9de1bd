//! What every answer has, whoever asks for whatever.

use super::{Who, World};
use axum::body::Body;
use http::StatusCode;

#[tokio::test]
async fn every_answer_has_the_policy_and_is_kept_by_no_cache() {
    let world = World::new().await;
    for (who, path) in
        [(Who::Owner, "/"), (Who::Nobody, "/"), (Who::Nobody, "/no/such/page"), (Who::Owner, "/no/such/page")]
    {
        let answer = world.get(who, path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_path_that_nothing_has_is_a_page_for_people_and_json_for_programs() {
    let world = World::new().await;
    let page = world.get(Who::Nobody, "/no/such/page").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    page.says("<h1>Not found</h1>");
    for path in ["/no/such/page", "/api/v1/no-such-route"] {
        let request = world.request(Who::Nobody, "GET", path).header("accept", "*/*");
        let request = match path.starts_with("/api") {
            true => request,
            false => http::Request::builder().uri(path).header("accept", "application/json"),
        };
        let json = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((json.status, json.header("content-type")), (StatusCode::NOT_FOUND, "application/json"), "{path}");
        json.says("\"not_found\"");
    }
}

#[tokio::test]
async fn files_are_kept_for_ever_under_their_hash_and_under_no_other() {
    let world = World::new().await;
    let url = crate::assets::url("app.css");
    let file = world.get(Who::Nobody, &url).await;
    assert_eq!((file.status, file.header("content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
    assert!(file.header("cache-control").contains("immutable"));
    let old = world.get(Who::Nobody, "/assets/000000000000/app.css").await;
    assert_eq!(old.status, StatusCode::NOT_FOUND);
    let request = world.request(Who::Nobody, "GET", &url).header("accept-encoding", "gzip, br");
    let packed = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(packed.header("content-encoding"), "br");
}

#[tokio::test]
async fn a_browser_that_asks_for_an_icon_by_itself_gets_the_mark() {
    let world = World::new().await;
    let icon = world.get(Who::Nobody, "/favicon.ico").await;
    assert_eq!((icon.status, icon.header("content-type")), (StatusCode::OK, "image/svg+xml"));
    icon.says("<svg");
}

#[test]
fn all_files_together_are_small() {
    let total: usize = crate::assets::ASSETS.iter().map(|asset| asset.packed.len()).sum();
    assert!(total <= 150_000, "{total} bytes");
}
