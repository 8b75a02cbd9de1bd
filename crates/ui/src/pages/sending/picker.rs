//! Choosing event types: in groups, with a search, and a field for those that are in no list.
//!
//! **Invariant:** nothing ticked means all events; what is ticked comes back ticked.

use super::words;
use crate::call::Call;
use crate::fault::Fault;
use crate::form::Form;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::{Order, PageQuery};

/// Types that are listed; others are typed.
const LISTED_MAX: u32 = 250;

pub(crate) struct Choice {
    pub name: String,
    pub description: String,
    pub chosen: bool,
}

#[derive(Default)]
pub(crate) struct Picker {
    pub groups: Vec<(String, Vec<Choice>)>,
    /// Chosen ones that aren't listed.
    pub others: String,
    pub all: bool,
    /// Listed types.
    pub count: usize,
}

impl Picker {
    /// With these chosen; `None` is all.
    pub async fn of(call: &Call, chosen: Option<&[String]>) -> Result<Self, Fault> {
        let page = PageQuery { limit: LISTED_MAX, cursor: None, order: Order::Ascending };
        let types = call.store().event_types(call.me.org, page, false).await?.data;
        let is_chosen = |name: &str| chosen.is_some_and(|list| list.iter().any(|t| t == name));
        let others: Vec<&str> = chosen
            .into_iter()
            .flatten()
            .map(String::as_str)
            .filter(|name| types.iter().all(|t| t.name != *name))
            .collect();
        let (others, count) = (others.join(", "), types.len());
        let mut groups: BTreeMap<String, Vec<Choice>> = BTreeMap::new();
        for t in types {
            let group = group_of(&t.name, t.group_name.as_deref());
            let chosen = is_chosen(&t.name);
            groups.entry(group).or_default().push(Choice { name: t.name, description: t.description, chosen });
        }
        Ok(Picker { groups: groups.into_iter().collect(), others, all: chosen.is_none(), count })
    }

    /// How many of a group are chosen.
    pub fn chosen(&self, list: &[Choice]) -> usize {
        list.iter().filter(|choice| choice.chosen).count()
    }
}

/// Its group's name, or the part before the first dot.
pub(crate) fn group_of(name: &str, group: Option<&str>) -> String {
    group.unwrap_or_else(|| name.split_once('.').map_or("Other", |(group, _)| group)).to_owned()
}

/// What the form chose: `None` is all.
pub(crate) fn chosen(form: &Form) -> Option<Vec<String>> {
    if form.get("events") != "some" {
        return None;
    }
    let mut all: Vec<String> = form.all("type").map(str::to_owned).chain(words(form.get("other_types"))).collect();
    all.dedup();
    Some(all)
}

pub(crate) fn chosen_json(form: &Form) -> Value {
    chosen(form).map_or(Value::Null, |types| json!(types))
}
