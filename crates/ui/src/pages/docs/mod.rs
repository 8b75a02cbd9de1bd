//! The API reference: drawn from the API's own document, and some pages of explanation.
//!
//! **Invariant:** needs nobody, and shows nothing of an organisation. What is described comes from `/openapi.json` alone, so that
//! the reference can't know less, or more, than the API does.

mod model;
mod schema;
mod snippets;

use crate::backend::Actor;
use crate::call::Visit;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Html};
use askama::Template;
use axum::body::Body;
use domain::OrgId;
use http::Request;
use http_body_util::{BodyExt, Limited};
use model::{Document, Operation, slug};
use schema::Way;
use snippets::{Snippet, Target};
use std::sync::{Arc, OnceLock};

/// Bytes of the document at most.
const DOCUMENT_MAX: usize = 4 << 20;
/// Operations that a search shows.
const FOUND_MAX: usize = 60;

/// Pages of explanation: where, what they are called, what they say.
const GUIDES: [Guide; 6] = [
    Guide { slug: "authentication", title: "Authentication", text: "Tokens, keys and their scopes" },
    Guide { slug: "errors", title: "Errors", text: "What goes wrong, and what to do about it" },
    Guide { slug: "idempotency", title: "Idempotency", text: "Repeat a request without doing it twice" },
    Guide { slug: "lists", title: "Lists", text: "Pages, order and filters" },
    Guide { slug: "signatures", title: "Signatures", text: "Verify that a webhook is genuine" },
    Guide { slug: "webhooks", title: "Webhooks we send", text: "Events about endpoints, links and forms" },
];

#[derive(Clone, Copy)]
struct Guide {
    slug: &'static str,
    title: &'static str,
    text: &'static str,
}

/// The list of pages at the side.
struct Nav {
    guides: &'static [Guide],
    tags: Vec<NavTag>,
    /// The slug of this page.
    at: String,
    query: String,
    origin: String,
}

struct NavTag {
    slug: String,
    name: String,
    text: Html,
    count: usize,
    /// The operations, of the page that is shown.
    ops: Vec<NavOp>,
}

struct NavOp {
    id: String,
    title: String,
    verb: String,
}

impl Nav {
    fn of(document: &Document, at: &str, origin: String) -> Nav {
        let tags = document.tags.iter().map(|tag| {
            let under = || document.operations().filter(|(_, _, op)| op.tags.contains(&tag.name));
            let is_here = slug(&tag.name) == at;
            let ops = under().filter(|_| is_here).map(|(_, verb, op)| NavOp {
                id: op.operation_id.clone(),
                title: op.summary.clone(),
                verb: verb.to_owned(),
            });
            NavTag {
                slug: slug(&tag.name),
                name: tag.name.clone(),
                text: schema::prose(&tag.description),
                count: under().count(),
                ops: ops.collect(),
            }
        });
        Nav { guides: &GUIDES, tags: tags.collect(), at: at.to_owned(), query: String::new(), origin }
    }
    fn current(&self, slug: &str) -> Html {
        Html(if self.at == slug { " aria-current=\"page\"".to_owned() } else { String::new() })
    }
}

/// The document, read once: it changes with the program only.
async fn document(visit: &Visit) -> Result<Arc<Document>, Fault> {
    static READ: OnceLock<Arc<Document>> = OnceLock::new();
    if let Some(document) = READ.get() {
        return Ok(document.clone());
    }
    let request = Request::get("/openapi.json").body(Body::empty()).map_err(|_| Fault::Failed)?;
    // The document is for everybody: nobody in particular asks.
    let nobody = Actor { org: OrgId(0), org_text: "".into(), name: "docs".to_owned(), address: None };
    let response = visit.shared.config.backend.call(nobody, request).await;
    let body = Limited::new(response.into_body(), DOCUMENT_MAX).collect().await;
    let bytes = body.map_err(|_| Fault::Failed)?.to_bytes();
    let document: Document = serde_json::from_slice(&bytes).map_err(|cause| {
        tracing::error!(%cause, "the API's document could not be read");
        Fault::Failed
    })?;
    Ok(READ.get_or_init(|| Arc::new(document)).clone())
}

// ---- the first page, and the search ----

#[derive(Template)]
#[template(path = "docs/home.html")]
struct Home {
    frame: Frame,
    nav: Nav,
    /// What a search found; `None` without one.
    found: Option<Vec<Found>>,
}

struct Found {
    slug: String,
    id: String,
    verb: String,
    path: String,
    title: String,
    text: Html,
}

pub(crate) async fn home(visit: Visit) -> Result<Reply, Fault> {
    let document = document(&visit).await?;
    let query = visit.query().get("q").trim().to_owned();
    let found = (!query.is_empty()).then(|| search(&document, &query));
    let mut nav = Nav::of(&document, "", visit.origin());
    nav.query = query;
    Reply::page(&Home { frame: visit.frame("API reference"), nav, found })
}

/// Operations that have each word somewhere.
fn search(document: &Document, query: &str) -> Vec<Found> {
    let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
    let all = document.operations().filter(|(path, verb, op)| {
        let text = format!("{verb} {path} {} {} {}", op.operation_id, op.summary, op.description).to_lowercase();
        words.iter().all(|word| text.contains(word))
    });
    let found = all.map(|(path, verb, op)| Found {
        slug: op.tags.first().map(|tag| slug(tag)).unwrap_or_default(),
        id: op.operation_id.clone(),
        verb: verb.to_owned(),
        path: path.to_owned(),
        title: op.summary.clone(),
        text: schema::prose(&op.description),
    });
    found.take(FOUND_MAX).collect()
}

// ---- a page of operations, or of explanation ----

#[derive(Template)]
#[template(path = "docs/tag.html")]
struct TagPage {
    frame: Frame,
    nav: Nav,
    name: String,
    text: Html,
    ops: Vec<OpView>,
}

#[derive(Template)]
#[template(path = "docs/guide.html")]
struct GuidePage {
    frame: Frame,
    nav: Nav,
    guide: Guide,
    webhooks: Vec<WebhookView>,
}

struct WebhookView {
    event: String,
    text: Html,
    members: Html,
    example: String,
}

struct OpView {
    id: String,
    verb: String,
    path: String,
    title: String,
    text: Html,
    who: Html,
    is_public: bool,
    params: Vec<ParamView>,
    body: Option<BodyView>,
    answers: Vec<AnswerView>,
    errors: Vec<ErrorView>,
    snippets: Vec<Snippet>,
    /// What can be read in a browser at once: no streams.
    is_stream: bool,
}

struct ParamView {
    name: String,
    place: String,
    kind: Html,
    text: Html,
    example: String,
}

impl ParamView {
    fn is_in(&self, place: &str) -> bool {
        self.place == place
    }
}

struct BodyView {
    kind: String,
    members: Html,
    example: String,
}

struct AnswerView {
    status: String,
    text: String,
    kinds: String,
    members: Option<Html>,
    example: Option<String>,
}

struct ErrorView {
    status: String,
    text: String,
}

pub(crate) async fn page(visit: Visit) -> Result<Reply, Fault> {
    let document = document(&visit).await?;
    let at = visit.param(0).to_owned();
    let nav = Nav::of(&document, &at, visit.origin());
    if let Some(guide) = GUIDES.iter().find(|guide| guide.slug == at) {
        let webhooks = if guide.slug == "webhooks" { webhooks(&document) } else { Vec::new() };
        let frame = visit.frame(format!("{} · API reference", guide.title));
        return Reply::page(&GuidePage { frame, nav, guide: *guide, webhooks });
    }
    let tag = document.tags.iter().find(|tag| slug(&tag.name) == at).ok_or_else(|| Fault::not_found("page"))?;
    let ops = document.operations().filter(|(_, _, op)| op.tags.contains(&tag.name));
    let ops = ops.map(|(path, verb, op)| view(&document, &nav.origin, path, verb, op)).collect();
    let frame = visit.frame(format!("{} · API reference", tag.name));
    let (name, text) = (tag.name.clone(), schema::prose(&tag.description));
    Reply::page(&TagPage { frame, nav, name, text, ops })
}

fn webhooks(document: &Document) -> Vec<WebhookView> {
    let all = document.webhooks.0.iter().filter_map(|(event, verbs)| {
        let op = verbs.get("post")?;
        let (_, media) = op.request_body.as_ref()?.content.0.first()?;
        Some(WebhookView {
            event: event.clone(),
            text: schema::prose(&op.description),
            members: schema::tree(document, &media.schema, Way::Out),
            example: v::pretty(media.example.as_ref().map_or("", |raw| raw.get())),
        })
    });
    all.collect()
}

fn view(document: &Document, origin: &str, path: &str, verb: &str, op: &Operation) -> OpView {
    let (good, bad): (Vec<_>, Vec<_>) = op.responses.0.iter().partition(|(status, _)| status.starts_with('2'));
    let mut answers: Vec<AnswerView> = Vec::new();
    for (status, response) in good {
        let mut answer = answer(document, status, response);
        if answer.members.is_some() && answers.iter().any(|earlier| earlier.members == answer.members) {
            answer.members = None;
            answer.text.push_str(", with the same");
        }
        answers.push(answer);
    }
    let errors = bad.into_iter().filter(|(status, _)| status != "default").map(|(status, response)| ErrorView {
        status: status.clone(),
        text: document.response(response).description.clone(),
    });
    OpView {
        id: op.operation_id.clone(),
        verb: verb.to_owned(),
        path: path.to_owned(),
        title: op.summary.clone(),
        text: schema::prose(&op.description),
        who: who(op),
        is_public: op.access == "public",
        params: op.parameters.iter().map(parameter).collect(),
        body: body(document, op),
        answers,
        errors: errors.collect(),
        snippets: Target { origin, verb, path, op }.snippets(),
        is_stream: op.responses.0.iter().any(|(_, r)| r.content.get("text/event-stream").is_some()),
    }
}

fn who(op: &Operation) -> Html {
    let scope = op.scope.as_deref().map(|scope| format!(", with the scope `{scope}`")).unwrap_or_default();
    let can = op.capability.as_deref().map(|c| format!(" that may `{c}`")).unwrap_or_default();
    schema::prose(&match op.access.as_str() {
        "public" => "Anybody, without a token.".to_owned(),
        "own" => "A token of an application.".to_owned(),
        "application" => format!("A token of the organisation{scope}; or of this application{can}."),
        "any" => format!("A token of the organisation{scope}; or of any of its applications{can}."),
        _ => format!("A token of the organisation{scope}."),
    })
}

fn parameter(p: &model::Parameter) -> ParamView {
    ParamView {
        name: p.name.clone(),
        place: p.place.clone(),
        kind: schema::kind(&p.schema),
        text: schema::prose(&p.description),
        example: p.example.as_ref().and_then(|e| e.as_str()).unwrap_or_default().to_owned(),
    }
}

fn body(document: &Document, op: &Operation) -> Option<BodyView> {
    let (kind, media) = op.request_body.as_ref()?.content.0.first()?;
    let example = media.example.as_ref().map_or("", |raw| raw.get());
    let example = match kind.as_str() {
        "application/json" => v::pretty(example),
        _ => serde_json::from_str(example).unwrap_or_default(),
    };
    Some(BodyView { kind: kind.clone(), members: schema::tree(document, &media.schema, Way::In), example })
}

fn answer(document: &Document, status: &str, response: &model::Response) -> AnswerView {
    let json = response.content.get("application/json");
    let kinds: Vec<&str> = response.content.0.iter().map(|(kind, _)| kind.as_str()).collect();
    AnswerView {
        status: status.to_owned(),
        text: response.description.clone(),
        kinds: if kinds.is_empty() { "no body".to_owned() } else { kinds.join(", ") },
        members: json.map(|media| schema::tree(document, &media.schema, Way::Out)).filter(|tree| !tree.0.is_empty()),
        example: json.and_then(|media| Some(v::pretty(media.example.as_ref()?.get()))),
    }
}
