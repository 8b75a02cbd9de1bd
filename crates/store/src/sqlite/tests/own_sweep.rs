//! What is swept of links and forms: their figures, and the files of submissions.

use super::Folder;
use crate::contract::World;
use crate::contract::links::fields as link_fields;
use crate::contract::world::{DAY, SECOND};
use crate::*;
use domain::{AppId, LinkId, MessageId, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

const HOUR: u8 = 0;
const A_DAY: u8 = 1;
const EVER: u8 = 2;

async fn world() -> World {
    World::new(Box::new(Folder::default())).await
}
async fn link(w: &World, slug: &str, app: Option<AppId>) -> LinkId {
    let fields = LinkFields { app, ..link_fields(slug) };
    w.store.create_link(w.org, fields).await.unwrap().id
}
/// Rows of an origin's figures, for `n` hours or days from `at` on.
async fn count(w: &World, origin: i64, span: u8, at: i64, n: i64) {
    w.store
        .on_writer(move |conn| {
            let mut s = conn.prepare("INSERT INTO stat VALUES (?, ?, ?, x'')").unwrap();
            for at in at..at + n {
                s.execute(rusqlite::params![origin, span, at]).unwrap();
            }
        })
        .await;
}
/// What a SELECT of one number says.
async fn number(w: &World, sql: &'static str) -> i64 {
    let found = Arc::new(AtomicI64::new(0));
    let into = found.clone();
    w.store.on_writer(move |conn| into.store(conn.query_row(sql, [], |r| r.get(0)).unwrap(), SeqCst)).await;
    found.load(SeqCst)
}
async fn figures(w: &World) -> i64 {
    number(w, "SELECT count(*) FROM stat").await
}
fn hour(t: Timestamp) -> i64 {
    t.0 / 3_600_000
}

#[tokio::test]
async fn figures_of_a_deleted_link_go_a_bounded_slice_at_a_time() {
    let w = world().await;
    let (gone, stays) = (link(&w, "gone", None).await, link(&w, "stays", None).await);
    for origin in [gone, stays] {
        count(&w, origin.0, HOUR, hour(w.now()), 300).await;
        count(&w, origin.0, EVER, 0, 1).await;
    }
    w.store.delete_link(w.org, gone).await.unwrap();
    assert_eq!(figures(&w).await, 402, "one slice");
    for _ in 0..5 {
        w.clock.advance(Duration::from_millis(25));
        w.store.ready().await.unwrap();
    }
    assert_eq!(figures(&w).await, 301);
    count(&w, gone.0, EVER, 0, 1).await;
    w.sweep().await;
    assert_eq!(figures(&w).await, 301, "a click that came late");
    assert_eq!(number(&w, "SELECT count(*) FROM stat_gone").await, 0);
}

#[tokio::test]
async fn links_and_forms_of_a_deleted_application_go_in_slices_with_their_figures() {
    let w = world().await;
    let app = w.app().await;
    for n in 0..450 {
        let link = link(&w, &format!("s{n}"), Some(app)).await;
        count(&w, link.0, A_DAY, 1, 2).await;
    }
    let fields = FormFields { app: Some(app), ..FormFields::default() };
    let form = w.store.create_form(w.org, fields, "tok".into()).await.unwrap().id;
    count(&w, form.0, A_DAY, 1, 2).await;
    w.store.delete_app(w.org, &Ref::Id(app)).await.unwrap();
    assert_eq!(number(&w, "SELECT count(*) FROM link").await, 250, "one slice");
    for _ in 0..3 {
        w.sweep().await;
    }
    let left = "SELECT (SELECT count(*) FROM link) + (SELECT count(*) FROM form) + (SELECT count(*) FROM stat_gone)";
    assert_eq!((number(&w, left).await, figures(&w).await), (0, 0));
}

#[tokio::test]
async fn figures_by_the_hour_expire_and_those_by_the_day_stay() {
    let w = World::with(Box::new(Folder::default()), |c| c.stat_minute_retention = 10 * DAY).await;
    w.sweep().await;
    let now = hour(w.now());
    for origin in 1..=300 {
        for at in [now, now + 24] {
            count(&w, origin, HOUR, at / 24 * 24, 3).await;
        }
        count(&w, origin, A_DAY, now / 24, 1).await;
        count(&w, origin, EVER, 0, 1).await;
    }
    w.sweep().await;
    assert_eq!(figures(&w).await, 300 * 8);
    w.advance(11 * DAY).await;
    assert!(figures(&w).await >= 300 * 8 - 2 * 200, "a bounded slice");
    w.sweep().await;
    assert_eq!(number(&w, "SELECT count(*) FROM stat WHERE span = 0").await, 300 * 3, "the older hours are gone");
    w.advance(DAY).await;
    w.sweep().await;
    assert_eq!(figures(&w).await, 300 * 2, "by the day, and in all");
}

/// A file that says it has `size` bytes.
async fn file(w: &World, message: MessageId, size: i64) {
    w.store
        .on_writer(move |conn| {
            let sql = "INSERT INTO form_file (message, field, name, content_type, size, content)
                VALUES (?, 'f', 'n', 'text/plain', ?, x'00')";
            conn.execute(sql, [message.0, size]).unwrap();
        })
        .await;
}

#[tokio::test]
async fn files_go_with_their_message() {
    let mut w = World::with(Box::new(Folder::default()), |c| c.payload_retention = c.message_retention).await;
    let (app, other) = (w.app().await, w.app().await);
    let (old, early) = (w.send(app).await, w.send(other).await);
    w.deliver_all().await;
    w.advance(DAY).await;
    let young = w.send(app).await;
    for message in [old, early, young] {
        for _ in 0..250 {
            file(&w, message, 10).await;
        }
    }
    let files = async |w: &World| number(w, "SELECT count(*) FROM form_file").await;
    w.sweep().await;
    assert_eq!(files(&w).await, 750);
    w.store.delete_app(w.org, &Ref::Id(other)).await.unwrap();
    w.sweep().await;
    assert_eq!(files(&w).await, 500);
    w.advance(89 * DAY + Duration::from_secs(3600)).await;
    w.sweep().await;
    w.sweep().await;
    assert_eq!(files(&w).await, 250);
    let of_young = number(&w, "SELECT count(*) FROM form_file WHERE message = (SELECT max(id) FROM message)").await;
    assert_eq!(of_young, 250);
}

#[tokio::test]
async fn large_files_go_a_few_at_a_time() {
    let w = world().await;
    for _ in 0..20 {
        file(&w, MessageId(1), 5 << 20).await;
    }
    w.clock.advance(Duration::from_secs(3601));
    w.store.ready().await.unwrap();
    let files = async || number(&w, "SELECT count(*) FROM form_file").await;
    let left = files().await;
    assert!((8..20).contains(&left), "{left}");
    w.clock.advance(SECOND);
    w.sweep().await;
    assert_eq!(files().await, 0);
}
