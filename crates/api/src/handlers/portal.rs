//! What the customers' portal asks for beyond the API's own objects: who its token is, and inboxes for who has no URL.

use super::{request, source};
use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::fields::Fields;
use crate::wire::list::ListOut;
use crate::wire::portal::{BrandOut, InboxOut, PortalAppOut, PortalOut};
use crate::wire::source::{UNVERIFIED, ingest_url};
use crate::wire::task::TaskOut;
use crate::wire::{read, time};
use domain::target::TargetUrl;
use domain::{SourceOptions, TaskId};
use http::StatusCode;
use signing::providers::SecretConfig;
use std::time::Duration;
use store::{AppRef, Page, Ref, Source, SourceFields};

/// How long an inbox lives.
const INBOX_LIFETIME: Duration = Duration::from_secs(7 * 86_400);
const INBOX_REQUESTS_KEPT: u32 = 100;
const SESSIONS_MAX: usize = 1000;
const EXPIRY_S_MAX: u64 = 3 * 86_400;

/// All that the portal's page needs to begin.
pub(crate) async fn whoami(call: Call) -> Result<Reply, Problem> {
    let app = call.caller.app.ok_or_else(Problem::forbidden)?;
    let app = call.store().app(call.caller.org, &AppRef::Id(app)).await?;
    let profile = call.store().profile(call.caller.org);
    let brand = &profile.brand;
    let out = PortalOut {
        app: PortalAppOut { id: call.codec().text(app.id), uid: app.uid, name: app.name },
        name: brand.name.clone().unwrap_or_else(|| profile.name.clone()),
        capabilities: call.caller.capabilities.names(),
        expires_at: call.caller.expires_at.map(time::text),
        origin: call.origin(),
        brand: BrandOut::of(brand),
    };
    Ok(Reply::ok(&out).secret())
}

/// Refuses all tokens of an application that were made until now.
pub(crate) async fn expire_all(call: Call) -> Result<Reply, Problem> {
    let app = call.app().await?;
    let mut f = Fields::parse(&call.body)?;
    let expiry_s = f.take(&["expiry"], read::integer(0..=EXPIRY_S_MAX)).value().unwrap_or_default();
    let sessions = f.take(&["sessionIds"], |v| {
        let names = read::strings(v)?;
        let are_good = names.len() <= SESSIONS_MAX && names.iter().all(|name| read::is_session(name));
        if are_good { Ok(names) } else { Err("has a name that is no session's, or more than 1000".into()) }
    });
    let sessions = sessions.value();
    f.finish()?;
    if sessions.as_ref().is_some_and(Vec::is_empty) {
        // Nobody's tokens; an empty list of names is not everybody.
        return Ok(Reply::no_content());
    }
    let since = call.shared.now().plus(Duration::from_secs(expiry_s));
    call.shared.auth.expire_all(call.store(), app, sessions.unwrap_or_default(), since).await?;
    Ok(Reply::no_content())
}

/// A background task of this application.
pub(crate) async fn task(call: Call) -> Result<Reply, Problem> {
    let app = call.app().await?;
    let id: TaskId = call.id(1, "task")?;
    let task = call.store().task(call.caller.org, id).await?;
    if task.app != app {
        return Err(Problem::not_found("task not found"));
    }
    Ok(Reply::ok(&TaskOut::of(task, call.codec())))
}

// ---- test inboxes ----

pub(crate) async fn inboxes(call: Call) -> Result<Reply, Problem> {
    let app = call.app().await?;
    let data = call.store().inboxes(app).await?;
    let (first, last) = (data.first().map(|s| s.id), data.last().map(|s| s.id));
    let page = Page { data, last, first, done: true };
    Ok(Reply::ok(&ListOut::of(page, |s| out(&call, &s), |id| call.codec().text(id))))
}

pub(crate) async fn create_inbox(call: Call) -> Result<Reply, Problem> {
    let app = call.app().await?;
    let options = SourceOptions { requests_kept: Some(INBOX_REQUESTS_KEPT), ..SourceOptions::default() };
    let fields = SourceFields {
        name: "Test inbox".to_owned(),
        kind: UNVERIFIED.to_owned(),
        options,
        is_bin: true,
        expires_at: Some(call.shared.now().plus(INBOX_LIFETIME)),
        ..SourceFields::default()
    };
    let config = source::seal(&call.shared, SecretConfig::empty());
    let token = source::token(&call.shared);
    let made = call.store().create_inbox((call.caller.org, app), fields, token, config).await?;
    Ok(Reply::json(StatusCode::CREATED, &out(&call, &made)))
}

pub(crate) async fn delete_inbox(call: Call) -> Result<Reply, Problem> {
    let inbox = inbox(&call).await?;
    call.store().delete_source(call.caller.org, &Ref::Id(inbox.id)).await?;
    Ok(Reply::no_content())
}

pub(crate) async fn inbox_requests(call: Call) -> Result<Reply, Problem> {
    let inbox = inbox(&call).await?;
    request::list_of(&call.shared, &call.query(), inbox.id).await
}

/// The inbox in the path, if it is one of the application in the path.
async fn inbox(call: &Call) -> Result<Source, Problem> {
    let app = call.app().await?;
    Ok(call.store().inbox(app, call.id(1, "test inbox")?).await?)
}

fn out(call: &Call, inbox: &Source) -> InboxOut {
    InboxOut {
        id: call.codec().text(inbox.id),
        url: inbox_url(call, &inbox.token),
        created_at: time::text(inbox.id.created_at()),
        expires_at: inbox.expires_at.map(time::text),
    }
}

/// One that an endpoint may have: where we are found from outside, or else where the courier hands it over in-process.
fn inbox_url(call: &Call, token: &str) -> String {
    let rules = &call.shared.config.target_rules;
    let (origin, url) = (call.origin(), ingest_url(&call.origin(), token));
    match TargetUrl::parse(&url, rules) {
        Ok(_) => url,
        Err(_) => rules.guard.inbox_url(&origin, token).unwrap_or(url),
    }
}
