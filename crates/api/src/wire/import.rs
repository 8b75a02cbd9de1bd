//! Imports on the wire: rows of a CSV file going in, how far it came going out.
//!
//! **Invariant:** a row's fields obey the rules of a single link's (`link_rules`); what is wrong with one row is an entry
//! with its line and never ends the import.

use super::csv::Row;
use super::link_rules::{self as rules, OwnHosts, RANDOM_SLUG_LENS, REDIRECT_DEFAULT, slug_digit};
use super::read::Read;
use super::time;
use crate::problem::Problem;
use domain::{AppId, IdCodec, Rng, Timestamp};
use serde::Serialize;
use sha2::{Digest, Sha256};
use store::{Import, ImportError, ImportRow, ImportStatus, LinkFields, Metadata};

/// Rows that made no link, in an import's own answer.
pub(crate) const ERRORS_SHOWN: u32 = 20;
/// Columns, and characters of their names, that an answer repeats.
const COLUMNS_SHOWN: usize = 50;
const COLUMN_LEN_SHOWN: usize = 50;

/// Where the fields of a link are in a row.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    target: usize,
    slug: Option<usize>,
    name: Option<usize>,
    tags: Option<usize>,
    expires_at: Option<usize>,
    redirect: Option<usize>,
    click_param: Option<usize>,
    count: usize,
    /// Names of those that mean nothing here.
    pub ignored: Vec<String>,
}

impl Columns {
    /// Reads the first row.
    pub fn read(row: Row<'_>) -> Result<Columns, Problem> {
        let mut names = Vec::with_capacity(row.len());
        for cell in row.iter() {
            match std::str::from_utf8(cell) {
                Ok(name) if !name.contains('\0') => names.push(name.trim()),
                _ => return Err(bad("is not UTF-8 (is it UTF-16?): save it as \"CSV UTF-8\"")),
            }
        }
        let mut columns = Columns { count: names.len(), ..Columns::default() };
        let mut target = None;
        for (i, name) in names.iter().enumerate() {
            let key: String = name.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).collect();
            let place = match &*key.to_lowercase() {
                "target" | "url" | "destination" | "longurl" => &mut target,
                "slug" => &mut columns.slug,
                "name" => &mut columns.name,
                "tags" => &mut columns.tags,
                "expiresat" => &mut columns.expires_at,
                "redirect" => &mut columns.redirect,
                "clickparam" => &mut columns.click_param,
                _ => {
                    columns.ignored.push(shown(name));
                    continue;
                }
            };
            if place.replace(i).is_some() {
                return Err(bad(format!("has two columns for the same: one of them is \"{}\"", shown(name))));
            }
        }
        columns.ignored.truncate(COLUMNS_SHOWN);
        let Some(target) = target else {
            let found: Vec<_> = names.iter().take(COLUMNS_SHOWN).map(|n| format!("\"{}\"", shown(n))).collect();
            let found = found.join(", ");
            return Err(bad(format!("must have a column \"target\"; what its first row names is: {found}")));
        };
        Ok(Columns { target, ..columns })
    }

    /// Reads a row; one with nothing in it is none.
    pub fn row(&self, row: Row<'_>, to: &To, slugs: &mut Slugs) -> Option<ImportRow> {
        if row.is_blank() {
            return None;
        }
        let mut link = self.link(row, to);
        let mut random_from = None;
        if let Ok(link) = &mut link
            && link.slug.is_empty()
        {
            link.slug = slugs.next();
            random_from = Some(*RANDOM_SLUG_LENS.start());
        }
        Some(ImportRow { line: row.line, row: link, random_from })
    }

    /// The link of a row; its slug is empty for a random one.
    fn link(&self, row: Row<'_>, to: &To) -> Result<LinkFields, String> {
        if row.len() != self.count {
            return Err(format!("has {} cells, but the first row has {}", row.len(), self.count));
        }
        let target = cell(row, Some(self.target), "target")?;
        if target.is_empty() {
            return Err("target is missing".to_owned());
        }
        let tags = cell(row, self.tags, "tags")?.split(';').map(str::trim).filter(|t| !t.is_empty());
        let tags = tags.map(str::to_owned).collect();
        Ok(LinkFields {
            app: Some(to.app),
            slug: optional(row, self.slug, "slug", rules::slug)?.unwrap_or_default(),
            target: rules::target(target, &to.own).map_err(|why| format!("target {why}"))?,
            name: optional(row, self.name, "name", rules::name)?.unwrap_or_default(),
            redirect: optional(row, self.redirect, "redirect", redirect)?.unwrap_or(REDIRECT_DEFAULT),
            tags: rules::tags(tags).map_err(|why| format!("tags: {why}"))?,
            metadata: Metadata::new(),
            click_param: optional(row, self.click_param, "click_param", rules::click_param)?,
            disabled: false,
            expires_at: optional(row, self.expires_at, "expires_at", |text| rules::expiry(text, to.now))?,
        })
    }
}

/// Where the links of an import go, and what their rules must know.
pub(crate) struct To {
    pub app: AppId,
    pub own: OwnHosts,
    pub now: Timestamp,
}

fn redirect(text: &str) -> Read<u16> {
    rules::redirect(text.parse().unwrap_or_default())
}

/// What a cell says; `None` when it is empty.
fn optional<T>(
    row: Row<'_>,
    column: Option<usize>,
    name: &str,
    rule: impl FnOnce(&str) -> Read<T>,
) -> Result<Option<T>, String> {
    match cell(row, column, name)? {
        "" => Ok(None),
        text => rule(text).map(Some).map_err(|why| format!("{name} {why}")),
    }
}

/// The text of a cell, without the spaces around it; empty where there is no such column.
fn cell<'a>(row: Row<'a>, column: Option<usize>, name: &str) -> Result<&'a str, String> {
    let bytes = column.and_then(|i| row.get(i)).unwrap_or_default();
    std::str::from_utf8(bytes).map(str::trim).map_err(|_| format!("{name} is not UTF-8"))
}

fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(COLUMN_LEN_SHOWN).collect()
}

/// The file as a whole is refused.
pub(crate) fn bad(msg: impl Into<String>) -> Problem {
    Problem::field("csv", msg)
}

/// Random slugs for a batch of rows: a hash of a random key and a counter. In full length: the store cuts them to what is
/// free.
///
/// Those of a batch begin alike, so that they lie together in the index: a few pages are written for a batch, not one for
/// each row. No beginning is likelier than another, so a slug is as hard to guess as any.
pub(crate) struct Slugs {
    key: [u8; 32],
    count: u64,
    beginning: String,
}

/// Characters that the slugs of a batch have in common: there are 961 such beginnings, and 29 million slugs with each.
const COMMON_LEN: usize = 2;

impl Slugs {
    pub fn new(rng: &dyn Rng) -> Self {
        let mut key = [0; 32];
        rng.fill(&mut key);
        let mut slugs = Slugs { key, count: 0, beginning: String::new() };
        slugs.beginning = slugs.digits().take(COMMON_LEN).collect();
        slugs
    }
    pub fn next(&mut self) -> String {
        self.count += 1;
        let rest = RANDOM_SLUG_LENS.end() - COMMON_LEN;
        let mut slug = String::with_capacity(*RANDOM_SLUG_LENS.end());
        slug.push_str(&self.beginning);
        slug.extend(self.digits().take(rest));
        slug
    }
    fn digits(&self) -> impl Iterator<Item = char> + use<> {
        let digest = Sha256::new().chain_update(self.key).chain_update(self.count.to_le_bytes()).finalize();
        digest.into_iter().filter_map(slug_digit)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportOut {
    id: String,
    name: String,
    status: &'static str,
    /// The last line that was dealt with; the first is 1.
    line: u64,
    created: u64,
    unchanged: u64,
    failed: u64,
    /// The first of them.
    errors: Vec<ErrorOut>,
    /// Only who sent the file learns of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    ignored_columns: Option<Vec<String>>,
    app_id: String,
    created_at: String,
    updated_at: String,
}

impl ImportOut {
    /// `is_running`: somebody is sending it now. Else it can be gone on with, unless it is finished.
    pub fn of(i: Import, is_running: bool, errors: Vec<ImportError>, codec: &IdCodec) -> Self {
        ImportOut {
            id: codec.text(i.id),
            name: i.name,
            status: match i.status {
                ImportStatus::Finished => "finished",
                _ if is_running => "running",
                ImportStatus::Running | ImportStatus::Stopped => "stopped",
            },
            line: i.line,
            created: i.created,
            unchanged: i.unchanged,
            failed: i.failed,
            errors: errors.into_iter().map(ErrorOut::of).collect(),
            ignored_columns: None,
            app_id: codec.text(i.app),
            created_at: time::text(domain::TypedId::seq(i.id).created_at()),
            updated_at: time::text(i.updated_at),
        }
    }
    pub fn with_ignored(mut self, columns: Vec<String>) -> Self {
        self.ignored_columns = Some(columns);
        self
    }
}

/// A row that made no link.
#[derive(Serialize)]
pub(crate) struct ErrorOut {
    line: u64,
    text: String,
}

impl ErrorOut {
    pub fn of(e: ImportError) -> Self {
        ErrorOut { line: e.line, text: e.text }
    }
}

#[cfg(test)]
mod tests {
    use super::super::csv::{Reader, Step};
    use super::*;

    struct Fixed;
    impl Rng for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    fn reader(text: &[u8]) -> Reader {
        let mut reader = Reader::new();
        reader.push(text);
        reader.end();
        assert_eq!(reader.advance(), Step::Row);
        reader
    }

    fn columns(text: &str) -> Result<Columns, String> {
        Columns::read(reader(text.as_bytes()).row())
            .map_err(|p| String::from_utf8(p.into_reply().body.to_vec()).unwrap())
    }

    /// The link of the second row.
    fn link(header: &str, row: &[u8]) -> Result<LinkFields, String> {
        let text = [header.as_bytes(), b"\n", row].concat();
        let mut reader = reader(&text);
        let columns = Columns::read(reader.row()).unwrap();
        assert_eq!(reader.advance(), Step::Row);
        let to = To { app: AppId(1), own: OwnHosts::default(), now: Timestamp(1_795_247_040_000) };
        let row = columns.row(reader.row(), &to, &mut Slugs::new(&Fixed)).unwrap();
        assert_eq!(row.line, 2);
        row.row
    }

    #[track_caller]
    fn refused(header: &str, row: &[u8], part: &str) {
        let why = link(header, row).unwrap_err();
        assert!(why.contains(part), "{why}");
    }

    #[test]
    fn columns_are_known_by_several_spellings_and_others_are_ignored() {
        let got = columns("Long URL,SLUG, Expires At ,click_param,Notes,redirect,Tags,name").unwrap();
        assert_eq!((got.target, got.slug, got.expires_at, got.click_param), (0, Some(1), Some(2), Some(3)));
        assert_eq!((got.redirect, got.tags, got.name, got.count), (Some(5), Some(6), Some(7), 8));
        assert_eq!(got.ignored, ["Notes"]);
        for name in ["target", "URL", "destination", "long_url", "Long-Url"] {
            assert_eq!(columns(name).unwrap().target, 0);
        }
    }

    #[test]
    fn a_first_row_without_a_target_is_refused_with_what_it_names() {
        let why = columns("Link,Name").unwrap_err();
        assert!(why.contains(r#"\"Link\", \"Name\""#), "{why}");
        assert!(columns("target,url").unwrap_err().contains("two columns"));
        let utf16: Vec<u8> = "target\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(Columns::read(reader(&utf16).row()).is_err());
    }

    #[test]
    fn a_row_becomes_a_link() {
        let header = "target,slug,name,tags,expires_at,redirect,click_param";
        let got = link(header, b" https://X.test ,spring,=1+1,a; b;;a,2030-01-01T00:00:00Z,301,pr").unwrap();
        assert_eq!((&*got.target, &*got.slug, &*got.name), ("https://x.test/", "spring", "=1+1"));
        assert_eq!((got.tags, got.redirect), (vec!["a".to_owned(), "b".to_owned()], 301));
        assert_eq!((got.click_param.as_deref(), got.app), (Some("pr"), Some(AppId(1))));
        assert_eq!(got.expires_at.map(|t| t.0), Some(1_893_456_000_000));
        let bare = link(header, b"https://x.test/,,,,,,").unwrap();
        assert_eq!((bare.slug.len(), bare.redirect, bare.expires_at, bare.click_param), (14, 302, None, None));
    }

    #[test]
    fn a_bad_row_says_what_is_wrong_with_it() {
        refused("target,name", b"https://x.test/", "has 1 cells, but the first row has 2");
        refused("target,name", b"https://x.test/,a,b", "has 3 cells");
        refused("target,name", b",a", "target is missing");
        refused("target,name", b"https://x.test/\xff,a", "target is not UTF-8");
        refused("target,name", b"https://x.test/,\xff", "name is not UTF-8");
        refused("target", b"\"=HYPERLINK(\"\"https://x.test/\"\",\"\"x\"\")\"", "target must");
        refused("target", b"javascript:alert(1)", "target must begin with");
        refused("target,slug", b"https://x.test/,a/b", "slug must be");
        refused("target,redirect", b"https://x.test/,200", "redirect must be");
        refused("target,redirect", b"https://x.test/,moved", "redirect must be");
        refused("target,expires_at", b"https://x.test/,31.12.2030", "expires_at must be");
        refused("target,expires_at", b"https://x.test/,2020-01-01T00:00:00Z", "expires_at must be in the future");
        refused("target,click_param", b"https://x.test/,a b", "click_param must be");
        refused("target,tags", format!("https://x.test/,{}", "x".repeat(200)).as_bytes(), "tags: each");
    }

    #[test]
    fn random_slugs_of_a_batch_differ() {
        let mut slugs = Slugs::new(&Fixed);
        let made: std::collections::HashSet<String> = (0..1_000).map(|_| slugs.next()).collect();
        assert_eq!(made.len(), 1_000);
        let beginnings: std::collections::HashSet<&str> = made.iter().map(|slug| &slug[..COMMON_LEN]).collect();
        assert!(beginnings.len() == 1 && made.iter().all(|slug| slug.len() == 14 && domain::is_slug(slug)));
    }
}
