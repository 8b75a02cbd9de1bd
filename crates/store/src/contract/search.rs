//! Search: what is found by each filter, and that a search without end ends.

use super::world::{DAY, HOUR, SECOND, World};
use super::{Fixture, START};
use crate::*;
use bytes::Bytes;
use domain::{DeadReason, MessageId, SearchQuery};

type F = Box<dyn Fixture>;

fn pages(limit: u32) -> PageQuery<SearchCursor> {
    PageQuery { limit, cursor: None, order: Order::Descending }
}
async fn search(w: &World, text: &str) -> Search {
    w.store.resolve_search(w.org, &SearchQuery::parse(text).unwrap()).await.unwrap()
}
/// What is found, by pages of one, two and all.
async fn found(w: &World, text: &str) -> Vec<MessageId> {
    let what = search(w, text).await;
    let whole = w.store.search_messages(w.org, pages(100), what.clone()).await.unwrap();
    assert!(whole.page.done && whole.looked_back_to.is_none(), "{text}");
    let ids = |page: &Page<FoundMessage, SearchCursor>| page.data.iter().map(|m| m.message.id).collect::<Vec<_>>();
    let all = ids(&whole.page);
    for limit in [1, 2] {
        let (mut forth, mut cursor) = (Vec::new(), None);
        loop {
            let query = PageQuery { cursor: cursor.map(Cursor::After), ..pages(limit) };
            let p = w.store.search_messages(w.org, query, what.clone()).await.unwrap().page;
            forth.extend(ids(&p));
            cursor = p.last;
            if p.done {
                break;
            }
        }
        assert_eq!(forth, all, "{text}, {limit} at a time");
    }
    if let Some((last, before)) = whole.page.data.split_last() {
        let query = PageQuery { cursor: Some(Cursor::Before(last.cursor)), ..pages(2) };
        let back = ids(&w.store.search_messages(w.org, query, what).await.unwrap().page);
        assert_eq!(back, ids(&Page { data: before[before.len().saturating_sub(2)..].to_vec(), ..whole.page.clone() }));
    }
    all
}

pub async fn each_filter_finds_what_it_asks_for(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let uid = AppPatch { uid: Some(Some("acme".into())), ..AppPatch::default() };
    w.store.patch_app(w.org, &Ref::Id(app), uid).await.unwrap();
    let (other, e2) = w.app_and_endpoint().await;
    let one = NewMessage {
        event_id: Some("order-7".into()),
        channels: vec!["red".into()],
        tags: vec!["a b".into()],
        ..w.message(app, "invoice.paid").await
    };
    let delivered = w.accept(one).await;
    w.deliver_all().await;
    w.advance(HOUR).await;
    let dead = w.accept(w.message(app, "invoice.voided").await).await;
    w.kill_all().await;
    w.advance(HOUR).await;
    let waiting = w.accept(w.message(other, "user.created").await).await;
    let lease = w.take_one().await;
    w.settle_with(&lease, Next::RetryAt(w.later(DAY)), |s| s.attempt.as_mut().unwrap().status_code = 0);
    w.advance(HOUR).await;
    let sending = w.accept(w.message(other, "invoice.paid").await).await;
    w.calm().await;
    let [app_id, ep, ep2] = [w.store.codec().text(app), w.store.codec().text(e), w.store.codec().text(e2)];
    let id = w.store.codec().text(dead);
    for (text, want) in [
        ("", vec![sending, waiting, dead, delivered]),
        ("type:invoice.paid", vec![sending, delivered]),
        ("type:invoice.*", vec![sending, dead, delivered]),
        ("type:user.* type:invoice.voided", vec![waiting, dead]),
        ("type:none", vec![]),
        ("status:delivered", vec![delivered]),
        ("status:failed", vec![dead]),
        ("status:pending", vec![waiting]),
        ("status:sending", vec![sending]),
        ("status:canceled", vec![]),
        ("code:5xx", vec![dead]),
        ("code:500", vec![dead]),
        ("code:503", vec![]),
        ("code:none", vec![waiting]),
        ("code:200", vec![delivered]),
        ("app:acme", vec![dead, delivered]),
        (&format!("app:{app_id} type:invoice.paid"), vec![delivered]),
        (&format!("endpoint:{ep}"), vec![dead, delivered]),
        (&format!("endpoint:{ep2} status:failed"), vec![]),
        (&format!("endpoint:{ep} status:failed code:5xx"), vec![dead]),
        (&format!("endpoint:{ep2} code:none"), vec![waiting]),
        ("tag:\"a b\"", vec![delivered]),
        ("channel:red", vec![delivered]),
        ("channel:blue", vec![]),
        ("after:150m", vec![sending, waiting, dead]),
        ("before:90m after:150m", vec![dead]),
        ("before:150m code:5xx", vec![]),
        ("code:5xx before:90m", vec![dead]),
        (&id, vec![dead]),
        (&format!("{id} status:delivered"), vec![]),
        ("order-7", vec![delivered]),
        ("order-7 app:acme", vec![delivered]),
        ("order-8", vec![]),
    ] {
        assert_eq!(found(&w, text).await, want, "{text}");
    }
    let m = w.store.search_messages(w.org, pages(5), search(&w, "status:failed").await).await.unwrap();
    let m = &m.page.data[0];
    assert_eq!((m.statuses, m.last_code), (StatusCounts { failed: 1, ..Default::default() }, Some(500)));
    assert_eq!((&*m.app_name, m.app_uid.as_deref()), ("An application", Some("acme")));
    assert!(m.message.payload.is_none());
    for text in ["app:none", "endpoint:none", "endpoint:none app:acme", &format!("app:{app_id} endpoint:{ep2}")] {
        let query = SearchQuery::parse(text).unwrap();
        assert!(matches!(w.store.resolve_search(w.org, &query).await, Err(StoreError::NotFound(_))), "{text}");
    }
}

pub async fn a_message_with_many_failures_is_found_once_by_the_last(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    w.endpoint(app).await;
    let first = w.send(app).await;
    let second = w.send(app).await;
    for code in [500, 503, 500] {
        for lease in w.take().await {
            w.settle_with(&lease, Next::RetryAt(w.later(HOUR)), |s| s.attempt.as_mut().unwrap().status_code = code);
        }
        w.advance(HOUR).await;
    }
    let leases = w.take().await;
    let mut late: Vec<_> = leases.iter().filter(|l| l.key.message == first).collect();
    w.settle(late.remove(0), Next::Dead(DeadReason::Exhausted));
    w.calm().await;
    assert_eq!(found(&w, "code:5xx").await, [first, second], "by the attempt, not by the message");
    assert_eq!(found(&w, "code:503").await.len(), 2);
    assert_eq!(found(&w, "status:failed").await, [first]);
    assert_eq!(found(&w, "status:sending").await, [second, first]);
}

pub async fn messages_of_others_are_not_found(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let id = w.send(app).await;
    w.kill_all().await;
    w.org = w.store.organisation("org_2").await.unwrap();
    let (own, _) = w.app_and_endpoint().await;
    let mine = w.send(own).await;
    w.kill_all().await;
    for text in ["", "status:failed", "code:5xx", "type:user.*"] {
        assert_eq!(found(&w, text).await, [mine], "{text}");
    }
    for what in [
        Search { app: Some(app), ..Search::default() },
        Search { endpoint: Some(e), ..Search::default() },
        Search { endpoint: Some(e), status: Some(StatusFilter::Fail), ..Search::default() },
        Search { endpoint: Some(e), code: Some(domain::CodeFilter::Class(5)), ..Search::default() },
        Search { id: Some(id), ..Search::default() },
    ] {
        let all = w.store.search_messages(w.org, pages(5), what.clone()).await.unwrap();
        assert!(all.page.data.is_empty(), "{what:?}");
    }
    assert_eq!(w.store.find_message(w.org, id).await.unwrap_err(), StoreError::NotFound("message"));
    assert_eq!(w.store.find_endpoint(w.org, e).await.unwrap_err(), StoreError::NotFound("endpoint"));
    assert_eq!(w.store.find_message(w.org, mine).await.unwrap().payload.unwrap(), "{\"n\": 1}");
    assert!(w.store.recent_payloads(w.org, Some(app), "user.created", 5).await.unwrap().is_empty());
}

pub async fn a_search_for_something_rare_ends_and_goes_on_from_there(f: F) {
    let mut w = World::new(f).await;
    let (app, quiet) = (w.app_and_endpoint().await.0, w.app().await);
    let rare = w.accept(NewMessage { tags: vec!["rare \"one\"".into()], ..w.message(app, "a").await }).await;
    w.deliver_all().await;
    w.advance(SECOND).await;
    for _ in 0..42 {
        w.send_many(quiet, 500).await;
    }
    assert_eq!(found(&w, "tag:\"rare \\\"one\\\"\"").await, [rare], "rows that can't match are passed over");
    let what = search(&w, "status:delivered").await;
    let first = w.store.search_messages(w.org, pages(5), what.clone()).await.unwrap();
    assert!(first.page.data.is_empty() && !first.page.done);
    assert_eq!(first.looked_back_to, Some(w.now()));
    let cursor = Some(Cursor::After(first.page.last.unwrap()));
    let second = w.store.search_messages(w.org, PageQuery { cursor, ..pages(5) }, what).await.unwrap();
    assert_eq!(second.page.data.iter().map(|m| m.message.id).collect::<Vec<_>>(), [rare]);
    assert!(second.page.done && second.looked_back_to.is_none());
    // By type, the hours are known in which there was one.
    w.advance(HOUR).await;
    w.send_many(quiet, 500).await;
    assert_eq!(w.store.recent_payloads(w.org, None, "user.created", 3).await.unwrap().len(), 3);
}

pub async fn hours_without_a_type_are_skipped_and_none_that_had_it(f: F) {
    let mut w = World::new(f).await;
    let app = w.app().await;
    let mut want = Vec::new();
    for n in 0..30 {
        if n % 7 == 3 {
            want.push(w.accept(w.message(app, "rare.one").await).await);
        }
        w.send_many(app, 5).await;
        w.advance(HOUR).await;
        if n == 12 {
            w.restart().await;
        }
    }
    want.reverse();
    assert_eq!(found(&w, "type:rare.one").await, want);
}

pub async fn recent_payloads_are_the_newest_that_are_kept(f: F) {
    let w = World::new(f).await;
    let (app, other) = (w.app().await, w.app().await);
    for n in 0..3 {
        for of in [app, other] {
            let payload = Bytes::from(format!("{{\"n\": {n}}}"));
            w.accept(NewMessage { payload, ..w.message(of, "a").await }).await;
        }
    }
    let gone = w.accept(w.message(app, "a").await).await;
    w.store.delete_message_content(app, &Ref::Id(gone)).await.unwrap();
    let payloads = async |app, limit| -> Vec<Bytes> {
        let all = w.store.recent_payloads(w.org, app, "a", limit).await.unwrap();
        all.into_iter().map(|(_, payload)| payload).collect()
    };
    assert_eq!(payloads(Some(app), 3).await, ["{\"n\": 2}", "{\"n\": 1}"]);
    assert_eq!(payloads(None, 10).await.len(), 6);
    assert_eq!(w.now(), START);
}
