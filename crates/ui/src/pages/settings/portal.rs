//! How the portal looks to the organisation's customers, and which pages may frame it.
//!
//! **Invariant:** nothing here can become markup, style or a request: the store refuses it.

use super::{Tab, save};
use crate::call::Call;
use crate::fault::Fault;
use crate::pages::accounts::Errors;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use http::StatusCode;
use store::{Brand, Profile};

const ACCENT: &str = "#0b6e5a";

#[derive(Template)]
#[template(path = "settings/portal.html")]
struct Page {
    frame: Frame,
    org_name: String,
    name: String,
    logo: String,
    own_accent: bool,
    accent: String,
    font: String,
    scheme: &'static str,
    powered: bool,
    origins: String,
    errors: Errors,
}

fn page(call: &Call, profile: &Profile) -> Page {
    let Brand { name, logo, accent, font, dark, unbranded } = &profile.brand;
    Page {
        frame: call.frame("Portal & branding", Section::Settings),
        org_name: call.me.org_name.clone(),
        name: name.clone().unwrap_or_default(),
        logo: logo.clone().unwrap_or_default(),
        own_accent: accent.is_some(),
        accent: accent.clone().unwrap_or_else(|| ACCENT.to_owned()),
        font: font.clone().unwrap_or_default(),
        scheme: match dark {
            None => "auto",
            Some(false) => "light",
            Some(true) => "dark",
        },
        powered: !unbranded,
        origins: profile.portal_origins.join("\n"),
        errors: Errors::default(),
    }
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    Reply::page(&page(&call, &call.store().profile(call.me.org)))
}

pub(crate) async fn set(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let text = |name: &str| form.some(name).map(str::to_owned);
    let brand = Brand {
        name: text("brand_name"),
        // Pasted texts come with line breaks.
        logo: text("logo").map(|logo| logo.split_whitespace().collect()),
        accent: text("accent").filter(|_| form.has("own_accent")).map(|a| a.to_lowercase()),
        font: text("font"),
        dark: match form.get("scheme") {
            "light" => Some(false),
            "dark" => Some(true),
            _ => None,
        },
        unbranded: !form.has("powered"),
    };
    let mut portal_origins: Vec<String> =
        form.get("origins").split_whitespace().map(|o| o.trim_end_matches('/').to_lowercase()).collect();
    portal_origins.dedup();
    let old = call.store().profile(call.me.org);
    let profile = Profile { brand, portal_origins, ..(*old).clone() };
    match save(&call, profile.clone(), "portal").await? {
        Ok(()) => Ok(Reply::see("/settings/portal").notice("Saved. Open portals show it after a reload.")),
        Err(error) => {
            let mut page = page(&call, &profile);
            page.origins = form.get("origins").to_owned();
            page.errors.add(error.field, error.text);
            Reply::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}
