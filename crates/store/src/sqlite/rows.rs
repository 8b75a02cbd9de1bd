//! Between columns and domain values: one conversion for each, which names the column when it fails.

use super::messages::SCAN_MAX;
use crate::error::StoreError;
use crate::links::ImportStatus;
use crate::people::Role;
use crate::profile::Profile;
use crate::types::{Cursor, Metadata, Order, PageQuery};
use domain::{FormSpec, SourceOptions, SourceState, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Row, Rows, Statement, ToSql};

/// A column that holds something impossible.
fn bad(column: &'static str, cause: impl std::fmt::Display) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, format!("column {column}: {cause}").into())
}

pub(super) fn metadata_text(m: &Metadata) -> String {
    serde_json::to_string(m).unwrap_or_default()
}
pub(super) fn metadata(row: &Row<'_>, column: &'static str) -> rusqlite::Result<Metadata> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|e| bad(column, e))
}

/// `None` for an empty list.
pub(super) fn list_text<S: AsRef<str>>(list: &[S]) -> Option<String> {
    let items: Vec<&str> = list.iter().map(AsRef::as_ref).collect();
    (!items.is_empty()).then(|| serde_json::to_string(&items).unwrap_or_default())
}
pub(super) fn optional_list(row: &Row<'_>, column: &'static str) -> rusqlite::Result<Option<Vec<String>>> {
    let text: Option<String> = row.get(column)?;
    text.map(|t| serde_json::from_str(&t).map_err(|e| bad(column, e))).transpose()
}
pub(super) fn list(row: &Row<'_>, column: &'static str) -> rusqlite::Result<Vec<String>> {
    Ok(optional_list(row, column)?.unwrap_or_default())
}
pub(super) fn time(row: &Row<'_>, column: &'static str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp)
}
pub(super) fn optional_time(row: &Row<'_>, column: &'static str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp))
}

/// JSON text, or `None`.
pub(super) fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &'static str) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|t| serde_json::from_str(&t).map_err(|e| bad(column, e))).transpose()
}
pub(super) fn json_text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
/// One of `all`, by its number.
pub(super) fn code<T: Copy, const N: usize>(
    row: &Row<'_>,
    column: &'static str,
    all: [T; N],
    number: impl Fn(T) -> i64,
) -> rusqlite::Result<T> {
    let found: i64 = row.get(column)?;
    all.into_iter().find(|t| number(*t) == found).ok_or_else(|| bad(column, found))
}

pub(super) fn source_options_text(options: &SourceOptions) -> String {
    serde_json::to_string(options).unwrap_or_default()
}
pub(super) fn source_options(row: &Row<'_>, column: &'static str) -> rusqlite::Result<SourceOptions> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|e| bad(column, e))
}
pub(super) fn source_state(row: &Row<'_>, column: &'static str) -> rusqlite::Result<SourceState> {
    let code: i64 = row.get(column)?;
    SourceState::from_code(code).ok_or_else(|| bad(column, code))
}

pub(super) fn form_spec_text(spec: &FormSpec) -> String {
    serde_json::to_string(spec).unwrap_or_default()
}
pub(super) fn form_spec(row: &Row<'_>, column: &'static str) -> rusqlite::Result<FormSpec> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|e| bad(column, e))
}
pub(super) fn import_status(row: &Row<'_>, column: &'static str) -> rusqlite::Result<ImportStatus> {
    let code: i64 = row.get(column)?;
    let all = [ImportStatus::Running, ImportStatus::Finished, ImportStatus::Stopped];
    all.into_iter().find(|s| *s as i64 == code).ok_or_else(|| bad(column, code))
}

pub(super) fn role(row: &Row<'_>, column: &'static str) -> rusqlite::Result<Role> {
    let code: i64 = row.get(column)?;
    Role::ALL.into_iter().find(|r| *r as i64 == code).ok_or_else(|| bad(column, code))
}
pub(super) fn profile_text(profile: &Profile) -> String {
    serde_json::to_string(profile).unwrap_or_default()
}
pub(super) fn profile(row: &Row<'_>, column: &'static str) -> rusqlite::Result<Profile> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|e| bad(column, e))
}

/// How to walk a table for a page: from which key, which way.
pub(super) struct Walk<K> {
    pub from: Option<K>,
    /// Down the keys.
    pub down: bool,
    /// The rows come in reverse of the order asked for.
    pub reversed: bool,
}

pub(super) fn walk<K: Clone>(page: &PageQuery<K>) -> Walk<K> {
    let descending = page.order == Order::Descending;
    match &page.cursor {
        None => Walk { from: None, down: descending, reversed: false },
        Some(Cursor::After(k)) => Walk { from: Some(k.clone()), down: descending, reversed: false },
        Some(Cursor::Before(k)) => Walk { from: Some(k.clone()), down: !descending, reversed: true },
    }
}

impl<K> Walk<K> {
    /// The condition on `column`, with the cursor as parameter 2. Without a cursor it is always true.
    pub fn beyond(&self, column: &str) -> String {
        match self.from {
            Some(_) => format!("{column} {} ?2", self.words().0),
            None => "?2 IS NULL".to_owned(),
        }
    }
    /// The comparison and order words for SQL.
    pub fn words(&self) -> (&'static str, &'static str) {
        if self.down { ("<", "DESC") } else { (">", "ASC") }
    }
}

/// Puts one row too many, walked in the walk's direction, into a page.
pub(super) fn into_page<T, K, I>(
    mut rows: Vec<T>,
    limit: u32,
    walk: &Walk<K>,
    id: impl Fn(&T) -> I,
) -> crate::types::Page<T, I> {
    let done = rows.len() <= limit as usize;
    rows.truncate(limit as usize);
    if walk.reversed {
        rows.reverse();
    }
    crate::types::Page { last: rows.last().map(&id), first: rows.first().map(&id), data: rows, done }
}

/// Puts rows, walked in the walk's direction, into a page that looks at a bounded number of them. `keep` gives a row's key,
/// and what it is if it is wanted.
pub(super) fn scan<T, K, I: Clone>(
    mut rows: Rows<'_>,
    limit: u32,
    walk: &Walk<K>,
    mut keep: impl FnMut(&Row<'_>) -> rusqlite::Result<(I, Option<T>)>,
) -> Result<crate::types::Page<T, I>, StoreError> {
    let (mut data, mut looked_at, mut done) = (Vec::new(), 0, true);
    let (mut first, mut last) = (None, None);
    while let Some(row) = rows.next()? {
        if data.len() == limit as usize || looked_at == SCAN_MAX {
            done = false;
            break;
        }
        looked_at += 1;
        let (id, item) = keep(row)?;
        if let Some(item) = item {
            first.get_or_insert_with(|| id.clone());
            data.push(item);
        }
        last = Some(id);
    }
    // The end that the next page goes on from is the last row looked at; the other is a row of the page.
    if walk.reversed {
        data.reverse();
        std::mem::swap(&mut first, &mut last);
    }
    Ok(crate::types::Page { data, last, first, done })
}

pub(super) fn all<T>(
    statement: &mut Statement<'_>,
    params: &[&dyn ToSql],
    f: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    statement.query_map(params, f)?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::apps;
    use crate::types::{AppFields, Ref};
    use domain::{AppId, OrgId, Timestamp};
    use proptest::prelude::*;

    /// Walks a list of `n` applications in pages, on from `Cursor::After` or back from the end by `Cursor::Before`.
    fn pages(conn: &rusqlite::Connection, order: Order, limit: u32, back_from: Option<AppId>) -> Vec<Vec<AppId>> {
        let mut cursor = back_from.map(Cursor::Before);
        let mut found = Vec::new();
        loop {
            let page = apps::list(conn, OrgId(1), &PageQuery { limit, cursor, order }).unwrap();
            found.push(page.data.iter().map(|a| a.id).collect());
            cursor = match back_from {
                None => page.last.map(Cursor::After),
                Some(_) => page.first.map(Cursor::Before),
            };
            if page.done {
                return found;
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn pages_of_any_size_show_each_row_once_in_order_forth_and_back(
            mut ids in prop::collection::btree_set(1i64..1000, 1..40),
            limit in 1u32..12,
            descending in any::<bool>(),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let conn = crate::sqlite::open_writer(&dir.path().join("t.db"), None).unwrap();
            for id in &ids {
                let fields = AppFields { name: "a".into(), ..AppFields::default() };
                apps::create(&conn, AppId(*id), OrgId(1), &fields, false, Timestamp(0)).unwrap();
            }
            let order = if descending { Order::Descending } else { Order::Ascending };
            let mut want: Vec<AppId> = std::mem::take(&mut ids).into_iter().map(AppId).collect();
            if descending {
                want.reverse();
            }
            let forth = pages(&conn, order, limit, None);
            prop_assert!(forth.iter().all(|p| p.len() <= limit as usize && !p.is_empty()));
            prop_assert_eq!(&forth.concat(), &want);
            let (last, before) = want.split_last().unwrap();
            let mut back = pages(&conn, order, limit, Some(*last));
            back.reverse();
            prop_assert_eq!(back.concat(), before);
            prop_assert_eq!(apps::find(&conn, OrgId(1), &Ref::Id(*last)).unwrap().id, *last);
        }
    }
}
