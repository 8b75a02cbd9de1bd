//! What is deleted leaves nothing in any table.

use super::Folder;
use crate::contract::World;
use crate::contract::links::fields as link_fields;
use crate::contract::own_events::{click, file};
use crate::contract::world::{DAY, HOUR};
use crate::*;
use domain::{DeadReason, Timestamp};
use std::sync::Arc;

/// Tables that have rows, and how many.
async fn rows(w: &World) -> Vec<(String, i64)> {
    let found = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let into = found.clone();
    w.store
        .on_writer(move |conn| {
            let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
            let mut s = conn.prepare(sql).unwrap();
            let tables: Vec<String> = s.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
            for t in tables {
                let n: i64 = conn.query_row(&format!("SELECT count(*) FROM {t}"), [], |r| r.get(0)).unwrap();
                if n > 0 {
                    into.lock().push((t, n));
                }
            }
        })
        .await;
    std::mem::take(&mut *found.lock())
}

#[tokio::test]
async fn deleted_and_expired_sources_leave_no_rows() {
    let mut w = World::with(Box::new(Folder::default()), |c| c.stat_minute_retention = 90 * DAY).await;
    let empty = rows(&w).await;
    for n in 0..3 {
        let fields = SourceFields { expires_at: (n == 0).then(|| w.later(DAY)), ..Default::default() };
        let made = w.store.create_source(w.org, fields, format!("t{n}"), Box::new(|_| vec![1])).await.unwrap();
        w.store.rotate_source_token(w.org, &Ref::Id(made.id), format!("u{n}"), w.later(HOUR)).await.unwrap();
        w.endpoint(made.app).await;
        w.send(made.app).await;
        w.store.set_consumer_position(made.app, "poll", "c", domain::MessageId(1)).await.unwrap();
        match n {
            0 => {}
            _ => w.store.delete_source(w.org, &Ref::Id(made.id)).await.unwrap(),
        }
    }
    w.deliver_all().await;
    for _ in 0..2 {
        w.advance(92 * DAY).await;
        w.sweep().await;
    }
    assert_eq!(rows(&w).await, empty);
}

#[tokio::test]
async fn a_deleted_application_and_its_age_leave_no_rows() {
    let limits = |c: &mut StoreConfig| (c.lane_capacity, c.stat_minute_retention) = (5, 90 * DAY);
    let mut w = World::with(Box::new(Folder::default()), limits).await;
    let empty = rows(&w).await;
    let app = w.app().await;
    let by_n = |f: &mut EndpointFields| f.first_per = Some("n".into());
    let (e, early) = (w.endpoint_with(app, by_n).await, w.endpoint_with(app, by_n).await);
    let m = w.message(app, "a").await;
    let key = Some(IdempotencyKey { hash: [1; 16], automatic: false });
    w.accept(NewMessage { key, ..m.clone() }).await;
    w.send_many(app, 10).await;
    let other = NewMessage { payload: "{\"n\": 2}".into(), ..w.message(app, "a").await };
    w.store.accept_many(vec![other; 2]).await;
    let held = w.take().await;
    w.settle(&held[0], Next::Delivered);
    w.settle(&held[1], Next::Dead(DeadReason::Exhausted));
    w.settle(&held[2], Next::RetryAt(w.later(HOUR)));
    w.store.rotate_secret(app, e, vec![1], w.later(HOUR)).await.unwrap();
    w.store.start_task(app, &Ref::Id(e), TaskKind::Recover, Timestamp(0), None).await.unwrap();
    w.store.delete_endpoint(app, &Ref::Id(early)).await.unwrap();
    w.sweep().await;
    w.accept(m).await;
    // Leases of an endpoint that is no more, left to the next process.
    w.restart().await;
    w.calm().await;
    w.store.delete_app(w.org, &Ref::Id(app)).await.unwrap();
    w.sweep().await;
    w.restart().await;
    for _ in 0..2 {
        w.advance(92 * DAY).await;
        w.sweep().await;
    }
    assert_eq!(rows(&w).await, empty);
}

#[tokio::test]
async fn deleted_links_forms_and_old_imports_leave_no_rows() {
    let mut w = World::with(Box::new(Folder::default()), |_| {}).await;
    let empty = rows(&w).await;
    for by_hand in [true, false] {
        let app = w.app().await;
        let fields = LinkFields { app: Some(app), ..link_fields("a") };
        let link = w.store.create_link(w.org, fields.clone()).await.unwrap().id;
        let form = FormFields { app: Some(app), ..FormFields::default() };
        let form = w.store.create_form(w.org, form, "t".into()).await.unwrap().id;
        let import = w.store.start_import(w.org, Some(app), String::new()).await.unwrap().id;
        let lines = [Ok(LinkFields { slug: "b".into(), ..fields }), Err("bad".to_owned())];
        let lines = lines.into_iter().zip(2..).map(|(row, line)| ImportRow { line, row, random_from: None });
        w.store.import_links(w.org, import, lines.collect()).await.unwrap();
        if by_hand {
            w.store.delete_link(w.org, link).await.unwrap();
            w.store.delete_form(w.org, form).await.unwrap();
        }
        w.store.delete_app(w.org, &Ref::Id(app)).await.unwrap();
        w.sweep().await;
    }
    w.restart().await;
    for _ in 0..2 {
        w.advance(92 * DAY).await;
        w.sweep().await;
    }
    assert_eq!(rows(&w).await, empty);
}

#[tokio::test]
async fn a_deleted_source_and_its_age_leave_no_rows() {
    let limits = |c: &mut StoreConfig| (c.dedup_window_keys, c.stat_minute_retention) = (20, 90 * DAY);
    let mut w = World::with(Box::new(Folder::default()), limits).await;
    let empty = rows(&w).await;
    let source = w.source(|_| {}).await;
    w.endpoint(source.app).await;
    let mut all = Vec::new();
    for key in 0..100 {
        let verdict = if key % 3 == 0 { Verdict::Refused("no".into()) } else { Verdict::Accepted };
        all.push(w.store_request(NewRequest { verdict, ..w.inbound(&source, key).await }).await);
    }
    w.store.accept_request(source.clone(), all[0], w.inbound(&source, 0).await.events, true).await.unwrap();
    w.store.delete_request(source.source, all[1]).await.unwrap();
    assert!(rows(&w).await.iter().any(|(t, n)| t == "event_page" && *n >= 1), "merged");
    w.deliver_all().await;
    w.set_source(source.source, "deleted", 1).await;
    for _ in 0..2 {
        w.advance(92 * DAY).await;
        w.sweep().await;
    }
    w.restart().await;
    // Once more: a start notes that it doesn't know what the last process counted.
    w.sweep().await;
    assert_eq!(rows(&w).await, empty);
}

#[tokio::test]
async fn a_deleted_application_takes_its_events_and_their_files_along() {
    let mut w = World::new(Box::new(Folder::default())).await;
    let empty = rows(&w).await;
    let (app, _) = w.app_and_endpoint().await;
    for id in 0..250 {
        w.store.record(OwnEvent { files: vec![file(id)], ..click(&w, app) }).await.unwrap();
    }
    w.deliver_all().await;
    w.store.delete_app(w.org, &Ref::Id(app)).await.unwrap();
    for _ in 0..2 {
        w.advance(92 * DAY).await;
        w.sweep().await;
    }
    // The figures are the link's, and the organisation's.
    let stays = |table: &str| table == "stat" || table == "figure_hour";
    let left: Vec<_> = rows(&w).await.into_iter().filter(|(table, _)| !stays(table)).collect();
    assert_eq!(left, empty);
}
