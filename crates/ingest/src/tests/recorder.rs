//! The recorder over a store that is slow, full or broken at will.

use crate::IngestMetrics;
use crate::links::{Recorder, Sink};
use crate::tests::support::TestRng;
use crate::visit::{RawVisit, Visits};
use domain::{AppId, IdCodec, LinkId, LinkParts, LinkRoute, OrgId, Timestamp};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Waker};
use std::time::Duration;
use store::{OwnEvent, StoreError};
use tokio::sync::{Notify, Semaphore};

#[derive(Clone, Default)]
struct FakeStore(Arc<FakeState>);

struct FakeState {
    events: Mutex<Vec<OwnEvent>>,
    /// The days that salts were asked for.
    days: Mutex<Vec<i64>>,
    /// It is busy so many times first.
    busy: Mutex<usize>,
    is_broken: Mutex<bool>,
    came: Notify,
    /// How often it was called.
    handed: Mutex<usize>,
    /// So many commits may happen.
    commits: Semaphore,
}

impl Default for FakeState {
    fn default() -> Self {
        FakeState {
            events: Mutex::default(),
            days: Mutex::default(),
            busy: Mutex::default(),
            is_broken: Mutex::default(),
            came: Notify::default(),
            handed: Mutex::default(),
            commits: Semaphore::new(0),
        }
    }
}

impl Sink for FakeStore {
    async fn salt(&self, day: i64) -> Result<[u8; 16], StoreError> {
        self.0.days.lock().push(day);
        if *self.0.is_broken.lock() { Err(StoreError::Failed("broken".into())) } else { Ok([7; 16]) }
    }
    fn public_url(&self, org: OrgId) -> Option<String> {
        (org == OrgId(1)).then(|| "https://own.test".to_owned())
    }
    fn clicks(&self, events: Vec<OwnEvent>) -> Result<(), StoreError> {
        if *self.0.is_broken.lock() {
            return Err(StoreError::Failed("broken".into()));
        }
        let mut busy = self.0.busy.lock();
        if *busy > 0 {
            *busy -= 1;
            return Err(StoreError::Busy { retry_after: Duration::from_secs(1) });
        }
        *self.0.handed.lock() += 1;
        self.0.events.lock().extend(events);
        self.0.came.notify_one();
        Ok(())
    }
    fn committed(&self) -> impl Future<Output = ()> + Send + 'static {
        let state = self.0.clone();
        async move { drop(state.commits.acquire().await.map(tokio::sync::SemaphorePermit::forget)) }
    }
}

struct Fixture {
    store: FakeStore,
    recorder: Recorder,
    metrics: Arc<IngestMetrics>,
    route: Arc<LinkRoute>,
}

const AT: Timestamp = Timestamp(1_795_247_040_123);
const DAY_MS: i64 = 86_400_000;

impl Fixture {
    fn new(capacity: usize) -> Self {
        let (store, metrics) = (FakeStore::default(), Arc::new(IngestMetrics::default()));
        let about = (IdCodec::new([9; 16]), &TestRng::default() as &dyn domain::Rng, None);
        let recorder = Recorder::start(store.clone(), about, Arc::new(Visits::default()), capacity, metrics.clone());
        let parts = LinkParts { slug: "s", target: "https://x.test/", redirect: 302, click_param: "", tags: &[] };
        let route = LinkRoute::new((OrgId(1), LinkId(2), AppId(3)), &parts, false, None).unwrap();
        Fixture { store, recorder, metrics, route: Arc::new(route) }
    }

    fn click(&self, at: Timestamp) {
        let visit = RawVisit {
            remote: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user_agent: Some(b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"[..].into()),
            referer: None,
            query: None,
            do_not_track: false,
            prefetch: false,
        };
        self.recorder.push(self.route.clone(), self.recorder.click_id(LinkId(2), at), visit);
    }

    /// Recorded and lost, as they are counted.
    fn counted(&self) -> (u64, u64) {
        (self.metrics.clicks.load(Relaxed), self.metrics.clicks_lost.load(Relaxed))
    }
    fn events(&self) -> Vec<OwnEvent> {
        self.store.0.events.lock().clone()
    }
}

#[tokio::test]
async fn all_clicks_are_with_the_store_in_order_once_it_has_finished() {
    let f = Fixture::new(10_000);
    for n in 0..1_000 {
        f.click(Timestamp(AT.0 + n));
    }
    f.recorder.finish().await;
    let events = f.events();
    assert_eq!(f.counted(), (1_000, 0));
    assert!(events.iter().map(|e| e.at.0).eq((0..1_000).map(|n| AT.0 + n)));
    let payloads: HashSet<_> = events.iter().map(|e| e.payload.clone()).collect();
    assert_eq!(payloads.len(), 1_000);
    assert!(*f.store.0.handed.lock() < 50, "they are handed over one by one");
    assert!(f.store.0.days.lock().iter().all(|day| *day == AT.0 / DAY_MS));
}

#[tokio::test]
async fn clicks_of_one_moment_have_different_ids() {
    let f = Fixture::new(100);
    let ids: HashSet<_> = (0..100).map(|_| f.recorder.click_id(LinkId(2), AT)).collect();
    assert_eq!(ids.len(), 100);
}

#[tokio::test]
async fn a_click_reaches_the_store_without_another_behind_it() {
    let f = Fixture::new(100);
    for n in 0..3 {
        f.click(AT);
        f.store.0.came.notified().await;
        assert_eq!(f.events().len(), n + 1);
    }
}

#[tokio::test]
async fn what_a_full_queue_does_not_hold_is_lost_and_counted() {
    let f = Fixture::new(10);
    for _ in 0..25 {
        f.click(AT);
    }
    f.recorder.finish().await;
    assert_eq!((f.counted(), f.events().len()), ((10, 15), 10));
    f.click(AT);
    f.recorder.finish().await;
    assert_eq!(f.counted(), (11, 15));
}

#[tokio::test]
async fn clicks_wait_for_a_busy_store() {
    let f = Fixture::new(10);
    *f.store.0.busy.lock() = 3;
    f.click(AT);
    f.click(AT);
    f.recorder.finish().await;
    assert_eq!((f.counted(), f.events().len()), ((2, 0), 2));
}

#[tokio::test]
async fn a_broken_store_loses_clicks_and_holds_up_nothing() {
    let f = Fixture::new(10);
    *f.store.0.is_broken.lock() = true;
    f.click(AT);
    f.recorder.finish().await;
    assert_eq!(f.counted(), (0, 1));
    *f.store.0.is_broken.lock() = false;
    f.click(AT);
    f.recorder.finish().await;
    assert_eq!(f.counted(), (1, 1));
}

#[tokio::test]
async fn a_click_is_hashed_with_the_salt_of_its_day() {
    let f = Fixture::new(10);
    let day = AT.0 / DAY_MS;
    for at in [day * DAY_MS, (day + 1) * DAY_MS - 1, (day + 1) * DAY_MS] {
        f.click(Timestamp(at));
        f.recorder.finish().await;
    }
    assert_eq!(*f.store.0.days.lock(), [day, day, day + 1]);
}

#[tokio::test]
async fn more_clicks_than_the_store_commits_wait_outside_of_it() {
    let f = Fixture::new(10_000);
    for _ in 0..5_000 {
        f.click(AT);
    }
    let mut finishing = pin!(f.recorder.finish());
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..1_000 {
        assert!(finishing.as_mut().poll(&mut cx).is_pending());
        tokio::task::yield_now().await;
    }
    assert_eq!(f.events().len(), 2_048);
    f.store.0.commits.add_permits(1);
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(f.events().len(), 3_072);
    f.store.0.commits.add_permits(10);
    finishing.await;
    assert_eq!((f.counted(), f.events().len()), ((5_000, 0), 5_000));
}

#[tokio::test]
async fn finishing_without_clicks_ends_at_once() {
    let f = Fixture::new(10);
    f.recorder.finish().await;
    f.recorder.finish().await;
    assert_eq!(f.counted(), (0, 0));
}
