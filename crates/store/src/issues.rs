//! Issues: failures grouped by endpoint and kind, for people who mend them.
//!
//! **Invariant:** an issue is made of failed attempts alone; what its kind means and how it is mended says
//! [`domain::IssueKind`].

use domain::{AppId, AttemptId, EndpointId, IssueId, IssueKind, MessageId, OrgId, Timestamp};

/// One kind of failure of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    pub id: IssueId,
    pub org: OrgId,
    pub app: AppId,
    pub app_name: String,
    pub app_uid: Option<String>,
    pub endpoint: EndpointId,
    /// The endpoint's present URL.
    pub url: String,
    pub endpoint_disabled: bool,
    /// Since when every attempt of the endpoint has failed.
    pub failing_since: Option<Timestamp>,
    pub kind: IssueKind,
    pub state: IssueState,
    /// Of the failures counted: when it comes back within an hour after it was resolved, counting goes on.
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// Failed attempts.
    pub count: u64,
    /// The last failed attempt, and its message.
    pub message: MessageId,
    pub attempt: AttemptId,
    /// Of that attempt; 0 when no answer came.
    pub status_code: u16,
    /// The beginning of its response as text, or what stands in for it.
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum IssueState {
    Open = 0,
    /// The endpoint succeeded after the last failure, or a person said so.
    Resolved = 1,
    /// Counted, but nobody's business until a person opens it again.
    Muted = 2,
}

impl IssueState {
    pub const ALL: [IssueState; 3] = [IssueState::Open, IssueState::Resolved, IssueState::Muted];

    pub fn from_code(code: i64) -> Option<IssueState> {
        IssueState::ALL.into_iter().find(|s| *s as i64 == code)
    }
}

/// Which issues a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IssueFilter {
    pub state: Option<IssueState>,
    pub app: Option<AppId>,
    pub endpoint: Option<EndpointId>,
    pub kind: Option<IssueKind>,
}
