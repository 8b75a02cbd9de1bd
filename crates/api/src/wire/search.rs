//! Found messages on the wire.
//!
//! **Invariant:** a message is shown without its content.

use super::time;
use domain::IdCodec;
use serde::Serialize;
use store::{Found, FoundMessage};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FoundOut {
    id: String,
    app_id: String,
    app_uid: Option<String>,
    app_name: String,
    event_type: String,
    event_id: Option<String>,
    channels: Vec<String>,
    tags: Vec<String>,
    timestamp: String,
    deliver_at: Option<String>,
    /// How many endpoints stand where.
    statuses: StatusesOut,
    /// Of the last attempt; 0 when no answer came.
    last_status_code: Option<u16>,
}

#[derive(Serialize)]
struct StatusesOut {
    delivered: u32,
    pending: u32,
    sending: u32,
    failed: u32,
    canceled: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SearchOut {
    data: Vec<FoundOut>,
    iterator: Option<String>,
    prev_iterator: Option<String>,
    done: bool,
    /// The search as it was understood.
    query: String,
    /// How far back the search got before it became too long; `iterator` goes on from there.
    looked_back_to: Option<String>,
}

impl SearchOut {
    pub fn of(found: Found, query: String, codec: &IdCodec) -> Self {
        let Found { page, looked_back_to } = found;
        SearchOut {
            data: page.data.into_iter().map(|m| FoundOut::of(m, codec)).collect(),
            iterator: page.last.map(|c| c.text(codec)),
            prev_iterator: page.first.map(|c| format!("-{}", c.text(codec))),
            done: page.done,
            query,
            looked_back_to: looked_back_to.map(time::text),
        }
    }
}

impl FoundOut {
    fn of(f: FoundMessage, codec: &IdCodec) -> Self {
        let (m, s) = (f.message, f.statuses);
        FoundOut {
            id: codec.text(m.id),
            app_id: codec.text(m.app),
            app_uid: f.app_uid,
            app_name: f.app_name,
            event_type: m.event_type,
            event_id: m.event_id,
            channels: m.channels,
            tags: m.tags,
            timestamp: time::text(m.id.created_at()),
            deliver_at: m.deliver_at.map(time::text),
            statuses: StatusesOut {
                delivered: s.delivered,
                pending: s.pending,
                sending: s.sending,
                failed: s.failed,
                canceled: s.canceled,
            },
            last_status_code: f.last_code,
        }
    }
}
