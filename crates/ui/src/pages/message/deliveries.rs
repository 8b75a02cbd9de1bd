//! The deliveries of a message, and the attempts of each: those made and those to come.
//!
//! **Invariant:** what is planned is read from the retry schedule without its random part, and is named as planned.

use super::stages::{self, Headers, Stages};
use crate::call::Call;
use crate::fault::Fault;
use crate::pages::answer::Hints;
use crate::pages::common::{address, code, code_in_words, dead, shorten, status};
use crate::view::{Badge, Html, duration, millis};
use domain::{EndpointId, Explanation, IssueKind, RetrySchedule, Timestamp};
use std::time::Duration;
use store::{Attempt, AttemptFilter, DeliveryStatus, Destination, Message, Order, PageQuery, Ref};

/// Endpoints and attempts on a page.
const ENDPOINTS_MAX: u32 = 100;
const ATTEMPTS_MAX: u32 = 200;
/// Attempts of an endpoint on its line: the last ones.
const DOTS_MAX: usize = 16;
/// Characters of a response shown.
const RESPONSE_MAX: usize = 16 * 1024;

pub(super) struct Delivery {
    pub endpoint: String,
    pub address: String,
    pub url: String,
    pub status: Badge,
    /// Why it failed, if it did.
    pub why: Option<&'static str>,
    /// `4/10`
    pub tries: String,
    pub last_code: Option<Html>,
    pub last_duration: String,
    pub next_at: Option<Timestamp>,
    pub is_pending: bool,
    pub is_failed: bool,
    /// Neither disabled nor paused.
    pub is_open: bool,
    pub is_disabled: bool,
    pub is_paused: bool,
    pub dots: Vec<Dot>,
}

/// A point of the timeline.
pub(super) struct Dot {
    /// `good`, `bad`, `planned`
    pub class: &'static str,
    /// `0 s`, `5 m`: since the message came.
    pub after: String,
    /// What hovering says, and screen readers.
    pub title: String,
    /// Where the attempt is on the page.
    pub link: Option<String>,
}

pub(super) struct AttemptRow {
    pub id: String,
    pub number: u32,
    pub address: String,
    pub url: String,
    pub is_answered: bool,
    pub is_manual: bool,
    pub code: Html,
    pub code_text: String,
    pub duration: String,
    pub at: Timestamp,
    /// `None` once deleted.
    pub response: Option<String>,
    pub is_cut: bool,
    /// Why it failed and what to do.
    pub explanation: Option<Explanation>,
    pub hints: Hints,
    pub stages: Option<Stages>,
    pub headers: Option<Headers>,
    pub is_open: bool,
}

type Read = (Vec<Delivery>, bool, Vec<AttemptRow>, bool);

pub(super) async fn read(call: &Call, message: &Message) -> Result<Read, Fault> {
    let (store, id) = (call.store(), Ref::Id(message.id));
    let page = PageQuery { limit: ENDPOINTS_MAX, cursor: None, order: Order::Ascending };
    let destinations = store.destinations(message.app, &id, page).await?;
    let page = PageQuery { limit: ATTEMPTS_MAX, cursor: None, order: Order::Descending };
    let filter = AttemptFilter { with_content: true, ..AttemptFilter::default() };
    let attempts = store.attempts_by_message(message.app, &id, page, filter).await?;
    let schedule = &call.shared.config.retry;
    let start = message.deliver_at.unwrap_or(message.id.created_at()).max(message.id.created_at());
    let codec = call.codec();
    let of =
        |endpoint: EndpointId| attempts.data.iter().filter(move |a| a.key.endpoint == endpoint).collect::<Vec<_>>();
    let deliveries = destinations.data.iter().map(|d| Delivery {
        endpoint: codec.text(d.endpoint.id),
        ..delivery(d, &of(d.endpoint.id), schedule, start, |a| codec.text(a.id))
    });
    let rows = attempts.data.iter().enumerate().map(|(i, a)| AttemptRow {
        id: codec.text(a.id),
        is_open: i == 0,
        ..attempt(a, schedule)
    });
    Ok((deliveries.collect(), !destinations.done, rows.collect(), !attempts.done))
}

fn delivery(
    destination: &Destination,
    attempts: &[&Attempt],
    schedule: &RetrySchedule,
    start: Timestamp,
    name: impl Fn(&Attempt) -> String,
) -> Delivery {
    let endpoint = &destination.endpoint;
    let last = attempts.first();
    let made = last.map_or(0, |a| a.number);
    let next_at = match destination.status {
        DeliveryStatus::Pending { next_attempt } => Some(next_attempt),
        _ => None,
    };
    let mut dots: Vec<Dot> = attempts.iter().take(DOTS_MAX).rev().map(|a| dot(a, start, name(a))).collect();
    if let Some(next_at) = next_at {
        dots.extend(planned(schedule, made, next_at, start));
    }
    let is_retried = last.is_none_or(|a| !a.manual);
    Delivery {
        endpoint: String::new(),
        address: address(&endpoint.url),
        url: endpoint.url.clone(),
        status: status(destination.status),
        why: match destination.status {
            DeliveryStatus::Fail { reason } => Some(dead(reason)),
            _ => None,
        },
        tries: match made {
            0 => "no try yet".to_owned(),
            n if is_retried => format!("try {n}/{}", schedule.attempts().max(n as usize)),
            n => format!("try {n}"),
        },
        last_code: last.map(|a| code(a.status_code)),
        last_duration: last.map_or(String::new(), |a| millis(a.duration_us)),
        next_at,
        is_pending: next_at.is_some(),
        is_failed: matches!(destination.status, DeliveryStatus::Fail { .. } | DeliveryStatus::Canceled),
        is_open: !endpoint.disabled && endpoint.paused_at.is_none(),
        is_disabled: endpoint.disabled,
        is_paused: endpoint.paused_at.is_some(),
        dots,
    }
}

fn dot(attempt: &Attempt, start: Timestamp, id: String) -> Dot {
    let at = attempt.id.created_at();
    Dot {
        class: if attempt.success { "good" } else { "bad" },
        after: after(at, start),
        title: format!(
            "Attempt {}{}: {} after {}",
            attempt.number,
            if attempt.manual { ", by hand" } else { "" },
            code_in_words(attempt.status_code),
            millis(attempt.duration_us)
        ),
        link: Some(format!("#{id}")),
    }
}

/// The next attempt, and those after it if it fails.
fn planned(schedule: &RetrySchedule, made: u32, next_at: Timestamp, start: Timestamp) -> Vec<Dot> {
    let (mut at, mut number, mut dots) = (next_at, made + 1, Vec::new());
    loop {
        let title = if number == made + 1 { "planned" } else { "planned, if those before fail" };
        dots.push(Dot {
            class: "planned",
            after: after(at, start),
            title: format!("Attempt {number}: {title}"),
            link: None,
        });
        match schedule.wait_after(number, None, at, 0) {
            Some(wait) if dots.len() < DOTS_MAX => at = at.plus(wait),
            _ => return dots,
        }
        number += 1;
    }
}

fn after(at: Timestamp, start: Timestamp) -> String {
    match at.since(start) {
        since if since < Duration::from_secs(1) => "0 s".to_owned(),
        since => duration(since),
    }
}

fn attempt(a: &Attempt, schedule: &RetrySchedule) -> AttemptRow {
    let text = a.response.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let shown = text.as_ref().map(|text| shorten(text, RESPONSE_MAX));
    AttemptRow {
        id: String::new(),
        number: a.number,
        address: address(&a.url),
        url: a.url.clone(),
        is_answered: a.status_code != 0,
        is_manual: a.manual,
        code: code(a.status_code),
        code_text: code_in_words(a.status_code),
        duration: millis(a.duration_us),
        at: a.id.created_at(),
        is_cut: shown != text,
        explanation: (!a.success)
            .then(|| IssueKind::of_attempt(a.status_code, a.response.as_deref().unwrap_or_default()).explanation()),
        response: shown,
        hints: Hints::of(a, schedule),
        stages: stages::stages(a),
        headers: stages::headers(a),
        is_open: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_come_follows_the_schedule_to_its_end() {
        let (schedule, start) = (RetrySchedule::default(), Timestamp(1_795_247_040_000));
        let dots = planned(&schedule, 2, start.plus(Duration::from_secs(305)), start);
        assert_eq!(dots.len(), 8);
        let after: Vec<&str> = dots.iter().map(|d| d.after.as_str()).take(3).collect();
        assert_eq!(after, ["5 m", "35 m", "2 h 35 m"]);
        assert_eq!(dots[0].title, "Attempt 3: planned");
        assert!(dots[7].title.starts_with("Attempt 10"), "{}", dots[7].title);
    }
}
