//! Running other programs.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use crate::counts::{Counts, Runner, closing_line};

/// Nothing, or what went wrong, in words for the person who started the chore.
pub type Outcome = Result<(), String>;

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where this build's output is: the folder that holds `debug/`.
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// A command in the repository's root.
pub fn command(program: impl AsRef<OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    command
}

/// The cargo that runs this program.
pub fn cargo(args: &[&str]) -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), args)
}

/// Runs to the end, output passed on; an error unless it exits with 0.
pub fn pass(mut command: Command) -> Outcome {
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{} ended with {status}", shown(&command))),
        Err(why) => Err(format!("{} can't be started: {why}", shown(&command))),
    }
}

/// Whether it runs and exits with 0; its output is dropped.
pub fn works(program: &str, args: &[&str]) -> bool {
    let mut command = command(program, args);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Its standard output.
pub fn output(mut command: Command) -> Result<String, String> {
    let out = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let out = out.map_err(|why| format!("{} can't be started: {why}", shown(&command)))?;
    if !out.status.success() {
        return Err(format!("{} ended with {}", shown(&command), out.status));
    }
    String::from_utf8(out.stdout).map_err(|_| format!("{} printed what is not UTF-8", shown(&command)))
}

/// Runs a test runner, output passed on, and counts its tests. A runner that fails without a closing line, or runs no
/// test, counts as one failed test.
pub fn tests(runner: Runner, mut command: Command) -> Counts {
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match piped {
        Ok(child) => child,
        Err(why) => {
            eprintln!("{} can't be started: {why}", shown(&command));
            return Counts::FAILED;
        }
    };
    let errors = child.stderr.take().map(|pipe| thread::spawn(move || follow(runner, pipe, io::stderr())));
    let mut counts = child.stdout.take().map(|pipe| follow(runner, pipe, io::stdout())).unwrap_or_default();
    counts += errors.and_then(|thread| thread.join().ok()).unwrap_or_default();
    let succeeded = child.wait().is_ok_and(|status| status.success());
    if (!succeeded && counts.failed == 0) || counts == Counts::default() {
        eprintln!("{} failed, or ran no test", shown(&command));
        counts += Counts::FAILED;
    }
    counts
}

/// Passes lines on and adds up the closing lines among them.
fn follow(runner: Runner, from: impl Read, mut to: impl Write) -> Counts {
    let mut counts = Counts::default();
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        // A terminal that went away must not stop the tests.
        let _ = to.write_all(&line).and_then(|()| to.write_all(b"\n"));
        if let Some(found) = closing_line(runner, &String::from_utf8_lossy(&line)) {
            counts += found;
        }
    }
    counts
}

pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
