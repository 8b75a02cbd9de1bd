//! Imports that are being sent: who sends which, and how many may at a time.
//!
//! [`run`] takes the rows of a file to the store; the handlers begin one and answer when it ends.
//!
//! **Invariant:** an import is sent by one request at a time.

mod run;

pub(crate) use run::{File, Run};

use crate::problem::Problem;
use domain::ImportId;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Imports under way in this process.
pub(crate) struct Imports {
    running: Arc<Mutex<HashSet<ImportId>>>,
    permits: Arc<Semaphore>,
}

/// An import is being sent, as long as this lives.
pub(crate) struct Turn {
    running: Arc<Mutex<HashSet<ImportId>>>,
    import: ImportId,
    _room: OwnedSemaphorePermit,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.running.lock().remove(&self.import);
    }
}

impl Imports {
    pub fn new(max: usize) -> Self {
        Imports { running: Arc::default(), permits: Arc::new(Semaphore::new(max)) }
    }

    /// Room for one more, as long as it is held.
    pub fn permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let permit = self.permits.clone().try_acquire_owned();
        permit.map_err(|_| Problem::unavailable("There are too many imports under way", RETRY_AFTER))
    }

    /// The right to send an import.
    pub fn turn(&self, import: ImportId, room: OwnedSemaphorePermit) -> Result<Turn, Problem> {
        if self.running.lock().insert(import) {
            return Ok(Turn { running: self.running.clone(), import, _room: room });
        }
        Err(Problem::conflict("This import is being sent already"))
    }

    pub fn is_running(&self, import: ImportId) -> bool {
        self.running.lock().contains(&import)
    }
}
