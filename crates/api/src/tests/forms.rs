//! Forms: made, changed, shown with a snippet for pages, counted, exported.

use super::links::own_payload;
use super::{START, Server, server, server_with, text};
use domain::FormId;
use http::Method;
use serde_json::{Value, json};
use store::{EventKind, OriginId, OwnEvent};

async fn form(s: &Server, body: Value) -> Value {
    s.post("/form", body).await.expect(201)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_lives_from_creation_to_deletion() {
    let s = server().await;
    let made = form(&s, json!({"name": "Contact"})).await;
    let id = text(&made["id"]);
    assert!(id.starts_with("form_"));
    let token = text(&made["url"]);
    let token = token.strip_prefix("http://localhost/f/").unwrap();
    assert!(token.len() == 32 && token.bytes().all(|c| c.is_ascii_alphanumeric()), "{token}");
    let app = s.get("/app/links").await.expect(200);
    for (member, want) in [
        ("name", json!("Contact")),
        ("fields", json!([])),
        ("onlyKnownFields", json!(false)),
        ("honeypot", json!("_gotcha")),
        ("ratePerMinute", json!(10)),
        ("redirectUrl", Value::Null),
        ("thankYou", Value::Null),
        ("origins", json!(["*"])),
        ("filesMax", json!(0)),
        ("fileBytesMax", json!(5 * 1024 * 1024)),
        ("metadata", json!({})),
        ("disabled", json!(false)),
        ("appId", app["id"].clone()),
        ("createdAt", json!(START.to_string())),
        ("updatedAt", json!(START.to_string())),
    ] {
        assert_eq!(made[member], want, "{member}");
    }
    assert_eq!(s.get(&format!("/form/{id}")).await.expect(200), made);
    assert_eq!(s.get("/form").await.expect(200)["data"], json!([made]));

    let own = s.app("own").await;
    let body = json!({
        "name": "Jobs", "fields": [{"name": "email", "type": "email", "required": true}, {"name": "cv", "type": "file"}],
        "redirectUrl": "https://example.com/thanks", "honeypot": null, "disabled": true, "metadata": {"a": "b"},
        "appId": "own",
    });
    let patched = s.patch(&format!("/form/{id}"), body).await.expect(200);
    assert_eq!((&patched["url"], &patched["appId"], &patched["honeypot"]), (&made["url"], &json!(own), &Value::Null));
    let fields = json!([
        {"name": "email", "type": "email", "required": true, "multiple": false},
        {"name": "cv", "type": "file", "required": false, "multiple": false},
    ]);
    assert_eq!((&patched["fields"], &patched["filesMax"]), (&fields, &json!(5)));
    let html = text(&patched["html"]);
    assert!(html.contains("enctype=\"multipart/form-data\"") && html.contains(&text(&made["url"])), "{html}");
    let patched = s.patch(&format!("/form/{id}"), json!({"redirectUrl": null})).await.expect(200);
    assert_eq!(
        (&patched["redirectUrl"], &patched["fields"], &patched["disabled"]),
        (&Value::Null, &fields, &json!(true))
    );

    let other = s.raw(&s.org_token("org_other"), Method::GET, &format!("/api/v1/form/{id}"), "").await;
    other.refuse(404, "not_found");
    s.delete(&format!("/form/{id}")).await.expect(204);
    for path in ["", "/stats", "/event", "/export"] {
        s.get(&format!("/form/{id}{path}")).await.refuse(404, "not_found");
    }
    s.delete(&format!("/form/{id}")).await.refuse(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_form_can_not_be_is_said_at_its_place() {
    let s = server_with(|c| c.form_file_limit = 1_000).await;
    let made = form(&s, json!({"name": "n"})).await;
    assert_eq!(made["fileBytesMax"], 1_000);
    for (change, field) in [
        (json!({"name": null}), "name"),
        (json!({"fields": [{"type": "text"}]}), "fields"),
        (json!({"fields": [{"name": "_a"}]}), "fields"),
        (json!({"origins": ["https://example.com/x"]}), "origins"),
        (json!({"redirectUrl": "data:text/html,x"}), "redirectUrl"),
        (json!({"fileBytesMax": 1_001}), "fileBytesMax"),
        (json!({"appId": "none"}), "appId"),
    ] {
        let mut body = json!({"name": "n"});
        change.as_object().unwrap().iter().for_each(|(k, v)| body[k] = v.clone());
        for answer in [s.post("/form", body).await, s.patch(&format!("/form/{}", text(&made["id"])), change).await] {
            let body = answer.expect(422);
            assert_eq!(body["detail"][0]["loc"][1], json!(field), "{body}");
        }
    }
    s.post("/form", json!({})).await.invalid("body", "name");
    assert_eq!(s.get("/form").await.expect(200)["data"], json!([made]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn submissions_are_counted_listed_and_exported() {
    let s = server().await;
    let made = form(&s, json!({"name": "Contact", "fields": [{"name": "email", "type": "email"}]})).await;
    let path = format!("/form/{}", text(&made["id"]));
    let id: FormId = s.store.codec().read(&text(&made["id"])).unwrap();
    let org = s.store.organisation("org_test").await.unwrap();
    for n in 0..2 {
        let data = json!({"form": made["id"], "formName": "Contact", "files": [],
            "fields": {"email": format!("{n}@example.com"), "note": "-1"}});
        let event = OwnEvent {
            origin: OriginId::from(id),
            app: s.store.form(org, id).await.unwrap().app,
            at: START,
            kind: EventKind::Submitted,
            bot: false,
            visitor: Some(n),
            dims: Vec::new(),
            channels: Vec::new(),
            event_id: None,
            payload: own_payload(EventKind::Submitted, &data),
            files: Vec::new(),
        };
        s.store.record(event).await.unwrap();
    }
    let stats = s.get(&format!("{path}/stats?step=hour")).await.expect(200);
    assert_eq!((&stats["submissions"], &stats["uniqueVisitors"]), (&json!(2), &json!(2)), "{stats}");
    assert!(stats.get("clicks").is_none() && stats.get("conversions").is_none());
    let list = s.get(&format!("{path}/event")).await.expect(200);
    assert_eq!(list["data"][0]["data"]["fields"]["email"], "1@example.com");
    assert_eq!((list["data"].as_array().unwrap().len(), &list["done"]), (2, &json!(true)));
    let csv = s.get(&format!("{path}/export?format=csv")).await;
    let csv = std::str::from_utf8(&csv.body).unwrap();
    let lines: Vec<&str> = csv.split_terminator("\r\n").collect();
    assert!(lines[0].starts_with("id,type,timestamp,form,formName,fields.email,otherFields,files,"), "{}", lines[0]);
    assert!(lines[1].contains(",Contact,1@example.com,\"{\"\"note\"\":\"\"-1\"\"}\",[],"), "{}", lines[1]);
}
