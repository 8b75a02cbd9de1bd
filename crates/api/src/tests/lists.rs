//! Iterators, both ways.

use super::{Server, server, text};
use serde_json::{Value, json};

fn ids(page: &Value, key: &str) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|row| text(&row[key])).collect()
}

/// Walks to the end in pages of two, back to the start, and compares with the whole.
async fn check(s: &Server, path: &str, key: &str) {
    let join = |query: String| format!("{path}{}{query}", if path.contains('?') { "&" } else { "?" });
    let whole = ids(&s.get(path).await.expect(200), key);
    assert_eq!(whole.len(), 5, "{path}");
    let (mut walked, mut iterator) = (Vec::new(), String::new());
    let last = loop {
        let page = s.get(&join(format!("limit=2{iterator}"))).await.expect(200);
        walked.extend(ids(&page, key));
        assert_eq!(page["iterator"], json!(walked.last().unwrap()), "{path}");
        if page["done"] == true {
            break page;
        }
        iterator = format!("&iterator={}", text(&page["iterator"]));
    };
    assert_eq!(walked, whole, "{path}");

    let mut back = Vec::new();
    let mut previous = text(&last["prevIterator"]);
    assert!(previous.starts_with('-'));
    loop {
        let page = s.get(&join(format!("limit=2&iterator={previous}"))).await.expect(200);
        let mut rows = ids(&page, key);
        if rows.is_empty() {
            break;
        }
        previous = text(&page["prevIterator"]);
        rows.append(&mut back);
        back = rows;
    }
    assert_eq!(back, whole[..4], "{path}");
    s.get(&join("limit=251".into())).await.invalid("query", "limit");
    s.get(&join("limit=x".into())).await.refuse(400, "invalid_query");
    s.get(&join("iterator=%20".into())).await.invalid("query", "iterator");
    s.get(&join("order=up".into())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_list_walks_on_and_back() {
    let s = server().await;
    for i in 0..5 {
        s.app(&format!("a{i}")).await;
        s.post("/event-type", json!({"name": format!("t.{i}"), "description": ""})).await.expect(201);
        s.endpoint("a0", &format!("e{i}")).await;
        s.post("/link", json!({"target": "https://example.com/", "tags": ["t"], "appId": "a0"})).await.expect(201);
        s.post("/form", json!({"name": "f", "appId": "a0"})).await.expect(201);
    }
    let mut message = String::new();
    for _ in 0..5 {
        message = s.message("a0", "t.1").await;
    }
    check(&s, "/link", "id").await;
    check(&s, "/link?tag=t&order=descending", "id").await;
    check(&s, "/form", "id").await;
    check(&s, "/app", "id").await;
    check(&s, "/app?order=descending", "id").await;
    check(&s, "/event-type", "name").await;
    check(&s, "/app/a0/endpoint", "id").await;
    check(&s, "/app/a0/msg", "id").await;
    check(&s, "/app/a0/endpoint/e1/msg", "id").await;
    check(&s, &format!("/app/a0/msg/{message}/endpoint"), "id").await;

    assert_eq!(ids(&s.get("/event-type").await.expect(200), "name"), ["t.0", "t.1", "t.2", "t.3", "t.4"]);
    assert_eq!(ids(&s.get("/app/a0/msg").await.expect(200), "id")[0], message, "newest first");
    s.get("/app?order=up").await.invalid("query", "order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_filtered_by_type_channel_tag_and_time() {
    let s = server().await;
    s.app("a").await;
    for (event_type, channel, tag) in [("x", "c1", "t1"), ("y", "c2", "t2"), ("z", "c1", "t2")] {
        let body = json!({"eventType": event_type, "payload": {}, "channels": [channel], "tags": [tag]});
        s.post("/app/a/msg", body).await.expect(202);
        s.clock.advance(std::time::Duration::from_secs(60));
    }
    let types = async |query: &str| ids(&s.get(&format!("/app/a/msg?{query}")).await.expect(200), "eventType");
    assert_eq!(types("event_types=x,y").await, ["y", "x"]);
    assert_eq!(types("event_types=x&event_types=z").await, ["z", "x"]);
    assert_eq!(types("event_types[]=z").await, ["z"]);
    assert_eq!(types("channel=c1").await, ["z", "x"]);
    assert_eq!(types("tag=t2").await, ["z", "y"]);
    assert_eq!(types("after=2026-11-21T07:44:30Z").await, ["z", "y"]);
    assert_eq!(types("before=2026-11-21T07:44:30%2B00:00").await, ["x"]);
    assert_eq!(types("with_content=false&limit=1").await, ["z"]);
    s.get("/app/a/msg?before=noon").await.refuse(400, "invalid_query");
    s.get("/app/a/msg?channel=a%20b").await.invalid("query", "channel");
    s.get("/app/a/msg?event_types=%20").await.invalid("query", "event_types");
    s.get("/app/a/msg?with_content=perhaps").await.refuse(400, "invalid_query");
}
