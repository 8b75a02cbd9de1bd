//! Feeds: what can be watched, how it is read after a cursor, and how a row becomes a frame.
//!
//! **Invariant:** a frame is one event with one line of data, whatever a stranger sent: CR and LF are nowhere in it but
//! where the framing puts them.

use super::{Channel, Key};
use crate::call::Shared;
use crate::wire::message::write_stored;
use crate::wire::request::{RequestOut, request_out};
use bytes::Bytes;
use domain::{AppId, IdCodec, MessageId, OrgId, RequestId, Seq, SourceId, TypedId};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use store::{CapturedRequest, Cursor, Message, MessageFilter, Order, PageQuery, Ref, RequestFilter, Source};
use store::{Store, StoreError, Topic, VerdictKind};
use tokio::time::Instant;

type Result<T> = std::result::Result<T, StoreError>;

/// Names of sources are read anew this often, and a deleted source is noticed.
const LISTING_AGE: Duration = Duration::from_secs(30);
/// A new source's first request is seen within this time.
const NEW_SOURCE_AGE: Duration = Duration::from_secs(1);
/// Sources are listed in pages of so many; rows are counted up to so many.
const LIST_PAGE: u32 = 250;
/// Reads that are tried before a source that appears meanwhile is left to the next.
const TRIES: usize = 8;
/// A page whose frames have more bytes makes the next one shorter; one with an eighth of it, longer.
const PAGE_BYTES: usize = 512 * 1024;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Feed {
    /// Messages of an application.
    Messages(AppId),
    /// Requests of these sources of the organisation.
    Sources(OrgId, Arc<[SourceId]>),
    /// Requests of all the organisation's sources, bins excepted, those that will be made too.
    AllSources(OrgId),
}

/// The sources of a feed as they were at a time.
pub(crate) struct Listing {
    sources: Vec<SourceName>,
    ids: Vec<SourceId>,
    newest: Option<SourceId>,
    taken: Instant,
}

struct SourceName {
    id: SourceId,
    name: String,
    uid: Option<String>,
}

/// What a viewer wants of a feed. Empty wants all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub event_types: Vec<String>,
    pub channel: Option<String>,
    pub verdict: Option<VerdictKind>,
}

/// One event of a feed.
pub(super) struct Row {
    pub id: i64,
    event_type: String,
    channels: Vec<String>,
    verdict: Option<VerdictKind>,
    pub frame: Bytes,
}

pub(super) struct Page {
    pub rows: Vec<Row>,
    /// Where to go on: the last row looked at, or where the page began.
    pub last: i64,
    /// Rows after these that are left out.
    pub skipped: u64,
    /// Whether more are left out than were counted.
    pub uncounted: bool,
    pub done: bool,
}

impl Filter {
    pub fn is_empty(&self) -> bool {
        self.event_types.is_empty() && self.channel.is_none() && self.verdict.is_none()
    }
    fn of_messages(&self, with_content: bool) -> MessageFilter {
        let (event_types, channel) = (self.event_types.clone(), self.channel.clone());
        MessageFilter { event_types, channel, with_content, ..MessageFilter::default() }
    }
    pub(super) fn takes(&self, row: &Row) -> bool {
        (self.event_types.is_empty() || self.event_types.contains(&row.event_type))
            && self.channel.as_ref().is_none_or(|c| row.channels.contains(c))
            && (self.verdict.is_none() || self.verdict == row.verdict)
    }
}

/// How many rows to read at once, by how large they are.
pub(super) struct PageSize(u32);

impl Default for PageSize {
    fn default() -> Self {
        PageSize(8)
    }
}

impl PageSize {
    const MAX: u32 = 50;

    pub fn rows(&self) -> u32 {
        self.0
    }
    pub fn learn(&mut self, page: &Page) {
        let bytes: usize = page.rows.iter().map(|r| r.frame.len()).sum();
        if bytes > PAGE_BYTES {
            self.0 = (self.0 / 4).max(1);
        } else if bytes < PAGE_BYTES / 8 {
            self.0 = (self.0 * 2).min(Self::MAX);
        }
    }
}

impl Feed {
    pub fn cursor_text(&self, codec: &IdCodec, cursor: i64) -> String {
        match self {
            Feed::Messages(_) => codec.text(MessageId(cursor)),
            Feed::Sources(..) | Feed::AllSources(_) => codec.text(RequestId(cursor)),
        }
    }
    pub fn read_cursor(&self, codec: &IdCodec, text: &str) -> Option<i64> {
        match self {
            Feed::Messages(_) => codec.read::<MessageId>(text).map(|id| id.seq().0),
            Feed::Sources(..) | Feed::AllSources(_) => codec.read::<RequestId>(text).map(|id| id.seq().0),
        }
    }

    pub fn topics(&self, listing: &Listing) -> Vec<Topic> {
        match self {
            Feed::Messages(app) => vec![Topic::App(*app)],
            Feed::Sources(..) | Feed::AllSources(_) => listing.ids.iter().map(|id| Topic::Source(*id)).collect(),
        }
    }

    /// How often to look without a hint. No hint tells of a new source.
    pub fn look_every(&self, poll: Duration) -> Duration {
        match self {
            Feed::Messages(_) | Feed::Sources(..) => poll,
            Feed::AllSources(_) => poll.min(NEW_SOURCE_AGE),
        }
    }

    /// Whether nothing of it is left to watch.
    pub fn is_gone(&self, listing: &Listing) -> bool {
        matches!(self, Feed::Sources(..)) && listing.sources.is_empty()
    }

    pub async fn list(&self, store: &Store) -> Result<Listing> {
        let mut listing = Listing { sources: Vec::new(), ids: Vec::new(), newest: None, taken: Instant::now() };
        match self {
            Feed::Messages(_) => {}
            Feed::Sources(org, ids) => {
                for id in ids.iter() {
                    match store.source(*org, &Ref::Id(*id)).await {
                        Ok(source) => listing.add(source),
                        Err(StoreError::NotFound(_)) => {}
                        Err(e) => return Err(e),
                    }
                }
            }
            Feed::AllSources(org) => {
                let mut cursor = None;
                loop {
                    let query = PageQuery { limit: LIST_PAGE, cursor, order: Order::Ascending };
                    let page = store.sources(*org, false, query).await?;
                    page.data.into_iter().for_each(|source| listing.add(source));
                    cursor = page.last.map(Cursor::After);
                    if page.done || cursor.is_none() {
                        break;
                    }
                }
            }
        }
        Ok(listing)
    }

    /// The last row that there is, or 0.
    pub async fn newest(&self, store: &Store, listing: &Listing) -> Result<i64> {
        Ok(self.newest_rows(store, listing, 1, &Filter::default()).await?.first().copied().unwrap_or(0))
    }

    /// The row before the `n` newest that pass `filter`.
    pub async fn before_newest(&self, store: &Store, listing: &Listing, n: u32, filter: &Filter) -> Result<i64> {
        Ok(self.newest_rows(store, listing, n, filter).await?.last().map_or(0, |id| id - 1))
    }

    async fn newest_rows(&self, store: &Store, listing: &Listing, n: u32, filter: &Filter) -> Result<Vec<i64>> {
        let mut newest: Vec<i64> = Vec::new();
        if let Feed::Messages(app) = self {
            let page = PageQuery { limit: n, ..one() };
            newest.extend(store.messages(*app, page, filter.of_messages(false)).await?.data.iter().map(|m| m.id.0));
        }
        for source in &listing.ids {
            let page = PageQuery { limit: n, ..one() };
            let filter = RequestFilter { verdict: filter.verdict, ..RequestFilter::default() };
            newest.extend(store.requests(*source, page, filter).await?.data.iter().map(|r| r.id.0));
        }
        newest.sort_unstable_by(|a, b| b.cmp(a));
        newest.truncate(n as usize);
        Ok(newest)
    }

    async fn after(&self, store: &Store, listing: &Listing, cursor: i64, limit: u32, filter: &Filter) -> Result<Page> {
        let mut page = Page { rows: Vec::new(), last: cursor, skipped: 0, uncounted: false, done: true };
        if let Feed::Messages(app) = self {
            let found = store.messages_after(*app, MessageId(cursor), filter.of_messages(true), limit).await?;
            page.last = found.last.map_or(cursor, |id| id.0);
            page.done = found.done;
            page.rows = found.data.into_iter().map(|m| message_row(store.codec(), m)).collect();
        } else if !listing.ids.is_empty() {
            let found = store.requests_after(&listing.ids, RequestId(cursor), limit).await?;
            page.last = found.data.last().map_or(cursor, |r| r.id.0);
            page.done = found.done;
            page.rows = found.data.into_iter().map(|r| request_row(store.codec(), listing, r)).collect();
            page.rows.retain(|row| filter.takes(row));
        }
        Ok(page)
    }

    /// How many rows follow `cursor` and which is the last, as far as a page tells; whether that is all.
    async fn count(&self, store: &Store, cursor: i64) -> Result<(u64, i64, bool)> {
        match self {
            Feed::Messages(app) => {
                let page = before(MessageId(cursor));
                let page = store.messages(*app, page, MessageFilter::default()).await?;
                Ok((page.data.len() as u64, page.first.map_or(cursor, |id| id.0), page.done))
            }
            Feed::Sources(_, ids) if ids.len() == 1 => {
                let Some(source) = ids.first() else { return Ok((0, cursor, true)) };
                let page = before(RequestId(cursor));
                let page = store.requests(*source, page, RequestFilter::default()).await?;
                Ok((page.data.len() as u64, page.first.map_or(cursor, |id| id.0), page.done))
            }
            // Not worth a read of each source.
            _ => Ok((1, cursor, false)),
        }
    }
}

/// The rows of a list of the newest that are just before `id` in it: those that follow it in time.
fn before<I>(id: I) -> PageQuery<I> {
    PageQuery { limit: LIST_PAGE, cursor: Some(Cursor::Before(id)), order: Order::Descending }
}

fn one<I>() -> PageQuery<I> {
    PageQuery { limit: 1, cursor: None, order: Order::Descending }
}

impl Listing {
    fn add(&mut self, source: Source) {
        self.newest = self.newest.max(Some(source.id));
        self.ids.push(source.id);
        self.sources.push(SourceName { id: source.id, name: source.name, uid: source.uid });
    }
}

impl Channel {
    /// The sources, read anew now and then.
    pub(super) async fn listing(&self, shared: &Shared) -> Result<Arc<Listing>> {
        if let Some(listing) = self.listing.lock().clone()
            && (listing.taken.elapsed() < LISTING_AGE || matches!(self.key.feed, Feed::Messages(_)))
        {
            return Ok(listing);
        }
        let listing = Arc::new(self.key.feed.list(&shared.store).await?);
        *self.listing.lock() = Some(listing.clone());
        Ok(listing)
    }

    /// Whether nothing is left to watch, as far as is known.
    pub(super) fn is_gone(&self) -> bool {
        self.listing.lock().as_ref().is_some_and(|listing| self.key.feed.is_gone(listing))
    }

    /// Rows after `cursor`, oldest first.
    pub(super) async fn after(&self, shared: &Shared, cursor: i64, limit: u32, filter: &Filter) -> Result<Page> {
        let Key { feed, .. } = &self.key;
        let store = &shared.store;
        for _ in 0..TRIES {
            let listing = self.listing(shared).await?;
            let page = feed.after(store, &listing, cursor, limit, filter).await?;
            // A source that was made since may have an older request than the last of the page, which would be skipped.
            let Feed::AllSources(org) = feed else { return Ok(page) };
            let newest = store.sources(*org, false, one()).await?.data.first().map(|source| source.id);
            if newest <= listing.newest {
                return Ok(page);
            }
            *self.listing.lock() = None;
        }
        Ok(Page { rows: Vec::new(), last: cursor, skipped: 0, uncounted: false, done: true })
    }

    /// The next rows after `cursor`, and nothing of what follows them now.
    pub(super) async fn next_and_skip(&self, shared: &Shared, cursor: i64, limit: u32) -> Result<Page> {
        let mut page = self.after(shared, cursor, limit, &Filter::default()).await?;
        if page.done {
            return Ok(page);
        }
        let (count, last, counted_all) = self.key.feed.count(&shared.store, page.last).await?;
        page.skipped = count;
        page.last = last;
        if !counted_all {
            page.uncounted = true;
            page.last = last.max(Seq::first_at(shared.now()).0 - 1);
        }
        // What came since is for the next turn.
        page.done = true;
        Ok(page)
    }
}

fn message_row(codec: &IdCodec, message: Message) -> Row {
    let mut json = String::with_capacity(message.payload.as_ref().map_or(0, Bytes::len) + 256);
    write_stored(&mut json, &message, true, codec, "");
    let frame = frame("message", &codec.text(message.id), json);
    Row { id: message.id.0, event_type: message.event_type, channels: message.channels, verdict: None, frame }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StreamedRequest<'a> {
    #[serde(flatten)]
    request: RequestOut<'a>,
    source_name: Option<&'a str>,
    source_uid: Option<&'a str>,
}

fn request_row(codec: &IdCodec, listing: &Listing, request: CapturedRequest) -> Row {
    let source = listing.sources.iter().find(|s| s.id == request.source);
    let out = StreamedRequest {
        request: request_out(codec, &request, None),
        source_name: source.map(|s| s.name.as_str()),
        source_uid: source.and_then(|s| s.uid.as_deref()),
    };
    // Our wire types have string keys and no failing fields.
    let json = serde_json::to_string(&out).unwrap_or_else(|_| "{}".into());
    let frame = frame("request", &codec.text(request.id), json);
    let event_type = request.event_type.unwrap_or_default();
    Row { id: request.id.0, event_type, channels: Vec::new(), verdict: Some(request.verdict.kind()), frame }
}

/// One event. In JSON a line's end is white space (inside of strings it is escaped), so a blank does as well.
pub(super) fn frame(event: &str, id: &str, json: String) -> Bytes {
    let json = if json.contains(['\n', '\r']) { json.replace(['\n', '\r'], " ") } else { json };
    format!("event: {event}\nid: {id}\ndata: {json}\n\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_can_not_end_its_event() {
        let json = "{\"a\":\r\n\r\n1,\n\n\"b\":\"\\n\"}\r".to_owned();
        let text = frame("message", "msg_1", json);
        assert_eq!(text, "event: message\nid: msg_1\ndata: {\"a\":    1,  \"b\":\"\\n\"} \n\n");
    }

    fn message(payload: &'static str) -> Message {
        Message {
            id: MessageId(5 << 40),
            app: AppId(1),
            event_type: "a.b".into(),
            event_id: None,
            channels: vec!["c".into()],
            tags: vec![],
            deliver_at: None,
            payload: Some(Bytes::from_static(payload.as_bytes())),
        }
    }

    #[test]
    fn a_filter_takes_what_matches_all_of_it() {
        let row = message_row(&IdCodec::new([1; 16]), message("{}"));
        let check = |types: &[&str], channel: Option<&str>, verdict, want| {
            let event_types = types.iter().map(|t| (*t).to_owned()).collect();
            let filter = Filter { event_types, channel: channel.map(Into::into), verdict };
            assert_eq!(filter.takes(&row), want, "{filter:?}");
        };
        check(&[], None, None, true);
        check(&["x", "a.b"], Some("c"), None, true);
        check(&["x"], None, None, false);
        check(&["a.b"], Some("d"), None, false);
        check(&[], None, Some(VerdictKind::Held), false);
    }

    #[test]
    fn pages_shrink_when_rows_are_large_and_grow_again() {
        let page = |bytes: usize| Page {
            rows: vec![Row { frame: vec![0; bytes].into(), ..message_row(&IdCodec::new([1; 16]), message("{}")) }],
            last: 0,
            skipped: 0,
            uncounted: false,
            done: true,
        };
        let mut size = PageSize::default();
        let mut after = |bytes| {
            size.learn(&page(bytes));
            size.rows()
        };
        assert_eq!([after(1), after(1), after(1), after(1)], [16, 32, 50, 50]);
        assert_eq!(
            [after(PAGE_BYTES + 1), after(PAGE_BYTES), after(PAGE_BYTES * 9), after(PAGE_BYTES * 9)],
            [12, 12, 3, 1]
        );
        assert_eq!(after(1), 2);
    }
}
