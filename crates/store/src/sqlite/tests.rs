//! What is SQLite's alone, and the contract run on it.

use crate::contract::{Fixture, ManualClock, SeededRng, config, suite};
use crate::*;
use domain::{Clock, Rng};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

mod contract {
    use super::*;
    suite!(Folder::default());
}
mod dedup;
mod figures;
mod full;
mod leftovers;
mod open;
mod own_sweep;
pub(super) mod plans;
mod roll_ups;

/// A database in a folder of its own.
struct Folder(TempDir);

impl Default for Folder {
    fn default() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }
}
impl Fixture for Folder {
    fn open(
        &self,
        config: StoreConfig,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<(Store, LeaseStream), OpenError> {
        Store::open(StoreConfig { path: self.0.path().join("postrider.db"), ..config }, clock, rng)
    }
}

fn open(path: &Path) -> Result<(Store, LeaseStream), OpenError> {
    let config = StoreConfig { path: path.into(), ..config() };
    Store::open(config, Arc::new(ManualClock::default()), Arc::new(SeededRng::new(1)))
}
