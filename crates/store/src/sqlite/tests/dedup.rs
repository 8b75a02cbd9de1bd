//! Keys of events as a unique constraint, whatever happens between two copies: driven through the core by hand, so that
//! transactions can be undone and processes killed at any point.

use crate::config::StoreMetrics;
use crate::contract::{START, config};
use crate::sqlite::core::{Core, Shared};
use crate::*;
use bytes::Bytes;
use domain::{RequestHead, RequestId, SourceId, SourceOptions, SourceRoute, SourceState, Timestamp};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    /// Keys of each event.
    Receive {
        source: i64,
        events: Vec<BTreeSet<u8>>,
        held: bool,
    },
    Delete(usize),
    Commit,
    Rollback,
    /// A verb that takes back what it received.
    Savepoint(u8),
    Kill,
    Wait(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let events = prop::collection::vec(prop::collection::btree_set(0u8..24, 1..3), 1..3);
    let step = prop_oneof![
        12 => (1i64..3, events, prop::bool::weighted(0.1)).prop_map(|(source, events, held)| Step::Receive { source, events, held }),
        2 => any::<usize>().prop_map(Step::Delete),
        6 => Just(Step::Commit),
        2 => Just(Step::Rollback),
        1 => (0u8..24).prop_map(Step::Savepoint),
        1 => Just(Step::Kill),
        1 => (1u32..4000).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..120)
}

const WINDOW: Duration = Duration::from_secs(3600);

/// What the outside knows: the request that has each key, and requests that are there.
#[derive(Clone, Default)]
struct Known {
    keys: BTreeMap<(i64, u8), RequestId>,
    requests: BTreeMap<RequestId, i64>,
    /// The keys that each request brought.
    brought: BTreeMap<RequestId, BTreeSet<(i64, u8)>>,
}

impl Known {
    fn has(&self, source: i64, keys: &BTreeSet<u8>, now: Timestamp) -> bool {
        let alive = |r: &RequestId| self.requests.contains_key(r) && r.created_at() >= now.minus(WINDOW);
        keys.iter().all(|k| self.keys.get(&(source, *k)).is_some_and(alive))
    }
    /// Receives; returns how many events are new.
    fn receive(&mut self, source: i64, events: &[BTreeSet<u8>], now: Timestamp) -> usize {
        let mut after = self.clone();
        let this = RequestId(i64::MAX);
        after.requests.insert(this, source);
        let mut fresh = 0;
        for keys in events {
            if !after.has(source, keys, now) {
                after.keys.extend(keys.iter().map(|k| ((source, *k), this)));
                after.brought.entry(this).or_default().extend(keys.iter().map(|k| (source, *k)));
                fresh += 1;
            }
        }
        if fresh > 0 {
            *self = after;
        }
        fresh
    }
    /// The n-th request whose keys no other brought: what is left of a shared key is nobody's promise.
    fn deletable(&self, n: usize) -> Option<(RequestId, i64)> {
        let (id, source) = self.requests.iter().nth(n % self.requests.len().max(1))?;
        let own = self.brought.get(id)?;
        let others = self.brought.iter().filter(|(r, _)| *r != id && self.requests.contains_key(r));
        others.into_iter().all(|(_, keys)| keys.is_disjoint(own)).then_some((*id, *source))
    }
    fn forget(&mut self, id: RequestId) {
        self.requests.remove(&id);
        self.brought.remove(&id);
        self.keys.retain(|_, owner| *owner != id);
    }
    /// The request just received has this number.
    fn name(&mut self, id: RequestId, source: i64) {
        self.requests.remove(&RequestId(i64::MAX));
        self.requests.insert(id, source);
        let brought = self.brought.remove(&RequestId(i64::MAX)).unwrap_or_default();
        self.brought.insert(id, brought);
        self.keys.values_mut().filter(|r| r.0 == i64::MAX).for_each(|r| *r = id);
    }
}

fn open(path: &Path, window: usize, now: Timestamp) -> Core {
    let config = StoreConfig { path: path.into(), dedup_window_keys: window, ..config() };
    Core::open(Arc::new(config), Shared::default(), Arc::new(StoreMetrics::default()), now).unwrap()
}

fn request(source: i64, events: &[BTreeSet<u8>], held: bool) -> NewRequest {
    let source = SourceRoute {
        org: domain::OrgId(1),
        source: SourceId(source),
        app: domain::AppId(1),
        kind: "github".into(),
        state: SourceState::Live,
        is_bin: false,
        forwards: true,
        config_sealed: Box::default(),
        options: SourceOptions::default(),
        expires_at: None,
    };
    let of = |keys: &BTreeSet<u8>| InboundEvent {
        keys: keys.iter().map(|k| [*k; 16]).collect(),
        event_type: "a".into(),
        payload: Bytes::from_static(b"{}"),
        body_at: None,
    };
    let app = domain::AppRoute {
        org: domain::OrgId(1),
        app: source.app,
        uid: None,
        throttle_rate: None,
        endpoints: Vec::new(),
    };
    NewRequest {
        source: Arc::new(source),
        route: Some(Arc::new(app)),
        head: RequestHead::new("POST", "", "192.0.2.7".parse().unwrap(), true, std::iter::empty()).unwrap(),
        body: Bytes::from_static(b"{}"),
        verdict: if held { Verdict::Held } else { Verdict::Accepted },
        status: 200,
        event_type: None,
        events: events.iter().map(of).collect(),
        dedup_window: WINDOW,
    }
}

fn messages(core: &Core) -> i64 {
    core.connection().query_row("SELECT count(*) FROM message", [], |r| r.get(0)).unwrap()
}

fn run(steps: Vec<Step>, window: usize) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.db");
    let mut now = START;
    let mut core = open(&path, window, now);
    for source in [1, 2] {
        let insert =
            "INSERT INTO source VALUES (?, 1, 1, NULL, '', 'a', x'', '{}', '{}', 0, 0, 1, NULL, NULL, 0, 0, NULL)";
        core.connection().execute(insert, [source]).unwrap();
    }
    let (mut known, mut made) = (Known::default(), 0);
    let (mut committed, mut committed_made) = (known.clone(), made);
    core.begin().unwrap();
    for step in steps {
        match step {
            Step::Receive { source, events, held } => {
                let fresh = known.receive(source, &events, now);
                let got = core.receive(request(source, &events, held), now).unwrap();
                match got {
                    Received::Stored(id) => {
                        prop_assert!(fresh > 0, "{events:?} of {source} are known");
                        known.name(id, source);
                        made += if held { 0 } else { fresh as i64 };
                    }
                    Received::Duplicate { first, .. } => {
                        prop_assert_eq!(fresh, 0);
                        prop_assert_eq!(known.requests.get(&first), Some(&source));
                    }
                }
            }
            Step::Delete(n) => {
                let Some((id, source)) = known.deletable(n) else { continue };
                core.delete_request(SourceId(source), id).unwrap();
                known.forget(id);
            }
            Step::Commit => {
                core.tend_event_keys().unwrap();
                core.commit(now).unwrap();
                (committed, committed_made) = (known.clone(), made);
                core.begin().unwrap();
            }
            Step::Rollback => {
                core.tend_event_keys().unwrap();
                core.rollback(now);
                (known, made) = (committed.clone(), committed_made);
                core.begin().unwrap();
            }
            Step::Savepoint(key) => {
                let events = [BTreeSet::from([key])];
                core.savepoint(now, |core| {
                    core.receive(request(1, &events, false), now).unwrap();
                    false
                })
                .unwrap();
            }
            Step::Kill => {
                drop(core);
                core = open(&path, window, now);
                (known, made) = (committed.clone(), committed_made);
                core.begin().unwrap();
            }
            Step::Wait(s) => now = now.plus(Duration::from_secs(s.into())),
        }
        prop_assert_eq!(messages(&core), made);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn an_event_becomes_one_message_whatever_happens_between_its_copies(steps in steps(), window in 1usize..40) {
        run(steps, window)?;
    }
}
