//! Figures of links and forms, against a model that counts one by one.

use super::Folder;
use crate::contract::own_events::click;
use crate::contract::{START, World};
use crate::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// An event to be made: when (in minutes from the beginning), of whom, what.
#[derive(Clone, Debug)]
struct Made {
    minute: u64,
    origin: i64,
    kind: EventKind,
    bot: bool,
    visitor: Option<u64>,
    os: Option<u8>,
}

fn made() -> impl Strategy<Value = Made> {
    let kind = prop_oneof![3 => Just(EventKind::Clicked), 1 => Just(EventKind::Converted)];
    // Some moments are likely to be shared, or to lie at the edge of an hour or a day (which ends at 960).
    let minute = prop_oneof![0..4500u64, Just(959), Just(960), Just(1019), 0..5u64];
    (minute, 1..3i64, kind, any::<bool>(), proptest::option::of(0..4u64), proptest::option::of(0..5u8))
        .prop_map(|(minute, origin, kind, bot, visitor, os)| Made { minute, origin, kind, bot, visitor, os })
}

fn minute_of(m: &Made) -> i64 {
    START.0 / 60_000 + m.minute as i64
}

/// What the events of one origin come to; `events` are in order of time.
fn model(events: &[Made], origin: i64, q: &StatQuery) -> Stats {
    let unit = match q.step {
        Step::Minute => 1,
        Step::Hour => 60,
        Step::Day => 1440,
    };
    let mut seen = BTreeSet::new();
    let mut series: BTreeMap<i64, [u64; 4]> = BTreeMap::new();
    let (mut totals, mut os) = ([0; 4], BTreeMap::<String, u64>::new());
    for e in events.iter().filter(|e| e.origin == origin) {
        let minute = minute_of(e);
        let person = !e.bot && e.kind == EventKind::Clicked;
        let unique = e.visitor.is_some_and(|v| person && seen.insert((v, minute / 1440)));
        if !(q.from..q.until).contains(&minute) {
            continue;
        }
        let converted = e.kind == EventKind::Converted;
        let counts = [person, !person && !converted, unique, converted].map(u64::from);
        let step = series.entry(minute / unit * unit).or_default();
        for n in 0..4 {
            step[n] += counts[n];
            totals[n] += counts[n];
        }
        if let Some(v) = e.os.filter(|_| !e.bot) {
            *os.entry(format!("os{v}")).or_default() += 1;
        }
    }
    let mut os: Vec<_> = os.into_iter().collect();
    os.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    os.truncate(q.top as usize);
    let dims = Dim::ALL[4..].iter().map(|d| (*d, if *d == Dim::Os { os.clone() } else { Vec::new() }));
    Stats { series: series.into_iter().collect(), totals, dims: dims.collect() }
}

async fn check(mut events: Vec<Made>, asked: Vec<(i64, i64)>, top: u32) {
    events.sort_by_key(|e| e.minute);
    let w = World::new(Box::new(Folder::default())).await;
    let app = w.app().await;
    for (n, batch) in events.chunks(17).enumerate() {
        let of = |e: &Made| OwnEvent {
            origin: OriginId(e.origin),
            at: START.plus(Duration::from_secs(e.minute * 60 + 59)),
            kind: e.kind,
            bot: e.bot,
            visitor: e.visitor,
            dims: e.os.iter().map(|v| (Dim::Os, format!("os{v}").into())).collect(),
            ..click(&w, app)
        };
        w.store.clicks(batch.iter().map(of).collect()).unwrap();
        if n == 0 {
            w.store.ready().await.unwrap();
        }
    }
    w.calm().await;
    for (from, until) in asked {
        for step in [Step::Minute, Step::Hour, Step::Day] {
            let start = START.0 / 60_000;
            let query = StatQuery { from: start + from, until: start + until, step, top };
            for origin in [1, 2] {
                let want = model(&events, origin, &query);
                assert_eq!(w.store.stats(OriginId(origin), query).await.unwrap(), want, "{origin} {query:?}");
            }
        }
    }
    w.store.close().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn figures_are_what_counting_one_by_one_says(
        events in prop::collection::vec(made(), 0..120),
        asked in prop::collection::vec((-100..4600i64, -100..4600i64), 1..12),
        top in 1..6u32,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(events, asked, top));
    }
}
