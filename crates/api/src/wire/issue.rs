//! Issues on the wire.
//!
//! **Invariant:** what a receiver answered is text in `detail` and nothing else.

use super::fields::Fields;
use super::read::{self, Read};
use super::time;
use crate::problem::Problem;
use domain::IdCodec;
use serde::Serialize;
use serde_json::Value;
use store::{Issue, IssueState};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IssueOut {
    id: String,
    /// `tls-expired`, `unauthorized`, ...
    kind: &'static str,
    title: &'static str,
    cause: &'static str,
    fix: &'static str,
    state: &'static str,
    app_id: String,
    app_uid: Option<String>,
    app_name: String,
    endpoint_id: String,
    url: String,
    endpoint_disabled: bool,
    failing_since: Option<String>,
    first_at: String,
    last_at: String,
    /// Failed attempts.
    count: u64,
    msg_id: String,
    attempt_id: String,
    response_status_code: u16,
    detail: String,
}

impl IssueOut {
    pub fn of(i: Issue, codec: &IdCodec) -> Self {
        let why = i.kind.explanation();
        IssueOut {
            id: codec.text(i.id),
            kind: i.kind.name(),
            title: why.title,
            cause: why.cause,
            fix: why.fix,
            state: state_text(i.state),
            app_id: codec.text(i.app),
            app_uid: i.app_uid,
            app_name: i.app_name,
            endpoint_id: codec.text(i.endpoint),
            url: i.url,
            endpoint_disabled: i.endpoint_disabled,
            failing_since: i.failing_since.map(time::text),
            first_at: time::text(i.first_at),
            last_at: time::text(i.last_at),
            count: i.count,
            msg_id: codec.text(i.message),
            attempt_id: codec.text(i.attempt),
            response_status_code: i.status_code,
            detail: i.detail,
        }
    }
}

fn state_text(state: IssueState) -> &'static str {
    match state {
        IssueState::Open => "open",
        IssueState::Resolved => "resolved",
        IssueState::Muted => "muted",
    }
}

pub(crate) fn read_state(text: &str) -> Option<IssueState> {
    IssueState::ALL.into_iter().find(|s| state_text(*s) == text)
}

/// The state that a PATCH asks for.
pub(crate) fn read_patch(body: &[u8]) -> Result<IssueState, Problem> {
    let state = |v: Value| -> Read<Option<IssueState>> {
        read_state(&read::string(v)?).map(Some).ok_or("must be open, resolved or muted".into())
    };
    let mut f = Fields::parse(body)?;
    let found = f.require(&["state"], state);
    f.finish()?;
    Ok(found.unwrap_or(IssueState::Open))
}
