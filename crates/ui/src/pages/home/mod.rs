//! Home: how it goes, what needs attention, and how to get started.
//!
//! **Invariant:** figures come from roll-ups, never from a scan; what refreshes itself reads only what it shows.

mod attention;
mod charts;
mod figures;
mod steps;

use crate::call::Call;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use attention::Failing;
use charts::{Charts, Range};
use domain::Timestamp;
use figures::Figures;
use steps::Start;

pub(crate) use steps::command;

#[derive(Template)]
#[template(path = "home/page.html")]
struct Page {
    frame: Frame,
    now: Timestamp,
    range: Range,
    figures: Figures,
    charts: Charts,
    failing: Vec<Failing>,
    /// Failing endpoints beyond those shown.
    more: usize,
    start: Start,
    may_write: bool,
}

#[derive(Template)]
#[template(path = "home/now.html")]
struct Now {
    frame: Frame,
    now: Timestamp,
    range: Range,
    figures: Figures,
    failing: Vec<Failing>,
    more: usize,
    may_write: bool,
}

#[derive(Template)]
#[template(path = "home/charts.html")]
struct ChartsPart {
    range: Range,
    charts: Charts,
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let (now, query) = (call.now(), call.query());
    let range = Range::of(query.get("range"));
    let frame = call.frame("Home", Section::Home);
    let may_write = call.me.may_write();
    if call.is_fragment() && query.get("part") == "charts" {
        return Reply::page(&ChartsPart { range, charts: charts::read(&call, range).await? });
    }
    let figures = figures::read(&call).await?;
    let (failing, more) = attention::read(&call).await?;
    if call.is_fragment() && query.get("part") == "now" {
        return Reply::page(&Now { frame, now, range, figures, failing, more, may_write });
    }
    let charts = charts::read(&call, range).await?;
    let start = steps::read(&call, &figures).await?;
    Reply::page(&Page { frame, now, range, figures, charts, failing, more, start, may_write })
}

/// Puts the steps to get started away.
pub(crate) async fn hide_steps(call: Call) -> Result<Reply, Fault> {
    let mut profile = (*call.store().profile(call.me.org)).clone();
    profile.steps_hidden = true;
    call.store().set_profile(call.me.org, profile).await?;
    Ok(Reply::see("/"))
}
