//! `postrider serve`: runs the server until it is told to stop.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::commands::{admin, fail};
use crate::data_dir::DataDir;
use crate::exit::Exit;
use crate::server::{Scene, Server};
use crate::settings::Settings;

pub fn run(settings: &Settings, data_dir: &DataDir, scene: Scene) -> Exit {
    for warning in &data_dir.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = match runtime(settings) {
        Ok(runtime) => runtime,
        Err(error) => return fail(format!("threads can't be started: {error}"), Exit::Failure),
    };
    let exit = runtime.block_on(serve(settings, data_dir, scene));
    // Look-ups of names may still hang in the system's resolver; nothing waits for them.
    runtime.shutdown_timeout(Duration::from_millis(100));
    exit
}

pub fn runtime(settings: &Settings) -> std::io::Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = match settings.runtime_threads {
        // One core is the store's writer's: on two cores, one worker costs 7 % less CPU per delivery than two.
        0 => cores.saturating_sub(1).max(1),
        n => n as usize,
    };
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}

async fn serve(settings: &Settings, data_dir: &DataDir, scene: Scene) -> Exit {
    // From here on, so that whoever sees the address may stop the server in order.
    let mut signals = match StopSignals::listen() {
        Ok(signals) => signals,
        Err(error) => return fail(format!("stop signals can't be heard: {error}"), Exit::Failure),
    };
    let opens = scene.desktop && settings.open_browser;
    let server = match Server::start(settings, data_dir, scene.shown).await {
        Ok(server) => server,
        Err(error) => {
            let exit = error.exit();
            return fail(error, exit);
        }
    };
    let folder = data_dir.path().display();
    eprintln!("Postrider {} listens on http://{}", env!("CARGO_PKG_VERSION"), server.address);
    eprintln!("A token for the API:  postrider token create --data-dir {folder}");
    match admin::setup_url(&server, settings, data_dir).await {
        Ok(Some(url)) => {
            eprintln!(
                "Set it up in a browser (once, within 30 minutes; then restart, or `postrider admin reset`):\n  {url}"
            );
            if opens {
                admin::open(&url);
            }
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "whether anybody can sign in is not known"),
    }
    let store = server.store.clone();
    tokio::select! {
        () = signals.next() => {}
        why = store.broken() => {
            return fail(why, Exit::Failure);
        }
    }
    eprintln!("Stopping: requests and attempts in flight may end; a second signal ends at once");
    tokio::select! {
        () = server.stop() => Exit::Ok,
        () = signals.next() => Exit::Failure,
    }
}

/// SIGTERM and SIGINT, none of which is missed once this exists.
pub struct StopSignals {
    term: Signal,
    int: Signal,
}

impl StopSignals {
    /// Call it inside a tokio runtime.
    pub fn listen() -> std::io::Result<StopSignals> {
        Ok(StopSignals { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}
