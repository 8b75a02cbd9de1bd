//! Why a page can't be shown, or a change can't be made: each with a text that says what to do.
//!
//! **Invariant:** causes go to the log once; people read only what they can act on.

use http::StatusCode;
use serde_json::Value;
use store::StoreError;

#[derive(Debug)]
pub(crate) enum Fault {
    /// There is no such thing (or it is another organisation's).
    NotFound(String),
    /// The API refused: its status, and what it said.
    Refused(Refusal),
    /// The role doesn't allow it.
    Forbidden(&'static str),
    /// The page is too old, or another site sent the form.
    Stale,
    /// Come back later.
    Busy {
        retry_after_s: u64,
    },
    Failed,
}

/// What was wrong with a submitted form.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub status: StatusCode,
    /// One sentence.
    pub detail: String,
    /// Path of the field (`"url"`, `"metadata.a"`), and what is wrong with it.
    pub fields: Vec<(String, String)>,
}

impl Refusal {
    pub fn of(detail: impl Into<String>) -> Self {
        Refusal { status: StatusCode::UNPROCESSABLE_ENTITY, detail: detail.into(), fields: Vec::new() }
    }
    pub fn field(name: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Refusal { fields: vec![(name.to_owned(), detail.clone())], ..Refusal::of(detail) }
    }
    /// What is wrong with that field, or nothing.
    pub fn at(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| field == name).map_or("", |(_, detail)| detail)
    }

    /// From the API's answer (docs/api.md, Errors).
    pub fn read(status: StatusCode, body: &Value) -> Self {
        let mut fields = Vec::new();
        let detail = match body.get("detail") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(list)) => {
                for entry in list {
                    let path = entry.get("loc").and_then(Value::as_array).into_iter().flatten().skip(1);
                    let path: Vec<String> = path.map(|p| p.as_str().map_or(p.to_string(), str::to_owned)).collect();
                    let text = entry.get("msg").and_then(Value::as_str).unwrap_or("isn't valid");
                    fields.push((path.join("."), text.to_owned()));
                }
                let each = fields
                    .iter()
                    .map(|(name, text)| if name.is_empty() { text.clone() } else { format!("{name}: {text}") });
                each.collect::<Vec<_>>().join("; ")
            }
            _ => format!("The request was refused with status {}", status.as_u16()),
        };
        Refusal { status, detail, fields }
    }
}

impl Fault {
    pub fn not_found(noun: &str) -> Self {
        Fault::NotFound(format!("There is no such {noun}, or it was deleted"))
    }
    pub fn status(&self) -> StatusCode {
        match self {
            Fault::NotFound(_) => StatusCode::NOT_FOUND,
            Fault::Refused(refusal) => refusal.status,
            Fault::Forbidden(_) | Fault::Stale => StatusCode::FORBIDDEN,
            Fault::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Fault::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
    pub fn title(&self) -> &'static str {
        match self {
            Fault::NotFound(_) => "Not found",
            Fault::Refused(_) => "That can't be done",
            Fault::Forbidden(_) => "Not allowed",
            Fault::Stale => "Please try again",
            Fault::Busy { .. } => "Busy",
            Fault::Failed => "Something went wrong",
        }
    }
    pub fn detail(&self) -> String {
        match self {
            Fault::NotFound(detail) => detail.clone(),
            Fault::Refused(refusal) => refusal.detail.clone(),
            Fault::Forbidden(what) => (*what).to_owned(),
            Fault::Stale => {
                "This page was open for too long, or the form came from another site. Go back, reload the page and \
                             send it again: nothing was changed."
                    .to_owned()
            }
            Fault::Busy { retry_after_s } => format!("The server can't take this now. Try again in {retry_after_s} s."),
            Fault::Failed => "The server failed; its log says why. Nothing that was stored is lost.".to_owned(),
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Fault::Refused(refusal)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(noun) => Fault::not_found(noun),
            StoreError::Conflict(detail) => Refusal { status: StatusCode::CONFLICT, ..Refusal::of(detail) }.into(),
            StoreError::Busy { retry_after } | StoreError::Full { retry_after } => {
                Fault::Busy { retry_after_s: retry_after.as_secs().max(1) }
            }
            other => {
                tracing::error!(cause = %other, "a page failed");
                Fault::Failed
            }
        }
    }
}

impl From<askama::Error> for Fault {
    fn from(cause: askama::Error) -> Self {
        tracing::error!(%cause, "a page could not be written");
        Fault::Failed
    }
}
