//! Lists: pages and cursors both ways, and filters.

use super::world::{ALL, HOUR, World, detail, page, seal};
use super::{Fixture, SeededRng};
use crate::*;
use bytes::Bytes;
use domain::{AttemptDetail, MessageId, Rng, TypedId};
use std::fmt::Debug;

type F = Box<dyn Fixture>;

/// Walks a list to its end in pages of random size, then back again; both must show the same rows, once each.
pub(super) async fn walk<T, I: Clone + Debug + PartialEq>(
    order: Order,
    fetch: impl AsyncFn(PageQuery<I>) -> Page<T, I>,
    id: impl Fn(&T) -> I,
) -> Vec<I> {
    let mut forward = Vec::new();
    for seed in 0..8 {
        let rng = SeededRng::new(seed);
        let size = || 1 + (rng.next_u64() % 9) as u32;
        let mut rows = Vec::new();
        let mut cursor = None;
        loop {
            let limit = size();
            let p = fetch(PageQuery { limit, cursor: cursor.take(), order }).await;
            assert!(p.data.len() <= limit as usize);
            assert_eq!(p.first, p.data.first().map(&id), "walking on, a page begins with its first row");
            rows.extend(p.data.iter().map(&id));
            if p.done {
                break;
            }
            cursor = Some(Cursor::After(p.last.expect("where to go on")));
        }
        let Some(end) = rows.last().cloned() else { return rows };
        let mut back = vec![end.clone()];
        let mut cursor = Some(Cursor::Before(end));
        loop {
            let p = fetch(PageQuery { limit: size(), cursor: cursor.take(), order }).await;
            back.splice(0..0, p.data.iter().map(&id));
            if p.done {
                break;
            }
            cursor = Some(Cursor::Before(p.first.expect("where to go on")));
        }
        assert_eq!(back, rows);
        forward = rows;
    }
    forward
}

pub async fn applications_and_endpoints_are_walked_both_ways(f: F) {
    let w = World::new(f).await;
    let mut apps = Vec::new();
    for n in 0..25 {
        let app = w.app().await;
        match n % 5 {
            0 => w.store.delete_app(w.org, &Ref::Id(app)).await.unwrap(),
            _ => apps.push(app),
        }
    }
    let other = w.store.organisation("org_2").await.unwrap();
    w.store.create_app(other, AppFields::default(), false).await.unwrap();
    let list = async |q| w.store.apps(w.org, q).await.unwrap();
    assert_eq!(walk(Order::Ascending, list, |a| a.id).await, apps);
    let mut endpoints = Vec::new();
    for n in 0..25 {
        let e = w.endpoint(apps[0]).await;
        match n % 5 {
            0 => w.store.delete_endpoint(apps[0], &Ref::Id(e)).await.unwrap(),
            _ => endpoints.push(e),
        }
    }
    w.endpoint(apps[1]).await;
    endpoints.reverse();
    let list = async |q| w.store.endpoints(apps[0], q).await.unwrap();
    assert_eq!(walk(Order::Descending, list, |e| e.id).await, endpoints);
}

pub async fn event_types_are_walked_by_name(f: F) {
    let w = World::new(f).await;
    for n in 0..30 {
        let name = format!("type.{}", (n * 7) % 30);
        w.store.create_event_type(w.org, &name, EventTypeFields::default()).await.unwrap();
        if n % 3 == 0 {
            w.store.delete_event_type(w.org, &name, false).await.unwrap();
        }
    }
    for (archived, n) in [(true, 30), (false, 20)] {
        let list = async |q| w.store.event_types(w.org, q, archived).await.unwrap();
        let up = walk(Order::Ascending, list, |e| e.name.clone()).await;
        assert!(up.len() == n && up.is_sorted());
        let mut down = walk(Order::Descending, list, |e| e.name.clone()).await;
        down.reverse();
        assert_eq!(up, down);
    }
}

pub async fn tasks_and_destinations_are_walked_both_ways(f: F) {
    let mut w = World::new(f).await;
    let app = w.app().await;
    let mut endpoints = Vec::new();
    for _ in 0..20 {
        endpoints.push(w.endpoint(app).await);
    }
    let id = w.send(app).await;
    let batch = w.take().await;
    w.settle(&batch[0], Next::Delivered);
    w.settle(&batch[1], Next::Dead(domain::DeadReason::Exhausted));
    w.calm().await;
    w.store.delete_endpoint(app, &Ref::Id(endpoints[4])).await.unwrap();
    endpoints.remove(4);
    let list = async |q| w.store.destinations(app, &Ref::Id(id), q).await.unwrap();
    assert_eq!(walk(Order::Ascending, list, |d| d.endpoint.id).await, endpoints);
    let all = w.store.destinations(app, &Ref::Id(id), page(ALL)).await.unwrap().data;
    assert_eq!(all[0].status, DeliveryStatus::Success);
    assert!(matches!(all[1].status, DeliveryStatus::Fail { .. }));
    assert!(all[2..].iter().all(|d| d.status == DeliveryStatus::Sending));
    let mut tasks = Vec::new();
    for _ in 0..12 {
        let endpoint = Ref::Id(endpoints[0]);
        let task = w.store.start_task(app, &endpoint, TaskKind::Recover, w.now(), None).await.unwrap();
        tasks.insert(0, task.id);
    }
    let list = async |q| w.store.tasks(w.org, q).await.unwrap();
    assert_eq!(walk(Order::Ascending, list, |t| t.id).await, tasks);
}

/// 60 messages in three hours; their channel, tag and type repeat every 2, 3 and 5.
async fn sixty(w: &World, app: domain::AppId) -> Vec<MessageId> {
    let mut ids = Vec::new();
    for n in 0..60 {
        if n > 0 && n % 20 == 0 {
            w.clock.advance(HOUR);
        }
        let m = NewMessage {
            channels: vec![format!("c{}", n % 2).into()],
            tags: vec![format!("t{}", n % 3).into()],
            ..w.message(app, &format!("type.{}", n % 5)).await
        };
        ids.insert(0, w.accept(m).await);
    }
    ids
}

pub async fn messages_are_walked_newest_first_and_filtered(f: F) {
    let w = World::new(f).await;
    let (app, other) = (w.app().await, w.app().await);
    let began = w.now();
    let ids = sixty(&w, app).await;
    w.send(other).await;
    let check = async |filter: MessageFilter, wanted: &dyn Fn(usize) -> bool| {
        let want: Vec<_> = ids.iter().enumerate().filter(|(i, _)| wanted(59 - i)).map(|(_, id)| *id).collect();
        let list = async |q| w.store.messages(app, q, filter.clone()).await.unwrap();
        assert_eq!(walk(Order::Descending, list, |m| m.id).await, want, "{filter:?}");
        assert!(!want.is_empty());
    };
    let none = MessageFilter::default;
    check(none(), &|_| true).await;
    check(MessageFilter { channel: Some("c1".into()), ..none() }, &|n| n % 2 == 1).await;
    check(MessageFilter { tag: Some("t2".into()), ..none() }, &|n| n % 3 == 2).await;
    let types = vec!["type.0".to_owned(), "type.3".to_owned()];
    check(MessageFilter { event_types: types, ..none() }, &|n| n % 5 == 0 || n % 5 == 3).await;
    check(MessageFilter { before: Some(began.plus(HOUR)), ..none() }, &|n| n < 20).await;
    check(MessageFilter { after: Some(began), ..none() }, &|n| n >= 20).await;
    let middle = MessageFilter { after: Some(began), before: Some(began.plus(2 * HOUR)), ..none() };
    check(middle, &|n| (20..40).contains(&n)).await;
    let content = MessageFilter { with_content: true, ..none() };
    assert!(w.store.messages(app, page(1), content).await.unwrap().data[0].payload.is_some());
    assert!(w.store.messages(app, page(1), none()).await.unwrap().data[0].payload.is_none());
}

pub async fn attempts_are_walked_newest_first_and_filtered(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let other = w.endpoint(app).await;
    sixty(&w, app).await;
    for (n, l) in w.take().await.iter().filter(|l| l.key.endpoint == e).enumerate() {
        let next = if n % 4 == 0 { Next::Dead(domain::DeadReason::Exhausted) } else { Next::Delivered };
        w.settle_with(l, next, |s| {
            let a = s.attempt.as_mut().unwrap();
            a.status_code = if n % 4 == 0 { [500, 404, 0][n / 4 % 3] } else { 201 };
        });
    }
    w.calm().await;
    let check = async |filter: AttemptFilter, want: usize| {
        let list = async |q| w.store.attempts_by_endpoint(app, &Ref::Id(e), q, filter.clone()).await.unwrap();
        let got = walk(Order::Descending, list, |a| a.id).await;
        assert_eq!(got.len(), want, "{filter:?}");
        assert!(got.is_sorted_by(|a, b| a > b));
    };
    let none = AttemptFilter::default;
    check(none(), 60).await;
    check(AttemptFilter { success: Some(false), ..none() }, 15).await;
    check(AttemptFilter { success: Some(true), ..none() }, 45).await;
    check(AttemptFilter { status_code_class: Some(200), ..none() }, 45).await;
    check(AttemptFilter { status_code_class: Some(400), ..none() }, 5).await;
    check(AttemptFilter { status_code_class: Some(0), ..none() }, 5).await;
    check(AttemptFilter { channel: Some("c0".into()), ..none() }, 30).await;
    check(AttemptFilter { tag: Some("t0".into()), ..none() }, 20).await;
    check(AttemptFilter { event_types: vec!["type.1".into()], ..none() }, 12).await;
    check(AttemptFilter { before: Some(w.now()), ..none() }, 0).await;
    check(AttemptFilter { endpoint: Some(other), ..none() }, 0).await;
    let filter = AttemptFilter { with_message: true, with_content: true, ..none() };
    let rich = w.store.attempts_by_endpoint(app, &Ref::Id(e), page(1), filter).await.unwrap().data.remove(0);
    assert!(rich.message.unwrap().payload.is_some());
    assert_eq!(rich.response.as_deref(), Some(&b"an answer"[..]));
    let plain = w.store.attempts_by_endpoint(app, &Ref::Id(e), page(1), none()).await.unwrap().data.remove(0);
    assert!(plain.message.is_none() && plain.response.unwrap().is_empty());
    let noted = plain.detail.unwrap();
    assert_eq!(noted, AttemptDetail { headers: None, ..detail() }, "headers are content, times are not");
}

pub async fn attempts_of_a_message_are_walked_newest_first(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let other = w.endpoint(app).await;
    let id = w.send(app).await;
    for _ in 0..6 {
        for l in w.take().await {
            w.settle(&l, Next::RetryAt(w.now()));
        }
    }
    w.calm().await;
    let list = async |q| w.store.attempts_by_message(app, &Ref::Id(id), q, AttemptFilter::default()).await.unwrap();
    let got = walk(Order::Descending, list, |a| a.id).await;
    assert_eq!(got.len(), 12);
    let filter = AttemptFilter { endpoint: Some(other), ..Default::default() };
    let list = async |q| w.store.attempts_by_message(app, &Ref::Id(id), q, filter.clone()).await.unwrap();
    assert_eq!(walk(Order::Descending, list, |a| a.id).await.len(), 6);
    let in_time: Vec<u32> =
        w.attempts(app, id).await.iter().filter(|a| a.key.endpoint == e).map(|a| a.number).collect();
    assert_eq!(in_time, [6, 5, 4, 3, 2, 1]);
    assert!(got[0].created_at() == w.now() && got[0].seq() > got[11].seq());
}

pub async fn a_rare_match_is_found_in_short_pages_both_ways(f: F) {
    let mut w = World::with(f, |c| c.lane_capacity = 100_000).await;
    let app = w.app().await;
    let e = w.endpoint_with(app, |e| e.event_types = Some(vec!["rare".into()])).await;
    let (common, rare) = (w.message(app, "common").await, w.message(app, "rare").await);
    let mut many = vec![NewMessage { payload: Bytes::new(), ..common }; 6000];
    for n in [0, 900, 2500, 5999] {
        many[n] = rare.clone();
    }
    w.store.accept_many(many).await;
    w.deliver_all().await;
    let filter = MessageFilter { event_types: vec!["rare".into()], ..Default::default() };
    let p = w.store.messages(app, page(ALL), filter.clone()).await.unwrap();
    assert!(!p.done && p.data.len() < 4, "a page looks at a bounded number of rows");
    let list = async |q| w.store.messages(app, q, filter.clone()).await.unwrap();
    assert_eq!(walk(Order::Descending, list, |m| m.id).await.len(), 4);
    let all = MessageFilter::default();
    let list = async |q| {
        let done = Some(StatusFilter::Success);
        w.store.attempted_messages(app, &Ref::Id(e), q, all.clone(), done).await.unwrap()
    };
    assert_eq!(walk(Order::Descending, list, |m| m.message.id).await.len(), 4);
}

pub async fn attempted_messages_are_filtered_by_status(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 10).await;
    let batch = w.take().await;
    let dead = Next::Dead(domain::DeadReason::Exhausted);
    let ways = [Next::Delivered, Next::Delivered, dead, dead, dead, Next::RetryAt(w.later(HOUR))];
    for (l, next) in batch.iter().zip(ways) {
        w.settle(l, next);
    }
    w.calm().await;
    use StatusFilter::*;
    for (status, want) in [(Success, 2), (Fail, 3), (Pending, 1), (Canceled, 0), (Sending, 4)] {
        let filter = MessageFilter::default();
        let p = w.store.attempted_messages(app, &Ref::Id(e), page(ALL), filter, Some(status)).await.unwrap();
        assert_eq!(p.data.len(), want, "{status:?}");
    }
    w.check_balance(10, &[(app, e)]).await;
}

pub async fn an_unknown_owner_has_no_list(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let nobody = Ref::Uid("nobody".into());
    let p = w.store.attempts_by_endpoint(app, &nobody, page(1), AttemptFilter::default()).await;
    assert_eq!(p.unwrap_err(), StoreError::NotFound("endpoint"));
    let p = w.store.attempts_by_message(app, &Ref::Uid("no".into()), page(1), AttemptFilter::default()).await;
    assert_eq!(p.unwrap_err(), StoreError::NotFound("message"));
    let p = w.store.destinations(app, &Ref::Id(MessageId(9)), page(1)).await;
    assert_eq!(p.unwrap_err(), StoreError::NotFound("message"));
    w.store.create_endpoint(app, EndpointFields::default(), seal("s"), None).await.unwrap();
    assert_eq!(w.store.endpoints(app, page(ALL)).await.unwrap().data.len(), 1);
}
