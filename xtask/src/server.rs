//! A real `postrider serve` for the SDK suites.
//!
//! **Invariant:** the server knows nothing of the tests: a free port, an empty data folder, settings as an operator
//! would write them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;
use std::{fs, thread};

use crate::run::{Outcome, output, shown, target_dir};

const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs until it is stopped or dropped.
pub struct Server {
    child: Child,
    data_dir: PathBuf,
    log: Arc<Mutex<String>>,
    pub url: String,
    pub token: String,
}

impl Server {
    /// Starts with an empty data folder called `name`.
    pub fn start(name: &str, settings: &[&str]) -> Result<Server, String> {
        let data_dir = target_dir().join("sdk").join(format!("data-{name}"));
        if data_dir.exists() {
            fs::remove_dir_all(&data_dir).map_err(|why| format!("{}: {why}", data_dir.display()))?;
        }
        let mut command = postrider(&data_dir, &["serve", "--listen", "127.0.0.1:0", "--allow-subnet", "127.0.0.0/8"]);
        // The suites count on three retries.
        command.args(["--retry-schedule", "100ms,100ms,200ms", "--log-level", "warn"]).args(settings);
        let spawned = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|why| format!("{} can't be started: {why}", shown(&command)))?;
        let (found, address) = mpsc::channel();
        let log = Arc::new(Mutex::new(String::new()));
        if let Some(pipe) = child.stderr.take() {
            let log = log.clone();
            thread::spawn(move || keep(pipe, &log, &found));
        }
        let mut server = Server { child, data_dir, log, url: String::new(), token: String::new() };
        let no_start = |_| format!("the server did not start:\n{}", server.log());
        server.url = address.recv_timeout(START_TIMEOUT).map_err(no_start)?;
        server.token = output(postrider(&server.data_dir, &["token", "create"]))?.trim().to_owned();
        Ok(server)
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks it to stop; an error unless it exits with 0.
    pub fn stop(&mut self) -> Outcome {
        let mut kill = Command::new("kill");
        kill.arg(self.child.id().to_string());
        output(kill)?;
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("the server ended with {status}")),
            Err(why) => Err(format!("the server can't be waited for: {why}")),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already if it was stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.data_dir);
    }
}

/// The built binary, with this data folder and no settings from this process's environment.
fn postrider(data_dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(target_dir().join("debug/postrider"));
    command.args(args).arg("--data-dir").arg(data_dir);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("POSTRIDER_") {
            command.env_remove(name);
        }
    }
    command
}

/// Keeps the server's log, and sends the address that it names.
fn keep(pipe: impl std::io::Read, log: &Mutex<String>, found: &mpsc::Sender<String>) {
    for line in BufReader::new(pipe).lines().map_while(Result::ok) {
        if let Some((_, url)) = line.split_once(" listens on ") {
            // Nobody waits any more if the start took too long.
            let _ = found.send(url.trim().to_owned());
        }
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push_str(&line);
        log.push('\n');
    }
}
