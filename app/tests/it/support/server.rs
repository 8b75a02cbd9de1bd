//! The real process, on a port and a folder of its own, killed when the test is over.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::client::Api;
use super::{DEADLINE, Watch};
use crate::{Place, Run};

/// What servers of tests with receivers on this machine are started with.
pub const LOOPBACK: [&str; 2] = ["--allow-subnet", "127.0.0.0/8"];

/// How to start servers, one after the other, on one data folder.
pub struct Launch {
    pub place: Place,
    data: PathBuf,
    args: Vec<String>,
}

impl Launch {
    /// With receivers on this machine allowed.
    pub fn new(args: &[&str]) -> Launch {
        Launch::strict(&[&LOOPBACK[..], args].concat())
    }
    /// With these settings alone.
    pub fn strict(args: &[&str]) -> Launch {
        let place = Place::new();
        let data = place.path().join("postrider-data");
        Launch { place, data, args: args.iter().map(|arg| (*arg).to_owned()).collect() }
    }
    pub fn on(self, data: PathBuf) -> Launch {
        Launch { data, ..self }
    }

    pub fn database(&self) -> PathBuf {
        self.data.join("postrider.db")
    }
    pub fn token(&self) -> String {
        let data = self.data.to_str().unwrap();
        self.place.check(0, &["token", "create", "--data-dir", data], &[]).out.trim().to_owned()
    }
    /// Starts it and expects it to end by itself with this code.
    pub fn fails(&self, code: i32, env: &[(&str, &str)]) -> Run {
        let data = self.data.to_str().unwrap();
        let mut args = vec!["serve", "--data-dir", data];
        if !self.args.iter().any(|arg| arg == "--listen") {
            args.extend(["--listen", "127.0.0.1:0"]);
        }
        args.extend(self.args.iter().map(String::as_str));
        self.place.check(code, &args, env)
    }

    /// Starts it on a port of the system's choice, and waits until it listens.
    pub fn start(&self) -> Server {
        self.start_at("127.0.0.1:0".parse().unwrap())
    }

    pub fn start_at(&self, listen: SocketAddr) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
        command.arg("serve").args(["--listen", &listen.to_string()]).arg("--data-dir").arg(&self.data).args(&self.args);
        command.env_clear().current_dir(self.place.path());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Watch::new(Log::default()));
        let (stderr, shared) = (child.stderr.take().unwrap(), log.clone());
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                shared.with(|log| log.text += &(line + "\n"));
            }
            shared.with(|log| log.ended = true);
        });
        let mut server = Server { child, log, address: listen };
        let marker = "listens on http://";
        let found = server.log.wait(DEADLINE, |log| {
            let line = log.text.lines().find_map(|line| line.split_once(marker)).map(|(_, address)| address.parse());
            if log.ended { Some(None) } else { line.map(Result::ok) }
        });
        server.address = found.flatten().unwrap_or_else(|| panic!("no server:\n{}", server.log_text()));
        server
    }

    /// An address that can be had again after a kill: outside the range from which the system takes ports for
    /// connections, and from a place in it that neither other processes nor other tests of this one start at.
    pub fn lasting_address() -> SocketAddr {
        static GIVEN: AtomicU32 = AtomicU32::new(0);
        let from = std::process::id() % 16_000 + GIVEN.fetch_add(1, Ordering::Relaxed);
        let mut candidates =
            (0..16_000).map(|i| SocketAddr::from(([127, 0, 0, 1], 16_000 + ((from + i) % 16_000) as u16)));
        candidates.find(|address| TcpListener::bind(address).is_ok()).unwrap()
    }
}

#[derive(Default)]
struct Log {
    text: String,
    ended: bool,
}

/// A running server.
pub struct Server {
    child: Child,
    log: Arc<Watch<Log>>,
    pub address: SocketAddr,
}

impl Server {
    pub fn api(&self, launch: &Launch) -> Api {
        Api { address: self.address, token: launch.token() }
    }
    pub fn log_text(&self) -> String {
        self.log.with(|log| log.text.clone())
    }
    pub fn wait_for_log(&self, text: &str) {
        let found = self.log.wait(DEADLINE, |log| log.text.contains(text).then_some(()));
        assert!(found.is_some(), "no {text:?} in\n{}", self.log_text());
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
    pub fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }
    /// Waits for the end; the exit code.
    pub fn ends_within(mut self, within: Duration) -> i32 {
        let ended = self.log.wait(within, |log| log.ended.then_some(()));
        assert!(ended.is_some(), "still running after {within:?}:\n{}", self.log_text());
        self.child.wait().unwrap().code().unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
    /// The most memory that it has held, in bytes.
    pub fn memory_peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the server's log\n{}---", self.log_text());
        }
    }
}
