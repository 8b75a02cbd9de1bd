//! A tracked link whose first click tells the team chat.
//!
//! **Invariant:** who is told hears of the first person's click alone (`firstPer`, channel of people), once for the link.

use super::{send_example, tell_each};
use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::pages::told::{Tell, Told, told};
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section, Seen, Waiting};
use askama::Template;
use http::{Method, StatusCode};
use serde_json::{Value, json};

const EVENT: &str = "link.clicked";

#[derive(Template)]
#[template(path = "connect/link.html")]
struct Page {
    frame: Frame,
    step: u8,
    /// Of the link; empty before it is made.
    id: String,
    name: String,
    target: String,
    url: String,
    qr: v::Html,
    told: Vec<Told>,
    waiting: Option<Waiting>,
    chat: String,
    may_write: bool,
    wrong: Refusal,
}

pub(crate) async fn link(call: Call) -> Result<Reply, Fault> {
    let id = call.query().get("link").to_owned();
    render(&call, &id, Refusal::of(String::new())).await
}

async fn read(call: &Call, id: &str) -> Result<Value, Fault> {
    call.api(Method::GET, &format!("/api/v1/link/{}", part(id)), None).await
}

async fn render(call: &Call, id: &str, wrong: Refusal) -> Result<Reply, Fault> {
    let typed = call.form();
    let mut page = Page {
        frame: call.frame("A link whose first click tells the team chat", Section::Connect),
        step: 1,
        id: id.to_owned(),
        name: typed.get("name").to_owned(),
        target: typed.get("target").to_owned(),
        url: String::new(),
        qr: v::Html::default(),
        told: Vec::new(),
        waiting: None,
        chat: typed.get("chat").to_owned(),
        may_write: call.me.may_write(),
        wrong,
    };
    if !id.is_empty() {
        let link = read(call, id).await?;
        page.told = told(call, &link.text("appId"), EVENT, &[&format!("{id}.human")]).await?;
        page.told.retain(|to| to.only_first);
        page.step = if page.told.is_empty() { 2 } else { 3 };
        page.name = link.text("name");
        page.target = link.text("target");
        page.url = link.text("url");
        page.qr = v::qr(&page.url, "QR code of the link");
        if page.step == 3 {
            let waiting = Waiting::new(call, "Waiting for the first click…", first_click(call, id).await?);
            if let Some(reply) = waiting.poll(call) {
                return Ok(reply);
            }
            page.waiting = Some(waiting);
        }
    }
    let status = if page.wrong.detail.is_empty() { StatusCode::OK } else { page.wrong.status };
    Reply::page_with(status, &page)
}

/// The first person's click, among the newest.
async fn first_click(call: &Call, id: &str) -> Result<Option<Seen>, Fault> {
    let events = call.api(Method::GET, &format!("/api/v1/link/{}/event?limit=100", part(id)), None).await?;
    let clicks: Vec<&Value> = events.list("data").iter().filter(|event| event.text("type") == EVENT).collect();
    let human = clicks.iter().rev().find(|event| !event.is("data.bot"));
    let link = Some((format!("/links/{}", part(id)), "All clicks".to_owned()));
    let Some(event) = human else {
        let machines = Seen {
            is_bad: true,
            title: "Only machines so far".to_owned(),
            facts: Vec::new(),
            hint: "Previews and crawlers don’t count. Open the link in your browser.".to_owned(),
            link,
        };
        return Ok((!clicks.is_empty()).then_some(machines));
    };
    let mut facts = vec![(true, "A person clicked".to_owned())];
    let with: Vec<String> =
        ["device", "browser", "os"].iter().filter_map(|name| event.some(&format!("data.{name}"))).collect();
    if !with.is_empty() {
        facts.push((true, with.join(", ")));
    }
    if let Some(from) = event.some("data.referrerHost") {
        facts.push((true, format!("from {from}")));
    }
    Ok(Some(Seen { title: "Received".to_owned(), facts, link, ..Seen::default() }))
}

/// Makes the link, adds who is told, or sends an example.
pub(crate) async fn link_step(call: Call) -> Result<Reply, Fault> {
    let typed = call.form();
    let id = typed.get("link").to_owned();
    let here = format!("/connect/link?link={}", part(&id));
    let done = match typed.get("step") {
        "link" => make(&call).await,
        "example" => send_example(&call, &read(&call, &id).await?, EVENT, &here).await,
        _ => {
            let app = read(&call, &id).await?.text("appId");
            let human = format!("{id}.human");
            let channel = Some(human.as_str());
            let base = Tell { app: &app, url: "", name: "", event: EVENT, channel, first_per: Some("data.link") };
            tell_each(&call, &base, &[("chat", "Team chat")]).await.map(|()| Reply::see(&here))
        }
    };
    match done {
        Err(Fault::Refused(wrong)) => render(&call, &id, wrong).await,
        done => done,
    }
}

async fn make(call: &Call) -> Result<Reply, Fault> {
    let typed = call.form();
    let body = json!({"target": typed.get("target"), "name": typed.get("name")});
    let link = call.api(Method::POST, "/api/v1/link", Some(&body)).await?;
    Ok(Reply::see(&format!("/connect/link?link={}", link.text("id"))))
}
