//! A command that runs beside the server, until it is interrupted.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::{DEADLINE, Watch};
use crate::Place;

#[derive(Default)]
struct Said {
    out: Vec<String>,
    err: Vec<String>,
    ended: bool,
}

/// A running command, and what it has said so far.
pub struct Running {
    child: Child,
    said: Arc<Watch<Said>>,
}

impl Running {
    pub fn start(place: &Place, args: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
        command.args(args).env_clear().current_dir(place.path());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Watch::new(Said::default()));
        listen(child.stdout.take().unwrap(), said.clone(), |said, line| match line {
            Some(line) => said.out.push(line),
            None => said.ended = true,
        });
        listen(child.stderr.take().unwrap(), said.clone(), |said, line| said.err.extend(line));
        Running { child, said }
    }

    /// Waits until `f` finds what it looks for in the lines on standard output.
    pub fn wait<R>(&self, what: &str, mut f: impl FnMut(&[String]) -> Option<R>) -> R {
        let found = self.said.wait(DEADLINE, |said| f(&said.out));
        found.unwrap_or_else(|| panic!("never said: {what}; {}", self.text()))
    }
    /// Waits for so many lines; all that there are.
    pub fn lines(&self, n: usize) -> Vec<String> {
        self.wait(&format!("{n} lines"), |out| (out.len() >= n).then(|| out.to_vec()))
    }
    /// Waits until this was said on standard error so many times.
    pub fn wait_for_note(&self, text: &str, n: usize) {
        let noted = |said: &mut Said| said.err.iter().filter(|line| line.contains(text)).count() >= n;
        let found = self.said.wait(DEADLINE, |said| noted(said).then_some(()));
        assert!(found.is_some(), "never noted {n} times: {text}; {}", self.text());
    }

    /// Interrupts it, as Ctrl-C does; the exit code.
    pub fn interrupt(mut self) -> i32 {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        let ended = self.said.wait(DEADLINE, |said| said.ended.then_some(()));
        assert!(ended.is_some(), "still running; {}", self.text());
        self.child.wait().unwrap().code().unwrap()
    }

    /// Waits until it ends by itself; the exit code.
    pub fn ended(mut self) -> i32 {
        let ended = self.said.wait(DEADLINE, |said| said.ended.then_some(()));
        assert!(ended.is_some(), "still running; {}", self.text());
        self.child.wait().unwrap().code().unwrap()
    }

    fn text(&self) -> String {
        self.said.with(|said| format!("it said\n{}\nand noted\n{}", said.out.join("\n"), said.err.join("\n")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(pipe: impl Read + Send + 'static, said: Arc<Watch<Said>>, each: fn(&mut Said, Option<String>)) {
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            said.with(|said| each(said, Some(line)));
        }
        said.with(|said| each(said, None));
    });
}
