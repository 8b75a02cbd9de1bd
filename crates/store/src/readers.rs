//! A few reading connections.
//!
//! **Invariant:** a read sees one state of the database, however many statements it takes.

use crate::error::StoreError;
use crate::sqlite;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;

type Result<T> = std::result::Result<T, StoreError>;

/// Reads under way at once.
const READERS_MAX: usize = 4;

#[derive(Clone)]
pub(crate) struct Readers {
    path: Arc<PathBuf>,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub fn new(path: PathBuf) -> Self {
        Readers { path: Arc::new(path), idle: Arc::default(), permits: Arc::new(Semaphore::new(READERS_MAX)) }
    }

    pub async fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.permits.clone().acquire_owned().await;
        let readers = self.clone();
        let run = move || {
            let _permit = permit;
            readers.read_now(f)
        };
        match tokio::task::spawn_blocking(run).await {
            Ok(result) => result,
            Err(e) => Err(StoreError::Failed(format!("a read ended early: {e}"))),
        }
    }

    /// Blocks the caller.
    pub fn read_now<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.idle.lock().pop();
        let conn = match idle {
            Some(c) => c,
            None => sqlite::open_reader(&self.path)?,
        };
        conn.prepare_cached("BEGIN")?.execute([])?;
        let result = f(&conn);
        conn.prepare_cached("COMMIT")?.execute([])?;
        let mut idle = self.idle.lock();
        if idle.len() < READERS_MAX {
            idle.push(conn);
        }
        result
    }
}
