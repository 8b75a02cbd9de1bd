//! One file for each command.
//!
//! **Invariant:** a command answers on `out` and returns its exit code; complaints go to standard error.

pub mod admin;
pub mod config;
pub mod demo;
pub mod health;
pub mod listen;
pub mod serve;
pub mod task;
pub mod token;
pub mod trigger;
pub mod verify;

use std::fmt::Display;

use crate::exit::Exit;

/// Says what went wrong and ends with `exit`.
pub fn fail(error: impl Display, exit: Exit) -> Exit {
    eprintln!("error: {error}");
    exit
}

pub fn warn(warnings: &[String]) {
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
}
