//! The settings that the server was started with, to read.
//!
//! **Invariant:** secrets are masked before they get here.

use super::Tab;
use crate::call::Call;
use crate::config::ShownSetting;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;

#[derive(Template)]
#[template(path = "settings/server.html")]
struct Page {
    frame: Frame,
    query: String,
    changed_only: bool,
    changed: usize,
    settings: Vec<ShownSetting>,
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let query = call.query();
    let (text, changed_only) = (query.get("q").to_lowercase(), query.has("changed"));
    let all = &call.shared.config.settings;
    let wanted = |s: &&ShownSetting| {
        (!changed_only || s.origin.is_some())
            && (text.is_empty() || s.name.contains(&text) || s.meaning.to_lowercase().contains(&text))
    };
    Reply::page(&Page {
        frame: call.frame("Server", Section::Settings),
        query: query.get("q").to_owned(),
        changed_only,
        changed: all.iter().filter(|s| s.origin.is_some()).count(),
        settings: all.iter().filter(wanted).cloned().collect(),
    })
}
