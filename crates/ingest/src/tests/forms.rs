//! Forms over real sockets: submissions that become messages, and hostile ones that don't.

use crate::tests::world::{Answered, World, read_answer};
use domain::{FormSpec, MessageId};
use serde_json::{Value, json};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use store::{Form, FormFields, FormPatch};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const LIMIT: usize = 64 * 1024;
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");
const MULTIPART: (&str, &str) = ("content-type", "multipart/form-data; boundary=XX");
const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

async fn world() -> World {
    World::with(|c| {
        c.form_body_limit = LIMIT;
        c.form_file_limit = 1_000;
        c.body_read_timeout = Duration::from_millis(300);
        c.public_url = Some("https://hooks.example/".into());
    })
    .await
}

/// A form whose specification has these members, without a rate limit.
async fn form(w: &World, spec: Value) -> Form {
    let mut all = json!({"ratePerMinute": 0});
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let spec: FormSpec = serde_json::from_value(all).unwrap();
    let token = format!("form{:_>20}", w.store.clock().monotonic_us());
    w.clock.forward(Duration::from_millis(1));
    let fields = FormFields { name: "Contact".into(), spec, ..FormFields::default() };
    w.store.create_form(w.org, fields, token).await.unwrap()
}

async fn post(w: &World, form: &Form, headers: &[(&str, &str)], body: &[u8]) -> Answered {
    let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    w.request("POST", &format!("/f/{}", form.token), &headers, body).await
}

/// The payloads of its events, newest first.
async fn events(w: &World, form: &Form) -> Vec<Value> {
    let found = w.store.own_events(form.id.into(), None, 100).await.unwrap();
    found.data.iter().map(|m| serde_json::from_slice(m.payload.as_ref().unwrap()).unwrap()).collect()
}

fn told(answered: &Answered) -> Value {
    serde_json::from_str(&answered.body).unwrap()
}

/// Refused with this status and code; nothing is stored, and the next submission is taken.
async fn check(w: &World, form: &Form, answered: &Answered, status: u16, code: &str) {
    assert_eq!((answered.status, told(answered)["code"].as_str()), (status, Some(code)), "{answered:?}");
    let before = events(w, form).await.len();
    assert_eq!(post(w, form, &[FORM], b"next=1").await.status, 200);
    assert_eq!(events(w, form).await.len(), before + 1);
}

#[tokio::test]
async fn a_submission_is_on_disk_when_it_is_answered() {
    let w = world().await;
    let form = form(&w, json!({"fields": [{"name": "age", "type": "integer"}]})).await;
    let body = "name=J%C3%BCrgen&message=a%0D%0Ab&age=42&_redirect=https://evil.test&utm_source=news";
    let answered = post(&w, &form, &[FORM, ("origin", "https://www.example.com")], body.as_bytes()).await;
    assert_eq!((answered.status, answered.header("access-control-allow-origin")), (200, "*"));
    let id = told(&answered)["id"].as_str().and_then(|id| w.store.codec().read::<MessageId>(id)).unwrap();
    let all = events(&w, &form).await;
    let data = &all[0]["data"];
    assert_eq!((all.len(), &all[0]["type"]), (1, &json!("form.submitted")));
    assert_eq!(data["fields"], json!({"name": "Jürgen", "message": "a\r\nb", "age": 42}));
    assert_eq!((&data["form"], &data["formName"]), (&json!(w.store.codec().text(form.id)), &json!("Contact")));
    assert_eq!((&data["origin"], &data["first"]), (&json!("https://www.example.com"), &json!(true)));
    let stored = w.store.own_events(form.id.into(), None, 1).await.unwrap().data;
    assert_eq!((stored[0].id, &stored[0].channels), (id, &vec![w.store.codec().text(form.id)]));
    assert_eq!(w.ingest.metrics().forms_accepted.load(Relaxed), 1);
}

#[tokio::test]
async fn a_submission_says_who_came_unless_it_asks_not_to() {
    let w = world().await;
    let form = form(&w, json!({})).await;
    let agent = ("user-agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0");
    let referer = ("referer", "https://www.example.com/contact?secret=1");
    let body = b"utm_source=news&utm_medium=mail&a=1";
    assert_eq!(post(&w, &form, &[FORM, agent, referer], body).await.status, 200);
    assert_eq!(post(&w, &form, &[FORM, agent, referer, ("sec-gpc", "1")], body).await.status, 200);
    let headers = [("content-type".to_owned(), FORM.1.to_owned()), (agent.0.to_owned(), agent.1.to_owned())];
    let path = format!("/f/{}?utm_source=url", form.token);
    assert_eq!(w.request("POST", &path, &headers, body).await.status, 200);
    let all = events(&w, &form).await;
    let [by_url, asked_not, known] = [&all[0]["data"], &all[1]["data"], &all[2]["data"]];
    assert_eq!((&known["bot"], &known["unique"], &known["firstHuman"]), (&json!(false), &json!(true), &json!(true)));
    assert_eq!((&known["utm"]["source"], &known["utm"]["medium"]), (&json!("news"), &json!("mail")));
    assert_eq!(known["referrer"], json!("https://www.example.com/contact"));
    assert_eq!((&known["browser"], known["visitor"].as_str().map(str::len)), (&json!("Firefox"), Some(16)));
    for name in ["visitor", "referrer", "referrerHost", "browser", "os", "device", "country"] {
        assert_eq!(asked_not[name], Value::Null, "{name}");
    }
    assert_eq!((&asked_not["doNotTrack"], &asked_not["utm"]["source"]), (&json!(true), &Value::Null));
    assert_eq!((&by_url["utm"]["source"], &by_url["utm"]["medium"]), (&json!("url"), &Value::Null));
    assert!(all.iter().all(|event| event["data"]["fields"] == json!({"a": "1"})));
}

#[tokio::test]
async fn json_is_fields_and_nested_json_is_kept() {
    let w = world().await;
    let form = form(&w, json!({})).await;
    let body = r#"{"b":{"c":[1,null]},"a":true,"__proto__":{"polluted":1},"constructor":"x"}"#;
    assert_eq!(post(&w, &form, &[JSON], body.as_bytes()).await.status, 200);
    let want = json!({"b": {"c": [1, null]}, "a": true, "constructor": "x"});
    assert_eq!(events(&w, &form).await[0]["data"]["fields"], want);
}

#[tokio::test]
async fn a_file_is_given_out_as_a_download_and_never_shown() {
    let w = world().await;
    let form = form(&w, json!({"filesMax": 1})).await;
    let body = "--XX\r\nContent-Disposition: form-data; name=\"cv\"; filename=\"../ä.html\"\r\n\
                Content-Type: text/html\r\n\r\n<script>\r\n--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--XX--\r\n";
    assert_eq!(post(&w, &form, &[MULTIPART], body.as_bytes()).await.status, 200);
    let event = events(&w, &form).await.remove(0);
    let file = &event["data"]["files"][0];
    assert_eq!(
        (&file["name"], &file["contentType"], &file["size"]),
        (&json!("ä.html"), &json!("text/html"), &json!(8))
    );
    assert_eq!((&file["field"], &event["data"]["fields"]), (&json!("cv"), &json!({"a": "1"})));
    assert!(file["url"].as_str().unwrap().starts_with("https://hooks.example/f/file/"), "{file}");
    let path = file["url"].as_str().unwrap().strip_prefix("https://hooks.example").unwrap();
    let got = w.get(path).await;
    assert_eq!((got.status, &*got.body), (200, "<script>"));
    let names =
        ["content-type", "content-disposition", "x-content-type-options", "content-security-policy", "cache-control"];
    let want =
        ["application/octet-stream", "attachment; filename*=UTF-8''%C3%A4.html", "nosniff", "sandbox", "private"];
    assert_eq!(names.map(|name| got.header(name)), want);
    for (method, path, status) in
        [("POST", path, 405), ("GET", "/f/file/file_0", 404), ("GET", &path[..path.len() - 1], 404)]
    {
        assert_eq!(w.request(method, path, &[], b"").await.status, status, "{method} {path}");
    }
}

#[tokio::test]
async fn a_browser_sees_a_page_or_goes_where_the_owner_says() {
    let w = world().await;
    let plain = form(&w, json!({"thankYou": "<b>Merci</b>", "fields": [{"name": "a", "required": true}]})).await;
    let page = post(&w, &plain, &[FORM, BROWSER, ("referer", "https://a.test/x")], b"a=1").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.body.contains("&lt;b&gt;Merci") && page.body.contains("href=\"https://a.test/x\""), "{}", page.body);
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
    let wrong = post(&w, &plain, &[FORM, BROWSER], b"b=<script>").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("<strong>a</strong> is required"), "{}", wrong.body);
    let sent = form(&w, json!({"redirectUrl": "https://a.test/thanks"})).await;
    let redirected = post(&w, &sent, &[FORM, BROWSER], b"a=1").await;
    assert_eq!((redirected.status, redirected.header("location")), (303, "https://a.test/thanks"));
    let get = w.request("GET", &format!("/f/{}", sent.token), &[("accept".into(), "text/html".into())], b"").await;
    assert_eq!((get.status, get.header("allow")), (405, "POST, OPTIONS"));
    assert!(get.body.contains("This address takes forms"));
    let unknown = w.request("POST", "/f/nobody-has-this-token", &[("accept".into(), "text/html".into())], b"").await;
    assert!(unknown.status == 404 && unknown.body.contains("There is no such form"), "{unknown:?}");
}

#[tokio::test]
async fn only_the_sites_that_the_form_names_may_post() {
    let w = world().await;
    let form = form(&w, json!({"origins": ["https://a.test"]})).await;
    let (good, evil) = (("origin", "https://a.test"), ("origin", "https://evil.test"));
    let answered = post(&w, &form, &[FORM, good], b"a=1").await;
    assert_eq!((answered.status, answered.header("access-control-allow-origin")), (200, "https://a.test"));
    let refused = post(&w, &form, &[FORM, evil], b"a=1").await;
    assert_eq!(refused.header("access-control-allow-origin"), "");
    check(&w, &form, &refused, 403, "origin_not_allowed").await;
    let preflight = |origin: (&str, &str)| {
        let headers =
            [(origin.0.to_owned(), origin.1.to_owned()), ("access-control-request-method".into(), "POST".into())];
        let path = format!("/f/{}", form.token);
        let w = &w;
        async move { w.request("OPTIONS", &path, &headers, b"").await }
    };
    let allowed = preflight(good).await;
    let names = ["access-control-allow-origin", "access-control-allow-methods", "access-control-max-age"];
    assert_eq!((allowed.status, names.map(|n| allowed.header(n))), (204, ["https://a.test", "POST, OPTIONS", "86400"]));
    assert_eq!(preflight(evil).await.status, 403);
}

#[tokio::test]
async fn what_springs_the_trap_is_answered_as_a_good_one_and_dropped() {
    let w = world().await;
    let form = form(&w, json!({})).await;
    let good = post(&w, &form, &[FORM], b"a=1").await;
    let trapped = post(&w, &form, &[FORM], b"a=1&_gotcha=buy").await;
    assert_eq!(trapped.status, good.status);
    let names = |answered: &Answered| answered.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!((names(&trapped), trapped.body.len()), (names(&good), good.body.len()));
    assert!(told(&trapped)["id"].as_str().and_then(|id| w.store.codec().read::<MessageId>(id)).is_some());
    assert_eq!(events(&w, &form).await.len(), 1);
    assert_eq!(w.ingest.metrics().forms_trapped.load(Relaxed), 1);
}

#[tokio::test]
async fn a_flood_from_one_address_is_told_to_wait() {
    let w = world().await;
    let form = form(&w, json!({"ratePerMinute": 3})).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(post(&w, &form, &[FORM], b"a=1").await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    let limited = post(&w, &form, &[FORM], b"a=1").await;
    assert_eq!((told(&limited)["code"].as_str(), limited.header("retry-after")), (Some("rate_limit"), "60"));
    assert_eq!((events(&w, &form).await.len(), w.ingest.metrics().forms_limited.load(Relaxed)), (3, 3));
    w.clock.forward(Duration::from_secs(60));
    assert_eq!(post(&w, &form, &[FORM], b"a=1").await.status, 200);
}

#[tokio::test]
async fn a_disabled_form_and_a_deleted_one_take_nothing() {
    let w = world().await;
    let form = form(&w, json!({})).await;
    let patch = FormPatch { disabled: Some(true), ..FormPatch::default() };
    w.store.patch_form(w.org, form.id, patch).await.unwrap();
    let answered = post(&w, &form, &[FORM], b"a=1").await;
    assert_eq!((answered.status, told(&answered)["code"].as_str()), (403, Some("form_disabled")));
    w.store.delete_form(w.org, form.id).await.unwrap();
    assert_eq!(post(&w, &form, &[FORM], b"a=1").await.status, 404);
    assert_eq!(w.ingest.metrics().forms_refused.load(Relaxed), 2);
}

#[tokio::test]
async fn what_is_hostile_is_refused_and_named() {
    let w = world().await;
    let form = form(&w, json!({"filesMax": 1, "fields": [{"name": "email", "type": "email"}]})).await;
    let file = |len: usize| {
        let head = "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n";
        format!("{head}{}\r\n--XX--", "x".repeat(len)).into_bytes()
    };
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000)).into_bytes();
    let text = ("content-type", "text/plain");
    let unbounded = ("content-type", "multipart/form-data");
    let (large, bad) = ("payload_too_large", "bad_request");
    for (kind, body, status, code) in [
        (FORM, b"email=a%0d%0aBcc:%20x@y.z@b.co".to_vec(), 422, "validation"),
        (FORM, b"a=%ff".to_vec(), 422, "validation"),
        (FORM, b"a=%00".to_vec(), 422, "validation"),
        (FORM, b"a%0a=1".to_vec(), 422, "validation"),
        (FORM, b"a=1&".repeat(10_000), 422, "validation"),
        (FORM, vec![b'a'; LIMIT + 1], 413, large),
        // Within the limit, but not once it is JSON.
        (
            MULTIPART,
            [&b"--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n"[..], &[1; LIMIT / 2], b"\r\n--XX--"].concat(),
            413,
            large,
        ),
        (JSON, deep, 422, "validation"),
        (JSON, b"[1]".to_vec(), 400, bad),
        (JSON, b"{\"a\":\"\xff\"}".to_vec(), 422, "validation"),
        (MULTIPART, file(1_001), 413, large),
        (MULTIPART, b"--XX\r\n".to_vec(), 400, bad),
        (MULTIPART, b"--YY\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--YY--".to_vec(), 400, bad),
        (unbounded, file(1), 400, bad),
        (text, b"a=1".to_vec(), 415, "unsupported_media_type"),
    ] {
        let answered = post(&w, &form, &[kind], &body).await;
        check(&w, &form, &answered, status, code).await;
    }
    let named = told(&post(&w, &form, &[FORM], b"email=x").await);
    assert_eq!(named["fields"], json!([{"field": "email", "problem": "is no e-mail address"}]));
}

#[tokio::test]
async fn an_endless_multipart_body_and_a_slow_one_are_cut_off() {
    let w = world().await;
    let form = form(&w, json!({"filesMax": 1})).await;
    let head = format!(
        "POST /f/{} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ntransfer-encoding: chunked\r\ncontent-type: {}\r\n\r\n",
        form.token, MULTIPART.1
    );
    let (mut from, mut to) = TcpStream::connect(w.address).await.unwrap().into_split();
    let first = head.clone();
    let endless = tokio::spawn(async move {
        to.write_all(first.as_bytes()).await.unwrap();
        let part = format!("--XX\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n{}\r\n", "x".repeat(0x1000));
        let chunk = format!("{:x}\r\n{part}\r\n", part.len());
        let mut sent = 0_usize;
        while to.write_all(chunk.as_bytes()).await.is_ok() {
            sent += chunk.len();
        }
        sent
    });
    let mut answer = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut from, &mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{:?}", String::from_utf8_lossy(&answer));
    drop(from);
    let sent = endless.await.unwrap();
    assert!(sent < 64 << 20, "{sent} bytes were taken");
    let mut slow = TcpStream::connect(w.address).await.unwrap();
    slow.write_all(format!("{head}3\r\n--X\r\n").as_bytes()).await.unwrap();
    let answered = read_answer(&mut slow).await;
    check(&w, &form, &answered, 408, "request_timeout").await;
}

#[tokio::test]
async fn submissions_beyond_the_memory_for_bodies_are_refused_for_now() {
    let w = World::with(|c| c.bodies_limit = 1_000).await;
    let form = form(&w, json!({})).await;
    let crowded = post(&w, &form, &[FORM], &[b'a'; 1_001]).await;
    assert_eq!(crowded.header("retry-after"), "1");
    check(&w, &form, &crowded, 503, "unavailable").await;
    let page = post(&w, &form, &[FORM, BROWSER], &[b'a'; 1_001]).await;
    assert!(page.body.contains("Please try again"), "{}", page.body);
    assert_eq!(w.ingest.metrics().forms_unavailable.load(Relaxed), 2);
}
