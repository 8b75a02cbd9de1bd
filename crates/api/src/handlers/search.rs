//! Searching the messages of an organisation, and its applications.

use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::app_search::{AppSearchOut, read_sort};
use crate::wire::list;
use crate::wire::search::SearchOut;
use domain::{AppId, SearchQuery};
use store::{AppPlace, AppSearch, Cursor, Order, PageQuery, SearchCursor};

pub(crate) async fn messages(call: Call) -> Result<Reply, Problem> {
    let (query, codec) = (call.query(), call.codec());
    let asked = SearchQuery::parse(query.get("q").unwrap_or_default());
    let asked = asked.map_err(|e| Problem::query("q", e.to_string()))?;
    let bad = || Problem::query("iterator", "is not one that a list gave");
    let cursor = match query.get("iterator") {
        None => None,
        Some(text) => Some(match text.strip_prefix('-') {
            Some(id) => Cursor::Before(SearchCursor::read(id, codec).ok_or_else(bad)?),
            None => Cursor::After(SearchCursor::read(text, codec).ok_or_else(bad)?),
        }),
    };
    let page = PageQuery { limit: list::limit(&query)?, cursor, order: Order::Descending };
    let search = call.store().resolve_search(call.caller.org, &asked).await?;
    let found = call.store().search_messages(call.caller.org, page, search).await?;
    Ok(Reply::ok(&SearchOut::of(found, asked.to_string(), codec)))
}

/// By part of a name, a uid or the metadata; an id finds its application alone.
pub(crate) async fn applications(call: Call) -> Result<Reply, Problem> {
    let (query, codec) = (call.query(), call.codec());
    let bad = || Problem::query("iterator", "is not one that a list gave");
    let after = query.get("iterator").map(|text| AppPlace::read(text, codec).ok_or_else(bad)).transpose()?;
    let sort = query.get("sort").map(|text| {
        read_sort(text).ok_or_else(|| Problem::query("sort", "must be created, name, last-message or failing"))
    });
    let search = AppSearch {
        text: query.get("q").unwrap_or_default().to_owned(),
        only: codec.read::<AppId>(query.get("q").unwrap_or_default().trim()),
        failing: query.boolean("failing", false)?,
        sort: sort.transpose()?.unwrap_or_default(),
        after,
        limit: list::limit(&query)?,
    };
    let found = call.store().search_apps(call.caller.org, search).await?;
    Ok(Reply::ok(&AppSearchOut::of(found, codec)))
}
