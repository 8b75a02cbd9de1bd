//! Short links: made, changed, listed, drawn, counted, exported.

use super::{START, Server, server, server_with, text};
use bytes::Bytes;
use domain::LinkId;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use store::{Dim, EventKind, OriginId, OwnEvent};

const TARGET: &str = "https://example.com/page";

async fn link(s: &Server, body: Value) -> Value {
    s.post("/link", body).await.expect(201)
}

fn in_days(days: u32) -> String {
    START.plus(Duration::from_secs(86_400) * days).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_lives_from_creation_to_deletion() {
    let s = server().await;
    let body = json!({
        "target": "https://Bücher.example/ü?a=1", "slug": "Spring-Sale_1", "name": "Sale", "redirect": 301,
        "tags": ["press", "2026", "press"], "metadata": {"a": "b"}, "clickParam": "pr_click", "disabled": true,
        "expiresAt": in_days(1),
    });
    let made = link(&s, body).await;
    let id = text(&made["id"]);
    assert!(id.starts_with("link_"));
    let app = s.get("/app/links").await.expect(200);
    assert_eq!(app["name"], "Links and forms");
    let want = json!({
        "id": id, "url": "http://localhost/l/Spring-Sale_1", "slug": "Spring-Sale_1",
        "target": "https://xn--bcher-kva.example/%C3%BC?a=1", "name": "Sale", "redirect": 301, "tags": ["press", "2026"],
        "metadata": {"a": "b"}, "clickParam": "pr_click", "disabled": true, "expiresAt": in_days(1), "appId": app["id"],
        "createdAt": in_days(0), "updatedAt": in_days(0),
    });
    assert_eq!(made, want);
    assert_eq!(s.get(&format!("/link/{id}")).await.expect(200), want);

    s.clock.advance(Duration::from_secs(86_400));
    let own = s.app("own").await;
    let patch = async |body: Value| s.patch(&format!("/link/{id}"), body).await;
    let body = json!({"slug": "other", "target": TARGET, "tags": null, "clickParam": null, "expiresAt": null,
        "redirect": null, "disabled": null, "name": null, "metadata": null, "appId": "own"});
    let patched = patch(body).await.expect(200);
    let want = json!({
        "id": id, "url": "http://localhost/l/other", "slug": "other", "target": TARGET, "name": "", "redirect": 302,
        "tags": [], "metadata": {}, "clickParam": null, "disabled": false, "expiresAt": null, "appId": own,
        "createdAt": in_days(0), "updatedAt": in_days(1),
    });
    assert_eq!(patched, want);
    let kept = patch(json!({"name": "New"})).await.expect(200);
    assert_eq!((&kept["name"], &kept["target"], &kept["appId"]), (&json!("New"), &json!(TARGET), &json!(own)));
    assert_eq!(patch(json!({"appId": null})).await.expect(200)["appId"], app["id"]);
    // One that is over ends the link at once.
    assert_eq!(patch(json!({"expiresAt": in_days(0)})).await.expect(200)["expiresAt"], in_days(0));

    let other = s.raw(&s.org_token("org_other"), Method::GET, &format!("/api/v1/link/{id}"), "").await;
    other.refuse(404, "not_found");
    s.delete(&format!("/link/{id}")).await.expect(204);
    for path in ["", "/qr", "/stats", "/event", "/export"] {
        s.get(&format!("/link/{id}{path}")).await.refuse(404, "not_found");
    }
    s.delete(&format!("/link/{id}")).await.refuse(404, "not_found");
    link(&s, json!({"target": TARGET, "slug": "other"})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slug_is_random_or_nobody_elses() {
    let s = server().await;
    let a = link(&s, json!({"target": TARGET})).await;
    let b = link(&s, json!({"target": TARGET})).await;
    for made in [&a, &b] {
        let slug = text(&made["slug"]);
        assert!(slug.len() == 7 && slug.bytes().all(|c| b"23456789abcdefghjkmnpqrstuvwxyz".contains(&c)), "{slug}");
    }
    assert_ne!(a["slug"], b["slug"]);
    let taken = json!({"target": TARGET, "slug": a["slug"]});
    let refused = s.post("/link", taken.clone()).await;
    refused.refuse(409, "conflict");
    assert!(text(&refused.json()["detail"]).contains("slug is taken"));
    s.patch(&format!("/link/{}", text(&b["id"])), taken.clone()).await.refuse(409, "conflict");
    // Slugs are the whole server's.
    let other = s.raw(&s.org_token("org_other"), Method::POST, "/api/v1/link", taken.to_string()).await;
    other.refuse(409, "conflict");
    let same = s.patch(&format!("/link/{}", text(&a["id"])), json!({"slug": a["slug"]})).await.expect(200);
    assert_eq!(same["slug"], a["slug"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_link_can_not_be_is_said_at_its_place() {
    let s = server().await;
    let made = link(&s, json!({"target": TARGET})).await;
    let cases = [
        (json!({"target": "javascript:alert(1)"}), "target"),
        (json!({"target": "/page"}), "target"),
        (json!({"target": "https://me:pw@example.com/"}), "target"),
        (json!({"target": "https://example.com/a b"}), "target"),
        (json!({"target": format!("https://example.com/{}", "x".repeat(8_192))}), "target"),
        // This is how the caller finds the server.
        (json!({"target": "http://localhost/l/abc"}), "target"),
        (json!({"target": "http://localhost/in/abc"}), "target"),
        (json!({"target": null}), "target"),
        (json!({"target": 1}), "target"),
        (json!({"slug": "a/b"}), "slug"),
        (json!({"slug": "%61"}), "slug"),
        (json!({"slug": "Admin"}), "slug"),
        (json!({"slug": "x".repeat(65)}), "slug"),
        (json!({"redirect": 200}), "redirect"),
        (json!({"redirect": "301"}), "redirect"),
        (json!({"tags": ["a\nb"]}), "tags"),
        (json!({"tags": "a"}), "tags"),
        (json!({"name": "x".repeat(257)}), "name"),
        (json!({"metadata": {"a": 1}}), "metadata"),
        (json!({"clickParam": "a b"}), "clickParam"),
        (json!({"disabled": "no"}), "disabled"),
        (json!({"expiresAt": "soon"}), "expiresAt"),
        (json!({"appId": "none"}), "appId"),
        (json!({"appId": "a b"}), "appId"),
    ];
    for (change, field) in cases {
        let mut body = json!({"target": TARGET});
        change.as_object().unwrap().iter().for_each(|(k, v)| body[k] = v.clone());
        s.post("/link", body).await.invalid("body", field);
        s.patch(&format!("/link/{}", text(&made["id"])), change).await.invalid("body", field);
    }
    s.post("/link", json!({})).await.invalid("body", "target");
    s.post("/link", json!({"target": TARGET, "expiresAt": in_days(0)})).await.invalid("body", "expiresAt");
    s.patch(&format!("/link/{}", text(&made["id"])), json!({"slug": null})).await.invalid("body", "slug");
    assert_eq!(s.get("/link").await.expect(200)["data"], json!([made]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_url_is_where_links_are_and_must_not_lead() {
    let s = server_with(|c| c.public_url = Some("https://go.example.com/".into())).await;
    let made = link(&s, json!({"target": "http://localhost/l/abc", "slug": "a"})).await;
    assert_eq!(made["url"], "https://go.example.com/l/a");
    for target in ["https://go.example.com/l/a", "http://GO.example.com/f/x", "https://go.example.com/c/x.gif"] {
        s.post("/link", json!({"target": target})).await.invalid("body", "target");
    }
    link(&s, json!({"target": "https://go.example.com/about"})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_are_listed_by_tag_and_slug() {
    let s = server().await;
    for (slug, tags) in [("a", json!(["x"])), ("b", json!(["x", "ü y"])), ("c", json!([]))] {
        link(&s, json!({"target": TARGET, "slug": slug, "tags": tags})).await;
    }
    let slugs = async |query: &str| {
        let list = s.get(&format!("/link?{query}")).await.expect(200);
        list["data"].as_array().unwrap().iter().map(|l| text(&l["slug"])).collect::<Vec<_>>()
    };
    assert_eq!(slugs("").await, ["a", "b", "c"]);
    assert_eq!(slugs("order=descending&limit=2").await, ["c", "b"]);
    assert_eq!(slugs("tag=x").await, ["a", "b"]);
    assert_eq!(slugs("tag=%C3%BC%20y").await, ["b"]);
    assert_eq!(slugs("slug=c").await, ["c"]);
    assert_eq!(slugs("slug=c&tag=x").await, [""; 0]);
    s.get("/link?slug=a%2Fb").await.invalid("query", "slug");
    s.get("/link?tag=a%0Ab").await.invalid("query", "tag");
    let other = s.raw(&s.org_token("org_other"), Method::GET, "/api/v1/link?slug=a", "").await.expect(200);
    assert_eq!(other["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_links_qr_code_is_an_svg_or_a_png() {
    let s = server().await;
    let made = link(&s, json!({"target": TARGET, "slug": "abc2345"})).await;
    let path = format!("/link/{}/qr", text(&made["id"]));
    let svg = s.get(&path).await;
    assert_eq!((svg.status.as_u16(), &svg.headers["content-type"]), (200, &"image/svg+xml".parse().unwrap()));
    assert!(svg.body.starts_with(b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"512\""));
    let png = s.get(&format!("{path}?format=png&size=300&margin=0&level=L")).await;
    assert_eq!((png.status.as_u16(), &png.headers["content-type"]), (200, &"image/png".parse().unwrap()));
    let reader = png::Decoder::new(std::io::Cursor::new(&png.body)).read_info().unwrap();
    // Version 2 has 25 modules, 12 pixels each.
    assert_eq!((reader.info().width, reader.info().height), (300, 300));
    for (query, field) in [
        ("format=gif", "format"),
        ("size=63", "size"),
        ("size=2049", "size"),
        ("margin=17", "margin"),
        ("level=X", "level"),
    ] {
        s.get(&format!("{path}?{query}")).await.invalid("query", field);
    }
    s.get(&format!("{path}?size=big")).await.refuse(400, "invalid_query");
}

/// A payload as the store takes it: `data` last, and open.
pub(super) fn own_payload(kind: EventKind, data: &Value) -> Bytes {
    let whole = format!(r#"{{"type":"{}","timestamp":"{START}","data":{data}}}"#, kind.event_type());
    whole.strip_suffix("}}").unwrap().to_owned().into()
}

/// An event of a link, as the data plane makes them.
async fn happens(s: &Server, link: &Value, kind: EventKind, bot: bool, data: &Value) {
    let id: LinkId = s.store.codec().read(&text(&link["id"])).unwrap();
    let org = s.store.organisation("org_test").await.unwrap();
    let app = s.store.link(org, id).await.unwrap().app;
    let payload = own_payload(kind, data);
    let event = OwnEvent {
        origin: OriginId::from(id),
        app,
        at: START,
        kind,
        bot,
        visitor: None,
        dims: if bot { Vec::new() } else { vec![(Dim::Os, "iOS".into())] },
        channels: Vec::new(),
        event_id: None,
        payload,
        files: Vec::new(),
    };
    s.store.record(event).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clicks_are_counted_listed_and_exported() {
    let s = server().await;
    let made = link(&s, json!({"target": TARGET, "slug": "a"})).await;
    let path = format!("/link/{}", text(&made["id"]));
    for n in 0..3 {
        let data = json!({"click": format!("clk_{n}"), "slug": "a", "referrer": "=cmd()"});
        happens(&s, &made, EventKind::Clicked, n == 2, &data).await;
        s.clock.advance(Duration::from_secs(60));
    }
    happens(&s, &made, EventKind::Converted, false, &json!({"click": "clk_0", "name": "sale"})).await;

    let stats = s.get(&format!("{path}/stats")).await.expect(200);
    assert_eq!((&stats["clicks"], &stats["bots"], &stats["conversions"]), (&json!(2), &json!(1), &json!(1)), "{stats}");
    assert_eq!((&stats["step"], stats["series"].as_array().unwrap().len()), (&json!("day"), 7));
    assert_eq!(stats["series"][6]["clicks"], 2);
    assert_eq!(stats["os"][0]["value"], "iOS");
    s.get(&format!("{path}/stats?step=year")).await.invalid("query", "step");

    let clicks = |list: &Value| {
        let rows = list["data"].as_array().unwrap().iter();
        rows.map(|e| format!("{} {}", text(&e["type"]), text(&e["data"]["click"]))).collect::<Vec<_>>()
    };
    let whole = s.get(&format!("{path}/event")).await.expect(200);
    let newest_first = ["link.converted clk_0", "link.clicked clk_2", "link.clicked clk_1", "link.clicked clk_0"];
    assert_eq!((clicks(&whole), &whole["done"]), (newest_first.map(str::to_owned).to_vec(), &json!(true)));
    assert!(text(&whole["data"][0]["id"]).starts_with("msg_"));
    assert_eq!(whole["data"][0]["timestamp"], START.to_string());
    let page = s.get(&format!("{path}/event?limit=3")).await.expect(200);
    assert_eq!(
        (clicks(&page), &page["done"]),
        (newest_first[..3].iter().map(|t| (*t).to_owned()).collect(), &json!(false))
    );
    let rest = s.get(&format!("{path}/event?limit=3&iterator={}", text(&page["iterator"]))).await.expect(200);
    assert_eq!((clicks(&rest), &rest["done"]), (vec![newest_first[3].to_owned()], &json!(true)));
    s.get(&format!("{path}/event?iterator=-{}", text(&page["iterator"]))).await.invalid("query", "iterator");

    let ndjson = s.get(&format!("{path}/export")).await;
    assert_eq!(ndjson.headers["content-type"], "application/x-ndjson");
    let lines = std::str::from_utf8(&ndjson.body).unwrap().split_terminator('\n');
    let lines: Vec<Value> = lines.map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(json!(lines), whole["data"]);
    let csv = s.get(&format!("{path}/export?format=csv")).await;
    let name = format!("attachment; filename=\"{}.csv\"", text(&made["id"]));
    assert_eq!(csv.headers["content-disposition"], name.as_str());
    let csv = std::str::from_utf8(&csv.body).unwrap();
    assert_eq!(csv.split_terminator("\r\n").count(), 5);
    assert_eq!(csv.matches(",'=cmd(),").count(), 3);
    s.get(&format!("{path}/export?format=xls")).await.invalid("query", "format");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_longer_than_a_page_is_whole() {
    let s = server().await;
    let made = link(&s, json!({"target": TARGET})).await;
    for n in 0..130 {
        happens(&s, &made, EventKind::Clicked, false, &json!({"n": n})).await;
    }
    let export = s.get(&format!("/link/{}/export", text(&made["id"]))).await;
    let lines = std::str::from_utf8(&export.body).unwrap().split_terminator('\n');
    let numbers: Vec<i64> =
        lines.map(|l| serde_json::from_str::<Value>(l).unwrap()["data"]["n"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (0..130).rev().collect::<Vec<_>>());
}
