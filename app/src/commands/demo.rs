//! `postrider demo`: the server with receivers of its own and real events, to watch.

use crate::commands::fail;
use crate::data_dir::DataDir;
use crate::exit::Exit;
use crate::settings::Settings;

pub fn run(_settings: &Settings, _data_dir: &DataDir) -> Exit {
    fail("not wired yet", Exit::Failure)
}
