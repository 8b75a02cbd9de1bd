//! Figures: what is counted, when it shows, and how long it is kept.

use super::world::{DAY, HOUR, SECOND, World};
use super::{Fixture, START};
use crate::*;
use domain::{AppId, DeadReason, EndpointId, Timestamp};
use std::time::Duration;

type F = Box<dyn Fixture>;

const MINUTE: Duration = Duration::from_secs(60);

/// All that happened in the last hour and this one, in one step.
async fn total(w: &World) -> Minute {
    let steps = w.store.throughput(w.org, w.now().minus(HOUR), w.later(SECOND), Step::Hour).await.unwrap();
    steps.into_iter().fold(Minute::default(), |mut sum, step| {
        sum.add(&step);
        sum
    })
}
/// Accepted, delivered, retried, failed.
async fn counts(w: &World) -> [u64; 4] {
    let m = total(w).await;
    [m.accepted, m.delivered, m.retried, m.failed]
}
async fn of_app(w: &World, app: AppId) -> AppFigures {
    w.store.app_figures(w.org, vec![app], w.now().minus(HOUR)).await.unwrap().remove(0)
}
async fn of_endpoint(w: &World, e: EndpointId) -> EndpointFigures {
    w.store.endpoint_figures(vec![e], w.now().minus(HOUR)).await.unwrap().remove(0)
}

pub async fn what_happens_shows_at_once_and_stays(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 4).await;
    let leases = w.take().await;
    w.settle(&leases[0], Next::Delivered);
    w.settle(&leases[1], Next::RetryAt(w.later(HOUR)));
    w.settle(&leases[2], Next::Dead(DeadReason::Exhausted));
    w.settle(&leases[3], Next::Released(w.later(HOUR)));
    w.calm().await;
    let want = [4, 1, 1, 1];
    assert_eq!(counts(&w).await, want, "from memory");
    for _ in 0..3 {
        w.advance(SECOND).await;
        assert_eq!(counts(&w).await, want, "once, wherever it is");
    }
    w.restart().await;
    assert_eq!(counts(&w).await, want, "from disk");
    let apps = of_app(&w, app).await;
    let want = HourFigures { at: apps.hours[0].at, messages: 4, delivered: 1, retried: 1, failed: 1 };
    assert_eq!((apps.total, apps.last_message_at), (want, Some(START)));
    let endpoint = of_endpoint(&w, e).await;
    assert_eq!(endpoint.total, HourFigures { messages: 0, ..want });
    assert_eq!((endpoint.latency.count(), endpoint.latency_by_hour[1].count()), (3, 3));
    let p95 = total(&w).await.latency.p95_us().unwrap();
    assert!((1110..=1358).contains(&p95), "each took 1234 us: {p95}");
}

pub async fn figures_are_on_disk_when_the_store_is_closed(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    w.send_many(app, 3).await;
    w.deliver_all().await;
    w.restart().await;
    assert_eq!(counts(&w).await, [3, 3, 0, 0]);
    w.send(app).await;
    w.deliver_all().await;
    assert_eq!(counts(&w).await, [4, 4, 0, 0]);
}

pub async fn a_killed_process_loses_what_was_not_written_and_nothing_else(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    w.send_many(app, 5).await;
    w.advance(SECOND).await;
    w.send_many(app, 7).await;
    // As after a kill: the first process never closes.
    let (second, leases) = w.open_again();
    let first = std::mem::replace(&mut w.store, second);
    w.leases = leases;
    assert_eq!(counts(&w).await, [5, 0, 0, 0]);
    assert_eq!(w.deliver_all().await, 12, "messages are all there");
    let search = Search { types: vec!["user.created".into()], ..Search::default() };
    let page = PageQuery { limit: 100, cursor: None, order: Order::Descending };
    let found = w.store.search_messages(w.org, page, search).await.unwrap();
    assert_eq!(found.page.data.len(), 12, "and found, counted or not");
    drop(first);
}

pub async fn an_undone_write_is_not_counted(f: F) {
    let w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    let m = NewMessage { event_id: Some("once".into()), ..w.message(app, "a").await };
    w.accept(m.clone()).await;
    assert_eq!(
        w.store.accept(m).await.unwrap_err(),
        StoreError::Conflict("a message with this eventId already exists")
    );
    assert_eq!(counts(&w).await, [1, 0, 0, 0]);
}

pub async fn steps_are_minutes_hours_and_days_and_empty_ones_are_there(f: F) {
    let w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    w.send_many(app, 2).await;
    w.advance(2 * MINUTE).await;
    w.send(app).await;
    w.advance(HOUR).await;
    w.send(app).await;
    let accepted = async |from: Timestamp, until: Timestamp, step: Step| -> Vec<u64> {
        let steps = w.store.throughput(w.org, from, until, step).await.unwrap();
        assert!(steps.windows(2).all(|s| s[0].at < s[1].at));
        steps.iter().map(|s| s.accepted).collect()
    };
    let until = START.plus(4 * MINUTE);
    assert_eq!(accepted(START, until, Step::Minute).await, [2, 0, 1, 0]);
    assert_eq!(accepted(START.plus(SECOND), until, Step::Minute).await, [2, 0, 1, 0], "whole steps");
    assert_eq!(accepted(START.minus(HOUR), START.plus(2 * HOUR), Step::Hour).await, [0, 3, 1]);
    assert_eq!(accepted(START.minus(DAY), w.later(SECOND), Step::Day).await, [0, 4]);
    assert_eq!(accepted(START, START, Step::Minute).await, [0; 0]);
    assert_eq!(accepted(START, START.minus(DAY), Step::Minute).await, [0; 0]);
}

pub async fn minutes_are_kept_two_days_and_hours_longer(f: F) {
    let w = World::with(f, |c| c.stat_minute_retention = 10 * DAY).await;
    let (app, _) = w.app_and_endpoint().await;
    w.send(app).await;
    let accepted = async |step: Step| -> u64 {
        let steps = w.store.throughput(w.org, START, START.plus(HOUR), step).await.unwrap();
        steps.iter().map(|s| s.accepted).sum()
    };
    w.advance(2 * DAY).await;
    w.sweep().await;
    assert_eq!((accepted(Step::Minute).await, accepted(Step::Hour).await), (0, 1));
    w.advance(8 * DAY).await;
    w.sweep().await;
    assert_eq!((accepted(Step::Minute).await, accepted(Step::Hour).await), (0, 0));
}

pub async fn an_organisation_sees_its_own_figures(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send(app).await;
    let ours = std::mem::replace(&mut w.org, w.store.organisation("org_2").await.unwrap());
    let (other, _) = w.app_and_endpoint().await;
    w.send_many(other, 2).await;
    for _ in 0..2 {
        let m = w.message(other, "b").await;
        w.accept(m).await;
        assert_eq!(of_app(&w, app).await.total.messages, 0, "not its application");
        let types = w.store.event_type_figures(w.org, w.now().minus(HOUR)).await.unwrap().types;
        assert_eq!(types.len(), 2);
        let busiest = w.store.busiest_apps(w.org, w.now().minus(HOUR), 10).await.unwrap();
        assert_eq!(busiest.iter().map(|f| f.app).collect::<Vec<_>>(), [other]);
        w.advance(SECOND).await;
    }
    assert_eq!(total(&w).await.accepted, 4);
    assert_eq!(w.store.queue_figures(w.org).await.unwrap(), QueueFigures::default());
    w.org = ours;
    assert_eq!(total(&w).await.accepted, 1);
    assert_eq!(of_endpoint(&w, e).await.total.delivered, 0);
}

pub async fn event_types_are_counted_by_the_hour(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    for (event_type, n) in [("a", 1), ("b", 3), ("a", 1)] {
        for _ in 0..n {
            w.accept(w.message(app, event_type).await).await;
        }
        w.advance(HOUR).await;
    }
    let seen = w.store.event_type_figures(w.org, START).await.unwrap();
    let all: Vec<_> = seen.types.iter().map(|t| (&*t.event_type, t.messages, t.last_at, t.hours.clone())).collect();
    let want = [("b", 3, START.plus(HOUR), vec![0, 3, 0, 0]), ("a", 2, START.plus(2 * HOUR), vec![1, 0, 1, 0])];
    assert_eq!((all.as_slice(), seen.other), (want.as_slice(), 0));
}

pub async fn types_beyond_some_thousand_in_an_hour_count_as_others(f: F) {
    let w = World::new(f).await;
    let app = w.app().await;
    let one = w.message(app, "a").await;
    let many: Vec<_> = (0..2100).map(|n| NewMessage { event_type: format!("t{n:04}").into(), ..one.clone() }).collect();
    for _ in 0..2 {
        w.store.accept_many(many.clone()).await;
        w.advance(5 * SECOND).await;
    }
    let seen = w.store.event_type_figures(w.org, START).await.unwrap();
    assert_eq!(seen.types.iter().map(|t| t.messages).sum::<u64>() + seen.other, 4200);
    assert!(seen.other >= 200, "{}", seen.other);
    let search = Search { types: vec!["t2099".into()], ..Search::default() };
    let page = PageQuery { limit: 100, cursor: None, order: Order::Descending };
    assert_eq!(w.store.search_messages(w.org, page, search).await.unwrap().page.data.len(), 2);
}

pub async fn requests_are_counted_by_verdict(f: F) {
    let w = World::new(f).await;
    let source = w.source(|_| {}).await;
    w.store_request(w.inbound(&source, 1).await).await;
    w.store.receive(w.inbound(&source, 1).await).await.unwrap();
    let refused = NewRequest { verdict: Verdict::Refused("no".into()), ..w.inbound(&source, 2).await };
    w.store_request(refused).await;
    let m = total(&w).await;
    assert_eq!((m.received, m.refused, m.accepted), (1, 1, 1), "a duplicate is stored as none");
}

pub async fn the_queue_is_told_by_lane(f: F) {
    let mut w = World::with(f, |c| c.lane_capacity = 2).await;
    let (app, e) = w.app_and_endpoint().await;
    let (_, other) = w.app_and_endpoint().await;
    w.send_many(app, 5).await;
    let leases = w.take().await;
    w.settle(&leases[0], Next::Dead(DeadReason::Exhausted));
    w.settle(&leases[1], Next::RetryAt(w.later(DAY)));
    w.calm().await;
    let later = NewMessage { deliver_at: Some(w.later(HOUR)), ..w.message(app, "a").await };
    w.accept(later).await;
    let held = w.take().await.len() as u64;
    let q = w.store.queue_figures(w.org).await.unwrap();
    assert_eq!((q.due, q.later, q.dead, q.is_estimate), (3 - held, 2, 1, false));
    assert_eq!(q.oldest_due_at, Some(START));
    let lanes: Vec<_> = q.lanes.iter().map(|l| (l.endpoint, l.waiting, l.dead, l.next_due_at)).collect();
    assert_eq!(lanes, [(e, 5 - held, 1, Some(START))]);
    assert_eq!(q.lanes[0].failing_since, Some(START));
    assert!(!lanes.iter().any(|l| l.0 == other));
}

pub async fn a_clock_that_was_set_back_holds_no_figures_up(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    w.send(app).await;
    w.clock.set(START.minus(DAY));
    w.send(app).await;
    w.calm().await;
    let (second, leases) = w.open_again();
    let first = std::mem::replace(&mut w.store, second);
    w.leases = leases;
    let steps = w.store.throughput(w.org, START.minus(2 * DAY), START.plus(DAY), Step::Day).await.unwrap();
    assert_eq!(steps.iter().map(|s| s.accepted).sum::<u64>(), 1, "the first was written with the second");
    drop(first);
}
