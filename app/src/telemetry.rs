//! The log: `tracing` events as text or as JSON lines on standard error.
//!
//! **Invariant:** standard output belongs to the commands' answers; nothing is logged there.

use std::io::IsTerminal;

use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::prelude::*;

use crate::settings::{LogFilter, LogFormat};

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("log-level can't be used: {0}")]
    Filter(#[from] ParseError),
    #[error("logging was started twice")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Starts logging, once in the life of the process.
pub fn start(filter: &LogFilter, format: LogFormat) -> Result<(), TelemetryError> {
    let targets: Targets = filter.as_str().parse()?;
    let registry = tracing_subscriber::registry().with(targets);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => registry.with(lines.with_ansi(std::io::stderr().is_terminal())).try_init()?,
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init()?,
    }
    Ok(())
}
