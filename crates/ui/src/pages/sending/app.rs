//! One application: its endpoints, its portal, its figures, its settings, its end.
//!
//! **Invariant:** the tab is in the URL.

use super::code::Code;
use super::portal_link::PortalForm;
use super::{DAY, app_path, application, attempts, endpoint_path, short_url, status};
use crate::answer::part as path_part;
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::reply::Reply;
use crate::view::{self as v, Badge, Frame, Section};
use askama::Template;
use domain::{EndpointId, Timestamp};
use store::{AppFigures, Application, Cursor, EndpointFigures, Order, PageQuery};

const ROWS: u32 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Endpoints,
    Portal,
    Usage,
    Settings,
    Danger,
}

impl Tab {
    fn of(name: &str) -> Self {
        match name {
            "portal" => Tab::Portal,
            "usage" => Tab::Usage,
            "settings" => Tab::Settings,
            "danger" => Tab::Danger,
            _ => Tab::Endpoints,
        }
    }
}

struct EndpointRow {
    path: String,
    url: String,
    description: String,
    status: Badge,
    types: String,
    figures: Option<EndpointFigures>,
}

impl EndpointRow {
    fn total(&self) -> u64 {
        self.figures.as_ref().map_or(0, |f| attempts(&f.total))
    }
    fn success(&self) -> String {
        let total = self.figures.as_ref().map(|f| f.total).unwrap_or_default();
        v::percent(total.delivered, attempts(&total))
    }
    fn hours(&self) -> v::Html {
        let hours: Vec<u64> = self.figures.iter().flat_map(|f| f.hours.iter().map(attempts)).collect();
        v::spark(&hours, &format!("{} attempts in 24 hours", self.total()))
    }
}

/// The fields of the settings' form as they are, or as they were typed.
#[derive(Default)]
pub(crate) struct Typed {
    pub name: String,
    pub uid: String,
    pub rate: String,
    pub metadata: String,
}

#[derive(Template)]
#[template(path = "sending/app.html")]
pub(crate) struct Page {
    frame: Frame,
    now: Timestamp,
    tab: Tab,
    app: Application,
    id: String,
    path: String,
    /// For links to messages.
    search: String,
    endpoints: Vec<EndpointRow>,
    next: String,
    figures: Option<AppFigures>,
    pub typed: Typed,
    pub errors: Refusal,
    pub portal: PortalForm,
    code: Code,
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let app = application(&call).await?;
    let tab = Tab::of(call.query().get("tab"));
    Reply::page(&page(&call, app, tab).await?)
}

/// The page of an application; forms that were refused are shown by it, too.
pub(crate) async fn page(call: &Call, app: Application, tab: Tab) -> Result<Page, Fault> {
    let (mut endpoints, mut next) = (Vec::new(), String::new());
    if tab == Tab::Endpoints {
        (endpoints, next) = endpoint_rows(call, &app).await?;
    }
    let figures = match tab {
        Tab::Usage => call.store().app_figures(call.me.org, vec![app.id], call.now().minus(DAY)).await?.pop(),
        _ => None,
    };
    let id = call.codec().text(app.id);
    Ok(Page {
        frame: call.frame(app.name.clone(), Section::Applications),
        now: call.now(),
        tab,
        path: app_path(call, &app),
        search: path_part(&format!("app:{id}")),
        endpoints,
        next,
        figures,
        typed: Typed {
            name: app.name.clone(),
            uid: app.uid.clone().unwrap_or_default(),
            rate: app.throttle_rate.map(|rate| rate.to_string()).unwrap_or_default(),
            metadata: super::metadata_text(&app.metadata),
        },
        errors: Refusal::of(""),
        portal: PortalForm::default(),
        code: code(&call.origin(), &id, tab),
        id,
        app,
    })
}

async fn endpoint_rows(call: &Call, app: &Application) -> Result<(Vec<EndpointRow>, String), Fault> {
    let form = call.query();
    let cursor = call.codec().read::<EndpointId>(form.get("after")).map(Cursor::After);
    let page = PageQuery { limit: ROWS, cursor, order: Order::Descending };
    let page = call.store().endpoints(app.id, page).await?;
    let ids = page.data.iter().map(|e| e.id).collect();
    let figures = call.store().endpoint_figures(ids, call.now().minus(DAY)).await?;
    let row = |endpoint: &store::Endpoint| EndpointRow {
        path: endpoint_path(call, endpoint),
        url: short_url(&endpoint.url).to_owned(),
        description: endpoint.description.clone(),
        status: status(endpoint, call.now()),
        types: match endpoint.event_types.as_deref() {
            None => "all events".to_owned(),
            Some([one]) => one.clone(),
            Some(types) => format!("{} event types", types.len()),
        },
        figures: figures.iter().find(|f| f.endpoint == endpoint.id).cloned(),
    };
    let next = page.last.filter(|_| !page.done).map(|id| form.with(&[("after", &call.codec().text(id))]));
    Ok((page.data.iter().map(row).collect(), next.unwrap_or_default()))
}

fn code(origin: &str, id: &str, tab: Tab) -> Code {
    let new = |method, path: &str, body, python: &str, javascript: &str| {
        Code::new(origin, method, &format!("/app/{id}{path}"), body, python, javascript)
    };
    match tab {
        Tab::Endpoints => new(
            "GET",
            "/endpoint",
            None,
            &format!("endpoints = svix.endpoint.list(\"{id}\")"),
            &format!("const endpoints = await svix.endpoint.list(\"{id}\");"),
        ),
        Tab::Portal => Code::new(
            origin,
            "POST",
            &format!("/auth/app-portal-access/{id}"),
            Some("{\"expiry\": 86400}"),
            &format!(
                "from svix.models import AppPortalAccessIn\n\naccess = svix.authentication.app_portal_access(\"{id}\", AppPortalAccessIn(expiry=86400))\nprint(access.url)"
            ),
            &format!(
                "const access = await svix.authentication.appPortalAccess(\"{id}\", {{ expiry: 86400 }});\nconsole.log(access.url);"
            ),
        ),
        Tab::Usage => new(
            "GET",
            "/msg?limit=50",
            None,
            &format!("messages = svix.message.list(\"{id}\")"),
            &format!("const messages = await svix.message.list(\"{id}\");"),
        ),
        Tab::Settings => new(
            "PATCH",
            "",
            Some("{\"name\": \"Example Inc\", \"throttleRate\": 100}"),
            &format!(
                "from svix.models import ApplicationPatch\n\nsvix.application.patch(\"{id}\", ApplicationPatch(name=\"Example Inc\"))"
            ),
            &format!("await svix.application.patch(\"{id}\", {{ name: \"Example Inc\" }});"),
        ),
        Tab::Danger => new(
            "DELETE",
            "",
            None,
            &format!("svix.application.delete(\"{id}\")"),
            &format!("await svix.application.delete(\"{id}\");"),
        ),
    }
}
