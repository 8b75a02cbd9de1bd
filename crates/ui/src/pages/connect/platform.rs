//! Zapier, Make and IFTTT: paste the URL that they gave, pick what triggers, send an example, see its answer.
//!
//! **Invariant:** what is made is a hook: the platform ends it by answering 410, as they do when it is turned off there.

use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::pages::told::{Told, example, find};
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section, Seen, Waiting};
use askama::Template;
use http::{Method, StatusCode};
use serde_json::{Value, json};

/// One that gives people a URL to paste.
pub(crate) struct Platform {
    /// In the path.
    pub slug: &'static str,
    pub name: &'static str,
    /// Where its URL is found.
    pub steps: &'static [&'static str],
    /// What its URL looks like.
    pub like: &'static str,
    /// What to look for there once the example came.
    pub then: &'static str,
}

pub(crate) const PLATFORMS: [Platform; 3] = [
    Platform {
        slug: "zapier",
        name: "Zapier",
        steps: &[
            "Make a Zap. As its trigger choose “Webhooks by Zapier”, and as the event “Catch Hook”.",
            "Go on to “Test”. Copy the webhook URL that it shows.",
        ],
        like: "https://hooks.zapier.com/hooks/catch/…",
        then: "In Zapier press “Test trigger”: the example is there. Then choose what the Zap does, and publish it.",
    },
    Platform {
        slug: "make",
        name: "Make",
        steps: &[
            "Make a scenario. As its first module choose “Webhooks”, “Custom webhook”, and add a webhook.",
            "Copy the address that it shows. Make now waits for a first event.",
        ],
        like: "https://hook.eu1.make.com/…",
        then: "In Make the webhook says “Successfully determined”. Add the next module, and switch the scenario on.",
    },
    Platform {
        slug: "ifttt",
        name: "IFTTT",
        steps: &[
            "Make an applet. For “If This” choose “Webhooks”, “Receive a web request with a JSON payload”, and name the event, for example postrider.",
            "Open ifttt.com/maker_webhooks, “Documentation”. Take the URL that ends with /json/with/key/ and your key, with your event’s name in it.",
        ],
        like: "https://maker.ifttt.com/trigger/postrider/json/with/key/…",
        then: "In IFTTT the applet’s “View activity” shows that it ran.",
    },
];

/// Entries of each kind to choose from.
const CHOICES_MAX: u8 = 50;

/// Something that can trigger: its value in the form, and its name.
struct Choice {
    value: String,
    name: String,
}

#[derive(Template)]
#[template(path = "connect/platform.html")]
struct Page {
    frame: Frame,
    platform: &'static Platform,
    step: u8,
    url: String,
    trigger: String,
    groups: Vec<(&'static str, Vec<Choice>)>,
    told: Vec<Told>,
    event: String,
    is_sent: bool,
    waiting: Option<Waiting>,
    may_write: bool,
    may_resend: bool,
    wrong: Refusal,
}

fn of_path(call: &Call) -> Result<&'static Platform, Fault> {
    // Each has rows of its own in the table of routes.
    let slug = call.path().split('/').nth(2).unwrap_or_default();
    PLATFORMS.iter().find(|one| one.slug == slug).ok_or_else(|| Fault::not_found("platform"))
}

pub(crate) async fn platform(call: Call) -> Result<Reply, Fault> {
    render(&call, Refusal::of(String::new())).await
}

async fn render(call: &Call, wrong: Refusal) -> Result<Reply, Fault> {
    let (platform, query, typed) = (of_path(call)?, call.query(), call.form());
    let mut page = Page {
        frame: call.frame(format!("Connect {}", platform.name), Section::Connect),
        platform,
        step: 1,
        url: typed.get("url").to_owned(),
        trigger: typed.some("trigger").or(query.some("trigger")).unwrap_or_default().to_owned(),
        groups: Vec::new(),
        told: Vec::new(),
        event: query.get("event").to_owned(),
        is_sent: query.has("sent"),
        waiting: None,
        may_write: call.me.may_write(),
        may_resend: call.me.may_resend(),
        wrong,
    };
    match (query.some("app"), query.some("endpoint")) {
        (Some(app), Some(endpoint)) => {
            let to = find(call, app, endpoint).await?.ok_or_else(|| gone(platform))?;
            page.step = if page.is_sent || to.was_tried { 3 } else { 2 };
            if page.step == 3 {
                let text = format!("Waiting for {}’s answer…", platform.name);
                let waiting = Waiting::new(call, text, seen(&to, platform));
                if let Some(reply) = waiting.poll(call) {
                    return Ok(reply);
                }
                page.waiting = Some(waiting);
            }
            page.told.push(to);
        }
        _ => page.groups = groups(call).await?,
    }
    let status = if page.wrong.detail.is_empty() { StatusCode::OK } else { page.wrong.status };
    Reply::page_with(status, &page)
}

fn gone(platform: &Platform) -> Fault {
    Fault::NotFound(format!("This connection was ended by {}, or deleted. Make a new one.", platform.name))
}

fn seen(to: &Told, platform: &Platform) -> Option<Seen> {
    if !to.was_tried {
        return None;
    }
    Some(match to.is_good {
        true => Seen {
            title: format!("{} took it", platform.name),
            facts: vec![(true, to.last.text.clone())],
            hint: platform.then.to_owned(),
            ..Seen::default()
        },
        false => Seen {
            is_bad: true,
            title: format!("{} didn’t take it", platform.name),
            facts: vec![(false, to.last.text.clone())],
            hint: to.hint.to_owned(),
            link: None,
        },
    })
}

/// What can trigger.
async fn groups(call: &Call) -> Result<Vec<(&'static str, Vec<Choice>)>, Fault> {
    let all = [
        ("When a form is sent", "/api/v1/form", "form"),
        ("When a link is clicked", "/api/v1/link", "link"),
        ("When a source receives", "/ingest/api/v1/source", "source"),
        ("When my application sends an event", "/api/v1/app", "app"),
    ];
    let mut groups = Vec::new();
    for (title, path, kind) in all {
        let list = call.api(Method::GET, &format!("{path}?limit={CHOICES_MAX}&order=descending"), None).await?;
        let choice = |one: &Value| Choice {
            value: format!("{kind}:{}", one.text("id")),
            name: one.some("name").unwrap_or_else(|| one.text("slug")),
        };
        // The application of links and forms stands behind those.
        let own = |one: &&Value| kind != "app" || one.text("uid") != "links";
        let choices: Vec<Choice> = list.list("data").iter().filter(own).map(choice).collect();
        if !choices.is_empty() {
            groups.push((title, choices));
        }
    }
    Ok(groups)
}

/// Subscribes the URL.
pub(crate) async fn platform_step(call: Call) -> Result<Reply, Fault> {
    match subscribe(&call).await {
        Err(Fault::Refused(wrong)) => render(&call, wrong).await,
        done => done,
    }
}

async fn subscribe(call: &Call) -> Result<Reply, Fault> {
    let (platform, typed) = (of_path(call)?, call.form());
    let Some((kind, id)) = typed.get("trigger").split_once(':') else {
        return Err(Refusal::field("trigger", "Choose what triggers").into());
    };
    let (app, event, channel) = match kind {
        "form" => (crate::pages::forms::read(call, id).await?.text("appId"), "form.submitted", Some(id.to_owned())),
        "link" => {
            let link = call.api(Method::GET, &format!("/api/v1/link/{}", part(id)), None).await?;
            (link.text("appId"), "link.clicked", Some(format!("{id}.human")))
        }
        "source" => {
            let source = call.api(Method::GET, &format!("/ingest/api/v1/source/{}", part(id)), None).await?;
            (source.text("appId"), "", None)
        }
        _ => (id.to_owned(), "", None),
    };
    let types = if event.is_empty() { Value::Null } else { json!([event]) };
    let channels = channel.map(|channel| json!([channel])).unwrap_or(Value::Null);
    let body = json!({"targetUrl": typed.get("url"), "appId": app, "eventTypes": types, "channels": channels});
    let made = call.api(Method::POST, "/api/v1/hook", Some(&body)).await.map_err(|fault| match fault {
        Fault::Refused(mut refusal) => {
            // The API may name the field by another of its names.
            for (field, _) in &mut refusal.fields {
                if field.to_lowercase().contains("url") {
                    *field = "url".to_owned();
                }
            }
            Fault::Refused(refusal)
        }
        other => other,
    })?;
    let at = format!("app={}&endpoint={}&event={event}", part(&made.text("appId")), part(&made.text("id")));
    Ok(Reply::see(&format!("/connect/{}?{at}", platform.slug)))
}

/// Sends an example of what triggers.
pub(crate) async fn platform_example(call: Call) -> Result<Reply, Fault> {
    let (platform, typed) = (of_path(&call)?, call.form());
    let (app, endpoint, event) = (typed.get("app"), typed.get("endpoint"), typed.get("event"));
    example(&call, app, endpoint, if event.is_empty() { "svix.ping" } else { event }).await?;
    let at = format!("app={}&endpoint={}&event={}&sent=1", part(app), part(endpoint), part(event));
    Ok(Reply::see(&format!("/connect/{}?{at}", platform.slug)))
}
