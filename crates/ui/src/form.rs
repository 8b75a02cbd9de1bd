//! Decoded pairs of a query or a submitted form (`application/x-www-form-urlencoded`).
//!
//! **Invariant:** pairs keep their order and repeats; a name that is missing reads as empty.

use std::borrow::Cow;
use url::form_urlencoded;

#[derive(Clone, Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub fn parse(text: &[u8]) -> Self {
        let own = |text: Cow<'_, str>| text.into_owned();
        Form(form_urlencoded::parse(text).map(|(name, value)| (own(name), own(value))).collect())
    }
    /// The last value of that name, trimmed; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.raw(name).trim()
    }
    /// The last value of that name as it came (passwords, payloads).
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().rev().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }
    /// `None` if it is missing or empty.
    pub fn some(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }
    /// Every value of that name that isn't empty.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, v)| n == name && !v.trim().is_empty()).map(|(_, value)| value.trim())
    }
    /// Whether a checkbox is ticked.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
    /// The query with `changes` made (an empty value removes the name), without the page's cursor: for links of filters.
    pub fn with(&self, changes: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let is_changed = |name: &str| name == "after" || changes.iter().any(|(n, _)| *n == name);
        for (name, value) in self.pairs().filter(|(name, value)| !value.is_empty() && !is_changed(name)) {
            query.append_pair(name, value);
        }
        for (name, value) in changes.iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        match query.finish() {
            empty if empty.is_empty() => empty,
            query => format!("?{query}"),
        }
    }
}
