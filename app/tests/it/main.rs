//! The real binary, run as an operator runs it: in a folder of its own, with an environment of its own.

#![expect(clippy::unwrap_used, reason = "a test's helpers may panic as the test may")]

mod config;
mod data_folder;
mod health;
mod help;
mod token;

use std::path::Path;
use std::process::{Command, Output};

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
        let run = finished(command.output().unwrap());
        assert_eq!(run.code, code, "{args:?}\n{}\n{}", run.out, run.err);
        run
    }
}

fn finished(output: Output) -> Run {
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
