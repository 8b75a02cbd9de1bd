//! Conversions by call: once for each name and external id, and only of clicks on one's own links.

use super::{Server, server, text};
use domain::{ClickId, LinkId, Timestamp};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::{Link, LinkFields};

/// A link of the organisation `org_test`, and the id of a click on it.
pub(super) async fn clicked(s: &Server) -> (Link, String) {
    let org = s.store.organisation("org_test").await.unwrap();
    let fields = LinkFields {
        app: None,
        slug: "spring".into(),
        target: "https://x.test/?a=\"1\"".into(),
        name: String::new(),
        redirect: 302,
        tags: vec!["press".into()],
        metadata: BTreeMap::default(),
        click_param: None,
        disabled: false,
        expires_at: None,
    };
    let link = s.store.create_link(org, fields).await.unwrap();
    let click = ClickId { link: link.id, at: Timestamp(1_795_247_030_500), nonce: 7 };
    (link, click.text(s.store.codec()))
}

/// The events of the link's application, oldest first: type and `data`.
async fn events(s: &Server, link: &Link) -> Vec<(String, Value)> {
    let list = s.get(&format!("/app/{}/msg", s.store.codec().text(link.app))).await.expect(200);
    let mut list = list["data"].as_array().unwrap().clone();
    list.reverse();
    list.iter().map(|m| (text(&m["eventType"]), m["payload"]["data"].clone())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversion_is_taken_once_for_each_name_and_external_id() {
    let s = server().await;
    let (link, click) = clicked(&s).await;
    let body = json!({"click": click, "name": "sale", "value": 19.9, "currency": "eur", "externalId": "o-1"});
    let made = s.post("/conversion", body.clone()).await.expect(202);
    let id = text(&made["messageId"]);
    assert!(id.starts_with("msg_"));
    let want = json!({
        "click": click, "link": s.store.codec().text(link.id), "name": "sale", "value": 19.9, "currency": "EUR",
        "externalId": "o-1", "messageId": id, "repeated": false
    });
    assert_eq!(made, want);
    let again = s.post("/conversion", body).await.expect(200);
    assert_eq!((&again["repeated"], &again["messageId"]), (&json!(true), &Value::Null));
    for (other, status) in [
        (json!({"click": click, "name": "sale", "externalId": "o-2"}), 202),
        (json!({"click": click, "name": "sale"}), 202),
        (json!({"click": click}), 202),
        (json!({"click": click, "name": "conversion", "value": 3}), 200),
    ] {
        s.post("/conversion", other).await.expect(status);
    }
    let events = events(&s, &link).await;
    assert_eq!(events.len(), 4);
    assert!(events.iter().all(|(kind, _)| kind == "link.converted"));
    let data = &events[0].1;
    for (member, want) in [
        ("click", json!(click)),
        ("clickedAt", json!("2026-11-21T07:43:50.500Z")),
        ("link", json!(s.store.codec().text(link.id))),
        ("slug", json!("spring")),
        ("target", json!("https://x.test/?a=\"1\"")),
        ("tags", json!(["press"])),
        ("name", json!("sale")),
        ("value", json!(19.9)),
        ("currency", json!("EUR")),
        ("externalId", json!("o-1")),
        ("bot", json!(false)),
        ("first", json!(true)),
    ] {
        assert_eq!(data[member], want, "{member}");
    }
    assert_eq!((&events[3].1["name"], &events[3].1["first"]), (&json!("conversion"), &json!(false)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_clicks_on_own_links_are_there() {
    let s = server().await;
    let (link, click) = clicked(&s).await;
    let gone = ClickId { link: LinkId(12_345), at: Timestamp(1), nonce: 1 }.text(s.store.codec());
    let mut forged = click.clone();
    forged.replace_range(10..11, if &click[10..11] == "A" { "B" } else { "A" });
    for id in [&*gone, &forged, "clk_", "", "x"] {
        s.post("/conversion", json!({"click": id})).await.refuse(404, "not_found");
    }
    let other = json!({"click": click}).to_string();
    s.raw(&s.org_token("org_other"), Method::POST, "/api/v1/conversion", other).await.refuse(404, "not_found");
    let org = s.store.organisation("org_test").await.unwrap();
    assert!(events(&s, &link).await.is_empty());
    s.store.delete_link(org, link.id).await.unwrap();
    s.post("/conversion", json!({"click": click})).await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_conversion_is_said_at_its_place() {
    let s = server().await;
    for (body, place) in [
        (json!({}), "click"),
        (json!({"click": 1}), "click"),
        (json!({"click": null}), "click"),
        (json!({"click": "c", "name": ""}), "name"),
        (json!({"click": "c", "name": "a:b"}), "name"),
        (json!({"click": "c", "name": "n".repeat(65)}), "name"),
        (json!({"click": "c", "value": "1"}), "value"),
        (json!({"click": "c", "currency": "EURO"}), "currency"),
        (json!({"click": "c", "externalId": "a b"}), "externalId"),
        (json!({"click": "c", "externalId": "x".repeat(129)}), "externalId"),
    ] {
        s.post("/conversion", body).await.invalid("body", place);
    }
}
