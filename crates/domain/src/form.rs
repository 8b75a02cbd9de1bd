//! Forms: which fields a form takes, and what it does with a submission.
//!
//! **Invariant:** plain values; `ingest` judges submissions by them, the API checks them when they are made.

use crate::ids::{AppId, FormId, OrgId};
use serde::{Deserialize, Serialize};

/// A form as the hot path sees it. Immutable; a change makes a new value.
#[derive(Debug)]
pub struct FormRoute {
    pub org: OrgId,
    pub form: FormId,
    /// The application that its events go to.
    pub app: AppId,
    pub name: Box<str>,
    pub disabled: bool,
    pub spec: FormSpec,
}

/// What a form takes and answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FormSpec {
    /// Fields with rules. Empty: any fields are taken.
    pub fields: Vec<FormField>,
    /// Refuses fields that are not in `fields` (they are taken as text otherwise).
    pub only_known_fields: bool,
    /// A field that people don't see: a submission that fills it is answered as if it were good, and dropped.
    pub honeypot: Option<String>,
    /// Submissions a minute from one address; 0 is no limit.
    pub rate_per_minute: u32,
    /// Where a browser is sent after a submission, by 303. `None` shows the thank-you page.
    pub redirect_url: Option<String>,
    /// Text of the thank-you page.
    pub thank_you: Option<String>,
    /// Origins whose scripts may post (CORS); `*` is any.
    pub origins: Vec<String>,
    /// Files of a submission at most; 0 takes none.
    pub files_max: u32,
    /// Bytes of one file at most, below the installation's limit.
    pub file_bytes_max: u64,
}

impl Default for FormSpec {
    fn default() -> Self {
        FormSpec {
            fields: Vec::new(),
            only_known_fields: false,
            honeypot: Some("_gotcha".to_owned()),
            rate_per_minute: 10,
            redirect_url: None,
            thank_you: None,
            origins: vec!["*".to_owned()],
            files_max: 0,
            file_bytes_max: 5 * 1024 * 1024,
        }
    }
}

/// A field of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FormField {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: FieldType,
    pub required: bool,
    /// Takes several values: they become an array.
    pub multiple: bool,
    /// Characters of a value at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// The values of a choice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// What a field's value must look like, and how it stands in the event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldType {
    #[default]
    Text,
    Email,
    /// An absolute http or https URL.
    Url,
    Tel,
    /// A JSON number in the event.
    Number,
    /// A whole number in the event.
    Integer,
    /// `2026-11-21`.
    Date,
    /// A boolean in the event: `on`, `true`, `1`, `yes` are true; absent is false.
    Checkbox,
    /// One of `options`.
    Choice,
    File,
}
