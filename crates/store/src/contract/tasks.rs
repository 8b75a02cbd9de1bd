//! Tasks: recover and replay-missing.

use super::Fixture;
use super::world::{ALL, HOUR, SECOND, Tally, World, page};
use crate::*;
use domain::{AppId, Cause, DeadReason, EndpointId, Timestamp};
use std::sync::atomic::Ordering::Relaxed;

type F = Box<dyn Fixture>;

async fn start(w: &World, app: AppId, e: EndpointId, kind: TaskKind, since: Timestamp) -> Task {
    w.store.start_task(app, &Ref::Id(e), kind, since, None).await.unwrap()
}
async fn finished(w: &World, task: &Task) -> u64 {
    w.calm().await;
    let t = w.store.task(w.org, task.id).await.unwrap();
    assert_eq!(t.status, TaskStatus::Finished, "{t:?}");
    t.done
}

pub async fn recover_brings_dead_deliveries_back_as_new_ones(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let other = w.endpoint(app).await;
    w.send_many(app, 700).await;
    assert_eq!(w.kill_all().await, 1400);
    let before = w.check_balance(1400, &[(app, e), (app, other)]).await;
    assert_eq!(before.fail, 1400);
    let task = start(&w, app, e, TaskKind::Recover, Timestamp(0)).await;
    assert_eq!((task.kind, task.status, task.app, task.endpoint), (TaskKind::Recover, TaskStatus::Running, app, e));
    assert_eq!(finished(&w, &task).await, 700);
    let back = w.take().await;
    assert!(back.iter().all(|l| l.cause == Cause::Recover && l.attempts == 0 && l.key.ordinal == 1));
    for l in &back {
        w.settle(l, Next::Delivered);
    }
    w.deliver_all().await;
    let after = w.check_balance(1400, &[(app, e), (app, other)]).await;
    assert_eq!((after.success, after.fail), (700, 700));
    let again = start(&w, app, e, TaskKind::Recover, Timestamp(0)).await;
    assert_eq!(finished(&w, &again).await, 0);
}

pub async fn a_task_moves_a_bounded_slice_at_a_time(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 900).await;
    w.kill_all().await;
    start(&w, app, e, TaskKind::Recover, Timestamp(0)).await;
    let left = w.store.metrics().deliveries_dead.load(Relaxed);
    assert!((300..=900).contains(&left), "{left}");
    w.restart().await;
    w.calm().await;
    assert_eq!(w.store.metrics().deliveries_dead.load(Relaxed), 0, "it goes on after a restart");
    assert_eq!(w.deliver_all().await, 900);
}

pub async fn every_dead_delivery_of_one_message_is_brought_back(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    for _ in 0..250 {
        w.store.resend(app, &Ref::Id(id), &Ref::Id(e), false).await.unwrap();
    }
    assert_eq!(w.kill_all().await, 251);
    let task = start(&w, app, e, TaskKind::Recover, Timestamp(0)).await;
    assert_eq!(finished(&w, &task).await, 251);
    assert_eq!(w.deliver_all().await, 251);
}

pub async fn messages_without_content_are_not_replayed(f: F) {
    let mut w = World::new(f).await;
    let app = w.app().await;
    let ids = w.send_many(app, 3).await;
    w.store.delete_message_content(app, &Ref::Id(ids[1])).await.unwrap();
    let late = w.endpoint(app).await;
    let task = start(&w, app, late, TaskKind::ReplayMissing, Timestamp(0)).await;
    assert_eq!(finished(&w, &task).await, 2);
    let got: Vec<_> = w.take().await.iter().map(|l| l.key.message).collect();
    assert_eq!(got, [ids[0], ids[2]]);
}

pub async fn a_task_keeps_to_its_window(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(w.send(app).await);
        w.advance(HOUR).await;
    }
    w.kill_all().await;
    let (since, until) = (ids[1].created_at(), ids[3].created_at());
    let task = w.store.start_task(app, &Ref::Id(e), TaskKind::Recover, since, Some(until)).await.unwrap();
    assert_eq!(finished(&w, &task).await, 2);
    let back: Vec<_> = w.take().await.iter().map(|l| l.key.message).collect();
    assert_eq!(back, ids[1..3]);
}

pub async fn replay_creates_what_the_endpoint_never_saw(f: F) {
    let mut w = World::with(f, |c| c.lane_capacity = 10_000).await;
    let (app, first) = w.app_and_endpoint().await;
    w.send_many(app, 450).await;
    let m = w.message(app, "other").await;
    w.accept(m.clone()).await;
    w.deliver_all().await;
    let late = w.endpoint_with(app, |e| e.event_types = Some(vec!["user.created".into()])).await;
    w.send_many(app, 5).await;
    let task = start(&w, app, late, TaskKind::ReplayMissing, Timestamp(0)).await;
    assert_eq!(finished(&w, &task).await, 450);
    assert_eq!(w.deliver_all().await, 450 + 10);
    assert_eq!(w.tally(app, late).await, Tally { success: 455, ..Default::default() });
    assert_eq!(w.tally(app, first).await, Tally { success: 456, ..Default::default() });
    let again = start(&w, app, late, TaskKind::ReplayMissing, Timestamp(0)).await;
    assert_eq!(finished(&w, &again).await, 0);
}

pub async fn what_is_replayed_before_its_time_waits_for_it(f: F) {
    let mut w = World::new(f).await;
    let app = w.app().await;
    let later = NewMessage { deliver_at: Some(w.later(HOUR)), ..w.message(app, "a").await };
    w.accept(later).await;
    let late = w.endpoint(app).await;
    let task = start(&w, app, late, TaskKind::ReplayMissing, Timestamp(0)).await;
    assert_eq!(finished(&w, &task).await, 1);
    assert!(w.take().await.is_empty());
    w.advance(HOUR).await;
    assert_eq!(w.deliver_all().await, 1);
}

pub async fn messages_of_the_same_moment_are_in_the_window(f: F) {
    let mut w = World::new(f).await;
    let app = w.app().await;
    w.send_many(app, 3).await;
    let late = w.endpoint(app).await;
    let task = start(&w, app, late, TaskKind::ReplayMissing, w.now()).await;
    assert_eq!(finished(&w, &task).await, 3, "sent in the millisecond in which the task began");
    assert_eq!(w.deliver_all().await, 3);
}

pub async fn a_recovered_delivery_without_content_dies_again(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    w.kill_all().await;
    w.store.delete_message_content(app, &Ref::Id(id)).await.unwrap();
    let task = start(&w, app, e, TaskKind::Recover, Timestamp(0)).await;
    finished(&w, &task).await;
    assert!(w.take().await.is_empty());
    assert_eq!(w.statuses(app, e).await[&id], DeliveryStatus::Fail { reason: DeadReason::ContentDeleted });
}

pub async fn tasks_are_listed_newest_first_and_belong_to_an_organisation(f: F) {
    let w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(start(&w, app, e, TaskKind::Recover, w.now()).await.id);
        w.clock.advance(SECOND);
    }
    ids.reverse();
    let all = w.store.tasks(w.org, page(ALL)).await.unwrap();
    assert_eq!(all.data.iter().map(|t| t.id).collect::<Vec<_>>(), ids);
    let other = w.store.organisation("org_2").await.unwrap();
    assert!(w.store.tasks(other, page(ALL)).await.unwrap().data.is_empty());
    assert_eq!(w.store.task(other, ids[0]).await.unwrap_err(), StoreError::NotFound("task"));
}

pub async fn a_task_of_a_deleted_endpoint_ends(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 300).await;
    w.kill_all().await;
    let (a, b) = (
        start(&w, app, e, TaskKind::Recover, Timestamp(0)).await,
        start(&w, app, e, TaskKind::ReplayMissing, Timestamp(0)).await,
    );
    w.store.delete_endpoint(app, &Ref::Id(e)).await.unwrap();
    w.sweep().await;
    finished(&w, &a).await;
    finished(&w, &b).await;
    for l in w.take().await {
        w.settle(&l, Next::RetryAt(w.now()));
    }
    assert!(w.take().await.is_empty());
    assert_eq!(w.store.metrics().deliveries_waiting.load(Relaxed), 0);
}
