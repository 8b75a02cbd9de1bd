//! `cargo xtask test`: every check and test, each followed by one line that says how it went.

use std::time::{Duration, Instant};

use crate::counts::{Counts, Runner};
use crate::run::{Outcome, cargo, pass, tests, works};
use crate::{packages, sdk, tidy};

// Built where there is none, and not optimised: that would take longer than they save.
const NEXTEST: &str = "cargo-nextest@0.9.143";
const DENY: &str = "cargo-deny@0.20.2";

/// How much is tested.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    All,
    /// What needs nothing but the Rust toolchain.
    Quick,
    /// The SDK suites alone.
    Sdk,
    /// The journeys through the pages alone.
    Ui,
}

struct Step {
    name: &'static str,
    counts: Counts,
    took: Duration,
}

/// Runs everything of `extent`, also after a failure, and prints `N passed, N failed` for the whole at the end.
pub fn run(extent: Extent) -> Outcome {
    let mut steps = Vec::new();
    let mut step = |name, run: &dyn Fn() -> Counts| steps.push(timed(name, run));
    if matches!(extent, Extent::All | Extent::Quick) {
        step("tidy", &|| check(tidy::run()));
        step("fmt", &|| check(pass(cargo(&["fmt", "--all", "--check"]))));
        step("clippy", &|| {
            check(pass(cargo(&["clippy", "--workspace", "--all-targets", "--keep-going", "--", "-D", "warnings"])))
        });
        step("tests", &|| workspace_tests(extent));
    }
    if extent == Extent::All {
        step("deny", &deny);
    }
    if matches!(extent, Extent::All | Extent::Sdk) {
        step("sdk", &|| suites(sdk::run()));
    }
    if matches!(extent, Extent::All | Extent::Ui) {
        step("ui", &|| suites(sdk::ui()));
    }
    println!();
    let mut all = Counts::default();
    for Step { name, counts, took } in &steps {
        println!("{name:<8} {:>6.1} s  {counts}", took.as_secs_f64());
        all += *counts;
    }
    println!("{all}");
    if all.failed == 0 { Ok(()) } else { Err("something failed; see above".to_owned()) }
}

#[expect(clippy::disallowed_methods, reason = "a chore measures how long it took")]
fn timed(name: &'static str, run: &dyn Fn() -> Counts) -> Step {
    println!("\n== {name}");
    let start = Instant::now();
    let counts = run();
    let took = start.elapsed();
    println!("{name}: {counts}");
    Step { name, counts, took }
}

/// Suites that can't be run have failed.
fn suites(ran: Result<Counts, String>) -> Counts {
    ran.unwrap_or_else(|why| {
        eprintln!("{why}");
        Counts::FAILED
    })
}

/// A check counts as one test.
fn check(outcome: Outcome) -> Counts {
    match outcome {
        Ok(()) => Counts::PASSED,
        Err(why) => {
            eprintln!("{why}");
            Counts::FAILED
        }
    }
}

/// nextest if it is there or can be built, else `cargo test`. Tests over packaged data say that they were skipped where
/// there is none; those that are ignored because they need another language run where it is installed.
fn workspace_tests(extent: Extent) -> Counts {
    let mut data = Vec::new();
    if extent == Extent::All {
        match packages::interpreters().and_then(|()| packages::user_agents()) {
            Ok(dir) => data.push(("POSTRIDER_USER_AGENTS", dir)),
            Err(why) => println!("skipped: tests over packaged user agents ({why})"),
        }
    }
    let mut left = Vec::new();
    if extent == Extent::All {
        let (python, missing) = packages::languages();
        data.extend(python.map(|dir| ("PYTHONPATH", dir)));
        left = missing.iter().map(|name| format!("snippets::tests::{name}_takes")).collect();
        for name in missing {
            println!("skipped: the snippet in {name}, which nothing here can run");
        }
    }
    let is_all = extent == Extent::All;
    let with_data = |args: &[&str]| {
        let mut command = cargo(args);
        command.envs(data.clone());
        command
    };
    if !works("cargo", &["nextest", "--version"]) {
        println!("cargo-nextest is missing: building it");
        if let Err(why) = pass(cargo(&["install", "--quiet", "--locked", "--debug", NEXTEST])) {
            eprintln!("{why}: going on with cargo test");
            let mut command = with_data(&["test", "--workspace", "--no-fail-fast"]);
            if is_all {
                command.args(["--", "--include-ignored"]);
                command.args(left.iter().flat_map(|test| ["--skip", test]));
            }
            return tests(Runner::CargoTest, command);
        }
    }
    let mut command = with_data(&["nextest", "run", "--workspace", "--no-fail-fast"]);
    if is_all {
        command.args(["--run-ignored", "all"]);
        let left: Vec<_> = left.iter().map(|test| format!(" - test({test})")).collect();
        command.args(["--filterset", &format!("all(){}", left.concat())]);
    }
    tests(Runner::Nextest, command)
}

/// Licences, sources and duplicates of dependencies, and known vulnerabilities where their list can be fetched.
fn deny() -> Counts {
    if !works("cargo", &["deny", "--version"]) {
        println!("cargo-deny is missing: building it");
        if let Err(why) = pass(cargo(&["install", "--quiet", "--locked", "--debug", "--no-default-features", DENY])) {
            println!("skipped: cargo-deny can't be built here ({why})");
            return Counts::default();
        }
    }
    let mut counts = check(pass(cargo(&["deny", "--log-level", "error", "check", "bans", "licenses", "sources"])));
    if works("cargo", &["deny", "fetch", "db"]) {
        counts += check(pass(cargo(&["deny", "--log-level", "error", "check", "--disable-fetch", "advisories"])));
    } else {
        println!("skipped: the list of known vulnerabilities can't be fetched here");
    }
    counts
}
