//! Searching the messages of an organisation.

use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::list;
use crate::wire::search::SearchOut;
use domain::SearchQuery;
use store::{Cursor, Order, PageQuery, SearchCursor};

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
