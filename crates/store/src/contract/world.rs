//! A store, its clock, and short ways to say what a story does with them.

use super::{Fixture, ManualClock, SeededRng, config};
use crate::*;
use bytes::Bytes;
use domain::{
    AppId, AttemptDetail, Clock, DeadReason, EndpointId, HeaderLines, HttpVersion, MessageId, OrgId, RequestHead,
    RequestId, SourceId, SourceOptions, SourceRoute, SourceState, Stages, Timestamp,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

pub struct World {
    pub store: Store,
    pub leases: LeaseStream,
    pub clock: Arc<ManualClock>,
    pub org: OrgId,
    pub config: StoreConfig,
    fixture: Box<dyn Fixture>,
}

/// Where the messages that an endpoint has seen stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub success: usize,
    pub pending: usize,
    pub sending: usize,
    pub fail: usize,
    pub canceled: usize,
}

pub const ALL: u32 = 250;
pub const SECOND: Duration = Duration::from_secs(1);
pub const HOUR: Duration = Duration::from_secs(3600);
pub const DAY: Duration = Duration::from_secs(86_400);

/// The first `limit` rows.
pub fn page<I>(limit: u32) -> PageQuery<I> {
    PageQuery { limit, cursor: None, order: Order::Ascending }
}
/// An event with one key, whose payload is the body.
pub fn event(key: u8, body: &Bytes) -> InboundEvent {
    InboundEvent {
        keys: vec![[key; 16]],
        event_type: "push".into(),
        payload: body.clone(),
        body_at: Some(0..body.len() as u32),
    }
}
pub fn seal(text: &'static str) -> Sealer {
    Box::new(move |_| text.as_bytes().to_vec())
}

impl World {
    pub async fn new(fixture: Box<dyn Fixture>) -> World {
        World::with(fixture, |_| {}).await
    }
    pub async fn with(fixture: Box<dyn Fixture>, limits: impl FnOnce(&mut StoreConfig)) -> World {
        let mut config = config();
        limits(&mut config);
        let clock = Arc::new(ManualClock::default());
        let (store, leases) = fixture.open(config.clone(), clock.clone(), Arc::new(SeededRng::new(1))).unwrap();
        let org = store.organisation("org_1").await.unwrap();
        World { store, leases, clock, org, config, fixture }
    }
    /// Ends the process and starts another.
    pub async fn restart(&mut self) {
        self.store.close().await;
        (self.store, self.leases) = self.open_again();
    }
    /// A second process on the same data.
    pub fn open_again(&self) -> (Store, LeaseStream) {
        self.fixture.open(self.config.clone(), self.clock.clone(), Arc::new(SeededRng::new(2))).unwrap()
    }

    // ---- time ----

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
    pub fn later(&self, by: Duration) -> Timestamp {
        self.now().plus(by)
    }
    /// Lets time pass and the store do what became due.
    pub async fn advance(&self, by: Duration) {
        self.calm().await;
        self.clock.advance(by);
        self.calm().await;
    }
    /// Until the store has nothing more to do at this time.
    pub async fn calm(&self) {
        let mut quiet = 0;
        let mut before = None;
        for _ in 0..10_000 {
            match self.store.ready().await {
                Ok(()) | Err(StoreError::Full { .. }) => {}
                Err(e) => panic!("{e}"),
            }
            let m = self.store.metrics();
            let seen = [&m.deliveries_waiting, &m.deliveries_dead, &m.deliveries_leased].map(|g| g.load(Relaxed));
            quiet = if before == Some(seen) { quiet + 1 } else { 0 };
            before = Some(seen);
            if quiet == 3 {
                return;
            }
        }
        panic!("the store does not come to rest");
    }
    /// Lets a sweep run to its end: slices have a pause between them.
    pub async fn sweep(&self) {
        self.advance(Duration::from_secs(3601)).await;
        for _ in 0..60 {
            self.clock.advance(Duration::from_millis(25));
            self.store.ready().await.unwrap();
        }
    }

    /// Transactions made while nobody asks for any, in 40 ms of real time: a loop that spins shows.
    pub async fn restless(&self) -> u64 {
        let before = self.store.metrics().commits.load(Relaxed);
        let never = std::future::pending::<()>();
        assert!(tokio::time::timeout(Duration::from_millis(40), never).await.is_err());
        self.store.metrics().commits.load(Relaxed) - before
    }

    // ---- configuration ----

    pub async fn app(&self) -> AppId {
        let fields = AppFields { name: "An application".into(), ..Default::default() };
        self.store.create_app(self.org, fields, false).await.unwrap().0.id
    }
    pub async fn endpoint(&self, app: AppId) -> EndpointId {
        self.endpoint_with(app, |_| {}).await
    }
    pub async fn endpoint_with(&self, app: AppId, f: impl FnOnce(&mut EndpointFields)) -> EndpointId {
        let mut fields = EndpointFields { url: "https://example.com/hook".into(), ..Default::default() };
        f(&mut fields);
        self.store.create_endpoint(app, fields, seal("secret"), None).await.unwrap().id
    }
    pub async fn app_and_endpoint(&self) -> (AppId, EndpointId) {
        let app = self.app().await;
        (app, self.endpoint(app).await)
    }
    pub async fn set_disabled(&self, app: AppId, endpoint: EndpointId, disabled: bool) {
        let patch = EndpointPatch { disabled: Some(disabled), ..Default::default() };
        self.store.patch_endpoint(app, &Ref::Id(endpoint), patch).await.unwrap();
    }

    /// A source and its application.
    pub async fn source(&self, f: impl FnOnce(&mut SourceOptions)) -> Arc<SourceRoute> {
        let mut options = SourceOptions::default();
        f(&mut options);
        let app = self.app().await;
        let (source, org) = (SourceId(app.0 + 1), self.org);
        let text = serde_json::to_string(&options).unwrap();
        self.store
            .on_writer(move |conn| {
                let insert =
                    "INSERT INTO source VALUES (?, ?, ?, NULL, '', 'github', x'', ?, '{}', 0, 0, 1, NULL, NULL, 0, 0, NULL)";
                conn.execute(insert, rusqlite::params![source.0, org.0, app.0, text]).unwrap();
                conn.execute("INSERT INTO source_token VALUES (?, ?, NULL)", rusqlite::params![source.0, source.0])
                    .unwrap();
            })
            .await;
        Arc::new(SourceRoute {
            org,
            source,
            app,
            kind: "github".into(),
            state: SourceState::Live,
            is_bin: false,
            forwards: true,
            config_sealed: Box::default(),
            options,
            expires_at: None,
        })
    }
    pub async fn set_source(&self, source: SourceId, column: &'static str, value: i64) {
        let sql = format!("UPDATE source SET {column} = ? WHERE id = ?");
        self.store.on_writer(move |conn| assert_eq!(conn.execute(&sql, [value, source.0]).unwrap(), 1)).await;
    }

    // ---- requests ----

    /// An accepted request with one event, which passes through as it came.
    pub async fn inbound(&self, source: &Arc<SourceRoute>, key: u8) -> NewRequest {
        let body = Bytes::from(format!("{{\"event\": {key}}}"));
        let headers = [("content-type", &b"application/json"[..])];
        let remote = "192.0.2.7".parse().unwrap();
        NewRequest {
            source: source.clone(),
            route: Some(self.store.route(self.org, &Ref::Id(source.app)).await.unwrap()),
            head: RequestHead::new("POST", "/sub?a=b", remote, true, headers.into_iter()).unwrap(),
            verdict: Verdict::Accepted,
            status: 202,
            event_type: Some("push".into()),
            events: vec![event(key, &body)],
            body,
            dedup_window: 3 * DAY,
        }
    }
    /// Receives what must be new.
    pub async fn store_request(&self, request: NewRequest) -> RequestId {
        match self.store.receive(request).await.unwrap() {
            Received::Stored(id) => id,
            again => panic!("{again:?}"),
        }
    }
    /// Payloads of an application's messages, oldest first.
    pub async fn payloads(&self, app: AppId) -> Vec<Bytes> {
        let filter = MessageFilter { with_content: true, ..MessageFilter::default() };
        let mut all = self.store.messages(app, page(ALL), filter).await.unwrap().data;
        all.reverse();
        all.into_iter().map(|m| m.payload.unwrap_or_default()).collect()
    }

    // ---- messages ----

    pub async fn message(&self, app: AppId, event_type: &str) -> NewMessage {
        NewMessage {
            route: self.store.route(self.org, &Ref::Id(app)).await.unwrap(),
            event_type: event_type.into(),
            event_id: None,
            channels: Vec::new(),
            tags: Vec::new(),
            payload: Bytes::from_static(b"{\"n\": 1}"),
            payload_retention_days: None,
            deliver_at: None,
            key: None,
            only: None,
        }
    }
    /// Accepts a message that must be new.
    pub async fn accept(&self, m: NewMessage) -> MessageId {
        match self.store.accept(m).await.unwrap() {
            Accepted::New(id) => id,
            Accepted::Repeated(m) => panic!("repeated {m:?}"),
        }
    }
    pub async fn send(&self, app: AppId) -> MessageId {
        self.accept(self.message(app, "user.created").await).await
    }
    pub async fn send_many(&self, app: AppId, n: usize) -> Vec<MessageId> {
        let m = self.message(app, "user.created").await;
        let accepted = self.store.accept_many(vec![m; n]).await;
        accepted
            .into_iter()
            .map(|a| match a.unwrap() {
                Accepted::New(id) => id,
                Accepted::Repeated(m) => panic!("repeated {m:?}"),
            })
            .collect()
    }

    // ---- the engine's part ----

    /// Every lease that the store has given out and nobody has taken.
    pub async fn take(&mut self) -> Vec<Lease> {
        self.calm().await;
        let mut all = Vec::new();
        while let Ok(Some(batch)) = tokio::time::timeout(Duration::ZERO, self.leases.next()).await {
            all.extend(batch);
        }
        all
    }
    /// The one lease there is.
    pub async fn take_one(&mut self) -> Lease {
        let mut all = self.take().await;
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
    pub fn settle(&self, lease: &Lease, next: Next) {
        self.settle_with(lease, next, |_| {});
    }
    /// With an attempt that fits `next`.
    pub fn settle_with(&self, lease: &Lease, next: Next, f: impl FnOnce(&mut Settlement)) {
        let success = next == Next::Delivered;
        let attempted = matches!(next, Next::Delivered | Next::RetryAt(_) | Next::Dead(_));
        let attempt = NewAttempt {
            success,
            status_code: if success { 200 } else { 500 },
            duration_us: 1234,
            response: Bytes::from_static(b"an answer"),
            gone: false,
            detail: detail().pack(),
        };
        let mut s = Settlement {
            key: lease.key,
            endpoint: lease.endpoint.clone(),
            cause: lease.cause,
            attempts: lease.attempts,
            payload_bytes: lease.bytes() as u32,
            attempt: attempted.then_some(attempt),
            next,
            lane: None,
        };
        f(&mut s);
        self.store.settle(s);
    }
    /// Settles everything that is leased, and what comes after it, until nothing is leased.
    pub async fn deliver_all(&mut self) -> usize {
        let mut n = 0;
        loop {
            let batch = self.take().await;
            if batch.is_empty() {
                return n;
            }
            for l in &batch {
                self.settle(l, Next::Delivered);
            }
            n += batch.len();
        }
    }
    pub async fn kill_all(&mut self) -> usize {
        let batch = self.take().await;
        for l in &batch {
            self.settle(l, Next::Dead(DeadReason::Exhausted));
        }
        self.calm().await;
        batch.len()
    }

    // ---- what is true now ----

    /// Where the endpoint's messages stand, by the list that a person sees.
    pub async fn tally(&self, app: AppId, endpoint: EndpointId) -> Tally {
        let mut tally = Tally::default();
        for status in self.statuses(app, endpoint).await.into_values() {
            *match status {
                DeliveryStatus::Success => &mut tally.success,
                DeliveryStatus::Pending { .. } => &mut tally.pending,
                DeliveryStatus::Sending => &mut tally.sending,
                DeliveryStatus::Fail { .. } => &mut tally.fail,
                DeliveryStatus::Canceled => &mut tally.canceled,
            } += 1;
        }
        tally
    }
    pub async fn statuses(&self, app: AppId, endpoint: EndpointId) -> BTreeMap<MessageId, DeliveryStatus> {
        self.calm().await;
        let mut all = BTreeMap::new();
        let mut query = page(ALL);
        loop {
            let filter = MessageFilter::default();
            let p = self.store.attempted_messages(app, &Ref::Id(endpoint), query.clone(), filter, None).await.unwrap();
            all.extend(p.data.into_iter().map(|m| (m.message.id, m.status)));
            match p.last {
                Some(last) if !p.done => query.cursor = Some(Cursor::After(last)),
                _ => return all,
            }
        }
    }
    /// Accepted is delivered, pending, sending, dead and canceled together, and the gauges say the same.
    pub async fn check_balance(&self, accepted: usize, endpoints: &[(AppId, EndpointId)]) -> Tally {
        let mut sum = Tally::default();
        for (app, endpoint) in endpoints {
            let t = self.tally(*app, *endpoint).await;
            let stats = self.store.endpoint_stats(*app, &Ref::Id(*endpoint), None, None).await.unwrap();
            assert_eq!((stats.pending, stats.sending), (t.pending as u64, t.sending as u64), "{stats:?} {t:?}");
            sum.success += t.success;
            sum.pending += t.pending;
            sum.sending += t.sending;
            sum.fail += t.fail;
            sum.canceled += t.canceled;
        }
        assert_eq!(sum.success + sum.pending + sum.sending + sum.fail + sum.canceled, accepted, "{sum:?}");
        let m = self.store.metrics();
        assert_eq!(m.deliveries_waiting.load(Relaxed), sum.pending as i64);
        assert_eq!(m.deliveries_leased.load(Relaxed), sum.sending as i64);
        assert_eq!(m.deliveries_dead.load(Relaxed), sum.fail as i64);
        sum
    }
    pub async fn attempts(&self, app: AppId, message: MessageId) -> Vec<Attempt> {
        let filter = AttemptFilter { with_content: true, ..Default::default() };
        self.store.attempts_by_message(app, &Ref::Id(message), page(ALL), filter).await.unwrap().data
    }
}

/// What each attempt that is settled here notes of itself.
pub fn detail() -> AttemptDetail {
    let headers = [("location", &b"/there"[..]), ("x-bytes", &b"a\xff"[..])];
    AttemptDetail {
        stages: Stages { connect_us: Some(300), first_byte_us: Some(900), ..Stages::default() },
        http_version: Some(HttpVersion::Http11),
        peer: Some(([203, 0, 113, 9], 443).into()),
        headers: Some(HeaderLines::collect(|| headers.into_iter(), 100)),
        ..AttemptDetail::default()
    }
}
