//! One page of a list that the API keeps, the newest first: what lists of forms, links and inboxes share.
//!
//! **Invariant:** the place in the list is the page's own query (`after`), so that it survives reload and back.

use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::Fault;
use http::Method;
use serde_json::Value;

pub(crate) struct Listed {
    pub rows: Vec<Value>,
    /// Query of the page after this one, if there is one.
    pub next: Option<String>,
    pub is_first: bool,
}

impl Listed {
    /// `path` of the API, without a query; `filters` are parameters that the page's query and the API's have alike.
    pub async fn read(call: &Call, path: &str, limit: usize, filters: &[&str]) -> Result<Listed, Fault> {
        let query = call.query();
        let after = query.get("after");
        let mut at = format!("{path}?limit={limit}&order=descending");
        let given = filters.iter().map(|name| (*name, query.get(name)));
        for (name, value) in std::iter::once(("iterator", after)).chain(given).filter(|(_, value)| !value.is_empty()) {
            at = format!("{at}&{name}={}", part(value));
        }
        let list = call.api(Method::GET, &at, None).await?;
        Ok(Listed {
            next: list.next_page().map(|after| query.with(&[("after", &after)])),
            is_first: after.is_empty(),
            rows: list.list("data").to_vec(),
        })
    }
}
