//! `cargo xtask bench`.

use crate::run::Outcome;

/// Runs the benchmarks that `args` name.
pub fn run(_args: &[&str]) -> Outcome {
    Err("there are no benchmarks yet".to_owned())
}
