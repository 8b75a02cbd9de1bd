//! `postrider serve`: runs the server until it is told to stop.

use crate::commands::fail;
use crate::data_dir::DataDir;
use crate::exit::Exit;
use crate::settings::Settings;

pub fn run(settings: &Settings, data_dir: &DataDir) -> Exit {
    for warning in &data_dir.warnings {
        tracing::warn!("{warning}");
    }
    tracing::debug!(listen = %settings.listen, database = %data_dir.database().display(), "starting");
    fail("not wired yet", Exit::Failure)
}
