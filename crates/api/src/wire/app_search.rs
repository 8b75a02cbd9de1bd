//! Found applications, and the endpoints that take an event type, on the wire.
//!
//! **Invariant:** what was not looked at is said.

use super::application::ApplicationOut;
use super::endpoint::EndpointOut;
use super::list::ListOut;
use super::time;
use domain::{EndpointId, IdCodec};
use serde::Serialize;
use store::{AppSort, FoundApp, FoundApps, Page, Subscriber, Subscribers};

pub(crate) fn read_sort(text: &str) -> Option<AppSort> {
    match text {
        "created" => Some(AppSort::Created),
        "name" => Some(AppSort::Name),
        "last-message" => Some(AppSort::LastMessage),
        "failing" => Some(AppSort::Failing),
        _ => None,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FoundAppOut {
    #[serde(flatten)]
    app: ApplicationOut,
    endpoints: u64,
    failing_endpoints: u64,
    failing_since: Option<String>,
    last_message_at: Option<String>,
}

impl FoundAppOut {
    fn of(f: FoundApp, codec: &IdCodec) -> Self {
        FoundAppOut {
            app: ApplicationOut::of(f.app, codec),
            endpoints: f.endpoints,
            failing_endpoints: f.failing,
            failing_since: f.failing_since.map(time::text),
            last_message_at: f.last_message_at.map(time::text),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppSearchOut {
    data: Vec<FoundAppOut>,
    iterator: Option<String>,
    done: bool,
    /// How many the search looked at when it became too long; `iterator` goes on from there.
    looked_at: Option<u64>,
}

impl AppSearchOut {
    pub fn of(found: FoundApps, codec: &IdCodec) -> Self {
        AppSearchOut {
            data: found.data.into_iter().map(|f| FoundAppOut::of(f, codec)).collect(),
            iterator: found.next.map(|place| place.text(codec)),
            done: found.next.is_none(),
            looked_at: found.looked_at,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SubscriberOut {
    #[serde(flatten)]
    endpoint: EndpointOut,
    app_id: String,
    app_name: String,
    takes_all: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubscribersOut {
    #[serde(flatten)]
    page: ListOut<SubscriberOut>,
    count: u64,
    or_more: bool,
}

impl SubscribersOut {
    pub fn of(page: Page<Subscriber, EndpointId>, all: Subscribers, codec: &IdCodec) -> Self {
        let row = |s: Subscriber| SubscriberOut {
            app_id: codec.text(s.endpoint.app),
            app_name: s.app_name,
            takes_all: s.takes_all,
            endpoint: EndpointOut::of(s.endpoint, codec),
        };
        SubscribersOut { page: ListOut::of(page, row, |id| codec.text(id)), count: all.count, or_more: all.or_more }
    }
}
