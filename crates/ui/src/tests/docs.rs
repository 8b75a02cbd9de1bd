//! The API reference: everything that the document describes is on a page, for anybody, whole without scripts.

use super::{Who, World};
use http::StatusCode;
use serde_json::Value;

async fn document(world: &World) -> Value {
    world.api(Who::Owner, "GET", "/openapi.json", Value::Null).await
}

fn slug(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

#[tokio::test]
async fn every_operation_of_the_document_is_on_the_page_of_its_tag() {
    let world = World::new().await;
    let document = document(&world).await;
    let mut count = 0;
    for tag in document["tags"].as_array().unwrap() {
        let name = tag["name"].as_str().unwrap();
        let page = world.get(Who::Nobody, &format!("/docs/{}", slug(name))).await;
        assert_eq!(page.status, StatusCode::OK, "{name}");
        assert!(page.body.len() < 700_000, "{name}: {} bytes", page.body.len());
        for (path, verbs) in document["paths"].as_object().unwrap() {
            for operation in verbs.as_object().unwrap().values().filter(|op| op["tags"][0] == name) {
                let id = operation["operationId"].as_str().unwrap();
                page.says(&format!("id=\"{id}\"")).says(&format!("<code>{path}</code>"));
                count += 1;
            }
        }
    }
    assert!(count > 130, "{count}");
}

#[tokio::test]
async fn the_first_page_leads_to_each_tag_and_guide() {
    let world = World::new().await;
    let home = world.get(Who::Nobody, "/docs").await;
    assert_eq!(home.status, StatusCode::OK);
    for guide in ["authentication", "errors", "idempotency", "lists", "signatures", "webhooks"] {
        home.says(&format!("href=\"/docs/{guide}\""));
        let page = world.get(Who::Nobody, &format!("/docs/{guide}")).await;
        assert_eq!(page.status, StatusCode::OK, "{guide}");
    }
    for tag in document(&world).await["tags"].as_array().unwrap() {
        home.says(&format!("href=\"/docs/{}\"", slug(tag["name"].as_str().unwrap())));
    }
    let webhooks = world.get(Who::Nobody, "/docs/webhooks").await;
    webhooks.says("message.attempt.exhausted").says("link.clicked").says("lastAttempt");
    assert_eq!(world.get(Who::Nobody, "/docs/no-such-page").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_search_finds_operations_by_words_and_shows_what_was_typed_as_text() {
    let world = World::new().await;
    let found = world.get(Who::Nobody, "/docs?q=rotate+secret").await;
    found.says("/docs/endpoints#v1.endpoint.rotate-secret").says_not("v1.message.create");
    let none = world.get(Who::Nobody, "/docs?q=%3Cscript%3Ealert(1)%3C/script%3E").await;
    none.says("No operation has all of these words").says_not("<script>alert");
}

#[tokio::test]
async fn examples_are_in_three_languages_and_call_this_server() {
    let world = World::new().await;
    let page = world.get(Who::Nobody, "/docs/messages").await;
    page.says("curl -X POST").says("svix.message.create(").says("from svix.api import Svix, SvixOptions, MessageIn");
    page.says("event_id=").says("/api/v1/app/customer-42/msg").says("serverUrl:");
    let bins = world.get(Who::Nobody, "/docs/bins").await;
    bins.says("urllib.request.Request(").says("await fetch(");
}

#[tokio::test]
async fn a_page_has_no_script_or_style_of_its_own() {
    let world = World::new().await;
    for path in ["/docs", "/docs/endpoints", "/docs/webhooks", "/docs/signatures"] {
        let page = world.get(Who::Nobody, path).await;
        page.says_not("<style").says_not("style=\"").says_not(" onclick").says_not("javascript:");
        let inline = page.body.matches("<script ").count();
        assert_eq!(inline, page.body.matches("<script src=\"/assets/").count(), "{path}");
        assert!(page.header("content-security-policy").contains("default-src 'none'"));
    }
}
