//! What can go wrong, by what the caller can do about it.

use std::path::PathBuf;
use std::time::Duration;

/// Expected refusals and failures of a verb.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    #[error("{0} not found")]
    NotFound(&'static str),
    /// A uid, name or event id is taken.
    #[error("{0}")]
    Conflict(&'static str),
    /// Nothing was written; there may be room after this long.
    #[error("the disk is full; nothing was stored")]
    Full { retry_after: Duration },
    /// The queue of writes is full, or the store is stopping. Nothing was written.
    #[error("the store is busy; nothing was stored")]
    Busy { retry_after: Duration },
    /// A failure that only an operator can mend. The cause is in the log.
    #[error("the store failed: {0}")]
    Failed(String),
}

impl StoreError {
    pub(crate) fn from_sqlite(e: &rusqlite::Error) -> StoreError {
        use rusqlite::ErrorCode as C;
        // The index of the log must grow, and the disk has no room for it.
        if e.sqlite_error().is_some_and(|e| e.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE) {
            return StoreError::Full { retry_after: Duration::from_secs(5) };
        }
        match e.sqlite_error_code() {
            Some(C::DiskFull) => StoreError::Full { retry_after: Duration::from_secs(5) },
            Some(C::DatabaseBusy | C::DatabaseLocked) => StoreError::Busy { retry_after: Duration::from_secs(1) },
            _ => StoreError::Failed(e.to_string()),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(e: rusqlite::Error) -> Self {
        StoreError::from_sqlite(&e)
    }
}

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "{path} was written by a newer Postrider (schema {found}, this one knows {known}): start that version, or restore a backup"
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("{path} is not a Postrider database ({cause}): move it away, or point data-dir at another folder")]
    NotOurs { path: PathBuf, cause: String },
    #[error("{path} can't be opened: {cause}")]
    Unusable { path: PathBuf, cause: String },
    #[error("the bundled SQLite {found} is older than 3.51.3, which can corrupt a database")]
    OldSqlite { found: &'static str },
}
