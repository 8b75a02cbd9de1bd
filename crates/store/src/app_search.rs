//! Lists that people search and sort: applications, and who takes an event type.
//!
//! **Invariant:** each is read in bounded steps; what ended early says how far it looked.

use crate::types::{Application, Endpoint};
use domain::{AppId, IdCodec, Timestamp};

/// Applications that one search looks at.
pub const APPS_LOOKED_AT_MAX: u64 = 20_000;
/// Up to here the endpoints of an event type are counted.
pub const SUBSCRIBERS_MAX: u64 = 1000;

/// In which order applications are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppSort {
    /// Newest first.
    #[default]
    Created,
    /// By name, without regard to the case of A to Z.
    Name,
    /// Last message first, to the minute; then those without any.
    LastMessage,
    /// Those with failing endpoints, the longest failing first; then the others, newest first.
    Failing,
}

/// Which applications are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppSearch {
    /// Part of a name, a uid, or a name or value of the metadata, whatever the case. Empty: every application.
    pub text: String,
    /// Only this one, whatever the text.
    pub only: Option<AppId>,
    /// Only those with an endpoint whose every attempt fails.
    pub failing: bool,
    pub sort: AppSort,
    /// Goes on after this place.
    pub after: Option<AppPlace>,
    pub limit: u32,
}

/// A place in a list of applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppPlace {
    pub app: AppId,
    /// What the list is ordered by where that moves: the last message's time, or since when it fails. `None` beyond the
    /// failing ones.
    pub at: Option<Timestamp>,
}

impl AppPlace {
    /// `app_2xK…`, or `app_2xK….1795248000000`, with the time in Unix milliseconds.
    pub fn text(&self, codec: &IdCodec) -> String {
        let app = codec.text(self.app);
        match self.at {
            Some(at) => format!("{app}.{}", at.millis()),
            None => app,
        }
    }
    pub fn read(text: &str, codec: &IdCodec) -> Option<AppPlace> {
        let (app, at) = match text.split_once('.') {
            Some((app, at)) => (app, Some(Timestamp(at.parse().ok()?))),
            None => (text, None),
        };
        Some(AppPlace { app: codec.read(app)?, at })
    }
}

/// An application in a list.
#[derive(Clone, Debug)]
pub struct FoundApp {
    pub app: Application,
    pub endpoints: u64,
    /// Endpoints whose every attempt fails.
    pub failing: u64,
    /// Since when the longest of them has.
    pub failing_since: Option<Timestamp>,
    /// To the minute, and a few seconds late.
    pub last_message_at: Option<Timestamp>,
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct FoundApps {
    pub data: Vec<FoundApp>,
    /// Where to go on; `None` at the end of the list.
    pub next: Option<AppPlace>,
    /// Set when the search ended before its page was full: how many it looked at.
    pub looked_at: Option<u64>,
}

/// How many endpoints take an event type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subscribers {
    pub count: u64,
    /// There are more than were counted.
    pub or_more: bool,
}

impl Subscribers {
    pub(crate) fn of(counted: u64) -> Self {
        Subscribers { count: counted.min(SUBSCRIBERS_MAX), or_more: counted > SUBSCRIBERS_MAX }
    }
}

/// An endpoint that takes an event type.
#[derive(Clone, Debug)]
pub struct Subscriber {
    pub endpoint: Endpoint,
    pub app_name: String,
    /// It takes every type.
    pub takes_all: bool,
}
