//! How things look, whatever page they are on: times, numbers, ids, statuses, icons, small charts.
//!
//! Templates call these as `v::…`. **Invariant:** pure functions of their arguments; all text from outside is escaped here or by
//! the template.

pub(crate) mod chart;
mod field;
pub(crate) mod frame;
mod icons;
mod number;
mod qr;
mod text;
mod time;
mod waiting;

pub(crate) use {
    chart::{spark, stack},
    field::field,
    frame::{Frame, Section},
    icons::icon,
    number::{bytes, compact, count, millis, percent, took},
    qr::qr,
    text::{Badge, Tone, badge, copy, id, json, pretty, short_id, url},
    time::{ago, duration, in_or_ago, iso, minute, stamp},
    waiting::{Seen, Waiting},
};

use std::fmt;

/// Markup of our own making; text from outside was escaped when it was put in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Html(pub String);

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Html {}

/// Where a file of `assets/` is found.
pub(crate) fn asset(name: &str) -> String {
    crate::assets::url(name)
}
