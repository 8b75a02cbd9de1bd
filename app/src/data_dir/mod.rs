//! The data folder: made on the first start, locked while a server runs on it, home of the generated secrets.
//!
//! | file | is |
//! |---|---|
//! | `secrets.toml` | format version, generated secrets, the first organisation; 0600 |
//! | `postrider.lock` | locked (flock) by the server that runs on the folder; holds its process id |
//! | `postrider.db` | the database |
//!
//! **Invariant:** `secrets.toml` appears whole or not at all and is never rewritten; nothing here tightens permissions
//! that somebody widened, it only warns.

mod error;
mod secrets;

#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

pub use error::DataDirError;
pub use secrets::{Secrets, is_id};
use signing::account::TicketKey;
use zeroize::Zeroizing;

use crate::clock::OsRng;

/// What a folder of this version is marked with; one with a higher number is refused.
pub const FORMAT: u32 = 1;

const SECRETS: &str = "secrets.toml";
const LOCK: &str = "postrider.lock";
const DATABASE: &str = "postrider.db";

/// A data folder in use. A server's holds the lock until it is dropped.
pub struct DataDir {
    path: PathBuf,
    pub secrets: Secrets,
    /// What an operator should look at, one sentence each.
    pub warnings: Vec<String>,
    _lock: Option<File>,
}

impl DataDir {
    /// Opens the folder to serve from it: makes it if it is missing, and keeps every other server out.
    ///
    /// `now_ms` (since 1970) and `rng` go into what is generated on the first start.
    pub fn open(path: &Path, now_ms: u64, rng: OsRng) -> Result<DataDir, DataDirError> {
        make(path)?;
        // Taken before the secrets are read, so that two first starts at once can't both go on.
        let lock = lock(path)?;
        probe(path)?;
        let mut dir = DataDir::beside(path, now_ms, rng)?;
        dir._lock = Some(lock);
        Ok(dir)
    }

    /// Opens the folder beside a server that may be running on it: makes it if it is missing, takes no lasting lock.
    pub fn beside(path: &Path, now_ms: u64, rng: OsRng) -> Result<DataDir, DataDirError> {
        make(path)?;
        let secrets = match Secrets::read(&path.join(SECRETS))? {
            Some(secrets) => secrets,
            None => generate(path, now_ms, rng)?,
        };
        Ok(DataDir { path: path.to_owned(), secrets, warnings: warnings(path)?, _lock: None })
    }

    /// The key of one-time tickets. From what is in the folder only, so that a command beside the server has it too,
    /// whatever its environment says.
    pub fn ticket_key(&self) -> TicketKey {
        let id_key = Zeroizing::new(self.secrets.id_key.to_be_bytes());
        TicketKey::derive(&[id_key.as_slice(), self.secrets.jwt_secret.expose().as_bytes()])
    }

    /// Where the database lives.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }
}

/// Makes the folder, 0700, and the folders above it; what is there already is left as it is.
fn make(path: &Path) -> Result<(), DataDirError> {
    let failed = |error| DataDirError::from_io(path, "make", error);
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => return Err(DataDirError::NotADirectory { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(DataDirError::from_io(path, "open", error)),
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    // The new folder's name is only safe once the folder above it is; not every file system can sync one.
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        let _ = File::open(parent).and_then(|parent| parent.sync_all());
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, DataDirError> {
    let file = path.join(LOCK);
    let failed = |error| DataDirError::from_io(&file, "lock", error);
    let mut open = OpenOptions::new();
    let mut lock = open.read(true).write(true).create(true).truncate(false).mode(0o600).open(&file).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let pid = lock.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(DataDirError::Locked { path: path.to_owned(), pid });
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // The number is a courtesy to whoever meets the lock: a full disk must not stop a restart for its sake.
    let _ = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
    Ok(lock)
}

/// Finds out now, not at the first message, that no file can be made in the folder. A full disk is no reason to stop:
/// the server starts, and refuses messages until there is room.
fn probe(path: &Path) -> Result<(), DataDirError> {
    let file = path.join(".write-probe");
    let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&file).map(drop);
    match made.and_then(|()| fs::remove_file(&file)) {
        Err(error) if error.kind() != io::ErrorKind::StorageFull => Err(DataDirError::from_io(path, "write to", error)),
        _ => Ok(()),
    }
}

/// Makes the secrets of a new folder. Two processes may come here at once: the folder itself is the lock between them,
/// because `postrider.lock` may be held by a server for ever.
fn generate(path: &Path, now_ms: u64, rng: OsRng) -> Result<Secrets, DataDirError> {
    let failed = |error| DataDirError::from_io(path, "write to", error);
    let folder = File::open(path).map_err(failed)?;
    folder.lock().map_err(failed)?;
    let file = path.join(SECRETS);
    if let Some(secrets) = Secrets::read(&file)? {
        return Ok(secrets);
    }
    if path.join(DATABASE).exists() {
        return Err(DataDirError::SecretsMissing { path: path.to_owned() });
    }
    let secrets = Secrets::generate(now_ms, rng);
    let draft = path.join(".secrets.toml.new");
    write_synced(&draft, secrets.to_toml().as_bytes()).map_err(failed)?;
    fs::rename(&draft, &file).map_err(failed)?;
    folder.sync_all().map_err(failed)?;
    Ok(secrets)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A draft left behind by a crash may have been made with other permissions.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn warnings(path: &Path) -> Result<Vec<String>, DataDirError> {
    let mut warnings = Vec::new();
    for (path, chmod) in [(path.to_owned(), "700"), (path.join(SECRETS), "600")] {
        let mode = fs::metadata(&path).map_err(|error| DataDirError::from_io(&path, "read", error))?.mode();
        if mode & 0o077 != 0 {
            let path = path.display();
            warnings.push(format!(
                "{path} is open to other users of this machine (mode {:o}); `chmod {chmod} {path}` closes it",
                mode & 0o777
            ));
        }
    }
    Ok(warnings)
}
