//! Home: how it goes, and what needs attention.
//!
//! **Invariant:** figures come from roll-ups, never from a scan.

use crate::call::Call;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;

#[derive(Template)]
#[template(path = "home.html")]
struct Page {
    frame: Frame,
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    Reply::page(&Page { frame: call.frame("Home", Section::Home) })
}
