//! The organisation's name, and where the server is found.
//!
//! **Invariant:** a public URL that can't be reached may be saved: the page says so.

use super::{Tab, save};
use crate::call::Call;
use crate::fault::Fault;
use crate::pages::accounts::{Errors, setup::tidy_url};
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use http::StatusCode;
use store::Profile;

#[derive(Template)]
#[template(path = "settings/organisation.html")]
struct Page {
    frame: Frame,
    name: String,
    public_url: String,
    url_is_set: bool,
    org: String,
    steps_hidden: bool,
    /// What the self-test of the public URL said; `None`: it was not made.
    reach: Option<Result<(), String>>,
    errors: Errors,
}

fn page(call: &Call) -> Page {
    let profile = call.store().profile(call.me.org);
    let url_is_set = call.shared.config.public_url.is_some();
    Page {
        frame: call.frame("Organisation", Section::Settings),
        name: profile.name.clone(),
        public_url: if url_is_set { call.origin() } else { profile.public_url.clone().unwrap_or_default() },
        url_is_set,
        org: call.me.org_text.to_string(),
        steps_hidden: profile.steps_hidden,
        reach: None,
        errors: Errors::default(),
    }
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    Reply::page(&page(&call))
}

pub(crate) async fn set(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let mut page = page(&call);
    page.name = form.get("name").to_owned();
    page.steps_hidden = !form.has("steps");
    if !page.url_is_set {
        page.public_url = tidy_url(form.get("public_url"));
    }
    page.errors.check_name("name", &page.name);
    let old = call.store().profile(call.me.org);
    let public_url = match page.url_is_set {
        true => old.public_url.clone(),
        false => Some(page.public_url.clone()).filter(|url| !url.is_empty()),
    };
    let profile = Profile { name: page.name.clone(), public_url, steps_hidden: page.steps_hidden, ..(*old).clone() };
    if page.errors.is_empty() {
        match save(&call, profile, "name and public URL").await? {
            Ok(()) => return Ok(Reply::see("/settings/organisation").notice("Saved.")),
            Err(e) => page.errors.add(if e.field == "publicUrl" { "public_url" } else { "name" }, e.text),
        }
    }
    Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// Asks the public URL whether this server is there.
pub(crate) async fn check(call: Call) -> Result<Reply, Fault> {
    let mut page = page(&call);
    if let Some(reach) = &call.shared.config.reach {
        page.reach = Some(reach.check(call.origin()).await);
    }
    Reply::page(&page)
}
