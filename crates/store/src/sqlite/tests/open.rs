//! Files that are not, or not yet, a Postrider database.

use super::open;
use crate::OpenError;
use rusqlite::Connection;

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.db");
    open(&path).unwrap().0.close().await;
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let Err(OpenError::Newer { found, known, .. }) = open(&path) else { panic!("it opened") };
    assert_eq!((found, known), (999, crate::sqlite::VERSION));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.db");
    let text = "a letter to somebody, not a database at all\n".repeat(100);
    std::fs::write(&path, &text).unwrap();
    assert!(matches!(open(&path), Err(OpenError::NotOurs { .. })));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn another_programs_database_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE recipe (id INTEGER); PRAGMA user_version = 5")
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(open(&path), Err(OpenError::NotOurs { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_unusable() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    for path in [dir.path().join("missing/p.db"), file.join("p.db"), dir.path().to_path_buf(), "/proc/p.db".into()] {
        assert!(matches!(open(&path), Err(OpenError::Unusable { .. })), "{path:?}");
    }
}

#[tokio::test]
async fn an_empty_file_becomes_a_database() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.db");
    std::fs::write(&path, "").unwrap();
    open(&path).unwrap().0.ready().await.unwrap();
}
