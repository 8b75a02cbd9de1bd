//! Issues: failures by endpoint and kind, from the first to the one that mends them.

use super::Fixture;
use super::world::{ALL, DAY, HOUR, SECOND, World, page};
use crate::*;
use bytes::Bytes;
use domain::{AppId, IssueKind, Timestamp};

type F = Box<dyn Fixture>;

/// Sends a message that fails so at each endpoint that has it, and lets figures be written.
async fn fail(w: &mut World, app: AppId, status_code: u16, response: &'static str) {
    w.send(app).await;
    for lease in w.take().await {
        w.settle_with(&lease, Next::RetryAt(w.later(DAY)), |s| {
            let attempt = s.attempt.as_mut().unwrap();
            (attempt.status_code, attempt.response) = (status_code, Bytes::from_static(response.as_bytes()));
        });
    }
    w.advance(SECOND).await;
}
async fn succeed(w: &mut World, app: AppId) {
    w.send(app).await;
    w.deliver_all().await;
    w.advance(SECOND).await;
}
async fn all(w: &World, filter: IssueFilter) -> Vec<Issue> {
    w.store.issues(w.org, page(ALL), filter).await.unwrap().data
}
async fn states(w: &World) -> Vec<(IssueKind, IssueState, u64)> {
    all(w, IssueFilter::default()).await.iter().map(|i| (i.kind, i.state, i.count)).collect()
}
const OPEN: IssueState = IssueState::Open;

pub async fn failures_of_one_kind_are_one_issue(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let begin = w.now();
    fail(&mut w, app, 503, "the first").await;
    fail(&mut w, app, 503, "down\n\tfor  maintenance\u{0}").await;
    fail(&mut w, app, 0, "the host name does not resolve").await;
    let found = all(&w, IssueFilter::default()).await;
    assert_eq!(found.iter().map(|i| i.kind).collect::<Vec<_>>(), [IssueKind::Dns, IssueKind::Unavailable]);
    let issue = &found[1];
    assert_eq!((issue.app, issue.endpoint, issue.state, issue.count), (app, e, OPEN, 2));
    assert_eq!((issue.first_at, issue.last_at), (begin, begin.plus(SECOND)));
    assert_eq!((issue.status_code, &*issue.detail), (503, "down for maintenance"));
    assert_eq!((&*issue.app_name, &*issue.url), ("An application", "https://example.com/hook"));
    let attempt = w.store.attempt(app, &Ref::Id(issue.message), issue.attempt).await.unwrap();
    assert_eq!(attempt.status_code, 503);
    assert_eq!(&w.store.issue(w.org, issue.id).await.unwrap(), issue);
    assert_eq!(w.store.open_issues(w.org).await.unwrap(), 2);
}

pub async fn a_success_resolves_and_a_failure_opens_again(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    fail(&mut w, app, 500, "").await;
    fail(&mut w, app, 404, "").await;
    succeed(&mut w, app).await;
    let resolved = |kind, n| (kind, IssueState::Resolved, n);
    let want = [resolved(IssueKind::NotFound, 1), resolved(IssueKind::ServerError, 1)];
    assert_eq!(states(&w).await, want);
    assert_eq!(w.store.open_issues(w.org).await.unwrap(), 0);
    fail(&mut w, app, 500, "").await;
    assert_eq!(states(&w).await, [(IssueKind::ServerError, OPEN, 2), resolved(IssueKind::NotFound, 1)]);
    w.restart().await;
    succeed(&mut w, app).await;
    assert_eq!(states(&w).await[0], resolved(IssueKind::ServerError, 2), "a new process knows what is open");
    w.advance(2 * HOUR).await;
    let begin = w.now();
    fail(&mut w, app, 500, "").await;
    let again = all(&w, IssueFilter::default()).await.remove(0);
    assert_eq!((again.count, again.first_at, again.state), (1, begin, OPEN), "after an hour it is another one");
}

pub async fn of_what_happens_within_a_second_the_last_counts(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    for (last, want) in [(Next::Delivered, IssueState::Resolved), (Next::RetryAt(w.later(DAY)), OPEN)] {
        w.send_many(app, 4).await;
        let leases = w.take().await;
        let ways = [Next::RetryAt(w.later(DAY)), Next::Delivered, Next::RetryAt(w.later(DAY)), last];
        for (lease, next) in leases.iter().zip(ways) {
            w.settle(lease, next);
        }
        w.advance(SECOND).await;
        assert_eq!(states(&w).await[0].1, want);
    }
}

pub async fn what_is_muted_stays_muted_until_a_person_opens_it(f: F) {
    let mut w = World::new(f).await;
    let (app, _) = w.app_and_endpoint().await;
    fail(&mut w, app, 500, "").await;
    let id = all(&w, IssueFilter::default()).await[0].id;
    let muted = w.store.set_issue_state(w.org, id, IssueState::Muted).await.unwrap();
    assert_eq!(muted.state, IssueState::Muted);
    fail(&mut w, app, 500, "").await;
    succeed(&mut w, app).await;
    assert_eq!(states(&w).await, [(IssueKind::ServerError, IssueState::Muted, 2)]);
    w.store.set_issue_state(w.org, id, OPEN).await.unwrap();
    assert_eq!(w.store.open_issues(w.org).await.unwrap(), 1);
    succeed(&mut w, app).await;
    assert_eq!(states(&w).await[0].1, IssueState::Resolved);
}

pub async fn issues_are_filtered_and_walked_both_ways(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    let (other, _) = w.app_and_endpoint().await;
    for code in [500, 503, 401, 404] {
        fail(&mut w, app, code, "").await;
        fail(&mut w, other, code, "").await;
    }
    succeed(&mut w, other).await;
    let filters = [
        (IssueFilter::default(), 8),
        (IssueFilter { state: Some(OPEN), ..Default::default() }, 4),
        (IssueFilter { app: Some(other), ..Default::default() }, 4),
        (IssueFilter { app: Some(other), state: Some(OPEN), ..Default::default() }, 0),
        (IssueFilter { endpoint: Some(e), ..Default::default() }, 4),
        (IssueFilter { endpoint: Some(e), state: Some(IssueState::Muted), ..Default::default() }, 0),
        (IssueFilter { kind: Some(IssueKind::NotFound), ..Default::default() }, 2),
        (IssueFilter { kind: Some(IssueKind::ServerError), state: Some(OPEN), ..Default::default() }, 1),
        (IssueFilter { kind: Some(IssueKind::NotFound), app: Some(app), ..Default::default() }, 1),
        (IssueFilter { kind: Some(IssueKind::NotFound), endpoint: Some(e), ..Default::default() }, 1),
        (IssueFilter { kind: Some(IssueKind::Gone), ..Default::default() }, 0),
        (IssueFilter { endpoint: Some(e), app: Some(other), ..Default::default() }, 0),
    ];
    for (filter, n) in filters {
        let whole = all(&w, filter).await;
        assert_eq!(whole.len(), n, "{filter:?}");
        assert!(whole.is_sorted_by_key(|i| std::cmp::Reverse(i.last_at)), "last failure first");
        let (mut forth, mut cursor) = (Vec::new(), None);
        loop {
            let query = PageQuery { cursor: cursor.map(Cursor::After), ..page(3) };
            let p = w.store.issues(w.org, query, filter).await.unwrap();
            cursor = p.last;
            forth.extend(p.data);
            if p.done {
                break;
            }
        }
        assert_eq!(forth, whole);
        if let Some(last) = whole.last() {
            let query = PageQuery { cursor: Some(Cursor::Before(last.id)), ..page(3) };
            let back = w.store.issues(w.org, query, filter).await.unwrap().data;
            let before = &whole[..n - 1];
            assert_eq!(back, before[before.len().saturating_sub(3)..]);
        }
    }
}

pub async fn issues_belong_to_their_organisation_and_go_with_their_endpoint(f: F) {
    let mut w = World::new(f).await;
    let (app, e) = w.app_and_endpoint().await;
    fail(&mut w, app, 500, "").await;
    let id = all(&w, IssueFilter::default()).await[0].id;
    let ours = std::mem::replace(&mut w.org, w.store.organisation("org_2").await.unwrap());
    assert_eq!(all(&w, IssueFilter::default()).await, []);
    assert_eq!(all(&w, IssueFilter { app: Some(app), ..Default::default() }).await, []);
    assert_eq!(all(&w, IssueFilter { endpoint: Some(e), ..Default::default() }).await, []);
    assert!(w.store.issue(w.org, id).await.is_err());
    assert!(w.store.set_issue_state(w.org, id, IssueState::Muted).await.is_err());
    w.org = ours;
    w.send(app).await;
    let held = w.take().await;
    w.store.delete_endpoint(app, &Ref::Id(e)).await.unwrap();
    w.sweep().await;
    assert_eq!(all(&w, IssueFilter::default()).await, []);
    w.settle(&held[0], Next::RetryAt(Timestamp(0)));
    w.advance(SECOND).await;
    assert_eq!(all(&w, IssueFilter::default()).await, [], "a late failure brings none back");
}
