//! Links, forms, and the wizards that connect them.

use super::{Answer, Who, World};
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::HashMap;

const EVIL: &str = "<script>alert(1)</script>";

#[track_caller]
fn see(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    answer.location().to_owned()
}

fn last(path: &str) -> String {
    path.rsplit(['/', '=']).next().unwrap().to_owned()
}

/// For the tests of access.
pub(super) async fn objects(world: &World, objects: &mut HashMap<&'static str, String>) {
    let link = json!({"target": "https://example.com/acme", "name": "Acme"});
    let link = world.api(Who::Owner, "POST", "/api/v1/link", link).await;
    let form = world.api(Who::Owner, "POST", "/api/v1/form", json!({"name": "Acme"})).await;
    objects.insert("link", link["id"].as_str().unwrap().to_owned());
    objects.insert("form", form["id"].as_str().unwrap().to_owned());
    let rows = [("name", "Acme"), ("csv", "target\nhttps://example.com/a\n")];
    objects.insert("import", last(&see(&world.post(Who::Owner, "/links/import", &rows).await)));
}

async fn endpoints(world: &World, app: &Value) -> Vec<Value> {
    let at = format!("/api/v1/app/{}/endpoint", app.as_str().unwrap());
    world.api(Who::Owner, "GET", &at, Value::Null).await["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_link_is_made_changed_told_and_deleted_once_its_end_is_typed() {
    let world = World::new().await;
    world.get(Who::Support, "/links").await.says("There is no link yet").says_not("New link");
    let bad = world.post(Who::Developer, "/links/new", &[("target", "javascript:alert(1)"), ("name", EVIL)]).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    bad.says("must begin with http").says_not(EVIL);
    let fields = [
        ("target", "https://example.com/a"),
        ("name", EVIL),
        ("slug", "spring"),
        ("tags", "a, b"),
        ("ends", "2099-12-31T23:59"),
    ];
    let page = see(&world.post(Who::Developer, "/links/new", &fields).await);
    let link = world.api(Who::Owner, "GET", "/api/v1/link", Value::Null).await["data"][0].clone();
    assert_eq!((&link["tags"], &link["expiresAt"]), (&json!(["a", "b"]), &json!("2099-12-31T23:59:00.000Z")));
    world
        .get(Who::Support, &page)
        .await
        .says("/l/spring")
        .says("Nobody has clicked yet")
        .says_not(EVIL)
        .says_not("Switch off");
    let qr = world.get(Who::Support, &format!("{page}/qr?format=png&save=1")).await;
    assert_eq!((qr.status, qr.header("content-type")), (StatusCode::OK, "image/png"));
    world
        .get(Who::Developer, &format!("{page}/edit"))
        .await
        .says("value=\"2099-12-31T23:59\"")
        .says("value=\"spring\"");
    let changed = [("target", "https://example.com/b"), ("name", "Spring"), ("slug", "spring"), ("redirect", "302")];
    see(&world.post(Who::Developer, &format!("{page}/edit"), &changed).await);
    see(&world
        .post(
            Who::Developer,
            &format!("{page}/tell"),
            &[("url", "https://chat.example.com/h"), ("name", "Chat"), ("first", "1")],
        )
        .await);
    let told = endpoints(&world, &link["appId"]).await;
    assert_eq!(told[0]["channels"], json!([format!("{}.human", link["id"].as_str().unwrap())]));
    assert_eq!((&told[0]["firstPer"], &told[0]["eventTypes"]), (&json!("data.link"), &json!(["link.clicked"])));
    world.get(Who::Support, &page).await.says("Chat").says("Nothing sent yet").says("example.com/b");
    see(&world.post(Who::Developer, &format!("{page}/state"), &[("state", "off")]).await);
    world.get(Who::Support, "/links").await.says("Switched off");
    let kept = world.post(Who::Developer, &format!("{page}/delete"), &[("name", "other")]).await;
    assert_eq!(kept.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(see(&world.post(Who::Developer, &format!("{page}/delete"), &[("name", "spring")]).await), "/links");
}

#[tokio::test]
async fn rows_of_an_import_that_are_wrong_are_named_with_their_line() {
    let world = World::new().await;
    let csv = "target,slug\nhttps://example.com/a,a1\njavascript:alert(1),b1\n";
    let page = see(&world.post(Who::Developer, "/links/import", &[("name", "Spring"), ("csv", csv)]).await);
    world.get(Who::Support, &page).await.says("Finished").says("<td class=\"num\">3</td>").says("must begin with http");
    world.get(Who::Support, "/links/import").await.says("Spring").says_not("<textarea");
    let bad = world.post(Who::Developer, "/links/import", &[("csv", "nothing\nx\n")]).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_form_keeps_what_its_editor_has_no_place_for() {
    let world = World::new().await;
    let fields = [
        ("name", "Contact"),
        ("f_name_0", "email"),
        ("f_type_0", "email"),
        ("f_required_0", "1"),
        ("f_name_2", "colour"),
        ("f_type_2", "choice"),
        ("f_options_2", "red, blue"),
        ("honeypot", "1"),
        ("rate", "7"),
        ("thank_you", EVIL),
    ];
    let page = see(&world.post(Who::Developer, "/forms/new", &fields).await);
    let at = format!("/api/v1/form/{}", last(&page));
    let form = world.api(Who::Owner, "GET", &at, Value::Null).await;
    assert_eq!((&form["fields"][1]["options"], &form["ratePerMinute"]), (&json!(["red", "blue"]), &json!(7)));
    let answer = world.get(Who::Support, &page).await;
    answer.says("Waiting for a test submission").says("&#60;form action=").says_not(EVIL).says_not("Switch off");
    let rules = json!({"honeypot": "website", "fields": [{"name": "email", "type": "email", "maxLength": 90}]});
    world.api(Who::Owner, "PATCH", &at, rules).await;
    see(&world.post(Who::Developer, &format!("{page}/edit"), &fields).await);
    let form = world.api(Who::Owner, "GET", &at, Value::Null).await;
    assert_eq!((&form["honeypot"], &form["fields"][0]["maxLength"]), (&json!("website"), &json!(90)));
    let bad = world
        .post(Who::Developer, &format!("{page}/edit"), &[("name", "Contact"), ("f_name_0", "_x"), ("rate", "7")])
        .await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    bad.says("must not begin with _").says("value=\"_x\"");
    let part = world.part(Who::Developer, &format!("{page}?wait=1")).await;
    assert_eq!(part.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_contact_form_reaches_a_crm_and_a_chat_in_three_steps() {
    let world = World::new().await;
    world
        .get(Who::Support, "/connect")
        .await
        .says("A contact form that reaches a CRM and a chat")
        .says("are not here yet");
    world.get(Who::Support, "/connect/form").await.says("Your role may look").says_not("Make the form");
    let made = [("step", "form"), ("name", "Contact"), ("field", "email"), ("field", "message")];
    let second = see(&world.post(Who::Developer, "/connect/form", &made).await);
    world.get(Who::Developer, &second).await.says("URL of your CRM");
    let form = last(&second);
    let none = world.post(Who::Developer, "/connect/form", &[("step", "tell"), ("form", &form)]).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    none.says("Paste at least one URL");
    let bad = [("step", "tell"), ("form", &*form), ("chat", "ftp://x"), ("crm", "")];
    let bad = world.post(Who::Developer, "/connect/form", &bad).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    bad.says("value=\"ftp://x\"");
    let urls = [
        ("step", "tell"),
        ("form", &*form),
        ("crm", "https://crm.example.com/h"),
        ("chat", "https://chat.example.com/h"),
    ];
    let third = see(&world.post(Who::Developer, "/connect/form", &urls).await);
    assert_eq!(third, second, "the step follows from what is there");
    let page = world.get(Who::Developer, &third).await;
    page.says("Waiting for a test submission").says("crm.example.com").says("chat.example.com").says("action=\"/f/");
    let app = world.api(Who::Owner, "GET", &format!("/api/v1/form/{form}"), Value::Null).await["appId"].clone();
    let endpoints = endpoints(&world, &app).await;
    let endpoint = endpoints[0]["id"].as_str().unwrap();
    see(&world
        .post(Who::Developer, "/connect/form", &[("step", "example"), ("form", &form), ("endpoint", endpoint)])
        .await);
    assert_eq!(endpoints[0]["channels"], json!([form]));
}

#[tokio::test]
async fn a_link_tells_the_chat_of_its_first_click_in_three_steps() {
    let world = World::new().await;
    let second = see(&world
        .post(Who::Developer, "/connect/link", &[("step", "link"), ("target", "https://example.com/")])
        .await);
    let urls = [("step", "tell"), ("link", &*last(&second)), ("chat", "https://chat.example.com/h")];
    let third = see(&world.post(Who::Developer, "/connect/link", &urls).await);
    world
        .get(Who::Developer, &third)
        .await
        .says("Waiting for the first click")
        .says("Told of the first one only")
        .says("/l/");
}

#[tokio::test]
async fn a_pasted_url_of_zapier_becomes_a_hook_that_gets_an_example() {
    let world = World::new().await;
    world.get(Who::Developer, "/connect/zapier").await.says("There is nothing yet that could");
    let form = world.api(Who::Owner, "POST", "/api/v1/form", json!({"name": EVIL})).await;
    let trigger = format!("form:{}", form["id"].as_str().unwrap());
    world.get(Who::Developer, &format!("/connect/make?trigger={trigger}")).await.says("selected").says_not(EVIL);
    let bad = world.post(Who::Developer, "/connect/ifttt", &[("url", "nothing"), ("trigger", &trigger)]).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    bad.says("class=\"error\"").says("value=\"nothing\"");
    let step = [("url", "https://hooks.zapier.example/1"), ("trigger", &*trigger)];
    let second = see(&world.post(Who::Developer, "/connect/zapier", &step).await);
    world.get(Who::Support, &second).await.says("Zapier is connected").says("Send an example");
    let hooks = world.api(Who::Owner, "GET", "/api/v1/hook", Value::Null).await["data"].clone();
    assert_eq!((&hooks[0]["eventTypes"], &hooks[0]["channels"]), (&json!(["form.submitted"]), &json!([form["id"]])));
    let (app, endpoint) = (hooks[0]["appId"].as_str().unwrap(), hooks[0]["id"].as_str().unwrap());
    let example = [("app", app), ("endpoint", endpoint), ("event", "form.submitted")];
    let third = see(&world.post(Who::Support, "/connect/zapier/example", &example).await);
    world.get(Who::Support, &third).await.says("Waiting for Zapier");
    world.api(Who::Owner, "DELETE", &format!("/api/v1/hook/{endpoint}"), Value::Null).await;
    let gone = world.get(Who::Support, &third).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    gone.says("was ended by Zapier");
}
