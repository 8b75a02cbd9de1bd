//! The records of links and forms: what they are, the events that they make, and what is counted of those.
//!
//! **Invariant:** these are domain shapes. What an event says was decided by `ingest`, but for what only the writer knows:
//! whether it is the first one, and whether its visitor is new today.

use crate::types::{Message, Metadata};
use bytes::Bytes;
use domain::{
    AppId, Conversion, FileId, FormId, FormSpec, IdCodec, ImportId, LinkId, LinkRoute, MessageId, OrgId, Timestamp,
    event,
};

/// What makes events by itself: a link or a form, by its row number. No link has a form's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OriginId(pub i64);

impl From<LinkId> for OriginId {
    fn from(link: LinkId) -> Self {
        OriginId(link.0)
    }
}
impl From<FormId> for OriginId {
    fn from(form: FormId) -> Self {
        OriginId(form.0)
    }
}

// ---- links ----

/// A short link.
#[derive(Clone, Debug)]
pub struct Link {
    pub id: LinkId,
    pub org: OrgId,
    /// The application that its events go to.
    pub app: AppId,
    pub slug: String,
    pub target: String,
    pub name: String,
    /// 301, 302, 303, 307 or 308.
    pub redirect: u16,
    pub tags: Vec<String>,
    pub metadata: Metadata,
    /// The query parameter of the target that carries the click's id.
    pub click_param: Option<String>,
    pub disabled: bool,
    pub expires_at: Option<Timestamp>,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct LinkFields {
    /// `None` is the application that the organisation has for links and forms ([`crate::Store::own_app`]).
    pub app: Option<AppId>,
    pub slug: String,
    pub target: String,
    pub name: String,
    pub redirect: u16,
    pub tags: Vec<String>,
    pub metadata: Metadata,
    pub click_param: Option<String>,
    pub disabled: bool,
    pub expires_at: Option<Timestamp>,
}

/// `None` keeps; `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct LinkPatch {
    pub app: Option<AppId>,
    pub slug: Option<String>,
    pub target: Option<String>,
    pub name: Option<String>,
    pub redirect: Option<u16>,
    pub tags: Option<Vec<String>>,
    pub metadata: Option<Metadata>,
    pub click_param: Option<Option<String>>,
    pub disabled: Option<bool>,
    pub expires_at: Option<Option<Timestamp>>,
}

/// Which links a list shows.
#[derive(Clone, Debug, Default)]
pub struct LinkFilter {
    pub tag: Option<String>,
    pub slug: Option<String>,
}

// ---- imports ----

/// A bulk creation of links.
#[derive(Clone, Debug)]
pub struct Import {
    pub id: ImportId,
    pub org: OrgId,
    pub app: AppId,
    pub name: String,
    pub status: ImportStatus,
    /// The last line that was dealt with; the first is 1.
    pub line: u64,
    pub created: u64,
    /// Rows whose link was there already, with the same target.
    pub unchanged: u64,
    pub failed: u64,
    pub updated_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ImportStatus {
    Running = 0,
    Finished,
    /// It ended early: what follows `line` can be sent again.
    Stopped,
}

/// A row of an import, read: a link to create, or why there is none.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// The line on which the row begins.
    pub line: u64,
    pub row: Result<LinkFields, String>,
    /// Its slug is random: of its beginnings that have this many characters or more, the shortest that is free is taken.
    pub random_from: Option<usize>,
}

/// A row that made no link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportError {
    pub line: u64,
    pub text: String,
}

// ---- forms ----

/// A URL that HTML forms post to.
#[derive(Clone, Debug)]
pub struct Form {
    pub id: FormId,
    pub org: OrgId,
    pub app: AppId,
    /// What its URL ends in: `/f/{token}`.
    pub token: String,
    pub name: String,
    pub spec: FormSpec,
    pub metadata: Metadata,
    pub disabled: bool,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub struct FormFields {
    /// `None` is the application that the organisation has for links and forms.
    pub app: Option<AppId>,
    pub name: String,
    pub spec: FormSpec,
    pub metadata: Metadata,
    pub disabled: bool,
}

#[derive(Clone, Debug, Default)]
pub struct FormPatch {
    pub app: Option<AppId>,
    pub name: Option<String>,
    pub spec: Option<FormSpec>,
    pub metadata: Option<Metadata>,
    pub disabled: Option<bool>,
}

// ---- events ----

/// An event of a link or form, to be stored as a message with its deliveries, and counted.
#[derive(Clone, Debug)]
pub struct OwnEvent {
    pub origin: OriginId,
    pub app: AppId,
    /// When it happened: the minute that it counts for.
    pub at: Timestamp,
    pub kind: EventKind,
    /// A machine's click: counted apart.
    pub bot: bool,
    /// Of the visitor, salted for the day; `None` when it isn't to be known.
    pub visitor: Option<u64>,
    /// What else is counted of it, unless it is a bot's. At most one value for each dimension.
    pub dims: Vec<(Dim, Box<str>)>,
    pub channels: Vec<String>,
    /// A second event with it is refused: for conversions.
    pub event_id: Option<String>,
    /// The message's payload, a JSON object whose `data` is its last member, without the last two braces: the writer adds
    /// `,"first":…,"firstHuman":…,"unique":…}}`.
    pub payload: Bytes,
    pub files: Vec<NewFile>,
}

impl OwnEvent {
    /// The event of a conversion. `route` is the link that was clicked; `at` is now.
    pub fn converted(conversion: &Conversion, route: &LinkRoute, at: Timestamp, codec: &IdCodec) -> OwnEvent {
        let kind = EventKind::Converted;
        OwnEvent {
            origin: route.link.into(),
            app: route.app,
            at,
            kind,
            bot: false,
            visitor: None,
            dims: Vec::new(),
            channels: event::link_channels(codec, route.link, false),
            event_id: Some(conversion.event_id(codec)),
            payload: conversion.payload(kind.event_type(), route, at, codec).into(),
            files: Vec::new(),
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    Clicked,
    Converted,
    Submitted,
}

impl EventKind {
    pub const ALL: [EventKind; 3] = [EventKind::Clicked, EventKind::Converted, EventKind::Submitted];

    pub fn event_type(self) -> &'static str {
        match self {
            EventKind::Clicked => "link.clicked",
            EventKind::Converted => "link.converted",
            EventKind::Submitted => "form.submitted",
        }
    }
}

/// A file of a submission.
#[derive(Clone, Debug)]
pub struct NewFile {
    pub id: FileId,
    pub field: String,
    pub name: String,
    pub content_type: String,
    pub content: Bytes,
}

/// A stored file.
#[derive(Clone, Debug)]
pub struct FormFile {
    pub id: FileId,
    pub message: MessageId,
    pub field: String,
    pub name: String,
    pub content_type: String,
    pub content: Bytes,
}

/// What `record` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    New(MessageId),
    /// An event with this event id is there already.
    Repeated,
}

// ---- figures ----

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Dim {
    /// Clicks or submissions of people.
    Human = 0,
    Bot,
    /// Visitors that were new that day.
    Unique,
    Converted,
    /// Host of the referring page.
    Referrer,
    /// ISO 3166-1 alpha-2.
    Country,
    Device,
    Os,
    Browser,
    UtmSource,
    UtmMedium,
    UtmCampaign,
}

impl Dim {
    pub const ALL: [Dim; 12] = [
        Dim::Human,
        Dim::Bot,
        Dim::Unique,
        Dim::Converted,
        Dim::Referrer,
        Dim::Country,
        Dim::Device,
        Dim::Os,
        Dim::Browser,
        Dim::UtmSource,
        Dim::UtmMedium,
        Dim::UtmCampaign,
    ];
    pub(crate) fn from_code(code: u8) -> Option<Dim> {
        Dim::ALL.get(usize::from(code)).copied()
    }
    /// Those without values: figures over time.
    pub const TOTALS: [Dim; 4] = [Dim::Human, Dim::Bot, Dim::Unique, Dim::Converted];
}

/// The width of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Minute,
    Hour,
    Day,
}

/// Which figures: minutes since the Unix epoch, from `from` (inclusive) to `until` (exclusive).
#[derive(Clone, Copy, Debug)]
pub struct StatQuery {
    pub from: i64,
    pub until: i64,
    pub step: Step,
    /// Values of each dimension at most, the most frequent first.
    pub top: u32,
}

/// Figures of a link or form, exact to the minute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The first minute of each step that has any, in order, and the figures of [`Dim::TOTALS`].
    pub series: Vec<(i64, [u64; 4])>,
    /// Over the whole time asked for.
    pub totals: [u64; 4],
    /// The dimensions with values, and how often each was seen.
    pub dims: Vec<(Dim, Vec<(String, u64)>)>,
}

/// Events of a link or form, newest first.
#[derive(Clone, Debug, Default)]
pub struct OwnEvents {
    pub data: Vec<Message>,
    /// Where to go on; `None` at the end.
    pub next: Option<MessageId>,
}
