//! The exit codes of every command; `postrider --help` prints this table.
//!
//! **Invariant:** no other file names a number.

use std::process::ExitCode;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    Ok,
    /// The command could not do what it was asked, for a reason that no other code names.
    Failure,
    /// The command line or a setting is wrong (clap's own code too).
    Usage,
    DataFolder,
    Bind,
    Unhealthy,
}

/// Shown at the end of `--help`.
pub const TABLE: &str = "\
Exit codes:
  0  all is well
  1  failure
  2  wrong command line or setting
  3  the data folder can't be used (locked, unreadable, damaged, of a newer version)
  4  the address is in use or can't be bound
  5  the health check failed";

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::DataFolder => 3,
            Exit::Bind => 4,
            Exit::Unhealthy => 5,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
