//! Query strings.
//!
//! **Invariant:** unknown parameters are ignored; a value that doesn't parse is 400, one out of range 422.

use crate::problem::Problem;
use domain::{Timestamp, Uid};
use std::borrow::Cow;
use std::ops::RangeInclusive;
use store::{Order, StatusFilter};

/// The parameters of a request, in order.
pub(crate) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

const EVENT_TYPES_MAX: usize = 1_000;

impl<'a> Query<'a> {
    pub fn parse(raw: Option<&'a str>) -> Query<'a> {
        Query(raw.map(|q| url::form_urlencoded::parse(q.as_bytes()).collect()).unwrap_or_default())
    }

    /// The last value of a parameter; an empty one counts as absent, as SDKs write `None` so.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(k, _)| k == name).map(|(_, v)| &**v).filter(|v| !v.is_empty())
    }

    /// All values of a parameter that may be repeated.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(k, v)| k == name && !v.is_empty()).map(|(_, v)| &**v).collect()
    }

    pub fn boolean(&self, name: &'static str, default: bool) -> Result<bool, Problem> {
        match self.get(name) {
            None => Ok(default),
            Some("true" | "True" | "1") => Ok(true),
            Some("false" | "False" | "0") => Ok(false),
            Some(_) => Err(Problem::bad_query(format!("{name} must be true or false"))),
        }
    }

    pub fn number(&self, name: &'static str) -> Result<Option<u64>, Problem> {
        let parse = |v: &str| v.parse().map_err(|_| Problem::bad_query(format!("{name} must be a whole number")));
        self.get(name).map(parse).transpose()
    }

    /// A whole number in `range`.
    pub fn number_in(&self, name: &'static str, range: RangeInclusive<u64>) -> Result<Option<u64>, Problem> {
        match self.number(name)? {
            Some(n) if !range.contains(&n) => {
                Err(Problem::query(name, format!("must be from {} to {}", range.start(), range.end())))
            }
            n => Ok(n),
        }
    }

    pub fn time(&self, name: &'static str) -> Result<Option<Timestamp>, Problem> {
        let parse = |v: &str| {
            // An unescaped `+01:00` arrives as a space.
            Timestamp::parse_rfc3339(v)
                .or_else(|| Timestamp::parse_rfc3339(&v.replace(' ', "+")))
                .ok_or_else(|| Problem::bad_query(format!("{name} must be an RFC 3339 time")))
        };
        self.get(name).map(parse).transpose()
    }

    pub fn order(&self) -> Result<Order, Problem> {
        self.order_or(Order::Ascending)
    }

    pub fn order_or(&self, default: Order) -> Result<Order, Problem> {
        match self.get("order") {
            None => Ok(default),
            Some("ascending") => Ok(Order::Ascending),
            Some("descending") => Ok(Order::Descending),
            Some(_) => Err(Problem::query("order", "must be ascending or descending")),
        }
    }

    /// `event_types` and `event_types[]`, repeated or with commas.
    pub fn event_types(&self) -> Result<Vec<String>, Problem> {
        let lists = self.0.iter().filter(|(k, _)| k == "event_types" || k == "event_types[]");
        let mut names: Vec<String> =
            lists.flat_map(|(_, v)| v.split(',')).filter(|n| !n.is_empty()).map(str::to_owned).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() > EVENT_TYPES_MAX || !names.iter().all(|n| Uid::is_valid(n)) {
            return Err(Problem::query("event_types", "must be event type names"));
        }
        Ok(names)
    }

    /// A parameter that must obey `rule`, such as `channel` and `tag`.
    pub fn checked(&self, name: &'static str, rule: fn(&str) -> bool) -> Result<Option<String>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(v) if rule(v) => Ok(Some(v.to_owned())),
            Some(_) => Err(Problem::query(name, "has a character that is not allowed, or is too long")),
        }
    }

    pub fn status(&self) -> Result<Option<StatusFilter>, Problem> {
        Ok(Some(match self.number("status")? {
            None => return Ok(None),
            Some(0) => StatusFilter::Success,
            Some(1) => StatusFilter::Pending,
            Some(2) => StatusFilter::Fail,
            Some(3) => StatusFilter::Sending,
            Some(4) => StatusFilter::Canceled,
            Some(_) => return Err(Problem::query("status", "must be 0 to 4")),
        }))
    }

    pub fn status_code_class(&self) -> Result<Option<u16>, Problem> {
        match self.number("status_code_class")? {
            None => Ok(None),
            Some(n @ (0 | 100 | 200 | 300 | 400 | 500)) => Ok(u16::try_from(n).ok()),
            Some(_) => Err(Problem::query("status_code_class", "must be 0, 100, 200, 300, 400 or 500")),
        }
    }
}
