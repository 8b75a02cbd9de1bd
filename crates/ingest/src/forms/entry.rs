//! What a submission says before anybody judges it: names with values, and how a refusal of them is told.
//!
//! **Invariant:** every name is text without control characters, and every value text without NUL, whatever the body's
//! format was.

use crate::problem::Problem;
use bytes::Bytes;
use serde_json::Value;
use std::borrow::Cow;

/// Characters of a field's name at most.
pub(super) const NAME_CHARS_MAX: usize = 256;
/// Fields that one refusal names at most.
const WRONGS_MAX: usize = 50;
/// Characters of a field's name in a refusal at most.
const SHOWN_CHARS_MAX: usize = 80;

/// One field as it was sent.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    pub name: String,
    pub value: Given,
}

#[derive(Debug, PartialEq)]
pub(super) enum Given {
    Text(String),
    /// Of a JSON body.
    Json(Value),
    File(Upload),
}

/// A file. Its name and type are what the sender says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Upload {
    pub name: String,
    pub content_type: String,
    /// A part of the request's body.
    pub content: Bytes,
}

impl Given {
    /// Whether somebody filled the field. Browsers send an empty file for a file input that was left alone.
    pub fn is_filled(&self) -> bool {
        match self {
            Given::Text(text) | Given::Json(Value::String(text)) => !text.trim().is_empty(),
            Given::Json(Value::Null) => false,
            Given::Json(Value::Array(values)) => !values.is_empty(),
            Given::Json(_) => true,
            Given::File(file) => !(file.name.is_empty() && file.content.is_empty()),
        }
    }
}

/// A submission that is not taken.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    pub problem: Problem,
    pub wrongs: Vec<Wrong>,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wrong {
    /// Legible, and not longer than a line.
    pub field: String,
    pub problem: Cow<'static, str>,
}

impl Wrong {
    pub fn new(field: &str, problem: impl Into<Cow<'static, str>>) -> Wrong {
        Wrong { field: shown(field), problem: problem.into() }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal { problem, wrongs: Vec::new() }
    }
}

impl Refusal {
    fn of(status: u16, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Refusal {
        Problem { status, code, detail: detail.into(), retry_after_s: None }.into()
    }
    /// The body is not what its content type says.
    pub fn malformed(detail: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal::of(400, "bad_request", detail)
    }
    pub fn validation(detail: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal::of(422, "validation", detail)
    }
    pub fn too_large(detail: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal::of(413, "payload_too_large", detail)
    }
    pub fn unsupported(detail: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal::of(415, "unsupported_media_type", detail)
    }
    pub fn forbidden(code: &'static str, detail: &'static str) -> Refusal {
        Refusal::of(403, code, detail)
    }
    pub fn wrong(mut self, wrongs: Vec<Wrong>) -> Refusal {
        self.wrongs = wrongs;
        self.wrongs.truncate(WRONGS_MAX);
        self
    }
    pub fn field(field: &str, problem: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal::validation("A field can't be taken").wrong(vec![Wrong::new(field, problem)])
    }
}

/// A name or value in bytes, as text.
pub(super) fn text(bytes: Vec<u8>, field: &str) -> Result<String, Refusal> {
    let text = String::from_utf8(bytes).map_err(|_| Refusal::field(field, "is not UTF-8"))?;
    if text.contains('\0') { Err(Refusal::field(field, "has a NUL character in it")) } else { Ok(text) }
}

/// Whether a field may be called so.
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let problem = if name.is_empty() {
        "a field has no name"
    } else if name.chars().nth(NAME_CHARS_MAX).is_some() {
        "the name is longer than 256 characters"
    } else if name.chars().any(char::is_control) {
        "the name has a control character in it"
    } else {
        return Ok(());
    };
    Err(Refusal::field(name, problem))
}

/// More fields than there may be.
pub(super) fn too_many(fields_max: usize) -> Refusal {
    Refusal::validation(format!("There are more than {fields_max} fields"))
}

/// Text that a sender chose, to be shown on one line.
pub(super) fn legible(text: &str, chars_max: usize) -> String {
    let clean = |c: char| {
        // Overrides of the writing direction make `gpj.exe` of `exe.jpg`.
        let hides = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || hides { '\u{fffd}' } else { c }
    };
    text.chars().take(chars_max).map(clean).collect()
}

fn shown(name: &str) -> String {
    let mut shown = legible(name, SHOWN_CHARS_MAX);
    if name.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_text_without_control_characters() {
        for good in ["a", "__proto__", "Straße [0]", &"é".repeat(NAME_CHARS_MAX), "constructor", "日本"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", "a\0", "a\nb", "\u{1b}[31m", "a\u{85}", &"é".repeat(NAME_CHARS_MAX + 1)] {
            assert_eq!(check_name(bad).unwrap_err().problem.status, 422, "{bad:?}");
        }
    }

    #[test]
    fn a_refusal_shows_names_on_one_short_line_and_not_too_many() {
        let long = Wrong::new(&format!("a\r\n\u{202e}{}", "x".repeat(500)), "is wrong");
        assert!(long.field.starts_with("a\u{fffd}\u{fffd}\u{fffd}x") && long.field.chars().count() == 81);
        assert_eq!(Refusal::validation("").wrong(vec![long; 1000]).wrongs.len(), WRONGS_MAX);
    }
}
