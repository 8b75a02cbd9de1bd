//! The binary `postrider`: reads the command line and hands over to a command.
//!
//! **Invariant:** only this file and `clock.rs` touch what is ambient (arguments, environment, clock, chance); all else
//! is told.

mod cli;
mod client;
mod clock;
mod commands;
mod data_dir;
mod demo;
mod duration;
mod exit;
mod inbound;
mod metrics;
mod pages;
mod secret;
mod server;
mod settings;
mod size;
mod sse;
mod telemetry;
mod token;

/// Half of what a delivery costs in user space is many small allocations that live for microseconds.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main(std::env::args_os(), std::env::vars_os()).into()
}
