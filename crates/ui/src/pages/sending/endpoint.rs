//! One endpoint: how it does, what it got, and everything that is set for it.
//!
//! **Invariant:** the tab and the filters are in the URL; a secret is on the page only in the answer to the form that asked.

use super::attempt_list::{self, Attempts};
use super::endpoint_forms::Typed;
use super::picker::Picker;
use super::test_send::{self, Test};
use super::{DAY, app_path, endpoint_api, endpoint_of, endpoint_path, short_url, status};
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::reply::Reply;
use crate::snippets::{PLACEHOLDER, PUBLIC_PLACEHOLDER, SNIPPETS, Snippet};
use crate::view::{self as v, Badge, Frame, Html, Section};
use askama::Template;
use domain::Timestamp;
use http::Method;
use serde_json::Value;
use store::{
    Application, AuditEntry, AuditFilter, Endpoint, EndpointFigures, Issue, IssueFilter, IssueState, Order, PageQuery,
    Ref, StoredSecret,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Attempts,
    Settings,
    Filter,
    Headers,
    Secrets,
    Code,
    History,
}

/// Tab, name in the URL, words, and whether only those who may change things see it.
const TABS: [(Tab, &str, &str, bool); 7] = [
    (Tab::Attempts, "attempts", "Attempts", false),
    (Tab::Settings, "settings", "Settings", true),
    (Tab::Filter, "filter", "Events & filter", true),
    (Tab::Headers, "headers", "Headers & auth", true),
    (Tab::Secrets, "secrets", "Secrets", true),
    (Tab::Code, "code", "Code", false),
    (Tab::History, "history", "History", true),
];

impl Tab {
    fn of(name: &str) -> Self {
        TABS.iter().find(|(_, n, ..)| *n == name).map_or(Tab::Attempts, |(tab, ..)| *tab)
    }
    pub fn name(self) -> &'static str {
        TABS.iter().find(|(tab, ..)| *tab == self).map_or("", |(_, name, ..)| name)
    }
}

#[derive(Template)]
#[template(path = "sending/endpoint.html")]
pub(crate) struct Page {
    frame: Frame,
    now: Timestamp,
    tab: Tab,
    app: Application,
    app_path: String,
    endpoint: Endpoint,
    id: String,
    path: String,
    url: String,
    status: Badge,
    figures: Option<EndpointFigures>,
    /// The failure that is open now.
    issue: Option<Issue>,
    issue_path: String,
    pub test: Option<Test>,
    /// Event types that a test can send.
    testable: Vec<String>,
    attempts: Attempts,
    pub typed: Typed,
    pub errors: Refusal,
    pub picker: Picker,
    /// Custom headers that may be shown, and the names of the others.
    headers: (Vec<(String, String)>, Vec<String>),
    secrets: Vec<StoredSecret>,
    /// The secret that was asked for; empty else.
    pub secret: String,
    language: &'static Snippet,
    /// Whether code is shown for a key pair, which Ed25519 signs with.
    is_public: bool,
    history: Vec<AuditEntry>,
}

impl Page {
    pub fn choose_language(&mut self, name: &str) {
        if let Some(snippet) = Snippet::find(name) {
            self.language = snippet;
        }
    }
    fn tabs(&self) -> Html {
        let mut out = String::from("<nav class=\"tabs\" aria-label=\"Endpoint\">");
        for (tab, name, words, is_for_writers) in TABS {
            if is_for_writers && !self.frame.may_write() {
                continue;
            }
            let current = if tab == self.tab { " aria-current=\"page\"" } else { "" };
            out.push_str(&format!(
                "<a href=\"{}?tab={name}\"{current}>{}</a>",
                self.path,
                domain::html::escaped(words)
            ));
        }
        Html(out + "</nav>")
    }
    fn snippets(&self) -> &'static [Snippet] {
        SNIPPETS
    }
    fn snippet(&self) -> Html {
        let placeholder = if self.is_public { PUBLIC_PLACEHOLDER } else { PLACEHOLDER };
        let secret = if self.secret.is_empty() { placeholder } else { &self.secret };
        super::code::block(&self.language.with_secret(secret))
    }
    /// `good`, `retried`, `failed` of 24 hours.
    fn shares(&self) -> (u64, u64, u64) {
        self.figures.as_ref().map_or((0, 0, 0), |f| (f.total.delivered, f.total.retried, f.total.failed))
    }
    fn stack(&self) -> Html {
        let (good, retried, failed) = self.shares();
        v::stack(
            &[("good", good), ("warn", retried), ("bad", failed)],
            &format!("{good} delivered, {retried} retried, {failed} failed"),
        )
    }
    fn latency(&self) -> String {
        let Some(latency) = self.figures.as_ref().map(|f| &f.latency) else { return "–".to_owned() };
        let shown = |us: Option<u64>| us.map_or("–".to_owned(), |us| (us / 1000).to_string());
        match latency.count() {
            0 => "–".to_owned(),
            _ => format!("{} / {} / {} ms", shown(latency.p50_us()), shown(latency.p95_us()), shown(latency.p99_us())),
        }
    }
    fn hours(&self) -> Html {
        let hours: Vec<u64> = self.figures.iter().flat_map(|f| f.hours.iter().map(super::attempts)).collect();
        v::spark(&hours, "Attempts by the hour")
    }
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let (app, endpoint) = endpoint_of(&call).await?;
    let tab = Tab::of(call.query().get("tab"));
    let is_for_writers = TABS.iter().any(|(t, _, _, writers)| *t == tab && *writers);
    let tab = if is_for_writers && !call.me.may_write() { Tab::Attempts } else { tab };
    let mut page = page(&call, app, endpoint, tab).await?;
    page.choose_language(call.query().get("lang"));
    Reply::page(&page)
}

/// The page of an endpoint; forms that were refused are shown by it, too.
pub(crate) async fn page(call: &Call, app: Application, endpoint: Endpoint, tab: Tab) -> Result<Page, Fault> {
    let (store, query) = (call.store(), call.query());
    let issues = PageQuery { limit: 1, cursor: None, order: Order::Descending };
    let filter = IssueFilter { state: Some(IssueState::Open), endpoint: Some(endpoint.id), ..IssueFilter::default() };
    let issue = store.issues(call.me.org, issues, filter).await?.data.pop();
    let language = Snippet::find(query.get("lang")).ok_or(Fault::Failed)?;
    let test = match query.get("test") {
        "" => None,
        message => test_send::look(call, &endpoint, message).await?,
    };
    Ok(Page {
        frame: call.frame(format!("{} · {}", short_url(&endpoint.url), tab.name()), Section::Applications),
        now: call.now(),
        tab,
        app_path: app_path(call, &app),
        id: call.codec().text(endpoint.id),
        path: endpoint_path(call, &endpoint),
        url: short_url(&endpoint.url).to_owned(),
        status: status(&endpoint, call.now()),
        figures: store.endpoint_figures(vec![endpoint.id], call.now().minus(DAY)).await?.pop(),
        issue_path: issue.as_ref().map(|issue| format!("/issues/{}", call.codec().text(issue.id))).unwrap_or_default(),
        issue,
        test,
        testable: test_send::types(call, &endpoint).await?,
        attempts: if tab == Tab::Attempts { attempt_list::list(call, &endpoint).await? } else { Attempts::default() },
        typed: Typed::of(&endpoint),
        errors: Refusal::of(""),
        picker: match tab {
            Tab::Filter => Picker::of(call, endpoint.event_types.as_deref()).await?,
            _ => Picker::default(),
        },
        headers: if tab == Tab::Headers { headers(call, &endpoint).await? } else { Default::default() },
        secrets: match tab {
            Tab::Secrets => store.endpoint_secrets(endpoint.app, &Ref::Id(endpoint.id)).await?.1,
            _ => Vec::new(),
        },
        secret: String::new(),
        language,
        is_public: query.get("key") == "public",
        history: if tab == Tab::History { history(call, &endpoint).await? } else { Vec::new() },
        app,
        endpoint,
    })
}

async fn headers(call: &Call, endpoint: &Endpoint) -> Result<(Vec<(String, String)>, Vec<String>), Fault> {
    let found = call.api(Method::GET, &format!("{}/headers", endpoint_api(call, endpoint)), None).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let open = found.get("headers").and_then(Value::as_object).into_iter().flatten();
    let hidden = found.get("sensitive").and_then(Value::as_array).into_iter().flatten();
    Ok((open.map(|(name, value)| (name.clone(), text(value))).collect(), hidden.map(text).collect()))
}

async fn history(call: &Call, endpoint: &Endpoint) -> Result<Vec<AuditEntry>, Fault> {
    let page = PageQuery { limit: 100, cursor: None, order: Order::Descending };
    let filter = AuditFilter { object: Some(call.codec().text(endpoint.id)), ..AuditFilter::default() };
    Ok(call.store().audit_entries(call.me.org, page, filter).await?.data)
}
