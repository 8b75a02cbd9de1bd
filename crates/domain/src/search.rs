//! The language of the search box: `status:failed type:invoice.* code:5xx app:acme after:2h`.
//!
//! Terms are words, or `key:value`; a value or word with blanks goes in double quotes, where `\"` and `\\` stand for
//! themselves. **Invariant:** what is parsed and written again says the same; an unknown key or value is an error that
//! names what there is.

use crate::time::Timestamp;
use std::fmt;
use std::time::Duration;

/// A search as it was asked: names are not looked up, and times not reckoned yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// Patterns of event types: a name, or the beginning of one and `*`. One has to match.
    pub types: Vec<String>,
    pub status: Option<StatusWord>,
    pub code: Option<CodeFilter>,
    /// An application's id or uid.
    pub app: Option<String>,
    /// An endpoint's id, or its uid together with `app`.
    pub endpoint: Option<String>,
    pub tag: Option<String>,
    pub channel: Option<String>,
    pub before: Option<When>,
    pub after: Option<When>,
    /// An id of a message (or of its sender's own, its event id).
    pub id: Option<String>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusWord {
    Delivered,
    Pending,
    Sending,
    Failed,
    Canceled,
}

/// Status codes of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeFilter {
    /// No answer came.
    NoAnswer,
    /// 1 to 5: `5xx`.
    Class(u8),
    Exact(u16),
}

/// A time: a moment, or so long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    At(Timestamp),
    /// Whole seconds.
    Ago(Duration),
}

/// What is wrong with a search, in words for who typed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    #[error("there is no search key \"{key}\": use one of {}", KEYS.join(", "))]
    UnknownKey { key: String },
    #[error("{key}: takes {takes}, not \"{value}\"")]
    BadValue { key: &'static str, value: String, takes: &'static str },
    #[error("{key}: is there twice")]
    Twice { key: &'static str },
    #[error("a search has at most {TYPES_MAX} types")]
    TooManyTypes,
    #[error("a quotation mark is not closed")]
    OpenQuote,
    #[error("a search has at most {TEXT_MAX} characters")]
    TooLong,
}

/// The keys there are.
pub const KEYS: &[&str] = &["status:", "type:", "code:", "app:", "endpoint:", "tag:", "channel:", "before:", "after:"];
/// Characters of a search at most.
pub const TEXT_MAX: usize = 1000;
/// Types of a search at most.
pub const TYPES_MAX: usize = 20;

const STATUS: &[(&str, StatusWord)] = &[
    ("delivered", StatusWord::Delivered),
    ("pending", StatusWord::Pending),
    ("sending", StatusWord::Sending),
    ("failed", StatusWord::Failed),
    ("canceled", StatusWord::Canceled),
];
const UNITS: &[(&str, u64)] = &[("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];

impl StatusWord {
    pub fn as_str(self) -> &'static str {
        STATUS.iter().find(|(_, s)| *s == self).map_or("", |(word, _)| word)
    }
    pub fn parse(text: &str) -> Option<Self> {
        let also = match text {
            "success" | "succeeded" => "delivered",
            "fail" | "dead" => "failed",
            "waiting" => "pending",
            "cancelled" => "canceled",
            other => other,
        };
        STATUS.iter().find(|(word, _)| *word == also).map(|(_, s)| *s)
    }
}

impl CodeFilter {
    pub fn parse(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(CodeFilter::NoAnswer);
        }
        if let Some(class) = text.strip_suffix("xx") {
            return class.parse().ok().filter(|c| (1..=5).contains(c)).map(CodeFilter::Class);
        }
        text.parse().ok().filter(|c| (100..=599).contains(c)).map(CodeFilter::Exact)
    }
    pub fn takes(self, status_code: u16) -> bool {
        let (low, high) = self.bounds();
        (low..=high).contains(&status_code)
    }
    /// The lowest and the highest code that it takes.
    pub fn bounds(self) -> (u16, u16) {
        match self {
            CodeFilter::NoAnswer => (0, 0),
            CodeFilter::Class(class) => (u16::from(class) * 100, u16::from(class) * 100 + 99),
            CodeFilter::Exact(code) => (code, code),
        }
    }
    /// Whether an attempt with such a code may have succeeded.
    pub fn may_succeed(self) -> bool {
        matches!(self, CodeFilter::Class(2) | CodeFilter::Exact(200..=299))
    }
}

impl fmt::Display for CodeFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodeFilter::NoAnswer => f.write_str("none"),
            CodeFilter::Class(class) => write!(f, "{class}xx"),
            CodeFilter::Exact(code) => write!(f, "{code}"),
        }
    }
}

impl When {
    /// An RFC 3339 time, a date (its beginning in UTC), or a number of `s`, `m`, `h`, `d` or `w`.
    pub fn parse(text: &str) -> Option<Self> {
        for (unit, seconds) in UNITS {
            if let Some(n) = text.strip_suffix(unit)
                && !n.is_empty()
                && n.bytes().all(|c| c.is_ascii_digit())
            {
                let ago = n.parse::<u64>().ok()?.checked_mul(*seconds)?;
                return (ago <= 100 * 366 * 86_400).then(|| When::Ago(Duration::from_secs(ago)));
            }
        }
        let at = Timestamp::parse_rfc3339(text).or_else(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")));
        at.map(When::At)
    }
    pub fn reckon(self, now: Timestamp) -> Timestamp {
        match self {
            When::At(at) => at,
            When::Ago(ago) => now.minus(ago),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::At(at) => write!(f, "{at}"),
            When::Ago(ago) => {
                let s = ago.as_secs();
                let (unit, seconds) = UNITS.iter().find(|(_, n)| s.is_multiple_of(*n)).copied().unwrap_or(("s", 1));
                write!(f, "{}{unit}", s / seconds)
            }
        }
    }
}

impl SearchQuery {
    /// Reads what was typed.
    pub fn parse(text: &str) -> Result<SearchQuery, SearchError> {
        if text.chars().count() > TEXT_MAX {
            return Err(SearchError::TooLong);
        }
        let mut query = SearchQuery::default();
        let mut rest = text;
        while let Some(term) = next_term(&mut rest)? {
            match term {
                (None, word) => set(&mut query.id, "a word", word)?,
                (Some(key), value) => query.take(&key, value)?,
            }
        }
        Ok(query)
    }

    fn take(&mut self, key: &str, value: String) -> Result<(), SearchError> {
        let bad = |key, takes, value: &str| SearchError::BadValue { key, value: value.to_owned(), takes };
        match key {
            "type" => {
                let name = value.strip_suffix('*').unwrap_or(&value);
                let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
                if value.is_empty() || !name.bytes().all(plain) || name.len() > 256 {
                    return Err(bad("type", "an event type, or its beginning and *", &value));
                }
                if self.types.len() == TYPES_MAX {
                    return Err(SearchError::TooManyTypes);
                }
                self.types.push(value);
                Ok(())
            }
            "status" => {
                let status = StatusWord::parse(&value);
                let takes = "delivered, pending, sending, failed or canceled";
                set(&mut self.status, "status", status.ok_or_else(|| bad("status", takes, &value))?)
            }
            "code" => {
                let code = CodeFilter::parse(&value);
                let takes = "a status code such as 503, a class such as 5xx, or none";
                set(&mut self.code, "code", code.ok_or_else(|| bad("code", takes, &value))?)
            }
            "before" | "after" => {
                let (key, slot) = match key {
                    "before" => ("before", &mut self.before),
                    _ => ("after", &mut self.after),
                };
                let takes = "a time, a date, or so long ago: 2h, 30m, 7d";
                set(slot, key, When::parse(&value).ok_or_else(|| bad(key, takes, &value))?)
            }
            "app" | "endpoint" | "tag" | "channel" => {
                let (key, slot) = match key {
                    "app" => ("app", &mut self.app),
                    "endpoint" => ("endpoint", &mut self.endpoint),
                    "tag" => ("tag", &mut self.tag),
                    _ => ("channel", &mut self.channel),
                };
                if value.is_empty() {
                    return Err(bad(key, "a name", &value));
                }
                set(slot, key, value)
            }
            other => Err(SearchError::UnknownKey { key: other.to_owned() }),
        }
    }

    /// Whether nothing is asked: everything is found.
    pub fn is_empty(&self) -> bool {
        *self == SearchQuery::default()
    }
}

fn set<T>(slot: &mut Option<T>, key: &'static str, value: T) -> Result<(), SearchError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(SearchError::Twice { key }),
    }
}

/// Whether a pattern takes a name.
pub fn type_matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => pattern == name,
    }
}

type Term = (Option<String>, String);

/// The next word, or key and value.
fn next_term(rest: &mut &str) -> Result<Option<Term>, SearchError> {
    *rest = rest.trim_start();
    if rest.is_empty() {
        return Ok(None);
    }
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ':' | '"'));
    let key = match end.and_then(|end| rest.split_at_checked(end)) {
        Some((key, after)) if after.starts_with(':') && !key.is_empty() => {
            *rest = after.get(1..).unwrap_or_default();
            Some(key.to_lowercase())
        }
        _ => None,
    };
    let value = match rest.strip_prefix('"') {
        Some(quoted) => unquote(quoted, rest)?,
        None => {
            let (value, after) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
            *rest = after;
            value.to_owned()
        }
    };
    Ok(Some((key, value)))
}

/// The text up to the closing quotation mark; `rest` goes on behind it.
fn unquote<'a>(quoted: &'a str, rest: &mut &'a str) -> Result<String, SearchError> {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                *rest = quoted.get(at + 1..).unwrap_or_default();
                return Ok(value);
            }
            '\\' => value.push(chars.next().ok_or(SearchError::OpenQuote)?.1),
            c => value.push(c),
        }
    }
    Err(SearchError::OpenQuote)
}

/// Quoted where it has to be.
struct Quoted<'a>(&'a str, bool);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Quoted(text, is_word) = self;
        let special = |c: char| c.is_whitespace() || c == '"' || (*is_word && c == ':');
        if !text.is_empty() && !text.contains(special) {
            return f.write_str(text);
        }
        write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

impl fmt::Display for SearchQuery {
    /// What [`parse`](Self::parse) reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut terms: Vec<String> = Vec::new();
        let mut add = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                terms.push(format!("{key}:{value}"));
            }
        };
        let quoted = |text: &Option<String>| text.as_ref().map(|t| Quoted(t, false).to_string());
        add("status", self.status.map(|s| s.as_str().to_owned()));
        self.types.iter().for_each(|t| add("type", Some(t.clone())));
        add("code", self.code.map(|c| c.to_string()));
        add("app", quoted(&self.app));
        add("endpoint", quoted(&self.endpoint));
        add("tag", quoted(&self.tag));
        add("channel", quoted(&self.channel));
        add("before", self.before.map(|w| w.to_string()));
        add("after", self.after.map(|w| w.to_string()));
        terms.extend(self.id.as_ref().map(|id| Quoted(id, true).to_string()));
        f.write_str(&terms.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> SearchQuery {
        SearchQuery::parse(text).unwrap()
    }
    fn error(text: &str) -> String {
        SearchQuery::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_search_is_read_term_by_term() {
        let hours = When::Ago(Duration::from_secs(7200));
        assert_eq!(
            parse("status:failed type:invoice.* code:5xx app:acme after:2h msg_1"),
            SearchQuery {
                status: Some(StatusWord::Failed),
                types: vec!["invoice.*".into()],
                code: Some(CodeFilter::Class(5)),
                app: Some("acme".into()),
                after: Some(hours),
                id: Some("msg_1".into()),
                ..SearchQuery::default()
            }
        );
        assert_eq!(parse("  "), SearchQuery::default());
        assert!(parse("").is_empty());
        assert_eq!(parse("STATUS:failed").status, Some(StatusWord::Failed));
        assert_eq!(parse(r#"tag:"a \"b\" \\ c" x"#).tag.as_deref(), Some(r#"a "b" \ c"#));
        assert_eq!(parse("type:a type:b*").types, ["a", "b*"]);
        assert_eq!(parse("tag:a:b").tag.as_deref(), Some("a:b"));
        assert_eq!(parse("\"type:x\"").id.as_deref(), Some("type:x"));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_there_is() {
        assert_eq!(
            error("state:failed"),
            "there is no search key \"state\": use one of status:, type:, code:, app:, endpoint:, tag:, channel:, before:, after:"
        );
        assert_eq!(error("status:bad"), "status: takes delivered, pending, sending, failed or canceled, not \"bad\"");
        assert_eq!(
            error("code:6xx"),
            "code: takes a status code such as 503, a class such as 5xx, or none, not \"6xx\""
        );
        assert_eq!(error("after:soon"), "after: takes a time, a date, or so long ago: 2h, 30m, 7d, not \"soon\"");
        assert_eq!(error("app:a app:b"), "app: is there twice");
        assert_eq!(error("tag:\"a"), "a quotation mark is not closed");
        assert!(error("type:in*ce").starts_with("type: takes"));
        assert!(error(&"x".repeat(1001)).contains("1000"));
        assert!(error(&"type:a ".repeat(21)).contains("20 types"));
    }

    #[test]
    fn times_are_moments_dates_or_ages() {
        let at = |text: &str| Some(When::At(Timestamp::parse_rfc3339(text).unwrap()));
        assert_eq!(When::parse("2026-11-21T08:00:00Z"), at("2026-11-21T08:00:00Z"));
        assert_eq!(When::parse("2026-11-21"), at("2026-11-21T00:00:00Z"));
        assert_eq!(When::parse("90m").unwrap().to_string(), "90m");
        assert_eq!(When::parse("120m").unwrap().to_string(), "2h");
        assert_eq!(When::parse("7d").unwrap().reckon(Timestamp(604_800_001)), Timestamp(1));
        for bad in ["", "h", "-1h", "1.5h", "1y", "99999999999999999999s", "36601d"] {
            assert_eq!(When::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_pattern_takes_a_name_or_its_beginning() {
        assert!(type_matches("a.b", "a.b") && type_matches("a.*", "a.b") && type_matches("*", "x"));
        assert!(!type_matches("a.b", "a.bc") && !type_matches("a.*", "a") && !type_matches("a.*", "b.a."));
    }

    fn any_query() -> impl Strategy<Value = SearchQuery> {
        let text = || prop::option::of("[a-z:\"\\\\ äö]{1,6}");
        let when = || {
            prop::option::of(prop_oneof![
                (0u64..1_000_000).prop_map(|s| When::Ago(Duration::from_secs(s))),
                (0i64..4_000_000_000_000).prop_map(|ms| When::At(Timestamp(ms))),
            ])
        };
        let code = prop_oneof![
            Just(CodeFilter::NoAnswer),
            (1u8..=5).prop_map(CodeFilter::Class),
            (100u16..=599).prop_map(CodeFilter::Exact)
        ];
        let status = (0usize..5).prop_map(|n| STATUS[n].1);
        (
            (prop::collection::vec("[a-z.]{1,5}\\*?", 0..3), prop::option::of(status), prop::option::of(code)),
            (text(), text(), text(), text(), text()),
            (when(), when()),
        )
            .prop_map(|((types, status, code), (app, endpoint, tag, channel, id), (before, after))| {
                SearchQuery { types, status, code, app, endpoint, tag, channel, before, after, id }
            })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(query in any_query()) {
            prop_assert_eq!(SearchQuery::parse(&query.to_string()), Ok(query));
        }
        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in "\\PC{0,40}", keyed in "(status|type|code|app|x):\\PC{0,10}") {
            for text in [text, keyed] {
                if let Ok(query) = SearchQuery::parse(&text) {
                    prop_assert_eq!(SearchQuery::parse(&query.to_string()), Ok(query));
                }
            }
        }
    }
}
