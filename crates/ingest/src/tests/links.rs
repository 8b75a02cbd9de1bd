//! Links over sockets and a real store: redirects, clicks, pixels.

use crate::IngestConfig;
use crate::tests::world::{Answered, World};
use domain::{ClickId, LinkId, Timestamp, TypedId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use store::{EventKind, Link, LinkFields, LinkPatch, Message, MessageFilter, Order, PageQuery, Profile};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

impl World {
    async fn link(&self, slug: &str, target: &str, f: impl FnOnce(&mut LinkFields)) -> Link {
        let mut fields = LinkFields {
            app: None,
            slug: slug.to_owned(),
            target: target.to_owned(),
            name: String::new(),
            redirect: 302,
            tags: Vec::new(),
            metadata: BTreeMap::default(),
            click_param: None,
            disabled: false,
            expires_at: None,
        };
        f(&mut fields);
        self.store.create_link(self.org, fields).await.unwrap()
    }

    async fn change_link(&self, link: &Link, patch: LinkPatch) {
        self.store.patch_link(self.org, link.id, patch).await.unwrap();
    }

    async fn visit(&self, path: &str, headers: &[(&str, &str)]) -> Answered {
        let own = |(n, v): &(&str, &str)| ((*n).to_owned(), (*v).to_owned());
        self.request("GET", path, &headers.iter().map(own).collect::<Vec<_>>(), b"").await
    }

    /// Gets the pixel; anything else fails.
    async fn picture(&self, path: &str, headers: &[(&str, &str)]) {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let raw = format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{lines}\r\n");
        stream.write_all(raw.as_bytes()).await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        let end = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8(all[..end].to_vec()).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("image/gif") && head.contains("no-store"), "{head}");
        assert!(all[end..].starts_with(b"GIF89a"));
        assert_eq!(all.len() - end, 43, "{path}");
    }

    /// The messages of a link's application, oldest first, once all clicks so far are on disk.
    async fn events(&self, link: &Link) -> Vec<Message> {
        self.ingest.finish().await;
        // Whatever was queued before it is on disk when this returns.
        self.store.ready().await.unwrap();
        let page = PageQuery { limit: 250, cursor: None, order: Order::Ascending };
        let filter = MessageFilter { with_content: true, ..MessageFilter::default() };
        let mut all = self.store.messages(link.app, page, filter).await.unwrap().data;
        all.sort_by_key(|m| m.id);
        all
    }

    fn text<I: TypedId>(&self, id: I) -> String {
        self.store.codec().text(id)
    }
}

fn data(message: &Message) -> Value {
    let payload: Value = serde_json::from_slice(message.payload.as_ref().unwrap()).unwrap();
    assert_eq!(payload["type"], *message.event_type);
    payload["data"].clone()
}

#[tokio::test]
async fn links_are_where_the_organisation_says_unless_a_setting_does() {
    let profile = || Profile { public_url: Some("https://said.example".into()), ..Profile::default() };
    for (setting, want) in
        [(None, "https://said.example/l/abc"), (Some("https://set.example/"), "https://set.example/l/abc")]
    {
        let w = World::with(|c| c.public_url = setting.map(str::to_owned)).await;
        w.store.set_profile(w.org, profile()).await.unwrap();
        let link = w.link("abc", "https://x.test/", |_| ()).await;
        w.visit("/l/abc", &[("user-agent", FIREFOX)]).await;
        assert_eq!(data(&w.events(&link).await[0])["url"], want);
    }
}

#[tokio::test]
async fn a_short_link_leads_on_and_its_click_becomes_a_message() {
    let w = World::with(|c| c.public_url = Some("https://go.example/".into())).await;
    let link = w.link("Spring_26", "https://x.test/a?b=1#top", |l| l.tags = vec!["press \"x\"".into()]).await;
    let headers = [("user-agent", FIREFOX), ("referer", "https://news.test/story?id=7#x")];
    let answered = w.visit("/l/Spring_26?utm_source=mail", &headers).await;
    assert_eq!((answered.status, answered.header("location")), (302, "https://x.test/a?b=1#top"));
    assert_eq!(answered.header("cache-control"), "private, no-store");
    assert_eq!(answered.header("referrer-policy"), "strict-origin-when-cross-origin");
    assert!(answered.body.len() < 100);

    let events = w.events(&link).await;
    assert_eq!((events.len(), &*events[0].event_type), (1, "link.clicked"));
    let data = data(&events[0]);
    let click = ClickId::read(w.store.codec(), data["click"].as_str().unwrap()).unwrap();
    assert_eq!((click.link, click.at), (link.id, w.store.clock().now()));
    for (member, want) in [
        ("link", json!(w.text(link.id))),
        ("slug", json!("Spring_26")),
        ("url", json!("https://go.example/l/Spring_26")),
        ("target", json!("https://x.test/a?b=1#top")),
        ("tags", json!(["press \"x\""])),
        ("bot", json!(false)),
        ("doNotTrack", json!(false)),
        ("first", json!(true)),
        ("firstHuman", json!(true)),
    ] {
        assert_eq!(data[member], want, "{member}");
    }
    let mut channels = events[0].channels.clone();
    channels.sort();
    let (id, both) = (w.text(link.id), format!("{}.human", w.text(link.id)));
    assert_eq!(channels, ["human", &id, &both]);
}

#[tokio::test]
async fn each_redirect_code_is_answered_and_none_is_kept() {
    let w = World::new().await;
    for redirect in [301, 302, 303, 307, 308] {
        let slug = format!("r{redirect}");
        w.link(&slug, "https://x.test/", |l| l.redirect = redirect).await;
        for path in [format!("/l/{slug}"), format!("/l/{slug}/"), format!("/l/{slug}?x=%00&/")] {
            let answered = w.visit(&path, &[]).await;
            assert_eq!((answered.status, answered.header("location")), (redirect, "https://x.test/"), "{path}");
            assert_eq!(answered.header("cache-control"), "private, no-store");
        }
    }
}

#[tokio::test]
async fn a_click_parameter_carries_the_clicks_id_to_the_target() {
    let w = World::new().await;
    let link = w.link("ref", "https://x.test/?a=1#f", |l| l.click_param = Some("pr".into())).await;
    let answered = w.visit("/l/ref", &[]).await;
    let location = answered.header("location");
    let click = location.strip_prefix("https://x.test/?a=1&pr=").unwrap().strip_suffix("#f").unwrap();
    assert_eq!(data(&w.events(&link).await[0])["click"], click);
}

#[tokio::test]
async fn what_is_no_link_is_not_found_and_records_nothing() {
    let w = World::new().await;
    let link = w.link("abc", "https://x.test/", |_| ()).await;
    for path in ["/l/ABC", "/l/%61bc", "/l/abc%2F", "/l/abc/d", "/l/", "/l/abd", "/l/abc.html", "/l/..%2fin"] {
        let answered = w.visit(path, &[]).await;
        assert_eq!((answered.status, answered.header("location")), (404, ""), "{path}");
        assert_eq!(answered.header("content-type"), "text/html; charset=utf-8");
        assert!(answered.body.contains("Link not found"), "{path}");
    }
    assert!(w.events(&link).await.is_empty());
    assert_eq!(w.ingest.metrics().redirects_unknown.load(Relaxed), 8);
}

#[tokio::test]
async fn a_disabled_link_is_not_found_and_an_expired_one_is_gone() {
    let w = World::new().await;
    let link = w.link("abc", "https://x.test/", |_| ()).await;
    assert_eq!(w.visit("/l/abc", &[]).await.status, 302);
    w.change_link(&link, LinkPatch { disabled: Some(true), ..LinkPatch::default() }).await;
    assert_eq!(w.visit("/l/abc", &[]).await.status, 404);
    let at = w.store.clock().now().plus(Duration::from_secs(60));
    let patch = LinkPatch { disabled: Some(false), expires_at: Some(Some(at)), ..LinkPatch::default() };
    w.change_link(&link, patch).await;
    w.clock.forward(Duration::from_millis(59_999));
    assert_eq!(w.visit("/l/abc", &[]).await.status, 302);
    w.clock.forward(Duration::from_millis(1));
    let answered = w.visit("/l/abc", &[]).await;
    assert_eq!((answered.status, answered.header("location")), (410, ""));
    assert!(answered.body.contains("expired"));
    w.change_link(
        &link,
        LinkPatch { expires_at: Some(None), target: Some("https://y.test/".into()), ..LinkPatch::default() },
    )
    .await;
    assert_eq!(w.visit("/l/abc", &[]).await.header("location"), "https://y.test/");
    w.store.delete_link(w.org, link.id).await.unwrap();
    assert_eq!(w.visit("/l/abc", &[]).await.status, 404);
    assert_eq!(w.events(&link).await.len(), 3);
}

#[tokio::test]
async fn only_reading_is_allowed_and_a_head_is_a_machines() {
    let w = World::new().await;
    let link = w.link("abc", "https://x.test/", |_| ()).await;
    for path in ["/l/abc", "/l/nothing", "/c/x.gif"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
            let answered = w.request(method, path, &[], &[b'x'; 300_000]).await;
            assert_eq!((answered.status, answered.header("allow")), (405, "GET, HEAD"), "{method} {path}");
        }
    }
    let head = w.request("HEAD", "/l/abc", &[("user-agent".into(), FIREFOX.into())], b"").await;
    assert_eq!((head.status, head.header("location"), &*head.body), (302, "https://x.test/", ""));
    let events = w.events(&link).await;
    assert_eq!((events.len(), &data(&events[0])["bot"]), (1, &json!(true)));
    assert!(events[0].channels.iter().any(|c| c == "bot"));
}

#[tokio::test]
async fn a_browser_that_fetches_ahead_is_no_person() {
    let w = World::new().await;
    let link = w.link("abc", "https://x.test/", |_| ()).await;
    assert_eq!(w.visit("/l/abc", &[("user-agent", FIREFOX), ("sec-purpose", "prefetch")]).await.status, 302);
    assert_eq!(w.visit("/l/abc", &[("user-agent", FIREFOX)]).await.status, 302);
    let events = w.events(&link).await;
    let said: Vec<_> =
        events.iter().map(data).map(|d| (d["bot"].clone(), d["first"].clone(), d["firstHuman"].clone())).collect();
    assert_eq!(said, [(json!(true), json!(true), json!(false)), (json!(false), json!(false), json!(true))]);
}

#[tokio::test]
async fn a_visitor_who_asks_not_to_be_tracked_leaves_no_trace_but_the_click() {
    let w = World::new().await;
    let link = w.link("abc", "https://x.test/?utm_medium=m", |_| ()).await;
    for header in ["dnt", "sec-gpc"] {
        let headers = [("user-agent", FIREFOX), ("referer", "https://news.test/"), (header, "1")];
        assert_eq!(w.visit("/l/abc?utm_source=mail", &headers).await.status, 302);
    }
    let events = w.events(&link).await;
    assert_eq!(events.len(), 2);
    for data in events.iter().map(data) {
        assert_eq!((&data["doNotTrack"], &data["unique"]), (&json!(true), &json!(false)));
        for member in ["visitor", "referrer", "referrerHost", "country", "device", "os", "browser"] {
            assert_eq!(data[member], Value::Null, "{member}");
        }
        assert!(data["utm"].as_object().unwrap().values().all(Value::is_null));
    }
}

#[tokio::test]
async fn hostile_heads_make_valid_json() {
    let w = World::new().await;
    let link = w.link("abc", "https://x.test/", |_| ()).await;
    let mut hostile: Vec<Vec<u8>> = vec![
        b"\"}},{\"data\":\"".to_vec(),
        b"\\\\\\".to_vec(),
        b"\xff\xfe\x80\xc3".to_vec(),
        b"tab\there".to_vec(),
        "\u{2028}é\u{fffd}".as_bytes().to_vec(),
        vec![b'"'; 30_000],
        vec![0xc3; 30_000],
    ];
    hostile.push(Vec::new());
    for value in &hostile {
        let mut raw =
            b"GET /l/abc?utm_source=%22%5C%00%FF&utm_term='{}| HTTP/1.1\r\nhost: h\r\nconnection: close\r\n".to_vec();
        for name in ["user-agent: ", "referer: ", "referer: https://n.test/"] {
            raw.extend_from_slice(name.as_bytes());
            raw.extend_from_slice(value);
            raw.extend_from_slice(b"\r\n");
        }
        raw.extend_from_slice(b"\r\n");
        assert_eq!(w.raw(&raw).await.status, 302, "{:?}", String::from_utf8_lossy(&value[..value.len().min(20)]));
    }
    let events = w.events(&link).await;
    assert_eq!(events.len(), hostile.len());
    for message in &events {
        assert!(message.payload.as_ref().unwrap().len() < 10_000);
        assert_eq!(data(message)["slug"], "abc");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_parallel_clicks_are_all_recorded_and_one_is_the_first() {
    let w = Arc::new(World::new().await);
    let link = w.link("abc", "https://x.test/", |_| ()).await;
    let mut clicks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let w = w.clone();
        clicks.spawn(async move { w.visit("/l/abc", &[("user-agent", FIREFOX)]).await.status });
    }
    assert!(clicks.join_all().await.iter().all(|status| *status == 302));
    let events: Vec<_> = w.events(&link).await.iter().map(data).collect();
    let ids: HashSet<_> = events.iter().map(|d| d["click"].to_string()).collect();
    assert_eq!((events.len(), ids.len()), (64, 64));
    assert_eq!(events.iter().filter(|d| d["first"] == true).count(), 1);
    assert_eq!(events.iter().filter(|d| d["firstHuman"] == true).count(), 1);
    assert_eq!(w.ingest.metrics().clicks.load(Relaxed), 64);
}

#[tokio::test]
async fn without_room_for_clicks_redirects_go_on() {
    let w = World::with(|c: &mut IngestConfig| c.click_queue = 1).await;
    let link = w.link("abc", "https://x.test/", |_| ()).await;
    for _ in 0..20 {
        assert_eq!(w.visit("/l/abc", &[]).await.status, 302);
    }
    let recorded = w.events(&link).await.len() as u64;
    let metrics = w.ingest.metrics();
    assert_eq!(metrics.clicks.load(Relaxed), recorded);
    assert_eq!(recorded + metrics.clicks_lost.load(Relaxed), 20);
    assert_eq!(metrics.redirects.load(Relaxed), 20);
}

/// The id of a click on a new link.
async fn clicked(w: &World, slug: &str) -> (Link, String) {
    let link = w.link(slug, "https://x.test/", |l| l.click_param = Some("c".into())).await;
    let answered = w.visit(&format!("/l/{slug}"), &[("user-agent", FIREFOX)]).await;
    let click = answered.header("location").strip_prefix("https://x.test/?c=").unwrap().to_owned();
    // The click comes first.
    w.ingest.finish().await;
    (link, click)
}

#[tokio::test]
async fn a_pixel_converts_a_click_once() {
    let w = World::new().await;
    let (link, click) = clicked(&w, "abc").await;
    w.clock.forward(Duration::from_secs(60));
    let path = format!("/c/{click}.gif?name=sale&value=19.90&currency=eur&externalId=o-1");
    for _ in 0..3 {
        w.picture(&path, &[]).await;
    }
    w.picture(&format!("/c/{click}.gif"), &[]).await;
    let events = w.events(&link).await;
    let kinds: Vec<_> = events.iter().map(|m| &*m.event_type).collect();
    let converted = EventKind::Converted.event_type();
    assert_eq!(kinds, ["link.clicked", converted, converted]);
    let sale = data(&events[1]);
    assert_eq!((&sale["click"], &sale["name"], &sale["value"]), (&json!(click), &json!("sale"), &json!(19.9)));
    assert_eq!((&sale["currency"], &sale["externalId"]), (&json!("EUR"), &json!("o-1")));
    let at = ClickId::read(w.store.codec(), &click).unwrap().at;
    assert_eq!(sale["clickedAt"], at.to_string());
    assert_eq!(data(&events[2])["name"], "conversion");
    let metrics = w.ingest.metrics();
    assert_eq!((metrics.pixels_converted.load(Relaxed), metrics.pixels_repeated.load(Relaxed)), (2, 2));
}

#[tokio::test]
async fn a_pixel_for_no_click_of_ours_is_a_picture_and_nothing_else() {
    let w = World::new().await;
    let (link, click) = clicked(&w, "abc").await;
    let never = ClickId { link: LinkId(12_345), at: Timestamp(1), nonce: 1 }.text(w.store.codec());
    let mut forged = click.clone();
    forged.replace_range(10..11, if &click[10..11] == "A" { "B" } else { "A" });
    let long = "x".repeat(5_000);
    for id in ["clk_", "", "x%20y", &never, &forged, &long] {
        w.picture(&format!("/c/{id}.gif"), &[]).await;
    }
    assert_eq!(w.visit("/c/x.png", &[]).await.status, 404);
    assert_eq!(w.events(&link).await.len(), 1);
    assert_eq!(w.ingest.metrics().pixels_unknown.load(Relaxed), 6);
}

#[tokio::test]
async fn a_pixel_tells_nothing_of_visitors_who_ask_for_it_nor_of_pages_nobody_saw() {
    let w = World::new().await;
    let (link, click) = clicked(&w, "abc").await;
    let path = format!("/c/{click}.gif");
    for header in [("dnt", "1"), ("sec-gpc", "1"), ("sec-purpose", "prefetch;prerender")] {
        w.picture(&path, &[header]).await;
    }
    let head = w.request("HEAD", &path, &[], b"").await;
    assert_eq!((head.status, head.header("content-type"), &*head.body), (200, "image/gif", ""));
    assert_eq!(w.events(&link).await.len(), 1);
    assert_eq!(w.ingest.metrics().pixels_untracked.load(Relaxed), 4);
}
