//! The controls beside the search box: they write the same search, so that there is one language and one URL.
//!
//! **Invariant:** what a control says is a term of `q` before a page is shown; controls and text never disagree.

use crate::call::Call;
use crate::fault::Fault;
use crate::form::Form;
use crate::pages::common::{current, option, query};
use crate::view::Html;
use domain::{CodeFilter, SearchQuery, StatusWord, When};
use std::time::Duration;
use store::{Order, PageQuery};

/// Applications and types offered.
const OFFERED_MAX: u32 = 100;
const STATUSES: [(&str, &str); 5] =
    [("", "All"), ("delivered", "Delivered"), ("pending", "Waiting"), ("failed", "Failed"), ("canceled", "Canceled")];
const CODES: [(&str, &str); 7] = [
    ("", "Any code"),
    ("2xx", "2xx"),
    ("3xx", "3xx"),
    ("4xx", "4xx"),
    ("5xx", "5xx"),
    ("429", "429"),
    ("none", "No answer"),
];
const TIMES: [(&str, &str); 5] =
    [("", "Any time"), ("1h", "Last hour"), ("1d", "Last 24 hours"), ("1w", "Last 7 days"), ("30d", "Last 30 days")];

pub(super) struct Filters {
    /// Link, text, ` aria-current`.
    pub statuses: Vec<(String, &'static str, Html)>,
    pub apps: Vec<Html>,
    pub codes: Vec<Html>,
    pub times: Vec<Html>,
    /// The type, or beginning and `*`.
    pub event_type: String,
    /// Known types, for the field's suggestions.
    pub known_types: Vec<String>,
}

/// Where to go if the controls were sent, or a chart's time (`after` and `before`).
pub(super) fn rewritten(params: &Form) -> Option<String> {
    let is_time = params.some("after").is_some() || params.some("before").is_some();
    if !is_time && !params.has("filter") {
        return None;
    }
    let q = params.get("q");
    let Ok(mut parsed) = SearchQuery::parse(q) else { return Some(format!("/messages{}", query(&[("q", q)]))) };
    if params.has("filter") {
        parsed.app = params.some("app").map(str::to_owned);
        parsed.code = CodeFilter::parse(params.get("code"));
        parsed.types = match params.some("type") {
            Some(text) => text.split([' ', ',']).filter(|t| !t.is_empty()).map(str::to_owned).collect(),
            None => Vec::new(),
        };
    }
    let is_chosen = |name: &str| params.has("filter") || params.some(name).is_some();
    if is_chosen("after") && params.get("after") != "kept" {
        parsed.after = When::parse(params.get("after"));
    }
    if let Some(before) = params.some("before") {
        parsed.before = When::parse(before);
    }
    Some(format!("/messages{}", query(&[("q", &parsed.to_string())])))
}

pub(super) async fn read(call: &Call, parsed: &SearchQuery) -> Result<Filters, Fault> {
    let (store, org) = (call.store(), call.me.org);
    let page = PageQuery { limit: OFFERED_MAX, cursor: None, order: Order::Ascending };
    let apps = store.apps(org, page).await?.data;
    let day = call.now().minus(Duration::from_secs(86_400));
    let types = store.event_type_figures(org, day).await?.types;
    let chosen = parsed.app.clone().unwrap_or_default();
    let mut offered: Vec<(String, String)> = vec![(String::new(), "All applications".to_owned())];
    for app in apps {
        let id = call.codec().text(app.id);
        let value = if chosen == id { id } else { app.uid.unwrap_or(id) };
        offered.push((value, app.name));
    }
    if !offered.iter().any(|(value, _)| *value == chosen) {
        offered.push((chosen.clone(), chosen.clone()));
    }
    let options = |all: &[(&str, &str)], chosen: &str| {
        let mut options: Vec<Html> = all.iter().map(|(value, text)| option(value, text, chosen)).collect();
        if !all.iter().any(|(value, _)| *value == chosen) {
            options.push(option(chosen, chosen, chosen));
        }
        options
    };
    Ok(Filters {
        statuses: statuses(parsed),
        apps: offered.iter().map(|(value, name)| option(value, name, &chosen)).collect(),
        codes: options(&CODES, &parsed.code.map(|c| c.to_string()).unwrap_or_default()),
        times: options(&TIMES, &parsed.after.map(|w| w.to_string()).unwrap_or_default()),
        event_type: parsed.types.join(" "),
        known_types: types.into_iter().take(OFFERED_MAX as usize).map(|t| t.event_type).collect(),
    })
}

fn statuses(parsed: &SearchQuery) -> Vec<(String, &'static str, Html)> {
    let link = |word: &str| {
        let status = StatusWord::parse(word);
        let asked = SearchQuery { status, ..parsed.clone() };
        (format!("/messages{}", query(&[("q", &asked.to_string())])), current(parsed.status == status))
    };
    STATUSES
        .iter()
        .map(|(word, text)| {
            let (link, current) = link(word);
            (link, *text, current)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        Form::parse(text.as_bytes())
    }

    #[test]
    fn controls_become_terms_of_the_search_and_keep_the_others() {
        let to =
            rewritten(&form("q=status%3Afailed+tag%3Ax&filter=1&type=invoice.*&code=5xx&app=acme&after=1h")).unwrap();
        let (_, q) = url::form_urlencoded::parse(to.strip_prefix("/messages?").unwrap().as_bytes()).next().unwrap();
        let back = SearchQuery::parse(&q).unwrap();
        assert_eq!(back, SearchQuery::parse("status:failed tag:x type:invoice.* code:5xx app:acme after:1h").unwrap());
        assert_eq!(rewritten(&form("q=&filter=1&type=&code=&app=&after=")).unwrap(), "/messages");
    }

    #[test]
    fn a_chart_s_time_is_a_term_too_and_a_plain_search_stays() {
        let to = rewritten(&form("after=2026-11-21T10:00:00.000Z&before=2026-11-21T11:00:00.000Z")).unwrap();
        assert!(to.contains("after%3A2026-11-21T10%3A00%3A00.000Z") && to.contains("before%3A2026-11-21T11"), "{to}");
        assert_eq!(rewritten(&form("q=status%3Afailed&older=x")), None);
    }

    #[test]
    fn what_can_t_be_read_is_left_to_be_explained() {
        assert_eq!(rewritten(&form("q=colour%3Ared&filter=1")).unwrap(), "/messages?q=colour%3Ared");
    }
}
