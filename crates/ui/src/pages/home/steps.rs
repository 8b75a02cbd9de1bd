//! Getting started: what is done is ticked from what is there, not from what was clicked.
//!
//! **Invariant:** looks at a handful of rows at most, and at none once the steps are put away.

use super::figures::Figures;
use crate::call::Call;
use crate::fault::Fault;
use store::{EventTypesSeen, Order, PageQuery};

/// Applications whose endpoints are looked for.
const APPS_MAX: u32 = 10;

/// What Home says to who begins.
pub(super) enum Start {
    /// There is nothing at all: what would you like to do?
    New {
        goal: String,
    },
    Steps(Steps),
    /// All is done, or was put away.
    Done,
}

pub(super) struct Steps {
    pub has_key: bool,
    pub has_app: bool,
    pub has_endpoint: bool,
    pub has_sent: bool,
    pub has_delivered: bool,
    pub done: usize,
    /// Where an endpoint is added.
    pub endpoint_path: String,
    /// The command that sends a first message.
    pub command: String,
}

pub(super) async fn read(call: &Call, figures: &Figures) -> Result<Start, Fault> {
    let (store, org) = (call.store(), call.me.org);
    let profile = store.profile(org);
    let has_seen = figures.accepted + figures.received + figures.delivered > 0;
    let apps = store.apps(org, page(APPS_MAX)).await?.data;
    if apps.is_empty() && !has_seen && store.sources(org, false, page(1)).await?.data.is_empty() {
        return Ok(Start::New { goal: profile.goal.clone().unwrap_or_default() });
    }
    if profile.steps_hidden || (has_seen && profile.goal.as_deref().is_some_and(|goal| goal != "send")) {
        return Ok(Start::Done);
    }
    let mut has_endpoint = false;
    for app in &apps {
        has_endpoint = has_endpoint || !store.endpoints(app.id, page(1)).await?.data.is_empty();
    }
    let week = call.now().minus(std::time::Duration::from_secs(7 * 86_400));
    let seen = match has_seen {
        true => true,
        false => has_any(&store.event_type_figures(org, week).await?),
    };
    let has_key = seen || store.api_keys(org, page(1)).await?.data.iter().any(|key| key.revoked_at.is_none());
    let steps = [has_key, !apps.is_empty(), has_endpoint, seen, figures.delivered > 0];
    let done = steps.iter().filter(|done| **done).count();
    if done == steps.len() {
        return Ok(Start::Done);
    }
    let app = apps.first().map(|app| app.uid.clone().unwrap_or_else(|| call.codec().text(app.id)));
    Ok(Start::Steps(Steps {
        has_key,
        has_app: !apps.is_empty(),
        has_endpoint,
        has_sent: seen,
        has_delivered: figures.delivered > 0,
        done,
        endpoint_path: match apps.first() {
            Some(app) => format!("/apps/{}", call.codec().text(app.id)),
            None => "/apps/new".to_owned(),
        },
        command: command(&call.origin(), app.as_deref().unwrap_or("my-app")),
    }))
}

fn has_any(seen: &EventTypesSeen) -> bool {
    !seen.types.is_empty()
}

/// A message, sent from a shell.
pub(crate) fn command(origin: &str, app: &str) -> String {
    format!(
        "curl -X POST '{origin}/api/v1/app/{app}/msg' \\\n  -H \"Authorization: Bearer $POSTRIDER_TOKEN\" \\\n  \
         -H 'Content-Type: application/json' \\\n  -d '{{\"eventType\": \"invoice.paid\", \"payload\": {{\"amount\": 4200}}}}'"
    )
}

fn page<I>(limit: u32) -> PageQuery<I> {
    PageQuery { limit, cursor: None, order: Order::Ascending }
}
