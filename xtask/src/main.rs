//! Repository chores: `cargo xtask test`, `tidy` and `bench`.
//!
//! **Invariant:** everything that a chore needs beyond the Rust toolchain and a C compiler, it installs or says how to.

#![expect(clippy::print_stdout, reason = "a chore talks to the person who started it")]

#[expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a benchmark measures time, and stops on an answer that it can't read"
)]
mod bench;
mod counts;
#[expect(clippy::indexing_slicing, reason = "it talks to our own server, for measuring")]
mod http;
mod packages;
mod run;
mod sdk;
mod server;
mod test;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask test           check and test everything; installs what that needs
cargo xtask test --quick   the same without the suites (SDKs, browsers) and cargo-deny
cargo xtask test --sdk     the suites alone
cargo xtask test --ui      the journeys through the pages alone
cargo xtask tidy           check what no compiler checks: module docs, crate directions, leftovers
cargo xtask bench [--help] measure";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["test"] => test::run(test::Extent::All),
        ["test", "--quick"] => test::run(test::Extent::Quick),
        ["test", "--sdk"] => test::run(test::Extent::Sdk),
        ["test", "--ui"] => test::run(test::Extent::Ui),
        ["tidy"] => tidy::run(),
        ["bench", ..] => bench::run(args.get(1..).unwrap_or_default()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
