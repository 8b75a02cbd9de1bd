//! How SQLite finds rows: every statement that a whole life of the store runs, explained.

use super::Folder;
use crate::contract::World;
use crate::contract::links::fields as link_fields;
use crate::contract::own_events::{LINK, click, converted, file, with_values};
use crate::contract::world::{ALL, DAY, HOUR, event, page};
use crate::*;
use domain::{DeadReason, RequestId, Timestamp};
use parking_lot::Mutex;
use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use std::collections::BTreeSet;

/// Database and text of every statement that ran.
static SEEN: Mutex<BTreeSet<(String, String)>> = Mutex::new(BTreeSet::new());

/// Notes each statement that runs on `conn`.
pub(crate) fn trace(conn: &mut Connection) {
    let path = conn.path().unwrap_or_default().to_owned();
    let note = move |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(statement, _) = event {
            SEEN.lock().insert((path.clone(), statement.sql().into_owned()));
        }
    };
    conn.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note)).unwrap();
}

/// Statements that may read a whole table or index, because what they read is small or read once at the start.
const MAY_SCAN: &[&str] = &[
    // Migrations.
    "INSERT INTO request_span SELECT DISTINCT",
    "UPDATE app SET last_message_at = coalesce",
    "INSERT OR IGNORE INTO subscription SELECT a.org, coalesce",
    // A start reads what it has to know.
    "SELECT hash FROM revoked_token",
    "SELECT app, session, since, issued_by FROM token_floor",
    "SELECT org, profile FROM profile",
    "SELECT 1 FROM person LIMIT 1",
    "SELECT endpoint, waiting, dead FROM lane WHERE",
    "SELECT id FROM attempt ORDER BY message DESC LIMIT 1",
    "SELECT 1 FROM event_page LIMIT 1",
    "SELECT 1 FROM event_key LIMIT 1",
    "UPDATE import SET status = 2 WHERE status = 0",
    "SELECT DISTINCT endpoint FROM issue WHERE state = 0",
    // Stop at their first row, or at their limit; each row is one that is asked for.
    "SELECT id FROM message ORDER BY id LIMIT 1",
    "SELECT id FROM message ORDER BY id DESC LIMIT 1",
    "SELECT hour FROM figure_type ORDER BY hour LIMIT 1",
    // Lanes with something on disk, up to a limit; their endpoints and applications are looked up.
    "FROM lane l INDEXED BY lane_busy",
    // Stops at its limit; the table has no rows that it doesn't want, once they are reclaimed.
    "FROM lease WHERE epoch <> ? LIMIT ?",
    // The index holds nothing but what is asked for.
    "WHERE deleted = 1 LIMIT 1",
    "SELECT min(next_at) FROM task WHERE status = 0",
    // Bounded by the memory that leases may take.
    "SELECT count(*) FROM lease WHERE endpoint = ?",
];

#[tokio::test]
async fn no_statement_reads_more_than_it_needs() {
    let folder = Folder::default();
    let path = folder.0.path().to_str().unwrap().to_owned();
    let mut w = World::with(Box::new(folder), |c| c.dedup_window_keys = 16).await;
    live(&mut w).await;
    accounts(&w).await;
    w.sweep().await;
    let statements: Vec<_> = SEEN.lock().iter().filter(|(p, _)| p.starts_with(&path)).map(|(_, s)| s.clone()).collect();
    let plans = std::sync::Arc::new(Mutex::new(Vec::new()));
    let into = plans.clone();
    w.store.on_writer(move |conn| *into.lock() = statements.iter().flat_map(|sql| explain(conn, sql)).collect()).await;
    let plans = std::mem::take(&mut *plans.lock());
    assert!(plans.len() > 100, "{}", plans.len());
    let bad: Vec<_> = plans
        .iter()
        .filter(|(sql, step)| reads_everything(sql, step) && !MAY_SCAN.iter().any(|may| sql.contains(may)))
        .map(|(sql, step)| format!("{step}\n    {sql}"))
        .collect();
    assert!(bad.is_empty(), "\n{}", bad.join("\n"));
    for (part, index) in [
        ("WHERE endpoint = ? AND due_at IS NOT NULL AND due_at <= ?", "delivery_due (endpoint=? AND due_at"),
        ("ORDER BY due_at LIMIT 1", "delivery_due (endpoint=?"),
        ("dead IS NOT NULL AND message >= ?", "delivery_dead (endpoint=? AND message>"),
        ("WHERE a.endpoint = ?1 AND a.id > ?2 AND a.id < ?3 ORDER", "attempt_by_endpoint (endpoint=? AND id>"),
        ("AND a.success = 0 ORDER BY", "attempt_failed (endpoint=? AND id>"),
        ("FROM app WHERE org = ?1 AND id > ?2 AND", "app_by_org (org=? AND id>"),
        ("FROM endpoint WHERE app = ?1 AND id < ?2 AND", "endpoint_by_app (app=? AND id<"),
        ("AND deleted = 0 AND hook = 1", "endpoint_hook (app=? AND rowid<"),
        ("FROM task WHERE org = ?1 AND id < ?2", "task_by_org (org=? AND id<"),
        ("WHERE app = ?1 AND id > ?2 AND id < ?3 ORDER BY id DESC", "message_by_app (app=? AND rowid>"),
        ("FROM task WHERE app = ?1 AND id < ?2", "task_by_app (app=? AND id<"),
        ("FROM attempt WHERE message = ?1 AND +endpoint = ?2", "SEARCH attempt USING PRIMARY KEY (message=?)"),
        ("FROM task_delivery t LEFT JOIN message m", "task_delivery_by_task (task=?"),
        ("FROM task_delivery WHERE task < ? LIMIT ?", "task_delivery_by_task (task<"),
        ("FROM delivery d CROSS JOIN message m", "d USING INDEX delivery_dead (endpoint=? AND message>"),
        ("FROM source WHERE org = ?1 AND is_bin = ?4 AND id < ?2", "source_by_org (org=? AND is_bin=? AND id<"),
        ("FROM source WHERE org = ?1 AND uid = ?2", "source_uid (org=? AND uid=?"),
        ("FROM source WHERE share = ?", "source_share (share=?"),
        (
            "FROM source WHERE expires_at IS NOT NULL AND expires_at <= ?",
            "source_expires (expires_at>? AND expires_at<?",
        ),
        ("SELECT source FROM source_token WHERE token = ?", "PRIMARY KEY (token=?"),
        ("FROM source_token WHERE source = ? AND", "source_token_by_source (source=?"),
        ("id > ?2 AND id < ?3 ORDER BY id ASC", "message_by_app (app=? AND rowid>"),
        ("FROM consumer WHERE app = ? AND sink = ? AND consumer = ?", "PRIMARY KEY (app=? AND sink=? AND consumer=?"),
        ("SELECT 1 FROM message WHERE app = ? AND event_id = ?", "message_event_id (app=? AND event_id=?"),
        ("SELECT first, keys FROM event_page", "PRIMARY KEY (source=? AND first<?"),
        ("SELECT first FROM event_page", "PRIMARY KEY (source=? AND first>?"),
        ("SELECT source, first, keys FROM event_page WHERE (source, first) >", "PRIMARY KEY ((source,first)>(?,?)"),
        ("FROM request_span s CROSS JOIN request r", "s USING PRIMARY KEY (source=? AND span>? AND span<?"),
        ("ORDER BY s.span DESC, r.id DESC", "r USING INTEGER PRIMARY KEY (rowid>? AND rowid<?"),
        ("DELETE FROM request_span", "PRIMARY KEY (source=? AND span=?"),
        ("SELECT min(source) FROM request", "COVERING INDEX request_held (source>"),
        ("FROM request WHERE verdict = 1 AND source = ?", "COVERING INDEX request_held (source=?"),
        ("FROM first_seen WHERE at < ? LIMIT ?", "INDEX first_seen_at (at<"),
        ("FROM first_seen WHERE endpoint = ? LIMIT ?", "PRIMARY KEY (endpoint=?"),
        (
            "SELECT figures FROM stat WHERE origin = ? AND span = ? AND at = ?",
            "PRIMARY KEY (origin=? AND span=? AND at=?",
        ),
        ("SELECT at, figures FROM stat", "PRIMARY KEY (origin=? AND span=? AND at>? AND at<?"),
        ("FROM message WHERE origin = ?1 AND id < ?2", "message_by_origin (origin=? AND rowid<?"),
        ("FROM message WHERE id >= ? ORDER BY id DESC LIMIT ?", "INTEGER PRIMARY KEY (rowid>?"),
        ("DELETE FROM form_file WHERE message = ?", "form_file_by_message (message=?"),
        ("FROM figure_minute WHERE org = ? AND at >= ?", "PRIMARY KEY (org=? AND at>? AND at<?"),
        ("FROM figure_hour WHERE org = ? AND at >= ?", "PRIMARY KEY (org=? AND at>? AND at<?"),
        ("FROM figure_minute WHERE at < ? LIMIT ?", "COVERING INDEX figure_minute_at (at<"),
        ("FROM figure_hour WHERE at < ? LIMIT ?", "COVERING INDEX figure_hour_at (at<"),
        ("FROM figure_app WHERE hour = ? AND org = ? AND app = ?", "PRIMARY KEY (hour=? AND org=? AND app=?"),
        ("FROM figure_app WHERE hour = ? AND org = ? LIMIT ?", "PRIMARY KEY (hour=? AND org=?"),
        ("FROM figure_endpoint WHERE hour = ? AND endpoint = ?", "PRIMARY KEY (hour=? AND endpoint=?"),
        ("FROM figure_source WHERE hour = ? AND source = ?", "PRIMARY KEY (hour=? AND source=?"),
        ("FROM figure_source WHERE hour < ? LIMIT ?", "PRIMARY KEY (hour<"),
        ("INDEXED BY request_held WHERE verdict = 1 AND source = ?", "request_held (source=?"),
        ("FROM subscription WHERE org = ? AND event_type = ? LIMIT ?", "PRIMARY KEY (org=? AND event_type=?"),
        ("event_type = '' AND endpoint > ?3", "PRIMARY KEY (org=? AND event_type=? AND endpoint>"),
        ("DELETE FROM subscription WHERE endpoint = ?", "subscription_of_endpoint (endpoint=?"),
        ("FROM app INDEXED BY app_by_org", "app_by_org (org=? AND id<"),
        ("FROM app INDEXED BY app_by_name", "app_by_name (org=? AND name>"),
        ("FROM app INDEXED BY app_by_last_message", "app_by_last_message (org=? AND last_message_at<"),
        ("SELECT i.app, e.failing_since FROM issue i", "issue_by_state (org=? AND state=?"),
        ("SELECT count(*), count(failing_since)", "endpoint_by_app (app=?"),
        ("FROM figure_type WHERE hour = ? AND org = ? LIMIT ?", "PRIMARY KEY (hour=? AND org=?"),
        ("AND event_type >= ? AND event_type < ?", "PRIMARY KEY (hour=? AND org=? AND event_type>? AND event_type<?"),
        ("SELECT id, state, last_at FROM issue", "issue_of_endpoint (endpoint=? AND kind=?"),
        ("UPDATE issue SET state = 1 WHERE endpoint = ?", "issue_open (endpoint=?"),
        ("i.org = ?1 AND i.state = ?5 AND", "issue_by_state (org=? AND state=? AND last_at<"),
        ("i.org = ?1 AND (i.last_at", "issue_by_org (org=? AND last_at<"),
        ("i.app = ?1 AND (i.last_at", "issue_by_app (app=? AND last_at<"),
        ("FROM issue INDEXED BY issue_last_at", "issue_last_at (last_at<"),
        ("FROM issue INDEXED BY issue_by_state WHERE org = ?", "issue_by_state (org=? AND state=?"),
        ("AND due_at IS NOT NULL AND due_at > ?", "delivery_due (endpoint=? AND due_at>"),
        ("endpoint = ?1 AND dead IS NOT NULL AND message > ?2", "INDEX delivery_dead (endpoint=? AND message>"),
        ("endpoint = ?1 AND success = 0 AND id > ?2", "INDEX attempt_failed (endpoint=? AND id>"),
        ("SELECT message FROM delivery WHERE endpoint = ? AND due_at", "COVERING INDEX delivery_due (endpoint=?"),
        ("SELECT id, id FROM message WHERE app = ?1 AND id > ?2", "COVERING INDEX message_by_app (app=? AND rowid>"),
        ("FROM message WHERE ?1 = ?1 AND id > ?2 AND id < ?3", "INTEGER PRIMARY KEY (rowid>? AND rowid<?"),
        ("FROM delivery WHERE ?1 = ?1 AND message > ?2", "PRIMARY KEY (message>? AND message<?"),
        ("FROM lease WHERE ?1 = ?1 AND message > ?2", "PRIMARY KEY (message>? AND message<?"),
        (
            "FROM message WHERE app = ?1 AND id > ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4",
            "message_by_app (app=? AND rowid>",
        ),
        ("FROM attempt WHERE ?1 = ?1 AND message > ?2", "PRIMARY KEY (message>? AND message<?"),
        ("success FROM attempt WHERE message = ? AND id >= ?", "PRIMARY KEY (message=? AND id>"),
        ("FROM app a CROSS JOIN endpoint e ON e.app = a.id", "endpoint_by_app (app=?"),
        ("FROM lane l INDEXED BY lane_busy", "e USING INTEGER PRIMARY KEY"),
        ("DELETE FROM request WHERE id >= ?1", "d USING PRIMARY KEY (message>? AND message<?"),
        ("DELETE FROM request WHERE id >= ?1", "l USING PRIMARY KEY (message>? AND message<?"),
    ] {
        let found = plans.iter().any(|(sql, step)| sql.contains(part) && step.contains(index));
        let got: Vec<_> = plans.iter().filter(|(sql, _)| sql.contains(part)).collect();
        assert!(found, "{part} should use {index}: {got:#?}");
    }
}

fn reads_everything(sql: &str, step: &str) -> bool {
    let virtual_rows = step.contains("CONSTANT ROW") || step.contains("(subquery") || sql.contains("sqlite_schema");
    let sorted = step.contains("TEMP B-TREE FOR ORDER BY");
    (step.starts_with("SCAN") && !virtual_rows) || sorted
}

fn explain(conn: &Connection, sql: &str) -> Vec<(String, String)> {
    let verb = sql.split_whitespace().next().unwrap_or_default();
    // A migration's own table is gone.
    if !["SELECT", "INSERT", "UPDATE", "DELETE"].contains(&verb) || sql.contains("task_before") {
        return Vec::new();
    }
    let mut s = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let none = vec![rusqlite::types::Null; s.parameter_count()];
    let text = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let steps = s.query_map(rusqlite::params_from_iter(none), |r| r.get::<_, String>(3)).unwrap();
    steps.map(|step| (text.clone(), step.unwrap())).collect()
}

/// Uses every verb once, so that every statement runs.
async fn live(w: &mut World) {
    let (app, e) = w.app_and_endpoint().await;
    let m = w.message(app, "a").await;
    let key = |automatic| Some(IdempotencyKey { hash: [u8::from(automatic); 16], automatic });
    for automatic in [true, false] {
        let one = NewMessage { key: key(automatic), event_id: Some(automatic.to_string().into()), ..m.clone() };
        w.accept(one.clone()).await;
        w.store.accept(one).await.unwrap();
    }
    w.store.keep_answer(IdempotencyKey { hash: [9; 16], automatic: false }, 200, Default::default()).await.unwrap();
    w.store.kept_answer(IdempotencyKey { hash: [9; 16], automatic: false }).await.unwrap();
    w.store.revoke_token([1; 32], Some(w.later(HOUR))).await.unwrap();
    let id = w.send(app).await;
    let batch = w.take().await;
    w.settle(&batch[0], Next::Delivered);
    w.settle(&batch[1], Next::Dead(DeadReason::Exhausted));
    w.settle(&batch[2], Next::RetryAt(w.later(HOUR)));
    w.advance(HOUR).await;
    w.kill_all().await;
    for kind in [TaskKind::Recover, TaskKind::ReplayMissing] {
        w.store.start_task(app, &Ref::Id(e), kind, Timestamp(0), None).await.unwrap();
    }
    w.deliver_all().await;
    replays(w, app, e).await;
    read(w, app, e, id).await;
    w.store.resend(app, &Ref::Id(id), &Ref::Id(e), false).await.unwrap();
    w.deliver_all().await;
    w.store.rotate_secret(app, e, vec![1], w.later(HOUR)).await.unwrap();
    let read = w.store.endpoint_headers(app, &Ref::Id(e)).await.unwrap().1;
    w.store.set_endpoint_headers(app, e, read, vec![2]).await.unwrap();
    let by_n = EndpointPatch { first_per: Some(Some("n".into())), ..Default::default() };
    w.store.patch_endpoint(app, &Ref::Id(e), by_n).await.unwrap();
    w.send_many(app, 2).await;
    w.deliver_all().await;
    w.set_disabled(app, e, true).await;
    w.set_disabled(app, e, false).await;
    sources_and_pull(w).await;
    own_events(w, app).await;
    links_and_forms(w, app).await;
    figures(w).await;
    w.restart().await;
    w.store.delete_message_content(app, &Ref::Id(id)).await.unwrap();
    w.advance(31 * DAY).await;
    w.sweep().await;
    w.advance(70 * DAY).await;
    w.sweep().await;
    receive(w).await;
    w.send(app).await;
    w.store.delete_endpoint(app, &Ref::Id(e)).await.unwrap();
    w.store.delete_app(w.org, &Ref::Id(app)).await.unwrap();
    w.sweep().await;
}

/// The verbs of replays and of pausing.
async fn replays(w: &mut World, app: domain::AppId, e: domain::EndpointId) {
    let (s, org) = (w.store.clone(), w.org);
    s.pause_endpoint(app, &Ref::Id(e)).await.unwrap();
    s.resume_endpoint(app, &Ref::Id(e)).await.unwrap();
    for which in [Which::Failed, Which::Missing, Which::Delivered, Which::Everything] {
        for status_code_class in [Some(500), None] {
            let filter = ReplayFilter { which, status_code_class, ..ReplayFilter::default() };
            s.start_replay(app, &Ref::Id(e), filter, Some(7)).await.unwrap();
            w.deliver_all().await;
        }
    }
    let task = s.tasks(org, page(1)).await.unwrap().data[0].id;
    let key = ReportKey { message: domain::MessageId(5), ordinal: 0 };
    for cursor in [None, Some(Cursor::After(key)), Some(Cursor::Before(key))] {
        s.task_report(org, task, PageQuery { cursor, ..page(5) }, None).await.unwrap();
    }
    s.tasks_of_app(app, page(5)).await.unwrap();
    s.tasks_of_app(app, PageQuery { cursor: Some(Cursor::After(task)), ..page(5) }).await.unwrap();
    s.cancel_task(org, task).await.ok();
    let _watch = s.tail(org, None, None);
    w.send(app).await;
    w.deliver_all().await;
}

/// The verbs of figures, issues and search. What they say is the contract's business.
async fn figures(w: &mut World) {
    let (s, org, since) = (w.store.clone(), w.org, Timestamp(0));
    let (app, e) = w.app_and_endpoint().await;
    w.send(app).await;
    w.kill_all().await;
    w.advance(HOUR).await;
    w.send_many(app, 2).await;
    let leases = w.take().await;
    w.settle(&leases[0], Next::RetryAt(w.later(HOUR)));
    w.settle(&leases[1], Next::Delivered);
    w.advance(HOUR).await;
    for step in [Step::Minute, Step::Hour] {
        s.throughput(org, w.now().minus(HOUR), w.now(), step).await.unwrap();
    }
    s.app_figures(org, vec![app], since).await.unwrap();
    s.busiest_apps(org, since, 5).await.unwrap();
    s.endpoint_figures(vec![e], since).await.unwrap();
    s.event_type_figures(org, since).await.unwrap();
    s.queue_figures(org).await.unwrap();
    for sort in [AppSort::Created, AppSort::Name, AppSort::LastMessage, AppSort::Failing] {
        for after in [None, Some(AppPlace { app, at: None }), Some(AppPlace { app, at: Some(w.now()) })] {
            for failing in [true, false] {
                let search = AppSearch { text: "appl".into(), only: None, failing, sort, after, limit: 5 };
                s.search_apps(org, search).await.unwrap();
            }
        }
    }
    s.count_subscribers(org, vec!["a".into()]).await.unwrap();
    for cursor in [None, Some(Cursor::After(e)), Some(Cursor::Before(e))] {
        s.subscribers(org, "a", PageQuery { cursor, ..page(5) }).await.unwrap();
    }
    s.source_figures(vec![domain::SourceId(1)], since).await.unwrap();
    s.open_issues(org).await.unwrap();
    let all = IssueFilter::default();
    let id = s.issues(org, page(5), all).await.unwrap().data[0].id;
    for filter in [
        all,
        IssueFilter { state: Some(IssueState::Open), ..all },
        IssueFilter { app: Some(app), ..all },
        IssueFilter { endpoint: Some(e), ..all },
    ] {
        for cursor in [Cursor::After(id), Cursor::Before(id)] {
            s.issues(org, PageQuery { cursor: Some(cursor), ..page(5) }, filter).await.unwrap();
        }
    }
    s.set_issue_state(org, id, IssueState::Open).await.unwrap();
    for text in [
        "",
        "type:user.* type:x",
        "status:failed",
        "status:pending",
        "status:sending",
        "code:5xx",
        "code:200",
        "code:5xx before:1m",
        "id",
        "status:delivered tag:x",
        "channel:x type:a",
    ] {
        let query = domain::SearchQuery::parse(text).unwrap();
        let mut search = s.resolve_search(org, &query).await.unwrap();
        for (app, endpoint) in [(None, None), (Some(app), None), (None, Some(e))] {
            (search.app, search.endpoint) = (app, endpoint);
            for cursor in [
                Cursor::Before(SearchCursor::Message(domain::MessageId(1))),
                Cursor::After(SearchCursor::Message(domain::MessageId(i64::MAX))),
            ] {
                s.search_messages(org, PageQuery { cursor: Some(cursor), ..page(5) }, search.clone()).await.unwrap();
            }
        }
    }
    let waiting = Search { status: Some(StatusFilter::Pending), ..Search::default() };
    // More than are sorted in memory; behind the back of the lanes, and gone again.
    s.on_writer(move |conn| {
        for n in 1..=20_001 {
            conn.execute("INSERT INTO delivery VALUES (?, ?, 9, 1, 0, 0, NULL)", [n, e.0]).unwrap();
        }
        conn.execute("UPDATE lane SET waiting = waiting + 20001 WHERE endpoint = ?", [e.0]).unwrap();
    })
    .await;
    s.search_messages(org, page(5), waiting).await.unwrap();
    s.queue_figures(org).await.unwrap();
    s.on_writer(move |conn| {
        conn.execute("DELETE FROM delivery WHERE message < 20002", []).unwrap();
        conn.execute("UPDATE lane SET waiting = waiting - 20001 WHERE endpoint = ?", [e.0]).unwrap();
    })
    .await;
    for _ in 0..65 {
        w.app().await;
    }
    s.search_messages(org, page(5), Search::default()).await.unwrap();
    s.recent_payloads(org, None, "user.created", 5).await.unwrap();
    let m = w.send(app).await;
    s.find_message(org, m).await.unwrap();
    s.find_endpoint(org, e).await.unwrap();
}

/// The verbs of own events.
async fn own_events(w: &World, app: domain::AppId) {
    let s = &w.store;
    s.record(converted(click(w, app), "once")).await.unwrap();
    let values = with_values(click(w, app), &[(Dim::Os, "iOS")]);
    s.clicks(vec![values.clone(), values.clone()]).unwrap();
    s.record(OwnEvent { files: vec![file(1)], ..values.clone() }).await.unwrap();
    let deleted = s.record(OwnEvent { files: vec![file(2)], ..values }).await.unwrap();
    let Recorded::New(id) = deleted else { panic!("{deleted:?}") };
    s.delete_message_content(app, &Ref::Id(id)).await.unwrap();
    s.form_file(domain::FileId(1)).await.unwrap();
    s.visitor_salt(7).await.unwrap();
    s.own_events(LINK, Some(id), 10).await.unwrap();
    let query = StatQuery { from: 0, until: 1 << 40, step: Step::Hour, top: 10 };
    s.stats(LINK, query).await.unwrap();
}

/// The verbs of sources and of pull.
async fn sources_and_pull(w: &World) {
    let s = &w.store;
    let make = async |uid: &str, token: &str| {
        let fields = SourceFields { expires_at: Some(w.later(DAY)), ..Default::default() };
        s.put_source(w.org, &Ref::Uid(uid.into()), fields, token.into(), Box::new(|_| vec![1])).await.unwrap().0
    };
    let (made, _) = (make("a", "t").await, make("b", "u").await);
    make("a", "t").await;
    let patch = SourcePatch {
        share: Some(Some("share".into())),
        name: Some("n".into()),
        uid: Some(Some("c".into())),
        ..Default::default()
    };
    s.patch_source(w.org, &Ref::Id(made.id), patch).await.unwrap();
    s.shared_source("share").await.unwrap();
    s.set_source_config(made.id, vec![1], vec![2]).await.unwrap();
    s.set_source_config(made.id, vec![1], vec![2]).await.unwrap_err();
    s.rotate_source_token(w.org, &Ref::Id(made.id), "v".into(), w.later(HOUR)).await.unwrap();
    s.source_route("none").await.unwrap();
    for cursor in [Some(Cursor::After(made.id)), Some(Cursor::Before(made.id)), None] {
        for bins in [false, true] {
            s.sources(w.org, bins, PageQuery { cursor: cursor.clone(), ..page(ALL) }).await.unwrap();
        }
    }
    s.messages_after(made.app, domain::MessageId(0), MessageFilter::default(), ALL).await.unwrap();
    s.set_consumer_position(made.app, "poll", "c", domain::MessageId(1)).await.unwrap();
    s.consumer_position(made.app, "poll", "c").await.unwrap();
    s.delete_source(w.org, &Ref::Id(made.id)).await.unwrap();
}

/// The verbs of links, imports and forms; some are left to go with their application.
async fn links_and_forms(w: &World, app: domain::AppId) {
    let (s, org) = (&w.store, w.org);
    let fields = |slug: &str| LinkFields { app: Some(app), tags: vec!["t".into()], ..link_fields(slug) };
    let link = s.create_link(org, fields("a")).await.unwrap().id;
    s.create_link(org, LinkFields { app: None, ..fields("b") }).await.unwrap();
    s.link_route("a").await.unwrap();
    s.link_route_of(link).await.unwrap();
    let patch = LinkPatch { slug: Some("c".into()), ..LinkPatch::default() };
    s.patch_link(org, link, patch).await.unwrap();
    let form = async |token: &str| {
        let fields = FormFields { app: Some(app), ..FormFields::default() };
        s.create_form(org, fields, token.into()).await.unwrap().id
    };
    let (form, _) = (form("f").await, form("g").await);
    s.form_route("f").await.unwrap();
    s.patch_form(org, form, FormPatch::default()).await.unwrap();
    s.form(org, form).await.unwrap();
    let import = s.start_import(org, Some(app), "i".into()).await.unwrap().id;
    let rows = ["c", "b", "d"].iter().zip(2..).map(|(slug, line)| ImportRow {
        line,
        row: Ok(fields(slug)),
        random_from: None,
    });
    s.import_links(org, import, rows.collect()).await.unwrap();
    s.end_import(org, import, ImportStatus::Stopped).await.unwrap();
    s.import_errors(org, import, 0, ALL).await.unwrap();
    for cursor in [Some(()), None] {
        for slug in [Some("b".to_owned()), None] {
            let filter = LinkFilter { slug, ..LinkFilter::default() };
            for order in [Order::Ascending, Order::Descending] {
                let cursor = cursor.map(|()| Cursor::After(link));
                s.links(org, filter.clone(), PageQuery { cursor, order, limit: 5 }).await.unwrap();
            }
        }
        s.forms(org, PageQuery { cursor: cursor.map(|()| Cursor::After(form)), ..page(5) }).await.unwrap();
        s.imports(org, PageQuery { cursor: cursor.map(|()| Cursor::After(import)), ..page(5) }).await.unwrap();
    }
    w.store
        .on_writer(move |conn| {
            for origin in [link.0, form.0] {
                conn.execute("INSERT INTO stat VALUES (?, 0, 0, x'')", [origin]).unwrap();
            }
            let file = "INSERT INTO form_file (message, field, name, content_type, size, content)
                VALUES (1, '', '', '', 1, x'')";
            conn.execute(file, []).unwrap();
        })
        .await;
    s.delete_link(org, link).await.unwrap();
    s.delete_form(org, form).await.unwrap();
    w.sweep().await;
}

/// Uses every verb of receiving.
async fn receive(w: &mut World) {
    let source = w.source(|o| o.requests_kept = Some(20)).await;
    w.endpoint(source.app).await;
    let mut last = RequestId(0);
    for key in 0..=255 {
        let verdict = if key % 100 == 0 { Verdict::Held } else { Verdict::Accepted };
        let new = NewRequest { verdict, ..w.inbound(&source, key).await };
        last = w.store_request(new.clone()).await;
        w.store.receive(new).await.unwrap();
        if key == 100 {
            w.restart().await;
        }
    }
    let held =
        w.store_request(NewRequest { verdict: Verdict::Held, events: Vec::new(), ..w.inbound(&source, 0).await });
    let held = held.await;
    assert!(w.store.held_requests(5).await.unwrap().contains(&(source.source, held)));
    let events = vec![event(7, &"x".into())];
    w.store.accept_request(source.clone(), held, events, true).await.unwrap();
    let settled = w.take().await;
    w.settle(&settled[0], Next::RetryAt(w.later(HOUR)));
    w.advance(HOUR).await;
    w.deliver_all().await;
    let s = &w.store;
    s.request(source.source, last, true).await.unwrap();
    s.request(source.source, last, false).await.unwrap();
    s.requests_after(&[source.source], RequestId(0), 5).await.unwrap();
    for order in [Order::Ascending, Order::Descending] {
        for verdict in [None, Some(VerdictKind::Refused)] {
            let filter = RequestFilter { verdict, ..Default::default() };
            s.requests(source.source, PageQuery { order, ..page(5) }, filter).await.unwrap();
        }
    }
    s.delete_request(source.source, last).await.unwrap();
    w.sweep().await;
    w.advance(91 * DAY).await;
    w.sweep().await;
    w.store.delete_requests(source.source).await.unwrap();
    w.set_source(source.source, "deleted", 1).await;
    w.sweep().await;
}

/// People, sessions, keys and the audit log.
async fn accounts(w: &World) {
    let s = &w.store;
    let ana =
        s.create_first_owner(w.org, crate::contract::people::new_person("a@x.example", Role::Owner)).await.unwrap();
    s.open_session(ana.id, crate::contract::people::new_session(1)).await.unwrap();
    s.session([1; 32]).await.unwrap();
    let open = s.sessions(ana.id).await.unwrap();
    s.set_password(w.org, ana.id, PasswordHash("x".into()), Some(open[0].id)).await.unwrap();
    s.patch_person(w.org, ana.id, PersonPatch { role: Some(Role::Support), ..Default::default() }).await.unwrap_err();
    s.close_session(ana.id, open[0].id).await.unwrap();
    s.has_people().await.unwrap();
    s.use_ticket([1; 16], Timestamp(1)).await.unwrap();
    let (app, _) = w.app_and_endpoint().await;
    s.expire_tokens(app, vec!["s".into()], w.now()).await.unwrap();
    s.create_inbox((w.org, app), SourceFields::default(), "inbox_token_345678".into(), Box::new(|_| vec![]))
        .await
        .unwrap();
    s.inboxes(app).await.unwrap();
    s.find_organisation("org_x").await.unwrap();
    s.is_ticket_used([1; 16]).await.unwrap();
    s.set_profile(w.org, Profile::default()).await.unwrap();
    let key = crate::contract::keys::key(w, 1, None).await;
    s.note_key_use(key, &s.key_use(key));
    s.revoke_api_key(w.org, key, HOUR).await.unwrap();
    let new = NewAuditEntry {
        org: w.org,
        actor: "token".into(),
        action: "app.create".into(),
        object: "app".into(),
        detail: None,
        address: None,
    };
    let entry = s.audit(new).await.unwrap();
    for order in [Order::Ascending, Order::Descending] {
        for cursor in [false, true] {
            fn at<I>(cursor: bool, order: Order, id: I) -> PageQuery<I> {
                PageQuery { order, cursor: cursor.then_some(Cursor::After(id)), ..page(ALL) }
            }
            s.people(w.org, at(cursor, order, ana.id)).await.unwrap();
            s.api_keys(w.org, at(cursor, order, key)).await.unwrap();
            s.audit_entries(w.org, at(cursor, order, entry), AuditFilter::default()).await.unwrap();
        }
    }
}

async fn read(w: &World, app: domain::AppId, e: domain::EndpointId, id: domain::MessageId) {
    let s = &w.store;
    let by = [Some(Cursor::After(())), Some(Cursor::Before(())), None];
    for cursor in by {
        fn at<I>(c: &Option<Cursor<()>>, id: I) -> PageQuery<I> {
            let cursor = match c {
                Some(Cursor::After(())) => Some(Cursor::After(id)),
                Some(Cursor::Before(())) => Some(Cursor::Before(id)),
                None => None,
            };
            PageQuery { cursor, ..page(ALL) }
        }
        s.apps(w.org, at(&cursor, app)).await.unwrap();
        s.endpoints(app, at(&cursor, e)).await.unwrap();
        s.hooks(app, at(&cursor, e)).await.unwrap();
        s.event_types(w.org, at(&cursor, "a".to_owned()), true).await.unwrap();
        s.event_types(w.org, at(&cursor, "a".to_owned()), false).await.unwrap();
        s.tasks(w.org, at(&cursor, domain::TaskId(5))).await.unwrap();
        s.messages(app, at(&cursor, id), MessageFilter::default()).await.unwrap();
        s.attempted_messages(app, &Ref::Id(e), at(&cursor, id), MessageFilter::default(), None).await.unwrap();
        s.destinations(app, &Ref::Id(id), at(&cursor, e)).await.unwrap();
        for success in [None, Some(false)] {
            let filter = AttemptFilter { success, with_message: true, ..Default::default() };
            let from = domain::AttemptId(id.0);
            s.attempts_by_endpoint(app, &Ref::Id(e), at(&cursor, from), filter.clone()).await.unwrap();
            s.attempts_by_message(app, &Ref::Id(id), at(&cursor, from), filter).await.unwrap();
        }
    }
    s.endpoint_stats(app, &Ref::Id(e), None, None).await.unwrap();
    s.put_event_type(w.org, "a", EventTypeFields::default()).await.unwrap();
    s.delete_event_type(w.org, "a", false).await.unwrap();
    s.delete_event_type(w.org, "a", true).await.unwrap();
    s.delete_hook(w.org, e).await.unwrap_err();
    s.operational_app(w.org).await.unwrap();
    assert!(s.message(app, &Ref::Uid("none".into()), true).await.is_err());
}
