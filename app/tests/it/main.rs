//! The real binary, run as an operator runs it: in a folder of its own, with an environment of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers may panic as the test may"
)]
#![expect(clippy::disallowed_methods, reason = "what is tested runs in real time")]

mod admin;
mod bins;
mod black_hole;
mod commands;
mod config;
mod crash;
mod data_folder;
mod delivery;
mod failing_disk;
mod full_disk;
mod handshakes;
mod health;
mod help;
mod hostile;
mod imports;
mod inbound_crash;
mod inbound_duplicates;
mod inbound_hostile;
mod inbound_refused;
mod links;
mod links_hostile;
mod listen;
mod operations;
mod pulling;
mod seen;
mod ssrf;
mod start_up;
mod stop;
mod support;
mod token;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use support::DEADLINE;

/// What a run left behind.
struct Run {
    code: i32,
    out: String,
    err: String,
}

/// A folder to run in.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs and expects this exit code.
    fn check(&self, code: i32, args: &[&str], env: &[(&str, &str)]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
        command.args(args).env_clear().envs(env.iter().copied()).current_dir(self.path());
        let run = finished(output(command));
        assert_eq!(run.code, code, "{args:?}\n{}\n{}", run.out, run.err);
        run
    }
}

/// What it printed, once it ended; one that goes on is ended, and the test with it.
fn output(mut command: Command) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let (to, ended) = mpsc::channel();
    thread::spawn(move || to.send(child.wait_with_output()));
    ended.recv_timeout(DEADLINE).map(Result::unwrap).unwrap_or_else(|_| {
        kill_process(pid, Signal::KILL).unwrap();
        panic!("{command:?} did not end: {:?}", ended.recv())
    })
}

fn finished(output: Output) -> Run {
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
