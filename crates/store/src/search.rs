//! Searching the messages of an organisation.
//!
//! **Invariant:** what a search asks for is resolved already: ids instead of names, times instead of ages. Every search
//! ends within bounds; where they ended it, it says how far it looked back.

use crate::types::{DeliveryStatus, Message, Page, StatusFilter};
use domain::{AppId, AttemptId, CodeFilter, EndpointId, IdCodec, MessageId, Timestamp};

/// What messages are looked for; all of it has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Names, or beginnings of names and `*`; one has to match.
    pub types: Vec<String>,
    /// At one of its endpoints (at `endpoint`, if that is asked for).
    pub status: Option<StatusFilter>,
    /// One of its attempts (at `endpoint`, if that is asked for) was answered so.
    pub code: Option<CodeFilter>,
    pub app: Option<AppId>,
    pub endpoint: Option<EndpointId>,
    pub tag: Option<String>,
    pub channel: Option<String>,
    /// Created before, and after.
    pub before: Option<Timestamp>,
    pub after: Option<Timestamp>,
    /// This message.
    pub id: Option<MessageId>,
    /// The event id that its sender chose.
    pub event_id: Option<String>,
}

/// Where a page of a search begins. Searches for codes of failed attempts are ordered by attempt, newest first; all
/// others by message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchCursor {
    Message(MessageId),
    Attempt(AttemptId),
}

impl SearchCursor {
    /// The id's public text.
    pub fn text(self, codec: &IdCodec) -> String {
        match self {
            SearchCursor::Message(id) => codec.text(id),
            SearchCursor::Attempt(id) => codec.text(id),
        }
    }
    pub fn read(text: &str, codec: &IdCodec) -> Option<SearchCursor> {
        let message = codec.read(text).map(SearchCursor::Message);
        message.or_else(|| codec.read(text).map(SearchCursor::Attempt))
    }
}

/// How many endpoints of a message stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusCounts {
    pub delivered: u32,
    pub pending: u32,
    pub sending: u32,
    pub failed: u32,
    pub canceled: u32,
}

impl StatusCounts {
    pub fn add(&mut self, status: DeliveryStatus) {
        *match status {
            DeliveryStatus::Success => &mut self.delivered,
            DeliveryStatus::Pending { .. } => &mut self.pending,
            DeliveryStatus::Sending => &mut self.sending,
            DeliveryStatus::Fail { .. } => &mut self.failed,
            DeliveryStatus::Canceled => &mut self.canceled,
        } += 1;
    }
}

#[derive(Clone, Debug)]
pub struct FoundMessage {
    pub cursor: SearchCursor,
    /// Without its content.
    pub message: Message,
    pub app_name: String,
    pub app_uid: Option<String>,
    pub statuses: StatusCounts,
    /// Of its last attempt, 0 when no answer came; `None` without attempts.
    pub last_code: Option<u16>,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Newest first.
    pub page: Page<FoundMessage, SearchCursor>,
    /// The search stopped here for being long, before the page was full: going on from the page's last cursor looks
    /// further back.
    pub looked_back_to: Option<Timestamp>,
}
