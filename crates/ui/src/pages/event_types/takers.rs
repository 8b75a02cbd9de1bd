//! Who takes an event type: endpoints of all applications, a page at a time.
//!
//! **Invariant:** the count ends at a bound, and says so; a page reads its own rows.

use super::how_many;
use crate::call::Call;
use crate::fault::Fault;
use crate::pages::sending::{app_path_of, endpoint_path, short_url};
use crate::view::{Badge, Tone};
use domain::EndpointId;
use store::{Cursor, Order, PageQuery, Subscriber};

const ROWS: u32 = 25;

pub(super) struct Taker {
    pub url: String,
    pub path: String,
    pub app_path: String,
    pub app_name: String,
    pub takes_all: bool,
    pub status: Badge,
}

pub(super) struct Takers {
    /// `31`, or `1 000+`.
    pub count: String,
    pub is_one: bool,
    pub rows: Vec<Taker>,
    /// The query of the next page; empty at the end.
    pub next: String,
    pub is_first: bool,
}

impl Takers {
    /// The page that `after` in the URL names.
    pub async fn read(call: &Call, event_type: &str) -> Result<Takers, Fault> {
        let (query, org) = (call.query(), call.me.org);
        let after: Option<EndpointId> = call.codec().read(query.get("after"));
        let page = PageQuery { limit: ROWS, cursor: after.map(Cursor::After), order: Order::Ascending };
        let found = call.store().subscribers(org, event_type, page).await?;
        let counted = call.store().count_subscribers(org, vec![event_type.to_owned()]).await?;
        let counted = counted.first().copied().unwrap_or_default();
        let next = found.last.filter(|_| !found.done).map(|last| call.codec().text(last));
        Ok(Takers {
            count: how_many(counted),
            is_one: counted.count == 1,
            rows: found.data.into_iter().map(|one| taker(call, one)).collect(),
            next: next.map(|last| query.with(&[("after", &last)])).unwrap_or_default(),
            is_first: after.is_none(),
        })
    }
}

fn taker(call: &Call, one: Subscriber) -> Taker {
    let e = &one.endpoint;
    let (tone, text) = match (e.disabled, e.paused_at, e.failing_since) {
        (true, ..) => (Tone::Idle, "Disabled"),
        (_, Some(_), _) => (Tone::Warn, "Paused"),
        (.., Some(_)) => (Tone::Bad, "Failing"),
        _ => (Tone::Good, "Live"),
    };
    Taker {
        url: short_url(&e.url).to_owned(),
        path: endpoint_path(call, e),
        app_path: app_path_of(call, e.app),
        app_name: one.app_name,
        takes_all: one.takes_all,
        status: Badge { tone, text: text.to_owned() },
    }
}
