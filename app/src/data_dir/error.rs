//! Why a data folder can't be used, and what to do about it.
//!
//! **Invariant:** every message ends with what the operator can do; none shows the contents of the secrets.

use std::io;
use std::path::{Path, PathBuf};

use super::FORMAT;

#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    #[error("{} is not a folder; choose another with --data-dir", path.display())]
    NotADirectory { path: PathBuf },
    #[error("no permission to {doing} {}; give it to the user that runs postrider, or choose another folder with --data-dir", path.display())]
    NoPermission { path: PathBuf, doing: &'static str },
    #[error("{} is on a read-only file system; mount it writable, or choose another folder with --data-dir", path.display())]
    ReadOnly { path: PathBuf },
    #[error("the disk of {} is full; make room and start again", path.display())]
    Full { path: PathBuf },
    #[error("another postrider is running on {}{}; stop it, or choose another folder with --data-dir", path.display(), of_process(*pid))]
    Locked { path: PathBuf, pid: Option<u32> },
    #[error("{} was made by a newer postrider (format {found}, this one knows {FORMAT}); upgrade postrider, or choose another folder with --data-dir", path.display())]
    Newer { path: PathBuf, found: u32 },
    #[error("{} is damaged: {why}; restore it from a backup (without it, stored endpoint secrets can't be read and tokens stop working)", path.display())]
    Damaged { path: PathBuf, why: String },
    #[error("{} holds a database but no secrets.toml; restore that file from a backup (without it, stored endpoint secrets can't be read)", path.display())]
    SecretsMissing { path: PathBuf },
    #[error("can't {doing} {}: {source}; check the folder, or choose another with --data-dir", path.display())]
    Io { path: PathBuf, doing: &'static str, source: io::Error },
}

fn of_process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
}

impl DataDirError {
    pub fn from_io(path: &Path, doing: &'static str, source: io::Error) -> DataDirError {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::PermissionDenied => DataDirError::NoPermission { path, doing },
            io::ErrorKind::ReadOnlyFilesystem => DataDirError::ReadOnly { path },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DataDirError::Full { path },
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => DataDirError::NotADirectory { path },
            _ => DataDirError::Io { path, doing, source },
        }
    }
}
