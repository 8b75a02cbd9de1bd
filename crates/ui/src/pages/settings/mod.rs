//! Settings: the organisation, its portal, its team, its keys; and what the server was told at its start.
//!
//! **Invariant:** only owners come here, and every change is in the audit log.

pub(crate) mod keys;
pub(crate) mod organisation;
pub(crate) mod portal;
pub(crate) mod server;
pub(crate) mod team;

use crate::call::Call;
use crate::fault::Fault;
use crate::pages::accounts::note;
use crate::reply::Reply;
use crate::session::Right;
use store::{Profile, ProfileError};

/// The first tab, or one's own account for who may not change settings.
pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    Ok(Reply::see(if call.me.may(Right::Own) { "/settings/organisation" } else { "/account" }))
}

/// Which tab is lit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Organisation,
    Portal,
    Team,
    Keys,
    Server,
}

const TABS: [(Tab, &str, &str); 5] = [
    (Tab::Organisation, "/settings/organisation", "Organisation"),
    (Tab::Portal, "/settings/portal", "Portal & branding"),
    (Tab::Team, "/settings/team", "Team"),
    (Tab::Keys, "/settings/keys", "API keys"),
    (Tab::Server, "/settings/server", "Server"),
];

/// The row of tabs.
pub(crate) fn tabs(at: Tab) -> crate::view::Html {
    let tab = |(tab, to, text): (Tab, &str, &str)| {
        let current = if tab == at { " aria-current=\"page\"" } else { "" };
        format!("<a href=\"{to}\"{current}>{text}</a>")
    };
    let all: String = TABS.into_iter().map(tab).collect();
    crate::view::Html(format!("<nav class=\"tabs\" aria-label=\"Settings\">{all}</nav>"))
}

/// Stores a profile, if nothing is wrong with it.
async fn save(call: &Call, profile: Profile, what: &str) -> Result<Result<(), ProfileError>, Fault> {
    if let Err(error) = profile.check() {
        return Ok(Err(error));
    }
    call.store().set_profile(call.me.org, profile).await?;
    let actor = format!("person:{}", call.me.email);
    note(call, call.me.org, &actor, "organisation.update", &call.me.org_text, Some(what)).await;
    Ok(Ok(()))
}
