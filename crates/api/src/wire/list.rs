//! Lists: the iterator going in, the page going out.
//!
//! **Invariant:** an iterator is a row's public id (or name), with `-` before it for walking back; it is checked, never
//! trusted.

use super::query::Query;
use crate::problem::Problem;
use domain::{IdCodec, TypedId, Uid};
use serde::Serialize;
use store::{Cursor, Order, Page, PageQuery};

const LIMIT_DEFAULT: u64 = 50;
const LIMIT_MAX: u64 = 250;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListOut<T> {
    pub data: Vec<T>,
    pub iterator: Option<String>,
    pub prev_iterator: Option<String>,
    pub done: bool,
}

impl<T> ListOut<T> {
    /// `out` makes a row's wire form, `text` a cursor's.
    pub fn of<R, I>(page: Page<R, I>, out: impl FnMut(R) -> T, text: impl Fn(I) -> String) -> Self {
        ListOut {
            data: page.data.into_iter().map(out).collect(),
            iterator: page.last.map(&text),
            prev_iterator: page.first.map(|first| format!("-{}", text(first))),
            done: page.done,
        }
    }
    /// A page that can have no rows.
    pub fn empty() -> Self {
        ListOut { data: Vec::new(), iterator: None, prev_iterator: None, done: true }
    }
}

/// The page that a query asks for, of a list whose cursor is an id.
pub(crate) fn page<I: TypedId>(query: &Query<'_>, codec: &IdCodec, order: Order) -> Result<PageQuery<I>, Problem> {
    page_by(query, order, |text| codec.read(text))
}

/// The page that a query asks for, of a list whose cursor is a name.
pub(crate) fn page_by_name(query: &Query<'_>, order: Order) -> Result<PageQuery<String>, Problem> {
    page_by(query, order, |text| Uid::is_valid(text).then(|| text.to_owned()))
}

/// The page that a query asks for; `read` reads a cursor.
pub(crate) fn page_by<I>(
    query: &Query<'_>,
    order: Order,
    read: impl Fn(&str) -> Option<I>,
) -> Result<PageQuery<I>, Problem> {
    let limit = limit(query)?;
    let bad = || Problem::query("iterator", "is not one that a list gave");
    let cursor = match query.get("iterator") {
        None => None,
        Some(text) => Some(match text.strip_prefix('-') {
            Some(id) => Cursor::Before(read(id).ok_or_else(bad)?),
            None => Cursor::After(read(text).ok_or_else(bad)?),
        }),
    };
    Ok(PageQuery { limit, cursor, order })
}

/// How many rows a query asks for.
pub(crate) fn limit(query: &Query<'_>) -> Result<u32, Problem> {
    let limit = query.number("limit")?.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::query("limit", format!("must be from 1 to {LIMIT_MAX}")));
    }
    Ok(u32::try_from(limit).unwrap_or(50))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::AppId;

    fn check(query: &str) -> Result<(u32, Option<Cursor<AppId>>), u16> {
        let codec = IdCodec::new([1; 16]);
        match page::<AppId>(&Query::parse(Some(query)), &codec, Order::Ascending) {
            Ok(p) => Ok((p.limit, p.cursor)),
            Err(e) => Err(e.status().as_u16()),
        }
    }

    #[test]
    fn an_iterator_walks_on_or_back_and_a_made_up_one_is_refused() {
        let id = IdCodec::new([1; 16]).text(AppId(7 << 40));
        assert_eq!(check(""), Ok((50, None)));
        assert_eq!(check(&format!("limit=3&iterator={id}")), Ok((3, Some(Cursor::After(AppId(7 << 40))))));
        assert_eq!(check(&format!("iterator=-{id}")), Ok((50, Some(Cursor::Before(AppId(7 << 40))))));
        for bad in ["iterator=app_1", "iterator=-", "iterator=%00", "iterator=-app_000000000000000000000000000"] {
            assert_eq!(check(bad), Err(422), "{bad}");
        }
        let other = id.replace("app_", "msg_");
        assert_eq!(check(&format!("iterator={other}")), Err(422));
    }

    #[test]
    fn a_limit_is_a_number_from_1_to_250() {
        assert_eq!(check("limit=250"), Ok((250, None)));
        assert_eq!(check("limit=251"), Err(422));
        assert_eq!(check("limit=0"), Err(422));
        assert_eq!(check("limit=ten"), Err(400));
        assert_eq!(check("limit=-1"), Err(400));
    }
}
