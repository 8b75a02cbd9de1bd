//! How an attempt spent its time, as a bar with words beside it, and the headers that came back.
//!
//! **Invariant:** the bar says nothing that the words don't.

use crate::view::{self as v, Html, millis};
use domain::AttemptDetail;
use store::Attempt;

/// The share of the whole below which time between the stages is not worth a word.
const REST_SHARE: u64 = 20;

pub(super) struct Stages {
    pub parts: Vec<Part>,
    pub bar: Html,
    pub total: String,
    /// `HTTP/1.1 to 203.0.113.9:443, over a new connection`
    pub connection: Option<String>,
}

pub(super) struct Part {
    pub class: &'static str,
    pub title: &'static str,
    pub time: String,
    /// No answer came: it went no further.
    pub is_end: bool,
}

pub(super) struct Headers {
    pub pairs: Vec<(String, String)>,
    pub is_cut: bool,
}

/// `None` where nothing was noted.
pub(super) fn stages(a: &Attempt) -> Option<Stages> {
    let detail = a.detail.as_ref()?;
    let s = detail.stages;
    let total = a.duration_us.saturating_add(s.body_us.unwrap_or(0));
    let mut found: Vec<(&'static str, &'static str, u64)> = [
        ("st-dns", "DNS", s.dns_us),
        ("st-tcp", "Connect", s.connect_us),
        ("st-tls", "TLS", s.tls_us),
        ("st-wait", "First byte", s.first_byte_us),
        ("st-body", "Body", s.body_us),
    ]
    .into_iter()
    .filter_map(|(class, title, us)| Some((class, title, us?)))
    .collect();
    let end = found.len();
    let rest = total.saturating_sub(found.iter().map(|(_, _, us)| us).sum());
    // Such as a connection that turned out to be closed when it was used again.
    if rest > total / REST_SHARE {
        found.push(("st-rest", "Other", rest));
    }
    let shares: Vec<(&str, u64)> = found.iter().map(|(class, _, us)| (*class, *us)).collect();
    let is_unanswered = a.status_code == 0;
    let parts = found.iter().enumerate().map(|(i, (class, title, us))| Part {
        class,
        title,
        time: millis(us),
        is_end: is_unanswered && i + 1 == end,
    });
    Some(Stages {
        parts: parts.collect(),
        bar: v::stack(&shares, &format!("Stages of attempt {}", a.number)),
        total: millis(total),
        connection: connection(detail),
    })
}

fn connection(detail: &AttemptDetail) -> Option<String> {
    let over = if detail.reused { "over a connection that was open" } else { "over a new connection" };
    let version = detail.http_version.map(|v| format!("HTTP/{}", v.text()));
    match (version, detail.peer) {
        (Some(version), Some(peer)) => Some(format!("{version} to {peer}, {over}")),
        (None, Some(peer)) => Some(format!("To {peer}, {over}")),
        (Some(version), None) => Some(version),
        (None, None) => None,
    }
}

/// `None` where they weren't kept.
pub(super) fn headers(a: &Attempt) -> Option<Headers> {
    let lines = a.detail.as_ref()?.headers.as_ref()?;
    let pairs = lines.iter().map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned()));
    Some(Headers { pairs: pairs.collect(), is_cut: lines.is_cut })
}
