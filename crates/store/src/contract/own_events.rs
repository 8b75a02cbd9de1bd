//! Events of links and forms: stored, sent, counted, and what each is the first of.

use super::world::{ALL, DAY, HOUR, SECOND, page};
use super::{Fixture, START, World};
use crate::*;
use bytes::Bytes;
use domain::{AppId, FileId, MessageId};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

type F = Box<dyn Fixture>;

pub const LINK: OriginId = OriginId(77);
const DAY_MIN: i64 = 1440;

/// A person's click on [`LINK`], now.
pub fn click(w: &World, app: AppId) -> OwnEvent {
    clicked_by(w, app, None)
}
pub fn clicked_by(w: &World, app: AppId, visitor: Option<u64>) -> OwnEvent {
    let text = visitor.map_or("null".to_owned(), |v| format!("\"{v:016x}\""));
    OwnEvent {
        origin: LINK,
        app,
        at: w.now(),
        kind: EventKind::Clicked,
        bot: false,
        visitor,
        dims: Vec::new(),
        channels: vec!["human".into()],
        event_id: None,
        payload: Bytes::from(format!(r#"{{"type":"link.clicked","data":{{"link":"l","visitor":{text}"#)),
        files: Vec::new(),
    }
}
fn bots(event: OwnEvent) -> OwnEvent {
    OwnEvent { bot: true, channels: vec!["bot".into()], ..event }
}
pub fn converted(event: OwnEvent, id: &str) -> OwnEvent {
    OwnEvent { kind: EventKind::Converted, event_id: Some(id.into()), visitor: None, ..event }
}
pub fn with_values(event: OwnEvent, values: &[(Dim, &str)]) -> OwnEvent {
    OwnEvent { dims: values.iter().map(|(dim, value)| (*dim, (*value).into())).collect(), ..event }
}
pub fn file(id: i64) -> NewFile {
    NewFile {
        id: FileId(id),
        field: "cv".into(),
        name: "cv.pdf".into(),
        content_type: "application/pdf".into(),
        content: Bytes::from(vec![7; 10_000]),
    }
}

async fn record(w: &World, event: OwnEvent) -> MessageId {
    match w.store.record(event).await.unwrap() {
        Recorded::New(id) => id,
        Recorded::Repeated => panic!("repeated"),
    }
}
/// What the message says of itself: first, of a person, of its visitor today.
async fn news(w: &World, app: AppId, id: MessageId) -> [bool; 3] {
    let message = w.store.message(app, &Ref::Id(id), true).await.unwrap();
    let payload: Value = serde_json::from_slice(&message.payload.unwrap()).unwrap();
    ["first", "firstHuman", "unique"].map(|name| payload["data"][name].as_bool().unwrap())
}
pub async fn record_news(w: &World, event: OwnEvent) -> [bool; 3] {
    let app = event.app;
    let id = record(w, event).await;
    news(w, app, id).await
}
/// Everything counted of [`LINK`], by the day.
pub async fn all(w: &World) -> Stats {
    let now = w.now().0 / 60_000;
    let query = StatQuery { from: now - 400 * DAY_MIN, until: now + DAY_MIN, step: Step::Day, top: 1000 };
    w.store.stats(LINK, query).await.unwrap()
}
fn values(stats: &Stats, dim: Dim) -> Vec<(&str, u64)> {
    let (_, found) = stats.dims.iter().find(|(d, _)| *d == dim).unwrap();
    found.iter().map(|(value, n)| (&**value, *n)).collect()
}

pub async fn an_event_is_a_message_of_its_application_with_its_deliveries(f: F) {
    let mut w = World::new(f).await;
    let (app, all_of_them) = w.app_and_endpoint().await;
    let people = w.endpoint_with(app, |e| e.channels = Some(vec!["human".into()])).await;
    let other = w.endpoint_with(app, |e| e.event_types = Some(vec!["form.submitted".into()])).await;
    let id = record(&w, click(&w, app)).await;
    let machine = record(&w, bots(click(&w, app))).await;
    let message = w.store.message(app, &Ref::Id(id), true).await.unwrap();
    let payload =
        br#"{"type":"link.clicked","data":{"link":"l","visitor":null,"first":true,"firstHuman":true,"unique":false}}"#;
    assert_eq!(message.payload.as_deref(), Some(&payload[..]));
    assert_eq!((&*message.event_type, &*message.channels), ("link.clicked", &["human".to_owned()][..]));
    let mut sent: Vec<_> = w.take().await.into_iter().map(|l| (l.key.message, l.key.endpoint, l.payload)).collect();
    sent.sort();
    let of = |m, e| sent.iter().any(|(message, endpoint, _)| (*message, *endpoint) == (m, e));
    assert!(of(id, all_of_them) && of(id, people) && of(machine, all_of_them), "{sent:?}");
    assert_eq!((sent.len(), &sent[0].2[..]), (3, &payload[..]));
    assert!(sent.iter().all(|(_, e, _)| *e != other));
    assert_eq!(w.store.metrics().messages_accepted.load(Relaxed), 2);
}

pub async fn an_event_read_back_from_disk_is_sent_as_it_was(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = record(&w, click(&w, app)).await;
    let first = w.take_one().await;
    w.settle(&first, Next::RetryAt(w.later(SECOND)));
    w.restart().await;
    w.advance(SECOND).await;
    let again = w.take_one().await;
    assert_eq!(again.payload, first.payload);
    w.settle(&again, Next::Delivered);
    w.store.resend(app, &Ref::Id(id), &Ref::Id(e), false).await.unwrap();
    assert_eq!(w.take_one().await.payload, first.payload);
    let listed = w.store.messages(app, page(ALL), MessageFilter::default()).await.unwrap();
    assert_eq!(listed.data.iter().map(|m| m.id).collect::<Vec<_>>(), [id]);
}

pub async fn clicks_return_at_once_and_are_on_disk_when_the_store_is_closed(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.store.click(click(&w, app)).unwrap();
    w.store.clicks((0..100).map(|_| click(&w, app)).collect()).unwrap();
    for _ in 0..2000 {
        w.store.click(click(&w, app)).unwrap();
    }
    w.restart().await;
    assert_eq!(all(&w).await.totals, [2101, 0, 0, 0]);
    assert_eq!(w.deliver_all().await, 2101);
    w.check_balance(2101, &[(app, e)]).await;
    assert_eq!(w.store.metrics().clicks_lost.load(Relaxed), 0);
    w.store.close().await;
    assert!(matches!(w.store.click(click(&w, app)), Err(StoreError::Busy { .. })));
}

pub async fn of_sixty_four_first_clicks_at_once_one_is_the_first(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let (store, event) = (w.store.clone(), clicked_by(&w, app, Some(n % 8)));
            tokio::spawn(async move { store.record(event).await.unwrap() })
        })
        .collect();
    let mut sum = [0; 3];
    for task in tasks {
        let Recorded::New(id) = task.await.unwrap() else { panic!("repeated") };
        for (n, is) in sum.iter_mut().zip(news(&w, app, id).await) {
            *n += usize::from(is);
        }
    }
    assert_eq!(sum, [1, 1, 8]);
    assert_eq!(all(&w).await.totals, [64, 0, 8, 0]);
}

pub async fn a_bots_click_is_nobodys_first_and_no_visitor(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    assert_eq!(record_news(&w, bots(clicked_by(&w, app, Some(1)))).await, [true, false, false]);
    assert_eq!(record_news(&w, clicked_by(&w, app, Some(1))).await, [false, true, true]);
    assert_eq!(record_news(&w, click(&w, app)).await, [false, false, false]);
    assert_eq!(all(&w).await.totals, [2, 1, 1, 0]);
}

pub async fn a_conversion_is_first_among_conversions(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    record(&w, click(&w, app)).await;
    assert_eq!(record_news(&w, converted(click(&w, app), "a")).await, [true, true, false]);
    assert_eq!(record_news(&w, converted(click(&w, app), "b")).await, [false, false, false]);
    let other = OwnEvent { origin: OriginId(78), ..converted(click(&w, app), "c") };
    assert_eq!(record_news(&w, other).await, [true, true, false]);
    assert_eq!(all(&w).await.totals, [1, 0, 0, 2]);
}

pub async fn an_event_id_brings_one_event_in_its_application(f: F) {
    let mut w = World::new(f).await;
    let (app, other) = (w.app().await, w.app().await);
    record(&w, converted(click(&w, app), "a")).await;
    for _ in 0..2 {
        assert_eq!(w.store.record(converted(click(&w, app), "a")).await.unwrap(), Recorded::Repeated);
        w.restart().await;
    }
    record(&w, converted(click(&w, other), "a")).await;
    assert_eq!(w.payloads(app).await.len(), 1);
    assert_eq!(all(&w).await.totals, [0, 0, 0, 2]);
}

pub async fn what_is_refused_writes_nothing(f: F) {
    let w = World::new(f).await;
    let (app, gone) = (w.app().await, w.app().await);
    w.store.delete_app(w.org, &Ref::Id(gone)).await.unwrap();
    let refused = w.store.record(clicked_by(&w, gone, Some(1))).await;
    assert_eq!(refused.unwrap_err(), StoreError::NotFound("application"));
    w.store.click(click(&w, gone)).unwrap();
    record(&w, OwnEvent { files: vec![file(1)], origin: OriginId(78), ..click(&w, app) }).await;
    for files in [vec![file(1)], vec![file(2), file(2)]] {
        let refused = w.store.record(OwnEvent { files, ..clicked_by(&w, app, Some(1)) }).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))));
    }
    assert_eq!(w.store.form_file(FileId(2)).await.unwrap_err(), StoreError::NotFound("file"));
    assert_eq!(all(&w).await.totals, [0; 4]);
    assert_eq!(record_news(&w, clicked_by(&w, app, Some(1))).await, [true, true, true]);
}

pub async fn a_visitor_counts_once_a_day(f: F) {
    let mut w = World::new(f).await;
    let app = w.app().await;
    let unique = async |w: &World, visitor| record_news(w, clicked_by(w, app, Some(visitor))).await[2];
    assert!(unique(&w, 1).await && unique(&w, 2).await && !unique(&w, 1).await);
    let elsewhere = OwnEvent { origin: OriginId(78), ..clicked_by(&w, app, Some(1)) };
    assert!(record_news(&w, elsewhere).await[2]);
    w.restart().await;
    assert!(!unique(&w, 1).await && !unique(&w, 2).await && unique(&w, 3).await, "remembered over a restart");
    w.advance(16 * HOUR).await;
    assert!(unique(&w, 1).await && !unique(&w, 1).await, "another day");
    w.restart().await;
    assert!(!unique(&w, 1).await && unique(&w, 2).await);
    assert_eq!(all(&w).await.totals, [10, 0, 5, 0]);
}

pub async fn what_happened_once_is_known_after_a_restart(f: F) {
    let mut w = World::new(f).await;
    let app = w.app().await;
    record(&w, bots(click(&w, app))).await;
    record(&w, converted(click(&w, app), "a")).await;
    w.restart().await;
    assert_eq!(record_news(&w, converted(click(&w, app), "b")).await, [false, false, false]);
    assert_eq!(record_news(&w, click(&w, app)).await, [false, true, false]);
    w.restart().await;
    assert_eq!(record_news(&w, click(&w, app)).await, [false, false, false]);
}

pub async fn visitors_are_remembered_as_far_as_memory_allows(f: F) {
    let w = World::with(f, |c| c.visitors_remembered = 10).await;
    let app = w.app().await;
    for visitor in 0..50 {
        assert!(record_news(&w, clicked_by(&w, app, Some(visitor))).await[2]);
    }
    assert!(!record_news(&w, clicked_by(&w, app, Some(49))).await[2]);
    assert!(record_news(&w, clicked_by(&w, app, Some(0))).await[2], "forgotten");
}

pub async fn values_are_counted_of_people_and_cut(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let long = "é".repeat(200);
    let one = [(Dim::Country, "NO"), (Dim::Referrer, &*long), (Dim::Os, ""), (Dim::Human, "no value")];
    record(&w, with_values(click(&w, app), &one)).await;
    record(&w, with_values(click(&w, app), &[(Dim::Country, "NO")])).await;
    record(&w, with_values(click(&w, app), &[(Dim::Country, "AD")])).await;
    record(&w, with_values(click(&w, app), &[(Dim::Country, "CH")])).await;
    record(&w, with_values(bots(click(&w, app)), &[(Dim::Country, "NO")])).await;
    let stats = all(&w).await;
    assert_eq!(values(&stats, Dim::Country), [("NO", 2), ("AD", 1), ("CH", 1)]);
    assert_eq!(values(&stats, Dim::Referrer), [(&*"é".repeat(127), 1)]);
    assert_eq!(values(&stats, Dim::Os), []);
    assert_eq!(stats.totals, [4, 1, 0, 0]);
    assert_eq!(stats.dims.iter().map(|(d, _)| *d).collect::<Vec<_>>(), Dim::ALL[4..]);
    let query = StatQuery { from: 0, until: i64::MAX / 60_000, step: Step::Day, top: 2 };
    assert_eq!(values(&w.store.stats(LINK, query).await.unwrap(), Dim::Country), [("NO", 2), ("AD", 1)]);
}

pub async fn a_dimension_has_two_hundred_values_a_day(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let named = |n: usize| OwnEvent { dims: vec![(Dim::UtmSource, format!("s{n}").into())], ..click(&w, app) };
    w.store.clicks((0..150).map(named).collect()).unwrap();
    record(&w, with_values(click(&w, app), &[(Dim::UtmSource, "(other)")])).await;
    w.store.clicks((100..250).map(named).collect()).unwrap();
    record(&w, named(7)).await;
    record(&w, named(249)).await;
    let stats = all(&w).await;
    let found: BTreeMap<_, _> = values(&stats, Dim::UtmSource).into_iter().collect();
    assert_eq!((found.len(), found["(other)"], found["s7"], found["s120"]), (201, 52, 2, 2));
    assert_eq!(found.values().sum::<u64>(), 303);
    let minute = w.now().0 / 60_000;
    let query = StatQuery { from: minute, until: minute + 1, step: Step::Minute, top: 1000 };
    let same: Stats = w.store.stats(LINK, query).await.unwrap();
    assert_eq!(values(&same, Dim::UtmSource), values(&stats, Dim::UtmSource), "minutes say the same");
    w.advance(DAY).await;
    record(&w, named(249)).await;
    assert!(values(&all(&w).await, Dim::UtmSource).contains(&("s249", 1)), "another day");
}

pub async fn figures_are_exact_to_the_minute(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let start = START.0 / 60_000;
    for minutes in [0, 1, 59, 60, 960, 961, 2399, 2400, 2401, 5000] {
        let at = START.plus(Duration::from_secs(60 * minutes));
        record(&w, OwnEvent { at, ..with_values(click(&w, app), &[(Dim::Os, "iOS")]) }).await;
    }
    let check = async |from: i64, until: i64, step, want: &[(i64, u64)]| {
        let query = StatQuery { from: start + from, until: start + until, step, top: 5 };
        let found = w.store.stats(LINK, query).await.unwrap();
        let series: Vec<(i64, u64)> = found.series.iter().map(|(at, n)| (at - start, n[0])).collect();
        assert_eq!(series, want, "{from}..{until}");
        let sum: u64 = want.iter().map(|(_, n)| n).sum();
        assert_eq!(found.totals, [sum, 0, 0, 0]);
        let of_values: u64 = values(&found, Dim::Os).iter().map(|(_, n)| n).sum();
        assert_eq!(of_values, sum);
    };
    // Stories begin at 08:00, so that days end at 960 and 2400.
    check(0, 5001, Step::Day, &[(-480, 4), (960, 3), (2400, 2), (3840, 1)]).await;
    check(1, 2401, Step::Day, &[(-480, 3), (960, 3), (2400, 1)]).await;
    check(0, 62, Step::Hour, &[(0, 3), (60, 1)]).await;
    check(1, 61, Step::Minute, &[(1, 1), (59, 1), (60, 1)]).await;
    check(1, 60, Step::Day, &[(-480, 2)]).await;
    check(60, 60, Step::Day, &[]).await;
    check(61, 60, Step::Minute, &[]).await;
    check(961, 5000, Step::Hour, &[(960, 1), (2340, 1), (2400, 2)]).await;
}

pub async fn minutes_that_expired_are_known_by_the_hour_and_by_the_day(f: F) {
    let mut w = World::with(f, |c| c.stat_minute_retention = 10 * DAY).await;
    let app = w.app().await;
    for minutes in [0, 1, 61, 960] {
        let at = START.plus(Duration::from_secs(60 * minutes));
        record(&w, OwnEvent { at, ..with_values(click(&w, app), &[(Dim::Os, "iOS")]) }).await;
    }
    let start = START.0 / 60_000;
    let ask = async |w: &World, step| {
        let query = StatQuery { from: start + 1, until: start + 70, step, top: 5 };
        let found = w.store.stats(LINK, query).await.unwrap();
        let n = values(&found, Dim::Os).iter().map(|(_, n)| n).sum::<u64>();
        (found.series.iter().map(|(at, n)| (at - start, n[0])).collect::<Vec<_>>(), found.totals[0], n)
    };
    assert_eq!(ask(&w, Step::Minute).await, (vec![(1, 1), (61, 1)], 2, 2));
    for so_far in [5, 6] {
        w.advance(11 * DAY).await;
        w.sweep().await;
        record(&w, click(&w, app)).await;
        assert_eq!(ask(&w, Step::Minute).await, (vec![(0, 2), (60, 1)], 3, 3));
        assert_eq!(ask(&w, Step::Hour).await, (vec![(0, 2), (60, 1)], 3, 3));
        assert_eq!(ask(&w, Step::Day).await, (vec![(-480, 3)], 3, 3));
        assert_eq!(all(&w).await.totals[0], so_far);
        w.restart().await;
    }
}

pub async fn own_events_are_listed_newest_first(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let mut ids = Vec::new();
    for n in 0..7 {
        let origin = if n % 3 == 2 { OriginId(78) } else { LINK };
        let id = record(&w, OwnEvent { origin, ..click(&w, app) }).await;
        if origin == LINK {
            ids.push(id);
        }
        w.send(app).await;
    }
    ids.reverse();
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = w.store.own_events(LINK, before, 2).await.unwrap();
        assert!(page.data.iter().all(|m| m.app == app && m.payload.is_some()));
        found.extend(page.data.iter().map(|m| m.id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(found, ids);
    assert!(w.store.own_events(OriginId(1), None, 2).await.unwrap().data.is_empty());
}

pub async fn large_events_are_listed_a_few_at_a_time(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let text = "x".repeat(1 << 20);
    for _ in 0..6 {
        let payload = Bytes::from(format!(r#"{{"data":{{"x":"{text}""#));
        record(&w, OwnEvent { payload, ..click(&w, app) }).await;
    }
    let first = w.store.own_events(LINK, None, 100).await.unwrap();
    assert_eq!(first.data.len(), 4);
    let rest = w.store.own_events(LINK, first.next, 100).await.unwrap();
    assert_eq!((rest.data.len(), rest.next), (2, None));
}

pub async fn files_live_as_long_as_the_content_of_their_message(f: F) {
    let mut w = World::with(f, |c| c.payload_retention = 10 * DAY).await;
    let app = w.app().await;
    let with = |w: &World, ids: &[i64]| OwnEvent {
        kind: EventKind::Submitted,
        files: ids.iter().map(|id| file(*id)).collect(),
        ..click(w, app)
    };
    let first = record(&w, with(&w, &[1, 2])).await;
    let second = record(&w, with(&w, &[3])).await;
    let found = w.store.form_file(FileId(2)).await.unwrap();
    assert_eq!(
        (found.message, &*found.field, &*found.name, &*found.content_type),
        (first, "cv", "cv.pdf", "application/pdf")
    );
    assert_eq!(found.content, file(2).content);
    w.store.delete_message_content(app, &Ref::Id(second)).await.unwrap();
    assert!(w.store.form_file(FileId(3)).await.is_err());
    w.endpoint(app).await;
    let ids: Vec<i64> = (10..50).collect();
    record(&w, with(&w, &ids)).await;
    w.advance(11 * DAY).await;
    w.sweep().await;
    assert!(w.store.form_file(FileId(1)).await.is_err());
    assert!(w.store.form_file(FileId(49)).await.is_ok(), "its message isn't delivered yet");
    w.deliver_all().await;
    w.sweep().await;
    for id in ids {
        assert!(w.store.form_file(FileId(id)).await.is_err(), "{id}");
    }
}

pub async fn events_expire_with_other_messages_and_figures_stay(f: F) {
    let mut w = World::with(f, |c| c.message_retention = 20 * DAY).await;
    let (app, e) = w.app_and_endpoint().await;
    for _ in 0..300 {
        w.store.click(clicked_by(&w, app, Some(1))).unwrap();
    }
    assert_eq!(w.deliver_all().await, 300);
    w.advance(21 * DAY).await;
    w.sweep().await;
    assert!(w.store.own_events(LINK, None, 10).await.unwrap().data.is_empty());
    w.check_balance(0, &[(app, e)]).await;
    assert_eq!(all(&w).await.totals, [300, 0, 1, 0]);
    assert_eq!(record_news(&w, click(&w, app)).await, [false, false, false]);
}

pub async fn a_salt_lasts_a_day_and_is_the_same_for_all(f: F) {
    let mut w = World::new(f).await;
    let asked: Vec<_> = (0..8)
        .map(|_| {
            let store = w.store.clone();
            tokio::spawn(async move { store.visitor_salt(100).await.unwrap() })
        })
        .collect();
    let first = w.store.visitor_salt(100).await.unwrap();
    for salt in asked {
        assert_eq!(salt.await.unwrap(), first);
    }
    w.restart().await;
    assert_eq!(w.store.visitor_salt(100).await.unwrap(), first);
    // The world's chance begins anew with each process.
    w.store.rng().next_u64();
    let second = w.store.visitor_salt(101).await.unwrap();
    assert_ne!(second, first);
    assert_eq!(w.store.visitor_salt(100).await.unwrap(), second, "who is late gets the new day's");
    w.restart().await;
    assert_eq!(w.store.visitor_salt(100).await.unwrap(), second);
    let set_back = w.store.visitor_salt(90).await.unwrap();
    assert!(set_back != first && set_back != second);
    assert_ne!(w.store.visitor_salt(101).await.unwrap(), second, "of another day: deleted");
}

pub async fn below_the_disk_reserve_events_are_refused_and_clicks_lost(f: F) {
    let mut w = World::new(f).await;
    let app = w.app().await;
    w.config.disk_reserve = u64::MAX;
    w.restart().await;
    assert!(matches!(w.store.record(click(&w, app)).await, Err(StoreError::Full { .. })));
    w.store.clicks(vec![click(&w, app); 3]).unwrap();
    w.calm().await;
    let m = w.store.metrics();
    assert_eq!((m.refused_full.load(Relaxed), m.clicks_lost.load(Relaxed)), (1, 3));
    w.config.disk_reserve = 0;
    w.restart().await;
    assert_eq!(record_news(&w, click(&w, app)).await, [true, true, false]);
}
