//! Replays: what they take, how they are paused, canceled and slowed, and what they report.

use super::Fixture;
use super::world::{ALL, DAY, HOUR, SECOND, World, page};
use crate::*;
use domain::{AppId, Cause, DeadReason, EndpointId, MessageId};
use std::time::Duration;

type F = Box<dyn Fixture>;

fn which(which: Which) -> ReplayFilter {
    ReplayFilter { which, ..ReplayFilter::default() }
}
async fn start(w: &World, app: AppId, e: EndpointId, filter: ReplayFilter) -> Task {
    w.store.start_replay(app, &Ref::Id(e), filter, None).await.unwrap()
}
async fn task(w: &World, task: &Task) -> Task {
    w.calm().await;
    w.store.task(w.org, task.id).await.unwrap()
}
async fn estimate(w: &World, app: AppId, e: EndpointId, filter: ReplayFilter) -> Estimate {
    w.store.estimate_task(app, &Ref::Id(e), filter, None).await.unwrap()
}
async fn report(w: &World, t: &Task, state: Option<ReportState>) -> Vec<ReportRow> {
    w.calm().await;
    let mut all = Vec::new();
    let mut query = page(3);
    loop {
        let p = w.store.task_report(w.org, t.id, query.clone(), state).await.unwrap();
        all.extend(p.data);
        match p.last {
            Some(last) if !p.done => query.cursor = Some(Cursor::After(last)),
            _ => return all,
        }
    }
}
/// Four messages as an endpoint saw them: delivered, dead, waiting for its retry, never.
async fn four(w: &mut World) -> (AppId, EndpointId, Vec<MessageId>) {
    let (app, e) = w.app_and_endpoint().await;
    let mut ids = w.send_many(app, 3).await;
    let leases = w.take().await;
    w.settle(&leases[0], Next::Delivered);
    w.settle(&leases[1], Next::Dead(DeadReason::Exhausted));
    w.settle(&leases[2], Next::RetryAt(w.later(DAY)));
    w.set_disabled(app, e, true).await;
    ids.push(w.send(app).await);
    w.set_disabled(app, e, false).await;
    assert!(w.take().await.is_empty());
    (app, e, ids)
}

pub async fn each_kind_of_replay_takes_its_own_messages_and_its_estimate_says_so(f: F) {
    let mut w = World::new(f).await;
    for (kind, wanted) in
        [(Which::Failed, &[1][..]), (Which::Missing, &[3]), (Which::Delivered, &[0]), (Which::Everything, &[0, 1, 3])]
    {
        let (app, e, ids) = four(&mut w).await;
        let said = estimate(&w, app, e, which(kind)).await;
        let n = wanted.len() as u64;
        assert_eq!((said.count, said.at_least, said.checked), (n, false, n), "{kind:?}");
        assert_eq!(said.already_delivered, u64::from(wanted.contains(&0)));
        assert_eq!(said.event_types, [("user.created".to_owned(), n)]);
        let want: Vec<MessageId> = wanted.iter().map(|i| ids[*i]).collect();
        assert_eq!(said.sample.iter().map(|m| m.id).collect::<Vec<_>>(), want);

        let t = start(&w, app, e, which(kind)).await;
        assert_eq!((t.kind, t.status), (TaskKind::BulkReplay, TaskStatus::Running));
        assert_eq!(t.estimate.as_ref().map(|s| s.count), Some(n));
        let got = w.take().await;
        assert_eq!(got.iter().map(|l| l.key.message).collect::<Vec<_>>(), want, "{kind:?}");
        assert!(got.iter().all(|l| l.cause == Cause::Recover && l.attempts == 0));
        got.iter().for_each(|l| w.settle(l, Next::Delivered));
        let t = task(&w, &t).await;
        let ended = (t.status, t.done, t.delivered, t.failed, t.waiting(), t.walked_percent);
        assert_eq!(ended, (TaskStatus::Finished, n, n, 0, 0, 100), "{kind:?}");
        w.store.delete_app(w.org, &Ref::Id(app)).await.unwrap();
        w.sweep().await;
    }
}

pub async fn a_filter_takes_what_matches_all_of_it(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let mut ids = Vec::new();
    for (event_type, channel, tag) in
        [("invoice.paid", "a", "x"), ("invoice.void", "b", "x"), ("user.created", "a", "y"), ("invoicer", "a", "y")]
    {
        let m = w.message(app, event_type).await;
        ids.push(w.accept(NewMessage { channels: vec![channel.into()], tags: vec![tag.into()], ..m }).await);
        w.advance(HOUR).await;
    }
    for (n, l) in w.take().await.iter().enumerate() {
        w.settle_with(l, Next::Dead(DeadReason::Exhausted), |s| {
            s.attempt = s.attempt.take().map(|a| NewAttempt { status_code: [404, 503, 0, 500][n], ..a });
        });
    }
    w.calm().await;
    let text = |s: &str| Some(s.to_owned());
    let check = async |f: ReplayFilter, want: &[usize]| {
        let want: Vec<MessageId> = want.iter().map(|i| ids[*i]).collect();
        for kind in [Which::Failed, Which::Everything] {
            let said = estimate(&w, app, e, ReplayFilter { which: kind, ..f.clone() }).await;
            assert_eq!(said.sample.iter().map(|m| m.id).collect::<Vec<_>>(), want, "{f:?}");
            assert_eq!(said.count, want.len() as u64);
        }
    };
    let any = ReplayFilter::default();
    let types = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    check(ReplayFilter { event_types: types(&["invoice.*"]), ..any.clone() }, &[0, 1]).await;
    check(ReplayFilter { event_types: types(&["user.created", "invoicer"]), ..any.clone() }, &[2, 3]).await;
    check(ReplayFilter { channel: text("a"), tag: text("y"), ..any.clone() }, &[2, 3]).await;
    check(ReplayFilter { status_code_class: Some(500), ..any.clone() }, &[1, 3]).await;
    check(ReplayFilter { status_code_class: Some(0), ..any.clone() }, &[2]).await;
    let (since, until) = (ids[1].created_at(), Some(ids[3].created_at()));
    check(ReplayFilter { since, until, ..any.clone() }, &[1, 2]).await;

    let filter = ReplayFilter { event_types: types(&["invoice.*"]), tag: text("x"), since, until, ..any };
    let t = start(&w, app, e, filter.clone()).await;
    let back: Vec<_> = w.take().await.iter().map(|l| l.key.message).collect();
    assert_eq!(back, [ids[1]]);
    let kept = task(&w, &t).await.filter;
    assert_eq!((kept.event_types, kept.tag, kept.since), (filter.event_types, filter.tag, since));
}

pub async fn a_task_makes_no_more_in_a_second_than_its_speed(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 100).await;
    w.kill_all().await;
    let t = w.store.start_replay(app, &Ref::Id(e), which(Which::Failed), Some(10)).await.unwrap();
    assert_eq!(t.estimate.as_ref().and_then(|e| e.seconds), Some(10));
    let mut made = Vec::new();
    for _ in 0..5 {
        for _ in 0..20 {
            w.clock.advance(Duration::from_millis(50));
            w.store.ready().await.unwrap();
        }
        made.push(task(&w, &t).await.done);
    }
    let a_second = made.windows(2).map(|p| p[1] - p[0]).collect::<Vec<_>>();
    assert!(a_second.iter().all(|n| (9..=11).contains(n)), "{made:?}");
    w.restart().await;
    assert!(task(&w, &t).await.done <= made[4] + 1, "a restart gives no more");
    for _ in 0..20 {
        w.advance(SECOND).await;
    }
    for _ in 0..500 {
        w.clock.advance(Duration::from_millis(100));
        w.store.ready().await.unwrap();
    }
    assert_eq!(task(&w, &t).await.done, 100);
    assert_eq!(w.deliver_all().await, 100);
}

pub async fn a_paused_task_makes_nothing_until_it_is_resumed_and_a_canceled_one_nothing_more(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 50).await;
    w.kill_all().await;
    let t = w.store.start_replay(app, &Ref::Id(e), which(Which::Failed), Some(10)).await.unwrap();
    w.advance(SECOND).await;
    let paused = w.store.pause_task(w.org, t.id).await.unwrap();
    assert_eq!(paused.status, TaskStatus::Paused);
    assert!((1..50).contains(&paused.done), "{paused:?}");
    w.restart().await;
    w.advance(HOUR).await;
    assert_eq!(task(&w, &t).await.done, paused.done);
    assert_eq!(w.restless().await, 0);
    assert_eq!(w.store.pause_task(w.org, t.id).await.unwrap().status, TaskStatus::Paused);

    w.store.resume_task(w.org, t.id).await.unwrap();
    w.advance(SECOND).await;
    let canceled = w.store.cancel_task(w.org, t.id).await.unwrap();
    assert!(canceled.done > paused.done);
    w.advance(HOUR).await;
    let ended = task(&w, &t).await;
    assert_eq!((ended.status, ended.done), (TaskStatus::Canceled, canceled.done));
    assert_eq!(w.deliver_all().await as u64, ended.done, "what it made stays");
    assert_eq!(w.store.resume_task(w.org, t.id).await.unwrap_err(), StoreError::Conflict("the task has ended"));
    w.store.cancel_task(w.org, t.id).await.unwrap();
    let other = w.store.organisation("org_2").await.unwrap();
    assert_eq!(w.store.cancel_task(other, t.id).await.unwrap_err(), StoreError::NotFound("task"));
}

pub async fn several_tasks_go_on_side_by_side(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    w.send_many(app, 300).await;
    w.kill_all().await;
    let slow = w.store.start_replay(app, &Ref::Id(e), which(Which::Failed), Some(1)).await.unwrap();
    let held = w.store.start_replay(app, &Ref::Id(e), which(Which::Delivered), None).await.unwrap();
    w.store.pause_task(w.org, held.id).await.ok();
    let late = w.endpoint(app).await;
    let quick = start(&w, app, late, which(Which::Missing)).await;
    assert_eq!(task(&w, &quick).await.done, 300, "nobody waits for the slow one");
    assert!(task(&w, &slow).await.done <= 2);
}

pub async fn a_report_tells_what_became_of_each_delivery(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let ids = w.send_many(app, 5).await;
    w.kill_all().await;
    let t = start(&w, app, e, which(Which::Failed)).await;
    let back = w.take().await;
    w.settle(&back[0], Next::Delivered);
    w.settle(&back[1], Next::Dead(DeadReason::Exhausted));
    w.settle(&back[2], Next::RetryAt(w.later(HOUR)));
    w.settle(&back[3], Next::Released(w.later(HOUR)));
    let states = |rows: &[ReportRow]| rows.iter().map(|r| (r.key.message, r.state, r.status_code)).collect::<Vec<_>>();
    let rows = report(&w, &t, None).await;
    use ReportState::*;
    let want = [
        (ids[0], Delivered, Some(200)),
        (ids[1], Failed, Some(500)),
        (ids[2], Waiting, Some(500)),
        (ids[3], Waiting, None),
        (ids[4], Waiting, None),
    ];
    assert_eq!(states(&rows), want);
    assert!(rows.iter().all(|r| r.event_type.as_deref() == Some("user.created") && r.at == w.now()));
    assert_eq!(states(&report(&w, &t, Some(Failed)).await), want[1..2]);
    let now = task(&w, &t).await;
    assert_eq!((now.done, now.delivered, now.failed, now.waiting()), (5, 1, 1, 3));

    w.settle(&back[4], Next::Delivered);
    w.advance(HOUR).await;
    w.deliver_all().await;
    assert_eq!(task(&w, &t).await.delivered, 4);
    let again = start(&w, app, e, which(Which::Failed)).await;
    let under_way = w.take_one().await;
    w.store.delete_endpoint(app, &Ref::Id(e)).await.unwrap();
    w.settle(&under_way, Next::RetryAt(w.now()));
    assert_eq!(states(&report(&w, &again, None).await), [(ids[1], Canceled, Some(500))]);
    assert_eq!(task(&w, &again).await.canceled, 1);
}

pub async fn a_report_is_walked_both_ways_and_expires_with_its_task(f: F) {
    let mut w = World::with(f, |c| c.message_retention = 10 * DAY).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    for _ in 0..6 {
        w.store.resend(app, &Ref::Id(id), &Ref::Id(e), false).await.unwrap();
    }
    w.kill_all().await;
    let t = start(&w, app, e, which(Which::Failed)).await;
    w.deliver_all().await;
    let all = report(&w, &t, None).await;
    assert_eq!(all.iter().map(|r| r.key.ordinal).collect::<Vec<_>>().len(), 7);
    assert!(all.is_sorted_by_key(|r| r.key.ordinal), "one message, delivered seven times");
    let cursor = Some(Cursor::Before(all[5].key));
    let back = w.store.task_report(w.org, t.id, PageQuery { cursor, ..page(2) }, None).await.unwrap();
    assert_eq!(back.data, all[3..5]);
    w.advance(11 * DAY).await;
    w.sweep().await;
    assert_eq!(w.store.task(w.org, t.id).await.unwrap_err(), StoreError::NotFound("task"));
    w.store
        .on_writer(|conn| {
            let left: i64 = conn.query_row("SELECT count(*) FROM task_delivery", [], |r| r.get(0)).unwrap();
            assert_eq!(left, 0);
        })
        .await;
}

pub async fn everything_brings_one_delivery_for_each_message_whatever_it_left(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    for _ in 0..3 {
        w.store.resend(app, &Ref::Id(id), &Ref::Id(e), false).await.unwrap();
    }
    assert_eq!(w.kill_all().await, 4);
    start(&w, app, e, which(Which::Everything)).await;
    let lease = w.take_one().await;
    w.settle(&lease, Next::Delivered);
    w.check_balance(1, &[(app, e)]).await;
}

pub async fn tasks_of_an_application_are_its_own(f: F) {
    let w = World::new(f).await;
    let ((a, e), (b, _)) = (w.app_and_endpoint().await, w.app_and_endpoint().await);
    let t = start(&w, a, e, which(Which::Everything)).await;
    let of =
        async |app| w.store.tasks_of_app(app, page(ALL)).await.unwrap().data.iter().map(|t| t.id).collect::<Vec<_>>();
    assert_eq!((of(a).await, of(b).await), (vec![t.id], vec![]));
}
