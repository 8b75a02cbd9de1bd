//! Imports: rows become links or errors, once each.

use super::Fixture;
use super::links::fields;
use super::lists::walk;
use super::world::{ALL, DAY, World, page};
use crate::*;
use domain::ImportId;

type F = Box<dyn Fixture>;

const NOT_FOUND: StoreError = StoreError::NotFound("import");

async fn start(w: &World) -> ImportId {
    w.store.start_import(w.org, None, "links.csv".into()).await.unwrap().id
}
fn row(line: u64, slug: &str) -> ImportRow {
    ImportRow { line, row: Ok(fields(slug)), random_from: None }
}
fn to(line: u64, slug: &str, target: &str) -> ImportRow {
    ImportRow { row: Ok(LinkFields { target: target.into(), ..fields(slug) }), ..row(line, slug) }
}
fn bad(line: u64, text: &str) -> ImportRow {
    ImportRow { line, row: Err(text.into()), random_from: None }
}
async fn feed(w: &World, import: ImportId, rows: Vec<ImportRow>) -> Import {
    w.store.import_links(w.org, import, rows).await.unwrap()
}
/// (line, created, unchanged, failed)
fn figures(i: &Import) -> (u64, u64, u64, u64) {
    (i.line, i.created, i.unchanged, i.failed)
}
async fn errors(w: &World, import: ImportId) -> Vec<(u64, String)> {
    let found = w.store.import_errors(w.org, import, 0, ALL).await.unwrap();
    found.into_iter().map(|e| (e.line, e.text)).collect()
}

pub async fn good_rows_become_links_and_bad_ones_are_told_by_line(f: F) {
    let mut w = World::new(f).await;
    let import = start(&w).await;
    let fed = feed(&w, import, vec![row(2, "b"), bad(3, "no target"), row(4, "a"), bad(6, "no URL")]).await;
    assert_eq!((figures(&fed), fed.status), ((6, 2, 0, 2), ImportStatus::Running));
    for restarted in [false, true] {
        if restarted {
            w.store.end_import(w.org, import, ImportStatus::Finished).await.unwrap();
            w.restart().await;
        }
        let i = w.store.import(w.org, import).await.unwrap();
        assert_eq!((figures(&i), &*i.name, i.org), ((6, 2, 0, 2), "links.csv", w.org));
        let told = errors(&w, import).await;
        assert_eq!(told, [(3, "no target".into()), (6, "no URL".into())]);
        for slug in ["a", "b"] {
            let link = w.store.link_route(slug).await.unwrap().unwrap();
            assert_eq!((link.app, link.target()), (i.app, &*fields(slug).target));
        }
    }
    assert_eq!(w.store.import_errors(w.org, import, 3, ALL).await.unwrap().len(), 1);
    assert_eq!(w.store.import_errors(w.org, import, 0, 1).await.unwrap()[0].line, 3);
}

pub async fn a_taken_slug_is_told_with_who_has_it(f: F) {
    let w = World::new(f).await;
    let other = w.store.organisation("org_2").await.unwrap();
    w.store.create_link(other, fields("theirs")).await.unwrap();
    let mine = w.store.create_link(w.org, fields("mine")).await.unwrap();
    let import = start(&w).await;
    let rows = vec![
        row(2, "theirs"),
        row(3, "mine"),
        to(4, "mine", "https://example.com/other"),
        to(5, "new", "https://example.com/1"),
        to(6, "new", "https://example.com/2"),
        to(7, "new", "https://example.com/1"),
    ];
    assert_eq!(figures(&feed(&w, import, rows).await), (7, 1, 2, 3));
    let id = w.store.codec().text(mine.id);
    let told = errors(&w, import).await;
    let want = [
        (2, "slug \"theirs\" is taken".to_owned()),
        (4, format!("slug \"mine\" is taken: {id} has it")),
        (6, "slug \"new\" is taken: line 5 has it".to_owned()),
    ];
    assert_eq!(told, want);
    assert_eq!(w.store.link_route("new").await.unwrap().unwrap().target(), "https://example.com/1", "the first one");
}

pub async fn a_random_slug_is_as_short_as_is_free(f: F) {
    let w = World::new(f).await;
    let import = start(&w).await;
    let random = |line, slug| ImportRow { random_from: Some(3), ..row(line, slug) };
    let rows = vec![row(2, "abc"), random(3, "abcdef"), random(4, "abcdxy"), random(5, "xyz123"), random(6, "abcde")];
    assert_eq!(figures(&feed(&w, import, rows).await), (6, 5, 0, 0));
    for slug in ["abc", "abcd", "abcde", "abcdx", "xyz"] {
        assert!(w.store.link_route(slug).await.unwrap().is_some(), "{slug}");
    }
}

pub async fn a_line_is_dealt_with_once(f: F) {
    let w = World::new(f).await;
    let import = start(&w).await;
    feed(&w, import, vec![row(2, "a"), bad(3, "bad")]).await;
    let same = vec![row(2, "a"), bad(3, "bad"), row(4, "b")];
    assert_eq!(figures(&feed(&w, import, same.clone()).await), (4, 2, 0, 1));
    assert_eq!(figures(&feed(&w, import, same).await), (4, 2, 0, 1));
    assert_eq!(figures(&feed(&w, import, Vec::new()).await), (4, 2, 0, 1));
    assert_eq!(errors(&w, import).await.len(), 1);
    let again = start(&w).await;
    assert_eq!(figures(&feed(&w, again, vec![row(2, "a"), row(3, "b")]).await), (3, 0, 2, 0));
}

pub async fn a_stopped_import_goes_on_and_a_finished_one_does_not(f: F) {
    let mut w = World::new(f).await;
    let (import, finished) = (start(&w).await, start(&w).await);
    feed(&w, import, vec![row(2, "a")]).await;
    let ended = w.store.end_import(w.org, finished, ImportStatus::Finished).await.unwrap();
    assert_eq!(ended.status, ImportStatus::Finished);
    w.restart().await;
    assert_eq!(w.store.import(w.org, import).await.unwrap().status, ImportStatus::Stopped, "nobody feeds it any more");
    let fed = feed(&w, import, vec![row(2, "a"), row(3, "b")]).await;
    assert_eq!((figures(&fed), fed.status), ((3, 2, 0, 0), ImportStatus::Running));
    let stopped = w.store.end_import(w.org, import, ImportStatus::Stopped).await.unwrap();
    assert_eq!(stopped.status, ImportStatus::Stopped);
    let refused = w.store.import_links(w.org, finished, vec![row(2, "c")]).await;
    assert_eq!(refused.unwrap_err(), StoreError::Conflict("the import is finished"));
    let still = w.store.end_import(w.org, finished, ImportStatus::Stopped).await.unwrap();
    assert_eq!(still.status, ImportStatus::Finished);
    assert!(w.store.link_route("c").await.unwrap().is_none());
}

pub async fn an_import_belongs_to_its_organisation(f: F) {
    let w = World::new(f).await;
    let import = start(&w).await;
    let other = w.store.organisation("org_2").await.unwrap();
    assert_eq!(w.store.import(other, import).await.unwrap_err(), NOT_FOUND);
    assert_eq!(w.store.import_links(other, import, Vec::new()).await.unwrap_err(), NOT_FOUND);
    assert_eq!(w.store.end_import(other, import, ImportStatus::Finished).await.unwrap_err(), NOT_FOUND);
    assert_eq!(w.store.import_errors(other, import, 0, ALL).await.unwrap_err(), NOT_FOUND);
    assert!(w.store.imports(other, page(ALL)).await.unwrap().data.is_empty());
    let app = w.app().await;
    let foreign = w.store.start_import(other, Some(app), String::new()).await;
    assert_eq!(foreign.unwrap_err(), StoreError::NotFound("application"));
    let import = w.store.start_import(w.org, Some(app), String::new()).await.unwrap();
    feed(&w, import.id, vec![row(2, "a")]).await;
    assert_eq!(w.store.link_route("a").await.unwrap().unwrap().app, app);
    w.store.delete_app(w.org, &Ref::Id(app)).await.unwrap();
    let gone = w.store.import_links(w.org, import.id, vec![row(3, "b")]).await;
    assert_eq!(gone.unwrap_err(), StoreError::NotFound("application"));
}

pub async fn imports_are_walked_both_ways(f: F) {
    let w = World::new(f).await;
    let mut imports = Vec::new();
    for _ in 0..20 {
        imports.push(start(&w).await);
    }
    let list = async |q| w.store.imports(w.org, q).await.unwrap();
    assert_eq!(walk(Order::Ascending, list, |i| i.id).await, imports);
    imports.reverse();
    assert_eq!(walk(Order::Descending, list, |i| i.id).await, imports);
}

pub async fn only_the_first_errors_of_an_import_are_kept_and_all_are_counted(f: F) {
    let w = World::new(f).await;
    let import = start(&w).await;
    for chunk in 0..3 {
        feed(&w, import, (1..=4000).map(|n| bad(chunk * 4000 + n, "bad")).collect()).await;
    }
    assert_eq!(w.store.import(w.org, import).await.unwrap().failed, 12_000);
    let last = w.store.import_errors(w.org, import, 9_990, ALL).await.unwrap();
    assert_eq!(last.iter().map(|e| e.line).collect::<Vec<_>>(), (9_991..=10_000).collect::<Vec<_>>());
    let many = w.store.import_links(w.org, import, (1..=16_385).map(|n| bad(n, "")).collect()).await;
    assert!(matches!(many, Err(StoreError::Conflict(_))));
}

pub async fn an_import_and_its_errors_expire(f: F) {
    let w = World::new(f).await;
    let (import, running) = (start(&w).await, start(&w).await);
    feed(&w, import, vec![row(2, "a"), bad(3, "bad")]).await;
    w.store.end_import(w.org, import, ImportStatus::Finished).await.unwrap();
    w.advance(89 * DAY).await;
    w.sweep().await;
    assert_eq!(errors(&w, import).await.len(), 1);
    w.advance(DAY).await;
    w.sweep().await;
    assert_eq!(w.store.import(w.org, import).await.unwrap_err(), NOT_FOUND);
    assert_eq!(w.store.import(w.org, running).await.unwrap().status, ImportStatus::Running);
    assert!(w.store.link_route("a").await.unwrap().is_some(), "its links stay");
}
