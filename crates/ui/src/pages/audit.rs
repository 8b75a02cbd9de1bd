//! The audit log: who changed what.
//!
//! **Invariant:** read through the API; every filter is in the URL.

use crate::call::Call;
use crate::fault::Fault;
use crate::form::Form;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use domain::Timestamp;
use http::Method;
use serde::Deserialize;
use url::form_urlencoded;

#[derive(Deserialize)]
struct Entry {
    timestamp: String,
    actor: String,
    action: String,
    object: String,
    detail: Option<String>,
    address: Option<String>,
}

impl Entry {
    fn at(&self) -> Timestamp {
        Timestamp::parse_rfc3339(&self.timestamp).unwrap_or_default()
    }
    /// Kind and name of who did it.
    fn who(&self) -> (&'static str, &str) {
        match self.actor.split_once(':') {
            Some(("person", name)) => ("user", name),
            Some(("key", name)) => ("key", name),
            Some(("portal", name)) => ("app", name),
            _ if self.actor == "ticket" => ("link", "one-time link"),
            _ if self.actor == "token" => ("key", "organisation token"),
            _ => ("user", &self.actor),
        }
    }
}

#[derive(Deserialize)]
struct List {
    data: Vec<Entry>,
    iterator: Option<String>,
    done: bool,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Page {
    frame: Frame,
    now: Timestamp,
    form: Form,
    entries: Vec<Entry>,
    /// Query of the next page; empty if there is none.
    next: String,
    is_filtered: bool,
    error: String,
}

impl Page {
    /// The query with one more filter.
    fn with(&self, name: &str, value: &str) -> String {
        self.form.with(&[(name, value)])
    }
}

/// Names of the form's fields, and of the API's.
const FILTERS: [(&str, &str); 5] =
    [("actor", "actor"), ("action", "action"), ("object", "object"), ("since", "after"), ("until", "before")];

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let form = call.query();
    let found = call.api(Method::GET, &format!("/api/v1/audit?{}", api_query(&form)), None).await;
    let (list, error) = match found {
        Ok(list) => (serde_json::from_value(list).map_err(|_| Fault::Failed)?, String::new()),
        Err(Fault::Refused(refusal)) => (List { data: Vec::new(), iterator: None, done: true }, refusal.detail),
        Err(other) => return Err(other),
    };
    let next = list.iterator.filter(|_| !list.done).map(|after| form.with(&[("after", &after)])).unwrap_or_default();
    Reply::page(&Page {
        frame: call.frame("Audit log", Section::Audit),
        now: call.now(),
        is_filtered: FILTERS.iter().any(|(field, _)| form.some(field).is_some()),
        entries: list.data,
        next,
        form,
        error,
    })
}

fn api_query(form: &Form) -> String {
    let mut query = form_urlencoded::Serializer::new(String::from("limit=30"));
    for (field, name) in FILTERS {
        if let Some(value) = form.some(field) {
            query.append_pair(name, &api_value(field, value));
        }
    }
    if let Some(after) = form.some("after") {
        query.append_pair("iterator", after);
    }
    query.finish()
}

/// A name alone is looked for as people write it; a day is one in UTC.
fn api_value(field: &str, value: &str) -> String {
    match field {
        "since" | "until" => {
            let text = if value.len() == 10 { format!("{value}T00:00:00Z") } else { value.to_owned() };
            // `datetime-local` has neither seconds nor an offset.
            if text.len() == 16 { format!("{text}:00Z") } else { text }
        }
        "actor" if crate::pages::accounts::is_email(value) => format!("person:{value}"),
        "action" if !value.contains(['.', '*']) => format!("{value}.*"),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::api_value;

    #[test]
    fn what_people_type_is_what_the_api_asks_for() {
        for (field, value, want) in [
            ("since", "2026-11-21", "2026-11-21T00:00:00Z"),
            ("until", "2026-11-21T12:30", "2026-11-21T12:30:00Z"),
            ("since", "2026-11-21T12:30:00Z", "2026-11-21T12:30:00Z"),
            ("actor", "ana@example.com", "person:ana@example.com"),
            ("actor", "key:*", "key:*"),
            ("action", "endpoint", "endpoint.*"),
            ("action", "endpoint.update", "endpoint.update"),
            ("object", "app_1", "app_1"),
        ] {
            assert_eq!(api_value(field, value), want);
        }
    }
}
